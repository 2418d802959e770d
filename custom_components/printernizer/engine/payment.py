"""Payments: what came in on an invoice, or went back. A part of it is simply a smaller amount."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Payment:
    """One entry."""

    id: UUID
    document_id: UUID
    """Of the invoice."""
    paid_on: date
    """Local day of the shop on which the money moved."""
    amount: Decimal
    """In cents; below zero is a refund."""
    reference: str | None = None
    """What stands on the bank statement, or "cash"."""
    by: str | None = None
    """Id of the user who entered it."""
    at: datetime
    """When it was entered."""
