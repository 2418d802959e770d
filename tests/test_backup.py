"""A copy of the configuration folder holds the whole ledger, at one moment."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from unittest.mock import patch

import pytest
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.backup import async_post_backup, async_pre_backup
from custom_components.printernizer.const import LEDGER_FILE
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.runtime import async_find_workshop, async_shared
from tests.shop_floor import Floor, floor  # noqa: F401


async def test_the_file_alone_holds_everything_and_nothing_moves_while_it_is_copied(
    hass: HomeAssistant, floor: Floor, tmp_path: Path
) -> None:
    """A backup without its journal is a ledger that lost its last jobs."""
    printer = await floor.add()
    await printer.begin()
    await floor.settle()
    store = printer.coordinator.workshop.store
    await async_pre_backup(hass)
    waiting = asyncio.create_task(store.run(jobs.open_runs))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    copy = tmp_path / "copy.db"
    await asyncio.to_thread(shutil.copyfile, hass.config.path(LEDGER_FILE), copy)
    await async_post_backup(hass)
    assert len(await waiting) == 1
    async with Store(f"sqlite:///{copy}") as restored:
        assert await restored.run(jobs.open_runs) == await waiting


async def test_a_backup_that_never_ends_does_not_keep_the_ledger_from_closing(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Home Assistant may be stopped in the middle of a backup."""
    printer = await floor.add()
    await printer.close_shop()
    await async_pre_backup(hass)
    async with asyncio.timeout(5):
        assert await hass.config_entries.async_unload(printer.entry.entry_id)
    assert async_find_workshop(hass) is None


async def test_without_a_printer_there_is_nothing_to_hold(hass: HomeAssistant) -> None:
    """Backups are made of empty shops too."""
    await async_pre_backup(hass)
    await async_post_backup(hass)


async def test_a_database_elsewhere_does_not_fail_the_backup(
    hass: HomeAssistant, floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is down for an hour must not cost the backup of everything else."""
    await floor.add()
    monkeypatch.setattr(async_shared(hass), "url", "postgresql://u:p@host/d")
    with patch.object(Store, "hold", side_effect=StoreError("no answer")) as hold:
        await async_pre_backup(hass)
    assert not hold.called
    await async_post_backup(hass)


async def test_a_ledger_that_cannot_be_held_stops_the_backup(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A backup that may be torn must not pass for a good one."""
    await floor.add()
    with (
        patch.object(Store, "hold", side_effect=StoreError("no", key="disk_full")),
        pytest.raises(HomeAssistantError) as told,
    ):
        await async_pre_backup(hass)
    assert told.value.translation_key == "disk_full"
    await async_post_backup(hass)
