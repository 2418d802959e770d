"""Those who want to hear of something."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_LOGGER = logging.getLogger(__name__)


class Listeners[*Told]:
    """Callbacks in the order they came: one that fails must keep no other from the news."""

    def __init__(self, subject: str) -> None:
        """subject: what they hear of, for the log."""
        self._subject = subject
        self._callbacks: list[Callable[[*Told], None]] = []

    def add(self, callback: Callable[[*Told], None]) -> Callable[[], None]:
        """Let it hear from now on; returns how to stop, which does nothing the second time."""
        self._callbacks.append(callback)

        def stop() -> None:
            with suppress(ValueError):
                self._callbacks.remove(callback)

        return stop

    def tell(self, *told: *Told) -> None:
        """Tell everybody, also those that one of them lets go meanwhile."""
        for callback in tuple(self._callbacks):
            try:
                callback(*told)
            except Exception:
                _LOGGER.exception("A listener to %s failed", self._subject)
