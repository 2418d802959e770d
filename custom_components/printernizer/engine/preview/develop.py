"""From what a canvas remembers to a picture: light, hollows, edges, the plate, fewer samples."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .plate import Shadow
from .relief import FAR, lines, openness
from .shading import KEY, lit, toned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .easel import Easel
    from .plate import Plate
    from .raster import Canvas
    from .shading import Palette
    from .view import View

    type Floats = NDArray[np.float32]
    type Places = NDArray[np.intp]
    type Picture = NDArray[np.uint8]

PLATE: Final = 4095
"""The number that a plate has among the colours of a canvas."""
_NOTHING: Final = np.uint16(PLATE + 1)
_BAND_SAMPLES: Final = 1 << 16
"""Done at once, so that memory does not grow with the picture."""
_HOLLOW_ROWS: Final = 48
"""Done at once: what they are made of stays in the processor's cache."""
_REACH: Final = 0.045
"""How far neighbours hide light, as a share of the picture."""


def develop(
    easel: Easel, canvas: Canvas, view: View, palette: Palette, plate: Plate | None = None
) -> None:
    """Make the picture on the easel: in sRGB with straight alpha, clear where nothing is.

    plate: what was drawn as number `PLATE`. Raises OSError, as `Crew.meet`.
    """
    crew = easel.crew
    box = _covered_box(canvas)
    if box is not None:
        desk = _Desk(easel, canvas, view, palette, plate, box)
        crew.meet()
        for number, rows in enumerate(desk.bands()):
            if crew.share.takes(number):
                easel.picture[rows, box[1]] = desk.band(rows)
    crew.meet()


def _covered_box(canvas: Canvas) -> tuple[slice, slice] | None:
    """Return the pixels, rows and columns, that hold all that was drawn."""
    covered = canvas.covered
    side = canvas.supersampling
    rows = np.flatnonzero(covered.any(axis=1)) // side
    columns = np.flatnonzero(covered.any(axis=0)) // side
    if not len(rows):
        return None
    return (
        slice(int(rows[0]), int(rows[-1]) + 1),
        slice(int(columns[0]), int(columns[-1]) + 1),
    )


@dataclass(frozen=True, slots=True)
class _Hollows:
    """How open places are, in a coarser picture."""

    values: Floats
    step: int
    """Pixels between its places."""
    row: int
    column: int

    def at(self, rows: slice, columns: slice) -> Floats:
        """Return the values of pixels, in between where they are finer."""
        down = self._between(np.arange(rows.start, rows.stop) - self.row, 0)
        across = self._between(np.arange(columns.start, columns.stop) - self.column, 1)
        some = self.values[down[0]] * (1 - down[2])[:, None]
        some += self.values[down[1]] * down[2][:, None]
        values: Floats = some[:, across[0]] * (1 - across[2]) + some[:, across[1]] * across[2]
        return values

    def _between(self, pixels: Places, axis: int) -> tuple[Places, Places, Floats]:
        """Return the places before and behind pixels, and how near they are to the latter."""
        last = self.values.shape[axis] - 1
        at = np.clip((pixels + 0.5) / self.step - 0.5, 0, last)
        before = at.astype(np.intp)
        return before, np.minimum(before + 1, last), (at - before).astype(np.float32)


class _Desk:
    """One picture in the making."""

    def __init__(
        self,
        easel: Easel,
        canvas: Canvas,
        view: View,
        palette: Palette,
        plate: Plate | None,
        box: tuple[slice, slice],
    ) -> None:
        self._canvas = canvas
        self._view = view
        self._plate = plate
        self._rows, self._columns = box
        self._albedo = palette.albedo
        self._opacity = palette.opacity
        self._hollows, self._shadow = self._survey(easel)

    def bands(self) -> Iterator[slice]:
        """Yield the rows of pixels that are done together."""
        side = self._canvas.supersampling
        width = (self._columns.stop - self._columns.start) * side
        height = max(1, _BAND_SAMPLES // width // side)
        for begin in range(self._rows.start, self._rows.stop, height):
            yield slice(begin, min(begin + height, self._rows.stop))

    def _survey(self, easel: Easel) -> tuple[_Hollows, Shadow | None]:
        """Look at the whole picture once, coarsely; for hollows at a share of it."""
        canvas, view = self._canvas, self._view
        step = easel.coarser
        rows = slice(self._rows.start, self._rows.stop, step)
        columns = slice(self._columns.start, self._columns.stop, step)
        nearest = canvas.nearest(rows, columns)
        covered = nearest.covered
        distance = np.where(covered, view.distance(nearest.depth), FAR)
        normals = nearest.normals
        pitch = step * canvas.supersampling
        reach = max(2.0, _REACH * min(canvas.width_px, canvas.height_px) / step)
        values = easel.hollows[: len(distance), : distance.shape[1]]
        for number, begin in enumerate(range(0, len(values), _HOLLOW_ROWS)):
            if easel.crew.share.takes(number):
                some = slice(begin, min(begin + _HOLLOW_ROWS, len(values)))
                values[some] = openness(distance, normals, reach, pitch, some)
                values[some][~covered[some]] = 1
        hollows = _Hollows(values, step, self._rows.start, self._columns.start)
        if self._plate is None:
            return hollows, None
        thing = covered & (nearest.colours != PLATE)
        down, across = np.nonzero(thing)
        middle = np.float32(canvas.supersampling / 2)
        x = (across * step + self._columns.start).astype(np.float32) * canvas.supersampling
        y = (down * step + self._rows.start).astype(np.float32) * canvas.supersampling
        points = view.places(x + middle, y + middle, distance[thing])
        return hollows, Shadow(points, self._plate, view.axes.T @ KEY.astype(np.float64))

    def band(self, rows: slice) -> Picture:
        """Return some rows of the picture."""
        side = self._canvas.supersampling
        light, sheen, colours = self._lit(rows)
        shape = (rows.stop - rows.start, side, self._columns.stop - self._columns.start, side)
        if self._plate is None and len(self._albedo) == 1:
            total, opacity = self._plain(light.reshape(shape), sheen.reshape(shape), colours)
        else:
            base, there = self._surfaces(rows, colours.ravel())
            base *= light.reshape(-1, 1)
            base += sheen.reshape(-1, 1)
            base *= there[:, None]
            total = _summed(base.reshape(*shape, 3))
            opacity = _summed(there.reshape(shape))
        made = np.empty((shape[0], shape[2], 4), np.uint8)
        made[..., :3] = toned(total / np.maximum(opacity, np.float32(1e-6))[..., None])
        made[..., 3] = np.round(opacity * np.float32(255 / side**2))
        made[opacity == 0] = 0
        return made

    def _plain(
        self, light: Floats, sheen: Floats, colours: NDArray[np.uint16]
    ) -> tuple[Floats, Floats]:
        """Return the sums of light, (rows, columns, 3), and opacity of pixels in one colour."""
        there = (colours != _NOTHING).reshape(light.shape).astype(np.float32)
        total = _summed(light)[..., None] * self._albedo[0] + _summed(sheen)[..., None]
        return total * self._opacity[0], _summed(there) * self._opacity[0]

    def _surfaces(self, rows: slice, colours: NDArray[np.uint16]) -> tuple[Floats, Floats]:
        """Return (n, 3) what samples give back of the light, and (n,) their opacity."""
        number = np.minimum(colours, len(self._albedo))
        albedo = np.concatenate((self._albedo, np.zeros((1, 3), np.float32)))
        opacity = np.append(self._opacity, np.float32(0))
        base, there = np.take(albedo, number, axis=0), np.take(opacity, number)
        if self._plate is not None:
            at = np.flatnonzero(colours == PLATE)
            base[at], there[at] = self._on_plate(self._plate, rows, at)
        return base, there

    def _lit(self, rows: slice) -> tuple[Floats, Floats, NDArray[np.uint16]]:
        """Return light, sheen and colour of the samples of some rows of pixels."""
        canvas = self._canvas
        side = canvas.supersampling
        first, last = rows.start * side, rows.stop * side
        left, right = self._columns.start * side, self._columns.stop * side
        samples = canvas.framed(slice(first, last), slice(left, right))
        covered = samples.covered
        distance = np.where(covered, self._view.distance(samples.depth), FAR)
        normals = samples.normals
        drawn = lines(distance, normals)
        inner = np.s_[1:-1, 1:-1]
        seen = covered[inner]
        opened = np.repeat(np.repeat(self._hollows.at(rows, self._columns), side, 0), side, 1)
        light, sheen = lit(normals[:, 1:-1, 1:-1], opened)
        colours = np.where(seen, samples.colours[inner], _NOTHING)
        if self._plate is not None:
            drawn[colours == PLATE] = 0
        sheen += np.maximum(drawn, 0) * np.float32(0.06)
        drawn += 1
        light *= drawn
        light *= seen
        sheen *= seen
        return light, sheen, colours

    def _on_plate(self, plate: Plate, rows: slice, at: NDArray[np.intp]) -> tuple[Floats, Floats]:
        """Return the same for samples of the plate, by their places in these rows."""
        side = self._canvas.supersampling
        width = (self._columns.stop - self._columns.start) * side
        x = (at % width + self._columns.start * side).astype(np.float32) + np.float32(0.5)
        y = (at // width + rows.start * side).astype(np.float32) + np.float32(0.5)
        place, sample_mm = self._view.on_level(x, y, plate.z)
        base, there = plate.pattern(place[0], place[1], sample_mm)
        if self._shadow is not None:
            base *= (1 - self._shadow.dark(place[0], place[1]))[:, None]
        return base, there


def _summed(samples: Floats) -> Floats:
    """Return the sums of the samples of pixels: (rows, side, columns, side, ...)."""
    side = samples.shape[1]
    total: Floats = samples[:, 0, :, 0].copy()
    for place in range(1, side * side):
        total += samples[:, place // side, :, place % side]
    return total
