"""The reference driver beyond the contract: what only a virtual machine can show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.home import forget, virtual_machine
from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Heater,
    MachineSlot,
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import BadFile, Garbled, Refused, Unreachable
from custom_components.printernizer.engine.printer import PrinterState
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def machine(clock: HandClock) -> VirtualMachine:
    machine = VirtualMachine(now=clock.monotonic, chamber=Heater())
    machine.store(VirtualFile(path="/a/part.gcode", content=b"G28\nM104\n"))
    machine.store(VirtualFile(path="/top.gcode", content=b"G28\n"))
    return machine


async def test_a_machine_that_is_off_is_unreachable(
    machine: VirtualMachine, clock: HandClock
) -> None:
    machine.inject(Fault.REBOOT)
    with pytest.raises(Unreachable):
        async with VirtualDriver(machine, clock).connect():
            pytest.fail("it is off")
    await clock.advance(machine.boot_s + 1)
    async with VirtualDriver(machine, clock).connect() as session:
        assert (await anext(aiter(session.statuses()))).state is PrinterState.IDLE


async def test_a_cut_line_ends_the_session_and_refuses_commands(
    machine: VirtualMachine, clock: HandClock
) -> None:
    async with VirtualDriver(machine, clock).connect() as session:
        statuses = session.statuses()
        await anext(statuses)
        machine.inject(Fault.NETWORK)
        with pytest.raises(Unreachable):
            await session.control.pause()
        with pytest.raises(Unreachable):
            await session.storage.list()
        waiting = asyncio.ensure_future(anext(statuses))
        await clock.advance(2)
        with pytest.raises(Unreachable):
            await waiting


async def test_every_heater_fan_speed_and_lamp_can_be_set(
    machine: VirtualMachine, clock: HandClock
) -> None:
    async with VirtualDriver(machine, clock).connect() as session:
        await session.heaters.set_target("tool_0", 200)
        await session.heaters.set_target("bed", 60)
        await session.heaters.set_target("chamber", 40)
        await session.fans.set_speed("part", 40)
        await session.speed.set_profile("sport")
        assert machine.speed_percent == 124
        await session.speed.set_percent(90)
        await session.lights.set("chamber_light", False)
        await session.console.send("M300\n\nG28")
    assert (machine.tools[0].target_c, machine.bed.target_c) == (200, 60)
    assert machine.chamber is not None
    assert machine.chamber.target_c == 40
    assert (machine.fan_percent["part"], machine.speed_percent) == (40, 90)
    assert not machine.light
    assert list(machine.gcode_log) == ["M300", "G28"]


async def test_faults_come_on_demand(machine: VirtualMachine, clock: HandClock) -> None:
    """People try what their automations do when a print fails."""
    async with VirtualDriver(machine, clock).connect() as session:
        with pytest.raises(Refused):
            await session.console.send("FAULT jam")
        with pytest.raises(Refused, match="jam, runout"):
            await session.console.send("FAULT meteor")
        await session.control.start("/top.gcode")
        await session.console.send("fault JAM")
        assert machine.phase is Phase.ATTENTION
        await session.console.send("FAULT heater")
        assert machine.phase is Phase.FAILED
        await session.console.send("FAULT reboot")
        with pytest.raises(Unreachable):
            await session.console.send("M300")


async def test_values_beyond_the_machine_are_refused(
    machine: VirtualMachine, clock: HandClock
) -> None:
    async with VirtualDriver(machine, clock).connect() as session:
        for wish in (
            session.heaters.set_target("tool_0", 999),
            session.heaters.set_target("tool_9", 20),
            session.fans.set_speed("part", 101),
            session.speed.set_profile("warp"),
            session.speed.set_percent(1),
            session.lights.set("disco", True),
        ):
            with pytest.raises(Refused):
                await wish


async def test_folders_follow_from_the_files_in_them(
    machine: VirtualMachine, clock: HandClock
) -> None:
    async with VirtualDriver(machine, clock).connect() as session:
        assert [(item.path, item.folder) for item in await session.storage.list()] == [
            ("/a", True),
            ("/top.gcode", False),
        ]
        assert [item.name for item in await session.storage.list("/a")] == ["part.gcode"]
        assert session.storage.free_bytes == machine.storage_bytes - 13
        assert await session.storage.thumbnail("/top.gcode") is None
        with pytest.raises(Refused):
            await session.storage.list("/nowhere")


async def test_a_broken_download_goes_on_where_it_ended(
    machine: VirtualMachine, clock: HandClock, tmp_path: Path
) -> None:
    target = tmp_path / "part.gcode"
    target.write_bytes(b"G28\n")
    async with VirtualDriver(machine, clock).connect() as session:
        seen: list[tuple[int, int | None]] = []
        await session.storage.download(
            "/a/part.gcode", target, progress=lambda done, total: seen.append((done, total))
        )
        assert target.read_bytes() == b"G28\nM104\n"
        assert seen == [(9, 9)]
        target.write_bytes(b"x" * 50)
        with pytest.raises(Garbled):
            await session.storage.download("/a/part.gcode", target)
        with pytest.raises(Refused):
            await session.storage.download("/none", target)


async def test_an_upload_is_stored_once(
    machine: VirtualMachine, clock: HandClock, tmp_path: Path
) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(b"G1 X1\n")
    async with VirtualDriver(machine, clock).connect() as session:
        seen: list[int] = []
        await session.storage.upload(
            source, "/new.gcode", progress=lambda done, _total: seen.append(done)
        )
        assert machine.files["/new.gcode"].content == b"G1 X1\n"
        assert seen == [6]
        with pytest.raises(Refused) as refusal:
            await session.storage.upload(source, "/new.gcode")
        assert refusal.value.key == "file_exists"
        await session.storage.delete("/new.gcode")
        assert "/new.gcode" not in machine.files


async def test_a_fault_is_shown_with_its_code_until_acknowledged(
    machine: VirtualMachine, clock: HandClock
) -> None:
    async with VirtualDriver(machine, clock).connect() as session:
        await session.control.start("/top.gcode")
        await clock.advance(120)
        machine.inject(Fault.JAM)
        await session.refresh()
        status = await anext(session.statuses())
        assert status.state is PrinterState.ATTENTION
        assert [problem.code for problem in status.problems] == ["JAM"]
        assert session.transcript()["phase"] is Phase.ATTENTION
        await session.prompt.acknowledge()
        assert machine.phase is Phase.PRINTING


async def test_a_virtual_printer_outlives_the_line_to_it_but_not_its_removal(
    clock: HandClock,
) -> None:
    """Reloading an entry must not end the job of the machine behind it."""
    settings = {"serial": "VP-7", "name": "Try me", "speed": 60}
    machine = virtual_machine(settings, clock)
    machine.start("/gift box.gcode")
    assert virtual_machine(settings, clock) is machine
    await clock.advance(60)
    machine.tick()
    assert machine.phase is Phase.FINISHED
    forget("VP-7")
    assert virtual_machine(settings, clock) is not machine
    forget("VP-7")


async def test_a_person_moves_loads_and_unloads(machine: VirtualMachine, clock: HandClock) -> None:
    machine.slots.append(MachineSlot(material="PETG"))
    async with VirtualDriver(machine, clock).connect() as session:
        await session.motion.home()
        await session.motion.move({"z": 12.5}, speed_mm_s=10)
        await session.refresh()
        assert (await anext(session.statuses())).z_mm == 12.5
        for wish in (
            session.motion.move({"z": 1}, speed_mm_s=0),
            session.motion.move({"q": 1}),
            session.loader.load("0_7"),
            session.maintenance.run("reboot_host"),
        ):
            with pytest.raises(Refused):
                await wish
        await session.loader.load("0_1")
        assert machine.loaded == 1
        await session.loader.unload()
        assert machine.loaded is None
        await session.loader.load()
        assert machine.loaded == 0


async def test_a_job_takes_its_filament_from_the_slots_that_were_chosen(
    machine: VirtualMachine, clock: HandClock
) -> None:
    machine.slots = [MachineSlot() for _ in range(3)]
    plate = PlateFacts(seconds=60, mass_g=(5.0, 7.0), tool_c=40, bed_c=30)
    machine.store(VirtualFile(path="/two.gcode", plates=(plate,)))
    async with VirtualDriver(machine, clock).connect() as session:
        with pytest.raises(Refused) as refusal:
            await session.control.start("/two.gcode", slots=("0_0", "external"))
        assert refusal.value.key == "slot_empty"
        await session.control.start("/two.gcode", slots=("0_2", "0_1"))
        await session.refresh()
        status = await anext(session.statuses())
        assert [slot.key for slot in status.slots if slot.active] == ["0_2"]
    await clock.advance(600)
    machine.tick()
    assert [round(slot.remaining_g) for slot in machine.slots] == [1000, 993, 995]


async def test_objects_are_listed_and_left_out_of_the_running_job(
    machine: VirtualMachine, clock: HandClock
) -> None:
    plate = PlateFacts(objects=("cube", "cone"))
    machine.store(VirtualFile(path="/two.gcode", plates=(plate,)))
    async with VirtualDriver(machine, clock).connect() as session:
        assert await session.objects.list() == ()
        await session.control.start("/two.gcode")
        assert [(one.id, one.name) for one in await session.objects.list()] == [
            ("0", "cube"),
            ("1", "cone"),
        ]
        await session.objects.skip(["1"])
        assert [one.skipped for one in await session.objects.list()] == [False, True]
        for ids, key in ((["cube"], "object_missing"), (["0"], "last_object")):
            with pytest.raises(Refused) as refusal:
                await session.objects.skip(ids)
            assert refusal.value.key == key


async def test_an_emergency_is_a_failed_job_and_then_an_absent_machine(
    machine: VirtualMachine, clock: HandClock
) -> None:
    """No job must be sent to a machine that was stopped, and none of its may seem to print on."""
    async with VirtualDriver(machine, clock).connect() as session:
        await session.control.start("/top.gcode")
        await session.emergency.stop()
        await session.refresh()
        status = await anext(session.statuses())
        assert status.state is PrinterState.FAILED
        assert [problem.code for problem in status.problems] == ["HALTED"]
        with pytest.raises(Refused):
            await session.control.start("/top.gcode")
        await session.maintenance.run("firmware_restart")
        await session.emergency.stop()
        await session.refresh()
        assert (await anext(session.statuses())).state is PrinterState.OFFLINE
        await session.maintenance.run("firmware_restart")
        await session.control.start("/top.gcode")


async def test_an_upload_without_room_reads_nothing(
    machine: VirtualMachine, clock: HandClock, tmp_path: Path
) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(bytes(3 << 20))
    machine.storage_bytes = 2 << 20
    async with VirtualDriver(machine, clock).connect() as session:
        moved: list[int] = []
        with pytest.raises(Refused) as refusal:
            await session.storage.upload(
                source, "/new.gcode", progress=lambda done, _total: moved.append(done)
            )
        assert refusal.value.key == "storage_full"
        assert moved == []
        machine.storage_bytes = 8 << 20
        await session.storage.upload(
            source, "/new.gcode", progress=lambda done, _total: moved.append(done)
        )
        assert moved == [1 << 20, 2 << 20, 3 << 20]
        source.write_bytes(b"G28\n")
        assert await session.storage.upload(source, "/new.gcode", replace=True) == "/new.gcode"
        assert machine.files["/new.gcode"].content == b"G28\n"
        with pytest.raises(BadFile):
            await session.storage.upload(tmp_path / "none", "/none.gcode")
