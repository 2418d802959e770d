"""A printer, its feeders and their slots as devices of Home Assistant.

A feeder has a model and a firmware, so it is a device of its own that is reached via the
printer. A slot has neither: it is a child device, of its feeder or of the printer itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import homeassistant.helpers.device_registry as dr
from homeassistant.core import callback

from .const import DOMAIN
from .engine.printer import Feeder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus, Slot


def printer_identifier(printer_id: str) -> tuple[str, str]:
    """Return what the printer's device is known by."""
    return (DOMAIN, printer_id)


def feeder_identifier(printer_id: str, feeder: str) -> tuple[str, str]:
    """Return what the device of a feeder is known by. feeder: its key."""
    return (DOMAIN, f"{printer_id}_feeder_{feeder}")


def slot_identifier(printer_id: str, slot: str) -> tuple[str, str]:
    """Return what the device of a slot is known by. slot: its key."""
    return (DOMAIN, f"{printer_id}_slot_{slot}")


@callback
def async_register_devices(coordinator: PrinterCoordinator, status: PrinterStatus) -> str:
    """Bring the registry up to date; return the id of the printer's device."""
    registry = dr.async_get(coordinator.hass)
    entry, identity = coordinator.config_entry, coordinator.identity
    printer = registry.async_get_or_create(
        config_entry_id=entry.entry_id,
        identifiers={printer_identifier(coordinator.printer_id)},
        name=entry.title,
        manufacturer=identity.maker,
        model=identity.model,
        serial_number=identity.serial,
        sw_version=status.firmware or identity.firmware,
        hw_version=identity.hardware,
        configuration_url=identity.url,
    )
    parents: dict[str | None, str] = {None: printer.id}
    # A slot may be reported before its unit; it must not change its parent later.
    unnamed = {slot.unit for slot in status.slots if slot.unit is not None}
    unnamed -= {feeder.key for feeder in status.feeders}
    for feeder in (*status.feeders, *(Feeder(key=key) for key in sorted(unnamed))):
        parents[feeder.key] = _register_feeder(registry, coordinator, feeder, printer.id)
    for slot in status.slots:
        _register_slot(registry, coordinator, slot, parents[slot.unit])
    return printer.id


def _register_feeder(
    registry: dr.DeviceRegistry, coordinator: PrinterCoordinator, feeder: Feeder, printer: str
) -> str:
    number = int(feeder.key) % 128 + 1 if feeder.key.isdecimal() else 1
    return registry.async_get_or_create(
        config_entry_id=coordinator.config_entry.entry_id,
        identifiers={feeder_identifier(coordinator.printer_id, feeder.key)},
        translation_key="feeder",
        translation_placeholders={"model": feeder.model or "AMS", "number": str(number)},
        manufacturer=coordinator.identity.maker,
        model=feeder.model,
        serial_number=feeder.serial,
        sw_version=feeder.firmware,
        via_device_id=printer,
    ).id


def _register_slot(
    registry: dr.DeviceRegistry, coordinator: PrinterCoordinator, slot: Slot, parent: str
) -> None:
    registry.async_get_or_create_child(
        config_entry_id=coordinator.config_entry.entry_id,
        identifiers={slot_identifier(coordinator.printer_id, slot.key)},
        parent_device_id=parent,
        translation_key="external_spool" if slot.key.startswith("external") else "slot",
        translation_placeholders={"number": str(slot.index + 1)},
    )


def units(status: PrinterStatus) -> tuple[object, ...]:
    """Return what decides which devices there are: cheap to compare with the last one."""
    return (
        status.firmware,
        tuple((feeder.key, feeder.model, feeder.firmware) for feeder in status.feeders),
        tuple((slot.key, slot.unit) for slot in status.slots),
    )


def present(printer_id: str, status: PrinterStatus) -> Iterator[tuple[str, str]]:
    """Yield what the devices are known by that a printer has now."""
    yield printer_identifier(printer_id)
    for feeder in status.feeders:
        yield feeder_identifier(printer_id, feeder.key)
    for slot in status.slots:
        yield slot_identifier(printer_id, slot.key)


@callback
def async_slot_parent(coordinator: PrinterCoordinator, slot: str) -> str:
    """Return the id of the device that a slot belongs to: its feeder, or the printer."""
    child = dr.async_get(coordinator.hass).async_get_child_device_by_identifier(
        slot_identifier(coordinator.printer_id, slot), coordinator.config_entry.entry_id
    )
    return coordinator.device_id if child is None else child.parent_device_id
