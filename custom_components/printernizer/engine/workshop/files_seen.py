"""Notes in passing which files lie on printers' storages, for reports that outlive them."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Self

from ..errors import StoreError
from ..readings import cleaned
from ..store import files

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

    from sqlalchemy import Connection

    from ..job import JobEvent
    from ..store.database import Store
    from ..store.files import Sighting
    from ..upload import Upload
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

WAITING_LIMIT: Final = 10_000
"""Files that may wait for the database; what is beyond is seen again at the next look."""
_LARGEST: Final = 1 << 53


class FilesSeen:
    """Takes notes without a wait and writes them when the database has time.

    A note that cannot be written is dropped: nobody's listing or print fails for it.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: dict[tuple[str, str], Sighting] = {}
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_forever(), name="printernizer files seen")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def note(self, printer_id: str, seen: Iterable[tuple[str, str, int | None]]) -> None:
        """Note files as (path, name, bytes or None)."""
        for path, name, size in seen:
            if len(self._waiting) >= WAITING_LIMIT or (clean := cleaned(path)) is None:
                continue
            known = size if size is not None and 0 <= size <= _LARGEST else None
            if known is None and (before := self._waiting.get((printer_id, clean))):
                known = before[2]
            self._waiting[printer_id, clean] = (clean, cleaned(name) or clean, known)
        if self._waiting:
            self._work.set()

    def on_job(self, event: JobEvent) -> None:
        """Note the file of a job, whoever started it."""
        path = event.job.identity.path
        if path is not None:
            self.note(event.job.printer_id, [(path, path.rsplit("/", 1)[-1], None)])

    def on_upload(self, upload: Upload) -> None:
        """Note a file that we put there."""
        if upload.path is not None:
            self.note(upload.printer_id, [(upload.path, upload.name, upload.total_bytes)])

    async def _write_forever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            waiting, self._waiting = self._waiting, {}
            try:
                await self._store.run(_write, waiting, self._clock)
            except StoreError as err:
                # The ledger tells the user of a database that takes no writes.
                _LOGGER.debug("%s files seen could not be noted: %s", len(waiting), err)
            except Exception:
                # Of one listing, and no reason to note nothing until the next restart.
                _LOGGER.exception("%s files seen could not be noted", len(waiting))


def _write(connection: Connection, waiting: dict[tuple[str, str], Sighting], clock: Clock) -> None:
    by_printer: dict[str, list[Sighting]] = {}
    for (printer_id, _), sighting in waiting.items():
        by_printer.setdefault(printer_id, []).append(sighting)
    for printer_id, sightings in by_printer.items():
        files.seen(connection, printer_id, sightings, clock.now())
