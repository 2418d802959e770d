"""Targets of the heaters, and the speed in per cent."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import EntityCategory, UnitOfRatio, UnitOfTemperature

from .entity import PARALLEL_COMMANDS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol
from .unit_rows import numbered

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import Range, Session
    from .engine.printer import PrinterStatus, Temperature
    from .parts import Parts
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS


@dataclass(frozen=True, kw_only=True)
class PrinterNumberDescription(PrinterEntityDescription[float | None], NumberEntityDescription):
    """A row of what may be set to a number."""

    set_fn: Callable[[Session, float], Awaitable[None] | None]


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what this printer lets itself be told in numbers."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    for row in numbers(coordinator.parts):
        yield row.key, partial(PrinterNumber, coordinator, row)


def numbers(parts: Parts) -> Iterator[PrinterNumberDescription]:
    """Yield the rows of a printer with these parts."""
    for heater, allowed in parts.heaters.items():
        if heater in {"bed", "chamber"}:
            yield _target(heater, heater, {}, allowed)
        elif (number := heater.removeprefix("tool_")).isdecimal():
            name, placeholders = numbered("nozzle", int(number))
            yield _target(heater, name, placeholders, allowed)
    if (speed := parts.speed_range) is not None:
        yield PrinterNumberDescription(
            key="speed",
            translation_key="speed",
            entity_category=EntityCategory.CONFIG,
            native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
            native_min_value=speed[0],
            native_max_value=speed[1],
            native_step=1,
            mode=NumberMode.BOX,
            value_fn=lambda status: status.speed_percent,
            set_fn=lambda session, value: (
                session.speed.set_percent(round(value)) if session.speed else None
            ),
        )


def _target(
    heater: str, name: str, placeholders: dict[str, str], allowed: Range
) -> PrinterNumberDescription:
    return PrinterNumberDescription(
        key=f"{heater}_target",
        translation_key=f"{name}_target",
        translation_placeholders=placeholders,
        device_class=NumberDeviceClass.TEMPERATURE,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        native_min_value=0,  # off; between off and `allowed.minimum` the printer refuses
        native_max_value=allowed.maximum,
        native_step=1,
        mode=NumberMode.BOX,
        value_fn=lambda status: getattr(_heat(status, heater), "target_c", None),
        set_fn=lambda session, value: (
            session.heaters.set_target(heater, value) if session.heaters else None
        ),
    )


def _heat(status: PrinterStatus, heater: str) -> Temperature | None:
    if heater == "bed":
        return status.bed
    if heater == "chamber":
        return status.chamber
    return next((tool.temperature for tool in status.tools if f"tool_{tool.index}" == heater), None)


class PrinterNumber(PrinterEntity, NumberEntity):
    """Something set to a number."""

    entity_description: PrinterNumberDescription
    latest: float | None

    @property
    @override
    def native_value(self) -> float | None:
        """What it is set to, as the printer says."""
        return self.latest

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set it. Raises HomeAssistantError with the printer's reason."""
        await self.command(lambda session: self.entity_description.set_fn(session, value))
