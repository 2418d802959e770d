"""Snapshots from a camera of the Raspberry Pi daemon. The firmware's cameras go to Connect only."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...errors import Garbled
from ..base import UPRIGHT
from .client import SNAPSHOT_LIMIT, error_of
from .messages import flag, objects

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...workshop.clock import Clock
    from .client import Client
    from .messages import Json

_SNAP: Final = "/api/v1/cameras/snap"
_NONE_YET: Final = frozenset({204, 404, 503})
"""Nothing taken yet, unplugged meanwhile, still starting."""


def has_camera(raw: Json) -> bool:
    """Tell from `/api/v1/cameras` whether one is connected."""
    return any(flag(camera, "connected") for camera in objects(raw, "camera_list"))


class PrusaLinkCamera:
    """The daemon's default camera, a picture at a time."""

    orientation = UPRIGHT
    stream_source: None = None

    def __init__(self, client: Client, *, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._last: tuple[str | None, bytes] | None = None

    async def snapshot(self) -> bytes | None:
        """Return the newest picture (at most 10 MB), or None when there is none yet."""
        since = self._last[0] if self._last else None
        answer = await self._client.request(
            "GET",
            _SNAP,
            headers={"If-Modified-Since": since} if since else None,
            limit=SNAPSHOT_LIMIT,
        )
        if answer.status == 304 and self._last:
            return self._last[1]
        if answer.status in _NONE_YET:
            return None
        if answer.status != 200:
            raise error_of(answer)
        if not answer.headers.get("Content-Type", "").startswith("image/"):
            raise Garbled("a picture that is none", payload=answer.body)
        self._last = (answer.headers.get("Last-Modified"), answer.body)
        return answer.body

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield each new picture, for as long as somebody iterates."""
        shown: bytes | None = None
        while True:
            picture = await self.snapshot()
            if picture is not None and picture != shown:
                shown = picture
                yield picture
            await self._clock.sleep(self._client.pace.camera_s)
