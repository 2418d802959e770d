"""The account of what the tools feed: moves in, net extrusion per tool, layer and role out.

Net is what went beyond the furthest point before (rule 9): a tool that pulled its filament back
has to bring it forward again before anything more leaves the nozzle.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from ..account import Role
from ..errors import BadFile
from . import command, words
from .feature import Feature
from .scan import scan
from .spans import spread

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scan import Scan

    type Amounts = NDArray[np.float64]
    type Places = NDArray[np.int64]

_INCH_MM: Final = 25.4
_UNLOADED_MM: Final = 25.0
"""Pulled back further than this, a filament has left the nozzle for the next one: they share it,
and the next one waits as far behind. No slicer retracts so far for anything else."""
_MOST_TOOL: Final = 63
"""Above are words of firmwares: T255 unloads, T1000 names the nozzle."""
_MOST_TOTAL_MM: Final = 1e9
_MOST_LAYERS: Final = 50_000
_MOST_CELLS: Final = 400_000
"""Layers times tools: what leaves here as figures."""
_MOST_OBJECTS: Final = 10_000
_MOST_KNOWN: Final = 2000
"""Comments whose meaning is remembered."""
_LONGEST: Final = 4096
"""Bytes of a line that are read with care. Only lists of points are longer."""
_ROLES: Final = tuple(Role)
_START: Final = len(_ROLES)
"""Before the first word on roles: prime lines, unless the file knows no roles at all."""
_PURGED: Final = (_ROLES.index(Role.PURGE), Feature.PURGE)


@dataclass(frozen=True, slots=True)
class Mode:
    """How a value of E is to be read."""

    relative_e: bool = False
    relative: bool = False
    unit: float = 1.0
    """Millimetres in one of the file's units."""
    area: float = 1.0
    """Volumetric: mm2 of the filament; 1 where E is a length."""
    tool: int = 0
    loaded: bool = False
    """A feeder brought the filament up to the nozzle by itself."""
    skipped: bool = False
    """A change of filament before the first layer: Bambu's firmware leaves it out when that
    filament is in the nozzle already, which is how most prints begin; its slicer does as well."""

    @property
    def relatively(self) -> bool:
        """Firmwares differ in what G90 does to E; slicers write what all understand."""
        return self.relative_e or self.relative


@dataclass(slots=True)
class _Tool:
    behind_mm: float
    """How far it is pulled back."""
    layers: dict[int, float] = field(default_factory=dict)
    roles: Amounts = field(default_factory=lambda: np.zeros(_START + 1))

    @property
    def total_mm(self) -> float:
        return math.fsum(self.layers.values())


@dataclass(slots=True)
class Block:
    """What the careful look at a block's lines found, in their order and with their places.

    Modes, roles and features begin with those that hold from before it, at -1.
    """

    modes: list[tuple[int, Mode]]
    roles: list[tuple[int, int]]
    features: list[tuple[int, Feature]]
    layers: list[int] = field(default_factory=list)
    feeds: list[tuple[int, command.Feed]] = field(default_factory=list)
    laid: list[tuple[Places, Amounts, int]] = field(default_factory=list)
    """Where how much left the nozzle, in mm (mm3 when volumetric by its settings alone), of which
    tool."""


class Account:
    """Reads blocks of whole lines, one after the other. Raises BadFile."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._mode = Mode()
        self._stands_at = 0.0
        """Where E stands, in mm (mm3 when volumetric)."""
        self._tools: dict[int, _Tool] = {}
        self._last: _Tool | None = None
        self._family: words.Family | None = None
        self._what = (_START, Feature.CUSTOM)
        """The role and the feature of what is being laid down."""
        self._before_flush: tuple[int, Feature] | None = None
        self._changing: tuple[int, Feature] | None = None
        """What to return to after a change of filament."""
        self._objects: dict[int, set[bytes]] = {}
        self._known: dict[bytes, words.Meaning] = {}
        self.volumetric = False
        """Whether its settings say that E is a volume, and no command has said it."""
        self._told = False
        self.ends: list[float] = []
        """Share of the file before each layer."""

    # -- reading -----------------------------------------------------------------------------

    def read(self, text: bytes, begin: float, end: float) -> None:
        """Read whole lines, which lie between two shares of the file."""
        block = self.take(text, scan(text))
        span = (end - begin) / max(len(text), 1)
        self.ends += [begin + span * place for place in block.layers]
        if len(self.ends) > _MOST_LAYERS or len(self.ends) * len(self._tools) > _MOST_CELLS:
            raise BadFile(f"{self._name}: it marks {len(self.ends)} layers")

    def take(self, text: bytes, found: Scan) -> Block:
        """Add whole lines, which were scanned, to the account."""
        block = Block(
            modes=[(-1, self._mode)],
            roles=[(-1, self._what[0])],
            features=[(-1, self._what[1])],
        )
        for start, stop in found.careful:
            line = text[start : min(stop, start + _LONGEST)]
            if line.startswith(b";"):
                self._comment(line, start, block)
            else:
                self._command(line, start, block)
        at, values, resets = found.at, found.values, found.resets
        if block.feeds:
            at, values, resets = _merged(at, values, resets, block.feeds)
        if values.size and not np.abs(values).max() <= _MOST_TOTAL_MM:
            raise BadFile(f"{self._name}: a move of E that is impossible")
        self._lay_down(at, values, resets, block)
        return block

    def _comment(self, line: bytes, at: int, block: Block) -> None:
        match self._said(line):
            case words.NewLayer(family):
                self._family = self._family or family
                if family is self._family:
                    block.layers.append(at)
                    self._starts_over(at, block)
            case words.NewRole(role, feature):
                self._before_flush = self._changing = None
                self._becomes((_ROLES.index(role), feature), at, block)
            case words.Flush(begins=True):
                if self._before_flush is None:
                    self._before_flush = self._what
                self._becomes(_PURGED, at, block)
            case words.Flush(begins=False) if self._before_flush is not None:
                self._becomes(self._before_flush, at, block)
                self._before_flush = None
            case words.NamedObject(rank, name):
                self._see(rank, name)
            case words.Setting.VOLUMETRIC_E:
                self.volumetric = not self._told

    def _said(self, line: bytes) -> words.Meaning:
        """Return what a comment means; most are the same few again and again."""
        if line in self._known:
            return self._known[line]
        meaning = words.meaning(line)
        if len(self._known) < _MOST_KNOWN and len(line) < 300:
            self._known[line] = meaning
        return meaning

    def _starts_over(self, at: int, block: Block) -> None:
        """Take what follows the first layer's mark for the object, though no word has said so."""
        if self._what == (_START, Feature.CUSTOM):
            self._becomes((_START, Feature.OTHER), at, block)

    def _becomes(self, what: tuple[int, Feature], at: int, block: Block) -> None:
        self._what = what
        block.roles.append((at, what[0]))
        block.features.append((at, what[1]))

    def _see(self, rank: int, name: bytes) -> None:
        seen = self._objects.setdefault(rank, set())
        if len(seen) < _MOST_OBJECTS:
            seen.add(name)

    def _command(self, line: bytes, at: int, block: Block) -> None:
        try:
            meaning = command.meaning(line)
        except OverflowError as err:
            raise BadFile(f"{self._name}: {err}") from err
        match meaning:
            case None:
                pass
            case command.Feed():
                block.feeds.append((at, meaning))
            case command.LabelledObject(name, defined):
                self._see(0 if defined else 1, name)
            case command.Change.CHANGE_BEGINS:
                self._change_begins(at, block)
            case command.Change.CHANGE_ENDS:
                self._change_ends(at, block)
            case _:
                mode = _changed(self._mode, meaning, loading=self._changing is not None)
                self._switch(mode, at, block)

    def _change_begins(self, at: int, block: Block) -> None:
        if self._changing is None:
            self._changing = self._what
        self._becomes(_PURGED, at, block)
        self._switch(replace(self._mode, skipped=self._family is None), at, block)

    def _change_ends(self, at: int, block: Block) -> None:
        if self._changing is not None:
            self._becomes(self._changing, at, block)
        self._changing = self._before_flush = None
        self._switch(replace(self._mode, skipped=False), at, block)

    def _switch(self, mode: Mode, at: int, block: Block) -> None:
        if mode != self._mode:
            self._told |= mode.area != 1.0
            self._mode = mode
            block.modes.append((at, mode))

    # -- reckoning ---------------------------------------------------------------------------

    def _lay_down(
        self, at: Places, values: Amounts, resets: NDArray[np.bool_], block: Block
    ) -> None:
        """Add a block's moves to the account, one way of reading them after the other."""
        bounds = np.searchsorted(at, [place for place, _ in block.modes]).tolist()
        bounds.append(len(at))
        role_at = [place for place, _ in block.roles[1:]]
        roles = np.array([role for _, role in block.roles])
        marked = np.arange(len(block.layers) + 1)
        for (_, mode), low, high in zip(block.modes, bounds, bounds[1:], strict=False):
            if low == high:
                continue
            fed = self._fed(values[low:high], resets[low:high], mode)
            if mode.skipped:
                continue
            tool = self._tool(mode)
            net = _net(tool, fed)
            places = at[low:high]
            block.laid.append((places, net, mode.tool))
            layers = np.bincount(spread(marked, block.layers, places), weights=net)
            for index in np.flatnonzero(layers).tolist():
                layer = len(self.ends) + index
                tool.layers[layer] = tool.layers.get(layer, 0.0) + float(layers[index])
            becomes = spread(roles, role_at, places)
            tool.roles += np.bincount(becomes, weights=net, minlength=_START + 1)

    def _tool(self, mode: Mode) -> _Tool:
        """Return the tool that feeds; a change counts when the new tool is used."""
        tool = self._tools.get(mode.tool)
        if tool is not None and tool is self._last:
            return tool
        behind = self._last.behind_mm if self._last is not None else 0.0
        if tool is None:
            tool = _Tool(behind_mm=behind if behind > _UNLOADED_MM else 0.0)
            self._tools[mode.tool] = tool
        if mode.loaded:
            tool.behind_mm = 0.0
        self._last = tool
        return tool

    def _fed(self, values: Amounts, resets: NDArray[np.bool_], mode: Mode) -> Amounts:
        """Return by how much each line moves the filament, in mm."""
        values = values * mode.unit
        if mode.relatively:
            fed = np.where(resets, 0.0, values)
            named = np.flatnonzero(resets)
            since = int(named[-1]) if named.size else -1
            base = float(values[since]) if named.size else self._stands_at
            self._stands_at = base + float(fed[since + 1 :].sum())
        else:
            fed = np.diff(values, prepend=self._stands_at)
            fed[resets] = 0.0
            self._stands_at = float(values[-1])
        return fed / mode.area

    # -- the result --------------------------------------------------------------------------

    @property
    def tools(self) -> dict[int, tuple[tuple[float, ...], tuple[tuple[Role, float], ...]]]:
        """Return per tool the sums at the end of each layer, and what became of it.

        Raises BadFile.
        """
        return {
            number: (self._layers(tool), self._roles(tool))
            for number, tool in sorted(self._tools.items())
            if self._checked(tool)
        }

    def _checked(self, tool: _Tool) -> bool:
        if not tool.total_mm <= _MOST_TOTAL_MM:
            raise BadFile(f"{self._name}: it lays down {tool.total_mm:g} mm, which is impossible")
        return tool.total_mm > 0

    def _layers(self, tool: _Tool) -> tuple[float, ...]:
        amounts = np.zeros(len(self.ends) + 1)
        amounts[list(tool.layers)] = list(tool.layers.values())
        return tuple(np.cumsum(amounts).tolist())

    def _roles(self, tool: _Tool) -> tuple[tuple[Role, float], ...]:
        if not any(known.roles[:_START].any() for known in self._tools.values()):
            return ()
        amounts = tool.roles[:_START].copy()
        amounts[_ROLES.index(Role.SKIRT)] += tool.roles[_START]
        return tuple(
            (role, amount)
            for role, amount in zip(_ROLES, amounts.tolist(), strict=True)
            if amount > 0
        )

    @property
    def objects(self) -> int | None:
        """Return how many pieces the file names, by its best way to name them."""
        return len(self._objects[min(self._objects)]) if self._objects else None


def _net(tool: _Tool, fed: Amounts) -> Amounts:
    """Return what left the nozzle at each line, and keep how far the filament is pulled back."""
    stands = np.cumsum(fed) - tool.behind_mm
    furthest = np.maximum.accumulate(np.maximum(stands, 0.0))
    tool.behind_mm = float(furthest[-1] - stands[-1])
    return np.diff(furthest, prepend=0.0)


def _merged(
    at: Places,
    values: Amounts,
    resets: NDArray[np.bool_],
    feeds: list[tuple[int, command.Feed]],
) -> tuple[Places, Amounts, NDArray[np.bool_]]:
    """Put the lines that were read with care among the others."""
    at = np.concatenate((at, np.array([place for place, _ in feeds], np.int64)))
    order = np.argsort(at, kind="stable")
    values = np.concatenate((values, [feed.value for _, feed in feeds]))
    resets = np.concatenate((resets, [feed.reset for _, feed in feeds]))
    return at[order], values[order], resets[order]


def _changed(mode: Mode, meaning: command.Meaning, *, loading: bool) -> Mode:
    match meaning:
        case command.Change.RELATIVE_E | command.Change.ABSOLUTE_E:
            return replace(mode, relative_e=meaning is command.Change.RELATIVE_E)
        case command.Change.RELATIVE | command.Change.ABSOLUTE:
            return replace(mode, relative=meaning is command.Change.RELATIVE)
        case command.Change.INCHES | command.Change.MILLIMETRES:
            return replace(mode, unit=_INCH_MM if meaning is command.Change.INCHES else 1.0)
        case command.Volumetric(diameter):
            return replace(mode, area=math.pi * (diameter / 2) ** 2 if diameter else 1.0)
        case command.Tool(number) if number <= _MOST_TOOL:
            return replace(mode, tool=number, loaded=loading)
    return mode
