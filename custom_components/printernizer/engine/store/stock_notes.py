"""What a person ticked off of the stock's tasks: ordered, or not worth weighing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..material import TaskKind
from . import printers
from .stock_tables import STOCK_NOTES

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection


def note(
    connection: Connection, kind: TaskKind, subject: UUID, at: datetime, by: str | None
) -> None:
    """Tick a task off."""
    connection.execute(
        printers.upsert(connection, STOCK_NOTES, ("subject", "kind")),
        {"kind": kind.value, "subject": subject, "at": at, "by": by},
    )


def forget(connection: Connection, kind: TaskKind, subject: UUID) -> None:
    """Put a task back, or forget that it was ticked off. Fine when it was not."""
    connection.execute(
        sa.delete(STOCK_NOTES).where(
            STOCK_NOTES.c.kind == kind.value, STOCK_NOTES.c.subject == subject
        )
    )


def load(connection: Connection) -> frozenset[tuple[TaskKind, UUID]]:
    """Read what is ticked off."""
    rows = connection.execute(sa.select(STOCK_NOTES.c.kind, STOCK_NOTES.c.subject))
    return frozenset((TaskKind(row.kind), row.subject) for row in rows)
