"""What stands between the moves: layers and how high they lie, heaters. In the family's words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .layering import UNEVEN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .remarks import Remarks

_LAYER: Final = re.compile(
    r"\n;LAYER_CHANGE\n;Z:(\d{1,6}(?:\.\d{1,9})?)\n;HEIGHT:(\d{1,6}(?:\.\d{1,9})?)(?=\n)"
)
_NUMBERED: Final = re.compile(r"\n;LAYER:(\d{1,7})(?=\n)")
_SIMPLIFY: Final = re.compile(r"\n; layer (\d{1,7}), Z = ([\d.]{1,12})(?=\n)")
_KISS_TOP: Final = re.compile(r"\n; END_LAYER_OBJECT z=([\d.]{1,12})")
_HEATER: Final = re.compile(
    r"\nM(104|109|140|190|141|191)[ \t][^\n;]{0,60}?[SR](\d{1,4}(?:\.\d+)?)"
)
_WAITS: Final = {"104": "109", "140": "190", "141": "191"}
"""The command that waits, for each that does not: what is waited for is meant."""
_HEATED: Final = {
    "104": "first_layer_temperature",
    "140": "first_layer_bed_temperature",
    "141": "chamber_temperature",
}
_TOLD: Final = ("first_layer_temperature", "nozzle_temperature", "temperature")
_COLD: Final = 0.0


def marked(settings: Mapping[str, str], remarks: Remarks) -> dict[str, str]:
    """Return what `settings` do not say and the marks do."""
    found = _layers(settings, remarks)
    if not any(key in settings for key in _TOLD):
        found |= _heaters(remarks.head)
    return found


def _layers(settings: Mapping[str, str], remarks: Remarks) -> dict[str, str]:
    found: dict[str, str] = {}
    end = remarks.tail or remarks.head
    layers: list[tuple[str, str]] = []
    for text in (remarks.head, remarks.tail):
        if "\n;LAYER_CHANGE\n" in text:
            layers += _LAYER.findall(text)
    if layers:
        if remarks.whole:
            found["total layer number"] = str(len(layers))
        # Heights are told with the noise of their arithmetic: 0.2 and 0.200001.
        if len({round(float(height), 2) for _, height in layers[1:]}) > 1:
            found[UNEVEN] = "1"
        if settings.get("complete_objects", "0") == "0" and "\n;LAYER_CHANGE\n;Z:" in end:
            found["max_layer_z"] = layers[-1][0]
    elif "\n; layer " in end and (told := _SIMPLIFY.findall(end)):
        found["total layer number"], found["max_layer_z"] = told[-1]
    elif "\n;LAYER:" in end and (told := _NUMBERED.findall(end)):
        found["total layer number"] = str(int(told[-1]) + 1)
    elif "\n; END_LAYER_OBJECT " in end and (told := _KISS_TOP.findall(end)):
        found["max_layer_z"] = told[-1]
    return {key: value for key, value in found.items() if key not in settings}


def _heaters(head: str) -> dict[str, str]:
    """Return what is heated to before the first layer. Preheating is cooler than printing."""
    begin = head[: _first_layer(head)]
    said: dict[str, float] = {}
    for code, degrees in _HEATER.findall(begin):
        said[code] = max(said.get(code, _COLD), float(degrees))
    return {
        key: str(degrees)
        for code, key in _HEATED.items()
        if (degrees := said.get(_WAITS[code], _COLD) or said.get(code, _COLD))
    }


def _first_layer(head: str) -> int:
    places = [at for mark in ("\n;LAYER:1\n", "\n; layer 2,") if (at := head.find(mark)) >= 0]
    return min(places, default=len(head))
