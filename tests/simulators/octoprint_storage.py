"""The routes of a simulated OctoPrint that deal with files: lists, uploads, downloads, films."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import aiohttp
from aiohttp import web

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, VirtualFile
from custom_components.printernizer.engine.errors import Refused

from . import octoprint_answers as say
from .octoprint_answers import NOT_FOUND, refused
from .octoprint_files import ALLOWED
from .ranges import asked_range, content_range

if TYPE_CHECKING:
    from .octoprint import OctoPrintSimulator


class Storage:
    """What is answered about the files of one server."""

    def __init__(self, sim: OctoPrintSimulator) -> None:
        self._sim = sim

    async def answer(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        card = "printer" if self._sim.second else "sdcard"
        root, inside = (segments[0], "/".join(segments[1:])) if segments else ("local", "")
        if root not in {"local", card}:
            return refused(404, NOT_FOUND)
        if request.method == "GET":
            return self._look(root, inside)
        where = f"/{inside}" if root == "local" else f"/sdcard/{inside}"
        if request.method == "DELETE":
            return self._delete(where, inside)
        if not inside:
            return await self._upload(request, root)
        return await self._command_file(request, where)

    def _look(self, root: str, inside: str) -> web.Response:
        shelf = self._sim.shelf
        if root != "local":
            if not (self._sim.voice.card and self._sim.voice.open):
                return web.json_response({"files": []})
            return web.json_response({"files": shelf.card_list(self._sim.url)})
        if not inside:
            free = self._sim.machine.storage_bytes - self._sim.machine.used_bytes
            return web.json_response(
                {"files": shelf.children("", self._sim.url), "free": free,
                 "total": self._sim.machine.storage_bytes}
            )  # fmt: skip
        entry = shelf.entry(inside, self._sim.url)
        if entry is not None:
            return web.json_response(entry)
        folder = inside.rpartition("/")[0]
        if folder and folder not in shelf.all_folders() and not self._sim.second:
            return refused(500, "The server encountered an internal error")
        return refused(404, NOT_FOUND)

    def _delete(self, where: str, inside: str) -> web.Response:
        machine = self._sim.machine
        if where in machine.files:
            try:
                machine.remove(where)
            except Refused:
                return refused(409, "Trying to delete a file that is currently in use")
            return web.Response(status=204)
        if inside in self._sim.shelf.all_folders():
            for path in [path for path in machine.files if path.startswith(f"{where}/")]:
                machine.remove(path)
            self._sim.shelf.folders.discard(inside)
            return web.Response(status=204)
        return refused(404, NOT_FOUND)

    async def _command_file(self, request: web.Request, where: str) -> web.Response:
        body = await self._sim.body(request)
        if where not in self._sim.machine.files:
            return refused(404, NOT_FOUND)
        if body.get("command") == "move":
            return self._move(where, str(body.get("destination", "")))
        if body.get("command") != "select":
            return refused(400, "command is invalid")
        if not self._sim.voice.open or self._sim.machine.in_job:
            return refused(409, "Printer is not operational or busy")
        if body.get("print"):
            self._sim.machine.start(where)
        else:
            self._sim.voice.select(where)
        return web.Response(status=204)

    def _move(self, where: str, destination: str) -> web.Response:
        if f"/{destination}" in self._sim.machine.files:
            return refused(409, "File or folder does already exist")
        try:
            self._sim.machine.rename(where, f"/{destination}")
        except Refused:
            return refused(409, "Trying to move a file or folder that is currently in use")
        return web.json_response(self._sim.shelf.entry(destination, self._sim.url), status=201)

    async def _upload(self, request: web.Request, root: str) -> web.Response:
        if not request.content_type.startswith("multipart/"):
            return refused(400, "No file to upload and no folder to create")
        fields, name, content = await _form(request)
        if not name:
            return refused(400, "No file to upload and no folder to create")
        if not name.lower().endswith(ALLOWED):
            return refused(415, "Could not upload file, invalid type")
        name = self._sim.shelf.tidy(name)
        folder = fields.get("path", "").strip("/")
        path = "/" + "/".join(part for part in (folder, name) if part)
        machine = self._sim.machine
        run = machine.run
        if machine.phase in IN_JOB and run is not None and run.path == path:
            return refused(409, "Trying to overwrite file that is currently being printed")
        if root != "local" and not (self._sim.voice.open and self._sim.voice.card):
            return refused(409, "Can not upload to SD card, not operational")
        if path in machine.files and fields.get("noOverwrite") == "true":
            return refused(409, "File already exists and noOverwrite was set")
        plates = self._sim.plates_of(path, content)
        file = VirtualFile(path=path, content=content, modified=time.time(), plates=plates)
        try:
            machine.store(file)
        except Refused:
            return refused(500, "[Errno 28] No space left on device")
        said = self._stored(file, root)
        if fields.get("print") == "true" and root == "local" and not machine.in_job:
            machine.start(path)
            said["effectivePrint"] = True
        answer = web.json_response(said, status=201)
        answer.headers["Location"] = f"{self._sim.url}/api/files/local{path}"
        return answer

    def _stored(self, file: VirtualFile, root: str) -> say.Json:
        entry = say.file_entry(file, self._sim.url, "local", second=self._sim.second, thumbnail="")
        keys = ("name", "path", "origin", "refs", *(("display",) if self._sim.second else ()))
        files = {"local": {key: entry[key] for key in keys}}
        said: say.Json = {
            "files": files, "done": root == "local", "effectiveSelect": False,
            "effectivePrint": False,
        }  # fmt: skip
        if self._sim.second:
            said["folder"] = None
        if root != "local":
            short = f"/{file.name.rsplit('.', 1)[0][:8].lower()}.gco"
            path = f"/sdcard{short}"
            self._sim.machine.store(
                VirtualFile(path=path, content=file.content, plates=file.plates)
            )
            self._sim.voice.send(path, self._sim.transfer_s)
            files[root] = {"name": short, "path": short, "origin": root, "refs": {}}
        return said

    async def download(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        _, permissions = self._sim.user(request)
        if not {"FILES_DOWNLOAD", "ADMIN"} & permissions:
            return web.Response(status=403, text="Forbidden", content_type="text/html")
        content: bytes | None = None
        match segments:
            case ["downloads", "files", "local", *rest]:
                file = self._sim.machine.files.get("/" + "/".join(rest))
                content = file.content if file else None
            case ["downloads", "timelapse", name] if name in self._sim.shelf.films:
                content = self._sim.shelf.films[name].content
            case ["downloads", "thumbs", "local", *rest]:
                content = self._sim.shelf.picture("/" + "/".join(rest))
            case ["plugin", "prusaslicerthumbnails", "thumbnail", *rest]:
                content = self._sim.shelf.picture("/" + "/".join(rest).removesuffix(".png"))
        if content is None:
            return refused(404, NOT_FOUND)
        asked = request.headers.get("Range", "")
        try:
            piece = asked_range(asked, len(content)) if self._sim.ranges else None
        except IndexError:
            return web.Response(status=416)
        if piece is None:
            return web.Response(body=content)
        begin, end = piece
        headers = content_range(begin, end, len(content))
        # So does tornado: all of it is no part.
        status = 206 if end - begin < len(content) else 200
        return web.Response(status=status, body=content[begin:end], headers=headers)

    async def films(self, request: web.Request, segments: list[str]) -> web.Response:
        if request.method == "DELETE":
            gone = self._sim.shelf.films.pop(segments[0] if segments else "", None)
            return web.Response(status=204) if gone else refused(404, NOT_FOUND)
        films = self._sim.shelf.film_list(self._sim.url)
        return web.json_response({"config": {"type": "off"}, "enabled": True, "files": films})


async def _form(request: web.Request) -> tuple[dict[str, str], str, bytes]:
    """Read a multipart form: fields, the file's name as it was sent, its bytes."""
    fields: dict[str, str] = {}
    name, content = "", b""
    async for part in await request.multipart():
        assert isinstance(part, aiohttp.BodyPartReader)
        if part.filename is not None:
            name, content = part.filename, bytes(await part.read())
        else:
            fields[part.name or ""] = await part.text()
    return fields, name, content
