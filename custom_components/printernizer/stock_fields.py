"""What people may write into the fields of the stock's actions."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.helpers import config_validation as cv
from homeassistant.util import dt as dt_util

from .engine.money import exact
from .engine.names import has_tricks
from .engine.shop import Process

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

MOST: Final = Decimal(1_000_000)
"""Grams or money: nobody has a ton of one filament, or pays a million for a spool."""


def quantity(
    at_least: Decimal = Decimal(0), at_most: Decimal = MOST, *, above: bool = False
) -> Callable[[object], Decimal]:
    """Return what reads an exact number within bounds. above: and not the lower one itself."""

    def read(value: object) -> Decimal:
        if isinstance(value, bool) or not isinstance(value, (int, float, str, Decimal)):
            raise vol.Invalid("not a number")
        try:
            number = exact(str(value).strip())
        except ValueError, InvalidOperation:
            raise vol.Invalid("not a number") from None
        if not at_least <= number <= at_most or (above and number == at_least):
            raise vol.Invalid(f"needs {at_least} to {at_most}")
        return number

    return read


def word(longest: int = 64) -> Callable[[object], str]:
    """Return what reads one line of text."""

    def read(value: object) -> str:
        text = cv.string(value).strip()
        if not text or len(text) > longest or has_tricks(text):
            raise vol.Invalid(f"needs one line of 1 to {longest} characters")
        return text

    return read


def colour(value: object) -> str:
    """Return a colour as #RRGGBB or #RRGGBBAA, from that or from [r, g, b]. Raises vol.Invalid."""
    if isinstance(value, (list, tuple)):
        parts = vol.Schema(vol.All([vol.All(int, vol.Range(0, 255))], vol.Length(3, 3)))(
            list(value)
        )
        return "#" + "".join(f"{part:02X}" for part in parts)
    text = cv.string(value).strip().upper().removeprefix("#")
    if len(text) not in {6, 8} or set(text) - set("0123456789ABCDEF"):
        raise vol.Invalid("needs a colour as #RRGGBB")
    return f"#{text}"


def moment(value: object) -> datetime:
    """Return a moment; one without a zone is local time. Raises vol.Invalid."""
    return dt_util.as_utc(cv.datetime(value))


def clearable(read: Any) -> Any:
    """Return what reads the same, or nothing: the field is emptied."""
    return vol.Any(None, read)


NUMBER: Final = vol.All(vol.Coerce(int), vol.Range(1, 2**31 - 1))
_CELSIUS: Final = vol.All(vol.Coerce(int), vol.Range(0, 500))
_MASS: Final = quantity()
_FULL: Final = quantity(above=True)

KIND: Final = word()
MATERIAL_FIELDS: Final[dict[str, Any]] = {
    "brand": word(),
    "name": word(),
    "colour": colour,
    "density_g_cm3": quantity(at_most=Decimal(30), above=True),
    "diameter_mm": quantity(at_most=Decimal(10), above=True),
    "price": _MASS,
    "net_g": _FULL,
    "nozzle_c": _CELSIUS,
    "bed_c": _CELSIUS,
    "low_g": _MASS,
}
PROCESS: Final = vol.Coerce(Process)
SPOOL_FIELDS: Final[dict[str, Any]] = {
    "price": _MASS,
    "tare_g": _MASS,
    "lot": word(),
    "location": word(),
    "tag": word(100),
    "opened_at": moment,
    "dried_at": moment,
}
"""Those that may be empty."""
NET: Final = _FULL
MASS: Final = _MASS
SIGNED: Final = quantity(-MOST)
REASON: Final = word(200)
