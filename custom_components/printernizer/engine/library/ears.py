"""Being told of changes in a folder: Linux's inotify(7), through the package asyncinotify.

Only a hint: everything that is told of is found by a look as well, later. So whatever goes wrong
here ends in `Ears.hearing`, and nobody has to catch it.
"""

from __future__ import annotations

import errno
import threading
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ..watched_folder import Hearing
from .mounts import untold
from .watch import left_alone

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from asyncinotify import Event, Inotify, Mask, Watch

MOST_FOLDERS: Final = 500
"""Folders in one watched folder that are listened to. Each takes a kilobyte of the kernel's memory,
and one of as few as 8192 watches that all programs of a user share."""
PATIENCE_S: Final = 10.0
"""How long closing waits for a look: on a disk that hangs, that one closes when it ends."""


class Ears:
    """Hear of changes in one folder, until they are closed or can hear no more.

    `listening` and `close` block, and belong into a thread; `changes` belongs to the loop.
    """

    def __init__(self, where: Callable[[Path], str | None] = untold) -> None:
        """where: names a file system in a folder that does not tell of all changes, or None."""
        self._where = where
        self.hearing = Hearing.NOT_YET
        self._inotify: Inotify | None = None
        self._watches: dict[int, Watch] = {}
        self._renewed: dict[int, Watch] = {}
        self._looking = threading.Lock()
        self._ended = False

    @contextmanager
    def listening(self, root: Path) -> Iterator[Callable[[str], None]]:
        """Lend what is to be told of each folder, root first, before it is read.

        So nothing can happen between the reading and the listening. What is not told of this time
        is listened to no more: it was moved away.
        """
        with self._looking:
            try:
                self._open(root)
                self._renewed = {}
                yield self._listen_to
                self._drop()
            finally:
                if self._ended:
                    self._shut()

    async def changes(self) -> AsyncIterator[str | None]:
        """Tell of each change, while `hearing` is told.

        The path of a file whose writer closed it or moved it there; None for any other change.
        """
        assert self._inotify is not None
        try:
            async for event in self._inotify:
                if _matters(event):
                    yield _whole(event)
        except OSError:
            self.hearing = Hearing.NO_WATCHES

    def close(self) -> None:
        """Give everything back. Nobody may be in `changes` any more."""
        self._ended = True
        # What a look opens from now on, it closes as well: a share that hangs is not waited for.
        if self._inotify is not None and self._looking.acquire(timeout=PATIENCE_S):
            try:
                self._shut()
            finally:
                self._looking.release()

    def _open(self, root: Path) -> None:
        """Make sure that it listens, where that is of use."""
        if self._ended or self.hearing not in {Hearing.NOT_YET, Hearing.TOLD}:
            return
        if self._where(root) is not None:
            self.hearing = Hearing.REMOTE
        elif self._inotify is None:
            self._inotify, self.hearing = _opened()

    def _listen_to(self, path: str) -> None:
        if self._inotify is None or self.hearing is not Hearing.TOLD:
            return
        if len(self._renewed) >= MOST_FOLDERS:
            self.hearing = Hearing.TOO_LARGE
            return
        try:
            watch = self._inotify.add_watch(path, _mask())
        except OSError as err:
            if err.errno in {errno.ENOSPC, errno.ENOMEM}:
                self.hearing = Hearing.NO_WATCHES
            # Otherwise it is gone or locked, as the look will find.
            return
        # A folder that was moved is the same one to the system, and has another name to us.
        watch.path = Path(path)
        self._renewed[watch.wd] = watch

    def _drop(self) -> None:
        for number in self._watches.keys() - self._renewed.keys():
            if self._inotify is not None:
                # The system itself has dropped a folder that was deleted.
                with suppress(OSError):
                    self._inotify.rm_watch(self._watches[number])
        self._watches = self._renewed

    def _shut(self) -> None:
        if self._inotify is not None:
            self._inotify.close()


def _opened() -> tuple[Inotify | None, Hearing]:
    """Open inotify. In a thread: its package looks for the C library as it is imported."""
    try:
        from asyncinotify import Inotify

        return Inotify(), Hearing.TOLD
    except OSError:
        return None, Hearing.NO_WATCHES
    except ImportError, RuntimeError, AttributeError:
        # It is missing, or has found nothing on this system to work with.
        return None, Hearing.NO_LIBRARY


@cache
def _mask() -> Mask:
    """What to be told of: no writes, of which there are thousands, but the end of them."""
    from asyncinotify import Mask

    return (
        Mask.CLOSE_WRITE
        | Mask.CREATE
        | Mask.DELETE
        | Mask.MOVE
        | Mask.DELETE_SELF
        | Mask.MOVE_SELF
        | Mask.ONLYDIR
        | Mask.DONT_FOLLOW
        | Mask.EXCL_UNLINK
    )


def _matters(event: Event) -> bool:
    """Whether a look would find something. A queue that overflowed matters: it may be anything."""
    from asyncinotify import Mask

    name = "" if event.name is None else event.name.name
    return Mask.IGNORED not in event.mask and not left_alone(name)


def _whole(event: Event) -> str | None:
    from asyncinotify import Mask

    written = event.mask & (Mask.CLOSE_WRITE | Mask.MOVED_TO) and Mask.ISDIR not in event.mask
    return str(event.path) if written and event.path is not None else None
