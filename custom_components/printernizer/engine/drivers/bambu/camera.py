"""The chamber camera: single pictures over TLS (A1, P1), or the address of a video stream.

A printer serves one viewer reliably, so all of ours share one line to it. It is opened for the
first, and closed when nobody has looked for a while.
"""

from __future__ import annotations

import asyncio
import struct
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ...errors import AccessDenied, DriverError, Garbled, Unreachable
from ..base import UPRIGHT
from .certificate import open_pinned

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator

    from .certificate import Pin

USER: Final = "bblp"
LINGER_S: Final = 10.0
"""How long the line stays open without viewers: a card that polls should find it open."""
CONNECT_S: Final = 10.0
FIRST_S: Final = 10.0
"""How long a snapshot waits for a picture."""
SILENCE_S: Final = 30.0
"""Pictures come every second or two; after this long the camera is off or taken."""
LARGEST: Final = 10 << 20
_LOGIN: Final = struct.Struct("<IIII32s32s")
_HEAD: Final = struct.Struct("<IIII")
_BEGIN: Final = b"\xff\xd8"
_END: Final = b"\xff\xd9"
_RTSPS_PORT: Final = 322


class JpegCamera:
    """Pictures from port 6000, shared by all who look."""

    orientation = UPRIGHT
    stream_source: None = None

    def __init__(self, host: str, port: int, pin: Pin, access_code: str) -> None:
        self._address = (host, port)
        self._pin = pin
        self._access_code = access_code
        self._frame: bytes | None = None
        self._number = 0
        self._news = asyncio.Event()
        self._viewers = 0
        self._pump: asyncio.Task[None] | None = None
        self._error: DriverError | None = None
        self._linger: asyncio.TimerHandle | None = None
        self._closed = False

    async def snapshot(self) -> bytes | None:
        """One JPEG now, or None when none comes: live view is switched off, or taken."""
        frames = self._frames()
        try:
            async with asyncio.timeout(FIRST_S):
                return await anext(frames)
        except TimeoutError:
            return None
        finally:
            await frames.aclose()

    def frames(self) -> AsyncIterator[bytes]:
        """JPEG frames as they come; the latest known one at once."""
        return self._frames()

    async def _frames(self) -> AsyncGenerator[bytes]:
        self._enter()
        seen = 0
        try:
            while True:
                if self._number != seen and self._frame is not None:
                    seen = self._number
                    yield self._frame
                    continue
                if self._error is not None:
                    raise self._error
                await self._news.wait()
        finally:
            self._leave()

    def _enter(self) -> None:
        self._viewers += 1
        if self._linger is not None:
            self._linger.cancel()
            self._linger = None
        if self._closed:
            self._error = Unreachable("the line to the printer is closed")
        elif self._pump is None or self._pump.done():
            self._error = None
            self._pump = asyncio.create_task(self._run())

    def _leave(self) -> None:
        self._viewers -= 1
        if self._viewers == 0 and not self._closed:
            loop = asyncio.get_running_loop()
            self._linger = loop.call_later(LINGER_S, self._stop)

    def _stop(self) -> None:
        if self._pump is not None:
            self._pump.cancel()

    async def close(self) -> None:
        """End the line to the camera, for good."""
        self._closed = True
        if self._linger is not None:
            self._linger.cancel()
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._watch()
        except DriverError as err:
            self._error = err
        finally:
            if self._error is None:
                self._error = Unreachable("the camera line was closed")
            self._frame = None
            self._wake()

    def _wake(self) -> None:
        news, self._news = self._news, asyncio.Event()
        news.set()

    async def _watch(self) -> None:
        reader, writer = await open_pinned(*self._address, self._pin, CONNECT_S)
        try:
            user, code = USER.encode(), self._access_code.encode()
            writer.write(_LOGIN.pack(0x40, 0x3000, 0, 0, user, code))
            await writer.drain()
            silent = True
            while True:
                frame = await _next_frame(reader, silent=silent)
                silent = False
                if frame.startswith(_BEGIN) and frame.rstrip(b"\0").endswith(_END):
                    self._frame = frame
                    self._number += 1
                    self._wake()
        except OSError as err:
            raise Unreachable("the camera line broke") from err
        finally:
            writer.transport.abort()


async def _next_frame(reader: asyncio.StreamReader, *, silent: bool) -> bytes:
    """Read one picture. `silent` until the first: a line closed then means a wrong code."""
    try:
        async with asyncio.timeout(SILENCE_S):
            size = _HEAD.unpack(await reader.readexactly(_HEAD.size))[0]
            if not 4 <= size <= LARGEST:
                raise Garbled("a picture of an impossible size")
            return await reader.readexactly(size)
    except asyncio.IncompleteReadError as err:
        if silent and not err.partial:
            raise AccessDenied("the camera does not accept the access code") from err
        raise Unreachable("the camera closed the line") from err
    except TimeoutError as err:
        raise Unreachable("the camera sends no pictures: is live view switched on?") from err


class StreamCamera:
    """A camera that streams video; its address holds the access code and is never logged."""

    orientation = UPRIGHT

    def __init__(self, host: str, access_code: str) -> None:
        self._host = host
        self._access_code = access_code

    @property
    def stream_source(self) -> str:
        """RTSPS address with name and code."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        code = quote(self._access_code, safe="")
        return f"rtsps://{USER}:{code}@{host}:{_RTSPS_PORT}/streaming/live/1"

    async def snapshot(self) -> bytes | None:
        """None: pictures are cut from the stream by who plays it."""
        return None

    async def frames(self) -> AsyncIterator[bytes]:
        """No JPEG frames."""
        nothing: tuple[bytes, ...] = ()
        for frame in nothing:
            yield frame
