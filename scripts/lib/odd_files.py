"""Writes small files of the kinds that we read, as odd as they are wanted: for fuzzing and torture.

It shares no code with the readers, so that the two cannot be wrong alike.
"""

from __future__ import annotations

import base64
import io
import struct
import zipfile
import zlib
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE, MOVES, SLICER, PRINTER, PRINT, THUMBNAIL = range(6)
PLAIN, DEFLATE, SHRUNK_11, SHRUNK_12 = range(4)
RAW, PACKED, PACKED_COMMENTS = range(3)
CORE: Final = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
SPEAKING: Final = (
    f'xmlns="{CORE}" xmlns:p="http://schemas.microsoft.com/3dmanufacturing/production/2015/06"'
    ' xmlns:m="http://schemas.microsoft.com/3dmanufacturing/material/2015/02"'
)
RELATIONS: Final = (
    b'<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    b'<Relationship Target="/3D/3dmodel.model"'
    b' Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)
TRIANGLE: Final = (
    '<vertices><vertex x="0" y="0" z="0"/><vertex x="9" y="0" z="0"/><vertex x="0" y="9" z="0"/>'
    '</vertices><triangles><triangle v1="0" v2="1" v3="2"/></triangles>'
)


def archive(members: Mapping[str, bytes], *, deflated: bool = False) -> bytes:
    """Return a zip archive of these members."""
    out = io.BytesIO()
    how = zipfile.ZIP_DEFLATED if deflated else zipfile.ZIP_STORED
    with zipfile.ZipFile(out, "w", how) as written:
        for name, content in members.items():
            written.writestr(zipfile.ZipInfo(name), content, how)
    return out.getvalue()


def model(resources: str = "", build: str = '<item objectid="1"/>', *, head: str = "") -> bytes:
    """Return a 3MF's model. Without resources it is a triangle."""
    resources = resources or f'<object id="1"><mesh>{TRIANGLE}</mesh></object>'
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>{head}\n<model unit="millimeter" {SPEAKING}>'
        f"<resources>{resources}</resources><build>{build}</build></model>"
    ).encode()


def threemf(content: bytes, more: Mapping[str, bytes] | None = None) -> bytes:
    """Return a 3MF around a model."""
    parts = {"_rels/.rels": RELATIONS, "3D/3dmodel.model": content}
    return archive(parts | dict(more or {}), deflated=True)


def stl(triangles: bytes, count: int | None = None) -> bytes:
    """Return a binary STL of triangles of 50 bytes; `count` may lie."""
    said = len(triangles) // 50 if count is None else count
    return b"odd".ljust(80) + struct.pack("<I", said) + triangles


def facet(*corners: float) -> bytes:
    """Return a triangle of a binary STL, by its nine coordinates."""
    return struct.pack("<12fH", 0, 0, 1, *corners, 0)


def block(
    kind: int,
    content: bytes,
    *,
    compression: int = PLAIN,
    parameters: bytes = b"\0\0",
    stored: bytes | None = None,
    checked: bool = True,
) -> bytes:
    """Return a block of binary G-code; `stored` is what stands there in place of the content."""
    data = content if stored is None else stored
    head = struct.pack("<HHI", kind, compression, len(content))
    if compression != PLAIN:
        head += struct.pack("<I", len(data))
    whole = head + parameters + data
    return whole + (struct.pack("<I", zlib.crc32(whole)) if checked else b"")


def bgcode(*blocks: bytes, checked: bool = True, version: int = 1) -> bytes:
    """Return a file of binary G-code."""
    return struct.pack("<4sIH", b"GCDE", version, int(checked)) + b"".join(blocks)


def thumbnail(picture: bytes, size: str = "16x16") -> bytes:
    """Return a picture as it stands in the comments of G-code."""
    text = base64.b64encode(picture).decode()
    lines = (f"; {text[at : at + 76]}" for at in range(0, len(text), 76))
    said = "\n".join(lines)
    return f"; thumbnail begin {size} {len(text)}\n{said}\n; thumbnail end\n".encode()


def shrunk(data: bytes, window: int) -> bytes:
    """Pack with heatshrink: literals, and runs of what stood right before."""
    bits, at = [], 0
    while at < len(data):
        length = 0
        while 0 < at < len(data) - length and length < 16 and data[at + length] == data[at - 1]:
            length += 1
        if length > 2:
            bits.append(f"0{0:0{window}b}{length - 1:04b}")
            at += length
        else:
            bits.append(f"1{data[at]:08b}")
            at += 1
    text = "".join(bits)
    text += "0" * (-len(text) % 8)
    return int(text or "0", 2).to_bytes(len(text) // 8)


def png(width: int, height: int) -> bytes:
    """Return a picture that says it is so large; it has that size only up to a million pixels."""
    rows = bytes((width * 4 + 1) * height) if width * height <= 1_000_000 else b"\0"
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
            (b"IDAT", zlib.compress(rows)),
            (b"IEND", b""),
        )
    )
