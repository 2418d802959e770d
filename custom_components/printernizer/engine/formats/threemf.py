"""3MF archives: which plates are sliced in them, and for what."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..file import FilamentFacts, FileFacts, FileKind, PlateFacts
from . import estimates, gcode, package, plates_3mf, slice_info
from .archive import Archive
from .heat import PLATES, heat_of
from .layering import first_layer_height, layer_height
from .moments import moment
from .pieces import Pieces, box_of
from .settings import (
    UNSIGNED,
    Author,
    bed_size,
    boxed,
    colour,
    diameters,
    machine,
    names_in,
    number,
    plate_of,
    text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import BinaryIO

_LARGEST_PLATE: Final = 2 << 30
"""Bytes of a plate's moves, inflated."""
_HEADER_BYTES: Final = 4096
"""Of a plate's moves: the slicer's header, which has some 500."""
_HEAD_BYTES: Final = 256 << 10
"""The same where nothing else tells of the plate."""
_MOST_FILAMENTS: Final = 64
_MASS_G: Final = (0.001, 1e6)
"""0 is what a slicer writes that knows no density."""
_LENGTH_M: Final = (0.0, 1e5)
_PLATE: Final = re.compile(r"Metadata/plate_([1-9]\d{0,3})\.gcode")
_PRUSA: Final = "Metadata/Slic3r_PE.config"


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


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """What `plate_N.json` says of a plate."""

    bed: str | None = None
    """The word for the build plate in the names of settings: "textured_plate"."""
    box_mm: tuple[float, float, float, float] | None = None


class _Sliced:
    """What an archive says of its plates."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._name = archive.name

    def facts(self) -> FileFacts:
        """Put together what its parts say."""
        numbers = self._numbers()
        settings = plates_3mf.settings_of(self._archive)
        plates = plates_3mf.Plates(self._archive)
        by_number = plates.by_number
        told = {plate.index: plate for plate in self._slice_info()}
        models = {text(plate.said.get("printer_model_id")) for plate in told.values()} - {None}
        words = package.words_of(self._archive, package.relations(self._archive).model)
        author = _author(words)
        drafts = self._drafts(plates, settings, numbers)
        if not settings and self._archive.read(_PRUSA):
            settings, author, drafts = self._prusa(author)
        return FileFacts(
            kind=FileKind.THREEMF,
            slicer=author.slicer,
            slicer_version=author.version,
            generated_at=author.at,
            printer_model=models.pop() if len(models) == 1 else machine(settings),
            plates=tuple(
                replace(
                    self._plate(number, told.get(number), settings),
                    name=plates_3mf.name_of(by_number.get(number)),
                )
                for number in numbers
            ),
            drafts=drafts,
            title=package.title(words.get("Title")),
            designer=package.title(words.get("Designer")),
            description=package.plain(words.get("Description")),
        )

    def moves(self, plate: int | None) -> str:
        """Return the member with a plate's moves. Raises BadFile."""
        numbers = self._numbers()
        if not numbers:
            raise BadFile(f"{self._name}: nothing in it is sliced")
        chosen = numbers[0] if plate is None else plate
        if chosen not in numbers:
            there = ", ".join(map(str, numbers))
            raise BadFile(f"{self._name}: plate {chosen} is not sliced in it, but {there}")
        return f"Metadata/plate_{chosen}.gcode"

    def _numbers(self) -> list[int]:
        """Return the plates that are sliced."""
        return sorted(
            int(match.group(1))
            for name in self._archive.members
            if (match := _PLATE.fullmatch(name))
        )

    def _slice_info(self) -> list[slice_info.SlicedPlate]:
        content = self._archive.read(slice_info.MEMBER)
        return slice_info.sliced_plates(content, f"{self._name}/{slice_info.MEMBER}")

    def _plate(
        self, number: int, told: slice_info.SlicedPlate | None, settings: Mapping[str, str]
    ) -> PlateFacts:
        member = f"Metadata/plate_{number}.gcode"
        if told is None:
            # Not written by a slicer we know, or by an old one: its moves may say more.
            return gcode.plate_in(self._archive.head(member, _HEAD_BYTES), number)
        header = gcode.plate_in(self._archive.head(member, _HEADER_BYTES), number)
        layout = self._layout(number)
        nozzles = diameters(told.said.get("nozzle_diameters")) or diameters(
            settings.get("nozzle_diameter")
        )
        filaments = _filaments(told, header, settings)
        lowest, size = boxed(layout.box_mm, header.height_mm)
        return PlateFacts(
            number=number,
            nozzles_mm=tuple(sorted(set(nozzles))),
            filaments=filaments,
            print_time=told.print_time,
            mass_g=told.mass_g,
            objects=told.objects or None,
            pieces=tuple(told.pieces),
            warnings=tuple(told.warnings),
            layer_height_mm=layer_height(settings),
            first_layer_height_mm=first_layer_height(settings),
            layers=header.layers,
            height_mm=header.height_mm,
            heat=heat_of(
                settings,
                [filament.index for filament in filaments],
                len(names_in(settings.get("filament_type"))),
                plate=layout.bed,
            ),
            bed_type=_bed_type(layout.bed, settings),
            bed_mm=bed_size(settings),
            lowest_mm=lowest,
            size_mm=size,
        )

    def _layout(self, number: int) -> _Layout:
        """Read what is only nice to know: what is wrong with it is no matter."""
        said = self._archive.read(f"Metadata/plate_{number}.json")
        try:
            found = json.loads(said)
        except ValueError, RecursionError:
            return _Layout()
        if not isinstance(found, dict):
            return _Layout()
        bed = found.get("bed_type")
        corners = found.get("bbox_all")
        return _Layout(
            bed=bed if isinstance(bed, str) and bed in PLATES.values() else None,
            box_mm=box_of([[corners[:2], corners[2:]]]) if isinstance(corners, list) else None,
        )

    def _drafts(
        self, plates: plates_3mf.Plates, settings: Mapping[str, str], sliced: list[int]
    ) -> tuple[PlateFacts, ...]:
        """Return the plates of a Bambu or Orca project that are not sliced."""
        nozzles = tuple(sorted(set(diameters(settings.get("nozzle_diameter")))))
        found = []
        for place, plate in sorted(plates.by_number.items()):
            if place not in sliced:
                layout = self._layout(place)
                found.append(
                    PlateFacts(
                        number=place,
                        name=plates_3mf.name_of(plate),
                        nozzles_mm=nozzles,
                        objects=len(plate.instances) or None,
                        pieces=plates.pieces_of(plate),
                        layer_height_mm=layer_height(settings),
                        first_layer_height_mm=first_layer_height(settings),
                        bed_type=_bed_type(layout.bed, settings),
                        bed_mm=bed_size(settings),
                    )
                )
        return tuple(found)

    def _prusa(self, author: Author) -> tuple[Mapping[str, str], Author, tuple[PlateFacts, ...]]:
        """Return what a PrusaSlicer project says: its settings, who saved it, its one plate."""
        content = self._archive.read(_PRUSA)
        settings = gcode.settings_in(content)
        signed = gcode.author_of("\n" + content[:1000].decode("utf-8", "replace"))
        pieces = plates_3mf.prusa_pieces(self._archive)
        draft = plate_of(settings, pieces=Pieces(named=pieces, count=len(pieces) or None))
        return settings, author if signed is UNSIGNED else signed, (draft,)


def _author(words: Mapping[str, str]) -> Author:
    said = text(words.get("Application"))
    at = moment(words.get("ModificationDate")) or moment(words.get("CreationDate"))
    if said is None:
        return Author(at=at)
    name, _, version = said.partition("-")
    return Author(slicer=name, version=version or None, at=at)


def _bed_type(bed: str | None, settings: Mapping[str, str]) -> str | None:
    """Return the build plate of one plate, which may differ from that of the plates_3mf."""
    named = text(settings.get("curr_bed_type"))
    if bed is None or (named is not None and PLATES.get(named) == bed):
        return named
    return next(name for name, word in PLATES.items() if word == bed)


def _filaments(
    told: slice_info.SlicedPlate, header: PlateFacts, settings: Mapping[str, str]
) -> tuple[FilamentFacts, ...]:
    exact = {filament.index: filament.used_mm for filament in header.filaments}
    found = (_filament(filament, exact, settings) for filament in told.filaments)
    return tuple(sorted((one for one in found if one is not None), key=lambda fact: fact.index))


def _filament(
    said: Mapping[str, str], exact: Mapping[int, float | None], settings: Mapping[str, str]
) -> FilamentFacts | None:
    place = number(said.get("id", ""), 1, _MOST_FILAMENTS)
    if place is None:
        return None
    index = int(place) - 1
    metres = number(said.get("used_m", ""), *_LENGTH_M)
    names = names_in(settings.get("filament_settings_id"))
    return FilamentFacts(
        index=index,
        material=text(said.get("type")),
        colour=colour(said.get("color")),
        # Here it stands in hundredths of a metre, in the header of the moves in those of a mm.
        used_mm=exact.get(index) or (None if metres is None else metres * 1000),
        used_g=number(said.get("used_g", ""), *_MASS_G),
        diameter_mm=estimates.diameters(settings, [index], 0).get(index),
        density_g_cm3=estimates.densities(settings, [index], 0).get(index),
        name=text(names[index]) if index < len(names) else None,
    )
