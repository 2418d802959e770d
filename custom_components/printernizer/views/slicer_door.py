"""Who stands at the slicers' door: keys, and how often anybody may knock.

A wrong key costs time and counts for Home Assistant's own ban; a right one does not wait for those
who guess. Keys never reach a log, and nobody's key is taken out of an address, which logs do show.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from homeassistant.components.http.ban import process_wrong_login
from homeassistant.core import callback
from homeassistant.helpers.http import KEY_HASS
from homeassistant.util.hass_dict import HassKey

from ..const import DOMAIN
from ..engine.errors import NotAllowed
from ..engine.sender import whose
from ..senders import async_senders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from aiohttp import web
    from homeassistant.core import HomeAssistant

    from ..engine.sender import Sender

DELAY_S: Final = 1.0
"""What a wrong guess costs."""
MOST_WAITING: Final = 8
"""Guesses that are kept waiting at the same time; more are turned away at once, uncounted."""
MOST_AT_ONCE: Final = 8
"""Files that come in at the same time, of all senders."""
MOST_OF_ONE: Final = 3
MOST_A_MINUTE: Final = 30
"""Files of one sender: a farm's nightly batch gets through, a script run wild does not."""


class Door:
    """One for all of Home Assistant."""

    def __init__(self) -> None:
        self.guessing = 0
        self._inside: Counter[str] = Counter()
        self._came: dict[str, deque[float]] = {}

    def count(self) -> int:
        """Return how many files are coming in."""
        return self._inside.total()

    @contextmanager
    def inside(self, sender: Sender) -> Iterator[None]:
        """Let one file of a sender come in. Raises NotAllowed."""
        now = asyncio.get_running_loop().time()
        came = self._came.setdefault(sender.id, deque(maxlen=MOST_A_MINUTE))
        often = len(came) == MOST_A_MINUTE and now - came[0] < 60
        crowded = self.count() >= MOST_AT_ONCE or self._inside[sender.id] >= MOST_OF_ONE
        if often or crowded:
            raise NotAllowed("wait a minute", key="too_many_requests")
        came.append(now)
        self._inside[sender.id] += 1
        try:
            yield
        finally:
            self._inside[sender.id] -= 1


_DOOR: HassKey[Door] = HassKey(f"{DOMAIN}_slicer_door")


@callback
def async_door(hass: HomeAssistant) -> Door:
    """Return the door."""
    return hass.data.setdefault(_DOOR, Door())


async def async_sender(request: web.Request) -> Sender:
    """Return who sends. Raises NotAllowed: "wrong_key", "too_many_requests"."""
    hass: HomeAssistant = request.app[KEY_HASS]
    key = _key(request)
    if key and (sender := whose(async_senders(hass), key)) is not None:
        return sender
    door = async_door(hass)
    if door.guessing >= MOST_WAITING:
        raise NotAllowed("wait a minute", key="too_many_requests")
    door.guessing += 1
    try:
        if key and request.remote:
            # Without what stands behind its "?": it is logged, and may be a key. A clone forgets
            # whom a proxy asked for, and it is not the proxy that is to be banned.
            await process_wrong_login(request.clone(rel_url=request.path, remote=request.remote))
        await asyncio.sleep(DELAY_S)
    finally:
        door.guessing -= 1
    raise NotAllowed("no sender has it", key="wrong_key")


def _key(request: web.Request) -> str:
    """Return the key of a request: both headers that OctoPrint takes."""
    if key := request.headers.get("X-Api-Key", "").strip():
        return key
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.casefold() == "bearer" else ""
