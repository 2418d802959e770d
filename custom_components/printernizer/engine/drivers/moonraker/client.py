"""One WebSocket: questions with answers in any order, and notifications.

Answers are matched by id; one that nobody waits for any more is dropped. A line ends for one
reason, which every waiting call is told: `Line.over` holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from contextlib import asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Final

import aiohttp

from ...errors import AccessDenied, Garbled, Refused, Unreachable
from .messages import (
    FRAME_LIMIT,
    METHOD_MISSING,
    Json,
    frame_error,
    frames_of,
    obj,
    params_of,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from ...errors import DriverError
    from .web import Http

_LOGGER = logging.getLogger(__name__)

type Notice = Callable[[str, tuple[object, ...]], None]
"""Called with the method and parameters of each notification."""

_ABOUT_US: Final = {
    "client_name": "Printernizer",
    "version": "1.0",
    "type": "other",
    "url": "https://www.home-assistant.io",
}
"""All four are asked for; `agent` would be one per name only."""
_WORST_FRAMES: Final = 5
"""So many unreadable frames in a row, and it is not a Moonraker that speaks."""


class MethodMissing(Refused):
    """The server does not know a method: it is old, or lacks the component."""


class Line:
    """An open WebSocket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, http: Http, heard: Notice) -> None:
        self._socket = socket
        self._http = http
        self._heard = heard
        self._ids = count(1)
        self._received = 0
        self._waiting: dict[int, asyncio.Future[Json]] = {}
        self.over: asyncio.Future[DriverError] = asyncio.get_running_loop().create_future()
        """Why the line ended; pending while it is up."""

    async def call(
        self, method: str, params: Mapping[str, object] | None = None, *, patient: bool = False
    ) -> object:
        """Ask and return the result.

        patient: wait as long as it takes, as scripts do. Raises Refused with the server's words,
        MethodMissing, Unreachable when the line ends or no answer comes in time.
        """
        if self.over.done():
            raise self.over.result()
        number = next(self._ids)
        answer: asyncio.Future[Json] = asyncio.get_running_loop().create_future()
        self._waiting[number] = answer
        frame = {"jsonrpc": "2.0", "method": method, "id": number}
        try:
            async with asyncio.timeout(None if patient else self._http.pace.answer_s):
                await self._send(frame | ({"params": dict(params)} if params else {}))
                received = await answer
        except TimeoutError as err:
            raise Unreachable(f"no answer to {method} in time") from err
        finally:
            self._waiting.pop(number, None)
        return self._result(received)

    async def _send(self, frame: Mapping[str, object]) -> None:
        try:
            await self._socket.send_json(frame)
        except (ConnectionError, RuntimeError, aiohttp.ClientError) as err:
            raise Unreachable("the line broke while we were asking") from err

    def _result(self, frame: Json) -> object:
        error = frame_error(frame)
        if error is None:
            return frame.get("result")
        if isinstance(error, AccessDenied):
            if self._http.credentials.username:
                # The token ran out; a new line brings a new one.
                error = Unreachable("the login has expired")
            self.end(error)
        if whole(obj(frame, "error"), "code") == METHOD_MISSING and isinstance(error, Refused):
            raise MethodMissing(error.reason, key=error.key)
        raise error

    def end(self, reason: DriverError) -> None:
        """Give the line up; the first reason counts."""
        if not self.over.done():
            self.over.set_result(reason)
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_exception(self.over.result())

    async def listen(self) -> None:
        """Read until the line ends."""
        try:
            self.end(await self._read())
        finally:
            self.end(Unreachable("the line was closed"))

    async def keep_alive(self) -> None:
        """Ping for as long as the line is up: a host that vanished says nothing of it."""
        while not self.over.done():
            await asyncio.sleep(self._http.pace.ping_s)
            received = self._received
            with contextlib.suppress(ConnectionError, aiohttp.ClientError):
                await self._socket.ping()
            await asyncio.sleep(self._http.pace.ping_s / 2)
            if self._received == received:
                self.end(Unreachable("it no longer answers our pings"))

    async def _read(self) -> DriverError:
        bad = 0
        async for message in self._socket:
            self._received += 1
            if message.type is aiohttp.WSMsgType.PING:
                await self._socket.pong(message.data)
                continue
            if message.type is aiohttp.WSMsgType.PONG:
                continue
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    for frame in frames_of(message.data):
                        self._take(frame)
                    bad = 0
                    continue
                except Garbled as err:
                    broken = err
            elif message.type is aiohttp.WSMsgType.ERROR:
                break
            else:
                broken = Garbled("a frame that is not text")
            bad += 1
            _LOGGER.debug("%s: dropped a frame: %s", self._http.address.place, broken.reason)
            if bad >= _WORST_FRAMES:
                return broken
        if self._socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG:
            return Garbled(f"a frame of more than {FRAME_LIMIT} bytes")
        return Unreachable("the server closed the line")

    def _take(self, frame: Json) -> None:
        method = frame.get("method")
        if isinstance(method, str):
            self._heard(method, params_of(frame))
            return
        number = frame.get("id")
        answer = self._waiting.get(number) if isinstance(number, int) else None
        if answer is not None and not answer.done():
            answer.set_result(frame)


async def _stay(*_: object) -> None:
    """Refuse to be sent on: opening a WebSocket follows redirects, and our key goes over it."""
    raise Garbled("it sends us to another address: give the one it really has")


@asynccontextmanager
async def _unled(shared: aiohttp.ClientSession) -> AsyncIterator[aiohttp.ClientSession]:
    """Lend the connections of a session to one that follows no redirect and keeps no cookies."""
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_stay)
    async with aiohttp.ClientSession(
        connector=shared.connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    ) as own:
        yield own


@asynccontextmanager
async def line(http: Http, heard: Notice) -> AsyncIterator[Line]:
    """Open a line and say who we are. Raises Unreachable, AccessDenied or Garbled."""
    pace = http.pace
    if http.session.closed:
        raise Unreachable("the HTTP session is closed")
    async with _unled(http.session) as session:
        async with http.line_errors():
            socket = await asyncio.wait_for(
                session.ws_connect(
                    http.address.socket,
                    autoping=False,
                    max_msg_size=FRAME_LIMIT,
                    ssl=http.tls,
                    timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                ),
                pace.connect_s,
            )
        opened = Line(socket, http, heard)
        tasks = [asyncio.create_task(opened.listen()), asyncio.create_task(opened.keep_alive())]
        try:
            await _identify(opened, http)
            yield opened
        finally:
            opened.end(Unreachable("the line was closed"))
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await socket.close()


async def _identify(opened: Line, http: Http) -> None:
    """Log this line in. Once: a second time is refused."""
    login: dict[str, str] = {}
    if http.credentials.api_key:
        login["api_key"] = http.credentials.api_key
    elif http.access_token:
        login["access_token"] = http.access_token
    try:
        await opened.call("server.connection.identify", {**_ABOUT_US, **login})
    except MethodMissing:
        _LOGGER.debug("%s: too old to be told who we are", http.address.place)
