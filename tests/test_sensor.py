"""What a printer says."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from homeassistant.const import EVENT_STATE_CHANGED, STATE_UNAVAILABLE, STATE_UNKNOWN
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.printernizer.engine.drivers.bambu.stages import STAGES as BAMBU_STAGES
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    Fan,
    PrinterState,
    PrinterStatus,
    Problem,
    Slot,
    Temperature,
    Tool,
)
from custom_components.printernizer.sensor_rows import OUTCOMES, STATES
from custom_components.printernizer.stages import STAGES
from tests.hand_clock import HandClock
from tests.rich_printer import (  # noqa: F401
    RICH,
    RichPrinter,
    SetUp,
    Stand,
    set_up,
    stand,
)
from tests.shop_floor import Floor, floor  # noqa: F401

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.fixture
def clock(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> HandClock:
    """Give the wall clock that the entities look at."""
    clock = HandClock(NOON)
    monkeypatch.setattr(stand.coordinator.workshop, "clock", clock)
    return clock


def test_every_stage_of_every_driver_is_told() -> None:
    """A stage without a translation would be unknown for ever."""
    assert set(BAMBU_STAGES.values()) <= set(STAGES)


def test_home_assistants_own_words_are_no_states_of_ours() -> None:
    assert not {"unknown", "unavailable", "offline"} & {*STATES, *OUTCOMES.values()}


@pytest.mark.parametrize("state", list(PrinterState))
async def test_every_state_of_a_printer_has_a_word(stand: Stand, state: PrinterState) -> None:
    await stand.say(state=state)
    expected = {
        PrinterState.OFFLINE: STATE_UNAVAILABLE,
        PrinterState.UNKNOWN: STATE_UNKNOWN,
    }.get(state, state.value)
    assert stand.state("sensor", "state").state == expected


async def test_the_state_is_the_printer_itself(stand: Stand) -> None:
    """Main entities carry no name of their own."""
    assert stand.state("sensor", "state").name == "Rich One"
    assert stand.state("sensor", "slot_0_0_filament").name == "Slot 1"


async def test_a_stage_nobody_knows_is_unknown(stand: Stand) -> None:
    await stand.say(stage="stage_99")
    assert stand.state("sensor", "stage").state == STATE_UNKNOWN


async def test_the_end_does_not_jitter(stand: Stand, clock: HandClock) -> None:
    """Computed anew from every report it would write a row each second."""
    assert RICH.job is not None
    shown = set()
    for second in range(0, 120, 2):
        clock.jump(timedelta(seconds=2))
        left = timedelta(minutes=58) - timedelta(seconds=second // 60 * 60)
        await stand.say(job=replace(RICH.job, remaining=left, layer=second))
        shown.add(stand.state("sensor", "end_time").state)
    assert len(shown) <= 2


async def test_the_end_moves_when_the_print_takes_longer(stand: Stand, clock: HandClock) -> None:
    assert RICH.job is not None
    await stand.say(job=replace(RICH.job, remaining=timedelta(minutes=90)))
    assert stand.state("sensor", "end_time").state == "2026-11-20T13:30:00+00:00"
    assert stand.state("sensor", "remaining").state == "90"


async def test_nobody_knows_when_a_paused_print_ends(stand: Stand) -> None:
    await stand.say(state=PrinterState.PAUSED)
    assert stand.state("sensor", "end_time").state == STATE_UNKNOWN


async def test_a_printer_that_does_not_say_what_is_left_has_no_end(stand: Stand) -> None:
    assert RICH.job is not None
    await stand.say(job=replace(RICH.job, remaining=None))
    assert stand.state("sensor", "end_time").state == STATE_UNKNOWN
    assert stand.state("sensor", "remaining").state == STATE_UNKNOWN


async def test_without_a_job_there_is_nothing_to_say_of_one(stand: Stand) -> None:
    await stand.say(state=PrinterState.IDLE, job=None)
    for key in (
        "progress",
        "layer",
        "layers",
        "remaining",
        "job",
        "file",
        "start_time",
        "end_time",
    ):
        assert stand.state("sensor", key).state == STATE_UNKNOWN, key


async def test_a_job_that_ran_already_began_by_the_printers_own_clock(
    stand: Stand, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert RICH.job is not None
    monkeypatch.setattr(stand.coordinator.workshop.ledger, "job_of", lambda _: None)
    await stand.say(state=PrinterState.IDLE, job=None)
    await stand.say(state=PrinterState.PRINTING, job=replace(RICH.job, elapsed=timedelta(hours=2)))
    held = stand.state("sensor", "start_time").state
    assert held == "2026-11-20T10:00:00+00:00"
    clock.jump(timedelta(seconds=40))
    await stand.say(job=replace(RICH.job, elapsed=timedelta(hours=2, seconds=10)))
    assert stand.state("sensor", "start_time").state == held
    await stand.say(job=replace(RICH.job, elapsed=None))
    assert stand.state("sensor", "start_time").state == held


async def test_start_and_end_of_a_whole_print_come_from_the_ledger(floor: Floor) -> None:
    """What people see is what stands in the books."""
    printer = await floor.add()
    await printer.begin()
    await floor.settle()
    run = printer.coordinator.job
    assert run is not None
    assert run.started_at is not None
    prefix = "sensor.virtual_one"
    start = floor.hass.states.get(f"{prefix}_start_time")
    assert start is not None
    assert start.state == run.started_at.replace(microsecond=0).isoformat()
    last = floor.hass.states.get(f"{prefix}_last_job")
    assert last is not None
    assert last.state == STATE_UNKNOWN

    await printer.live(4000)
    await floor.settle()
    run = printer.coordinator.job
    assert run is not None
    assert run.ended_at is not None
    end = floor.hass.states.get(f"{prefix}_end_time")
    assert end is not None
    assert end.state == run.ended_at.replace(microsecond=0).isoformat()
    last = floor.hass.states.get(f"{prefix}_last_job")
    assert last is not None
    assert (last.state, last.attributes["job"]) == ("completed", "benchy.gcode")
    duration = floor.hass.states.get(f"{prefix}_last_job_duration")
    assert duration is not None
    assert duration.attributes.get("job") is None


async def test_names_from_a_printer_fit_into_a_state(stand: Stand) -> None:
    """A state beyond 255 characters is refused by Home Assistant, and the entity breaks."""
    await stand.say(job=CurrentJob(name="x" * 4000, path="/" + "y" * 4000))
    assert len(stand.state("sensor", "job").state) == 255
    assert len(stand.state("sensor", "file").state) == 255


async def test_problems_are_counted_with_their_codes_and_no_more_than_ten(stand: Stand) -> None:
    await stand.say(problems=tuple(Problem(code=f"E{number}") for number in range(40)))
    state = stand.state("sensor", "problems")
    assert state.state == "40"
    assert state.attributes["codes"] == [f"E{number}" for number in range(10)]
    assert state.attributes["texts"] == [None] * 10


async def test_the_active_slot_is_one_that_has_a_name(stand: Stand) -> None:
    await stand.say(slots=(Slot(key="0_1", unit="0", index=1, active=True), *RICH.slots[1:]))
    assert stand.state("sensor", "active_slot").state == "0_1"
    await stand.say(slots=(Slot(key="99_7", unit="99", index=7, active=True), *RICH.slots[1:]))
    assert stand.state("sensor", "active_slot").state == STATE_UNKNOWN


async def test_an_empty_slot_says_so(stand: Stand) -> None:
    state = stand.state("sensor", "slot_0_1_filament")
    assert state.state == STATE_UNKNOWN
    assert state.attributes["empty"] is True
    full = stand.state("sensor", "slot_0_0_filament").attributes
    assert (full["colour"], full["material"], full["active"]) == ("#FF0000", "PLA", True)
    assert "spool_tag" not in full


async def test_the_signal_is_told_when_it_changes_by_three(stand: Stand) -> None:
    for dbm, shown in ((-63, "-61"), (-59, "-61"), (-64, "-64")):
        await stand.say(wifi_dbm=dbm)
        assert stand.state("sensor", "wifi").state == shown


async def test_what_a_printer_cannot_do_has_no_entity(set_up: SetUp) -> None:
    """A bare printer is not a page of unknowns."""
    printer = RichPrinter(PrinterStatus(state=PrinterState.IDLE))
    printer.control = printer.prompt = printer.heaters = printer.fans = printer.speed = None
    printer.lights = printer.options = printer.job_picture = None
    printer.cameras = {}
    stand = await set_up(printer)
    assert stand.has("sensor", "state")
    for key in ("stage", "bed_temperature", "speed", "flow", "wifi", "usage", "active_slot"):
        assert not stand.has("sensor", key), key
    await stand.say(
        tools=(Tool(index=0, temperature=Temperature(actual_c=20, target_c=0)),),
        fans=(Fan(key="part", percent=10), Fan(key="mystery", percent=1)),
        speed_percent=100,
        speed_profile="sport",
    )
    assert stand.state("sensor", "tool_0_target").state == "0"
    assert stand.state("sensor", "fan_part").state == "10"
    assert stand.state("sensor", "speed").state == "100"
    assert stand.state("sensor", "speed_profile").state == "sport"
    assert not stand.has("sensor", "fan_mystery")
    await stand.say(speed_profile="warp")
    assert stand.state("sensor", "speed_profile").state == STATE_UNKNOWN


async def test_noisy_values_are_off_by_default(set_up: SetUp) -> None:
    stand = await set_up(everything=False)
    for key in ("file", "flow", "z", "wifi", "fan_hotend_rpm"):
        assert stand.hass.states.get(stand.entity_id("sensor", key)) is None, key


async def test_the_queue_of_the_printer_is_counted(stand: Stand) -> None:
    """Moonraker has a queue of its own, and it may not be ours."""
    assert stand.state("sensor", "queued").state == "2"
    await stand.say(queued=0)
    assert stand.state("sensor", "queued").state == "0"
    await stand.say(queued=None)
    assert stand.state("sensor", "queued").state == STATE_UNKNOWN


async def test_filament_is_counted_in_decimetres(stand: Stand) -> None:
    """Klipper measures every millimetre ten times a second; the recorder does not want them."""
    assert RICH.job is not None
    state = stand.state("sensor", "filament_used")
    assert (float(state.state), state.attributes["unit_of_measurement"]) == (3.5, "m")
    changes = async_capture_events(stand.hass, EVENT_STATE_CHANGED)
    for measured in (3460.0, 3500.0, 3549.0):
        await stand.say(job=replace(RICH.job, filament_mm=measured))
    assert changes == []
    await stand.say(job=replace(RICH.job, filament_mm=3551.0))
    assert float(stand.state("sensor", "filament_used").state) == 3.6
    await stand.say(job=None)
    assert stand.state("sensor", "filament_used").state == STATE_UNKNOWN


async def test_what_no_printer_measures_has_no_sensor(set_up: SetUp) -> None:
    """And it appears with the first print that is measured."""
    assert RICH.job is not None
    printer = RichPrinter(replace(RICH, job=replace(RICH.job, filament_mm=None), queued=None))
    stand = await set_up(printer)
    assert not stand.has("sensor", "filament_used")
    assert not stand.has("sensor", "queued")
    await stand.say(job=RICH.job, queued=0)
    assert stand.has("sensor", "filament_used")
    assert stand.has("sensor", "queued")
