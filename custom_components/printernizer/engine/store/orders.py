"""Orders and their positions."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..order import Order, OrderState, Position, PositionKind
from . import number_ranges
from .office_tables import DOCUMENTS, ORDER_POSITIONS, ORDERS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

ERASED: Final = "-"
"""What a position says once the person it was for is forgotten."""
_OWN: Final = tuple(field.name for field in fields(Order) if field.name != "positions")
_POSITION: Final = tuple(field.name for field in fields(Position))


@dataclass(frozen=True, kw_only=True, slots=True)
class OrderPage:
    """Orders, the newest first."""

    orders: tuple[Order, ...]
    next: int | None
    """Where the next page begins; None on the last."""


def add(connection: Connection, make: Callable[[str], Order]) -> Order:
    """Keep a new order with its positions; `make` is given the number."""
    serial = number_ranges.take(connection, "order")
    order = make(f"A{serial:05d}")
    connection.execute(sa.insert(ORDERS), [_row(order) | {"serial": serial}])
    _add_positions(connection, order, order.positions)
    return order


def change(connection: Connection, order: Order) -> None:
    """Write an order as it is now; positions are only ever added."""
    connection.execute(sa.update(ORDERS).where(ORDERS.c.id == order.id).values(_row(order)))
    stand = connection.execute(
        sa.select(sa.func.count()).where(ORDER_POSITIONS.c.order_id == order.id)
    ).scalar_one()
    _add_positions(connection, order, order.positions[stand:])


def get(connection: Connection, order_id: UUID, *, lock: bool = False) -> Order | None:
    """Read one order, or None. `lock`: nobody else changes it until we commit."""
    query = sa.select(ORDERS).where(ORDERS.c.id == order_id)
    rows = connection.execute(query.with_for_update() if lock else query).mappings().all()
    return next(iter(_with_positions(connection, rows)), None)


def by_number(connection: Connection, number: str) -> Order | None:
    """Read the order with this number, or None."""
    query = sa.select(ORDERS).where(ORDERS.c.number == number)
    return next(iter(_with_positions(connection, connection.execute(query).mappings().all())), None)


def of_customer(
    connection: Connection, customer_id: UUID, *, lock: bool = False
) -> tuple[Order, ...]:
    """Read all orders of a customer, in order. `lock`: nobody changes them until we commit."""
    query = sa.select(ORDERS).where(ORDERS.c.customer_id == customer_id).order_by(ORDERS.c.serial)
    if lock:
        query = query.with_for_update()
    return _with_positions(connection, connection.execute(query).mappings().all())


def of_job(connection: Connection, job_id: UUID) -> tuple[Order, ...]:
    """Read the orders that charge for a job and were not cancelled."""
    charged = sa.select(ORDER_POSITIONS.c.order_id).where(ORDER_POSITIONS.c.job_id == job_id)
    query = sa.select(ORDERS).where(
        ORDERS.c.id.in_(charged), ORDERS.c.state != OrderState.CANCELLED.value
    )
    return _with_positions(connection, connection.execute(query).mappings().all())


def page(
    connection: Connection,
    *,
    state: OrderState | None = None,
    customer_id: UUID | None = None,
    after: int | None = None,
    limit: int = 50,
) -> OrderPage:
    """Read one page, the newest first; `after` is where the page before ended."""
    query = sa.select(ORDERS).order_by(ORDERS.c.serial.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(ORDERS.c.state == state.value)
    if customer_id is not None:
        query = query.where(ORDERS.c.customer_id == customer_id)
    if after is not None:
        query = query.where(ORDERS.c.serial < after)
    rows = connection.execute(query).mappings().all()
    more = len(rows) > limit
    return OrderPage(
        orders=_with_positions(connection, rows[:limit]),
        next=rows[limit - 1]["serial"] if more else None,
    )


def forget_texts(connection: Connection, order_ids: Iterable[UUID]) -> None:
    """Take the words out of orders: they may name somebody. Amounts and jobs stay."""
    ids = list(order_ids)
    connection.execute(sa.update(ORDERS).where(ORDERS.c.id.in_(ids)).values(title=None))
    connection.execute(
        sa.update(ORDER_POSITIONS)
        .where(ORDER_POSITIONS.c.order_id.in_(ids))
        .values(text=ERASED, detail=None, path=None)
    )


def delete_before(connection: Connection, moment: datetime) -> int:
    """Delete orders that nothing happened to since a moment and that no document speaks of.

    Confirmed ones stay: they are owed. Returns how many went.
    """
    ids = (
        connection.execute(
            sa.select(ORDERS.c.id).where(
                ORDERS.c.changed_at < moment,
                ORDERS.c.state != OrderState.CONFIRMED.value,
                ~sa.exists().where(DOCUMENTS.c.order_id == ORDERS.c.id),
            )
        )
        .scalars()
        .all()
    )
    for order_id in ids:
        connection.execute(sa.delete(ORDER_POSITIONS).where(ORDER_POSITIONS.c.order_id == order_id))
        connection.execute(sa.delete(ORDERS).where(ORDERS.c.id == order_id))
    return len(ids)


def _add_positions(connection: Connection, order: Order, positions: Iterable[Position]) -> None:
    rows = [
        {name: getattr(position, name) for name in _POSITION}
        | {"kind": position.kind.value, "order_id": order.id}
        for position in positions
    ]
    if rows:
        connection.execute(sa.insert(ORDER_POSITIONS), rows)


def _row(order: Order) -> dict[str, Any]:
    return {name: getattr(order, name) for name in _OWN} | {"state": order.state.value}


def _with_positions(connection: Connection, rows: Sequence[Mapping[Any, Any]]) -> tuple[Order, ...]:
    orders = {
        row["id"]: Order(
            **{name: row[name] for name in _OWN if name != "state"}, state=OrderState(row["state"])
        )
        for row in rows
    }
    positions: dict[UUID, list[Position]] = {order_id: [] for order_id in orders}
    query = (
        sa.select(ORDER_POSITIONS)
        .where(ORDER_POSITIONS.c.order_id.in_(list(orders)))
        .order_by(ORDER_POSITIONS.c.order_id, ORDER_POSITIONS.c.number)
    )
    for row in connection.execute(query).mappings() if orders else ():
        values = {name: row[name] for name in _POSITION if name != "kind"}
        positions[row["order_id"]].append(Position(**values, kind=PositionKind(row["kind"])))
    return tuple(
        replace(order, positions=tuple(positions[order_id])) for order_id, order in orders.items()
    )
