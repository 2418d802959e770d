"""Spoolman's JSON into values. Numbers and texts are bounded, whoever wrote them.

Source: its OpenAPI description, /api/v1 of Spoolman 0.26. Fields without a value are left out.
What is left on a spool is reckoned here from what was used: its own `remaining_weight` stops at 0.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

from ..errors import Garbled
from ..foreign_stock import ForeignMaterial, ForeignSpool
from ..money import exact
from ..names import without_tricks

_LONGEST: Final = 200
_MOST: Final = 10_000_000.0
"""Grams or money: ten tons on a spool are a mistake of somebody's."""
_HEX: Final = frozenset("0123456789ABCDEF")
_LARGEST_NUMBER: Final = 2**31 - 1


def spool_of(data: object) -> ForeignSpool:
    """Read a spool with its filament. Raises Garbled."""
    row = _row(data)
    used = _number(row, "used_weight")
    if used is None:
        raise Garbled("a spool that does not say what was used", key="spoolman_garbled")
    return ForeignSpool(
        number=_id(row),
        material=_material_of(row.get("filament")),
        used_g=used,
        price=_number(row, "price"),
        initial_g=_positive(row, "initial_weight"),
        spool_g=_number(row, "spool_weight"),
        lot=_text(row, "lot_nr"),
        location=_text(row, "location"),
        opened_at=_moment(row, "first_used"),
        archived=row.get("archived") is True,
    )


def spools_of(data: object) -> tuple[ForeignSpool, ...]:
    """Read a page of spools. Raises Garbled."""
    if not isinstance(data, list):
        raise Garbled("not a list of spools", key="spoolman_garbled")
    return tuple(map(spool_of, data))


def _material_of(data: object) -> ForeignMaterial:
    row = _row(data)
    vendor = row.get("vendor")
    return ForeignMaterial(
        number=_id(row),
        kind=_text(row, "material") or _text(row, "name") or f"#{_id(row)}",
        brand=_text(vendor, "name") if isinstance(vendor, dict) else None,
        name=_text(row, "name"),
        colour=_colour(row),
        density_g_cm3=_positive(row, "density"),
        diameter_mm=_positive(row, "diameter"),
        price=_number(row, "price"),
        net_g=_positive(row, "weight"),
        tare_g=_number(row, "spool_weight"),
        nozzle_c=_celsius(row, "settings_extruder_temp"),
        bed_c=_celsius(row, "settings_bed_temp"),
    )


def _row(data: object) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise Garbled("not an object", key="spoolman_garbled")
    return data


def _id(row: dict[str, Any]) -> int:
    number = row.get("id")
    if isinstance(number, bool) or not isinstance(number, int):
        raise Garbled("an entry without a number", key="spoolman_garbled")
    if not 0 < number <= _LARGEST_NUMBER:
        raise Garbled("an entry with an impossible number", key="spoolman_garbled")
    return number


def _number(row: dict[str, Any], key: str) -> Decimal | None:
    value = row.get(key)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if not 0 <= value <= _MOST:  # which NaN is not, and what no float can hold
        return None
    return exact(value)


def _positive(row: dict[str, Any], key: str) -> Decimal | None:
    value = _number(row, key)
    return None if value is None or value == 0 else value


def _celsius(row: dict[str, Any], key: str) -> int | None:
    value = _number(row, key)
    return int(value) if value is not None and value <= 500 else None


def _text(row: dict[str, Any], key: str) -> str | None:
    value = row.get(key)
    if not isinstance(value, str):
        return None
    plain = without_tricks(value[:_LONGEST], " ")
    return plain.strip() or None


def _colour(row: dict[str, Any]) -> str | None:
    """Return its colour, or the first of several."""
    several = _text(row, "multi_color_hexes") or ""
    code = (_text(row, "color_hex") or several.split(",", 1)[0]).strip().removeprefix("#").upper()
    return f"#{code}" if len(code) in {6, 8} and not set(code) - _HEX else None


def _moment(row: dict[str, Any], key: str) -> datetime | None:
    value = row.get(key)
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value[:40])
    except ValueError:
        return None
    if moment.tzinfo is None:
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return None
