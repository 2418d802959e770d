"""What a file is, from its first bytes: names lie."""

from __future__ import annotations

import re
from typing import Final

from ..file import FileKind

HEAD_BYTES: Final = 4096
"""How much of the beginning `sniff` wants to see."""
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_BGCODE: Final = b"GCDE"
_BOM: Final = b"\xef\xbb\xbf"
_TYPICAL: Final = re.compile(rb"^[ \t]*(?:;|[GMTN]\d)", re.MULTILINE)
"""A comment or a numbered command. Printers that take words as commands write comments, too."""


def sniff(head: bytes) -> FileKind | None:
    """Return the kind of a file by its first `HEAD_BYTES`, or None for one we do not read."""
    if head.startswith(_BGCODE):
        return FileKind.BGCODE
    if head.startswith(_ZIP):
        return FileKind.THREEMF
    text = head.removeprefix(_BOM).strip(b"\x00")
    if b"\x00" not in text and _TYPICAL.search(text):
        return FileKind.GCODE
    return None
