"""The tables of migration 0006: energy of runs and of standby."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, Exact, UtcDateTime

ENERGY_METERS: Final = sa.Table(
    "energy_meters",
    METADATA,
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("job_id", sa.Uuid),
    sa.Column("ends_at", UtcDateTime),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("total_kwh", Exact, nullable=False),
    sa.Column("total_amount", Exact, nullable=False),
    sa.Column("saved_at", UtcDateTime, nullable=False),
)
"""Where the count of each printer stands, so that a killed process goes on there. `job_id` is the
run that is counted, None between runs; `ends_at` is when its cool-down is over. `state` is the
count as JSON. The totals only ever grow: all that was counted, runs and standby."""

ENERGY_RUNS: Final = sa.Table(
    "energy_runs",
    METADATA,
    sa.Column("job_id", sa.Uuid, primary_key=True),
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
    sa.Column("began_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime, nullable=False),
    sa.Column("kwh", Exact),
    sa.Column("amount", Exact),
    sa.Column("solar_kwh", Exact),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("confidence", sa.Text, nullable=False),
    sa.Column("reason", sa.Text),
    sa.Index("energy_runs_by_time", "ended_at"),
)
"""What each run drew, heat-up to cool-down. Written once."""

ENERGY_STANDBY: Final = sa.Table(
    "energy_standby",
    METADATA,
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("kwh", Exact, nullable=False),
    sa.Column("amount", Exact, nullable=False),
)
"""What each printer drew between runs, by local day: overhead."""
