"""A long text with only some of its sections: G-code again, which goes on from the right place."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np

from .feature import FEATURES, Feature

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    from numpy.typing import NDArray

    from .outline import Outline
    from .source import Pieces

_BEFORE: Final = 300
"""Bytes before a section that say where the tool stands when it begins."""
_BLOCK_BYTES: Final = 320 << 10
_NOWHERE: Final = b"9000000"
_WORDS: Final = dict.fromkeys(Feature, b"other") | {
    feature: word.encode() for word, feature in FEATURES.items()
}
_VALUE: Final = re.compile(rb"-?(?:\d+\.?\d*|\.\d+)(?=[ \n;\r]|\Z)")


class Text(Protocol):
    """A text of which parts can be read, at rising places."""

    def read(self, begin: int, end: int) -> bytes:
        """Return a part; less of it where the text ends."""
        ...


def abridged(
    text: Text, found: Outline, chosen: NDArray[np.bool_], *, known: int = 0
) -> Iterator[bytes]:
    """Yield whole lines: the chosen sections, each with what leads to it.

    What precedes the first layer must be chosen: it says how everything else is to be read.
    Widths of beads that are not told within a section count as untold.
    known: where that was read already, and up to where. Raises BadFile.
    """
    made: list[bytes] = []
    size = 0
    end_before = known
    changes = bool(found.tools.any())
    which = np.flatnonzero(chosen)
    heights = found.z_mm[found.layers[which]]
    told = (found.tools[which], found.features[which], heights)
    of_each = (found.begins[which], found.ends[which], *told)
    for begin, end, tool, feature, z in zip(*(each.tolist() for each in of_each), strict=True):
        if begin != end_before:
            before = text.read(max(end_before, begin - _BEFORE), begin)
            made.append(_leap(before, tool if changes else None, feature, z))
        end_before = end
        for part in range(begin, end, _BLOCK_BYTES):
            made.append(text.read(part, min(part + _BLOCK_BYTES, end)))
            size += len(made[-1])
            if size > _BLOCK_BYTES:
                block = b"".join(made)
                # Without an end it is no command, and is cut anywhere.
                cut = block.rfind(b"\n") + 1 or len(block)
                yield block[:cut] if block[cut - 1] == ord("\n") else block[:cut] + b"\n"
                made = [block[cut:]]
                size = len(made[0])
    last = b"".join(made)
    if last:
        yield last if last.endswith(b"\n") else last + b"\n"


class Forward:
    """A text that comes in pieces."""

    def __init__(self, pieces: Pieces) -> None:
        """Take the pieces."""
        self._pieces = pieces
        self._text = b""
        self._at = 0
        """Where that begins."""

    def read(self, begin: int, end: int) -> bytes:
        """Return a part; less of it where the text ends."""
        while self._at + len(self._text) < end:
            piece = next(self._pieces, None)
            if piece is None:
                break
            if begin >= self._at + len(self._text):
                self._at += len(self._text)
                self._text = piece[0]
            else:
                keep = max(begin - self._at, 0)
                self._text = self._text[keep:] + piece[0]
                self._at += keep
        return self._text[max(begin - self._at, 0) : max(end - self._at, 0)]


class Anywhere:
    """A file that is nothing but its text."""

    def __init__(self, file: BinaryIO) -> None:
        """Take an open file."""
        self._file = file

    def read(self, begin: int, end: int) -> bytes:
        """Return a part; less of it where the file ends."""
        self._file.seek(begin)
        return self._file.read(end - begin)


def _leap(before: bytes, tool: int | None, feature: int, z: float) -> bytes:
    """Return commands that put the tool where it stands at the beginning of a section.

    What was pulled back counts as brought forward: E runs on far ahead, and gets its name back.
    before: what precedes it. feature: what goes on there, where no mark says anything else; layers
    of a single wall never do. z: mm; NaN where nobody says.
    """
    x, y, e = (_last(before, word) for word in (b" X", b" Y", b" E"))
    # From nowhere: whatever begins there is left out by the reader.
    place = b" X%s Y%s" % (x or _NOWHERE, y or _NOWHERE)
    height = b" Z%.4f" % z if math.isfinite(z) else b""
    change = b"" if tool is None else b"T%d\n" % tool
    return b"\n%sG92 E0\nG1%s%s\nG1 E99999\nG92 E%s\n;TYPE:%s\n;WIDTH:0\n" % (
        *(change, place, height),
        *(e or b"0", _WORDS[Feature(feature)]),
    )


def _last(text: bytes, word: bytes) -> bytes:
    """Return what follows a word where it stands last, or nothing."""
    at = text.rfind(word)
    value = _VALUE.match(text, at + len(word)) if at >= 0 else None
    return value[0] if value else b""
