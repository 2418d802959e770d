"""Which files lie on the printers: looked up now and then, noted in passing, kept once printed.

A printer is looked through when its line is up, a while after it came up, every quarter of an
hour, and soon after something changed there. Most printers and the servers that feed them list
and read with the processor that feeds the print: those are left alone until they rest.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from ..errors import BadFile, NotAllowed, PrinternizerError, Refused, StoreError, Unreachable
from ..file_match import written_since
from ..job import CLOSING, JobEventKind
from ..library.shelf import Shelf
from ..library_file import shown_name
from ..store import library_walk
from ..upload import UploadState
from .at_rest import at_rest, may_be_read
from .plans import file_of_run, is_newer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    from ..drivers.base import RemoteFile, Storage
    from ..job import Job, JobEvent
    from ..store.database import Store
    from ..upload import Upload
    from .clock import Clock
    from .fetches import Fetches
    from .fleet import Fleet
    from .library import Library
    from .link import Link
    from .settings import Settings

_LOGGER = logging.getLogger(__name__)

TICK_S: Final = 15.0
FIRST_S: Final = 20.0
"""After a line came up: a printer that starts has other things to do."""
SOON_S: Final = 10.0
"""After something changed: slicers send several files in a row."""
EVERY_S: Final = 15 * 60.0
DEEPEST: Final = 8
MOST_FOLDERS: Final = 200
MOST_FILES: Final = 5_000
MOST_NOTES: Final = 200
"""Notes that may wait for the database; what is beyond is seen again at the next look."""
LARGEST_KEPT: Final = 512 << 20
"""Bytes. A longer file is not fetched by itself: on slow boards it would take hours."""
MOST_PRINTED: Final = 20
"""Runs of one printer whose files are waited for: as many as it prints without a rest."""
_LARGEST: Final = 1 << 53
_MODELS: Final = (".3mf", ".stl", ".obj", ".ply", ".off", ".glb", ".gcode", ".bgcode")
_NOT_PRINTED: Final = frozenset({"config", "logs", "docs", "timelapse", "ipcam", "logger"})
"""Folders of the root in which printers and servers keep what nobody prints."""


@dataclass(slots=True)
class _Watched:
    """One printer, as far as its files go."""

    session: object = None
    """Of which line: another one means that it was away."""
    due: float = 0.0
    """When to look, on the monotonic clock."""
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    """One look at a time."""
    busy: bool = False
    printed: dict[UUID, Job] = field(default_factory=dict)
    """Runs whose files may not be here yet, the first one first."""


class PrinterFiles:
    """Owns the task that looks, and those that note; all end with it. Open with `async with`.

    folder: of the library; without one nothing is looked up. looked: hears what a look found.
    """

    def __init__(
        self,
        fleet: Fleet,
        library: Library,
        fetches: Fetches,
        store: Store,
        settings: Settings,
        clock: Clock,
        folder: Path | None,
        looked: Callable[[str, Mapping[str, RemoteFile]], None],
    ) -> None:
        self._fleet = fleet
        self._library = library
        self._fetches = fetches
        self._store = store
        self._settings = settings
        self._clock = clock
        self._shelf = None if folder is None else Shelf(folder)
        self._looked = looked
        self._watched: dict[str, _Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        if self._shelf is not None:
            self._spawn(self._watch_forever(), "printernizer files of printers")
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

    # -- what others tell --------------------------------------------------------------------

    def listed(self, printer_id: str, folder: str, found: Iterable[RemoteFile]) -> None:
        """Note what somebody saw in a folder; nobody waits for it, and nothing fails for it."""
        if self._shelf is not None and _holds_prints(folder):
            found = tuple(found)
            files = list(_noted(found))
            self._note(self._library.seen(printer_id, folder, files, _written(found)), printer_id)

    def removed(self, printer_id: str, path: str) -> None:
        """Note that a file is not there any more, and look soon what is."""
        if self._shelf is not None:
            self._note(self._library.removed(printer_id, path), printer_id)
            self.soon(printer_id)

    def moved(self, printer_id: str, path: str, to: str) -> None:
        """Note that a file lies elsewhere on its printer now."""
        if self._shelf is not None:
            noting = self._store.run(library_walk.moved, printer_id, path, to, self._clock.now())
            self._note(noting, printer_id)
            self.soon(printer_id)

    def sent(self, printer_id: str, path: str, source: Path) -> None:
        """Note that a file of ours lies on a printer: one of the shelf is known by its bytes."""
        if self._shelf is not None and (sha256 := _content(self._shelf, source)):
            noting = self._store.run(
                library_walk.placed, printer_id, path, sha256, self._clock.now()
            )
            self._note(noting, printer_id)

    def on_upload(self, upload: Upload) -> None:
        """Look soon at a printer that has a new file."""
        if upload.state is UploadState.DONE:
            self.soon(upload.printer_id)

    def on_job(self, event: JobEvent) -> None:
        """Remember whose file to keep; look soon at a printer whose job ended."""
        printer_id = event.job.printer_id
        began = event.kind in {JobEventKind.STARTED, JobEventKind.IDENTIFIED}
        if began or event.kind in CLOSING:
            printed = self._of(printer_id).printed
            printed[event.job.id] = event.job
            if len(printed) > MOST_PRINTED:
                del printed[next(iter(printed))]
            self.soon(printer_id)

    async def retire(self, printer_id: str) -> None:
        """Note that a printer was removed: from it nothing can be fetched any more.

        A database that takes no writes leaves its files listed, to be asked for in vain.
        """
        self._watched.pop(printer_id, None)
        await _noted_safely(self._store.run(library_walk.walked, printer_id, ()), printer_id)

    def soon(self, printer_id: str) -> None:
        """Look at a printer as soon as it may be looked at."""
        watched = self._of(printer_id)
        watched.due = min(watched.due, self._clock.monotonic() + SOON_S)

    async def kept(self, printer_id: str, path: str) -> Path | None:
        """Return where a file of a printer lies in the library, fetched if need be.

        None where the shop keeps none, or the library does not take it. Raises Unreachable, also
        when a print begins that reading would disturb; NotAllowed(key="fetch_cancelled"), Garbled
        and StoreError.
        """
        if self._shelf is None or not self._settings.shop.library.keep_printed_files:
            return None
        try:
            file = await at_rest(self._fleet, printer_id, self._fetches.fetch(printer_id, path))
            return await self._library.path(file.id)
        except (BadFile, NotAllowed, Refused) as err:
            if err.key == "fetch_cancelled":
                raise  # whoever cancelled it does not want it to come some other way
            _LOGGER.debug("%s: %s is not kept: %s", printer_id, path, err)
            return None

    # -- looking -----------------------------------------------------------------------------

    async def look(self, printer_id: str) -> int:
        """Look through the folders of a printer; returns how many files lie there.

        Raises Refused, Unreachable and StoreError; what was seen until then is noted.
        """
        link = self._fleet[printer_id]
        watched = self._of(printer_id)
        async with watched.lock:
            storage = link.require().storage
            return 0 if storage is None else await self._walk(link, storage)

    async def _walk(self, link: Link, storage: Storage) -> int:
        waiting = deque([("/", 0)])
        walked: set[str] = set()
        there: dict[str, RemoteFile] = {}
        files, whole = 0, True
        while waiting:
            folder, depth = waiting.popleft()
            if len(walked) == MOST_FOLDERS or files >= MOST_FILES or not may_be_read(link):
                whole = False
                break
            walked.add(folder)
            found = await storage.list(folder)
            noted = list(_noted(found))
            some = noted[: MOST_FILES - files]
            await self._library.seen(link.printer_id, folder, some, _written(found))
            files += len(noted)
            there |= {each.path: each for each in found[:MOST_FILES] if not each.folder}
            for each in found:
                if not each.folder or each.path in walked or not _below(folder, each.path):
                    continue
                if depth < DEEPEST and _holds_prints(each.path):
                    waiting.append((each.path, depth + 1))
                elif depth >= DEEPEST:
                    whole = False
        if whole:
            await self._store.run(library_walk.walked, link.printer_id, walked)
        self._looked(link.printer_id, there)
        return min(files, MOST_FILES)

    async def _watch_forever(self) -> None:
        while True:
            try:
                self._look_around()
            except Exception:
                # Of one printer, and no reason never to look at any again.
                _LOGGER.exception("The files of printers could not be looked up")
            await self._clock.sleep(TICK_S)

    def _look_around(self) -> None:
        """Begin with every printer that is due, unless it is busy."""
        now = self._clock.monotonic()
        for link in self._fleet:
            watched = self._of(link.printer_id)
            if link.session is not watched.session:
                watched.session, watched.due = link.session, now + FIRST_S
            if link.session is None or watched.busy or now < watched.due or not may_be_read(link):
                continue
            watched.busy, watched.due = True, now + EVERY_S
            self._spawn(self._attend(link, watched), f"printernizer files of {link.printer_id}")

    async def _attend(self, link: Link, watched: _Watched) -> None:
        """Look at a printer, and keep what it printed. That it fails is no matter of the print."""
        try:
            await self.look(link.printer_id)
            await self._keep(link, watched)
        except PrinternizerError as err:
            _LOGGER.debug("%s: its files: %s", link.printer_id, err)
        except Exception:
            # A driver that stumbles over it does so again, and the others must not miss a look.
            _LOGGER.exception("%s: its files could not be looked up", link.printer_id)
        finally:
            watched.busy = False

    async def _keep(self, link: Link, watched: _Watched) -> None:
        """Bring the files of the last runs into the library, unless they are there."""
        for job in tuple(watched.printed.values()):
            try:
                await self._keep_of(link, job)
            except Unreachable, StoreError:
                raise  # they are tried again at the next look
            except PrinternizerError as err:
                _LOGGER.debug("%s: the file of a run is not kept: %s", link.printer_id, err)
            # Unless more was heard of it meanwhile: it may have got its name only now.
            if watched.printed.get(job.id) is job:
                del watched.printed[job.id]

    async def _keep_of(self, link: Link, job: Job) -> None:
        storage = link.require().storage
        if storage is None or not self._settings.shop.library.keep_printed_files:
            return
        found = await at_rest(self._fleet, job.printer_id, file_of_run(storage, job))
        if found is None or is_newer(found, job, self._clock.now()):
            return
        known = await self._library.at_place(job.printer_id, found.path)
        if known is not None and known.on_shelf:
            certain = any(
                place.certain
                and (place.printer_id, place.path) == (job.printer_id, found.path)
                and not written_since(found.modified, place.last_seen, self._clock.now())
                for place in known.places
            )
            if certain and found.size in {known.size_bytes, None}:
                return
        if found.size is None or found.size <= LARGEST_KEPT:
            fetching = self._fetches.fetch(job.printer_id, found.path)
            await at_rest(self._fleet, job.printer_id, fetching)

    # -- inside ------------------------------------------------------------------------------

    def _of(self, printer_id: str) -> _Watched:
        if printer_id not in self._watched:
            due = self._clock.monotonic() + EVERY_S
            self._watched[printer_id] = _Watched(due=due)
        return self._watched[printer_id]

    def _note(self, noting: Coroutine[Any, Any, Any], printer_id: str) -> None:
        if len(self._tasks) > MOST_NOTES:
            noting.close()
            return
        self._spawn(_noted_safely(noting, printer_id), f"printernizer note of {printer_id}")

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _noted_safely(noting: Coroutine[Any, Any, Any], printer_id: str) -> None:
    try:
        await noting
    except StoreError as err:
        # The ledger tells the user of a database that takes no writes.
        _LOGGER.debug("%s: its files could not be noted: %s", printer_id, err)
    except Exception:
        _LOGGER.exception("%s: its files could not be noted", printer_id)


def _noted(found: Iterable[RemoteFile]) -> Iterator[tuple[str, str, int | None]]:
    """Yield those of a listing that a library may hold, as (path, name, bytes)."""
    for file in found:
        if file.folder or not (file.printable or file.path.lower().endswith(_MODELS)):
            continue
        with suppress(NotAllowed):
            # One that cannot be shown must not keep the others from the list.
            shown_name(file.name)
            size = file.size if file.size is not None and 0 <= file.size <= _LARGEST else None
            yield file.path, file.name, size


def _written(found: Iterable[RemoteFile]) -> dict[str, datetime]:
    return {file.path: file.modified for file in found if file.modified is not None}


def _holds_prints(folder: str) -> bool:
    return folder.strip("/").split("/", 1)[0].casefold() not in _NOT_PRINTED


def _below(folder: str, path: str) -> bool:
    """Whether a folder lies where its listing says: one that leads elsewhere is not followed."""
    return posixpath.dirname(path) == (folder.rstrip("/") or "/") and ".." not in path.split("/")


def _content(shelf: Shelf, source: Path) -> str | None:
    """Return the hash of a file that lies on the shelf; None of any other."""
    try:
        return source.name if shelf.path(source.name) == source else None
    except ValueError:
        return None
