"""Payments: entries that are added and never changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..money import ZERO
from ..payment import Payment
from .office_tables import PAYMENTS

if TYPE_CHECKING:
    from datetime import date
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy import Connection


def add(connection: Connection, payment: Payment, keep_until: date) -> None:
    """Note what was paid, or went back."""
    row = {
        "id": payment.id,
        "document_id": payment.document_id,
        "paid_on": payment.paid_on,
        "amount": payment.amount,
        "reference": payment.reference,
        "by": payment.by,
        "at": payment.at,
        "keep_until": keep_until,
    }
    connection.execute(sa.insert(PAYMENTS), [row])


def paid(connection: Connection, document_id: UUID) -> Decimal:
    """Add up what was paid on an invoice, less what went back."""
    total: Decimal | None = connection.execute(
        sa.select(sa.func.sum(PAYMENTS.c.amount, type_=PAYMENTS.c.amount.type)).where(
            PAYMENTS.c.document_id == document_id
        )
    ).scalar_one()
    return ZERO if total is None else total


def of_document(connection: Connection, document_id: UUID) -> tuple[Payment, ...]:
    """Read the payments on an invoice, in the order of their entry."""
    return _many(connection, PAYMENTS.c.document_id == document_id)


def of_period(connection: Connection, first: date, last: date) -> tuple[Payment, ...]:
    """Read what was paid from one day to another, both included."""
    return _many(connection, PAYMENTS.c.paid_on.between(first, last))


def _many(connection: Connection, condition: sa.ColumnElement[bool]) -> tuple[Payment, ...]:
    rows = connection.execute(
        sa.select(PAYMENTS).where(condition).order_by(PAYMENTS.c.paid_on, PAYMENTS.c.at)
    )
    return tuple(
        Payment(
            id=row.id,
            document_id=row.document_id,
            paid_on=row.paid_on,
            amount=row.amount,
            reference=row.reference,
            by=row.by,
            at=row.at,
        )
        for row in rows
    )
