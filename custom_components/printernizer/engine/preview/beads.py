"""Beads of a tool path onto a canvas: rounded, as the nozzle leaves them.

A bead is drawn as lines along it, side by side over that half of its outline that the eye sees, so
close together that no sample between them stays empty. Each line has the outline's own direction,
which makes a bead look round. What lies hidden behind beads drawn before is left out piece by
piece; so those that hide others are best drawn first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from .straight import straightened

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .raster import Canvas
    from .straight import Lines
    from .view import View

    type Floats = NDArray[np.float32]
    type Paint = NDArray[np.uint32]
    type Places = NDArray[np.intp]

_LOT: Final = 1 << 13
"""Beads done at once."""
_POINTS: Final = 1 << 17
"""Points of lines done at once."""
_SPACING: Final = np.float32(0.7)
"""Samples between points. Closer than the side of a square within a circle as wide as a sample:
none is missed, however the lines lie."""
_MOST_LINES: Final = 96
"""Of one bead: enough for one that fills a quarter of the largest picture's height."""
_MOST_POINTS: Final = 8192
"""Of one line."""
_PIECE: Final = np.float32(20.0)
"""Samples: pieces of beads as long as that are hidden or seen as a whole."""
_WORTH: Final = 20
"""Points of a piece above which looking whether it is hidden costs less than drawing it."""
_STRAIGHT: Final = 0.12
"""Samples that beads may leave the line that is drawn for several of them."""
_FREE_END: Final = np.float32(0.7)
"""How far a bead reaches beyond its last point, in halves of its width: its end is round."""
_BIAS: Final = np.float32(1.0)
"""Samples by which something must lie behind to be hidden."""
_FINE: Final = (np.float32(3.0), np.float32(6.0))
"""Samples: beads closer together than the first show what they are part of, or they would flicker;
those further apart than the second their own outline."""
_LEANING: Final = np.float32(0.35)
"""How much walls look upwards."""
_LEANING_TOP: Final = np.float32(1.3)
"""How much their upper sides look sideways: steps of a slope are too fine to be seen singly, and
where layers are left out they are none of the thing's."""
_LEANING_FLAT: Final = np.float32(0.4)
"""The same of what is no wall."""


def draw(canvas: Canvas, view: View, lines: Lines) -> None:
    """Draw beads."""
    lines = straightened(lines, _STRAIGHT / view.scale)
    reach = _reaches(lines)
    for begin in range(0, len(lines), _LOT):
        lot = slice(begin, begin + _LOT)
        _Pieces(view, lines.chosen(lot), reach[:, lot]).draw(canvas)


def _reaches(lines: Lines) -> Floats:
    """Return (2, n): how far beads reach beyond both ends, mm, so that corners are filled."""
    since, until, width = lines.since, lines.until, lines.width
    half: Floats = width * np.float32(0.5)
    reach: Floats = np.stack((half, half)) * _FREE_END
    if len(width) < 2:
        return reach
    step = until[:2] - since[:2]
    step = step / np.maximum(np.hypot(step[0], step[1]), np.float32(1e-6))
    joined = (until[:, :-1] == since[:, 1:]).all(axis=0)
    cosine = (step[:, :-1] * step[:, 1:]).sum(axis=0)
    # The tangent of half the turn.
    turn = np.sqrt(np.clip(1 - cosine, 0, 2) / np.maximum(1 + cosine, np.float32(0.05)))
    corner = np.minimum(turn, 1) * half[1:]
    reach[1, :-1] = np.where(joined, corner, reach[1, :-1])
    reach[0, 1:] = np.where(joined, corner, reach[0, 1:])
    return reach


class _Pieces:
    """Some beads as the eye sees them, short enough to be hidden or seen as a whole."""

    def __init__(self, view: View, lines: Lines, reach: Floats) -> None:
        self._view = view
        self.colours, self.upright = lines.colours, lines.upright
        since, until = lines.since, lines.until
        width, height = lines.width, lines.height
        step = until - since
        length = np.maximum(np.hypot(step[0], step[1]), np.float32(1e-6))
        along = step / length
        # Straight upwards, or nowhere: it has no side.
        along[0][np.hypot(along[0], along[1]) < 0.5] = 1.0
        self._since = since - along * reach[0]
        self._step = until + along * reach[1]
        self._step -= self._since
        eye = view.centre + view.axes[2] * (view.focal / view.scale)
        towards = eye.astype(np.float32)[:, None] - (since + until) / 2
        distance = np.sqrt((towards * towards).sum(axis=0))
        towards /= distance
        side = np.stack((-along[1], along[0]))
        facing = (side * towards[:2]).sum(axis=0)
        self._side = side * np.where(facing < 0, np.float32(-1), np.float32(1))
        # What is higher than wide has its flat sides upright: the same outline, lying on its side.
        self._tall = height > width
        steep, level = np.abs(towards[2]), np.abs(facing)
        angle = np.where(self._tall, np.arctan2(level, steep), np.arctan2(steep, level))
        self._angle = angle
        self._above = np.where(towards[2] < 0, np.float32(-1), np.float32(1))
        self._deep, self._broad = height / 2, width / 2
        self._round = np.minimum(width, height) / 2
        self._flat = np.abs(width - height) / 2
        self._half = self._flat * np.abs(np.sin(angle)) + self._round
        self._scale = np.float32(view.focal) / distance
        thick = 2 * self._half * self._scale
        self._lines = np.clip(np.ceil(thick / _SPACING), 1, _MOST_LINES).astype(np.intp)
        low, high = _FINE
        # How far apart beads of their kind are seen, one over or beside the other: as in the
        # picture's middle, since a change of manners within a wall would be seen.
        across, down = np.hypot(view.axes[2, 0], view.axes[2, 1]), abs(view.axes[2, 2])
        apart = np.where(self.upright, height * across, width * down) * view.scale
        self._own = np.where(self._tall, 0, np.clip((apart - low) / (high - low), 0, 1))

    def draw(self, canvas: Canvas) -> None:
        """Draw what is not hidden."""
        which, begin, end, points = self._cut()
        coarse = self._own[which] == 0
        large = np.flatnonzero((points > _WORTH) & ~coarse)
        hidden = large[~self._seen(canvas, which[large], begin[large], end[large])]
        if len(hidden):
            seen = np.ones(len(which), np.bool_)
            seen[hidden] = False
            which, begin, end, coarse = which[seen], begin[seen], end[seen], coarse[seen]
        self._draw_boxes(canvas, which[coarse], begin[coarse], end[coarse])
        which, begin, end = which[~coarse], begin[~coarse], end[~coarse]
        for lot in lots(self._lines[which], _POINTS // 4):
            self._draw_lines(canvas, which[lot], begin[lot], end[lot])

    def _cut(self) -> tuple[Places, Floats, Floats, Floats]:
        """Return pieces: of which bead, from which share of its length to which, how large."""
        length = np.sqrt((self._step * self._step).sum(axis=0)) * self._scale
        many = np.clip(np.ceil(length / _PIECE), 1, 1000).astype(np.intp)
        which, place = _parts(many)
        share = np.float32(1) / many.astype(np.float32).take(which)
        begin = place.astype(np.float32) * share
        points = np.minimum(length, _PIECE) * self._lines * np.float32(1 / _SPACING)
        return which, begin, begin + share, points[which]

    def _seen(self, canvas: Canvas, which: Places, begin: Floats, end: Floats) -> NDArray[np.bool_]:
        """Return which pieces are not hidden: those that are seen at any of some points."""
        seen = np.zeros(len(which), np.bool_)
        for across, along in ((0, 0.0), (0, 1.0), (0, 0.5), (-0.8, 0.5), (0.8, 0.5)):
            left = np.flatnonzero(~seen)
            bead = which[left]
            points, _, _ = self._outline(bead, self._half[bead] * np.float32(across))
            share = begin[left] + (end[left] - begin[left]) * np.float32(along)
            points += self._since.take(bead, axis=1) + self._step.take(bead, axis=1) * share
            x, y, depth = project(self._view, points)
            seen[left] = canvas.shows(x, y, depth - _BIAS)
        return seen

    def _draw_boxes(self, canvas: Canvas, which: Places, begin: Floats, end: Floats) -> None:
        """Draw pieces without an outline of their own: the side and the end face that are seen."""
        if not len(which):
            return
        step = self._step.take(which, axis=1)
        since = self._since.take(which, axis=1) + step * begin
        half = self._broad[which]
        side = self._side.take(which, axis=1) * half
        high = np.stack((side[0], side[1], 0 * half))
        deep = high.copy()
        deep[2] = -2 * self._deep[which]
        above = self._above[which] > 0
        face = project(self._view, since + np.where(above, high, deep))
        low = project(self._view, since + np.where(above, deep, high))
        far = np.where(above, high, deep)
        far[:2] *= -1
        back = project(self._view, since + far)
        along = project(self._view, since + np.where(above, high, deep) + step * (end - begin))
        seen = self._shown(canvas, (face, along, low, low + (along - face), back))
        if not seen.all():
            some = np.flatnonzero(seen)
            which = which.take(some)
            face, low, back, along = (each.take(some, axis=1) for each in (face, low, back, along))
        along -= face
        nothing = np.zeros(len(which), np.float32)
        directions = self._directions(which, nothing, nothing)
        paint = canvas.paint(directions, self.colours[which])
        _fill(canvas, face, along, low - face, paint)
        # Walls are seen from above as well where they end, or lean.
        side = self._side.take(which, axis=1)
        side *= np.where(self.upright[which], _LEANING_TOP, _LEANING_FLAT)
        up = np.stack((side[0], side[1], np.ones(len(which), np.float32)))
        paint = canvas.paint(self._view.turned(up), self.colours[which])
        _fill(canvas, face, along, back - face, paint)

    @staticmethod
    def _shown(canvas: Canvas, points: tuple[Floats, ...]) -> NDArray[np.bool_]:
        """Return which pieces are seen at any of some points."""
        shown = np.zeros(points[0].shape[1], np.bool_)
        for x, y, depth in points:
            shown |= canvas.shows(x, y, depth - _BIAS)
        return shown

    def _draw_lines(self, canvas: Canvas, which: Places, begin: Floats, end: Floats) -> None:
        """Draw all lines of pieces."""
        many = self._lines[which]
        piece, place = _parts(many)
        bead = which[piece]
        across = ((place + 0.5) * 2 / many[piece] - 1).astype(np.float32) * self._half[bead]
        offset, sideways, upwards = self._outline(bead, across)
        step = self._step.take(bead, axis=1)
        since = self._since.take(bead, axis=1) + offset
        one = project(self._view, since + step * begin[piece])
        other = project(self._view, since + step * end[piece])
        paint = canvas.paint(self._directions(bead, sideways, upwards), self.colours[bead])
        way = other - one
        length = np.hypot(way[0], way[1])
        points = np.clip(np.ceil(length / _SPACING), 1, _MOST_POINTS).astype(np.intp)
        share = np.float32(1) / points.astype(np.float32)
        one += way * (share / 2)
        way *= share
        for lot in lots(points, _POINTS):
            _dots(canvas, one[:, lot], way[:, lot], points[lot], paint[lot])

    def _outline(self, bead: Places, across: Floats) -> tuple[Floats, Floats, Floats]:
        """Return the point of a bead's outline that is seen `across` mm from its middle.

        Also how much the outline looks sideways and upwards there. An outline is flat above and
        below, and a half circle at each side.
        """
        angle, bend, flat = self._angle[bead], self._round[bead], self._flat[bead]
        slope = flat * np.sin(angle)
        edge = bend * np.cos(angle)
        near, far = across < edge - slope, across > edge + slope
        shifted = across + np.where(near, slope, -slope)
        turned = angle + np.arcsin(np.clip(shifted / bend, -1, 1))
        plane = ~(near | far)
        sideways = np.where(plane, np.float32(0), np.cos(turned))
        upwards = np.where(plane, np.float32(1), np.sin(turned))
        middle = (edge - across) / np.maximum(np.abs(np.sin(angle)), np.float32(1e-6))
        out = np.where(plane, middle, np.where(near, flat, -flat) + bend * sideways)
        up = bend * upwards
        if (tall := self._tall[bead]).any():
            out, up = np.where(tall, up, out), np.where(tall, out, up)
            sideways, upwards = (
                np.where(tall, upwards, sideways),
                np.where(tall, sideways, upwards),
            )
        above = self._above[bead]
        side = self._side.take(bead, axis=1)
        offset = np.stack((side[0] * out, side[1] * out, up * above - self._deep[bead]))
        return offset, sideways, upwards * above

    def _directions(self, bead: Places, sideways: Floats, upwards: Floats) -> Floats:
        """Return (3, n): where the outline looks, as a canvas takes it."""
        own = self._own[bead]
        upright = self.upright[bead]
        sideways = sideways * own + np.where(upright, np.float32(1), np.float32(0)) * (1 - own)
        upwards = upwards * own + np.where(upright, _LEANING, np.float32(1)) * (1 - own)
        side = self._side.take(bead, axis=1)
        return self._view.turned(np.stack((side[0] * sideways, side[1] * sideways, upwards)))


def project(view: View, points: Floats) -> Floats:
    """Return (3, n): x, y and depth of points, (3, n) in mm, as a canvas takes them."""
    axes = view.axes * view.scale
    axes[1] *= -1
    seen = axes.astype(np.float32) @ (points - view.centre.astype(np.float32)[:, None])
    focal = np.float32(view.focal)
    shrunk = focal / np.maximum(focal - seen[2], np.float32(1e-3) * focal)
    seen[0] = seen[0] * shrunk + np.float32(view.middle[0])
    seen[1] = seen[1] * shrunk + np.float32(view.middle[1])
    seen[2] = np.float32(view.focal**2 / view.nearest) - focal * shrunk
    return seen


def _fill(canvas: Canvas, corner: Floats, one: Floats, other: Floats, paint: Paint) -> None:
    """Fill parallelograms from a corner along two sides, (3, n) each as `project` makes them."""
    across, down = _steps(one), _steps(other)
    first = one / across.astype(np.float32)
    second = other / down.astype(np.float32)
    middle = corner + (first + second) / 2
    for lot in lots(across * down, _POINTS):
        # Rows of points first, then points of rows.
        which, place = _parts(down[lot])
        begin = second[:, lot].take(which, axis=1)
        begin *= place.astype(np.float32)
        begin += middle[:, lot].take(which, axis=1)
        row, place = _parts(across[lot].take(which))
        which = which.take(row)
        at = first[:, lot].take(which, axis=1)
        at *= place.astype(np.float32)
        at += begin.take(row, axis=1)
        canvas.dots(at[0], at[1], at[2], paint[lot].take(which))


def _parts(counts: Places) -> tuple[Places, Places]:
    """Return for all parts of things, so many each, of which thing one is and its place there."""
    which = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(which))
    place -= (np.cumsum(counts) - counts).take(which)
    return which, place


def _steps(side: Floats) -> Places:
    steps: Places = np.ceil(np.hypot(side[0], side[1]) / _SPACING).astype(np.intp)
    np.clip(steps, 1, _MOST_POINTS, out=steps)
    return steps


def _dots(canvas: Canvas, one: Floats, way: Floats, points: Places, paint: Paint) -> None:
    which, place = _parts(points)
    at = way.take(which, axis=1)
    at *= place.astype(np.float32)
    at += one.take(which, axis=1)
    canvas.dots(at[0], at[1], at[2], paint.take(which))


def lots(counts: Places, most: int) -> Iterator[slice]:
    """Yield runs of things that have at most so many parts together, or are a single one."""
    until = np.cumsum(counts)
    begin = 0
    while begin < len(counts):
        before = until[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(until, before + most, "right")))
        yield slice(begin, end)
        begin = end
