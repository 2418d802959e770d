"""One workshop for all entries: opened once, closed once, moved together, looked after."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

import homeassistant.helpers.issue_registry as ir
import homeassistant.util.dt as dt_util
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.requirements import RequirementsNotFound
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_fire_time_changed,
)

from custom_components.printernizer.const import (
    CONF_DATABASE_URL,
    CONF_KIND,
    CONF_MACHINE,
    CONF_SERIAL,
    DOMAIN,
)
from custom_components.printernizer.engine.account import CostKind
from custom_components.printernizer.engine.drivers.virtual import home
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.ledger import Ledger, LedgerHealth
from custom_components.printernizer.runtime import (
    LOOK_AFTER,
    POSTGRESQL_DRIVER,
    async_acquire,
    async_find_workshop,
    async_follow_shop,
    async_get_workshop,
    async_release,
    async_shared,
    async_shop_entry,
    async_try_database,
    database_url,
    default_database_url,
    forget_machine,
)
from tests.engine.story import Story
from tests.shop_floor import Floor, floor  # noqa: F401

RUNTIME = "custom_components.printernizer.runtime"


async def test_whoever_comes_first_opens_and_whoever_goes_last_closes(hass: HomeAssistant) -> None:
    """Two openings of one file would write over each other."""
    with pytest.raises(NotAllowed):
        async_get_workshop(hass)
    first = await async_acquire(hass)
    assert await async_acquire(hass) is first
    assert async_get_workshop(hass) is first
    await async_release(hass)
    assert async_find_workshop(hass) is first
    await async_release(hass)
    assert async_find_workshop(hass) is None


async def test_a_workshop_that_did_not_open_is_not_held(hass: HomeAssistant) -> None:
    """The next try must open it anew, not find a ruin."""
    with (
        patch.object(Ledger, "open", side_effect=StoreError("no")),
        pytest.raises(StoreError),
    ):
        await async_acquire(hass)
    assert async_find_workshop(hass) is None
    assert await async_acquire(hass)
    await async_release(hass)


async def test_all_printers_move_to_another_database_together(
    hass: HomeAssistant, floor: Floor, tmp_path: object
) -> None:
    """Half a fleet in one ledger and half in another is worse than either."""
    printers = [await floor.add() for _ in range(3)]
    old = async_get_workshop(hass)
    await async_follow_shop(hass)
    assert async_get_workshop(hass) is old
    shop = async_shop_entry(hass)
    assert shop is not None
    url = f"sqlite:///{tmp_path}/other.db"
    hass.config_entries.async_update_entry(shop, options={CONF_DATABASE_URL: url})
    assert database_url(hass) == url != default_database_url(hass)
    assert await hass.config_entries.async_reload(shop.entry_id)
    new = async_get_workshop(hass)
    assert new is not old
    assert async_shared(hass).url == url
    assert len(new.fleet) == 3
    assert all(printer.coordinator.workshop is new for printer in printers)


async def test_events_that_do_not_reach_the_disk_are_told_and_taken_back(
    hass: HomeAssistant, floor: Floor, issue_registry: ir.IssueRegistry
) -> None:
    """A full disk must be known before the memory is full too."""
    await floor.add()
    sick = LedgerHealth(error=StoreError("no room", key="disk_full"), pending=3)
    now = dt_util.utcnow()
    with patch.object(Ledger, "health", sick):
        async_fire_time_changed(hass, now + LOOK_AFTER + timedelta(seconds=1))
        await hass.async_block_till_done()
        assert issue_registry.async_get_issue(DOMAIN, "disk_full") is not None
    async_fire_time_changed(hass, now + 2 * LOOK_AFTER + timedelta(seconds=2))
    await hass.async_block_till_done()
    assert issue_registry.async_get_issue(DOMAIN, "disk_full") is None
    with patch.object(Ledger, "health", LedgerHealth(pending=3, overflowing=True)):
        async_fire_time_changed(hass, now + 3 * LOOK_AFTER + timedelta(seconds=3))
        await hass.async_block_till_done()
        assert issue_registry.async_get_issue(DOMAIN, "store_failed") is not None


async def test_a_database_is_tried_before_it_is_taken(hass: HomeAssistant, tmp_path: Path) -> None:
    """A typing error must not stop the shop."""
    await async_try_database(hass, f"sqlite:///{tmp_path}/new.db")
    with pytest.raises(StoreError) as refused:
        await async_try_database(hass, "nonsense://user:hunter22@host")
    assert "hunter22" not in str(refused.value)


async def test_the_driver_for_postgresql_is_fetched_only_by_those_who_need_it(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Nobody on a Raspberry Pi should wait for a database they never asked for."""
    with patch(f"{RUNTIME}.async_process_requirements") as fetch:
        await async_try_database(hass, f"sqlite:///{tmp_path}/new.db")
        assert not fetch.called
        with pytest.raises(StoreError):
            await async_try_database(hass, "postgresql://u:hunter22@127.0.0.1:1/d")
        assert fetch.call_args.args[2] == [POSTGRESQL_DRIVER]
        fetch.side_effect = RequirementsNotFound(DOMAIN, [POSTGRESQL_DRIVER])
        with pytest.raises(StoreError, match="PostgreSQL"):
            await async_try_database(hass, "postgresql://u:hunter22@127.0.0.1:1/d")


async def test_only_virtual_machines_are_scrapped(hass: HomeAssistant, floor: Floor) -> None:
    """A virtual printer that was removed and made again begins anew."""
    printer = await floor.add(serial="FLOOR0007")
    forget_machine({"kind": "bambu", "serial": "FLOOR0007"})
    assert home.virtual_machine({"serial": "FLOOR0007"}, printer.clock) is printer.machine
    forget_machine(printer.entry.data)
    assert home.virtual_machine({"serial": "FLOOR0007"}, printer.clock) is not printer.machine


async def test_what_waits_from_before_is_reckoned_with_what_its_machine_costs(
    hass: HomeAssistant, tmp_path: Path
) -> None:
    """Home Assistant was killed at the end of a print: its hour of 20 is not free for that."""
    hass.config.config_dir = str(tmp_path)
    story = Story("V1").acquainted()
    story.shows("printing", "part", 0.5)
    story.passes(3600)
    story.shows("finished", "part", 1.0)
    (tmp_path / "printernizer").mkdir()
    async with Store(default_database_url(hass)) as store:
        await store.run(jobs.record, story.events, [story.memory], story.at)
    MockConfigEntry(
        domain=DOMAIN,
        unique_id="V1",
        data={CONF_KIND: "virtual", CONF_SERIAL: "V1", "name": "V1"},
        options={CONF_MACHINE: {"purchase": 20_000, "life_hours": 1000}},
    ).add_to_hass(hass)
    workshop = await async_acquire(hass)
    try:
        async with asyncio.timeout(10):
            while (account := await workshop.accounts.get(story.runs[-1].id)) is None:
                await asyncio.sleep(0.01)
        assert account.cost.of(CostKind.MACHINE) == 20
    finally:
        await async_release(hass)
