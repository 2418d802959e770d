"""Jobs on a PrusaLink: what is seen of them, and what commands do, over real sockets."""

from __future__ import annotations

import asyncio
import base64

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import Fault, VirtualFile
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.printer import PrinterState, Transfer
from tests.simulators.prusalink import Moving

from .scene import GCODE, PLATE, Scene, line

DIALECTS = pytest.mark.parametrize("dialect", ["buddy", "pi"])
PNG = b"\x89PNG\r\n\x1a\n" + bytes(40)


def with_picture(width: int = 220) -> bytes:
    lines = base64.b64encode(PNG).decode()
    return f"; thumbnail begin {width}x{width} 9\n; {lines}\n; thumbnail end\n".encode() + GCODE


# -- what is seen --------------------------------------------------------------------------------


@DIALECTS
async def test_a_job_is_named_with_its_id_and_the_path_that_listings_use(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        shop.printing()
        status = await anext(session.statuses())
        assert status.job is not None
        assert (status.job.id, status.job.name) == ("1", "part.gcode")
        assert status.job.path == (await session.storage.list())[0].path == "/part.gcode"
        assert status.job.elapsed is not None
        assert status.job.remaining is not None


async def test_the_file_of_a_job_is_asked_for_once() -> None:
    async with line() as (shop, session):
        shop.printing()
        statuses = session.statuses()
        for _ in range(5):
            await session.refresh()
            await anext(statuses)
        assert shop.sim.log.count("GET /api/v1/job") == 1


async def test_two_prints_in_a_row_are_two_jobs() -> None:
    async with line() as (shop, session):
        statuses = session.statuses()
        shop.printing()
        first = await anext(statuses)
        shop.machine.cancel()
        shop.machine.dismiss()
        shop.printing()
        await session.refresh()
        second = await anext(statuses)
        assert (first.job.id, second.job.id) == ("1", "2")
        assert second.job.path == "/part.gcode"


async def test_a_job_without_a_file_is_not_asked_for_at_every_look() -> None:
    async with line() as (shop, session):
        shop.printing()
        del shop.machine.files["/part.gcode"]
        session._client.pace = session._client.pace.__class__()
        statuses = session.statuses()
        for _ in range(4):
            await session.refresh()
            status = await anext(statuses)
        assert status.job is not None
        assert (status.job.id, status.job.path) == ("1", None)
        assert shop.sim.log.count("GET /api/v1/job") == 1


async def test_an_answer_about_another_job_is_not_believed() -> None:
    async with line() as (shop, session):
        shop.printing()
        shop.sim.trouble.append(("v1/job", b'{"id": 99, "file": {"name": "other.gcode"}}'))
        statuses = session.statuses()
        status = await anext(statuses)
        assert status.job is not None
        assert (status.job.id, status.job.name) == ("1", None)
        shop.sim.trouble.append(("v1/job", 500))
        await session.refresh()
        assert (await anext(statuses)).job.name is None
        await session.refresh()
        assert (await anext(statuses)).job.name == "part.gcode"


@DIALECTS
async def test_the_end_stays_named(dialect: str) -> None:
    """The daemon drops the job with its end; the ledger must still know whose end it is."""
    async with line(dialect=dialect) as (shop, session):
        statuses = session.statuses()
        shop.printing()
        await anext(statuses)
        shop.time.seconds += 601 - 60
        status = await anext(statuses)
        while status.state is PrinterState.PRINTING:
            shop.time.seconds += 1
            status = await anext(statuses)
        assert status.state is PrinterState.FINISHED
        assert status.job is not None
        assert (status.job.id, status.job.progress, status.percent) == ("1", 1.0, 100)


async def test_material_and_storage_are_learnt_in_time() -> None:
    async with line() as (shop, session):
        shop.machine.slots[0].material = "PETG"
        shop.sim.stick = False
        async with asyncio.timeout(10):
            async for status in session.statuses():
                if status.tools[0].material == "PETG" and status.storage_present is False:
                    break
        shop.sim.trouble.append(("storage", 500))
        async with asyncio.timeout(10):
            async for _ in session.statuses():
                if not shop.sim.trouble:
                    break
                await session.refresh()


@DIALECTS
async def test_a_transfer_is_shown_with_its_name_and_share(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        shop.sim.transfer = Moving(9, "new part.gcode", 1000, 100.0, moved=250)
        statuses = session.statuses()
        status = await anext(statuses)
        assert status.transfer == Transfer(name="new part.gcode", progress=0.25)
        shop.sim.transfer = None
        assert (await anext(statuses)).transfer is None


async def test_the_picture_of_a_job_comes_from_its_file() -> None:
    async with line() as (shop, session):
        shop.machine.store(VirtualFile(path="/part.gcode", content=with_picture(), plates=(PLATE,)))
        shop.printing()
        status = await anext(session.statuses())
        assert await session.job_picture.picture(status.job) == PNG
        assert await session.job_picture.picture(status.job) == PNG
        other = status.job.__class__(id="7")
        assert await session.job_picture.picture(other) is None


@DIALECTS
async def test_a_file_without_a_picture_has_none(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        shop.printing()
        status = await anext(session.statuses())
        assert await session.job_picture.picture(status.job) is None


async def accepted(shop: Scene) -> None:
    """Wait until the printer has taken a command whose effect is still to come."""
    async with asyncio.timeout(10):
        while not shop.sim._pending:
            await asyncio.sleep(0.01)


# -- commands ------------------------------------------------------------------------------------


@DIALECTS
async def test_a_command_returns_when_its_effect_shows(dialect: str) -> None:
    """204 comes seconds before the head is parked."""
    async with line(dialect=dialect, delay_s=5) as (shop, session):
        shop.printing()
        for command, phase in (
            (session.control.pause, "paused"),
            (session.control.resume, "printing"),
            (session.control.cancel, "cancelled"),
        ):
            running = asyncio.ensure_future(command())
            await accepted(shop)
            assert not running.done()
            shop.time.seconds += 6
            await running
            assert shop.machine.phase == phase


@DIALECTS
async def test_a_command_that_does_not_fit_is_not_even_sent(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        for command in (session.control.pause, session.control.resume, session.control.cancel):
            with pytest.raises(Refused) as refusal:
                await command()
            assert refusal.value.key == "no_job"
        shop.printing()
        with pytest.raises(Refused) as refusal:
            await session.control.resume()
        assert refusal.value.key == "wrong_state"
        assert "PRINTING" in refusal.value.reason
        await session.control.pause()
        with pytest.raises(Refused):
            await session.control.pause()
        assert len([entry for entry in shop.sim.log if not entry.startswith("GET")]) == 1


async def test_a_command_whose_effect_never_shows_is_not_confirmed() -> None:
    async with line(delay_s=1e9) as (shop, session):
        shop.printing()
        session._client.pace = type(session._client.pace)(settle_every_s=0.01, settle_for_s=0.05)
        with pytest.raises(Refused) as refusal:
            await session.control.pause()
        assert refusal.value.key == "not_confirmed"


async def test_a_job_that_ends_under_a_command_is_told() -> None:
    async with line(delay_s=1e9) as (shop, session):
        shop.printing()
        pausing = asyncio.ensure_future(session.control.pause())
        await accepted(shop)
        shop.machine.cancel()
        with pytest.raises(Refused) as refusal:
            await pausing
        assert refusal.value.key == "job_changed"


@pytest.mark.parametrize(("status", "key"), [(404, "job_changed"), (409, "wrong_state")])
async def test_refusals_of_the_printer_keep_their_meaning(status: int, key: str) -> None:
    async with line() as (shop, session):
        shop.printing()
        shop.sim.trouble.append(("/pause", status))
        with pytest.raises(Refused) as refusal:
            await session.control.pause()
        assert refusal.value.key == key
        assert refusal.value.reason


@DIALECTS
async def test_a_printer_that_asks_something_is_answered_on_its_screen(dialect: str) -> None:
    async with line(dialect=dialect) as (shop, session):
        assert session.prompt is None
        shop.printing()
        shop.machine.inject(Fault.RUNOUT)
        for command in (session.control.resume, session.control.pause):
            with pytest.raises(Refused) as refusal:
                await command()
            assert refusal.value.key == "wrong_state"
            assert "screen" in refusal.value.reason


async def test_a_job_that_asks_something_can_be_cancelled_in_the_firmware() -> None:
    async with line() as (shop, session):
        shop.printing()
        shop.machine.inject(Fault.JAM)
        await session.control.cancel()
        assert shop.machine.phase == "cancelled"


@pytest.mark.parametrize("word", ["BUSY", "PRINTING", "PAUSED", "ATTENTION"])
async def test_a_start_goes_out_only_to_a_printer_that_is_ready_now(word: str) -> None:
    async with line() as (shop, session):
        shop.sim.forced_word = word
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode")
        assert refusal.value.key == "printer_busy"
        assert not [entry for entry in shop.sim.log if entry.startswith("POST")]
        assert shop.machine.starts_seen == 0


async def test_the_daemon_takes_no_start_while_it_shows_a_result() -> None:
    """As the real one: it says STOPPED for eleven seconds and refuses."""
    async with line(dialect="pi") as (shop, session):
        shop.printing()
        await session.control.cancel()
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode")
        assert refusal.value.key == "printer_busy"
        shop.time.seconds += 12
        await session.control.start("/part.gcode")


async def test_two_starts_at_once_are_one_print() -> None:
    async with line() as (shop, session):
        start = session.control.start
        results = await asyncio.gather(
            start("/part.gcode"), start("/part.gcode"), return_exceptions=True
        )
        assert [type(result) for result in results] == [type(None), Refused]
        assert shop.machine.starts_seen == 1


@DIALECTS
async def test_a_start_that_does_not_show_yet_is_not_followed_by_another(dialect: str) -> None:
    """Between 204 and the first move the printer still says IDLE: two wishes, two prints."""
    async with line(dialect=dialect, delay_s=5) as (shop, session):
        first = asyncio.ensure_future(session.control.start("/part.gcode"))
        second = asyncio.ensure_future(session.control.start("/part.gcode"))
        await accepted(shop)
        assert not first.done()
        shop.time.seconds += 6
        await first
        with pytest.raises(Refused) as refusal:
            await second
        assert refusal.value.key == "printer_busy"
        assert len([entry for entry in shop.sim.log if entry.startswith("POST")]) == 1


async def test_a_start_that_never_shows_is_told() -> None:
    """Accepted and forgotten: the queue must not take the job for running."""
    async with line(delay_s=1e9) as (shop, session):
        session._client.pace = type(session._client.pace)(settle_every_s=0.01, settle_for_s=0.05)
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode")
        assert refusal.value.key == "not_confirmed"
        assert shop.machine.starts_seen == 0


@pytest.mark.parametrize(("status", "key"), [(404, "file_missing"), (409, "printer_busy")])
async def test_a_refused_start_says_why(status: int, key: str) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("part.gcode", status))
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode")
        assert refusal.value.key == key


async def test_a_second_plate_is_refused_because_there_is_none() -> None:
    async with line() as (shop, session):
        with pytest.raises(Refused) as refusal:
            await session.control.start("/part.gcode", plate=2)
        assert refusal.value.key == "not_supported"
        await session.control.start("/part.gcode", plate=1)
        assert shop.machine.starts_seen == 1


# -- camera --------------------------------------------------------------------------------------


async def test_only_a_daemon_with_a_camera_has_a_camera() -> None:
    async with line(dialect="pi") as (_, session):
        assert session.cameras.get("camera") is None
    async with line() as (_, session):
        assert session.cameras.get("camera") is None


async def test_pictures_come_when_they_are_there() -> None:
    async with line(dialect="pi") as (shop, _):
        shop.sim.camera = True
        async with shop.driver().connect() as session:
            camera = session.cameras.get("camera")
            assert camera is not None
            assert camera.stream_source is None
            assert await camera.snapshot() is None
            shop.sim.snapshots = [b"jpeg-1"]
            assert await camera.snapshot() == b"jpeg-1"
            assert await camera.snapshot() == b"jpeg-1"
            shop.sim.snapshots = [b"jpeg-1", b"jpeg-2", b"jpeg-3"]
            frames = camera.frames()
            assert [await anext(frames) for _ in range(3)] == [b"jpeg-1", b"jpeg-2", b"jpeg-3"]
            await frames.aclose()
            shop.sim.camera = False
            assert await camera.snapshot() is None


async def test_a_broken_camera_answer_is_an_error_and_an_old_daemon_has_no_camera() -> None:
    async with line(dialect="pi") as (shop, _):
        shop.sim.trouble.append(("cameras", 404))
        async with shop.driver().connect() as session:
            assert session.cameras.get("camera") is None
        shop.sim.camera = True
        async with shop.driver().connect() as session:
            shop.sim.trouble.append(("snap", b"{}"))
            with pytest.raises(Exception, match="picture"):
                await session.cameras.get("camera").snapshot()
            shop.sim.trouble.append(("snap", 409))
            with pytest.raises(Refused):
                await session.cameras.get("camera").snapshot()
