"""QOI pictures, which Prusa's printers like and browsers do not know, into PNG.

Source: "The Quite OK Image Format" specification, version 1.0.
"""

from __future__ import annotations

import struct
import zlib
from typing import Final

_HEADER: Final = struct.Struct(">4sIIBB")
MOST_PIXELS: Final = 1 << 20
"""What a picture may have: those for printers' screens have a third of it."""
_RGB, _RGBA = 0xFE, 0xFF
_INDEX, _DIFF, _LUMA = range(3)


def png_of(picture: bytes) -> bytes | None:
    """Return a QOI picture as PNG; None where it is broken, cut off or too large."""
    if len(picture) < _HEADER.size:
        return None
    magic, width, height, channels, _ = _HEADER.unpack_from(picture)
    if magic != b"qoif" or channels not in {3, 4} or not 0 < width * height <= MOST_PIXELS:
        return None
    try:
        pixels = _decoded(picture, width * height)
    except IndexError:
        return None
    rows = b"".join(
        b"\x00" + pixels[at : at + width * 4] for at in range(0, len(pixels), width * 4)
    )
    return b"".join(
        (
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)),
            _chunk(b"IDAT", zlib.compress(rows)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _decoded(picture: bytes, wanted: int) -> bytes:
    """Return `wanted` pixels as red, green, blue, alpha. Raises IndexError at the end of bytes."""
    seen = [b"\x00\x00\x00\x00"] * 64
    red = green = blue = 0
    alpha = 255
    pixel = b"\x00\x00\x00\xff"
    out = bytearray()
    at = _HEADER.size
    end = wanted * 4
    while len(out) < end:
        tag = picture[at]
        at += 1
        kind, low = tag >> 6, tag & 63
        if kind == 3 and tag < _RGB:
            out += pixel * (low + 1)
            continue
        if tag >= _RGB:
            red, green, blue = picture[at], picture[at + 1], picture[at + 2]
            if tag == _RGBA:
                alpha = picture[at + 3]
            at += 3 + (tag == _RGBA)
        elif kind == _INDEX:
            red, green, blue, alpha = seen[low]
        elif kind == _DIFF:
            red = (red + (low >> 4) - 2) & 255
            green = (green + (low >> 2 & 3) - 2) & 255
            blue = (blue + (low & 3) - 2) & 255
        else:
            more = picture[at]
            at += 1
            red = (red + low - 40 + (more >> 4)) & 255
            green = (green + low - 32) & 255
            blue = (blue + low - 40 + (more & 15)) & 255
        pixel = bytes((red, green, blue, alpha))
        seen[(red * 3 + green * 5 + blue * 7 + alpha * 11) & 63] = pixel
        out += pixel
    return bytes(out[:end])
