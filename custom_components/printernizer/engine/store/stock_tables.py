"""The tables of migration 0003: materials, spools, their movements and the places they hang."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, Exact, UtcDateTime

_NUMBERED: Final = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
"""SQLite numbers rows by itself for this type only."""

MATERIALS: Final = sa.Table(
    "materials",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("process", sa.Text, nullable=False),
    sa.Column("brand", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("colour", sa.Text),
    sa.Column("density_g_cm3", Exact),
    sa.Column("diameter_mm", Exact),
    sa.Column("price", Exact),
    sa.Column("net_g", Exact),
    sa.Column("nozzle_c", sa.Integer),
    sa.Column("bed_c", sa.Integer),
    sa.Column("low_g", Exact),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("spoolman_id", sa.Integer),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Index("materials_by_spoolman", "spoolman_id", unique=True),
)

SPOOLS: Final = sa.Table(
    "spools",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("material_id", sa.Uuid, sa.ForeignKey("materials.id"), nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("price", Exact),
    sa.Column("net_g", Exact, nullable=False),
    sa.Column("tare_g", Exact),
    sa.Column("lot", sa.Text),
    sa.Column("location", sa.Text),
    sa.Column("opened_at", UtcDateTime),
    sa.Column("dried_at", UtcDateTime),
    sa.Column("tag", sa.Text),
    sa.Column("archived", sa.Boolean, nullable=False),
    sa.Column("spoolman_id", sa.Integer),
    sa.Column("remaining_g", Exact, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Index("spools_by_number", "number", unique=True),
    sa.Index("spools_by_spoolman", "spoolman_id", unique=True),
    sa.Index("spools_by_material", "material_id"),
)
"""`remaining_g` is the sum of the movements: a trigger on those keeps it, and nobody else may."""

SPOOL_NUMBERS: Final = sa.Table(
    "spool_numbers",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("last", sa.Integer, nullable=False),
)
"""One row: the last number given to a spool."""

MOVEMENTS: Final = sa.Table(
    "movements",
    METADATA,
    sa.Column("id", _NUMBERED, primary_key=True),
    sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("mass_g", Exact, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id")),
    sa.Column("by", sa.Text),
    sa.Column("reason", sa.Text),
    sa.Index("movements_by_spool", "spool_id", "id"),
    sa.Index("movements_by_job", "job_id", "spool_id"),
)
"""Append-only: triggers refuse update and delete."""

SLOT_SPOOLS: Final = sa.Table(
    "slot_spools",
    METADATA,
    sa.Column("id", _NUMBERED, primary_key=True),
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
    sa.Column("slot", sa.Text, nullable=False),
    sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id")),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("by", sa.Text),
    sa.Column("source", sa.Text, nullable=False),
    sa.Index("slot_spools_by_slot", "printer_id", "slot", "id"),
    sa.Index("slot_spools_by_time", "printer_id", "since", "id"),
    sa.Index("slot_spools_by_spool", "spool_id", "id"),
)
"""Append-only as well: what hung where at any time."""

STOCK_NOTES: Final = sa.Table(
    "stock_notes",
    METADATA,
    sa.Column("subject", sa.Uuid, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("by", sa.Text),
)
"""What a person ticked off: a material that is on order, a spool that need not be weighed."""

SPOOLMAN_LINK: Final = sa.Table(
    "spoolman_link",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("server", sa.Text, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
)
"""A row while Spoolman is the source of the stock: consumption is reported from then on. `server`
is a hash of its address (which may hold a password): the numbers of another one mean nothing."""

SPOOLMAN_OUTBOX: Final = sa.Table(
    "spoolman_outbox",
    METADATA,
    sa.Column("movement_id", _NUMBERED, sa.ForeignKey("movements.id"), primary_key=True),
    sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id"), nullable=False),
    sa.Column("spoolman_id", sa.Integer, nullable=False),
    sa.Column("mass_g", Exact, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("used_before_g", Exact),
    sa.Index("spoolman_outbox_by_state", "state", "movement_id"),
)
"""Consumption on its way to Spoolman. `used_before_g`: what Spoolman said was used before we
sent it, so that after a crash we can see whether it arrived."""
