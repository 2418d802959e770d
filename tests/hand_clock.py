"""A clock that tests turn by hand."""

from __future__ import annotations

import asyncio
import heapq
from datetime import UTC, datetime, timedelta
from itertools import count


class HandClock:
    """Stands still until `advance` is awaited; sleepers wake in the order of their time."""

    def __init__(self, start: datetime = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)) -> None:
        self._wall = start
        self._seconds = 1000.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = count()

    def now(self) -> datetime:
        """Wall time in UTC."""
        return self._wall

    def monotonic(self) -> float:
        """Seconds that only grow."""
        return self._seconds

    @property
    def sleeping(self) -> int:
        """How many wait."""
        return sum(1 for _, _, waiting in self._sleepers if not waiting.done())

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been turned that far."""
        waiting: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._seconds + seconds, next(self._order), waiting))
        await waiting

    def jump(self, by: timedelta) -> None:
        """Set the wall clock, as a time server would; durations are not touched."""
        self._wall += by

    async def advance(self, seconds: float) -> None:
        """Turn the clock on, waking sleepers on the way and letting them run."""
        goal = self._seconds + seconds
        await settle()
        while self._sleepers and self._sleepers[0][0] <= goal:
            due, _, waiting = heapq.heappop(self._sleepers)
            self._wall += timedelta(seconds=max(0.0, due - self._seconds))
            self._seconds = max(self._seconds, due)
            if not waiting.done():
                waiting.set_result(None)
            await settle()
        # What took its time meanwhile may have turned it further.
        self._wall += timedelta(seconds=max(0.0, goal - self._seconds))
        self._seconds = max(self._seconds, goal)
        await settle()


async def settle(turns: int = 20) -> None:
    """Let everything run that can run without time passing."""
    for _ in range(turns):
        await asyncio.sleep(0)
