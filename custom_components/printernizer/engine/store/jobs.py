"""Jobs and their events: what the ledger writes and everybody reads.

Events form one chain per database (`chain.py`); `verify_chain` walks it and names the first row
that does not fit.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from ..job import Job, JobEvent, JobEventKind
from ..job_list import Cursor, JobPage
from . import codec, printers
from .chain import Chain, ChainReport
from .schema import JOB_EVENTS, JOBS, PRINTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection, RowMapping

    from ..job_list import JobFilter
    from ..memory import Memory


@dataclass(frozen=True, kw_only=True, slots=True)
class JobStatistics:
    """Counts of ended runs, and the time of those whose time is known."""

    completed: int = 0
    failed: int = 0
    cancelled: int = 0
    unknown: int = 0
    open: int = 0
    time: timedelta = timedelta(0)

    @property
    def success(self) -> float | None:
        """Share completed of completed and failed (rule 4); None when there is neither."""
        decided = self.completed + self.failed
        return self.completed / decided if decided else None


def _said(row: Mapping[Any, Any]) -> list[object]:
    return [
        row["id"],
        str(row["job_id"]),
        row["kind"],
        row["at"].astimezone(UTC).isoformat(),
        row["live"],
        row["job"],
    ]


_CHAIN: Final = Chain(id=1, table=JOB_EVENTS, said=_said)


# -- writing -----------------------------------------------------------------------------------


def record(
    connection: Connection,
    events: Sequence[JobEvent],
    memories: Iterable[Memory],
    at: datetime,
    *,
    again: bool = False,
) -> None:
    """Write events, the runs they speak of and what is remembered after them, all or nothing.

    Events of any number of printers, in the order in which they happened. `again`: an earlier
    try failed, perhaps only after it was durable; what stands there already is left out.
    """
    memories = tuple(memories)
    if again:
        events = _missing(connection, events)
    met = {event.job.printer_id: event.at for event in reversed(events)}
    for memory in memories:
        met.setdefault(memory.printer_id, at)
    printers.insert(connection, [{"id": key, "at": when} for key, when in met.items()])
    if events:
        latest = {event.job.id: event.job for event in events}
        connection.execute(
            printers.upsert(connection, JOBS, ("id",)),
            [codec.job_row(job) for job in latest.values()],
        )
        _CHAIN.append(connection, map(_row, events))
    printers.remember(connection, memories, at)


def _missing(connection: Connection, wanted: Sequence[JobEvent]) -> tuple[JobEvent, ...]:
    """Which of these events do not stand in the chain."""
    stand = {
        (event.kind, event.at, codec.job_text(event.job))
        for job_id in {event.job.id for event in wanted}
        for event in events(connection, job_id)
    }
    return tuple(
        event for event in wanted if (event.kind, event.at, codec.job_text(event.job)) not in stand
    )


def _row(event: JobEvent) -> dict[str, Any]:
    return {
        "job_id": event.job.id,
        "kind": event.kind.value,
        "at": event.at,
        "live": event.live,
        "job": codec.job_text(event.job),
    }


_PROGRESS: Final = (
    sa.update(JOBS)
    .where(JOBS.c.id == sa.bindparam("job"), JOBS.c.outcome.is_(None))
    .values({key: sa.bindparam(f"new_{key}") for key in ("state", "progress", "layer", "layers")})
)


def progress(connection: Connection, batch: Iterable[Job]) -> None:
    """Carry open runs forward, many in one transaction. Closed runs are not touched."""
    rows = [
        {
            "job": job.id,
            "new_state": job.state.value,
            "new_progress": job.progress,
            "new_layer": job.layer,
            "new_layers": job.layers,
        }
        for job in batch
    ]
    if rows:
        connection.execute(_PROGRESS, rows)


# -- reading -----------------------------------------------------------------------------------


def get(connection: Connection, job_id: UUID, *, lock: bool = False) -> Job | None:
    """Read one job, or None. `lock`: nobody else takes it until we commit."""
    query = sa.select(JOBS).where(JOBS.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else codec.job_of(row)


def open_runs(connection: Connection) -> tuple[Job, ...]:
    """Read every run that has not been closed."""
    return _jobs(connection, sa.select(JOBS).where(JOBS.c.outcome.is_(None)))


def last_of_each(connection: Connection) -> dict[str, Job]:
    """Read the run that ended last on every printer, by printer."""
    other = JOBS.alias()
    newest = (
        sa.select(other.c.id)
        .where(other.c.printer_id == PRINTERS.c.id, other.c.outcome.is_not(None))
        .order_by(other.c.first_seen_at.desc(), other.c.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    chosen = sa.select(JOBS).select_from(PRINTERS).join(JOBS, JOBS.c.id == newest)
    return {job.printer_id: job for job in _jobs(connection, chosen)}


def page(
    connection: Connection, which: JobFilter, *, after: Cursor | None = None, limit: int = 50
) -> JobPage:
    """Read one page, newest first; `after` is where the page before ended."""
    query = sa.select(JOBS).where(*_conditions(which))
    if after is not None:
        place = sa.tuple_(JOBS.c.first_seen_at, JOBS.c.id)
        query = query.where(
            place
            < sa.tuple_(
                sa.literal(after.first_seen_at, JOBS.c.first_seen_at.type),
                sa.literal(after.id, JOBS.c.id.type),
            )
        )
    query = query.order_by(JOBS.c.first_seen_at.desc(), JOBS.c.id.desc()).limit(limit + 1)
    found = _jobs(connection, query)
    jobs = found[:limit]
    more = len(found) > limit
    return JobPage(
        jobs=jobs,
        next=Cursor(first_seen_at=jobs[-1].first_seen_at, id=jobs[-1].id) if more else None,
    )


def _conditions(which: JobFilter) -> list[sa.ColumnElement[bool]]:
    conditions: list[sa.ColumnElement[bool]] = []
    if which.printer_id is not None:
        conditions.append(JOBS.c.printer_id == which.printer_id)
    if which.outcome is not None:
        conditions.append(JOBS.c.outcome == which.outcome.value)
    if which.open is not None:
        conditions.append(JOBS.c.outcome.is_(None) if which.open else JOBS.c.outcome.is_not(None))
    if which.since is not None:
        conditions.append(JOBS.c.first_seen_at >= which.since)
    if which.until is not None:
        conditions.append(JOBS.c.first_seen_at < which.until)
    return conditions


def statistics(connection: Connection, which: JobFilter) -> JobStatistics:
    """Count runs by outcome and add up the time of those whose time is known."""
    rows = connection.execute(
        sa.select(
            JOBS.c.outcome,
            sa.func.count().label("runs"),
            sa.func.coalesce(sa.func.sum(JOBS.c.duration_s), 0.0).label("seconds"),
        )
        .where(*_conditions(which))
        .group_by(JOBS.c.outcome)
    ).all()
    counts = {row.outcome or "open": row.runs for row in rows}
    time = timedelta(seconds=sum(row.seconds for row in rows))
    return JobStatistics(**counts, time=time)


def events(connection: Connection, job_id: UUID) -> tuple[JobEvent, ...]:
    """Read what happened to one run, in order."""
    rows = connection.execute(
        sa.select(JOB_EVENTS).where(JOB_EVENTS.c.job_id == job_id).order_by(JOB_EVENTS.c.id)
    ).mappings()
    return tuple(_event(row) for row in rows)


def _event(row: RowMapping) -> JobEvent:
    job = json.loads(row["job"])
    job["id"] = UUID(job["id"])
    for key in ("started_at", "first_seen_at", "ended_at", "closed_at"):
        job[key] = None if job[key] is None else datetime.fromisoformat(job[key])
    return JobEvent(
        kind=JobEventKind(row["kind"]), job=codec.job_of(job), at=row["at"], live=row["live"]
    )


def _jobs(connection: Connection, query: sa.Select[Any]) -> tuple[Job, ...]:
    return tuple(codec.job_of(row) for row in connection.execute(query).mappings())


def verify_chain(connection: Connection) -> ChainReport:
    """Walk all events from the first, in constant memory, and compare with the chain's head."""
    return _CHAIN.verify(connection)
