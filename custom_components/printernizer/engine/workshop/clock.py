"""Now and sleep, so that tests own time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Coroutine


class Clock(Protocol):
    """Three ways to ask for time. Tests hand in one that they turn by hand."""

    def now(self) -> datetime:
        """Wall time in UTC. It may jump, forward and back."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, at one pace. For durations."""

    async def sleep(self, seconds: float) -> None:
        """Wait."""


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Wall time in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await asyncio.sleep(seconds)


async def within[T](clock: Clock, seconds: float, work: Coroutine[object, object, T]) -> T:
    """Await `work`, at most for so long on this clock. Raises TimeoutError, with `work` ended."""
    working = asyncio.ensure_future(work)
    sleep = asyncio.ensure_future(clock.sleep(seconds))
    try:
        await asyncio.wait({working, sleep}, return_when=asyncio.FIRST_COMPLETED)
        if not working.done():
            raise TimeoutError
        return working.result()
    finally:
        for waiting in (working, sleep):
            waiting.cancel()
        await asyncio.gather(working, sleep, return_exceptions=True)
