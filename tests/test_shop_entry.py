"""The shop's own entry: it holds the workshop open, waits for its ledger, and lets go."""

from __future__ import annotations

from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.issue_registry as ir
import pytest
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer import async_remove_config_entry_device
from custom_components.printernizer.const import CONF_KIND, DOMAIN, KIND_SHOP, SHOP_ID
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.runtime import (
    async_find_workshop,
    async_shared,
    async_shop_entry,
)
from tests.shop_floor import Floor, floor  # noqa: F401


@pytest.fixture
async def shop(hass: HomeAssistant, enable_custom_integrations: None) -> MockConfigEntry:
    """A shop without a printer."""
    entry = MockConfigEntry(
        domain=DOMAIN, unique_id=SHOP_ID, title="Printernizer", data={CONF_KIND: KIND_SHOP}
    )
    entry.add_to_hass(hass)
    return entry


async def test_the_office_works_without_any_printer(
    hass: HomeAssistant, shop: MockConfigEntry, device_registry: dr.DeviceRegistry
) -> None:
    """Invoices are written on Sundays, when the printers are off."""
    assert await hass.config_entries.async_setup(shop.entry_id)
    workshop = async_find_workshop(hass)
    assert workshop is not None
    answer = await hass.services.async_call(
        DOMAIN, "list_customers", {}, blocking=True, return_response=True
    )
    assert answer == {"customers": [], "next": None}
    device = device_registry.async_get_device_by_identifier((DOMAIN, SHOP_ID), shop.entry_id)
    assert device is not None
    assert not await async_remove_config_entry_device(hass, shop, device)
    assert await hass.config_entries.async_unload(shop.entry_id)
    assert async_find_workshop(hass) is None


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("store_newer", ConfigEntryState.SETUP_ERROR),
        ("store_failed", ConfigEntryState.SETUP_RETRY),
    ],
)
async def test_a_shop_waits_for_its_ledger(
    hass: HomeAssistant,
    shop: MockConfigEntry,
    issue_registry: ir.IssueRegistry,
    key: str,
    state: ConfigEntryState,
) -> None:
    """An office that opens without its books would begin new ones."""
    with patch.object(Store, "open", side_effect=StoreError("why", key=key)):
        assert not await hass.config_entries.async_setup(shop.entry_id)
    assert shop.state is state
    assert issue_registry.async_get_issue(DOMAIN, key) is not None
    assert await hass.config_entries.async_reload(shop.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, key) is None


async def test_platforms_that_fail_hold_no_workshop(
    hass: HomeAssistant, shop: MockConfigEntry
) -> None:
    """The next try must not find a workshop that nobody will ever close."""
    with patch.object(hass.config_entries, "async_forward_entry_setups", side_effect=RuntimeError):
        assert not await hass.config_entries.async_setup(shop.entry_id)
    assert async_find_workshop(hass) is None


@pytest.mark.parametrize("which", ["shop", "printer"])
async def test_what_does_not_unload_keeps_its_workshop(
    hass: HomeAssistant, floor: Floor, which: str
) -> None:
    """Half unloaded, entities would ask a workshop that is closed."""
    printer = await floor.add()
    shop = async_shop_entry(hass)
    assert shop is not None
    entry: ConfigEntry = shop if which == "shop" else printer.entry
    with patch.object(hass.config_entries, "async_unload_platforms", return_value=False):
        assert not await hass.config_entries.async_unload(entry.entry_id)
    assert async_shared(hass).workshop is printer.coordinator.workshop


async def test_a_printer_without_an_id_is_removed_without_asking_the_ledger(
    hass: HomeAssistant, shop: MockConfigEntry
) -> None:
    """What never was set up has printed nothing."""
    nameless = MockConfigEntry(domain=DOMAIN, data={CONF_KIND: "virtual", "serial": "NOBODY"})
    nameless.add_to_hass(hass)
    await hass.config_entries.async_remove(nameless.entry_id)
    assert async_find_workshop(hass) is None
