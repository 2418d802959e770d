"""Facts from the settings that slicers write as `key = value`, in text or in blocks.

One family of words: Slic3r, PrusaSlicer, SuperSlicer, OrcaSlicer and Bambu Studio share them.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

from ..file import FilamentFacts, FileFacts, FileKind, PlateFacts
from . import estimates

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYS: Final = (
    "printer_model",
    "printer_settings_id",
    "nozzle_diameter",
    "filament_type",
    "filament_colour",
    "extruder_colour",
    "filament",
    *estimates.KEYS,
)
"""What is read of a file's settings. `filament`: Bambu's list of those that are used, from 1."""
_NOZZLES_MM: Final = (0.05, 5.0)
_MOST_FILAMENTS: Final = 64
_TEXT_LIMIT: Final = 100
_COLOUR: Final = re.compile(r"#[0-9A-Fa-f]{6}(?:[0-9A-Fa-f]{2})?")


def facts_of(
    settings: Mapping[str, str],
    kind: FileKind,
    *,
    slicer: tuple[str, str | None] | None = None,
    sliced: bool = True,
) -> FileFacts:
    """Return what settings say: one plate when `sliced`. What they do not say stays unknown."""
    return FileFacts(
        kind=kind,
        slicer=slicer[0] if slicer else None,
        slicer_version=slicer[1] if slicer else None,
        printer_model=text(settings.get("printer_model"))
        or text(settings.get("printer_settings_id")),
        plates=(plate_of(settings),) if sliced else (),
    )


def plate_of(settings: Mapping[str, str], number: int = 1) -> PlateFacts:
    """Return the plate that settings speak of."""
    materials = _list(settings.get("filament_type"), ";")
    colours = _list(settings.get("filament_colour"), ";") or _list(
        settings.get("extruder_colour"), ";"
    )
    used = _used(settings, len(materials))
    nozzles = diameters(settings.get("nozzle_diameter"))
    if materials and len(nozzles) == len(materials) and used:
        nozzles = [nozzles[index] for index in used]
    distinct = tuple(sorted(set(nozzles)))
    return PlateFacts(
        number=number,
        # Several, and nothing that says which are used: no fact.
        nozzles_mm=distinct if used or len(distinct) == 1 else (),
        filaments=_filaments(settings, used, materials, colours),
        print_time=estimates.print_time(settings),
        mass_g=estimates.mass(settings),
        tower_g=estimates.tower(settings),
        objects=estimates.objects(settings),
    )


def _filaments(
    settings: Mapping[str, str],
    used: Sequence[int],
    materials: Sequence[str],
    colours: Sequence[str],
) -> tuple[FilamentFacts, ...]:
    count = len(materials)
    lengths = estimates.lengths(settings, used, count)
    masses = estimates.masses(settings, used, count)
    diameters = estimates.diameters(settings, used, count)
    densities = estimates.densities(settings, used, count)
    return tuple(
        FilamentFacts(
            index=index,
            material=text(materials[index]) if index < count else None,
            colour=colour(colours[index]) if index < len(colours) else None,
            used_mm=lengths.get(index),
            used_g=masses.get(index),
            diameter_mm=diameters.get(index),
            density_g_cm3=densities.get(index),
        )
        for index in used
    )


def _used(settings: Mapping[str, str], count: int) -> list[int]:
    """Return which of `count` filaments are used; empty when that cannot be told."""
    named = [number(one, 1, count) for one in _list(settings.get("filament"), ",")]
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
    clean = "".join(char for char in value[:_TEXT_LIMIT] if char.isprintable())
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
