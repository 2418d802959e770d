"""Files on a PrusaLink: listed, fetched, stored and deleted, in constant memory."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from ...errors import Garbled, Refused, Unreachable
from ..streams import Outgoing, goes_on, part_asked, part_of, save, size_held, size_to_send
from .client import PICTURE_LIMIT, Answer, error_of, parse_object, target_of
from .messages import Dialect, obj, reference, text, whole

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    import aiohttp

    from ...workshop.clock import Clock
    from ..base import Progress, RemoteFile
    from .client import Client
    from .layout import Layout
    from .messages import Json

_KEPT: Final = 8
"""Answers that are kept for their ETag: pictures and folders, at most 2 MB each."""
_NOT_MODIFIED: Final = 304
_OK: Final = 200
_PARTIAL: Final = 206


class PrusaLinkStorage:
    """Files on the printer."""

    calm = False

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
        held = await asyncio.to_thread(size_held, to) if self._ranges else 0
        if size is not None and held >= size > 0:
            held = 0 if held > size else held
            if held:
                return
        headers = {"Range": f"bytes={held}-"} if held else {}
        async with self._client.stream(target, headers=headers) as response:
            if response.status not in {_OK, _PARTIAL}:
                raise await self._refusal(response)
            start = held if goes_on(response, held) else 0
            total = size if size is not None else response.content_length
            got = await save(response, to, start, total, progress)
        if total is not None and got != total:
            raise Garbled(f"{got} bytes came of {total}")

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Fetch a piece of a file. The firmware hands out whole files only."""
        if not self._ranges:
            raise Refused("it hands out whole files only", key="not_supported")
        segments = self._layout.locate(path)
        facts = await self._facts(segments)
        if facts is None or text(facts, "type") == "FOLDER":
            raise Refused(f"no file {path}", key="file_missing", path=path)
        target = self._download_target(facts, segments)
        async with self._client.stream(target, headers=part_asked(offset, length)) as response:
            if response.status in {403, 404} or response.status >= 500:
                raise await self._refusal(response)
            return await part_of(response, offset, length)

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
        size = await asyncio.to_thread(size_to_send, source)
        await self._admit(segments, size, path=path, overwrite=replace)
        if start:
            await self._ready()
        async with Outgoing(source, size, progress) as file:
            try:
                answer = await self._client.send(
                    "PUT",
                    self._target(segments),
                    headers=_upload_headers(path, size, overwrite=replace, start=start),
                    body=file.chunks,
                )
            except Unreachable as err:
                raise file.error or err from err
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
