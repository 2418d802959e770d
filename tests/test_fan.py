"""Fans that may be set."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import Fan
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


@pytest.mark.parametrize(
    ("service", "data", "percent"),
    [
        ("set_percentage", {"percentage": 30}, 30),
        ("set_percentage", {"percentage": 0}, 0),
        ("turn_on", {}, 100),
        ("turn_on", {"percentage": 20}, 20),
        ("turn_off", {}, 0),
    ],
)
async def test_a_fan_is_told_how_fast_to_turn(
    stand: Stand, service: str, data: dict[str, int], percent: int
) -> None:
    await stand.call("fan", service, "fan_part", **data)
    assert stand.printer.told == [("fan", "part", percent)]


async def test_a_refused_fan_is_told(stand: Stand) -> None:
    stand.printer.refusal = Refused("not now")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("fan", "turn_on", "fan_part")
    assert refusal.value.translation_key == "refused"
    stand.printer.fans = None
    with pytest.raises(HomeAssistantError) as gone:
        await stand.call("fan", "turn_on", "fan_part")
    assert gone.value.translation_key == "not_supported"


async def test_a_fan_shows_what_the_printer_says(stand: Stand) -> None:
    assert stand.state("fan", "fan_part").attributes["percentage"] == 70
    await stand.say(fans=(Fan(key="part", percent=0),))
    assert stand.state("fan", "fan_part").state == "off"
    await stand.say(fans=())
    assert stand.state("fan", "fan_part").state == STATE_UNKNOWN


async def test_a_fan_that_we_have_no_name_for_is_shown_by_its_key(set_up: SetUp) -> None:
    printer = RichPrinter()
    printer.keys = ("bentobox",)
    stand = await set_up(printer)
    assert stand.state("fan", "fan_bentobox").name == "Rich One bentobox"
