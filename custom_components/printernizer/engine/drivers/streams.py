"""Files on their way over HTTP, in constant memory: read ahead of the line, written behind it."""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
from contextlib import suppress
from io import SEEK_END
from typing import TYPE_CHECKING, Final, Self

from ..errors import BadFile, Garbled, Refused, StoreError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from io import BufferedRandom, FileIO
    from pathlib import Path

    import aiohttp

    from .base import Progress

CHUNK: Final = 256 * 1024
"""Bytes per step: one hop to the disk's thread each, a quarter second on a slow stick."""
_LOT: Final = 4 * CHUNK
"""Bytes that may wait for the disk; then the line waits too."""
READ_BUFFER: Final = 1 << 18
"""What a large answer should ask of the HTTP library as `read_bufsize`."""
WHOLE: Final = {"Accept-Encoding": "identity"}
"""What a large answer is asked with: a packed one has no ranges and no length."""
_OK: Final = 200
_PARTIAL: Final = 206
_BEHIND_THE_END: Final = 416


class Outgoing:
    """A file of ours on its way out; remembers when it was the file that failed.

    Entered and left by whoever sends it: nobody ends the body of a request that breaks.
    """

    def __init__(
        self, source: Path, size: int, progress: Progress | None = None, *, digest: str = ""
    ) -> None:
        """digest: the name of a checksum to make of what is read, as `hashlib` knows it."""
        self._source = source
        self._size = size
        self._progress = progress
        self._algorithm = digest
        self._digest: hashlib._Hash | None = None
        self._file: FileIO | None = None
        self._ahead: asyncio.Future[bytes] | None = None
        self.error: BadFile | None = None

    async def __aenter__(self) -> Self:
        """Open the file. Raises BadFile."""
        try:
            self._file = await asyncio.to_thread(self._source.open, "rb", buffering=0)
        except OSError as err:
            raise _unreadable(self._source, err) from err
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close it, once nobody reads it any more."""
        await self._at_rest()
        if self._file is not None:
            await asyncio.to_thread(self._file.close)

    @property
    def checksum(self) -> str:
        """Of what was read so far, hex; empty when none was asked for."""
        return self._digest.hexdigest() if self._digest is not None else ""

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read `size` bytes, telling of each piece once it was taken.

        What goes wrong is told by `error`: the HTTP library takes it for a broken line.
        """
        await self._at_rest()
        if self._algorithm:
            self._digest = hashlib.new(self._algorithm, usedforsecurity=False)
        sent = 0
        self._ask(sent)
        while self._ahead is not None:
            # Not awaited itself: whoever cancels us must not make it look finished.
            await asyncio.wait([self._ahead])
            chunk = self._ahead.result()
            sent += len(chunk)
            # The next piece is read while this one is on its way.
            self._ask(sent)
            yield chunk
            if self._progress is not None:
                self._progress(sent, self._size)

    def _ask(self, offset: int) -> None:
        self._ahead = (
            asyncio.ensure_future(asyncio.to_thread(self._read, offset))
            if offset < self._size
            else None
        )

    async def _at_rest(self) -> None:
        if self._ahead is not None:
            await asyncio.wait([self._ahead])
            self._ahead.exception()

    def _read(self, offset: int) -> bytes:
        assert self._file is not None
        try:
            chunk = os.pread(self._file.fileno(), min(CHUNK, self._size - offset), offset)
        except OSError as err:
            self.error = _unreadable(self._source, err)
            raise self.error from err
        if not chunk:
            self.error = BadFile(f"{self._source.name} shrank while it was being sent")
            raise self.error
        if self._digest is not None:
            self._digest.update(chunk)
        return chunk


def goes_on(response: aiohttp.ClientResponse, held: int) -> bool:
    """Whether an answer begins where we asked it to. Raises Garbled when it begins elsewhere."""
    if response.status != _PARTIAL:
        return False
    if not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
        raise Garbled("it answered with another part of the file")
    return True


def part_asked(offset: int, length: int) -> dict[str, str]:
    """Return what asks for a piece of a file."""
    return {"Range": f"bytes={offset}-{offset + length - 1}"}


async def part_of(response: aiohttp.ClientResponse, offset: int, length: int) -> bytes:
    """Read the answer to such a question: at most `length` bytes, none behind the end.

    A short file that was asked for whole is no part, and some servers then say so.

    Raises Refused(key="not_supported") when it is not the piece that was asked for: what asked
    for it then hangs up, rather than take the whole file.
    """
    if response.status == _BEHIND_THE_END:
        return b""
    if not _is_part(response, offset, length):
        raise Refused("it hands out whole files only", key="not_supported")
    content = bytearray()
    async for chunk in response.content.iter_any():
        content += chunk
        if len(content) > length:
            raise Refused("it hands out more than it is asked for", key="not_supported")
    return bytes(content)


def _is_part(response: aiohttp.ClientResponse, offset: int, length: int) -> bool:
    if response.status == _OK:
        told = response.content_length
        return offset == 0 and told is not None and told <= length
    said = response.headers.get("Content-Range", "")
    return response.status == _PARTIAL and said.startswith(f"bytes {offset}-")


async def save(
    response: aiohttp.ClientResponse,
    to: Path,
    start: int,
    total: int | None,
    progress: Progress | None,
    digest: hashlib._Hash | None = None,
) -> int:
    """Write an answer to disk from `start` on; what came stays there whatever happens.

    digest: is made to hold the whole file, what lay there before included. Returns how long the
    file is then. Raises Garbled for more than `total` bytes, StoreError when our disk is full.
    """
    file = await asyncio.to_thread(_opened, to, start, digest)
    came = asked = told = start
    waiting: list[bytes] = []
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk, _ in response.content.iter_chunks():
            if total is not None and came + len(chunk) > total:
                raise Garbled(f"more than the {total} bytes that were promised")
            waiting.append(chunk)
            came += len(chunk)
            busy = writing is not None and not writing.done()
            if came - asked >= (_LOT if busy else CHUNK):
                # One lot is written while the next one comes; it grows while the disk is busy.
                await _written(writing)
                writing = asyncio.ensure_future(asyncio.to_thread(_write, file, waiting, digest))
                asked, waiting = came, []
            if progress is not None and came - told >= CHUNK:
                told = came
                progress(came, total)
    finally:
        await _closed(file, writing, waiting, digest)
    if progress is not None:
        progress(came, total)
    return came


async def _written(lot: asyncio.Future[None] | None) -> None:
    """Wait until a lot is written. Who cancels us does not make it look finished."""
    if lot is not None:
        await asyncio.wait([lot])
        lot.result()


async def _closed(
    file: BufferedRandom,
    writing: asyncio.Future[None] | None,
    rest: list[bytes],
    digest: hashlib._Hash | None,
) -> None:
    """Write what is left and close, after the lot that is being written."""
    try:
        await _written(writing)
        await asyncio.to_thread(_write, file, rest, digest)
    finally:
        await asyncio.to_thread(_close, file)


def size_to_send(source: Path) -> int:
    """Return the size of a file that is to be sent. Raises BadFile when it cannot be read."""
    try:
        with source.open("rb") as file:
            return file.seek(0, SEEK_END)
    except OSError as err:
        raise _unreadable(source, err) from err


def size_held(path: Path) -> int:
    """Return how much of a file lies here already, 0 for none."""
    return path.stat().st_size if path.exists() else 0


def _unreadable(source: Path, err: OSError) -> BadFile:
    return BadFile(f"{source.name} cannot be read: {err.strerror}")


def _opened(path: Path, start: int, digest: hashlib._Hash | None) -> BufferedRandom:
    file = path.open("r+b" if path.exists() else "w+b")
    # What shrank since it was measured ends this too: then the checksum says so.
    while digest is not None and (piece := file.read(min(_LOT, start - file.tell()))):
        digest.update(piece)
    file.seek(start)
    file.truncate()
    return file


def _write(file: BufferedRandom, pieces: list[bytes], digest: hashlib._Hash | None) -> None:
    """Write pieces down to the disk. Raises StoreError: it is ours that takes nothing."""
    try:
        file.writelines(pieces)
        file.flush()
    except OSError as err:
        key = "disk_full" if err.errno == errno.ENOSPC else "store_failed"
        raise StoreError(f"cannot write: {err.strerror}", key=key) from err
    if digest is not None:
        for piece in pieces:
            digest.update(piece)


def _close(file: BufferedRandom) -> None:
    with suppress(OSError):
        file.close()
