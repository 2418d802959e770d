"""The ideas of the shop: a list that people fill and prints tick off."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self
from uuid import uuid4

from ..errors import NotAllowed, StoreError
from ..idea import (
    DONE,
    LONGEST_MATERIAL,
    MOST_FILES,
    OPEN,
    Idea,
    IdeaChange,
    IdeaEvent,
    IdeaFilter,
    IdeaState,
    notes_of,
    pieces_of,
    plain,
    tags_of,
    title_of,
)
from ..job import CLOSING, JobEventKind
from ..store import ideas
from ..web_address import web_address
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from uuid import UUID

    from sqlalchemy import Connection

    from ..idea import IdeaPage
    from ..job import Job, JobEvent
    from ..store.database import Store
    from ..store.ideas import Added
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

RETRY_S: Final = 10.0
"""Until a database that took no write is asked again."""
OPEN_LISTED: Final = 500
DONE_LISTED: Final = 50
"""How many of each are on the board. Whoever has more reads pages."""
_TOLD_BY: Final = frozenset({JobEventKind.STARTED, JobEventKind.IDENTIFIED}) | CLOSING
_EVERYTHING: Final = IdeaFilter()


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody says of an idea, in foreign words."""

    url: str | None = None
    title: str | None = None
    notes: str = ""
    tags: Iterable[str] = ()
    pieces: int = 1
    material: str | None = None


class Ideas:
    """Open it with `async with`. Fetches nothing from the web."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._board: tuple[Idea, ...] = ()
        self._runs: dict[UUID, Job] = {}
        """Runs that no idea has been told of yet."""
        self._work = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._listeners: Listeners[IdeaEvent] = Listeners("ideas")

    async def __aenter__(self) -> Self:
        self._take(await self._store.run(_catch_up, self._clock))
        self._task = asyncio.create_task(self._follow_forever(), name="printernizer ideas")
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

    def subscribe(self, listener: Callable[[IdeaEvent], None]) -> Callable[[], None]:
        """Hear of changes once they are durable; returns how to stop."""
        return self._listeners.add(listener)

    @property
    def board(self) -> tuple[Idea, ...]:
        """The newest ideas, as they are kept at hand: those to be done, then those that are."""
        return self._board

    async def add(self, wish: Wish, *, by: str | None = None) -> Added:
        """Add an idea, unless its address is known: then that one is wanted again.

        Raises NotAllowed: "bad_url", "idea_unnamed", "bad_tag", "bad_pieces"; and StoreError.
        """
        now = self._clock.now()
        url = web_address(wish.url) if wish.url is not None else None
        idea = Idea(
            id=uuid4(),
            title=title_of(wish.title, url),
            url=url,
            notes=notes_of(wish.notes),
            tags=tags_of(wish.tags),
            pieces=pieces_of(wish.pieces),
            material=_material(wish.material),
            by=by,
            added_at=now,
            changed_at=now,
        )
        added = await self._store.run(ideas.add, idea)
        await self._changed(IdeaChange.ADDED if added.fresh else IdeaChange.CHANGED, added.idea)
        return added

    async def get(self, idea_id: UUID) -> Idea:
        """Return one idea. Raises NotAllowed(key="no_idea")."""
        return await self._store.run(ideas.get, idea_id)

    async def page(
        self, which: IdeaFilter = _EVERYTHING, *, after: int | None = None, limit: int = 50
    ) -> IdeaPage:
        """Return one page, the newest first; `after`: where the last one ended. Limit: 1 to 500."""
        return await self._store.run(ideas.page, which, after=after, limit=min(max(limit, 1), 500))

    async def change(self, idea_id: UUID, changes: Mapping[str, Any]) -> Idea:
        """Change some of title, url, notes, tags, state, pieces, material, files and jobs.

        `files` and `tags` stand in place of those before; `jobs` are added to them. Raises
        NotAllowed as `add` does, and "no_idea", "idea_known", "no_file", "unknown_job".
        """
        now = self._clock.now()

        def make(before: Idea) -> Idea:
            return replace(before, changed_at=now, **_read(before, changes))

        idea = await self._store.run(ideas.change, idea_id, make)
        await self._changed(IdeaChange.CHANGED, idea)
        return idea

    async def became(
        self, idea_id: UUID, *, file_id: UUID | None = None, job_id: UUID | None = None
    ) -> Idea:
        """Note that an idea has become a file of the library, or a run. Raises NotAllowed."""
        files = () if file_id is None else (*(await self.get(idea_id)).files, file_id)
        changes: dict[str, Any] = {"files": files} if files else {}
        return await self.change(idea_id, changes | ({"jobs": (job_id,)} if job_id else {}))

    async def remove(self, idea_id: UUID) -> Idea:
        """Remove an idea for good. Raises NotAllowed(key="no_idea")."""
        idea = await self._store.run(ideas.remove, idea_id)
        await self._changed(IdeaChange.REMOVED, idea)
        return idea

    def on_job(self, event: JobEvent) -> None:
        """Take what happens to a run; found after a gap as well as seen happening."""
        if event.kind in _TOLD_BY:
            self._runs[event.job.id] = event.job
            self._work.set()

    async def _follow_forever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            runs, self._runs = self._runs, {}
            try:
                told, board = await self._store.run(_follow, tuple(runs.values()), self._clock)
            except StoreError as err:
                # The ledger tells the user of a database that takes no writes.
                _LOGGER.debug("%s runs wait to be told to their ideas: %s", len(runs), err)
                self._runs = runs | self._runs
                await self._clock.sleep(RETRY_S)
                self._work.set()
            except Exception:
                # Of these runs, and no reason to follow no other until the next restart.
                _LOGGER.exception("%s runs could not be told to their ideas", len(runs))
            else:
                self._take(board)
                for event in told:
                    self._tell(event)

    async def _changed(self, kind: IdeaChange, idea: Idea) -> None:
        self._take(await self._store.run(_listed))
        self._tell(IdeaEvent(kind=kind, idea=idea))

    def _take(self, board: tuple[Idea, ...]) -> None:
        self._board = board

    def _tell(self, event: IdeaEvent) -> None:
        self._listeners.tell(event)


def _catch_up(connection: Connection, clock: Clock) -> tuple[Idea, ...]:
    ideas.catch_up(connection, clock.now())
    return _listed(connection)


def _follow(
    connection: Connection, runs: tuple[Job, ...], clock: Clock
) -> tuple[tuple[IdeaEvent, ...], tuple[Idea, ...]]:
    return ideas.follow(connection, runs, clock.now()), _listed(connection)


def _listed(connection: Connection) -> tuple[Idea, ...]:
    to_do = ideas.page(connection, IdeaFilter(states=OPEN), limit=OPEN_LISTED)
    done = ideas.page(connection, IdeaFilter(states=DONE), limit=DONE_LISTED)
    return to_do.ideas + done.ideas


def _material(given: str | None) -> str | None:
    return plain(given or "", LONGEST_MATERIAL) or None


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "notes": lambda given: notes_of(given or ""),
    "tags": tags_of,
    "state": IdeaState,
    "pieces": pieces_of,
    "material": _material,
}


def _read(before: Idea, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Return changes in foreign words as values of an idea. Raises NotAllowed."""
    if strange := set(changes) - {*_READERS, "url", "title", "files", "jobs"}:
        raise NotAllowed(f"{min(strange)} cannot be changed")
    read = {name: _READERS[name](given) for name, given in changes.items() if name in _READERS}
    if "url" in changes:
        read["url"] = web_address(changes["url"]) if changes["url"] else None
    if "title" in changes:
        read["title"] = title_of(changes["title"], read.get("url", before.url))
    if "files" in changes:
        read["files"] = tuple(dict.fromkeys(changes["files"]))
        if len(read["files"]) > MOST_FILES:
            raise NotAllowed(f"an idea is at most {MOST_FILES} files")
    if "jobs" in changes:
        read["jobs"] = tuple(dict.fromkeys((*before.jobs, *changes["jobs"])))
    return read
