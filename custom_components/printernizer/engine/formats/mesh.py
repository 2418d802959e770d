"""Surfaces of triangles, walked in pieces so that their size does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Patch:
    """Some triangles of one colour."""

    corners: NDArray[np.float32]
    """(n, 3, 3): triangles, their corners counter-clockwise from outside, x y z in mm. Finite."""
    colour: str | None = None
    """#RRGGBB; None: the file gives it none."""


class Mesh(Protocol):
    """A surface that can be walked more than once."""

    def patches(self) -> Iterator[Patch]:
        """Yield all of it, at most some 100 000 triangles at a time. Raises BadFile."""
        ...
