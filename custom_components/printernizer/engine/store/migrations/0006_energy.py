"""Energy of runs and of standby."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "energy_meters",
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
        sa.Column("job_id", sa.Uuid),
        sa.Column("ends_at", moment),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("total_kwh", sa.BigInteger, nullable=False),
        sa.Column("total_amount", sa.BigInteger, nullable=False),
        sa.Column("saved_at", moment, nullable=False),
    )
    op.create_table(
        "energy_runs",
        sa.Column("job_id", sa.Uuid, primary_key=True),
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
        sa.Column("began_at", moment, nullable=False),
        sa.Column("ended_at", moment, nullable=False),
        sa.Column("kwh", sa.BigInteger),
        sa.Column("amount", sa.BigInteger),
        sa.Column("solar_kwh", sa.BigInteger),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("confidence", sa.Text, nullable=False),
        sa.Column("reason", sa.Text),
    )
    op.create_index("energy_runs_by_time", "energy_runs", ["ended_at"])
    op.create_table(
        "energy_standby",
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
        sa.Column("day", sa.Date, primary_key=True),
        sa.Column("kwh", sa.BigInteger, nullable=False),
        sa.Column("amount", sa.BigInteger, nullable=False),
    )
