"""Entries set up, unload, retry and go, and take the workshop with them."""

from __future__ import annotations

import asyncio
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.issue_registry as ir
import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer import async_remove_config_entry_device
from custom_components.printernizer.const import CONF_KIND, DOMAIN, KIND_SHOP
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    StoreError,
    WrongPrinter,
)
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.library_file import Whereabouts
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.runtime import (
    async_find_workshop,
    async_shop_entry,
    default_database_url,
)
from tests.shop_floor import Floor, floor  # noqa: F401

_CONNECT = "custom_components.printernizer.engine.drivers.virtual.driver.VirtualDriver.connect"


async def test_a_printer_sets_up_with_a_device_and_unloads_without_a_trace(
    hass: HomeAssistant, floor: Floor, device_registry: dr.DeviceRegistry
) -> None:
    """Whoever removes an entry expects sockets and tasks to be gone with it."""
    printer = await floor.add("Virtual One", "FLOOR1234")
    assert printer.entry.state is ConfigEntryState.LOADED
    device = device_registry.async_get_device_by_identifier(
        (DOMAIN, "FLOOR1234"), printer.entry.entry_id
    )
    assert device is not None
    assert device.name == "Virtual One"
    assert device.serial_number == "FLOOR1234"
    assert device.sw_version == printer.machine.firmware
    assert async_find_workshop(hass) is not None

    await printer.close_shop()
    assert await hass.config_entries.async_unload(printer.entry.entry_id)
    await hass.async_block_till_done()
    assert printer.entry.state is ConfigEntryState.NOT_LOADED
    assert async_find_workshop(hass) is None


async def test_the_first_printer_makes_the_shop_and_the_second_finds_it(
    hass: HomeAssistant, floor: Floor
) -> None:
    """The owner of a shop should not have to know that it has an entry of its own."""
    await floor.add()
    await floor.add()
    shops = [e for e in hass.config_entries.async_entries(DOMAIN) if e.data[CONF_KIND] == KIND_SHOP]
    assert len(shops) == 1
    assert shops[0].state is ConfigEntryState.LOADED
    assert shops[0].title == "Printernizer"
    assert async_shop_entry(hass) is shops[0]
    assert await hass.config_entries.async_unload(shops[0].entry_id)


async def test_the_last_entry_closes_the_workshop(hass: HomeAssistant, floor: Floor) -> None:
    """One workshop for all: closing it early would cut the others off."""
    first, second = await floor.add(), await floor.add()
    workshop = async_find_workshop(hass)
    await hass.config_entries.async_unload(first.entry.entry_id)
    assert async_find_workshop(hass) is workshop
    await hass.config_entries.async_unload(second.entry.entry_id)
    assert async_find_workshop(hass) is workshop, "the office works without a printer"
    await second.close_shop()
    assert async_find_workshop(hass) is None


async def test_the_end_of_home_assistant_closes_the_ledger_in_time(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Entries are not unloaded when Home Assistant ends; the last events must be on the disk."""
    printer = await floor.add()
    printer.machine.start("/benchy.gcode")
    await printer.show()
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert async_find_workshop(hass) is None
    async with Store(default_database_url(hass)) as store:
        assert len(await store.run(jobs.open_runs)) == 1
    assert await hass.config_entries.async_unload(printer.entry.entry_id)


async def test_a_printer_that_is_off_is_tried_again_later(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A printer is off every night; that is no reason to lose its entry."""
    printer = await floor.add()
    await printer.close_shop()
    await hass.config_entries.async_unload(printer.entry.entry_id)
    printer.machine.inject(Fault.NETWORK)
    assert not await hass.config_entries.async_setup(printer.entry.entry_id)
    assert printer.entry.state is ConfigEntryState.SETUP_RETRY
    assert printer.entry.error_reason_translation_key == "unreachable"
    assert async_find_workshop(hass) is None


async def test_a_rejected_key_asks_for_a_new_one(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """Retrying a wrong code for ever locks some printers; the owner has to be asked."""
    entry = MockConfigEntry(
        domain=DOMAIN,
        unique_id="PRUSA1",
        data={CONF_KIND: "prusalink", "host": "127.0.0.1", "password": "old", "serial": "PRUSA1"},
    )
    entry.add_to_hass(hass)
    with patch(
        "custom_components.printernizer.engine.drivers.prusalink.driver.PrusaLinkDriver.connect",
        side_effect=AccessDenied("no"),
    ):
        assert not await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.SETUP_ERROR
    flows = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    assert [flow["context"]["source"] for flow in flows] == ["reauth"]
    assert flows[0]["step_id"] == "reauth_prusalink"
    assert async_find_workshop(hass) is None


@pytest.mark.parametrize(
    ("error", "issue"),
    [
        (WrongPrinter("another", key="wrong_serial"), "wrong_printer"),
        (CertificateChanged("new", fingerprint="ab" * 32), "certificate_changed"),
    ],
)
async def test_another_printer_at_the_address_raises_an_issue_until_the_right_one_is_back(
    hass: HomeAssistant,
    floor: Floor,
    issue_registry: ir.IssueRegistry,
    error: WrongPrinter,
    issue: str,
) -> None:
    """Commands meant for one printer must not reach the one that took its address."""
    printer = await floor.add()
    issue_id = f"{issue}_{printer.entry.entry_id}"
    await hass.config_entries.async_unload(printer.entry.entry_id)
    with patch(_CONNECT, side_effect=error):
        assert not await hass.config_entries.async_setup(printer.entry.entry_id)
    assert printer.entry.state is ConfigEntryState.SETUP_RETRY
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is not None
    assert await hass.config_entries.async_reload(printer.entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, issue_id) is None


@pytest.mark.parametrize(
    ("key", "state"),
    [
        ("store_newer", ConfigEntryState.SETUP_ERROR),
        ("store_broken", ConfigEntryState.SETUP_ERROR),
        ("disk_full", ConfigEntryState.SETUP_RETRY),
        ("store_failed", ConfigEntryState.SETUP_RETRY),
    ],
)
async def test_a_ledger_that_does_not_open_is_told_once_and_taken_back(
    hass: HomeAssistant,
    floor: Floor,
    issue_registry: ir.IssueRegistry,
    key: str,
    state: ConfigEntryState,
) -> None:
    """Without its ledger the shop must not run as if nothing were the matter."""
    printer = await floor.add()
    await printer.close_shop()
    await hass.config_entries.async_unload(printer.entry.entry_id)
    with patch.object(Store, "open", side_effect=StoreError("why", key=key)):
        assert not await hass.config_entries.async_setup(printer.entry.entry_id)
    assert printer.entry.state is state
    issue = issue_registry.async_get_issue(DOMAIN, key)
    assert issue is not None
    assert issue.translation_placeholders == {"reason": "why"}
    assert await hass.config_entries.async_reload(printer.entry.entry_id)
    assert issue_registry.async_get_issue(DOMAIN, key) is None


async def test_removing_a_printer_ends_its_run_unseen_and_keeps_its_history(
    hass: HomeAssistant, floor: Floor
) -> None:
    """What was printed was printed; the accountant needs it after the printer is sold."""
    printer = await floor.add()
    other = await floor.add()
    await printer.begin()
    await floor.settle()
    workshop = other.coordinator.workshop
    serial = printer.machine.serial
    await workshop.library.seen(serial, "/", [("/alone.gcode", "alone.gcode", 7)])
    await hass.config_entries.async_remove(printer.entry.entry_id)
    await hass.async_block_till_done()
    lonely = await workshop.library.at_place(serial, "/alone.gcode")
    assert lonely is not None
    assert lonely.where is Whereabouts.GONE, "nobody can fetch it any more"
    assert await workshop.store.run(jobs.open_runs) == ()
    last = workshop.ledger.last_job(serial)
    assert last is not None
    assert last.outcome is Outcome.UNKNOWN


async def test_the_last_printer_can_be_removed_even_without_its_ledger(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A broken database must not chain people to an entry they want gone."""
    printer = await floor.add()
    await printer.close_shop()
    await hass.config_entries.async_unload(printer.entry.entry_id)
    with patch.object(Store, "open", side_effect=StoreError("why", key="store_broken")):
        await hass.config_entries.async_remove(printer.entry.entry_id)
    assert hass.config_entries.async_get_entry(printer.entry.entry_id) is None


async def test_the_shop_can_be_removed_and_comes_back_with_the_next_start(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Its defaults work; nobody should be left with half an integration."""
    printer = await floor.add()
    shop = async_shop_entry(hass)
    assert shop is not None
    await hass.config_entries.async_remove(shop.entry_id)
    assert async_shop_entry(hass) is None
    assert await hass.config_entries.async_reload(printer.entry.entry_id)
    await hass.async_block_till_done()
    assert async_shop_entry(hass) is not None


async def test_platforms_that_fail_leave_no_line_behind(hass: HomeAssistant, floor: Floor) -> None:
    """The next try would find the printer taken by its own ghost."""
    printer = await floor.add()
    await printer.close_shop()
    await hass.config_entries.async_unload(printer.entry.entry_id)
    with patch.object(hass.config_entries, "async_forward_entry_setups", side_effect=RuntimeError):
        assert not await hass.config_entries.async_setup(printer.entry.entry_id)
    assert async_find_workshop(hass) is None


async def test_a_fleet_starts_in_parallel_on_one_workshop(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A hundred printers one after the other would take minutes."""
    printers = [await floor.add() for _ in range(5)]
    await printers[0].close_shop()
    for printer in printers:
        await hass.config_entries.async_unload(printer.entry.entry_id)
    opened = 0
    real = Store.open

    async def counted(store: Store) -> None:
        nonlocal opened
        opened += 1
        await real(store)

    with patch.object(Store, "open", counted):
        done = await asyncio.gather(
            *(hass.config_entries.async_setup(printer.entry.entry_id) for printer in printers)
        )
    assert all(done)
    assert opened == 1


async def test_only_units_that_are_gone_may_be_removed_by_hand(
    hass: HomeAssistant, floor: Floor, device_registry: dr.DeviceRegistry
) -> None:
    """Removing a printer's own device would leave its entities homeless."""
    printer = await floor.add()
    device = device_registry.async_get(printer.device_id)
    assert device is not None
    assert not await async_remove_config_entry_device(hass, printer.entry, device)
    gone = device_registry.async_get_or_create(
        config_entry_id=printer.entry.entry_id,
        identifiers={(DOMAIN, f"{printer.machine.serial}_feeder_7")},
    )
    assert await async_remove_config_entry_device(hass, printer.entry, gone)


async def test_actions_are_there_before_any_printer(
    hass: HomeAssistant, enable_custom_integrations: None
) -> None:
    """Automations are checked when they are saved, also while the printer's entry is off."""
    assert await async_setup_component(hass, DOMAIN, {})
    assert hass.services.has_service(DOMAIN, "pause")
