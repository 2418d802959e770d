"""The tables as they are now. How they became so is in `migrations/`."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..money import MICRO, rounded

if TYPE_CHECKING:
    from sqlalchemy.engine import Dialect


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """A moment, aware, in UTC. SQLite keeps it without a zone; a naive one is a bug."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Go into the database."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        """Come out of it."""
        if value is None:
            return None
        assert isinstance(value, datetime)
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Exact(sa.types.TypeDecorator[Decimal]):
    """An exact quantity with six places: money, grams, kilowatt-hours.

    Kept as a whole number of millionths, so that sums in the database are exact on SQLite too.
    """

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> int | None:
        """Go into the database."""
        return None if value is None else int(rounded(value, MICRO).scaleb(6))

    def process_result_value(self, value: Any | None, dialect: Dialect) -> Decimal | None:
        """Come out of it; a sum in PostgreSQL comes as a Decimal of its own."""
        return None if value is None else Decimal(int(value)).scaleb(-6)


METADATA: Final = sa.MetaData()

PRINTERS: Final = sa.Table(
    "printers",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text),
    sa.Column("model", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("last_seen", UtcDateTime, nullable=False),
    sa.Column("memory", sa.Text),
)
"""`id` is the serial. `memory` is what the tracking remembers, as JSON, without the open run
itself: that is the row in `jobs`."""

JOBS: Final = sa.Table(
    "jobs",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
    sa.Column("printer_job_id", sa.Text),
    sa.Column("path", sa.Text),
    sa.Column("name", sa.Text),
    sa.Column("plate", sa.Integer),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("started_at", UtcDateTime),
    sa.Column("first_seen_at", UtcDateTime, nullable=False),
    sa.Column("ended_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
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
    sa.Index("jobs_by_time", "first_seen_at", "id"),
    sa.Index("jobs_by_printer", "printer_id", "first_seen_at", "id"),
    sa.Index("jobs_by_outcome", "outcome", "first_seen_at", "id"),
    sa.Index("jobs_statistics", "printer_id", "first_seen_at", "outcome", "duration_s"),
)
"""One row per run."""

JOB_EVENTS: Final = sa.Table(
    "job_events",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("live", sa.Boolean, nullable=False),
    sa.Column("job", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("job_events_by_job", "job_id", "id"),
)
"""Append-only: triggers refuse update and delete. Numbered from 1 without gaps; `job` is the run
as it stood after the event, as canonical JSON; `hash` is over the hash before and this row."""

CHAIN: Final = sa.Table(
    "chain",
    METADATA,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("length", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
)
"""One row for each chain (1: job events, 2: start events): how many rows it has, and the hash of
the last. It betrays a cut-off end, and its lock puts several writers of one database in line."""

FILES_SEEN: Final = sa.Table(
    "files_seen",
    METADATA,
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("last_seen", UtcDateTime, nullable=False),
)
"""Files that lay on a printer's storage, as noted before there was a library; written no more."""

START_EVENTS: Final = sa.Table(
    "start_events",
    METADATA,
    sa.Column("id", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("start_id", sa.Uuid, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("detail", sa.Text, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Index("start_events_by_start", "start_id", "number", unique=True),
    sa.Index("start_events_by_printer", "printer_id", "id"),
)
"""Append-only and chained, as `job_events`. `detail` is the rest of the event as canonical JSON."""

FILES_SENT: Final = sa.Table(
    "files_sent",
    METADATA,
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("sent_at", UtcDateTime, nullable=False),
)
"""Files that we put onto a printer, with what they were sliced for: they cannot be read there."""
