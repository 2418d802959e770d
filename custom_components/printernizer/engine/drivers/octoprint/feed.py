"""Statuses on their way from the line to whoever listens: none of its states gets lost."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ...errors import DriverError
    from ...printer import PrinterStatus

_MOST: Final = 64


class Feed:
    """A queue in which only the newest of equal states waits."""

    def __init__(self) -> None:
        self._waiting: deque[PrinterStatus] = deque()
        self._news = asyncio.Event()
        self._error: DriverError | None = None
        self._last: PrinterStatus | None = None

    @property
    def last(self) -> PrinterStatus | None:
        """What was put last."""
        return self._last

    def put(self, status: PrinterStatus, *, asked: bool = False) -> None:
        """Add a status; one that says nothing new only when somebody `asked` for it."""
        if status == self._last and not asked:
            return
        self._last = status
        if self._waiting and self._waiting[-1].state is status.state:
            self._waiting[-1] = status
        else:
            self._waiting.append(status)
            while len(self._waiting) > _MOST:
                self._waiting.popleft()
        self._news.set()

    def fail(self, error: DriverError) -> None:
        """End the feed once what waits is read."""
        self._error = error
        self._news.set()

    async def read(self) -> AsyncIterator[PrinterStatus]:
        """Yield what comes. Raises what `fail` was given."""
        while True:
            while self._waiting:
                yield self._waiting.popleft()
            if self._error is not None:
                raise self._error
            self._news.clear()
            await self._news.wait()
