"""Customers, orders, documents, payments and the audit log."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_APPEND_ONLY = {
    "audit_events": "id = NEW.id",
    "job_assignments": "job_id = NEW.job_id AND number = NEW.number",
}
"""Tables that only grow, and what makes two rows of each the same."""
_KEPT = {
    "documents": "id = NEW.id OR number = NEW.number OR cancels = NEW.cancels "
    "OR (kind = NEW.kind AND year = NEW.year AND serial = NEW.serial)",
    "document_papers": "document_id = NEW.document_id",
    "payments": "id = NEW.id",
}
"""Tables of which nothing goes before its time."""


_SQLITE_GUARDS = (
    """
    CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
    """
    CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table} {while_kept}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
    # INSERT OR REPLACE deletes the old row, by any key, without asking the trigger above.
    """
    CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
)
_POSTGRESQL_GUARDS = (
    """
    CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN {unless_over} RAISE EXCEPTION '{table} is append-only'; END $$
    """,
    """
    CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_refuse()
    """,
    """
    CREATE FUNCTION {table}_refuse_all() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$
    """,
    """
    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse_all()
    """,
)
_WHILE_KEPT = "WHEN OLD.keep_until >= date('now')"
_UNLESS_OVER = """
    IF TG_OP = 'DELETE' AND OLD.keep_until < CURRENT_DATE THEN RETURN OLD; END IF;
"""


def _guard(*, sqlite: bool) -> None:
    """Refuse changes of what was issued, paid and noted; deletes as long as the law keeps it."""
    for table, same in (_APPEND_ONLY | _KEPT).items():
        kept = table in _KEPT
        for guard in _SQLITE_GUARDS if sqlite else _POSTGRESQL_GUARDS:
            op.execute(
                guard.format(
                    table=table,
                    same=same,
                    while_kept=_WHILE_KEPT if kept else "",
                    unless_over=_UNLESS_OVER if kept else "",
                )
            )


def _people_and_orders() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "number_ranges",
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("year", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("last", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "customers",
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
        sa.Column("created_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("anonymised_at", moment),
        sa.Column("search", sa.Text, nullable=False),
    )
    op.create_table(
        "orders",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("serial", sa.BigInteger, nullable=False, unique=True),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("customer_id", sa.Uuid, sa.ForeignKey("customers.id"), nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("title", sa.Text),
        sa.Column("delivered_from", sa.Date),
        sa.Column("delivered_until", sa.Date),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
    )
    op.create_index("orders_by_customer", "orders", ["customer_id", "serial"])
    op.create_table(
        "order_positions",
        sa.Column("order_id", sa.Uuid, sa.ForeignKey("orders.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("quantity", sa.BigInteger, nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("unit_price", sa.BigInteger, nullable=False),
        sa.Column("tax_percent", sa.BigInteger),
        sa.Column("detail", sa.Text),
        sa.Column("job_id", sa.Uuid),
        sa.Column("path", sa.Text),
    )
    op.create_index("order_positions_by_job", "order_positions", ["job_id"])


def _documents() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "documents",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("year", sa.Integer, nullable=False),
        sa.Column("serial", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Text, nullable=False, unique=True),
        sa.Column("issued_on", sa.Date, nullable=False),
        sa.Column("issued_at", moment, nullable=False),
        sa.Column("order_id", sa.Uuid),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("cancels", sa.Text, unique=True),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("net", sa.BigInteger, nullable=False),
        sa.Column("tax", sa.BigInteger, nullable=False),
        sa.Column("gross", sa.BigInteger, nullable=False),
        sa.Column("due_on", sa.Date),
        sa.Column("keep_until", sa.Date, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
    )
    op.create_index("documents_in_order", "documents", ["kind", "year", "serial"], unique=True)
    op.create_index("documents_by_day", "documents", ["issued_on", "id"])
    op.create_index("documents_by_customer", "documents", ["customer_id"])
    op.create_index("documents_by_order", "documents", ["order_id"])
    document = sa.ForeignKey("documents.id")
    op.create_table(
        "document_papers",
        sa.Column("document_id", sa.Uuid, document, primary_key=True),
        sa.Column("made_at", moment, nullable=False),
        sa.Column("sha256", sa.Text, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sa.Column("keep_until", sa.Date, nullable=False),
    )
    op.create_table(
        "payments",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("document_id", sa.Uuid, sa.ForeignKey("documents.id"), nullable=False),
        sa.Column("paid_on", sa.Date, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
        sa.Column("reference", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("at", moment, nullable=False),
        sa.Column("keep_until", sa.Date, nullable=False),
    )
    op.create_index("payments_by_document", "payments", ["document_id", "at"])
    op.create_index("payments_by_day", "payments", ["paid_on", "id"])


def _log() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "job_assignments",
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("purpose", sa.Text, nullable=False),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("at", moment, nullable=False),
    )
    op.create_table(
        "audit_events",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("what", sa.Text, nullable=False),
        sa.Column("subject", sa.Text, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("at", moment, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("audit_events_by_subject", "audit_events", ["subject", "id"])
    chain = sa.table("chain", sa.column("id"), sa.column("length"), sa.column("hash"))
    op.bulk_insert(chain, [{"id": 3, "length": 0, "hash": "0" * 64}])


def upgrade() -> None:
    """Make the tables, the guards of the books, and the head of the third chain."""
    _people_and_orders()
    _documents()
    _log()
    _guard(sqlite=op.get_bind().dialect.name == "sqlite")
