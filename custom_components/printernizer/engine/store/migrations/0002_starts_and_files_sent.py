"""Starts of prints in a chain nobody can rewrite, and the files we put onto printers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER start_events_no_update BEFORE UPDATE ON start_events
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END
    """,
    """
    CREATE TRIGGER start_events_no_delete BEFORE DELETE ON start_events
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END
    """,
    # INSERT OR REPLACE deletes the old row, by either key, without asking the trigger above.
    """
    CREATE TRIGGER start_events_no_replace BEFORE INSERT ON start_events
    WHEN EXISTS (
        SELECT 1 FROM start_events
        WHERE id = NEW.id OR (start_id = NEW.start_id AND number = NEW.number)
    )
    BEGIN SELECT RAISE(ABORT, 'start_events is append-only'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION start_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'start_events is append-only'; END $$
    """,
    """
    CREATE TRIGGER start_events_no_change BEFORE UPDATE OR DELETE ON start_events
    FOR EACH ROW EXECUTE FUNCTION start_events_refuse()
    """,
    """
    CREATE TRIGGER start_events_no_truncate BEFORE TRUNCATE ON start_events
    FOR EACH STATEMENT EXECUTE FUNCTION start_events_refuse()
    """,
)


def upgrade() -> None:
    """Make the tables, their guards, and the head of the second chain."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "start_events",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("start_id", sa.Uuid, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
        sa.Column("step", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("start_events_by_start", "start_events", ["start_id", "number"], unique=True)
    op.create_index("start_events_by_printer", "start_events", ["printer_id", "id"])
    op.create_table(
        "files_sent",
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("facts", sa.Text, nullable=False),
        sa.Column("sent_at", moment, nullable=False),
    )
    chain = sa.table("chain", sa.column("id"), sa.column("length"), sa.column("hash"))
    op.bulk_insert(chain, [{"id": 2, "length": 0, "hash": "0" * 64}])
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)
