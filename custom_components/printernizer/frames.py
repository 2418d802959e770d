"""One upstream for all viewers of a camera.

Printers serve one viewer, some barely that. The first viewer opens the camera's stream, all
others share it, and it is closed as soon as the last one has left. A still is the newest frame
while somebody looks, else one that serves everybody who asks at about the same time.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from .engine.drivers.base import UPRIGHT
from .engine.errors import DriverError, Garbled
from .engine.preview.upright import turned

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from .engine.drivers.base import Camera
    from .engine.workshop.clock import Clock

_LOGGER = logging.getLogger(__name__)

STILL_S: Final = 1.0
"""Seconds for which one still serves everybody: dashboards ask for it all at once."""


async def upright(camera: Camera, frame: bytes) -> bytes:
    """Return a frame as a person wants to see it. Raises Garbled when it is no JPEG."""
    way = camera.orientation
    if way == UPRIGHT:
        return frame
    return await asyncio.to_thread(
        turned,
        frame,
        flip_horizontal=way.flip_horizontal,
        flip_vertical=way.flip_vertical,
        rotation=way.rotation,
    )


class _Upstream:
    """The camera's stream while it is open: its newest frame, and who waits for the next."""

    def __init__(self, camera: Camera) -> None:
        self.latest: bytes | None = None
        self.count = 0
        self.ended = False
        self.news = asyncio.Event()
        self.task = asyncio.create_task(self._read(camera), name="printernizer camera")

    async def _read(self, camera: Camera) -> None:
        try:
            async for frame in camera.frames():
                try:
                    self.latest = await upright(camera, frame)
                except Garbled:
                    continue  # one bad frame is not the end of a stream
                self.count += 1
                self._tell()
        except DriverError as err:
            _LOGGER.debug("the camera's stream ended: %s", err)
        finally:
            self.ended = True
            self._tell()

    def _tell(self) -> None:
        self.news.set()
        self.news = asyncio.Event()


class SharedFrames:
    """The frames of one camera, for as many viewers as there are.

    camera: gives the camera of the live session, or None while there is none.
    """

    def __init__(self, camera: Callable[[], Camera | None], clock: Callable[[], Clock]) -> None:
        self._camera = camera
        self._clock = clock
        self._upstream: _Upstream | None = None
        self._still: bytes | None = None
        self._still_at = 0.0
        self._still_lock = asyncio.Lock()
        self.viewers = 0
        """How many look."""

    @property
    def camera(self) -> Camera | None:
        """The camera of the live session."""
        return self._camera()

    @property
    def latest(self) -> bytes | None:
        """The newest frame while somebody looks; None otherwise."""
        return self._upstream.latest if self._upstream and not self._upstream.ended else None

    async def still(self) -> bytes | None:
        """Return one JPEG, at most `STILL_S` old, or None when the camera gives none."""
        if (latest := self.latest) is not None:
            return latest
        async with self._still_lock:
            now = self._clock().monotonic()
            if self._still is None or now - self._still_at > STILL_S:
                self._still = await self._snapshot()
                self._still_at = self._clock().monotonic()
            return self._still

    async def _snapshot(self) -> bytes | None:
        if (camera := self._camera()) is None:
            return None
        try:
            frame = await camera.snapshot()
            return await upright(camera, frame) if frame else None
        except DriverError:
            return None  # the printer says why elsewhere; here is just no picture

    async def frames(self) -> AsyncGenerator[bytes]:
        """Yield frames as they come, until the camera ends them.

        A viewer slower than the camera misses frames; it never sees one twice.
        """
        self.viewers += 1
        try:
            upstream, seen = self._open(), 0
            while upstream is not None:
                if upstream.latest is not None and upstream.count > seen:
                    seen = upstream.count
                    yield upstream.latest
                elif upstream.ended:
                    return
                else:
                    await upstream.news.wait()
        finally:
            self.viewers -= 1
            if self.viewers == 0:
                await self.close()

    async def close(self) -> None:
        """End the upstream; viewers that are left see their stream end."""
        upstream, self._upstream = self._upstream, None
        if upstream is not None:
            upstream.task.cancel()
            await asyncio.wait({upstream.task})

    def _open(self) -> _Upstream | None:
        """Return the open stream, opened anew if it has ended."""
        if self._upstream is None or self._upstream.ended:
            camera = self._camera()
            self._upstream = None if camera is None else _Upstream(camera)
        return self._upstream
