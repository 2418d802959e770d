"""What a file on disk says of itself: which machine, nozzle and materials it was sliced for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal


class FileKind(StrEnum):
    """What a file is, from its bytes."""

    GCODE = "gcode"
    BGCODE = "bgcode"
    THREEMF = "3mf"
    STL = "stl"
    OBJ = "obj"
    OTHER_MESH = "mesh"
    """A model of a kind that another library reads: PLY, OFF, GLB."""


MODELS: Final = frozenset({FileKind.STL, FileKind.OBJ, FileKind.OTHER_MESH})
"""Kinds that only hold surfaces, and that no printer prints."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FilamentFacts:
    """One filament that a plate uses."""

    index: int
    """Its place in the slicer's list, from 0: the place of its slot in `slots` of a start."""
    material: str | None = None
    """As the slicer spells it: "PLA", "PETG", "PA-CF"."""
    colour: str | None = None
    """#RRGGBB or #RRGGBBAA, upper case."""
    used_mm: float | None = None
    """The slicer's estimate, everything included that it includes."""
    used_g: float | None = None
    """The same as mass. 0 is never told: slicers write it where they know no density."""
    diameter_mm: float | None = None
    density_g_cm3: float | None = None
    name: str | None = None
    """The slicer's profile: "Generic PETG @System"."""
    cost: Decimal | None = None
    """By the price in the slicer's profile, which names no currency. 0 is never told."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HeatFacts:
    """What a plate is printed at, degrees Celsius: the highest of the filaments it uses."""

    nozzle_first_c: float | None = None
    """At the first layer."""
    nozzle_c: float | None = None
    """At all others."""
    bed_first_c: float | None = None
    bed_c: float | None = None
    """0 is a bed that stays cold."""
    chamber_c: float | None = None
    """0 is never told: it is what slicers write for printers that do not heat theirs."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PieceFacts:
    """One thing on a plate."""

    name: str
    id: str | None = None
    """What the printer knows it by, to leave it out; None where the file does not say."""
    skipped: bool = False
    """Whether it will not be printed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlateFacts:
    """One plate that can be printed."""

    number: int = 1
    """From 1."""
    nozzles_mm: tuple[float, ...] = ()
    """Diameters of the nozzles it uses, each once, ascending. Empty: the file does not say."""
    filaments: tuple[FilamentFacts, ...] = ()
    """Those it uses. Empty: the file does not say."""
    print_time: timedelta | None = None
    """The slicer's estimate, preparation included where it tells both."""
    mass_g: float | None = None
    """The slicer's total of all filaments."""
    tower_g: float | None = None
    """Part of it that becomes a wipe tower."""
    objects: int | None = None
    """Pieces that will be printed."""
    name: str | None = None
    """What a person called it."""
    layer_height_mm: float | None = None
    first_layer_height_mm: float | None = None
    layers: int | None = None
    """As told, or counted where all of the file was read, or reckoned where all but the first
    layer are known to be equally high."""
    height_mm: float | None = None
    """Where the highest layer lies."""
    heat: HeatFacts | None = None
    """None: the file does not say."""
    bed_type: str | None = None
    """The build plate, as the slicer spells it: "Textured PEI Plate"."""
    bed_mm: tuple[float, float] | None = None
    """Width and depth of the bed that it was laid out on."""
    pieces: tuple[PieceFacts, ...] = ()
    """Those that the file names, each copy once; at most some hundred."""
    size_mm: tuple[float, float, float] | None = None
    """Width, depth, height of what is printed, as far as the file says."""
    lowest_mm: tuple[float, float, float] | None = None
    """The corner of that box with the smallest coordinates, from the origin of the bed."""
    warnings: tuple[str, ...] = ()
    """What the slicer warned of, in its own words or keys."""

    @property
    def used_g(self) -> float | None:
        """Mass of the plate by the slicer: the sum of its filaments, or the total it tells."""
        masses = [filament.used_g for filament in self.filaments if filament.used_g is not None]
        if masses and len(masses) == len(self.filaments):
            return sum(masses)
        return self.mass_g


@dataclass(frozen=True, kw_only=True, slots=True)
class MeshFacts:
    """What can be said of a surface. Lengths in mm; a file without units is taken to be in mm."""

    triangles: int
    size_mm: tuple[float, float, float]
    """Width, depth, height of all that would be printed."""
    lowest_mm: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """The corner of that box with the smallest coordinates."""
    area_mm2: float | None = None
    volume_mm3: float | None = None
    """None where it is not closed, or its triangles disagree on which side is outside."""
    watertight: bool | None = None
    """Whether it has no holes. None: not looked at."""
    parts: int = 1
    """Objects that would be printed."""
    dropped: int = 0
    """Triangles that were left out: their corners are no numbers, or beyond any printer."""


@dataclass(frozen=True, kw_only=True, slots=True)
class FileFacts:
    """What a file was sliced for. What it does not say is None or empty, never a guess."""

    kind: FileKind | None = None
    """None: nothing we can read."""
    slicer: str | None = None
    slicer_version: str | None = None
    printer_model: str | None = None
    """As the slicer spells it: "COREONE", "Bambu Lab A1 mini", "N1"."""
    plates: tuple[PlateFacts, ...] = ()
    """In the order of their numbers. Empty where the kind is known: nothing in it is sliced."""
    mesh: MeshFacts | None = None
    """Of a model; None for what is sliced, and for what nobody measured."""
    drafts: tuple[PlateFacts, ...] = ()
    """Plates of a project that are laid out and not sliced: without times and amounts."""
    generated_at: str | None = None
    """When it was sliced or saved, ISO 8601; with a zone only where the slicer tells one."""
    title: str | None = None
    designer: str | None = None
    description: str | None = None
    """Plain text, at most 2000 characters."""

    def plate(self, number: int | None = None) -> PlateFacts | None:
        """Return a plate by its number, or the first one; None where there is none."""
        if number is None:
            return self.plates[0] if self.plates else None
        return next((plate for plate in self.plates if plate.number == number), None)


NO_FACTS: Final = FileFacts()
"""Of a file that says nothing, or that nobody has read."""
