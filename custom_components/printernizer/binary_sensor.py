"""What is so, or is not: online, printing, a problem, the door, the filament."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory, Platform

from .engine.printer import PrinterState, Severity
from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol, was_here
from .runtime import is_shop
from .shop_roster import add_shop_entities
from .spool_entities import NOT_ENOUGH, NotEnoughSensor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus
    from .roster import Row
    from .runtime import PrinternizerConfigEntry, ShopConfigEntry

PARALLEL_UPDATES = PARALLEL_READS

_RUNNING: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})


@dataclass(frozen=True, kw_only=True)
class PrinterBinarySensorDescription(
    PrinterEntityDescription[bool | None], BinarySensorEntityDescription
):
    """A row of what is so, or is not."""

    remembered: bool = False
    """Said only at times: once it was seen, it stays."""


def _problem(status: PrinterStatus) -> bool:
    return status.state is PrinterState.ATTENTION or any(
        problem.severity is not Severity.INFO for problem in status.problems
    )


ONLINE: Final = PrinterBinarySensorDescription(
    key="online",
    translation_key="online",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda _: True,
)

BINARY_SENSORS: Final = (
    PrinterBinarySensorDescription(
        key="printing",
        translation_key="printing",
        device_class=BinarySensorDeviceClass.RUNNING,
        value_fn=lambda status: status.state in _RUNNING,
    ),
    PrinterBinarySensorDescription(
        key="problem",
        translation_key="problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        value_fn=_problem,
    ),
    PrinterBinarySensorDescription(
        key="door",
        translation_key="door",
        device_class=BinarySensorDeviceClass.DOOR,
        value_fn=lambda status: status.door_open,
        exists_fn=lambda status, _: status.door_open is not None,
        remembered=True,
    ),
    PrinterBinarySensorDescription(
        key="filament",
        translation_key="filament",
        value_fn=lambda status: status.filament_present,
        exists_fn=lambda status, _: status.filament_present is not None,
        remembered=True,
    ),
    PrinterBinarySensorDescription(
        key="storage",
        translation_key="storage",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.storage_present,
        exists_fn=lambda status, _: status.storage_present is not None,
        remembered=True,
    ),
    PrinterBinarySensorDescription(
        key="read_only",
        translation_key="read_only",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: status.read_only,
        exists_fn=lambda status, _: status.read_only,
        remembered=True,
    ),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry | ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what this printer can say."""
    if is_shop(entry):
        add_shop_entities(Platform.BINARY_SENSOR, entry, async_add_entities)
        return
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows, _says)


def _says(status: PrinterStatus) -> tuple[object, ...]:
    return (
        status.door_open is None,
        status.filament_present is None,
        status.storage_present is None,
        status.read_only,
    )


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    yield ONLINE.key, partial(OnlineSensor, coordinator, ONLINE)
    yield NOT_ENOUGH.key, partial(NotEnoughSensor, coordinator, NOT_ENOUGH)
    for row in BINARY_SENSORS:
        if row.exists_fn(coordinator.data, coordinator.parts) or (
            row.remembered and was_here(coordinator, Platform.BINARY_SENSOR, row.key)
        ):
            yield row.key, partial(PrinterBinarySensor, coordinator, row)


class PrinterBinarySensor(PrinterEntity, BinarySensorEntity):
    """One thing that is so, or is not."""

    latest: bool | None

    @property
    @override
    def is_on(self) -> bool | None:
        """What the row says of the latest status."""
        return self.latest


class OnlineSensor(PrinterBinarySensor):
    """Whether the line is up. The one entity that stays available when it is not."""

    @property
    @override
    def available(self) -> bool:
        """Always: "no" is an answer too."""
        return True

    @override
    def read(self) -> bool:
        return self.coordinator.last_update_success
