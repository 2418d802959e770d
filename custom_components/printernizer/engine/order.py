"""An order: what somebody wants made, from the first draft to the invoice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .money import ZERO, exact
from .names import has_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from uuid import UUID

LONGEST_TEXT: Final = 500
"""Characters of what a position says."""
MOST_POSITIONS: Final = 500
LARGEST: Final = Decimal(1_000_000_000)
"""Of a quantity or a unit price: far above what is sold, far below what a column holds."""
PERCENT: Final = "%"
"""Unit of a discount that is a share of all positions before it."""


class OrderState(StrEnum):
    """How far an order has come."""

    DRAFT = "draft"
    QUOTED = "quoted"
    CONFIRMED = "confirmed"
    INVOICED = "invoiced"
    CANCELLED = "cancelled"


ORDER_MOVES: Final[Mapping[OrderState, frozenset[OrderState]]] = {
    OrderState.DRAFT: frozenset(
        {OrderState.QUOTED, OrderState.CONFIRMED, OrderState.INVOICED, OrderState.CANCELLED}
    ),
    # Quoted again after a talk, or changed: then the quote no longer says what is wanted.
    OrderState.QUOTED: frozenset(
        {
            OrderState.DRAFT,
            OrderState.QUOTED,
            OrderState.CONFIRMED,
            OrderState.INVOICED,
            OrderState.CANCELLED,
        }
    ),
    OrderState.CONFIRMED: frozenset({OrderState.INVOICED, OrderState.CANCELLED}),
    # Back when its invoice is cancelled: it may be put right and invoiced again.
    OrderState.INVOICED: frozenset({OrderState.CONFIRMED}),
    OrderState.CANCELLED: frozenset(),
}
"""Where an order may go from each state."""
CHANGEABLE: Final = frozenset({OrderState.DRAFT, OrderState.QUOTED, OrderState.CONFIRMED})
"""States in which positions may be added."""


class PositionKind(StrEnum):
    """What a position is for."""

    JOB = "job"
    """A print that was made."""
    FILE = "file"
    """A file that is to be printed."""
    PIECE = "piece"
    TEXT = "text"
    """Anything else: design, delivery."""
    DISCOUNT = "discount"
    """Less, by an amount or by per cent of the positions before it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Position:
    """One line of an order."""

    number: int
    """From 1."""
    kind: PositionKind
    text: str
    quantity: Decimal = Decimal(1)
    """Of a discount with the unit "%": how many per cent."""
    unit: str = "piece"
    """"piece", "g", "ml", "h", "flat", "%"."""
    unit_price: Decimal = ZERO
    """Net, or with the tax inside where the shop prices gross-first. Of a discount: how much
    less, above zero."""
    tax_percent: Decimal | None = None
    """None: the shop's rate on the day of supply; of a discount, those of what it reduces."""
    detail: str | None = None
    job_id: UUID | None = None
    path: str | None = None
    """Of a file, where it lies."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What somebody wants, and how far it has come."""

    id: UUID
    number: str
    """"A00001", given once."""
    customer_id: UUID
    state: OrderState = OrderState.DRAFT
    title: str | None = None
    positions: tuple[Position, ...] = ()
    delivered_from: date | None = None
    delivered_until: date | None = None
    """When it was or will be supplied; the day of the invoice where nobody says."""
    created_at: datetime
    changed_at: datetime

    def __repr__(self) -> str:
        """Tell no texts: they may name somebody."""
        return f"<Order {self.number} {self.state}>"


def moved(order: Order, to: OrderState, at: datetime) -> Order:
    """Return the order in its new state. Raises NotAllowed(key="order_state")."""
    if to not in ORDER_MOVES[order.state]:
        reason = f"an order that is {order.state} cannot become {to}"
        raise NotAllowed(reason, key="order_state")
    return replace(order, state=to, changed_at=at)


def extended(order: Order, position: Position, at: datetime) -> Order:
    """Return the order with one position more, numbered. A quoted one becomes a draft again.

    Raises NotAllowed: order_state, bad_position, bad_text.
    """
    if order.state not in CHANGEABLE:
        raise NotAllowed(f"an order that is {order.state} stays as it is", key="order_state")
    if len(order.positions) >= MOST_POSITIONS:
        raise NotAllowed(f"at most {MOST_POSITIONS} positions", key="bad_position")
    position = replace(checked_position(position), number=len(order.positions) + 1)
    state = OrderState.DRAFT if order.state is OrderState.QUOTED else order.state
    return replace(order, positions=(*order.positions, position), state=state, changed_at=at)


def checked_position(position: Position) -> Position:
    """Return a position as it may be kept. Raises NotAllowed: bad_position, bad_text."""
    for text in (position.text, position.detail or "", position.unit, position.path or ""):
        if len(text) > LONGEST_TEXT or has_tricks(text):
            reason = f"a text is one line of at most {LONGEST_TEXT} characters"
            raise NotAllowed(reason, key="bad_text")
    if not position.text.strip():
        raise NotAllowed("a position says what it is", key="bad_position")
    for amount in (position.quantity, position.unit_price, position.tax_percent or ZERO):
        if not amount.is_finite() or not ZERO <= amount <= LARGEST:
            raise NotAllowed("amounts are not below zero", key="bad_position")
    if position.quantity == ZERO:
        raise NotAllowed("a quantity is above zero", key="bad_position")
    hundred = Decimal(100)
    shares = [position.tax_percent or ZERO]
    if position.unit == PERCENT:
        shares.append(position.quantity)
        if position.kind is not PositionKind.DISCOUNT:
            raise NotAllowed("only a discount is in per cent", key="bad_position")
    if any(share > hundred for share in shares):
        raise NotAllowed("there are at most 100 per cent", key="bad_position")
    return replace(
        position,
        text=position.text.strip(),
        quantity=exact(position.quantity),
        unit_price=exact(position.unit_price),
        tax_percent=None if position.tax_percent is None else exact(position.tax_percent),
    )
