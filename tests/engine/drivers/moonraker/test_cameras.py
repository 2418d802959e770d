"""Webcams that a Moonraker knows of, over real sockets."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.moonraker.address import Address
from custom_components.printernizer.engine.drivers.moonraker.cameras import cameras_of, resolved
from custom_components.printernizer.engine.drivers.moonraker.web import Credentials, Http
from custom_components.printernizer.engine.errors import Garbled, Unreachable
from tests.simulators.moonraker import QUICK, webcam_entry

from .scene import KEY, line

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from custom_components.printernizer.engine.drivers.base import Camera

    from .scene import Scene

FRAMES = [b"\xff\xd8" + bytes([n]) * 2000 + b"\xff\xd9" for n in range(4)]
HOME = Address.parse("http://printer:7125")


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ("/webcam/?action=stream", "http://printer/webcam/?action=stream"),
        ("webcam/?action=stream", "http://printer/webcam/?action=stream"),
        ("http://127.0.0.1:8080/?action=stream", "http://printer:8080/?action=stream"),
        ("http://localhost/x", "http://printer/x"),
        ("http://printer:8081/x", "http://printer:8081/x"),
        ("rtsp://printer:554/live", "rtsp://printer:554/live"),
        ("http://router.local/admin", None),
        ("//elsewhere/x", None),
        ("file:///etc/passwd", None),
        ("http://[broken", None),
        ("", None),
        (None, None),
    ],
)
def test_an_address_is_the_frontends_the_hosts_or_none_of_ours(
    said: str | None, found: str | None
) -> None:
    """Whoever writes the list of webcams must not send us to the router."""
    url = resolved(said, HOME)
    assert (None if url is None else str(url)) == found


def test_behind_a_proxy_the_frontend_is_the_proxy() -> None:
    proxied = Address.parse("https://print.example:8443/voron")
    assert str(resolved("/webcam/", proxied)) == "https://print.example:8443/webcam/"


@asynccontextmanager
async def listed(*webcams: dict[str, Any]) -> AsyncIterator[Any]:
    """Return what is made of a list of webcams."""
    async with aiohttp.ClientSession() as session:
        http = Http(session, HOME, Credentials(), pace=QUICK)
        yield cameras_of({"webcams": list(webcams)}, http)


async def test_cameras_that_are_off_or_cannot_be_shown_are_left_out() -> None:
    webrtc = {"service": "webrtc-camerastreamer", "snapshot_url": ""}
    async with listed(
        webcam_entry("main", rotation=90, flip_horizontal=True),
        webcam_entry("off", enabled=False),
        webcam_entry("main"),
        webcam_entry("webrtc", **webrtc),
        webcam_entry("still", service="webrtc-go2rtc"),
        webcam_entry("elsewhere", stream_url="http://x/", snapshot_url="http://x/"),
        webcam_entry("odd", rotation=45),
        webcam_entry(""),
        webcam_entry("ip", service="ipstream", stream_url="rtsp://printer/live", snapshot_url=""),
        webcam_entry("hls", service="hlsstream", stream_url="/hls/x.m3u8", snapshot_url=""),
    ) as cameras:
        assert list(cameras) == ["main", "still", "odd", "ip", "hls"]
        assert cameras["main"].orientation.rotation == 90
        assert cameras["main"].orientation.flip_horizontal
        assert cameras["odd"].orientation.rotation == 0
        assert cameras["main"].stream_source is None
        assert cameras["ip"].stream_source == "rtsp://printer/live"
        assert cameras["hls"].stream_source == "http://printer/hls/x.m3u8"
        assert await cameras["ip"].snapshot() is None
        assert [frame async for frame in cameras["still"].frames()] == []


def filming(shop: Scene) -> None:
    """Put a camera up, in several ways."""
    shop.sim.frames = list(FRAMES)
    shop.sim.webcams = [
        webcam_entry("bed"),
        webcam_entry("stream only", snapshot_url=""),
        webcam_entry("no stream", stream_url="/webcam/?action=snapshot"),
    ]


async def watch(camera: Camera, seen: list[bytes]) -> None:
    """Take all pictures of a stream."""
    async for frame in camera.frames():
        seen.append(frame)  # noqa: PERF401 - kept when the stream breaks


async def test_pictures_come_singly_and_as_a_stream_without_our_key() -> None:
    async with line(filming) as (shop, session):
        camera = session.cameras["bed"]
        assert await camera.snapshot() == FRAMES[0]
        assert await session.cameras["stream only"].snapshot() == FRAMES[0]
        seen: list[bytes] = []
        with pytest.raises(Unreachable):
            await watch(camera, seen)
        assert seen == FRAMES
        asked = [call for call in shop.sim.calls if "webcam" in call and "server" not in call]
        assert asked
        assert not any(KEY in call for call in asked)


async def test_a_camera_that_gives_no_pictures_says_so() -> None:
    async with line(filming) as (shop, session):
        with pytest.raises(Garbled):
            await watch(session.cameras["no stream"], [])
        shop.sim.frames = [b"<html>"]
        assert await session.cameras["bed"].snapshot() is None
        shop.sim.frames = [b"\xff\xd8" + b"x" * (11 << 20)]
        with pytest.raises(Garbled):
            await session.cameras["bed"].snapshot()
        shop.sim.frames = []
        assert await session.cameras["bed"].snapshot() is None
        await shop.http.close()
        with pytest.raises(Unreachable):
            await session.cameras["bed"].snapshot()
