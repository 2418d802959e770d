"""Where the eye stands, and how a thing comes into its picture: in mild perspective, z up."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]
    type Axes = NDArray[np.float64]

_HALF_ANGLE: Final = np.tan(np.radians(11.0))
"""Of the field of view along the picture's shorter side: that of a long lens."""
MARGIN: Final = 0.04
"""Left free at each side, as a share of the picture's width or height."""
_NEAREST: Final = 0.05
"""How far the eye keeps from a thing at least, as a share of its depth."""
_ALONE: Final = 2048
"""Triangles in one go: of more the multiplication would wake up threads, which cost more than they
save, and take memory."""
# OpenBLAS takes a buffer of 32 MB for the first larger matrices, and where there is no room for it
# asks again for ever: it shall have it before a worker's memory is limited.
np.matmul(*np.ones((2, 256, 256), np.float32))


def axes(azimuth_deg: float, elevation_deg: float) -> Axes:
    """Return (3, 3): unit vectors to the right, upwards, and towards the eye, in the world's axes.

    The angles are those of `PictureOptions`.
    """
    azimuth, elevation = np.radians([azimuth_deg % 360, elevation_deg])
    right = np.array([np.cos(azimuth), np.sin(azimuth), 0.0])
    level = np.cos(elevation)
    towards = np.array([np.sin(azimuth) * level, -np.cos(azimuth) * level, np.sin(elevation)])
    return np.stack((right, np.cross(towards, right), towards))


class Framing:
    """What has to come into a picture, as far as it was told."""

    def __init__(self, width: int, height: int, directions: Sequence[Axes]) -> None:
        """Begin with nothing.

        width, height: of the canvas, in samples. directions: `axes` that one distance of the eye
        must do for; pictures from more than one are centred on the thing's own upright axis.
        """
        self._size = (width, height)
        self._directions = tuple(directions)
        self._focal = min(width, height) / 2 / _HALF_ANGLE
        # Whatever is within the picture has x + tz <= tD for the eye's distance D, where t is what
        # the picture's half width takes up at a distance of 1; likewise for the other three sides.
        half = np.array([width, height]) / 2 * (1 - 2 * MARGIN) / self._focal
        rows = [np.eye(3)]
        for right, up, towards in self._directions:
            rows.append(np.stack((right, up, towards)))
            rows.append(np.stack((right + half[0] * towards, up + half[1] * towards)))
            rows.append(np.stack((right - half[0] * towards, up - half[1] * towards)))
        self._half = half
        self._rows = np.concatenate(rows)
        self._rows32 = self._rows.astype(np.float32)
        self._low = np.full(len(self._rows), np.inf)
        self._high = np.full(len(self._rows), -np.inf)

    def add(self, points: Floats) -> None:
        """Tell of some more points, (n, 3), in mm. Finite."""
        lot = max(1, _ALONE * 81 // self._rows.size)
        for begin in range(0, len(points), lot):
            seen = self._rows32 @ points[begin : begin + lot].T
            np.maximum(self._high, seen.max(axis=1), out=self._high)
            np.minimum(self._low, seen.min(axis=1), out=self._low)

    @property
    def extent(self) -> Axes:
        """(2, directions): how far the points reach, as `include` takes it."""
        return np.stack((self._low, self._high))

    def include(self, extents: Axes) -> None:
        """Take (n, 2, directions): what n others, begun alike, were told of."""
        self._low = np.minimum(self._low, extents[:, 0].min(axis=0))
        self._high = np.maximum(self._high, extents[:, 1].max(axis=0))

    @property
    def empty(self) -> bool:
        """Whether no point was told of."""
        return not np.isfinite(self._high[0])

    @property
    def box(self) -> tuple[Axes, Axes]:
        """The lowest and the highest corner of all points; that of a point at 0 without any."""
        if self.empty:
            return np.zeros(3), np.zeros(3)
        return self._low[:3], self._high[:3]

    def view(self, index: int = 0) -> View:
        """Return how to look along one of the directions."""
        direction = self._directions[index]
        if self.empty:
            return View.towards(np.zeros(3), direction, self._size, self._focal, 1.0, 0.5)
        turning = len(self._directions) > 1
        middle = (self._low[:3] + self._high[:3]) / 2
        eyes = [
            self._eye(each, middle if turning else None) for each in range(len(self._directions))
        ]
        centre, _, _ = eyes[index]
        distance = max(each[1] for each in eyes)
        front = max(each[2] for each in eyes)
        if turning:
            # Between the directions looked at, corners come nearer still.
            front *= 1.1
        return View.towards(centre, direction, self._size, self._focal, distance, front)

    def _eye(self, index: int, middle: Axes | None) -> tuple[Axes, float, float]:
        """Return the point to look at, the eye's distance to it, and how far it comes nearer."""
        begin = 3 + index * 7
        low, high = self._low[begin : begin + 7], self._high[begin : begin + 7]
        directions = self._directions[index]
        sides = np.array([high[3:5], -low[5:7]])
        if middle is None:
            depth = (low[2] + high[2]) / 2
            across = (sides[0] - sides[1]) / 2
        else:
            depth = middle @ directions[2]
            across = middle @ directions[:2].T
        # From here both opposite sides just fit.
        reach = np.maximum(sides[0] - across, sides[1] + across) / self._half
        thick = high[2] - low[2]
        distance = max(*(reach - depth), high[2] - depth + _NEAREST * thick)
        if not distance > 1e-7 * np.abs(high).max():
            # Nothing but a point.
            distance = 1.0
        return np.array([*across, depth]) @ directions, float(distance), float(high[2] - depth)


@dataclass(frozen=True, slots=True)
class View:
    """How points of the world come onto a canvas."""

    axes: Axes
    """To the right, upwards, towards the eye."""
    centre: Axes
    """The point that comes into the middle, mm."""
    scale: float
    """Samples for a mm, there."""
    focal: float
    """How far the eye is from there, in samples."""
    middle: tuple[float, float]
    """Of the canvas, in samples."""
    nearest: float
    """Distance from the eye where depth begins, in samples."""
    front: float
    """How far what is looked at comes nearer than its middle, mm."""
    _matrix: Floats
    _offset: Floats
    _origin: Floats | None

    @classmethod
    def towards(
        cls,
        centre: Axes,
        direction: Axes,
        size: tuple[int, int],
        focal: float,
        distance: float,
        front: float,
    ) -> Self:
        """Look at a point from a distance; `front` of it is where the thing begins, all in mm."""
        scale = focal / distance
        scaled = direction * scale
        scaled[1:] *= -1
        # Differences of large numbers would tremble: those are taken in the file's own numbers.
        far = bool(np.abs(centre).max() > 50 * distance)
        offset = np.zeros(3) if far else -scaled @ centre
        offset[2] += focal
        matrix = np.kron(scaled.reshape(3, 1, 3), np.eye(3).reshape(3, 3, 1)).reshape(9, 9)
        return cls(
            axes=direction,
            centre=centre,
            scale=scale,
            focal=focal,
            middle=(size[0] / 2, size[1] / 2),
            nearest=max(focal - scale * front, 1e-3 * focal) * (1 - 1e-4),
            front=front,
            _matrix=matrix.astype(np.float32),
            _offset=np.repeat(offset, 3).astype(np.float32)[:, None],
            _origin=np.tile(centre, 3).astype(np.float32) if far else None,
        )

    def project(self, corners: Floats) -> Floats:
        """Return (3, 3, n): x, y and depth of three corners of n triangles, as a canvas takes them.

        corners: (n, 3, 3), mm.
        """
        flat = corners.reshape(-1, 9)
        if self._origin is not None:
            flat = flat - self._origin
        seen = np.empty((9, len(flat)), np.float32)
        for begin in range(0, len(flat), _ALONE):
            lot = slice(begin, begin + _ALONE)
            np.matmul(self._matrix, flat[lot].T, out=seen[:, lot])
        seen += self._offset
        # Now x and y, and the distance from the eye.
        near = np.float32(1e-3 * self.focal)
        shrunk = np.float32(self.focal) / np.maximum(seen[6:], near)
        seen[0:3] *= shrunk
        seen[0:3] += np.float32(self.middle[0])
        seen[3:6] *= shrunk
        seen[3:6] += np.float32(self.middle[1])
        np.multiply(shrunk, np.float32(-self.focal), out=seen[6:])
        seen[6:] += np.float32(self.focal**2 / self.nearest)
        return seen.reshape(3, 3, -1)

    def normals(self, corners: Floats) -> Floats:
        """Return (3, n): how triangles lie, as a canvas takes it: the side that the eye sees.

        corners: (n, 3, 3), mm. Their order does not matter.
        """
        flat = np.ascontiguousarray(corners.reshape(-1, 9).T)
        across = self._across(flat)
        across *= self._sides(flat, across)
        return self.turned(across)

    def facing(self, corners: Floats, directions: Floats) -> Floats:
        """Return (3, 3, n): directions at the corners of triangles, as a canvas takes them.

        corners: (n, 3, 3), mm. directions: the same, on the side where the corners go round
        counter-clockwise; turned over where the eye sees the other side.
        """
        flat = np.ascontiguousarray(corners.reshape(-1, 9).T)
        side = self._sides(flat, self._across(flat))
        return self.turned(directions.transpose(2, 1, 0) * side)

    def _across(self, flat: Floats) -> Floats:
        """Return (3, n): what stands upright on triangles, by their nine coordinates."""
        one = (flat[3:6] - flat[0:3]) * np.float32(self.scale)
        other = (flat[6:9] - flat[0:3]) * np.float32(self.scale)
        return np.stack(
            (
                one[1] * other[2] - one[2] * other[1],
                one[2] * other[0] - one[0] * other[2],
                one[0] * other[1] - one[1] * other[0],
            )
        )

    def _sides(self, flat: Floats, across: Floats) -> Floats:
        """Return 1 for triangles that show the eye the side they were given, -1 for the other."""
        eye = (self.centre + self.axes[2] * (self.focal / self.scale)).astype(np.float32)
        away = (across * (flat[0:3] - eye[:, None])).sum(axis=0) > 0
        return np.where(away, np.float32(-1), np.float32(1))

    def turned(self, vectors: Floats) -> Floats:
        """Return vectors of the world, (3, ...), as the eye has them: right, up, towards it."""
        turned: Floats = np.tensordot(self.axes.astype(np.float32), vectors, 1)
        return turned

    def distance(self, depth: Floats) -> Floats:
        """Return how far from the eye something is, in samples, by its depth. At most 1e6."""
        inverse = np.float32(1 / self.nearest) - depth * np.float32(1 / self.focal**2)
        distance: Floats = np.float32(1) / np.maximum(inverse, np.float32(1e-6))
        return distance

    def on_level(self, x: Floats, y: Floats, z: float) -> tuple[Floats, Floats]:
        """Return (3, n): the points at a height that are seen at x and y; and their samples' width.

        All in mm but x and y, which are in samples.
        """
        along = self.places(x, y, np.full_like(x, self.focal))
        eye = self.centre + self.axes[2] * (self.focal / self.scale)
        rays = along - eye.astype(np.float32)[:, None]
        fall = np.minimum(rays[2], np.float32(-1e-6) * np.float32(self.focal / self.scale))
        part = np.float32(z - eye[2]) / fall
        tilt = np.abs(fall) / np.linalg.norm(rays, axis=0)
        across: Floats = np.float32(1 / self.scale) * part
        found: Floats = rays * part + eye.astype(np.float32)[:, None]
        return found, across / np.sqrt(tilt)

    def turned_to(self, direction: Axes) -> View:
        """Return the same from another direction: the same distance to the same point."""
        return View.towards(
            self.centre,
            direction,
            (int(2 * self.middle[0]), int(2 * self.middle[1])),
            self.focal,
            self.focal / self.scale,
            self.front,
        )

    def places(self, x: Floats, y: Floats, distance: Floats) -> Floats:
        """Return (3, ...): the points of the world, mm, that are seen at x, y and a distance."""
        spread = distance * np.float32(1 / self.focal)
        seen = np.stack(
            (
                (x - np.float32(self.middle[0])) * spread,
                (np.float32(self.middle[1]) - y) * spread,
                np.float32(self.focal) - distance,
            )
        )
        made: Floats = np.tensordot((self.axes.T / self.scale).astype(np.float32), seen, 1)
        made += self.centre.astype(np.float32).reshape(3, *(1,) * x.ndim)
        return made
