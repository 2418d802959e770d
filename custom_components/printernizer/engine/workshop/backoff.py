"""How long to wait before the next try."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

FIRST_S: Final = 1.0
LONGEST_S: Final = 60.0
"""A printer that was switched off for the night is found within a minute of its return."""


class Backoff:
    """Doubling waits with jitter: a hundred printers behind one switch must not return as one."""

    def __init__(
        self,
        *,
        first_s: float = FIRST_S,
        longest_s: float = LONGEST_S,
        share: Callable[[], float] = random.random,
    ) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._share = share
        self._tries = 0

    def reset(self) -> None:
        """The line was good: begin again with short waits."""
        self._tries = 0

    def exhaust(self) -> None:
        """Trying soon cannot help: go straight to the longest wait."""
        self._tries = 32

    def next_wait(self) -> float:
        """Seconds to wait now: between half of the step and all of it."""
        step = min(self._longest_s, self._first_s * 2.0 ** min(self._tries, 32))
        self._tries += 1
        return step * (0.5 + self._share() / 2)
