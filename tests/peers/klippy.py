"""Klippy's side of Moonraker's Unix socket, around one virtual machine.

    async with Klippy(Klipper(machine), path):     # path: at most 107 bytes
        ...

Messages are JSON with 0x03 at their end. What the machine is and does comes from
`tests/simulators/klipper.py`; here is the line alone: requests, subscriptions, console output, and
a socket that is not there while the process restarts.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final, Self

from tests.simulators.klipper import CommandError, Klipper

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

END: Final = b"\x03"
_LONGEST: Final = 20 << 20
PULSE_S: Final = 0.05
"""A real one pushes every 250 ms; its time does not run as fast as ours."""


class Klippy:
    """A Klipper host process: it lives on the loop, its socket comes and goes with its mood."""

    def __init__(self, klipper: Klipper, path: Path) -> None:
        self.klipper = klipper
        self.path = path
        self.asked: list[str] = []
        """Methods that were asked for, in order."""
        self._server: asyncio.Server | None = None
        self._lines: set[_Line] = set()
        self._pulse: asyncio.Task[None] | None = None
        self.queue = asyncio.Lock()
        """G-code runs one script after the other."""

    async def __aenter__(self) -> Self:
        await self._listen()
        self._pulse = asyncio.create_task(self._beat())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._pulse is not None
        self._pulse.cancel()
        await asyncio.gather(self._pulse, return_exceptions=True)
        self.drop()
        while self._lines:
            await asyncio.sleep(0.01)

    async def _listen(self) -> None:
        self.path.unlink(missing_ok=True)
        self._server = await asyncio.start_unix_server(self._serve, self.path, limit=_LONGEST)

    def drop(self) -> None:
        """End every line and take the socket away, as a process that ends does."""
        if self._server is not None:
            self._server.close()
            self._server = None
        for line in tuple(self._lines):
            line.writer.close()
        self.path.unlink(missing_ok=True)

    def restart(self) -> None:
        """Begin anew, as its service manager would have it."""
        self.klipper.restart()
        self.drop()

    async def _beat(self) -> None:
        while True:
            gone = self.klipper.state == "disconnected"
            if gone and self._server is not None:
                self.drop()
            elif not gone and self._server is None:
                await self._listen()
            for line in self._lines:
                line.tell_news()
            await asyncio.sleep(PULSE_S)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = _Line(self, writer)
        self._lines.add(line)
        try:
            async with asyncio.TaskGroup() as requests:
                with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                    while True:
                        message = json.loads((await reader.readuntil(END))[:-1])
                        requests.create_task(line.answer(message))
        finally:
            self._lines.discard(line)
            line.close()


class _Line:
    """One connection, with what it has subscribed to."""

    def __init__(self, klippy: Klippy, writer: asyncio.StreamWriter) -> None:
        self._klippy = klippy
        self._klipper = klippy.klipper
        self.writer = writer
        self._wanted: dict[str, list[str] | None] = {}
        self._template: dict[str, Any] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._console: Callable[[str], None] | None = None

    def close(self) -> None:
        """Forget the line."""
        if self._console is not None:
            self._klipper.listeners.remove(self._console)
        self.writer.close()

    def send(self, message: dict[str, Any]) -> None:
        """Write one message; a line that is closing takes none."""
        if not self.writer.is_closing():
            self.writer.write(json.dumps(message).encode() + END)

    async def answer(self, message: dict[str, Any]) -> None:
        """Answer one request."""
        method, params = message["method"], message.get("params") or {}
        self._klippy.asked.append(method)
        try:
            result = await self._result(method, params)
        except CommandError as err:
            reply = {"error": {"error": "WebRequestError", "message": str(err)}}
        else:
            reply = {"result": result}
        if "id" in message:
            self.send({"id": message["id"], **reply})

    async def _result(self, method: str, params: dict[str, Any]) -> object:
        klipper = self._klipper
        scripts = {
            "gcode/restart": "RESTART",
            "gcode/firmware_restart": "FIRMWARE_RESTART",
            "pause_resume/pause": "PAUSE",
            "pause_resume/resume": "RESUME",
            "pause_resume/cancel": "CANCEL_PRINT",
        }
        values: dict[str, Callable[[], object]] = {
            "info": klipper.info,
            "list_endpoints": lambda: {"endpoints": [*values, *scripts, "gcode/script"]},
            "objects/list": lambda: {"objects": klipper.objects_list()},
            "objects/query": lambda: klipper.query(params["objects"]),
            "objects/subscribe": lambda: self._subscribe(params),
            "gcode/help": klipper.gcode_help,
            "gcode/subscribe_output": lambda: self._subscribe_console(params),
            "query_endstops/status": klipper.endstops,
            "register_remote_method": dict,
            "emergency_stop": lambda: klipper.emergency_stop() or {},
        }
        if method in values:
            return values[method]()
        if method == "gcode/script":
            await self._run(str(params["script"]))
        elif method in scripts:
            await self._run(scripts[method])
        else:
            raise CommandError(f"webhooks: No registered callback for path '{method}'")
        return {}

    async def _run(self, text: str) -> None:
        async with self._klippy.queue:
            script = self._klipper.run(text)
            while not script.done:
                await asyncio.sleep(PULSE_S / 5)
        if self._klipper.state == "disconnected":
            self._klippy.drop()  # a restart answers nobody

    # -- what is pushed ----------------------------------------------------------------------

    def _subscribe(self, params: dict[str, Any]) -> dict[str, Any]:
        self._wanted = params["objects"]
        self._template = params.get("response_template", {})
        answer: dict[str, Any] = self._klipper.query(self._wanted)
        self._told = answer["status"]
        return answer

    def _subscribe_console(self, params: dict[str, Any]) -> dict[str, Any]:
        template = params.get("response_template", {})
        if self._console is None:
            self._console = lambda text: self.send({**template, "params": {"response": text}})
            self._klipper.listeners.append(self._console)
        return {}

    def tell_news(self) -> None:
        """Push what has changed since the last time."""
        if not self._wanted:
            return
        answer: dict[str, Any] = self._klipper.query(self._wanted)
        status: dict[str, Any] = answer["status"]
        news: dict[str, dict[str, Any]] = {}
        for name, fields in status.items():
            before = self._told.get(name, {})
            changed = {key: value for key, value in fields.items() if before.get(key) != value}
            if changed:
                news[name] = changed
        if news:
            self._told = status
            self.send(
                {**self._template, "params": {"eventtime": answer["eventtime"], "status": news}}
            )
