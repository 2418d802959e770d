"""The last look at a print."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from uuid import uuid4

import pytest
from homeassistant.components.camera import Camera
from homeassistant.components.image import async_get_image
from homeassistant.const import STATE_UNKNOWN
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import snapshots
from custom_components.printernizer.const import CONF_CAMERA_ENTITY, EVENT_SNAPSHOT
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.snapshots import _keep, find, folder_of, job_of, newest
from tests.rich_printer import JPEG, RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401

pytest.importorskip("homeassistant.components.camera", reason="PyTurboJPEG is not installed")


async def end(stand: Stand, state: PrinterState = PrinterState.FINISHED) -> None:
    """Let the job under way end, and wait until everything that follows has happened."""
    await stand.say(state=state)
    async with asyncio.timeout(10):
        while stand.coordinator.workshop.ledger.health.pending:
            await asyncio.sleep(0.005)
    await stand.hass.async_block_till_done(wait_background_tasks=True)


async def test_an_ended_job_leaves_its_picture(stand: Stand) -> None:
    events = async_capture_events(stand.hass, EVENT_SNAPSHOT)
    assert stand.state("image", "last_snapshot").state == STATE_UNKNOWN
    await end(stand)
    job = stand.coordinator.job
    assert job is not None
    path = find(folder_of(stand.hass, "RICH0001"), job.id)
    assert path is not None
    assert path.read_bytes().startswith(JPEG)
    assert [event.data["job"]["id"] for event in events] == [str(job.id)]
    assert events[0].data["path"] == str(path)
    assert events[0].data["media_content_id"].endswith(f"{stand.entry.entry_id}/{job.id}")
    assert stand.state("image", "last_snapshot").state != STATE_UNKNOWN
    image = await async_get_image(stand.hass, stand.entity_id("image", "last_snapshot"))
    assert image.content == path.read_bytes()


async def test_the_last_picture_is_there_after_a_restart_and_while_the_printer_is_off(
    hass: HomeAssistant, set_up: SetUp
) -> None:
    folder = folder_of(hass, "RICH0001")
    folder.mkdir(parents=True)
    (folder / f"{uuid4()}.jpg").write_bytes(JPEG + b"old")
    stand = await set_up()
    await stand.go()
    image = await async_get_image(hass, stand.entity_id("image", "last_snapshot"))
    assert image.content == JPEG + b"old"
    (next(folder.iterdir())).unlink()
    with pytest.raises(HomeAssistantError):
        await async_get_image(hass, stand.entity_id("image", "last_snapshot"))
    assert stand.state("image", "last_snapshot").state != STATE_UNKNOWN


async def test_a_camera_that_fails_costs_a_picture_and_nothing_else(stand: Stand) -> None:
    events = async_capture_events(stand.hass, EVENT_SNAPSHOT)
    stand.printer.broken = True
    await end(stand)
    assert not events
    assert newest(folder_of(stand.hass, "RICH0001"), 10) == []
    assert stand.coordinator.job is not None
    assert not stand.coordinator.job.open


async def test_a_full_disk_keeps_no_picture_and_breaks_nothing(
    stand: Stand,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(snapshots, "RESERVE", 1 << 62)
    await end(stand, PrinterState.FAILED)
    assert newest(folder_of(stand.hass, "RICH0001"), 10) == []
    assert "no snapshot was kept: the disk is almost full" in caplog.text


async def test_another_camera_of_the_home_can_look_instead(
    hass: HomeAssistant,
    set_up: SetUp,
    hass_client: ClientSessionGenerator,
) -> None:
    """Many watch their printer with a camera on the wall."""
    wall = await set_up(RichPrinter(serial="WALL"))
    printer = RichPrinter(serial="BLIND")
    printer.cameras = {}
    stand = await set_up(printer)
    assert not stand.has("camera", "camera")
    source = wall.entity_id("camera", "camera")
    hass.config_entries.async_update_entry(stand.entry, options={CONF_CAMERA_ENTITY: source})
    await hass.config_entries.async_reload(stand.entry.entry_id)
    await hass.async_block_till_done()
    from homeassistant.components import camera

    seen = await camera.async_get_image(hass, stand.entity_id("camera", "camera"))
    assert seen.content.startswith(JPEG)
    assert wall.printer.snapshots == 1
    await end(stand)
    job = stand.coordinator.job
    assert job is not None
    assert find(folder_of(hass, "BLIND"), job.id) is not None
    client = await hass_client()
    url = f"/api/camera_proxy_stream/{stand.entity_id('camera', 'camera')}"
    waiting = asyncio.ensure_future(client.get(url))
    async with asyncio.timeout(10):
        while not wall.printer.open_streams:
            await asyncio.sleep(0.005)
        wall.printer.camera_frames.put_nowait(JPEG)
        answer = await waiting
        assert JPEG in await answer.content.readuntil(JPEG)
        wall.printer.camera_frames.put_nowait(None)
        await answer.release()
    await wall.go()
    assert stand.state("camera", "camera").state == "unavailable"
    await hass.config_entries.async_unload(wall.entry.entry_id)
    assert await stand.entry.runtime_data.eyes.still() is None
    with pytest.raises(HomeAssistantError):
        await camera.async_get_image(hass, stand.entity_id("camera", "camera"))
    assert await camera_of(stand).stream_source() is None


async def test_the_stream_of_an_assigned_camera_is_its_own(
    hass: HomeAssistant,
    set_up: SetUp,
) -> None:
    lens = RichPrinter(serial="WALL")
    lens.stream = "rtsp://127.0.0.1/wall"
    wall = await set_up(lens)
    stand = await set_up(RichPrinter(serial="MINE"))
    hass.config_entries.async_update_entry(
        stand.entry, options={CONF_CAMERA_ENTITY: wall.entity_id("camera", "camera")}
    )
    await hass.config_entries.async_reload(stand.entry.entry_id)
    await hass.async_block_till_done()
    mine = camera_of(stand)
    assert mine.supported_features
    assert not mine.use_stream_for_stills
    assert await mine.stream_source() == lens.stream


def camera_of(stand: Stand) -> Camera:
    """Return the entity behind the printer's main camera."""
    from homeassistant.components.camera.const import DATA_COMPONENT

    entity = stand.hass.data[DATA_COMPONENT].get_entity(stand.entity_id("camera", "camera"))
    assert entity is not None
    return entity


def test_the_oldest_pictures_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshots, "MOST", 2)
    kept = []
    for number in range(4):
        path = _keep(tmp_path, uuid4(), JPEG, ".jpg")
        os.utime(path, (number, number))
        kept.append(path)
    assert newest(tmp_path, 10)[0] == kept[3]
    assert len(newest(tmp_path, 10)) == 2
    assert not list(tmp_path.glob("*.part"))
    assert job_of(tmp_path / "notes.jpg") is None
    assert newest(tmp_path / "none", 10) == []


async def test_a_camera_that_never_answers_is_not_waited_for_for_ever(
    stand: Stand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(snapshots, "LOOK_S", 0.01)

    async def never() -> bytes:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(stand.entry.runtime_data.eyes, "still", never)
    await end(stand)
    assert newest(folder_of(stand.hass, "RICH0001"), 10) == []


async def test_what_a_camera_sends_instead_of_a_picture_is_not_kept(
    stand: Stand,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def page() -> bytes:
        return b"<html>"

    monkeypatch.setattr(stand.entry.runtime_data.eyes, "still", page)
    await end(stand)
    assert newest(folder_of(stand.hass, "RICH0001"), 10) == []
