"""The virtual machine is the ground truth of other tests, so its own rules come first."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Heater,
    MachineSlot,
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import Refused

PLATE = PlateFacts(seconds=100, layers=10, mass_g=(20.0,), tool_c=210, bed_c=60)


class Turned:
    """Seconds, turned by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Turned:
    return Turned()


@pytest.fixture
def machine(time: Turned) -> VirtualMachine:
    machine = VirtualMachine(now=time)
    machine.store(VirtualFile(path="/part.gcode", content=b"G28\n", plates=(PLATE,)))
    return machine


def run_until(machine: VirtualMachine, time: Turned, phase: Phase, limit: float = 1000) -> None:
    end = time.seconds + limit
    while machine.phase is not phase:
        assert time.seconds < end, f"still {machine.phase}"
        time.seconds += 1
        machine.tick()


def test_a_print_heats_then_prints_then_finishes_and_counts_itself_once(
    machine: VirtualMachine, time: Turned
) -> None:
    machine.start("/part.gcode")
    assert machine.phase is Phase.HEATING
    assert machine.layer == 0
    run_until(machine, time, Phase.PRINTING)
    began = time.seconds
    run_until(machine, time, Phase.FINISHED)
    assert time.seconds - began == pytest.approx(100, abs=2)
    assert [run.outcome for run in machine.history] == [Phase.FINISHED]
    assert machine.history[0].progress == 1.0
    assert machine.slots[0].remaining_g == pytest.approx(980.0)
    assert machine.usage_s == pytest.approx(100, abs=1)


def test_speed_shortens_a_print(machine: VirtualMachine, time: Turned) -> None:
    machine.set_speed(200)
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    assert machine.remaining_s == pytest.approx(50, abs=1)


def test_a_fast_clock_skips_no_phase(machine: VirtualMachine, time: Turned) -> None:
    """A demo at sixty times the speed looks once a simulated minute."""
    machine.start("/part.gcode")
    time.seconds += 3600
    machine.tick()
    assert machine.phase is Phase.FINISHED
    assert machine.tools[0].actual_c == pytest.approx(22.0)


def test_nothing_can_be_paused_resumed_or_cancelled_while_idle(machine: VirtualMachine) -> None:
    for command in (machine.pause, machine.resume, machine.cancel, machine.acknowledge):
        with pytest.raises(Refused):
            command()


def test_a_second_start_is_refused_and_the_first_prints_on(
    machine: VirtualMachine, time: Turned
) -> None:
    machine.start("/part.gcode")
    with pytest.raises(Refused) as refusal:
        machine.start("/part.gcode")
    assert refusal.value.key == "printer_busy"
    run_until(machine, time, Phase.FINISHED)
    assert len(machine.history) == 1


def test_pausing_stops_the_clock_of_the_print(machine: VirtualMachine, time: Turned) -> None:
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    time.seconds += 10
    machine.pause()
    progress = machine.run.progress if machine.run else None
    time.seconds += 500
    machine.tick()
    assert machine.run is not None
    assert machine.run.progress == progress
    machine.resume()
    run_until(machine, time, Phase.FINISHED)


@pytest.mark.parametrize("fault", [Fault.JAM, Fault.RUNOUT])
def test_a_jam_waits_for_a_person(machine: VirtualMachine, time: Turned, fault: Fault) -> None:
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    machine.inject(fault)
    time.seconds += 100
    machine.tick()
    assert machine.phase is Phase.ATTENTION
    machine.acknowledge()
    run_until(machine, time, Phase.FINISHED)


def test_a_failed_heater_ends_the_job(machine: VirtualMachine, time: Turned) -> None:
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    machine.inject(Fault.HEATER)
    assert machine.phase is Phase.FAILED
    assert machine.history[0].outcome is Phase.FAILED
    machine.dismiss()
    assert machine.phase is Phase.IDLE
    assert machine.run is None


def test_a_reboot_swallows_the_job_and_nobody_says_how_it_ended(
    machine: VirtualMachine, time: Turned
) -> None:
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    machine.inject(Fault.REBOOT)
    assert not machine.reachable
    time.seconds += machine.boot_s + 1
    assert machine.reachable
    assert machine.phase is Phase.IDLE
    assert machine.history[0].outcome is None
    with pytest.raises(Refused):
        machine.inject(Fault.JAM)


def test_a_cut_line_does_not_stop_the_print(machine: VirtualMachine, time: Turned) -> None:
    machine.start("/part.gcode")
    machine.inject(Fault.NETWORK, seconds=50)
    assert not machine.reachable
    time.seconds += 51
    assert machine.reachable
    assert machine.in_job


def test_refusing_lasts_for_one_command(machine: VirtualMachine) -> None:
    machine.inject(Fault.REFUSE)
    with pytest.raises(Refused):
        machine.start("/part.gcode")
    assert machine.start("/part.gcode") == 1


def test_files_are_kept_within_the_storage(machine: VirtualMachine) -> None:
    machine.storage_bytes = 10
    with pytest.raises(Refused) as refusal:
        machine.store(VirtualFile(path="/big.gcode", content=b"x" * 20))
    assert refusal.value.key == "storage_full"
    machine.store(VirtualFile(path="/part.gcode", content=b"x" * 10, plates=(PLATE,)))
    assert machine.used_bytes == 10


def test_the_file_being_printed_cannot_be_removed(machine: VirtualMachine) -> None:
    machine.start("/part.gcode")
    with pytest.raises(Refused) as refusal:
        machine.remove("/part.gcode")
    assert refusal.value.key == "printer_busy"
    machine.cancel()
    machine.remove("/part.gcode")
    with pytest.raises(Refused):
        machine.remove("/part.gcode")


@pytest.mark.parametrize(("path", "plate"), [("/none.gcode", 1), ("/part.gcode", 7)])
def test_a_missing_file_or_plate_is_refused(machine: VirtualMachine, path: str, plate: int) -> None:
    with pytest.raises(Refused) as refusal:
        machine.start(path, plate)
    assert refusal.value.key == "file_missing"


def test_parts_it_has_not_are_refused(machine: VirtualMachine) -> None:
    for wish in (
        lambda: machine.set_chamber_target(40),
        lambda: machine.set_fan("chamber", 50),
        lambda: machine.set_tool_target(3, 200),
    ):
        with pytest.raises(Refused):
            wish()


def test_temperatures_follow_their_targets(machine: VirtualMachine, time: Turned) -> None:
    machine.chamber = Heater()
    machine.set_chamber_target(40)
    machine.set_tool_target(0, 100)
    machine.set_bed_target(50)
    machine.set_fan("part", 30)
    machine.set_light(on=False)
    machine.gcode("M300")
    time.seconds += 300
    machine.tick()
    assert machine.tools[0].actual_c == pytest.approx(100)
    assert machine.bed.actual_c == pytest.approx(50)
    assert machine.chamber.actual_c == pytest.approx(40)
    assert machine.fan_percent == {"part": 30}
    assert not machine.light
    assert list(machine.gcode_log) == ["M300"]
    assert machine.layer == 0
    assert machine.remaining_s == 0


TWO_COLOURS = PlateFacts(seconds=100, layers=10, mass_g=(20.0, 4.0), tool_c=40, bed_c=30)
THREE_OBJECTS = PlateFacts(
    seconds=100, layers=10, mass_g=(30.0,), tool_c=40, bed_c=30, objects=("cube", "cone", "ring")
)


def test_each_filament_comes_from_the_slot_that_was_told(time: Turned) -> None:
    machine = VirtualMachine(now=time, slots=[MachineSlot() for _ in range(4)])
    machine.store(VirtualFile(path="/two.gcode", plates=(TWO_COLOURS,)))
    machine.start("/two.gcode", feeds=(3, 1))
    run_until(machine, time, Phase.FINISHED)
    assert [round(slot.remaining_g) for slot in machine.slots] == [1000, 996, 1000, 980]
    assert machine.history[0].feeds == (3, 1)
    assert machine.history[0].used_g == pytest.approx((20.0, 4.0))
    assert machine.loaded == 3


def test_filaments_without_a_slot_told_come_from_the_first_ones(time: Turned) -> None:
    machine = VirtualMachine(now=time)
    machine.store(VirtualFile(path="/two.gcode", plates=(TWO_COLOURS,)))
    machine.start("/two.gcode")
    run_until(machine, time, Phase.FINISHED)
    assert machine.slots[0].remaining_g == pytest.approx(980.0)
    assert machine.history[0].feeds == (0, 1)


@pytest.mark.parametrize("feeds", [(0, 2), (0, 9), (0, -1), (0,), (None, 1)])
def test_a_start_from_an_empty_or_missing_slot_is_refused(
    time: Turned, feeds: tuple[int | None, ...]
) -> None:
    slots = [MachineSlot(), MachineSlot(), MachineSlot(material=None)]
    machine = VirtualMachine(now=time, slots=slots)
    machine.store(VirtualFile(path="/two.gcode", plates=(TWO_COLOURS,)))
    with pytest.raises(Refused) as refusal:
        machine.start("/two.gcode", feeds=feeds)
    assert refusal.value.key == "slot_empty"
    assert machine.phase is Phase.IDLE


def test_a_filament_that_the_plate_does_not_use_needs_no_slot(time: Turned) -> None:
    machine = VirtualMachine(now=time)
    plate = PlateFacts(mass_g=(0.0, 5.0))
    machine.store(VirtualFile(path="/second.gcode", plates=(plate,)))
    machine.start("/second.gcode", feeds=(None, 0))
    assert machine.run is not None
    assert machine.run.feeds == (0, 0)


def test_a_skipped_object_takes_neither_time_nor_filament(time: Turned) -> None:
    machine = VirtualMachine(now=time)
    machine.store(VirtualFile(path="/three.gcode", plates=(THREE_OBJECTS,)))
    machine.start("/three.gcode")
    machine.skip([0])
    machine.skip([2])
    assert machine.remaining_s == pytest.approx(100 / 3)
    run_until(machine, time, Phase.PRINTING)
    began = time.seconds
    run_until(machine, time, Phase.FINISHED)
    assert time.seconds - began == pytest.approx(33, abs=2)
    assert machine.history[0].used_g == pytest.approx((10.0,))
    assert machine.slots[0].remaining_g == pytest.approx(990.0)
    assert machine.history[0].progress == 1.0


@pytest.mark.parametrize(
    ("objects", "key"), [([3], "object_missing"), ([-1], "object_missing"), ([1, 2], "last_object")]
)
def test_what_cannot_be_skipped_is_refused_with_its_reason(
    time: Turned, objects: list[int], key: str
) -> None:
    machine = VirtualMachine(now=time)
    machine.store(VirtualFile(path="/three.gcode", plates=(THREE_OBJECTS,)))
    with pytest.raises(Refused) as refusal:
        machine.skip([1])
    assert refusal.value.key == "no_job"
    machine.start("/three.gcode")
    machine.skip([0])
    with pytest.raises(Refused) as refusal:
        machine.skip(objects)
    assert refusal.value.key == key


def test_the_head_moves_within_its_travel_from_where_it_is(machine: VirtualMachine) -> None:
    with pytest.raises(Refused) as refusal:
        machine.move({"x": 10})
    assert refusal.value.key == "wrong_state"
    machine.home()
    machine.move({"x": 10, "z": 5})
    machine.move({"x": -4})
    assert machine.position == {"x": 6.0, "y": 0.0, "z": 5.0}
    for distances in ({"x": -7}, {"x": 1, "y": 211}, {"e": 1}):
        with pytest.raises(Refused) as refusal:
            machine.move(distances)
        assert refusal.value.key == "out_of_range"
    assert machine.position == {"x": 6.0, "y": 0.0, "z": 5.0}
    machine.home(["x"])
    assert machine.position == {"x": 0.0, "y": 0.0, "z": 5.0}
    with pytest.raises(Refused):
        machine.home(["e"])


def test_some_machines_move_without_knowing_where_they_are(machine: VirtualMachine) -> None:
    machine.moves_unhomed = True
    machine.move({"x": -300})
    assert machine.position["x"] == -300


def test_nothing_is_moved_by_hand_during_a_job(machine: VirtualMachine, time: Turned) -> None:
    machine.start("/part.gcode")
    for command in (machine.home, machine.unload, machine.load, lambda: machine.move({"x": 1})):
        with pytest.raises(Refused) as refusal:
            command()
        assert refusal.value.key == "printer_busy"
    run_until(machine, time, Phase.PRINTING)
    time.seconds += 50
    assert machine.in_job
    assert machine.position["z"] == pytest.approx(6 * 0.2)
    machine.pause()
    with pytest.raises(Refused):
        machine.home()
    machine.unload()
    assert machine.loaded is None
    machine.load(0)
    assert machine.loaded == 0


def test_filament_of_an_empty_slot_cannot_be_loaded(machine: VirtualMachine) -> None:
    machine.slots.append(MachineSlot(material=None))
    for slot in (1, 2):
        with pytest.raises(Refused) as refusal:
            machine.load(slot)
        assert refusal.value.key == "slot_empty"


def test_an_emergency_stop_ends_the_job_and_needs_a_firmware_restart(
    machine: VirtualMachine, time: Turned
) -> None:
    machine.start("/part.gcode")
    run_until(machine, time, Phase.PRINTING)
    with pytest.raises(Refused) as refusal:
        machine.restart_firmware()
    assert refusal.value.key == "printer_busy"
    machine.emergency_stop()
    assert machine.phase is Phase.HALTED
    assert machine.history[0].outcome is Phase.FAILED
    assert (machine.tools[0].target_c, machine.bed.target_c) == (0, 0)
    for command in (machine.home, machine.pause, lambda: machine.start("/part.gcode")):
        with pytest.raises(Refused) as refusal:
            command()
        assert refusal.value.key == "wrong_state"
    machine.restart_firmware()
    assert (machine.phase, machine.run, machine.homed) == (Phase.IDLE, None, set())
    machine.start("/part.gcode")
    assert len(machine.history) == 1


def test_a_machine_without_power_stays_off_in_an_emergency(machine: VirtualMachine) -> None:
    machine.inject(Fault.REBOOT)
    machine.emergency_stop()
    assert machine.phase is Phase.OFF


def test_a_file_that_is_being_printed_is_neither_replaced_nor_removed(
    machine: VirtualMachine,
) -> None:
    machine.start("/part.gcode")
    for command in (
        lambda: machine.store(VirtualFile(path="/part.gcode", content=b"G29\n")),
        lambda: machine.remove("/part.gcode"),
    ):
        with pytest.raises(Refused) as refusal:
            command()
        assert refusal.value.key == "printer_busy"
    assert machine.files["/part.gcode"].content == b"G28\n"
