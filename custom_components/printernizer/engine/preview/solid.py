"""A model as something to be drawn."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from ..formats.mesh import PATCH
from .shading import Palette
from .smoothing import SMOOTHED_AT_MOST, bent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from ..formats.mesh import Mesh, Patch
    from .crew import Crew
    from .raster import Canvas
    from .view import View

    type Floats = NDArray[np.float32]

_LOT: Final = PATCH
"""Triangles done at once."""
_MOST_LAYERS: Final = 400
"""How often a picture may be filled: what lies over itself more often is made to take our time."""


_EDGED_AT_MOST: Final = 1 << 18
"""Triangles: enough for every wire."""
_HALF_LINE: Final = 0.8
"""Samples: a line of twice that width misses no row."""


class Solid:
    """A mesh, in its colours."""

    def __init__(
        self, mesh: Mesh, *, colour: str | None = None, smooth: bool = False, placed: bool = False
    ) -> None:
        """Take a mesh. colour: of what has none. smooth, placed: see `PictureOptions`, `Scene`."""
        self._mesh = mesh
        self._smooth = smooth
        self.palette = Palette(colour)
        self.placed = placed

    def points(self, crew: Crew) -> Iterator[Floats]:
        """Yield the corners of the crew's share. Raises BadFile."""
        for patch in self._mesh.patches(crew.share):
            yield patch.corners.reshape(-1, 3)

    def draw(self, view: View, canvas: Canvas) -> None:
        """Draw all triangles. Raises BadFile."""
        most = _MOST_LAYERS * canvas.rows * canvas.columns + canvas.filled
        if self._smooth:
            patches = self._draw_smoothly(self._mesh.patches(), view, canvas)
        else:
            patches = self._mesh.patches(canvas.share)
        self._draw_flat(patches, view, canvas, most)
        canvas.gather()
        _check(canvas, most)
        if np.count_nonzero(canvas.covered) < min(canvas.rows, canvas.columns):
            # It is thinner than a sample from where we look.
            self._draw_edges(view, canvas)

    def _draw_flat(self, patches: Iterator[Patch], view: View, canvas: Canvas, most: int) -> None:
        for patch in patches:
            number = self.palette.number(patch.colour)
            for begin in range(0, len(patch.corners), _LOT):
                corners = patch.corners[begin : begin + _LOT]
                seen = view.project(corners)
                touched = canvas.touched(seen)
                normals = view.normals(np.take(corners, touched, axis=0))
                canvas.draw(np.take(seen, touched, axis=2), normals, number)
                _check(canvas, most)

    def _draw_edges(self, view: View, canvas: Canvas) -> None:
        """Draw the edges of some triangles as lines that cannot be missed."""
        for patch in itertools.islice(self._mesh.patches(), _EDGED_AT_MOST // PATCH):
            number = self.palette.number(patch.colour)
            seen = view.project(patch.corners)
            towards = np.zeros((3, 2 * len(patch.corners)), np.float32)
            towards[2] = 1
            for begin, end in ((0, 1), (1, 2), (2, 0)):
                canvas.draw(_line(seen[:, begin], seen[:, end]), towards, number)

    def _draw_smoothly(
        self, patches: Iterator[Patch], view: View, canvas: Canvas
    ) -> Iterator[Patch]:
        """Draw without facets if it is not too fine for that; yield what is left to be drawn.

        Of patches all are needed, since neighbours may be in another share.
        """
        kept: list[Patch] = []
        count = 0
        for patch in patches:
            kept.append(patch)
            count += len(patch.corners)
            if count > SMOOTHED_AT_MOST:
                # Of so many none is large enough to be seen as a facet.
                for number, one in enumerate(itertools.chain(kept, patches)):
                    self.palette.number(one.colour)
                    if canvas.share.takes(number):
                        yield one
                return
        if not count:
            return
        corners = np.concatenate([patch.corners for patch in kept])
        colours = np.concatenate(
            [
                np.full(len(patch.corners), self.palette.number(patch.colour), np.uint16)
                for patch in kept
            ]
        )
        normals = bent(corners)
        share = canvas.share
        for begin in range(share.index * _LOT, len(corners), share.of * _LOT):
            lot = slice(begin, begin + _LOT)
            seen = view.project(corners[lot])
            touched = canvas.touched(seen)
            facing = view.facing(corners[lot][touched], normals[lot][touched])
            canvas.draw(np.take(seen, touched, axis=2), facing, colours[lot][touched])


def _check(canvas: Canvas, most: int) -> None:
    if canvas.filled > most:
        raise BadFile("its surface lies over itself hundreds of times")


def _line(begin: Floats, end: Floats) -> Floats:
    """Return two triangles for each line, (3, 3, 2 n), a little more than a sample wide.

    begin, end: (3, n): x, y and depth.
    """
    along = end[:2] - begin[:2]
    length = np.hypot(along[0], along[1])
    along = np.where(length > 1e-3, along / np.maximum(length, np.float32(1e-3)), np.float32(0.7))
    wide = np.zeros_like(begin)
    wide[0], wide[1] = -along[1], along[0]
    ahead = np.zeros_like(begin)
    ahead[:2] = along
    wide *= np.float32(_HALF_LINE)
    ahead *= np.float32(_HALF_LINE)
    a, b = begin - ahead - wide, begin - ahead + wide
    c, d = end + ahead + wide, end + ahead - wide
    return np.concatenate((np.stack((a, b, c), 1), np.stack((a, c, d), 1)), axis=2)
