"""A PrusaLink as a real server around a virtual machine, in both dialects.

    async with PrusaLinkSimulator(machine, dialect="buddy", password="…") as sim:
        sim.host, sim.port

Written from the protocol sheet and from recorded exchanges; it shares no code with the driver.
Time inside (nonces, delays, lingering results) is the machine's own.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import time
from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from custom_components.printernizer.engine.drivers.prusalink.client import Pace
from custom_components.printernizer.engine.drivers.prusalink.driver import PrusaLinkDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    IN_JOB,
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import Refused

from . import prusalink_answers as say
from .handlers import Handlers
from .prusalink_files import PRINTABLE, Tree, pictures
from .prusalink_login import BuddyLogin, PiLogin

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from custom_components.printernizer.engine.workshop.clock import Clock

TITLES = {
    400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 410: "Gone",
    411: "Length Required", 415: "Unsupported Media Type", 422: "Unprocessable Entity",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable",
    507: "Insufficient Storage",
}  # fmt: skip
PI_LINGER_S = 11.0
LINGERING = frozenset({Phase.FINISHED, Phase.CANCELLED})
"""How long the daemon shows FINISHED and STOPPED, as recorded."""
BOOT_BUSY_S = 5.0


@dataclass
class Moving:
    """A file on its way in."""

    id: int
    name: str
    size: int
    began: float
    moved: int = 0
    to_print: bool = False


def _logger() -> logging.Logger:
    """Return a log for the simulator's own mistakes, without the lines it breaks on purpose."""
    logger = logging.getLogger(__name__)
    logger.filters = [
        lambda record: not (record.exc_info and record.exc_info[0] is ConnectionResetError)
    ]
    return logger


class _Shut(asyncio.Protocol):
    """A connection for which there is no socket left."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        transport.abort()


class PrusaLinkSimulator:
    """One PrusaLink on 127.0.0.1."""

    def __init__(
        self,
        machine: VirtualMachine,
        *,
        dialect: str = "buddy",
        password: str = "secret-key",
        username: str = "maker",
        api_key: str = "pi-api-key",
        model: str | None = None,
        hostname: str = "prusa-core-one",
        sockets: int = 4,
        delay_s: float = 0.0,
        nonce_life_s: float | None = None,
        old_firmware: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        plates_of: Callable[[str, bytes], tuple[PlateFacts, ...]] | None = None,
    ) -> None:
        """delay_s: machine seconds from an accepted command to its effect."""
        self.machine = machine
        self.pi = dialect == "pi"
        self.model = model or ("I3MK3S" if self.pi else "CORE One")
        self.hostname = hostname
        self.sockets = 1000 if self.pi else sockets
        self.delay_s = delay_s
        self.old_firmware = old_firmware
        self.host, self.port = host, port
        self.stick = True
        self.starting = False
        """The daemon has not found its printer yet: 503."""
        self.snapshots: list[bytes] = []
        """Pictures of the Pi's camera; none: no camera."""
        self.camera = False
        self.forced_word: str | None = None
        self.folders: set[str] = set()
        self.transfer: Moving | None = None
        self.chunk_pause_s = 0.0
        """Real seconds per received piece: a slow stick."""
        self.log: deque[str] = deque(maxlen=1000)
        """"METHOD target" of every request that was let in."""
        self.refused_sockets = 0
        self.trouble: deque[tuple[str, object]] = deque()
        """(part of a target, what happens): a status, "reset", "hang", or bytes as the body."""
        self.tree = Tree(machine, self.folders)
        self._plates_of = plates_of or (lambda _path, _content: (PlateFacts(),))
        self._pending: list[tuple[float, Callable[[], None]]] = []
        self._booted_at: float | None = None
        self._was_off = False
        life = nonce_life_s or (60.0 if self.pi else 300.0)
        self.login: BuddyLogin | PiLogin = (
            PiLogin(username, password, api_key, machine.now, life)
            if self.pi
            else BuddyLogin(password, machine.now, life, old_firmware)
        )
        self._handlers = Handlers()
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None

    # -- life --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self._web = web.Server(
            self._answer,
            keepalive_timeout=60,
            access_log=None,
            logger=_logger(),
            lingering_time=0.05,
        )
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, self.host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        assert self._web is not None
        self._server.close()
        self._web.pre_shutdown()  # ends lines that only wait; the rest is given its time
        await self._web.shutdown(0.05)
        await self._handlers.end()
        await self._server.wait_closed()

    def _protocol(self) -> asyncio.Protocol:
        assert self._web is not None
        if len(self._web.connections) >= self.sockets:
            self.refused_sockets += 1
            return _Shut()
        return self._web()

    # -- what it is like ---------------------------------------------------------------------

    @property
    def free_bytes(self) -> int:
        """Room left."""
        return self.machine.storage_bytes - self.machine.used_bytes

    @property
    def word(self) -> str:
        """The state in PrusaLink's words."""
        if self.forced_word is not None:
            return self.forced_word
        if self._booted_at is not None and self.machine.now() - self._booted_at < BOOT_BUSY_S:
            return "BUSY"
        return say.WORDS[self.machine.phase]

    def _catch_up(self) -> None:
        """Carry out accepted commands that are due, and let the Pi drop an old result."""
        machine = self.machine
        machine.tick()
        due = [item for item in self._pending if item[0] <= machine.now()]
        self._pending = [item for item in self._pending if item not in due]
        for _, action in due:
            with contextlib.suppress(Refused):
                action()
        run = machine.run
        if run is None or run.ended is None or machine.phase not in LINGERING:
            return
        if self.pi and machine.now() - run.ended > PI_LINGER_S:
            machine.dismiss()

    def _do(self, action: Callable[[], object]) -> None:
        """Accept a command: at once, or with its effect later."""
        if self.delay_s:
            self._pending.append((self.machine.now() + self.delay_s, lambda: void(action())))
        else:
            action()

    # -- one request -------------------------------------------------------------------------

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        self._handlers.note(request)
        await self._silence(request)
        self._catch_up()
        target = request.raw_path
        path = unquote(target.partition("?")[0])
        open_head = self.pi and request.method == "HEAD" and path.startswith("/api/v1/files/")
        if self.pi and self.starting:
            return self._error(request, 503, "PrusaLink not finished initializing")
        verdict = self.login.check(request.method, target, request.headers)
        if verdict.status != 200 and not open_head:
            return self._unauthorized(request, verdict.status, verdict.challenge, verdict.text)
        self.log.append(f"{request.method} {target}")
        if (made := await self._troubled(request, target)) is not None:
            return made
        try:
            return await self._route(request, path)
        except Refused as refusal:
            return self._error(request, 409, refusal.reason)

    async def _silence(self, request: web.BaseRequest) -> None:
        """Without power nobody answers; afterwards nobody knows the old connections."""
        if self.machine.reachable:
            if self._was_off:
                self._was_off = False
                self._booted_at = self.machine.now()
                self.login.reboot()
                self._pending.clear()
            return
        while not self._reachable():
            self._was_off = self._was_off or self.machine.phase is Phase.OFF
            await self._while_open(request)
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError

    def _reachable(self) -> bool:
        return self.machine.reachable

    async def _while_open(self, request: web.BaseRequest) -> None:
        """Let some time pass, unless the other side has hung up."""
        if request.transport is None or request.transport.is_closing():
            raise ConnectionResetError
        await asyncio.sleep(0.02)

    async def _troubled(self, request: web.BaseRequest, target: str) -> web.StreamResponse | None:
        if not self.trouble or self.trouble[0][0] not in target:
            return None
        _, what = self.trouble.popleft()
        assert request.transport is not None
        while what == "hang":
            await self._while_open(request)
        if what == "reset":
            request.transport.abort()
            raise ConnectionResetError
        if what == "truncate":
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            request.transport.write(head + b'Content-Length: 900\r\n\r\n{"printer')
            await asyncio.sleep(0.02)
            request.transport.close()
            raise ConnectionResetError
        if isinstance(what, bytes):
            return web.Response(body=what, content_type="application/json")
        assert isinstance(what, int)
        return self._error(request, what, "as told")

    def _unauthorized(
        self, request: web.BaseRequest, status: int, challenge: str | None, text: str
    ) -> web.Response:
        answer = web.Response(status=status, text=text if self.pi else f"{status}: {text}")
        if challenge is not None:
            answer.headers["WWW-Authenticate"] = challenge
        if request.method in {"PUT", "POST"}:
            answer.force_close()
            answer.headers["Connection"] = "close"
        return answer

    def _error(self, request: web.BaseRequest, status: int, message: str) -> web.Response:
        title = TITLES[status]
        if "json" in request.headers.get("Accept", ""):
            body = {"title": title if self.pi else f"{status}: {title}", "message": message}
            if self.pi:
                body |= {"code": f"#10{status}", "url": "/error"}
            return web.json_response(body, status=status)
        text = f"{title}\n{message}\n\n\nSee: /error" if self.pi else f"{status}: {title}"
        return web.Response(status=status, text=text)

    # -- routes ------------------------------------------------------------------------------

    async def _route(self, request: web.BaseRequest, path: str) -> web.StreamResponse:
        if request.method == "GET" and (answer := self._facts(path)) is not None:
            return answer
        segments = [part for part in path.split("/") if part]
        if ".." in segments:
            return self._error(request, 404, "no such place")
        match segments:
            case ["api", "v1", "job", number, *verb] if number.isdigit():
                return self._job(request, int(number), verb)
            case ["api", "v1", "files", root, *rest]:
                return await self._files(request, root, rest)
            case ["api", "v1", "transfer", number] if request.method == "DELETE":
                return self._stop_transfer(request, number)
        made = (
            self._pi_route(request, segments) if self.pi else self._buddy_route(request, segments)
        )
        return made or self._error(request, 404, "no such resource")

    def _pi_route(self, request: web.BaseRequest, segments: list[str]) -> web.Response | None:
        match segments:
            case ["api", "v1", "cameras", "snap"]:
                return self._snap(request)
            case ["api", "files", "local", "PrusaLink gcodes", *rest, "raw"]:
                return self._download(request, rest)
            case ["api", "thumbnails", "PrusaLink gcodes", *rest, last]:
                return self._thumbnail(request, "l", [*rest, last.removesuffix(".orig.png")])
        return None

    def _buddy_route(self, request: web.BaseRequest, segments: list[str]) -> web.Response | None:
        match segments:
            case ["api", "files", *_] if request.method == "POST":
                return self._error(request, 410, "use PUT")
            case ["usb", *rest]:
                return self._download(request, rest)
            case ["thumb", size, "usb", *rest]:
                return self._thumbnail(request, size, rest)
        return None

    def _facts(self, path: str) -> web.Response | None:  # noqa: PLR0911 - a table of paths
        match path:
            case "/api/version":
                return web.json_response(say.version(self))
            case "/api/v1/info":
                return web.json_response(say.info(self))
            case "/api/v1/status":
                return web.json_response(say.status(self))
            case "/api/v1/job":
                return _maybe(say.job(self))
            case "/api/v1/storage":
                return web.json_response(say.storage(self))
            case "/api/v1/transfer":
                return _maybe(say.transfer(self))
            case "/api/printer":
                return web.json_response(say.legacy_printer(self))
            case "/api/v1/cameras" if self.pi:
                cameras = [{"camera_id": "c1", "connected": True}] if self.camera else []
                return web.json_response({"camera_list": cameras})
        return None

    def _job(self, request: web.BaseRequest, number: int, verb: list[str]) -> web.Response:
        machine = self.machine
        if machine.run is None or machine.run.id != number:
            return self._error(request, 404, "Given job id does not belong to current job")
        match request.method, verb:
            case "PUT", ["pause"]:
                allowed, action = self.word == "PRINTING", machine.pause
            case "PUT", ["resume"]:
                allowed, action = self.word == "PAUSED", machine.resume
            case "DELETE", []:
                stoppable = {"PRINTING", "PAUSED"} | (set() if self.pi else {"ATTENTION"})
                allowed, action = self.word in stoppable, machine.cancel
            case "PUT", ["continue"] if self.pi:
                return web.Response(status=204)
            case _:
                return self._error(request, 400, "no such command")
        if not allowed:
            return self._error(request, 409, f"not while {self.word}")
        self._do(action)
        return web.Response(status=204)

    # -- files -------------------------------------------------------------------------------

    async def _files(  # noqa: PLR0911 - a table of methods
        self, request: web.BaseRequest, root: str, rest: list[str]
    ) -> web.StreamResponse:
        if self.pi and root == "sdcard":
            return self._card(request, rest)
        if root != ("local" if self.pi else "usb"):
            return self._error(request, 404 if self.pi else 403, "Location not found")
        if request.method == "PUT":
            return await self._upload(request, rest)
        entry = self.tree.find(rest) if self.stick or not rest else None
        if entry is None:
            return self._error(request, 404, "File you want was not found.")
        match request.method:
            case "GET":
                told = say.folder(self, entry) if entry.file is None else say.file(self, entry)
                return self._tagged(request, json.dumps(told).encode(), "application/json")
            case "HEAD":
                printing = "true" if self._printing(entry.path) else "false"
                headers = {"Read-Only": "false", "Currently-Printing": printing}
                size = len(entry.file.content) if entry.file and not self.pi else 0
                return web.Response(headers=headers | {"Content-Length": str(size)})
            case "POST":
                return self._start(request, entry.path)
            case "DELETE":
                return self._delete(request, entry.path, folder=entry.file is None)
        return self._error(request, 405, "no such method")

    def _card(self, request: web.BaseRequest, rest: list[str]) -> web.Response:
        if request.method in {"PUT", "DELETE"}:
            return self._error(request, 409, "SD Card storage is read only.")
        if rest:
            return self._error(request, 404, "File you want was not found.")
        card = {"type": "FOLDER", "name": "SD Card", "read_only": True, "children": []}
        return web.json_response(card)

    def _tagged(self, request: web.BaseRequest, body: bytes, kind: str) -> web.Response:
        tag = f'"{hashlib.sha256(body).hexdigest()[:10]}"'
        if self.pi:
            # One weak tag for everything, as recorded: it must not be relied upon.
            return web.Response(body=body, content_type=kind, headers={"ETag": 'W/"398d84f87d"'})
        if request.headers.get("If-None-Match") == tag:
            return web.Response(status=304, headers={"ETag": tag})
        return web.Response(body=body, content_type=kind, headers={"ETag": tag})

    def _printing(self, path: str) -> bool:
        run = self.machine.run
        return self.machine.phase in IN_JOB and run is not None and run.path == path

    def _start(self, request: web.BaseRequest, path: str) -> web.Response:
        # The daemon takes no start while a result is still shown, about eleven seconds.
        shown = set() if self.pi else {"FINISHED", "STOPPED"}
        if self.word not in {"IDLE", "READY"} | shown:
            return self._error(request, 409, "Printer is not in state to print.")
        self._do(lambda: self.machine.start(path))
        answer = web.Response(status=204)
        answer.force_close()
        return answer

    def _delete(self, request: web.BaseRequest, path: str, *, folder: bool) -> web.Response:
        if folder:
            force = request.headers.get("Force") == "?1" and self.pi
            inside = [name for name in self.machine.files if name.startswith(f"{path}/")]
            if inside and not force:
                return self._error(request, 409, "Directory is not empty")
            for name in inside:
                self.machine.remove(name)
            self.folders.discard(path)
        else:
            self.machine.remove(path)
        return web.Response(status=204)

    async def _upload(self, request: web.BaseRequest, rest: list[str]) -> web.Response:
        path = "/" + "/".join(rest)
        if request.headers.get("Create-Folder") == "?1" and not self.pi:
            if path in self.folders:
                return self._error(request, 409, "Folder exists")
            self.folders.add(path)
            return web.Response(status=201)
        overwrite = request.headers.get("Overwrite", "?0") in {"?1", "1", "true"}
        start = request.headers.get("Print-After-Upload", "?0") in {"?1", "1", "true"}
        if (refusal := self._upload_refusal(request, path, overwrite, start)) is not None:
            refusal.force_close()
            return refusal
        size = request.content_length
        assert size is not None
        self.transfer = Moving(
            self.machine.next_id + 1000, rest[-1], size, self.machine.now(), to_print=start
        )
        try:
            content = await self._receive(request)
        finally:
            self.transfer = None
        self.machine.store(
            VirtualFile(
                path=path,
                content=content,
                modified=time.time(),
                plates=self._plates_of(path, content),
            )
        )
        if start:
            if self.machine.phase in IN_JOB:
                return self._error(request, 409, "The file was stored, but cannot be printed now")
            self.machine.start(path)
        return web.Response(status=201)

    async def _receive(self, request: web.BaseRequest) -> bytes:
        assert self.transfer is not None
        content = bytearray()
        async for chunk in request.content.iter_chunked(65536):
            content += chunk
            self.transfer.moved = len(content)
            if self.chunk_pause_s:
                await asyncio.sleep(self.chunk_pause_s)
        return bytes(content)

    def _upload_refusal(
        self, request: web.BaseRequest, path: str, overwrite: bool, start: bool
    ) -> web.Response | None:
        size = request.content_length
        kind = request.headers.get("Content-Type", "application/octet-stream")
        checks: tuple[tuple[bool, int, str], ...] = (
            (size is None, 411, "Content-Length is missing"),
            (size == 0, 501, "an empty file"),
            (not path.lower().endswith(PRINTABLE), 415, "not a print file"),
            (not self.pi and any(c in path for c in '<>:"|?*'), 422, "bad characters"),
            (self.pi and kind == "application/octet-stream", 500, "as recorded"),
            (not self.stick, 507, "no storage"),
            (self.transfer is not None, 409, "Another transfer in progress"),
            (path in self.machine.files and not overwrite, 409, "File already exists"),
            (self.pi and start and self.machine.phase in IN_JOB, 409, "Not in state to print"),
            (bool(size and size > self.free_bytes), 507, "no space left"),
        )
        for wrong, status, message in checks:
            if wrong:
                return self._error(request, status, message)
        return None

    def _stop_transfer(self, request: web.BaseRequest, number: str) -> web.Response:
        if self.transfer is None or str(self.transfer.id) != number:
            return self._error(request, 404, "no such transfer")
        self.transfer = None
        return web.Response(status=204)

    def _download(self, request: web.BaseRequest, rest: list[str]) -> web.Response:
        entry = self.tree.find(rest) if self.stick else None
        if entry is None or entry.file is None or request.method != "GET":
            return self._error(request, 404, "File you want was not found.")
        return web.Response(body=entry.file.content, content_type="application/octet-stream")

    def _thumbnail(self, request: web.BaseRequest, size: str, rest: list[str]) -> web.Response:
        entry = self.tree.find(rest)
        if entry is not None and entry.file is not None:
            for width, height, data in pictures(entry.file.content):
                if (size == "s") == (width == height == 16):
                    return self._tagged(request, data, "image/png")
        return self._error(request, 404, "File doesn't contain preview")

    def _snap(self, request: web.BaseRequest) -> web.Response:
        if not self.camera:
            return self._error(request, 404, "Camera is not available")
        if not self.snapshots:
            return web.Response(status=204)
        picture = self.snapshots.pop(0) if len(self.snapshots) > 1 else self.snapshots[0]
        stamp = f"Fri, 20 Nov 2026 10:{picture[-1] % 60:02d}:00 GMT"
        if request.headers.get("If-Modified-Since") == stamp:
            return web.Response(status=304)
        return web.Response(
            body=picture, content_type="image/jpeg", headers={"Last-Modified": stamp}
        )


def void(_: object) -> None:
    """Forget a result."""


def _maybe(body: say.Json | None) -> web.Response:
    return web.Response(status=204) if body is None else web.json_response(body)


QUICK = Pace(
    idle_s=0.02, busy_s=0.02, load=0.0, storage_s=0.2, facts_s=5.0, retry_s=0.02,
    settle_every_s=0.02, settle_for_s=5.0, starting_s=1.0, camera_s=0.02,
    connect_s=1.0, answer_s=0.4, transfer_s=2.0,
)  # fmt: skip
"""For tests: everything that takes seconds takes hundredths."""


@asynccontextmanager
async def prusalink_peer(
    machine: VirtualMachine, clock: Clock, *, dialect: str = "buddy"
) -> AsyncIterator[PrusaLinkDriver]:
    """A driver with a simulator behind it, for the contract suite."""
    async with (
        aiohttp.ClientSession() as session,
        PrusaLinkSimulator(machine, dialect=dialect, password="12345678") as sim,
    ):
        yield PrusaLinkDriver(
            sim.host, port=sim.port, password="12345678", session=session, clock=clock, pace=QUICK
        )
