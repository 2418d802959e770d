"""The camera: one upstream for all viewers, and no secret anywhere."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from aiohttp.test_utils import TestClient
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from homeassistant.setup import async_setup_component
from PIL import Image

from custom_components.printernizer.engine.drivers.base import Orientation
from custom_components.printernizer.frames import SharedFrames
from tests.hand_clock import HandClock, settle
from tests.rich_printer import (  # noqa: F401
    JPEG,
    RichPrinter,
    SetUp,
    Stand,
    set_up,
    stand,
)

camera = pytest.importorskip(
    "homeassistant.components.camera", reason="PyTurboJPEG is not installed"
)
SECRET = "rtsps://bblp:s3cr3t@127.0.0.1:322/streaming/live/1"


async def still(stand: Stand) -> bytes:
    image = await camera.async_get_image(stand.hass, stand.entity_id("camera", "camera"))
    content: bytes = image.content
    return content


async def test_one_still_serves_everybody_who_asks_at_once(
    stand: Stand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each of them would open a line of its own to a printer that bears one."""
    clock = HandClock()
    monkeypatch.setattr(stand.coordinator.workshop, "clock", clock)
    first, second = await asyncio.gather(still(stand), still(stand))
    assert first == second
    assert stand.printer.snapshots == 1
    await clock.advance(2)
    assert await still(stand) != first


async def test_no_picture_is_told_as_such(stand: Stand) -> None:
    stand.printer.broken = True
    with pytest.raises(HomeAssistantError):
        await still(stand)
    stand.printer.broken = False
    stand.printer.cameras = {}
    with pytest.raises(HomeAssistantError):
        await still(stand)


async def test_viewers_share_one_upstream_that_ends_with_the_last_of_them() -> None:
    printer = RichPrinter()
    shared = SharedFrames(lambda: printer, HandClock)  # type: ignore[arg-type, return-value]
    one, two = shared.frames(), shared.frames()
    waiting = [asyncio.ensure_future(anext(viewer)) for viewer in (one, two)]
    await settle()
    printer.camera_frames.put_nowait(JPEG + b"1")
    assert await asyncio.gather(*waiting) == [JPEG + b"1"] * 2
    assert (printer.opened, shared.viewers, shared.latest) == (1, 2, JPEG + b"1")
    await one.aclose()
    assert printer.open_streams == 1
    await two.aclose()
    assert (printer.open_streams, shared.viewers, shared.latest) == (0, 0, None)


async def test_a_slow_viewer_misses_frames_and_sees_none_twice() -> None:
    printer = RichPrinter()
    shared = SharedFrames(lambda: printer, HandClock)  # type: ignore[arg-type, return-value]
    viewer = shared.frames()
    for number in b"123":
        printer.camera_frames.put_nowait(JPEG + bytes([number]))
    seen = [await anext(viewer)]
    await settle()
    for number in b"45":
        printer.camera_frames.put_nowait(JPEG + bytes([number]))
    await settle()
    seen.append(await anext(viewer))
    printer.camera_frames.put_nowait(None)
    assert [frame async for frame in viewer] == []
    assert seen[1] == JPEG + b"5"
    assert len(set(seen)) == len(seen)


@pytest.mark.parametrize("broken", [False, True])
async def test_a_camera_that_ends_its_stream_ends_it_for_all_and_can_be_opened_again(
    broken: bool,
) -> None:
    printer = RichPrinter()
    printer.broken = broken
    shared = SharedFrames(lambda: printer, HandClock)  # type: ignore[arg-type, return-value]
    viewer = shared.frames()
    printer.camera_frames.put_nowait(JPEG)
    assert await anext(viewer) == JPEG
    printer.camera_frames.put_nowait(None)
    assert [frame async for frame in viewer] == []
    again = shared.frames()
    printer.camera_frames.put_nowait(JPEG)
    assert await anext(again) == JPEG
    assert printer.opened == 2
    await again.aclose()


async def test_without_a_line_there_are_no_frames() -> None:
    assert [frame async for frame in SharedFrames(lambda: None, HandClock).frames()] == []


async def test_a_browser_gets_frames_until_it_leaves(
    stand: Stand, hass_client: object, socket_enabled: None
) -> None:
    client: TestClient = await hass_client()  # type: ignore[operator]
    for number in b"12":
        stand.printer.camera_frames.put_nowait(JPEG + bytes([number]))
    response = await client.get(f"/api/camera_proxy_stream/{stand.entity_id('camera', 'camera')}")
    assert response.content_type == "multipart/x-mixed-replace"
    assert b"Content-Type: image/jpeg" in await response.content.readuntil(JPEG)
    assert await still(stand)
    assert stand.printer.snapshots == 0
    response.close()
    async with asyncio.timeout(5):
        while stand.printer.open_streams:
            stand.printer.camera_frames.put_nowait(JPEG)
            await asyncio.sleep(0.01)


async def test_a_camera_that_hangs_up_ends_the_browsers_stream(
    stand: Stand, hass_client: object, socket_enabled: None
) -> None:
    client: TestClient = await hass_client()  # type: ignore[operator]
    stand.printer.camera_frames.put_nowait(JPEG)
    stand.printer.camera_frames.put_nowait(None)
    response = await client.get(f"/api/camera_proxy_stream/{stand.entity_id('camera', 'camera')}")
    assert JPEG in await response.read()


async def test_a_stream_is_handed_to_home_assistant_and_its_secret_to_nobody(
    hass: HomeAssistant, set_up: SetUp, caplog: pytest.LogCaptureFixture
) -> None:
    await async_setup_component(hass, "homeassistant", {})
    printer = RichPrinter()
    printer.stream = SECRET
    stand = await set_up(printer)
    state = stand.state("camera", "camera")
    assert state.attributes["supported_features"] == camera.CameraEntityFeature.STREAM
    entity = camera.get_camera_from_entity_id(hass, state.entity_id)
    assert entity.use_stream_for_stills
    assert await entity.stream_source() == SECRET
    printer.cameras = {}
    assert await entity.stream_source() is None
    assert "s3cr3t" not in json.dumps(state.as_dict(), default=str)
    assert "s3cr3t" not in caplog.text


async def test_unloading_closes_the_upstream(stand: Stand) -> None:
    entity = camera.get_camera_from_entity_id(stand.hass, stand.entity_id("camera", "camera"))
    viewer = entity._shared.frames()
    stand.printer.camera_frames.put_nowait(JPEG)
    await anext(viewer)
    assert await stand.hass.config_entries.async_unload(stand.entry.entry_id)
    assert stand.printer.open_streams == 0
    assert [frame async for frame in viewer] == []


async def test_a_printer_without_a_camera_has_none(set_up: SetUp) -> None:
    printer = RichPrinter()
    printer.cameras = {}
    stand = await set_up(printer)
    assert not stand.has("camera", "camera")


async def test_every_camera_of_a_printer_is_there_and_the_right_way_up(
    hass: HomeAssistant,
    set_up: SetUp,
) -> None:
    """A camera that hangs upside down is the usual one at a print head."""
    out = io.BytesIO()
    Image.new("RGB", (64, 32)).save(out, "JPEG")
    printer, nozzle = RichPrinter(), RichPrinter()
    nozzle.orientation = Orientation(rotation=90)
    nozzle.still = out.getvalue()
    printer.cameras = {"camera": printer, "Düse": nozzle}
    stand = await set_up(printer)
    entity_id = stand.entity_id("camera", "camera_duse")
    assert stand.hass.states.get(entity_id).name.endswith("Camera Düse")
    image = await camera.async_get_image(hass, entity_id)
    with Image.open(io.BytesIO(image.content)) as seen:
        assert seen.size == (32, 64)
    assert (await still(stand)).startswith(JPEG)


async def test_one_bad_frame_is_not_the_end_of_a_stream() -> None:
    out = io.BytesIO()
    Image.new("RGB", (64, 32)).save(out, "JPEG")
    printer = RichPrinter()
    printer.orientation = Orientation(flip_vertical=True)
    shared = SharedFrames(lambda: printer, HandClock)  # type: ignore[arg-type, return-value]
    viewer = shared.frames()
    waiting = asyncio.ensure_future(anext(viewer))
    for frame in (b"rubbish", out.getvalue()):
        printer.camera_frames.put_nowait(frame)
    async with asyncio.timeout(10):
        assert (await waiting).startswith(b"\xff\xd8")
    await viewer.aclose()
    assert shared.camera is printer
