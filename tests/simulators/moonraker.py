"""A Moonraker as a real server around a virtual machine.

    async with MoonrakerSimulator(machine, api_key="…") as sim:
        sim.url

Written from the protocol sheet and from recorded sessions; it shares no code with the driver.
Time inside is the machine's own; what is pushed is pushed every `push_s` real seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import deque
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote

import aiohttp
from aiohttp import web

from custom_components.printernizer.engine.drivers.moonraker.driver import MoonrakerDriver
from custom_components.printernizer.engine.drivers.moonraker.pace import Pace
from custom_components.printernizer.engine.drivers.virtual.machine import PlateFacts, VirtualMachine

from .handlers import Handlers
from .klipper import Klipper
from .moonraker_files import Shelf
from .moonraker_login import Logins
from .moonraker_methods import COMPONENTS, Methods, RpcError
from .moonraker_past import Past
from .moonraker_web import Pages, error_answer
from .scenery import picture

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Mapping

    from custom_components.printernizer.engine.workshop.clock import Clock

type Json = dict[str, object]

MOST_SOCKETS: Final = 50


class Connection:
    """One WebSocket, with what it has subscribed to."""

    def __init__(self, server: MoonrakerSimulator, socket: web.WebSocketResponse) -> None:
        self._server = server
        self.socket = socket
        self.known = False
        """Logged in."""
        self.identified: Json | None = None
        self._wanted: dict[str, list[str] | None] = {}
        self._told: dict[str, Json] = {}

    def subscribe(self, wanted: dict[str, list[str] | None], status: object) -> None:
        """Replace what is pushed."""
        assert isinstance(status, dict)
        self._wanted = wanted
        self._told = {name: dict(fields) for name, fields in status.items()}

    def forget(self) -> None:
        """Klipper is gone, and subscriptions with it."""
        self._wanted, self._told = {}, {}

    async def push(self) -> None:
        """Send what has changed since the last time."""
        if not self._wanted:
            return
        answer = self._server.klipper.query(self._wanted)
        status = answer["status"]
        assert isinstance(status, dict)
        changes = {}
        for name, fields in status.items():
            told = self._told.get(name, {})
            changed = {key: value for key, value in fields.items() if told.get(key) != value}
            if changed:
                changes[name] = changed
        self._told = {name: dict(fields) for name, fields in status.items()}
        if changes:
            await self.notify("notify_status_update", changes, answer["eventtime"])

    async def notify(self, method: str, *params: object) -> None:
        """Send a notification; one without parameters has no such field."""
        frame: Json = {"jsonrpc": "2.0", "method": method}
        await self.send(frame | ({"params": list(params)} if params else {}))

    async def send(self, frame: object) -> None:
        """Write a frame, unless the other side is gone."""
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.socket.send_json(frame)


class MoonrakerSimulator:
    """One Moonraker on 127.0.0.1."""

    def __init__(
        self,
        machine: VirtualMachine,
        *,
        api_key: str | None = "0123456789abcdef0123456789abcdef",
        users: Mapping[str, str] | None = None,
        trusted: bool = False,
        force_logins: bool = False,
        prefix: str = "",
        push_s: float = 0.02,
        instance_id: str | None = "7d3c6f1e2b4a49a0b1c2d3e4f5a6b7c8",
        components: tuple[str, ...] = COMPONENTS,
        host: str = "127.0.0.1",
        port: int = 0,
        tls: ssl.SSLContext | None = None,
        plates_of: Callable[[str, bytes], tuple[PlateFacts, ...]] | None = None,
    ) -> None:
        self.machine = machine
        self.klipper = Klipper(machine)
        self.logins = Logins(
            machine.now,
            api_key=api_key,
            users=users or {},
            trusted=trusted,
            force_logins=force_logins,
        )
        self.shelf = Shelf(machine, plates_of or (lambda _path, _content: (PlateFacts(),)))
        self.past = Past(self.klipper, lambda action, job: self.tell(
            "notify_history_changed", {"action": action, "job": job}))  # fmt: skip
        self.prefix = prefix
        self.push_s = push_s
        self.instance_id = instance_id
        self.components = components
        self.host, self.port = host, port
        self.tls = tls
        self.queue: list[Json] = []
        self.power: dict[str, str] = {}
        self.stuck_relay = False
        self.webcams: list[Json] = []
        self.frames: list[bytes] = []
        """What the webcam shows, one after the other."""
        self.spool_id: int | None = None
        self.remote_version = machine.firmware
        self.provider = "systemd_dbus"
        self.reboots = 0
        # What can be made to go wrong.
        self.proxy_down = False
        """nginx answers for a Moonraker that is not running."""
        self.most_sockets = MOST_SOCKETS
        self.unknown_methods: set[str] = set()
        self.silent_methods: set[str] = set()
        """Methods that are never answered."""
        self.late: dict[str, float] = {}
        """Real seconds before an answer, by method."""
        self.spoil_checksum = False
        self.cut_upload_at: int | None = None
        self.cut_download_at: int | None = None
        self.refuse_http: int | None = None
        """A status for every HTTP request that needs a login."""
        self.refuse_socket: int | None = None
        self.missing_pages: set[str] = set()
        """Pages that an old server does not have."""
        self.calls: deque[str] = deque(maxlen=2000)
        self.sent_params: deque[tuple[str, Json]] = deque(maxlen=2000)
        self.connections: set[Connection] = set()
        self.methods = Methods(self)
        self._state = "ready"
        self._news: deque[tuple[str, tuple[object, ...]]] = deque()
        self._handlers = Handlers()
        self._runner: web.AppRunner | None = None
        self._pump: asyncio.Task[None] | None = None
        self._answers: set[asyncio.Task[None]] = set()
        self.klipper.listeners.append(lambda line: self.tell("notify_gcode_response", line))

    # -- life --------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=1 << 30, middlewares=[self._gate])
        app.router.add_get(f"{self.prefix}/websocket", self._socket)
        Pages(self).add_to(app, self.prefix)
        self._runner = web.AppRunner(
            app, access_log=None, shutdown_timeout=0.1, logger=_logger(), auto_decompress=False
        )
        await self._runner.setup()
        site = web.TCPSite(self._runner, self.host, self.port, ssl_context=self.tls)
        await site.start()
        self.port = self._runner.addresses[0][1]
        self._pump = asyncio.create_task(self._push())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        assert self._pump is not None
        self._pump.cancel()
        for task in self._answers:
            task.cancel()
        ended = await asyncio.gather(self._pump, *self._answers, return_exceptions=True)
        self.drop()
        await self._runner.cleanup()
        await self._handlers.end()
        for error in ended:
            if isinstance(error, Exception):
                raise error

    @property
    def url(self) -> str:
        """Base address."""
        return f"http{'s' if self.tls else ''}://{self.host}:{self.port}{self.prefix}"

    # -- what happens by itself --------------------------------------------------------------

    def catch_up(self) -> None:
        """See what Klipper has done since the last look."""
        state = self.klipper.state
        self.past.catch_up()
        if state == self._state:
            return
        self._state = state
        if state == "disconnected":
            for connection in self.connections:
                connection.forget()
        if state in {"ready", "shutdown", "disconnected"}:
            self.tell(f"notify_klippy_{state}")

    async def _push(self) -> None:
        while True:
            if not self.machine.reachable:
                self.drop()
            else:
                self.catch_up()
                await self._deliver()
            await asyncio.sleep(self.push_s)

    async def _deliver(self) -> None:
        await self._deliver_news()
        for connection in tuple(self.connections):
            await connection.push()

    async def _deliver_news(self) -> None:
        while self._news:
            method, params = self._news.popleft()
            for connection in tuple(self.connections):
                if connection.known:
                    await connection.notify(method, *params)

    def tell(self, method: str, *params: object) -> None:
        """Have a notification sent to everybody."""
        self._news.append((method, params))

    def file_changed(self, action: str, item: Json) -> Json:
        """Tell of a file, and return what whoever changed it is told."""
        self.tell("notify_filelist_changed", {"action": action, "item": item})
        return {"action": action, "item": item}

    def switch(self, name: str, action: str) -> None:
        """Switch a power device."""
        self.power[name] = action
        self.tell("notify_power_changed", {"device": name, "status": action})

    def set_queue(self, *names: str) -> None:
        """Put jobs into the queue."""
        self.queue = [
            {"filename": name, "job_id": f"{index:016X}", "time_added": 1.7e9, "time_in_queue": 1.0}
            for index, name in enumerate(names)
        ]
        self.tell(
            "notify_job_queue_changed",
            {"action": "state_changed", "updated_queue": None, "queue_state": "paused"},
        )
        self.tell(
            "notify_job_queue_changed",
            {"action": "jobs_added", "updated_queue": self.queue, "queue_state": "paused"},
        )

    def set_spool(self, number: int | None) -> None:
        """Put another spool on the holder."""
        self.spool_id = number
        self.tell("notify_active_spool_set", {"spool_id": number})

    def drop(self) -> None:
        """Cut all lines without a word."""
        for connection in tuple(self.connections):
            transport = connection.socket._req.transport if connection.socket._req else None
            if transport is not None:
                transport.abort()

    async def before_upload(self, request: web.Request) -> None:
        """Do nothing; a test puts a slow disk in its place."""

    async def garble(self, *frames: str | bytes) -> None:
        """Send something else than messages to everybody."""
        for connection in tuple(self.connections):
            for frame in frames:
                if isinstance(frame, str):
                    await connection.socket.send_str(frame)
                else:
                    await connection.socket.send_bytes(frame)

    # -- requests ----------------------------------------------------------------------------

    @web.middleware
    async def _gate(
        self, request: web.Request, handler: Callable[[web.Request], Any]
    ) -> web.StreamResponse:
        """Power, proxy and login, in the order in which they stand before the server."""
        self._handlers.note(request)
        if not self.machine.reachable:
            assert request.transport is not None
            request.transport.abort()
            raise ConnectionResetError
        if self.proxy_down:
            return web.Response(
                status=502, text="<html>502 Bad Gateway</html>", content_type="text/html"
            )
        path = unquote(request.path).removeprefix(self.prefix)
        self.calls.append(f"{request.method} {request.raw_path}")
        if path in self.missing_pages:
            return error_answer(404, "Not Found")
        free = path in {"/websocket", "/access/info", "/access/login", "/access/refresh_jwt"}
        if not free and not path.startswith("/webcam"):
            if self.refuse_http is not None:
                return error_answer(self.refuse_http, "as told")
            if (reason := self.logins.refusal(request.headers, request.query)) is not None:
                return error_answer(401, "Unauthorized", reason)
        self.catch_up()
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        if self.refuse_socket is not None:
            return error_answer(self.refuse_socket, "as told")
        if len(self.connections) >= self.most_sockets:
            return error_answer(503, "Too many connections")
        socket = web.WebSocketResponse(max_msg_size=1 << 24, autoping=True, compress=False)
        await socket.prepare(request)
        connection = Connection(self, socket)
        connection.known = self.logins.refusal(request.headers, request.query) is None
        self.connections.add(connection)
        try:
            async for message in socket:
                if message.type is aiohttp.WSMsgType.TEXT:
                    task = asyncio.create_task(self._frame(connection, message.data))
                    self._answers.add(task)
                    task.add_done_callback(self._answers.discard)
        finally:
            self.connections.discard(connection)
        return socket

    async def _frame(self, connection: Connection, text: str) -> None:
        try:
            frame = json.loads(text)
        except ValueError:
            await connection.send(rpc_error(-32700, "Parse error", None))
            return
        if not isinstance(frame, list):
            answer = await self.answer(frame, connection)
            if answer is not None:
                await connection.send(answer)
            return
        answers = [await self.answer(one, connection) for one in frame]
        await connection.send([answer for answer in answers if answer is not None])

    async def answer(self, frame: object, connection: Connection | None) -> Json | None:
        """Answer one JSON-RPC request; None for one that is never answered."""
        if not isinstance(frame, dict) or not isinstance(frame.get("method"), str):
            return rpc_error(-32600, "Invalid Request", None)
        method, number, params = frame["method"], frame.get("id"), frame.get("params", {})
        if not isinstance(params, dict):
            return rpc_error(-32602, "Invalid params:", number)
        self.calls.append(method)
        self.sent_params.append((method, params))
        if method in self.silent_methods:
            return None
        await asyncio.sleep(self.late.get(method, 0.0))
        try:
            if method == "server.connection.identify":
                result: object = self._identify(params, connection)
            else:
                if connection is not None and not connection.known:
                    raise RpcError(-32602, "Unauthorized")
                result = await self.methods.call(method, params, connection)
        except RpcError as err:
            await self._deliver_news()
            return rpc_error(err.code, err.message, number)
        # What the console said meanwhile comes before the answer, as recorded.
        await self._deliver_news()
        return {"jsonrpc": "2.0", "result": result, "id": number}

    def _identify(self, params: Json, connection: Connection | None) -> Json:
        assert connection is not None
        if connection.identified is not None:
            raise RpcError(400, f"Connection already identified: {connection.identified}")
        for key in ("client_name", "version", "type", "url"):
            if key not in params:
                raise RpcError(400, f"No data for argument: {key}")
        refusal = None if connection.known else "Unauthorized"
        if "api_key" in params:
            refusal = self.logins.key_refusal(params["api_key"])
        elif "access_token" in params:
            refusal = self.logins.token_refusal(params["access_token"])
        if refusal is not None:
            raise RpcError(-32602, refusal)
        connection.known = True
        connection.identified = {"name": params["client_name"], "type": params["type"]}
        return {"connection_id": id(connection)}


def rpc_error(code: int, message: str, number: object) -> Json:
    """Return an error of JSON-RPC."""
    return {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": number}


def _logger() -> logging.Logger:
    """Return a log for the simulator's own mistakes, without the lines it breaks on purpose."""
    logger = logging.getLogger(__name__)
    logger.filters = [
        lambda record: not (record.exc_info and record.exc_info[0] is ConnectionResetError)
    ]
    return logger


def webcam_entry(name: str, **changes: object) -> Json:
    """Return a webcam as the server lists it; its addresses are the frontend's."""
    return {
        "name": name,
        "enabled": True,
        "icon": "mdiWebcam",
        "aspect_ratio": "4:3",
        "target_fps": 15,
        "target_fps_idle": 5,
        "location": "printer",
        "service": "mjpegstreamer",
        "stream_url": "/webcam/?action=stream",
        "snapshot_url": "/webcam/?action=snapshot",
        "flip_horizontal": False,
        "flip_vertical": False,
        "rotation": 0,
        "source": "database",
        "extra_data": {},
        "uid": f"uid-{name}",
    } | changes


QUICK = Pace(
    status_s=0.02, klippy_s=0.02, lookup_s=0.3, metadata_s=0.1, ping_s=5.0,
    connect_s=2.0, answer_s=2.0, settle_for_s=5.0, transfer_s=2.0,
)  # fmt: skip
"""For tests: everything that takes seconds takes hundredths."""


@asynccontextmanager
async def moonraker_peer(
    machine: VirtualMachine, clock: Clock, **settings: Any
) -> AsyncIterator[MoonrakerDriver]:
    """A driver with a simulator behind it, for the contract suite."""
    async with (
        aiohttp.ClientSession() as session,
        MoonrakerSimulator(machine, api_key="12345678", **settings) as sim,
    ):
        sim.power["psu"] = "on"
        sim.frames = [picture(machine)] * 3
        sim.webcams = [webcam_entry("bed")]
        yield MoonrakerDriver(sim.url, session=session, clock=clock, api_key="12345678", pace=QUICK)
