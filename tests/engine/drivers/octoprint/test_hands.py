"""Commands to an OctoPrint: done when the status shows it, refused with a reason, never guessed."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Heater,
    PlateFacts,
    VirtualFile,
)
from custom_components.printernizer.engine.errors import Refused, Unreachable
from custom_components.printernizer.engine.printer import PrinterState
from tests.simulators.octoprint import QUICK
from tests.simulators.octoprint_answers import READER

from .scene import KEY, PART, Scene, new_machine, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

    from tests.simulators.octoprint import OctoPrintSimulator

HASTY = replace(QUICK, settle_for_s=0.2, connect_for_s=0.2)


async def refused(wish: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as refusal:
        await wish
    assert refusal.value.reason
    return refusal.value


@asynccontextmanager
async def printing(**options: Any) -> AsyncIterator[Scene]:
    async with scene(**options) as shop:
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PRINTING)
        yield shop


# -- jobs ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("push", [True, False])
@pytest.mark.parametrize("version", ["1.11.8", "2.0.0rc7"])
async def test_a_job_is_started_held_and_ended(version: str, push: bool) -> None:
    async with scene(version=version, push=push) as shop:
        control = shop.part("control")
        await control.start(PART)
        assert shop.machine.in_job
        await shop.until_state(PrinterState.PRINTING)
        await control.pause()
        assert shop.machine.phase == "paused"
        await control.resume()
        assert shop.machine.phase in {"printing", "heating"}
        await control.cancel()
        await shop.until_state(PrinterState.CANCELLED)
        actions = [body for body in shop.sim.bodies if body.get("command") == "pause"]
        assert [body["action"] for body in actions] == ["pause", "resume"]


async def test_a_pause_is_done_when_the_head_stands_still() -> None:
    async with printing() as shop:
        shop.sim.voice.pausing_s = 8.0
        await shop.part("control").pause()
        assert shop.sim.voice.state_id == "PAUSED"


async def test_a_resume_waits_for_the_pause_to_be_reached() -> None:
    """While it is on its way, OctoPrint says yes to a resume and does nothing."""
    async with printing() as shop:
        shop.sim.voice.pausing_s = 8.0
        shop.machine.pause()
        await shop.until_state(PrinterState.PAUSED)
        await shop.part("control").resume()
        assert shop.machine.phase in {"printing", "heating"}


async def test_what_fits_no_job_is_refused() -> None:
    async with scene() as shop:
        control = shop.part("control")
        for wish in (control.pause(), control.resume(), control.cancel()):
            assert (await refused(wish)).key == "no_job"
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PRINTING)
        assert (await refused(control.resume())).key == "wrong_state"
        shop.machine.pause()
        await shop.until_state(PrinterState.PAUSED)
        assert (await refused(control.pause())).key == "wrong_state"


async def test_a_runout_can_be_resumed_once_somebody_has_seen_to_it() -> None:
    async with printing() as shop:
        shop.machine.inject(Fault.RUNOUT)
        await shop.until_state(PrinterState.ATTENTION)
        await shop.part("control").resume()
        await shop.until_state(PrinterState.PRINTING)
        assert not shop.now.problems


async def test_a_job_that_ends_while_it_is_to_be_paused_is_told() -> None:
    async with printing() as shop:
        shop.sim.voice.pausing_s = 1e6
        wish = asyncio.ensure_future(shop.part("control").pause())
        async with asyncio.timeout(5):
            while shop.sim.voice.state_id != "PAUSING":
                await asyncio.sleep(0.01)
        shop.machine.cancel()
        assert (await refused(wish)).key == "job_changed"


async def test_a_pause_that_never_shows_is_not_confirmed() -> None:
    async with printing(pace=HASTY) as shop:
        shop.sim.voice.pausing_s = 1e6
        assert (await refused(shop.part("control").pause())).key == "not_confirmed"


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/local/none.gcode", "file_missing"),
        ("/local/../x.gcode", "file_missing"),
        ("/local", "unsupported_file"),
        ("/timelapse/film.mp4", "unsupported_file"),
    ],
)
async def test_what_is_no_print_file_cannot_be_started(path: str, key: str) -> None:
    async with scene() as shop:
        assert (await refused(shop.part("control").start(path))).key == key
        assert not shop.machine.in_job


async def test_plates_and_slots_are_not_for_octoprint() -> None:
    async with scene() as shop:
        control = shop.part("control")
        assert (await refused(control.start(PART, plate=2))).key == "not_supported"
        assert (await refused(control.start(PART, slots=("0_1",)))).key == "not_supported"
        await control.start(PART, plate=1)


async def test_no_start_is_sent_to_a_printer_that_is_not_ready() -> None:
    async with scene() as shop:
        control = shop.part("control")
        shop.sim.voice.lose(None)
        assert (await refused(control.start(PART))).key == "printer_busy"
        shop.sim.voice.connect()
        shop.machine.start("/part.gcode")
        assert (await refused(control.start(PART))).key == "printer_busy"
        assert not [line for line in shop.sim.log if line.startswith("POST /api/files")]


async def test_a_start_that_loses_the_race_is_refused() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", (409, "Printer is not operational or busy")))
        assert (await refused(shop.part("control").start(PART))).key == "printer_busy"


async def test_a_start_that_never_shows_is_not_confirmed() -> None:
    async with scene(pace=HASTY) as shop:
        shop.sim.trouble.append(("POST /api/files", b"{}"))
        assert (await refused(shop.part("control").start(PART))).key == "not_confirmed"


async def test_a_start_that_ends_with_a_closed_line_says_why() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", b"{}"))
        wish = asyncio.ensure_future(shop.part("control").start(PART))
        async with asyncio.timeout(5):
            while not any("POST /api/files" in line for line in shop.sim.log):
                await asyncio.sleep(0.005)
        shop.machine.emergency_stop()
        error = await refused(wish)
        assert error.key == "wrong_state"


async def test_a_job_of_a_moment_has_been_started() -> None:
    """Over before the first look; it must not be printed a second time."""
    async with scene() as shop:
        blink = PlateFacts(seconds=0.01, tool_c=0, bed_c=0)
        shop.machine.store(VirtualFile(path="/blink.gcode", content=b"G28\n", plates=(blink,)))
        await shop.part("control").start("/local/blink.gcode")
        await shop.until_state(PrinterState.FINISHED)
        assert shop.machine.starts_seen == 1


async def test_a_file_on_the_card_is_started_there() -> None:
    async with scene() as shop:
        shop.sim.voice.card = True
        shop.machine.store(VirtualFile(path="/sdcard/sd.gco", content=b"G28\n"))
        await shop.part("control").start("/sdcard/sd.gco")
        await shop.until(lambda status: status.job is not None)
        assert shop.now.job is not None
        assert shop.now.job.path == "/sdcard/sd.gco"


@pytest.mark.parametrize(
    ("what", "kind"), [("reset", Unreachable), (502, Unreachable), (500, Unreachable)], ids=str
)
async def test_a_line_that_breaks_in_a_command_says_so(what: object, kind: type) -> None:
    async with printing() as shop:
        shop.sim.trouble.append(("POST /api/job", what))
        with pytest.raises(kind):
            await shop.part("control").cancel()


async def test_a_key_that_lost_its_permission_is_told_from_one_that_is_gone() -> None:
    async with printing() as shop:
        shop.sim.keys[KEY] = ("ha", READER)
        error = await refused(shop.part("control").cancel())
        assert error.key == "no_permission"


# -- heaters, speed, motion ----------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.11.8", "2.0.0rc7"])
async def test_heaters_are_those_of_the_profile(version: str) -> None:
    machine = new_machine(tools=[Heater(), Heater()], chamber=Heater())
    async with scene(machine, version=version) as shop:
        heaters = shop.part("heaters")
        assert set(heaters.ranges) == {"tool_0", "tool_1", "bed", "chamber"}
        await heaters.set_target("tool_1", 210)
        await heaters.set_target("bed", 60)
        await heaters.set_target("chamber", 40.5)
        assert machine.tools[1].target_c == 210
        assert machine.bed.target_c == 60
        assert machine.chamber is not None
        assert machine.chamber.target_c == 40.5
        await shop.until(lambda status: status.chamber is not None and
                         status.chamber.target_c == 40.5)  # fmt: skip
        assert len(shop.now.tools) == 2


async def test_tools_that_share_a_nozzle_have_one_heater() -> None:
    async with scene(shared_nozzle=True) as shop:
        assert set(shop.part("heaters").ranges) == {"tool_0", "bed"}


@pytest.mark.parametrize(
    ("heater", "celsius", "key"),
    [
        ("tool_0", 9999, "out_of_range"),
        ("tool_0", -1, "out_of_range"),
        ("bed", float("nan"), "out_of_range"),
        ("tool_7", 60, "not_supported"),
        ("chamber", 40, "not_supported"),
    ],
)
async def test_a_target_no_printer_takes_is_refused_here(
    heater: str, celsius: float, key: str
) -> None:
    """OctoPrint passes 9999 degrees on."""
    async with scene() as shop:
        assert (await refused(shop.part("heaters").set_target(heater, celsius))).key == key
        assert not shop.sim.bodies or "targets" not in shop.sim.bodies[-1]


async def test_a_target_that_is_not_taken_is_not_confirmed() -> None:
    async with scene(pace=HASTY) as shop:
        shop.sim.refuses_targets = True
        error = await refused(shop.part("heaters").set_target("bed", 60))
        assert error.key == "not_confirmed"


async def test_the_speed_can_be_set_and_is_never_claimed_to_be_known() -> None:
    async with scene() as shop:
        speed = shop.part("speed")
        assert speed.percent_range == (50, 200)
        assert speed.profiles == ()
        await speed.set_percent(120)
        assert shop.machine.speed_percent == 120
        assert shop.now.speed_percent is None
        assert (await refused(speed.set_percent(49))).key == "out_of_range"
        assert (await refused(speed.set_percent(201))).key == "out_of_range"
        assert (await refused(speed.set_profile("sport"))).key == "not_supported"


async def test_the_head_moves_from_where_it_is() -> None:
    async with scene() as shop:
        motion = shop.part("motion")
        await motion.home(("x", "y", "x"))
        assert shop.sim.bodies[-1] == {"command": "home", "axes": ["x", "y"]}
        await motion.home()
        await motion.move({"x": 10, "z": 2.5}, speed_mm_s=50)
        assert shop.sim.bodies[-1] == {
            "command": "jog", "absolute": False, "x": 10, "z": 2.5, "speed": 3000,
        }  # fmt: skip
        assert shop.machine.position["x"] == 10
        await motion.move({})
        assert shop.machine.position["x"] == 10


@pytest.mark.parametrize(
    ("distances", "speed", "key"),
    [
        ({"w": 1}, None, "not_supported"),
        ({"x": 1001}, None, "out_of_range"),
        ({"x": float("inf")}, None, "out_of_range"),
        ({"x": 1}, 0, "out_of_range"),
        ({"x": 1}, 1e9, "out_of_range"),
    ],
    ids=str,
)
async def test_a_move_that_makes_no_sense_is_refused(
    distances: dict[str, float], speed: float | None, key: str
) -> None:
    async with scene() as shop:
        wish = shop.part("motion").move(distances, speed_mm_s=speed)
        assert (await refused(wish)).key == key


async def test_the_head_of_a_paused_job_is_not_moved() -> None:
    """OctoPrint would, and the job would go on from another place."""
    async with printing() as shop:
        shop.machine.pause()
        await shop.until_state(PrinterState.PAUSED)
        motion = shop.part("motion")
        assert (await refused(motion.move({"x": 1}))).key == "printer_busy"
        assert (await refused(motion.home())).key == "printer_busy"


async def test_the_head_of_a_printer_that_is_not_connected_is_not_moved() -> None:
    async with scene() as shop:
        shop.sim.voice.lose(None)
        assert (await refused(shop.part("motion").home())).key == "wrong_state"


# -- console, emergency --------------------------------------------------------------------------


async def test_lines_of_a_person_reach_the_printer_in_order() -> None:
    async with scene() as shop:
        console = shop.part("console")
        await console.send("  M117 a \n\n;note\nM117 b\r\n")
        assert list(shop.machine.gcode_log) == ["M117 a", ";note", "M117 b"]
        await console.send(" \n ")
        assert (await refused(console.send("G1\n" * 201))).key == "out_of_range"
        assert (await refused(console.send("G" * 251))).key == "out_of_range"
        shop.sim.voice.lose(None)
        assert (await refused(console.send("G28"))).key == "wrong_state"


async def test_an_emergency_stop_waits_for_nobody() -> None:
    async with printing() as shop:
        shop.sim.voice.pausing_s = 1e6
        wish = asyncio.ensure_future(shop.part("control").pause())
        await asyncio.sleep(0)
        async with asyncio.timeout(2):
            await shop.part("emergency").stop()
        await shop.until_state(PrinterState.FAILED)
        assert not wish.done() or wish.exception() is not None
        await refused(wish)


# -- maintenance ---------------------------------------------------------------------------------


async def test_the_serial_line_is_dropped_and_opened() -> None:
    async with scene() as shop:
        maintenance = shop.part("maintenance")
        assert maintenance.tasks == (
            "connect", "disconnect", "restart_server", "reboot_host", "shut_down_host",
        )  # fmt: skip
        await maintenance.run("connect")
        await maintenance.run("disconnect")
        await shop.until_state(PrinterState.OFFLINE)
        await maintenance.run("connect")
        await shop.until_state(PrinterState.IDLE)


async def test_a_line_that_does_not_open_says_why() -> None:
    async with scene() as shop:
        shop.machine.emergency_stop()
        await shop.until_state(PrinterState.OFFLINE)
        shop.sim.stubborn = "No more candidates to test"
        error = await refused(shop.part("maintenance").run("connect"))
        assert "No more candidates" in error.reason


async def test_a_line_that_stays_as_it_is_was_not_confirmed_to_open() -> None:
    async with scene(pace=HASTY) as shop:
        shop.sim.voice.lose(None)
        shop.sim.trouble.append(("POST /api/connection", b"{}"))
        error = await refused(shop.part("maintenance").run("connect"))
        assert error.key == "not_confirmed"


async def test_what_the_host_offers_is_asked_of_it() -> None:
    def few(sim: OctoPrintSimulator) -> None:
        sim.core_commands = ["restart", "restart_safe"]

    async with scene(set_up=few) as shop:
        maintenance = shop.part("maintenance")
        assert maintenance.tasks == ("connect", "disconnect", "restart_server")
        await maintenance.run("restart_server")
        assert shop.sim.commands_run == ["restart"]
        assert (await refused(maintenance.run("reboot_host"))).key == "not_supported"


async def test_a_server_that_is_gone_before_it_answers_has_obeyed() -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/system", "reset"))
        await shop.part("maintenance").run("restart_server")
        shop.sim.trouble.append(("POST /api/system", (500, "Command failed")))
        assert (await refused(shop.part("maintenance").run("restart_server"))).key == "refused"
        shop.sim.trouble.append(("POST /api/system", 502))
        with pytest.raises(Unreachable):
            await shop.part("maintenance").run("restart_server")


async def test_no_task_is_done_under_a_running_job() -> None:
    async with printing() as shop:
        maintenance = shop.part("maintenance")
        for task in maintenance.tasks:
            assert (await refused(maintenance.run(task))).key == "printer_busy"
        assert not shop.sim.commands_run
