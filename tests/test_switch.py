"""Options of a printer, and the outlets of its host."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNKNOWN
from homeassistant.exceptions import HomeAssistantError

from custom_components.printernizer.engine.errors import Refused
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


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


# -- outlets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("service", "on"), [("turn_on", True), ("turn_off", False)])
async def test_an_outlet_is_switched_by_the_name_the_printer_gives_it(
    stand: Stand, service: str, on: bool
) -> None:
    """With blanks and umlauts, as people name their things."""
    await stand.call("switch", service, "outlet_Lüfter Schrank")
    assert stand.printer.told == [("outlet", "Lüfter Schrank", on)]


async def test_an_outlet_shows_what_the_printer_says(stand: Stand) -> None:
    """And is called as the printer calls it."""
    state = stand.state("switch", "outlet_printer")
    assert (state.state, state.name) == ("on", "Rich One Outlet printer")
    assert state.attributes["device_class"] == "outlet"
    await stand.say(outlets=(("printer", False),))
    assert stand.state("switch", "outlet_printer").state == "off"
    assert stand.state("switch", "outlet_Lüfter Schrank").state == STATE_UNKNOWN


async def test_a_hot_printer_keeps_its_power(stand: Stand) -> None:
    """The printer refuses, and whoever asked hears why."""
    stand.printer.refusal = Refused("the nozzle has 180 degrees", key="printer_busy")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("switch", "turn_off", "outlet_printer")
    assert refusal.value.translation_key == "printer_busy"
    assert refusal.value.translation_placeholders == {"reason": "the nozzle has 180 degrees"}


async def test_an_endless_name_is_cut(set_up: SetUp) -> None:
    """A name is whatever somebody wrote into a configuration."""
    printer = RichPrinter()
    printer.outlets.keys = ("x" * 5000,)
    stand = await set_up(printer)
    assert len(stand.state("switch", "outlet_" + "x" * 5000).name) < 150


async def test_an_option_and_an_outlet_of_one_name_are_two(set_up: SetUp) -> None:
    """Keys of different parts know nothing of each other."""
    printer = RichPrinter()
    printer.outlets.keys = ("sound",)
    stand = await set_up(printer)
    await stand.call("switch", "turn_on", "sound")
    await stand.call("switch", "turn_on", "outlet_sound")
    assert printer.told == [("option", "sound", True), ("outlet", "sound", True)]
