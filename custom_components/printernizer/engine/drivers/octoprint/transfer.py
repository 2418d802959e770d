"""Files on their way, in constant memory: a form that is streamed, an answer that is saved."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...errors import Garbled, Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from io import BufferedRandom, BufferedReader
    from pathlib import Path

    import aiohttp

    from ..base import Progress

CHUNK: Final = 256 * 1024
"""Bytes per step: one hop to the disk's thread each."""
_PARTIAL: Final = 206


@dataclass(slots=True)
class Form:
    """A multipart form with one file at its end, whose length is known before it is sent.

    The file's name goes out as it is, in UTF-8: OctoPrint takes percent signs for part of it.
    """

    source: Path
    size: int
    name: str
    fields: Mapping[str, str]
    progress: Progress | None = None
    sha1: str | None = None
    """Of what was sent, once all of it was."""
    _boundary: str = field(default_factory=lambda: secrets.token_hex(16))

    @property
    def headers(self) -> dict[str, str]:
        """What the request must say of its body."""
        head, tail = self._frame()
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(len(head) + self.size + len(tail)),
        }

    def _frame(self) -> tuple[bytes, bytes]:
        parts = [
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
            for key, value in self.fields.items()
        ]
        name = self.name.replace("\\", "_").replace('"', "_")
        parts.append(
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        return "".join(parts).encode(), f"\r\n--{self._boundary}--\r\n".encode()

    async def body(self) -> AsyncIterator[bytes]:
        """Yield the form, telling of each piece of the file once it was taken."""
        head, tail = self._frame()
        digest = hashlib.sha1(usedforsecurity=False)
        file: BufferedReader = await asyncio.to_thread(self.source.open, "rb")
        sent = 0
        try:
            yield head
            while sent < self.size:
                chunk = await asyncio.to_thread(_next, file, self.size - sent, digest)
                if not chunk:
                    raise Unreachable("the file shrank while it was being sent")
                yield chunk
                sent += len(chunk)
                if self.progress is not None:
                    self.progress(sent, self.size)
            yield tail
            self.sha1 = digest.hexdigest()
        finally:
            await asyncio.to_thread(file.close)


def _next(file: BufferedReader, left: int, digest: hashlib._Hash) -> bytes:
    chunk = file.read(min(CHUNK, left))
    digest.update(chunk)
    return chunk


def goes_on(response: aiohttp.ClientResponse, held: int) -> bool:
    """Whether an answer begins where we asked it to. Raises Garbled when it begins elsewhere."""
    if response.status != _PARTIAL:
        return False
    if not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
        raise Garbled("it answered with another part of the file")
    return True


async def save(
    response: aiohttp.ClientResponse,
    to: Path,
    start: int,
    total: int | None,
    progress: Progress | None,
) -> int:
    """Write an answer to disk from `start` on; what came stays there whatever happens."""
    file = await asyncio.to_thread(_opened, to, start)
    held = start
    buffer = bytearray()
    try:
        async for chunk in response.content.iter_chunked(CHUNK):
            if total is not None and held + len(buffer) + len(chunk) > total:
                raise Garbled(f"more than the {total} bytes that were promised")
            buffer += chunk
            if len(buffer) >= CHUNK:
                await asyncio.to_thread(file.write, bytes(buffer))
                held += len(buffer)
                buffer.clear()
                if progress is not None:
                    progress(held, total)
    finally:
        await asyncio.to_thread(_close, file, bytes(buffer))
    held += len(buffer)
    if progress is not None:
        progress(held, total)
    return held


def size_of(path: Path) -> int:
    """Return the size of a file, 0 for none."""
    return path.stat().st_size if path.exists() else 0


def sha1_of(path: Path) -> str:
    """Return the SHA-1 of a file, as OctoPrint 1.x tells it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()


def _opened(path: Path, start: int) -> BufferedRandom:
    file = path.open("r+b" if path.exists() else "w+b")
    file.seek(start)
    file.truncate()
    return file


def _close(file: BufferedRandom, rest: bytes) -> None:
    with file:
        file.write(rest)
