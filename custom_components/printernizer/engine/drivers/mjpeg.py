"""Cuts a stream of JPEG pictures (`multipart/x-mixed-replace`) into pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..errors import Garbled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

LARGEST: Final = 10 << 20
_LONGEST_HEAD: Final = 8192
_BEGIN: Final = b"\xff\xd8"


def boundary_of(content_type: str) -> bytes | None:
    """Return the line between two pictures, or None when it is no such stream."""
    kind, _, rest = content_type.partition(";")
    if kind.strip().lower() != "multipart/x-mixed-replace":
        return None
    for part in rest.split(";"):
        key, _, value = part.strip().partition("=")
        if key.lower() == "boundary" and (name := value.strip('"').lstrip("-")):
            # Servers disagree whether the dashes before it are part of its name.
            return f"--{name}".encode()
    return None


async def pictures(chunks: AsyncIterator[bytes], boundary: bytes) -> AsyncIterator[bytes]:
    """Yield pictures as they are complete. Raises Garbled beyond 10 MB or without any sense."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        while (cut := _cut(buffer, boundary)) is not None:
            picture, used = cut
            del buffer[:used]
            if picture.startswith(_BEGIN):
                yield picture
        if len(buffer) > LARGEST + _LONGEST_HEAD:
            raise Garbled("a picture that does not end")


def _cut(buffer: bytearray, boundary: bytes) -> tuple[bytes, int] | None:
    """Return the first whole picture and how much of the buffer it takes, or None for now."""
    start = buffer.find(boundary)
    if start < 0:
        return None
    head_end = buffer.find(b"\r\n\r\n", start)
    if head_end < 0:
        if len(buffer) - start > _LONGEST_HEAD:
            raise Garbled("a picture with an endless head")
        return None
    body = head_end + 4
    length = _length(bytes(buffer[start:head_end]))
    if length is not None:
        if length > LARGEST:
            raise Garbled("a picture of an impossible size")
        return (
            (bytes(buffer[body : body + length]), body + length)
            if (len(buffer) >= body + length)
            else None
        )
    end = buffer.find(boundary, body)
    return None if end < 0 else (bytes(buffer[body:end]).rstrip(b"\r\n-"), end)


def _length(head: bytes) -> int | None:
    for line in head.split(b"\r\n"):
        key, _, value = line.partition(b":")
        if key.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value.strip()[:12])
    return None
