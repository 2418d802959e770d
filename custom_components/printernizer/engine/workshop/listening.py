"""Lets a watched folder be told of its changes, where that is possible, and wakes who looks."""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ..library.ears import Ears
from ..watched_folder import Hearing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

AGAIN_S: Final = 600.0
"""How long after it was refused it is tried again: each try takes watches from other programs."""
_REFUSED: Final = {
    Hearing.TOO_LARGE: "it has too many subfolders",
    Hearing.NO_WATCHES: "the system gives no more inotify watches (fs.inotify.max_user_watches and "
    "max_user_instances)",
}
"""What its owner can change, told once; that something is missing stands in the system health."""


class Listening:
    """What one folder is told of. All of it on the loop, but for `looking`."""

    def __init__(self, path: Path, clock: Clock, ears: Callable[[], Ears] | None = Ears) -> None:
        """ears: makes new ones; None for a folder that is only looked through."""
        self._path = path
        self._clock = clock
        self._make = ears
        self._ears: Ears | None = None
        self._task: asyncio.Task[None] | None = None
        self._again_at = clock.monotonic()
        self._closed: set[str] = set()
        self.hearing = Hearing.NOT_YET if ears is not None else Hearing.NO_WATCHES
        self.news = asyncio.Event()
        """Whether something has changed since the last look began."""

    def begin(self) -> frozenset[str]:
        """Begin a look. Returns the files that were closed after writing since the last one did."""
        may = self._make if self._clock.monotonic() >= self._again_at else None
        if self._ears is None and may is not None:
            self._ears = may()
        closed, self._closed = frozenset(self._closed), set()
        self.news.clear()
        return closed

    @contextmanager
    def looking(self) -> Iterator[Callable[[str], None]]:
        """Lend, to the thread that looks, what wants to know each folder before it is read."""
        if self._ears is None:
            yield lambda _: None
        else:
            with self._ears.listening(self._path) as entering:
                yield entering

    async def end(self) -> None:
        """End a look: listen, or put away ears that hear nothing."""
        if self._ears is None:
            return
        hearing = self._ears.hearing
        if hearing is Hearing.TOLD:
            if self._task is None:
                self._task = asyncio.create_task(
                    self._listen(self._ears), name=f"printernizer changes in {self._path}"
                )
        else:
            await self._put_away()
            if hearing is not Hearing.REMOTE:
                self._again_at = self._clock.monotonic() + AGAIN_S
            if hearing in _REFUSED and self.hearing is not hearing:
                _LOGGER.warning(
                    "%s is looked through, and not listened to: %s", self._path, _REFUSED[hearing]
                )
        self.hearing = hearing

    async def close(self) -> None:
        """Listen no more."""
        await self._put_away()

    async def _listen(self, ears: Ears) -> None:
        async for closed in ears.changes():
            if closed is not None:
                self._closed.add(closed)
            self.news.set()
        self.news.set()  # it hears no more: the next look sees to that

    async def _put_away(self) -> None:
        ears, self._ears = self._ears, None
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        if ears is not None:
            # The system takes its time for it.
            await asyncio.to_thread(ears.close)
