"""What the files of runs lay down: measured when we send them, or fetched when a run has ended.

A file that came to the printer some other way is read from its storage only while the printer
rests: small boards and serial hosts feed the print with the same processor. Whether that works
is no matter of the print: without it a run is reckoned by the slicer's figure, or less.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol, Self

from ..errors import BadFile, PrinternizerError
from ..file_match import CLOCKS_APART, written_since
from ..store import accounts, sent
from .at_rest import at_rest
from .start_watch import same_file

if TYPE_CHECKING:
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection

    from ..drivers.base import RemoteFile, Storage
    from ..extrusion import Extrusion
    from ..file import FileFacts, PlateFacts
    from ..job import Job
    from ..printer import PrinterStatus
    from ..store.accounts import Measurement
    from ..store.database import Store
    from .clock import Clock
    from .fleet import Fleet

_LOGGER = logging.getLogger(__name__)

LARGEST_BYTES: Final = 512 * 1024 * 1024
"""A longer file is not fetched: on slow boards it would take hours."""
ROOM_BYTES: Final = 1024 * 1024 * 1024
"""What has to stay free on our own disk beside the file."""
FOLDERS: Final = ("/", "/cache")
"""Where a file is looked for of which the printer tells the name alone."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    """What is known of the file of a run."""

    extrusion: Extrusion | None = None
    plate: PlateFacts | None = None
    sure: bool = True
    """Whether the file is the one that was measured. It may be another if that was long before
    the run: people slice again and send it under the same name; a look at the printer tells."""
    replaced: bool = False
    """We have sent another file there since: nothing is known of this one any more."""


class Measures(Protocol):
    """Who measures files, in a process of their own."""

    async def measured(self, path: Path, plate: int | None = None) -> Extrusion:
        """Return what a plate lays down. Raises BadFile."""


class Keeper(Protocol):
    """Who keeps the files of runs, so that none is fetched twice."""

    async def kept(self, printer_id: str, path: str) -> Path | None:
        """Return where a file of a printer lies here, fetched if need be; None if none is kept.

        Raises Unreachable, Garbled, NotAllowed(key="fetch_cancelled") and StoreError.
        """


class Plans:
    """Knows, or finds out, what runs were to lay down. Open it with `async with`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        fleet: Fleet,
        measures: Measures,
        keeper: Keeper | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._fleet = fleet
        self._measures = measures
        self._keeper = keeper
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def sent(self, printer_id: str, path: str, source: Path, facts: FileFacts) -> None:
        """Measure a file of ours that lies on a printer now; nobody waits for it."""
        task = asyncio.create_task(
            self._measure_sent(printer_id, path, source, facts),
            name=f"printernizer measuring for {printer_id}",
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _measure_sent(
        self, printer_id: str, path: str, source: Path, facts: FileFacts
    ) -> None:
        with suppress(PrinternizerError):
            # What lay there before was another file, whatever becomes of this one.
            await self._store.run(accounts.forget_file, printer_id, path)
            plates: list[int | None] = [each.number for each in facts.plates]
            for plate in plates or [None]:
                await self._keep(printer_id, path, source, plate)

    async def _keep(
        self, printer_id: str, path: str, source: Path, plate: int | None
    ) -> Extrusion | None:
        """Measure a plate and remember it; None for what cannot be measured."""
        try:
            size = (await asyncio.to_thread(source.stat)).st_size
            extrusion = await self._measures.measured(source, plate)
        except (OSError, PrinternizerError) as err:
            _LOGGER.debug("%s: %s is not measured: %s", printer_id, path, err)
            return None
        await self._store.run(
            accounts.measured,
            printer_id,
            path,
            extrusion,
            plate=plate,
            size_bytes=size,
            at=self._clock.now(),
        )
        return extrusion

    async def known(self, job: Job) -> Plan:
        """Return what is known of the file of a run without asking the printer.

        Raises StoreError.
        """
        return await self._store.run(_known, job)

    def reachable(self, job: Job) -> bool:
        """Whether the file of a run could be fetched now: its printer is there, and rests."""
        link = self._fleet.get(job.printer_id)
        return (
            link is not None
            and link.session is not None
            and link.session.storage is not None
            and link.status is not None
            and link.status.ready
        )

    def status_of(self, printer_id: str) -> PrinterStatus | None:
        """Return what a printer shows now; None while it is not there."""
        link = self._fleet.get(printer_id)
        return link.status if link is not None else None

    async def fetch(self, job: Job) -> Extrusion | None:
        """Read the file of an ended run from its printer; None where that is not possible.

        One that was measured before and lies there unchanged is not read again. Raises
        StoreError, and Unreachable when the line broke: then it is worth another try.
        """
        storage = self._fleet[job.printer_id].require().storage
        if storage is None:
            return None
        found = await file_of_run(storage, job)
        if found is None or (found.size is not None and not 0 < found.size <= LARGEST_BYTES):
            return None
        if is_newer(found, job, self._clock.now()):
            return None  # another file lies there by now
        measured = await self._still_there(found, job)
        if measured is not None:
            return measured
        if self._keeper is not None:
            kept = await self._keeper.kept(job.printer_id, found.path)
            if kept is not None:
                return await self._keep(job.printer_id, found.path, kept, job.identity.plate)
        return await self._fetch_to_measure(storage, found, job)

    async def _still_there(self, found: RemoteFile, job: Job) -> Extrusion | None:
        """Return what is known of a file that lies there as it was when it was measured."""
        now, where = self._clock.now(), (job.printer_id, found.path)
        known = await self._store.run(accounts.measurement, *where, job.identity.plate)
        if known is None or not _unchanged(found, known, now):
            return None
        await self._store.run(accounts.still_there, *where, now)
        return known.extrusion

    async def _fetch_to_measure(
        self, storage: Storage, found: RemoteFile, job: Job
    ) -> Extrusion | None:
        folder = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="printernizer-"))
        try:
            free = (await asyncio.to_thread(shutil.disk_usage, folder)).free
            if free < (found.size or LARGEST_BYTES) + ROOM_BYTES:
                return None
            target = folder / "file"
            loading = storage.download(found.path, target, progress=_bounded)
            await at_rest(self._fleet, job.printer_id, loading)
            return await self._keep(job.printer_id, found.path, target, job.identity.plate)
        except BadFile:
            return None
        finally:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def is_newer(found: RemoteFile, job: Job, now: datetime) -> bool:
    """Whether a file was written after a run of it began.

    Slicers send a file and start it in one moment: some minutes prove nothing.
    """
    return job.started_at is not None and written_since(found.modified, job.started_at, now)


def _unchanged(found: RemoteFile, known: Measurement, now: datetime) -> bool:
    """Whether a file is the one that was measured, as far as a listing can tell."""
    if found.size is not None and known.size_bytes not in {found.size, None}:
        return False
    return not written_since(found.modified, known.at, now)


def _bounded(moved: int, total: int | None) -> None:
    """Break off what turns out to be too long: some printers do not tell the size before."""
    if max(moved, total or 0) > LARGEST_BYTES:
        raise BadFile("too long to be fetched")


async def file_of_run(storage: Storage, job: Job) -> RemoteFile | None:
    """Find the file of a run by what the printer said of it."""
    identity = job.identity
    if identity.path is not None:
        folder = identity.path.rsplit("/", 1)[0] or "/"
        for file in await _listed(storage, folder):
            if file.path == identity.path:
                return file
    said = [name for name in (identity.path, identity.name) if name]
    for folder in FOLDERS:
        named = [
            file
            for file in await _listed(storage, folder)
            if not file.folder and any(same_file(name, file.path) for name in said)
        ]
        if named:
            return _likeliest(named, job)
    return None


def _likeliest(named: list[RemoteFile], job: Job) -> RemoteFile:
    """Return which of the files that go by the name of a run it was of.

    One that can be printed rather than a model, and of these the last that was written before.
    """
    named = [file for file in named if file.printable] or named
    until = (job.started_at or job.first_seen_at) + CLOCKS_APART
    before = [(file.modified, file) for file in named if file.modified and file.modified <= until]
    return max(before, key=lambda each: each[0])[1] if before else named[0]


async def _listed(storage: Storage, folder: str) -> tuple[RemoteFile, ...]:
    try:
        return await storage.list(folder)
    except BadFile:
        return ()
    except PrinternizerError as err:
        _LOGGER.debug("%s cannot be listed: %s", folder, err)
        return ()


def _known(connection: Connection, job: Job) -> Plan:
    """Look a file up under what the printer called it, and then by its name."""
    identity = job.identity
    paths = accounts.measured_paths(connection, job.printer_id)
    path = next((each for each in paths if each == identity.path), None) or next(
        (
            each
            for each in paths
            if any(same_file(name, each) for name in (identity.path, identity.name) if name)
        ),
        identity.path,
    )
    if path is None:
        return Plan()
    known = sent.find(connection, job.printer_id, path)
    if known is not None and known.sent_at > job.first_seen_at:
        return Plan(replaced=True)
    measured = accounts.measurement(connection, job.printer_id, path, identity.plate)
    return Plan(
        extrusion=measured.extrusion if measured is not None else None,
        plate=known.facts.plate(identity.plate) if known is not None else None,
        sure=measured is None or measured.at + CLOCKS_APART >= job.first_seen_at,
    )
