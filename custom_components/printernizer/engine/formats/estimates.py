"""What slicers expect a print to take: time, length and mass, from their settings and comments.

`settings` has the family's own words; those of others are put into them first (`dialects.py`).
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LENGTHS: Final = ("filament used [mm]", "total filament length [mm]")
_MASSES: Final = ("filament used [g]", "total filament weight [g]")
_TIMES: Final = (
    "total estimated time",
    "estimated printing time (normal mode)",
    "estimated printing time",
    "model printing time",
)
_TOTAL: Final = re.compile(r"total estimated time:(.{1,60})")
"""Bambu Studio writes two times in one line."""
_SPAN: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?) ?([dhms])")
_SECONDS: Final = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_LONGEST: Final = timedelta(days=3650)
_LENGTH_MM: Final = (0.0, 1e8)
_MASS_G: Final = (0.0, 1e6)
_DIAMETER_MM: Final = (0.5, 5.0)
_DENSITY_G_CM3: Final = (0.2, 25.0)
"""From foamed plastic to metal in wax."""
_COST: Final = (0.0, 1e7)
_MOST_FILAMENTS: Final = 64


def print_time(settings: Mapping[str, str]) -> timedelta | None:
    """Return how long the slicer expects it to take; with preparation where it tells."""
    for key in _TIMES:
        if (value := settings.get(key)) is not None:
            total = _TOTAL.search(value)
            if span := duration(total.group(1) if total else value.split(";")[0]):
                return span
    return None


def duration(value: str) -> timedelta | None:
    """Return a span like "1d 2h 3m 4s" or "0 hours 31 minutes"; None for none or an absurd one."""
    seconds = sum(float(count) * _SECONDS[unit] for count, unit in _SPAN.findall(value))
    return timedelta(seconds=seconds) if 0 < seconds <= _LONGEST.total_seconds() else None


def lengths(settings: Mapping[str, str], used: Sequence[int], count: int) -> dict[int, float]:
    """Return millimetres by filament; `used` of `count` filaments are used."""
    return _amounts(settings, _LENGTHS, used, count, _LENGTH_MM)


def masses(settings: Mapping[str, str], used: Sequence[int], count: int) -> dict[int, float]:
    """Return grams by filament. 0 beside a length is no mass but an unknown density."""
    return _amounts(settings, _MASSES, used, count, _MASS_G)


def diameters(settings: Mapping[str, str], used: Sequence[int], count: int) -> dict[int, float]:
    """Return millimetres by filament."""
    return _amounts(settings, ("filament_diameter",), used, count, _DIAMETER_MM)


def densities(settings: Mapping[str, str], used: Sequence[int], count: int) -> dict[int, float]:
    """Return g/cm3 by filament; 0 means that nobody entered one."""
    return _amounts(settings, ("filament_density",), used, count, _DENSITY_G_CM3)


def mass(settings: Mapping[str, str]) -> float | None:
    """Return the grams of all filaments."""
    for key in ("total filament used [g]", *_MASSES):
        found = [one for one in numbers(settings.get(key), _MASS_G) if one is not None]
        if total := sum(found):
            return total
    return None


def tower(settings: Mapping[str, str]) -> float | None:
    """Return the grams of the wipe tower; None where there is none."""
    found = numbers(settings.get("total filament used for wipe tower [g]"), _MASS_G)
    return (found[0] or None) if found else None


def costs(settings: Mapping[str, str], used: Sequence[int], count: int) -> dict[int, float]:
    """Return what each filament costs; 0 means that nobody entered a price."""
    return _amounts(settings, ("filament cost",), used, count, _COST)


def used_by(settings: Mapping[str, str], count: int) -> list[int]:
    """Return which of `count` filaments have an amount, by a list that has a place for each.

    With 0 nobody knows how many there are, and the list is believed.
    """
    for key in ("filament used [mm]", "filament used [g]"):
        amounts = numbers(settings.get(key), _LENGTH_MM)
        if len(amounts) == (count or len(amounts)) and None not in amounts and any(amounts):
            return [index for index, amount in enumerate(amounts) if amount]
    return []


def _amounts(
    settings: Mapping[str, str],
    keys: Sequence[str],
    used: Sequence[int],
    count: int,
    bounds: tuple[float, float],
) -> dict[int, float]:
    """Read a list of all filaments, or of those that are used."""
    for key in keys:
        found = numbers(settings.get(key), bounds)
        if len(found) == (count or len(found)):
            found = [found[index] for index in used if index < len(found)]
        if found and len(found) == len(used):
            return {index: one for index, one in zip(used, found, strict=True) if one}
    return {}


def numbers(value: str | None, bounds: tuple[float, float]) -> list[float | None]:
    """Split a list of numbers; None stands for what is none, or out of bounds."""
    if value is None or not value.strip():
        return []
    parts = value.split(",", _MOST_FILAMENTS)
    return [] if len(parts) > _MOST_FILAMENTS else [_number(part, bounds) for part in parts]


def _number(value: str, bounds: tuple[float, float]) -> float | None:
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) and bounds[0] <= found <= bounds[1] else None
