"""Takes files of watched folders into the library, for as long as the shop is open."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, Self

from ..errors import BadFile, NotAllowed, StoreError
from ..library import watch
from ..library.intake import Limits
from ..library_file import Origin, Source
from ..store import watched

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    from ..library.watch import Found
    from ..store.database import Store
    from ..store.watched import Look
    from ..watched_folder import WatchedFolder
    from .clock import Clock
    from .library import Library

_LOGGER = logging.getLogger(__name__)

EVERY_S: Final = 10.0
SHARE: Final = 20.0
"""A look that takes long is followed by a pause that is so many times as long: who watches a slow
share or a huge folder pays a twentieth of one core for it at most."""
PATIENCE_S: Final = 30.0
"""How long the others wait for a folder that is slow, or hangs as shares do."""
_CLOSED: Final = frozenset({"library_full", "disk_full", "disk_failed", "no_library"})
"""Why the library takes no file at all: asking for each of them is of no use."""


class Scanner(Protocol):
    """Looks through a folder, off the event loop; `watch.look` is the real one."""

    def __call__(self, folder: WatchedFolder, /) -> tuple[Found, ...]:
        """Return its files. Raises OSError."""


@dataclass(slots=True, eq=False)
class _Watched:
    """A folder, and what is known of it."""

    folder: WatchedFolder
    settling: watch.Settling = field(default_factory=watch.Settling)
    seen: dict[str, Look] | None = None
    """As they were when they were taken in, or refused. None: not read yet."""
    gone: str | None = None
    """Why it cannot be looked through; told once."""
    waits: str | None = None
    """Why the library takes nothing; told once."""
    due: float = 0.0
    """When to look again, on the monotonic clock."""
    task: asyncio.Task[None] | None = None
    """The look that is under way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Look:
    """What a look found."""

    gone: list[str]
    """Files that were taken in once and are there no more."""
    ready: list[Found]
    """New ones, and those that changed, that have stood still for long enough."""


class Watching:
    """Open it with `async with`, and tell it what to watch."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        library: Library,
        shelf: Path | None,
        look: Scanner = watch.look,
    ) -> None:
        """Put it together. shelf: the library's own folder, which is never watched."""
        self._store = store
        self._clock = clock
        self._library = library
        self._shelf = shelf
        self._look = look
        self._watched: list[_Watched] = []
        self._some = asyncio.Event()
        """Whether there is anything to watch."""
        self._task: asyncio.Task[None] | None = None
        self._looks: set[asyncio.Task[None]] = set()
        self._sorting = asyncio.Lock()
        """Held by whoever makes a collection."""

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._look_forever(), name="printernizer watched folders")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        tasks = (*self._looks, *(() if self._task is None else (self._task,)))
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def watch(self, folders: Sequence[WatchedFolder]) -> None:
        """Watch these folders from the next look on, and no others."""
        known = {each.folder: each for each in self._watched}
        self._watched = [known.get(folder) or _Watched(folder) for folder in folders]
        if folders:
            self._some.set()
        else:
            self._some.clear()

    @property
    def gone(self) -> dict[str, str]:
        """Folders that cannot be looked through now, and why."""
        return {str(each.folder.path): each.gone for each in self._watched if each.gone}

    async def _look_forever(self) -> None:
        while True:
            await self._some.wait()
            now = self._clock.monotonic()
            begun = {
                self._begin(each) for each in self._watched if not each.task and now >= each.due
            }
            if begun:
                await asyncio.wait(begun, timeout=PATIENCE_S)
            await self._clock.sleep(EVERY_S)

    def _begin(self, each: _Watched) -> asyncio.Task[None]:
        """Look at one folder, on its own: a share that hangs must not keep the others waiting."""
        task = asyncio.create_task(
            self._attend(each), name=f"printernizer watched folder {each.folder.path}"
        )
        each.task = task
        self._looks.add(task)
        task.add_done_callback(self._looks.discard)
        return task

    async def _attend(self, each: _Watched) -> None:
        try:
            await self._look_at(each)
        except StoreError as err:
            # The ledger tells the user of a database that takes no writes.
            _LOGGER.debug("%s waits for the database: %s", each.folder.path, err)
        except Exception:
            # Of this folder, and no reason to look at no other until the next restart.
            _LOGGER.exception("%s could not be looked through", each.folder.path)
        finally:
            each.task = None

    async def _look_at(self, each: _Watched) -> None:
        folder = str(each.folder.path)
        if each.seen is None:
            each.seen = await self._store.run(watched.seen, self._library.scrubbing.here, folder)
        begun = self._clock.monotonic()
        try:
            found = await asyncio.to_thread(self._compared, each, each.seen)
        except OSError as err:
            # Nothing is forgotten: a share that comes back has what it had.
            if each.gone is None:
                _LOGGER.warning("The watched folder %s is gone: %s", folder, err.strerror)
            each.gone = err.strerror or "it is gone"
            return
        finally:
            now = self._clock.monotonic()
            each.due = now + SHARE * (now - begun)
        if each.gone is not None:
            _LOGGER.info("The watched folder %s is back", folder)
            each.gone = None
        if found.gone:
            await self._store.run(watched.forget, self._library.scrubbing.here, folder, found.gone)
            for path in found.gone:
                del each.seen[path]
        for one in found.ready:
            # Somebody may have chosen otherwise meanwhile: thousands of files take their time.
            if each not in self._watched or not await self._take(each, one, each.seen):
                return

    def _compared(self, each: _Watched, seen: dict[str, Look]) -> _Look:
        """Look, in a thread, and hold it against what is known. Raises OSError."""
        found = self._found(each.folder)
        vanished = seen.keys() - {one.path for one in found}
        news = [one for one in found if seen.get(one.path) != _as_it_is(one)]
        return _Look(
            gone=watch.gone(each.folder, vanished),
            ready=each.settling.settled(news, self._clock.monotonic()),
        )

    def _found(self, folder: WatchedFolder) -> tuple[Found, ...]:
        """Raises OSError. A library that takes in its own files would end by deleting them."""
        if self._shelf is not None:
            shelf = self._shelf.resolve()
            if shelf.is_relative_to(folder.path) or folder.path.is_relative_to(shelf):
                raise OSError(22, "the library itself lies there")
        return self._look(folder)

    async def _take(self, each: _Watched, found: Found, seen: dict[str, Look]) -> bool:
        """Take a file in, or say why not; returns whether the library takes more."""
        try:
            await self._take_in(each.folder, found)
            each.waits = None
            if each.folder.remove and await self._remove(found):
                return True
        except (BadFile, NotAllowed) as err:
            if err.key == "file_changed":
                return True  # It is looked at again once it stands still.
            if err.key in _CLOSED:
                if each.waits != err.key:
                    _LOGGER.warning("%s waits for the library: %s", found.path, err.reason)
                each.waits = err.key
                return False
            # Until it changes, or the next start: a look at its first bytes costs little.
            level = logging.DEBUG if err.key == "unknown_kind" else logging.WARNING
            _LOGGER.log(level, "%s stays where it is: %s", found.path, err.reason)
        else:
            note = (str(each.folder.path), found.path, _as_it_is(found), self._clock.now())
            await self._store.run(watched.note, self._library.scrubbing.here, *note)
        each.waits = None
        seen[found.path] = _as_it_is(found)
        return True

    async def _remove(self, found: Found) -> bool:
        """Delete a file that is in the library, and need not be remembered then.

        Raises BadFile(key="file_changed"). Returns False for one that cannot be deleted.
        """
        try:
            await asyncio.to_thread(watch.remove, found)
        except BadFile as err:
            if err.key == "file_changed":
                raise
            _LOGGER.warning(
                "%s is in the library and stays where it is: %s", found.path, err.reason
            )
            return False
        return True

    async def _take_in(self, folder: WatchedFolder, found: Found) -> None:
        """Raises BadFile, NotAllowed and StoreError. What is of another kind stays, unread."""
        with ExitStack() as stack:
            file = await asyncio.to_thread(stack.enter_context, watch.opened(found))
            kind = await asyncio.to_thread(watch.kind_of, file, found)
            if kind is None or kind not in folder.kinds:
                raise BadFile("it is of another kind", key="unknown_kind")
            added = await self._library.add(
                file,
                found.name,
                source=Source(origin=Origin.WATCHED, path=found.path),
                limits=Limits(kinds=folder.kinds),
                size=found.size_bytes,
            )
        ids = [added.file.id]
        if folder.tag:
            await self._library.tag(ids, [folder.tag])
        if folder.collection:
            await self._collect(ids, folder.collection)

    async def _collect(self, ids: list[UUID], name: str) -> None:
        async with self._sorting:
            known = {each.name.casefold(): each for each in await self._library.collections()}
            collection = known.get(name.casefold()) or await self._library.add_collection(name)
        await self._library.move_to(ids, collection.id)


def _as_it_is(found: Found) -> Look:
    return found.size_bytes, found.modified_ns
