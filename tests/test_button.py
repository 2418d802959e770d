"""Buttons."""

from __future__ import annotations

import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import PrinterState
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401

PRESSED = [
    ("pause", PrinterState.PRINTING, "pause"),
    ("resume", PrinterState.PAUSED, "resume"),
    ("cancel", PrinterState.PRINTING, "cancel"),
    ("continue", PrinterState.ATTENTION, "acknowledge"),
]


@pytest.mark.parametrize(("key", "state", "command"), PRESSED)
async def test_a_button_reaches_the_printer(
    stand: Stand, key: str, state: PrinterState, command: str
) -> None:
    await stand.say(state=state)
    await stand.call("button", "press", key)
    assert stand.printer.told == [(command,)]


@pytest.mark.parametrize(("key", "state", "_command"), PRESSED)
async def test_a_refusal_is_told_with_the_printers_reason(
    stand: Stand, key: str, state: PrinterState, _command: str
) -> None:
    """A command that fails in silence is the worst of all."""
    await stand.say(state=state)
    stand.printer.refusal = Refused("the door is open")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("button", "press", key)
    assert refusal.value.translation_key == "refused"
    assert refusal.value.translation_placeholders == {"reason": "the door is open"}


@pytest.mark.parametrize(
    ("state", "pressable"),
    [
        (PrinterState.IDLE, set()),
        (PrinterState.PREPARING, {"pause", "cancel"}),
        (PrinterState.PRINTING, {"pause", "cancel"}),
        (PrinterState.PAUSED, {"resume", "cancel"}),
        (PrinterState.ATTENTION, {"continue", "cancel"}),
        (PrinterState.FINISHED, set()),
    ],
)
async def test_only_what_makes_sense_can_be_pressed(
    stand: Stand, state: PrinterState, pressable: set[str]
) -> None:
    await stand.say(state=state)
    available = {
        key
        for key in ("pause", "resume", "cancel", "continue")
        if stand.state("button", key).state != STATE_UNAVAILABLE
    }
    assert available == pressable


async def test_refresh_brings_a_fresh_status(stand: Stand) -> None:
    await stand.call("button", "press", "refresh")
    stand.printer.leave()
    with pytest.raises(HomeAssistantError):
        await stand.call("button", "press", "refresh")


async def test_a_part_that_went_away_is_told_and_not_swallowed(stand: Stand) -> None:
    """Another firmware, another session: the button is still there."""
    stand.printer.control = None
    with pytest.raises(ServiceValidationError) as refusal:
        await stand.call("button", "press", "pause")
    assert refusal.value.translation_key == "not_supported"


async def test_parts_that_a_new_line_brings_are_added_without_a_reload(set_up: SetUp) -> None:
    """Somebody switches Developer Mode on."""
    printer = RichPrinter()
    printer.control = None
    stand = await set_up(printer)
    assert not stand.has("button", "pause")
    await stand.go()
    printer.control = printer
    await stand.come_back()
    assert stand.has("button", "pause")
