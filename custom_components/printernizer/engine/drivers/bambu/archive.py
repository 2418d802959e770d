"""The picture of a plate out of a 3MF that stays on the printer: its directory and one member."""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import TYPE_CHECKING, Final, override

if TYPE_CHECKING:
    from collections.abc import Callable

type Fetch = Callable[[int, int], bytes]

_BLOCK: Final = 64 * 1024
_BUDGET: Final = 6 << 20
"""Bytes moved at most for one picture; a directory is a few KB, a picture below 200 KB."""
PICTURE_LIMIT: Final = 2 << 20
_PNG: Final = b"\x89PNG\r\n\x1a\n"


class _TooMuch(Exception):
    """The archive wants more read than a picture is worth."""


class RangedFile(io.RawIOBase):
    """A remote file that can be sought in; blocks once fetched are kept."""

    def __init__(self, fetch: Fetch, size: int) -> None:
        super().__init__()
        self._fetch = fetch
        self._size = size
        self._at = 0
        self._kept: dict[int, bytes] = {}

    @override
    def readable(self) -> bool:
        return True

    @override
    def seekable(self) -> bool:
        return True

    @override
    def tell(self) -> int:
        return self._at

    @override
    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    @override
    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        if self._at >= self._size:
            return 0
        number, start = divmod(self._at, _BLOCK)
        piece = self._block(number)[start : start + len(view)]
        view[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _block(self, number: int) -> bytes:
        if number not in self._kept:
            if (len(self._kept) + 1) * _BLOCK > _BUDGET:
                raise _TooMuch
            self._kept[number] = self._fetch(number * _BLOCK, _BLOCK)
        return self._kept[number]


def plate_picture(fetch: Fetch, size: int, plate: int | None) -> bytes | None:
    """Return the PNG of a plate (its first without a number), or None when there is none.

    `fetch(offset, count)` returns a piece of the archive of `size` bytes.
    """
    try:
        with zipfile.ZipFile(io.BufferedReader(RangedFile(fetch, size), _BLOCK)) as archive:
            names = set(archive.namelist())
            wanted = [f"Metadata/plate_{plate or 1}.png"]
            if plate is None:
                wanted += [f"Metadata/plate_{number}.png" for number in range(2, 37)]
            name = next((name for name in wanted if name in names), None)
            if name is None or archive.getinfo(name).file_size > PICTURE_LIMIT:
                return None
            with archive.open(name) as member:
                picture = member.read(PICTURE_LIMIT + 1)
    except zipfile.BadZipFile, zlib.error, _TooMuch, EOFError, ValueError, NotImplementedError:
        return None
    return picture if picture.startswith(_PNG) and len(picture) <= PICTURE_LIMIT else None
