"""What a person does by hand, over real sockets: slots, moves, filament, objects."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers.bambu.archive import plate_objects
from custom_components.printernizer.engine.drivers.bambu.mapping import (
    Sources,
    chosen,
    load_numbers,
)
from custom_components.printernizer.engine.drivers.virtual.machine import (
    MachineSlot,
    PlateFacts,
    VirtualFile,
)
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import PrinterState, Slot
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.bambu import BambuSimulator, driver_for
from tests.simulators.print_files import boxed, object_number

from .test_line import FILE, printer, shows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from custom_components.printernizer.engine.drivers.bambu.session import BambuSession

TWO = PlateFacts(seconds=3600, mass_g=(20.0, 5.0), tool_c=40, bed_c=30)
THREE = PlateFacts(seconds=3600, tool_c=40, bed_c=30, objects=("cube", 'a "ring"', "cone & co"))


@asynccontextmanager
async def line(
    model: str = "P1S", **settings: object
) -> AsyncIterator[tuple[BambuSimulator, BambuSession]]:
    async with (
        printer(model, **settings) as simulator,
        driver_for(simulator, SystemClock()).connect() as session,
    ):
        yield simulator, session


async def reported(session: BambuSession, condition: Callable[[dict[str, Any]], bool]) -> None:
    """Wait for something in the report that is no part of a status."""
    async with asyncio.timeout(8):
        while not condition(session._messages.report.values):
            await asyncio.sleep(0.01)


def sent(simulator: BambuSimulator) -> dict[str, Any]:
    found: dict[str, Any] = simulator.commands[-1]["print"]
    return found


# -- slots ------------------------------------------------------------------------------------


def feeder(unit: int, index: int, *, empty: bool = False) -> Slot:
    return Slot(key=f"{unit}_{index}", unit=str(unit), index=index, empty=empty)


SLOTS = (
    feeder(0, 0),
    feeder(0, 1, empty=True),
    feeder(1, 2),
    feeder(16, 3),
    feeder(128, 0),
    Slot(key="external", unit=None, index=0),
    Slot(key="external_2", unit=None, index=1),
)


@pytest.mark.parametrize(
    ("keys", "flat", "pairs", "fed"),
    [
        (("0_0",), (0,), ((0, 0),), True),
        ((None, "1_2", "0_0"), (-1, 6, 0), ((255, 255), (1, 2), (0, 0)), True),
        (("128_0", "16_3"), (128, 3), ((128, 0), (16, 3)), True),
        (("external",), (-1,), ((255, 0),), False),
        (("external_2", "external"), (-1, -1), ((254, 0), (255, 0)), False),
        (("external", "1_2"), (-1, 6), ((255, 0), (1, 2)), True),
    ],
    ids=["one", "unused first", "single and built in", "external", "two nozzles", "mixed"],
)
def test_every_filament_is_named_by_both_numbers(
    keys: Sequence[str | None],
    flat: tuple[int, ...],
    pairs: tuple[tuple[int, int], ...],
    fed: bool,
) -> None:
    """A wrong number prints in the wrong material, or stops with an error at the printer."""
    assert chosen(SLOTS, keys) == Sources(flat=flat, pairs=pairs, feeder=fed)


@pytest.mark.parametrize(
    ("keys", "key"),
    [
        (("0_1",), "slot_empty"),
        (("0_0", "7_7"), "slot_empty"),
        ((None, None), "out_of_range"),
        (("0_0",) * 17, "out_of_range"),
    ],
    ids=["empty", "unknown", "none", "too many"],
)
def test_what_cannot_be_mapped_is_refused(keys: Sequence[str | None], key: str) -> None:
    with pytest.raises(Refused) as refusal:
        chosen(SLOTS, keys)
    assert refusal.value.key == key


@pytest.mark.parametrize(
    ("slot", "dual", "numbers"),
    [
        (feeder(0, 2), False, (0, 2, 2)),
        (feeder(1, 2), True, (1, 2, 6)),
        (feeder(16, 3), False, (16, 3, 16)),
        (feeder(128, 0), True, (128, 0, 128)),
        (SLOTS[5], False, (255, 254, 254)),
        (SLOTS[5], True, (255, 0, 255)),
        (SLOTS[6], True, (254, 0, 254)),
    ],
    ids=["first", "second unit", "built in", "single", "external", "right", "left"],
)
def test_a_load_names_unit_slot_and_target(
    slot: Slot,
    dual: bool,
    numbers: tuple[int, int, int],
) -> None:
    assert load_numbers(slot, dual=dual) == numbers


@pytest.mark.parametrize("model", ["A1", "X1C", "H2D"])
async def test_a_job_takes_its_filaments_from_the_chosen_slots(model: str) -> None:
    """Whoever pays for the gold filament wants it on the outside."""
    async with line(model) as (simulator, session):
        simulator.machine.store(VirtualFile(path="/two.gcode.3mf", plates=(TWO,)))
        assert session.control
        await session.control.start("/two.gcode.3mf", slots=("0_3", "0_1"))
        assert sent(simulator)["ams_mapping"] == [3, 1]
        assert simulator.machine.run
        assert simulator.machine.run.feeds == (3, 1)
        status = await shows(
            session, lambda now: now.state in {PrinterState.PREPARING, PrinterState.PRINTING}
        )
        assert [slot.key for slot in status.slots if slot.active] == ["0_3"]


async def test_a_slot_without_filament_is_refused_before_anything_is_sent() -> None:
    async with line() as (simulator, session):
        simulator.machine.slots[2].material = None
        await shows(session, lambda now: any(slot.empty for slot in now.slots))
        assert session.control
        for slots, key in ((("0_2",), "slot_empty"), (("9_9",), "slot_empty")):
            with pytest.raises(Refused) as refusal:
                await session.control.start(FILE, slots=slots)
            assert refusal.value.key == key
        with pytest.raises(Refused) as refusal:
            await session.control.start("/cache/plain.gcode", slots=("0_0",))
        assert refusal.value.key == "not_supported"
        assert simulator.commands == []
        await session.control.start(FILE)


async def test_the_external_spool_can_be_chosen() -> None:
    async with line() as (simulator, session):
        assert session.control
        await session.control.start(FILE, slots=("external",))
        assert sent(simulator)["ams_mapping"] == [-1]
        assert sent(simulator)["ams_mapping2"] == [{"ams_id": 255, "slot_id": 0}]
        assert sent(simulator)["use_ams"] is False


# -- motion -----------------------------------------------------------------------------------


async def test_the_head_is_homed_and_moved_within_its_soft_end_stops() -> None:
    async with line() as (simulator, session):
        assert session.motion
        assert session.motion.axes == ("x", "y", "z")
        with pytest.raises(Refused) as refusal:
            await session.motion.move({"z": 5})
        assert refusal.value.key == "wrong_state"
        await session.motion.home()
        assert simulator.machine.homed == {"x", "y", "z"}
        await reported(session, lambda report: report["home_flag"] & 0b111 == 0b111)
        await session.motion.move({"x": 10.5, "y": 0, "z": 5})
        assert simulator.machine.position == {"x": 10.5, "y": 0.0, "z": 5.0}
        assert sent(simulator)["param"] == (
            "M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91\n"
            "G1 X10.50 Z5.00 F900\nM1002 pop_ref_mode\nM211 R\n"
        )
        await session.motion.move({"x": -3}, speed_mm_s=100)
        assert "G1 X-3.00 F6000" in sent(simulator)["param"]
        count = len(simulator.commands)
        await session.motion.move({"x": 0})
        assert len(simulator.commands) == count


async def test_single_axes_are_homed_but_never_the_height_alone() -> None:
    async with line() as (simulator, session):
        assert session.motion
        await session.motion.home(["x", "x"])
        assert sent(simulator)["param"] == "G28 X\n"
        await session.motion.home(["z"])
        assert sent(simulator)["param"] == "G28\n"


@pytest.mark.parametrize(
    ("distances", "speed", "key"),
    [
        ({"e": 1.0}, None, "out_of_range"),
        ({"x": 401.0}, None, "out_of_range"),
        ({"x": float("nan")}, None, "out_of_range"),
        ({"x": float("inf")}, None, "out_of_range"),
        ({"z": 1.0}, 21.0, "out_of_range"),
        ({"x": 1.0}, 0.0, "out_of_range"),
    ],
    ids=["axis", "far", "nan", "infinite", "fast", "standing"],
)
async def test_a_move_beyond_reason_is_never_sent(
    distances: dict[str, float], speed: float | None, key: str
) -> None:
    async with line() as (simulator, session):
        assert session.motion
        with pytest.raises(Refused) as refusal:
            await session.motion.move(distances, speed_mm_s=speed)
        assert refusal.value.key == key
        with pytest.raises(Refused):
            await session.motion.home(["e"])
        assert simulator.commands == []


async def test_nothing_is_moved_or_changed_by_hand_while_printing() -> None:
    async with line() as (simulator, session):
        assert session.control
        assert session.motion
        assert session.loader
        await session.control.start(FILE)
        await shows(session, lambda now: now.state is PrinterState.PRINTING)
        count = len(simulator.commands)
        for wish in (
            session.motion.home(),
            session.motion.move({"x": 1}),
            session.loader.load("0_1"),
            session.loader.load("external"),
            session.loader.unload(),
        ):
            with pytest.raises(Refused) as refusal:
                await wish
            assert refusal.value.key == "printer_busy"
        assert len(simulator.commands) == count


# -- filament ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["A1", "H2D"])
async def test_filament_is_loaded_at_its_own_temperature_and_taken_out_again(model: str) -> None:
    async with line(model) as (simulator, session):
        assert session.loader
        await session.loader.load("0_2")
        assert simulator.machine.loaded == 2
        assert sent(simulator)["tar_temp"] == 210
        await shows(session, lambda now: any(slot.active for slot in now.slots))
        await session.loader.unload()
        assert simulator.machine.loaded is None
        assert (sent(simulator)["ams_id"], sent(simulator)["target"]) == (0, 255)


async def test_a_person_feeds_the_external_holder() -> None:
    async with printer("A1") as simulator:
        simulator.machine.slots = [MachineSlot()]
        async with driver_for(simulator, SystemClock()).connect() as session:
            assert session.loader
            await session.loader.unload()
            assert simulator.machine.loaded is None
            assert (sent(simulator)["ams_id"], sent(simulator)["tar_temp"]) == (255, 210)
            await session.loader.load()
            assert simulator.machine.loaded == 0
            assert sent(simulator)["target"] == 254


async def test_filament_nobody_knows_is_not_melted_by_guess() -> None:
    """The holder of a printer with a feeder says nothing of what hangs there."""
    async with line() as (simulator, session):
        assert session.loader
        said = {"command": "push_status", "msg": 1, "vt_tray": {"nozzle_temp_min": "0"}}
        simulator.inject(json.dumps({"print": said}).encode())
        await reported(session, lambda report: report["vt_tray"]["nozzle_temp_min"] == "0")
        with pytest.raises(Refused) as refusal:
            await session.loader.load()
        assert refusal.value.key == "slot_empty"
        assert simulator.commands == []


async def test_in_a_pause_only_the_external_holder_is_free() -> None:
    """The feeder belongs to the job that stands still."""
    async with line() as (simulator, session):
        assert session.control
        assert session.loader
        await session.control.start(FILE)
        await shows(session, lambda now: now.state is PrinterState.PRINTING)
        await session.control.pause()
        for wish in (session.loader.load("0_1"), session.loader.unload()):
            with pytest.raises(Refused) as refusal:
                await wish
            assert refusal.value.key == "printer_busy"
        await session.loader.load("external")
        assert sent(simulator)["target"] == 254


# -- objects ----------------------------------------------------------------------------------


@asynccontextmanager
async def printing(
    model: str = "P1S", content: bytes | None = None, plate: PlateFacts = THREE
) -> AsyncIterator[tuple[BambuSimulator, BambuSession]]:
    async with line(model, ftps=True) as (simulator, session):
        box = boxed(plate) if content is None else content
        path = "/cache/three.gcode.3mf"
        simulator.machine.store(VirtualFile(path=path, content=box, plates=(plate,)))
        assert session.control
        await session.control.start(path)
        await shows(session, lambda now: now.state is PrinterState.PRINTING)
        yield simulator, session


@pytest.mark.parametrize("model", ["P1S", "X1C", "H2D"])
async def test_objects_are_named_by_the_file_and_left_out_of_the_job(model: str) -> None:
    async with printing(model) as (simulator, session):
        assert session.objects
        ring = str(object_number(1))
        assert [(one.id, one.name) for one in await session.objects.list()] == [
            (str(object_number(0)), "cube"),
            (ring, 'a "ring"'),
            (str(object_number(2)), "cone & co"),
        ]
        await session.objects.skip([ring, ring])
        assert sent(simulator)["obj_list"] == [object_number(1)]
        assert simulator.machine.run
        assert simulator.machine.run.skipped == {1}
        await reported(session, lambda report: report["s_obj"] == [object_number(1)])
        assert [one.skipped for one in await session.objects.list()] == [False, True, False]
        count = len(simulator.commands)
        await session.objects.skip([ring])
        assert len(simulator.commands) == count, "it is left out already"
        for ids, key in (
            (["1"], "object_missing"),
            (["x"], "object_missing"),
            ([], "object_missing"),
            ([str(object_number(0)), str(object_number(2))], "last_object"),
        ):
            with pytest.raises(Refused) as refusal:
                await session.objects.skip(ids)
            assert refusal.value.key == key
        assert len(simulator.commands) == count


async def test_the_file_is_read_once_for_all_questions() -> None:
    """Each reading is a login at a printer that serves one client at a time."""
    async with printing() as (simulator, session):
        assert session.objects
        assert simulator.ftps
        for _ in range(3):
            assert len(await session.objects.list()) == 3
        assert simulator.ftps.log.count("PASS") == 1


async def test_without_a_job_there_are_no_objects() -> None:
    async with line(ftps=True) as (_simulator, session):
        assert session.objects
        assert await session.objects.list() == ()
        with pytest.raises(Refused) as refusal:
            await session.objects.skip(["69"])
        assert refusal.value.key == "no_job"


@pytest.mark.parametrize(
    "content",
    [b"PK half of it", boxed(THREE, labelled=False), boxed(PlateFacts())],
    ids=["still being written", "unlabelled", "without objects"],
)
async def test_a_file_that_names_no_objects_has_none(content: bytes) -> None:
    async with printing(content=content) as (_simulator, session):
        assert session.objects
        assert await session.objects.list() == ()
        with pytest.raises(Refused) as refusal:
            await session.objects.skip(["69"])
        assert refusal.value.key == "object_missing"


async def test_more_objects_than_the_firmware_can_tell_apart_are_not_skipped() -> None:
    many = PlateFacts(
        seconds=3600, tool_c=40, bed_c=30, objects=tuple(f"part {n}" for n in range(65))
    )
    async with printing(plate=many) as (simulator, session):
        assert session.objects
        with pytest.raises(Refused) as refusal:
            await session.objects.skip([str(object_number(0))])
        assert refusal.value.key == "not_supported"
        assert sent(simulator)["command"] == "project_file"


@pytest.mark.parametrize("obeys", [True, False])
async def test_a_skip_without_an_echo_counts_when_the_report_shows_it(
    obeys: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.client.ECHO_S", 0.4)
    async with printing() as (simulator, session):
        assert session.objects
        simulator.echoes, simulator.deaf = False, not obeys
        if obeys:
            await session.objects.skip([str(object_number(0))])
            return
        with pytest.raises(Refused) as refusal:
            await session.objects.skip([str(object_number(0))])
        assert refusal.value.key == "not_confirmed"


def box_with(info: str | bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("Metadata/slice_info.config", info)
    return made.getvalue()


@pytest.mark.parametrize(
    "info",
    [
        "<config><plate>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><config/>",
        "<config/>".encode("utf-16"),
        "<config><plate><object identify_id='x'/><object identify_id='-3'/></plate></config>",
        "<config>" + " " * (1 << 20) + "</config>",
    ],
    ids=["cut off", "declarations", "utf-16", "no numbers", "too large"],
)
def test_a_strange_list_of_objects_is_none(info: str | bytes) -> None:
    content = box_with(info)
    assert plate_objects(lambda at, count: content[at : at + count], len(content), None) == ()


def test_a_job_that_does_not_say_its_plate_has_objects_only_where_there_is_no_doubt() -> None:
    """Leaving out an object of another plate would spoil this one."""
    one, other = THREE, PlateFacts(number=2, objects=("else",))
    for content, plate, names in (
        (boxed(one, other), None, []),
        (boxed(one, other), 2, ["else"]),
        (boxed(other, PlateFacts(number=3)), None, ["else"]),
        (boxed(one), 5, []),
    ):
        found = plate_objects(
            lambda at, count, content=content: content[at : at + count], len(content), plate
        )
        assert [item.name for item in found] == names
