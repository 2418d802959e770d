"""What stands in Spoolman's JSON, whoever wrote it there."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from custom_components.printernizer.engine.errors import Garbled
from custom_components.printernizer.engine.spoolman.messages import spool_of

ROW: dict[str, Any] = {"id": 1, "used_weight": 5.5, "filament": {"id": 2, "material": "PLA"}}


@pytest.mark.parametrize(
    "value", [10**400, -(10**400), float("inf"), float("nan"), -1, True, "12", None]
)
def test_a_number_that_is_none_is_left_out(value: object) -> None:
    """Python reads integers of any length out of JSON, and no float holds them."""
    assert spool_of(ROW | {"price": value}).price is None
    with pytest.raises(Garbled):
        spool_of(ROW | {"used_weight": value})


def test_a_number_is_exact() -> None:
    spool = spool_of(ROW | {"price": 24.99})
    assert (spool.price, spool.used_g) == (Decimal("24.99"), Decimal("5.5"))


@pytest.mark.parametrize(
    ("said", "moment"),
    [
        ("2026-11-01T10:00:00Z", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("2026-11-01T10:00:00+02:00", datetime(2026, 11, 1, 8, tzinfo=UTC)),
        ("2026-11-01T10:00:00", datetime(2026, 11, 1, 10, tzinfo=UTC)),
        ("0001-01-01T00:00:00+14:00", None),
        ("yesterday", None),
        (5, None),
    ],
)
def test_moments_are_utc_or_nothing(said: object, moment: datetime | None) -> None:
    """The first day of all has no time before it: no database takes that."""
    assert spool_of(ROW | {"first_used": said}).opened_at == moment
