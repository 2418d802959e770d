"""All entities of a printer together: what there is, what is written, what goes and comes back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.helpers.json import json_dumps
from homeassistant.util.json import json_loads_object
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.syrupy import HomeAssistantSnapshotExtension
from syrupy.assertion import SnapshotAssertion

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.printer import Feeder, Slot, Temperature, Tool
from custom_components.printernizer.month_entities import MONTH_SENSORS
from tests.rich_printer import RICH, SetUp, Stand, set_up, stand  # noqa: F401
from tests.shop_floor import Floor, floor  # noqa: F401

if TYPE_CHECKING:
    from custom_components.printernizer.entity import PrinterEntity

VOLATILE = {"last_reset", "access_token", "entity_picture"}


@pytest.fixture
def snapshot(snapshot: SnapshotAssertion) -> SnapshotAssertion:
    """Keep snapshots as Home Assistant does."""
    return snapshot.use_extension(HomeAssistantSnapshotExtension)


def picture_of(hass: HomeAssistant, entry_id: str) -> dict[str, object]:
    """Return every entity of an entry as plain values, without ids made up at random."""
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry_id)
    shown: dict[str, object] = {}
    for entity in sorted(entities, key=lambda entity: entity.entity_id):
        state = hass.states.get(entity.entity_id)
        shown[entity.entity_id] = {
            "unique_id": entity.unique_id,
            "translation_key": entity.translation_key,
            "category": entity.entity_category,
            "device_class": entity.original_device_class,
            "disabled_by": entity.disabled_by,
            "unit": entity.unit_of_measurement,
            "state": state.state if state else None,
            "attributes": {
                key: value for key, value in sorted(state.attributes.items()) if key not in VOLATILE
            }
            if state
            else None,
        }
    plain: dict[str, object] = json_loads_object(json_dumps(shown))
    return plain


async def test_a_printer_with_everything_has_these_entities(
    stand: Stand, snapshot: SnapshotAssertion
) -> None:
    """A renamed key loses a user's history; this is where it shows."""
    shown = picture_of(stand.hass, stand.entry.entry_id)
    for entity_id in (
        stand.entity_id("sensor", "end_time"),
        stand.entity_id("sensor", "start_time"),
    ):
        shown[entity_id]["state"] = "a moment"  # type: ignore[index]
    assert shown == snapshot


async def test_a_virtual_printer_has_these_entities(
    floor: Floor, snapshot: SnapshotAssertion
) -> None:
    """The first printer that most people see."""
    printer = await floor.add()
    assert picture_of(floor.hass, printer.entry.entry_id) == snapshot


async def test_only_entities_whose_value_changed_are_written(stand: Stand) -> None:
    """A hundred printers that write fifty states a second fill the recorder in a day."""
    written = async_capture_events(stand.hass, EVENT_STATE_CHANGED)
    assert RICH.job is not None
    await stand.say(
        job=replace(RICH.job, progress=0.43, layer=22),
        bed=Temperature(actual_c=62.0, target_c=60.0),
    )
    assert {event.data["entity_id"] for event in written} == {
        stand.entity_id("sensor", "progress"),
        stand.entity_id("sensor", "layer"),
        stand.entity_id("sensor", "bed_temperature"),
    }


async def test_entities_that_show_the_same_are_not_even_asked_to_write(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Comparing is ten times cheaper than letting Home Assistant find out."""
    calls: list[PrinterEntity] = []
    monkeypatch.setattr(
        "custom_components.printernizer.entity.PrinterEntity.async_write_ha_state",
        lambda self: calls.append(self),  # noqa: PLW0108 - a plain append would not be bound
    )
    assert RICH.job is not None
    await stand.say(
        job=replace(RICH.job, progress=0.429, remaining=timedelta(minutes=57, seconds=50))
    )
    await stand.say(bed=Temperature(actual_c=60.8, target_c=60.0), wifi_dbm=-60)
    assert calls == []
    await stand.say(job=replace(RICH.job, progress=0.43), speed_percent=110, door_open=True)
    assert len(calls) == 3


async def test_a_lost_printer_is_unavailable_but_for_online(stand: Stand) -> None:
    """Automations on "is it reachable" need an answer when it is not."""
    await stand.go()
    states = {
        entity.unique_id: stand.hass.states.get(entity.entity_id)
        for entity in er.async_entries_for_config_entry(
            er.async_get(stand.hass), stand.entry.entry_id
        )
    }
    available = {key for key, state in states.items() if state and state.state != STATE_UNAVAILABLE}
    # What the last print looked like and took, what a meter counts, and which spools hang there,
    # stays true without the printer.
    spools = {key for key in available if key.endswith("_spool")}
    assert len(spools) == len(RICH.slots)
    counted = ("energy", "job_energy", "job_energy_cost", "last_job_cost", "last_job_material")
    months = [row.key for row in MONTH_SENSORS]
    kept = {
        f"RICH0001_{key}" for key in ("online", "last_snapshot", "not_enough", *counted, *months)
    }
    assert available == kept | spools
    assert stand.state("binary_sensor", "online").state == "off"

    await stand.come_back()
    assert stand.state("binary_sensor", "online").state == "on"
    assert stand.state("sensor", "progress").state == "42"


async def test_units_that_appear_later_are_added_without_a_reload(stand: Stand) -> None:
    """People plug an AMS in while Home Assistant runs."""
    assert not stand.has("sensor", "slot_1_0_filament")
    await stand.say(
        feeders=(*RICH.feeders, Feeder(key="1", model="AMS", humidity_level=3)),
        slots=(*RICH.slots, Slot(key="1_0", unit="1", index=0, material="ABS")),
        tools=(*RICH.tools, Tool(index=2, temperature=Temperature(actual_c=25.0))),
    )
    assert stand.state("sensor", "slot_1_0_filament").state == "ABS"
    assert stand.state("sensor", "feeder_1_dryness").state == "3"
    assert stand.state("sensor", "tool_2_temperature").state == "25"
    assert not stand.has("sensor", "feeder_1_humidity")


async def test_units_that_were_taken_off_are_unavailable(stand: Stand) -> None:
    """A slot that is gone holds nothing, and no guess."""
    await stand.say(feeders=(), slots=RICH.slots[2:])
    assert stand.state("sensor", "slot_0_0_filament").state == STATE_UNAVAILABLE
    assert stand.state("sensor", "feeder_0_humidity").state == STATE_UNAVAILABLE
    assert stand.state("sensor", "slot_external_filament").state == "PETG"
    await stand.say(feeders=RICH.feeders, slots=RICH.slots)
    assert stand.state("sensor", "slot_0_0_filament").state == "PLA Basic"


async def test_what_a_printer_says_only_at_times_survives_a_restart(stand: Stand) -> None:
    """An automation on the stage must not lose its entity because the printer idles at boot."""
    await stand.hass.config_entries.async_unload(stand.entry.entry_id)
    stand.printer.status = replace(RICH, stage=None, transfer=None, door_open=None)
    assert await stand.hass.config_entries.async_setup(stand.entry.entry_id)
    await stand.hass.async_block_till_done()
    assert stand.state("sensor", "stage").state == "unknown"
    assert stand.state("sensor", "transfer").state == "unknown"
    assert stand.state("binary_sensor", "door").state == "unknown"


async def test_feeders_and_slots_are_devices_below_the_printer(stand: Stand) -> None:
    """People look for a spool where it hangs."""
    registry = dr.async_get(stand.hass)
    entry_id = stand.entry.entry_id
    feeder = registry.async_get_device_by_identifier((DOMAIN, "RICH0001_feeder_0"), entry_id)
    assert feeder is not None
    assert feeder.via_device_id == stand.coordinator.device_id
    assert feeder.name == "AMS 2 Pro 1"
    slot = registry.async_get_child_device_by_identifier((DOMAIN, "RICH0001_slot_0_0"), entry_id)
    assert slot is not None
    assert (slot.parent_device_id, slot.name) == (feeder.id, "Slot 1")
    external = registry.async_get_child_device_by_identifier(
        (DOMAIN, "RICH0001_slot_external"), entry_id
    )
    assert external is not None
    assert external.parent_device_id == stand.coordinator.device_id
