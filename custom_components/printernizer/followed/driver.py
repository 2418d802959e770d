"""A printer behind the contract, by the entities that another integration keeps of it."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from .devices import CONF_IDENTIFIER, CONF_SOURCE, SOURCES, Origin, find
from .session import FollowedSession
from .states import StateReader
from .watch import Watch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from homeassistant.core import HomeAssistant

    from ..engine.workshop.clock import Clock

CONF_SERIAL: Final = "serial"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How long to wait for a source. All in seconds."""

    grace_s: float = 15.0
    """A source that is reloaded is silent for a moment; so long the last status stands."""
    patience_s: float = 60.0
    """How long a line that was up waits for its source before the back-off has its turn."""
    settle_s: float = 12.0
    """How long a new job's state waits for its facts, where they are asked for apart."""
    confirm_s: float = 40.0
    """How long a command may take to show. Two of the sources look every 30 s, and their request
    for a fresh look is not always granted."""
    answer_s: float = 5.0
    """How long one such look is waited for."""
    again_s: float = 2.0
    """How often a source is asked for fresh values while something is waited for."""


PACE: Final = Pace()


class FollowedDriver:
    """How to find one printer in Home Assistant: an integration and a device, no sockets."""

    def __init__(
        self,
        hass: HomeAssistant,
        settings: Mapping[str, Any],
        clock: Clock,
        pace: Pace | None = None,
    ) -> None:
        """settings: `source`, `identifier` and `serial` of a followed printer's entry."""
        self._hass = hass
        self._domain: str = settings[CONF_SOURCE]
        self._identifier: str = settings[CONF_IDENTIFIER]
        self._serial: str = settings[CONF_SERIAL]
        self._clock = clock
        self._pace = pace or PACE
        self._reader = StateReader(SOURCES[self._domain])
        self._met = False

    def __repr__(self) -> str:
        """Say whom it follows."""
        return f"FollowedDriver({self._domain!r})"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[FollowedSession]:
        """Open a line. Raises Unreachable while the source shows nothing, or WrongPrinter."""
        with Watch(self._hass, self._find) as watch:
            self._reader.forget()
            session = FollowedSession(
                self._hass, self._serial, self._reader, watch, self._clock, self._pace
            )
            await self._wait_for_source(session)
            self._met = True
            session.fit()
            yield session

    def _find(self) -> Origin:
        return find(self._hass, self._domain, self._identifier, self._serial)

    async def _wait_for_source(self, session: FollowedSession) -> None:
        """Wait for the source where it was there before: it may only be reloading."""
        patience = self._clock.monotonic() + (self._pace.patience_s if self._met else 0.0)
        while session.look() is None:
            if (left := patience - self._clock.monotonic()) <= 0:
                raise session.silence()
            await session.watch.wait(self._clock, left)
