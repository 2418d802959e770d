"""Files on a Moonraker: listed, fetched, stored, moved and deleted, in constant memory."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

from ...errors import Garbled, Refused, Unreachable
from ..streams import Outgoing, goes_on, part_asked, part_of, save, size_held, size_to_send
from .address import target_of
from .layout import MAIN, picture_in
from .messages import name, obj, parse, whole
from .web import refused_upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from ...printer import CurrentJob
    from ..base import Progress, RemoteFile
    from .layout import Layout
    from .watch import Watch
    from .web import Http

_OK: Final = 200
_PARTIAL: Final = 206
_CREATED: Final = 201
_MISSING: Final = 404
_UNZIPPED: Final = ".ufp"
"""An Ultimaker package is taken apart: what lies there afterwards is a G-code file."""


class MoonrakerStorage:
    """Files of the server."""

    calm = True
    """It is a process beside Klipper; web pages read files of running prints all the time."""

    def __init__(self, watch: Watch, http: Http) -> None:
        self._watch = watch
        self._http = http

    @property
    def _layout(self) -> Layout:
        return self._watch.house.layout

    @property
    def free_bytes(self) -> int | None:
        """Room left for print files, as the last look told."""
        return self._layout.free_bytes

    # -- looking -----------------------------------------------------------------------------

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder. Raises Refused(key="file_missing")."""
        segments = self._layout.locate(path)
        answer = await self._folder(segments, path)
        files = self._layout.files_of(answer, segments)
        return (*files, *self._layout.others()) if path.strip("/") == "" else files

    async def _folder(self, segments: tuple[str, ...], path: str) -> object:
        try:
            return await self._watch.line.call(
                "server.files.get_directory", {"path": "/".join(segments), "extended": True}
            )
        except Refused as err:
            raise Refused(err.reason, key="file_missing", path=path) from err

    async def thumbnail(self, reference: str) -> bytes | None:
        """Fetch the picture of a file, or None when the server has none there."""
        return await self._http.picture(self._target(self._layout.locate(reference)))

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Fetch the picture inside the job's file, or None when it has none."""
        if job.path is None:
            return None
        root, *rest = self._layout.locate(job.path)
        if root != MAIN or not rest:
            return None
        metadata = await self._watch.ask("server.files.metadata", {"filename": "/".join(rest)})
        inside = picture_in(metadata) if isinstance(metadata, dict) else None
        if inside is None:
            return None
        return await self._http.picture(self._target((MAIN, *rest[:-1], *inside)))

    def _target(self, segments: tuple[str, ...]) -> str:
        return target_of("server", "files", *segments)

    async def _size_of(self, segments: tuple[str, ...]) -> int | None:
        """Return how long a file is, None when there is none."""
        answer = await self._http.request("HEAD", self._target(segments))
        if answer.status == 404:
            return None
        if answer.status != _OK:
            raise answer.error
        length = answer.headers.get("Content-Length", "")
        return int(length) if length.isdecimal() else 0

    # -- fetching ----------------------------------------------------------------------------

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file, going on where `to` ends."""
        segments = self._layout.locate(path)
        size = await self._size_of(segments)
        if size is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        held = await asyncio.to_thread(size_held, to)
        if held == size and size > 0:
            return
        held = 0 if held > size else held
        headers = {"Range": f"bytes={held}-"} if held else {}
        async with self._http.stream(self._target(segments), headers=headers) as response:
            if response.status not in {_OK, _PARTIAL}:
                raise await self._http.complaint(response)
            start = held if goes_on(response, held) else 0
            got = await save(response, to, start, size, progress)
        if got != size:
            raise Garbled(f"{got} bytes came of {size}")

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Fetch a piece of a file."""
        target = self._target(self._layout.locate(path))
        async with self._http.stream(target, headers=part_asked(offset, length)) as response:
            if response.status == _MISSING:
                raise Refused(f"no file {path}", key="file_missing", path=path)
            if response.status in {401, 403} or response.status >= 500:
                raise await self._http.complaint(response)
            return await part_of(response, offset, length)

    # -- storing -----------------------------------------------------------------------------

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Store a file, its checksum sent along for the server to compare.

        Raises Garbled when the server found it different, which is worth another try.
        """
        segments = self._layout.locate(path)
        size = await asyncio.to_thread(size_to_send, source)
        await self._admit(segments, size, path=path, replace=replace)
        async with Outgoing(source, size, progress, digest="sha256") as file:
            body = Multipart(file, size, segments)
            try:
                answer = await self._http.send(
                    "/server/files/upload", headers=body.headers, body=body.chunks()
                )
            except Unreachable as err:
                raise file.error or err from err
        if answer.status == 422:
            raise Garbled("what arrived is not what was sent", payload=answer.body)
        if answer.status not in {_OK, _CREATED}:
            raise refused_upload(answer.error)
        told = parse(answer.body)
        # Some versions wrap it like every other answer.
        return self._stored(obj(told, "result") or told, segments, size)

    async def _admit(
        self, segments: tuple[str, ...], size: int, *, path: str, replace: bool
    ) -> None:
        """Refuse what cannot end well before the first byte leaves."""
        root, *rest = segments
        if not rest or '"' in rest[-1]:
            raise Refused(f"{path} is no name for a file", key="unsupported_file", path=path)
        if not self._layout.roots.get(root, False):
            raise Refused(f"{root} cannot be written to", key="not_supported")
        if self.free_bytes is not None and self.free_bytes < size:
            # Somebody may have made room since the last look.
            await self.list()
        free = self.free_bytes
        if free is not None and free < size:
            raise Refused(f"{size} bytes do not fit into {free}", key="storage_full")
        if not replace and await self._size_of(segments) is not None:
            raise Refused(f"{path} is there already", key="file_exists", path=path)

    def _stored(self, told: object, segments: tuple[str, ...], size: int) -> str:
        """Return where a file lies now, and prove its size."""
        item = obj(told, "item")
        where = name(item, "path")
        if where is None:
            raise Garbled("an upload without an answer")
        stored = (segments[0], *(part for part in where.split("/") if part))
        shown = whole(item, "size")
        if not segments[-1].lower().endswith(_UNZIPPED) and shown not in {None, size}:
            raise Garbled(f"{size} bytes were sent, the server shows {shown}")
        return self._layout.shown(stored)

    async def delete(self, path: str) -> None:
        """Remove a file. Raises Refused when missing or being printed."""
        segments = self._layout.locate(path)
        if await self._size_of(segments) is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        await self._watch.line.call("server.files.delete_file", {"path": "/".join(segments)})

    async def move(self, path: str, to: str, *, replace: bool = False) -> str:
        """Give a file another name or folder; returns where it lies then.

        Raises Refused: "file_missing", "file_exists" unless `replace`, "printer_busy".
        """
        source, goal = self._layout.locate(path), self._layout.locate(to)
        if await self._size_of(source) is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        if not replace and await self._size_of(goal) is not None:
            raise Refused(f"{to} is there already", key="file_exists", path=to)
        await self._watch.line.call(
            "server.files.move", {"source": "/".join(source), "dest": "/".join(goal)}
        )
        return self._layout.shown(goal)


class Multipart:
    """A form with one file, its length known before it is read and its checksum at its end."""

    def __init__(self, file: Outgoing, size: int, segments: tuple[str, ...]) -> None:
        self._file = file
        self._size = size
        self._boundary = f"printernizer{secrets.token_hex(16)}"
        root, *folders, own = segments
        head = self._field("root", root) + self._field("path", "/".join(folders))
        head += (
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="file"; filename="{own}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        )
        self._head = head.encode()

    @property
    def headers(self) -> Mapping[str, str]:
        """What the request says of it."""
        # A checksum is as long as another.
        length = len(self._head) + self._size + len(self._tail("0" * 64))
        return {
            "Content-Type": f"multipart/form-data; boundary={self._boundary}",
            "Content-Length": str(length),
        }

    def _field(self, key: str, value: str) -> str:
        return (
            f'--{self._boundary}\r\nContent-Disposition: form-data; name="{key}"\r\n\r\n{value}\r\n'
        )

    def _tail(self, checksum: str) -> bytes:
        return f"\r\n{self._field('checksum', checksum)}--{self._boundary}--\r\n".encode()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield it all."""
        yield self._head
        async for chunk in self._file.chunks():
            yield chunk
        yield self._tail(self._file.checksum)
