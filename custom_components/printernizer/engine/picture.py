"""What a picture of a file should look like."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Colouring(StrEnum):
    """What the colours of a tool path mean."""

    FEATURE = "feature"
    """Walls, infill, support and so on, each its own."""
    TOOL = "tool"
    """The filaments, as the file tells their colours."""


class PictureFormat(StrEnum):
    """How it is stored. An animation is one turn around the object."""

    PNG = "png"
    WEBP = "webp"
    """Animated where `frames` is above 1."""
    GIF = "gif"


@dataclass(frozen=True, kw_only=True, slots=True)
class PictureOptions:
    """How a file is drawn. Equal options give equal bytes."""

    width_px: int = 512
    """16 to 2048."""
    height_px: int = 512
    plate: int | None = None
    """Of a file with several, from 1; None: the first, or all of a model."""
    azimuth_deg: float = -35.0
    """Where the eye stands, around the object: 0 is in front (towards -y), 90 at its right."""
    elevation_deg: float = 30.0
    """How far above the plate it stands: 0 level, 90 straight from above."""
    colour: str | None = None
    """#RRGGBB of what has no colour of its own; None: what the file says, else ours."""
    background: str | None = None
    """#RRGGBB; None: transparent."""
    colouring: Colouring = Colouring.FEATURE
    bed_mm: tuple[float, float] | None = None
    """Width and depth of the plate, drawn below the object; None: as `bed` says."""
    bed: bool = False
    """Draw the plate that the file was laid out on, where it tells how large that is."""
    smooth: bool = False
    """Shade rounded surfaces without facets; edges stay sharp."""
    format: PictureFormat = PictureFormat.PNG
    frames: int = 1
    """Of a turn; 1: a still picture. At most 60."""


DEFAULT_SIZES_PX: Final = (200, 256, 512)
"""What lists, cards and pages ask for."""
