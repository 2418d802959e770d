"""Energy from a meter of the house to the sensors of a printer."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.const import ATTR_UNIT_OF_MEASUREMENT
from homeassistant.core import HomeAssistant, State

from custom_components.printernizer.const import CONF_ENERGY
from custom_components.printernizer.energy_feed import KWH, WATTS, in_unit, price_of, share_of
from custom_components.printernizer.engine.shop import EnergyPolicy, ShopSettings
from tests.shop_floor import Floor, Printer, floor  # noqa: F401

METER = "sensor.plug_energy"
PRICE = "sensor.price"


def sensor(hass: HomeAssistant, printer: Printer, key: str) -> State:
    entity_id = er.async_get(hass).async_get_entity_id(
        "sensor", "printernizer", f"{printer.machine.serial}_{key}"
    )
    assert entity_id is not None
    state = hass.states.get(entity_id)
    assert state is not None
    return state


def meter(hass: HomeAssistant, value: object, unit: str = "kWh") -> None:
    hass.states.async_set(METER, str(value), {ATTR_UNIT_OF_MEASUREMENT: unit})


async def metered(hass: HomeAssistant, floor: Floor, **energy: object) -> Printer:
    """Set up a printer with a meter, in a house with a dynamic price."""
    meter(hass, 10)
    hass.states.async_set(PRICE, "20", {ATTR_UNIT_OF_MEASUREMENT: "ct/kWh"})
    printer = await floor.add()
    hass.config_entries.async_update_entry(
        printer.entry, options={CONF_ENERGY: {"energy_entity": METER} | energy}
    )
    await hass.config_entries.async_reload(printer.entry.entry_id)
    policy = EnergyPolicy(price_entity=PRICE)
    printer.coordinator.workshop.settings.apply(ShopSettings(energy=policy))
    await printer.show()
    return printer


async def started(printer: Printer) -> None:
    await printer.begin()
    async with asyncio.timeout(5):
        while (energy := printer.coordinator.workshop.meters.energy(printer.machine.serial)) and (
            energy.job_id is None
        ):
            await asyncio.sleep(0.005)
    await printer.hass.async_block_till_done()


async def test_vector_7_from_the_plug_to_the_sensor(hass: HomeAssistant, floor: Floor) -> None:
    """0.30 kWh at 0.20, then 0.20 kWh at 0.40 costs 0.14, in whatever unit the plug speaks."""
    printer = await metered(hass, floor)
    await started(printer)
    await printer.live(300)
    meter(hass, 10300, "Wh")
    await hass.async_block_till_done()
    hass.states.async_set(PRICE, "400", {ATTR_UNIT_OF_MEASUREMENT: "EUR/MWh"})
    await hass.async_block_till_done()
    await printer.live(300)
    meter(hass, "0.0105", "MWh")
    await hass.async_block_till_done()
    job, cost, total = (
        sensor(hass, printer, key) for key in ("job_energy", "job_energy_cost", "energy")
    )
    assert (job.state, total.state) == ("0.500", "0.500")
    # The moments of a real house are not exact: test_meters.py has them by the clock.
    assert Decimal("0.10") < Decimal(cost.state) <= Decimal("0.14")
    assert job.attributes["source"] == "meter"
    assert job.attributes["confidence"] == "high"
    assert job.attributes["reason"] is None
    assert job.attributes["state_class"] == "total"
    assert job.attributes["last_reset"]
    assert total.attributes["state_class"] == "total_increasing"
    assert total.attributes["source"] == "meter"
    assert cost.attributes["unit_of_measurement"] == "EUR"


async def test_vector_13_a_reset_shows_as_unknown_with_its_reason(
    hass: HomeAssistant, floor: Floor
) -> None:
    """A negative cost would be the first thing anybody sees."""
    printer = await metered(hass, floor)
    await started(printer)
    await printer.live(300)
    meter(hass, "0.3")
    await hass.async_block_till_done()
    job = sensor(hass, printer, "job_energy")
    assert job.state == "unknown"
    assert job.attributes["reason"] == "meter_reset"
    assert sensor(hass, printer, "job_energy_cost").state == "unknown"


async def test_home_assistant_restarts_in_the_middle_of_a_job(
    hass: HomeAssistant, floor: Floor
) -> None:
    """The meter counted on, and its start value is still known."""
    printer = await metered(hass, floor)
    await started(printer)
    await printer.live(300)
    meter(hass, "10.1")
    await hass.async_block_till_done()
    hass.states.async_set(METER, "unavailable")
    await hass.async_block_till_done()
    await printer.restart(away=lambda: meter(hass, "10.4"))
    await printer.show()
    job = sensor(hass, printer, "job_energy")
    assert job.state == "0.400"
    assert sensor(hass, printer, "energy").state == "0.400"


@pytest.mark.parametrize(
    ("value", "unit", "kwh"),
    [
        ("1500", "Wh", "1.5"),
        ("1.5", "kWh", "1.5"),
        ("0.0015", "MWh", "1.5"),
        ("3.6", "MJ", "1"),
        ("0.0036", "GJ", "1"),
        ("unavailable", "kWh", None),
        ("unknown", "kWh", None),
        ("nan", "kWh", None),
        ("1e99", "kWh", None),
        ("garbage", "kWh", None),
        ("1", "m³", None),
        ("1", None, None),
    ],
)
def test_meters_are_read_in_their_units(value: str, unit: str | None, kwh: str | None) -> None:
    read = in_unit(State(METER, value, {ATTR_UNIT_OF_MEASUREMENT: unit}), KWH)
    assert (None if read is None else round(read, 9)) == (None if kwh is None else Decimal(kwh))
    assert in_unit(None, KWH) is None


@pytest.mark.parametrize(
    ("value", "unit", "price"),
    [
        ("0.2", "EUR/kWh", "0.2"),
        ("0.2", "€/kWh", "0.2"),
        ("20", "ct/kWh", "0.2"),
        ("20", "Cent/kWh", "0.2"),
        ("200", "EUR/MWh", "0.2"),
        ("-15", "EUR/MWh", "-0.015"),
        ("0.2", None, "0.2"),
        ("0.2", "EUR", None),
        ("1000", "EUR/Wh", "1000000"),
        ("1001", "EUR/Wh", None),
        ("1e9", "EUR/mWh", None),
        ("unavailable", "EUR/kWh", None),
    ],
)
def test_prices_are_read_in_their_units(value: str, unit: str | None, price: str | None) -> None:
    """Exchanges speak of megawatt-hours, and of prices below nothing."""
    read = price_of(State(PRICE, value, {ATTR_UNIT_OF_MEASUREMENT: unit}))
    assert read == (None if price is None else Decimal(price))
    assert price_of(None) is None


def test_shares_and_power_are_read() -> None:
    assert share_of(State("sensor.roof", "62.5")) == Decimal("0.625")
    assert share_of(State("sensor.roof", "130")) == 1
    assert share_of(State("sensor.roof", "unknown")) is None
    kilowatt = {ATTR_UNIT_OF_MEASUREMENT: "kW"}
    assert in_unit(State("sensor.power", "0.12", kilowatt), WATTS) == 120


async def test_power_and_the_own_roof_are_followed(hass: HomeAssistant, floor: Floor) -> None:
    """A house may have no meter, but know its power."""
    power, roof = "sensor.plug_power", "sensor.roof"
    hass.states.async_set(power, "0.1", {ATTR_UNIT_OF_MEASUREMENT: "kW"})
    hass.states.async_set(roof, "50")
    printer = await metered(hass, floor, energy_entity=None, power_entity=power)
    policy = EnergyPolicy(per_kwh=Decimal("0.2"), solar_entity=roof)
    printer.coordinator.workshop.settings.apply(ShopSettings(energy=policy))
    await started(printer)
    meters, serial = printer.coordinator.workshop.meters, printer.machine.serial
    energy = meters.energy(serial)
    assert energy is not None
    assert energy.job is not None
    assert sensor(hass, printer, "job_energy").attributes["source"] == "power"
    counted = meters._counts[serial]
    assert counted.state.power_w == 100
    assert counted.state.rate.mixed == Decimal("0.1")
    hass.states.async_set(power, "unavailable")
    await hass.async_block_till_done()
    assert meters._counts[serial].state.away
    hass.states.async_set(power, "80", {ATTR_UNIT_OF_MEASUREMENT: "W"})
    await hass.async_block_till_done()
    assert not meters._counts[serial].state.away
    assert meters._counts[serial].state.power_w == 80


async def test_a_printer_of_which_nothing_can_be_known_has_no_energy(
    hass: HomeAssistant, floor: Floor
) -> None:
    printer = await floor.add()
    hass.config_entries.async_update_entry(
        printer.entry, options={CONF_ENERGY: {"estimate": False}}
    )
    await hass.config_entries.async_reload(printer.entry.entry_id)
    await hass.async_block_till_done()
    assert sensor(hass, printer, "energy").state == "unavailable"
