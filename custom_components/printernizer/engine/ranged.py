"""A file that lies elsewhere, of which only what is needed is fetched."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final, override

from .errors import BadFile

if TYPE_CHECKING:
    from collections.abc import Callable

BLOCK: Final = 64 << 10
"""Bytes fetched at once at least: a round trip to a printer costs more than they do."""
MOST_MOVED: Final = 4 << 20
"""Bytes one file is worth. Facts and a picture of a 3MF take some 300 kB, whatever its size."""


class RangedFile(io.RawIOBase):
    """A file that can be sought in and read, by blocks that are kept once they have come.

    `zipfile` and our readers take it. Not for the event loop: `read_at` waits.
    """

    def __init__(
        self,
        read_at: Callable[[int, int], bytes],
        size: int,
        name: str,
        *,
        most: int = MOST_MOVED,
    ) -> None:
        """read_at: returns `length` bytes from `offset`; it is asked for none behind `size`.

        most: bytes to move at most; more raises BadFile.
        """
        super().__init__()
        self._read_at = read_at
        self._size = size
        self._name = name
        self._most = most
        self._at = 0
        self._kept: dict[int, bytes] = {}
        self.moved = 0
        """Bytes that have come."""

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
        if base + offset < 0:
            raise OSError("a place before the beginning")
        self._at = base + offset
        return self._at

    @override
    def read(self, size: int | None = -1) -> bytes:
        """Return `size` bytes, fewer only at the end of the file. Raises BadFile."""
        left = max(0, self._size - self._at)
        wanted = left if size is None or size < 0 else min(size, left)
        if not wanted:
            return b""
        first, last = self._at // BLOCK, (self._at + wanted - 1) // BLOCK
        self._fetch(first, last)
        whole = b"".join(self._kept[number] for number in range(first, last + 1))
        start = self._at - first * BLOCK
        self._at += wanted
        return whole[start : start + wanted]

    @override
    def readall(self) -> bytes:
        return self.read()

    @override
    def readinto(self, buffer: object) -> int:
        view = memoryview(buffer)  # type: ignore[arg-type]
        content = self.read(len(view))
        view[: len(content)] = content
        return len(content)

    def _fetch(self, first: int, last: int) -> None:
        """See to it that these blocks are here, neighbours in one go."""
        missing = [number for number in range(first, last + 1) if number not in self._kept]
        while missing:
            begin = end = missing.pop(0)
            while missing and missing[0] == end + 1:
                end = missing.pop(0)
            offset = begin * BLOCK
            length = min((end + 1) * BLOCK, self._size) - offset
            if self.moved + length > self._most:
                raise BadFile(f"{self._name} at byte {offset}: too much of it would be needed")
            content = self._read_at(offset, length)
            self.moved += len(content)
            if len(content) != length:
                raise BadFile(f"{self._name} at byte {offset + len(content)}: it ends too early")
            for number in range(begin, end + 1):
                start = number * BLOCK - offset
                self._kept[number] = content[start : start + BLOCK]
