"""Webcams: OctoPrint only knows their addresses, as a browser or as its own host sees them.

A relative address belongs to the server's own host, and a loopback one means that host. Cameras
get no key of ours, wherever they are.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from ...errors import Garbled, Unreachable
from ..base import MAIN_CAMERA, Orientation
from ..mjpeg import LARGEST, boundary_of, pictures
from .address import is_loopback
from .client import read
from .reading import flag, obj, objects, text

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping

    from .address import Address
    from .client import Client
    from .reading import Json

_CLASSIC: Final = "classic"
"""What OctoPrint calls the one camera of everybody who set up nothing else."""
_MOST: Final = 16
_BEGIN: Final = b"\xff\xd8"


@dataclass(frozen=True, kw_only=True, slots=True)
class Webcam:
    """One camera as the settings tell it; its addresses may hold a login."""

    name: str
    stream: str | None
    snapshot: str | None
    orientation: Orientation


def webcams_of(settings: Json) -> tuple[Webcam, ...]:
    """Return the cameras of `settings.webcam`, the default one first."""
    if settings.get("webcamEnabled") is False:
        return ()
    if not isinstance(settings.get("webcams"), list):
        one = _webcam(MAIN_CAMERA, settings, settings, "streamUrl", "snapshotUrl")
        return (one,) if one.stream or one.snapshot else ()
    first = text(settings, "defaultWebcam", 64)
    found = []
    for entry in objects(settings, "webcams", _MOST):
        name = text(entry, "name", 64)
        if name is None:
            continue
        compat = {**obj(entry, "extras"), **obj(entry, "compat")}
        shown = MAIN_CAMERA if name == _CLASSIC else name
        camera = _webcam(shown, entry, compat, "stream", "snapshot")
        if camera.stream or camera.snapshot:
            found.append((name != first, camera))
    return tuple(camera for _, camera in sorted(found, key=lambda item: item[0]))


def _webcam(name: str, entry: Json, urls: Json, stream: str, snapshot: str) -> Webcam:
    return Webcam(
        name=name,
        stream=text(urls, stream, 2048),
        snapshot=text(urls, snapshot, 2048),
        orientation=Orientation(
            flip_horizontal=flag(entry, "flipH"),
            flip_vertical=flag(entry, "flipV"),
            # OctoPrint turns the other way round.
            rotation=270 if flag(entry, "rotate90") else 0,
        ),
    )


def resolved(said: str | None, address: Address) -> URL | None:
    """Return where a camera is from here, or None for what is no address of one."""
    if said is None:
        return None
    try:
        given = URL(said)
        if not given.absolute:
            root = URL(f"{address.base}/", encoded=True)
            given = root.join(given)
            return given if given.host == address.host else None
        host = given.host
    except ValueError:
        return None
    if given.scheme not in {"http", "https", "rtsp", "rtsps"} or not host:
        return None
    return given.with_host(address.host) if is_loopback(host) else given


def snapshot_urls(camera: Webcam, address: Address) -> tuple[URL, ...]:
    """Return where a picture may be had, the likeliest first.

    The snapshot's address is fetched by the server itself, so it is often one that only its host
    can reach; the stream's is for browsers, and mjpg-streamer serves both from one.
    """
    own = resolved(camera.snapshot, address)
    stream = resolved(camera.stream, address)
    found = []
    if stream is not None and stream.query.get("action") == "stream":
        found.append(stream.update_query(action="snapshot"))
    if own is not None and own.scheme in {"http", "https"}:
        inner = camera.snapshot is not None and _inner(camera.snapshot)
        found.insert(len(found) if inner else 0, own)
    return tuple(dict.fromkeys(found))


def _inner(said: str) -> bool:
    host = URL(said).host
    return host is not None and is_loopback(host)


def cameras_of(settings: Json, client: Client) -> Mapping[str, OctoPrintCamera]:
    """Return the cameras that show anything, by name."""
    cameras = {}
    for webcam in webcams_of(settings):
        camera = OctoPrintCamera(webcam, client)
        if camera.shows:
            cameras[webcam.name] = camera
    return cameras


class OctoPrintCamera:
    """One webcam: pictures by request, and as a stream of them."""

    def __init__(self, webcam: Webcam, client: Client) -> None:
        self._client = client
        self._snapshots = snapshot_urls(webcam, client.address)
        stream = resolved(webcam.stream, client.address)
        rtsp = stream is not None and stream.scheme.startswith("rtsp")
        self._rtsp = str(stream) if rtsp else None
        self._mjpeg = stream if stream is not None and not rtsp and _is_mjpeg(stream) else None
        self.orientation = webcam.orientation

    @property
    def shows(self) -> bool:
        """Whether there is anything to be had from it (WebRTC alone: nothing)."""
        return bool(self._snapshots or self._mjpeg or self._rtsp)

    @property
    def stream_source(self) -> str | None:
        """An RTSP URL where that is what it has."""
        return self._rtsp

    async def snapshot(self) -> bytes | None:
        """One JPEG now, or None when the camera gives none."""
        error: Unreachable | Garbled | None = None
        for url in self._snapshots:
            try:
                if (picture := await self._picture(url)) is not None:
                    return picture
            except (Unreachable, Garbled) as err:
                error = err
        if self._mjpeg is not None:
            frames = self._frames(self._mjpeg)
            try:
                async for frame in frames:
                    return frame
            finally:
                await frames.aclose()
        if error is not None:
            raise error
        return None

    async def frames(self) -> AsyncIterator[bytes]:
        """JPEG frames as they come. Raises Unreachable when the stream ends."""
        if self._mjpeg is None:
            return
        async for frame in self._frames(self._mjpeg):
            yield frame
        raise Unreachable("the camera ended its stream")

    async def _frames(self, url: URL) -> AsyncGenerator[bytes]:
        async with self._open(url, total=None) as response:
            boundary = boundary_of(response.headers.get("Content-Type", ""))
            if response.status != 200 or boundary is None:
                raise Garbled(f"no stream of pictures (HTTP {response.status})")
            async for picture in pictures(response.content.iter_any(), boundary):
                yield picture

    async def _picture(self, url: URL) -> bytes | None:
        async with self._open(url, total=self._client.pace.answer_s) as response:
            if response.status != 200:
                return None
            picture = await read(response, LARGEST)
        return picture if picture.startswith(_BEGIN) else None

    @asynccontextmanager
    async def _open(
        self, url: URL, *, total: float | None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Ask a camera: without our key, and without following where it sends us."""
        pace = self._client.pace
        timeout = aiohttp.ClientTimeout(
            total=total, sock_connect=pace.connect_s, sock_read=pace.answer_s
        )
        ours = url.scheme == "https" and (url.host, url.port) == (
            self._client.address.host,
            self._client.address.port,
        )
        if self._client.http.closed:
            raise Unreachable("the line is closed")
        async with (
            self._client.line_errors(),
            self._client.http.get(
                url,
                timeout=timeout,
                allow_redirects=False,
                ssl=self._client.tls if ours else True,
            ) as response,
        ):
            yield response


def _is_mjpeg(url: URL) -> bool:
    """Leave out what a browser plays with a script."""
    return url.scheme in {"http", "https"} and not url.path.endswith((".m3u8", ".mp4", ".html"))
