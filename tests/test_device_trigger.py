"""Device triggers, for people who start from a device."""

from __future__ import annotations

from typing import Any

import homeassistant.helpers.device_registry as dr
import pytest
import voluptuous as vol
from homeassistant.components.device_automation import DeviceAutomationType
from pytest_homeassistant_custom_component.common import (
    MockConfigEntry,
    async_get_device_automations,
)

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.device_trigger import TRIGGER_SCHEMA, async_get_triggers
from custom_components.printernizer.trigger import OCCASIONS
from tests.shop_floor import Floor, floor  # noqa: F401 - fixtures
from tests.test_trigger import HEARD, automate


def device_trigger(device_id: str, key: str) -> dict[str, Any]:
    """Return a trigger as the editor writes it."""
    return {"trigger": "device", "domain": DOMAIN, "device_id": device_id, "type": key}


async def test_a_printer_offers_every_trigger_and_its_slots_none(floor: Floor) -> None:
    """Twenty equal triggers on every slot would bury the ones that fire."""
    printer = await floor.add()
    offered = await async_get_device_automations(
        floor.hass, DeviceAutomationType.TRIGGER, printer.device_id
    )
    assert [each["type"] for each in offered if each["domain"] == DOMAIN] == list(OCCASIONS)
    for each in offered:
        if each["domain"] == DOMAIN:
            TRIGGER_SCHEMA({key: value for key, value in each.items() if key != "metadata"})
    slots = [child.id for child in dr.async_get(floor.hass).child_devices]
    assert slots
    for slot in slots:
        assert await async_get_triggers(floor.hass, slot) == []


async def test_devices_of_others_and_unknown_ones_offer_nothing(floor: Floor) -> None:
    """A feeder is reached through its printer, and a lamp is none of ours."""
    printer = await floor.add()
    devices = dr.async_get(floor.hass)
    feeder = devices.async_get_or_create(
        config_entry_id=printer.entry.entry_id,
        identifiers={(DOMAIN, f"{printer.machine.serial}_feeder_0")},
        via_device_id=printer.device_id,
    )
    other = MockConfigEntry(domain="hue", unique_id="lamp")
    other.add_to_hass(floor.hass)
    lamp = devices.async_get_or_create(
        config_entry_id=other.entry_id, identifiers={("hue", "lamp")}
    )
    for device_id in (feeder.id, lamp.id, "nobody"):
        assert await async_get_triggers(floor.hass, device_id) == []


async def test_a_device_trigger_fires_for_its_printer_alone(floor: Floor) -> None:
    """Left is not Right."""
    left, right = await floor.add("Left"), await floor.add("Right")
    await automate(floor.hass, device_trigger(left.device_id, "job_started"))
    heard = floor.hear(HEARD)
    for printer in (right, left):
        printer.machine.start("/benchy.gcode")
        await printer.show()
    await floor.settle()
    assert [event.data for event in heard.events] == [
        {
            "kind": "started",
            "job": "benchy.gcode",
            "printer": "Left",
            "device": left.device_id,
            "platform": "device",
            "description": "benchy.gcode on Left: started",
        }
    ]


async def test_a_restart_fires_no_device_trigger(floor: Floor) -> None:
    """The same silence as everywhere."""
    printer = await floor.add()
    await automate(floor.hass, *(device_trigger(printer.device_id, key) for key in OCCASIONS))
    await printer.begin()
    await floor.settle()
    heard = floor.hear(HEARD)
    await printer.restart()
    await printer.show()
    await floor.settle()
    assert heard.events == []


def test_an_unknown_type_is_refused() -> None:
    """A trigger that can never fire must not be saved."""
    config = {"platform": "device", "domain": DOMAIN, "device_id": "x", "type": "job_vanished"}
    with pytest.raises(vol.Invalid):
        TRIGGER_SCHEMA(config)
