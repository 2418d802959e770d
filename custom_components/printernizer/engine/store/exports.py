"""What is exported, page by page: each a short transaction, so that nobody waits for a long one.

Pages go on after the last row of the one before (keyset); what changes meanwhile is read as it
is then, and nothing is read twice or left out.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..customer import Customer
from ..document import DocumentKind
from ..job import Outcome
from ..material import Movement, MovementKind
from . import accounts, codec
from .account_tables import JOB_ACCOUNTS
from .customers import get as customer_of
from .document_codec import document_of
from .office_tables import CUSTOMERS, DOCUMENTS
from .schema import JOBS
from .stock_tables import MOVEMENTS

if TYPE_CHECKING:
    from datetime import date, datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from ..account import JobAccount
    from ..document import Document
    from ..job import Job
    from ..shop import Purpose

_CUSTOMER = tuple(field.name for field in fields(Customer))
_MOVEMENT = tuple(field.name for field in fields(Movement))
_TAXED = (DocumentKind.INVOICE.value, DocumentKind.CANCELLATION.value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """Which rows; what is None does not matter."""

    since: datetime | None = None
    until: datetime | None = None
    """Before it."""
    printer_id: str | None = None
    customer_id: UUID | None = None
    purpose: Purpose | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunPage:
    """Closed runs with their accounts and customers, the first to end first."""

    runs: tuple[tuple[Job, JobAccount, Customer | None], ...]
    next: tuple[datetime, UUID] | None
    """Where the next page goes on; None on the last."""


def runs(
    connection: Connection, wanted: Wanted, after: tuple[datetime, UUID] | None, limit: int
) -> RunPage:
    """Read one page of the runs that ended in a period."""
    place = sa.tuple_(JOB_ACCOUNTS.c.day_at, JOB_ACCOUNTS.c.job_id)
    query = (
        sa.select(JOBS, JOB_ACCOUNTS.c.day_at, JOB_ACCOUNTS.c.outcome.label("judged"))
        .join(JOB_ACCOUNTS, JOB_ACCOUNTS.c.job_id == JOBS.c.id)
        .where(*_conditions(wanted))
        .order_by(JOB_ACCOUNTS.c.day_at, JOB_ACCOUNTS.c.job_id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(
            place
            > sa.tuple_(
                sa.literal(after[0], JOB_ACCOUNTS.c.day_at.type),
                sa.literal(after[1], JOB_ACCOUNTS.c.job_id.type),
            )
        )
    rows = connection.execute(query).mappings().all()
    # As reports count it: a person may have put right how it ended.
    jobs = [replace(codec.job_of(row), outcome=Outcome(row["judged"])) for row in rows]
    found = accounts.of(connection, [job.id for job in jobs])
    ids = {account.customer_id for account in found.values() if account.customer_id is not None}
    known = {key: customer_of(connection, key) for key in ids}
    told = [(job, found[job.id]) for job in jobs]
    return RunPage(
        runs=tuple(
            (job, account, known[account.customer_id] if account.customer_id else None)
            for job, account in told
        ),
        next=(rows[-1]["day_at"], rows[-1]["id"]) if len(rows) == limit else None,
    )


def _conditions(wanted: Wanted) -> list[sa.ColumnElement[bool]]:
    columns = JOB_ACCOUNTS.c
    conditions: list[sa.ColumnElement[bool]] = []
    if wanted.since is not None:
        conditions.append(columns.day_at >= wanted.since)
    if wanted.until is not None:
        conditions.append(columns.day_at < wanted.until)
    if wanted.printer_id is not None:
        conditions.append(columns.printer_id == wanted.printer_id)
    if wanted.customer_id is not None:
        conditions.append(columns.customer_id == wanted.customer_id)
    if wanted.purpose is not None:
        conditions.append(columns.purpose == wanted.purpose.value)
    return conditions


def movements(
    connection: Connection, wanted: Wanted, after: int, limit: int
) -> tuple[Movement, ...]:
    """Read entries of the stock book of a period, after the one with this number."""
    query = sa.select(MOVEMENTS).where(MOVEMENTS.c.id > after)
    if wanted.since is not None:
        query = query.where(MOVEMENTS.c.at >= wanted.since)
    if wanted.until is not None:
        query = query.where(MOVEMENTS.c.at < wanted.until)
    rows = connection.execute(query.order_by(MOVEMENTS.c.id).limit(limit)).mappings()
    return tuple(
        Movement(**{name: row[name] for name in _MOVEMENT} | {"kind": MovementKind(row["kind"])})
        for row in rows
    )


def documents(
    connection: Connection,
    first: date | None,
    last: date | None,
    customer_id: UUID | None,
    after: tuple[date, str] | None,
    limit: int,
) -> tuple[Document, ...]:
    """Read invoices and what cancels them, of days that are both included, after another one."""
    place = sa.tuple_(DOCUMENTS.c.issued_on, DOCUMENTS.c.number)
    query = sa.select(DOCUMENTS.c.content).where(DOCUMENTS.c.kind.in_(_TAXED))
    if first is not None:
        query = query.where(DOCUMENTS.c.issued_on >= first)
    if last is not None:
        query = query.where(DOCUMENTS.c.issued_on <= last)
    if customer_id is not None:
        query = query.where(DOCUMENTS.c.customer_id == customer_id)
    if after is not None:
        query = query.where(
            place
            > sa.tuple_(
                sa.literal(after[0], DOCUMENTS.c.issued_on.type),
                sa.literal(after[1], DOCUMENTS.c.number.type),
            )
        )
    query = query.order_by(DOCUMENTS.c.issued_on, DOCUMENTS.c.number).limit(limit)
    return tuple(document_of(text) for text in connection.execute(query).scalars())


def customers(connection: Connection, customer_id: UUID | None) -> tuple[Customer, ...]:
    """Read customers by their numbers, those too who were forgotten; or one of them."""
    query = sa.select(*(CUSTOMERS.c[name] for name in _CUSTOMER)).order_by(CUSTOMERS.c.serial)
    if customer_id is not None:
        query = query.where(CUSTOMERS.c.id == customer_id)
    return tuple(Customer(**row) for row in connection.execute(query).mappings())
