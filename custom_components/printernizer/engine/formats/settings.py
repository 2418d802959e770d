"""Facts from the settings that slicers write as `key = value`, in text or in blocks.

One family of words: Slic3r, PrusaSlicer, SuperSlicer, OrcaSlicer and Bambu Studio share them.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..file import FilamentFacts, FileFacts, PlateFacts
from ..names import without_tricks
from . import estimates, layering
from .heat import heat_of
from .pieces import NONE_NAMED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..file import FileKind
    from .pieces import Pieces

_NOZZLES_MM: Final = (0.05, 5.0)
_MOST_FILAMENTS: Final = 64
_TEXT_LIMIT: Final = 100
_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")
_NAMES: Final = re.compile(r'"[^"]*"|[^;"]+')
_SIDES: Final = ("MINX", "MINY", "MAXX", "MAXY")
"""Cura's words for what is covered; ideaMaker's are put into them."""
_PLACES_MM: Final = (-100_000.0, 100_000.0)
_BEDS_MM: Final = (10.0, 10_000.0)
_MOST_CORNERS: Final = 1000
"""Of a bed: round ones are told by some seventy."""

type Corner = tuple[float, float, float]


@dataclass(frozen=True, kw_only=True, slots=True)
class Author:
    """Which slicer wrote a file, and when."""

    slicer: str | None = None
    version: str | None = None
    at: str | None = None
    """ISO 8601."""


UNSIGNED: Final = Author()


def facts_of(
    settings: Mapping[str, str],
    kind: FileKind,
    *,
    author: Author = UNSIGNED,
    pieces: Pieces = NONE_NAMED,
) -> FileFacts:
    """Return what the settings of one plate say. What they do not say stays unknown."""
    return FileFacts(
        kind=kind,
        slicer=author.slicer,
        slicer_version=author.version,
        generated_at=author.at,
        printer_model=machine(settings),
        plates=(plate_of(settings, pieces=pieces),),
    )


def machine(settings: Mapping[str, str]) -> str | None:
    """Return which printer settings are for, or the profile where they name none."""
    return text(settings.get("printer_model")) or text(settings.get("printer_settings_id"))


def plate_of(
    settings: Mapping[str, str], number: int = 1, *, pieces: Pieces = NONE_NAMED
) -> PlateFacts:
    """Return the plate that settings speak of."""
    materials = _list(settings.get("filament_type"), ";")
    used = _used(settings, len(materials))
    nozzles = diameters(settings.get("nozzle_diameter"))
    if materials and len(nozzles) == len(materials) and used:
        nozzles = [nozzles[index] for index in used]
    distinct = tuple(sorted(set(nozzles)))
    height = layering.height(settings)
    lowest, size = boxed(pieces.box_mm or _sides(settings), height)
    return PlateFacts(
        number=number,
        # Several, and nothing that says which are used: no fact.
        nozzles_mm=distinct if used or len(distinct) == 1 else (),
        filaments=_filaments(settings, used, materials),
        print_time=estimates.print_time(settings),
        mass_g=estimates.mass(settings),
        tower_g=estimates.tower(settings),
        objects=pieces.count,
        pieces=pieces.named,
        layer_height_mm=layering.layer_height(settings),
        first_layer_height_mm=layering.first_layer_height(settings),
        layers=layering.layers(settings),
        height_mm=height,
        heat=heat_of(settings, used, len(materials)),
        bed_type=text(settings.get("curr_bed_type")),
        bed_mm=bed_size(settings),
        lowest_mm=lowest,
        size_mm=size,
    )


def _sides(settings: Mapping[str, str]) -> tuple[float, float, float, float] | None:
    found = [number(settings.get(key, ""), *_PLACES_MM) for key in _SIDES]
    known = [side for side in found if side is not None]
    return (known[0], known[1], known[2], known[3]) if len(known) == len(_SIDES) else None


def boxed(
    sides: tuple[float, float, float, float] | None, height: float | None
) -> tuple[Corner | None, Corner | None]:
    """Return the lowest corner and the size of what covers this much of the bed, mm."""
    if sides is None or height is None:
        return None, None
    west, south, east, north = sides
    if west >= east or south >= north:
        return None, None
    corner = (round(west, 3), round(south, 3), 0.0)
    return corner, (round(east - west, 3), round(north - south, 3), height)


def bed_size(settings: Mapping[str, str]) -> tuple[float, float] | None:
    """Return width and depth of the bed, mm, by its corners "0x0,250x0,250x210,0x210"."""
    outline = settings.get("bed_shape") or settings.get("printable_area") or ""
    corners = [corner.partition("x")[::2] for corner in outline.split(",", _MOST_CORNERS)]
    found = [[number(each, *_PLACES_MM) for each in axis] for axis in zip(*corners, strict=True)]
    sides = [[place for place in axis if place is not None] for axis in found]
    if not all(len(axis) == len(corners) <= _MOST_CORNERS for axis in sides):
        return None
    width, depth = (round(max(axis) - min(axis), 3) for axis in sides)
    least, most = _BEDS_MM
    return (width, depth) if least <= min(width, depth) and max(width, depth) <= most else None


def _filaments(
    settings: Mapping[str, str], used: Sequence[int], materials: Sequence[str]
) -> tuple[FilamentFacts, ...]:
    count = len(materials)
    if not count and used and "filament" in settings:
        # A header alone: its lists are of the filaments that it names as used.
        count = max(used) + 1
    colours = _list(settings.get("filament_colour"), ";") or _list(
        settings.get("extruder_colour"), ";"
    )
    names = names_in(settings.get("filament_settings_id"))
    lengths = estimates.lengths(settings, used, count)
    masses = estimates.masses(settings, used, count)
    diameters = estimates.diameters(settings, used, count)
    densities = estimates.densities(settings, used, count)
    costs = estimates.costs(settings, used, count)
    return tuple(
        FilamentFacts(
            index=index,
            material=text(materials[index]) if index < len(materials) else None,
            colour=colour(colours[index]) if index < len(colours) else None,
            used_mm=lengths.get(index),
            used_g=masses.get(index),
            diameter_mm=diameters.get(index),
            density_g_cm3=densities.get(index),
            name=text(names[index]) if index < len(names) == max(count, 1) else None,
            cost=Decimal(str(costs[index])) if index in costs else None,
        )
        for index in used
    )


def names_in(value: str | None) -> Sequence[str]:
    """Split a list of names, which stand in quotes where one of them has a blank."""
    return _NAMES.findall(value or "")[:_MOST_FILAMENTS]


def _used(settings: Mapping[str, str], count: int) -> list[int]:
    """Return which of `count` filaments are used; empty when that cannot be told."""
    named = [
        number(one, 1, count or _MOST_FILAMENTS) for one in _list(settings.get("filament"), ",")
    ]
    if named and all(one is not None for one in named):
        return sorted({int(one) - 1 for one in named if one is not None})
    return estimates.used_by(settings, count) or ([0] if count == 1 else [])


def diameters(value: str | None) -> list[float]:
    """Return nozzle diameters from "0.4,0.6"; empty when one of them is not one."""
    found = [number(one, *_NOZZLES_MM) for one in _list(value, ",")]
    known = [one for one in found if one is not None]
    return known if len(known) == len(found) else []


def number(value: str, least: float, most: float) -> float | None:
    """Return a number within bounds, or None."""
    try:
        found = float(value)
    except ValueError:
        return None
    return found if math.isfinite(found) and least <= found <= most else None


def text(value: str | None) -> str | None:
    """Return what a setting says, without quotes and tricks; None when it says nothing."""
    if value is None:
        return None
    clean = without_tricks(value[:_TEXT_LIMIT])
    return clean.strip().strip('"').strip() or None


def colour(value: str | None) -> str | None:
    """Return a colour as #RRGGBB or #RRGGBBAA, upper case."""
    clean = text(value)
    return clean.upper() if clean and _COLOUR.fullmatch(clean) else None


def _list(value: str | None, separator: str) -> Sequence[str]:
    """Split a list; none where it is empty or absurdly long."""
    if value is None or not value.strip().strip('"'):
        return ()
    parts = value.split(separator, _MOST_FILAMENTS)
    return () if len(parts) > _MOST_FILAMENTS else [part.strip() for part in parts]
