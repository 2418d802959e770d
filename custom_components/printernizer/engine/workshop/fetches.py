"""Files on their way from printers into the library: one at a time each, whole or not at all.

A file grows under a name of its own in a folder that is emptied at every start: a process that
is killed leaves nothing half in the library. A line that breaks is waited for, and the file goes
on where it broke off, if it is still the same file and its printer can do that.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
import shutil
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4

from ..errors import BadFile, Garbled, NotAllowed, PrinternizerError, Refused, Unreachable
from ..fetch import Fetch, FetchState
from ..file_match import written_since
from ..library.intake import ANYTHING_WE_READ
from ..library_file import Origin, Source
from .clock import within
from .listeners import Listeners
from .rate import Rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from ..drivers.base import RemoteFile, Storage
    from ..library_file import LibraryFile
    from .clock import Clock
    from .fleet import Fleet
    from .library import Library

_LOGGER = logging.getLogger(__name__)

AT_ONCE: Final = 4
"""Printers from which bytes come at a time: more would only share our disk and the network."""
TRIES: Final = 3
PAUSES_S: Final = (2.0, 10.0)
"""Between the tries: an access point that roams is back within seconds."""
RETURN_S: Final = 120.0
"""How long a line may be down before a fetch gives up: a board that restarts takes a minute."""
LARGEST_BYTES: Final = ANYTHING_WE_READ.largest_bytes
SPARE_BYTES: Final = 512 << 20
"""What stays free on our disk: the ledger lives there, too."""
FETCHED: Final = "fetching"
"""The folder beside the shelf in which files grow."""

type Listener = Callable[[Fetch], None]


@dataclass(slots=True, eq=False)
class _Fetching:
    """A fetch, and what it takes to carry it out."""

    fetch: Fetch
    part: Path
    task: asyncio.Task[LibraryFile] | None = None
    called_off: Callable[[], PrinternizerError] | None = None
    """Makes what those who wait for it are told."""
    holds: tuple[object, ...] | None = None
    """Of which version of the file the part is the beginning."""
    waiters: int = 0


@dataclass(slots=True)
class _Lane:
    """The fetches of one printer, in the order of asking."""

    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    queue: list[_Fetching] = field(default_factory=list)
    latest: Fetch | None = None


class Fetches:
    """Carries files into the library. Owns a task for each; all end with it.

    folder: where files grow, on the disk of the library; None for a shop without one, where
    fetching raises NotAllowed(key="no_library").
    """

    def __init__(self, fleet: Fleet, library: Library, clock: Clock, folder: Path | None) -> None:
        self._fleet = fleet
        self._library = library
        self._clock = clock
        self._folder = folder
        self._lanes: dict[str, _Lane] = {}
        self._listeners: Listeners[Fetch] = Listeners("fetches")
        self._room = asyncio.Semaphore(AT_ONCE)

    async def __aenter__(self) -> Self:
        if self._folder is not None:
            # What a killed process left: nobody knows any more of which file it is the beginning.
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.gather(*(self.drop(printer_id) for printer_id in tuple(self._lanes)))

    # -- for everybody -----------------------------------------------------------------------

    def current(self, printer_id: str) -> Fetch | None:
        """Return the fetch under way, or the last one; None when there was none."""
        lane = self._lanes.get(printer_id)
        if lane is None:
            return None
        return lane.queue[0].fetch if lane.queue else lane.latest

    def all(self) -> tuple[Fetch, ...]:
        """Return every fetch that is under way or waits."""
        return tuple(each.fetch for lane in self._lanes.values() for each in lane.queue)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Hear of every fetch from every printer; returns how to stop.

        Called at every change of state, and at most every `rate.TELL_S` in between.
        """
        return self._listeners.add(listener)

    async def cancel(self, printer_id: str, path: str | None = None) -> Fetch:
        """End a fetch, the one under way without a path, and return it as it ended.

        Raises NotAllowed(key="no_fetch") when there is none.
        """
        lane = self._lanes.get(printer_id)
        found = next(
            (one for one in (lane.queue if lane else ()) if path in {None, one.fetch.path}), None
        )
        if found is None:
            raise NotAllowed("nothing is being fetched", key="no_fetch")
        await _end(found, _cancelled)
        return found.fetch

    async def drop(self, printer_id: str) -> None:
        """End all fetches from a printer that goes away, the waiting ones first."""
        lane = self._lanes.pop(printer_id, None)
        if lane is not None:
            await asyncio.gather(*(_end(each, _closed) for each in reversed(lane.queue)))

    async def file(self, file_id: UUID) -> LibraryFile:
        """Fetch a file of the list from whichever printer has it; returns it as it lies here.

        Raises NotAllowed(key="no_file"), "file_gone" when no printer has it any more, and what
        `fetch` raises.
        """
        file = await self._library.get(file_id)
        if file.on_shelf:
            return file
        places = [
            place
            for place in file.places
            if place.present and self._fleet.get(place.printer_id) is not None
        ]
        if not places:
            raise NotAllowed(f"no printer has {file.name} any more", key="file_gone")
        # One whose line is up, if there is one; who waits for a printer that is off may do so.
        there = next((place for place in places if self._up(place.printer_id)), places[0])
        return await self.fetch(there.printer_id, there.path)

    async def fetch(self, printer_id: str, path: str) -> LibraryFile:
        """Bring a file of a printer into the library; returns it as it lies there.

        Who asks for a file that is on its way waits for that. What is known to be here already,
        by its bytes, is not fetched again. Waits for a line that is down. Raises NotAllowed
        ("no_library", "disk_full", "library_full", "fetch_cancelled"), BadFile for what the
        library does not take, Refused with the printer's reason, Unreachable when it stays away or
        its line is closed, Garbled when what comes never is what was promised, and StoreError.
        """
        self._fleet[printer_id]  # it is set up
        if self._folder is None:
            raise NotAllowed("this shop has no folder for files", key="no_library")
        lane = self._lanes.setdefault(printer_id, _Lane())
        # One that was called off a moment ago is no fetch to wait for.
        under_way = (each for each in lane.queue if each.called_off is None)
        fetching = next((each for each in under_way if each.fetch.path == path), None)
        if fetching is None:
            fetching = self._begin(lane, printer_id, path, self._folder)
        assert fetching.task is not None
        fetching.waiters += 1
        try:
            # Of several who wait, the first to go must not take it from the others. Not `shield`:
            # it tells the log of what fails behind somebody who left.
            await asyncio.wait([fetching.task])
            return fetching.task.result()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if fetching.called_off and not (task and task.cancelling()):
                raise fetching.called_off() from None
            if fetching.waiters == 1:
                await _end(fetching, _cancelled)
            raise
        finally:
            fetching.waiters -= 1

    def _up(self, printer_id: str) -> bool:
        link = self._fleet.get(printer_id)
        return link is not None and link.session is not None

    # -- one fetch ---------------------------------------------------------------------------

    def _begin(self, lane: _Lane, printer_id: str, path: str, folder: Path) -> _Fetching:
        number = uuid4()
        fetch = Fetch(id=number, printer_id=printer_id, path=path, started_at=self._clock.now())
        fetching = _Fetching(fetch=fetch, part=folder / f"{number.hex}.part")
        lane.queue.append(fetching)
        self._tell(fetch)
        fetching.task = asyncio.create_task(
            self._carry(lane, fetching), name=f"printernizer fetch {printer_id}"
        )
        # First in line: whoever waits for the task finds the fetch as it ended.
        fetching.task.add_done_callback(partial(self._settle, lane, fetching))
        return fetching

    async def _carry(self, lane: _Lane, fetching: _Fetching) -> LibraryFile:
        """Wait for its turn and fetch it; nothing of it is left beside the library."""
        async with lane.lock:
            try:
                await asyncio.to_thread(fetching.part.parent.mkdir, parents=True, exist_ok=True)
                return await self._tries(fetching)
            except OSError as err:
                reason = err.strerror or type(err).__name__
                raise NotAllowed(f"the disk says: {reason}", key="disk_failed") from err
            finally:
                await asyncio.shield(asyncio.to_thread(_discard, fetching.part))

    def _settle(self, lane: _Lane, fetching: _Fetching, task: asyncio.Task[LibraryFile]) -> None:
        """Give it its one clear end."""
        lane.queue.remove(fetching)
        last = replace(fetching.fetch, bytes_per_s=None, left=None, ended_at=self._clock.now())
        if task.cancelled():
            last = replace(last, state=FetchState.CANCELLED, error_key="fetch_cancelled")
        elif (err := task.exception()) is None:
            last = replace(last, state=FetchState.DONE, file_id=task.result().id)
        elif isinstance(err, PrinternizerError):
            last = replace(last, state=FetchState.FAILED, error_key=err.key, reason=err.reason)
        else:
            # Our bug: whoever asked sees it, the others that it failed.
            last = replace(last, state=FetchState.FAILED, error_key="unexpected")
        lane.latest = last
        self._show(fetching, last)

    async def _tries(self, fetching: _Fetching) -> LibraryFile:
        """Fetch until it is here. Only a broken line and a file not whole are tried again."""
        for attempt in range(1, TRIES + 1):
            try:
                return await self._try(fetching, attempt)
            except (Unreachable, Garbled) as err:
                _LOGGER.debug("%s: try %s: %s", fetching.fetch.printer_id, attempt, err)
                if isinstance(err, Garbled):
                    await asyncio.to_thread(_discard, fetching.part)
                if attempt == TRIES:
                    raise
            waiting = replace(fetching.fetch, state=FetchState.WAITING, bytes_per_s=None, left=None)
            self._show(fetching, waiting)
            await self._clock.sleep(PAUSES_S[attempt - 1])
        raise AssertionError("the last try returns or raises")

    async def _try(self, fetching: _Fetching, attempt: int) -> LibraryFile:
        printer_id, path = fetching.fetch.printer_id, fetching.fetch.path
        storage = await self._storage(printer_id)
        found = await _found(storage, path)
        known = await self._library.at_place(printer_id, path)
        if known is not None and _surely(known, printer_id, found, self._clock.now()):
            # Perhaps since an earlier try: what came of that is none of it.
            fetching.fetch = replace(fetching.fetch, known=True, moved_bytes=0)
            return known
        version = (found.size, found.modified)
        if fetching.holds != version:
            await asyncio.to_thread(_discard, fetching.part)
            fetching.holds = version
        await self._fetching(known, now=True)
        try:
            async with self._room:
                size = await self._move(fetching, storage, found, attempt)
            await self._still(storage, found, size)
            # Not every step of it was shown, and of a small file none.
            fetching.fetch = replace(fetching.fetch, moved_bytes=size, total_bytes=size)
            return await self._take(fetching, found, size)
        finally:
            # What came in is not being fetched any more; what did not can be fetched again.
            await asyncio.shield(self._fetching(known, now=False))

    async def _take(self, fetching: _Fetching, found: RemoteFile, size: int) -> LibraryFile:
        source = Source(
            origin=Origin.DOWNLOADED, printer_id=fetching.fetch.printer_id, path=found.path
        )
        name = found.name or posixpath.basename(found.path)
        return (await self._library.add(fetching.part, name, source=source, size=size)).file

    async def _fetching(self, known: LibraryFile | None, *, now: bool) -> None:
        if known is not None:
            with suppress(PrinternizerError):
                # Shown to people, and no reason to leave a file on its printer.
                await self._library.fetching(known.id, now=now)

    async def _storage(self, printer_id: str) -> Storage:
        link = self._fleet[printer_id]
        try:
            session = await within(self._clock, RETURN_S, link.up())
        except TimeoutError:
            raise link.error or Unreachable("the line did not come back") from None
        if session.storage is None:
            raise Refused("this printer shows no files", key="not_supported")
        return session.storage

    async def _move(
        self, fetching: _Fetching, storage: Storage, found: RemoteFile, attempt: int
    ) -> int:
        """Let the driver fetch it; returns how many bytes lie here.

        It is ended from outside when there is no more room: a driver in a thread tells its
        progress to the loop, where an exception would stop nothing.
        """
        room = await asyncio.to_thread(_room, fetching.part)
        _fits(found.size or 0, room)
        rate = Rate(self._clock)
        running = replace(
            fetching.fetch, state=FetchState.RUNNING, attempt=attempt, total_bytes=found.size
        )
        self._show(fetching, running)
        going = True
        most: int | None = None

        def progress(moved: int, total: int | None) -> None:
            nonlocal most
            # Drivers with threads may be late: after the end nothing moves any more.
            if not going:
                return
            if most is None and max(moved, total or 0) > min(room, LARGEST_BYTES):
                most = max(moved, total or 0)
                limit.reschedule(0)
            self._moved(fetching, rate, moved, total)

        try:
            async with asyncio.timeout(None) as limit:
                await storage.download(found.path, fetching.part, progress=progress)
        except TimeoutError:
            if most is None:
                raise
        finally:
            going = False
        if most is not None:
            _fits(most, room)
        return (await asyncio.to_thread(fetching.part.stat)).st_size

    @staticmethod
    async def _still(storage: Storage, found: RemoteFile, size: int) -> None:
        """Raise Garbled when what came cannot be the file that lies there now."""
        if found.size is not None and size != found.size:
            raise Garbled(f"{size} bytes came of {found.size}")
        now = await _found(storage, found.path)
        if (now.size, now.modified) != (found.size, found.modified):
            raise Garbled("the file changed while it was being fetched")

    # -- telling -----------------------------------------------------------------------------

    def _moved(self, fetching: _Fetching, rate: Rate, moved: int, total: int | None) -> None:
        fetch = fetching.fetch
        total = total if total is not None else fetch.total_bytes
        if not rate.take(moved, always=False):
            return
        shown = replace(
            fetch,
            moved_bytes=moved,
            total_bytes=total,
            bytes_per_s=rate.bytes_per_s,
            left=None if total is None else rate.time_for(total - moved),
        )
        if shown != fetch:
            self._show(fetching, shown)

    def _show(self, fetching: _Fetching, fetch: Fetch) -> None:
        fetching.fetch = fetch
        self._tell(fetch)

    def _tell(self, fetch: Fetch) -> None:
        self._listeners.tell(fetch)


def _surely(known: LibraryFile, printer_id: str, found: RemoteFile, now: datetime) -> bool:
    """Whether a file on a printer is one that lies here, as far as a listing can tell.

    By a place that was proved by the bytes. A name and a size alone are no proof: a file sliced
    again with another temperature is as long as the one before. Nor is a place where the printer
    does not say how long the file is now, or says that it was written since it was seen last.
    """
    return (
        known.on_shelf
        and found.size == known.size_bytes
        and any(
            place.certain
            and place.printer_id == printer_id
            and place.path == found.path
            and not written_since(found.modified, place.last_seen, now)
            for place in known.places
        )
    )


async def _found(storage: Storage, path: str) -> RemoteFile:
    """Return what lies under a path. Raises Refused(key="file_missing")."""
    files: Iterable[RemoteFile] = await storage.list(posixpath.dirname(path) or "/")
    for file in files:
        if file.path == path and not file.folder:
            return file
    raise Refused(f"no file {path}", key="file_missing", path=path)


def _room(part: Path) -> int:
    """Return how long a file may get: it is written once here, and once onto the shelf."""
    held = part.stat().st_size if part.exists() else 0
    return (shutil.disk_usage(part.parent).free + held - SPARE_BYTES) // 2


def _fits(size: int, room: int) -> None:
    if size > LARGEST_BYTES:
        raise BadFile(f"{size} bytes, of {LARGEST_BYTES} at most", key="file_too_large")
    if size > room:
        raise NotAllowed(f"{size} bytes would not fit, {max(room, 0)} would", key="disk_full")


def _discard(part: Path) -> None:
    with suppress(OSError):
        part.unlink(missing_ok=True)


def _cancelled() -> NotAllowed:
    return NotAllowed("somebody cancelled it", key="fetch_cancelled")


def _closed() -> Unreachable:
    return Unreachable("its line was closed", key="fetch_cancelled")


async def _end(fetching: _Fetching, why: Callable[[], PrinternizerError]) -> None:
    """Call a fetch off and wait until nothing of it is left."""
    fetching.called_off = why
    if fetching.task is not None:
        fetching.task.cancel()
        await asyncio.wait({fetching.task})
