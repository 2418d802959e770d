"""Files of a virtual machine, in its memory."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from ...errors import BadFile, Garbled, Refused, Unreachable
from ..base import RemoteFile
from .machine import VirtualFile

if TYPE_CHECKING:
    from pathlib import Path

    from ..base import Progress
    from .machine import VirtualMachine

_CHUNK: Final = 1 << 20


class VirtualStorage:
    """Files of the machine, in memory."""

    calm = True

    def __init__(self, machine: VirtualMachine) -> None:
        self._machine = machine

    @property
    def free_bytes(self) -> int:
        """Room left."""
        return self._machine.storage_bytes - self._machine.used_bytes

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder: the machine knows files by path, folders follow from them."""
        self._reach()
        prefix = f"{path.rstrip('/')}/"
        inside = [file for name, file in self._machine.files.items() if name.startswith(prefix)]
        if not inside and prefix != "/":
            raise Refused(f"no folder {path}", key="file_missing", path=path)
        folders = {
            file.path[len(prefix) :].split("/", 1)[0]
            for file in inside
            if "/" in file.path[len(prefix) :]
        }
        return (
            *(RemoteFile(path=prefix + name, name=name, folder=True) for name in sorted(folders)),
            *(
                RemoteFile(
                    path=file.path,
                    name=file.name,
                    size=len(file.content),
                    modified=datetime.fromtimestamp(file.modified, UTC),
                    printable=True,
                )
                for file in inside
                if "/" not in file.path[len(prefix) :]
            ),
        )

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Write a file to disk, going on where `to` ends."""
        self._reach()
        file = self._machine.files.get(path)
        if file is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        held = await asyncio.to_thread(_size, to)
        if held > len(file.content):
            raise Garbled(f"{held} bytes of {len(file.content)} are here already")
        await asyncio.to_thread(_append, to, file.content[held:])
        if progress is not None:
            progress(len(file.content), len(file.content))

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Return a piece of a file."""
        self._reach()
        file = self._machine.files.get(path)
        if file is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        return bytes(file.content[offset : offset + length])

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Keep a file in memory; the machine prints it as its default plate.

        Nothing is read of one that has no room: what the machine stores is our memory.
        """
        self._reach()
        if path in self._machine.files and not replace:
            raise Refused(f"{path} is there already", key="file_exists", path=path)
        content = bytearray()
        try:
            total = (await asyncio.to_thread(source.stat)).st_size
            self._machine.check_room(path, total)
            file = await asyncio.to_thread(source.open, "rb")
            try:
                while block := await asyncio.to_thread(file.read, _CHUNK):
                    self._reach()
                    content += block
                    self._machine.check_room(path, len(content))
                    if progress is not None:
                        progress(len(content), total)
            finally:
                file.close()
        except OSError as err:
            raise BadFile(f"{source.name} cannot be read: {err.strerror}") from err
        self._machine.store(
            VirtualFile(path=path, content=bytes(content), modified=self._machine.now())
        )
        return path

    async def delete(self, path: str) -> None:
        """Remove a file."""
        self._reach()
        self._machine.remove(path)

    async def move(self, path: str, to: str, *, replace: bool = False) -> str:
        """Give a file another name or folder."""
        self._reach()
        if path not in self._machine.files:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        if to in self._machine.files and not replace:
            raise Refused(f"{to} is there already", key="file_exists", path=to)
        self._machine.rename(path, to)
        return to

    async def thumbnail(self, reference: str) -> bytes | None:
        """Return nothing: virtual files hold no pictures, so no `reference` was ever given."""
        self._reach()
        return None

    def _reach(self) -> None:
        if not self._machine.reachable:
            raise Unreachable("the machine is off or its line is cut")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        for start in range(0, len(content), _CHUNK):
            file.write(content[start : start + _CHUNK])
