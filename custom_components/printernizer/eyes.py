"""Where the pictures of a printer come from: its own cameras, or one that the owner assigned.

Entities, snapshots and notices look through the same eyes, so that a printer has one viewer
however many look.
"""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError

from .const import CONF_CAMERA_ENTITY
from .frames import SharedFrames

if TYPE_CHECKING:
    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import Camera


class Eyes:
    """All ways to look at one printer."""

    def __init__(self, coordinator: PrinterCoordinator) -> None:
        self._coordinator = coordinator
        self._own: dict[str, SharedFrames] = {}

    @property
    def assigned(self) -> str | None:
        """The camera entity that the owner chose instead of the printer's main one."""
        return self._coordinator.config_entry.options.get(CONF_CAMERA_ENTITY) or None

    @property
    def main(self) -> str | None:
        """Name of the printer's own main camera; None where it has none."""
        return next(iter(self._coordinator.parts.cameras), None)

    def own(self, name: str) -> SharedFrames:
        """Return the frames of one of the printer's own cameras."""
        if name not in self._own:
            self._own[name] = SharedFrames(
                partial(self._camera, name), lambda: self._coordinator.workshop.clock
            )
        return self._own[name]

    async def still(self) -> bytes | None:
        """Return one picture of the print as it is now, or None when there is none."""
        if (entity_id := self.assigned) is not None:
            return await self._still_of(entity_id)
        return None if self.main is None else await self.own(self.main).still()

    async def close(self) -> None:
        """Look away."""
        await asyncio.gather(*(frames.close() for frames in self._own.values()))

    def _camera(self, name: str) -> Camera | None:
        session = self._coordinator.session
        return session.cameras.get(name) if session is not None else None

    async def _still_of(self, entity_id: str) -> bytes | None:
        # Only where a camera was assigned: the component brings a library of its own.
        from homeassistant.components.camera import async_get_image

        try:
            image = await async_get_image(self._coordinator.hass, entity_id)
        except HomeAssistantError:
            return None
        return image.content
