"""Pictures in the comments of a text G-code.

`; thumbnail begin 220x124 22304`, base64 in comments, `; thumbnail end`. Neither the sizes nor the
kind that stand there are believed.
"""

from __future__ import annotations

import binascii
import re
from typing import TYPE_CHECKING, Final

from .remarks import head_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

_MOST_BYTES: Final = 8 << 20
"""Of the beginning of a file, pictures and all."""
_MOST: Final = 64
_FRAME: Final = re.compile(
    rb"^;[ \t]*thumbnail(?:_[A-Z]{3})?[ \t]+(begin|end)\b[^\n]*\n", re.MULTILINE
)
_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]*={0,2}")


def pictures(file: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield the pictures in the comments at the beginning of a file of `size` bytes.

    One that has no end, or is no base64, is left out.
    """
    head = head_of(file, size, _MOST_BYTES)
    begin = None
    found = 0
    for frame in _FRAME.finditer(head):
        if frame.group(1) == b"begin":
            begin = frame.end()
        elif begin is not None:
            content = _content(head[begin : frame.start()])
            begin = None
            if content is not None:
                yield content
                found += 1
                if found >= _MOST:
                    return


def _content(comments: bytes) -> bytes | None:
    lines = [line.strip() for line in comments.split(b"\n")]
    if not all(line.startswith(b";") for line in lines if line):
        # Moves stand between: the end belongs to another picture.
        return None
    text = b"".join(line[1:].strip() for line in lines)
    if not _BASE64.fullmatch(text):
        return None
    try:
        return binascii.a2b_base64(text + b"=" * (-len(text) % 4))
    except binascii.Error:
        return None
