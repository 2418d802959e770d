"""The pictures that slicers put into files, for lists and cards: the one that fits best.

None of them is decoded here but QOI: a picture is known by its magic bytes, and how large it is by
its header, before anybody spends memory on it.
"""

from __future__ import annotations

import os
import stat
import struct
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import TYPE_CHECKING, Final

from ..errors import BadFile
from ..file import FileKind
from . import bgcode, embedded, package, qoi
from .archive import Archive
from .sniff import HEAD_BYTES, sniff

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

LARGEST: Final = 5 << 20
"""Bytes of one picture as it is stored."""
_MOST_PIXELS: Final = 16_000_000
_HEADER_BYTES: Final = 64 << 10
"""Of a picture in an archive: a JPEG tells its size behind what a camera adds."""
_MOST: Final = 200
_USUAL: Final = ("Metadata/thumbnail.png", "/Metadata/thumbnail.png", "Thumbnails/thumbnail.png")
"""Where pictures of the whole package lie, pointed to or not."""
_FRAMES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""Markers of JPEG that tell its size."""


class ThumbnailFormat(StrEnum):
    """How a picture is stored."""

    PNG = "png"
    JPEG = "jpeg"
    QOI = "qoi"


@dataclass(frozen=True, kw_only=True, slots=True)
class Thumbnail:
    """A picture in a file."""

    width: int
    """Pixels, by the picture itself; what stands beside it lies."""
    height: int
    format: ThumbnailFormat
    size: int
    """Bytes as stored."""
    plate: int | None = None
    """Which plate it shows; None: the whole file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Stored:
    """A picture, and how to get all of it."""

    thumbnail: Thumbnail
    content: Callable[[], bytes]


def thumbnails(path: Path) -> tuple[Thumbnail, ...]:
    """Return the pictures in a file, the largest first. Those that are broken are left out.

    Not on the event loop. Raises BadFile for a file that cannot be read or is broken itself.
    """
    with _opened(path) as file:
        return thumbnails_in(file, os.fstat(file.fileno()).st_size, path.name)


def thumbnail(
    path: Path, *, plate: int | None = None, at_least_px: int | None = None
) -> bytes | None:
    """Return a picture of a plate as PNG or JPEG; without a number, of the file or its first plate.

    at_least_px: the longer side that is wanted; the smallest picture that has it is taken, or the
    largest where none has. Without it, the largest.

    Not on the event loop. None where there is none. Raises BadFile.
    """
    with _opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        return thumbnail_in(file, size, path.name, plate=plate, at_least_px=at_least_px)


def thumbnails_in(file: BinaryIO, size: int, name: str) -> tuple[Thumbnail, ...]:
    """Return the pictures in an open file of `size` bytes. Raises BadFile."""
    return tuple(one.thumbnail for one in _stored(file, size, name))


def thumbnail_in(
    file: BinaryIO,
    size: int,
    name: str,
    *,
    plate: int | None = None,
    at_least_px: int | None = None,
) -> bytes | None:
    """Return a picture out of an open file of `size` bytes, as `thumbnail` does. Raises BadFile."""
    found = _stored(file, size, name)
    if plate is None:
        plate = min((one.thumbnail.plate or 0 for one in found), default=0) or None
    shown = [one for one in found if one.thumbnail.plate == plate]
    if at_least_px is not None:
        # The largest first, until one of the smaller ones is large enough.
        enough = [one for one in shown if _side(one) >= at_least_px]
        shown = enough[::-1] + [one for one in shown if _side(one) < at_least_px]
    for one in shown:
        if (content := _shown(one)) is not None:
            return content
    return None


def _side(one: _Stored) -> int:
    return max(one.thumbnail.width, one.thumbnail.height)


def _shown(one: _Stored) -> bytes | None:
    """Return PNG or JPEG, or None when it is not whole."""
    try:
        content = one.content()
    except BadFile:
        return None
    match one.thumbnail.format:
        case ThumbnailFormat.QOI:
            return qoi.png_of(content)
        case ThumbnailFormat.PNG:
            return content if b"IEND" in content[-64:] else None
        case ThumbnailFormat.JPEG:
            return content if b"\xff\xd9" in content[-64:] else None


def _opened(path: Path) -> BinaryIO:
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            # Before it is opened: a pipe would not come back.
            raise BadFile(f"{path.name} is not a file", key="file_unreadable")
        return path.open("rb")
    except OSError as err:
        raise BadFile(f"{path.name}: {err.strerror}", key="file_unreadable") from err


def _stored(file: BinaryIO, size: int, name: str) -> list[_Stored]:
    """Return the pictures in a file, the largest first."""
    file.seek(0)
    kind = sniff(file.read(HEAD_BYTES))
    file.seek(0)
    match kind:
        case FileKind.GCODE:
            found = list(_of_whole(embedded.pictures(file, size)))
        case FileKind.BGCODE:
            found = list(_of_whole(bgcode.pictures(file, size, name, LARGEST)))
        case FileKind.THREEMF:
            found = list(_of_archive(Archive(file, name)))
        case _:
            found = []
    found.sort(key=lambda one: -one.thumbnail.width * one.thumbnail.height)
    return found[:_MOST]


def _of_whole(pictures: Iterator[bytes]) -> Iterator[_Stored]:
    """Look at pictures that are in memory anyway. Such files have one plate."""
    for content in pictures:
        if (known := _looked_at(content, len(content), 1)) is not None:
            yield _Stored(thumbnail=known, content=partial(bytes, content))


def _of_archive(archive: Archive) -> Iterator[_Stored]:
    pointed = package.relations(archive).thumbnail
    plates = {
        member: number
        for member in archive.members
        if (number := package.plate_shown_by(member)) is not None
    }
    whole = [one for one in (pointed, *_USUAL) if one is not None and one in archive.members]
    for member in dict.fromkeys((*plates, *whole)):
        stored = archive.members[member].file_size
        try:
            head = archive.head(member, _HEADER_BYTES)
        except BadFile:
            continue
        if (known := _looked_at(head, stored, plates.get(member))) is not None:
            yield _Stored(thumbnail=known, content=partial(archive.read, member, LARGEST))


def _looked_at(head: bytes, size: int, plate: int | None) -> Thumbnail | None:
    """Return what a picture is by its first bytes; None for none, or one that is too large."""
    if head.startswith(b"\x89PNG\r\n\x1a\n") and len(head) >= 24:
        known, (width, height) = ThumbnailFormat.PNG, struct.unpack_from(">II", head, 16)
    elif head.startswith(b"qoif") and len(head) >= 14:
        known, (width, height) = ThumbnailFormat.QOI, struct.unpack_from(">II", head, 4)
    elif head.startswith(b"\xff\xd8\xff"):
        known, (width, height) = ThumbnailFormat.JPEG, _jpeg_size(head)
    else:
        return None
    most = qoi.MOST_PIXELS if known is ThumbnailFormat.QOI else _MOST_PIXELS
    if not 0 < width * height <= most or not 0 < size <= LARGEST:
        return None
    return Thumbnail(width=width, height=height, format=known, size=size, plate=plate)


def _jpeg_size(head: bytes) -> tuple[int, int]:
    """Return width and height out of the first frame's header; zeros where there is none."""
    at = 2
    while at + 9 <= len(head) and head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if marker in _FRAMES:
            height, width = struct.unpack_from(">HH", head, at + 5)
            return width, height
        at += 2 + max(length, 2)
    return 0, 0
