"""The settings of a project in a 3MF, and its plates: Bambu Studio's and Orca's, or Prusa's."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ..errors import BadFile
from .careful_xml import Elements
from .pieces import MOST, named
from .settings import number, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..file import PieceFacts
    from .archive import Archive

_SETTINGS: Final = "Metadata/project_settings.config"
_PLATES: Final = "Metadata/model_settings.config"
_PRUSA_OBJECTS: Final = "Metadata/Slic3r_PE_model.config"
_MOST_PLATES: Final = 1000
_MOST_OBJECTS: Final = 20_000
_TEXTS: Final = frozenset(
    {"filament_type", "filament_colour", "filament_settings_id", "filament_ids", "filament_vendor"}
)
"""Lists of words; all others are lists of numbers."""


def settings_of(archive: Archive) -> Mapping[str, str]:
    """Return Bambu's settings as text, lists as slicers write them in G-code. Raises BadFile."""
    content = archive.read(_SETTINGS)
    if not content:
        return {}
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as err:
        at = getattr(err, "pos", 0)
        raise BadFile(f"{archive.name}/{_SETTINGS} at byte {at}: it is not JSON") from err
    return _flat(found) if isinstance(found, dict) else {}


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    flat = {key: value for key, value in settings.items() if isinstance(value, str)}
    for key, value in settings.items():
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            flat[key] = (";" if key in _TEXTS else ",").join(value)
    return flat


@dataclass(slots=True)
class ProjectPlate:
    """One plate of a project, as it is read."""

    said: dict[str, str] = field(default_factory=dict)
    instances: list[dict[str, str]] = field(default_factory=list)


class Plates:
    """The plates of a Bambu or Orca project: their names, and what stands on them.

    As far as they can be read. `arrangement.Project` reads the same for pictures, and refuses what
    is damaged: half a list of names is of use, and half an arrangement shows another thing.
    """

    def __init__(self, archive: Archive) -> None:
        """Read them. Raises BadFile."""
        self._objects: dict[str, dict[str, str]] = {}
        self._said: dict[str, str] = {}
        """What the metadata that comes belongs to."""
        self._plates: list[ProjectPlate] = []
        if content := archive.read(_PLATES):
            Elements(f"{archive.name}/{_PLATES}", self._begin, self._end).read_what_can_be(content)

    @property
    def by_number(self) -> Mapping[int, ProjectPlate]:
        """Return the plates by their numbers."""
        found: dict[int, ProjectPlate] = {}
        for plate in self._plates:
            place = number(plate.said.get("plater_id", ""), 1, 9999)
            if place is not None:
                found.setdefault(int(place), plate)
        return found

    def pieces_of(self, plate: ProjectPlate) -> tuple[PieceFacts, ...]:
        """Return the objects that stand on a plate, each copy once."""
        return named(
            (one.get("identify_id"), self._objects.get(one.get("object_id", ""), {}).get("name"))
            for one in plate.instances
        )

    def _begin(self, path: list[str], attributes: Mapping[str, str]) -> None:
        match path[1:]:
            case ["object"]:
                self._said = {}
                if len(self._objects) < _MOST_OBJECTS:
                    self._objects[attributes.get("id", "")] = self._said
            case ["object", _] | ["plate", _] if path[2] != "metadata":
                # What follows is of a part of an object, or of a copy of it.
                self._said = {}
                if path[2] == "model_instance" and len(self._plates[-1].instances) < MOST:
                    self._plates[-1].instances.append(self._said)
            case ["plate"]:
                self._plates.append(ProjectPlate())
                self._said = self._plates[-1].said
                del self._plates[_MOST_PLATES:-1]
            case [*_, "metadata"] if (key := attributes.get("key")) is not None:
                self._said.setdefault(key[:100], attributes.get("value", "")[:1000])

    def _end(self, path: list[str], _text: str) -> None:
        if path[1:2] == ["plate"] and len(path) == 3:
            self._said = self._plates[-1].said


def name_of(plate: ProjectPlate | None) -> str | None:
    """Return what a person called a plate."""
    return None if plate is None else text(plate.said.get("plater_name"))


def prusa_pieces(archive: Archive) -> tuple[PieceFacts, ...]:
    """Return the objects of a PrusaSlicer project, each copy once. Raises BadFile."""
    found: list[str] = []
    copies = 1

    def begin(path: list[str], attributes: Mapping[str, str]) -> None:
        nonlocal copies
        if path[1:] == ["object"]:
            copies = int(number(attributes.get("instances_count", ""), 1, MOST) or 1)
        elif path[1:] == ["object", "metadata"] and attributes.get("key") == "name":
            found.extend([attributes.get("value", "")[:1000]] * min(copies, MOST - len(found)))

    if content := archive.read(_PRUSA_OBJECTS):
        Elements(f"{archive.name}/{_PRUSA_OBJECTS}", begin).read_what_can_be(content)
    return named((None, name) for name in found)
