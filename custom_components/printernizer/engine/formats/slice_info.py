"""What Bambu Studio and Orca say of the plates they have sliced: `slice_info.config` of a 3MF."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from .careful_xml import Elements
from .pieces import MOST, named
from .settings import number, text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..file import PieceFacts

MEMBER: Final = "Metadata/slice_info.config"
_MOST_FILAMENTS: Final = 64
_MOST_WARNINGS: Final = 50
_LONGEST_S: Final = 10 * 365 * 86400
_MASS_G: Final = (0.001, 1e6)
"""0 is what a slicer writes that knows no density."""


@dataclass(slots=True)
class SlicedPlate:
    """One `<plate>`, as it is read."""

    said: dict[str, str] = field(default_factory=dict)
    filaments: list[Mapping[str, str]] = field(default_factory=list)
    """Those it uses."""
    objects: int = 0
    """Without those that are skipped."""
    pieces: list[PieceFacts] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def index(self) -> int | None:
        """Its number."""
        index = number(self.said.get("index", ""), 1, 9999)
        return None if index is None else int(index)

    @property
    def print_time(self) -> timedelta | None:
        """With preparation."""
        seconds = number(self.said.get("prediction", ""), 1, _LONGEST_S)
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def mass_g(self) -> float | None:
        """Of all filaments."""
        return number(self.said.get("weight", ""), *_MASS_G)


def sliced_plates(content: bytes, name: str) -> list[SlicedPlate]:
    """Return the plates of a `slice_info.config`. Raises BadFile."""
    plates: list[SlicedPlate] = []

    def begin(path: list[str], attributes: Mapping[str, str]) -> None:
        if path[:2] != ["config", "plate"]:
            return
        if len(path) == 2:
            plates.append(SlicedPlate())
        elif len(path) == 3:
            _take(plates[-1], path[2], attributes, name)

    if content:
        Elements(name, begin).read(content)
    return plates


def _take(plate: SlicedPlate, tag: str, attributes: Mapping[str, str], name: str) -> None:
    match tag:
        case "metadata":
            if (key := attributes.get("key")) is not None:
                plate.said[key[:100]] = attributes.get("value", "")[:1000]
        case "filament":
            if len(plate.filaments) >= _MOST_FILAMENTS:
                raise BadFile(f"{name}: a plate has too many filaments")
            plate.filaments.append(attributes)
        case "object":
            skipped = attributes.get("skipped") == "true"
            plate.objects += not skipped
            if len(plate.pieces) < MOST:
                own = (attributes.get("identify_id"), attributes.get("name"))
                plate.pieces += named([own], skipped=skipped)
        case "warning":
            said = text(attributes.get("msg"))
            if said is not None and len(plate.warnings) < _MOST_WARNINGS:
                plate.warnings.append(said)
