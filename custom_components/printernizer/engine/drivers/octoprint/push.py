"""The push line: SockJS over one raw WebSocket, one JSON object per message.

The server sends nothing but a greeting until the socket belongs to a user who may read the
status. So we say what we want to hear, log in with a session that our key is given, and say who
we are. A quiet printer sends nothing for hours: pings tell a dead line from a silent one.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp

from ...errors import AccessDenied, Refused, Unreachable
from .client import parse_object
from .reading import text
from .view import EVENTS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...workshop.clock import Clock
    from .client import Client
    from .reading import Json

_LOGGER = logging.getLogger(__name__)

MESSAGE_LIMIT: Final = 8_000_000
"""The first message holds half an hour of temperatures and the last lines of the terminal."""
_THROTTLE: Final = 2
"""At most one `current` a second."""
_SUBSCRIPTION: Final = {
    "subscribe": {
        "state": {"logs": False, "messages": False},
        "events": list(EVENTS),
        "plugins": False,
    }
}


class NoPushLine(Exception):
    """A proxy in between, or the user's name, lets no push line through."""


class PushLine:
    """An open push line."""

    def __init__(
        self, client: Client, socket: aiohttp.ClientWebSocketResponse, clock: Clock
    ) -> None:
        self._client = client
        self._socket = socket
        self._clock = clock
        self._logged_in_at = -1e9

    async def log_in(self) -> None:
        """Say who we are. Raises AccessDenied, NoPushLine for a user the line cannot name."""
        now = self._clock.monotonic()
        if now - self._logged_in_at < self._client.pace.login_again_s:
            raise Unreachable("it wants one login after the other")
        self._logged_in_at = now
        answer = await self._client.post("/api/login", {"passive": True})
        who = parse_object(answer)
        name, session = text(who, "name", 256), text(who, "session", 256)
        if name is None:
            raise AccessDenied("it does not know this key")
        if session is None or ":" in name:
            raise NoPushLine
        await self.send({"auth": f"{name}:{session}"})

    async def send(self, message: Json) -> None:
        """Send one message. Raises Unreachable."""
        try:
            await self._socket.send_str(json.dumps(message))
        except (aiohttp.ClientError, ConnectionError) as err:
            raise Unreachable("the push line broke") from err

    async def next(self) -> Json:
        """Return the next message. What is not readable is left out. Raises Unreachable."""
        while True:
            message = await self._receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                if (read := _read(message.data)) is not None:
                    return read
            elif message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
            elif message.type not in {aiohttp.WSMsgType.BINARY, aiohttp.WSMsgType.PONG}:
                raise Unreachable("the server ended the push line")

    async def _receive(self) -> aiohttp.WSMessage:
        """Return what comes; when nothing does, ask whether anybody is there, once."""
        silence = self._client.pace.heartbeat_s
        with contextlib.suppress(TimeoutError):
            return await self._socket.receive(timeout=silence)
        try:
            await self._socket.ping()
            return await self._socket.receive(timeout=silence)
        except TimeoutError as err:
            raise Unreachable("nobody answers on the push line") from err
        except (aiohttp.ClientError, ConnectionError) as err:
            raise Unreachable("the push line broke") from err


def _read(data: str) -> Json | None:
    try:
        value = json.loads(data, parse_constant=lambda _: None)
    except ValueError, RecursionError:
        _LOGGER.debug("a push message that is not JSON: %.80s", data)
        return None
    return value if isinstance(value, dict) else None


@asynccontextmanager
async def push_line(client: Client, clock: Clock) -> AsyncIterator[PushLine]:
    """Open the line, subscribed and logged in.

    Raises NoPushLine where none can be had, AccessDenied, Unreachable.
    """
    socket = await _socket(client)
    try:
        line = PushLine(client, socket, clock)
        try:
            async with asyncio.timeout(client.pace.hello_s):
                await _greeted(line)
        except (TimeoutError, Unreachable) as err:
            raise NoPushLine from err
        try:
            await line.send(_SUBSCRIPTION)
            await line.send({"throttle": _THROTTLE})
            await line.log_in()
        except Refused as err:
            raise NoPushLine from err
        yield line
    finally:
        await socket.close()


async def _greeted(line: PushLine) -> None:
    while "connected" not in await line.next():
        pass


async def _socket(client: Client) -> aiohttp.ClientWebSocketResponse:
    try:
        async with asyncio.timeout(client.pace.hello_s):
            return await client.http.ws_connect(
                client.address.push_url(),
                autoping=False,
                max_msg_size=MESSAGE_LIMIT,
                ssl=client.tls,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
            )
    except (TimeoutError, aiohttp.ClientError, ConnectionError, ValueError) as err:
        raise NoPushLine from err
