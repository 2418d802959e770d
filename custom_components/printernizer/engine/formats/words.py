"""What slicers write in comments: where a layer begins, what is being laid down, which object.

Only the wording of slicers that were seen is known; other words mean nothing, never a guess.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from ..account import Role
from .feature import FEATURES, Feature

PREFIXES: Final = (
    b"TY",
    b"LA",
    b"ME",
    b" F",
    b" f",
    b" C",
    b" l",
    b" p",
    b" s",
    b" O",
    b" '",
    b" B",
    b" u",
)
"""The two bytes behind the semicolon of every comment that can mean something."""

MODEL, SUPPORT, TOWER, SKIRT, PURGE, ALL = (
    Role.MODEL,
    Role.SUPPORT,
    Role.TOWER,
    Role.SKIRT,
    Role.PURGE,
    Role.ALL,
)
ROLES: Final[dict[str, Role]] = {
    # PrusaSlicer, SuperSlicer
    "perimeter": MODEL,
    "external perimeter": MODEL,
    "overhang perimeter": MODEL,
    "internal perimeter": MODEL,
    "internal infill": MODEL,
    "solid infill": MODEL,
    "top solid infill": MODEL,
    "bridge infill": MODEL,
    "internal bridge infill": MODEL,
    "thin wall": MODEL,
    "gap fill": MODEL,
    "ironing": MODEL,
    "mixed": MODEL,
    "skirt": SKIRT,
    "skirt/brim": SKIRT,
    "brim": SKIRT,
    "support material": SUPPORT,
    "support material interface": SUPPORT,
    "wipe tower": TOWER,
    "custom": SKIRT,
    # Bambu Studio, OrcaSlicer
    "inner wall": MODEL,
    "outer wall": MODEL,
    "overhang wall": MODEL,
    "sparse infill": MODEL,
    "internal solid infill": MODEL,
    "top surface": MODEL,
    "bottom surface": MODEL,
    "bridge": MODEL,
    "internal bridge": MODEL,
    "gap infill": MODEL,
    "floating vertical shell": MODEL,
    "multiple": MODEL,
    "support": SUPPORT,
    "support interface": SUPPORT,
    "support transition": SUPPORT,
    "support ironing": SUPPORT,
    "prime tower": TOWER,
    "flush": PURGE,
    # Cura, ideaMaker
    "wall-outer": MODEL,
    "wall-inner": MODEL,
    "skin": MODEL,
    "fill": MODEL,
    "solid-fill": MODEL,
    "gap-fill": MODEL,
    "support-interface": SUPPORT,
    "raft": SUPPORT,
    "prime-tower": TOWER,
    # Simplify3D
    "outer perimeter": MODEL,
    "inner perimeter": MODEL,
    "solid layer": MODEL,
    "infill": MODEL,
    "external single extrusion": MODEL,
    "internal single extrusion": MODEL,
    "dense support": SUPPORT,
    "prime pillar": TOWER,
    "ooze shield": SKIRT,
    # KISSlicer
    "perimeter path": MODEL,
    "loop path": MODEL,
    "solid path": MODEL,
    "stacked sparse infill path": MODEL,
    "sparse infill path": MODEL,
    "crown path": MODEL,
    "skirt path": SKIRT,
    "support (may stack) path": SUPPORT,
    "support interface path": SUPPORT,
    "raft path": SUPPORT,
    "pillar path": SUPPORT,
    "prime pillar path": TOWER,
    "wipe path": TOWER,
}
"""What becomes of the material, by the slicer's word in lower case. Unknown words: ALL."""


class Family(StrEnum):
    """Ways to mark a layer. A file that knows two of them counts by the first it uses."""

    PRUSA = "prusa"
    BAMBU = "bambu"
    BAMBU_COUNT = "bambu count"
    CURA = "cura"
    SIMPLIFY3D = "simplify3d"
    KISSLICER = "kisslicer"


@dataclass(frozen=True, slots=True)
class NewLayer:
    """A layer begins."""

    family: Family


@dataclass(frozen=True, slots=True)
class NewRole:
    """What follows becomes this."""

    role: Role
    feature: Feature = Feature.OTHER


@dataclass(frozen=True, slots=True)
class Flush:
    """Flushing begins, or ends and the role before it returns."""

    begins: bool


@dataclass(frozen=True, slots=True)
class NamedObject:
    """A piece on the plate. Of several ways to name them the lowest rank counts."""

    rank: int
    name: bytes


class Setting(StrEnum):
    """What the settings at a file's end say of all that stands before."""

    VOLUMETRIC_E = "use_volumetric_e"


type Meaning = NewLayer | NewRole | Flush | NamedObject | Setting | None

_ROLE: Final = re.compile(
    rb";TYPE:(.{1,60})|; FEATURE: ?(.{1,60})|; feature (.{1,60})|; '([^']{1,60} Path)'.*"
)
_LAYERS: Final = (
    (re.compile(rb";LAYER_CHANGE\s*"), Family.PRUSA),
    (re.compile(rb"; CHANGE_LAYER\s*"), Family.BAMBU),
    (re.compile(rb"; layer num/total_layer_count: \d.*"), Family.BAMBU_COUNT),
    (re.compile(rb";LAYER:-?\d+\s*"), Family.CURA),
    (re.compile(rb"; layer \d+, Z = .*"), Family.SIMPLIFY3D),
    (re.compile(rb"; BEGIN_LAYER_OBJECT z=.*"), Family.KISSLICER),
)
_FLUSH: Final = {b"; FLUSH_START": Flush(True), b"; FLUSH_END": Flush(False)}
_SETTINGS: Final = {b"; use_volumetric_e = 1": Setting.VOLUMETRIC_E}
_OBJECTS: Final = (
    (re.compile(rb"; printing object (.{1,200})"), 2),
    (re.compile(rb"; start printing object, unique label id: ?(\d+)\s*"), 3),
    (re.compile(rb"; OBJECT_ID: ?(\d+)\s*"), 4),
    (re.compile(rb";MESH:(?!NONMESH)(.{1,200})"), 5),
)


def meaning(comment: bytes) -> Meaning:
    """Return what a comment says, from its semicolon to its end."""
    comment = comment.rstrip()
    if match := _ROLE.fullmatch(comment):
        word = next(group for group in match.groups() if group is not None)
        said = word.decode("utf-8", "replace").strip().lower()
        return NewRole(ROLES.get(said, ALL), FEATURES.get(said, Feature.OTHER))
    if comment in _FLUSH:
        return _FLUSH[comment]
    if comment in _SETTINGS:
        return _SETTINGS[comment]
    for pattern, family in _LAYERS:
        if pattern.fullmatch(comment):
            return NewLayer(family)
    for pattern, rank in _OBJECTS:
        if match := pattern.fullmatch(comment):
            return NamedObject(rank, match.group(1))
    return None
