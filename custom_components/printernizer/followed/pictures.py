"""Cameras and pictures of a source, through Home Assistant's own components.

They are asked for stills only: the source keeps its one line to the camera, and a second one is
what such a printer refuses.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..engine.drivers.base import UPRIGHT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ..engine.drivers.base import Orientation
    from ..engine.printer import CurrentJob
    from .hands import Hands

_LOGGER = logging.getLogger(__name__)

FRAME_S: Final = 0.5
"""Between two stills of a moving picture. Home Assistant's cameras say 0.5 s themselves."""
_LARGEST: Final = 10 * 1024 * 1024


async def _still(hands: Hands, key: str) -> bytes | None:
    """Return a picture of a camera or an image entity, or None when it has none."""
    # Their packages want a library that is there only once a camera is set up.
    from homeassistant.components import camera, image

    session = hands.session
    bound = session.watch.bindings.present.get(key)
    if bound is None:
        return None
    component = image if bound.entity.domain == "image" else camera
    try:
        content: bytes = (await component.async_get_image(session.hass, bound.entity_id)).content
    except Exception as err:  # noqa: BLE001 - of a foreign integration, whatever it raises
        _LOGGER.debug("%s gave no picture: %s", bound.entity_id, type(err).__name__)
        return None  # it is not there yet, or has none now
    return content if 0 < len(content) <= _LARGEST else None


class FollowedCamera:
    """A camera of the source."""

    stream_source: str | None = None

    def __init__(self, hands: Hands, key: str) -> None:
        self._hands = hands
        self._key = key

    @property
    def orientation(self) -> Orientation:
        """As the source shows them."""
        return UPRIGHT

    async def snapshot(self) -> bytes | None:
        """One picture now."""
        return await _still(self._hands, self._key)

    async def frames(self) -> AsyncIterator[bytes]:
        """Yield stills, one after the other, each once."""
        last: bytes | None = None
        while True:
            frame = await self.snapshot()
            if frame is not None and frame != last:
                last = frame
                yield frame
            await self._hands.session.clock.sleep(FRAME_S)


class FollowedPicture:
    """The picture of the job that the source has."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Return it; the source has one at a time, for the job it shows."""
        return await _still(self._hands, "picture")
