"""Printers, jobs, their events in a chain nobody can rewrite, and files seen."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER job_events_no_update BEFORE UPDATE ON job_events
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END
    """,
    """
    CREATE TRIGGER job_events_no_delete BEFORE DELETE ON job_events
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END
    """,
    # INSERT OR REPLACE deletes the old row without asking the trigger above.
    """
    CREATE TRIGGER job_events_no_replace BEFORE INSERT ON job_events
    WHEN EXISTS (SELECT 1 FROM job_events WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, 'job_events is append-only'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION job_events_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'job_events is append-only'; END $$
    """,
    """
    CREATE TRIGGER job_events_no_change BEFORE UPDATE OR DELETE ON job_events
    FOR EACH ROW EXECUTE FUNCTION job_events_refuse()
    """,
    """
    CREATE TRIGGER job_events_no_truncate BEFORE TRUNCATE ON job_events
    FOR EACH STATEMENT EXECUTE FUNCTION job_events_refuse()
    """,
)


def upgrade() -> None:
    """Make the tables and their guards."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "printers",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text),
        sa.Column("model", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("first_seen", moment, nullable=False),
        sa.Column("last_seen", moment, nullable=False),
        sa.Column("memory", sa.Text),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
        sa.Column("printer_job_id", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("plate", sa.Integer),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("started_at", moment),
        sa.Column("first_seen_at", moment, nullable=False),
        sa.Column("ended_at", moment),
        sa.Column("closed_at", moment),
        sa.Column("outcome", sa.Text),
        sa.Column("certainty", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("duration_s", sa.Double),
        sa.Column("duration_source", sa.Text, nullable=False),
        sa.Column("paused_s", sa.Double),
        sa.Column("progress", sa.Double),
        sa.Column("layer", sa.Integer),
        sa.Column("layers", sa.Integer),
        sa.Column("origin", sa.Text),
    )
    op.create_index("jobs_by_time", "jobs", ["first_seen_at", "id"])
    op.create_index("jobs_by_printer", "jobs", ["printer_id", "first_seen_at", "id"])
    op.create_index("jobs_by_outcome", "jobs", ["outcome", "first_seen_at", "id"])
    op.create_index(
        "jobs_statistics", "jobs", ["printer_id", "first_seen_at", "outcome", "duration_s"]
    )
    op.create_table(
        "job_events",
        sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("live", sa.Boolean, nullable=False),
        sa.Column("job", sa.Text, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.create_index("job_events_by_job", "job_events", ["job_id", "id"])
    chain = op.create_table(
        "chain",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("length", sa.BigInteger, nullable=False),
        sa.Column("hash", sa.Text, nullable=False),
    )
    op.bulk_insert(chain, [{"id": 1, "length": 0, "hash": "0" * 64}])
    op.create_table(
        "files_seen",
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("first_seen", moment, nullable=False),
        sa.Column("last_seen", moment, nullable=False),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)
