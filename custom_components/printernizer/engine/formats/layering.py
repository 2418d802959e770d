"""How high layers are and how many there are, from settings in the family's words."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

UNEVEN: Final = "layer heights differ"
"""A word of ours among the settings: not all layers behind the first are equally high."""
_LAYER_MM: Final = (0.005, 20.0)
_HEIGHT_MM: Final = (0.005, 100_000.0)
_MOST_LAYERS: Final = 1_000_000
_EVEN: Final = 0.02
"""How far from a whole number of layers a height may be: slicers round it to hundredths."""


def layer_height(settings: Mapping[str, str]) -> float | None:
    """Return the height of all layers but the first, mm."""
    return _number(settings.get("layer_height"), _LAYER_MM)


def first_layer_height(settings: Mapping[str, str]) -> float | None:
    """Return the height of the first layer, mm; it may be told as a share of the others'."""
    said = settings.get("first_layer_height") or settings.get("initial_layer_print_height") or ""
    if not said.rstrip().endswith("%"):
        return _number(said, _LAYER_MM)
    share, height = _number(said.rstrip()[:-1], (1.0, 1000.0)), layer_height(settings)
    return None if share is None or height is None else round(height * share / 100, 6)


def height(settings: Mapping[str, str]) -> float | None:
    """Return how high the highest layer lies, mm."""
    return _number(settings.get("max_layer_z") or settings.get("max_z_height"), _HEIGHT_MM)


def layers(settings: Mapping[str, str]) -> int | None:
    """Return how many layers there are: as told, or from their height where all are alike."""
    for key in ("total layer number", "total layers count"):
        told = _number(settings.get(key), (1, _MOST_LAYERS))
        if told is not None and told.is_integer():
            return int(told)
    return _reckoned(settings)


def _reckoned(settings: Mapping[str, str]) -> int | None:
    each, first, top = layer_height(settings), first_layer_height(settings), height(settings)
    if each is None or first is None or top is None or top < first:
        return None
    odd = UNEVEN in settings or settings.get("raft_layers", "0") != "0"
    if odd or _support_between(settings):
        return None
    found = (top - first) / each + 1
    if abs(found - round(found)) > _EVEN or found > _MOST_LAYERS:
        return None
    return round(found)


def _support_between(settings: Mapping[str, str]) -> bool:
    """Whether there may be layers of nothing but support, at heights of their own."""
    return (
        settings.get("support_material", "0") != "0"
        and settings.get("support_material_synchronize_layers", "0") == "0"
    )


def _number(value: str | None, bounds: tuple[float, float]) -> float | None:
    try:
        found = float(value or "")
    except ValueError:
        return None
    return found if math.isfinite(found) and bounds[0] <= found <= bounds[1] else None
