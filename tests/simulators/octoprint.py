"""An OctoPrint as a real server around a virtual machine, in both generations.

    async with OctoPrintSimulator(machine, version="1.11.8", api_key="…") as sim:
        sim.url

Written from the protocol sheet, recorded exchanges and a real server; it shares no code with the
driver. The machine is the printer behind the serial line: without power nothing answers at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
import uuid
from collections import deque
from contextlib import asynccontextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, Self

import aiohttp
from aiohttp import web

from custom_components.printernizer.engine.drivers.octoprint.client import Pace
from custom_components.printernizer.engine.drivers.octoprint.driver import OctoPrintDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    Phase,
    PlateFacts,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import Refused

from . import octoprint_answers as say
from .handlers import Handlers
from .octoprint_answers import NOT_FOUND, refused
from .octoprint_files import Shelf
from .octoprint_keys import AppKeys
from .octoprint_push import Switchboard
from .octoprint_state import Voice
from .octoprint_storage import Storage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from custom_components.printernizer.engine.workshop.clock import Clock

    from .certificates import Certificate

type Handler = Callable[[web.Request, list[str]], Awaitable[web.StreamResponse]]

JPEG = b"\xff\xd8\xff\xe0 a small picture \xff\xd9"
BOUNDARY = "boundarydonotcross"
NO_PERMISSION = (
    "You don't have the permission to access the requested resource. It is either "
    "read-protected or not readable by the server."
)
NOT_OPERATIONAL = "Printer is not operational"
NO_JOB = "Printer is neither printing nor paused"


def _logger() -> logging.Logger:
    """Return a log for the simulator's own mistakes, without the lines it breaks on purpose."""
    logger = logging.getLogger(__name__)
    logger.filters = [
        lambda record: not (record.exc_info and record.exc_info[0] is ConnectionResetError)
    ]
    return logger


class OctoPrintSimulator:
    """One OctoPrint on 127.0.0.1."""

    def __init__(
        self,
        machine: VirtualMachine,
        *,
        version: str = "1.11.8",
        api_key: str = "admin-key",
        user: str = "ha",
        prefix: str = "",
        certificate: Certificate | None = None,
        current_s: float = 0.5,
        shared_nozzle: bool = False,
        host: str = "127.0.0.1",
        port: int = 0,
        plates_of: Callable[[str, bytes], tuple[PlateFacts, ...]] | None = None,
    ) -> None:
        """current_s: real seconds between two states on the push line."""
        self.machine = machine
        self.version = version
        major, minor = (int(part) for part in version.split(".")[:2])
        self.second = major >= 2
        self.lists_webcams = (major, minor) >= (1, 9)
        self.prefix = prefix
        self.host, self.port = host, port
        self.current_s = current_s
        self.shared_nozzle = shared_nozzle
        self.keys: dict[str, tuple[str, frozenset[str]]] = {
            api_key: (user, frozenset({"ADMIN", *say.PERMISSIONS}))
        }
        """By key: whose it is, and what they may do."""
        self.uuid: str | None = str(uuid.uuid5(uuid.NAMESPACE_DNS, machine.serial))
        self.text = f"OctoPrint {version}"
        self.starting = False
        """The proxy is up, the server behind it is not: 503 with a page."""
        self.push = True
        """Whether the proxy lets the push line through."""
        self.core_commands = ["restart", "restart_safe", "reboot", "shutdown"]
        self.commands_run: list[str] = []
        self.webcams: list[say.Json] = [
            {
                "name": "classic",
                "stream": "/webcam/?action=stream",
                "snapshot": "http://127.0.0.1:8080/?action=snapshot",
            }
        ]
        self.webcam_enabled = True
        self.picture: bytes | None = JPEG
        self.webcam_headers: list[dict[str, str]] = []
        self.ranges = not self.second
        """2.0 sends whole files only."""
        self.transfer_s = 1.0
        """Machine seconds a file takes to the card."""
        self.stubborn: str | None = None
        """Why the serial line does not open."""
        self.refuses_targets = False
        """Takes a target and does nothing, as a firmware that is busy."""
        self.failed_logins = 0
        self.log: deque[str] = deque(maxlen=1000)
        """"METHOD target" of every request that was let in."""
        self.bodies: deque[say.Json] = deque(maxlen=200)
        self.trouble: deque[tuple[str, object]] = deque()
        """(part of "METHOD target", what happens): a status, "reset", "hang", "html", (status,
        text) or bytes as the body."""
        self.shelf = Shelf(machine, self.second)
        self.voice = Voice(machine, second=self.second)
        self.sessions: dict[str, str] = {}
        self.app_keys = AppKeys(self)
        self.line = Switchboard(self._greeting, self._history, self._who)
        self._plugin_hash = secrets.token_hex(16)
        self.plates_of = plates_of or (lambda _path, _content: (PlateFacts(),))
        self._certificate = certificate
        self._storage = Storage(self)
        self._handlers = Handlers()
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None

    # -- life --------------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Its base address."""
        scheme = "https" if self._certificate else "http"
        return f"{scheme}://{self.host}:{self.port}{self.prefix}"

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30)
        app.router.add_route("*", "/{tail:.*}", self._answer)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.05, logger=_logger(), auto_decompress=False
        )
        await self._runner.setup()
        context = self._certificate.context() if self._certificate else None
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=context)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._pump is not None
        self._pump.cancel()
        await asyncio.gather(self._pump, return_exceptions=True)
        await self.line.close()
        await self._runner.cleanup()
        await self._handlers.end()

    async def _run(self) -> None:
        """Push what happens, and the state from time to time."""
        due = 0.0
        while True:
            if self.machine.reachable:
                await self.tell()
                if time.monotonic() >= due:
                    due = time.monotonic() + self.current_s
                    await self.line.tell_current(self._current)
            else:
                for line in list(self.line.lines):
                    _cut(line.socket)
                self.line.lines.clear()
            await asyncio.sleep(min(0.02, self.current_s))

    async def tell(self) -> None:
        """Look at the machine and push the events since."""
        self.voice.catch_up()
        events, self.voice.events = self.voice.events, []
        for event in events:
            await self.line.tell(event)

    async def restart(self) -> None:
        """Go down and come back: sockets closed, sessions and the selected file forgotten."""
        await self.line.close()
        self.sessions.clear()
        self.voice.selected = None
        self._plugin_hash = secrets.token_hex(16)

    # -- the push line -----------------------------------------------------------------------

    def _greeting(self) -> say.Json:
        return {
            "version": self.version, "display_version": self.version, "branch": "HEAD",
            "python_version": "3.13.0", "plugin_hash": self._plugin_hash,
            "config_hash": self._plugin_hash[::-1], "debug": False, "safe_mode": None,
            "online": True, "permissions": [],
        }  # fmt: skip

    def _state(self) -> say.Json:
        said: say.Json = {
            "state": self.voice.state(),
            "job": self.voice.job(),
            "currentZ": None,
            "progress": self.voice.progress(),
            "offsets": {},
            "serverTime": time.time(),
            "logs": ["Recv: wait"],
            "messages": ["wait"],
            "markings": [],
        }
        count: say.Json = {"count": 0, "transmitted": 8, "ratio": 0}
        if self.second:
            return said | {"health": count, "currentTool": self.machine.active_tool}
        return said | {"resends": count}

    def _temps(self) -> list[say.Json]:
        if not self.voice.open:
            return []
        heaters = say.temperatures(self.machine, offset=False)
        return [{"time": int(time.time()), **heaters}]

    def _history(self) -> say.Json:
        return {**self._state(), "temps": self._temps()}

    def _current(self) -> say.Json:
        return {**self._state(), "temps": self._temps(), "busyFiles": []}

    def _who(self, name: str, session: str) -> bool:
        return self.sessions.get(session) == name

    # -- one request -------------------------------------------------------------------------

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self._handlers.note(request)
        await self._silence(request)
        if self.starting:
            page = "<html><body>The server is starting up</body></html>"
            return web.Response(status=503, text=page, content_type="text/html")
        path = request.path
        if not path.startswith(f"{self.prefix}/"):
            return refused(404, NOT_FOUND)
        await self.tell()
        path = path[len(self.prefix) :]
        self.log.append(f"{request.method} {request.path_qs[len(self.prefix) :]}")
        if (made := await self._troubled(request, self.log[-1])) is not None:
            return made
        segments = [part for part in path.split("/") if part]
        if segments[:1] == ["api"]:
            return await self._api(request, segments[1:])
        return await self._pages(request, segments)

    async def _pages(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        """What is not the API."""
        match segments:
            case ["sockjs", *rest]:
                return await self._sockjs(request, rest)
            case ["webcam", *_]:
                return await self._webcam(request)
            case ["plugin", "appkeys", *rest]:
                return await self.app_keys.answer(request, rest)
            case ["plugin", "discovery", "discovery.xml"]:
                return web.Response(text=self._description(), content_type="application/xml")
            case ["downloads" | "plugin", *_]:
                return await self._storage.download(request, segments)
        return refused(404, NOT_FOUND)

    async def _silence(self, request: web.Request) -> None:
        """Without power nobody answers."""
        if self.machine.reachable:
            return
        _cut(request)
        raise ConnectionResetError

    async def _troubled(self, request: web.Request, target: str) -> web.StreamResponse | None:
        if not self.trouble or self.trouble[0][0] not in target:
            return None
        _, what = self.trouble.popleft()
        if what == "hang":
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.02)
            raise ConnectionResetError
        if what == "reset":
            _cut(request)
            raise ConnectionResetError
        if what == "cut body":
            await request.content.readany()
            _cut(request)
            raise ConnectionResetError
        # Left unread, a body keeps the server busy with throwing it away.
        await request.read()
        if what == "html":
            return web.Response(text="<html>Please log in</html>", content_type="text/html")
        if what == "elsewhere":
            return web.Response(status=302, headers={"Location": "http://192.0.2.1/"})
        if isinstance(what, bytes):
            return web.Response(body=what, content_type="application/json")
        if isinstance(what, tuple):
            return refused(*what)
        assert isinstance(what, int)
        return refused(what, "as told")

    def user(self, request: web.Request) -> tuple[str | None, frozenset[str]]:
        bearer = request.headers.get("Authorization", "").removeprefix("Bearer ")
        key = request.headers.get("X-Api-Key") or bearer
        return self.keys.get(key, (None, frozenset()))

    def _guard(self, request: web.Request, segments: list[str]) -> web.Response | None:
        """Treat a key that is not known as nobody's: 403, and 400 for what changes something."""
        name, permissions = self.user(request)
        if segments == ["currentuser"]:
            return None
        if name is None and request.method != "GET":
            return refused(400, "CSRF validation failed")
        if segments == ["login"]:
            return None
        needed = _needed(request.method, segments)
        if needed in permissions or "ADMIN" in permissions:
            return None
        return refused(403, NO_PERMISSION)

    async def body(self, request: web.Request) -> say.Json:
        if request.content_type != "application/json":
            raise web.HTTPBadRequest(text=json.dumps({"error": "Expected content-type JSON"}))
        body: say.Json = await request.json()
        self.bodies.append(body)
        return body

    # -- routes ------------------------------------------------------------------------------

    async def _api(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        if (denied := self._guard(request, segments)) is not None:
            return denied
        try:
            answer = await self._route(request, segments)
        except Refused as refusal:
            answer = refused(409, refusal.reason)
        await self.tell()
        return answer

    async def _route(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        head = segments[0] if segments else ""
        routes: dict[str, Handler] = {
            "files": self._storage.answer,
            "job": self._job,
            "printer": self._printer,
            "connection": self._connection,
            "system": self._system,
            "timelapse": self._storage.films,
            "login": self._login,
        }
        if head in routes:
            return await routes[head](request, segments[1:])
        said = self._facts(request, segments)
        return refused(404, NOT_FOUND) if said is None else web.json_response(said)

    def _facts(self, request: web.Request, segments: list[str]) -> say.Json | None:
        match segments:
            case ["version"]:
                return {"api": "0.1", "server": self.version, "text": self.text}
            case ["server"]:
                return {"version": self.version, "safemode": None}
            case ["currentuser"]:
                name, permissions = self.user(request)
                groups = ["admins"] if "ADMIN" in permissions else ["guests"]
                return {"name": name, "groups": groups, "permissions": sorted(permissions)}
            case ["settings"]:
                return self._settings()
            case ["printerprofiles"]:
                return say.profiles(self.machine, self.url, shared_nozzle=self.shared_nozzle)
        return None

    def _settings(self) -> say.Json:
        discovery = {} if self.uuid is None else {"discovery": {"upnpUuid": self.uuid}}
        return {
            "api": {"key": None},
            "appearance": {"name": self.machine.name},
            "feature": {"sdSupport": True},
            "temperature": {"profiles": []},
            "webcam": say.webcam(
                self.webcams, listed=self.lists_webcams, enabled=self.webcam_enabled
            ),
            "plugins": discovery,
        }

    async def _login(self, request: web.Request, _: list[str]) -> web.Response:
        body = await self.body(request)
        name, _permissions = self.user(request)
        if not body.get("passive"):
            self.failed_logins += 1
            return refused(429 if self.failed_logins > 3 else 403, "wrong")
        session = secrets.token_hex(16)
        if name is not None:
            self.sessions[session] = name
        answer = web.json_response(
            {"_is_external_client": False, "_login_mechanism": "apikey", "name": name,
             "session": session, "active": True}
        )  # fmt: skip
        answer.set_cookie("session_P5000", session)
        return answer

    # -- the printer -------------------------------------------------------------------------

    async def _connection(self, request: web.Request, _: list[str]) -> web.Response:
        voice = self.voice
        if request.method == "GET":
            return web.json_response(
                say.connection(open_=voice.open, error=bool(voice.error), second=self.second)
            )
        match (await self.body(request)).get("command"):
            case "connect" if self.stubborn is not None:
                voice.lose(self.stubborn)
            case "connect":
                voice.connect()
            case "disconnect" if voice.open:
                voice.lose(None)
            case "disconnect":
                pass
            case _:
                return refused(400, "command is invalid")
        return web.Response(status=204)

    async def _printer(self, request: web.Request, segments: list[str]) -> web.Response:
        if segments == ["error"]:
            error = self.voice.error if not self.second else None
            return web.json_response({"error": error or "", "reason": self.voice.reason})
        if not self.voice.open:
            return refused(409, NOT_OPERATIONAL)
        if request.method == "GET":
            return self._heaters(request, segments)
        return self._obey(segments, await self.body(request))

    def _obey(self, segments: list[str], body: say.Json) -> web.Response:
        machine = self.machine
        match segments:
            case ["command"]:
                return self._gcode(body)
            case ["printhead"]:
                return self._head(body)
            case ["tool"]:
                return self._tool(body)
            case ["bed"]:
                self._heat(lambda: machine.set_bed_target(float(body["target"])))
            case ["chamber"] if machine.chamber is not None:
                self._heat(lambda: machine.set_chamber_target(float(body["target"])))
            case _:
                return refused(409, "Printer does not have a heated chamber")
        return web.Response(status=204)

    def _heaters(self, request: web.Request, segments: list[str]) -> web.Response:
        if segments:
            heaters = say.temperatures(self.machine)
            if segments[0] == "chamber" and self.machine.chamber is None:
                return refused(409, "Printer does not have a heated chamber")
            return web.json_response(
                {key: value for key, value in heaters.items() if key.startswith(segments[0])}
            )
        left_out = request.query.get("exclude", "").split(",")
        said: say.Json = {"state": self.voice.state()}
        if "temperature" not in left_out:
            said["temperature"] = say.temperatures(self.machine)
        if "sd" not in left_out:
            said["sd"] = {"ready": self.voice.card}
        return web.json_response(said)

    def _heat(self, set_target: Callable[[], None]) -> None:
        if not self.refuses_targets:
            set_target()

    def _tool(self, body: say.Json) -> web.Response:
        if body.get("command") == "flowrate":
            return web.Response(status=204 if 75 <= body["factor"] <= 125 else 400)
        for name, target in body["targets"].items():
            index = int(name.removeprefix("tool"))
            if index >= len(self.machine.tools):
                return refused(400, "Invalid target for setting temperature")
            self._heat(partial(self.machine.set_tool_target, index, float(target)))
        return web.Response(status=204)

    def _head(self, body: say.Json) -> web.Response:
        command = body.get("command")
        if command == "feedrate":
            if not 50 <= body["factor"] <= 200:
                return refused(400, "Invalid value for feed rate")
            self.machine.set_speed(int(body["factor"]))
            return web.Response(status=204)
        if self.machine.in_job and self.machine.phase is not Phase.PAUSED:
            return refused(409, "Printer is not operational or currently printing")
        # What the firmware says against it reaches the terminal, never the request.
        with contextlib.suppress(Refused):
            if command == "home":
                self.machine.home(body["axes"])
            elif command == "jog":
                self.machine.move({axis: body[axis] for axis in "xyz" if axis in body})
        return web.Response(status=204)

    def _gcode(self, body: say.Json) -> web.Response:
        for line in body.get("commands", [body.get("command")]):
            if line == "M112":
                self.machine.emergency_stop()
            else:
                self.machine.gcode(line)
        return web.Response(status=204)

    def _job_now(self) -> say.Json:
        voice = self.voice
        said: say.Json = {
            "job": voice.job(),
            "progress": voice.progress(),
            "state": voice.state()["text"],
        }
        if self.second:
            said["error"] = None
        elif voice.error:
            said["error"] = voice.error
        return said

    async def _job(self, request: web.Request, _: list[str]) -> web.Response:
        if request.method == "GET":
            return web.json_response(self._job_now())
        machine = self.machine
        body = await self.body(request)
        if not self.voice.open:
            return refused(409, NOT_OPERATIONAL)
        command = body.get("command")
        if command == "start":
            return self._start_selected()
        if command not in {"pause", "cancel", "restart"}:
            return refused(400, "command is invalid")
        if not machine.in_job:
            return refused(409, f"{NO_JOB}, '{command}' command cannot be performed")
        if command == "pause":
            return self._pause(body.get("action", "toggle"))
        path = machine.run.path if machine.run else ""
        if command == "restart" and machine.phase is not Phase.PAUSED:
            return refused(409, "Printer does not have an active print job or is not paused")
        machine.cancel()
        if command == "restart":
            machine.start(path)
        return web.Response(status=204)

    def _pause(self, action: str) -> web.Response:
        machine = self.machine
        paused = machine.phase in {Phase.PAUSED, Phase.ATTENTION}
        wish = ("resume" if paused else "pause") if action == "toggle" else action
        if wish == "pause" and not paused:
            machine.pause()
        elif wish == "resume" and paused and self.voice.state_id == "PAUSED":
            machine.acknowledge() if machine.phase is Phase.ATTENTION else machine.resume()
        return web.Response(status=204)

    def _start_selected(self) -> web.Response:
        if self.machine.in_job:
            return refused(409, "Printer already has an active print job, did you mean 'restart'?")
        if self.voice.selected is None:
            return refused(409, "No file selected")
        origin, path = self.voice.selected
        self.machine.start(f"/sdcard/{path}" if origin == "sdcard" else f"/{path}")
        return web.Response(status=204)

    # -- the host ----------------------------------------------------------------------------

    async def _system(self, request: web.Request, segments: list[str]) -> web.Response:
        if request.method == "GET":
            core = [
                {"action": action, "name": action.title(), "source": "core",
                 "resource": f"{self.url}/api/system/commands/core/{action}"}
                for action in self.core_commands
            ]  # fmt: skip
            return web.json_response({"core": core, "custom": [], "plugin": []})
        if segments[:2] != ["commands", "core"] or segments[-1] not in self.core_commands:
            return refused(404, NOT_FOUND)
        self.commands_run.append(segments[-1])
        return web.Response(status=204)

    def _description(self) -> str:
        return (
            "<?xml version='1.0'?><root xmlns='urn:schemas-upnp-org:device-1-0'><device>"
            f"<friendlyName>OctoPrint instance on {self.machine.name}</friendlyName>"
            "<manufacturer>The OctoPrint Project</manufacturer>"
            f"<UDN>uuid:{self.uuid}</UDN><presentationURL>{self.url}/</presentationURL>"
            "</device></root>"
        )

    # -- sockets and pictures ----------------------------------------------------------------

    async def _sockjs(self, request: web.Request, segments: list[str]) -> web.StreamResponse:
        if segments == ["info"]:
            return web.json_response(
                {"websocket": True, "cookie_needed": False, "origins": ["*:*"], "entropy": 1}
            )
        if not self.push:
            return web.Response(status=400, text="Can upgrade only to websocket")
        if segments == ["websocket"]:
            return await self.line.serve(request, framed=False)
        if len(segments) == 3 and segments[2] == "websocket":
            return await self.line.serve(request, framed=True)
        return refused(404, NOT_FOUND)

    async def _webcam(self, request: web.Request) -> web.StreamResponse:
        self.webcam_headers.append(dict(request.headers))
        if self.picture is None:
            return web.Response(status=404)
        if request.query.get("action") != "stream":
            return web.Response(body=self.picture, content_type="image/jpeg")
        answer = web.StreamResponse()
        answer.headers["Content-Type"] = f"multipart/x-mixed-replace;boundary={BOUNDARY}"
        await answer.prepare(request)
        with contextlib.suppress(ConnectionError):
            while (picture := self.picture) is not None:
                head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}"
                await answer.write(head.encode() + b"\r\n\r\n" + picture + b"\r\n")
                await asyncio.sleep(0.01)
        return answer


def _cut(request: Any) -> None:
    """End a connection without a word."""
    request = getattr(request, "_req", request)
    if request is not None and request.transport is not None:
        request.transport.abort()


def _needed(method: str, segments: list[str]) -> str:
    """Return the permission that a request needs."""
    writes = method != "GET"
    match segments:
        case ["settings"]:
            return "SETTINGS_READ"
        case ["printerprofiles"] | ["connection"]:
            return "CONNECTION" if writes or segments[0] == "printerprofiles" else "STATUS"
        case ["system", *_]:
            return "SYSTEM"
        case ["timelapse", *_]:
            return "TIMELAPSE_DELETE" if writes else "TIMELAPSE_LIST"
        case ["job"]:
            return "PRINT" if writes else "STATUS"
        case ["printer", *_]:
            return "CONTROL" if writes else "STATUS"
        case ["files", *_]:
            names = {"GET": "FILES_LIST", "DELETE": "FILES_DELETE"}
            rest = "FILES_UPLOAD" if len(segments) == 2 else "FILES_SELECT"
            return names.get(method, rest)
    return "STATUS"


QUICK = Pace(
    idle_s=0.05, busy_s=0.02, push_again_s=30.0, retry_s=0.02, hello_s=1.0, login_again_s=0.3,
    push_lag_s=0.1, settle_every_s=0.02, settle_for_s=5.0, connect_for_s=5.0, transfer_for_s=5.0,
    connect_s=2.0, answer_s=2.0, transfer_s=2.0,
)  # fmt: skip
"""For tests: everything that takes seconds takes hundredths."""


@asynccontextmanager
async def octoprint_peer(
    machine: VirtualMachine, clock: Clock, *, version: str = "1.11.8"
) -> AsyncIterator[OctoPrintDriver]:
    """A driver with a simulator behind it, for the contract suite."""
    async with (
        aiohttp.ClientSession() as session,
        OctoPrintSimulator(machine, version=version, api_key="12345678", current_s=0.02) as sim,
    ):
        yield OctoPrintDriver(sim.url, api_key="12345678", session=session, clock=clock, pace=QUICK)
