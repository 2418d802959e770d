"""The printer's cameras, or the one that its owner assigned to it.

Cameras that speak JPEG are shown as such, with one upstream for all viewers. Those with a
stream are handed to Home Assistant's own stream; its address holds a secret and is asked for
only when somebody looks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Final, override

from aiohttp import web
from homeassistant.components.camera import (
    Camera,
    CameraEntityDescription,
    async_get_mjpeg_stream,
    async_get_stream_source,
)
from homeassistant.components.camera.const import CameraEntityFeature
from homeassistant.const import ATTR_SUPPORTED_FEATURES, STATE_UNAVAILABLE
from homeassistant.core import callback
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.event import async_track_state_change_event
from homeassistant.util import slugify

from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homeassistant.core import Event, EventStateChangedData, HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .eyes import Eyes
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_READS

_BOUNDARY: Final = "printernizer-frame"


@dataclass(frozen=True, kw_only=True)
class PrinterCameraDescription(PrinterEntityDescription[None], CameraEntityDescription):
    """A row of what looks."""

    value_fn: Callable[[object], None] = lambda _: None


CAMERA: Final = PrinterCameraDescription(key="camera", translation_key="camera")
MORE: Final = PrinterCameraDescription(key="camera", translation_key="camera_named")


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the cameras."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    eyes = coordinator.config_entry.runtime_data.eyes
    assigned = eyes.assigned
    if assigned is not None:
        yield CAMERA.key, partial(AssignedCamera, coordinator, assigned)
    for name in coordinator.parts.cameras:
        if name != eyes.main:
            key = f"{MORE.key}_{slugify(name)}"
            yield key, partial(PrinterCamera, coordinator, replace(MORE, key=key), eyes, name)
        elif assigned is None:
            yield CAMERA.key, partial(PrinterCamera, coordinator, CAMERA, eyes, name)


class PrinterCamera(PrinterEntity, Camera):
    """Looks at the print."""

    entity_description: PrinterCameraDescription

    def __init__(
        self,
        coordinator: PrinterCoordinator,
        description: PrinterCameraDescription,
        eyes: Eyes,
        name: str,
    ) -> None:
        PrinterEntity.__init__(self, coordinator, description)
        Camera.__init__(self)
        self._shared = eyes.own(name)
        self._attr_translation_placeholders = {"name": name}
        if coordinator.parts.cameras[name]:
            self._attr_supported_features = CameraEntityFeature.STREAM

    @property
    @override
    def use_stream_for_stills(self) -> bool:
        """A stream gives stills too; opening a second line for them would not."""
        return bool(self.supported_features & CameraEntityFeature.STREAM)

    @override
    async def stream_source(self) -> str | None:
        """Return the stream's address. It holds a secret: never log or store it."""
        camera = self._shared.camera
        return camera.stream_source if camera is not None else None

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """Return one JPEG, or None when the camera gives none."""
        return await self._shared.still()

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


class AssignedCamera(PrinterEntity, Camera):
    """Shows what another camera of this home sees; there while that one is."""

    entity_description: PrinterCameraDescription

    def __init__(self, coordinator: PrinterCoordinator, source: str) -> None:
        PrinterEntity.__init__(self, coordinator, CAMERA)
        Camera.__init__(self)
        self._source = source

    @property
    @override
    def available(self) -> bool:
        """A camera on the wall sees a printer that is switched off, too."""
        state = self.hass.states.get(self._source)
        return state is not None and state.state != STATE_UNAVAILABLE

    @property
    @override
    def supported_features(self) -> CameraEntityFeature:
        """What the other camera can."""
        state = self.hass.states.get(self._source)
        features = state.attributes.get(ATTR_SUPPORTED_FEATURES, 0) if state else 0
        return CameraEntityFeature(features) & CameraEntityFeature.STREAM

    @property
    @override
    def use_stream_for_stills(self) -> bool:
        """The other camera knows how it makes its stills."""
        return False

    @override
    def shown(self) -> object:
        return self.supported_features

    @override
    async def stream_source(self) -> str | None:
        """Return the other's stream. It may hold a secret: never log or store it."""
        try:
            return await async_get_stream_source(self.hass, self._source)
        except HomeAssistantError:
            return None

    @override
    async def async_camera_image(
        self, width: int | None = None, height: int | None = None
    ) -> bytes | None:
        """Return a picture of the other camera, or None when it gives none."""
        return await self.coordinator.config_entry.runtime_data.eyes.still()

    @override
    async def handle_async_mjpeg_stream(self, request: web.Request) -> web.StreamResponse | None:
        """Let the other camera send its frames."""
        return await async_get_mjpeg_stream(self.hass, request, self._source)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the other camera as it comes and goes."""
        await super().async_added_to_hass()
        self.async_on_remove(
            async_track_state_change_event(self.hass, self._source, self._on_source)
        )

    @callback
    def _on_source(self, _: Event[EventStateChangedData]) -> None:
        self.show()
