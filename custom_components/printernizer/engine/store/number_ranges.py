"""Numbers without gaps: taken in the transaction that uses them, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from .office_tables import NUMBER_RANGES

if TYPE_CHECKING:
    from sqlalchemy import Connection


def take(connection: Connection, kind: str, year: int = 0) -> int:
    """Return the next number of a range, from 1.

    Who else wants one of this range waits until we commit; a rollback gives it back.
    """
    dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    connection.execute(
        dialect.insert(NUMBER_RANGES).on_conflict_do_nothing(),
        {"kind": kind, "year": year, "last": 0},
    )
    number: int = connection.execute(
        sa.update(NUMBER_RANGES)
        .where(NUMBER_RANGES.c.kind == kind, NUMBER_RANGES.c.year == year)
        .values(last=NUMBER_RANGES.c.last + 1)
        .returning(NUMBER_RANGES.c.last)
    ).scalar_one()
    return number
