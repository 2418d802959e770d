"""What a file is, from its first bytes and its size: names lie."""

from __future__ import annotations

import re
from typing import Final

from ..file import FileKind

HEAD_BYTES: Final = 4096
"""How much of the beginning `sniff` wants to see."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_STL_COUNT: Final = slice(80, 84)
_STL_RECORD: Final = 50
_BGCODE: Final = b"GCDE"
_BOM: Final = b"\xef\xbb\xbf"
_TYPICAL: Final = re.compile(rb"^[ \t]*(?:;|[GMTN]\d)", re.MULTILINE)
"""A comment or a numbered command. Printers that take words as commands write comments, too."""
_VERTEX: Final = re.compile(rb"^v[ \t]+[-+.\d]", re.MULTILINE)
_OFF: Final = re.compile(rb"(?:ST)?C?N?4?n?OFF\s")
_BY_ENDING: Final = {".stl": FileKind.STL, ".obj": FileKind.OBJ}
_FACETS: Final = re.compile(rb"(?im)\A\s*solid\b|^[ \t]*facet[ \t]")
_FACETS_GO_ON: Final = re.compile(rb"(?i)\b(?:facet|endsolid)\b")


def sniff(head: bytes, size: int | None = None, name: str = "") -> FileKind | None:
    """Return the kind of a file by its first `HEAD_BYTES`, or None for one we do not read.

    size: of all of it in bytes. Only that tells a binary STL, which begins with anything.
    name: of the file. Its ending is believed for a model that the bytes do not tell: it may be
    broken, and then its reader knows the cause.
    """
    return _by_bytes(head, size) or _BY_ENDING.get(name[-4:].lower())


def _by_bytes(head: bytes, size: int | None) -> FileKind | None:
    if head.startswith(_BGCODE):
        return FileKind.BGCODE
    if head.startswith(_ZIP):
        return FileKind.THREEMF
    if size is not None and records(head, size):
        return FileKind.STL
    if other_kind(head) is not None:
        return FileKind.OTHER_MESH
    text = head.removeprefix(_BOM).strip(b"\x00")
    if b"\x00" in text:
        return None
    if facets(text):
        return FileKind.STL
    if _TYPICAL.search(text):
        return FileKind.GCODE
    return FileKind.OBJ if _VERTEX.search(text) else None


def other_kind(head: bytes) -> str | None:
    """Return the usual ending of a model that we do not read ourselves."""
    if head.startswith((b"ply\n", b"ply\r")):
        return "ply"
    if head.startswith(b"glTF"):
        return "glb"
    return "off" if _OFF.match(head) else None


def promised(head: bytes) -> int | None:
    """Return how many triangles a binary STL would have; None for less than its header."""
    return int.from_bytes(head[_STL_COUNT], "little") if len(head) >= _STL_COUNT.stop else None


def records(head: bytes, size: int) -> bool:
    """Return whether a file has the size that it promises as a binary STL."""
    count = promised(head)
    return count is not None and _STL_COUNT.stop + count * _STL_RECORD == size


def facets(head: bytes) -> bool:
    """Return whether a file's beginning reads as an STL of text."""
    text = head.removeprefix(_BOM).rstrip(b"\x00")
    return (
        b"\x00" not in text
        and _FACETS.search(text) is not None
        and _FACETS_GO_ON.search(text) is not None
    )
