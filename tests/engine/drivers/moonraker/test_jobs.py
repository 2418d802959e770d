"""Jobs, and everything else a Moonraker can be told, over real sockets."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import Fault, Heater, Phase
from custom_components.printernizer.engine.errors import Refused, Unreachable
from custom_components.printernizer.engine.printer import PrinterState
from tests.simulators.klipper import Macro
from tests.simulators.moonraker import QUICK

from .scene import line, scene

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from .scene import Scene


async def why(call: Awaitable[object]) -> str:
    """Await a refusal; returns its key."""
    with pytest.raises(Refused) as refusal:
        await call
    assert refusal.value.reason
    return refusal.value.key


def equipped(shop: Scene) -> None:
    """Give the machine a heated chamber and more fans, the house a socket."""
    shop.machine.chamber = Heater()
    shop.machine.fan_percent |= {"hotend": 0, "Exhaust": 0}
    shop.sim.power["psu"] = "on"


# -- jobs ----------------------------------------------------------------------------------------


async def test_a_pause_returns_when_the_status_shows_it() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        await session.control.pause()
        assert shop.machine.phase is Phase.PAUSED
        assert await why(session.control.pause()) == "wrong_state"
        await session.control.resume()
        assert shop.machine.phase is Phase.PRINTING
        assert await why(session.control.resume()) == "wrong_state"
        await session.control.cancel()
        assert shop.machine.phase is Phase.CANCELLED
        for command in (session.control.pause, session.control.resume, session.control.cancel):
            assert await why(command()) == "no_job"


async def test_a_pause_that_only_the_console_refuses_is_not_confirmed() -> None:
    """The server says ok to it; a shop that believes that has its printer run on."""
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, settle_for_s=0.1)
        shop.sim.klipper.macros["PAUSE"] = Macro()
        async with shop.driver(pace=pace).connect() as session:
            shop.printing()
            assert await why(session.control.pause()) == "not_confirmed"
            assert shop.machine.phase is Phase.PRINTING


async def test_a_pause_that_the_gcode_refuses_is_refused_with_its_words() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.machine.inject(Fault.REFUSE)
        with pytest.raises(Refused, match="the printer refuses"):
            await session.control.pause()
        assert shop.machine.phase is Phase.PRINTING


async def test_a_start_waits_for_a_long_macro_no_longer_than_the_status_needs() -> None:
    async with line() as (shop, session):
        shop.sim.late["printer.print.start"] = 0.3
        await session.control.start("/part.gcode")
        assert shop.now.state in {PrinterState.PREPARING, PrinterState.IDLE}
        assert shop.machine.starts_seen == 1


async def test_an_answer_that_is_late_does_not_hold_up_a_command() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.sim.silent_methods.add("printer.print.pause")
        pausing = asyncio.ensure_future(session.control.pause())
        await asyncio.sleep(0.05)
        shop.machine.pause()
        async with asyncio.timeout(2):
            await pausing


async def test_a_busy_printer_is_not_sent_a_start() -> None:
    """In a pause Klipper would throw the job away and begin the other."""
    async with line() as (shop, session):
        shop.printing()
        assert await why(session.control.start("/part.gcode")) == "printer_busy"
        shop.machine.pause()
        assert await why(session.control.start("/part.gcode")) == "printer_busy"
        assert shop.machine.starts_seen == 1


async def test_a_start_says_what_is_wrong_with_it() -> None:
    async with line() as (shop, session):
        start = session.control.start
        assert await why(start("/nothing.gcode")) == "file_missing"
        assert await why(start("/config/printer.cfg")) == "file_missing"
        assert await why(start("/")) == "file_missing"
        assert await why(start("/part.gcode", plate=2)) == "not_supported"
        assert await why(start("/part.gcode", slots=("external",))) == "not_supported"
        assert shop.machine.starts_seen == 0
        await start("/gcodes/part.gcode", plate=1)
        assert shop.machine.starts_seen == 1


async def test_a_runout_is_answered_with_a_resume() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        assert await why(session.prompt.acknowledge()) == "wrong_state"
        shop.machine.inject(Fault.RUNOUT)
        await shop.until_state(PrinterState.ATTENTION)
        assert shop.now.problems[0].text == "runout: no filament"
        assert shop.now.filament_present is False
        await session.prompt.acknowledge()
        assert shop.machine.phase is Phase.PRINTING


async def test_a_command_on_a_line_that_breaks_says_so() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        shop.sim.silent_methods.add("printer.print.pause")
        pausing = asyncio.ensure_future(session.control.pause())
        await asyncio.sleep(0.05)
        shop.sim.drop()
        with pytest.raises(Unreachable):
            await pausing


# -- heat, air, speed, lamps ---------------------------------------------------------------------


async def test_heaters_take_targets_within_their_configuration() -> None:
    async with line(equipped) as (shop, session):
        assert {key: (r.minimum, r.maximum) for key, r in session.heaters.ranges.items()} == {
            "tool_0": (0.0, 300.0), "bed": (0.0, 120.0), "chamber": (0.0, 70.0),
        }  # fmt: skip
        for key, target in (("tool_0", 210.5), ("bed", 60), ("chamber", 45)):
            await session.heaters.set_target(key, target)
        assert shop.machine.tools[0].target_c == 210.5
        assert shop.machine.bed.target_c == 60
        assert shop.machine.chamber is not None
        assert shop.machine.chamber.target_c == 45
        await shop.until(lambda status: status.chamber and status.chamber.target_c == 45)
        assert await why(session.heaters.set_target("bed", 121)) == "out_of_range"
        assert await why(session.heaters.set_target("tool_0", -1)) == "out_of_range"
        assert await why(session.heaters.set_target("tool_9", 20)) == "not_supported"
        await session.heaters.set_target("bed", 0)
        assert shop.machine.bed.target_c == 0


async def test_a_target_behind_a_long_script_is_not_confirmed_but_not_lost() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, settle_for_s=0.1)
        async with shop.driver(pace=pace).connect() as session:
            homing = asyncio.ensure_future(session.motion.home())
            await asyncio.sleep(0.05)
            assert await why(session.heaters.set_target("bed", 50)) == "not_confirmed"
            shop.time.seconds += 10
            await homing
            async with asyncio.timeout(2):
                while shop.machine.bed.target_c != 50:
                    await asyncio.sleep(0.01)


async def test_fans_that_may_be_set_are_set() -> None:
    async with line(equipped) as (shop, session):
        assert session.fans.keys == ("part", "exhaust")
        await session.fans.set_speed("part", 50)
        await session.fans.set_speed("exhaust", 25)
        await shop.until(lambda status: {f.key: f.percent for f in status.fans}["exhaust"] == 25)
        assert {fan.key: fan.percent for fan in shop.now.fans} == {
            "part": 50, "hotend": 0, "exhaust": 25,
        }  # fmt: skip
        assert await why(session.fans.set_speed("hotend", 50)) == "not_supported"
        assert await why(session.fans.set_speed("part", 101)) == "out_of_range"


async def test_the_speed_is_a_share_without_names() -> None:
    async with line() as (shop, session):
        await session.speed.set_percent(130)
        await shop.until(lambda status: status.speed_percent == 130)
        assert await why(session.speed.set_percent(5)) == "out_of_range"
        assert await why(session.speed.set_profile("sport")) == "not_supported"


async def test_lamps_are_switched_by_their_kind() -> None:
    async with line() as (shop, session):
        assert session.lights.keys == ("bedlight", "caselight")
        await session.lights.set("caselight", False)
        await session.lights.set("bedlight", True)
        await shop.until(
            lambda status: dict(status.lights) == {"bedlight": True, "caselight": False}
        )
        await session.lights.set("bedlight", False)
        await session.lights.set("caselight", True)
        await shop.until(
            lambda status: dict(status.lights) == {"bedlight": False, "caselight": True}
        )
        assert await why(session.lights.set("beeper", True)) == "not_supported"


# -- console and motion --------------------------------------------------------------------------


async def test_the_console_runs_lines_and_says_what_is_wrong_with_one() -> None:
    async with line() as (shop, session):
        await session.console.send("M117 hello\n\n M140 S50 ")
        assert shop.machine.bed.target_c == 50
        with pytest.raises(Refused, match="out of range") as refusal:
            await session.console.send("M104 S999")
        assert refusal.value.key == "out_of_range"
        # The server says ok to a command nobody knows; the console tells.
        with pytest.raises(Refused, match="NO_SUCH"):
            await session.console.send("NO_SUCH_COMMAND A=1")
        for nothing in ("", " \n", "G28\0"):
            assert await why(session.console.send(nothing)) == "not_supported"
        assert "M117 hello" in shop.machine.gcode_log


async def test_the_head_is_homed_and_moved_from_where_it_is() -> None:
    async with line() as (shop, session):
        assert await why(session.motion.move({"x": 1})) == "wrong_state"
        homing = asyncio.ensure_future(session.motion.home(["X", "y"]))
        await asyncio.sleep(0.05)
        assert not homing.done()
        shop.time.seconds += 10
        await homing
        assert shop.machine.homed == {"x", "y"}
        await session.motion.move({"x": 10, "y": 5, "z": 0}, speed_mm_s=50)
        await session.motion.move({"x": -2.5})
        assert shop.machine.position == {"x": 7.5, "y": 5.0, "z": 0.0}
        assert "G1 X10.000 Y5.000 F3000" in shop.machine.gcode_log
        assert not shop.sim.klipper.relative
        await session.motion.move({})


async def test_a_move_that_fails_leaves_the_mode_as_it_was() -> None:
    """Relative moves that stay would ruin whatever is printed next."""
    async with line() as (shop, session):
        shop.machine.home()
        with pytest.raises(Refused, match="out of range"):
            await session.motion.move({"x": -5})
        assert not shop.sim.klipper.relative


async def test_moves_that_cannot_be_are_refused() -> None:
    async with line() as (shop, session):
        shop.machine.home()
        await session.refresh()
        assert await why(session.motion.move({"x": 900})) == "out_of_range"
        assert await why(session.motion.move({"x": float("nan")})) == "out_of_range"
        assert await why(session.motion.move({"e": 5})) == "out_of_range"
        assert await why(session.motion.home(["w"])) == "out_of_range"
        assert await why(session.motion.move({"x": 1}, speed_mm_s=0)) == "out_of_range"
        shop.printing()
        assert await why(session.motion.move({"x": 1})) == "printer_busy"
        assert await why(session.motion.home()) == "printer_busy"


# -- filament, objects, macros -------------------------------------------------------------------


async def test_filament_is_loaded_by_the_usual_macros() -> None:
    async with line() as (shop, session):
        unloading = asyncio.ensure_future(session.loader.unload())
        await asyncio.sleep(0.05)
        shop.time.seconds += 10
        await unloading
        assert shop.machine.loaded is None
        loading = asyncio.ensure_future(session.loader.load("external"))
        await asyncio.sleep(0.05)
        shop.time.seconds += 10
        await loading
        assert shop.machine.loaded == 0
        assert await why(session.loader.load("0_1")) == "not_supported"
        shop.printing()
        assert await why(session.loader.unload()) == "printer_busy"


async def test_without_both_macros_there_is_no_loader() -> None:
    async with line(lambda shop: shop.sim.klipper.macros.pop("LOAD_FILAMENT")) as (_, session):
        assert session.loader is None


async def test_objects_are_left_out_but_not_the_last() -> None:
    async with line() as (shop, session):
        objects = session.objects
        assert await objects.list() == ()
        assert await why(objects.skip(["CUBE"])) == "no_job"
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        await session.refresh()
        assert [item.id for item in await objects.list()] == ["CUBE", "CONE", "RING"]
        await objects.skip(["CUBE"])
        await objects.skip(["CUBE"])
        assert shop.machine.run is not None
        assert shop.machine.run.skipped == {0}
        assert [item.skipped for item in await objects.list()] == [True, False, False]
        assert await why(objects.skip(["SPHERE"])) == "object_missing"
        assert await why(objects.skip(["CONE", "RING"])) == "last_object"
        assert shop.machine.run.skipped == {0}


async def test_an_object_that_stays_is_not_confirmed() -> None:
    async with scene() as shop:
        pace = dataclasses.replace(QUICK, settle_for_s=0.1)
        shop.sim.klipper.macros["EXCLUDE_OBJECT"] = Macro()
        async with shop.driver(pace=pace).connect() as session:
            shop.printing()
            assert await why(session.objects.skip(["CUBE"])) == "not_confirmed"


async def test_macros_are_run_with_their_parameters() -> None:
    def add(shop: Scene) -> None:
        shop.sim.klipper.macros["FAILS"] = Macro(error="Probe triggered prior to movement")

    async with line(add) as (shop, session):
        assert session.macros.names == (
            "FAILS", "LOAD_FILAMENT", "NOZZLE_WIPE", "START_PRINT", "UNLOAD_FILAMENT",
        )  # fmt: skip
        await session.macros.run("START_PRINT", {"bed": "60", "Material": "PLA Matte"})
        assert shop.machine.gcode_log[-1] == 'START_PRINT BED=60 MATERIAL="PLA Matte"'
        assert await why(session.macros.run("NOPE", {})) == "macro_missing"
        assert await why(session.macros.run("_HIDDEN", {})) == "macro_missing"
        with pytest.raises(Refused, match="Probe triggered"):
            await session.macros.run("FAILS", {})
        many = {f"A{n}": "1" for n in range(40)}
        assert await why(session.macros.run("START_PRINT", many)) == "out_of_range"


@pytest.mark.parametrize(
    ("key", "value"),
    [("A", "1\nM112"), ("A", "1;M112"), ("A", '"'), ("A B", "1"), ("1A", "1"), ("A=1 B", "2"),
     ("", "1")],
)  # fmt: skip
async def test_a_parameter_cannot_begin_another_command(key: str, value: str) -> None:
    async with line() as (shop, session):
        assert await why(session.macros.run("START_PRINT", {key: value})) == "out_of_range"
        assert not shop.machine.gcode_log


# -- emergencies and upkeep ----------------------------------------------------------------------


async def test_an_emergency_stop_waits_behind_nothing() -> None:
    async with line() as (shop, session):
        homing = asyncio.ensure_future(session.motion.home())
        await asyncio.sleep(0.05)
        async with asyncio.timeout(1):
            await session.emergency.stop()
        assert shop.machine.phase is Phase.HALTED
        await shop.until(lambda status: status.problems)
        assert shop.now.state is PrinterState.OFFLINE
        await asyncio.gather(homing, return_exceptions=True)
        assert await why(session.console.send("G28")) == "wrong_state"
        await session.maintenance.run("firmware_restart")
        shop.time.seconds += 10
        await shop.until_state(PrinterState.IDLE)


async def test_a_stopped_print_is_mended_by_a_restart() -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        for task in ("firmware_restart", "restart_server", "reboot_host"):
            assert await why(session.maintenance.run(task)) == "printer_busy"
        await session.emergency.stop()
        await shop.until_state(PrinterState.FAILED)
        await session.maintenance.run("restart_firmware_host")
        shop.time.seconds += 10
        await shop.until_state(PrinterState.IDLE)


async def test_a_host_is_restarted_when_it_is_cold() -> None:
    async with line() as (shop, session):
        assert session.maintenance.tasks == (
            "firmware_restart", "restart_firmware_host", "restart_server", "reboot_host",
            "shut_down_host",
        )  # fmt: skip
        assert await why(session.maintenance.run("connect")) == "not_supported"
        shop.machine.set_bed_target(60)
        assert await why(session.maintenance.run("reboot_host")) == "printer_busy"
        assert shop.sim.reboots == 0
        shop.machine.set_bed_target(0)
        shop.time.seconds += 600
        await session.maintenance.run("shut_down_host")
        assert shop.sim.reboots == 1


async def test_the_server_goes_in_the_middle_of_its_answer() -> None:
    async with line() as (shop, session):
        await session.maintenance.run("restart_server")
        assert shop.listener is not None
        with pytest.raises(Unreachable):
            await shop.listener


async def test_a_restart_without_klipper_is_refused() -> None:
    async with line() as (shop, session):
        shop.sim.klipper.disconnect()
        await shop.until_state(PrinterState.OFFLINE)
        shop.sim.unknown_methods.add("printer.restart")
        assert await why(session.maintenance.run("restart_firmware_host")) == "not_supported"
        shop.sim.unknown_methods.clear()
        await session.maintenance.run("restart_firmware_host")


async def test_a_host_without_a_way_to_restart_it_offers_none() -> None:
    async with line(lambda shop: setattr(shop.sim, "provider", "none")) as (_, session):
        assert "reboot_host" not in session.maintenance.tasks


# -- sockets -------------------------------------------------------------------------------------


async def test_power_is_not_cut_while_printing_heating_or_hot() -> None:
    async with line(equipped) as (shop, session):
        outlets = session.outlets
        shop.printing()
        assert await why(outlets.set("psu", False)) == "printer_busy"
        shop.machine.cancel()
        shop.machine.dismiss()
        shop.machine.tools[0].actual_c = 200.0
        assert await why(outlets.set("psu", False)) == "printer_busy"
        shop.machine.tools[0].actual_c = 30.0
        shop.machine.set_bed_target(40)
        assert await why(outlets.set("psu", False)) == "printer_busy"
        assert shop.sim.power == {"psu": "on"}
        shop.machine.set_bed_target(0)
        await outlets.set("psu", False)
        await shop.until(lambda status: status.outlets == (("psu", False),))
        await outlets.set("psu", True)
        assert await why(outlets.set("lamp", True)) == "not_supported"


async def test_a_klipper_that_vanished_hot_is_taken_for_hot() -> None:
    async with line(equipped) as (shop, session):
        shop.machine.tools[0].actual_c = 200.0
        await session.refresh()
        shop.sim.klipper.disconnect()
        await shop.until_state(PrinterState.OFFLINE)
        assert await why(session.outlets.set("psu", False)) == "printer_busy"


async def test_a_socket_that_does_not_follow_is_not_confirmed() -> None:
    async with line(equipped) as (shop, session):
        shop.sim.stuck_relay = True
        assert await why(session.outlets.set("psu", False)) == "not_confirmed"
        assert shop.now.outlets == (("psu", True),)


async def test_power_may_be_switched_where_klipper_was_cold() -> None:
    async with line(equipped) as (shop, session):
        shop.sim.klipper.disconnect()
        await shop.until_state(PrinterState.OFFLINE)
        await session.outlets.set("psu", False)
        assert shop.sim.power == {"psu": "off"}


# -- history -------------------------------------------------------------------------------------


async def test_the_history_tells_ended_jobs_newest_first() -> None:
    async with line() as (shop, session):
        for end in ("cancel", "finish", "break"):
            shop.printing()
            await shop.until_state(PrinterState.PRINTING)
            match end:
                case "cancel":
                    shop.machine.cancel()
                case "finish":
                    shop.time.seconds += 900
                    shop.machine.tick()
                case _:
                    shop.sim.klipper.break_gcode("Move out of range")
            await shop.until(lambda status: not status.active)
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        runs = await session.history.recent()
        assert [run.outcome for run in runs] == ["failed", "completed", "cancelled"]
        assert [run.id for run in runs] == ["000003", "000002", "000001"]
        assert runs[0].path == "/part.gcode"
        assert len(await session.history.recent(1)) == 1
        assert await session.history.recent(0) == ()
