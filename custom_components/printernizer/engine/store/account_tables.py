"""The tables of migration 0004: what runs consumed and cost."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, Exact, UtcDateTime

JOB_ACCOUNTS: Final = sa.Table(
    "job_accounts",
    METADATA,
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
    sa.Column("day_at", UtcDateTime, nullable=False),
    sa.Column("local_day", sa.Date, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("duration_s", sa.Double),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("currency", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text),
    sa.Column("customer_id", sa.Uuid),
    sa.Column("pieces", sa.Integer),
    sa.Column("machine_s", sa.Double),
    sa.Column("mass_g", Exact),
    sa.Column("mass_source", sa.Text, nullable=False),
    sa.Column("mass_confidence", sa.Text, nullable=False),
    sa.Column("kwh", Exact),
    sa.Column("solar_kwh", Exact),
    sa.Column("energy_source", sa.Text, nullable=False),
    sa.Column("energy_confidence", sa.Text, nullable=False),
    sa.Column("energy_reason", sa.Text),
    sa.Column("energy_amount", Exact),
    sa.Column("material_cost", Exact),
    sa.Column("energy_cost", Exact),
    sa.Column("machine_cost", Exact),
    sa.Column("labour_cost", Exact),
    sa.Column("overhead_cost", Exact),
    sa.Column("cost", Exact, nullable=False),
    sa.Column("cost_complete", sa.Boolean, nullable=False),
    sa.Column("estimate", Exact),
    sa.Column("price", Exact),
    sa.Column("lines", sa.Text, nullable=False),
    sa.Column("settled", sa.Boolean, nullable=False),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Index("job_accounts_by_day", "day_at", "job_id"),
    sa.Index("job_accounts_by_printer", "printer_id", "day_at", "job_id"),
    sa.Index("job_accounts_by_customer", "customer_id", "day_at", "job_id"),
    sa.Index("job_accounts_unsettled", "settled", "day_at"),
)
"""One row per closed run. `day_at`: the moment that puts it into a period (its end; where nobody
saw that, when it was closed); `local_day`: that day where the shop was then. `lines`: cost and
estimate, as canonical JSON. `settled`: nothing better is awaited (its energy until the printer is
cold, its file until it can be read)."""

JOB_CONSUMPTION: Final = sa.Table(
    "job_consumption",
    METADATA,
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("line", sa.Integer, primary_key=True),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("tool", sa.Integer),
    sa.Column("slot", sa.Text),
    sa.Column("spool_id", sa.Uuid),
    sa.Column("material", sa.Text),
    sa.Column("mass_g", Exact),
    sa.Column("length_mm", Exact),
    sa.Column("volume_ml", Exact),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("confidence", sa.Text, nullable=False),
    sa.Column("price_per_kg", Exact),
    sa.Column("amount", Exact),
    sa.Index("job_consumption_by_spool", "spool_id", "job_id"),
)
"""What a run took of each spool, by role."""

JOB_WATCHES: Final = sa.Table(
    "job_watches",
    METADATA,
    sa.Column("job_id", sa.Uuid, primary_key=True),
    sa.Column("printer_id", sa.Text, nullable=False),
    sa.Column("watch", sa.Text, nullable=False),
)
"""What was noted of runs that are not settled: the spools that hung there, what was measured.
It outlives a killed process, and goes when the account is settled."""

FILE_EXTRUSIONS: Final = sa.Table(
    "file_extrusions",
    METADATA,
    sa.Column("printer_id", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("plate", sa.Integer, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("extrusion", sa.Text, nullable=False),
)
"""What files on printers lay down, as it was measured; plate 0 stands for the only one."""

ACCOUNT_CORRECTIONS: Final = sa.Table(
    "account_corrections",
    METADATA,
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("revision", sa.Integer, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("before", sa.Text, nullable=False),
)
"""Append-only: what an account said before somebody corrected it, and why."""

ACCOUNT_DAYS: Final = sa.Table(
    "account_days",
    METADATA,
    sa.Column("local_day", sa.Date, primary_key=True),
    sa.Column("printer_id", sa.Text, primary_key=True),
    sa.Column("outcome", sa.Text, primary_key=True),
    sa.Column("purpose", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("jobs", sa.BigInteger, nullable=False),
    sa.Column("timed", sa.BigInteger, nullable=False),
    sa.Column("duration_ms", sa.BigInteger, nullable=False),
    sa.Column("weighed", sa.BigInteger, nullable=False),
    sa.Column("mass_g", Exact, nullable=False),
    sa.Column("metered", sa.BigInteger, nullable=False),
    sa.Column("kwh", Exact, nullable=False),
    sa.Column("material_cost", Exact, nullable=False),
    sa.Column("energy_cost", Exact, nullable=False),
    sa.Column("machine_cost", Exact, nullable=False),
    sa.Column("labour_cost", Exact, nullable=False),
    sa.Column("overhead_cost", Exact, nullable=False),
    sa.Column("cost", Exact, nullable=False),
    sa.Column("complete", sa.BigInteger, nullable=False),
    sa.Column("priced", sa.BigInteger, nullable=False),
    sa.Column("price", Exact, nullable=False),
    sa.Column("pieces", sa.BigInteger, nullable=False),
)
"""Sums of `job_accounts` by local day, kept in the same transaction: a month of a large shop is
read in milliseconds. `timed`, `weighed`, `metered`, `complete` and `priced` count the runs whose
figure is known; "" stands for no purpose."""

MATERIAL_DAYS: Final = sa.Table(
    "material_days",
    METADATA,
    sa.Column("local_day", sa.Date, primary_key=True),
    sa.Column("printer_id", sa.Text, primary_key=True),
    sa.Column("material", sa.Text, primary_key=True),
    sa.Column("currency", sa.Text, primary_key=True),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("unknown", sa.BigInteger, nullable=False),
    sa.Column("unmapped_g", Exact, nullable=False),
    sa.Column("mass_g", Exact, nullable=False),
    sa.Column("amount", Exact, nullable=False),
)
"""Sums of `job_consumption` likewise; "" stands for a material that nobody named."""
