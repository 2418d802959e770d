"""What runs consumed and cost: notes while they run, one account each when they have ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..errors import NotAllowed
from ..extrusion import Extrusion
from ..job import Outcome
from . import account_codec, codec, sums
from .account_tables import (
    ACCOUNT_CORRECTIONS,
    FILE_EXTRUSIONS,
    JOB_ACCOUNTS,
    JOB_CONSUMPTION,
    JOB_WATCHES,
)
from .printers import upsert
from .schema import JOBS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import tzinfo
    from uuid import UUID

    from sqlalchemy import Connection

    from ..account import JobAccount
    from ..job import Job
    from ..run_watch import RunWatch


_REPLACE: Final = sa.update(JOB_ACCOUNTS).where(JOB_ACCOUNTS.c.job_id == sa.bindparam("same"))


# -- notes of runs under way -------------------------------------------------------------------


def watch(connection: Connection, watches: Iterable[RunWatch]) -> None:
    """Keep what was noted of runs, in place of what was noted before."""
    rows = [
        {
            "job_id": each.job_id,
            "printer_id": each.printer_id,
            "watch": account_codec.watch_text(each),
        }
        for each in watches
    ]
    if rows:
        connection.execute(upsert(connection, JOB_WATCHES, ("job_id",)), rows)


def watches(connection: Connection) -> tuple[RunWatch, ...]:
    """Read the notes of all runs that are not settled."""
    rows = connection.execute(sa.select(JOB_WATCHES.c.watch).order_by(JOB_WATCHES.c.job_id))
    return tuple(account_codec.watch_of(text) for text in rows.scalars())


# -- accounts ----------------------------------------------------------------------------------


def record(
    connection: Connection, job: Job, account: JobAccount, *, settled: bool, zone: tzinfo
) -> None:
    """Write the account of a closed run, in place of what was reckoned before.

    The sums of its local day follow. Settled, its notes go. An account that somebody corrected is
    never written over: raises NotAllowed(key="account_corrected") for an older revision.
    """
    stands = _rows(connection, job.id)
    if stands is not None and stands[0]["revision"] > account.revision:
        raise NotAllowed("somebody corrected it meanwhile", key="account_corrected")
    if stands is not None:
        sums.add(connection, *stands, sign=-1)
        connection.execute(sa.delete(JOB_CONSUMPTION).where(JOB_CONSUMPTION.c.job_id == job.id))
    row = account_codec.account_row(job, account, settled=settled, zone=zone)
    lines = [
        account_codec.consumption_row(job.id, number, line)
        for number, line in enumerate(account.consumption)
    ]
    if stands is None:
        connection.execute(sa.insert(JOB_ACCOUNTS), row)
    else:
        changed = {key: value for key, value in row.items() if key != "job_id"}
        connection.execute(_REPLACE, changed | {"same": job.id})
    if lines:
        connection.execute(sa.insert(JOB_CONSUMPTION), lines)
    sums.add(connection, row, lines, sign=1)
    if settled:
        connection.execute(sa.delete(JOB_WATCHES).where(JOB_WATCHES.c.job_id == job.id))


def _rows(
    connection: Connection, job_id: UUID
) -> tuple[Mapping[Any, Any], Sequence[Mapping[Any, Any]]] | None:
    """Read what stands of an account, and hold it: two writers must not both take it back."""
    row = (
        connection.execute(
            sa.select(JOB_ACCOUNTS).where(JOB_ACCOUNTS.c.job_id == job_id).with_for_update()
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        return None
    lines = connection.execute(
        sa.select(JOB_CONSUMPTION).where(JOB_CONSUMPTION.c.job_id == job_id)
    ).mappings()
    return row, lines.all()


def correct(
    connection: Connection,
    job: Job,
    before: JobAccount,
    after: JobAccount,
    *,
    by: str | None,
    reason: str,
    settled: bool = True,
    zone: tzinfo,
) -> None:
    """Put a corrected account in the place of another, which is kept with the reason.

    settled: nothing else will be known by itself, as its energy once the printer is cold.
    Raises NotAllowed(key="account_corrected") when another correction came first.
    """
    stands = get(connection, job.id)
    if stands is None or stands.revision != before.revision:
        raise NotAllowed("somebody corrected it meanwhile", key="account_corrected")
    connection.execute(
        sa.insert(ACCOUNT_CORRECTIONS),
        {
            "job_id": job.id,
            "revision": before.revision,
            "at": after.at,
            "by": by,
            "reason": reason,
            "before": account_codec.account_text(before),
        },
    )
    record(connection, job, after, settled=settled, zone=zone)


def corrections(connection: Connection, job_id: UUID) -> tuple[dict[str, Any], ...]:
    """Read what was corrected on an account, the first one first."""
    rows = connection.execute(
        sa.select(ACCOUNT_CORRECTIONS)
        .where(ACCOUNT_CORRECTIONS.c.job_id == job_id)
        .order_by(ACCOUNT_CORRECTIONS.c.revision)
    ).mappings()
    return tuple(dict(row) for row in rows)


def get(connection: Connection, job_id: UUID) -> JobAccount | None:
    """Read the account of one run, or None."""
    return of(connection, (job_id,)).get(job_id)


def outcome(connection: Connection, job_id: UUID) -> Outcome | None:
    """Return how a run ended by its account, where a person may have put it right; None without."""
    query = sa.select(JOB_ACCOUNTS.c.outcome).where(JOB_ACCOUNTS.c.job_id == job_id)
    told = connection.execute(query).scalar_one_or_none()
    return None if told is None else Outcome(told)


def is_settled(connection: Connection, job_id: UUID) -> bool:
    """Whether nothing better is awaited for the account of a run."""
    query = sa.select(JOB_ACCOUNTS.c.settled).where(JOB_ACCOUNTS.c.job_id == job_id)
    return bool(connection.execute(query).scalar_one_or_none())


def of(connection: Connection, job_ids: Sequence[UUID]) -> dict[UUID, JobAccount]:
    """Read the accounts of these runs; those without one are left out."""
    if not job_ids:
        return {}
    lines: dict[UUID, list[Any]] = {}
    for line in connection.execute(
        sa.select(JOB_CONSUMPTION)
        .where(JOB_CONSUMPTION.c.job_id.in_(job_ids))
        .order_by(JOB_CONSUMPTION.c.job_id, JOB_CONSUMPTION.c.line)
    ).mappings():
        lines.setdefault(line["job_id"], []).append(line)
    rows = connection.execute(
        sa.select(JOB_ACCOUNTS).where(JOB_ACCOUNTS.c.job_id.in_(job_ids))
    ).mappings()
    return {
        row["job_id"]: account_codec.account_of(row, lines.get(row["job_id"], ())) for row in rows
    }


def unreckoned(connection: Connection, limit: int) -> tuple[Job, ...]:
    """Read closed runs that have no account yet, the newest first."""
    rows = connection.execute(
        sa.select(JOBS)
        .outerjoin(JOB_ACCOUNTS, JOB_ACCOUNTS.c.job_id == JOBS.c.id)
        .where(JOBS.c.outcome.is_not(None), JOB_ACCOUNTS.c.job_id.is_(None))
        .order_by(JOBS.c.first_seen_at.desc(), JOBS.c.id)
        .limit(limit)
    ).mappings()
    return tuple(codec.job_of(row) for row in rows)


def unsettled(connection: Connection, limit: int) -> tuple[Job, ...]:
    """Read runs whose account awaits something better, the newest first."""
    rows = connection.execute(
        sa.select(JOBS)
        .join(JOB_ACCOUNTS, JOB_ACCOUNTS.c.job_id == JOBS.c.id)
        .where(JOB_ACCOUNTS.c.settled.is_(False))
        .order_by(JOB_ACCOUNTS.c.day_at.desc(), JOBS.c.id)
        .limit(limit)
    ).mappings()
    return tuple(codec.job_of(row) for row in rows)


# -- files that were measured ------------------------------------------------------------------


def measured(
    connection: Connection,
    printer_id: str,
    path: str,
    extrusion: Extrusion,
    *,
    plate: int | None,
    size_bytes: int | None,
    at: datetime,
) -> None:
    """Keep what a file on a printer lays down."""
    connection.execute(
        upsert(connection, FILE_EXTRUSIONS, ("printer_id", "path", "plate")),
        {
            "printer_id": printer_id,
            "path": path,
            "plate": plate or 0,
            "size_bytes": size_bytes,
            "at": at,
            "extrusion": account_codec.extrusion_text(extrusion),
        },
    )


def measured_paths(connection: Connection, printer_id: str) -> tuple[str, ...]:
    """Read which files of a printer were measured, the latest first."""
    rows = connection.execute(
        sa.select(FILE_EXTRUSIONS.c.path)
        .where(FILE_EXTRUSIONS.c.printer_id == printer_id)
        .order_by(FILE_EXTRUSIONS.c.at.desc(), FILE_EXTRUSIONS.c.path)
    )
    return tuple(dict.fromkeys(rows.scalars()))


@dataclass(frozen=True, kw_only=True, slots=True)
class Measurement:
    """What a plate of a file on a printer was measured to lay down."""

    extrusion: Extrusion
    size_bytes: int | None
    """Of the whole file."""
    at: datetime
    """When it was known last that the file with these bytes lies there."""


def measurement(
    connection: Connection, printer_id: str, path: str, plate: int | None
) -> Measurement | None:
    """Return what the plate was measured to lay down of the file last put under this path.

    Without a number it is the only plate there is; of several nobody knows which was printed.
    """
    row = FILE_EXTRUSIONS.c
    plates = {
        found["plate"]: found
        for found in connection.execute(
            sa.select(row.plate, row.extrusion, row.size_bytes, row.at).where(
                row.printer_id == printer_id, row.path == path
            )
        ).mappings()
    }
    only = next(iter(plates.values())) if len(plates) == 1 else None
    found = only if plate is None or (plate == 1 and 0 in plates) else plates.get(plate)
    if found is None:
        return None
    return Measurement(
        extrusion=account_codec.extrusion_of(found["extrusion"]),
        size_bytes=found["size_bytes"],
        at=found["at"],
    )


def still_there(connection: Connection, printer_id: str, path: str, at: datetime) -> None:
    """Note that a file that was measured lies there unchanged."""
    row = FILE_EXTRUSIONS.c
    connection.execute(
        sa.update(FILE_EXTRUSIONS)
        .where(row.printer_id == printer_id, row.path == path)
        .values(at=at)
    )


def forget_file(connection: Connection, printer_id: str, path: str) -> None:
    """Forget a file that is gone or was replaced; accounts keep what it laid down."""
    connection.execute(
        sa.delete(FILE_EXTRUSIONS).where(
            FILE_EXTRUSIONS.c.printer_id == printer_id, FILE_EXTRUSIONS.c.path == path
        )
    )
