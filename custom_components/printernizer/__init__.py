"""3D printers in Home Assistant: the control room and back office of a fleet."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import homeassistant.helpers.config_validation as cv
from homeassistant.config_entries import SOURCE_SYSTEM

from . import issues
from .announce import async_announce
from .const import CONF_KIND, DOMAIN, PLATFORMS
from .coordinator import PrinterCoordinator
from .devices import present
from .energy_feed import async_feed_energy
from .engine.drivers.registry import PrinterKind
from .engine.errors import PrinternizerError, StoreError
from .export_actions import async_clear_exports
from .eyes import Eyes
from .ha_errors import of_store
from .job_pictures import JobPictures
from .nearby import async_listener
from .neighbours import async_learn_mac
from .runtime import (
    PrinterRuntime,
    async_acquire,
    async_release,
    async_shop_entry,
    forget_machine,
    is_shop,
)
from .services import async_setup_services
from .shop_entry import async_close_shop, async_open_shop
from .shop_services import async_setup_shop_services
from .shop_settings import machine_profile
from .snapshots import Snapshots
from .views import async_register_views

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.device_registry import AnyDeviceEntry
    from homeassistant.helpers.typing import ConfigType

    from .runtime import PrinternizerConfigEntry, ShopConfigEntry

CONFIG_SCHEMA = cv.config_entry_only_config_schema(DOMAIN)


async def async_setup(hass: HomeAssistant, config: ConfigType) -> bool:
    """Set up what is there even while no printer is."""
    async_setup_services(hass)
    async_setup_shop_services(hass)
    async_register_views(hass)
    async_clear_exports(hass)
    return True


async def async_setup_entry(
    hass: HomeAssistant, entry: PrinternizerConfigEntry | ShopConfigEntry
) -> bool:
    """Set up a printer, or the shop."""
    if is_shop(entry):
        await async_open_shop(hass, entry)
        return True
    if entry.data[CONF_KIND] == PrinterKind.BAMBU:
        await async_listener(hass).start()
    coordinator = await _open(hass, entry)
    eyes = Eyes(coordinator)
    snapshots = Snapshots(hass, coordinator, eyes)
    pictures = JobPictures(hass, coordinator, eyes, snapshots)
    entry.runtime_data = PrinterRuntime(coordinator, eyes, snapshots, pictures)
    try:
        await hass.config_entries.async_forward_entry_setups(entry, PLATFORMS)
    except BaseException:
        await _close(hass, coordinator)
        raise
    entry.async_on_unload(async_announce(hass, coordinator))
    entry.async_on_unload(async_feed_energy(hass, coordinator))
    entry.async_on_unload(coordinator.workshop.ledger.subscribe(snapshots.on_job))
    entry.async_on_unload(coordinator.workshop.ledger.subscribe(pictures.on_job))
    await async_learn_mac(hass, entry)
    if async_shop_entry(hass) is None:
        hass.async_create_task(
            hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_SYSTEM}),
            eager_start=False,
        )
    return True


async def _open(hass: HomeAssistant, entry: PrinternizerConfigEntry) -> PrinterCoordinator:
    """Return the coordinator on an open line. Raises ConfigEntryNotReady and its kin."""
    assert entry.unique_id is not None
    try:
        workshop = await async_acquire(hass)
    except StoreError as err:
        issues.async_store_failed(hass, err)
        raise of_store(err) from err
    workshop.settings.describe(entry.unique_id, machine_profile(entry.options))
    coordinator = PrinterCoordinator(hass, entry, workshop, entry.unique_id)
    try:
        await coordinator.async_config_entry_first_refresh()
        with suppress(StoreError):  # told by the shop's own look at its ledger
            await workshop.ledger.meet(
                entry.unique_id,
                kind=entry.data[CONF_KIND],
                model=coordinator.identity.model,
                name=entry.title,
            )
    except BaseException:
        await _close(hass, coordinator)
        raise
    return coordinator


async def _close(hass: HomeAssistant, coordinator: PrinterCoordinator) -> None:
    await coordinator.async_close()
    await async_release(hass)


async def async_unload_entry(
    hass: HomeAssistant, entry: PrinternizerConfigEntry | ShopConfigEntry
) -> bool:
    """Close the line; the last entry closes the workshop."""
    if is_shop(entry):
        return await async_close_shop(hass, entry)
    if not await hass.config_entries.async_unload_platforms(entry, PLATFORMS):
        return False
    await entry.runtime_data.eyes.close()
    await _close(hass, entry.runtime_data.coordinator)
    await async_listener(hass).stop_unless_needed()
    return True


async def async_remove_entry(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Forget a printer. What it printed stays in the ledger; a run under way ends unseen."""
    if is_shop(entry):
        return
    issues.async_forget(hass, entry)
    await async_listener(hass).stop_unless_needed()
    forget_machine(entry.data)
    if entry.unique_id is None:
        return
    try:
        workshop = await async_acquire(hass)
    except PrinternizerError:
        return
    # Its last run is reckoned like all before it.
    workshop.settings.describe(entry.unique_id, machine_profile(entry.options))
    try:
        await workshop.ledger.retire(entry.unique_id)
        await workshop.files.retire(entry.unique_id)
    finally:
        await async_release(hass)


async def async_remove_config_entry_device(
    hass: HomeAssistant, entry: PrinternizerConfigEntry | ShopConfigEntry, device: AnyDeviceEntry
) -> bool:
    """Whether the user may remove this device: a unit that its printer no longer has."""
    if is_shop(entry):
        return False
    coordinator = entry.runtime_data.coordinator
    here = set(present(coordinator.printer_id, coordinator.data))
    return not here & device.identifiers
