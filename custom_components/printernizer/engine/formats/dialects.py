"""What slicers outside the family say, in its words.

The family are PrusaSlicer, SuperSlicer, OrcaSlicer and Bambu Studio; the others Cura, Simplify3D,
ideaMaker, KISSlicer, IceSL and the first Slic3r.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .remarks import Remarks

_WORDS: Final = {
    # Cura, and scripts for it
    "layer height": "layer_height",
    "layer_count": "total layer number",
    "layer count": "total layer number",
    "maxz": "max_layer_z",
    "minz": "first_layer_height",
    "target_machine.name": "printer_model",
    "nozzle diameter": "nozzle_diameter",
    "filament type": "filament_type",
    "filament name": "filament_settings_id",
    # Cura for Ultimaker ("Griffin")
    "build_plate.initial_temperature": "first_layer_bed_temperature",
    "build_volume.temperature": "chamber_temperature",
    "print.size.max.z": "max_layer_z",
    "print.size.min.x": "MINX",
    "print.size.min.y": "MINY",
    "print.size.max.x": "MAXX",
    "print.size.max.y": "MAXY",
    # KISSlicer
    "first_layer_c": "first_layer_temperature",
    "temperature_c": "temperature",
    "bed_c": "bed_temperature",
    "chamber_c": "chamber_temperature",
    "first_layer_thickness_mm": "first_layer_height",
    "max_layer_thickness_mm": "layer_height",
    "printer_name": "printer_model",
    # IceSL
    "z_layer_height_mm": "layer_height",
    "z_layer_height_first_layer_mm": "first_layer_height",
    "print_height_mm": "max_layer_z",
    "extruder_temp_degree_c_0": "temperature",
    "bed_temp_degree_c": "bed_temperature",
    "chamber_temp_degree_c": "chamber_temperature",
    "nozzle_diameter_mm_0": "nozzle_diameter",
    "filament_used_mm": "filament used [mm]",
    "filament_used_g": "filament used [g]",
}
_ROWS: Final = {
    "layerHeight": "layer_height",
    "printMaterial": "filament_type",
    "extruderDiameter": "nozzle_diameter",
    "nozzleDiameter": "nozzle_diameter",
    "profileName": "printer_model",
    "machineName": "printer_model",
}
"""Of Simplify3D, in rows of `key,value`."""
_TIMES: Final = {
    "time": "s",
    "print.time": "s",
    "print time": "s",
    "estimated_print_time_s": "s",
    "build time": "",
}
_LENGTHS: Final = ("filament used", "filament length", "material length")
_MASSES: Final = ("plastic weight", "material weight", "filament weight")
_LISTS: Final = {
    "material": "filament used [mm]",
    "ext": "filament used [mm]",
    "filament diameter": "filament_diameter",
    "filament density": "filament_density",
    "filament type": "filament_type",
    "filament name": "filament_settings_id",
}
_NUMBERED: Final = re.compile(
    r"(material|ext|filament (?:diameter|density|type|name)) ?#(\d{1,2})(?: used)?"
)
_TEXTS: Final = frozenset({"filament_type", "filament_settings_id"})
_CURA_NOT_YET: Final = "6666"
"""What Cura writes until it knows the time, and sometimes forgets to replace."""
_MEASURE: Final = re.compile(r"(\d{1,9}(?:\.\d{1,9})?) ?(mm|m|g)?\b")
_TRAIN: Final = re.compile(r"extruder_train\.(\d)\.(.{1,40})")
_GRIFFIN_MM: Final = 2.85
"""Diameter of the filament of all Ultimakers that take this dialect."""
_HEIGHT: Final = re.compile(r"\n;LAYER:([01])(?:\n;[^\n]*){0,5}?\n;HEIGHT:([\d.]{1,12})(?=\n)")
_HEIGHTS: Final = {"0": "first_layer_height", "1": "layer_height"}
_SETPOINT: Final = re.compile(
    r"\n; *temperatureType,(\w{1,20})(?:\n; *(?!temperatureController)\w+,[^\n]*){0,8}?"
    r"\n; *temperatureSetpoints,([^\n]{1,400})"
)


def translated(remarks: Remarks) -> dict[str, str]:
    """Return what the other slicers' words say. What they do not know yet is left out."""
    words = {" ".join(key.casefold().split()): value for key, value in remarks.said.items()}
    found = {key: words[word] for word, key in _WORDS.items() if words.get(word)}
    found |= _estimates(words)
    found |= _numbered(words)
    found |= _ideamaker(words, remarks.head)
    found |= _griffin(words)
    rows = remarks.rows
    if not rows.keys().isdisjoint(_ROWS):
        found |= _simplify(rows, remarks.head)
    return found


def _estimates(words: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for word, unit in _TIMES.items():
        if (value := words.get(word, _CURA_NOT_YET)) != _CURA_NOT_YET:
            found["estimated printing time"] = value.lower() + unit
    for word, value in words.items():
        if word.startswith("calculated") and word.endswith("build time"):
            found["estimated printing time"] = value.lower()
    for word in _LENGTHS:
        if word in words:
            found["filament used [mm]"] = _measures(words[word])
    for word in _MASSES:
        if word in words:
            found["filament used [g]"] = _measures(words[word].lstrip("["))
    if (cost := _MEASURE.match(words.get("material cost", ""))) is not None:
        found["filament cost"] = cost.group(1)
    return found


def _numbered(words: Mapping[str, str]) -> dict[str, str]:
    """Join what stands for each filament in a line of its own."""
    many: dict[str, dict[int, str]] = {}
    for word, value in words.items():
        if one := _NUMBERED.fullmatch(word):
            many.setdefault(_LISTS[one.group(1)], {})[int(one.group(2))] = value
    found = {}
    for key, values in many.items():
        places = range(1, max(values) + 1)
        if key in _TEXTS:
            found[key] = ";".join(values.get(place, "") for place in places)
        else:
            found[key] = ",".join(_measures(values.get(place, "0")) for place in places)
    return found


def _ideamaker(words: Mapping[str, str], head: str) -> dict[str, str]:
    """Read width, depth, height and the nozzles, and where the print stands."""
    dimension = words.get("dimension", "").split()
    if len(dimension) < 4:
        return {}
    found = {"max_layer_z": dimension[2], "nozzle_diameter": ",".join(dimension[3:])}
    sides = words.get("bounding box", "").split()
    if len(sides) == 6:
        found |= {"MINX": sides[0], "MAXX": sides[1], "MINY": sides[2], "MAXY": sides[3]}
    for layer, height in _HEIGHT.findall(head):
        found[_HEIGHTS[layer]] = height
    return found


def _measures(value: str) -> str:
    """Return lengths in mm and masses in g, as a list; what stands in brackets says it again."""
    found = [_MEASURE.match(part.strip()) for part in value.split("(", maxsplit=1)[0].split(",")]
    return ",".join(
        "0" if one is None else str(float(one.group(1)) * (1000 if one.group(2) == "m" else 1))
        for one in found
    )


def _griffin(words: Mapping[str, str]) -> dict[str, str]:
    trains: dict[str, dict[int, str]] = {}
    for word, value in words.items():
        if one := _TRAIN.fullmatch(word):
            trains.setdefault(one.group(2), {})[int(one.group(1))] = value
    found = {}
    if volumes := trains.get("material.volume_used"):
        area = math.pi * (_GRIFFIN_MM / 2) ** 2
        found["filament used [mm]"] = _by_place(
            {place: _length(value, area) for place, value in volumes.items()}
        )
        found["filament_diameter"] = ",".join([str(_GRIFFIN_MM)] * (max(volumes) + 1))
    if nozzles := trains.get("nozzle.diameter"):
        found["nozzle_diameter"] = ",".join(dict.fromkeys(nozzles.values()))
    if degrees := trains.get("initial_temperature"):
        found["first_layer_temperature"] = _by_place(degrees)
    return found


def _length(volume_mm3: str, area_mm2: float) -> str:
    measured = _MEASURE.match(volume_mm3)
    return "0" if measured is None else f"{float(measured.group(1)) / area_mm2:.2f}"


def _by_place(values: Mapping[int, str]) -> str:
    return ",".join(values.get(place, "0") for place in range(max(values) + 1))


def _simplify(rows: Mapping[str, str], head: str) -> dict[str, str]:
    found = {key: rows[row] for row, key in _ROWS.items() if rows.get(row)}
    if share := rows.get("firstLayerHeightPercentage"):
        found["first_layer_height"] = f"{share}%"
    for heater, degrees in _setpoints(rows, head):
        if not degrees:
            continue
        if heater == "bed":
            found["first_layer_bed_temperature"], found["bed_temperature"] = degrees
        elif "first_layer_temperature" not in found:
            found["first_layer_temperature"], found["temperature"] = degrees
    return found


def _setpoints(rows: Mapping[str, str], head: str) -> Sequence[tuple[str, tuple[str, str] | None]]:
    """Return the first and the last temperature of each heater; of nozzles those that are hot."""
    found: list[tuple[str, tuple[str, str] | None]] = []
    for heater, points in _SETPOINT.findall(head):
        degrees = [point.rpartition("|")[2] for point in points.split(",")]
        found.append((heater.lower(), _hot(degrees)))
    counts = rows.get("temperatureSetpointCount", "").split(",")
    degrees = rows.get("temperatureSetpointTemperatures", "").split(",")
    for count, bed in zip(counts, rows.get("temperatureHeatedBed", "").split(","), strict=False):
        many = int(count) if count.isdecimal() and len(count) < 4 else 1
        found.append(("bed" if bed == "1" else "extruder", _hot(degrees[:many])))
        degrees = degrees[many:]
    return found


def _hot(degrees: Sequence[str]) -> tuple[str, str] | None:
    return (degrees[0], degrees[-1]) if degrees and degrees[0] not in {"", "0"} else None
