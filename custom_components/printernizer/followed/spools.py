"""Feeders and places for spools, as ha-bambulab shows them: an entity per slot, with attributes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ..engine.printer import Feeder, Slot

if TYPE_CHECKING:
    from .readings import Readings

_COLOUR: Final = re.compile(r"#?([0-9A-Fa-f]{6})([0-9A-Fa-f]{2})?")
_NOTHING: Final = frozenset({"?", "Empty", "empty", "none", ""})
_PREFIXES: Final = ("tray_", "humidity_", "climate_", "drying_")


def units_of(readings: Readings) -> dict[str, tuple[str, str | None]]:
    """Return key and model of each feeder by its serial. Its key is its number."""
    return {
        bound.groups["serial"]: (bound.unit, bound.model)
        for prefix in _PREFIXES
        for _, _, bound in readings.all(prefix)
        if bound.unit is not None
    }


def feeders_of(readings: Readings) -> tuple[Feeder, ...]:
    """Return the feeders, by number."""
    return tuple(
        Feeder(
            key=key,
            model=model,
            serial=serial,
            humidity_percent=_humidity(readings.whole(f"humidity_{serial}")),
            temperature_c=readings.celsius(f"climate_{serial}"),
            drying_left=readings.duration(f"drying_{serial}"),
        )
        for serial, (key, model) in sorted(
            units_of(readings).items(), key=lambda unit: int(unit[1][0])
        )
    )


def _humidity(value: int | None) -> int | None:
    """Return per cent; 0 is what units without a sensor show."""
    return value if value is not None and 0 < value <= 100 else None


def slots_of(readings: Readings) -> tuple[Slot, ...]:
    """Return every place for a spool: the feeders' first, then the external holders."""
    slots = [
        _slot(readings, key, f"{bound.unit}_{index}", bound.unit, index)
        for key, _, bound in readings.all("tray_")
        if bound.unit is not None and (index := int(bound.groups["n"]) - 1) >= 0
    ]
    slots.sort(key=lambda slot: (int(slot.unit or 0), slot.index))
    for index, (key, _, bound) in enumerate(readings.all("spool_")):
        second = bound.groups.get("n")
        slots.append(
            _slot(readings, key, f"external_{second}" if second else "external", None, index)
        )
    return tuple(slots)


def _slot(readings: Readings, key: str, name: str, unit: str | None, index: int) -> Slot:
    empty = readings.attribute(key, "empty")
    if empty is True:
        return Slot(key=name, unit=unit, index=index, empty=True)
    material = _said(readings.text_attribute(key, "type"))
    remain = readings.attribute(key, "remain")
    counted = readings.attribute(key, "remain_enabled") is True and isinstance(remain, int)
    return Slot(
        key=name,
        unit=unit,
        index=index,
        empty=False if empty is False else None,
        material=material,
        name=_said(readings.text_attribute(key, "name")),
        colour=_colour(readings.text_attribute(key, "color")) if material else None,
        remaining=remain / 100 if counted and 0 <= remain <= 100 else None,
        active=readings.attribute(key, "active") is True,
        spool_tag=_tag(readings, key),
    )


def _said(text: str | None) -> str | None:
    return None if text is None or text in _NOTHING else text


def _colour(text: str | None) -> str | None:
    found = _COLOUR.fullmatch(text) if text is not None else None
    if found is None:
        return None
    colour, alpha = found[1].upper(), (found[2] or "FF").upper()
    return f"#{colour}" if alpha == "FF" else f"#{colour}{alpha}"


def _tag(readings: Readings, key: str) -> str | None:
    for name in ("tray_uuid", "tag_uid"):
        value = readings.text_attribute(key, name)
        if value is not None and value.strip("0"):
            return value[:64]
    return None
