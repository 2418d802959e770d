"""What runs consumed and cost."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER account_corrections_no_update BEFORE UPDATE ON account_corrections
    BEGIN SELECT RAISE(ABORT, 'account_corrections is append-only'); END
    """,
    """
    CREATE TRIGGER account_corrections_no_delete BEFORE DELETE ON account_corrections
    BEGIN SELECT RAISE(ABORT, 'account_corrections is append-only'); END
    """,
    # INSERT OR REPLACE deletes the old row without asking the trigger above.
    """
    CREATE TRIGGER account_corrections_no_replace BEFORE INSERT ON account_corrections
    WHEN EXISTS (
        SELECT 1 FROM account_corrections
        WHERE job_id = NEW.job_id AND revision = NEW.revision
    )
    BEGIN SELECT RAISE(ABORT, 'account_corrections is append-only'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION account_corrections_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'account_corrections is append-only'; END $$
    """,
    """
    CREATE TRIGGER account_corrections_no_change BEFORE UPDATE OR DELETE ON account_corrections
    FOR EACH ROW EXECUTE FUNCTION account_corrections_refuse()
    """,
    """
    CREATE TRIGGER account_corrections_no_truncate BEFORE TRUNCATE ON account_corrections
    FOR EACH STATEMENT EXECUTE FUNCTION account_corrections_refuse()
    """,
)


def upgrade() -> None:
    """Make the tables and the guards of corrections."""
    _accounts()
    _consumption()
    _files()
    _corrections()
    _sums()


def _accounts() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "job_accounts",
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
        sa.Column("day_at", moment, nullable=False),
        sa.Column("local_day", sa.Date, nullable=False),
        sa.Column("outcome", sa.Text, nullable=False),
        sa.Column("duration_s", sa.Double),
        sa.Column("at", moment, nullable=False),
        sa.Column("currency", sa.Text, nullable=False),
        sa.Column("purpose", sa.Text),
        sa.Column("customer_id", sa.Uuid),
        sa.Column("pieces", sa.Integer),
        sa.Column("machine_s", sa.Double),
        sa.Column("mass_g", sa.BigInteger),
        sa.Column("mass_source", sa.Text, nullable=False),
        sa.Column("mass_confidence", sa.Text, nullable=False),
        sa.Column("kwh", sa.BigInteger),
        sa.Column("solar_kwh", sa.BigInteger),
        sa.Column("energy_source", sa.Text, nullable=False),
        sa.Column("energy_confidence", sa.Text, nullable=False),
        sa.Column("energy_reason", sa.Text),
        sa.Column("energy_amount", sa.BigInteger),
        sa.Column("material_cost", sa.BigInteger),
        sa.Column("energy_cost", sa.BigInteger),
        sa.Column("machine_cost", sa.BigInteger),
        sa.Column("labour_cost", sa.BigInteger),
        sa.Column("overhead_cost", sa.BigInteger),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("cost_complete", sa.Boolean, nullable=False),
        sa.Column("estimate", sa.BigInteger),
        sa.Column("price", sa.BigInteger),
        sa.Column("lines", sa.Text, nullable=False),
        sa.Column("settled", sa.Boolean, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    op.create_index("job_accounts_by_day", "job_accounts", ["day_at", "job_id"])
    op.create_index("job_accounts_by_printer", "job_accounts", ["printer_id", "day_at", "job_id"])
    op.create_index("job_accounts_by_customer", "job_accounts", ["customer_id", "day_at", "job_id"])
    op.create_index("job_accounts_unsettled", "job_accounts", ["settled", "day_at"])


def _consumption() -> None:
    op.create_table(
        "job_consumption",
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("line", sa.Integer, primary_key=True),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("tool", sa.Integer),
        sa.Column("slot", sa.Text),
        sa.Column("spool_id", sa.Uuid),
        sa.Column("material", sa.Text),
        sa.Column("mass_g", sa.BigInteger),
        sa.Column("length_mm", sa.BigInteger),
        sa.Column("volume_ml", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("confidence", sa.Text, nullable=False),
        sa.Column("price_per_kg", sa.BigInteger),
        sa.Column("amount", sa.BigInteger),
    )
    op.create_index("job_consumption_by_spool", "job_consumption", ["spool_id", "job_id"])
    op.create_table(
        "job_watches",
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("printer_id", sa.Text, nullable=False),
        sa.Column("watch", sa.Text, nullable=False),
    )


def _files() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "file_extrusions",
        sa.Column("printer_id", sa.Text, primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("plate", sa.Integer, primary_key=True),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("at", moment, nullable=False),
        sa.Column("extrusion", sa.Text, nullable=False),
    )


def _corrections() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "account_corrections",
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("revision", sa.Integer, primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("before", sa.Text, nullable=False),
    )
    sqlite = op.get_bind().dialect.name == "sqlite"
    for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
        op.execute(trigger)


def _sums() -> None:
    op.create_table(
        "account_days",
        sa.Column("local_day", sa.Date, primary_key=True),
        sa.Column("printer_id", sa.Text, primary_key=True),
        sa.Column("outcome", sa.Text, primary_key=True),
        sa.Column("purpose", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("jobs", sa.BigInteger, nullable=False),
        sa.Column("timed", sa.BigInteger, nullable=False),
        sa.Column("duration_ms", sa.BigInteger, nullable=False),
        sa.Column("weighed", sa.BigInteger, nullable=False),
        sa.Column("mass_g", sa.BigInteger, nullable=False),
        sa.Column("metered", sa.BigInteger, nullable=False),
        sa.Column("kwh", sa.BigInteger, nullable=False),
        sa.Column("material_cost", sa.BigInteger, nullable=False),
        sa.Column("energy_cost", sa.BigInteger, nullable=False),
        sa.Column("machine_cost", sa.BigInteger, nullable=False),
        sa.Column("labour_cost", sa.BigInteger, nullable=False),
        sa.Column("overhead_cost", sa.BigInteger, nullable=False),
        sa.Column("cost", sa.BigInteger, nullable=False),
        sa.Column("complete", sa.BigInteger, nullable=False),
        sa.Column("priced", sa.BigInteger, nullable=False),
        sa.Column("price", sa.BigInteger, nullable=False),
        sa.Column("pieces", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "material_days",
        sa.Column("local_day", sa.Date, primary_key=True),
        sa.Column("printer_id", sa.Text, primary_key=True),
        sa.Column("material", sa.Text, primary_key=True),
        sa.Column("currency", sa.Text, primary_key=True),
        sa.Column("lines", sa.BigInteger, nullable=False),
        sa.Column("unknown", sa.BigInteger, nullable=False),
        sa.Column("unmapped_g", sa.BigInteger, nullable=False),
        sa.Column("mass_g", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
