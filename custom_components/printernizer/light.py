"""Lamps."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from homeassistant.components.light import LightEntity, LightEntityDescription
from homeassistant.components.light.const import ColorMode

from .entity import PARALLEL_COMMANDS
from .on_off import OnOffDescription, OnOffEntity, named, reported
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

LIGHTS: Final = ("chamber_light",)
"""Lamps with a translation of their own; others are shown by their key."""


@dataclass(frozen=True, kw_only=True)
class PrinterLightDescription(OnOffDescription, LightEntityDescription):
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
            **named(key, LIGHTS),
            switch=key,
            value_fn=reported(lambda status: status.lights, key),
            part_fn=lambda session: session.lights,
        )
        yield key, partial(PrinterLight, coordinator, row)


class PrinterLight(OnOffEntity, LightEntity):
    """A lamp that is on or off."""

    _attr_color_mode = ColorMode.ONOFF
    _attr_supported_color_modes = {ColorMode.ONOFF}  # noqa: RUF012 - as the base class has it
