"""Where in a long text which layer and which feature stands, found by the slicer's marks alone.

Nothing but comments is read: some 1.5 GB/s, so that a picture need not read what cannot be seen.
"""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from . import words
from .feature import Feature

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from .source import Pieces

    type Places = NDArray[np.int64]

_LONGEST: Final = 200
"""Bytes of a mark that are read."""
_FEW: Final = 64
_MOST_KNOWN: Final = 20_000
_MOST_SECTIONS: Final = 2_000_000
_TELLING: Final = np.zeros(1 << 16, np.bool_)
_TELLING[[first << 8 | second for first, second in (b"TY", b"LA", b" F", b" f", b" C", b" l")]] = (
    True
)
_TELLING[[first << 8 | second for first, second in (b" '", b" B")]] = True
_BEHIND: Final = 1200
"""Bytes behind the mark of a layer within which its height is told."""
_TOLD_Z: Final = re.compile(
    rb";Z:([\d.]{1,12})|; Z_HEIGHT: ([\d.]{1,12})|; layer \d+, Z = ([\d.]{1,12})"
    rb"|_OBJECT z=([\d.]{1,12})"
)
_AHEAD: Final = 1200
"""Bytes before the mark that are looked at where it is not: Cura rises at the end of a layer."""
_EXTRUDES: Final = re.compile(rb"\nG[123] [^\n;]{0,60}[XY][^\n;]{0,60}E[\d.][^\n]*")
_RISE: Final = re.compile(rb"\nG[01] [^\n;]{0,60}Z([\d.]{1,12})")
_TOOL: Final = re.compile(rb"\nT(\d{1,2})\s")
_MOST_TOOL: Final = 63
_BITS: Final = 8
_BYTE: Final = (1 << _BITS) - 1


@dataclass(frozen=True, slots=True)
class Outline:
    """Sections of a text: from one mark to the next. The first one begins at 0."""

    begins: Places
    ends: Places
    features: NDArray[np.uint8]
    layers: Places
    """-1 before the first mark of a layer."""
    tools: NDArray[np.uint8]
    """At the beginning of each; all 0 where nobody asked."""
    z_mm: NDArray[np.float64]
    """Of each layer: as told, or where its first bead lies. NaN where that is not near its mark."""


def outline(pieces: Pieces, *, tools: bool = False) -> Outline | None:
    """Return the sections; None for a text without marks of layers, or with too many marks.

    tools: whether to look for changes of tools as well. Raises BadFile.
    """
    found = _Finder(tools=tools)
    for text, at in lines(pieces):
        found.look(text, at)
        if len(found.begins) > _MOST_SECTIONS:
            return None
    return found.outline()


def lines(pieces: Pieces) -> Iterator[tuple[bytes, int]]:
    """Yield the text cut at ends of lines, and where each part begins. Ends with a newline."""
    rest, at = b"", 0
    for piece, _, _ in pieces:
        cut = piece.rfind(b"\n") + 1 or len(piece)
        text = b"".join((rest, memoryview(piece)[:cut]))
        yield text, at
        at += len(text)
        rest = piece[cut:]
    yield rest + b"\n", at


def _comments(data: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Return where lines begin with a semicolon."""
    hits = data == ord(";")
    whole = len(hits) // _FEW * _FEW
    # Few bytes are one: 64 at a time are looked at first, then eight.
    words = hits[:whole].view(np.uint64)
    rows = np.flatnonzero((words != 0).view(np.uint64))
    row, column = np.nonzero(hits[:whole].reshape(-1, _FEW)[rows])
    places = np.concatenate((rows[row] * _FEW + column, whole + np.flatnonzero(hits[whole:])))
    at_first: NDArray[np.intp] = places[(places == 0) | (data[places - 1] == ord("\n"))]
    return at_first


def _height(text: bytes) -> float:
    """Return what is told of a layer's height behind its mark, mm; NaN for nothing."""
    if told := _TOLD_Z.search(text):
        return _number(next(group for group in told.groups() if group is not None))
    # What rises behind the first bead may be the next layer.
    first = _EXTRUDES.search(text)
    rise = _RISE.search(text, 0, first.end() if first else len(text))
    return _number(rise[1]) if rise else np.nan


def _risen(text: bytes) -> float:
    """Return where a text leaves the nozzle, mm; NaN for nowhere."""
    said = b""
    for rise in _RISE.finditer(text):
        said = rise[1]
    return _number(said)


def _number(said: bytes) -> float:
    try:
        return float(said)
    except ValueError:
        return np.nan


class _Finder:
    def __init__(self, *, tools: bool) -> None:
        self.begins = array("q", [0])
        self._kinds = array("q", [_kind(-1, 0, Feature.CUSTOM)])
        self._z: list[float] = []
        self._family: words.Family | None = None
        self._cut_off = b""
        """What followed the mark of a layer whose height was not told before a part's end."""
        self._tail = b""
        """The end of what was looked at before."""
        self._known: dict[bytes, words.Meaning] = {}
        self._feature = Feature.CUSTOM
        self._tool = self._told_tool = 0
        self._looks_for_tools = tools
        self._length = 0

    def look(self, text: bytes, at: int) -> None:
        """Look at whole lines, which begin at a place."""
        self._length = at + len(text)
        if self._cut_off:
            told = _height((self._cut_off + text[:_BEHIND])[:_BEHIND])
            self._z[-1] = self._z[-1] if np.isnan(told) else told
            self._cut_off = b""
        data = np.frombuffer(text, np.uint8)
        places = _comments(data)
        # The last byte ends a line.
        first, second = (np.minimum(places + ahead, len(data) - 1) for ahead in (1, 2))
        prefix = data[first].astype(np.uint16) << 8 | data[second]
        changes = self._changes(text)
        find, known = text.find, self._known
        for place in places[_TELLING[prefix]].tolist():
            while changes and changes[0][0] < place:
                self._tool = changes.pop(0)[1]
            end = find(b"\n", place, place + _LONGEST)
            mark = text[place : end if end >= 0 else place + _LONGEST]
            meaning = known[mark] if mark in known else self._meaning(mark)
            if isinstance(meaning, words.NewRole):
                if meaning.feature is not self._feature or self._tool != self._told_tool:
                    self._feature = meaning.feature
                    self._begin(at + place)
            elif isinstance(meaning, words.NewLayer):
                self._new_layer(meaning.family, text, place, at)
        if changes:
            self._tool = changes[-1][1]
        self._tail = text[-_AHEAD:] if len(text) >= _AHEAD else (self._tail + text)[-_AHEAD:]

    def _meaning(self, mark: bytes) -> words.Meaning:
        meaning = words.meaning(mark)
        if len(self._known) < _MOST_KNOWN:
            self._known[mark] = meaning
        return meaning

    def _changes(self, text: bytes) -> list[tuple[int, int]]:
        if not self._looks_for_tools:
            return []
        return [
            (match.start(), number)
            for match in _TOOL.finditer(text)
            if (number := int(match.group(1))) <= _MOST_TOOL
        ]

    def _new_layer(self, family: words.Family, text: bytes, place: int, at: int) -> None:
        self._family = self._family or family
        if family is not self._family:
            return
        z = _height(text[place : place + _BEHIND])
        self._cut_off = b""
        if np.isnan(z):
            if place + _BEHIND > len(text):
                self._cut_off = text[place:]
            before = text[max(place - _AHEAD, 0) : place]
            z = _risen((self._tail + before)[-_AHEAD:] if place < _AHEAD else before)
        self._z.append(z)
        if self._feature is Feature.CUSTOM and len(self._z) == 1:
            self._feature = Feature.OTHER
        self._begin(at + place)

    def _begin(self, place: int) -> None:
        self._told_tool = self._tool
        self.begins.append(place)
        self._kinds.append(_kind(len(self._z) - 1, self._tool, self._feature))

    def outline(self) -> Outline | None:
        """Return what was found."""
        if not self._z:
            return None
        begins, kinds = np.array(self.begins, np.int64), np.array(self._kinds, np.int64)
        return Outline(
            begins=begins,
            ends=np.append(begins[1:], self._length),
            features=(kinds & _BYTE).astype(np.uint8),
            layers=kinds >> 2 * _BITS,
            tools=(kinds >> _BITS & _BYTE).astype(np.uint8),
            z_mm=np.array(self._z),
        )


def _kind(layer: int, tool: int, feature: int) -> int:
    """Return what a section is as one number."""
    return (layer << _BITS | tool) << _BITS | feature
