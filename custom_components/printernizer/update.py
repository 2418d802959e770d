"""The firmware: what runs, and what waits. Shown, not installed."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.update import (
    UpdateDeviceClass,
    UpdateEntity,
    UpdateEntityDescription,
)
from homeassistant.const import EntityCategory

from .entity import PARALLEL_READS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_READS


@dataclass(frozen=True, kw_only=True)
class PrinterUpdateDescription(
    PrinterEntityDescription[tuple[str | None, str | None]], UpdateEntityDescription
):
    """A row of what may become newer."""


FIRMWARE: Final = PrinterUpdateDescription(
    key="firmware",
    translation_key="firmware",
    device_class=UpdateDeviceClass.FIRMWARE,
    entity_category=EntityCategory.DIAGNOSTIC,
    value_fn=lambda status: (status.firmware, status.new_firmware or status.firmware),
    exists_fn=lambda status, _: status.firmware is not None,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the firmware, once the printer says which it runs."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows, _says)


def _says(status: PrinterStatus) -> tuple[object, ...]:
    return (status.firmware is None,)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    if FIRMWARE.exists_fn(coordinator.data, coordinator.parts):
        yield FIRMWARE.key, partial(FirmwareUpdate, coordinator, FIRMWARE)


class FirmwareUpdate(PrinterEntity, UpdateEntity):
    """The firmware of a printer."""

    latest: tuple[str | None, str | None]

    @property
    @override
    def installed_version(self) -> str | None:
        """What it runs."""
        return self.latest[0] if self.latest else None

    @property
    @override
    def latest_version(self) -> str | None:
        """What it says is ready, else what it runs."""
        return self.latest[1] if self.latest else None
