"""Watches a printer while a start is sent: whether what was asked for began."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from typing import TYPE_CHECKING, Final, Self

from .clock import within

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from ..printer import CurrentJob, PrinterStatus
    from .clock import Clock
    from .fleet import Fleet

_ENDINGS: Final = re.compile(r"(\.(gcode|gco|gc|g|bgcode|bgc|bgf|3mf|ufp))+$")
_INSIDE: Final = re.compile(r"plate_\d+\.gcode")
"""What a job out of an archive may call its file: a name from inside."""
_SHORT: Final = re.compile(r"([^~]{1,6})~\d")
"""A name as FAT shortens it: "BENCHY~1"."""


def same_file(said: str, path: str) -> bool:
    """Whether a printer that says this name means that file of ours.

    Printers leave out folders and endings, and some show the short names of FAT.
    """
    wanted, shown = _stem(path), _stem(said)
    if short := _SHORT.fullmatch(shown):
        return _letters(wanted).startswith(_letters(short.group(1)))
    return _letters(shown) == _letters(wanted)


def _stem(path: str) -> str:
    name = unicodedata.normalize("NFC", path.rsplit("/", 1)[-1]).casefold()
    return _ENDINGS.sub("", name)


def _letters(name: str) -> str:
    return "".join(char for char in name if char.isalnum()) or name


class StartWatch:
    """Sees the statuses of one printer from before a start until it is left."""

    def __init__(
        self, fleet: Fleet, printer_id: str, path: str, plate: int | None, clock: Clock
    ) -> None:
        self.other: str | None = None
        """What is printed instead, as the printer calls it."""
        self._fleet = fleet
        self._printer_id = printer_id
        self._path = path
        self._plate = plate
        self._clock = clock
        self._before: CurrentJob | None = None
        self._began = asyncio.Event()
        self._stop: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        status = self._fleet[self._printer_id].status
        self._before = status.job if status else None
        self._stop = self._fleet.subscribe(self._printer_id, self._see)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop is not None:
            self._stop()

    def has_begun(self) -> bool:
        """Whether the printer has shown it."""
        return self._began.is_set()

    async def shows(self, seconds: float) -> bool:
        """Wait until the printer shows it; False when it did not within this time."""
        link = self._fleet.get(self._printer_id)
        # A line that came back with the very status from before tells no news.
        self._see(link.status if link else None)
        try:
            await within(self._clock, seconds, self._began.wait())
        except TimeoutError:
            return False
        return True

    def _see(self, status: PrinterStatus | None) -> None:
        if status is None:
            return
        if status.active:
            if self._ours(status.job):
                self._began.set()
            elif status.job is not None:
                self.other = status.job.name or status.job.path
        elif (
            status.ready
            and status.job is not None
            and self._ours(status.job)
            and self._is_new(status.job)
        ):
            # So short, or so soon cancelled, that it is over already.
            self._began.set()

    def _is_new(self, job: CurrentJob) -> bool:
        """Whether this is not the job that was shown before the start."""
        if self._before is None:
            return True
        return None not in (self._before.id, job.id) and self._before.id != job.id

    def _ours(self, job: CurrentJob | None) -> bool:
        if job is None:
            return True
        if None not in (job.plate, self._plate) and job.plate != self._plate:
            return False
        said = [name for name in (job.name, job.path) if name and not _INSIDE.search(name)]
        return not said or any(same_file(name, self._path) for name in said)
