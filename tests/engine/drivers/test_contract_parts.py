"""The contract of the parts that only some printers have: what they do, and when they will not."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.base import MAINTENANCE
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.printer import ACTIVE, PrinterState

from .stage import OBJECTS, Offer, needs

if TYPE_CHECKING:
    from .stage import Scene, Stage

JPEG = b"\xff\xd8\xff"


async def printing(shop: Scene) -> None:
    """Have the file be printed, past its warming up."""
    await shop.part("control").start(shop.path)
    await shop.until_state(PrinterState.PRINTING)


# -- heat, air, speed ----------------------------------------------------------------------------


@needs(Offer.PRINT)
async def test_temperatures_arrive_in_degrees_and_unknown_ones_as_none(stage: Stage) -> None:
    async with stage.scene() as shop:
        if shop.play.is_ours:
            shop.machine.set_bed_target(40)
            shop.machine.set_tool_target(0, 120)
        else:
            heaters = shop.part("heaters")
            await heaters.set_target("bed", 40)
            await heaters.set_target("tool_0", 120)
        status = await shop.until(
            lambda status: (
                status.bed is not None
                and status.bed.target_c == 40
                and status.tools[0].temperature.target_c == 120
                and (status.bed.actual_c or 0) > 30
            )
        )
        assert status.bed is not None
        assert 30 < (status.bed.actual_c or 0) < 45
        assert status.chamber is None or status.chamber.actual_c != 0


@needs(Offer.PRINT, part="heaters")
async def test_a_heater_takes_a_target_within_its_range_alone(stage: Stage) -> None:
    async with stage.scene() as shop:
        heaters = shop.part("heaters")
        for heater, bounds in heaters.ranges.items():
            with pytest.raises(Refused) as refusal:
                await heaters.set_target(heater, bounds.maximum + 1)
            assert refusal.value.key == "out_of_range"
        await heaters.set_target("tool_0", 45)
        await shop.until(lambda status: status.tools[0].temperature.target_c == 45)
        await heaters.set_target("tool_0", 0)
        await shop.until(lambda status: status.tools[0].temperature.target_c == 0)


@needs(Offer.PRINT, Offer.MACHINE, part="fans")
async def test_a_fan_turns_as_fast_as_it_is_told(stage: Stage) -> None:
    async with stage.scene() as shop:
        fans = shop.part("fans")
        await fans.set_speed(fans.keys[0], 60)
        assert abs(shop.machine.fan_percent["part"] - 60) <= 7


@needs(Offer.PRINT, Offer.MACHINE, part="speed")
async def test_a_print_is_as_fast_as_it_is_told(stage: Stage) -> None:
    async with stage.scene() as shop:
        speed = shop.part("speed")
        await printing(shop)
        if speed.profiles:
            await speed.set_profile(speed.profiles[-1])
            await shop.until(lambda status: status.speed_profile == speed.profiles[-1])
        else:
            await speed.set_percent(120)
            assert shop.machine.speed_percent == 120


@needs(Offer.PRINT, part="lights")
async def test_a_lamp_is_on_when_it_says_so(stage: Stage) -> None:
    async with stage.scene() as shop:
        lamps = shop.part("lights")
        for on in (False, True):
            await lamps.set(lamps.keys[0], on)
            await shop.until(lambda status, on=on: dict(status.lights)[lamps.keys[0]] is on)


# -- looking -------------------------------------------------------------------------------------


@needs(part="cameras")
async def test_a_camera_gives_a_picture(stage: Stage) -> None:
    async with stage.scene() as shop:
        for name, camera in shop.part("cameras").items():
            assert name
            assert camera.orientation.rotation in {0, 90, 180, 270}
            async with asyncio.timeout(shop.play.patience_s):
                while (picture := await camera.snapshot()) is None:
                    await asyncio.sleep(0.05)
            assert picture.startswith(JPEG)


@needs(part="cameras")
async def test_a_camera_goes_on_giving_pictures(stage: Stage) -> None:
    async with stage.scene() as shop:
        camera = next(iter(shop.part("cameras").values()))
        if camera.stream_source is not None:
            pytest.skip("its pictures come as a video stream")
        seen = 0
        async with asyncio.timeout(shop.play.patience_s):
            async for frame in camera.frames():
                assert frame.startswith(JPEG)
                seen += 1
                if seen == 2:
                    break
        assert seen == 2


# -- by hand -------------------------------------------------------------------------------------


@needs(Offer.PRINT, part="motion")
async def test_the_head_goes_home_and_then_where_it_is_told(stage: Stage) -> None:
    async with stage.scene() as shop:
        motion = shop.part("motion")
        await motion.home()
        async with asyncio.timeout(shop.play.patience_s):
            while True:  # some answer before they have arrived at home
                try:
                    await motion.move({"x": 20.0, "z": 5.0}, speed_mm_s=10)
                except Refused as refusal:
                    assert refusal.key == "wrong_state"  # noqa: PT017 - others are a failure
                    await asyncio.sleep(0.05)
                else:
                    break
        await motion.move({"x": -5.0})
        if shop.play.is_ours:
            async with asyncio.timeout(shop.play.patience_s):
                while shop.machine.position["x"] != pytest.approx(15.0):
                    await asyncio.sleep(0.02)
            assert shop.machine.position["z"] == pytest.approx(5.0)


@needs(Offer.PRINT, part="motion")
async def test_the_head_is_not_moved_by_hand_during_a_print(stage: Stage) -> None:
    """One millimetre sideways ruins the part."""
    async with stage.scene() as shop:
        motion = shop.part("motion")
        await printing(shop)
        for wish in (motion.home(), motion.move({"x": 1.0})):
            with pytest.raises(Refused) as refusal:
                await wish
            assert refusal.value.key == "printer_busy"
        assert shop.now.active


@needs(Offer.PRINT, part="motion")
async def test_an_axis_that_is_not_there_is_refused(stage: Stage) -> None:
    async with stage.scene() as shop:
        motion = shop.part("motion")
        for wish in (motion.home(("w",)), motion.move({"w": 1.0})):
            with pytest.raises(Refused):
                await wish


@needs(Offer.PRINT, part="loader")
async def test_filament_is_not_changed_by_hand_during_a_print(stage: Stage) -> None:
    async with stage.scene() as shop:
        loader = shop.part("loader")
        await printing(shop)
        for wish in (loader.load(), loader.unload()):
            with pytest.raises(Refused) as refusal:
                await wish
            assert refusal.value.key == "printer_busy"
        assert shop.now.active


@needs(Offer.PRINT, Offer.MACHINE, part="console")
async def test_a_console_line_reaches_the_machine(stage: Stage) -> None:
    async with stage.scene() as shop:
        await shop.part("console").send("M117 hello")
        async with asyncio.timeout(shop.play.patience_s):
            while not any("M117 hello" in line for line in shop.machine.gcode_log):
                await asyncio.sleep(0.02)


# -- objects of a job ----------------------------------------------------------------------------


@needs(Offer.PRINT, Offer.MACHINE, part="objects")
async def test_one_object_is_left_out_and_the_others_are_printed(stage: Stage) -> None:
    async with stage.scene() as shop:
        objects = shop.part("objects")
        await printing(shop)
        async with asyncio.timeout(shop.play.patience_s):
            while not (found := await objects.list()):
                await asyncio.sleep(0.05)
        assert [item.name.lower() for item in found] == list(OBJECTS)
        assert not any(item.skipped for item in found)
        with pytest.raises(Refused) as refusal:
            await objects.skip(["98765"])
        assert refusal.value.key == "object_missing"
        await objects.skip([found[1].id])
        async with asyncio.timeout(shop.play.patience_s):
            while [item.skipped for item in await objects.list()] != [False, True, False]:
                await asyncio.sleep(0.05)
        assert shop.machine.run is not None
        assert shop.machine.run.skipped == {1}
        with pytest.raises(Refused) as refusal:
            await objects.skip([found[0].id, found[2].id])
        assert refusal.value.key == "last_object"
        assert shop.machine.run.skipped == {1}
        assert shop.machine.in_job


@needs(Offer.PRINT, part="objects")
async def test_without_a_job_there_is_no_object_to_leave_out(stage: Stage) -> None:
    async with stage.scene() as shop:
        objects = shop.part("objects")
        assert await objects.list() == ()
        with pytest.raises(Refused) as refusal:
            await objects.skip(["0"])
        assert refusal.value.key == "no_job"


# -- the machine itself --------------------------------------------------------------------------


@needs(Offer.PRINT, Offer.STOP, part="emergency")
async def test_an_emergency_stop_ends_the_job_and_the_heat(stage: Stage) -> None:
    async with stage.scene() as shop:
        emergency = shop.part("emergency")
        await printing(shop)
        await emergency.stop()
        await shop.until_state(PrinterState.FAILED, PrinterState.OFFLINE)
        assert not shop.now.ready or shop.now.state is PrinterState.FAILED
        if shop.play.is_ours:
            assert not shop.machine.in_job
            assert all(tool.target_c == 0 for tool in shop.machine.tools)
        maintenance = shop.part("maintenance")
        way_out = "firmware_restart" if "firmware_restart" in maintenance.tasks else "connect"
        await maintenance.run(way_out)
        await shop.until_state(PrinterState.IDLE)


@needs(Offer.PRINT, part="maintenance")
async def test_a_machine_is_not_taken_apart_during_a_print(stage: Stage) -> None:
    async with stage.scene() as shop:
        maintenance = shop.part("maintenance")
        assert set(maintenance.tasks) <= set(MAINTENANCE)
        await printing(shop)
        for task in maintenance.tasks:
            with pytest.raises(Refused) as refusal:
                await maintenance.run(task)
            assert refusal.value.key == "printer_busy", task
        assert shop.now.active


@needs(part="maintenance")
async def test_a_task_that_nobody_knows_is_refused(stage: Stage) -> None:
    async with stage.scene() as shop:
        with pytest.raises(Refused):
            await shop.part("maintenance").run("polish")


@needs(Offer.PRINT, Offer.MACHINE, part="macros")
async def test_a_macro_runs_with_its_parameters(stage: Stage) -> None:
    async with stage.scene() as shop:
        macros = shop.part("macros")
        assert not any(name.startswith("_") for name in macros.names)
        await macros.run("NOZZLE_WIPE", {"COUNT": "3"})
        assert any("NOZZLE_WIPE" in line and "3" in line for line in shop.machine.gcode_log)
        with pytest.raises(Refused) as refusal:
            await macros.run("NO_SUCH_MACRO", {})
        assert refusal.value.key == "macro_missing"


@needs(Offer.PRINT, Offer.MACHINE, part="macros")
async def test_a_parameter_cannot_smuggle_a_second_command(stage: Stage) -> None:
    async with stage.scene() as shop:
        macros = shop.part("macros")
        for value in ("1\nM112", "1 ; M112", 'a" M112'):
            try:
                await macros.run("NOZZLE_WIPE", {"COUNT": value})
            except Refused:
                continue
        assert not any(line.startswith("M112") for line in shop.machine.gcode_log)
        assert shop.now.state is PrinterState.IDLE


@needs(Offer.PRINT, part="outlets")
async def test_a_socket_is_not_switched_off_under_a_print(stage: Stage) -> None:
    async with stage.scene() as shop:
        outlets = shop.part("outlets")
        await printing(shop)
        for key in outlets.keys:
            with pytest.raises(Refused) as refusal:
                await outlets.set(key, False)
            assert refusal.value.key == "printer_busy"
        assert shop.now.active


@needs(Offer.REST, part="outlets")
async def test_a_socket_is_on_when_it_says_so(stage: Stage) -> None:
    async with stage.scene() as shop:
        outlets = shop.part("outlets")
        if stage.parts is None:
            pytest.skip("nobody knows what hangs on it")
        key = outlets.keys[0]
        for on in (False, True):
            await outlets.set(key, on)
            await shop.until(lambda status, on=on: dict(status.outlets).get(key) is on)


@needs(Offer.PRINT, part="history")
async def test_the_history_knows_how_a_job_ended(stage: Stage) -> None:
    """After a night without Home Assistant this is all the ledger has."""
    async with stage.scene() as shop:
        history = shop.part("history")
        await printing(shop)
        await shop.part("control").cancel()
        await shop.until(lambda status: status.state not in ACTIVE)
        async with asyncio.timeout(shop.play.patience_s):
            while not (runs := await history.recent(1)):
                await asyncio.sleep(0.05)
        (run,) = runs
        assert run.outcome is Outcome.CANCELLED
        assert "part" in (run.path or "")
        assert run.started_at is not None
        assert run.ended_at is not None
        assert run.started_at <= run.ended_at


@needs(part="history")
async def test_the_history_is_told_newest_first(stage: Stage) -> None:
    async with stage.scene() as shop:
        runs = await shop.part("history").recent(10)
        assert len(runs) <= 10
        begun = [run.started_at for run in runs if run.started_at]
        assert begun == sorted(begun, reverse=True)
