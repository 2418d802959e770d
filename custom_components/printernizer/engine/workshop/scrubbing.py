"""Looks through the shelf, slowly: whether every content still has the bytes that came in.

Disks and cards lose bits without a word. What is found is reported and left as it is: bytes that
are damaged may be all that is left of a file.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ..errors import NotAllowed, PrinternizerError
from ..library_file import ONE_SHELF
from ..shelf_report import Fault, Finding, ScrubReport
from ..store import library, library_codec

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ..library.shelf import Shelf
    from ..library_file import LibraryFile
    from ..store.database import Store
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

BYTES_PER_S: Final = 4 << 20
"""In the background: a card reader gives ten times as much, and a print may need it."""
EVERY: Final = timedelta(days=7)
AFTER_START_S: Final = 1800.0
"""Home Assistant's start reads enough."""
MOST_FINDINGS: Final = 1000


class Scrubbing:
    """One look through the shelf at a time."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        shelf: Shelf | None,
        told: Callable[[ScrubReport], None],
    ) -> None:
        self._store = store
        self._clock = clock
        self._shelf = shelf
        self._told = told
        self._task: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self.here = ONE_SHELF
        """What the shelf is called in the list."""
        self.report: ScrubReport | None = None
        """The look that lasts, or the last one; None before the first."""

    def start(self) -> None:
        """Look through it once a week from now on, in the background."""
        if self._shelf is not None and self._task is None:
            self._task = asyncio.create_task(self._forever(self._shelf), name="printernizer scrub")

    async def stop(self) -> None:
        """End what is going on."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def run(self, bytes_per_s: float | None = None) -> ScrubReport:
        """Look through all of it now; as fast as it goes without a rate. Raises StoreError."""
        shelf = self._shelf
        assert shelf is not None
        async with self._turn:
            report = await self._look_through(shelf, bytes_per_s)
        await asyncio.to_thread(shelf.mark_scrubbed, self._clock.now().isoformat())
        for finding in report.findings:
            if finding.fault is not Fault.FOREIGN:
                _LOGGER.error("The library: %s is %s", finding.shown or finding.name, finding.fault)
        self._told(report)
        return report

    async def _forever(self, shelf: Shelf) -> None:
        await self._clock.sleep(AFTER_START_S)
        while True:
            wait = await asyncio.to_thread(self._due_in, shelf)
            if wait > 0:
                await self._clock.sleep(wait)
            try:
                await self.run(BYTES_PER_S)
            except PrinternizerError as err:
                _LOGGER.warning("The shelf cannot be looked through: %s", err)
                await self._clock.sleep(EVERY.total_seconds() / 7)
            except Exception:
                # What flips bits has to be found next week all the same.
                _LOGGER.exception("The shelf cannot be looked through")
                await self._clock.sleep(EVERY.total_seconds() / 7)

    def _due_in(self, shelf: Shelf) -> float:
        """Return in how many seconds the next look is due."""
        last = shelf.scrubbed_at()
        try:
            before = datetime.fromisoformat(last) if last else None
        except ValueError:
            before = None
        if before is None or before.tzinfo is None:
            return 0.0
        due = before + EVERY - self._clock.now()
        # A clock that was wrong must not put it off for years.
        return min(max(due.total_seconds(), 0.0), EVERY.total_seconds())

    async def _look_through(self, shelf: Shelf, bytes_per_s: float | None) -> ScrubReport:
        listed = await self._store.run(library.shelved, self.here)
        self.report = ScrubReport(began_at=self._clock.now(), ended_at=None, of_files=len(listed))
        for sha256 in listed:
            await self._look_at(shelf, sha256, bytes_per_s)
        known = set(listed)
        for item in await asyncio.to_thread(lambda: list(shelf.walk())):
            if item.sha256 is None:
                self._found(Fault.FOREIGN, item.name)
            elif item.sha256 not in known:
                file = await self._store.run(library.by_sha256, item.sha256)
                if file is None or self.here not in file.shelves:
                    self._found(Fault.UNLISTED, item.sha256)
        self.report = replace(self.report, ended_at=self._clock.now())
        return self.report

    async def _look_at(self, shelf: Shelf, sha256: str, bytes_per_s: float | None) -> None:
        pieces = shelf.rehash(sha256)
        read, intact = 0, None
        fault: Fault | None = None
        try:
            while intact is None:
                piece = await asyncio.to_thread(next, pieces)
                if isinstance(piece, bool):
                    intact = piece
                    break
                read += piece
                if bytes_per_s is not None:
                    await self._clock.sleep(piece / bytes_per_s)
        except NotAllowed:
            fault = Fault.UNREADABLE
        if intact is False:
            fault = Fault.DAMAGED if await asyncio.to_thread(shelf.has, sha256) else Fault.MISSING
        assert self.report is not None
        self.report = replace(
            self.report,
            checked=self.report.checked + 1,
            checked_bytes=self.report.checked_bytes + read,
        )
        file = await self._store.run(library.by_sha256, sha256)
        if file is None or self.here not in file.shelves:
            return  # it was purged meanwhile
        if fault is not None:
            self._found(fault, sha256, file.name)
        if fault is not Fault.MISSING:
            await self._mend_sidecar(shelf, sha256, file)

    async def _mend_sidecar(self, shelf: Shelf, sha256: str, file: LibraryFile) -> None:
        names: dict[UUID, str] = {
            each.id: each.name for each in await self._store.run(library.collections)
        }
        collection = names.get(file.collection_id) if file.collection_id else None
        text = library_codec.sidecar_text(file, collection)
        if await asyncio.to_thread(shelf.read_sidecar, sha256) != text:
            await asyncio.to_thread(shelf.write_sidecar, sha256, text)
            assert self.report is not None
            self.report = replace(self.report, mended=self.report.mended + 1)

    def _found(self, fault: Fault, name: str, shown: str | None = None) -> None:
        assert self.report is not None
        if len(self.report.findings) < MOST_FINDINGS:
            finding = Finding(fault=fault, name=name, shown=shown)
            self.report = replace(self.report, findings=(*self.report.findings, finding))
