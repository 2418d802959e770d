"""How surfaces bend that were meant to be round, from triangles that know nothing of each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]

SMOOTHED_AT_MOST: Final = 200_000
"""Triangles: neighbours are found in memory, some 200 bytes for each."""
_SHARP: Final = np.float32(np.cos(np.radians(38)))
"""Where triangles meet at a larger angle, an edge is meant."""
_MOST_NEIGHBOURS: Final = 64
"""Of a corner. The tips of fans have more; some of them tell as well how it bends there."""


def bent(corners: Floats) -> Floats:
    """Return (n, 3, 3): the direction of the surface at each corner, of any length.

    corners: (n, 3, 3), mm. Corners are the same where their coordinates are; triangles around one
    count by their area, where they meet in a small angle.
    """
    one = (corners[:, 1] - corners[:, 0]).astype(np.float64)
    other = (corners[:, 2] - corners[:, 0]).astype(np.float64)
    area = np.cross(one, other)
    length = np.linalg.norm(area, axis=1, keepdims=True)
    flat = (area / np.where(length > 0, length, 1)).astype(np.float32)
    largest = float(length.max(initial=0)) or 1.0
    weighed = (area / largest).astype(np.float32)
    points = corners.reshape(-1, 3) + np.float32(0)
    # The same numbers, whatever they are: their bits do, once there is no negative zero.
    order = np.lexsort(points.T)
    sorted_ = points[order]
    triangle = order // 3
    same = np.concatenate(([0], np.cumsum((sorted_[1:] != sorted_[:-1]).any(axis=1))))
    flat, weighed = flat[triangle], weighed[triangle]
    total = weighed.copy()
    for step in range(1, min(_MOST_NEIGHBOURS, len(same))):
        pairs = np.flatnonzero(same[step:] == same[:-step])
        if not len(pairs):
            break
        close = np.einsum("ij,ij->i", flat[pairs], flat[pairs + step]) > _SHARP
        pairs = pairs[close]
        total[pairs] += weighed[pairs + step]
        total[pairs + step] += weighed[pairs]
    made: Floats = np.empty_like(total)
    made[order] = total
    return made.reshape(corners.shape)
