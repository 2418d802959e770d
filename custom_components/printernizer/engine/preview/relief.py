"""What makes shapes readable: dark hollows and drawn edges, both found in what the eye sees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]

FAR: Final = np.float32(1e6)
"""Instead of infinitely far: differences of it are numbers."""
_DIRECTIONS: Final = 8
_REACHES: Final = (0.15, 0.45, 1.0)
_BIAS: Final = np.float32(0.10)
"""Sine of how high a neighbour must stand over a surface to hide something of the light."""
_STRENGTH: Final = np.float32(1.5)


def openness(distance: Floats, normals: Floats, reach: float, pitch: float, some: slice) -> Floats:
    """Return how much of what is around places is not hidden by their neighbours, 0 to 1.

    distance: (rows, columns), from the eye, `FAR` where nothing is. normals: (3, rows, columns).
    reach: how far away neighbours matter, in places; pitch: how far apart the places are, in the
    unit of the distance. some: the rows that are asked for.
    Source: Bavoil and Sainz, "Image-Space Horizon-Based Ambient Occlusion", 2008.
    """
    edge = int(np.ceil(reach))
    padded = _around(distance, some, edge)
    distance, (x, y, z) = distance[some], normals[:, some]
    rows, columns = distance.shape
    hidden = np.zeros((rows, columns), np.float32)
    reach2 = np.float32((reach * pitch) ** 2)
    for turn in range(_DIRECTIONS):
        angle = 2 * np.pi * (turn + 0.5 * 0.5) / _DIRECTIONS
        highest = np.zeros((rows, columns), np.float32)
        offsets = {
            (round(np.cos(angle) * part * reach), round(np.sin(angle) * part * reach))
            for part in _REACHES
        }
        for right, down in sorted(offsets - {(0, 0)}):
            other = padded[edge + down : edge + down + rows, edge + right : edge + right + columns]
            nearer = distance - other
            across, along = np.float32(right * pitch), np.float32(-down * pitch)
            length2 = nearer * nearer
            length2 += across * across + along * along
            height = z * nearer
            height += x * across
            height += y * along
            height /= np.sqrt(length2)
            height -= _BIAS
            fading = length2
            fading *= -1 / reach2
            fading += np.float32(1.25)
            height *= np.clip(fading, 0, 1, out=fading)
            np.maximum(highest, height, out=highest)
        hidden += highest
    hidden *= -_STRENGTH / _DIRECTIONS
    hidden += 1
    return np.clip(hidden, np.float32(0.12), 1, out=hidden)


def _around(distance: Floats, some: slice, edge: int) -> Floats:
    """Return some rows, and so much more on each side."""
    rows, columns = distance.shape
    made = np.full((some.stop - some.start + 2 * edge, columns + 2 * edge), FAR, np.float32)
    begin, end = max(some.start - edge, 0), min(some.stop + edge, rows)
    first = begin - some.start + edge
    made[first : first + end - begin, edge : edge + columns] = distance[begin:end]
    return made


def lines(distance: Floats, normals: Floats) -> Floats:
    """Return by how much edges make each sample lighter (above 0) or darker (below 0).

    distance: (rows + 2, columns + 2), in samples, `FAR` where nothing is; normals: (3, rows + 2,
    columns + 2). The outermost are only neighbours. Returns (rows, columns).
    """
    here = distance[1:-1, 1:-1]
    drop = np.zeros_like(here)
    rise = np.zeros_like(here)
    bend = np.zeros_like(here)
    near = (slice(1, -1), slice(1, -1))
    for before, after in (
        ((slice(1, -1), slice(None, -2)), (slice(1, -1), slice(2, None))),
        ((slice(None, -2), slice(1, -1)), (slice(2, None), slice(1, -1))),
    ):
        # On a plane the neighbours lie as far behind as before, whatever its tilt.
        behind = distance[before] + distance[after] - 2 * here
        np.maximum(drop, behind, out=drop)
        np.minimum(rise, behind, out=rise)
        down = before[0] != near[0]
        axis = normals[1] if down else normals[0]
        turned = axis[after] - axis[before]
        bend += -turned if down else turned
    darker = np.clip((drop - np.float32(3)) * np.float32(1 / 9), 0, 1)
    darker *= np.float32(-0.34)
    bend = np.clip(np.abs(bend) - np.float32(0.3), 0, np.float32(0.5)) * np.sign(bend)
    bend[(drop > 3) | (rise < -3)] = 0
    bend *= np.where(bend > 0, np.float32(0.22), np.float32(0.5))
    drawn: Floats = darker + bend
    return drawn
