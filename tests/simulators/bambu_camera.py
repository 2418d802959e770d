"""The chamber camera of A1 and P1: JPEG pictures over TLS, one viewer at a time."""

import asyncio
import contextlib
import ssl
import struct
from typing import Any

_HEAD = struct.Struct("<IIII32s32s")
SMALLEST_JPEG = bytes.fromhex(
    "ffd8ffe000104a46494600010100000100010000ffdb004300"
    + "10" * 64
    + "ffc0000b080001000101011100ffc40014000100000000000000000000000000000009"
    "ffc40014100100000000000000000000000000000000ffda0008010100003f0054dfffd9"
)


class CameraServer:
    """Sends `picture` again and again to who gives the right code."""

    def __init__(self, simulator: Any, context: ssl.SSLContext) -> None:
        self._simulator = simulator
        self._context = context
        self._server: asyncio.Server | None = None
        self.port = 0
        self.picture = SMALLEST_JPEG
        self.interval_s = 0.05
        self.frames_sent = 0
        self.viewers = 0
        self.logins = 0
        self.switched_on = True
        """False: live view is off. TLS connects, no picture ever comes."""
        self.claimed_size: int | None = None
        """A length to announce instead of the true one."""
        self._writers: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        self._server = await asyncio.start_server(
            self._serve, "127.0.0.1", self.port, ssl=self._context
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self.cut()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._server.wait_closed(), 2)

    def cut(self) -> None:
        """Drop every viewer: the maker's app took the camera."""
        for writer in self._writers:
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        self.viewers += 1
        try:
            size, kind, _, _, user, code = _HEAD.unpack(await reader.readexactly(_HEAD.size))
            expected = self._simulator.access_code.encode()
            if (size, kind) != (0x40, 0x3000) or user.rstrip(b"\0") != b"bblp":
                return
            if code.rstrip(b"\0") != expected:
                return
            self.logins += 1
            await self._stream(reader, writer)
        except asyncio.IncompleteReadError, ConnectionError, ssl.SSLError:
            pass
        finally:
            self.viewers -= 1
            self._writers.discard(writer)
            writer.close()

    async def _stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        gone = asyncio.ensure_future(reader.read(1))
        try:
            while not gone.done():
                if self.switched_on:
                    size = self.claimed_size or len(self.picture)
                    head = struct.pack("<IIII", size, 0, 1, 0)
                    for part in (head[:5], head[5:], self.picture[:7], self.picture[7:]):
                        writer.write(part)
                        await writer.drain()
                    self.frames_sent += 1
                await asyncio.wait([gone], timeout=self.interval_s)
        finally:
            gone.cancel()
