"""Glimpses of files on printers: what they say and show, without fetching them.

After a look at a resting printer, a few of the files that nobody knows yet are looked into: some
pieces of each, some 300 kB. One printer at a time, never again for the same version of a file, and
not while it prints. Pictures are looked for when somebody wants to see one.
"""

from __future__ import annotations

import asyncio
import logging
import posixpath
from typing import TYPE_CHECKING, Final, Self

from ..errors import BadFile, PrinternizerError, Refused, Unreachable
from ..store import library_glimpses
from .at_rest import at_rest, may_be_read
from .far_files import far_facts, far_thumbnail

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType

    from ..drivers.base import RemoteFile, Storage
    from ..file import FileFacts
    from ..store.database import Store
    from .fleet import Fleet
    from .library import Library
    from .link import Link

_LOGGER = logging.getLogger(__name__)

FEW: Final = 5
"""Files of one printer after one look: each costs a small board some seconds of reading."""
MOST_BYTES: Final = 6 << 20
"""Of these together."""
LONGEST_S: Final = 60.0
"""For these together."""
TRIES: Final = 3
"""How often a file is tried whose line broke, until it or we begin anew."""
MOST_WAITING: Final = 60
"""Pictures of one printer that may wait: a page of files."""
_ASKED: Final = 500
"""Files without facts that are asked for at once."""
TELLING: Final = (".gcode", ".gco", ".g", ".gc", ".nc", ".bgcode", ".bgc", ".3mf")
"""Ends of names of files that say more than their size, and may hold pictures."""

type _Version = tuple[int | None, datetime | None]


class Glimpses:
    """Owns the task that looks into files. Open it with `async with`."""

    def __init__(self, fleet: Fleet, library: Library, store: Store) -> None:
        self._fleet = fleet
        self._library = library
        self._store = store
        self._seen: dict[str, dict[str, RemoteFile]] = {}
        self._told: dict[tuple[str, str], _Version] = {}
        """Versions of files that were looked into since we were started."""
        self._tries: dict[tuple[str, str], tuple[_Version, int]] = {}
        self._mute: dict[tuple[str, str], object] = {}
        """Lines of printers that hand out whole files only, of some of their storages."""
        self._due: dict[str, None] = {}
        self._wake = asyncio.Event()
        self._locks: dict[str, asyncio.Lock] = {}
        self._waiting: dict[str, int] = {}
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look_forever(), name="printernizer glimpses")
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

    def looked(self, printer_id: str, files: Mapping[str, RemoteFile]) -> None:
        """Hear of all that lies on a printer, by path; some of it is looked into by and by."""
        self._seen[printer_id] = {
            path: file for path, file in files.items() if path.lower().endswith(TELLING)
        }
        for kept in (self._told, self._tries):
            for key in [key for key in kept if key[0] == printer_id and key[1] not in files]:
                del kept[key]
        self._due[printer_id] = None
        self._wake.set()

    def seen(self, printer_id: str, path: str) -> RemoteFile | None:
        """Return a file as it was when its printer was looked at last."""
        return self._seen.get(printer_id, {}).get(path)

    # -- pictures ----------------------------------------------------------------------------

    async def picture(
        self,
        printer_id: str,
        path: str,
        *,
        plate: int | None = None,
        at_least_px: int | None = None,
    ) -> bytes | None:
        """Return the slicer's picture of a file on a printer, PNG or JPEG; None without one.

        Raises Unreachable where the printer may not be read now, or others wait; BadFile, Refused
        and what the line raises.
        """
        link = self._fleet.get(printer_id)
        if link is None or not may_be_read(link):
            raise Unreachable("it cannot be read now")
        if self._waiting.get(printer_id, 0) >= MOST_WAITING:
            raise Unreachable("others wait for pictures of it")
        self._waiting[printer_id] = self._waiting.get(printer_id, 0) + 1
        try:
            async with self._locks.setdefault(printer_id, asyncio.Lock()):
                looking = self._picture(link, path, plate, at_least_px)
                return await at_rest(self._fleet, printer_id, looking)
        finally:
            self._waiting[printer_id] -= 1

    async def _picture(
        self, link: Link, path: str, plate: int | None, at_least_px: int | None
    ) -> bytes | None:
        storage = link.require().storage
        assert storage is not None  # it may be read
        file = self.seen(link.printer_id, path) or await _found(storage, path)
        if file is None:
            return None
        if file.thumbnail is not None and plate in {None, 1}:
            # What the printer took out of the file already costs it least.
            picture = await storage.thumbnail(file.thumbnail)
            if picture is not None:
                return picture
        if self._is_mute(link, path):
            return None
        try:
            return await far_thumbnail(storage, file, plate=plate, at_least_px=at_least_px)
        except Refused as err:
            self._heed(link, path, err)
            return None

    # -- facts -------------------------------------------------------------------------------

    async def _look_forever(self) -> None:
        while True:
            if not self._due:
                self._wake.clear()
                await self._wake.wait()
            printer_id = next(iter(self._due))
            del self._due[printer_id]
            try:
                async with asyncio.timeout(LONGEST_S):
                    await self.look(printer_id)
            except (PrinternizerError, TimeoutError) as err:
                _LOGGER.debug("%s: its files say nothing: %s", printer_id, err)
            except Exception:
                # Of one printer, and no reason never to look into files of any again.
                _LOGGER.exception("%s: its files could not be looked into", printer_id)

    async def look(self, printer_id: str) -> int:
        """Look into a few files of a printer that nobody knows; returns how many.

        Raises Unreachable, StoreError, and what the line raises.
        """
        link = self._fleet.get(printer_id)
        files = self._seen.get(printer_id, {})
        if link is None:
            return 0
        paths = await self._store.run(library_glimpses.untold, printer_id, limit=_ASKED)
        changed = [
            path
            for path, file in files.items()
            if self._told.get((printer_id, path), _version(file)) != _version(file)
        ]
        looked = moved = 0
        for path in (*paths, *changed):
            file = files.get(path)
            if file is None or file.size is None or self._tried(printer_id, file) >= TRIES:
                continue
            if looked == FEW or moved >= MOST_BYTES or not _rests(link):
                break
            if self._is_mute(link, path):
                continue
            async with self._locks.setdefault(printer_id, asyncio.Lock()):
                moved += await self._look_into(link, file)
            looked += 1
        return looked

    async def _look_into(self, link: Link, file: RemoteFile) -> int:
        """Keep what a file says of itself; returns how many bytes that moved."""
        storage = link.require().storage
        if storage is None:
            return 0
        tap = _Tap(storage)
        facts: FileFacts | None = None
        error = None
        try:
            facts = await at_rest(self._fleet, link.printer_id, far_facts(tap, file))
        except BadFile as err:
            error = err.reason
        except Refused as err:
            self._count(link, file, TRIES)
            self._heed(link, file.path, err)
            return tap.moved
        except PrinternizerError:
            if link.status is None or not link.status.active:
                # That a print began is not the fault of the file.
                self._count(link, file, 1)
            raise
        await self._library.told(link.printer_id, file.path, facts, error)
        self._told[link.printer_id, file.path] = _version(file)
        return tap.moved

    def _tried(self, printer_id: str, file: RemoteFile) -> int:
        version, tries = self._tries.get((printer_id, file.path), (None, 0))
        return tries if version == _version(file) else 0

    def _count(self, link: Link, file: RemoteFile, more: int) -> None:
        tries = self._tried(link.printer_id, file) + more
        self._tries[link.printer_id, file.path] = _version(file), tries

    def _heed(self, link: Link, path: str, err: Refused) -> None:
        """Ask no more, for as long as the line stands, of a storage that hands out no pieces."""
        if err.key == "not_supported":
            self._mute[link.printer_id, _root(path)] = link.session

    def _is_mute(self, link: Link, path: str) -> bool:
        return self._mute.get((link.printer_id, _root(path)), self) is link.session


class _Tap:
    """A storage whose bytes are counted."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.moved = 0

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """As `Storage.read_part`."""
        piece = await self._storage.read_part(path, offset, length)
        self.moved += len(piece)
        return piece


def _rests(link: Link) -> bool:
    """Whether a printer does nothing now, however little reading would disturb it."""
    return may_be_read(link) and link.status is not None and not link.status.active


def _version(file: RemoteFile) -> _Version:
    return file.size, file.modified


def _root(path: str) -> str:
    """Return the first folder of a path, which on most printers is one of their storages."""
    first, slash, _ = path.strip("/").partition("/")
    return first if slash else ""


async def _found(storage: Storage, path: str) -> RemoteFile | None:
    listing = await storage.list(posixpath.dirname(path) or "/")
    return next((file for file in listing if file.path == path and not file.folder), None)
