"""What is not in the sums of a period and must be told with them: nothing goes in silence."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from ..report import LeftOut
from .account_tables import ACCOUNT_DAYS, JOB_ACCOUNTS
from .schema import JOBS

if TYPE_CHECKING:
    from datetime import date, tzinfo

    from sqlalchemy import Connection

_LONGEST: Final = timedelta(days=366)
"""No run that ended in a period began longer before it; the index goes by the beginning."""


def left_out(
    connection: Connection,
    first: date,
    last: date,
    *,
    zone: tzinfo,
    currency: str,
    printer_id: str | None = None,
) -> LeftOut:
    """Count what the report of the same period leaves out, first to last day, both included."""
    since = datetime.combine(first, time(), zone)
    until = datetime.combine(last + timedelta(days=1), time(), zone)
    ended = sa.func.coalesce(JOBS.c.ended_at, JOBS.c.closed_at, JOBS.c.first_seen_at)
    reckoned = sa.exists().where(JOB_ACCOUNTS.c.job_id == JOBS.c.id)
    jobs = sa.select(sa.func.count()).where(
        JOBS.c.outcome.is_not(None),
        JOBS.c.first_seen_at.between(since - _LONGEST, until),
        ended >= sa.literal(since, JOBS.c.ended_at.type),
        ended < sa.literal(until, JOBS.c.ended_at.type),
        ~reckoned,
    )
    days = ACCOUNT_DAYS.c
    others = sa.select(sa.func.coalesce(sa.func.sum(days.jobs), 0)).where(
        days.local_day.between(first, last), days.currency != currency
    )
    if printer_id is not None:
        jobs = jobs.where(JOBS.c.printer_id == printer_id)
        others = others.where(days.printer_id == printer_id)
    return LeftOut(
        unreckoned=connection.execute(jobs).scalar_one(),
        other_currency=int(connection.execute(others).scalar_one()),
    )
