"""The choice of speed."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from custom_components.printernizer.engine.errors import Refused
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


async def test_a_choice_reaches_the_printer(stand: Stand) -> None:
    await stand.call("select", "select_option", "speed_profile", option="sport")
    assert stand.printer.told == [("profile", "sport")]


async def test_a_refused_choice_is_told(stand: Stand) -> None:
    stand.printer.refusal = Refused("nothing is printed")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("select", "select_option", "speed_profile", option="sport")
    assert refusal.value.translation_key == "refused"
    stand.printer.speed = None
    with pytest.raises(ServiceValidationError):
        await stand.call("select", "select_option", "speed_profile", option="silent")


async def test_a_speed_between_the_named_ones_is_unknown(stand: Stand) -> None:
    await stand.say(speed_profile=None)
    assert stand.state("select", "speed_profile").state == STATE_UNKNOWN
    await stand.say(speed_profile="warp")
    assert stand.state("select", "speed_profile").state == STATE_UNKNOWN


async def test_without_names_there_is_nothing_to_choose(set_up: SetUp) -> None:
    printer = RichPrinter()
    printer.profiles = ()
    stand = await set_up(printer)
    assert not stand.has("select", "speed_profile")
