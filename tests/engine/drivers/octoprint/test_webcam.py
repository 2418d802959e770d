"""Webcams of an OctoPrint: found from outside, shown as they hang, and never given our key."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers.base import Orientation
from custom_components.printernizer.engine.drivers.mjpeg import (
    LARGEST,
    boundary_of,
    pictures,
)
from custom_components.printernizer.engine.drivers.octoprint.address import Address, is_loopback
from custom_components.printernizer.engine.drivers.octoprint.webcam import (
    Webcam,
    resolved,
    snapshot_urls,
    webcams_of,
)
from custom_components.printernizer.engine.errors import Garbled, Unreachable
from tests.simulators.octoprint import JPEG

from .scene import KEY, scene

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.simulators.octoprint import OctoPrintSimulator

HOME = Address.parse("https://octopi.local/octoprint")


@asynccontextmanager
async def cameras(*entries: dict[str, Any], **options: Any) -> AsyncIterator[Any]:
    def set_up(sim: OctoPrintSimulator) -> None:
        if entries:
            sim.webcams = list(entries)

    async with scene(set_up=set_up, **options) as shop:
        yield shop


@pytest.mark.parametrize("version", ["1.8.7", "1.11.8", "2.0.0rc7"])
async def test_the_one_camera_of_everybody_gives_pictures(version: str) -> None:
    """Its snapshot's address is loopback: that of OctoPrint's own host, not of ours."""
    async with cameras(version=version) as shop:
        assert list(shop.session.cameras) == ["camera"]
        camera = shop.session.cameras["camera"]
        assert camera.stream_source is None
        assert camera.orientation == Orientation()
        assert await camera.snapshot() == JPEG
        frames = camera.frames()
        assert [await anext(frames), await anext(frames)] == [JPEG, JPEG]
        await frames.aclose()
        assert shop.sim.webcam_headers
        assert not any(KEY in str(headers) for headers in shop.sim.webcam_headers)


async def test_several_cameras_have_their_names_the_default_one_first() -> None:
    def second_first(sim: OctoPrintSimulator) -> None:
        settings = sim._settings

        def changed() -> dict[str, Any]:
            said = settings()
            said["webcam"]["defaultWebcam"] = "top"
            said["webcam"]["webcams"] += [{"name": 3}, {}, {"name": "blind"}]
            return said

        sim.webcams = [
            {"name": "classic", "stream": "/webcam/?action=stream", "flipH": True},
            {"name": "top", "snapshot": "/webcam/?action=snapshot", "flipV": True,
             "rotate90": True},
        ]  # fmt: skip
        sim._settings = changed  # type: ignore[method-assign]

    async with scene(set_up=second_first) as shop:
        found = shop.session.cameras
        assert list(found) == ["top", "camera"]
        assert found["top"].orientation == Orientation(flip_vertical=True, rotation=270)
        assert found["camera"].orientation == Orientation(flip_horizontal=True)
        assert await found["top"].snapshot() == JPEG
        frames = found["top"].frames()
        assert [frame async for frame in frames] == []


async def test_a_camera_with_a_stream_alone_gives_a_picture_out_of_it() -> None:
    stream = {"name": "only", "stream": "/webcam/live?action=stream&x=1"}
    async with cameras(stream) as shop:
        shop.sim.trouble.append(("action=snapshot", 404))
        assert await shop.session.cameras["only"].snapshot() == JPEG


async def test_switched_off_cameras_and_those_for_browsers_only_are_none() -> None:
    async with cameras({"name": "a", "stream": "webrtc://octopi/x"}) as shop:
        assert shop.session.cameras == {}

    def off(sim: OctoPrintSimulator) -> None:
        sim.webcam_enabled = False

    async with scene(set_up=off) as shop:
        assert shop.session.cameras == {}


async def test_a_camera_that_streams_video_names_its_address() -> None:
    async with cameras({"name": "ip", "stream": "rtsp://127.0.0.1:8554/live"}) as shop:
        camera = shop.session.cameras["ip"]
        assert camera.stream_source == "rtsp://127.0.0.1:8554/live"
        assert await camera.snapshot() is None


async def test_a_camera_that_is_gone_says_so() -> None:
    async with cameras({"name": "a", "snapshot": "/webcam/?action=snapshot"}) as shop:
        camera = shop.session.cameras["a"]
        shop.sim.picture = None
        assert await camera.snapshot() is None
        shop.sim.picture = b"<html>no picture</html>"
        assert await camera.snapshot() is None
        shop.sim.trouble.extend([("/webcam", "reset")] * 2)
        with pytest.raises(Unreachable):
            await camera.snapshot()


async def test_a_stream_that_ends_or_is_none_ends_the_frames() -> None:
    async with cameras({"name": "a", "stream": "/webcam/?action=stream"}) as shop:
        camera = shop.session.cameras["a"]
        frames = camera.frames()
        assert await anext(frames) == JPEG
        shop.sim.picture = None

        async def watch() -> None:
            async for _ in frames:
                pass

        with pytest.raises(Unreachable):
            await asyncio.wait_for(watch(), 5)
        with pytest.raises(Garbled):
            await anext(camera.frames())


async def test_a_camera_of_a_closed_line_is_unreachable() -> None:
    async with cameras() as shop:
        camera = shop.session.cameras["camera"]
    with pytest.raises(Unreachable):
        await camera.snapshot()


@pytest.mark.parametrize(
    ("said", "url"),
    [
        ("/webcam/?action=stream", "https://octopi.local/webcam/?action=stream"),
        ("webcam/?action=stream", "https://octopi.local/octoprint/webcam/?action=stream"),
        ("http://127.0.0.1:8080/?action=stream", "http://octopi.local:8080/?action=stream"),
        ("http://localhost/x", "http://octopi.local/x"),
        ("http://[::1]:81/x", "http://octopi.local:81/x"),
        ("http://192.0.2.7/x.jpg", "http://192.0.2.7/x.jpg"),
        ("//evil.example/x", None),
        ("file:///etc/passwd", None),
        ("webrtc://octopi/x", None),
        ("http://", None),
        ("http://[broken", None),
        (None, None),
    ],
)
def test_an_address_is_taken_as_seen_from_here(said: str | None, url: str | None) -> None:
    found = resolved(said, HOME)
    assert (str(found) if found is not None else None) == url


def test_the_likeliest_place_of_a_picture_comes_first() -> None:
    def places(stream: str | None, snapshot: str | None) -> list[str]:
        camera = Webcam(name="a", stream=stream, snapshot=snapshot, orientation=Orientation())
        return [url.path_qs for url in snapshot_urls(camera, HOME)]

    stream = "/webcam/?action=stream"
    assert places(stream, "http://127.0.0.1:8080/?action=snapshot") == [
        "/webcam/?action=snapshot", "/?action=snapshot",
    ]  # fmt: skip
    assert places(stream, "http://cam.local/s.jpg") == ["/s.jpg", "/webcam/?action=snapshot"]
    assert places(stream, "/webcam/?action=snapshot") == ["/webcam/?action=snapshot"]
    assert places("/live", None) == []
    assert places(None, "rtsp://x/y") == []


def test_hosts_that_mean_themselves_are_known() -> None:
    for host in ("localhost", "a.localhost", "127.0.0.1", "127.8.8.8", "::1", "0.0.0.0"):
        assert is_loopback(host)
    for host in ("octopi.local", "192.0.2.1", "::2"):
        assert not is_loopback(host)


@pytest.mark.parametrize(
    "settings",
    [{}, {"webcams": 3}, {"webcams": [3, None, {"name": ""}]}, {"streamUrl": 7},
     {"webcams": [{"name": "a", "compat": 3, "extras": []}]}],
    ids=str,
)  # fmt: skip
def test_settings_without_sense_hold_no_camera(settings: dict[str, Any]) -> None:
    assert webcams_of(settings) == ()


# -- streams -------------------------------------------------------------------------------------


async def cut(data: bytes, step: int, boundary: bytes = b"--b") -> list[bytes]:
    async def chunks() -> AsyncIterator[bytes]:
        for at in range(0, len(data), step):
            yield data[at : at + step]

    return [picture async for picture in pictures(chunks(), boundary)]


@pytest.mark.parametrize("step", [1, 7, 10_000])
async def test_pictures_are_cut_out_however_they_come(step: int) -> None:
    with_length = b"--b\r\nContent-Type: image/jpeg\r\nContent-Length: 6\r\n\r\n\xff\xd8a--b\r\n"
    plain = b"--b\r\nContent-Type: image/jpeg\r\n\r\n\xff\xd8second\r\n"
    other = b"--b\r\nContent-Type: text/plain\r\n\r\nno picture\r\n"
    found = await cut(b"preamble\r\n" + with_length + other + plain + b"--b--", step)
    assert found == [b"\xff\xd8a--b", b"\xff\xd8second"]


@pytest.mark.parametrize(
    "data",
    [
        b"--b\r\n" + b"X: y\r\n" * 5000,
        b"--b\r\nContent-Length: 99999999999\r\n\r\n",
        b"--b\r\n\r\n" + b"x" * (LARGEST + 10_000),
    ],
    ids=["head", "length", "body"],
)
async def test_a_stream_without_an_end_is_garbled(data: bytes) -> None:
    with pytest.raises(Garbled):
        await cut(data, 1 << 20)


@pytest.mark.parametrize(
    ("kind", "boundary"),
    [
        ("multipart/x-mixed-replace;boundary=x", b"--x"),
        ('multipart/x-mixed-replace; a=b; boundary="--x"', b"--x"),
        ("multipart/x-mixed-replace", None),
        ("multipart/x-mixed-replace; boundary=", None),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_a_stream_is_known_by_its_type(kind: str, boundary: bytes | None) -> None:
    assert boundary_of(kind) == boundary
