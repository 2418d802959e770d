"""What a notice shows of a job: the camera's picture, the file's, and both side by side."""

from __future__ import annotations

import asyncio
import io
from pathlib import Path
from typing import Any
from unittest.mock import patch
from uuid import UUID, uuid4

from aiohttp.test_utils import TestClient
from homeassistant.auth.models import User
from homeassistant.core import HomeAssistant
from PIL import Image
from pytest_homeassistant_custom_component.common import async_capture_events
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer import job_pictures, snapshots
from custom_components.printernizer.const import DOMAIN, EVENT_JOB, EVENT_SNAPSHOT
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState
from custom_components.printernizer.eyes import Eyes
from custom_components.printernizer.job_links import Look, picture_url
from custom_components.printernizer.snapshots import Snapshots
from tests.rich_printer import JPEG, RichPrinter, SetUp, Stand, set_up, stand  # noqa: F401
from tests.test_announce import a_job

RED, GREEN = (200, 30, 30), (30, 160, 60)
JOB = CurrentJob(id="9", name="Vase", path="/vase.3mf", plate=1)


def picture(
    colour: tuple[int, int, int], kind: str = "JPEG", size: tuple[int, int] = (64, 48)
) -> bytes:
    """Return a picture of one colour."""
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind)
    return out.getvalue()


def near(seen: tuple[int, ...], colour: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 12 for one, other in zip(seen, colour, strict=True))


def shown(content: bytes) -> tuple[tuple[int, int], tuple[int, ...], tuple[int, ...]]:
    """Return the size of a picture, and its colours left and right of the middle."""
    with Image.open(io.BytesIO(content)) as opened:
        plain = opened.convert("RGB")
    width, height = plain.size
    left, right = (plain.getpixel((x, height // 2)) for x in (width // 3, width * 5 // 6))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    return plain.size, left, right


async def seeing(set_up: SetUp, **changes: Any) -> Stand:
    """Set up a printer at rest, with a red camera and green files."""
    printer = RichPrinter()
    printer.still = picture(RED)
    printer.pictures = [picture(GREEN, "PNG", (40, 40))]
    for name, value in changes.items():
        setattr(printer, name, value)
    printer.say(state=PrinterState.IDLE, job=None)
    return await set_up(printer)


async def begun(stand: Stand, job: CurrentJob = JOB) -> dict[str, Any]:
    """Begin a job; return what the house was told of it."""
    events = async_capture_events(stand.hass, EVENT_JOB)
    await stand.say(state=PrinterState.PRINTING, job=job)
    async with asyncio.timeout(10):
        while not events:
            await asyncio.sleep(0.005)
    return dict(events[0].data)


async def fetch(client: TestClient[Any, Any], link: str | None) -> bytes:
    assert link is not None
    answer = await client.get(link)
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    return await answer.read()


async def test_a_notice_shows_camera_and_file_side_by_side(
    set_up: SetUp, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """A phone shows one picture, and knows no login."""
    stand = await seeing(set_up)
    told = (await begun(stand))["pictures"]
    phone = await hass_client_no_auth()
    size, left, right = shown(await fetch(phone, told["both"]))
    assert size == (1280, 640)
    assert near(left, RED)
    assert near(right, GREEN)
    assert await fetch(phone, told["camera"]) == stand.printer.still
    assert shown(await fetch(phone, told["preview"]))[0] == (40, 40)
    assert stand.printer.asked_pictures == 1, "a slow server is asked once for a file"


async def test_the_picture_of_an_end_is_that_of_its_end(
    set_up: SetUp, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """The notice is there before the camera has looked, and does not wait for it."""
    stand = await seeing(set_up)
    await begun(stand)
    events = async_capture_events(stand.hass, EVENT_JOB)
    kept = async_capture_events(stand.hass, EVENT_SNAPSHOT)
    looked = asyncio.Event()

    async def still(_: Eyes) -> bytes:
        await looked.wait()
        return picture(RED)

    asked, of = asyncio.Event(), Snapshots.of

    async def ask(snapshots: Snapshots, job_id: UUID) -> bytes | None:
        asked.set()
        return await of(snapshots, job_id)

    phone = await hass_client_no_auth()
    with patch.object(Eyes, "still", still), patch.object(Snapshots, "of", ask):
        await stand.say(state=PrinterState.FINISHED)
        async with asyncio.timeout(10):
            while not events:
                await asyncio.sleep(0.005)
        assert events[0].data["kind"] == "finished"
        assert not kept
        link = events[0].data["pictures"]["both"]
        waiting = asyncio.create_task(fetch(phone, link))
        await asked.wait()
        looked.set()
        assert near(shown(await waiting)[1], RED)
    async with asyncio.timeout(10):
        while not kept:
            await asyncio.sleep(0.005)
    # The next job and its picture are none of this one's business.
    stand.printer.still = picture(GREEN)
    await stand.say(state=PrinterState.PRINTING, job=CurrentJob(id="10", name="Cup"))
    link = kept[0].data["pictures"]["camera"]
    assert near(shown(await fetch(phone, link))[1], RED)
    # Old pictures go; one may go while it is being read.
    with patch.object(snapshots, "find", return_value=Path("gone.jpg")):
        assert (await phone.get(link)).status == 404


async def test_what_there_is_is_shown_alone(
    set_up: SetUp, hass_client_no_auth: ClientSessionGenerator
) -> None:
    """Half of the printers have no camera, and a camera may be out of order."""
    stand = await seeing(set_up)
    told = (await begun(stand))["pictures"]
    phone = await hass_client_no_auth()
    file = await fetch(phone, told["preview"])
    for broken in (JPEG + b"broken off", b"<html>"):
        stand.printer.still = broken
        stand.entry.runtime_data.eyes.own("camera")._still = None
        assert await fetch(phone, told["both"]) == file
    stand.printer.broken = True
    stand.entry.runtime_data.eyes.own("camera")._still = None
    assert (await phone.get(told["camera"])).status == 404
    with (
        patch.object(job_pictures, "PATIENCE_S", 0.01),
        patch.object(Eyes, "still", lambda _: asyncio.Event().wait()),
    ):
        assert await fetch(phone, told["both"]) == file


async def test_without_anything_to_see_there_is_no_link(set_up: SetUp) -> None:
    """A phone that is sent for nothing shows an error instead of the notice."""
    stand = await seeing(set_up, cameras={}, job_picture=None)
    told = await begun(stand, CurrentJob(id="9", name="Nameless"))
    assert told["pictures"] == {"camera": None, "preview": None, "both": None}
    job = stand.coordinator.job
    assert job is not None
    assert await stand.entry.runtime_data.pictures.look(job, Look.BOTH) is None


async def test_a_picture_of_the_library_stands_in(set_up: SetUp) -> None:
    """A printer without pictures prints a file that we have."""
    stand = await seeing(set_up, job_picture=None)
    told = await begun(stand)
    assert told["pictures"]["preview"] is not None
    job = stand.coordinator.job
    assert job is not None
    pictures = stand.entry.runtime_data.pictures
    assert await pictures.look(job, Look.PREVIEW) is None
    library = stand.coordinator.workshop.library
    with patch.object(type(library), "at_place", side_effect=StoreError("gone")):
        assert await pictures.look(job, Look.PREVIEW) is None


async def test_a_picture_is_for_those_who_may_see_its_printer(
    hass: HomeAssistant,
    set_up: SetUp,
    hass_client: ClientSessionGenerator,
    hass_client_no_auth: ClientSessionGenerator,
    hass_admin_user: User,
) -> None:
    """What stands on a printer may be somebody's secret."""
    stand = await seeing(set_up)
    other = await set_up(RichPrinter(serial="OTHER"))
    await begun(stand)
    job = stand.coordinator.job
    assert job is not None
    url = picture_url(stand.entry.entry_id, job.id, Look.CAMERA)
    client = await hass_client()
    assert (await client.get(url)).status == 200
    for wrong in (
        picture_url(other.entry.entry_id, job.id, Look.CAMERA),
        picture_url(stand.entry.entry_id, uuid4(), Look.CAMERA),
        f"/api/{DOMAIN}/picture/{stand.entry.entry_id}/nothing/camera",
        f"/api/{DOMAIN}/picture/{stand.entry.entry_id}/{job.id}/all",
        picture_url("nobody", job.id, Look.CAMERA),
    ):
        assert (await client.get(wrong)).status == 404, wrong
    assert (await (await hass_client_no_auth()).get(url)).status == 401
    hass_admin_user.groups = []
    hass_admin_user.invalidate_cache()
    assert (await client.get(url)).status == 403


async def test_the_next_job_of_that_name_is_looked_at_anew(set_up: SetUp) -> None:
    """People slice again and save under the same name."""
    stand = await seeing(set_up)
    same = CurrentJob(name="Vase", path="/vase.3mf")
    await begun(stand, same)
    job = stand.coordinator.job
    assert job is not None
    pictures = stand.entry.runtime_data.pictures
    first = await pictures.look(job, Look.PREVIEW)
    await stand.say(state=PrinterState.FINISHED)
    stand.printer.pictures = [picture(RED, "PNG")] * 2
    assert await pictures.look(job, Look.PREVIEW) == first
    await stand.say(state=PrinterState.IDLE, job=None)
    await begun(stand, same)
    assert stand.coordinator.job is not None
    assert await pictures.look(stand.coordinator.job, Look.PREVIEW) == picture(RED, "PNG")


async def test_events_of_others_change_nothing(stand: Stand) -> None:
    """Each printer hears the events of all."""
    pictures = stand.entry.runtime_data.pictures
    assert await pictures.look(a_job("OTHER"), Look.CAMERA) is None
