"""Files of the shop's books, from the ledger to the disk."""

from __future__ import annotations

import asyncio
import csv
import errno
import hashlib
import io
import json
import shutil
import threading
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
from openpyxl import load_workbook

from custom_components.printernizer.engine.document import DocumentKind
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.exports.subjects import Subject
from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.shop import Company, Purpose, ShopSettings
from custom_components.printernizer.engine.store import documents, stock
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop import exports
from custom_components.printernizer.engine.workshop.exports import (
    Booked,
    Exported,
    ExportRequest,
    Exports,
    Format,
)
from custom_components.printernizer.engine.workshop.settings import Settings
from tests.hand_clock import HandClock

from ..store.test_exports import NOW, a_customer, a_draft, some_runs

SHOP = ShopSettings(time_zone="Europe/Berlin", company=Company(name="Druck & Co"))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def books(store: Store) -> Exports:
    return Exports(store, Settings(SHOP), HandClock(NOW))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "books"
    folder.mkdir()
    return folder


def wanted(*subjects: Subject, **more: Any) -> ExportRequest:
    return ExportRequest(subjects=subjects or (Subject.JOBS,), **more)


def only(folder: Path, done: Exported) -> bytes:
    """Return the one file that lies there, and hold it against what was told of it."""
    assert [*folder.iterdir()] == [done.path]
    content = done.path.read_bytes()
    assert len(content) == done.size
    assert hashlib.sha256(content).hexdigest() == done.sha256
    return content


async def test_a_workbook_holds_every_subject(store: Store, books: Exports, folder: Path) -> None:
    """One file for the accountant, one sheet for each subject."""
    customer = await a_customer(store, "=Erika")
    await some_runs(store, 3, customer_id=customer.id, purpose=Purpose.BUSINESS, price=Decimal(5))
    material = Material(id=uuid4(), kind="PLA", price=Decimal(20), net_g=Decimal(1000))
    await store.run(stock.add_material, material, NOW)
    spool = Spool(id=uuid4(), material_id=material.id, number=0, net_g=Decimal(1000))
    await store.run(stock.add_spool, spool, NOW)
    draft = a_draft(date(2026, 10, 31), DocumentKind.INVOICE, customer.id)
    await store.run(documents.issue, draft, "RE{number}", date(2036, 12, 31))
    done = await books.write(wanted(*Subject), folder, {"P1": "Prusa"})
    book = load_workbook(io.BytesIO(only(folder, done)))
    assert book.sheetnames == [
        "Drucke",
        "Kosten",
        "Bestand",
        "Bewegungen",
        "Kunden",
        "Belege",
        "Steuern",
    ]
    assert book["Drucke"]["B2"].value == "Prusa"
    assert book["Kunden"]["B2"].value == "=Erika"
    assert book["Kunden"]["B2"].data_type == "s"
    assert book["Bestand"]["I2"].value == 20
    assert book["Bewegungen"]["E2"].value == 1000
    assert book["Steuern"]["C2"].value == 0.19
    assert book["Belege"]["A2"].value == datetime(2026, 10, 31)
    assert done.rows == 3 + 3 + 1 + 1 + 1 + 1 + 1
    assert done.path.name == "printernizer_jobs_costs_materials_customers_taxes.xlsx"
    assert book.properties.title == "Druck & Co Auswertung"


async def test_a_period_follows_the_local_days_of_the_shop(
    store: Store, books: Exports, folder: Path
) -> None:
    """A job that ended at half past midnight in Berlin belongs to the new month."""
    first, *_ = await some_runs(store, 3)
    assert first.ended_at is not None
    day = first.ended_at.astimezone(exports.ZoneInfo("Europe/Berlin")).date()
    for request, rows in (
        (wanted(format=Format.JSON, first=day, last=day), 3),
        (wanted(format=Format.JSON, last=day.replace(year=day.year - 1)), 0),
    ):
        done = await books.write(request, folder)
        assert done.rows == rows
    midnight = exports._midnight(date(2026, 10, 26), exports.ZoneInfo("Europe/Berlin"))
    assert midnight == datetime(2026, 10, 25, 23, tzinfo=UTC)


async def test_more_than_a_page_is_read_on(
    store: Store, books: Exports, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred thousand jobs are many pages."""
    monkeypatch.setattr(exports, "_PAGE", 2)
    runs = await some_runs(store, 5)
    done = await books.write(wanted(format=Format.CSV, language="en"), folder)
    rows = list(csv.DictReader(io.StringIO(only(folder, done).decode("utf-8-sig"))))
    assert [row["Job id"] for row in rows] == [str(job.id) for job in runs]
    assert {row["Outcome"] for row in rows} == {"completed"}


async def test_several_tables_as_csv_come_in_one_zip(
    store: Store, books: Exports, folder: Path
) -> None:
    """CSV has no sheets."""
    await a_customer(store, "Dvořák")
    request = wanted(Subject.MATERIALS, Subject.CUSTOMERS, format=Format.CSV, ansi=True)
    done = await books.write(request, folder)
    with zipfile.ZipFile(io.BytesIO(only(folder, done))) as archive:
        assert archive.namelist() == ["stock.csv", "movements.csv", "customers.csv"]
        assert "K00001;Dvorák;nein" in archive.read("customers.csv").decode("cp1252")
    assert done.replaced == 1
    assert done.path.suffix == ".zip"


async def test_the_rows_of_one_customer_alone(store: Store, books: Exports, folder: Path) -> None:
    """What a customer asks for is theirs, and nobody else's."""
    ours = await a_customer(store)
    await a_customer(store, "Max")
    await some_runs(store, 2, customer_id=ours.id)
    await some_runs(store, 2, "P2")
    request = wanted(Subject.JOBS, Subject.CUSTOMERS, format=Format.JSON, customer=ours.number)
    done = await books.write(request, folder)
    sheets = json.loads(only(folder, done))["sheets"]
    assert len(sheets["jobs"]["rows"]) == 2
    assert [row["customer"] for row in sheets["customers"]["rows"]] == ["Erika"]
    with pytest.raises(NotAllowed) as refusal:
        await books.write(wanted(customer="K09999"), folder)
    assert refusal.value.key == "no_customer"


async def test_a_booking_batch_of_the_invoices_of_a_month(
    store: Store, books: Exports, folder: Path
) -> None:
    """Quotes are not booked, and other months are in other batches."""
    for kind, day, pattern in (
        (DocumentKind.INVOICE, date(2026, 10, 5), "RE{number}"),
        (DocumentKind.QUOTE, date(2026, 10, 5), "AN{number}"),
        (DocumentKind.INVOICE, date(2026, 11, 5), "RE{number}"),
    ):
        await store.run(documents.issue, a_draft(day, kind), pattern, date(2036, 12, 31))
    booked = Booked(adviser=29_098, client=55_003, year_begins=11)
    request = wanted(
        Subject.TAXES,
        format=Format.DATEV,
        first=date(2026, 10, 1),
        last=date(2026, 10, 31),
        booked=booked,
    )
    done = await books.write(request, folder)
    header, _, *lines = only(folder, done).decode("cp1252").splitlines()
    assert ";20251101;4;20261001;20261031;" in header, "the year began in November"
    assert len(lines) == done.rows == 1
    assert lines[0].startswith('119,00;"S";"EUR";;;"";10000;8400;"";0510;"RE1";')
    assert done.path.name == "EXTF_Buchungsstapel_20261001_20261031.csv"


@pytest.mark.parametrize("missing", ["booked", "first", "last"])
async def test_a_booking_batch_needs_a_period_and_a_client(
    books: Exports, folder: Path, missing: str
) -> None:
    """Nothing is guessed about other people's books."""
    values: dict[str, Any] = {
        "booked": Booked(adviser=29_098, client=55_003),
        "first": date(2026, 10, 1),
        "last": date(2026, 10, 31),
    }
    with pytest.raises(NotAllowed) as refusal:
        await books.write(wanted(format=Format.DATEV, **values | {missing: None}), folder)
    assert refusal.value.key == "batch_incomplete"
    assert not [*folder.iterdir()]


async def test_a_file_is_never_written_over(books: Exports, folder: Path) -> None:
    """Last month's may have been sent already."""
    names = [(await books.write(wanted(), folder)).path.name for _ in range(3)]
    assert names == [f"printernizer_jobs{tail}.xlsx" for tail in ("", "_2", "_3")]


@pytest.mark.parametrize(
    ("number", "key"), [(errno.ENOSPC, "disk_full"), (errno.EACCES, "disk_failed")]
)
async def test_a_disk_that_gives_way_leaves_nothing_behind(
    books: Exports, folder: Path, monkeypatch: pytest.MonkeyPatch, number: int, key: str
) -> None:
    """Half a workbook looks like a whole one until the accountant opens it."""

    def fails(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(exports.xlsx, "write", fails)
    with pytest.raises(NotAllowed) as refusal:
        await books.write(wanted(), folder)
    assert refusal.value.key == key
    assert not [*folder.iterdir()]


async def test_the_time_zone_is_read_off_the_loop(
    books: Exports, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file may lie on a slow card, and the whole house waits for the loop."""
    threads: list[threading.Thread] = []

    def zone(name: str) -> ZoneInfo:
        threads.append(threading.current_thread())
        return ZoneInfo(name)

    monkeypatch.setattr(exports, "ZoneInfo", zone)
    await books.write(wanted(), folder)
    assert threads
    assert threading.current_thread() not in threads


async def test_a_nearly_full_disk_is_left_alone(
    books: Exports, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant's own database needs the rest."""
    usage = shutil.disk_usage(folder)._replace(free=1)
    monkeypatch.setattr(exports.shutil, "disk_usage", lambda _: usage)
    with pytest.raises(NotAllowed) as refusal:
        await books.write(wanted(), folder)
    assert refusal.value.key == "disk_full"


async def test_a_store_that_fails_leaves_nothing_behind(
    store: Store, books: Exports, folder: Path
) -> None:
    """The shop was closed while it wrote."""
    real = store.run

    async def closes(function: Any, *args: Any, **kwargs: Any) -> Any:
        if function is exports.pages.runs:
            raise StoreError("the database is closed")
        return await real(function, *args, **kwargs)

    store.run = closes  # type: ignore[assignment, method-assign]
    with pytest.raises(StoreError):
        await books.write(wanted(), folder)
    assert not [*folder.iterdir()]


async def test_who_gives_up_stops_the_thread(store: Store, books: Exports, folder: Path) -> None:
    """A thread that goes on for nobody holds Home Assistant's end."""
    real, asked = store.run, asyncio.Event()

    async def hangs(function: Any, *args: Any, **kwargs: Any) -> Any:
        if function is exports.pages.runs:
            asked.set()
            await asyncio.Event().wait()
        return await real(function, *args, **kwargs)

    store.run = hangs  # type: ignore[assignment, method-assign]
    writing = asyncio.ensure_future(books.write(wanted(), folder))
    await asked.wait()
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    gone = asyncio.Event()
    loop = asyncio.get_running_loop()

    def watch() -> None:
        while [*folder.iterdir()]:
            threading.Event().wait(0.01)
        loop.call_soon_threadsafe(gone.set)

    threading.Thread(target=watch, daemon=True).start()
    async with asyncio.timeout(10):
        await gone.wait()


async def test_a_reader_asks_nothing_more_once_nobody_waits(store: Store) -> None:
    """The last page would be read for nobody."""
    reader = exports._Reader(store, asyncio.get_running_loop())
    reader.given_up.set()
    with pytest.raises(exports._GivenUp):
        await asyncio.to_thread(reader.run, exports.stock.load)
