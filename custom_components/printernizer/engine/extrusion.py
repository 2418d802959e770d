"""How much material a G-code file lays down, layer by layer, and what its slicer says of it."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .account import Role

if TYPE_CHECKING:
    from datetime import timedelta


@dataclass(frozen=True, kw_only=True, slots=True)
class ToolExtrusion:
    """Net extrusion of one filament: what left the nozzle, retraction and priming cancelled out."""

    tool: int
    """Filament of the slicer's list, from 0."""
    layers_mm: tuple[float, ...]
    """Sum at the end of each layer, never falling; layer 0 holds all before the first marker.
    The last one is the total."""
    roles_mm: tuple[tuple[Role, float], ...] = ()
    """Where the comments tell; they sum to the total."""
    diameter_mm: float | None = None
    density_g_cm3: float | None = None
    material: str | None = None
    estimate_mm: float | None = None
    """The slicer's own total."""
    estimate_g: float | None = None

    @property
    def total_mm(self) -> float:
        """All of it."""
        return self.layers_mm[-1] if self.layers_mm else 0.0

    def until(self, layer: int | None) -> float:
        """Sum up to the end of a layer, counted from 1; all of it with None or past the end."""
        if layer is None or layer >= len(self.layers_mm):
            return self.total_mm
        return self.layers_mm[max(layer, 0)] if self.layers_mm else 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Extrusion:
    """One plate as it will be printed."""

    plate: int = 1
    layers: int | None = None
    """None: the file marks none."""
    tools: tuple[ToolExtrusion, ...] = ()
    """Those that extrude, by number."""
    print_time: timedelta | None = None
    """The slicer's estimate."""
    ends: tuple[float, ...] = ()
    """Share of the file's bytes at the end of each layer, rising to 1.0: for printers that tell
    their progress by it and no layer."""
    objects: int | None = None
    """Pieces on the plate, where the file names its objects."""

    def layer_at(self, share: float) -> int:
        """Return how many layers are complete at a share of the file's bytes."""
        return max(0, bisect_right(self.ends, share) - 1) if self.ends else 0
