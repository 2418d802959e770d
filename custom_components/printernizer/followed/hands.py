"""Passes wishes on to a source's entities and actions, and looks whether they came true."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from homeassistant.const import ATTR_DEVICE_ID, ATTR_ENTITY_ID, STATE_UNAVAILABLE

from ..engine.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable

    from .devices import Bound
    from .session import FollowedSession

_LOGGER = logging.getLogger(__name__)
_LONGEST: Final = 200


class Hands:
    """Presses, sets and calls for the parts of one session."""

    def __init__(self, session: FollowedSession) -> None:
        self.session = session

    def bound(self, key: str) -> Bound:
        """Return an entity that can be used now. Raises Refused."""
        session = self.session
        bound = session.watch.bindings.present.get(key)
        if bound is None:
            raise Refused("its integration no longer has this", key="not_supported")
        state = session.hass.states.get(bound.entity_id)
        if state is None or state.state == STATE_UNAVAILABLE:
            # Home Assistant would leave it out without a word.
            raise Refused(f"{bound.entity_id} is not available", key="wrong_state")
        return bound

    async def entity(self, key: str, action: str, **data: object) -> None:
        """Do something with an entity. Raises Refused with what the source says."""
        bound = self.bound(key)
        await self.call(bound.entity.domain, action, {ATTR_ENTITY_ID: bound.entity_id, **data})

    async def device(self, action: str, **data: object) -> None:
        """Call an action of the source for this printer. Raises Refused."""
        source = self.session.source
        if not self.session.hass.services.has_service(source.domain, action):
            raise Refused(f"{source.title} has no action {action}", key="not_supported")
        device_id = self.session.watch.origin.device.id
        await self.call(source.domain, action, {ATTR_DEVICE_ID: device_id, **data})

    async def call(self, domain: str, action: str, data: dict[str, Any]) -> None:
        """Call an action. Raises Refused with what it raised, whatever that is."""
        try:
            await self.session.hass.services.async_call(domain, action, data, blocking=True)
        except Exception as err:
            # Sources let the errors of their libraries pass: what comes is anybody's guess, and
            # a person is to read why.
            _LOGGER.debug("%s.%s failed", domain, action, exc_info=True)
            said = " ".join(str(err).split())[:_LONGEST] or type(err).__name__
            raise Refused(said) from err

    async def until(self, shown: Callable[[], bool], seconds: float | None = None) -> None:
        """Wait until the source shows that it came true.

        Raises Refused(key="not_confirmed") when it does not in time, Unreachable when the source
        goes silent for good.
        """
        session = self.session
        deadline = session.clock.monotonic() + (seconds or session.pace.confirm_s)
        while not shown():
            left = deadline - session.clock.monotonic()
            if left <= 0:
                raise Refused("the source never showed it", key="not_confirmed")
            await session.freshen("state")
            if shown():
                return
            await session.watch.next_news(session.clock, min(left, session.pace.again_s))
