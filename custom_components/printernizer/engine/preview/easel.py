"""What one picture needs of memory, seen by all who draw it together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .raster import SUPERSAMPLING, Canvas

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .crew import Crew

HOLLOWS_PX: Final = 512
"""Hollows are looked for in a picture of this size at most: they are soft."""


class Easel:
    """Holds a picture that a crew draws, again and again if need be."""

    def __init__(self, crew: Crew, width_px: int, height_px: int) -> None:
        """Take the memory for it: 32 bytes for a pixel, for each of the crew, and some more.

        Do so before they are at work.
        """
        self.crew = crew
        self._size = width_px, height_px
        self.samples: NDArray[np.uint64] = crew.memory(
            (crew.share.of, width_px * height_px * SUPERSAMPLING**2), np.uint64
        )
        self.picture: NDArray[np.uint8] = crew.memory((height_px, width_px, 4), np.uint8)
        """(height, width, 4): what of it is finished."""
        self.coarser = -(-max(width_px, height_px) // HOLLOWS_PX)
        """How many pixels wide a place of the hollows is."""
        self.hollows: NDArray[np.float32] = crew.memory(
            (-(-height_px // self.coarser), -(-width_px // self.coarser)), np.float32
        )
        """How open places are, from the first one on that anything was drawn in."""

    def canvas(self) -> Canvas:
        """Return a new canvas; the one before is gone."""
        return _Part(self, *self._size)


class _Part(Canvas):
    """What one of a crew draws, and from `gather` on what all of them drew."""

    def __init__(self, easel: Easel, width_px: int, height_px: int) -> None:
        self._crew = easel.crew
        self._all = easel.samples
        self.share = self._crew.share
        super().__init__(width_px, height_px, memory=self._all[self.share.index])

    def gather(self) -> None:
        of = self.share.of
        if of == 1:
            return
        self.filled = int(self._crew.each(np.array([self.filled], np.float64)).sum())
        length = -(-self._all.shape[1] // of)
        ours = self._all[:, self.share.index * length :][:, :length]
        ours[:] = ours.min(axis=0)
        self._crew.meet()
