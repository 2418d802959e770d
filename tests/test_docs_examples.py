"""The examples of the handbook are automations that work."""

from __future__ import annotations

import asyncio
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from homeassistant.components import automation
from homeassistant.components.automation.config import async_validate_config_item
from homeassistant.core import HomeAssistant, ServiceCall
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util
from pytest_homeassistant_custom_component.common import (
    async_fire_time_changed,
    async_mock_service,
)

from custom_components.printernizer.announce import EVENT_FREE, TOLD, job_facts
from custom_components.printernizer.condition import RULES
from custom_components.printernizer.const import EVENT_JOB, EVENT_UPLOAD, EVENT_UPLOAD_PROGRESS
from custom_components.printernizer.engine.drivers.base import MAINTENANCE
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.services import ACTIONS
from custom_components.printernizer.trigger import OCCASIONS
from custom_components.printernizer.uploads import upload_facts
from tests.hand_clock import settle
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures
from tests.test_announce import NOON, a_job
from tests.test_uploads import WAITING

PAGE = (Path(__file__).parent.parent / "docs/user/automations.md").read_text()
EXAMPLES: dict[str, dict[str, Any]] = {
    example["alias"]: example
    for example in map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
}
PLACEHOLDER = "0123456789abcdef0123456789abcdef"


def for_printer(alias: str, printer: Printer) -> dict[str, Any]:
    """Return an example as a reader would adapt it."""
    text = yaml.safe_dump(EXAMPLES[alias]).replace(PLACEHOLDER, printer.device_id)
    adapted: dict[str, Any] = yaml.safe_load(text)
    return adapted


async def set_up(hass: HomeAssistant, config: dict[str, Any]) -> None:
    """Set up one automation."""
    assert await async_setup_component(hass, automation.DOMAIN, {automation.DOMAIN: [config]})
    await hass.async_block_till_done()


@pytest.mark.parametrize("alias", list(EXAMPLES))
async def test_every_example_is_a_valid_automation(floor: Floor, alias: str) -> None:
    """What is copied from the handbook must at least be accepted."""
    printer = await floor.add()
    assert await async_setup_component(floor.hass, automation.DOMAIN, {})
    checked = await async_validate_config_item(floor.hass, "example", for_printer(alias, printer))
    assert checked is not None
    assert checked.validation_status == "ok", checked.validation_error


async def test_the_notice_has_the_picture_and_the_buttons(floor: Floor) -> None:
    """And says where and how far."""
    printer = await floor.add("Voron")
    notices = async_mock_service(floor.hass, "notify", "mobile_app_phone")
    await set_up(floor.hass, for_printer("Tell me when a print needs me", printer))
    await printer.begin()
    printer.machine.inject(Fault.JAM)
    await printer.show()
    await floor.settle()
    (notice,) = notices
    assert notice.data["title"] == "Voron needs help"
    assert re.fullmatch(r"benchy\.gcode stands still at \d+ %\.", notice.data["message"])
    assert [each["action"] for each in notice.data["data"]["actions"]] == [
        "PRINTERNIZER_RESUME",
        "PRINTERNIZER_CANCEL",
    ]


async def test_the_buttons_do_what_they_say(floor: Floor) -> None:
    """A cancel button that resumes is the worst of all bugs."""
    printer = await floor.add("Voron")
    await set_up(floor.hass, for_printer("The buttons of that notice", printer))
    await printer.begin()
    printer.machine.pause()
    for button, phase in (("RESUME", "printing"), ("CANCEL", "cancelled")):
        await printer.show()
        floor.hass.bus.async_fire(
            "mobile_app_notification_action", {"action": f"PRINTERNIZER_{button}"}
        )
        await floor.hass.async_block_till_done()
        assert printer.machine.phase == phase


async def glance(printer: Printer, seconds: float = 0.0) -> None:
    """Let time pass at the printer and look at it.

    Nothing here waits for Home Assistant to be done: an automation that waits never is.
    """
    await printer.clock.advance(seconds)
    await printer.coordinator.workshop.fleet[printer.machine.serial].refresh()
    await settle(100)


async def minute_passes(floor: Floor, printer: Printer, seconds: float = 60.0) -> None:
    """Let a minute pass in the house, and some time at the printer."""
    await glance(printer, seconds)
    async_fire_time_changed(floor.hass, dt_util.utcnow() + timedelta(seconds=61))
    await settle(100)


async def cooling(floor: Floor) -> tuple[Printer, list[ServiceCall]]:
    """Return a printer that has just finished and is hot, with the power-off set up."""
    printer = await floor.add()
    offs = async_mock_service(floor.hass, "switch", "turn_off")
    await set_up(floor.hass, for_printer("Switch the printer off once it is cool", printer))
    free = floor.hear(EVENT_FREE)
    await printer.begin("/gift box.gcode")
    printer.machine.cancel()
    await glance(printer)
    async with asyncio.timeout(10):
        while not free.events:
            await asyncio.sleep(0.005)
    await settle(100)
    return printer, offs


async def test_power_is_cut_once_it_is_cool_and_not_before(floor: Floor) -> None:
    """A nozzle cooled without its fan clogs."""
    printer, offs = await cooling(floor)
    await minute_passes(floor, printer)
    assert printer.coordinator.data.tools[0].temperature.actual_c > 100
    assert offs == []
    await minute_passes(floor, printer, 600)
    assert len(offs) == 1
    assert offs[0].data["entity_id"] == ["switch.printer_plug"]


async def test_power_stays_on_for_the_next_job(floor: Floor) -> None:
    """A timer of the old job must not end the new one."""
    printer, offs = await cooling(floor)
    printer.machine.start("/benchy.gcode")
    await minute_passes(floor, printer)
    await minute_passes(floor, printer, 600)
    assert offs == []
    assert printer.machine.in_job
    assert floor.hass.states.get("automation.switch_the_printer_off_once_it_is_cool").state == "on"


async def test_a_copy_is_kept(floor: Floor) -> None:
    """With a template for the printer, as people write it."""
    printer = await floor.add("Voron")
    notices = async_mock_service(floor.hass, "persistent_notification", "create")
    await set_up(floor.hass, for_printer("Keep a copy of what was printed", printer))
    await printer.print_all()
    await floor.settle()
    await floor.hass.async_block_till_done()
    (notice,) = notices
    path = re.fullmatch(r"Kept (.+), \d+ bytes\.", notice.data["message"])
    assert path
    assert Path(path[1]).read_bytes() == printer.machine.files["/benchy.gcode"].content


async def test_a_file_goes_to_the_room_and_each_printer_answers(floor: Floor) -> None:
    """With the results that people read of the response."""
    printer = await floor.add("Voron")
    notices = async_mock_service(floor.hass, "persistent_notification", "create")
    media = Path(floor.hass.config.media_dirs["local"])
    media.mkdir()
    (media / "bracket.gcode").write_bytes(b"G28\n" * 100)
    await set_up(floor.hass, for_printer("Send the new bracket to the workshop", printer))
    floor.hass.bus.async_fire("bracket_is_ready")
    await floor.hass.async_block_till_done()
    (media / "bracket.gcode").unlink()
    floor.hass.bus.async_fire("bracket_is_ready")
    await floor.hass.async_block_till_done()
    assert [notice.data["message"] for notice in notices] == ["Voron: /models/bracket.gcode"]
    assert printer.machine.files["/models/bracket.gcode"].content == b"G28\n" * 100


def test_the_handbook_names_everything_there_is() -> None:
    """What is not written down is not there."""
    for key in (*OCCASIONS, *RULES, *ACTIONS):
        assert f"`printernizer.{key}`" in PAGE
    for action in ACTIONS.values():
        for field in action.fields:
            assert f"| `{field}` |" in PAGE
    for key in job_facts(a_job()):
        assert f"`trigger.job.{key}`" in PAGE
    for key in upload_facts(WAITING, NOON):
        assert f"`trigger.upload.{key}`" in PAGE
    for event in (EVENT_JOB, EVENT_FREE, EVENT_UPLOAD, EVENT_UPLOAD_PROGRESS):
        assert f"| `{event}` |" in PAGE
    for task in MAINTENANCE:
        assert f"`{task}`" in PAGE
    for kind in TOLD:
        assert f"`{kind}`" in PAGE
