"""System health says how the shop is, whether or not it is open."""

from __future__ import annotations

from unittest.mock import patch

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import get_system_health_info

from custom_components.printernizer.const import CONF_DATABASE_URL, DOMAIN
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.watched_folder import Hearing
from custom_components.printernizer.engine.workshop.ledger import Ledger, LedgerHealth
from custom_components.printernizer.engine.workshop.watching import Watching
from custom_components.printernizer.runtime import DatabaseFacts, async_shop_entry
from custom_components.printernizer.system_health import _size
from tests.shop_floor import Floor, floor  # noqa: F401


async def test_a_working_shop_shows_version_database_printers_and_jobs(
    hass: HomeAssistant, floor: Floor
) -> None:
    """The first thing to ask for when somebody says it does not work."""
    one, two = await floor.add(), await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    await one.begin()
    await floor.settle()
    two.coordinator.workshop.fleet[two.machine.serial].session = None
    info = await get_system_health_info(hass, DOMAIN)
    assert info["printers_online"] == "1 / 2"
    assert info["database"] == "SQLite"
    assert info["open_jobs"] == 1
    assert (info["ledger"], info["events_waiting"]) == ("ok", 0)
    assert info["schema_revision"]
    assert info["version"]
    assert info["library"] == "0 / 0.0 MB"
    assert info["pictures"] == "0 / 0 / 0.0 MB"
    assert info["watched_folders"] == "0 / 0"
    assert info["other_models"] == info["fast_binary_gcode"] == info["folder_changes"] == "ok"
    with patch("custom_components.printernizer.system_health.find_spec", return_value=None):
        info = await get_system_health_info(hass, DOMAIN)
    missing = {"type": "failed", "error": "missing"}
    assert info["other_models"] == info["fast_binary_gcode"] == info["folder_changes"] == missing


async def test_watched_folders_that_are_told_nothing_are_counted(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Whoever waits for a file on a share learns that it takes its time."""
    await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    hearing = (Hearing.TOLD, Hearing.REMOTE, Hearing.GONE)
    with patch.object(Watching, "hearing", hearing):
        info = await get_system_health_info(hass, DOMAIN)
    assert info["watched_folders"] == "1 / 3"


async def test_a_database_that_does_not_answer_is_named(hass: HomeAssistant, floor: Floor) -> None:
    """The screen must come up especially then."""
    await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    with patch.object(Store, "run", side_effect=StoreError("gone", key="store_broken")):
        info = await get_system_health_info(hass, DOMAIN)
    assert info["database"] == {"type": "failed", "error": "store_broken"}


@pytest.mark.parametrize(
    ("health", "error"),
    [
        (LedgerHealth(error=StoreError("no room", key="disk_full"), pending=3), "disk_full"),
        (LedgerHealth(pending=3, overflowing=True), "overflowing"),
    ],
)
async def test_events_that_do_not_reach_the_disk_are_named(
    hass: HomeAssistant, floor: Floor, health: LedgerHealth, error: str
) -> None:
    """A database may answer questions and still take no writes."""
    await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    with patch.object(Ledger, "health", health):
        info = await get_system_health_info(hass, DOMAIN)
    assert info["ledger"] == {"type": "failed", "error": error}
    assert info["events_waiting"] == 3
    assert info["database"] == "SQLite"


async def test_a_closed_shop_still_tells_its_version(hass: HomeAssistant, floor: Floor) -> None:
    """With all printers disabled there is no database to ask."""
    printer = await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    await hass.config_entries.async_unload(printer.entry.entry_id)
    await printer.close_shop()
    info = await get_system_health_info(hass, DOMAIN)
    assert info["printers_online"] == "0 / 0"
    assert "database" not in info


async def test_a_server_is_named_as_what_it_is(hass: HomeAssistant, floor: Floor) -> None:
    """Who shares a ledger between houses wants to see that this one does."""
    await floor.add()
    assert await async_setup_component(hass, "system_health", {})
    shop = async_shop_entry(hass)
    assert shop is not None
    facts = DatabaseFacts(kind="PostgreSQL", revision="1", open_jobs=0)
    hass.config_entries.async_update_entry(
        shop, options={CONF_DATABASE_URL: "postgresql://u:p@h/d"}
    )
    info = await get_system_health_info(hass, DOMAIN)
    assert info["database"] == facts.kind


@pytest.mark.parametrize(("count", "told"), [(12_300_000, "12.3 MB"), (2_500_000_000, "2.5 GB")])
def test_sizes_are_told_as_people_read_them(count: int, told: str) -> None:
    """A shelf of ten files is no shelf of 0.0 GB."""
    assert _size(count) == told
