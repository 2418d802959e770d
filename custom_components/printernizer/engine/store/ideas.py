"""Ideas: the list of what somebody wants to print, and what prints make of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from ..errors import NotAllowed
from ..idea import DONE, Idea, IdeaChange, IdeaEvent, IdeaPage, IdeaState, site_of
from ..job import Outcome
from . import jobs, library, library_places
from .ideas_tables import IDEA_FILES, IDEA_JOBS, IDEA_TAGS, IDEAS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping

    from ..idea import IdeaFilter
    from ..job import Job

_PLAIN: Final = (
    "id",
    "title",
    "url",
    "notes",
    "pieces",
    "material",
    "by",
    "added_at",
    "changed_at",
)
_ANY_FILE: Final = sa.select(IDEA_FILES.c.number).limit(1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """An idea that somebody added."""

    idea: Idea
    fresh: bool
    """Whether nobody had added this address before."""


# -- writing -----------------------------------------------------------------------------------


def add(connection: Connection, idea: Idea) -> Added:
    """Keep an idea. One whose address is known is not kept twice.

    The known one is new again where it was done, and stays as it is otherwise.
    """
    number = connection.execute(_unless_known(connection), _row(idea)).scalar_one_or_none()
    if number is not None:
        _tag(connection, number, idea)
        return Added(idea=_one(connection, IDEAS.c.number == number), fresh=True)
    row = IDEAS.c
    known = connection.execute(sa.select(row.id).where(row.url == idea.url)).scalar_one()
    before = _locked(connection, known)
    if before.done:
        values = {"state": IdeaState.NEW.value, "changed_at": idea.changed_at}
        connection.execute(sa.update(IDEAS).where(row.id == known).values(values))
    return Added(idea=get(connection, known), fresh=False)


def _unless_known(connection: Connection) -> Any:
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    insert = dialect.insert(IDEAS).on_conflict_do_nothing(index_elements=["url"])
    return insert.returning(IDEAS.c.number)


def change(connection: Connection, idea_id: UUID, make: Callable[[Idea], Idea]) -> Idea:
    """Write what `make` makes of an idea; returns it, with what running prints make of that.

    Raises NotAllowed: "no_idea", "idea_known" where another one has this address, "no_file" and
    "unknown_job" for what it cannot have become.
    """
    row = IDEAS.c
    before = _locked(connection, idea_id)
    idea = make(before)
    if idea.url is not None:
        taken = sa.select(row.id).where(row.url == idea.url, row.id != idea_id)
        if connection.execute(taken).first() is not None:
            raise NotAllowed("there is an idea with this address", key="idea_known")
    number: int = connection.execute(
        sa.update(IDEAS).where(row.id == idea_id).values(_row(idea)).returning(row.number)
    ).scalar_one()
    if idea.tags != before.tags:
        connection.execute(sa.delete(IDEA_TAGS).where(IDEA_TAGS.c.number == number))
        _tag(connection, number, idea)
    if _linked_anew(connection, number, before, idea):
        # A print of a file that is only now said to be of this idea may be running.
        noted = sa.select(IDEA_JOBS.c.job_id).where(IDEA_JOBS.c.number == number)
        runs = (jobs.get(connection, job_id) for job_id in _all(connection, noted))
        open_runs = jobs.open_runs(connection)
        follow(connection, [*open_runs, *filter(None, runs)], idea.changed_at)
    return _one(connection, row.number == number)


def remove(connection: Connection, idea_id: UUID) -> Idea:
    """Remove an idea; its files and runs stay. Raises NotAllowed(key="no_idea")."""
    idea = _locked(connection, idea_id)
    number = sa.select(IDEAS.c.number).where(IDEAS.c.id == idea_id).scalar_subquery()
    for table in (IDEA_TAGS, IDEA_FILES, IDEA_JOBS):
        connection.execute(sa.delete(table).where(table.c.number == number))
    connection.execute(sa.delete(IDEAS).where(IDEAS.c.id == idea_id))
    return idea


def _tag(connection: Connection, number: int, idea: Idea) -> None:
    rows = [{"number": number, "key": tag.casefold(), "value": tag} for tag in idea.tags]
    if rows:
        connection.execute(sa.insert(IDEA_TAGS), rows)


def _linked_anew(connection: Connection, number: int, before: Idea, idea: Idea) -> bool:
    """Write which files and runs an idea became; returns whether there are more than before.

    Raises NotAllowed.
    """
    link, at = IDEA_FILES.c, idea.changed_at
    connection.execute(
        sa.delete(IDEA_FILES).where(link.number == number, link.file_id.not_in(idea.files))
    )
    files = [each for each in idea.files if each not in before.files]
    if len(library.many(connection, files)) != len(files):
        raise NotAllowed("there is no such file", key="no_file")
    for file_id in files:
        row = {"number": number, "file_id": file_id, "at": at}
        connection.execute(sa.insert(IDEA_FILES), row)
    runs = [each for each in idea.jobs if each not in before.jobs]
    for job_id in runs:
        if jobs.get(connection, job_id) is None:
            raise NotAllowed("there is no such job", key="unknown_job")
        _note(connection, number, job_id, at)
    return bool(files or runs)


def _row(idea: Idea) -> dict[str, Any]:
    found_by = (idea.title, idea.notes, idea.url, idea.material, *idea.tags)
    return {name: getattr(idea, name) for name in _PLAIN} | {
        "state": idea.state.value,
        "site": site_of(idea.url).value,
        "search": "\n".join(filter(None, found_by)).casefold(),
    }


# -- reading -----------------------------------------------------------------------------------


def get(connection: Connection, idea_id: UUID) -> Idea:
    """Read one idea. Raises NotAllowed(key="no_idea")."""
    return _one(connection, IDEAS.c.id == idea_id)


def page(
    connection: Connection, which: IdeaFilter, *, after: int | None = None, limit: int = 50
) -> IdeaPage:
    """Read one page, the newest first; `after` is where the page before ended."""
    query = sa.select(IDEAS).where(*_conditions(which))
    if after is not None:
        query = query.where(IDEAS.c.number < after)
    query = query.order_by(IDEAS.c.number.desc()).limit(limit + 1)
    rows = connection.execute(query).mappings().all()
    shown = rows[:limit]
    return IdeaPage(
        ideas=_ideas(connection, shown), next=shown[-1]["number"] if len(rows) > limit else None
    )


def _conditions(which: IdeaFilter) -> list[sa.ColumnElement[bool]]:
    row = IDEAS.c
    conditions: list[sa.ColumnElement[bool]] = []
    if which.states is not None:
        conditions.append(row.state.in_(sorted(which.states)))
    if which.site is not None:
        conditions.append(row.site == which.site.value)
    if which.tag is not None:
        tagged = sa.select(IDEA_TAGS.c.number).where(IDEA_TAGS.c.key == which.tag.casefold())
        conditions.append(row.number.in_(tagged))
    if which.file_id is not None:
        became = sa.select(IDEA_FILES.c.number).where(IDEA_FILES.c.file_id == which.file_id)
        conditions.append(row.number.in_(became))
    words = (which.text or "").casefold().split()
    return conditions + [row.search.contains(word, autoescape=True) for word in words]


def _all(connection: Connection, query: sa.Select[tuple[UUID]]) -> Sequence[UUID]:
    return connection.execute(query).scalars().all()


def _one(connection: Connection, condition: sa.ColumnElement[bool]) -> Idea:
    rows = connection.execute(sa.select(IDEAS).where(condition)).mappings().all()
    if not rows:
        raise NotAllowed("there is no such idea", key="no_idea")
    return _ideas(connection, rows)[0]


def _locked(connection: Connection, idea_id: UUID) -> Idea:
    """Read an idea that nobody else changes until we commit. Raises NotAllowed."""
    connection.execute(sa.select(IDEAS.c.number).where(IDEAS.c.id == idea_id).with_for_update())
    return get(connection, idea_id)


def _ideas(connection: Connection, rows: Sequence[RowMapping]) -> tuple[Idea, ...]:
    numbers = [row["number"] for row in rows]
    tags = _hanging(connection, IDEA_TAGS, numbers, "value", "key")
    files = _hanging(connection, IDEA_FILES, numbers, "file_id", "at")
    runs = _hanging(connection, IDEA_JOBS, numbers, "job_id", "at")
    return tuple(
        Idea(
            **{name: row[name] for name in _PLAIN},
            state=IdeaState(row["state"]),
            tags=tuple(tags.get(row["number"], ())),
            files=tuple(files.get(row["number"], ())),
            jobs=tuple(runs.get(row["number"], ())),
        )
        for row in rows
    )


def _hanging(
    connection: Connection, table: sa.Table, numbers: Iterable[int], value: str, order: str
) -> Mapping[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    query = sa.select(table.c.number, table.c[value]).where(table.c.number.in_(numbers))
    for number, each in connection.execute(query.order_by(table.c[order], table.c[value])):
        found.setdefault(number, []).append(each)
    return found


# -- prints ------------------------------------------------------------------------------------


def follow(connection: Connection, runs: Iterable[Job], at: datetime) -> tuple[IdeaEvent, ...]:
    """Note what runs mean for the ideas that their files came of; returns what became of those.

    A run that begins makes an idea one that is printing, a complete one makes it printed, any
    other end puts it back to those that are planned. What was noted before is not noted again.
    """
    told: list[IdeaEvent] = []
    for job in runs:
        for number in _linked(connection, job, at):
            told += _move(connection, number, job, at)
    return tuple(told)


def catch_up(connection: Connection, at: datetime) -> tuple[IdeaEvent, ...]:
    """Follow what nobody could follow: runs that began or ended as the process was killed."""
    waiting = sa.select(IDEA_JOBS.c.job_id).where(IDEA_JOBS.c.outcome.is_(None)).distinct()
    noted = [jobs.get(connection, job_id) for job_id in _all(connection, waiting)]
    runs = (*jobs.last_of_each(connection).values(), *jobs.open_runs(connection), *noted)
    found = {job.id: job for job in runs if job is not None}
    return follow(connection, found.values(), at)


def _linked(connection: Connection, job: Job, at: datetime) -> tuple[int, ...]:
    """Return the ideas that a run is of, noted as such."""
    row, link = IDEA_JOBS.c, IDEA_FILES.c
    known = sa.select(row.number).where(row.job_id == job.id)
    # Where no idea has a file, nobody need look which one this is.
    if not connection.execute(known).first() and connection.execute(_ANY_FILE).first():
        where = (job.printer_id, job.identity.path, job.identity.name)
        file_id = library_places.printed(connection, *where, job.first_seen_at)
        if file_id is not None:
            # A newer revision of the file is of the same idea.
            same = [file.id for file in library.revisions(connection, file_id)]
            query = sa.select(link.number).where(link.file_id.in_(same))
            if job.closed_at is not None:
                # What ended before somebody linked the file is no news.
                query = query.where(link.at <= job.closed_at)
            for number in sorted(set(connection.execute(query).scalars())):
                _note(connection, number, job.id, at)
    return tuple(connection.execute(known.order_by(row.number)).scalars())


def _note(connection: Connection, number: int, job_id: UUID, at: datetime) -> None:
    row = {"number": number, "job_id": job_id, "at": at, "outcome": None}
    connection.execute(sa.insert(IDEA_JOBS), row)


def _move(connection: Connection, number: int, job: Job, at: datetime) -> tuple[IdeaEvent, ...]:
    """Put an idea into the state that one of its runs says, unless it was told already."""
    row, run = IDEAS.c, IDEA_JOBS.c
    of_it = (run.number == number, run.outcome.is_(None))
    waiting = set(connection.execute(sa.select(run.job_id).where(*of_it)).scalars())
    if job.id not in waiting:
        return ()
    state = IdeaState(
        connection.execute(
            sa.select(row.state).where(row.number == number).with_for_update()
        ).scalar_one()
    )
    becomes = _becomes(state, job.outcome, others=len(waiting) > 1)
    if job.outcome is not None:
        connection.execute(
            sa.update(IDEA_JOBS)
            .where(run.number == number, run.job_id == job.id)
            .values(outcome=job.outcome.value)
        )
    if becomes is state:
        return ()
    connection.execute(
        sa.update(IDEAS).where(row.number == number).values(state=becomes.value, changed_at=at)
    )
    kind = {
        IdeaState.PRINTING: IdeaChange.PRINTING,
        IdeaState.PRINTED: IdeaChange.PRINTED,
    }.get(becomes, IdeaChange.CHANGED)
    return (IdeaEvent(kind=kind, idea=_one(connection, row.number == number)),)


def _becomes(state: IdeaState, outcome: Outcome | None, *, others: bool) -> IdeaState:
    """Return the state after a run began (no outcome) or ended; `others` of its runs go on."""
    if outcome is Outcome.COMPLETED:
        return IdeaState.PRINTED
    if outcome is None:
        return state if state in DONE else IdeaState.PRINTING
    if state is IdeaState.PRINTING and not others:
        return IdeaState.PLANNED
    return state
