"""Which sections of a long tool path can be seen in a picture, by their marks and heights alone.

A layer is thinner than a sample where a thing is high: then one in several is drawn, as high as
all of them, and those with upper surfaces. What lies within is hidden by walls and those.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..formats.feature import Feature

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..formats.mesh import Share
    from ..formats.outline import Outline

    type Numbers = NDArray[np.float64]
    type Flags = NDArray[np.bool_]

_EACH: Final = 300
"""Bytes that it costs to begin a section anew."""
_COARSER: Final = 1.15
_COARSEST: Final = 64.0
"""Times the distance of layers that was asked for."""
_DROP_MM: Final = 0.05
"""A layer that lies lower than the one before by more begins another object."""


def _flags(*features: Feature) -> Flags:
    table = np.zeros(max(Feature) + 1, np.bool_)
    table[list(features)] = True
    return table


_ALWAYS: Final = _flags(Feature.TOP)
"""Seen from above."""
_OUTSIDE: Final = _flags(
    *(Feature.OTHER, Feature.OUTER_WALL, Feature.OVERHANG, Feature.BRIDGE, Feature.SUPPORT),
    *(Feature.INTERFACE, Feature.SKIRT, Feature.TOWER, Feature.PURGE),
)
_BENEATH: Final = _flags(Feature.INNER_WALL, Feature.GAP, Feature.SOLID, Feature.BOTTOM)
"""Seen where the layer above does not cover it."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """What is drawn of a tool path."""

    sections: Flags
    z_mm: Numbers
    """Where the layers lie of which more than the upper surfaces is drawn, ascending."""


@dataclass(frozen=True, slots=True)
class Part:
    """What one of several reads of a tool path."""

    before: Flags
    """Sections that say how those are to be read: what precedes all layers, and the last layer."""
    drawn: Flags


def part(found: Outline, sections: Flags, share: Share) -> Part:
    """Return one's part of some sections: whole layers in a row, as much text for each.

    The lower ones hide little of the upper ones, nor the other way round: each loses little by not
    knowing what the others draw.
    """
    read = np.cumsum(np.where(sections, found.ends - found.begins, 0))
    seams = np.flatnonzero(np.append(found.layers[1:] != found.layers[:-1], True)) + 1
    shares = read[-1] * np.arange(1, share.of) // share.of
    seams = seams[np.searchsorted(read[seams - 1], shares)]
    begin, end = np.concatenate(([0], seams, [len(read)]))[share.index : share.index + 2]
    number = np.arange(len(read))
    drawn = sections & (number >= begin) & (number < end)
    earlier = sections & (number < begin)
    last = found.layers[earlier].max(initial=-1)
    before = earlier & drawn.any() & ((found.layers < 0) | (found.layers == last))
    return Part(before, drawn)


def choose(found: Outline, gap_mm: float, most_bytes: int, *, beneath: bool) -> Chosen:
    """Return which sections to draw: layers `gap_mm` apart, further if that is too much text.

    beneath: draw also what an upper layer may leave uncovered, as far as there is room; else only
    where surfaces are. The first section is always among them.
    """
    sizes = found.ends - found.begins + _EACH
    z = _filled(found.z_mm)
    upper = np.zeros(len(z))
    np.add.at(upper, np.maximum(found.layers, 0), sizes * _ALWAYS[found.features])
    closed = upper > 0
    gap = gap_mm
    while True:
        layers = _layers(z, gap, upper)
        sections = _sections(found, layers | closed, beneath=beneath)
        if sizes[sections].sum() > most_bytes:
            # Walls of every layer with an upper surface are too much, too.
            closed = np.zeros_like(closed)
            sections = _sections(found, layers, beneath=False)
        if sizes[sections].sum() <= most_bytes or gap > gap_mm * _COARSEST:
            return Chosen(sections, np.unique(z[layers | closed]))
        gap = max(gap * _COARSER, 0.02)


def _filled(z: Numbers) -> Numbers:
    """Return the heights of all layers; one that is not told lies as high as the one before."""
    index = np.maximum.accumulate(np.where(np.isfinite(z), np.arange(len(z)), -1))
    return np.where(index >= 0, z[np.maximum(index, 0)], 0.0)


def _layers(z: Numbers, gap: float, upper: Numbers) -> Flags:
    """Return layers that lie at most `gap` apart; the last one of every object is among them.

    upper: how much of a layer is upper surfaces. Of those that might do the one with most is taken.
    """
    chosen = np.zeros(len(z), np.bool_)
    heights, weights = z.tolist(), upper.tolist()
    last, best = -np.inf, 0
    for index, height in enumerate(heights):
        following = heights[index + 1] if index + 1 < len(heights) else -np.inf
        if index and height < heights[index - 1] - _DROP_MM:
            last, best = -np.inf, index
        best = index if weights[index] >= weights[best] else best
        if following < height - _DROP_MM:
            chosen[index] = True
        elif following - last > gap:
            chosen[best] = True
            last = heights[best]
            best = index + 1
    return chosen


def _sections(found: Outline, layers: Flags, *, beneath: bool) -> Flags:
    """Return what is drawn when more than upper surfaces is drawn of these layers.

    beneath: draw also what an upper layer may leave uncovered; else only where one ends.
    """
    count = len(layers)
    layer = np.maximum(found.layers, 0)
    features = found.features
    upper = np.zeros(count, np.bool_)
    upper[layer[_ALWAYS[features]]] = True
    ends = np.zeros(count, np.bool_)
    ends[-1] = True
    z = _filled(found.z_mm)
    ends[:-1] = z[1:] < z[:-1] - _DROP_MM
    drawn = layers[layer]
    made: Flags = drawn & (_ALWAYS | _OUTSIDE)[features]
    open_above = np.ones(count, np.bool_) if beneath else _near(upper, layers)
    made |= drawn & open_above[layer] & _BENEATH[features]
    # Where nothing is closed above, the infill is what one looks at.
    made |= ends[layer] | (drawn & _uncovered(upper, ends)[layer] & beneath)
    # The first one is seen from below; what precedes it says how to read all others.
    made |= found.layers <= 0
    return made


def _uncovered(upper: Flags, ends: Flags) -> Flags:
    """Return the layers above which their object has no upper surface."""
    count = len(upper)
    made = np.zeros(count, np.bool_)
    begin = 0
    for end in (np.flatnonzero(ends) + 1).tolist():
        closed = np.flatnonzero(upper[begin:end])
        made[begin + (int(closed[-1]) + 1 if len(closed) else 0) : end] = True
        begin = end
    return made


def _near(upper: Flags, layers: Flags) -> Flags:
    """Return the layers that have upper surfaces up to the next one that is drawn."""
    group = np.cumsum(layers)
    has = np.zeros(int(group[-1]) + 1 if len(group) else 1, np.bool_)
    has[group[upper]] = True
    near: Flags = has[group]
    return near
