"""Webcams: Moonraker only knows their addresses, as the web frontend or its own host sees them.

A relative address belongs to the frontend (port 80 or 443, or the proxy that was named), not to
Moonraker's port; a loopback one means the server's host. A camera on another machine is left to
Home Assistant's own cameras: whoever can write the list must not send us around the network.
None of them is given our login.
"""

from __future__ import annotations

import ipaddress
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from ...errors import Garbled, Unreachable
from ..base import Orientation
from ..mjpeg import LARGEST, boundary_of, pictures
from .messages import flag, objects, text, whole

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from .address import Address
    from .messages import Json
    from .web import Http

_MJPEG: Final = frozenset({"mjpegstreamer", "mjpegstreamer-adaptive", "uv4l-mjpeg"})
_STREAMED: Final = frozenset({"ipstream", "hlsstream"})
"""Services that a player plays as they are: RTSP or HLS."""
_RTSP: Final = frozenset({"rtsp", "rtsps"})
_MOST: Final = 16
_LONGEST_URL: Final = 2048
_JPEG: Final = b"\xff\xd8"


def resolved(said: str | None, address: Address) -> URL | None:
    """Return where a camera is from here; None for what is no address, or another machine's."""
    if not said:
        return None
    try:
        given = URL(said)
        url = given if given.absolute else address.page.join(given)
        host = url.host
    except ValueError:
        return None
    if url.scheme not in {"http", "https", *_RTSP} or not host:
        return None
    if _is_loopback(host):
        return url.with_host(address.host)
    return url if host == address.host else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def cameras_of(answer: object, http: Http) -> Mapping[str, MoonrakerCamera]:
    """Read `server.webcams.list`: those that are switched on and can be shown, by name."""
    found: dict[str, MoonrakerCamera] = {}
    for item in objects(answer, "webcams")[:_MOST]:
        name = text(item, "name", 64)
        camera = MoonrakerCamera(item, http)
        if name and name not in found and flag(item, "enabled") is not False and camera.shows:
            found[name] = camera
    return found


def orientation_of(item: Json) -> Orientation:
    """Read how a camera hangs."""
    turned = whole(item, "rotation") or 0
    return Orientation(
        flip_horizontal=flag(item, "flip_horizontal") or False,
        flip_vertical=flag(item, "flip_vertical") or False,
        rotation=turned if turned in {0, 90, 180, 270} else 0,
    )


class MoonrakerCamera:
    """One webcam: pictures by request, and as a stream of them."""

    def __init__(self, item: Json, http: Http) -> None:
        self._http = http
        self.orientation = orientation_of(item)
        service = text(item, "service", 64) or "mjpegstreamer"
        stream = resolved(text(item, "stream_url", _LONGEST_URL), http.address)
        picture = resolved(text(item, "snapshot_url", _LONGEST_URL), http.address)
        self._picture = picture if picture is not None and picture.scheme not in _RTSP else None
        played = stream is not None and (service in _STREAMED or stream.scheme in _RTSP)
        self.stream_source = str(stream) if played else None
        """An address of RTSP or HLS, where that is what the camera has."""
        self._mjpeg = stream if service in _MJPEG and not played else None

    @property
    def shows(self) -> bool:
        """Whether anything can be had from it: of WebRTC alone nothing can."""
        return bool(self._picture or self._mjpeg or self.stream_source)

    async def snapshot(self) -> bytes | None:
        """One JPEG now, or None when the camera has none."""
        if self._picture is not None:
            return await self._fetch(self._picture)
        if self._mjpeg is None:
            return None
        frames = self._stream(self._mjpeg)
        try:
            return await anext(frames, None)
        finally:
            await frames.aclose()

    async def frames(self) -> AsyncIterator[bytes]:
        """JPEG frames as they come. Raises Unreachable when the stream ends."""
        if self._mjpeg is None:
            return
        async for frame in self._stream(self._mjpeg):
            yield frame
        raise Unreachable("the camera ended its stream")

    async def _stream(self, url: URL) -> AsyncGenerator[bytes]:
        async with self._open(url, total=None) as response:
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            if response.status != 200 or boundary is None:
                raise Garbled(f"no stream of pictures (HTTP {response.status})")
            async for picture in pictures(response.content.iter_any(), boundary):
                yield picture

    async def _fetch(self, url: URL) -> bytes | None:
        async with self._open(url, total=self._http.pace.answer_s) as response:
            if response.status != 200:
                return None
            body = bytearray()
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > LARGEST:
                    raise Garbled("a picture of an impossible size")
        return bytes(body) if body.startswith(_JPEG) else None

    @asynccontextmanager
    async def _open(
        self, url: URL, *, total: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask a camera: without our login, and without following where it sends us."""
        pace = self._http.pace
        timeout = aiohttp.ClientTimeout(
            total=total, sock_connect=pace.connect_s, sock_read=pace.answer_s
        )
        if self._http.session.closed:
            raise Unreachable("the HTTP session is closed")
        async with (
            self._http.line_errors(),
            self._http.session.get(
                url, timeout=timeout, allow_redirects=False, ssl=self._http.tls
            ) as response,
        ):
            yield response
