"""What a bead is for: the slicers' many words for walls, infill and so on, as a few of ours."""

from __future__ import annotations

from enum import IntEnum, auto
from typing import Final


class Feature(IntEnum):
    """What is being laid down."""

    OTHER = 0
    """The file does not say, or in words that we do not know."""
    OUTER_WALL = auto()
    INNER_WALL = auto()
    OVERHANG = auto()
    INFILL = auto()
    SOLID = auto()
    """Infill without gaps, within."""
    TOP = auto()
    """Surfaces that are seen from above; of slicers that do not tell them apart, from below too."""
    BOTTOM = auto()
    BRIDGE = auto()
    GAP = auto()
    SUPPORT = auto()
    INTERFACE = auto()
    """Of support: what touches the object."""
    SKIRT = auto()
    """Skirts and brims."""
    TOWER = auto()
    PURGE = auto()
    """Of one filament, before the next one."""
    CUSTOM = auto()
    """Lines that prime the nozzle, and others of code that a person wrote."""
    MOVE = auto()
    """Of a machine that extrudes nothing."""


FEATURES: Final[dict[str, Feature]] = {
    # PrusaSlicer, SuperSlicer
    "perimeter": Feature.INNER_WALL,
    "external perimeter": Feature.OUTER_WALL,
    "overhang perimeter": Feature.OVERHANG,
    "internal perimeter": Feature.INNER_WALL,
    "internal infill": Feature.INFILL,
    "solid infill": Feature.SOLID,
    "top solid infill": Feature.TOP,
    "bridge infill": Feature.BRIDGE,
    "internal bridge infill": Feature.SOLID,
    "thin wall": Feature.OUTER_WALL,
    "gap fill": Feature.GAP,
    "ironing": Feature.TOP,
    "mixed": Feature.OTHER,
    "skirt": Feature.SKIRT,
    "skirt/brim": Feature.SKIRT,
    "brim": Feature.SKIRT,
    "support material": Feature.SUPPORT,
    "support material interface": Feature.INTERFACE,
    "wipe tower": Feature.TOWER,
    "custom": Feature.CUSTOM,
    # Bambu Studio, OrcaSlicer
    "inner wall": Feature.INNER_WALL,
    "outer wall": Feature.OUTER_WALL,
    "overhang wall": Feature.OVERHANG,
    "sparse infill": Feature.INFILL,
    "internal solid infill": Feature.SOLID,
    "top surface": Feature.TOP,
    "bottom surface": Feature.BOTTOM,
    "bridge": Feature.BRIDGE,
    "internal bridge": Feature.SOLID,
    "gap infill": Feature.GAP,
    "floating vertical shell": Feature.SOLID,
    "multiple": Feature.OTHER,
    "support": Feature.SUPPORT,
    "support interface": Feature.INTERFACE,
    "support transition": Feature.SUPPORT,
    "support ironing": Feature.INTERFACE,
    "prime tower": Feature.TOWER,
    "flush": Feature.PURGE,
    # Cura, ideaMaker
    "wall-outer": Feature.OUTER_WALL,
    "wall-inner": Feature.INNER_WALL,
    "skin": Feature.TOP,
    "fill": Feature.INFILL,
    "solid-fill": Feature.TOP,
    "gap-fill": Feature.GAP,
    "support-interface": Feature.INTERFACE,
    "raft": Feature.SUPPORT,
    "prime-tower": Feature.TOWER,
    # Simplify3D
    "outer perimeter": Feature.OUTER_WALL,
    "inner perimeter": Feature.INNER_WALL,
    "solid layer": Feature.TOP,
    "infill": Feature.INFILL,
    "external single extrusion": Feature.OUTER_WALL,
    "internal single extrusion": Feature.GAP,
    "dense support": Feature.INTERFACE,
    "prime pillar": Feature.TOWER,
    "ooze shield": Feature.SKIRT,
    # KISSlicer
    "perimeter path": Feature.OUTER_WALL,
    "loop path": Feature.INNER_WALL,
    "solid path": Feature.TOP,
    "stacked sparse infill path": Feature.INFILL,
    "sparse infill path": Feature.INFILL,
    "crown path": Feature.GAP,
    "skirt path": Feature.SKIRT,
    "support (may stack) path": Feature.SUPPORT,
    "support interface path": Feature.INTERFACE,
    "raft path": Feature.SUPPORT,
    "pillar path": Feature.SUPPORT,
    "prime pillar path": Feature.TOWER,
    "wipe path": Feature.TOWER,
}
"""By the slicer's word in lower case: the same words as `words.ROLES`."""
