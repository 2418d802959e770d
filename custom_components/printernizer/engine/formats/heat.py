"""What a plate is printed at, from settings in the family's words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..file import HeatFacts
from .estimates import numbers

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_DEGREES: Final = (0.0, 1000.0)
_FIRST: Final = ("first_layer_temperature", "nozzle_temperature_initial_layer")
_NOZZLE: Final = ("temperature", "nozzle_temperature")
_CHAMBER: Final = ("chamber_temperature", "chamber_temperatures")
PLATES: Final = {
    "Cool Plate": "cool_plate",
    "PLA Plate": "cool_plate",
    "Cool Plate (SuperTack)": "supertack_plate",
    "Supertack Plate": "supertack_plate",
    "Bambu Cool Plate SuperTack": "supertack_plate",
    "Engineering Plate": "eng_plate",
    "High Temp Plate": "hot_plate",
    "Smooth PEI Plate / High Temp Plate": "hot_plate",
    "Smooth High Temp Plate": "hot_plate",
    "Textured PEI Plate": "textured_plate",
    "Textured Cool Plate": "textured_cool_plate",
}
"""What Bambu Studio and Orca call a build plate, and how the settings for it begin."""


def heat_of(
    settings: Mapping[str, str], used: Sequence[int], count: int, *, plate: str | None = None
) -> HeatFacts | None:
    """Return temperatures of those `used` of `count` filaments; None where nothing is said.

    plate: the word for the build plate in the names of settings, where it is known.
    """
    bed_first, bed = _bed(settings, plate)
    told = HeatFacts(
        nozzle_first_c=_warmest(settings, _FIRST, used, count) or None,
        nozzle_c=_warmest(settings, _NOZZLE, used, count) or None,
        bed_first_c=_warmest(settings, bed_first, used, count),
        bed_c=_warmest(settings, bed, used, count),
        chamber_c=_warmest(settings, _CHAMBER, used, count) or None,
    )
    return None if told == HeatFacts() else told


def _bed(settings: Mapping[str, str], plate: str | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the keys of the bed's temperatures at the first layer and at the others."""
    named = settings.get("curr_bed_type")
    if plate is None and named is not None:
        plate = PLATES.get(named.strip().strip('"'))
    elif plate is None:
        # Other machines have one plate, and Orca still calls it one of these.
        told = {plate for plate in PLATES.values() if _says(settings, plate)}
        plate = told.pop() if len(told) == 1 else None
    first: tuple[str, ...] = ("first_layer_bed_temperature",)
    other: tuple[str, ...] = ("bed_temperature",)
    if plate is None:
        return first, other
    return (f"{plate}_temp_initial_layer", *first), (f"{plate}_temp", *other)


def _says(settings: Mapping[str, str], plate: str) -> bool:
    return f"{plate}_temp" in settings or f"{plate}_temp_initial_layer" in settings


def _warmest(
    settings: Mapping[str, str], keys: Sequence[str], used: Sequence[int], count: int
) -> float | None:
    """Return the highest of the used filaments; None where it cannot be told which those are."""
    for key in keys:
        found = numbers(settings.get(key), _DEGREES)
        if used and len(found) == (count or len(found)) and max(used) < len(found):
            found = [found[index] for index in used]
        elif len(set(found)) > 1:
            continue
        degrees = [one for one in found if one is not None]
        if degrees:
            return max(degrees)
    return None
