"""Takes files of watched folders into the library, for as long as the shop is open."""

from __future__ import annotations

import asyncio
import logging
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, Self

from ..errors import BadFile, NotAllowed, StoreError
from ..library import watch
from ..library.ears import Ears
from ..library.intake import Limits
from ..library_file import Origin, Source
from ..store import watched
from ..watched_folder import Hearing
from .clock import within
from .listening import Listening

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence
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
"""Between two looks at a folder of which nobody tells anything."""
CALM_S: Final = 60.0
"""The same where changes are told: for what they are not told of, a file system that was mounted
over a folder, or a writer that never closes."""
GATHER_S: Final = 0.2
"""Between a change and the look at it: they seldom come alone."""
SHARE: Final = 20.0
"""A look that takes long is followed by a pause that is so many times as long: who watches a slow
share or a huge folder pays a twentieth of one core for it at most."""
TOLD_SHARE: Final = 100.0
"""The same where changes are told: who writes there all day costs a hundredth of a core."""
MOST_TOLD: Final = 16
"""Folders that are listened to; the system allows 128 to all programs of a user together."""
_CLOSED: Final = frozenset({"library_full", "disk_full", "disk_failed", "no_library"})
"""Why the library takes no file at all: asking for each of them is of no use."""


class Scanner(Protocol):
    """Looks through a folder, off the event loop; `watch.look` is the real one."""

    def __call__(
        self, folder: WatchedFolder, entering: Callable[[str], None], /
    ) -> tuple[Found, ...]:
        """Return its files, telling of each folder before it is read. Raises OSError."""


@dataclass(slots=True, eq=False)
class _Watched:
    """A folder, and what is known of it."""

    folder: WatchedFolder
    listening: Listening
    settling: watch.Settling = field(default_factory=watch.Settling)
    seen: dict[str, Look] | None = None
    """As they were when they were taken in, or refused. None: not read yet."""
    gone: str | None = None
    """Why it cannot be looked through; told once."""
    waits: str | None = None
    """Why the library takes nothing; told once."""
    due: float = 0.0
    """When to look again, on the monotonic clock."""
    rests_until: float = 0.0
    """Until when not to look again, whatever is told."""

    @property
    def told(self) -> bool:
        """Whether it is told of its changes."""
        return self.listening.hearing is Hearing.TOLD


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
        ears: Callable[[], Ears] | None = Ears,
    ) -> None:
        """Put it together. shelf: the library's own folder, which is never watched.

        ears: makes what hears of changes in a folder; None to do with looks alone.
        """
        self._store = store
        self._clock = clock
        self._library = library
        self._shelf = shelf
        self._look = look
        self._ears = ears
        self._watched: list[_Watched] = []
        self._open = False
        self._tasks: set[asyncio.Task[None]] = set()
        self._sorting = asyncio.Lock()
        """Held by whoever makes a collection."""

    async def __aenter__(self) -> Self:
        self._open = True
        for each in self._watched:
            self._begin(each)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._open = False
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def watch(self, folders: Sequence[WatchedFolder]) -> None:
        """Watch these folders from now on, and no others."""
        before, self._watched = self._watched, []
        known = {each.folder: each for each in before}
        for folder in folders:
            each = known.pop(folder, None)
            if each is not None:
                self._watched.append(each)
                continue
            ears = self._ears if len(self._watched) < MOST_TOLD else None
            each = _Watched(folder, Listening(folder.path, self._clock, ears))
            self._watched.append(each)
            if self._open:
                self._begin(each)
        for dropped in known.values():
            dropped.listening.news.set()

    @property
    def gone(self) -> dict[str, str]:
        """Folders that cannot be looked through now, and why."""
        return {str(each.folder.path): each.gone for each in self._watched if each.gone}

    @property
    def hearing(self) -> tuple[Hearing, ...]:
        """Whether each folder is told of its changes, or why not."""
        return tuple(
            Hearing.GONE if each.gone else each.listening.hearing for each in self._watched
        )

    def _begin(self, each: _Watched) -> None:
        """Watch one folder, on its own: a share that hangs must not keep the others waiting."""
        task = asyncio.create_task(
            self._follow(each), name=f"printernizer watched folder {each.folder.path}"
        )
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _follow(self, each: _Watched) -> None:
        try:
            while each in self._watched:
                await self._attend(each)
                await self._rest(each)
        finally:
            await each.listening.close()

    async def _rest(self, each: _Watched) -> None:
        """Wait until it is time to look again, or until something is told."""
        now = self._clock.monotonic()
        with suppress(TimeoutError):
            await within(self._clock, each.due - now, each.listening.news.wait())
            if each in self._watched:
                await self._clock.sleep(max(GATHER_S, each.rests_until - self._clock.monotonic()))

    async def _attend(self, each: _Watched) -> None:
        pause = EVERY_S
        try:
            pause = await self._look_at(each)
        except StoreError as err:
            # The ledger tells the user of a database that takes no writes.
            _LOGGER.debug("%s waits for the database: %s", each.folder.path, err)
        except Exception:
            # Of this folder, and no reason to look at no other until the next restart.
            _LOGGER.exception("%s could not be looked through", each.folder.path)
        finally:
            each.due = max(self._clock.monotonic() + pause, each.rests_until)

    async def _look_at(self, each: _Watched) -> float:
        """Look, and take what is whole. Returns when to look again, in seconds."""
        folder = str(each.folder.path)
        if each.seen is None:
            each.seen = await self._store.run(watched.seen, self._library.scrubbing.here, folder)
        found = await self._look_through(each, each.seen)
        if found is None:
            return EVERY_S
        if found.gone:
            await self._store.run(watched.forget, self._library.scrubbing.here, folder, found.gone)
            for path in found.gone:
                del each.seen[path]
        for one in found.ready:
            # Somebody may have chosen otherwise meanwhile: thousands of files take their time.
            if each not in self._watched or not await self._take(each, one, each.seen):
                return EVERY_S
        if not each.told:
            return EVERY_S
        soonest = each.settling.next_in(self._clock.monotonic())
        return CALM_S if soonest is None else soonest

    async def _look_through(self, each: _Watched, seen: dict[str, Look]) -> _Look | None:
        """Return what there is, or None for a folder that is gone, which is told once."""
        folder = str(each.folder.path)
        closed = each.listening.begin()
        begun = self._clock.monotonic()
        found = None
        try:
            found = await asyncio.to_thread(self._compared, each, seen, closed)
        except OSError as err:
            # Nothing is forgotten: a share that comes back has what it had.
            if each.gone is None:
                _LOGGER.warning("The watched folder %s is gone: %s", folder, err.strerror)
            each.gone = err.strerror or "it is gone"
        else:
            if each.gone is not None:
                _LOGGER.info("The watched folder %s is back", folder)
            each.gone = None
        now = self._clock.monotonic()
        await each.listening.end()
        each.rests_until = now + (TOLD_SHARE if each.told else SHARE) * (now - begun)
        return found

    def _compared(self, each: _Watched, seen: dict[str, Look], closed: Collection[str]) -> _Look:
        """Look, in a thread, and hold it against what is known. Raises OSError."""
        with each.listening.looking() as entering:
            found = self._found(each.folder, entering)
        if each.folder.remove:
            # Whoever opened it once more would write into a file that we delete.
            closed = ()
        vanished = seen.keys() - {one.path for one in found}
        news = [one for one in found if seen.get(one.path) != _as_it_is(one)]
        return _Look(
            gone=watch.gone(each.folder, vanished),
            ready=each.settling.settled(news, self._clock.monotonic(), closed),
        )

    def _found(self, folder: WatchedFolder, entering: Callable[[str], None]) -> tuple[Found, ...]:
        """Raises OSError. A library that takes in its own files would end by deleting them."""
        if self._shelf is not None:
            shelf = self._shelf.resolve()
            if shelf.is_relative_to(folder.path) or folder.path.is_relative_to(shelf):
                raise OSError(22, "the library itself lies there")
        return self._look(folder, entering)

    async def _take(self, each: _Watched, found: Found, seen: dict[str, Look]) -> bool:
        """Take a file in, or say why not; returns whether the library takes more."""
        try:
            await self._take_in(each.folder, found)
            each.waits = None
            if each.folder.remove and await self._remove(found):
                return True
        except (BadFile, NotAllowed) as err:
            if err.key == "file_changed":
                each.listening.news.set()
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
