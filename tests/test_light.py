"""Everything about each lamp of a printer."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.engine.errors import Refused
from tests.rich_printer import Stand, set_up, stand  # noqa: F401


@pytest.mark.parametrize(("service", "on"), [("turn_on", True), ("turn_off", False)])
async def test_switching_reaches_the_printer(stand: Stand, service: str, on: bool) -> None:
    await stand.call("light", service, "chamber_light")
    assert stand.printer.told == [("light", "chamber_light", on)]


async def test_a_refusal_is_told(stand: Stand) -> None:
    stand.printer.refusal = Refused("signed commands only", key="developer_mode")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("light", "turn_on", "chamber_light")
    assert refusal.value.translation_key == "developer_mode"


async def test_it_shows_what_the_printer_says(stand: Stand) -> None:
    await stand.say(lights=(("chamber_light", False),))
    assert stand.state("light", "chamber_light").state == "off"
    assert stand.state("light", "logo").state == STATE_UNKNOWN


async def test_one_that_we_have_no_name_for_is_shown_by_its_key(stand: Stand) -> None:
    assert stand.state("light", "logo").name == "Rich One logo"


async def test_a_part_that_went_away_is_told(stand: Stand) -> None:
    stand.printer.lights = None  # type: ignore[assignment]
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("light", "turn_on", "chamber_light")
    assert refusal.value.translation_key == "not_supported"
