"""The push lines of a simulated OctoPrint: SockJS raw and framed, one greeting, then silence
until somebody who may read the status has said who they are."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

if TYPE_CHECKING:
    from collections.abc import Callable

    from .octoprint_answers import Json


class PushLine:
    """One open socket."""

    def __init__(self, socket: web.WebSocketResponse, *, framed: bool) -> None:
        self.socket = socket
        self.framed = framed
        self.user: str | None = None
        self.throttle = 1
        self.events: list[str] | bool = True
        self.state: bool = True
        self.plugins: bool = True
        self.waiting: list[Json] = []
        """What came before it was known who listens: at most 100."""
        self.turn = 0

    async def say(self, *messages: Json) -> None:
        """Send messages; a frame may hold several, a raw one holds one."""
        if self.socket.closed:
            return
        try:
            if self.framed:
                await self.socket.send_str("a" + json.dumps(list(messages)))
                return
            for message in messages:
                await self.socket.send_str(json.dumps(message))
        except ConnectionError, RuntimeError:
            return

    async def tell(self, message: Json) -> None:
        """Send what it asked for, or keep it until it is known who listens."""
        if not self._wants(message):
            return
        if self.user is None:
            self.waiting = [*self.waiting, message][-100:]
            return
        await self.say(message)

    def _wants(self, message: Json) -> bool:
        if (event := message.get("event")) is not None:
            return self.events is True or (
                isinstance(self.events, list) and event["type"] in self.events
            )
        if "current" in message:
            return self.state
        return self.plugins if "plugin" in message else True

    def subscribe(self, wish: Json) -> None:
        """Only what is listed arrives from now on."""
        self.events = wish.get("events", False)
        self.state = bool(wish.get("state", False))
        self.plugins = bool(wish.get("plugins", False))


class Switchboard:
    """All open sockets, and what they say to the server."""

    def __init__(
        self,
        greeting: Callable[[], Json],
        history: Callable[[], Json],
        who: Callable[[str, str], bool],
    ) -> None:
        """who: whether a user name and a session belong together."""
        self._greeting = greeting
        self._history = history
        self._who = who
        self.lines: set[PushLine] = set()
        self.greets = True
        self.heard: list[Json] = []

    async def serve(self, request: web.Request, *, framed: bool) -> web.WebSocketResponse:
        """Open a socket and listen to it until it closes."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        line = PushLine(socket, framed=framed)
        self.lines.add(line)
        try:
            if framed:
                await socket.send_str("o")
            if self.greets:
                await line.say({"connected": self._greeting()})
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    for said in _unframed(message.data) if framed else [json.loads(message.data)]:
                        await self._take(line, said)
        finally:
            self.lines.discard(line)
        return socket

    async def _take(self, line: PushLine, said: Json) -> None:
        self.heard.append(said)
        if (wish := said.get("subscribe")) is not None:
            line.subscribe(wish)
        if (throttle := said.get("throttle")) is not None:
            line.throttle = max(1, int(throttle))
        if (login := said.get("auth")) is not None:
            await self._log_in(line, str(login))

    async def _log_in(self, line: PushLine, login: str) -> None:
        name, _, session = login.partition(":")
        if login.count(":") != 1 or not self._who(name, session):
            await line.say({"reauthRequired": {"reason": "stale"}})
            return
        line.user = name
        waiting, line.waiting = line.waiting, []
        await line.say({"history": self._history()}, {"timelapse": None}, *waiting)

    async def tell(self, message: Json) -> None:
        """Tell all who listen."""
        for line in list(self.lines):
            await line.tell(message)

    async def tell_current(self, current: Callable[[], Json]) -> None:
        """Send the state, to each as seldom as it asked."""
        for line in list(self.lines):
            line.turn += 1
            if line.user is not None and line.turn % line.throttle == 0:
                await line.tell({"current": current()})

    async def demand_login(self, reason: str) -> None:
        """Forget who listens."""
        for line in list(self.lines):
            line.user = None
            await line.say({"reauthRequired": {"reason": reason}})

    async def say_raw(self, text: str) -> None:
        """Send something that need not be a message."""
        for line in list(self.lines):
            with contextlib.suppress(ConnectionError):
                await line.socket.send_str(text)

    async def close(self, code: int = 1001) -> None:
        """End all sockets; framed ones with a reason."""
        for line in list(self.lines):
            if line.framed and not line.socket.closed:
                await line.socket.send_str('c[3000,"Go away!"]')
            await line.socket.close(code=code)
        self.lines.clear()


def _unframed(data: str) -> list[Any]:
    return [json.loads(item) if isinstance(item, str) else item for item in json.loads(data)]
