"""How fast bytes move, and when it is time to tell of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .clock import Clock

TELL_S: Final = 0.5
"""Nobody reads faster."""
_SMOOTH_S: Final = 4.0
"""Time over which the rate forgets."""
_LONGEST_LEFT: Final = timedelta(days=7)


class Rate:
    """Bytes per second, smoothed, and when it is time to tell again."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: float | None = None
        """When the first bytes were out: what it takes to get there says nothing of the rest."""
        self._at = clock.monotonic()
        self._moved = 0
        self.bytes_per_s: float | None = None

    def take(self, moved: int, *, always: bool) -> bool:
        """Take what has moved so far; returns whether to tell."""
        now = self._clock.monotonic()
        span = now - self._at
        if self._since is None and moved:
            self._since, self._at, self._moved = now, now, moved
            return always or span >= TELL_S
        if self._since is None or span < TELL_S:
            return always
        fresh = max(0, moved - self._moved) / span
        # Until there is enough to forget, all that was seen counts the same.
        share = min(1.0, span / min(_SMOOTH_S, now - self._since))
        known = self.bytes_per_s
        self.bytes_per_s = fresh if known is None else known + (fresh - known) * share
        self._at += span
        self._moved = moved
        return True

    def time_for(self, left_bytes: int) -> timedelta | None:
        """Return how long so many bytes take; None where that says nothing."""
        if not self.bytes_per_s:
            return None
        left = left_bytes / self.bytes_per_s
        return timedelta(seconds=round(left)) if left < _LONGEST_LEFT.total_seconds() else None
