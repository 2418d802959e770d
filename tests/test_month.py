"""This month of the shop and the last job of each printer, as sensors of a real Home Assistant."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal
from unittest.mock import patch

import homeassistant.helpers.entity_registry as er
import homeassistant.util.dt as dt_util
import pytest
from homeassistant.core import HomeAssistant, State
from pytest_homeassistant_custom_component.common import async_fire_time_changed

from custom_components.printernizer.const import DOMAIN, SHOP_ID
from custom_components.printernizer.engine.account import Confidence, Consumption, Source
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.workshop.accounts import Accounts
from custom_components.printernizer.engine.workshop.reports import Reports
from custom_components.printernizer.month import LOOK_AGAIN
from custom_components.printernizer.runtime import async_get_workshop, async_month
from tests.shop_floor import Floor, Printer, floor  # noqa: F401


def _state(hass: HomeAssistant, key: str) -> State:
    entity_id = er.async_get(hass).async_get_entity_id("sensor", DOMAIN, key)
    assert entity_id is not None, key
    state = hass.states.get(entity_id)
    assert state is not None
    return state


async def _until(hass: HomeAssistant, key: str, shown: str) -> State:
    """Wait until a sensor shows this: accounts are written a moment after the end of a job."""
    async with asyncio.timeout(20):
        while _state(hass, key).state != shown:
            await asyncio.sleep(0.01)
            await hass.async_block_till_done()
    return _state(hass, key)


async def _printed(floor: Floor) -> Printer:
    printer = await floor.add()
    await printer.print_all()
    await floor.settle()
    # The file is read when the print is over, and what was reckoned without it reckoned again.
    async with asyncio.timeout(20):
        while _material(floor.hass, printer).attributes.get("source") != "layers":
            await asyncio.sleep(0.01)
            await floor.hass.async_block_till_done()
    return printer


def _material(hass: HomeAssistant, printer: Printer) -> State:
    return _state(hass, f"{printer.machine.serial}_last_job_material")


async def test_a_print_shows_in_the_month_and_as_the_last_job(
    hass: HomeAssistant, floor: Floor
) -> None:
    """What it cost is asked when the print is taken off, and at the end of the month."""
    printer = await _printed(floor)
    jobs = await _until(hass, f"{SHOP_ID}_month_jobs", "1")
    first = dt_util.now().replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    assert jobs.attributes["last_reset"] == first.isoformat()
    assert jobs.attributes["state_class"] == "total"
    assert (await _until(hass, f"{SHOP_ID}_month_success", "100.0")).attributes[
        "unit_of_measurement"
    ] == "%"
    serial = printer.machine.serial
    cost = _state(hass, f"{serial}_last_job_cost")
    assert float(cost.state) > 0
    assert cost.attributes["unit_of_measurement"] == hass.config.currency
    await _until(hass, f"{SHOP_ID}_month_cost", cost.state)
    material = _material(hass, printer)
    assert float(material.state) == pytest.approx(13.0, abs=0.05)
    assert material.attributes["source"] == "layers"
    assert material.attributes["confidence"] == "high"
    await _until(hass, f"{serial}_month_cost", cost.state)
    assert _state(hass, f"{serial}_month_jobs").attributes["last_reset"] == first.isoformat()
    margin = float(_state(hass, f"{SHOP_ID}_month_margin").state)
    revenue = float(_state(hass, f"{SHOP_ID}_month_revenue").state)
    assert abs(revenue - float(cost.state) - margin) < 0.011


async def test_a_sum_of_grams_is_as_sure_as_its_weakest_part(
    hass: HomeAssistant, floor: Floor
) -> None:
    """One spool was weighed and the other is a guess: then so is what both gave."""
    printer = await _printed(floor)
    await _until(hass, f"{SHOP_ID}_month_jobs", "1")
    shop = async_get_workshop(hass)
    last = shop.ledger.last_job(printer.machine.serial)
    assert last is not None
    price = {"price_per_kg": Decimal(20), "amount": Decimal(1)}
    weighed = Consumption(
        mass_g=Decimal(50), source=Source.WEIGHED, confidence=Confidence.HIGH, **price
    )
    guess = Consumption(mass_g=Decimal(5), source=Source.SLOTS, confidence=Confidence.LOW, **price)
    await shop.accounts.correct(last.id, reason="weighed", by=None, consumption=[weighed, guess])
    material = await _until(hass, f"{printer.machine.serial}_last_job_material", "55.0")
    assert (material.attributes["source"], material.attributes["confidence"]) == ("slots", "low")


async def test_money_of_an_old_job_stays_in_the_currency_of_its_day(
    hass: HomeAssistant, floor: Floor
) -> None:
    """3 euros are not 3 francs because somebody moved."""
    printer = await _printed(floor)
    await _until(hass, f"{SHOP_ID}_month_jobs", "1")
    cost = f"{printer.machine.serial}_last_job_cost"
    before = _state(hass, cost)
    assert before.attributes["unit_of_measurement"] == hass.config.currency != "CHF"
    await hass.config.async_update(currency="CHF")
    await hass.async_block_till_done()
    await printer.restart()
    after = await _until(hass, cost, before.state)
    assert after.attributes["unit_of_measurement"] == before.attributes["unit_of_measurement"]


async def test_the_month_of_a_printer_is_its_own(hass: HomeAssistant, floor: Floor) -> None:
    """Which machine earns its place is asked of each one."""
    busy, idle = await _printed(floor), await floor.add("Virtual Two")
    await _until(hass, f"{busy.machine.serial}_month_jobs", "1")
    assert _state(hass, f"{idle.machine.serial}_month_jobs").state == "0"
    assert float(_state(hass, f"{idle.machine.serial}_month_cost").state) == 0
    entities = er.async_get(hass)
    waiting = entities.async_get_entity_id("sensor", DOMAIN, f"{idle.machine.serial}_month_margin")
    assert waiting is not None
    entry = entities.async_get(waiting)
    assert entry is not None
    assert entry.disabled_by is er.RegistryEntryDisabler.INTEGRATION


async def test_the_figures_are_there_again_after_a_restart(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A dashboard must not be empty until the next print."""
    printer = await _printed(floor)
    serial = printer.machine.serial
    await _until(hass, f"{SHOP_ID}_month_jobs", "1")
    before = _state(hass, f"{serial}_last_job_cost").state
    await printer.restart()
    assert float(before) > 0
    await _until(hass, f"{serial}_last_job_cost", before)
    await _until(hass, f"{SHOP_ID}_month_jobs", "1")


async def test_a_database_that_does_not_answer_leaves_what_was_known(
    hass: HomeAssistant, floor: Floor
) -> None:
    """Yesterday's figure is better than none, and an error every ten minutes helps nobody."""
    printer = await _printed(floor)
    await _until(hass, f"{SHOP_ID}_month_jobs", "1")
    with patch.object(Reports, "month", side_effect=StoreError("no")):
        async_fire_time_changed(hass, dt_util.utcnow() + LOOK_AGAIN + timedelta(seconds=1))
        await async_month(hass).async_read()
        await hass.async_block_till_done()
        assert _state(hass, f"{SHOP_ID}_month_jobs").state == "1"
    with (
        patch.object(Reports, "month", side_effect=StoreError("no")),
        patch.object(Accounts, "get", side_effect=StoreError("no")),
    ):
        await printer.restart()
        assert _state(hass, f"{SHOP_ID}_month_jobs").state == "unknown"
        assert _state(hass, f"{printer.machine.serial}_month_jobs").state == "unknown"
        assert _state(hass, f"{printer.machine.serial}_last_job_cost").state == "unknown"
