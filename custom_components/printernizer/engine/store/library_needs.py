"""Which files somebody still needs: no rule throws them away, whatever it says."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, Final

import sqlalchemy as sa

from ..idea import OPEN
from ..order import OrderState
from .ideas_tables import IDEA_FILES, IDEAS
from .library_tables import LIBRARY_FILES, LIBRARY_PLACES
from .office_tables import ORDER_POSITIONS, ORDERS
from .schema import JOBS

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection, Select

_OWED: Final = (OrderState.DRAFT.value, OrderState.QUOTED.value, OrderState.CONFIRMED.value)
"""States of orders that are still worked on."""


def printing(connection: Connection) -> frozenset[UUID]:
    """Read the files of prints that go on now, as far as printers tell which they are."""
    file, place = LIBRARY_FILES.c, LIBRARY_PLACES.c
    # A path inside an archive names no place: then it is the file that was noted as printed.
    told = (place.path == JOBS.c.path) | (file.printed_at >= JOBS.c.first_seen_at)
    query = (
        sa.select(file.id)
        .join(LIBRARY_PLACES, place.number == file.number)
        .join(JOBS, JOBS.c.printer_id == place.printer_id)
        .where(JOBS.c.outcome.is_(None), told)
    )
    return _ids(connection, query)


def needed(connection: Connection) -> frozenset[UUID]:
    """Read the files that a print, an order or an idea still needs."""
    return printing(connection) | _of_orders(connection) | _sent(connection) | _of_ideas(connection)


def _of_orders(connection: Connection) -> frozenset[UUID]:
    """Read the files of prints that open orders charge for: they may be wanted once more."""
    place = LIBRARY_PLACES.c
    query = (
        sa.select(LIBRARY_FILES.c.id)
        .join(LIBRARY_PLACES, place.number == LIBRARY_FILES.c.number)
        .join(JOBS, (JOBS.c.printer_id == place.printer_id) & (JOBS.c.path == place.path))
        .join(ORDER_POSITIONS, ORDER_POSITIONS.c.job_id == JOBS.c.id)
        .join(ORDERS, ORDERS.c.id == ORDER_POSITIONS.c.order_id)
        .where(ORDERS.c.state.in_(_OWED))
    )
    return _ids(connection, query)


def _sent(connection: Connection) -> frozenset[UUID]:
    """Read the files that stand in open orders themselves: on the shelf, they end in a hash."""
    paths = connection.execute(
        sa.select(ORDER_POSITIONS.c.path)
        .join(ORDERS, ORDERS.c.id == ORDER_POSITIONS.c.order_id)
        .where(ORDERS.c.state.in_(_OWED), ORDER_POSITIONS.c.path.is_not(None))
    ).scalars()
    names = sorted({posixpath.basename(path) for path in paths})
    named = LIBRARY_FILES.c.sha256.in_(names) | LIBRARY_FILES.c.name.in_(names)
    return _ids(connection, sa.select(LIBRARY_FILES.c.id).where(named)) if names else frozenset()


def _of_ideas(connection: Connection) -> frozenset[UUID]:
    """Read the files that ideas became which nobody printed yet."""
    query = (
        sa.select(IDEA_FILES.c.file_id)
        .join(IDEAS, IDEAS.c.number == IDEA_FILES.c.number)
        .where(IDEAS.c.state.in_([state.value for state in OPEN]))
    )
    return _ids(connection, query)


def _ids(connection: Connection, query: Select[tuple[UUID]]) -> frozenset[UUID]:
    return frozenset(connection.execute(query).scalars())
