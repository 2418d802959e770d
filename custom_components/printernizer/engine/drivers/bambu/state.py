"""The unified state out of `gcode_state` and what stands around it.

A cancelled job reads FAILED, with a code that is cleared within seconds and may come a moment
after the state. So the code is remembered, and a FAILED without one is held back for a short
while: a job must not fail and then be cancelled.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from ...printer import PrinterState
from .payload import bits, mapping, objects, state_word, text, whole
from .problems import CANCELLED, is_error, print_error, stops_the_job
from .stages import FORCED_PAUSES, IDLE_STAGES, PREPARATION, WANTED_PAUSES

if TYPE_CHECKING:
    from collections.abc import Mapping

_LOGGER = logging.getLogger(__name__)

STATES: Final = {
    "IDLE": PrinterState.IDLE,
    "": PrinterState.IDLE,
    "INIT": PrinterState.PREPARING,
    "SLICING": PrinterState.PREPARING,
    "PREPARE": PrinterState.PREPARING,
    "RUNNING": PrinterState.PRINTING,
    "PAUSE": PrinterState.PAUSED,
    "FINISH": PrinterState.FINISHED,
    "FAILED": PrinterState.FAILED,
}
"""What each word means before looking closer. OFFLINE and UNKNOWN say nothing: the last state
stands for a while."""
JOB_WORDS: Final = frozenset({"INIT", "SLICING", "PREPARE", "RUNNING", "PAUSE", "FINISH", "FAILED"})
"""Words that speak of a job, under way or ended."""
_UNDER_WAY: Final = JOB_WORDS - {"FINISH", "FAILED"}
_SPEECHLESS: Final = frozenset({"OFFLINE", "UNKNOWN"})
_UPDATING: Final = frozenset({"DOWNLOADING", "FLASHING", "UPGRADING"})
_BUSY_FEEDER: Final = frozenset({1, 2, 4, 0x10})
"""High byte of `ams_status` for a filament change, reading tags, calibration and self-check.
3 (assist) is left out: it stays after a job."""
_SERIOUS: Final = 2

LATCH_S: Final = 10.0
"""How long the code of a cancel counts after it was cleared."""
SETTLE_S: Final = 2.0
"""How long a FAILED without a reason waits for the code of a cancel."""
SPEECHLESS_S: Final = 60.0
"""How long the last state stands while the printer says OFFLINE or UNKNOWN."""

BOOT_S: Final = 60.0
"""How long an empty word right after a running job is taken for a printer that starts up."""


class StateReader:
    """Reads the state, with the little memory it takes. Lives as long as the driver."""

    def __init__(self) -> None:
        self._cancel_seen: float | None = None
        self._failed_since: float | None = None
        self._ended: PrinterState | None = None
        self._ended_job: object = None
        self._last: PrinterState | None = None
        self._speechless_since: float | None = None
        self._in_job = False
        self._booting_since: float | None = None
        self._unknown: set[str] = set()
        self.due: float | None = None
        """When the state must be read again although nothing came; None for never."""

    def forget(self) -> None:
        """Begin a new line: what was seen before is history.

        How a job ended stays known, and that one was under way: a reboot breaks the line too.
        """
        self._cancel_seen = self._failed_since = self._speechless_since = None
        self._booting_since = None
        self._last = None
        self.due = None

    def read(self, report: Mapping[str, Any], now: float) -> PrinterState:
        """Return the state at `now` (monotonic seconds)."""
        error = print_error(report.get("print_error"))
        if error in CANCELLED:
            self._cancel_seen = now
        word = state_word(report.get("gcode_state"))
        self.due = None
        if word is None:
            return self._last or PrinterState.UNKNOWN
        if word != "FAILED":
            self._failed_since = None
            if word:
                self._ended = None
        if word in _SPEECHLESS:
            return self._keep(now)
        self._speechless_since = None
        self._last = (
            PrinterState.UNKNOWN
            if self._is_booting(word, now)
            else self._of(word, report, error, now)
        )
        return self._last

    def _is_booting(self, word: str, now: float) -> bool:
        """Whether an empty word is that of a printer which started anew in mid-print.

        It says IDLE, or takes the job up again, once it is up: until then it is not free.
        """
        if word or not self._in_job:
            if word in STATES:
                self._in_job = word in _UNDER_WAY
            self._booting_since = None
            return False
        if self._booting_since is None:
            self._booting_since = now
        if now - self._booting_since >= BOOT_S:
            self._in_job = False
            return False
        self.due = self._booting_since + BOOT_S
        return True

    def _of(self, word: str, report: Mapping[str, Any], error: int, now: float) -> PrinterState:
        status = text(mapping(report.get("upgrade_state")).get("status")) or ""
        if status.upper() in _UPDATING:
            return PrinterState.BUSY
        state = STATES.get(word)
        match state:
            case None:
                if word not in self._unknown and len(self._unknown) < 32:
                    self._unknown.add(word)
                    _LOGGER.warning("the printer reports an unknown state: %s", word[:40])
                return PrinterState.UNKNOWN
            case PrinterState.FAILED:
                return self._failed(report, error, now)
            case PrinterState.PRINTING:
                return _running(report)
            case PrinterState.PAUSED:
                return _paused(report, error)
            case PrinterState.IDLE:
                return _idle(report)
        return state

    def _failed(self, report: Mapping[str, Any], error: int, now: float) -> PrinterState:
        job = (report.get("task_id"), report.get("subtask_name"), report.get("gcode_file"))
        if self._ended is not None and (self._last is not None or self._ended_job == job):
            return self._ended
        self._ended_job = job
        if self._cancel_seen is not None and now - self._cancel_seen <= LATCH_S:
            self._ended = PrinterState.CANCELLED
            return self._ended
        if self._failed_since is None:
            self._failed_since = now
        settled = now - self._failed_since >= SETTLE_S
        if settled or self._last in {None, PrinterState.FAILED} or is_error(error):
            self._ended = PrinterState.FAILED
            return self._ended
        self.due = self._failed_since + SETTLE_S
        return self._last or PrinterState.FAILED

    def _keep(self, now: float) -> PrinterState:
        if self._speechless_since is None:
            self._speechless_since = now
        if now - self._speechless_since >= SPEECHLESS_S:
            return PrinterState.OFFLINE
        self.due = self._speechless_since + SPEECHLESS_S
        return self._last or PrinterState.UNKNOWN


def _running(report: Mapping[str, Any]) -> PrinterState:
    stage = whole(report.get("stg_cur"))
    if stage in PREPARATION and not whole(report.get("layer_num")):
        return PrinterState.PREPARING
    return PrinterState.PRINTING


def _paused(report: Mapping[str, Any], error: int) -> PrinterState:
    stage = whole(report.get("stg_cur"))
    if stage in FORCED_PAUSES or stops_the_job(error):
        return PrinterState.ATTENTION
    if stage in WANTED_PAUSES and not is_error(error):
        return PrinterState.PAUSED
    severe = any(
        1 <= (bits(entry.get("code")) or 0) >> 16 <= _SERIOUS
        for entry in objects(report.get("hms"))
    )
    return PrinterState.ATTENTION if severe or is_error(error) else PrinterState.PAUSED


def _idle(report: Mapping[str, Any]) -> PrinterState:
    stage = whole(report.get("stg_cur"))
    feeder = (whole(report.get("ams_status")) or 0) >> 8 & 0xFF
    if (
        (stage is not None and stage != 0 and stage not in IDLE_STAGES)
        or feeder in _BUSY_FEEDER
        or report.get("print_type") == "system"
    ):
        return PrinterState.BUSY
    return PrinterState.IDLE
