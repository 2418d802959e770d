"""An order's moves and positions, and numbers of documents."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.numbering import counts_by_year, document_number
from custom_components.printernizer.engine.order import (
    CHANGEABLE,
    LONGEST_TEXT,
    MOST_POSITIONS,
    ORDER_MOVES,
    Order,
    OrderState,
    Position,
    PositionKind,
    extended,
    moved,
)

AT = datetime(2026, 11, 21, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
ORDER = Order(
    id=UUID(int=1), number="A00001", customer_id=UUID(int=2), created_at=AT, changed_at=AT
)
PIECE = Position(number=0, kind=PositionKind.PIECE, text="Vase", unit_price=Decimal("12.50"))


def test_every_state_has_its_moves_and_only_known_ones() -> None:
    assert set(ORDER_MOVES) == set(OrderState)
    assert set(OrderState) >= CHANGEABLE


@pytest.mark.parametrize("state", list(OrderState))
@pytest.mark.parametrize("to", list(OrderState))
def test_an_order_moves_as_the_table_says(state: OrderState, to: OrderState) -> None:
    order = replace(ORDER, state=state)
    if to in ORDER_MOVES[state]:
        after = moved(order, to, LATER)
        assert (after.state, after.changed_at) == (to, LATER)
    else:
        with pytest.raises(NotAllowed) as refusal:
            moved(order, to, LATER)
        assert refusal.value.key == "order_state"


def test_an_invoiced_order_comes_back_only_by_a_cancellation() -> None:
    """Otherwise one order would be billed twice."""
    assert ORDER_MOVES[OrderState.INVOICED] == {OrderState.CONFIRMED}


def test_positions_are_numbered_as_they_come() -> None:
    order = extended(extended(ORDER, PIECE, AT), replace(PIECE, text=" Cup "), LATER)
    assert [(each.number, each.text) for each in order.positions] == [(1, "Vase"), (2, "Cup")]
    assert order.changed_at == LATER


def test_a_changed_quote_is_a_draft_again() -> None:
    """The customer agreed to something else."""
    quoted = replace(ORDER, state=OrderState.QUOTED)
    assert extended(quoted, PIECE, AT).state is OrderState.DRAFT
    confirmed = replace(ORDER, state=OrderState.CONFIRMED)
    assert extended(confirmed, PIECE, AT).state is OrderState.CONFIRMED


@pytest.mark.parametrize("state", [OrderState.INVOICED, OrderState.CANCELLED])
def test_a_closed_order_stays_as_it_is(state: OrderState) -> None:
    with pytest.raises(NotAllowed) as refusal:
        extended(replace(ORDER, state=state), PIECE, AT)
    assert refusal.value.key == "order_state"


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"text": " "}, "bad_position"),
        ({"text": "a" * (LONGEST_TEXT + 1)}, "bad_text"),
        ({"detail": "a\nb"}, "bad_text"),
        ({"quantity": Decimal(0)}, "bad_position"),
        ({"quantity": Decimal(-1)}, "bad_position"),
        ({"quantity": Decimal("NaN")}, "bad_position"),
        ({"unit_price": Decimal("Infinity")}, "bad_position"),
        ({"unit_price": Decimal(10**10)}, "bad_position"),
        ({"unit_price": Decimal("-0.01")}, "bad_position"),
        ({"tax_percent": Decimal(101)}, "bad_position"),
        ({"unit": "%"}, "bad_position"),
        ({"kind": PositionKind.DISCOUNT, "unit": "%", "quantity": Decimal(101)}, "bad_position"),
    ],
    ids=str,
)
def test_a_position_that_cannot_be_billed_is_refused(values: dict[str, object], key: str) -> None:
    with pytest.raises(NotAllowed) as refusal:
        extended(ORDER, replace(PIECE, **values), AT)  # type: ignore[arg-type]
    assert refusal.value.key == key


def test_an_order_does_not_grow_for_ever() -> None:
    full = replace(ORDER, positions=(PIECE,) * MOST_POSITIONS)
    with pytest.raises(NotAllowed):
        extended(full, PIECE, AT)


def test_an_order_prints_no_texts() -> None:
    assert repr(replace(ORDER, title="for Erika")) == "<Order A00001 draft>"


def test_numbers_follow_the_owners_pattern() -> None:
    assert document_number("RE{year}-{number:04d}", 2026, 7) == "RE2026-0007"
    assert document_number("{number}", 2026, 12345) == "12345"
    assert counts_by_year("RE{year}-{number}")
    assert not counts_by_year("{number:05d}")


@pytest.mark.parametrize(
    "pattern",
    [
        "",
        "RE",
        "{year}",
        "{number}{number}",
        "{number.__class__}",
        "{number!r}",
        "{number:>1000000000}",
        "{number:{year}}",
        "{number}{other}",
        "{}",
        "{number",
        "<b>{number}",
        "{number}" + "x" * 40,
    ],
)
def test_a_pattern_is_nothing_but_a_pattern(pattern: str) -> None:
    """A format string can read what is none of its business, and fill the memory."""
    with pytest.raises(NotAllowed) as refusal:
        document_number(pattern, 2026, 1)
    assert refusal.value.key == "bad_pattern"
