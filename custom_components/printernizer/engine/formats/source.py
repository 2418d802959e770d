"""The text of moves, a block of whole lines at a time, out of every kind of file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..file import FileKind
from . import bgcode, threemf

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

BLOCK_BYTES: Final = 320 << 10
"""An array of a number for each line of it has less than 128 kB, which an allocator keeps for the
next one; more it gives back, and the system clears the pages anew every time."""
LONGEST_LINE: Final = 64 << 10
"""Bytes. A longer one is no command; it is skipped up to its end."""


type Pieces = Iterator[tuple[bytes, int, int]]
"""Text, and where in the file it begins and ends."""


def blocks(
    file: BinaryIO, size: int, name: str, kind: FileKind, plate: int | None
) -> Iterator[tuple[bytes, float, float]]:
    """Yield whole lines, with where in the file they begin and end as shares of its bytes.

    In an archive the shares are those of the plate's own text. Raises BadFile.
    """
    found, size = pieces(file, size, name, kind, plate)
    for text, begin, end in _whole_lines(found):
        yield text, min(begin / size, 1.0), min(end / size, 1.0)


def pieces(
    file: BinaryIO, size: int, name: str, kind: FileKind, plate: int | None
) -> tuple[Pieces, int]:
    """Return the text as it comes, cut anywhere, and how long all of it is.

    In an archive that is the plate's own text; of binary G-code it is the file. Raises BadFile.
    """
    if kind is FileKind.THREEMF:
        return threemf.moves(file, name, plate, BLOCK_BYTES)
    if kind is FileKind.BGCODE:
        return bgcode.moves(file, size, name), size
    return _plain(file), size


def _plain(file: BinaryIO) -> Pieces:
    at = 0
    while piece := file.read(BLOCK_BYTES):
        yield piece, at, at + len(piece)
        at += len(piece)


def _whole_lines(pieces: Pieces) -> Iterator[tuple[bytes, float, float]]:
    """Cut pieces at the ends of lines; what begins too long a line is dropped with the rest."""
    rest = b""
    skipping = False
    done = last = 0.0
    for piece, begin, end in pieces:
        text = piece
        last = end
        if skipping:
            cut = text.find(b"\n") + 1
            skipping = not cut
            text = text[cut:] if cut else b""
        text = rest + text
        cut = text.rfind(b"\n") + 1
        text, rest = text[:cut], text[cut:]
        if text:
            # Of a piece that was inflated, a byte of text is less than one of the file.
            upto = end - len(rest) * (end - begin) / len(piece)
            yield text, done, upto
            done = upto
        if len(rest) > LONGEST_LINE:
            rest, skipping = b"", True
    if rest:
        yield rest + b"\n", done, last
