"""Buttons."""

from __future__ import annotations

import asyncio

import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.const import STATE_UNAVAILABLE
from homeassistant.exceptions import HomeAssistantError, ServiceValidationError

from custom_components.printernizer.button_rows import MAINTENANCE_BUTTONS
from custom_components.printernizer.engine.drivers.base import MAINTENANCE
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import PrinterState
from tests.hand_clock import settle
from tests.rich_printer import RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401

AT_REST = {"home", "unload_filament", "slot_0_0_load", "disconnect", "reboot_host"}
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


# -- head, filament, computers ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "state", "command"),
    [
        ("home", PrinterState.IDLE, ("home",)),
        ("unload_filament", PrinterState.PAUSED, ("unload",)),
        ("slot_0_1_load", PrinterState.IDLE, ("load", "0_1")),
        ("emergency_stop", PrinterState.PRINTING, ("emergency",)),
        ("connect", PrinterState.OFFLINE, ("maintain", "connect")),
        *(
            (task, PrinterState.FINISHED, ("maintain", task))
            for task in MAINTENANCE
            if task != "connect"
        ),
    ],
)
async def test_a_button_does_what_it_is_called_after(
    stand: Stand, key: str, state: PrinterState, command: tuple[object, ...]
) -> None:
    """A reboot under the name of a restart ends somebody's backup."""
    await stand.say(state=state)
    await stand.call("button", "press", key)
    assert stand.printer.told == [command]


@pytest.mark.parametrize(
    ("state", "pressable"),
    [
        (
            PrinterState.IDLE,
            {"home", "unload_filament", "slot_0_0_load", "disconnect", "reboot_host"},
        ),
        (
            PrinterState.BUSY,
            {"home", "unload_filament", "slot_0_0_load", "disconnect", "reboot_host"},
        ),
        (PrinterState.PRINTING, set()),
        (PrinterState.PREPARING, set()),
        (PrinterState.PAUSED, {"unload_filament", "slot_0_0_load"}),
        (PrinterState.ATTENTION, {"unload_filament", "slot_0_0_load"}),
        (PrinterState.OFFLINE, {"connect", "reboot_host"}),
    ],
)
async def test_nothing_that_harms_a_print_can_be_pressed_while_it_runs(
    stand: Stand, state: PrinterState, pressable: set[str]
) -> None:
    """A hand on the wrong tile at the wrong time."""
    await stand.say(state=state)
    available = {
        key
        for key in (
            "home",
            "unload_filament",
            "slot_0_0_load",
            "connect",
            "disconnect",
            "reboot_host",
        )
        if stand.state("button", key).state != STATE_UNAVAILABLE
    }
    assert available == pressable
    assert stand.state("button", "emergency_stop").state != STATE_UNAVAILABLE


async def test_the_emergency_button_waits_behind_no_other(stand: Stand) -> None:
    """Home Assistant lets the buttons of a printer wait for each other; not this one."""
    stand.printer.slow = asyncio.Event()
    pause = asyncio.create_task(stand.call("button", "press", "pause"))
    await settle()
    assert stand.coordinator.workshop.fleet["RICH0001"].command_lock.locked()
    async with asyncio.timeout(5):
        await stand.call("button", "press", "emergency_stop")
    assert stand.printer.told == [("emergency",)]
    stand.printer.slow.set()
    await pause
    assert stand.printer.told == [("emergency",), ("pause",)]


async def test_a_job_is_ended_while_another_button_still_works(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Unloading takes minutes; whoever sees spaghetti meanwhile need not wait for its end."""
    await stand.say(state=PrinterState.PAUSED)
    done = asyncio.Event()
    monkeypatch.setattr(stand.printer.loader, "unload", done.wait)
    unload = asyncio.create_task(stand.call("button", "press", "unload_filament"))
    await settle()
    assert stand.coordinator.workshop.fleet["RICH0001"].work_lock.locked()
    async with asyncio.timeout(5):
        await stand.call("button", "press", "cancel")
    assert stand.printer.told == [("cancel",)]
    assert not unload.done()
    done.set()
    await unload


async def test_an_emergency_stop_that_fails_is_told(stand: Stand) -> None:
    """Then somebody has to run."""
    stand.printer.refusal = Refused("signed commands only", key="developer_mode")
    with pytest.raises(HomeAssistantError) as refusal:
        await stand.call("button", "press", "emergency_stop")
    assert refusal.value.translation_key == "developer_mode"


async def test_what_is_dangerous_is_off_until_somebody_wants_it(set_up: SetUp) -> None:
    """A tile that ends a print, or a server, is not there by itself."""
    stand = await set_up(everything=False)
    registry = er.async_get(stand.hass)
    off = {
        key
        for key in ("emergency_stop", *MAINTENANCE)
        if (entry := registry.async_get(stand.entity_id("button", key))) and entry.disabled
    }
    assert off == {
        "emergency_stop",
        "disconnect",
        "restart_server",
        "reboot_host",
        "shut_down_host",
    }


def test_every_task_of_maintenance_has_its_button() -> None:
    """A task that a driver offers and nobody can press."""
    assert tuple(row.key for row in MAINTENANCE_BUTTONS) == MAINTENANCE


async def test_a_printer_fed_by_hand_has_one_button_to_load(set_up: SetUp) -> None:
    """From where is a question only where there are several slots."""
    printer = RichPrinter()
    printer.say(slots=printer.status.slots[2:], feeders=())
    stand = await set_up(printer)
    await stand.say(state=PrinterState.IDLE)
    await stand.call("button", "press", "load_filament")
    assert printer.told == [("load", None)]
    assert not stand.has("button", "slot_external_load")


async def test_slots_that_are_plugged_in_can_be_loaded_from(set_up: SetUp) -> None:
    """Without a reload; and one that was taken off cannot."""
    printer = RichPrinter()
    slots, feeders = printer.status.slots, printer.status.feeders
    printer.say(slots=slots[2:], feeders=())
    stand = await set_up(printer)
    await stand.say(state=PrinterState.IDLE, slots=slots, feeders=feeders)
    await stand.call("button", "press", "slot_0_0_load")
    assert printer.told == [("load", "0_0")]
    await stand.say(slots=slots[1:])
    assert stand.state("button", "slot_0_0_load").state == STATE_UNAVAILABLE


@pytest.mark.parametrize(
    ("part", "keys"),
    [
        ("motion", ("home",)),
        ("loader", ("unload_filament", "slot_0_0_load", "load_filament")),
        ("emergency", ("emergency_stop",)),
        ("maintenance", MAINTENANCE),
    ],
)
async def test_what_a_printer_cannot_do_has_no_button(
    set_up: SetUp, part: str, keys: tuple[str, ...]
) -> None:
    """An entity exists because its part exists."""
    printer = RichPrinter()
    setattr(printer, part, None)
    stand = await set_up(printer)
    assert not [key for key in keys if stand.has("button", key)]


@pytest.mark.parametrize(
    ("part", "key"),
    [
        ("motion", "home"),
        ("loader", "unload_filament"),
        ("loader", "slot_0_0_load"),
        ("emergency", "emergency_stop"),
        ("maintenance", "reboot_host"),
    ],
)
async def test_a_button_whose_part_went_away_says_so(stand: Stand, part: str, key: str) -> None:
    """The configuration of a Klipper changes while Home Assistant runs."""
    await stand.say(state=PrinterState.IDLE)
    setattr(stand.printer, part, None)
    with pytest.raises(ServiceValidationError) as refusal:
        await stand.call("button", "press", key)
    assert refusal.value.translation_key == "not_supported"
