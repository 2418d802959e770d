"""Files on a PrusaLink: listed, fetched, stored and deleted, in constant memory."""

from __future__ import annotations

import asyncio
import errno
from collections import OrderedDict
from contextlib import suppress
from io import SEEK_END
from typing import TYPE_CHECKING, Final

from ...errors import BadFile, Garbled, Refused, StoreError, Unreachable
from .client import PICTURE_LIMIT, Answer, error_of, parse_object, target_of
from .messages import Dialect, obj, reference, text, whole

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
    from io import BufferedRandom, FileIO
    from pathlib import Path

    import aiohttp

    from ...workshop.clock import Clock
    from ..base import Progress, RemoteFile
    from .client import Client
    from .layout import Layout
    from .messages import Json

_CHUNK: Final = 256 * 1024
"""Bytes per step: one hop to the disk's thread each, a quarter second on a slow stick."""
_KEPT: Final = 8
"""Answers that are kept for their ETag: pictures and folders, at most 2 MB each."""
_NOT_MODIFIED: Final = 304
_OK: Final = 200
_PARTIAL: Final = 206


class PrusaLinkStorage:
    """Files on the printer."""

    def __init__(
        self,
        client: Client,
        layout: Layout,
        dialect: Dialect,
        *,
        clock: Clock,
        learn: Callable[[], Awaitable[None]],
        ready: Callable[[], Awaitable[None]],
        printed: Callable[[], Awaitable[str | None]],
    ) -> None:
        """learn: look at the storages now. ready: raise Refused unless a print may start.

        printed: the path of what is being printed now.
        """
        self._client = client
        self._layout = layout
        self._ranges = dialect is Dialect.PI
        self._clock = clock
        self._learn = learn
        self._ready = ready
        self._printed = printed
        self._kept: OrderedDict[str, tuple[str, bytes]] = OrderedDict()

    @property
    def free_bytes(self) -> int | None:
        """Room left on the main storage, where the printer says."""
        return self._layout.free_bytes

    # -- looking -----------------------------------------------------------------------------

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder. Raises Refused(key="file_missing") or "storage_missing"."""
        await self._learn()
        segments = self._layout.locate(path)
        self._require(segments[0])
        target = self._target(segments) + ("/" if len(segments) == 1 else "")
        answer = await self._cached(target)
        if answer.status != _OK:
            raise error_of(answer)
        folder = parse_object(answer.body)
        if text(folder, "type") not in {"FOLDER", None}:
            raise Refused(f"{path} is no folder", key="file_missing", path=path)
        files = self._layout.files_of(folder, segments)
        return (*files, *self._layout.others()) if segments == (self._layout.main,) else files

    async def thumbnail(self, reference: str) -> bytes | None:
        """Fetch a picture of at most 2 MB, or None when the printer has none there."""
        target = _reference_target(reference)
        if target is None:
            return None
        answer = await self._cached(target, limit=PICTURE_LIMIT)
        if answer.status in {204, 404}:
            return None
        if answer.status != _OK:
            raise error_of(answer)
        if not answer.headers.get("Content-Type", "").startswith("image/"):
            raise Garbled("a picture that is none", payload=answer.body)
        return answer.body

    async def _cached(self, target: str, *, limit: int = PICTURE_LIMIT) -> Answer:
        """GET with the ETag of what we hold; a 304 reads as what we hold."""
        held = self._kept.get(target)
        answer = await self._client.request(
            "GET", target, headers={"If-None-Match": held[0]} if held else None, limit=limit
        )
        if held and answer.status == _NOT_MODIFIED:
            self._kept.move_to_end(target)
            return type(answer)(
                status=_OK, headers={"Content-Type": "image/png", **answer.headers}, body=held[1]
            )
        self._kept.pop(target, None)
        # The Pi's tags are weak and the same for every path: they prove nothing.
        tag = answer.headers.get("ETag", "W/")
        if answer.status == _OK and not tag.startswith("W/"):
            self._kept[target] = (tag, answer.body)
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return answer

    async def _facts(self, segments: tuple[str, ...]) -> Json | None:
        """Return what the printer says of one file, or None when it has none there."""
        answer = await self._client.request("GET", self._target(segments))
        if answer.status == 404:
            return None
        if answer.status != _OK:
            raise error_of(answer)
        return parse_object(answer.body)

    def _target(self, segments: tuple[str, ...]) -> str:
        return target_of("api", "v1", "files", *segments)

    def _require(self, key: str) -> None:
        root = self._layout.roots[key]
        if not root.available:
            raise Refused(f"the storage {root.name} is not there", key="storage_missing")

    # -- fetching ----------------------------------------------------------------------------

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file. The Pi is asked to go on where `to` ends; the firmware has no ranges."""
        segments = self._layout.locate(path)
        facts = await self._facts(segments)
        if facts is None or text(facts, "type") == "FOLDER":
            raise Refused(f"no file {path}", key="file_missing", path=path)
        size = whole(facts, "size")
        target = self._download_target(facts, segments)
        held = await asyncio.to_thread(_size, to) if self._ranges else 0
        if size is not None and held >= size > 0:
            held = 0 if held > size else held
            if held:
                return
        headers = {"Range": f"bytes={held}-"} if held else {}
        async with self._client.stream(target, headers=headers) as response:
            if response.status not in {_OK, _PARTIAL}:
                raise await self._refusal(response)
            start = held if _goes_on(response, held) else 0
            total = size if size is not None else response.content_length
            got = await _save(response, to, start, total, progress)
        if total is not None and got != total:
            raise Garbled(f"{got} bytes came of {total}")

    def _download_target(self, facts: Json, segments: tuple[str, ...]) -> str:
        named = reference(obj(facts, "refs"), "download")
        if named is None and self._ranges:
            raise Refused("the daemon hands out no files of that storage", key="not_supported")
        return target_of(*segments) if named is None else target_of(*named.strip("/").split("/"))

    async def _refusal(self, response: aiohttp.ClientResponse) -> Exception:
        body = await response.content.read(2048)
        return error_of(Answer(status=response.status, headers=response.headers, body=body))

    # -- storing -----------------------------------------------------------------------------

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
        start: bool = False,
    ) -> str:
        """Store a file and prove its size; `start` prints it as soon as it is there.

        Raises Refused: "file_exists", "storage_missing", "storage_full", "unsupported_file";
        "printer_busy" when the printer takes no file now, prints the one of that name, or keeps
        it but cannot print it.
        """
        await self._learn()
        segments = self._layout.locate(path)
        size = await asyncio.to_thread(_size_of, source)
        await self._admit(segments, size, path=path, overwrite=replace)
        if start:
            await self._ready()
        reading = _Reading(source, size, progress)
        try:
            answer = await self._client.send(
                "PUT",
                self._target(segments),
                headers=_upload_headers(path, size, overwrite=replace, start=start),
                body=reading.chunks,
            )
        except Unreachable as err:
            # The HTTP library takes whatever a body raises for a broken line.
            raise reading.error or err from err
        if answer.status != 201:
            raise _upload_error(answer)
        await self._proved(segments, size)
        return path

    async def _admit(
        self, segments: tuple[str, ...], size: int, *, path: str, overwrite: bool
    ) -> None:
        """Refuse what cannot end well before the first byte leaves.

        It also makes the nonce fresh: a 401 in the middle of an upload closes the line.
        """
        self._require(segments[0])
        root = self._layout.roots[segments[0]]
        if root.read_only:
            raise Refused(f"the storage {root.name} is read-only", key="not_supported")
        if size == 0:
            raise Refused("an empty file cannot be printed")
        if root.free_bytes is not None and root.free_bytes < size:
            raise Refused(f"{size} bytes do not fit into {root.free_bytes}", key="storage_full")
        if await self._facts(segments) is None:
            return
        if not overwrite:
            raise Refused(f"{path} is there already", key="file_exists", path=path)
        # The Pi's daemon would write over it, and print on with what it then reads.
        if (printed := await self._printed()) and self._layout.locate(printed) == segments:
            raise Refused(f"{path} is being printed", key="printer_busy", path=path)

    async def _proved(self, segments: tuple[str, ...], size: int) -> None:
        """Compare the size. The Pi lists a new file only when it has noticed it."""
        pace = self._client.pace
        until = self._clock.monotonic() + pace.settle_for_s
        while True:
            facts = await self._facts(segments)
            if facts is not None and whole(facts, "size") == size:
                return
            if self._clock.monotonic() >= until:
                shown = None if facts is None else whole(facts, "size")
                raise Garbled(f"{size} bytes were sent, the printer shows {shown}")
            await self._clock.sleep(pace.settle_every_s)

    async def delete(self, path: str) -> None:
        """Remove a file. Raises Refused when missing or being printed."""
        answer = await self._client.request("DELETE", self._target(self._layout.locate(path)))
        if answer.status not in {_OK, 204}:
            raise error_of(answer, {409: "printer_busy"})


def _reference_target(path: str) -> str | None:
    safe = reference({"it": path}, "it")
    return None if safe is None else target_of(*safe.strip("/").split("/"))


def _upload_headers(path: str, size: int, *, overwrite: bool, start: bool) -> Mapping[str, str]:
    """`text/x.gcode` because the Pi fails with 500 on `application/octet-stream`."""
    binary = path.lower().endswith((".bgcode", ".bgc"))
    return {
        "Content-Length": str(size),
        "Content-Type": "application/octet-stream" if binary else "text/x.gcode",
        "Overwrite": "?1" if overwrite else "?0",
        "Print-After-Upload": "?1" if start else "?0",
    }


def _upload_error(answer: Answer) -> Exception:
    """409 has many causes, told apart by words only; 503 is Prusa Connect stopping it (Buddy)."""
    exists = answer.status == 409 and "exist" in answer.reason.lower()
    return error_of(answer, {409: "file_exists" if exists else "printer_busy"})


def _goes_on(response: aiohttp.ClientResponse, held: int) -> bool:
    if response.status != _PARTIAL:
        return False
    if not response.headers.get("Content-Range", "").startswith(f"bytes {held}-"):
        raise Garbled("it answered with another part of the file")
    return True


class _Reading:
    """A file of ours on its way out; remembers when it was the file that failed."""

    def __init__(self, source: Path, size: int, progress: Progress | None) -> None:
        self._source = source
        self._size = size
        self._progress = progress
        self.error: BadFile | None = None

    async def chunks(self) -> AsyncIterator[bytes]:
        """Read `size` bytes, telling of each piece once it was taken."""
        file: FileIO = await asyncio.to_thread(self._source.open, "rb", buffering=0)
        sent = asked = 0
        ahead: asyncio.Future[bytes] | None = None
        try:
            while sent < self._size:
                # The next piece is read while this one is on its way.
                chunk = await (ahead or asyncio.to_thread(self._read, file, self._size - sent))
                asked = sent + len(chunk)
                ahead = None
                if asked < self._size:
                    ahead = asyncio.ensure_future(
                        asyncio.to_thread(self._read, file, self._size - asked)
                    )
                yield chunk
                sent = asked
                if self._progress is not None:
                    self._progress(sent, self._size)
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
                ahead.exception()
            await asyncio.to_thread(file.close)

    def _read(self, file: FileIO, left: int) -> bytes:
        try:
            chunk = file.read(min(_CHUNK, left))
        except OSError as err:
            self.error = _unreadable(self._source, err)
            raise self.error from err
        if not chunk:
            self.error = BadFile(f"{self._source.name} shrank while it was being sent")
            raise self.error
        return chunk


async def _save(
    response: aiohttp.ClientResponse,
    to: Path,
    start: int,
    total: int | None,
    progress: Progress | None,
) -> int:
    """Write an answer to disk from `start` on; what came stays there whatever happens."""
    file = await asyncio.to_thread(_opened, to, start)
    held, waiting = start, 0
    pieces: list[bytes] = []
    writing: asyncio.Future[None] | None = None
    try:
        async for chunk in response.content.iter_any():
            if total is not None and held + waiting + len(chunk) > total:
                raise Garbled(f"more than the {total} bytes that were promised")
            pieces.append(chunk)
            waiting += len(chunk)
            if waiting >= _CHUNK:
                # One lot is written while the next one comes, and no more than one.
                if writing is not None:
                    await writing
                writing = asyncio.ensure_future(asyncio.to_thread(_write, file, pieces))
                held, waiting, pieces = held + waiting, 0, []
                if progress is not None:
                    progress(held, total)
    finally:
        await _closed(file, writing, pieces)
    held += waiting
    if progress is not None:
        progress(held, total)
    return held


async def _closed(
    file: BufferedRandom, writing: asyncio.Future[None] | None, rest: list[bytes]
) -> None:
    """Write what is left and close, after the lot that is being written."""
    try:
        if writing is not None:
            await asyncio.wait([writing])
            writing.result()
        await asyncio.to_thread(_write, file, rest)
    finally:
        await asyncio.to_thread(_close, file)


def _size_of(source: Path) -> int:
    try:
        with source.open("rb") as file:
            return file.seek(0, SEEK_END)
    except OSError as err:
        raise _unreadable(source, err) from err


def _unreadable(source: Path, err: OSError) -> BadFile:
    return BadFile(f"{source.name} cannot be read: {err.strerror}")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _opened(path: Path, start: int) -> BufferedRandom:
    file = path.open("r+b" if path.exists() else "w+b")
    file.seek(start)
    file.truncate()
    return file


def _write(file: BufferedRandom, pieces: list[bytes]) -> None:
    """Write pieces down to the disk. Raises StoreError: it is ours that takes nothing."""
    try:
        file.writelines(pieces)
        file.flush()
    except OSError as err:
        key = "disk_full" if err.errno == errno.ENOSPC else "store_failed"
        raise StoreError(f"cannot write: {err.strerror}", key=key) from err


def _close(file: BufferedRandom) -> None:
    with suppress(OSError):
        file.close()
