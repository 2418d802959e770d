"""Triggers, as automations use them."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import homeassistant.helpers.area_registry as ar
import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.label_registry as lr
import pytest
import yaml
from homeassistant.components import automation
from homeassistant.const import STATE_ON, STATE_UNAVAILABLE
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.helpers.selector import TargetSelector, validate_selector
from homeassistant.helpers.trigger import async_validate_trigger_config
from homeassistant.setup import async_setup_component

import custom_components.printernizer as integration
from custom_components.printernizer.announce import EVENT_FREE
from custom_components.printernizer.const import DOMAIN, EVENT_JOB, EVENT_UPLOAD
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.trigger import OCCASIONS, TRIGGERS
from tests.shop_floor import Floor, Heard, floor  # noqa: F401 - fixtures

ROOT = Path(integration.__file__).parent
HEARD = "test_heard"


async def automate(hass: HomeAssistant, *triggers: dict[str, Any]) -> None:
    """Set up one automation that tells what its trigger said."""
    action = {
        "event": HEARD,
        "event_data_template": {
            "kind": "{{ trigger.kind }}",
            "job": "{{ trigger.job.name }}",
            "printer": "{{ trigger.printer }}",
            "device": "{{ trigger.device_id }}",
            "platform": "{{ trigger.platform }}",
            "description": "{{ trigger.description }}",
        },
    }
    config = {"id": "one", "alias": "one", "triggers": list(triggers), "actions": [action]}
    config["mode"] = "parallel"
    assert await async_setup_component(hass, automation.DOMAIN, {automation.DOMAIN: [config]})
    await hass.async_block_till_done()


async def test_every_trigger_fires_for_what_it_is_called_after(floor: Floor) -> None:
    """Each trigger is somebody's only notice of that moment."""
    printer = await floor.add("Voron")
    await automate(floor.hass, *({"trigger": f"printernizer.{key}"} for key in OCCASIONS))
    heard = floor.hear(HEARD)

    async def step(command: Any = None, *args: Any) -> set[str]:
        heard.events.clear()
        if command is not None:
            command(*args)
        await printer.show()
        await floor.settle()
        return {event.data["platform"].removeprefix("printernizer.") for event in heard.events}

    machine = printer.machine
    assert await step(machine.start, "/benchy.gcode") == {"job_started"}
    await printer.clock.advance(60)
    assert await step() == set()
    assert await step(machine.pause) == {"job_paused"}
    assert await step(machine.resume) == set()
    assert await step(machine.inject, Fault.JAM) == {"job_needs_attention"}
    assert await step(machine.acknowledge) == set()
    assert await step(machine.inject, Fault.HEATER) == {"job_failed", "job_ended", "printer_free"}
    assert await step(machine.start, "/benchy.gcode") == {"job_started"}
    assert await step(machine.cancel) == {"job_cancelled", "job_ended", "printer_free"}
    assert await step(machine.start, "/benchy.gcode") == {"job_started"}
    await printer.clock.advance(5000)
    assert await step() == {"job_finished", "job_ended", "printer_free"}
    assert {e.data["description"] for e in heard.events} == {
        "benchy.gcode on Voron: finished",
        "Voron is free after benchy.gcode",
    }


async def test_uploads_that_arrive_or_fail_trigger(floor: Floor) -> None:
    """The next step of an automation waits for the file."""
    printer, other = await floor.add("Voron"), await floor.add("Other")
    media = Path(floor.hass.config.media_dirs["local"])
    media.mkdir()
    (media / "hook.gcode").write_bytes(b"G28\n" * 1000)
    action = {
        "event": HEARD,
        "event_data_template": {
            "kind": "{{ trigger.kind }}",
            "platform": "{{ trigger.platform }}",
            "file": "{{ trigger.upload.path }}",
            "why": "{{ trigger.upload.error_key }}",
            "description": "{{ trigger.description }}",
        },
    }
    target = {"device_id": printer.device_id}
    triggers = [
        {"trigger": f"printernizer.upload_{key}", "target": target}
        for key in ("finished", "failed")
    ]
    config = {"alias": "one", "mode": "parallel", "triggers": triggers, "actions": [action]}
    assert await async_setup_component(floor.hass, automation.DOMAIN, {automation.DOMAIN: [config]})
    await floor.hass.async_block_till_done()
    heard = floor.hear(HEARD)
    sent = {"source": "media-source://media_source/local/hook.gcode"}
    for device in (printer, other, printer):
        with suppress(HomeAssistantError):
            await floor.hass.services.async_call(
                DOMAIN, "upload_file", {"device_id": device.device_id, **sent}, blocking=True
            )
    await floor.hass.async_block_till_done()
    assert [event.data for event in heard.events] == [
        {
            "kind": "finished",
            "platform": "printernizer.upload_finished",
            "file": "/hook.gcode",
            "why": None,
            "description": "upload of hook.gcode to Voron: finished",
        },
        {
            "kind": "failed",
            "platform": "printernizer.upload_failed",
            "file": None,
            "why": "file_exists",
            "description": "upload of hook.gcode to Voron: failed",
        },
    ]
    floor.hass.bus.async_fire(EVENT_UPLOAD, {"kind": "failed", "upload": "x"})
    floor.hass.bus.async_fire(EVENT_UPLOAD, {"kind": "started", "upload": {}})
    await floor.hass.async_block_till_done()
    assert len(heard.events) == 2


async def test_variables_tell_the_printer_and_the_job(floor: Floor) -> None:
    """A notice needs the printer's name and the file's."""
    printer = await floor.add("Voron")
    await automate(floor.hass, {"trigger": "printernizer.job_started"})
    heard = floor.hear(HEARD)
    printer.machine.start("/gift box.gcode")
    await printer.show()
    assert (await heard.until(1))[0].data == {
        "kind": "started",
        "job": "gift box.gcode",
        "printer": "Voron",
        "device": printer.device_id,
        "platform": "printernizer.job_started",
        "description": "gift box.gcode on Voron: started",
    }


async def test_a_restart_fires_no_trigger(floor: Floor) -> None:
    """An automation that runs at every boot is soon switched off."""
    printer = await floor.add()
    await automate(floor.hass, *({"trigger": f"printernizer.{key}"} for key in OCCASIONS))
    await printer.begin()
    await floor.settle()
    heard = floor.hear(HEARD)
    await printer.restart()
    await printer.show()
    await floor.settle()
    assert heard.events == []


async def started_by(floor: Floor, target: dict[str, Any]) -> list[str]:
    """Return the names of the printers for which a targeted trigger fires."""
    await automate(floor.hass, {"trigger": "printernizer.job_started", "target": target})
    heard = floor.hear(HEARD)
    for printer in floor.printers:
        printer.machine.start("/benchy.gcode")
        await printer.show()
    await floor.settle()
    return [event.data["printer"] for event in heard.events]


@pytest.mark.parametrize("by", ["device", "area", "label", "entity", "slot"])
async def test_a_trigger_listens_to_the_printers_it_was_told(floor: Floor, by: str) -> None:
    """The school's printer is nobody's business at home."""
    hass = floor.hass
    left = await floor.add("Left")
    await floor.add("Right")
    devices = dr.async_get(hass)
    area = ar.async_get(hass).async_create("Cellar")
    label = lr.async_get(hass).async_create("Mine")
    devices.async_update_device(left.device_id, area_id=area.id, labels={label.label_id})
    slot = next(
        child.id for child in devices.child_devices if child.parent_device_id == left.device_id
    )
    target = {
        "device": {"device_id": left.device_id},
        "area": {"area_id": area.id},
        "label": {"label_id": label.label_id},
        "entity": {"entity_id": "event.left_job"},
        "slot": {"device_id": [slot]},
    }[by]
    assert await started_by(floor, target) == ["Left"]


async def test_a_trigger_for_a_printer_that_is_gone_stays_silent(floor: Floor) -> None:
    """Not knowing who is meant must not become "everybody"."""
    await floor.add("Left")
    target = {"device_id": "0123456789", "entity_id": ["light.kitchen", "event.nobody"]}
    assert await started_by(floor, target) == []


async def test_events_fired_by_hand_break_nothing(
    floor: Floor, caplog: pytest.LogCaptureFixture
) -> None:
    """Everybody may fire events in the developer tools, with anything in them."""
    await floor.add()
    await automate(floor.hass, {"trigger": "printernizer.job_ended"})
    heard = floor.hear(HEARD)
    by_hand = {"kind": "finished", "job": {}}
    for data in (
        {},
        {"kind": 3},
        {"kind": []},
        {"kind": "finished"},
        {"kind": "finished", "job": "benchy"},
        {"kind": "started", "job": {}},
        by_hand,
    ):
        floor.hass.bus.async_fire(EVENT_JOB, data)
    await floor.hass.async_block_till_done()
    assert heard.kinds == ["finished"]
    assert heard.events[0].data["description"] == "a job on None: finished"
    assert [record for record in caplog.records if record.levelname == "ERROR"] == []


async def test_unknown_options_and_triggers_are_refused_when_saving(floor: Floor) -> None:
    """A misspelt option that is silently dropped is found out at three in the morning."""
    await floor.add()
    await automate(floor.hass, {"trigger": "printernizer.job_started", "options": {"who": "x"}})
    state = floor.hass.states.get("automation.one")
    assert state is None or state.state == STATE_UNAVAILABLE
    with pytest.raises(Exception, match="job_vanished"):
        await async_validate_trigger_config(floor.hass, [{"platform": "printernizer.job_vanished"}])


async def test_a_trigger_stops_with_its_automation(floor: Floor) -> None:
    """A disabled automation that still runs is a ghost."""
    await floor.add()
    await automate(floor.hass, {"trigger": "printernizer.printer_free"})
    assert floor.hass.states.get("automation.one").state == STATE_ON
    heard = Heard(floor.hass)
    floor.hass.bus.async_listen(HEARD, heard.take)
    await floor.hass.services.async_call(
        "automation", "turn_off", {"entity_id": "automation.one"}, blocking=True
    )
    floor.hass.bus.async_fire(EVENT_FREE, {"kind": "finished"})
    await floor.hass.async_block_till_done()
    assert heard.events == []


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("section", ["services", "triggers", "conditions"])
def test_every_automation_part_has_a_name_a_field_for_each_field_and_an_icon(
    section: str, language: str
) -> None:
    """A nameless field in the editor is a riddle."""
    shapes = yaml.safe_load((ROOT / f"{section}.yaml").read_text())
    shapes = {key: shape or {} for key, shape in shapes.items() if not key.startswith(".")}
    texts = json.loads((ROOT / f"translations/{language}.json").read_text())
    icons = json.loads((ROOT / "icons.json").read_text())[section]
    assert texts[section].keys() == shapes.keys() == icons.keys()
    for key, shape in shapes.items():
        text = texts[section][key]
        assert text["name"]
        assert text["description"]
        assert text.get("fields", {}).keys() == shape.get("fields", {}).keys()
        for field in shape.get("fields", {}).values():
            validate_selector(field["selector"])
        if "target" in shape:
            TargetSelector(shape["target"])
    if section == "triggers":
        assert shapes.keys() == TRIGGERS.keys()
        assert texts["device_automation"]["trigger_type"].keys() == TRIGGERS.keys()
