"""What can be pressed: the job, the head, the filament, the machine's own computers."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, override

from homeassistant.components.button import ButtonEntity

from .button_rows import (
    BUTTONS,
    CANCEL_UPLOAD,
    EMERGENCY_STOP,
    LOAD_SLOT,
    MAINTENANCE_BUTTONS,
    REFRESH,
)
from .entity import PrinterEntity, SlotEntity
from .ha_errors import told_to_the_user
from .roster import async_enrol
from .upload_entities import UploadEntity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .button_rows import PrinterButtonDescription
    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = 0
"""The workshop knows what has to wait for what; here a cancel would wait for a homing."""


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what can be pressed on this printer."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows, _slots)


def _slots(status: PrinterStatus) -> tuple[object, ...]:
    return tuple(slot.key for slot in status.slots)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    status, parts = coordinator.data, coordinator.parts
    yield REFRESH.key, partial(RefreshButton, coordinator, REFRESH)
    for row in (*BUTTONS, *MAINTENANCE_BUTTONS):
        if row.exists_fn(status, parts):
            yield row.key, partial(PrinterButton, coordinator, row)
    if EMERGENCY_STOP.exists_fn(status, parts):
        yield EMERGENCY_STOP.key, partial(EmergencyButton, coordinator, EMERGENCY_STOP)
    if CANCEL_UPLOAD.exists_fn(status, parts):
        yield CANCEL_UPLOAD.key, partial(CancelUploadButton, coordinator, CANCEL_UPLOAD)
    if LOAD_SLOT.exists_fn(status, parts):
        for slot in status.slots:
            key = f"slot_{slot.key}_{LOAD_SLOT.key}"
            yield key, partial(LoadSlotButton, coordinator, LOAD_SLOT, slot.key)


class PrinterButton(PrinterEntity, ButtonEntity):
    """A command without a value."""

    entity_description: PrinterButtonDescription

    @override
    async def async_press(self) -> None:
        """Send it. Raises HomeAssistantError with the printer's reason."""
        row = self.entity_description
        await self.command(row.press, of_the_job=row.of_the_job)


class RefreshButton(PrinterButton):
    """Asks for a fresh status."""

    @override
    async def async_press(self) -> None:
        """Ask, and wait for the answer. Raises HomeAssistantError when none comes."""
        await self.coordinator.async_refresh_now()


class EmergencyButton(PrinterButton):
    """Stops everything at once."""

    @override
    async def async_press(self) -> None:
        """Stop now. Raises HomeAssistantError with the printer's reason."""
        with told_to_the_user():
            await self.coordinator.workshop.emergency_stop(self.coordinator.printer_id)


class LoadSlotButton(SlotEntity, ButtonEntity):
    """Brings the filament of one slot to the nozzle."""

    entity_description: PrinterButtonDescription

    @override
    def _makes_sense(self) -> bool:
        return self.slot is not None and self.entity_description.available_fn(self.status)

    @override
    async def async_press(self) -> None:
        """Load it. Raises HomeAssistantError with the printer's reason."""
        await self.command(
            lambda session: session.loader.load(self.slot_key) if session.loader else None
        )


class CancelUploadButton(UploadEntity, PrinterButton):
    """Calls the upload off that is under way."""

    @override
    async def async_press(self) -> None:
        """Cancel it. Raises HomeAssistantError when there is none."""
        with told_to_the_user():
            await self.coordinator.workshop.uploads.cancel(self.coordinator.printer_id)

    @override
    def _makes_sense(self) -> bool:
        return self.upload is not None and not self.upload.ended
