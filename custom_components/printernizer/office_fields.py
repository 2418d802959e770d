"""What people may write into the fields of the back office's actions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import voluptuous as vol
from homeassistant.helpers import config_validation as cv

from .engine.order import LONGEST_TEXT, PERCENT, Position, PositionKind
from .engine.workshop.counter import LONGEST_REASON
from .stock_fields import quantity, word

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_MONEY: Final = Decimal(10_000_000)
MOST_POSITIONS: Final = 100
"""In one call."""
_TEXT: Final = word(LONGEST_TEXT)

REFERENCE: Final = word(64)
"""An id, or the number that people read."""
REASON: Final = word(LONGEST_REASON)
AMOUNT: Final = quantity(-MOST_MONEY, MOST_MONEY)
PAGE: Final = vol.All(vol.Coerce(int), vol.Range(1, 200))
AFTER: Final = vol.All(vol.Coerce(int), vol.Range(1, 2**53))
CUSTOMER: Final[Mapping[str, Any]] = {
    "business": cv.boolean,
    "contact": word(200),
    "street": word(200),
    "postcode": word(20),
    "city": word(200),
    "country": vol.All(cv.string, vol.Match(r"^[A-Za-z]{2}\Z")),
    "vat_id": word(40),
    "email": word(200),
    "phone": word(60),
    "buyer_reference": word(200),
}
"""Beside the name."""
KEPT_AS_TEXT: Final = frozenset({"street", "postcode", "city"})
"""Empty where others are None."""


def identifier(value: object) -> UUID:
    """Return an id. Raises vol.Invalid."""
    try:
        return UUID(cv.string(value).strip())
    except ValueError:
        raise vol.Invalid("not an id") from None


POSITION: Final[Mapping[Any, Any]] = {
    vol.Optional("kind"): vol.Coerce(PositionKind),
    vol.Optional("text"): _TEXT,
    vol.Optional("quantity"): quantity(above=True, at_most=MOST_MONEY),
    vol.Optional("unit"): vol.All(word(20)),
    vol.Optional("unit_price"): quantity(at_most=MOST_MONEY),
    vol.Optional("tax_percent"): quantity(at_most=Decimal(100)),
    vol.Optional("detail"): _TEXT,
    vol.Optional("job_id"): identifier,
    vol.Optional("path"): _TEXT,
}


def position(data: Mapping[str, Any]) -> Position:
    """Return a position from its fields; what it is follows from what it names."""
    kind = data.get("kind") or _kind(data)
    values = {key: data[key] for key in data if key not in {"kind", "text"}}
    return Position(number=0, kind=kind, text=data.get("text", ""), **values)


def _kind(data: Mapping[str, Any]) -> PositionKind:
    if "job_id" in data:
        return PositionKind.JOB
    if "path" in data:
        return PositionKind.FILE
    return PositionKind.DISCOUNT if data.get("unit") == PERCENT else PositionKind.PIECE


POSITIONS: Final = vol.All(
    cv.ensure_list, [vol.Schema(dict(POSITION))], vol.Length(max=MOST_POSITIONS)
)
