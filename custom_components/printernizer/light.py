"""Lamps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.light import LightEntity, LightEntityDescription
from homeassistant.components.light.const import ColorMode

from .entity import PARALLEL_COMMANDS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

LIGHTS: Final = ("chamber_light",)
"""Lamps with a translation of their own; others are shown by their key."""


@dataclass(frozen=True, kw_only=True)
class PrinterLightDescription(PrinterEntityDescription[bool | None], LightEntityDescription):
    """A row of what shines."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the lamps of this printer."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    for key in coordinator.parts.lights:
        row = PrinterLightDescription(
            key=key,
            translation_key=key if key in LIGHTS else "other",
            translation_placeholders={} if key in LIGHTS else {"name": key},
            value_fn=_is_on(key),
        )
        yield key, partial(PrinterLight, coordinator, row)


def _is_on(key: str) -> Callable[[PrinterStatus], bool | None]:
    return lambda status: dict(status.lights).get(key)


class PrinterLight(PrinterEntity, LightEntity):
    """A lamp that is on or off."""

    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}  # noqa: RUF012 - as the base class has it
    latest: bool | None

    @property
    @override
    def is_on(self) -> bool | None:
        """What the printer says of it."""
        return self.latest

    @override
    async def async_turn_on(self, **kwargs: Any) -> None:
        """Switch it on. Raises HomeAssistantError with the printer's reason."""
        await self._set(on=True)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Switch it off. Raises HomeAssistantError with the printer's reason."""
        await self._set(on=False)

    async def _set(self, *, on: bool) -> None:
        key = self.entity_description.key
        await self.command(lambda session: session.lights.set(key, on) if session.lights else None)
