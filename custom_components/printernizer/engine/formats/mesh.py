"""Surfaces of triangles, walked in pieces so that their size does not matter."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from ..errors import BadFile

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

PATCH: Final = 1 << 14
"""Triangles of a patch at most: what is done to it stays near the processor."""
FARTHEST_MM: Final = 1e7
"""From the origin. Nobody prints 10 km away, and squares of such lengths are exact no more."""


@dataclass(frozen=True, slots=True)
class Patch:
    """Some triangles of one colour."""

    corners: NDArray[np.float32]
    """(n, 3, 3): triangles, their corners counter-clockwise from outside, x y z in mm. Finite."""
    colour: str | None = None
    """#RRGGBB; None: the file gives it none."""
    dropped: int = 0
    """Triangles that stood among them and were left out: their corners are nowhere."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of some work one of several does: of equal parts every one of `of`."""

    index: int = 0
    of: int = 1

    def takes(self, number: int) -> bool:
        """Whether a part is among them, by its number from 0."""
        return number % self.of == self.index


WHOLE: Final = Share()


class Mesh(Protocol):
    """A surface that can be walked more than once."""

    @property
    def parts(self) -> int:
        """Objects that would be printed."""
        ...

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, at most some 100 000 triangles at a time. Raises BadFile.

        share: which patches are wanted; of others come the colours at most.
        """
        ...


def something(name: str, patches: Iterator[Patch], share: Share = WHOLE) -> Iterator[Patch]:
    """Yield the patches. Raises BadFile behind the last one when no triangle was among them.

    share: what they are of the surface; that of one among several may be nothing.
    """
    empty = share.of == 1
    dropped = 0
    try:
        for one in patches:
            empty &= not len(one.corners)
            dropped += one.dropped
            yield one
    except OSError as err:
        raise BadFile(f"{name}: {err.strerror}", key="file_unreadable") from err
    if empty:
        raise BadFile(
            f"{name}: it has {dropped} triangles, all of them nowhere"
            if dropped
            else f"{name}: it has no triangles"
        )


def cuts(count: int) -> list[slice]:
    """Return where to cut so many triangles: into patches of one size, as many for each of two."""
    # A few are not worth two.
    patches = 1 if count <= PATCH // 4 else 2 * -(-count // (2 * PATCH))
    size = max(-(-count // patches), 1)
    return [slice(begin, min(begin + size, count)) for begin in range(0, count, size)]


def patch(corners: NDArray[np.float32], colour: str | None = None) -> Patch:
    """Return a patch without the triangles that have a corner beyond `FARTHEST_MM`, or nowhere."""
    # A NaN makes the maximum NaN, and every comparison with it false.
    if not len(corners) or -FARTHEST_MM <= corners.min() <= corners.max() <= FARTHEST_MM:
        return Patch(corners, colour)
    within = (np.abs(corners) <= FARTHEST_MM).all(axis=(1, 2))
    kept = corners[within]
    return Patch(kept, colour, len(corners) - len(kept))
