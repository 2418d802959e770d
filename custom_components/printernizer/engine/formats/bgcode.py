"""Binary G-code: the metadata blocks before the first block of moves.

Source: the specification in libbgcode (`doc/specifications.md`), version 1.
"""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..file import FileFacts, FileKind
from .settings import KEYS, facts_of, text

if TYPE_CHECKING:
    from typing import BinaryIO

_HEADER: Final = struct.Struct("<4sIH")
_BLOCK: Final = struct.Struct("<HHI")
_SIZE: Final = struct.Struct("<I")
_FILE, _GCODE, _SLICER, _PRINTER, _PRINT, _THUMBNAIL = range(6)
_METADATA: Final = frozenset({_FILE, _SLICER, _PRINTER, _PRINT})
_NONE, _DEFLATE = 0, 1
_HEATSHRINK: Final = frozenset({2, 3})
_CRC32: Final = 1
_MOST_BLOCKS: Final = 64
_LARGEST: Final = 4 << 20
"""Bytes of one block of metadata; the whole configuration of a slicer is some 100 kB."""
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

    @property
    def after(self) -> int:
        return self.at + self.parameters + self.stored


def read(file: BinaryIO, size: int, name: str) -> FileFacts:
    """Return what the blocks before the moves say. Raises BadFile."""
    version, checksum = _begin(file, name)
    settings: dict[str, str] = {}
    producer = None
    if version != 1:
        # Another layout: nothing in it can be trusted to be where we look.
        return FileFacts(kind=FileKind.BGCODE)
    at = _HEADER.size
    for _ in range(_MOST_BLOCKS):
        block = _next(file, at, size, name)
        if block is None or block.kind == _GCODE:
            break
        end = block.after + (4 if checksum == _CRC32 else 0)
        if end > size:
            raise BadFile(f"{name} at byte {at}: a block ends behind the file")
        if block.kind in _METADATA and block.compression not in _HEATSHRINK:
            said = _said(_content(file, block, name, checked=checksum == _CRC32))
            producer = said.get("Producer", producer)
            # A later block repeats what an earlier one says; the printer's own counts.
            settings = said | settings if block.kind != _PRINTER else settings | said
        at = end
    known = {key: value for key, value in settings.items() if key in KEYS}
    return facts_of(known, FileKind.BGCODE, slicer=_producer(producer))


def _begin(file: BinaryIO, name: str) -> tuple[int, int]:
    head = file.read(_HEADER.size)
    if len(head) < _HEADER.size:
        raise BadFile(f"{name} at byte {len(head)}: it ends within its header")
    magic, version, checksum = _HEADER.unpack(head)
    if magic != b"GCDE" or checksum > _CRC32:
        raise BadFile(f"{name} at byte 0: its header is not one of binary G-code")
    return version, checksum


def _next(file: BinaryIO, at: int, size: int, name: str) -> _Block | None:
    """Read the header of the block at `at`; None at the end of the file."""
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
    if compression > max(_HEATSHRINK):
        raise BadFile(f"{name} at byte {at}: unknown compression {compression}")
    return _Block(
        kind=kind,
        compression=compression,
        inflated=inflated,
        stored=stored,
        head=head,
        at=at + len(head),
        parameters=6 if kind == _THUMBNAIL else 2,
    )


def _content(file: BinaryIO, block: _Block, name: str, *, checked: bool) -> bytes:
    """Read and inflate a block of metadata. Raises BadFile."""
    if max(block.stored, block.inflated) > _LARGEST:
        raise BadFile(f"{name} at byte {block.at}: {block.inflated} bytes of metadata")
    body = file.read(block.parameters + block.stored)
    if checked:
        check = file.read(4)
        if check != _SIZE.pack(zlib.crc32(block.head + body)):
            raise BadFile(f"{name} at byte {block.at}: the checksum of a block does not fit")
    data = body[block.parameters :]
    if block.compression == _NONE:
        return data
    inflater = zlib.decompressobj()
    try:
        content = inflater.decompress(data, block.inflated + 1)
    except zlib.error as err:
        raise BadFile(f"{name} at byte {block.at}: a block cannot be inflated") from err
    if len(content) != block.inflated:
        raise BadFile(f"{name} at byte {block.at}: a block is not as long as it says")
    return content


def _said(content: bytes) -> dict[str, str]:
    """Read lines of `key=value`."""
    said = {}
    for line in content.decode("utf-8", "replace").split("\n"):
        key, equals, value = line.partition("=")
        if equals:
            said[key.strip()] = value.strip()
    return said


def _producer(value: str | None) -> tuple[str, str | None] | None:
    match = _PRODUCER.match(text(value) or "")
    return (match.group(1), match.group(2)) if match else None
