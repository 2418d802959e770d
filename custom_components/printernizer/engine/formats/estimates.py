"""What slicers expect a print to take: time, length and mass, from their settings and comments.

`settings` has the family's own words; the others' are put into those first.
"""

from __future__ import annotations

import json
import math
import re
from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYS: Final = (
    "filament used [mm]",
    "filament used [g]",
    "filament_density",
    "filament_diameter",
    "total filament used [g]",
    "total filament used for wipe tower [g]",
    "total filament length [mm]",
    "total filament weight [g]",
    "estimated printing time (normal mode)",
    "estimated printing time",
    "model printing time",
    "total estimated time",
    "objects_info",
)
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
_MOST_FILAMENTS: Final = 64

OTHERS: Final = re.compile(
    rb"^;[ \t]*(TIME|PRINT\.TIME|Print Time|(?:Calculated )?Build [Tt]ime|[Ff]ilament used"
    rb"|Filament length|Material Length|Plastic weight|Material Weight|Filament weight"
    rb"|(?:Material|Ext ) ?#\d{1,2}(?: Used)?|Filament (?:Diameter|Density) #\d{1,2})"
    rb"[ \t]*[:=][ \t]*\[?([^\r\n]{1,200})",
    re.MULTILINE,
)
"""Estimates in the words of Cura, Simplify3D, ideaMaker, KISSlicer and the first Slic3r."""
_OTHER_TIMES: Final = {
    "time": "s",
    "print.time": "s",
    "print time": "s",
    "build time": "",
    "calculated build time": "",
}
_OTHER_LENGTHS: Final = frozenset({"filament used", "filament length", "material length"})
_OTHER_MASSES: Final = frozenset({"plastic weight", "material weight", "filament weight"})
_CURA_NOT_YET: Final = "6666"
"""What Cura writes until it knows the time, and sometimes forgets to replace."""
_MEASURE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(mm|m|g)?\b")
_NUMBERED: Final = re.compile(r"(material|ext|filament (?:diameter|density)) ?#(\d{1,2})")


def others(content: bytes) -> dict[str, str]:
    """Return the estimates of other slicers in the family's words."""
    said: dict[str, str] = {}
    numbered: dict[str, dict[int, str]] = {}
    for match in OTHERS.finditer(content):
        word, value = (part.decode("utf-8", "replace") for part in match.groups())
        word = " ".join(word.lower().split())
        if many := _NUMBERED.match(word):
            numbered.setdefault(many.group(1), {})[int(many.group(2))] = value
        elif word in _OTHER_TIMES:
            if value.strip() != _CURA_NOT_YET:
                said["estimated printing time"] = value.strip().lower() + _OTHER_TIMES[word]
        elif word in _OTHER_LENGTHS:
            said["filament used [mm]"] = _measures(value)
        elif word in _OTHER_MASSES:
            said["filament used [g]"] = _measures(value)
    for word, key in (
        ("material", "filament used [mm]"),
        ("ext", "filament used [mm]"),
        ("filament diameter", "filament_diameter"),
        ("filament density", "filament_density"),
    ):
        if values := numbered.get(word):
            said[key] = ",".join(
                _measures(values.get(place, "0")) for place in range(1, max(values) + 1)
            )
    return said


def _measures(value: str) -> str:
    """Return lengths in mm and masses in g, as a list; what stands in brackets says it again."""
    found = [_MEASURE.match(part.strip()) for part in value.split("(", maxsplit=1)[0].split(",")]
    return ",".join(
        "0" if one is None else str(float(one.group(1)) * (1000 if one.group(2) == "m" else 1))
        for one in found
    )


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


def objects(settings: Mapping[str, str]) -> int | None:
    """Return how many pieces PrusaSlicer's own list names."""
    try:
        named = json.loads(settings.get("objects_info", ""))["objects"]
    except ValueError, TypeError, KeyError, RecursionError:
        return None
    return len(named) or None if isinstance(named, list) else None


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
