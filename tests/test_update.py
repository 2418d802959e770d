"""The firmware: shown, not installed."""

from __future__ import annotations

from dataclasses import replace

from tests.rich_printer import RICH, RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401


async def test_a_waiting_firmware_is_shown(stand: Stand) -> None:
    state = stand.state("update", "firmware")
    assert state.state == "on"
    assert state.attributes["installed_version"] == "01.08.00.00"
    assert state.attributes["latest_version"] == "01.09.00.00"
    assert state.attributes["supported_features"] == 0


async def test_without_a_newer_one_it_is_up_to_date(stand: Stand) -> None:
    await stand.say(new_firmware=None)
    assert stand.state("update", "firmware").state == "off"


async def test_a_printer_that_says_its_firmware_late_gets_the_entity_then(set_up: SetUp) -> None:
    stand = await set_up(RichPrinter(replace(RICH, firmware=None, new_firmware=None)))
    assert not stand.has("update", "firmware")
    await stand.say(firmware="1.0")
    assert stand.state("update", "firmware").attributes["installed_version"] == "1.0"
