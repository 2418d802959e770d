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

_MARK_BYTES: Final = 24
"""By which marks are told apart before they are read."""
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
    rb"|_OBJECT z=([\d.]{1,12})|\nG[01] [^\n;]{0,60}Z([\d.]{1,12})"
)
_TOOL: Final = re.compile(rb"\nT(\d{1,2})\s")
_MOST_TOOL: Final = 63


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
    """Of each layer, as told or as its first move goes; NaN where that is not near its mark."""


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
        text = rest + piece
        cut = text.rfind(b"\n") + 1 or len(text)
        yield text[:cut], at
        at += cut
        rest = text[cut:]
    yield rest + b"\n", at


class _Finder:
    def __init__(self, *, tools: bool) -> None:
        self.begins = array("q", [0])
        self._features = array("B", [Feature.CUSTOM])
        self._layers = array("q", [-1])
        self._tools = array("B", [0])
        self._z: list[float] = []
        self._family: words.Family | None = None
        self._known: dict[bytes, words.Meaning] = {}
        self._feature = Feature.CUSTOM
        self._tool = 0
        self._looks_for_tools = tools
        self._length = 0

    def look(self, text: bytes, at: int) -> None:
        """Look at whole lines, which begin at a place."""
        self._length = at + len(text)
        data = np.frombuffer(text + b"\n\n", np.uint8)
        places = np.flatnonzero(data[:-2] == ord(";"))
        places = places[(places == 0) | (data[places - 1] == ord("\n"))]
        prefix = data[places + 1].astype(np.uint16) << 8 | data[places + 2]
        changes = self._changes(text)
        for place in places[_TELLING[prefix]].tolist():
            while changes and changes[0][0] < place:
                self._tool = changes.pop(0)[1]
            match self._meaning(text, place):
                case words.NewLayer(family):
                    self._new_layer(family, text, place, at)
                case words.NewRole(_, feature):
                    self._feature = feature
                    self._begin(at + place)
        if changes:
            self._tool = changes[-1][1]

    def _meaning(self, text: bytes, place: int) -> words.Meaning:
        key = text[place : place + _MARK_BYTES]
        if key in self._known:
            return self._known[key]
        end = text.find(b"\n", place, place + 200)
        meaning = words.meaning(text[place : end if end >= 0 else place + 200])
        if len(self._known) < _MOST_KNOWN and (end < place + _MARK_BYTES or meaning is None):
            self._known[key] = meaning
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
        told = _TOLD_Z.search(text, place, place + _BEHIND)
        said = next((group for group in told.groups() if group is not None), b"") if told else b""
        try:
            self._z.append(float(said))
        except ValueError:
            self._z.append(np.nan)
        if self._feature is Feature.CUSTOM and len(self._z) == 1:
            self._feature = Feature.OTHER
        self._begin(at + place)

    def _begin(self, place: int) -> None:
        self.begins.append(place)
        self._features.append(self._feature)
        self._layers.append(len(self._z) - 1)
        self._tools.append(self._tool)

    def outline(self) -> Outline | None:
        """Return what was found."""
        if not self._z:
            return None
        begins = np.array(self.begins, np.int64)
        return Outline(
            begins=begins,
            ends=np.append(begins[1:], self._length),
            features=np.array(self._features, np.uint8),
            layers=np.array(self._layers, np.int64),
            tools=np.array(self._tools, np.uint8),
            z_mm=np.array(self._z),
        )
