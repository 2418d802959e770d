"""The unified state out of a source's words, with the little memory that takes."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ..engine.printer import ACTIVE, PrinterState
from .source import HOST_STATE, STATE

if TYPE_CHECKING:
    from .readings import Readings
    from .source import Condition, Source

_LOGGER = logging.getLogger(__name__)

LATCH_S: Final = 10.0
"""How long the sign of a cancel counts: the word that goes with it may come before or after."""
SETTLE_S: Final = 2.0
"""How long a failure without that sign waits for it."""
HEATING_MARGIN_C: Final = 3.0
_UNKNOWN_KEPT: Final = 32


class StateReader:
    """Reads the state. Lives as long as the driver."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._cancel_seen: float | None = None
        self._failed_since: float | None = None
        self._ended: PrinterState | None = None
        self._last: PrinterState | None = None
        self._begun = False
        self._unknown: set[str] = set()
        self.due: float | None = None
        """When it must be read again although nothing came (monotonic seconds)."""

    def forget(self) -> None:
        """Begin a new line: what was seen before is history. How the last job ended stays."""
        self._cancel_seen = self._failed_since = self._last = self.due = None

    def cancelled(self, now: float) -> None:
        """Take the sign that a person ended the job."""
        self._cancel_seen = now

    def read(self, readings: Readings, now: float) -> PrinterState | None:
        """Return the state at `now` (monotonic seconds), or None while the source says nothing."""
        self.due = None
        state = self._of_words(readings)
        if state is None:
            return None
        cancel = self._source.cancel
        being_cancelled = (
            cancel is not None and readings.text_attribute("error", "code") in cancel.codes
        )
        if being_cancelled:
            self._cancel_seen = now
        if state is not PrinterState.FAILED:
            self._failed_since = self._ended = None
        for nuance in () if being_cancelled else self._source.nuances:
            if state is nuance.state and all(_holds(part, readings) for part in nuance.when):
                state = nuance.becomes
                break
        if state is PrinterState.PRINTING and self._heats(readings):
            state = PrinterState.PREPARING
        if state is PrinterState.FAILED and cancel is not None:
            state = self._failed(now)
        if state not in ACTIVE:
            self._begun = False
        elif state is not PrinterState.PREPARING:
            self._begun = True
        self._last = state
        return state

    def _of_words(self, readings: Readings) -> PrinterState | None:
        host = readings.text(HOST_STATE)
        if host is not None and host in self._source.host_words:
            return self._source.host_words[host]
        word = readings.word
        if word is not None and word in self._source.words:
            return self._source.words[word]
        if word is not None:
            if word not in self._unknown and len(self._unknown) < _UNKNOWN_KEPT:
                self._unknown.add(word)
                _LOGGER.warning("%s reports an unknown state: %s", self._source.title, word[:40])
            return PrinterState.UNKNOWN
        if readings.shows(STATE):
            return PrinterState.UNKNOWN
        if self._source.state_gone_is_offline and readings.alive:
            return PrinterState.OFFLINE
        return None

    def _heats(self, readings: Readings) -> bool:
        """Guess whether it only heats up: nothing is done yet, and a heater is on its way.

        A nozzle without a target will be told one.
        """
        if self._begun or not self._source.heating_is_printing or readings.number("progress"):
            return False
        for key in ("tool_0", "bed"):
            actual, target = readings.celsius(key), readings.celsius(f"{key}_target")
            if actual is None or target is None:
                continue
            if actual < target - HEATING_MARGIN_C or (key == "tool_0" and target == 0):
                return True
        return False

    def _failed(self, now: float) -> PrinterState:
        """Tell a cancelled job from a failed one; wait a little where that is not sure."""
        if self._ended is not None:
            return self._ended
        if self._cancel_seen is not None and now - self._cancel_seen <= LATCH_S:
            self._ended = PrinterState.CANCELLED
            return self._ended
        if self._failed_since is None:
            self._failed_since = now
        if now - self._failed_since >= SETTLE_S or self._last in {None, PrinterState.FAILED}:
            self._ended = PrinterState.FAILED
            return self._ended
        self.due = self._failed_since + SETTLE_S
        return self._last or PrinterState.FAILED


def _holds(part: Condition, readings: Readings) -> bool:
    if part.words:
        return readings.text(part.key) in part.words
    if part.is_zero:
        return readings.number(part.key) == 0
    if part.at_least is not None:
        value = readings.number(part.key)
        return value is not None and value >= part.at_least
    if part.is_off:
        return any(readings.on(key) is False for key, _, _ in readings.all(part.key))
    if part.is_on:
        return readings.on(part.key) is True
    return readings.text(part.key) is None
