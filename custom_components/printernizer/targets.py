"""Which printers a person means by devices, areas, labels or entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
from homeassistant.core import callback
from homeassistant.exceptions import ServiceValidationError
from homeassistant.helpers.service import async_get_device_and_config_entry
from homeassistant.helpers.target import TargetSelection, async_extract_referenced_entity_ids

from .const import CONF_KIND, DOMAIN, KIND_SHOP
from .devices import printer_identifier, slot_identifier

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import ChildDeviceEntry, DeviceEntry

    from .coordinator import PrinterCoordinator
    from .runtime import PrinternizerConfigEntry

EVERYTHING: Final[Mapping[str, Any]] = {}
"""The target that names nothing, and so means all printers."""


@callback
def async_printer_entries(
    hass: HomeAssistant, target: Mapping[str, Any] = EVERYTHING
) -> list[PrinternizerConfigEntry]:
    """Return the entries of the printers meant by a target, loaded or not.

    A feeder, a slot or an entity stands for its printer. An area or a label is looked up now and
    not when the automation was saved, so that a printer moved to another room is where people
    think it is.
    """
    entries = [
        entry
        for entry in hass.config_entries.async_entries(DOMAIN)
        if entry.data.get(CONF_KIND) != KIND_SHOP
    ]
    if not target:
        return entries
    meant = _entry_ids(hass, target)
    return [entry for entry in entries if entry.entry_id in meant]


@callback
def async_is_meant(hass: HomeAssistant, device_id: str | None, target: Mapping[str, Any]) -> bool:
    """Whether a target means the printer with this device."""
    if not target:
        return True
    device = dr.async_get(hass).async_get(device_id) if device_id else None
    return device is not None and device.config_entry_id in _entry_ids(hass, target)


@callback
def async_device_of(hass: HomeAssistant, printer_id: str) -> DeviceEntry | None:
    """Return the device of a printer of the workshop; None when it was removed."""
    for entry in async_printer_entries(hass):
        if entry.unique_id == printer_id:
            identifier = printer_identifier(printer_id)
            return dr.async_get(hass).async_get_device_by_identifier(identifier, entry.entry_id)
    return None


@callback
def async_place_of(
    hass: HomeAssistant, device_id: str, slot: str | None
) -> tuple[PrinterCoordinator, str | None]:
    """Return the printer and the slot that a device stands for; `slot` if it names one.

    Raises ServiceValidationError, translated.
    """
    device, entry = async_get_device_and_config_entry(hass, DOMAIN, device_id)
    if entry.data.get(CONF_KIND) == KIND_SHOP:
        raise ServiceValidationError(
            translation_domain=DOMAIN,
            translation_key="not_a_printer",
            translation_placeholders={"device": device.name_by_user or device.name or device_id},
        )
    coordinator: PrinterCoordinator = entry.runtime_data.coordinator
    if slot is None:
        _, prefix = slot_identifier(coordinator.printer_id, "")
        named = [key for _, key in device.identifiers if key.startswith(prefix)]
        slot = named[0].removeprefix(prefix) if named else None
    return coordinator, slot


@callback
def async_called(coordinator: PrinterCoordinator) -> str:
    """Return what people call a printer: the name they gave its device, else its own."""
    device = dr.async_get(coordinator.hass).async_get(coordinator.device_id)
    return _called(device, coordinator.config_entry)


@callback
def async_printer_names(hass: HomeAssistant) -> dict[str, str]:
    """Return what people call the printers that are set up, by their ids in the workshop.

    Also those that are not loaded: what lies on them is listed all the same.
    """
    devices = dr.async_get(hass)
    return {
        printer_id: _called(
            devices.async_get_device_by_identifier(printer_identifier(printer_id), entry.entry_id),
            entry,
        )
        for entry in async_printer_entries(hass)
        if (printer_id := entry.unique_id) is not None
    }


def _called(device: DeviceEntry | ChildDeviceEntry | None, entry: PrinternizerConfigEntry) -> str:
    given = (device.name_by_user or device.name) if device is not None else None
    return given or entry.title


def _entry_ids(hass: HomeAssistant, target: Mapping[str, Any]) -> set[str]:
    selected = async_extract_referenced_entity_ids(
        hass, TargetSelection(dict(target)), primary_entities_only=False
    )
    devices, entities = dr.async_get(hass), er.async_get(hass)
    found = {
        device.config_entry_id
        for device_id in selected.referenced_devices
        if (device := devices.async_get(device_id)) is not None
    }
    for entity_id in selected.referenced | selected.indirectly_referenced:
        entity = entities.async_get(entity_id)
        if entity is not None and entity.platform == DOMAIN and entity.config_entry_id:
            found.add(entity.config_entry_id)
    return found
