"""Options of the printer that are on or off."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.switch import SwitchEntity, SwitchEntityDescription
from homeassistant.const import EntityCategory

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

OPTIONS: Final = ("auto_recovery", "auto_switch_filament", "sound", "filament_tangle")
"""Options with a translation of their own; others are shown by their key."""


@dataclass(frozen=True, kw_only=True)
class PrinterSwitchDescription(PrinterEntityDescription[bool | None], SwitchEntityDescription):
    """A row of what can be switched."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the options of this printer."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    for key in coordinator.parts.options:
        row = PrinterSwitchDescription(
            key=key,
            translation_key=key if key in OPTIONS else "other",
            translation_placeholders={} if key in OPTIONS else {"name": key},
            entity_category=EntityCategory.CONFIG,
            value_fn=_is_on(key),
        )
        yield key, partial(PrinterSwitch, coordinator, row)


def _is_on(key: str) -> Callable[[PrinterStatus], bool | None]:
    return lambda status: dict(status.options).get(key)


class PrinterSwitch(PrinterEntity, SwitchEntity):
    """An option."""

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
        await self.command(
            lambda session: session.options.set(key, on) if session.options else None
        )
