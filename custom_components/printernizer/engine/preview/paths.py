"""A tool path as something to be drawn: what a plate will be, bead by bead."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from ..file import FileFacts, FileKind, PlateFacts
from ..formats import source
from ..formats.abridge import Anywhere, Forward, abridged
from ..formats.feature import Feature
from ..formats.mesh import WHOLE
from ..formats.outline import outline
from ..formats.toolpath import Beads, reader_of
from ..picture import Colouring
from . import beads as drawing
from .raster import SUPERSAMPLING
from .shading import Palette
from .straight import Lines
from .view import Framing, axes
from .visible import Part, choose, part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from ..formats.abridge import Text
    from ..formats.mesh import Share
    from ..formats.outline import Outline
    from ..picture import PictureOptions
    from .crew import Crew
    from .raster import Canvas
    from .view import View

    type Floats = NDArray[np.float32]

COLOURS: Final = {
    Feature.OTHER: None,
    Feature.OUTER_WALL: "#F08A3E",
    Feature.INNER_WALL: "#F3CE58",
    Feature.OVERHANG: "#3E62D6",
    Feature.INFILL: "#B4473F",
    Feature.SOLID: "#8D66C6",
    Feature.TOP: "#E5544F",
    Feature.BOTTOM: "#5C7FB0",
    Feature.BRIDGE: "#4B8BD0",
    Feature.GAP: "#EDEAE4",
    Feature.SUPPORT: "#4DBD6C",
    Feature.INTERFACE: "#116B3B",
    Feature.SKIRT: "#12908C",
    Feature.TOWER: "#A8D8A2",
    Feature.PURGE: "#8FB78A",
    Feature.CUSTOM: "#7FC9A5",
    Feature.MOVE: "#4C9FD8",
}
"""Near to those that slicers use, so that they mean what people know; None: that of the options."""
TOOLS: Final = (
    "#4C9FD8",
    "#F08A3E",
    "#4DBD6C",
    "#C95FB2",
    "#F3CE58",
    "#8D66C6",
    "#E5544F",
    "#7A8790",
)
"""Of tools whose filament has no known colour."""
_ALL_OF_IT_BYTES: Final = 12 << 20
"""A text up to this long is read as a whole."""
_MOST_BYTES: Final = 16 << 20
"""Of a longer one this much is read."""
_PACKED: Final = 5
"""How much longer the text of binary G-code is than its file."""
_SHARED_BYTES: Final = 1 << 20
"""A shorter text is read by one."""
_MOST_KEPT: Final = 900_000
"""Beads that are remembered; of more the file is read again for each picture."""
_MOST_LAYERS: Final = 50
"""How often each of two turns may fill the picture. Prints do so 1 to 20 times: what fills it more
often prints the same again and again in one place, and is done when some of that is drawn."""
_GAP_SAMPLES: Final = 2.0
"""Of layers that are drawn as one."""
_BEAD_MM: Final = 0.45
_BEAD_SAMPLES: Final = 3.5
"""Where a bead is wider, a missing one would show between two others."""
_WALLS: Final = (
    *(Feature.OUTER_WALL, Feature.INNER_WALL, Feature.OVERHANG, Feature.SKIRT, Feature.SUPPORT),
    *(Feature.TOWER, Feature.OTHER),
)
_FIRST: Final = (
    *(Feature.OUTER_WALL, Feature.OVERHANG, Feature.TOP, Feature.SKIRT, Feature.SUPPORT),
    *(Feature.INTERFACE, Feature.TOWER, Feature.OTHER, Feature.MOVE),
)
"""What hides the rest."""
_ASIDE: Final = (Feature.CUSTOM, Feature.PURGE)
"""Drawn where a plate is drawn, or where there is nothing else."""
_MOVE_SHARE: Final = 1 / 300
"""How wide a move is drawn that lays nothing down, as a share of all of them."""


def _flags(features: tuple[Feature, ...]) -> NDArray[np.bool_]:
    table = np.zeros(max(Feature) + 1, np.bool_)
    table[list(features)] = True
    return table


_IS_WALL: Final = _flags(_WALLS)
_IS_FIRST: Final = _flags(_FIRST)
_IS_ASIDE: Final = _flags(_ASIDE)


class ToolPath:
    """What a plate's tools lay down, in the colours of features or filaments."""

    placed = True

    def __init__(self, path: Path, facts: FileFacts, options: PictureOptions) -> None:
        """Take a plate of a file that is sliced. Raises BadFile when there is no such plate."""
        if facts.kind is not FileKind.THREEMF and options.plate not in {None, 1}:
            raise BadFile(f"{path.name}: plate {options.plate} of a file that has one")
        self._path = path
        self._kind = facts.kind or FileKind.GCODE
        self._plate = facts.plate(options.plate)
        self._options = options
        self.palette = Palette(options.colour)
        self._numbers = self._palette_numbers(self._plate)
        self._kept: list[Beads] | None = None
        self._worth: tuple[Outline, NDArray[np.bool_]] | None = None
        """What has to be read of a long text."""
        self._levels: NDArray[np.float64] | None = None
        """Where the layers lie that are drawn of it."""
        self._part: tuple[Outline, Part] | None = None
        """What is read and drawn here, where not all of it is."""
        self._share: Share | None = WHOLE
        """Of what is drawn; None where others draw all of it."""
        self._aside = options.bed_mm is not None
        self._moves = False
        self._move_mm = 0.0
        self._look()

    def points(self, crew: Crew) -> Iterator[Floats]:
        """Yield where beads begin and end, of the crew's share. Raises BadFile, and OSError."""
        self._survey(crew)
        for beads in self._drawn():
            half = beads.width / 2
            yield beads.start.T
            yield (beads.end + np.stack((half, half, 0 * half))).T
            # Below the first layer lies the plate.
            yield (beads.end - np.stack((half, half, beads.height))).T

    def draw(self, view: View, canvas: Canvas) -> None:
        """Draw what is seen of what was read here. Raises BadFile."""
        turn = _MOST_LAYERS * canvas.rows * canvas.columns
        if self._share is not None:
            turn //= self._share.of
        for first in (True, False):
            most = canvas.filled + turn
            for beads in self._drawn(backwards=True):
                some = beads.chosen(_IS_FIRST[beads.feature] == first)
                if len(some):
                    drawing.draw(canvas, view, self._lines(some))
                if canvas.filled > most:
                    break
        canvas.gather()

    def _lines(self, beads: Beads) -> Lines:
        return Lines(
            since=beads.start,
            until=beads.end,
            width=beads.width,
            height=beads.height,
            colours=self._numbers[beads.tool if self._by_tool else beads.feature],
            upright=_IS_WALL[beads.feature],
        )

    # -- colours -----------------------------------------------------------------------------

    @property
    def _by_tool(self) -> bool:
        return self._options.colouring is Colouring.TOOL

    def _palette_numbers(self, plate: PlateFacts | None) -> NDArray[np.uint16]:
        numbers = np.zeros(256, np.uint16)
        if not self._by_tool:
            for feature, colour in COLOURS.items():
                numbers[feature] = self.palette.number(colour)
            return numbers
        told = {each.index: each.colour for each in plate.filaments} if plate is not None else {}
        for tool in range(len(numbers)):
            colour = told.get(tool) or self._options.colour or TOOLS[tool % len(TOOLS)]
            numbers[tool] = self.palette.number(colour)
        return numbers

    # -- what to draw ------------------------------------------------------------------------

    def _look(self) -> None:
        """Find out which parts of a long text are worth reading."""
        if (found := self._marks(_ALL_OF_IT_BYTES)) is not None:
            gap, fine = self._gap_mm(found)
            chosen = choose(found, gap, _MOST_BYTES, beneath=fine)
            self._worth, self._levels = (found, chosen.sections), chosen.z_mm

    def _survey(self, crew: Crew) -> None:
        """Find out what there is to be drawn, and remember a share of it if it is not too much."""
        self._divide(crew.share)
        self._aside = True
        seen = self._keep(crew)
        if not seen.any():
            self._moves = True
            seen = self._keep(crew)
        if not seen.any():
            raise BadFile(f"{self._path.name}: nothing is laid down by it")
        self._aside = self._options.bed_mm is not None or not seen[~_IS_ASIDE].any()

    def _divide(self, share: Share) -> None:
        """Choose what is read here, where a text is long enough for more than one."""
        # Each would have to unpack all of it, which takes longer than to read it.
        packed = self._kind is FileKind.BGCODE
        worth = self._worth
        if share.of > 1 and not packed and worth is None:
            found = self._marks(_SHARED_BYTES)
            if found is not None:
                worth = found, np.ones(len(found.begins), np.bool_)
        shared = worth is not None and not packed
        self._share = share if shared else None if share.index else WHOLE
        if worth is not None and self._share is not None:
            self._part = worth[0], part(*worth, self._share)

    def _keep(self, crew: Crew) -> NDArray[np.float64]:
        """Read what is drawn here; return how many beads of each feature all have found."""
        kept: list[Beads] = []
        count = 0
        seen = np.zeros(max(Feature) + 1)
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for beads in self._read():
            if not len(beads):
                continue
            seen += np.bincount(beads.feature, minlength=len(seen))
            low = np.minimum(low, beads.end.min(axis=1))
            high = np.maximum(high, beads.end.max(axis=1))
            count += len(beads)
            if count <= _MOST_KEPT:
                kept.append(beads)
        self._kept = kept if count <= _MOST_KEPT else None
        low, high = crew.each(low).min(axis=0), crew.each(high).max(axis=0)
        if self._moves and (high >= low).all():
            self._move_mm = float((high - low).max()) * _MOVE_SHARE
        total: NDArray[np.float64] = crew.each(seen).sum(axis=0)
        return total

    def _drawn(self, *, backwards: bool = False) -> Iterator[Beads]:
        """Yield what is drawn, the upper layers first if it is remembered."""
        kept = self._kept
        beads: Iterable[Beads]
        beads = self._read() if kept is None else reversed(kept) if backwards else kept
        for each in beads:
            some = each if self._aside else each.chosen(~_IS_ASIDE[each.feature])
            if self._moves:
                some.width[:] = some.height[:] = self._move_mm
            if len(some):
                yield some

    def _read(self) -> Iterator[Beads]:
        if self._share is None:
            return
        reader = reader_of(self._path.name, self._plate, moves=self._moves)
        if self._part is not None:
            for text in self._some(self._part[0], self._part[1].before):
                reader.read(text)
        for text in self._texts():
            yield self._raised(reader.read(text))

    def _texts(self) -> Iterator[bytes]:
        """Yield whole lines of what is drawn here."""
        if self._part is not None:
            found, ours = self._part
            known = int(found.ends[ours.before].max(initial=0))
            yield from self._some(found, ours.drawn, known)
            return
        with self._opened() as file:
            size = os.fstat(file.fileno()).st_size
            name, plate = self._path.name, self._options.plate
            for text, _, _ in source.blocks(file, size, name, self._kind, plate):
                yield text

    def _some(self, found: Outline, sections: NDArray[np.bool_], known: int = 0) -> Iterator[bytes]:
        with self._opened() as file:
            yield from abridged(self._text(file), found, sections, known=known)

    def _raised(self, beads: Beads) -> Beads:
        """Make beads as high as the layers that are drawn as one."""
        levels = self._levels
        if levels is None or not len(beads):
            return beads
        place = np.searchsorted(levels, beads.end[2] - np.float32(1e-3))
        place = np.clip(place, 1, max(len(levels) - 1, 1))
        if len(levels) > 1:
            gap = (levels[place] - levels[place - 1]).astype(np.float32)
            np.copyto(beads.height, np.maximum(beads.height, gap), where=_IS_WALL[beads.feature])
        return beads

    def _marks(self, longer_than: int) -> Outline | None:
        """Return where what lies, in a text of more bytes that tells."""
        tools = self._by_tool and self._plate is not None and len(self._plate.filaments) != 1
        with self._opened() as file:
            pieces, size = self._pieces(file)
            if self._kind is FileKind.BGCODE:
                size *= _PACKED
            return outline(pieces, tools=tools) if size > longer_than else None

    def _gap_mm(self, found: Outline) -> tuple[float, bool]:
        """Return how far apart layers may lie that are drawn as one, and if single beads show."""
        options = self._options
        direction = axes(options.azimuth_deg, options.elevation_deg)
        width, height = options.width_px * SUPERSAMPLING, options.height_px * SUPERSAMPLING
        framing = Framing(width, height, [direction])
        for beads in self._sample(found):
            framing.add(beads.end.T)
        low, high = framing.box
        tops = found.z_mm[np.isfinite(found.z_mm)]
        high[2] = max(high[2], tops.max(initial=0.0))
        framing.add(np.stack((low, high)).astype(np.float32))
        scale = framing.view().scale
        gap = _GAP_SAMPLES / scale / max(float(direction[1][2]), 0.05)
        return gap, scale * _BEAD_MM > _BEAD_SAMPLES

    def _sample(self, found: Outline) -> Iterator[Beads]:
        """Yield what a few layers lay down."""
        count = len(found.z_mm)
        some = np.zeros(count, np.bool_)
        some[np.linspace(0, count - 1, 5).astype(int)] = True
        sections = some[np.maximum(found.layers, 0)] & (found.layers >= 0)
        sections &= found.ends - found.begins < _MOST_BYTES // 16
        sections[0] = True
        reader = reader_of(self._path.name, self._plate)
        for text in self._some(found, sections):
            beads = reader.read(text)
            yield beads.chosen(~_IS_ASIDE[beads.feature])

    # -- the file ----------------------------------------------------------------------------

    def _opened(self) -> BinaryIO:
        try:
            return self._path.open("rb")
        except OSError as err:
            name = self._path.name
            raise BadFile(f"{name}: {err.strerror}", key="file_unreadable") from err

    def _pieces(self, file: BinaryIO) -> tuple[source.Pieces, int]:
        size = os.fstat(file.fileno()).st_size
        return source.pieces(file, size, self._path.name, self._kind, self._options.plate)

    def _text(self, file: BinaryIO) -> Text:
        return Anywhere(file) if self._kind is FileKind.GCODE else Forward(self._pieces(file)[0])
