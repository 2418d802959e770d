"""STL: triangles and nothing else, as bytes or as text. No units; taken to be millimetres.

Many binary files begin with "solid" as text does, so the size decides: 84 bytes and 50 for each
triangle that the header counts. Colours in the attribute are ignored, and so are normals: two
vendors disagree on the former, and the corners know the latter better.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from .digits import PADDING, decimal, number
from .mesh import WHOLE, Patch, cuts, patch, something
from .sniff import HEAD_BYTES, facets, promised, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .mesh import Share

    type Bytes = NDArray[np.uint8]

_BEGIN: Final = 84
_RECORD: Final = np.dtype([("normal", "V12"), ("corners", "V36"), ("attribute", "V2")])
_BLOCK_BYTES: Final = 512 << 10
_LONGEST_FACET: Final = 64 << 10
"""Bytes of text between two ends of facets."""
_FACET: Final = (
    *(b"facet", b"normal", None, None, None, b"outer", b"loop"),
    *(b"vertex", None, None, None) * 3,
    *(b"endloop", b"endfacet"),
)
"""The words of a facet, None for a number."""
_VERTICES: Final = np.array([8, 9, 10, 12, 13, 14, 16, 17, 18])
_NAME: Final = re.compile(rb"(?im)^[ \t]*(?:end)?solid\b[^\r\n]*")
"""Where one solid ends and the next begins: names may hold any word."""
_END: Final = re.compile(rb"(?i)endfacet")
_VERTEX: Final = re.compile(rb"(?i)\bvertex\s+(\S+)\s+(\S+)\s+(\S+)")
_CUT_OFF: Final = re.compile(rb"(?i)\bfacet\b")


class Stl:
    """A surface out of an STL file."""

    parts = 1

    def __init__(self, path: Path) -> None:
        """Look at the file's beginning and size. Raises BadFile."""
        self._path = path
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            head = file.read(HEAD_BYTES)
        self._binary = records(head, size) or not facets(head)
        self._count = _whole_count(path.name, head, size) if self._binary else 0

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, or a share. Raises BadFile."""
        found = self._records(share) if self._binary else self._text(share)
        return something(self._path.name, found, share)

    def _records(self, share: Share) -> Iterator[Patch]:
        with self._path.open("rb") as file:
            for cut in cuts(self._count)[share.index :: share.of]:
                file.seek(_BEGIN + cut.start * _RECORD.itemsize)
                records = np.fromfile(file, _RECORD, cut.stop - cut.start)
                if len(records) < cut.stop - cut.start:
                    raise BadFile(f"{self._path.name}: it became shorter while it was read")
                # As plain bytes, which are copied in one go.
                corners = records["corners"].copy().view("<f4")
                yield patch(corners.reshape(-1, 3, 3).astype(np.float32, copy=False))

    def _text(self, share: Share) -> Iterator[Patch]:
        for part, (text, at) in enumerate(self._facets()):
            if not share.takes(part):
                continue
            corners = _corners(text)
            if corners is None:
                corners = _careful_corners(text, self._path.name, at)
            for cut in cuts(len(corners)):
                yield patch(corners[cut])

    def _facets(self) -> Iterator[tuple[bytes, int]]:
        """Yield whole facets, and where in the file they begin. Raises BadFile."""
        rest = b""
        with self._path.open("rb") as file:
            while piece := file.read(_BLOCK_BYTES):
                text = rest + piece
                at = file.tell() - len(text)
                cut = _last_end(text)
                rest = text[cut:]
                if len(rest) > _LONGEST_FACET and cut == 0:
                    raise BadFile(f"{self._path.name} at byte {at}: its facet does not end")
                if cut:
                    yield text[:cut], at
        if _CUT_OFF.search(_NAME.sub(b"", rest)):
            at = self._path.stat().st_size - len(rest)
            raise BadFile(f"{self._path.name} at byte {at}: its last facet is cut off")


def _whole_count(name: str, head: bytes, size: int) -> int:
    """Return how many triangles there are to read. What stands behind them does not matter."""
    count = promised(head)
    if count is None:
        raise BadFile(f"{name} at byte {size}: it ends within its header")
    there = (size - _BEGIN) // _RECORD.itemsize
    if count > there:
        end = _BEGIN + there * _RECORD.itemsize
        raise BadFile(f"{name} at byte {end}: it has {there} of the {count} triangles it promises")
    return count


def _last_end(text: bytes) -> int:
    """Return where the last facet of a text ends; 0 when none does."""
    end = max(text.rfind(b"endfacet"), text.rfind(b"ENDFACET"))
    if end < 0:
        end = max((match.start() for match in _END.finditer(text)), default=-1)
    return end + len(b"endfacet") if end >= 0 else 0


def _corners(text: bytes) -> NDArray[np.float32] | None:
    """Return the corners of whole facets, None where something else stands among them."""
    if b"olid" in text or b"OLID" in text:
        text = _NAME.sub(b"", text)
    text += PADDING
    data = np.frombuffer(text, np.uint8)
    edges = np.flatnonzero(np.diff(data > 32, prepend=np.False_))
    if len(edges) % (2 * len(_FACET)):
        return None
    starts = edges[0::2].reshape(-1, len(_FACET))
    ends = edges[1::2].reshape(-1, len(_FACET))
    for place, word in enumerate(_FACET):
        if word is not None and not _all_are(data, starts[:, place], ends[:, place], word):
            return None
    values = decimal(text, starts[:, _VERTICES].ravel(), ends[:, _VERTICES].ravel())
    with np.errstate(over="ignore"):
        return values.astype(np.float32).reshape(-1, 3, 3)


def _all_are(data: Bytes, starts: NDArray[np.int64], ends: NDArray[np.int64], word: bytes) -> bool:
    """Return whether all these tokens are the word, by its length, first and last letter."""
    return bool(
        np.all(ends - starts == len(word))
        and np.all(data[starts] | 32 == word[0])
        and np.all(data[ends - 1] | 32 == word[-1])
    )


def _careful_corners(text: bytes, name: str, at: int) -> NDArray[np.float32]:
    """Return the corners of facets that are written in an unusual way. Raises BadFile."""
    values: list[float] = []
    # Names are blanked, so that places stay where they are.
    text = _NAME.sub(lambda match: b" " * len(match[0]), text)
    begin = 0
    for end in _END.finditer(text):
        corners = _VERTEX.findall(text, begin, end.start())
        if len(corners) != 3:
            where = f"{name} at byte {at + begin}"
            raise BadFile(f"{where}: a facet has {len(corners)} corners, not three")
        values.extend(number(token) for corner in corners for token in corner)
        begin = end.end()
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32).reshape(-1, 3, 3)
