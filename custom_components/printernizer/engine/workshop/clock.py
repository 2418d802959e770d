"""Now and sleep, so that tests own time."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


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
