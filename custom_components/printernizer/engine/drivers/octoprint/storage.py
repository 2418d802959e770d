"""Files: OctoPrint's own, those on the printer's card, and films, each a folder of the root."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...errors import Garbled, Refused, Unreachable
from ..streams import Outgoing, goes_on, part_asked, part_of, save, size_held, size_to_send
from .address import target_of
from .client import PICTURE_LIMIT, Answer, parse_object
from .control import settled
from .listing import entries_of, files_of, inner_path, roots, thumbnail_of, timelapses_of
from .messages import SENDING
from .places import CARD, LOCAL, TIMELAPSE, Place, located
from .reading import flag, obj, text, whole
from .transfer import Form, sha1, sha1_of

if TYPE_CHECKING:
    from pathlib import Path

    import aiohttp

    from ...workshop.clock import Clock
    from ..base import Progress, RemoteFile
    from .client import Client
    from .facts import Facts
    from .line import Line
    from .reading import Json
    from .view import View

_OK: Final = 200
_CREATED: Final = 201
_PARTIAL: Final = 206
_SHA1_DIGITS: Final = 40
_PICTURES: Final = (b"\x89PNG\r\n", b"\xff\xd8\xff")

_IN_USE: Final = ("currently being printed", "currently in use", "busy")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Source:
    """Where to fetch a file, and what is known of it."""

    target: str
    size: int | None
    sha1: str | None = None


class OctoPrintStorage:
    """Files on the server and on the printer's card."""

    calm = False

    def __init__(self, client: Client, line: Line, clock: Clock, facts: Facts) -> None:
        self._client = client
        self._line = line
        self._clock = clock
        self._facts = facts
        self._free: int | None = None

    @property
    def free_bytes(self) -> int | None:
        """Room left on the server, as the last look at its files said."""
        return self._free

    # -- looking -----------------------------------------------------------------------------

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder. Raises Refused(key="file_missing") or "storage_missing"."""
        place = located(path)
        if not path.strip("/"):
            return roots(card=await self._card_ready(), timelapse=self._facts.timelapse)
        if place.root == TIMELAPSE:
            if place.inside:
                raise Refused(f"no folder {path}", key="file_missing", path=path)
            return timelapses_of(await self._client.get("/api/timelapse"))
        answer = await self._entries(place)
        if place.inside and text(answer, "type", 32) != "folder":
            raise Refused(f"{path} is no folder", key="file_missing", path=path)
        return files_of(entries_of(answer), place.root, self._client.address)

    async def _entries(self, place: Place) -> Json:
        """Ask for a storage or one of its entries. Raises Refused("file_missing")."""
        await self._require(place)
        answer = await self._client.get(self._target(place))
        if not place.inside and place.root == LOCAL:
            self._free = whole(answer, "free")
        return answer

    async def _require(self, place: Place) -> None:
        if place.root == CARD and not await self._card_ready():
            raise Refused("the printer shows no card", key="storage_missing")

    async def _card_ready(self) -> bool:
        """Whether the printer's own card can be read now: a closed line shows none."""
        if self._facts.sd_name is None:
            return False
        flags = (await self._line.watch()).flags or frozenset()
        return "sdReady" in flags

    def _target(self, place: Place) -> str:
        return target_of("api", "files", self._line.root_of(place.root), *place.inside)

    async def _entry(self, place: Place) -> Json | None:
        """Return what the server says of one file or folder, or None when it has none there."""
        if place.root == CARD:
            return await self._on_card(place)
        answer = await self._client.request("GET", self._target(place))
        if answer.status == 404:
            return None
        folder = Place(root=place.root, inside=place.inside[:-1])
        if answer.status == 500 and folder.inside and await self._entry(folder) is None:
            # So 1.11 says that the folder is not there (seen on 1.11.8).
            return None
        if answer.status != _OK:
            raise await self._client.complaint(answer)
        return parse_object(answer)

    async def _on_card(self, place: Place) -> Json | None:
        """Look through the card's list: not every version answers for one of its files."""
        wanted = "/".join(place.inside).lower()
        for entry in entries_of(await self._entries(Place(root=CARD, inside=()))):
            if (inner_path(entry) or "").lower() == wanted:
                return entry
        return None

    async def _file(self, path: str, place: Place) -> Json:
        """Return the entry of a file. Raises Refused("file_missing") for none, or a folder."""
        entry = await self._entry(place) if place.inside else None
        if entry is None or text(entry, "type", 32) == "folder":
            raise Refused(f"no file {path}", key="file_missing", path=path)
        return entry

    # -- pictures ----------------------------------------------------------------------------

    async def thumbnail(self, reference: str) -> bytes | None:
        """Fetch a picture of at most 2 MB, or None when there is none."""
        target = self._client.address.reference(self._client.address.prefix + reference)
        if target is None:
            return None
        answer = await self._client.request("GET", target, limit=PICTURE_LIMIT)
        if answer.status in {204, 404}:
            return None
        if answer.status != _OK:
            raise await self._client.complaint(answer)
        if not answer.body.startswith(_PICTURES):
            raise Garbled("a picture that is none", payload=answer.body)
        return answer.body

    async def picture_of(self, path: str) -> bytes | None:
        """Fetch the picture that lies with a file, or None when there is none."""
        place = located(path)
        if place.root != LOCAL or not place.inside:
            return None
        entry = await self._entry(place)
        reference = thumbnail_of(entry, self._client.address) if entry is not None else None
        return None if reference is None else await self.thumbnail(reference)

    # -- fetching ----------------------------------------------------------------------------

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        """Fetch a file, from where `to` ends when the server can do so and it fits after all."""
        place = located(path)
        if place.root == CARD:
            raise Refused("files on the printer's card cannot be fetched", key="not_supported")
        source = await self._source(path, place)
        held = await asyncio.to_thread(size_held, to)
        if source.size is None or held > source.size:
            held = 0
        if held and held == source.size:
            if source.sha1 is None or await asyncio.to_thread(sha1_of, to) == source.sha1:
                return
            held = 0
        if await self._fetch(source, to, held, progress):
            return
        # What lay there was the beginning of another file.
        if not held or not await self._fetch(source, to, 0, progress):
            raise Garbled("what came is not what the server has: the checksum differs")

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        """Fetch a piece of a file that lies with the server."""
        place = located(path)
        if place.root == CARD:
            raise Refused("files on the printer's card cannot be fetched", key="not_supported")
        source = await self._source(path, place)
        asked = part_asked(offset, length)
        async with self._client.stream(source.target, headers=asked) as response:
            if response.status in {401, 403, 404} or response.status >= 500:
                raise await self._unwelcome(response)
            return await part_of(response, offset, length)

    async def _unwelcome(self, response: aiohttp.ClientResponse) -> Exception:
        body = await response.content.read(2048)
        return await self._client.complaint(
            Answer(status=response.status, headers=response.headers, body=body)
        )

    async def _source(self, path: str, place: Place) -> _Source:
        if place.root == TIMELAPSE:
            film = next((file for file in await self.list("/timelapse") if file.path == path), None)
            if film is None:
                raise Refused(f"no file {path}", key="file_missing", path=path)
            target = target_of("downloads", TIMELAPSE, *place.inside)
            return _Source(target=target, size=film.size)
        entry = await self._file(path, place)
        target = target_of("downloads", "files", LOCAL, *place.inside)
        return _Source(target=target, size=whole(entry, "size"), sha1=_sha1(entry))

    async def _fetch(self, source: _Source, to: Path, held: int, progress: Progress | None) -> bool:
        """Fetch a file from `held` on; returns whether it is the one that the server has."""
        digest = None if source.sha1 is None else sha1()
        headers = {"Range": f"bytes={held}-"} if held else {}
        async with self._client.stream(source.target, headers=headers) as response:
            if response.status not in {_OK, _PARTIAL}:
                raise await self._unwelcome(response)
            start = held if goes_on(response, held) else 0
            total = source.size if source.size is not None else response.content_length
            got = await save(response, to, start, total, progress, digest)
        if total is not None and got != total:
            raise Garbled(f"{got} bytes came of {total}")
        return digest is None or digest.hexdigest() == source.sha1

    # -- storing -----------------------------------------------------------------------------

    async def upload(
        self,
        source: Path,
        path: str,
        *,
        progress: Progress | None = None,
        replace: bool = False,
    ) -> str:
        """Store a file, prove it arrived whole, and return where: the server tidies names."""
        place = located(path)
        if place.root == TIMELAPSE or not place.inside:
            raise Refused(f"nothing can be stored as {path}", key="not_supported")
        size = await asyncio.to_thread(size_to_send, source)
        await self._admit(place, size, path=path, replace=replace)
        *folders, name = place.inside
        fields = {"select": "false", "print": "false"}
        if folders:
            fields["path"] = "/".join(folders)
        if not replace:
            fields["noOverwrite"] = "true"
        target = target_of("api", "files", self._line.root_of(place.root))
        async with Outgoing(source, size, progress, digest="sha1") as file:
            form = Form(file, size, name, fields)
            try:
                answer = await self._client.send(target, headers=form.headers, body=form.body())
            except Unreachable as err:
                raise file.error or err from err
        if not 200 <= answer.status < 300:
            raise await self._upload_error(answer, path)
        stored, done = _stored(answer, place)
        if not done:
            await self._transferred(stored)
        await self._proved(stored, size, file.checksum)
        return stored.path

    async def _admit(self, place: Place, size: int, *, path: str, replace: bool) -> None:
        """Refuse what cannot end well before the first byte leaves."""
        if size == 0:
            raise Refused("an empty file cannot be printed", key="unsupported_file")
        await self._require(place)
        await self._entries(Place(root=LOCAL, inside=()))
        if self._free is not None and self._free < size:
            raise Refused(f"{size} bytes do not fit into {self._free}", key="storage_full")
        view = await self._line.watch()
        if view.in_job and (place.root == CARD or view.path == place.path):
            raise Refused(f"the printer says {view.text}", key="printer_busy")
        if place.root == CARD and not view.ready:
            raise Refused(f"the printer says {view.text}", key="wrong_state")
        if not replace and await self._entry(place) is not None:
            raise Refused(f"{path} is there already", key="file_exists", path=path)

    async def _upload_error(self, answer: Answer, path: str) -> Exception:
        """409 has several causes, told apart by words only."""
        reason = answer.reason.lower()
        if answer.status == 409:
            if "exist" in reason:
                return Refused(answer.reason, key="file_exists", path=path)
            busy = any(word in reason for word in _IN_USE)
            return Refused(answer.reason, key="printer_busy" if busy else "wrong_state")
        if answer.status >= 500 and "space" in reason:
            return Refused(answer.reason, key="storage_full")
        if answer.status == 404:
            return Refused(answer.reason, key="storage_missing")
        if answer.status == 413 and answer.html:
            return Refused("a proxy in front of it takes no file of that size", key="refused")
        return await self._client.complaint(answer, {400: "unsupported_file"})

    async def _transferred(self, stored: Place) -> None:
        """Wait until the file has gone through the serial line to the card."""
        pace = self._client.pace

        def shows(now: View) -> bool:
            if not now.ready and not now.text.startswith(SENDING):
                raise Refused(f"it did not reach the card: {now.error or now.text}", key="refused")
            return now.ready

        await settled(
            self._line,
            self._clock,
            shows,
            every_s=pace.settle_every_s,
            within_s=pace.transfer_for_s,
        )

    async def _proved(self, stored: Place, size: int, sent: str) -> None:
        """Compare size and, where it is told, SHA-1; what is not whole is not left there.

        A card counts in blocks or says nothing, and takes lines, not bytes: there it must only
        be listed.
        """
        entry = await self._entry(stored)
        if entry is None:
            raise Garbled("the file was taken, and is not there")
        if stored.root == CARD:
            return
        shown, known = whole(entry, "size"), _sha1(entry)
        if shown != size or known not in {None, sent}:
            await self._client.request("DELETE", self._target(stored))
            raise Garbled(f"{size} bytes were sent, the server shows {shown}, or others")

    # -- deleting ----------------------------------------------------------------------------

    async def move(self, path: str, to: str, *, replace: bool = False) -> str:
        """Give a file another name or folder, within the server's own storage."""
        source, goal = located(path), located(to)
        if {source.root, goal.root} != {LOCAL} or not goal.inside:
            raise Refused("it moves files within its own storage only", key="not_supported")
        await self._file(path, source)
        if await self._entry(goal) is not None:
            if not replace:
                raise Refused(f"{to} is there already", key="file_exists", path=to)
            await self.delete(to)
        body = {"command": "move", "destination": "/".join(goal.inside)}
        answer = await self._client.request("POST", self._target(source), body=body)
        if answer.status != _CREATED:
            raise await self._client.complaint(answer, {404: "file_missing", 409: "printer_busy"})
        return goal.path

    async def delete(self, path: str) -> None:
        """Remove a file, never a folder: the server would take all that is in it along."""
        place = located(path)
        if place.root == TIMELAPSE:
            if len(place.inside) != 1:
                raise Refused(f"no file {path}", key="file_missing", path=path)
            target = target_of("api", TIMELAPSE, *place.inside)
        else:
            await self._file(path, place)
            target = self._target(place)
        answer = await self._client.request("DELETE", target)
        if answer.status not in {_OK, 204}:
            raise await self._client.complaint(answer, {409: "printer_busy"})


def _sha1(entry: Json) -> str | None:
    said = text(entry, "hash", 128)
    return said.lower() if said is not None and len(said) == _SHA1_DIGITS else None


def _stored(answer: Answer, place: Place) -> tuple[Place, bool]:
    """Return where the server put it, and whether it lies there already."""
    said = parse_object(answer)
    entries = obj(said, "files")
    entry = obj(entries, place.root) or obj(entries, "printer" if place.root == CARD else LOCAL)
    path = inner_path(entry)
    if path is None:
        raise Garbled("it does not say where it put the file", payload=answer.body)
    return Place(root=place.root, inside=tuple(path.split("/"))), flag(said, "done")
