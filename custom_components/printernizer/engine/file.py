"""What a file on disk says of itself: which machine, nozzle and materials it was sliced for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta


class FileKind(StrEnum):
    """What a file is, from its bytes."""

    GCODE = "gcode"
    BGCODE = "bgcode"
    THREEMF = "3mf"
    STL = "stl"
    OBJ = "obj"


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
    """None where it is not closed."""
    watertight: bool | None = None
    """None: not looked at, it is too large."""
    parts: int = 1
    """Objects that would be printed."""


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

    def plate(self, number: int | None = None) -> PlateFacts | None:
        """Return a plate by its number, or the first one; None where there is none."""
        if number is None:
            return self.plates[0] if self.plates else None
        return next((plate for plate in self.plates if plate.number == number), None)


NO_FACTS: Final = FileFacts()
"""Of a file that says nothing, or that nobody has read."""
