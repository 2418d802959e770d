"""The HTTP side of a simulated Moonraker: logins, files, its imitation of OctoPrint, a webcam."""

from __future__ import annotations

import asyncio
import hashlib
import json
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from aiohttp import BodyPartReader, web

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB
from custom_components.printernizer.engine.errors import Refused

from .moonraker_files import GCODES
from .moonraker_methods import RpcError
from .moonraker_past import EPOCH
from .ranges import asked_range, content_range

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .moonraker import MoonrakerSimulator

type Json = dict[str, object]

_CHUNK: Final = 64 * 1024
_FRAME_S: Final = 0.02


class Pages:
    """Everything that is not the WebSocket."""

    def __init__(self, server: MoonrakerSimulator) -> None:
        self._server = server

    def add_to(self, app: web.Application, prefix: str) -> None:
        """Register the routes below a prefix; the webcam is the frontend's, without one."""
        add = app.router.add_route
        add("GET", f"{prefix}/access/info", self._access_info)
        add("POST", f"{prefix}/access/login", self._log_in)
        add("POST", f"{prefix}/access/refresh_jwt", self._renew)
        add("GET", f"{prefix}/access/oneshot_token", self._oneshot)
        add("POST", f"{prefix}/server/jsonrpc", self._jsonrpc)
        add("POST", f"{prefix}/server/files/upload", self._upload)
        add("POST", f"{prefix}/api/files/local", self._upload)
        add("GET", f"{prefix}/api/version", self._version)
        # This one answers HEAD as well.
        app.router.add_get(f"{prefix}/server/files/{{root}}/{{path:.+}}", self._download)
        for path, method in (
            ("/server/info", "server.info"),
            ("/printer/info", "printer.info"),
            ("/printer/objects/list", "printer.objects.list"),
            ("/server/history/list", "server.history.list"),
        ):
            add("GET", f"{prefix}{path}", self._call(method))
        add("GET", "/webcam/", self._webcam)

    def _call(self, method: str) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(_request: web.Request) -> web.Response:
            try:
                result = await self._server.methods.call(method, {}, None)
            except RpcError as err:
                return error_answer(err.code if err.code > 0 else 404, err.message)
            return web.json_response({"result": result})

        return handler

    # -- logins ------------------------------------------------------------------------------

    async def _access_info(self, _request: web.Request) -> web.Response:
        return web.json_response({"result": self._server.logins.info()})

    async def _log_in(self, request: web.Request) -> web.Response:
        found = self._server.logins.log_in(await request.json())
        if found is None:
            return error_answer(401, "Invalid Username or Password")
        return web.json_response({"result": found})

    async def _renew(self, request: web.Request) -> web.Response:
        found = self._server.logins.renew(await request.json())
        return (
            error_answer(401, "Invalid Refresh Token")
            if found is None
            else web.json_response({"result": found})
        )

    async def _oneshot(self, _request: web.Request) -> web.Response:
        return web.json_response({"result": self._server.logins.oneshot()})

    async def _jsonrpc(self, request: web.Request) -> web.Response:
        return web.json_response(await self._server.answer(json.loads(await request.text()), None))

    async def _version(self, _request: web.Request) -> web.Response:
        told = {"server": "1.5.0", "api": "0.1", "text": "OctoPrint (Moonraker 0.11.0)"}
        return web.json_response(told)

    # -- files -------------------------------------------------------------------------------

    async def _download(self, request: web.Request) -> web.StreamResponse:
        root = request.match_info["root"]
        path = unquote(request.match_info["path"])
        content = self._server.shelf.content(root, path)
        if content is None:
            return error_answer(404, "Not Found")
        try:
            piece = asked_range(request.headers.get("Range", ""), len(content))
        except IndexError:
            return web.Response(status=416)
        start, end = piece or (0, len(content))
        headers = {"Accept-Ranges": "bytes"}
        if piece is not None:
            headers |= content_range(start, end, len(content))
        body = content[start:end]
        # So does tornado: all of it is no part.
        part = len(body) < len(content)
        response = web.StreamResponse(status=206 if part else 200, headers=headers)
        response.content_type = "application/octet-stream"
        response.content_length = len(body)
        await response.prepare(request)
        if request.method == "HEAD":
            return response
        cut = self._server.cut_download_at
        for at in range(0, len(body), _CHUNK):
            if cut is not None and start + at >= cut:
                self._server.cut_download_at = None
                assert request.transport is not None
                # What was written is to arrive before the line breaks.
                await asyncio.sleep(0.05)
                request.transport.close()
                raise ConnectionResetError
            await response.write(body[at : at + _CHUNK])
        return response

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        fields: dict[str, str] = {}
        content = bytearray()
        name = ""
        await self._server.before_upload(request)
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            assert isinstance(part, BodyPartReader)
            if part.name != "file":
                fields[part.name or ""] = (await part.read()).decode()
                continue
            name = unquote(part.filename or "")
            while chunk := await part.read_chunk(_CHUNK):
                content += chunk
                cut = self._server.cut_upload_at
                if cut is not None and len(content) >= cut:
                    self._server.cut_upload_at = None
                    assert request.transport is not None
                    request.transport.abort()
                    raise ConnectionResetError
        return self._stored(fields, name, bytes(content))

    def _stored(self, fields: dict[str, str], name: str, content: bytes) -> web.Response:
        server = self._server
        root = fields.get("root", GCODES)
        found = hashlib.sha256(content).hexdigest()
        expected = fields.get("checksum", found).lower()
        if expected != found or server.spoil_checksum:
            detail = f"File checksum mismatch: expected {expected}, calculated {found}"
            return error_answer(422, "Unprocessable Content", detail)
        if root not in {GCODES, "config"}:
            return error_answer(400, "Bad Request", f"Root {root} not available")
        path = "/".join(
            part for part in (fields.get("path", "").strip("/"), name.strip("/")) if part
        )
        if ".." in path.split("/"):
            return error_answer(400, "Bad Request", f"Cannot write to path: {path}")
        if path.lower().endswith(".ufp"):
            path = f"{path[:-4]}.gcode"
        run = server.machine.run
        if run is not None and server.machine.phase in IN_JOB and run.path == f"/{path}":
            return error_answer(403, "File is loaded, upload not permitted")
        try:
            item = server.shelf.store(root, path, content, EPOCH + server.machine.now())
        except Refused:
            return error_answer(500, "[Errno 28] No space left on device")
        answer = server.file_changed("create_file", item)
        started = False
        if fields.get("print") == "true" and server.machine.phase not in IN_JOB:
            server.machine.start(f"/{path}")
            started = True
        body = answer | {"print_started": started, "print_queued": False}
        return web.json_response(
            body, status=201, headers={"Location": f"/server/files/{root}/{path}"}
        )

    # -- the webcam --------------------------------------------------------------------------

    async def _webcam(self, request: web.Request) -> web.StreamResponse:
        frames = self._server.frames
        if request.query.get("action") != "stream":
            if not frames:
                return web.Response(status=404)
            return web.Response(body=frames[0], content_type="image/jpeg")
        response = web.StreamResponse(
            headers={"Content-Type": "multipart/x-mixed-replace;boundary=frame"}
        )
        await response.prepare(request)
        for frame in frames:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(frame)}\r\n\r\n"
            await response.write(head.encode() + frame + b"\r\n")
            await asyncio.sleep(_FRAME_S)
        return response


def error_answer(status: int, message: str, detail: str = "") -> web.Response:
    """Return an error over HTTP."""
    trace = f"tornado.web.HTTPError: HTTP {status}: {message} ({detail or message})"
    return web.json_response(
        {"error": {"code": status, "message": message, "traceback": trace}}, status=status
    )
