"""One upstream for all viewers of a camera.

Printers serve one viewer, some barely that. The first viewer opens the camera's stream, all
others share it, and it is closed as soon as the last one has left.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from .engine.errors import DriverError

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable

    from .engine.drivers.base import Camera

_LOGGER = logging.getLogger(__name__)


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
                self.latest = frame
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

    def __init__(self, camera: Callable[[], Camera | None]) -> None:
        self._camera = camera
        self._upstream: _Upstream | None = None
        self.viewers = 0
        """How many look."""

    @property
    def latest(self) -> bytes | None:
        """The newest frame while somebody looks; None otherwise."""
        return self._upstream.latest if self._upstream and not self._upstream.ended else None

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
