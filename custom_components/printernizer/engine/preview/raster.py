"""Triangles onto samples of a picture: which one is nearest to the eye, and how it lies there.

Rows of triangles are found first, then samples of rows, whole arrays at a time. An edge that two
triangles share is reckoned from the same two corners in the same order for both, and a sample
belongs to what begins at or before it: so there are no cracks between neighbours, and no sample is
drawn twice. Depth and paint of a sample are one number, so the nearest wins by its minimum.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from ..formats.mesh import WHOLE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]
    type Places = NDArray[np.intp]
    type Paint = NDArray[np.uint32]

SUPERSAMPLING: Final = 2
COLOURS: Final = 1 << 12
"""Different ones that a canvas can tell apart."""
DEPTH_STEP: Final = 1 / 64
"""In samples. Surfaces that lie closer together count as one, or noise would mix their colours."""
_DEEPEST: Final = np.float32(2**32 - 2**9)
_EMPTY: Final = np.uint64(2**64 - 1)
_NORMAL_BITS: Final = 10
_NORMAL_STEPS: Final = (1 << _NORMAL_BITS) - 1
_NEAR_MISS: Final = np.float32(1e-3)
"""In samples: what roundings may decide."""
_LOT: Final = 1 << 15
"""Rows or samples done at once: their arrays stay in the processor's cache."""
_ORDER: Final = np.array(
    # Of the corners from top to bottom, by which of the comparisons hold: 0 below 1, 1 below 2,
    # 0 below 2. Two of the eight contradict themselves.
    [[0, 1, 2], [1, 0, 2], [0, 2, 1], [0, 1, 2], [0, 1, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]],
    np.intp,
).T


class Canvas:
    """A picture being drawn: of every sample what is nearest to the eye."""

    share = WHOLE
    """Of what is drawn on it together with others."""

    def __init__(
        self,
        width_px: int,
        height_px: int,
        supersampling: int = SUPERSAMPLING,
        memory: NDArray[np.uint64] | None = None,
    ) -> None:
        """Begin with nothing.

        memory: one number for each of its samples; None: its own.
        """
        self.width_px = width_px
        self.height_px = height_px
        self.supersampling = supersampling
        self.columns = width_px * supersampling
        """Samples across. The first one's centre lies at 0.5."""
        self.rows = height_px * supersampling
        self.filled = 0
        """Samples written so far, each as often as it was."""
        if memory is None:
            memory = np.empty(self.rows * self.columns, np.uint64)
        self._nearest = memory
        self._nearest.fill(_EMPTY)

    def gather(self) -> None:
        """Take over what others drew that draw the same; every scene does it once. Raises OSError.

        A canvas of its own has it all.
        """

    def touched(self, corners: Floats) -> Places:
        """Return which triangles may cover a sample. Of fine meshes those are the smaller part.

        corners: as of `draw`; the third row, of depths, does not matter.
        """
        left, right = _span(corners[0])
        top, bottom = _span(corners[1])
        some = np.flatnonzero(
            (left < right)
            & (top < bottom)
            & (left < self.columns)
            & (top < self.rows)
            & (right > 0)
            & (bottom > 0)
        )
        # Most of those that have a single sample in their box still miss it.
        left, top = left[some], top[some]
        single = (right[some] - left == 1) & (bottom[some] - top == 1)
        x = np.take(corners[0], some, axis=1) - (left + np.float32(0.5))
        y = np.take(corners[1], some, axis=1) - (top + np.float32(0.5))
        sides = [x[one] * y[other] - x[other] * y[one] for one, other in ((0, 1), (1, 2), (2, 0))]
        low = np.minimum(np.minimum(sides[0], sides[1]), sides[2])
        high = np.maximum(np.maximum(sides[0], sides[1]), sides[2])
        kept: Places = some[~single | (low > -_NEAR_MISS) | (high < _NEAR_MISS)]
        return kept

    def draw(self, corners: Floats, normals: Floats, colours: NDArray[np.uint16] | int = 0) -> None:
        """Draw triangles; those parts that lie beside the canvas are left out.

        corners: (3, 3, n): x, y and depth, of the three corners, of n triangles. In samples: x to
        the right from the left edge, y downwards from the upper edge, depth away from the eye and
        not below 0; with a plane's depth linear in x and y. Not finite ones are left out.
        normals: (3, n), or (3, 3, n) for one at each corner: x to the right, y upwards, z towards
        the eye; of any length. What looks away from the eye counts as seen from the side.
        colours: below `COLOURS`.
        """
        finite = np.isfinite(corners.sum(axis=(0, 1)))
        if not finite.all():
            corners, normals = corners[..., finite], normals[..., finite]
            colours = colours if isinstance(colours, int) else colours[finite]
        folded = fold(normals)
        if normals.ndim == 2:
            paint = _paint(folded[0], folded[1], colours)
            values = corners
        else:
            paint = np.broadcast_to(np.asarray(colours, np.uint32), corners.shape[2:])
            values = np.concatenate((corners, folded))
        values = _from_top(values)
        firsts = np.clip(np.ceil(values[1] - np.float32(0.5)), 0, self.rows).astype(np.intp)
        for lot in _lots(firsts[2] - firsts[0]):
            self._draw_lot(values[..., lot], firsts[:, lot], paint[lot])

    def _draw_lot(self, values: Floats, firsts: Places, paint: Paint) -> None:
        """Draw triangles whose corners come from top to bottom, by the first rows below those."""
        heights = firsts[2] - firsts[0]
        count = len(heights)
        which = np.repeat(np.arange(count), heights)
        # Counts on from the first row of each triangle.
        row = np.arange(len(which)) - (np.cumsum(heights) - heights - firsts[0])[which]
        y = row.astype(np.float32) + np.float32(0.5)
        lower = which + count * (row >= firsts[1][which])
        one = _crossing(_edges(values[:, :1], values[:, 2:]), which, y)
        other = _crossing(_edges(values[:, :2], values[:, 1:]), lower, y)
        begin = _first(np.minimum(one[0], other[0]), self.columns)
        length = _first(np.maximum(one[0], other[0]), self.columns) - begin
        kept = np.flatnonzero(length > 0)
        begin, length = begin[kept], length[kept]
        one, other = np.take(one, kept, axis=1), np.take(other, kept, axis=1)
        with np.errstate(all="ignore"):
            slope = (other[1:] - one[1:]) / (other[0] - one[0])
        value = one[1:] + (begin.astype(np.float32) + np.float32(0.5) - one[0]) * slope
        place = row[kept] * self.columns + begin
        paint = paint[which[kept]]
        for lot in _lots(length):
            self._fill(place[lot], length[lot], value[:, lot], slope[:, lot], paint[lot])

    def _fill(
        self, place: Places, length: Places, value: Floats, slope: Floats, paint: Paint
    ) -> None:
        """Fill samples of rows: from a place on, where depth and bend of the surface are known."""
        total = int(length.sum())
        self.filled += total
        if total > len(length):
            span = np.repeat(np.arange(len(length)), length)
            along = np.arange(total) - (np.cumsum(length) - length)[span]
            place = place[span] + along
            value = np.take(value, span, axis=1)
            value += np.take(slope, span, axis=1) * along.astype(np.float32)
            paint = paint[span]
        if len(value) > 1:
            paint = _paint(value[1], value[2], paint)
        key = np.empty((total, 2), np.uint32)
        key[:, 0] = paint
        key[:, 1] = np.clip(value[0] * np.float32(1 / DEPTH_STEP), 0, _DEEPEST)
        np.minimum.at(self._nearest, place, key.view("<u8").ravel())

    def dots(self, x: Floats, y: Floats, depth: Floats, paint: Paint) -> None:
        """Draw single samples, at x, y as of `draw`; what lies beside the canvas is left out.

        paint: of `paint`.
        """
        with np.errstate(invalid="ignore"):
            kept = (x >= 0) & (x < self.columns) & (y >= 0) & (y < self.rows) & (depth >= 0)
        if not kept.all():
            x, y, depth, paint = x[kept], y[kept], depth[kept], paint[kept]
        self.filled += len(x)
        place = y.astype(np.intp) * self.columns + x.astype(np.intp)
        key = np.empty((len(x), 2), np.uint32)
        key[:, 0] = paint
        key[:, 1] = np.minimum(depth * np.float32(1 / DEPTH_STEP), _DEEPEST)
        np.minimum.at(self._nearest, place, key.view("<u8").ravel())

    def paint(self, normals: Floats, colours: NDArray[np.uint16]) -> Paint:
        """Return what `dots` look like that lie so, (3, n) as of `draw`, in colours."""
        folded = fold(normals)
        return _paint(folded[0], folded[1], colours)

    def shows(self, x: Floats, y: Floats, depth: Floats) -> NDArray[np.bool_]:
        """Return which points, as of `dots`, nothing hides so far. Beside the canvas none shows."""
        with np.errstate(invalid="ignore"):
            kept = (x >= 0) & (x < self.columns) & (y >= 0) & (y < self.rows)
        place = np.where(kept, y, 0).astype(np.intp) * self.columns + np.where(kept, x, 0).astype(
            np.intp
        )
        deep = (self._nearest[place] >> np.uint64(32)).astype(np.float32)
        shown: NDArray[np.bool_] = kept & (depth * np.float32(1 / DEPTH_STEP) <= deep)
        return shown

    @property
    def covered(self) -> NDArray[np.bool_]:
        """(rows, columns): where something was drawn."""
        return np.not_equal(self._nearest, _EMPTY).reshape(self.rows, self.columns)

    def samples(self, rows: slice = slice(None), columns: slice = slice(None)) -> Samples:
        """Return what was drawn on some of the canvas. A view: drawing on changes it."""
        return Samples(self._nearest.reshape(self.rows, self.columns)[rows, columns])

    def framed(self, rows: slice, columns: slice) -> Samples:
        """Return samples and one more at each side: nothing, where the canvas ends."""
        whole = self._nearest.reshape(self.rows, self.columns)
        keys = np.full(
            (rows.stop - rows.start + 2, columns.stop - columns.start + 2), _EMPTY, np.uint64
        )
        up, left = max(rows.start - 1, 0), max(columns.start - 1, 0)
        found = whole[up : rows.stop + 1, left : columns.stop + 1]
        down, across = up - rows.start + 1, left - columns.start + 1
        keys[down : down + found.shape[0], across : across + found.shape[1]] = found
        return Samples(keys)

    def nearest(self, rows: slice = slice(None), columns: slice = slice(None)) -> Samples:
        """Return the nearest sample of each pixel. rows, columns: of pixels."""
        side = self.supersampling
        shape = (self.height_px, side, self.width_px, side)
        pixels = self._nearest.reshape(shape)[rows, :, columns]
        found = pixels[:, 0, :, 0]
        for row in range(side):
            for column in range(side):
                found = np.minimum(found, pixels[:, row, :, column])
        return Samples(found)


class Samples:
    """What is nearest to the eye, in some places."""

    def __init__(self, keys: NDArray[np.uint64]) -> None:
        """Take what a canvas keeps."""
        self._keys = keys

    @property
    def covered(self) -> NDArray[np.bool_]:
        """Where something is."""
        return np.not_equal(self._keys, _EMPTY)

    def __getitem__(self, some: NDArray[np.bool_]) -> Samples:
        """Return some of them, in one row."""
        return Samples(self._keys[some])

    @property
    def depth(self) -> Floats:
        """How far away it is, in samples. Infinite where nothing was drawn."""
        high = (self._keys >> np.uint64(32)).astype(np.uint32)
        depth = high.astype(np.float32) * np.float32(DEPTH_STEP)
        depth[high == np.uint32(2**32 - 1)] = np.inf
        return depth

    @property
    def normals(self) -> Floats:
        """(3, ...): how it lies, of length 1, towards the eye. Without meaning where nothing is."""
        paint = self._keys.astype(np.uint32)
        step = np.float32(2 / _NORMAL_STEPS)
        u = (paint & np.uint32(_NORMAL_STEPS)).astype(np.float32) * step - 1
        paint >>= np.uint32(_NORMAL_BITS)
        v = (paint & np.uint32(_NORMAL_STEPS)).astype(np.float32) * step - 1
        return unfold(u, v)

    @property
    def colours(self) -> NDArray[np.uint16]:
        """Which colour. Without meaning where nothing was drawn."""
        return (self._keys.astype(np.uint32) >> np.uint32(2 * _NORMAL_BITS)).astype(np.uint16)


def fold(normals: Floats) -> Floats:
    """Return (2, ...), both within -1 and 1: directions towards the eye as points of a square.

    Source: Cigolle et al., "A Survey of Efficient Representations for Independent Unit Vectors",
    JCGT 2014, hemi-octahedral mapping.
    """
    x, y, z = normals
    scale = np.abs(x) + np.abs(y) + np.maximum(z, np.float32(0))
    # What has no direction looks at the eye.
    scale[scale == 0] = 1
    return np.stack(((x + y) / scale, (x - y) / scale))


def unfold(u: Floats, v: Floats) -> Floats:
    """Return (3, ...): the directions, of length 1, that `fold` made such points of."""
    x = (u + v) / 2
    y = (u - v) / 2
    z = np.maximum(1 - np.abs(x) - np.abs(y), np.float32(0))
    made = np.stack((x, y, z))
    made /= np.sqrt(x * x + y * y + z * z)
    return made


def _paint(u: Floats, v: Floats, colours: NDArray[np.integer] | int) -> Paint:
    """Return a direction and a colour as one number."""
    half = np.float32(_NORMAL_STEPS / 2)
    made = np.clip(u * half + (half + np.float32(0.5)), 0, _NORMAL_STEPS).astype(np.uint32)
    made |= np.clip(v * half + (half + np.float32(0.5)), 0, _NORMAL_STEPS).astype(
        np.uint32
    ) << np.uint32(_NORMAL_BITS)
    made |= np.asarray(colours, np.uint32) << np.uint32(2 * _NORMAL_BITS)
    return made


def _first(value: Floats, end: int) -> Places:
    """Return the first sample whose centre does not lie before a value, between 0 and `end`."""
    first: Floats = np.clip(np.ceil(value - np.float32(0.5)), 0, end)
    return first.astype(np.intp)


def _span(values: Floats) -> tuple[Floats, Floats]:
    """Return which samples lie between the corners: the first, and the first behind them."""
    low = np.minimum(np.minimum(values[0], values[1]), values[2])
    high = np.maximum(np.maximum(values[0], values[1]), values[2])
    half = np.float32(0.5)
    return np.ceil(low - half), np.ceil(high - half)


def _from_top(values: Floats) -> Floats:
    """Return triangles, (values, 3, n), x and y first, with their corners from top to bottom."""
    y = values[1]
    code = (y[0] > y[1]) + 2 * (y[1] > y[2]) + 4 * (y[0] > y[2])
    count = values.shape[2]
    order = np.take(_ORDER, code, axis=1)
    order *= count
    order += np.arange(count)
    made: Floats = np.take(values.reshape(len(values), -1), order, axis=1)
    return made


def _edges(begin: Floats, end: Floats) -> Floats:
    """Return edges by their ends, (values, some, n).

    Returns (fields, some n): where an edge begins (y, then x and all other values) and how much all
    but y grow with every row.
    """
    begin = begin.reshape(len(begin), -1)
    end = end.reshape(len(end), -1)
    made = np.empty((2 * len(begin) - 1, begin.shape[1]), np.float32)
    others = made[len(begin) :]
    made[0] = begin[1]
    made[1] = begin[0]
    made[2 : len(begin)] = begin[2:]
    others[0] = end[0]
    others[1:] = end[2:]
    others -= made[1 : len(begin)]
    with np.errstate(all="ignore"):
        # An edge along a row is never asked where it crosses one.
        others /= end[1] - begin[1]
    return made


def _crossing(edges: Floats, which: Places, y: Floats) -> Floats:
    """Return x and all other values where edges cross rows."""
    found = np.take(edges, which, axis=1)
    fields = len(edges) // 2
    made = found[1 + fields :]
    made *= y - found[0]
    made += found[1 : 1 + fields]
    return made


def _lots(counts: NDArray[np.integer]) -> Iterator[slice]:
    """Yield runs of things that have at most a lot of parts together, or are a single one."""
    until = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = until[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(until, before + _LOT, "right")))
        yield slice(begin, end)
        begin = end
