"""The printer's camera.

Cameras that speak JPEG are shown as such, with one upstream for all viewers. Those with a
stream are handed to Home Assistant's own stream; its address holds a secret and is asked for
only when somebody looks.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from aiohttp import web
from homeassistant.components.camera import Camera, CameraEntityDescription
from homeassistant.components.camera.const import CameraEntityFeature

from .engine.errors import DriverError
from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .frames import SharedFrames
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import Camera as PrinterCameraPart
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_READS

STILL_S: Final = 1.0
"""Seconds for which one still serves everybody: dashboards ask for it all at once."""
_BOUNDARY: Final = "printernizer-frame"


@dataclass(frozen=True, kw_only=True)
class PrinterCameraDescription(PrinterEntityDescription[None], CameraEntityDescription):
    """A row of what looks."""

    value_fn: Callable[[object], None] = lambda _: None


CAMERA: Final = PrinterCameraDescription(
    key="camera",
    translation_key="camera",
    exists_fn=lambda _, parts: parts.camera,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the camera."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    if CAMERA.exists_fn(coordinator.data, coordinator.parts):
        yield CAMERA.key, partial(PrinterCamera, coordinator, CAMERA)


class PrinterCamera(PrinterEntity, Camera):
    """Looks at the print."""

    entity_description: PrinterCameraDescription

    def __init__(
        self, coordinator: PrinterCoordinator, description: PrinterCameraDescription
    ) -> None:
        PrinterEntity.__init__(self, coordinator, description)
        Camera.__init__(self)
        self._shared = SharedFrames(self._part)
        self._still: bytes | None = None
        self._still_at = 0.0
        self._still_lock = asyncio.Lock()
        if coordinator.parts.stream:
            self._attr_supported_features = CameraEntityFeature.STREAM

    @property
    @override
    def use_stream_for_stills(self) -> bool:
        """A stream gives stills too; opening a second line for them would not."""
        return bool(self.supported_features & CameraEntityFeature.STREAM)

    @override
    async def stream_source(self) -> str | None:
        """Return the stream's address. It holds a secret: never log or store it."""
        part = self._part()
        return part.stream_source if part is not None else None

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """Return one JPEG, or None when the camera gives none."""
        if (latest := self._shared.latest) is not None:
            return latest
        clock = self.coordinator.workshop.clock
        async with self._still_lock:
            if self._still is None or clock.monotonic() - self._still_at > STILL_S:
                self._still = await self._snapshot()
                self._still_at = clock.monotonic()
            return self._still

    @override
    async def handle_async_mjpeg_stream(self, request: web.Request) -> web.StreamResponse | None:
        """Send frames for as long as the browser takes them."""
        response = web.StreamResponse()
        response.content_type = f"multipart/x-mixed-replace; boundary={_BOUNDARY}"
        await response.prepare(request)
        frames = self._shared.frames()
        try:
            async for frame in frames:
                await response.write(
                    f"--{_BOUNDARY}\r\nContent-Type: image/jpeg\r\n"
                    f"Content-Length: {len(frame)}\r\n\r\n".encode()
                    + frame
                    + b"\r\n"
                )
        except ConnectionResetError:
            pass  # the browser left
        finally:
            await frames.aclose()
        return response

    @override
    async def async_will_remove_from_hass(self) -> None:
        """Close the upstream."""
        await self._shared.close()
        await super().async_will_remove_from_hass()

    def _part(self) -> PrinterCameraPart | None:
        session = self.coordinator.session
        return next(iter(session.cameras.values()), None) if session is not None else None

    async def _snapshot(self) -> bytes | None:
        if (part := self._part()) is None:
            return None
        try:
            return await part.snapshot()
        except DriverError:
            return None  # the printer says why elsewhere; here is just no picture
