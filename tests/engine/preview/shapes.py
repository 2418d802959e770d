"""Small models to draw: triangles (n, 3, 3), mm, and the files and meshes that hold them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from custom_components.printernizer.engine.formats.mesh import WHOLE, Patch, Share
from custom_components.printernizer.engine.preview.crew import Crew
from custom_components.printernizer.engine.preview.easel import Easel
from custom_components.printernizer.engine.preview.picture import pictures

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from custom_components.printernizer.engine.picture import PictureOptions
    from custom_components.printernizer.engine.preview.picture import Scene

    type Triangles = NDArray[np.float32]

FACES = ((0, 2, 3, 1), (4, 5, 7, 6), (0, 1, 5, 4), (2, 6, 7, 3), (0, 4, 6, 2), (1, 3, 7, 5))


def box(low: tuple[float, float, float], high: tuple[float, float, float]) -> Triangles:
    """Return twelve triangles."""
    ends = np.array([low, high])
    at = np.array([[ends[place >> axis & 1, axis] for axis in range(3)] for place in range(8)])
    made = [at[[face[0], face[k], face[k + 1]]] for face in FACES for k in (1, 2)]
    return np.array(made, np.float32)


def ball(radius: float, steps: int = 60) -> Triangles:
    """Return a sphere around the origin whose corners lie on it."""
    around, up = np.meshgrid(
        np.linspace(0, 2 * np.pi, 2 * steps + 1), np.linspace(0, np.pi, steps + 1), indexing="ij"
    )
    net = radius * np.stack(
        (np.cos(around) * np.sin(up), np.sin(around) * np.sin(up), -np.cos(up)), -1
    )
    a, b, c, d = net[:-1, :-1], net[1:, :-1], net[1:, 1:], net[:-1, 1:]
    both = np.concatenate((np.stack((a, b, c), -2), np.stack((a, c, d), -2)))
    return both.reshape(-1, 3, 3).astype(np.float32)


class Model:
    """Triangles in colours, as a reader would hand them out."""

    def __init__(self, *patches: tuple[Triangles, str | None], parts: int = 1) -> None:
        """Take triangles, each lot in its colour."""
        self._patches = patches
        self.parts = parts

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, in pieces of an odd size."""
        number = 0
        for triangles, colour in self._patches:
            for begin in range(0, len(triangles), 1001):
                length = 1001 if share.takes(number) else 0
                yield Patch(triangles[begin : begin + length], colour)
                number += 1


def stl(path: Path, triangles: Triangles) -> Path:
    """Write a binary STL and return where."""
    records = np.zeros(len(triangles), [("normal", "<f4", 3), ("at", "<f4", (3, 3)), ("a", "<u2")])
    records["at"] = triangles
    path.write_bytes(b"\0" * 80 + np.uint32(len(triangles)).tobytes() + records.tobytes())
    return path


def drawn(scene: Scene, options: PictureOptions) -> list[NDArray[np.uint8]]:
    """Return the frames of a picture that is drawn here."""
    return pictures(scene, options, Easel(Crew(), options.width_px, options.height_px))
