"""Materials, spools, their movements and the places they hang, and what Spoolman is to be told."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_APPEND_ONLY = ("movements", "slot_spools")
_SQLITE_TRIGGERS = (
    """
    CREATE TRIGGER {table}_no_update BEFORE UPDATE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
    """
    CREATE TRIGGER {table}_no_delete BEFORE DELETE ON {table}
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
    # INSERT OR REPLACE deletes the old row without asking the trigger above.
    """
    CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}
    WHEN EXISTS (SELECT 1 FROM {table} WHERE id = NEW.id)
    BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END
    """,
)
_POSTGRESQL_TRIGGERS = (
    """
    CREATE FUNCTION {table}_refuse() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION '{table} is append-only'; END $$
    """,
    """
    CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table}
    FOR EACH ROW EXECUTE FUNCTION {table}_refuse()
    """,
    """
    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION {table}_refuse()
    """,
)
# What is left on a spool is kept beside it, by the database itself: it cannot come to differ
# from its movements, whoever writes one.
_SQLITE_SUM = (
    """
    CREATE TRIGGER movements_sum AFTER INSERT ON movements
    BEGIN UPDATE spools SET remaining_g = remaining_g + NEW.mass_g WHERE id = NEW.spool_id; END
    """,
)
_POSTGRESQL_SUM = (
    """
    CREATE FUNCTION movements_add() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN
    UPDATE spools SET remaining_g = remaining_g + NEW.mass_g WHERE id = NEW.spool_id;
    RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER movements_sum AFTER INSERT ON movements
    FOR EACH ROW EXECUTE FUNCTION movements_add()
    """,
)


def upgrade() -> None:
    """Make the tables and their guards."""
    _make_stock()
    _make_book()
    _make_spoolman()
    sqlite = op.get_bind().dialect.name == "sqlite"
    for table in _APPEND_ONLY:
        for trigger in _SQLITE_TRIGGERS if sqlite else _POSTGRESQL_TRIGGERS:
            op.execute(trigger.format(table=table))
    for trigger in _SQLITE_SUM if sqlite else _POSTGRESQL_SUM:
        op.execute(trigger)


def _numbered() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _make_stock() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "materials",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("process", sa.Text, nullable=False),
        sa.Column("brand", sa.Text),
        sa.Column("name", sa.Text),
        sa.Column("colour", sa.Text),
        sa.Column("density_g_cm3", sa.BigInteger),
        sa.Column("diameter_mm", sa.BigInteger),
        sa.Column("price", sa.BigInteger),
        sa.Column("net_g", sa.BigInteger),
        sa.Column("nozzle_c", sa.Integer),
        sa.Column("bed_c", sa.Integer),
        sa.Column("low_g", sa.BigInteger),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("spoolman_id", sa.Integer),
        sa.Column("added_at", moment, nullable=False),
    )
    op.create_index("materials_by_spoolman", "materials", ["spoolman_id"], unique=True)
    op.create_table(
        "spools",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("material_id", sa.Uuid, sa.ForeignKey("materials.id"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("price", sa.BigInteger),
        sa.Column("net_g", sa.BigInteger, nullable=False),
        sa.Column("tare_g", sa.BigInteger),
        sa.Column("lot", sa.Text),
        sa.Column("location", sa.Text),
        sa.Column("opened_at", moment),
        sa.Column("dried_at", moment),
        sa.Column("tag", sa.Text),
        sa.Column("archived", sa.Boolean, nullable=False),
        sa.Column("spoolman_id", sa.Integer),
        sa.Column("remaining_g", sa.BigInteger, nullable=False),
        sa.Column("added_at", moment, nullable=False),
    )
    op.create_index("spools_by_number", "spools", ["number"], unique=True)
    op.create_index("spools_by_spoolman", "spools", ["spoolman_id"], unique=True)
    op.create_index("spools_by_material", "spools", ["material_id"])
    numbers = op.create_table(
        "spool_numbers",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("last", sa.Integer, nullable=False),
    )
    op.bulk_insert(numbers, [{"id": 1, "last": 0}])


def _make_book() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "movements",
        sa.Column("id", _numbered(), primary_key=True),
        sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("mass_g", sa.BigInteger, nullable=False),
        sa.Column("at", moment, nullable=False),
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id")),
        sa.Column("by", sa.Text),
        sa.Column("reason", sa.Text),
    )
    op.create_index("movements_by_spool", "movements", ["spool_id", "id"])
    op.create_index("movements_by_job", "movements", ["job_id", "spool_id"])
    op.create_table(
        "slot_spools",
        sa.Column("id", _numbered(), primary_key=True),
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
        sa.Column("slot", sa.Text, nullable=False),
        sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id")),
        sa.Column("since", moment, nullable=False),
        sa.Column("by", sa.Text),
        sa.Column("source", sa.Text, nullable=False),
    )
    op.create_index("slot_spools_by_slot", "slot_spools", ["printer_id", "slot", "id"])
    op.create_index("slot_spools_by_time", "slot_spools", ["printer_id", "since", "id"])
    op.create_index("slot_spools_by_spool", "slot_spools", ["spool_id", "id"])
    op.create_table(
        "stock_notes",
        sa.Column("subject", sa.Uuid, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("by", sa.Text),
    )


def _make_spoolman() -> None:
    op.create_table(
        "spoolman_link",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("server", sa.Text, nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_table(
        "spoolman_outbox",
        sa.Column("movement_id", _numbered(), sa.ForeignKey("movements.id"), primary_key=True),
        sa.Column("spool_id", sa.Uuid, sa.ForeignKey("spools.id"), nullable=False),
        sa.Column("spoolman_id", sa.Integer, nullable=False),
        sa.Column("mass_g", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("used_before_g", sa.BigInteger),
    )
    op.create_index("spoolman_outbox_by_state", "spoolman_outbox", ["state", "movement_id"])
