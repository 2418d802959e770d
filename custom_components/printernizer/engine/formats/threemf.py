"""3MF archives: which plates are sliced in them, and for what.

Nothing is ever extracted: members are read by their exact names, through a counted stream.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from xml.parsers import expat

from ..errors import BadFile
from ..file import FilamentFacts, FileFacts, FileKind, PlateFacts
from . import estimates, gcode
from .archive import Archive
from .settings import colour, diameters, number, text

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

_LARGEST_PLATE: Final = 2 << 30
"""Bytes of a plate's moves, inflated."""
_HEAD_BYTES: Final = 256 << 10
_DEEPEST: Final = 32
_MOST_ELEMENTS: Final = 50_000
_MOST_FILAMENTS: Final = 64
_LONGEST_S: Final = 10 * 365 * 86400
_MASS_G: Final = (0.001, 1e6)
"""0 is what a slicer writes that knows no density."""
_LENGTH_M: Final = (0.0, 1e5)
_PLATE: Final = re.compile(r"Metadata/plate_([1-9]\d{0,3})\.gcode")
_SLICE_INFO: Final = "Metadata/slice_info.config"
_PROJECT: Final = "Metadata/project_settings.config"
_PRUSA: Final = "Metadata/Slic3r_PE.config"
_MODEL: Final = "3D/3dmodel.model"
_APPLICATION: Final = re.compile(
    rb'<metadata\s+name="Application"[^>]{0,200}>([^<]{1,200})</metadata>'
)


def read(file: BinaryIO, name: str) -> FileFacts:
    """Return what an archive says of its plates. Raises BadFile."""
    return _Sliced(Archive(file, name)).facts()


def moves(
    file: BinaryIO, name: str, plate: int | None, block: int
) -> tuple[Iterator[tuple[bytes, int, int]], int]:
    """Return a plate's text in pieces of `block` bytes, and the length of all of it.

    With each piece stands where it begins and ends. Without a number it is the first plate that
    is sliced. Raises BadFile.
    """
    archive = Archive(file, name)
    member = _Sliced(archive).moves(plate)
    size = max(archive.members[member].file_size, 1)
    return archive.pieces(member, block, _LARGEST_PLATE), size


@dataclass(slots=True)
class _Plate:
    """One `<plate>` of slice_info, as it is read."""

    said: dict[str, str] = field(default_factory=dict)
    filaments: list[Mapping[str, str]] = field(default_factory=list)
    objects: int = 0
    """Without those that are skipped."""

    @property
    def print_time(self) -> timedelta | None:
        seconds = number(self.said.get("prediction", ""), 1, _LONGEST_S)
        return None if seconds is None else timedelta(seconds=seconds)

    @property
    def mass_g(self) -> float | None:
        return number(self.said.get("weight", ""), *_MASS_G)


class _Sliced:
    """What an archive says of its plates."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._name = archive.name

    def facts(self) -> FileFacts:
        """Put together what its parts say."""
        numbers = self._numbers()
        project = self._project()
        told = {number: plate for plate in self._slice_info() if (number := _index(plate))}
        models = {text(plate.said.get("printer_model_id")) for plate in told.values()} - {None}
        slicer = self._slicer()
        return FileFacts(
            kind=FileKind.THREEMF,
            slicer=slicer[0],
            slicer_version=slicer[1],
            printer_model=models.pop() if len(models) == 1 else text(project.get("printer_model")),
            plates=tuple(self._plate(number, told.get(number), project) for number in numbers),
        )

    def moves(self, plate: int | None) -> str:
        """Return the member with a plate's moves. Raises BadFile."""
        numbers = self._numbers()
        chosen = plate if plate is not None else numbers[0] if numbers else None
        if chosen not in numbers:
            there = ", ".join(map(str, numbers)) or "none"
            raise BadFile(f"{self._name}: plate {chosen} is not sliced in it, but {there}")
        return f"Metadata/plate_{chosen}.gcode"

    def _numbers(self) -> list[int]:
        """Return the plates that are sliced."""
        return sorted(
            int(match.group(1))
            for name in self._archive.members
            if (match := _PLATE.fullmatch(name))
        )

    def _plate(self, number: int, told: _Plate | None, project: Mapping[str, str]) -> PlateFacts:
        if told is None:
            # Not written by a slicer we know, or by an old one: its moves may say more.
            head = self._archive.head(f"Metadata/plate_{number}.gcode", _HEAD_BYTES)
            return gcode.plate_in(head, number)
        nozzles = diameters(told.said.get("nozzle_diameters")) or diameters(
            project.get("nozzle_diameter")
        )
        return PlateFacts(
            number=number,
            nozzles_mm=tuple(sorted(set(nozzles))),
            filaments=tuple(
                sorted(
                    (
                        fact
                        for filament in told.filaments
                        if (fact := _filament(filament, project)) is not None
                    ),
                    key=lambda fact: fact.index,
                )
            ),
            print_time=told.print_time,
            mass_g=told.mass_g,
            objects=told.objects or None,
        )

    def _slice_info(self) -> list[_Plate]:
        content = self._archive.read(_SLICE_INFO)
        return _SliceInfo(f"{self._name}/{_SLICE_INFO}").read(content) if content else []

    def _project(self) -> Mapping[str, str]:
        """Return the settings of the project, Bambu's or Prusa's."""
        if content := self._archive.read(_PROJECT):
            return _flat(_json(content, f"{self._name}/{_PROJECT}"))
        return gcode.settings_in(self._archive.read(_PRUSA))

    def _slicer(self) -> tuple[str | None, str | None]:
        match = _APPLICATION.search(self._archive.head(_MODEL, _HEAD_BYTES))
        said = text(match.group(1).decode("utf-8", "replace")) if match else None
        if said is None:
            return None, None
        name, _, version = said.partition("-")
        return name, version or None


class _SliceInfo:
    """Reads slice_info.config. No DTD, no entities, no depth, no end of elements."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._plates: list[_Plate] = []
        self._open: list[str] = []
        self._elements = 0
        # The encoding is ours to say: another one is not a 3MF.
        self._parser = expat.ParserCreate("UTF-8")
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end

    def read(self, content: bytes) -> list[_Plate]:
        """Return the plates. Raises BadFile."""
        if b"\x00" in content:
            # UTF-16, which the parser would take by its byte order mark in spite of us.
            raise self._bad("it is not UTF-8")
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as err:
            raise self._bad(expat.errors.messages[err.code]) from err
        return self._plates

    def _bad(self, cause: str) -> BadFile:
        return BadFile(f"{self._name} at byte {self._parser.CurrentByteIndex}: {cause}")

    def _refuse(self, *_: object) -> None:
        raise self._bad("it declares a document type or entities")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open.append(tag)
        self._elements += 1
        if len(self._open) > _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise self._bad("its elements are too many or too deep")
        if self._open == ["config", "plate"]:
            self._plates.append(_Plate())
        elif self._open == ["config", "plate", "metadata"]:
            key = attributes.get("key")
            if key is not None:
                self._plates[-1].said[key[:100]] = attributes.get("value", "")[:1000]
        elif self._open == ["config", "plate", "filament"]:
            if len(self._plates[-1].filaments) >= _MOST_FILAMENTS:
                raise self._bad("a plate has too many filaments")
            self._plates[-1].filaments.append(attributes)
        elif self._open == ["config", "plate", "object"]:
            self._plates[-1].objects += attributes.get("skipped") != "true"

    def _end(self, _tag: str) -> None:
        self._open.pop()


def _index(plate: _Plate) -> int | None:
    index = number(plate.said.get("index", ""), 1, 9999)
    return None if index is None else int(index)


def _filament(said: Mapping[str, str], project: Mapping[str, str]) -> FilamentFacts | None:
    place = number(said.get("id", ""), 1, _MOST_FILAMENTS)
    if place is None:
        return None
    index = int(place) - 1
    metres = number(said.get("used_m", ""), *_LENGTH_M)
    return FilamentFacts(
        index=index,
        material=text(said.get("type")),
        colour=colour(said.get("color")),
        used_mm=None if metres is None else metres * 1000,
        used_g=number(said.get("used_g", ""), *_MASS_G),
        diameter_mm=estimates.diameters(project, [index], 0).get(index),
        density_g_cm3=estimates.densities(project, [index], 0).get(index),
    )


def _json(content: bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as err:
        at = getattr(err, "pos", 0)
        raise BadFile(f"{name} at byte {at}: it is not JSON") from err
    return found if isinstance(found, dict) else {}


def _flat(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return settings as text; lists as slicers write them in G-code."""
    flat = {key: value for key, value in settings.items() if isinstance(value, str)}
    for key in ("nozzle_diameter", "filament_diameter", "filament_density"):
        value = settings.get(key)
        if isinstance(value, list) and all(isinstance(one, str) for one in value):
            flat[key] = ",".join(value)
    return flat
