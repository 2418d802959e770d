"""What the audit log keeps: who did what to the books, when and why. Nobody can take it back.

It is never erased, so no personal data goes in: people and customers are named by their ids
and numbers, and of changed data only the names of the fields are told.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


class Audited(StrEnum):
    """What can happen to the books. Other parts of the shop may use words of their own."""

    CUSTOMER_ADDED = "customer_added"
    CUSTOMER_CHANGED = "customer_changed"
    CUSTOMER_EXPORTED = "customer_exported"
    CUSTOMER_ERASED = "customer_erased"
    ORDER_CREATED = "order_created"
    ORDER_CHANGED = "order_changed"
    DOCUMENT_ISSUED = "document_issued"
    PAPER_KEPT = "paper_kept"
    """Handed out for the first time, as these bytes."""
    PAYMENT_RECORDED = "payment_recorded"
    JOB_ASSIGNED = "job_assigned"
    CLEANED_UP = "cleaned_up"


@dataclass(frozen=True, kw_only=True, slots=True)
class AuditEvent:
    """One line of the audit log."""

    what: str
    """An `Audited`, or a part's own word: lower case and underscores."""
    subject: str
    """What it was done to: the id of a customer, an order, a job, the number of a document."""
    by: str | None
    """Id of the user; None for the shop itself or an automation."""
    at: datetime
    reason: str | None = None
    """In words of whoever did it."""
    detail: Mapping[str, object] = field(default_factory=dict)
    """What JSON can say: text, whole numbers, lists. Amounts as text."""
