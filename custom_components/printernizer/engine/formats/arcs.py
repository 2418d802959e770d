"""Arcs as chords that leave them by no more than a picture can show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Numbers = NDArray[np.float64]
    type Places = NDArray[np.int64]

TOLERANCE_MM: Final = 0.02
"""How far a chord lies from its arc at most, unless that takes too many of them."""
_MOST: Final = 256
"""Chords of one arc."""
_MOST_TOGETHER: Final = 1 << 17
"""Chords that all arcs of a block may add."""
_TURN: Final = 2 * np.pi
_NONE: Final = 1e-6
"""mm: an arc that ends where it begins is a full turn."""


def chords(
    start: Numbers, end: Numbers, words: Numbers, turns: NDArray[np.int64]
) -> tuple[Numbers, Numbers, Places, Numbers]:
    """Return starts and ends of straight lines, of which move each is a part, and what share.

    start, end: (3, n), mm. words: (3, n): I, J and R of the moves, mm, NaN for none.
    turns: 1 for arcs counter-clockwise, -1 clockwise, 0 for what is straight.
    """
    arcs = np.flatnonzero(turns)
    turn = turns[arcs]
    centre = _centres(start[:2, arcs], end[:2, arcs], words[:, arcs], turn)
    begin, stop = start[:2, arcs] - centre, end[:2, arcs] - centre
    radius = np.hypot(*begin)
    known = (radius > _NONE) & np.isfinite(radius) & np.isfinite(stop.sum(axis=0))
    arcs, turn, centre = arcs[known], turn[known], centre[:, known]
    begin, stop, radius = begin[:, known], stop[:, known], radius[known]
    first = np.arctan2(begin[1], begin[0])
    sweep = np.mod((np.arctan2(stop[1], stop[0]) - first) * turn, _TURN)
    closed = np.hypot(*(stop - begin)) < _NONE
    sweep = np.where(closed, _TURN, sweep) * turn
    step = 2 * np.arccos(np.maximum(1 - TOLERANCE_MM / radius, 0.0))
    many = np.clip(np.ceil(np.abs(sweep) / np.maximum(step, 1e-6)), 1, _MOST).astype(np.int64)
    many = np.minimum(many, max(1, _MOST_TOGETHER // max(len(arcs), 1)))
    counts = np.ones(len(turns), np.int64)
    counts[arcs] = many
    which = np.repeat(np.arange(len(turns)), counts)
    place = np.arange(len(which)) - np.repeat(np.cumsum(counts) - counts, counts)
    share = 1.0 / counts[which]
    until = end[:, which]
    bent = np.flatnonzero(counts[which] > 1)
    of = np.searchsorted(arcs, which[bent])
    done = (place[bent] + 1) * share[bent]
    last = place[bent] + 1 == counts[which[bent]]
    angle = first[of] + sweep[of] * done
    reach = radius[of] + (np.hypot(*stop)[of] - radius[of]) * done
    for axis, side in enumerate((np.cos(angle), np.sin(angle))):
        until[axis, bent] = np.where(last, until[axis, bent], centre[axis, of] + reach * side)
    until[2, bent] = start[2, which[bent]] + (end[2] - start[2])[which[bent]] * done
    since = start[:, which]
    inner = np.flatnonzero(place > 0)
    since[:, inner] = until[:, inner - 1]
    return since, until, which, share


def _centres(start: Numbers, end: Numbers, words: Numbers, turn: NDArray[np.int64]) -> Numbers:
    """Return (2, n): the centres, by I and J where they are given, else by the radius."""
    offset = np.where(np.isnan(words[:2]), 0.0, words[:2])
    given = ~np.isnan(words[:2]).all(axis=0)
    chord = end - start
    length = np.hypot(*chord)
    radius = words[2]
    with np.errstate(all="ignore"):
        # The centre lies beside the middle of the chord; a negative radius: at the other side.
        high = np.sqrt(np.maximum(radius * radius - length * length / 4, 0.0))
        side = np.stack((-chord[1], chord[0])) * (high * turn * np.sign(radius) / length)
    return np.where(given, start + offset, start + chord / 2 + side)
