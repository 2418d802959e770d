"""The tables of migration 0005: customers, orders, documents, payments and the audit log."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, Exact, UtcDateTime

NUMBER_RANGES: Final = sa.Table(
    "number_ranges",
    METADATA,
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("last", sa.BigInteger, nullable=False),
)
"""The last number given, of each kind and year; year 0 where they do not begin anew each year. A
number is taken in the transaction that uses it: the row's lock puts several writers of one
database in line, and a rollback gives the number back."""

CUSTOMERS: Final = sa.Table(
    "customers",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("serial", sa.BigInteger, nullable=False, unique=True),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("business", sa.Boolean, nullable=False),
    sa.Column("contact", sa.Text),
    sa.Column("street", sa.Text, nullable=False),
    sa.Column("postcode", sa.Text, nullable=False),
    sa.Column("city", sa.Text, nullable=False),
    sa.Column("country", sa.Text, nullable=False),
    sa.Column("vat_id", sa.Text),
    sa.Column("email", sa.Text),
    sa.Column("phone", sa.Text),
    sa.Column("buyer_reference", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("anonymised_at", UtcDateTime),
    sa.Column("search", sa.Text, nullable=False),
)
"""The only table that holds personal data and may be changed. `search`: what they are found by,
with its case folded, since databases differ in what they call the same letter."""

ORDERS: Final = sa.Table(
    "orders",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("serial", sa.BigInteger, nullable=False, unique=True),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("customer_id", sa.Uuid, sa.ForeignKey("customers.id"), nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("title", sa.Text),
    sa.Column("delivered_from", sa.Date),
    sa.Column("delivered_until", sa.Date),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Index("orders_by_customer", "customer_id", "serial"),
)

ORDER_POSITIONS: Final = sa.Table(
    "order_positions",
    METADATA,
    sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("text", sa.Text, nullable=False),
    sa.Column("quantity", Exact, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("unit_price", Exact, nullable=False),
    sa.Column("tax_percent", Exact),
    sa.Column("detail", sa.Text),
    sa.Column("job_id", sa.Uuid),
    sa.Column("path", sa.Text),
    sa.Index("order_positions_by_job", "job_id"),
)

DOCUMENTS: Final = sa.Table(
    "documents",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("year", sa.Integer, nullable=False),
    sa.Column("serial", sa.BigInteger, nullable=False),
    sa.Column("number", sa.Text, nullable=False, unique=True),
    sa.Column("issued_on", sa.Date, nullable=False),
    sa.Column("issued_at", UtcDateTime, nullable=False),
    sa.Column("order_id", sa.Uuid),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("cancels", sa.Text, unique=True),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("net", Exact, nullable=False),
    sa.Column("tax", Exact, nullable=False),
    sa.Column("gross", Exact, nullable=False),
    sa.Column("due_on", sa.Date),
    sa.Column("keep_until", sa.Date, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Index("documents_in_order", "kind", "year", "serial", unique=True),
    sa.Index("documents_by_day", "issued_on", "id"),
    sa.Index("documents_by_customer", "customer_id"),
    sa.Index("documents_by_order", "order_id"),
)
"""As issued: triggers refuse every update, and a delete until `keep_until` is over. `content` is
the whole document as canonical JSON; the columns beside it are for finding and adding up."""

DOCUMENT_PAPERS: Final = sa.Table(
    "document_papers",
    METADATA,
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id"), primary_key=True),
    sa.Column("made_at", UtcDateTime, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Column("keep_until", sa.Date, nullable=False),
)
"""The PDF of a document as it was first handed out. Guarded as documents are."""

PAYMENTS: Final = sa.Table(
    "payments",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id"), nullable=False),
    sa.Column("paid_on", sa.Date, nullable=False),
    sa.Column("amount", Exact, nullable=False),
    sa.Column("reference", sa.Text),
    sa.Column("by", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("keep_until", sa.Date, nullable=False),
    sa.Index("payments_by_document", "document_id", "at"),
    sa.Index("payments_by_day", "paid_on", "id"),
)
"""Entries, never changed: what was paid too much or by mistake goes back as a negative one."""

JOB_ASSIGNMENTS: Final = sa.Table(
    "job_assignments",
    METADATA,
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Whose a job is, as people said; the last word counts. Append-only."""

AUDIT_EVENTS: Final = sa.Table(
    "audit_events",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("what", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("audit_events_by_subject", "subject", "id"),
)
"""Append-only and chained, as `job_events`; the third chain. Holds no personal data."""
