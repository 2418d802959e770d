"""What the comments of a text G-code say, from its two ends: some 130 kB of whatever length."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

PIECE_BYTES: Final = 64 << 10
"""Bytes read of each end at first. Most slicers are done with it: their settings take 20 kB to
40 kB, and the commands around them tell the rest."""
HEAD_BYTES: Final = 1 << 20
"""Pictures push the settings of Bambu Studio back by some 100 kB."""
TAIL_BYTES: Final = 512 << 10
"""Settings at the end grow with the scripts in them."""
_GROWTH: Final = 2
_EDGE: Final = 2048
"""Bytes that tell whether a piece was cut in the middle of remarks."""
_BOM: Final = b"\xef\xbb\xbf"
_LONGEST: Final = 256 << 10
"""Bytes of a value. PrusaSlicer writes the outlines of all objects in one."""
_FRAME: Final = re.compile(r"\n;[ \t]*thumbnail(?:_[A-Z]{3})?[ \t]+(begin|end)[^\n]*")
_REMARK: Final = re.compile(rf"\n;[ \t]*+([^=:\n]{{1,100}}+)[=:]([^\n]{{0,{_LONGEST}}})")
_ROW: Final = re.compile(r"\n;[ \t]*+(\w{1,60}+),([^\n]{0,4096})")


@dataclass(frozen=True)
class Remarks:
    """The two ends of a file: whole lines, pictures left out. Each begins with a line's end."""

    head: str
    tail: str
    whole: bool
    """Whether they are all of the file."""

    @cached_property
    def said(self) -> Mapping[str, str]:
        """Return what stands as `; key = value` or `;KEY:value`; what stands last counts."""
        pairs = _REMARK.findall(self.head) + _REMARK.findall(self.tail)
        return {key.rstrip(): value.strip() for key, value in pairs}

    @cached_property
    def rows(self) -> Mapping[str, str]:
        """Return what stands as `;   key,value`, the way of Simplify3D."""
        return {key: value.strip() for key, value in _ROW.findall(self.head)}


def remarks_in(content: bytes, *, whole: bool = True) -> Remarks:
    """Return what a text of whole lines says; `whole` when nothing is missing behind it."""
    return Remarks(head=_lines(content.removeprefix(_BOM)), tail="", whole=whole)


def read_remarks(file: BinaryIO, size: int) -> Remarks:
    """Read both ends of a file of `size` bytes: 128 kB, at most 1.5 MB where remarks go on."""
    head = head_of(file, size)
    if len(head) >= size:
        return remarks_in(head)
    tail = _tail(file, size, len(head))
    # A line that is cut says something else: "MK4" of "MK4S".
    cut = head.rfind(b"\n") + 1
    if len(head) + len(tail) == size:
        return remarks_in(head + tail)
    tail = tail[tail.find(b"\n") + 1 :] if b"\n" in tail else b""
    return Remarks(head=_lines(head[:cut].removeprefix(_BOM)), tail=_lines(tail), whole=False)


def head_of(file: BinaryIO, size: int, most: int = HEAD_BYTES) -> bytes:
    """Read the beginning of a file of `size` bytes, as far as remarks go: at most `most` bytes."""
    wanted = PIECE_BYTES
    head = file.read(min(size, wanted))
    while len(head) == wanted < min(size, most) and _remarks_go_on(
        head[head.rfind(b"\n", 0, -_EDGE) + 1 :]
    ):
        wanted = min(wanted * _GROWTH, most)
        head += file.read(wanted - len(head))
    return head


def _tail(file: BinaryIO, size: int, after: int) -> bytes:
    """Read the end of a file, from `after` at the earliest."""
    wanted = PIECE_BYTES
    while True:
        begin = max(after, size - wanted)
        file.seek(begin)
        tail = file.read(size - begin)
        first = tail.find(b"\n") + 1
        if (
            begin == after
            or wanted == TAIL_BYTES
            or not _remarks_go_on(tail[first : first + _EDGE])
        ):
            return tail
        wanted = min(wanted * _GROWTH, TAIL_BYTES)


def _remarks_go_on(edge: bytes) -> bool:
    """Whether there is nothing but remarks."""
    return all(not line.strip() or line.startswith(b";") for line in edge.split(b"\n"))


def _lines(content: bytes) -> str:
    text = "\n" + content.replace(b"\r\n", b"\n").decode("utf-8", "replace")
    return _without_pictures(text) if "thumbnail" in text else text


def _without_pictures(text: str) -> str:
    """Leave out what stands between a `thumbnail begin` and the `thumbnail end` next to it."""
    kept, upto, begin = [], 0, None
    for frame in _FRAME.finditer(text):
        if frame.group(1) == "begin":
            begin = frame.start()
        elif begin is not None:
            kept.append(text[upto:begin])
            upto, begin = frame.end(), None
    return "".join((*kept, text[upto:]))
