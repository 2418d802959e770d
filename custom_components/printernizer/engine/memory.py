"""What the tracking remembers of one printer, and what it is told.

A `Memory` is all that the fold in `tracking.py` knows: it is written beside the job it belongs
to, in the same transaction, so that a restart goes on exactly where the ledger stands. Nothing
in it grows without bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime

    from .job import Job, JobIdentity, PastRun
    from .printer import PrinterState, PrinterStatus

RESULTS_KEPT: Final = 5
"""Ended runs whose identity is remembered, to know a result that is shown again."""
IDS_KEPT: Final = 50
"""Printer's own job ids that are remembered. They are never reused where a driver gives them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Seen:
    """A status arrived."""

    status: PrinterStatus
    at: datetime
    """Wall time, UTC. It may have jumped since the last one."""
    monotonic: float
    """Seconds that only grow; comparable on one line only."""
    first: bool = False
    """The first since the line came up, or since we were started: a fact, not a transition."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Lost:
    """The line to the printer dropped."""

    at: datetime
    monotonic: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Quiet:
    """The line stands and nothing new came over it. Lets a grace time run out."""

    at: datetime
    monotonic: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Recalled:
    """The printer told of its ended jobs, before the first status on a line."""

    runs: tuple[PastRun, ...]
    """Newest first."""
    at: datetime
    monotonic: float
    since: datetime | None = None
    """When the printer was last heard; None when it never was."""


type Observation = Seen | Lost | Quiet


class Line(StrEnum):
    """What is known of the way to the printer."""

    DOWN = "down"
    UNSETTLED = "unsettled"
    """Up, but the printer has not yet said anything about a job: still starting, or busy."""
    SETTLED = "settled"
    """It has said where it stands: a change from here on was seen happening."""


@dataclass(frozen=True, kw_only=True, slots=True)
class OpenRun:
    """The run that has not been closed, and how well it was watched."""

    job: Job
    printed: bool = False
    """Preparation is over."""
    watched_since: float | None = None
    """Monotonic time of its start, seen live; None once anything was missed."""
    held_since: float | None = None
    """Monotonic time since which it is paused or waits for a person."""
    held_s: float = 0.0
    clock_jumped: bool = False
    """The wall clock was set while it ran: its difference means nothing."""
    doubt_s: float | None = None
    """Seconds for which the printer showed no job where this one should be; None: no doubt."""
    doubt_since: float | None = None
    """Monotonic time from which to count on; None while the line is down."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Memory:
    """All the fold knows of one printer."""

    printer_id: str
    runs: int = 0
    """Runs recorded so far; makes the id of the next."""
    run: OpenRun | None = None
    state: PrinterState | None = None
    """The last one seen."""
    line: Line = Line.DOWN
    line_since: float = 0.0
    """Monotonic time at which the line came up."""
    anchor_at: datetime | None = None
    anchor_monotonic: float = 0.0
    """One moment on both clocks, to notice when the wall clock is set."""
    acquainted: bool = False
    """Watched long enough that a result never seen before must be newer than our acquaintance."""
    results: tuple[JobIdentity, ...] = ()
    """Ended runs, newest last: ours, and what lay on the printer before us."""
    result_state: PrinterState | None = None
    """How the newest of `results` was shown."""
    known_ids: tuple[str, ...] = ()
    """The printer's own ids of runs that ended, newest last."""

    @property
    def waiting(self) -> bool:
        """Whether a grace time runs: `Quiet` observations are wanted."""
        return self.run is not None and self.run.doubt_since is not None


RECOVERY_GRACE: Final = timedelta(minutes=5)
"""How long a run may be missing after a reconnect before it is given up. After a power cut a
Bambu Lab printer and a Prusa ask at their screens whether to go on, and then do so with the
same job."""
SETTLING: Final = timedelta(minutes=1)
"""Younger lines may still replay the printer's last job as if it had just ended."""
LATE_NAMING: Final = timedelta(minutes=10)
"""A printer names a new job within seconds; later than this, another name is another job."""
STALE_RESULT: Final = timedelta(seconds=10)
"""After a start, reports from before it may still arrive; a disturbance no longer than this is
not told."""
CLOCK_JUMP: Final = timedelta(minutes=1)
"""Wall and monotonic clock further apart than this: somebody set the clock."""
DONE: Final = 0.99
"""Share from which a job that just vanished is taken for completed; both protocol sheets agree."""
