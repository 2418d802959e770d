"""Everything about each option of a printer."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.engine.errors import Refused
from tests.rich_printer import Stand, set_up, stand  # noqa: F401


@pytest.mark.parametrize(("service", "on"), [("turn_on", True), ("turn_off", False)])
async def test_switching_reaches_the_printer(stand: Stand, service: str, on: bool) -> None:
    await stand.call("switch", service, "sound")
    assert stand.printer.told == [("option", "sound", on)]


async def test_a_refusal_is_told(stand: Stand) -> None:
    stand.printer.refusal = Refused("signed commands only", key="developer_mode")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("switch", "turn_on", "sound")
    assert refusal.value.translation_key == "developer_mode"


async def test_it_shows_what_the_printer_says(stand: Stand) -> None:
    await stand.say(options=(("sound", False),))
    assert stand.state("switch", "sound").state == "off"
    assert stand.state("switch", "purge_wiper").state == STATE_UNKNOWN


async def test_one_that_we_have_no_name_for_is_shown_by_its_key(stand: Stand) -> None:
    assert stand.state("switch", "purge_wiper").name == "Rich One purge_wiper"


async def test_a_part_that_went_away_is_told(stand: Stand) -> None:
    stand.printer.options = None  # type: ignore[assignment]
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("switch", "turn_on", "sound")
    assert refusal.value.translation_key == "not_supported"
