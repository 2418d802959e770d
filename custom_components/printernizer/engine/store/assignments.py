"""Whose jobs are, as people said: every word with its reason, the last one counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..assignment import AssignedBy, Assignment
from ..shop import Purpose
from . import sums
from .account_tables import JOB_ACCOUNTS
from .office_tables import JOB_ASSIGNMENTS

if TYPE_CHECKING:
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy import Connection


def append(
    connection: Connection, job_id: UUID, assignment: Assignment, price: Decimal | None = None
) -> None:
    """Note what a person decided, with reason and time, and carry it to the job's account.

    `price`: what the job is charged at from now on, if it has an account; None: at nothing.
    """
    last = connection.execute(
        sa.select(sa.func.coalesce(sa.func.max(JOB_ASSIGNMENTS.c.number), 0)).where(
            JOB_ASSIGNMENTS.c.job_id == job_id
        )
    ).scalar_one()
    connection.execute(
        sa.insert(JOB_ASSIGNMENTS),
        {
            "job_id": job_id,
            "number": last + 1,
            "purpose": assignment.purpose.value,
            "customer_id": assignment.customer_id,
            "reason": assignment.reason,
            "by": assignment.by,
            "at": assignment.at,
        },
    )
    _carry(connection, job_id, assignment, price)


def _carry(
    connection: Connection, job_id: UUID, assignment: Assignment, price: Decimal | None
) -> None:
    """Write whose a job is into its account, if it has one, and into the sums of its day."""
    chosen = JOB_ACCOUNTS.c.job_id == job_id
    query = sa.select(JOB_ACCOUNTS).where(chosen).with_for_update()
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        return
    whose = {
        "purpose": assignment.purpose.value,
        "customer_id": assignment.customer_id,
        "price": price,
    }
    connection.execute(sa.update(JOB_ACCOUNTS).where(chosen).values(whose))
    # What it consumed is no matter of whose it is, so its lines are left alone.
    sums.add(connection, row, (), sign=-1)
    sums.add(connection, {**row, **whose}, (), sign=1)


def of(connection: Connection, job_id: UUID) -> Assignment | None:
    """Read what a person said last of a job; None where nobody did."""
    said = history(connection, job_id)
    return said[-1] if said else None


def history(connection: Connection, job_id: UUID) -> tuple[Assignment, ...]:
    """Read all that was said of a job, in order."""
    rows = connection.execute(
        sa.select(JOB_ASSIGNMENTS)
        .where(JOB_ASSIGNMENTS.c.job_id == job_id)
        .order_by(JOB_ASSIGNMENTS.c.number)
    )
    return tuple(
        Assignment(
            purpose=Purpose(row.purpose),
            customer_id=row.customer_id,
            assigned_by=AssignedBy.HAND,
            reason=row.reason,
            by=row.by,
            at=row.at,
        )
        for row in rows
    )


def jobs_of(connection: Connection, customer_id: UUID) -> tuple[UUID, ...]:
    """Read the jobs that people ever gave to a customer."""
    query = (
        sa.select(JOB_ASSIGNMENTS.c.job_id)
        .where(JOB_ASSIGNMENTS.c.customer_id == customer_id)
        .distinct()
        .order_by(JOB_ASSIGNMENTS.c.job_id)
    )
    return tuple(connection.execute(query).scalars())
