"""Curves as fewer lines: slicers cut them far finer than a picture shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]
    type Places = NDArray[np.intp]
    type Flags = NDArray[np.bool_]

_ROUNDS: Final = 3
"""Each makes one line of two at most."""


@dataclass(frozen=True, slots=True)
class Lines:
    """Beads as they are drawn."""

    since: Floats
    """(3, n): where they begin, mm, on their upper side."""
    until: Floats
    width: Floats
    """mm"""
    height: Floats
    colours: NDArray[np.uint16]
    """Of a canvas."""
    upright: Flags
    """Which are parts of walls."""

    def __len__(self) -> int:
        return len(self.width)

    def chosen(self, which: Places | slice) -> Lines:
        """Return some of them."""
        if isinstance(which, slice):
            since, until = self.since[:, which], self.until[:, which]
        else:
            since, until = self.since.take(which, axis=1), self.until.take(which, axis=1)
        return Lines(
            since=since,
            until=until,
            width=self.width[which],
            height=self.height[which],
            colours=self.colours[which],
            upright=self.upright[which],
        )


def straightened(lines: Lines, within_mm: float) -> Lines:
    """Return lines with one for several that go on from each other, where nobody sees it.

    within_mm: how far what is left out may lie beside a line, each of the few rounds.
    """
    for _ in range(_ROUNDS):
        count = len(lines) // 2 * 2
        first, second = lines.chosen(slice(0, count, 2)), lines.chosen(slice(1, count, 2))
        one = (
            _straight(first.since, second.since, second.until, np.float32(within_mm))
            & (first.until == second.since).all(axis=0)
            & (first.width == second.width)
            & (first.height == second.height)
            & (first.colours == second.colours)
            & (first.upright == second.upright)
        )
        # Where few are left that can be joined it is not worth another look.
        if np.count_nonzero(one) * 8 < count:
            break
        until = lines.until.copy()
        np.copyto(until[:, 0:count:2], second.until, where=one)
        kept = np.ones(len(lines), np.bool_)
        kept[1:count:2] = ~one
        lines = Lines(
            lines.since, until, lines.width, lines.height, lines.colours, lines.upright
        ).chosen(np.flatnonzero(kept))
    return lines


def _straight(begin: Floats, middle: Floats, end: Floats, within: np.float32) -> Flags:
    """Return where the middle lies between both others, and not beside their line."""
    there, on = middle - begin, end - middle
    ahead = there[0] * on[0] + there[1] * on[1]
    beside = there[0] * on[1] - there[1] * on[0]
    whole = there + on
    length2 = whole[0] * whole[0] + whole[1] * whole[1]
    straight: Flags = (ahead > 0) & (beside * beside <= within * within * length2)
    straight &= np.abs(there[2] - on[2]) <= 2 * within
    return straight
