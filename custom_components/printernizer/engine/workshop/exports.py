"""The shop's books into files: read page by page, written on a thread, whole or not at all."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import shutil
import threading
import zipfile
from concurrent.futures import wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import IO, TYPE_CHECKING, BinaryIO, Concatenate, Final
from uuid import uuid4
from zoneinfo import ZoneInfo

from ..errors import NotAllowed
from ..exports import datev, plain, separated, subjects, words, xlsx
from ..exports.datev import Accounts, BookingBatch, Chart
from ..exports.sheet import Sheet, Workbook
from ..exports.subjects import Moved, Run, Stored, Subject
from ..material import price_per_kg
from ..store import customers, exports as pages, printers, stock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from uuid import UUID

    from sqlalchemy import Connection

    from ..customer import Customer
    from ..document import Document
    from ..shop import Purpose
    from ..store.database import Store
    from .clock import Clock
    from .settings import Settings

_PAGE: Final = 500
"""Rows of one transaction: a few dozen milliseconds in which nobody else gets the store."""
_RESERVE: Final = 256 << 20
"""Bytes that stay free on the disk: Home Assistant's own database has to be able to grow."""
_LOOK_UP_S: Final = 0.5
"""How often a waiting thread looks whether anybody still wants its file."""


class Format(StrEnum):
    """What a file is for."""

    XLSX = "xlsx"
    CSV = "csv"
    """One table; several of them come in one zip."""
    JSON = "json"
    DATEV = "datev"
    """A booking batch of the invoices of a period."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Booked:
    """What a booking batch has to say of the books it goes into."""

    adviser: int
    client: int
    chart: Chart = Chart.SKR03
    accounts: Accounts | None = None
    """None: those of the chart."""
    account_length: int = 4
    year_begins: int = 1
    """Month in which the business year begins."""
    initials: str = ""
    final: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class ExportRequest:
    """What is to go into a file; what is None does not matter."""

    subjects: tuple[Subject, ...]
    format: Format = Format.XLSX
    first: date | None = None
    """Local days of the shop, both included."""
    last: date | None = None
    printer_id: str | None = None
    customer: str | None = None
    """By number."""
    purpose: Purpose | None = None
    language: str = "de"
    ansi: bool = False
    """German CSV for old programs: cp1252 in place of UTF-8."""
    booked: Booked | None = None
    """For a booking batch."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Exported:
    """A file that lies there whole."""

    path: Path
    rows: int
    replaced: int
    """Characters that cp1252 does not know and that something like them stands for."""
    size: int
    """Bytes."""
    sha256: str
    """Lower-case hex."""


class Exports:
    """Writes files, one after the other."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._lock = asyncio.Lock()

    async def write(
        self, request: ExportRequest, folder: Path, names: Mapping[str, str] | None = None
    ) -> Exported:
        """Write a file into a folder that exists; what failed leaves nothing behind.

        `names`: what printers are called; the store's names without one. Raises NotAllowed
        (no_customer, disk_full, disk_failed, batch_incomplete and what `datev` raises) and
        StoreError.
        """
        shop = self._settings.shop
        async with self._lock:
            known = {
                each.id: each.name or each.id for each in await self._store.run(printers.load_all)
            }
            customer_id = await self._customer(request.customer)
            task = _Task(
                request=request,
                customer_id=customer_id,
                now=self._clock.now(),
                # Read from disk the first time.
                zone=await asyncio.to_thread(ZoneInfo, shop.time_zone),
                currency=shop.currency,
                company=shop.company.name,
                names={**known, **(names or {})},
                reader=_Reader(self._store, asyncio.get_running_loop()),
            )
            try:
                return await asyncio.to_thread(task.write, folder)
            finally:
                task.reader.given_up.set()

    async def _customer(self, number: str | None) -> UUID | None:
        if number is None:
            return None
        found = await self._store.run(customers.by_number, number)
        if found is None:
            raise NotAllowed("there is no customer with this number", key="no_customer")
        return found.id


class _GivenUp(Exception):
    """Nobody waits for the file any more."""


class _Reader:
    """Reads from a thread, through the store's own."""

    def __init__(self, store: Store, loop: asyncio.AbstractEventLoop) -> None:
        self._store = store
        self._loop = loop
        self.given_up = threading.Event()

    def run[**P, R](
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run one transaction and wait for it. Raises StoreError, and _GivenUp."""
        if self.given_up.is_set():
            raise _GivenUp
        running = asyncio.run_coroutine_threadsafe(
            self._store.run(function, *args, **kwargs), self._loop
        )
        while not wait([running], timeout=_LOOK_UP_S).done:
            if self.given_up.is_set():
                running.cancel()
                raise _GivenUp
        return running.result()


@dataclass(kw_only=True, slots=True)
class _Task:
    """One file, from the store to the disk. Everything here runs on one thread."""

    request: ExportRequest
    customer_id: UUID | None
    now: datetime
    zone: ZoneInfo
    currency: str
    company: str
    names: Mapping[str, str]
    reader: _Reader
    replaced: int = field(default=0, init=False)

    def write(self, folder: Path) -> Exported:
        """Write it below another name and give it its own when it is whole."""
        part = folder / f".{uuid4().hex}.part"
        try:
            if shutil.disk_usage(folder).free < _RESERVE:
                raise NotAllowed("the disk is nearly full", key="disk_full")
            with part.open("xb") as file:
                rows = self._fill(file)
                file.flush()
                os.fsync(file.fileno())
            with part.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            size = part.stat().st_size
            target = _free_name(folder, *self._name())
            part.replace(target)
        except OSError as err:
            full = err.errno in {errno.ENOSPC, errno.EDQUOT}
            reason = err.strerror or type(err).__name__
            raise NotAllowed(reason, key="disk_full" if full else "disk_failed") from err
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
        return Exported(path=target, rows=rows, replaced=self.replaced, size=size, sha256=digest)

    def _fill(self, file: BinaryIO) -> int:
        """Write everything; returns how many rows."""
        match self.request.format:
            case Format.XLSX:
                return sum(part.rows for part in xlsx.write(self._workbook(), file))
            case Format.JSON:
                return sum(plain.write(self._workbook(), file).values())
            case Format.CSV:
                return self._fill_csv(file)
            case Format.DATEV:
                return datev.write(self._batch(), file)

    def _fill_csv(self, file: BinaryIO) -> int:
        tables = self._tables()
        if len(tables) == 1:
            return self._separated(tables[0], file)
        rows = 0
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for table in tables:
                with archive.open(f"{table.key}.csv", "w") as member:
                    rows += self._separated(table, member)
        return rows

    def _separated(self, table: Sheet, file: IO[bytes]) -> int:
        dialect = separated.INTERNATIONAL
        if self.request.language == "de":
            dialect = separated.GERMAN_ANSI if self.request.ansi else separated.GERMAN
        done = separated.write(table, file, dialect, self.zone)
        self.replaced += done.replaced
        return done.rows

    def _name(self) -> tuple[str, str]:
        """Return the file's name and its ending."""
        request = self.request
        if request.format is Format.DATEV:
            name = datev.file_name(self._batch())
            return name.removesuffix(".csv"), ".csv"
        tables = self._keys()
        ending = "zip" if request.format is Format.CSV and len(tables) > 1 else request.format
        period = [f"{day:%Y-%m-%d}" for day in (request.first, request.last) if day is not None]
        parts = ["printernizer", *request.subjects, *period]
        return "_".join(parts), f".{ending}"

    # -- tables ------------------------------------------------------------------------------

    def _workbook(self) -> Workbook:
        title = words.word("title", self.request.language)
        return Workbook(
            title=" ".join(filter(None, (self.company, title))),
            sheets=self._tables(),
            language=self.request.language,
            currency=self.currency,
            zone=self.zone,
            created_at=self.now,
        )

    def _keys(self) -> tuple[str, ...]:
        """Return which tables the subjects have."""
        return tuple(key for each in self.request.subjects for key in _TABLES[each])

    def _tables(self) -> tuple[Sheet, ...]:
        make = {
            "jobs": lambda: self._table("jobs", subjects.JOBS, self._runs()),
            "costs": lambda: self._table("costs", subjects.COSTS, self._runs()),
            "stock": lambda: self._table("stock", subjects.STOCK, self._stock()),
            "movements": lambda: self._table("movements", subjects.MOVEMENTS, self._movements()),
            "customers": lambda: self._table("customers", subjects.CUSTOMERS, self._customers()),
            "documents": lambda: self._table("documents", subjects.DOCUMENTS, self._documents()),
            "taxes": lambda: self._table(
                "taxes", subjects.TAXES, subjects.taxed(self._documents())
            ),
        }
        return tuple(make[key]() for key in self._keys())

    def _table[Record](
        self, key: str, fields: tuple[subjects.Field[Record], ...], records: Iterable[Record]
    ) -> Sheet:
        return subjects.sheet(key, fields, records, self.request.language)

    def _wanted(self) -> pages.Wanted:
        request = self.request
        return pages.Wanted(
            since=_midnight(request.first, self.zone),
            until=_midnight(request.last and request.last + timedelta(days=1), self.zone),
            printer_id=request.printer_id,
            customer_id=self.customer_id,
            purpose=request.purpose,
        )

    def _runs(self) -> Iterator[Run]:
        after = None
        while True:
            page = self.reader.run(pages.runs, self._wanted(), after, _PAGE)
            for job, account, customer in page.runs:
                name = self.names.get(job.printer_id, job.printer_id)
                yield Run(job=job, account=account, printer=name, customer=customer)
            if (after := page.next) is None:
                return

    def _stock(self) -> Iterator[Stored]:
        materials, spools = self.reader.run(stock.load)
        known = {material.id: material for material in materials}
        for spool in spools:
            material = known[spool.material_id]
            yield Stored(spool=spool, material=material, price_per_kg=price_per_kg(spool, material))

    def _movements(self) -> Iterator[Moved]:
        materials, spools = self.reader.run(stock.load)
        kinds = {material.id: material for material in materials}
        shelf = {spool.id: spool for spool in spools}
        after = 0
        while page := self.reader.run(pages.movements, self._wanted(), after, _PAGE):
            for movement in page:
                spool = shelf.get(movement.spool_id)
                material = kinds.get(spool.material_id) if spool else None
                yield Moved(movement=movement, spool=spool, material=material)
            after = page[-1].id

    def _customers(self) -> Iterator[Customer]:
        yield from self.reader.run(pages.customers, self.customer_id)

    def _documents(self) -> Iterator[Document]:
        request, after = self.request, None
        while page := self.reader.run(
            pages.documents, request.first, request.last, self.customer_id, after, _PAGE
        ):
            yield from page
            after = (page[-1].issued_on, page[-1].number)

    # -- bookings ----------------------------------------------------------------------------

    def _batch(self) -> BookingBatch:
        request, booked = self.request, self.request.booked
        if booked is None or request.first is None or request.last is None:
            raise NotAllowed("a booking batch has a period and a client", key="batch_incomplete")
        begins = date(request.first.year, booked.year_begins, 1)
        if begins > request.first:
            begins = begins.replace(year=begins.year - 1)
        return BookingBatch(
            adviser=booked.adviser,
            client=booked.client,
            year_begins=begins,
            account_length=booked.account_length,
            first=request.first,
            last=request.last,
            title=words.word("bookings", "de"),
            initials=booked.initials,
            chart=booked.chart,
            currency=self.currency,
            created_at=self.now.astimezone(self.zone),
            final=booked.final,
            bookings=self._bookings(booked),
        )

    def _bookings(self, booked: Booked) -> Iterator[datev.Booking]:
        accounts = booked.accounts or datev.STANDARD[booked.chart]
        for document in self._documents():
            yield from datev.bookings(document, accounts, booked.account_length)


_TABLES: Final[Mapping[Subject, tuple[str, ...]]] = {
    Subject.JOBS: ("jobs",),
    Subject.COSTS: ("costs",),
    Subject.MATERIALS: ("stock", "movements"),
    Subject.CUSTOMERS: ("customers",),
    Subject.TAXES: ("documents", "taxes"),
}


def _midnight(day: date | None, zone: ZoneInfo) -> datetime | None:
    """Return when a local day begins, whichever way the clocks were turned that night."""
    return None if day is None else datetime.combine(day, time(), zone).astimezone(UTC)


def _free_name(folder: Path, stem: str, ending: str) -> Path:
    """Return a name that nothing has yet."""
    target, number = folder / f"{stem}{ending}", 1
    while target.exists(follow_symlinks=False):
        number += 1
        target = folder / f"{stem}_{number}{ending}"
    return target
