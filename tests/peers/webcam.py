"""A webcam that always sees the same: one JPEG at `/`, the same over and over at `/stream`."""

from __future__ import annotations

import asyncio
import contextlib
import io
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from PIL import Image

if TYPE_CHECKING:
    from collections.abc import Iterator

FRAME_S: Final = 0.05


def jpeg() -> bytes:
    """Return a small picture."""
    out = io.BytesIO()
    Image.new("RGB", (64, 48), (20, 120, 200)).save(out, "JPEG")
    return out.getvalue()


PICTURE: Final = jpeg()
_PART: Final = f"Content-Type: image/jpeg\r\nContent-Length: {len(PICTURE)}\r\n\r\n".encode()


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        asked = await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n")
        if asked.startswith(b"GET /stream"):
            writer.write(b"Content-Type: multipart/x-mixed-replace; boundary=frame\r\n\r\n")
            while not reader.at_eof():
                writer.write(b"--frame\r\n" + _PART + PICTURE + b"\r\n")
                await writer.drain()
                await asyncio.sleep(FRAME_S)
        else:
            writer.write(_PART + PICTURE)
            await writer.drain()
    writer.close()


@contextmanager
def webcam() -> Iterator[str]:
    """Run it in one thread of its own until the block ends; yields its base address."""
    loop = asyncio.new_event_loop()
    server = loop.run_until_complete(asyncio.start_server(_answer, "127.0.0.1", 0))
    port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{port}/"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        for task in asyncio.all_tasks(loop):
            task.cancel()
        loop.run_until_complete(asyncio.sleep(0.01))
        loop.close()
