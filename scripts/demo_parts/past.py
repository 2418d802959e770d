"""A clock of the past, for what happened before the demo began."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(slots=True)
class PastClock:
    """Stands at a moment until it is put to another."""

    at: datetime

    def now(self) -> datetime:
        """Return that moment."""
        return self.at

    def monotonic(self) -> float:
        """Return seconds to it."""
        return self.at.timestamp()

    async def sleep(self, seconds: float) -> None:
        """Wait until cancelled: by itself it never gets later."""
        del seconds
        await asyncio.get_running_loop().create_future()
