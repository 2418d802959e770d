"""Fans that may be set."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.fan import FanEntity, FanEntityDescription
from homeassistant.components.fan.const import FanEntityFeature

from .entity import PARALLEL_COMMANDS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol
from .unit_rows import FANS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

FULL: Final = 100


@dataclass(frozen=True, kw_only=True)
class PrinterFanDescription(PrinterEntityDescription[int | None], FanEntityDescription):
    """A row of what blows."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the fans of this printer that may be set."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    for key in coordinator.parts.fans:
        row = PrinterFanDescription(
            key=f"fan_{key}",
            translation_key=key if key in FANS else "other",
            translation_placeholders={} if key in FANS else {"name": key},
            value_fn=_percent(key),
        )
        yield key, partial(PrinterFan, coordinator, row, key)


def _percent(key: str) -> Callable[[PrinterStatus], int | None]:
    return lambda status: next((fan.percent for fan in status.fans if fan.key == key), None)


class PrinterFan(PrinterEntity, FanEntity):
    """A fan with a speed in per cent."""

    _attr_supported_features = (
        FanEntityFeature.SET_SPEED | FanEntityFeature.TURN_ON | FanEntityFeature.TURN_OFF
    )
    latest: int | None

    def __init__(
        self, coordinator: PrinterCoordinator, description: PrinterFanDescription, fan: str
    ) -> None:
        super().__init__(coordinator, description)
        self._fan = fan

    @property
    @override
    def percentage(self) -> int | None:
        """Its speed, as the printer says."""
        return self.latest

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it turns."""
        return None if self.latest is None else self.latest > 0

    @override
    async def async_set_percentage(self, percentage: int) -> None:
        """Set its speed. Raises HomeAssistantError with the printer's reason."""
        await self.command(
            lambda session: session.fans.set_speed(self._fan, percentage) if session.fans else None
        )

    @override
    async def async_turn_on(
        self, percentage: int | None = None, preset_mode: str | None = None, **kwargs: Any
    ) -> None:
        """Let it blow, at full speed unless told otherwise."""
        await self.async_set_percentage(FULL if percentage is None else percentage)

    @override
    async def async_turn_off(self, **kwargs: Any) -> None:
        """Stop it."""
        await self.async_set_percentage(0)
