"""A real Home Assistant in a process of its own, and its API."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Self

import aiohttp

from .config_folder import STAND_INS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path
    from types import TracebackType

READY_S: Final = 90.0
"""The first start compiles every module; on the slowest machine of ours it took 40 s."""
_STOP_S: Final = 30.0
_LOOK_S: Final = 0.1


class DidNotStart(Exception):
    """Home Assistant ended, or was not ready in time. The text holds the end of its log."""


class HomeAssistant:
    """Starts with `async with` or `start`; ends with it, or with `kill` as a power cut would."""

    def __init__(self, folder: Path, port: int, token: str, *, log: Path | None = None) -> None:
        self.folder = folder
        self.url = f"http://127.0.0.1:{port}"
        self.log = log or folder / "hass.log"
        self._token = token
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    @property
    def pid(self) -> int:
        """Of the running process."""
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.returncode is None

    async def start(self, *arguments: str) -> None:
        """Start it and wait until all is set up. Raises DidNotStart."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "homeassistant",
                "--config",
                str(self.folder),
                "--skip-pip",
                *arguments,
                # Not in the working tree: a folder `custom_components` there would come first.
                cwd=self.folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(self.folder / STAND_INS)},
                # Ctrl-C is for whoever started us; he stops Home Assistant in his own order.
                start_new_session=True,
            )
        headers = {"Authorization": f"Bearer {self._token}"}
        self._http = aiohttp.ClientSession(self.url, headers=headers)
        try:
            async with asyncio.timeout(READY_S):
                while not await self._ready():  # noqa: ASYNC110 - it tells nobody
                    await asyncio.sleep(_LOOK_S)
        except TimeoutError:
            await self.stop()
            raise DidNotStart(f"not ready after {READY_S:.0f} s\n{self.log_tail()}") from None
        except BaseException:
            await self.stop()
            raise

    async def _ready(self) -> bool:
        if not self.running:
            raise DidNotStart(f"it ended by itself\n{self.log_tail()}")
        with suppress(aiohttp.ClientError, TimeoutError):
            return bool((await self.get("config"))["state"] == "RUNNING")
        return False

    async def stop(self) -> None:
        """Ask it to end, and make it end after half a minute."""
        await self._end(signal.SIGINT)

    async def kill(self) -> None:
        """End it as a power cut would."""
        await self._end(signal.SIGKILL)

    async def _end(self, how: signal.Signals) -> None:
        if self._http is not None:
            await self._http.close()
            self._http = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        process.send_signal(how)
        try:
            async with asyncio.timeout(_STOP_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()

    async def wait(self) -> int:
        """Wait until it ends by itself; returns its exit code."""
        assert self._process is not None
        return await self._process.wait()

    # -- its log -----------------------------------------------------------------------------

    def log_text(self) -> str:
        """All it has written so far."""
        return self.log.read_text(errors="replace")

    def log_tail(self, lines: int = 15) -> str:
        """The end of what it has written."""
        return "\n".join(self.log_text().splitlines()[-lines:])

    # -- its API -----------------------------------------------------------------------------

    async def get(self, path: str) -> Any:
        """Read from the REST API."""
        assert self._http is not None
        timeout = aiohttp.ClientTimeout(total=10)
        async with self._http.get(f"/api/{path}", timeout=timeout) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def post(self, path: str, body: object) -> Any:
        """Write to the REST API."""
        assert self._http is not None
        async with self._http.post(f"/api/{path}", json=body) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def states(self) -> dict[str, dict[str, Any]]:
        """All states by entity id."""
        return {state["entity_id"]: state for state in await self.get("states")}

    async def call(self, action: str, **data: Any) -> Any:
        """Do an action, such as "button.press"; returns its response where it has one."""
        domain, service = action.split(".")
        data = {"domain": domain, "service": service, "service_data": data}
        return await self.ask("call_service", **data)

    async def answer(self, action: str, **data: Any) -> Any:
        """Do an action that is a question, and return its response."""
        domain, service = action.split(".")
        data = {"domain": domain, "service": service, "service_data": data}
        return (await self.ask("call_service", return_response=True, **data))["response"]

    async def ask(self, kind: str, **data: Any) -> Any:
        """Send one WebSocket command and return its result."""
        async with self._socket() as socket:
            return await _ask(socket, 1, {"type": kind, **data})

    async def ask_all(self, *commands: dict[str, Any]) -> list[Any]:
        """Send WebSocket commands one after the other and return their results."""
        async with self._socket() as socket:
            return [await _ask(socket, n, command) for n, command in enumerate(commands, 1)]

    async def events(self, kind: str, *, ready: asyncio.Event | None = None) -> AsyncIterator[Any]:
        """Yield the events of one type as they come, for as long as somebody iterates."""
        async with self._socket() as socket:
            await _ask(socket, 1, {"type": "subscribe_events", "event_type": kind})
            if ready is not None:
                ready.set()
            while True:
                message = await socket.receive_json()
                # Home Assistant puts several messages into one frame when they pile up.
                for one in message if isinstance(message, list) else (message,):
                    if one["type"] == "event":
                        yield one["event"]

    def _socket(self) -> _Socket:
        assert self._http is not None
        return _Socket(self._http, self._token)


class _Socket:
    """A WebSocket that has logged in."""

    def __init__(self, http: aiohttp.ClientSession, token: str) -> None:
        self._connect = http.ws_connect("/api/websocket", max_msg_size=0)
        self._token = token

    async def __aenter__(self) -> aiohttp.ClientWebSocketResponse:
        self._socket = await self._connect
        await self._socket.receive_json()
        await self._socket.send_json({"type": "auth", "access_token": self._token})
        answer = await self._socket.receive_json()
        if answer["type"] != "auth_ok":
            raise RuntimeError(f"Home Assistant refuses the token: {answer}")
        return self._socket

    async def __aexit__(self, *exception: object) -> None:
        await self._socket.close()


async def _ask(
    socket: aiohttp.ClientWebSocketResponse, number: int, command: dict[str, Any]
) -> Any:
    await socket.send_json({"id": number, **command})
    while True:
        answer = await socket.receive_json()
        if answer.get("id") == number and answer["type"] == "result":
            if not answer["success"]:
                raise RuntimeError(f"{command['type']}: {answer['error']}")
            return answer["result"]
