"""Binary G-code: what its metadata say before the moves, and the text of the moves.

Source: the specification in libbgcode (`doc/specifications.md`), version 1.
"""

from __future__ import annotations

import re
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..file import FileFacts, FileKind
from . import heatshrink
from .moments import moment
from .pieces import pieces_in
from .settings import UNSIGNED, Author, facts_of, text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import BinaryIO

    type Unshrink = Callable[..., bytes]
    """One of the decoders of heatshrink."""

_HEADER: Final = struct.Struct("<4sIH")
_BLOCK: Final = struct.Struct("<HHI")
_SIZE: Final = struct.Struct("<I")
_FILE, _GCODE, _SLICER, _PRINTER, _PRINT, _THUMBNAIL = range(6)
_METADATA: Final = frozenset({_FILE, _SLICER, _PRINTER, _PRINT})
_NONE, _DEFLATE = 0, 1
_WINDOWS: Final = {2: 11, 3: 12}
"""Bits of the window of the two kinds of heatshrink; both look ahead 4 bits."""
_LOOKAHEAD: Final = 4
_RAW, _MEATPACK, _MEATPACK_COMMENTS = range(3)
_CRC32: Final = 1
_MOST_BLOCKS: Final = 64
_LARGEST: Final = 4 << 20
"""Bytes of one block of metadata; the whole configuration of a slicer is some 100 kB."""
_MOST_SAID: Final = 4 << 20
"""Of all of them: heatshrink takes a second for 13 MB."""
_LARGEST_MOVES: Final = 1 << 20
"""Bytes of one block of moves; slicers fill 64 kB."""
_MOST_MOVES: Final = 100_000
_PRODUCER: Final = re.compile(r"([A-Za-z][\w-]{0,40})[ _-]?(\d\S{0,40})?")


@dataclass(frozen=True, slots=True)
class _Block:
    """A block's header, and where its data lie."""

    kind: int
    compression: int
    inflated: int
    stored: int
    head: bytes
    at: int
    """Of its parameters, in the file."""
    parameters: int
    checked: bool
    """Whether a checksum follows."""

    @property
    def after(self) -> int:
        return self.at + self.parameters + self.stored + (_SIZE.size if self.checked else 0)


def read(file: BinaryIO, size: int, name: str) -> FileFacts:
    """Return what the blocks before the moves say. Raises BadFile."""
    settings: dict[str, str] = {}
    producer: dict[str, str] = {}
    version, checked = _begin(file, name)
    if version != 1:
        # Another layout: nothing in it can be trusted to be where we look.
        return FileFacts(kind=FileKind.BGCODE)
    left = _MOST_SAID
    for block in _before_moves(file, size, name, checked=checked):
        if block.kind in _METADATA:
            said = _said(_content(file, block, name, most=min(left, _LARGEST)))
            left -= block.inflated
            if block.kind == _FILE:
                producer = said
            # A later block repeats what an earlier one says; the printer's own counts.
            settings = said | settings if block.kind != _PRINTER else settings | said
    return facts_of(settings, FileKind.BGCODE, author=_author(producer), pieces=pieces_in(settings))


def pictures(file: BinaryIO, size: int, name: str, most: int) -> Iterator[bytes]:
    """Yield the pictures before the moves, those of at most `most` bytes that are not broken.

    Raises BadFile.
    """
    version, checked = _begin(file, name)
    if version != 1:
        return
    for block in _before_moves(file, size, name, checked=checked):
        if block.kind == _THUMBNAIL:
            with suppress(BadFile):
                yield _content(file, block, name, most=most)


def _before_moves(file: BinaryIO, size: int, name: str, *, checked: bool) -> Iterator[_Block]:
    """Yield the first blocks, up to those of moves. Raises BadFile."""
    at = _HEADER.size
    for _ in range(_MOST_BLOCKS):
        block = _next(file, at, size, name, checked=checked)
        if block is None or block.kind == _GCODE:
            return
        yield block
        at = block.after


def _begin(file: BinaryIO, name: str) -> tuple[int, bool]:
    """Return the version, and whether there are checksums. Raises BadFile."""
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise BadFile(f"{name} at byte {len(head)}: it ends within its header")
    magic, version, checksum = _HEADER.unpack(head)
    if magic != b"GCDE" or checksum > _CRC32:
        raise BadFile(f"{name} at byte 0: its header is not one of binary G-code")
    return version, checksum == _CRC32


def _next(file: BinaryIO, at: int, size: int, name: str, *, checked: bool) -> _Block | None:
    """Read the header of the block at `at`; None at the end of the file. Raises BadFile."""
    if at >= size:
        return None
    file.seek(at)
    head = file.read(_BLOCK.size)
    if len(head) < _BLOCK.size:
        raise BadFile(f"{name} at byte {at}: it ends within the header of a block")
    kind, compression, inflated = _BLOCK.unpack(head)
    stored = inflated
    if compression != _NONE:
        more = file.read(_SIZE.size)
        if len(more) < _SIZE.size:
            raise BadFile(f"{name} at byte {at}: it ends within the header of a block")
        head += more
        (stored,) = _SIZE.unpack(more)
    if compression > max(_WINDOWS):
        raise BadFile(f"{name} at byte {at}: unknown compression {compression}")
    block = _Block(
        kind=kind,
        compression=compression,
        inflated=inflated,
        stored=stored,
        head=head,
        at=at + len(head),
        parameters=6 if kind == _THUMBNAIL else 2,
        checked=checked,
    )
    if block.after > size:
        raise BadFile(f"{name} at byte {at}: a block ends behind the file")
    return block


def _content(
    file: BinaryIO,
    block: _Block,
    name: str,
    *,
    most: int = _LARGEST,
    unshrink: Unshrink = heatshrink.decode,
) -> bytes:
    """Read and inflate a block, parameters cut off. Raises BadFile."""
    if max(block.stored, block.inflated) > most:
        raise BadFile(f"{name} at byte {block.at}: a block of {block.inflated} bytes")
    file.seek(block.at)
    body = file.read(block.parameters + block.stored)
    if block.checked:
        check = file.read(4)
        if check != _SIZE.pack(zlib.crc32(block.head + body)):
            raise BadFile(f"{name} at byte {block.at}: the checksum of a block does not fit")
    try:
        content = _inflated(body[block.parameters :], block, unshrink)
    except (zlib.error, ValueError) as err:
        raise BadFile(f"{name} at byte {block.at}: a block cannot be inflated") from err
    if len(content) != block.inflated:
        raise BadFile(f"{name} at byte {block.at}: a block is not as long as it says")
    return content


def _inflated(data: bytes, block: _Block, unshrink: Unshrink) -> bytes:
    if block.compression == _NONE:
        return data
    if block.compression == _DEFLATE:
        return zlib.decompressobj().decompress(data, block.inflated + 1)
    window = _WINDOWS[block.compression]
    return unshrink(data, block.inflated, window=window, lookahead=_LOOKAHEAD)


def moves(file: BinaryIO, size: int, name: str) -> Iterator[tuple[bytes, int, int]]:
    """Yield the text of each block of moves, and where in the file it begins and ends.

    Raises BadFile.
    """
    # Loaded by those who read moves: it needs numpy.
    from . import meatpack

    version, checked = _begin(file, name)
    if version != 1:
        raise BadFile(f"{name}: binary G-code of version {version}")
    at = _HEADER.size
    for _ in range(_MOST_MOVES):
        block = _next(file, at, size, name, checked=checked)
        if block is None:
            return
        end = block.after
        if block.kind == _GCODE:
            file.seek(block.at)
            (encoding,) = struct.unpack("<H", file.read(2))
            text = _content(file, block, name, most=_LARGEST_MOVES, unshrink=heatshrink.decode_fast)
            if encoding in {_MEATPACK, _MEATPACK_COMMENTS}:
                text = meatpack.decode(text)
            elif encoding != _RAW:
                raise BadFile(f"{name} at byte {block.at}: unknown encoding {encoding}")
            yield text, at, end
        at = end
    raise BadFile(f"{name}: it has too many blocks")


def _said(content: bytes) -> dict[str, str]:
    """Read lines of `key=value`."""
    said = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            said[key.strip()] = value.strip()
    return said


def _author(said: Mapping[str, str]) -> Author:
    match = _PRODUCER.match(text(said.get("Producer")) or "")
    if match is None:
        return UNSIGNED
    return Author(slicer=match.group(1), version=match.group(2), at=moment(said.get("Produced on")))
