"""The plate a thing stands on: to scale, with a grid, and the thing's soft shadow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .raster import Canvas
    from .view import Axes, View

    type Floats = NDArray[np.float32]

GRID_MM: Final = 10.0
_BOLD: Final = 5
"""Every so many lines one is stronger."""
_BASE: Final = np.array([0.29, 0.305, 0.32], np.float32)
_LINE: Final = np.float32(0.62)
"""How bright lines are beside the base."""
_CORNER_MM: Final = 5.0
_SMALL: Final = 0.25
"""Things that are smaller, beside the plate, are shown with a part of it only."""
_ROOM: Final = 1.0
"""How much of it around them, beside their longest side."""
_SHADOW_CELLS: Final = 160
"""Of the map of the shadow, along the thing's longer side, at most."""
_SHADOW_SOFT: Final = 0.07
"""How far a shadow's rim is softened, as a share of that side."""


@dataclass(frozen=True, slots=True)
class Plate:
    """A rectangle in the world, level, seen from above only."""

    low: tuple[float, float]
    """The corner with the smallest x and y, mm."""
    high: tuple[float, float]
    z: float
    shown: tuple[tuple[float, float], tuple[float, float]]
    """The part that is drawn, as such corners: below small things not all of it."""

    @classmethod
    def below(cls, box: tuple[Axes, Axes], size_mm: tuple[float, float], *, placed: bool) -> Plate:
        """Return the plate that a thing stands on.

        placed: whether the thing's coordinates are those of a plate, with the origin at its corner
        or in its middle; otherwise, and where it would stick out, it is put into the middle.
        """
        low, high = box
        width, depth = size_mm
        middle = (low[:2] + high[:2]) / 2
        corners = [(0.0, 0.0), (-width / 2, -depth / 2)] if placed else []
        corners.append((float(middle[0] - width / 2), float(middle[1] - depth / 2)))
        slack = 0.02 * max(size_mm)
        for x, y in corners:
            if (
                x - slack <= low[0]
                and y - slack <= low[1]
                and high[0] <= x + width + slack
                and high[1] <= y + depth + slack
            ):
                break
        z = 0.0 if placed and abs(low[2]) < 1 else float(low[2])
        longest = max(float(side) for side in high - low)
        room = _ROOM * longest if longest < _SMALL * max(size_mm) else np.inf
        shown = (
            (max(x, float(low[0]) - room), max(y, float(low[1]) - room)),
            (min(x + width, float(high[0]) + room), min(y + depth, float(high[1]) + room)),
        )
        return cls((x, y), (x + width, y + depth), z, shown)

    def corners(self) -> Floats:
        """Return (4, 3): the corners of what is drawn of it, mm, around it."""
        (x0, y0), (x1, y1) = self.shown
        z = self.z
        return np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], np.float32)

    def draw(self, view: View, canvas: Canvas, colour: int) -> None:
        """Draw it, in a colour of its own. From below it is not seen."""
        a, b, c, d = self.corners()
        triangles = np.stack((np.stack((a, b, c)), np.stack((a, c, d))))
        # A hair deeper, so that a thing's bottom and the plate do not mix at its rim.
        triangles[..., 2] -= np.float32(0.5 / view.scale)
        up = np.repeat(np.array([[0.0], [0.0], [1.0]], np.float32), 2, axis=1)
        eye_z = view.centre[2] + view.axes[2, 2] * view.focal / view.scale
        if eye_z > self.z:
            canvas.draw(view.project(triangles), view.turned(up), colour)

    def pattern(self, x: Floats, y: Floats, sample_mm: Floats) -> tuple[Floats, Floats]:
        """Return what it looks like: (n, 3) what it gives back of the light, and (n,) opacity.

        x, y: places on it, mm. sample_mm: how wide a sample is there.
        """
        across = x - np.float32(self.low[0])
        along = y - np.float32(self.low[1])
        ink = np.zeros_like(across)
        for step, strength in ((GRID_MM, 0.55), (GRID_MM * _BOLD, 1.0)):
            # A grid that is finer than the samples would only flicker.
            seen = np.clip(np.float32(step / 4) / sample_mm - 1, 0, 1) * np.float32(strength)
            for value in (across, along):
                off = np.abs(value - np.round(value / np.float32(step)) * np.float32(step))
                np.maximum(ink, np.clip(1.6 - off / sample_mm, 0, 1) * seen, out=ink)
        width = np.float32(self.high[0] - self.low[0])
        depth = np.float32(self.high[1] - self.low[1])
        corner = np.float32(min(_CORNER_MM, float(width) / 4, float(depth) / 4))
        # How far outside of the rounded rectangle a place lies; below 0 inside.
        dx = np.abs(across - width / 2) - (width / 2 - corner)
        dy = np.abs(along - depth / 2) - (depth / 2 - corner)
        outside = np.hypot(np.maximum(dx, 0), np.maximum(dy, 0)) - corner
        outside += np.minimum(np.maximum(dx, dy), 0)
        np.maximum(ink, np.clip(2.5 + outside / sample_mm, 0, 1), out=ink)
        opacity = np.clip(np.float32(0.5) - outside / sample_mm, 0, 1)
        opacity *= self._fading(x, y)
        shade = 1 + ink * (_LINE - 1)
        return _BASE * shade[:, None], opacity

    def _fading(self, x: Floats, y: Floats) -> Floats:
        """Return how much is left of the plate towards where its drawing is cut off."""
        left = np.ones_like(x)
        for value, axis in ((x, 0), (y, 1)):
            begin, end = self.shown[0][axis], self.shown[1][axis]
            soft = np.float32(max((end - begin) / 4, 1e-6))
            if begin > self.low[axis]:
                left *= np.clip((value - np.float32(begin)) / soft, 0, 1)
            if end < self.high[axis]:
                left *= np.clip((np.float32(end) - value) / soft, 0, 1)
        return left


class Shadow:
    """How dark it is on a plate below a thing, from those points of the thing that are seen."""

    def __init__(self, points: Floats, plate: Plate, light: Axes) -> None:
        """Let points, (3, n) in mm, throw a shadow. light: where it comes from, in the world."""
        above = np.maximum(points[2] - np.float32(plate.z), 0)
        slant = 0.8 * light[:2] / max(float(np.linalg.norm(light)), 1e-9)
        x = points[0] - above * np.float32(slant[0])
        y = points[1] - above * np.float32(slant[1])
        self._low = np.zeros(2)
        self._cell = 1.0
        self._dark = np.zeros((3, 3), np.float32)
        if not len(x):
            return
        low = np.array([x.min(), y.min()], np.float64)
        high = np.array([x.max(), y.max()], np.float64)
        # Points lie about a cell apart: fewer of them make a coarser map.
        cells = min(max(int(0.7 * len(x) ** 0.5), 8), _SHADOW_CELLS)
        self._cell = max(float((high - low).max()) / cells, 1e-9)
        soft = max(1, round(cells * _SHADOW_SOFT))
        border = 3 * soft + 2
        self._low = low - border * self._cell
        columns, rows = (np.ceil((high - low) / self._cell).astype(int) + 2 * border + 1).tolist()
        column = ((x - self._low[0]) / self._cell).astype(np.intp)
        row = ((y - self._low[1]) / self._cell).astype(np.intp)
        hit = np.zeros(rows * columns, np.float32)
        hit[np.clip(row, 0, rows - 1) * columns + np.clip(column, 0, columns - 1)] = 1
        shape = hit.reshape(rows, columns)
        # Visible points lie loosely where the surface is steep: close the gaps, then soften.
        shape = _blurred(shape, 1) > np.float32(0.2)
        wide = _blurred(_blurred(shape.astype(np.float32), soft), soft)
        tight = _blurred(shape.astype(np.float32), max(1, soft // 4))
        self._dark = np.float32(0.42) * wide + np.float32(0.24) * tight

    def dark(self, x: Floats, y: Floats) -> Floats:
        """Return what share of the light is missing at places on the plate, 0 to 1."""
        rows, columns = self._dark.shape
        column = (x - np.float32(self._low[0])) / np.float32(self._cell) - np.float32(0.5)
        row = (y - np.float32(self._low[1])) / np.float32(self._cell) - np.float32(0.5)
        column = np.clip(column, 0, np.float32(columns - 1.001))
        row = np.clip(row, 0, np.float32(rows - 1.001))
        left, upper = column.astype(np.intp), row.astype(np.intp)
        right_part = column - left
        lower_part = row - upper
        flat = self._dark.ravel()
        place = upper * columns + left
        above = flat[place] * (1 - right_part) + flat[place + 1] * right_part
        place += columns
        below = flat[place] * (1 - right_part) + flat[place + 1] * right_part
        dark: Floats = above * (1 - lower_part) + below * lower_part
        return dark


def _blurred(values: Floats, reach: int) -> Floats:
    """Return means of squares that reach so far to each side; beside the field lies nothing."""
    for axis in (0, 1):
        padding = [(0, 0), (0, 0)]
        padding[axis] = (reach + 1, reach)
        sums = np.cumsum(np.pad(values, padding), axis=axis, dtype=np.float64)
        length = values.shape[axis]
        high = np.take(sums, np.arange(2 * reach + 1, 2 * reach + 1 + length), axis=axis)
        low = np.take(sums, np.arange(length), axis=axis)
        values = ((high - low) / (2 * reach + 1)).astype(np.float32)
    return values
