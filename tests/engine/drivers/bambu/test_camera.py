"""The chamber camera over a real socket: one line, many viewers."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from custom_components.printernizer.engine.drivers.bambu import camera as camera_module
from custom_components.printernizer.engine.drivers.bambu.camera import JpegCamera, StreamCamera
from custom_components.printernizer.engine.drivers.bambu.certificate import Pin
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    Garbled,
    Unreachable,
)
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.bambu import BambuSimulator, driver_for
from tests.simulators.bambu_camera import SMALLEST_JPEG

from .test_line import SERIAL, machine

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "bambu" / "camera"


def simulator(model: str = "P1S") -> BambuSimulator:
    return BambuSimulator(machine(), model, ftps=False, interval_s=0.05)


def camera_of(sim: BambuSimulator, code: str | None = None, pin: Pin | None = None) -> JpegCamera:
    return JpegCamera(sim.host, sim.camera_port, pin or Pin(None, SERIAL), code or sim.access_code)


async def test_many_viewers_share_one_line_to_the_printer() -> None:
    """A printer serves one viewer: the second tab must not throw out the first."""
    async with simulator() as sim:
        assert sim.camera
        camera = camera_of(sim)
        viewers = [camera.frames() for _ in range(5)]
        pictures = await asyncio.gather(*(anext(viewer) for viewer in viewers))
        assert set(pictures) == {SMALLEST_JPEG}
        await asyncio.gather(*(anext(viewer) for viewer in viewers))
        assert sim.camera.logins == 1
        for viewer in viewers:
            await viewer.aclose()
        await camera.close()


async def test_the_line_is_closed_when_nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "LINGER_S", 0.1)
    async with simulator() as sim:
        assert sim.camera
        camera = camera_of(sim)
        assert await camera.snapshot() == SMALLEST_JPEG
        assert await camera.snapshot() == SMALLEST_JPEG
        assert sim.camera.logins == 1
        async with asyncio.timeout(3):
            while sim.camera.viewers:
                await asyncio.sleep(0.02)
        assert await camera.snapshot() == SMALLEST_JPEG
        assert sim.camera.logins == 2
        await camera.close()


async def test_a_wrong_code_is_said_to_be_one() -> None:
    async with simulator() as sim:
        camera = camera_of(sim, "00000000")
        with pytest.raises(AccessDenied):
            await camera.snapshot()
        await camera.close()


async def test_a_stranger_is_shown_no_code() -> None:
    async with simulator() as sim:
        assert sim.camera
        camera = camera_of(sim, pin=Pin("00" * 32, None))
        with pytest.raises(CertificateChanged):
            await camera.snapshot()
        assert sim.camera.logins == 0
        await camera.close()


async def test_live_view_switched_off_gives_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "FIRST_S", 0.2)
    async with simulator() as sim:
        assert sim.camera
        sim.camera.switched_on = False
        camera = camera_of(sim)
        assert await camera.snapshot() is None
        await camera.close()


async def test_a_camera_without_pictures_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(camera_module, "SILENCE_S", 0.2)
    async with simulator() as sim:
        assert sim.camera
        sim.camera.switched_on = False
        camera = camera_of(sim)
        with pytest.raises(Unreachable):
            await camera.snapshot()
        await camera.close()


async def test_a_camera_taken_by_another_app_ends_for_all_and_can_be_tried_again() -> None:
    async with simulator() as sim:
        assert sim.camera
        camera = camera_of(sim)
        frames = camera.frames()
        await anext(frames)
        sim.camera.cut()
        with pytest.raises(Unreachable):  # noqa: PT012
            while True:
                await anext(frames)
        assert await camera.snapshot() == SMALLEST_JPEG
        await camera.close()


async def test_a_picture_of_impossible_size_is_not_read() -> None:
    async with simulator() as sim:
        assert sim.camera
        sim.camera.claimed_size = 1 << 30
        camera = camera_of(sim)
        with pytest.raises(Garbled):
            await camera.snapshot()
        await camera.close()


async def test_what_is_no_jpeg_is_left_out() -> None:
    async with simulator() as sim:
        assert sim.camera
        sim.camera.picture = b"not a picture"
        camera = camera_of(sim)
        frames = camera.frames()
        waiting = asyncio.ensure_future(anext(frames))
        await asyncio.sleep(0.2)
        sim.camera.picture = SMALLEST_JPEG
        assert await asyncio.wait_for(waiting, 3) == SMALLEST_JPEG
        await camera.close()
        await frames.aclose()


async def test_an_absent_camera_is_unreachable() -> None:
    async with simulator() as sim:
        camera = camera_of(sim)
    with pytest.raises(Unreachable):
        await camera.snapshot()
    await camera.close()


async def test_the_session_holds_the_camera_its_model_has() -> None:
    async with simulator() as sim, driver_for(sim, SystemClock()).connect() as line:
        assert line.cameras
        assert line.cameras["camera"].stream_source is None
        assert await line.cameras["camera"].snapshot() == SMALLEST_JPEG


@pytest.mark.parametrize(("url", "there"), [("disable", False), ("rtsps://x", True)])
async def test_video_is_offered_only_when_live_view_is_on(url: str, there: bool) -> None:
    async with simulator("X1C") as sim:
        sim.wire.rtsp_url = url
        async with driver_for(sim, SystemClock()).connect() as line:
            assert (bool(line.cameras)) is there
            if line.cameras:
                source = line.cameras["camera"].stream_source
                assert source == f"rtsps://bblp:{sim.access_code}@127.0.0.1:322/streaming/live/1"
                assert await line.cameras["camera"].snapshot() is None
                assert [frame async for frame in line.cameras["camera"].frames()] == []
                assert sim.access_code not in repr(line.cameras["camera"])


def test_an_ipv6_address_is_bracketed() -> None:
    assert StreamCamera("fe80::1", "a/b").stream_source.startswith("rtsps://bblp:a%2Fb@[fe80::1]:")


async def test_the_login_is_the_recorded_one() -> None:
    recorded = FIXTURES / "auth_packet_12345678.bin"
    if not recorded.is_file():
        pytest.skip("no recorded camera login here")
    packed = camera_module._LOGIN.pack(0x40, 0x3000, 0, 0, b"bblp", b"12345678")
    assert packed == recorded.read_bytes()


async def test_recorded_frames_are_read() -> None:
    recorded = FIXTURES / "two_frames.bin"
    if not recorded.is_file():
        pytest.skip("no recorded frames here")
    reader = asyncio.StreamReader()
    reader.feed_data(recorded.read_bytes())
    reader.feed_eof()
    for _ in range(2):
        frame = await camera_module._next_frame(reader, silent=False)
        assert frame.startswith(b"\xff\xd8")
        assert frame.endswith(b"\xff\xd9")
