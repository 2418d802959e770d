"""OBJ: text with vertices and polygons. No units; taken to be millimetres.

Materials are not read: they lie in other files, and those are never opened. What is written as
usual is read a block at a time, anything else line by line.
"""

from __future__ import annotations

import os
from itertools import pairwise
from typing import TYPE_CHECKING, Final

import numpy as np

from ..errors import BadFile
from .digits import PADDING, WORD, decimal, first, number, whole
from .mesh import WHOLE, cuts, patch, something

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from .mesh import Patch, Share

    type Bytes = NDArray[np.uint8]
    type Places = NDArray[np.int64]

_BLOCK_BYTES: Final = 256 << 10
_LONGEST_LINE: Final = 1 << 20
"""Bytes: a polygon of some ten thousand corners."""
_LARGEST: Final = 1 << 30
_MOST: Final = 1 << 30
"""Vertices or triangles: what an index can count."""
_NEWLINE, _SPACE, _TAB, _MINUS, _SLASH = 10, 32, 9, 45, 47
_CONTINUED: Final = (b"\\\r\n", b"\\\n")
_VERTEX, _FACE = ord("v"), ord("f")


class Obj:
    """A surface out of an OBJ file."""

    parts = 1

    def __init__(self, path: Path) -> None:
        """Read it into memory: 18 bytes a triangle and some. Raises BadFile."""
        self._name = path.name
        self._vertices: list[NDArray[np.float32]] = []
        self._faces: list[NDArray[np.int32]] = []
        self._count = 0
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size > _LARGEST:
                raise BadFile(f"{path.name}: it is larger than {_LARGEST} bytes")
            at = 0
            rest = b""
            while piece := file.read(_BLOCK_BYTES):
                text = rest + piece
                cut = _last_line(text)
                rest = text[cut:]
                if len(rest) > _LONGEST_LINE:
                    raise BadFile(f"{path.name} at byte {at + cut}: its line does not end")
                self._take(text[:cut], at)
                at += cut
            self._take(rest + b"\n", at)
        self._all_vertices = np.concatenate([np.empty((0, 3), np.float32), *self._vertices])
        self._vertices.clear()
        highest = max((int(faces.max()) for faces in self._faces if len(faces)), default=-1)
        if highest >= self._count:
            raise BadFile(f"{path.name}: a face names vertex {highest + 1} of {self._count}")

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        """Yield all of it, or a share. Raises BadFile."""
        return something(
            self._name,
            (
                patch(np.take(self._all_vertices, faces[cut], axis=0))
                for number, faces in enumerate(self._faces)
                if share.takes(number)
                for cut in cuts(len(faces))
            ),
            share,
        )

    def _bad(self, at: int, cause: str) -> BadFile:
        return BadFile(f"{self._name} at byte {at}: {cause}")

    def _take(self, text: bytes, at: int) -> None:
        """Read whole lines."""
        found = _read(text, self._count)
        vertices, faces = self._careful(text, at) if found is None else found
        if len(vertices):
            self._vertices.append(vertices)
        if len(faces):
            self._faces.append(faces)
        self._count += len(vertices)

    def _careful(self, text: bytes, at: int) -> tuple[NDArray[np.float32], NDArray[np.int32]]:
        """Read lines one by one. Raises BadFile."""
        for end in _CONTINUED:
            # As many blanks, so that places stay where they are.
            text = text.replace(end, b" " * len(end))
        vertices: list[float] = []
        faces: list[int] = []
        for line in text.replace(b"\r", b"\n").split(b"\n"):
            words = line.partition(b"#")[0].split()
            if words[:1] == [b"v"]:
                if len(words) < 4:
                    raise self._bad(at, f"a vertex has {len(words) - 1} coordinates")
                vertices.extend(number(word) for word in words[1:4])
            elif words[:1] == [b"f"]:
                known = self._count + len(vertices) // 3
                corners = [self._corner(word, known, at) for word in words[1:]]
                for second, third in pairwise(corners[1:]):
                    faces += (corners[0], second, third)
            at += len(line) + 1
        with np.errstate(over="ignore"):
            rows = np.array(vertices, np.float64).astype(np.float32)
        return rows.reshape(-1, 3), np.array(faces, np.int32).reshape(-1, 3)

    def _corner(self, word: bytes, known: int, at: int) -> int:
        """Return the place of a vertex from 0. Raises BadFile."""
        index = word.partition(b"/")[0]
        usual = len(index) <= 12 and index.removeprefix(b"-").isdigit()
        place = int(index) if usual else 0
        place = place - 1 if place > 0 else place + known if place else -1
        if not 0 <= place < _MOST:
            raise self._bad(at, f"a face names a vertex that is not there: {index[:20]!r}")
        return place


def _last_line(text: bytes) -> int:
    """Return where the last whole line ends that does not go on in the next one; 0 for none."""
    end = len(text)
    while (end := text.rfind(b"\n", 0, end)) >= 0:
        if not text[max(end - 2, 0) : end].rstrip(b"\r").endswith(b"\\"):
            return end + 1
    if b"\n" not in text:
        # An old way to end lines.
        return text.rfind(b"\r", 0, len(text) - 1) + 1
    return 0


def _read(text: bytes, known: int) -> tuple[NDArray[np.float32], NDArray[np.int32]] | None:
    """Return vertices and triangles of whole lines; None where one is written in an odd way.

    known: vertices that stand before them.
    """
    if b"\\" in text:
        return None
    if b"\r" in text:
        text = text.replace(b"\r", b"\n")
    padded = b"\n" + text + PADDING
    data = np.frombuffer(padded, np.uint8)[: len(text) + 1]
    starts = np.flatnonzero(data[:-1] == _NEWLINE) + 1
    kind, behind = data[starts], data[np.minimum(starts + 1, len(data) - 1)]
    if ((kind == _SPACE) | (kind == _TAB) | (behind == _TAB)).any():
        return None
    is_vertex = (kind == _VERTEX) & (behind == _SPACE)
    is_face = (kind == _FACE) & (behind == _SPACE)
    white = data <= _SPACE
    edges = np.flatnonzero(white[1:] != white[:-1]) + 1
    words = edges.reshape(-1, 2)
    line = np.searchsorted(starts, words[:, 0], "right") - 1
    counts = np.bincount(line, minlength=len(starts))
    firsts = np.cumsum(counts) - counts
    vertices = _vertices(padded, words, firsts[is_vertex], counts[is_vertex])
    before = known + np.cumsum(is_vertex)[is_face]
    faces = _faces(padded, words, firsts[is_face], counts[is_face], before)
    return None if vertices is None or faces is None else (vertices, faces)


def _vertices(
    text: bytes, words: Places, firsts: Places, counts: Places
) -> NDArray[np.float32] | None:
    if (counts < 4).any():
        return None
    chosen = words[(firsts[:, None] + np.arange(1, 4)).ravel()]
    values = decimal(text, chosen[:, 0], chosen[:, 1])
    if np.isnan(values).any():
        return None
    with np.errstate(over="ignore"):
        return values.astype(np.float32).reshape(-1, 3)


def _faces(
    text: bytes, words: Places, firsts: Places, counts: Places, before: Places
) -> NDArray[np.int32] | None:
    """Return the triangles of polygons: a fan around the first corner of each.

    before: vertices that stand before each polygon.
    """
    sides = counts - 1
    face = np.repeat(np.arange(len(firsts)), sides)
    ordinal = np.arange(len(face)) - np.repeat(np.cumsum(sides) - sides, sides)
    corner = words[firsts[face] + 1 + ordinal]
    places = _places(text, corner, before[face])
    if places is None:
        return None
    fans = np.maximum(sides - 2, 0)
    fan = np.repeat(np.arange(len(firsts)), fans)
    step = np.arange(len(fan)) - np.repeat(np.cumsum(fans) - fans, fans)
    begin = (np.cumsum(sides) - sides)[fan]
    return np.stack([places[begin], places[begin + step + 1], places[begin + step + 2]], axis=1)


def _places(text: bytes, corners: Places, before: Places) -> NDArray[np.int32] | None:
    """Return the places of vertices, from 0, that corners "7", "7/1/2" or "-1//2" name."""
    data = np.frombuffer(text, np.uint8)
    starts, ends = corners[:, 0], corners[:, 1]
    negative = data[starts] == _MINUS
    starts = starts + negative
    slash = starts + first(text, starts, _SLASH)
    # One that is not among the first eight bytes leaves more than an index has digits.
    ends = np.where(slash < np.minimum(ends, starts + WORD), slash, ends)
    values, bad = whole(text, starts, ends)
    values = np.where(negative, before - values, values - 1)
    if bad.any() or (values < 0).any():
        return None
    return values.astype(np.int32)
