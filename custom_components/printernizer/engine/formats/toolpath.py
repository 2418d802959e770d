"""What a plate's tools lay down, bead by bead, in constant memory.

Travel, retraction, priming on the spot and wiping leave no bead. What is laid down is what
`feed.Account` counts, line by line; this adds where.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from ..file import FileKind
from .arcs import chords
from .facts import read_facts
from .feature import Feature
from .feed import Account
from .moves import AXES, CENTRES, scan_moves
from .scan import RESET
from .source import blocks
from .spans import spread

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from ..file import PlateFacts
    from .feed import Block, Mode
    from .moves import Moves

    type Numbers = NDArray[np.float64]
    type Floats = NDArray[np.float32]
    type Places = NDArray[np.int64]

FARTHEST_MM: Final = 10_000.0
"""From the origin, along any axis. No printer is larger; what lies beyond is left out."""
_USUAL_DIAMETER_MM: Final = 1.75
_USUAL_HEIGHT_MM: Final = 0.2
_HEIGHTS_MM: Final = (0.02, 2.5)
"""Of layers that are told by nothing but where they lie."""
_WIDTHS_MM: Final = (0.05, 3.0)
"""Of beads whose width is reckoned."""
_SAME_MM: Final = 0.005
"""Layers lie further apart."""


@dataclass(frozen=True, slots=True)
class Beads:
    """Straight beads, in the order in which they are laid down."""

    start: Floats
    """(3, n): x, y, z in mm, of the nozzle's tip: the upper side of the bead."""
    end: Floats
    width: Floats
    """mm, as the slicer tells, else from how much is laid down."""
    height: Floats
    """mm, as the slicer tells, else how far the layer lies above the one before."""
    feature: NDArray[np.uint8]
    """Of `Feature`."""
    tool: NDArray[np.uint8]
    layer: NDArray[np.int32]
    """From 0: counted by the slicer's marks, else by where they lie."""
    filament_mm: Floats
    """How much filament becomes each; mm3 where only the settings say that E is a volume."""

    def __len__(self) -> int:
        return len(self.width)

    def chosen(self, which: NDArray[np.bool_] | NDArray[np.intp] | slice) -> Beads:
        """Return some of them."""
        if isinstance(which, slice):
            start, end = self.start[:, which], self.end[:, which]
        else:
            # A third of the time that numpy's own way takes.
            which = np.flatnonzero(which) if which.dtype == np.bool_ else which
            start, end = self.start.take(which, axis=1), self.end.take(which, axis=1)
        return Beads(
            start=start,
            end=end,
            width=self.width[which],
            height=self.height[which],
            feature=self.feature[which],
            tool=self.tool[which],
            layer=self.layer[which],
            filament_mm=self.filament_mm[which],
        )


def read_toolpath(path: Path, plate: int | None = None, *, moves: bool = False) -> Iterator[Beads]:
    """Yield what a plate's tools lay down; without a number that of the first one.

    moves: instead, what a machine that extrudes nothing does while it feeds: G1 to G3, not G0.
    Not on the event loop: some 10 ms per MB. Raises BadFile.
    """
    facts = read_facts(path)
    if facts.kind not in {FileKind.GCODE, FileKind.BGCODE, FileKind.THREEMF}:
        raise BadFile(f"{path.name}: nothing that can be printed")
    if facts.kind is not FileKind.THREEMF and plate not in {None, 1}:
        raise BadFile(f"{path.name}: plate {plate} of a file that has one")
    reader = reader_of(path.name, facts.plate(plate), moves=moves)
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            for text, _, _ in blocks(file, size, path.name, facts.kind, plate):
                yield reader.read(text)
    except OSError as err:
        raise BadFile(f"{path.name}: {err.strerror}", key="file_unreadable") from err


def reader_of(name: str, plate: PlateFacts | None, *, moves: bool = False) -> PathReader:
    """Return a reader that knows what the slicer says of a plate."""
    filaments = plate.filaments if plate is not None else ()
    diameters = {
        filament.index: filament.diameter_mm
        for filament in filaments
        if filament.diameter_mm is not None
    }
    return PathReader(name, diameters, plate.layer_height_mm if plate else None, moves=moves)


class PathReader:
    """Reads blocks of whole lines, one after the other."""

    def __init__(
        self,
        name: str,
        diameters: Mapping[int, float] | None = None,
        height_mm: float | None = None,
        *,
        moves: bool = False,
    ) -> None:
        """Begin at the origin.

        diameters: of filaments by tool, mm; widths are reckoned by them where none are told.
        height_mm: of layers, until the file tells.
        """
        self._account = Account(name)
        self._areas = {
            tool: np.pi * (diameter / 2) ** 2 for tool, diameter in (diameters or {}).items()
        }
        self._moves = moves
        self._stands = np.zeros(3)
        """Where the tool is, mm."""
        self._shift = np.zeros(3)
        """How far that is from what the file calls it, mm."""
        self._width = np.nan
        self._told_height = np.nan
        self._height = _USUAL_HEIGHT_MM if height_mm is None else height_mm
        """Of layers as they lie, as far as known."""
        self._level = 0.0
        """Where the layer lies that is being laid down."""
        self._layers = -1
        """Marks of layers that were seen, less one."""
        self._levels = -1

    def read(self, text: bytes) -> Beads:
        """Return what whole lines lay down. Raises BadFile."""
        found = scan_moves(text)
        block = self._account.take(text, found.feeds)
        track = self._walked(found, block)
        net, tools = _laid(found, block)
        arcs = (found.numbers == 2) | (found.numbers == 3)
        rows = np.flatnonzero(self._kept(found, track, net, arcs))
        start, end = track.take(rows, axis=1), track.take(rows + 1, axis=1)
        filament = net.take(rows)
        if arcs.any():
            turns = np.where(arcs[rows], 2 * found.numbers[rows].astype(np.int64) - 5, 0)
            words = found.words[CENTRES, rows] * _units(found, block)[rows]
            start, end, which, share = chords(start, end, words, turns)
            rows, filament = rows[which], filament[which] * share
        beads = self._beads(found, block, rows, start, end, filament, tools.take(rows))
        if _within_reach(beads.start) and _within_reach(beads.end):
            return beads
        reach = np.maximum(np.abs(beads.start), np.abs(beads.end))
        return beads.chosen(np.flatnonzero((reach <= FARTHEST_MM).all(axis=0)))

    # -- where -------------------------------------------------------------------------------

    def _walked(self, found: Moves, block: Block) -> Numbers:
        """Return (3, n + 1): where the tool is before the first line, and behind each."""
        track = np.empty((3, len(found.at) + 1))
        track[:, 0] = self._stands
        for mode, lines in _sections(found, block):
            words = found.words[AXES, lines]
            if mode.unit != 1:
                words = words * mode.unit
            names = found.numbers[lines] == RESET
            self._follow(words, names, mode, track[:, lines.start + 1 : lines.stop + 1])
        return track

    def _follow(self, words: Numbers, names: NDArray[np.bool_], mode: Mode, track: Numbers) -> None:
        """Fill in where lines lead that are read one way: (3, n)."""
        told = ~np.isnan(words)
        if mode.relative:
            np.cumsum(np.where(told & ~names, words, 0.0), axis=1, out=track)
            track += self._stands[:, np.newaxis]
            for axis, row in np.argwhere(told & names).tolist():
                self._shift[axis] = track[axis, row] - words[axis, row]
        else:
            before = self._stands - self._shift
            for axis in range(3):
                _fill_in(track[axis], words[axis], told[axis], before[axis])
            shift = self._shift[:, np.newaxis]
            if names.any() and (renamed := told & names).any():
                jumps = np.diff(track, axis=1, prepend=before[:, np.newaxis]) * -1
                jumps[~renamed] = 0.0
                shift = shift + np.cumsum(jumps, axis=1)
                self._shift = shift[:, -1].copy()
            if shift.any():
                track += shift
        self._stands = track[:, -1].copy()

    def _kept(
        self, found: Moves, track: Numbers, net: Numbers, arcs: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Return which lines leave a bead."""
        x, y, z = track
        kept: NDArray[np.bool_] = x[1:] != x[:-1]
        kept |= y[1:] != y[:-1]
        kept |= z[1:] != z[:-1]
        if arcs.any():
            # Where it begins one may end as well.
            kept |= arcs & ~np.isnan(found.words[CENTRES][:2]).all(axis=0)
        kept &= (found.numbers > 0) & (found.numbers != RESET) if self._moves else net > 0
        return kept

    # -- what --------------------------------------------------------------------------------

    def _beads(
        self,
        found: Moves,
        block: Block,
        rows: Places,
        start: Numbers,
        end: Numbers,
        filament: Numbers,
        tools: Places,
    ) -> Beads:
        at = found.at.take(rows)
        if self._moves:
            feature = np.full(len(at), Feature.MOVE, np.uint8)
        else:
            features = np.array([each for _, each in block.features], np.uint8)
            feature = spread(features, [place for place, _ in block.features[1:]], at)
        layer = self._layer(block, at, end[2])
        self._told_height, height = _sticky(found.heights, at, self._told_height)
        rises, heights = self._lying(end[2])
        unsaid = np.isnan(height)
        if unsaid.any():
            height[unsaid] = spread(heights, rises, np.flatnonzero(unsaid))
        self._width, width = _sticky(found.widths, at, self._width)
        unsaid = np.isnan(width)
        if unsaid.any():
            width[unsaid] = self._reckoned(
                filament[unsaid], tools[unsaid], end[:, unsaid] - start[:, unsaid], height[unsaid]
            )
        return Beads(
            start=start.astype(np.float32),
            end=end.astype(np.float32),
            width=width.astype(np.float32),
            height=height.astype(np.float32),
            feature=feature,
            tool=tools.astype(np.uint8),
            layer=layer.astype(np.int32),
            filament_mm=filament.astype(np.float32),
        )

    def _layer(self, block: Block, at: Places, z: Numbers) -> Places:
        before = self._layers
        self._layers += len(block.layers)
        if self._layers >= 0:
            # Whatever precedes the first one belongs to it.
            marked = np.maximum(np.arange(before, self._layers + 1), 0)
            return spread(marked, block.layers, at)
        if not len(z):
            return np.zeros(0, np.int64)
        first = self._level if self._levels >= 0 else np.inf
        levels = self._levels + np.cumsum(np.abs(np.diff(z, prepend=first)) > _SAME_MM)
        self._levels = int(levels[-1])
        return levels

    def _lying(self, z: Numbers) -> tuple[Places, Numbers]:
        """Return which beads begin a layer, and how far it lies above the one before.

        Of heights there is one more: that of the layer before the first.
        """
        if not len(z):
            return np.zeros(0, np.int64), np.array([self._height])
        begins = np.ones(len(z), np.bool_)
        np.not_equal(z[1:], z[:-1], out=begins[1:])
        places = np.flatnonzero(begins)
        steps = np.diff(z[places], prepend=self._level)
        self._level = float(z[-1])
        known = (steps >= _HEIGHTS_MM[0]) & (steps <= _HEIGHTS_MM[1])
        heights = np.append(self._height, steps[known])
        self._height = float(heights[-1])
        return places[known], heights

    def _reckoned(
        self, filament: Numbers, tools: Places, steps: Numbers, height: Numbers
    ) -> Numbers:
        """Return how wide beads are: rectangles with round sides, as slicers take them to be."""
        usual = np.pi * (_USUAL_DIAMETER_MM / 2) ** 2
        areas = np.full(int(tools.max(initial=0)) + 1, usual)
        for tool, area in self._areas.items():
            if 0 <= tool < len(areas):
                areas[tool] = area
        length = np.sqrt((steps * steps).sum(axis=0))
        with np.errstate(all="ignore"):
            width = filament * areas[tools] / length / height + height * (1 - np.pi / 4)
        width = np.nan_to_num(width, nan=_WIDTHS_MM[0])
        bounded: Numbers = np.clip(width, *_WIDTHS_MM)
        return bounded


def _fill_in(track: Numbers, values: Numbers, told: NDArray[np.bool_], before: float) -> None:
    """Fill in what holds at each line: what was told last, `before` where nothing was yet."""
    places = np.flatnonzero(told)
    if not len(places):
        track[:] = before
        return
    track[: places[0]] = before
    track[places[0] :] = np.repeat(values[places], np.diff(places, append=len(values)))


def _within_reach(points: Floats) -> bool:
    return bool(points.min(initial=0) >= -FARTHEST_MM and points.max(initial=0) <= FARTHEST_MM)


def _sticky(told: tuple[Places, Numbers], at: Places, before: float) -> tuple[float, Numbers]:
    """Return what was told last of all, and what was told last at each place."""
    places, values = told
    known = np.append(before, values)
    return float(known[-1]), spread(known, places, at)


def _sections(found: Moves, block: Block) -> Iterator[tuple[Mode, slice]]:
    """Yield which lines are read in which way."""
    bounds = np.searchsorted(found.at, [place for place, _ in block.modes]).tolist()
    bounds.append(len(found.at))
    for (_, mode), low, high in zip(block.modes, bounds, bounds[1:], strict=False):
        if low < high:
            yield mode, slice(low, high)


def _units(found: Moves, block: Block) -> Numbers:
    """Return how long each line's unit is, mm."""
    units = np.ones(len(found.at))
    for mode, lines in _sections(found, block):
        units[lines] = mode.unit
    return units


def _laid(found: Moves, block: Block) -> tuple[Numbers, Places]:
    """Return how much each line lays down, and the tool."""
    net = np.zeros(len(found.at))
    tools = np.zeros(len(found.at), np.int64)
    for mode, lines in _sections(found, block):
        tools[lines] = mode.tool
    laid = [places for places, _, _ in block.laid]
    if not block.feeds and sum(map(len, laid)) == len(found.fed):
        rows = found.fed
    else:
        # Some were read with care, or are not counted.
        rows = np.searchsorted(found.at, np.concatenate(laid or [found.at[:0]]))
    net[rows] = np.concatenate([amounts for _, amounts, _ in block.laid] or [net[:0]])
    return net, tools
