"""What slicers write beside the geometry of a 3MF: plates, filaments, what is not printed.

Bambu Studio and OrcaSlicer lay all plates of a project out on one large grid; PrusaSlicer tells by
ranges of triangles which volume of an object they are.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..errors import BadFile
from .careful_xml import Elements
from .painting import MOST_FILAMENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .archive import Archive

_BAMBU: Final = "Metadata/model_settings.config"
_BAMBU_SETTINGS: Final = "Metadata/project_settings.config"
_PRUSA: Final = "Metadata/Slic3r_PE_model.config"
_PRUSA_SETTINGS: Final = "Metadata/Slic3r_PE.config"
_GAP: Final = 1.2
"""From one plate to the next on the grid, in widths of the bed."""
_MOST_PLATES: Final = 1000
_MOST_OBJECTS: Final = 20_000
_NOT_PRINTED: Final = {
    "negative_part",
    "modifier_part",
    "support_blocker",
    "support_enforcer",
    "NegativeVolume",
    "ParameterModifier",
    "SupportBlocker",
    "SupportEnforcer",
}


@dataclass(slots=True)
class Volume:
    """A piece of an object: a component of it, or a range of its triangles."""

    part_id: str | None = None
    first: int | None = None
    last: int | None = None
    said: dict[str, str] = field(default_factory=dict)

    @property
    def printed(self) -> bool:
        """Whether it becomes plastic, and is not a mere instruction."""
        return self.said.get("kind") not in _NOT_PRINTED and self.said.get("modifier") != "1"


@dataclass(slots=True)
class Thing:
    """An object of a project."""

    said: dict[str, str] = field(default_factory=dict)
    volumes: list[Volume] = field(default_factory=list)


@dataclass(slots=True)
class Plate:
    """One of the plates of a project."""

    said: dict[str, str] = field(default_factory=dict)
    instances: list[dict[str, str]] = field(default_factory=list)

    @property
    def number(self) -> int:
        """From 1."""
        return _whole(self.said.get("plater_id")) or 0

    @property
    def placed(self) -> set[tuple[str, int]]:
        """Objects on it, and the how-manieth copies of them."""
        return {
            (one.get("object_id", ""), _whole(one.get("instance_id")) or 0)
            for one in self.instances
        }


class Project:
    """What is known of a 3MF besides its geometry. Nothing, for one of no slicer."""

    def __init__(self, archive: Archive) -> None:
        """Read it. Raises BadFile."""
        self.things: dict[str, Thing] = {}
        self.plates: list[Plate] = []
        self._filaments: list[str] = []
        self._bed_mm = (0.0, 0.0)
        where = f"{archive.name}/"
        if content := archive.read(_BAMBU):
            self._read_objects(content, where + _BAMBU)
            self._take_settings(archive.read(_BAMBU_SETTINGS), where + _BAMBU_SETTINGS)
        elif content := archive.read(_PRUSA):
            self._read_objects(content, where + _PRUSA)
            self._take_text(archive.read(_PRUSA_SETTINGS))

    def plate(self, number: int) -> Plate | None:
        """Return one of its plates."""
        return next((plate for plate in self.plates if plate.number == number), None)

    def origin_mm(self, plate: Plate) -> tuple[float, float]:
        """Return where on the grid a plate begins: rows of them, from the back to the front."""
        columns = math.ceil(math.sqrt(len(self.plates)))
        row, column = divmod(plate.number - 1, columns)
        width, depth = self._bed_mm
        return column * width * _GAP, -row * depth * _GAP

    def colour(self, thing: Thing | None, volume: Volume | None) -> str | None:
        """Return the colour of the filament that an object, or a piece of it, is printed in."""
        if thing is None or not self._filaments:
            return None
        said = volume.said.get("extruder") if volume is not None else None
        extruder = _whole(said) or _whole(thing.said.get("extruder")) or 1
        return self.filament(extruder)

    def filament(self, number: int) -> str | None:
        """Return the colour of a filament by its number from 1."""
        return self._filaments[number - 1] if 0 < number <= len(self._filaments) else None

    def _read_objects(self, content: bytes, name: str) -> None:
        reader = _Objects(name)
        reader.xml.read(content)
        self.things = reader.things
        self.plates = sorted(
            (plate for plate in reader.plates if plate.number), key=lambda plate: plate.number
        )

    def _take_settings(self, content: bytes, name: str) -> None:
        said = _json(content, name) if content else {}
        self._filaments = _texts(said.get("filament_colour"))[:MOST_FILAMENTS]
        corners = [corner.split("x") for corner in _texts(said.get("printable_area"))[:100]]
        points = [(_number(one[0]), _number(one[1])) for one in corners if len(one) == 2]
        if points:
            x, y = zip(*points, strict=True)
            self._bed_mm = (max(x) - min(x), max(y) - min(y))

    def _take_text(self, content: bytes) -> None:
        found: dict[str, list[str]] = {}
        for line in content.decode("utf-8", "replace").splitlines():
            key, _, value = line.lstrip("; ").partition(" = ")
            if key in {"extruder_colour", "filament_colour"}:
                found[key] = [part.strip('" ') for part in value.split(";", MOST_FILAMENTS)]
        extruders = found.get("extruder_colour", [])
        filaments = found.get("filament_colour", [])
        # A colour of an extruder is one that the user chose over that of the filament.
        self._filaments = [
            own or filament
            for own, filament in zip(
                extruders or [""] * len(filaments), filaments or extruders, strict=False
            )
        ]


class _Objects:
    """Reads the objects and plates of a project: Bambu's and Prusa's words are alike."""

    def __init__(self, name: str) -> None:
        self.xml = Elements(name, self._start, self._end)
        self.things: dict[str, Thing] = {}
        self.plates: list[Plate] = []
        self._said: dict[str, str] = {}
        """What the metadata that comes belongs to."""
        self._count = 0

    def _start(self, path: list[str], said: Mapping[str, str]) -> None:
        match path[1:]:
            case ["object"]:
                self._thing = self.things.setdefault(said.get("id", ""), Thing())
                self._said = self._thing.said
                self._counted()
            case ["object", "part" | "volume"]:
                self._thing.volumes.append(_volume(said))
                self._said = self._thing.volumes[-1].said
                self._counted()
            case ["plate"]:
                if len(self.plates) >= _MOST_PLATES:
                    raise self.xml.bad("it has too many plates")
                self.plates.append(Plate())
                self._said = self.plates[-1].said
            case ["plate", "model_instance"]:
                self.plates[-1].instances.append({})
                self._said = self.plates[-1].instances[-1]
                self._counted()
            case [*_, "metadata"]:
                self._take(said)

    def _end(self, path: list[str], _text: str) -> None:
        if path[1:-1] == ["object"]:
            self._said = self._thing.said
        elif path[1:-1] == ["plate"]:
            self._said = self.plates[-1].said

    def _take(self, said: Mapping[str, str]) -> None:
        key = said.get("key", "")
        if key == "volume_type":
            key = "kind"
        if key in {"extruder", "kind", "modifier", "plater_id", "object_id", "instance_id"}:
            self._said[key] = said.get("value", "")[:100]

    def _counted(self) -> None:
        self._count += 1
        if self._count > _MOST_OBJECTS:
            raise self.xml.bad("it has too many objects")


def _volume(said: Mapping[str, str]) -> Volume:
    volume = Volume(said.get("id"), _whole(said.get("firstid")), _whole(said.get("lastid")))
    if kind := said.get("subtype"):
        volume.said["kind"] = kind[:100]
    return volume


def _json(content: bytes, name: str) -> Mapping[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as err:
        at = getattr(err, "pos", 0)
        raise BadFile(f"{name} at byte {at}: it is not JSON") from err
    return found if isinstance(found, dict) else {}


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if abs(value) < 1e5 else 0.0


def _whole(text: str | None) -> int | None:
    text = (text or "").strip()
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None
