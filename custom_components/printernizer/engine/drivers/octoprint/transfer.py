"""The form in which a file goes to an OctoPrint, and the checksum it tells of one."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from ..streams import Outgoing


@dataclass(slots=True)
class Form:
    """A multipart form with one file at its end, whose length is known before it is sent.

    The file's name goes out as it is, in UTF-8: OctoPrint takes percent signs for part of it.
    """

    file: Outgoing
    size: int
    name: str
    fields: Mapping[str, str]
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
        """Yield the form."""
        head, tail = self._frame()
        yield head
        async for chunk in self.file.chunks():
            yield chunk
        yield tail


def sha1_of(path: Path) -> str:
    """Return the SHA-1 of a file, as OctoPrint 1.x tells it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, sha1).hexdigest()


def sha1() -> hashlib._Hash:
    """Return the beginning of a SHA-1."""
    return hashlib.sha1(usedforsecurity=False)
