"""Options of the printer, and outlets of its host, that are on or off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.components.switch.const import SwitchDeviceClass
from homeassistant.const import EntityCategory

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

OPTIONS: Final = ("auto_recovery", "auto_switch_filament", "sound", "filament_tangle")
"""Options with a translation of their own; others are shown by their key."""


@dataclass(frozen=True, kw_only=True)
class PrinterSwitchDescription(OnOffDescription, SwitchEntityDescription):
    """A row of what can be switched."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the options and outlets of this printer."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    for key in coordinator.parts.options:
        row = PrinterSwitchDescription(
            key=key,
            **named(key, OPTIONS),
            entity_category=EntityCategory.CONFIG,
            switch=key,
            value_fn=reported(lambda status: status.options, key),
            part_fn=lambda session: session.options,
        )
        yield row.key, partial(PrinterSwitch, coordinator, row)
    for name in coordinator.parts.outlets:
        yield f"outlet_{name}", partial(PrinterSwitch, coordinator, outlet(name))


def outlet(name: str) -> PrinterSwitchDescription:
    """Return the row of an outlet. The printer refuses to cut its own power while it is hot."""
    return PrinterSwitchDescription(
        key=f"outlet_{name}",
        **named(name, (), "outlet"),
        device_class=SwitchDeviceClass.OUTLET,
        switch=name,
        value_fn=reported(lambda status: status.outlets, name),
        part_fn=lambda session: session.outlets,
    )


class PrinterSwitch(OnOffEntity, SwitchEntity):
    """An option or an outlet."""
