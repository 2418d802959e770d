"""A job: one run of one file on one printer, and how it ended.

A run is immutable history (rules 1 to 6 of the ledger): reprints and retries are new runs,
deleting a file changes none. What is not known is None and never invented.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID

    from .printer import CurrentJob


class JobState(StrEnum):
    """Where a run stands."""

    PREPARING = "preparing"
    PRINTING = "printing"
    PAUSED = "paused"
    ATTENTION = "attention"
    ENDED = "ended"


class Outcome(StrEnum):
    """How a run ended."""

    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"
    """Nobody saw it and the printer does not say. Never a guess."""


class Certainty(StrEnum):
    """How we know an outcome."""

    REPORTED = "reported"
    """The printer said so."""
    INFERRED = "inferred"
    """It followed from what the printer showed last (back to idle at 99 per cent)."""
    NONE = "none"
    """We do not know."""


class DurationSource(StrEnum):
    """Where the duration of a run comes from."""

    OBSERVED = "observed"
    """Measured by us on an unbroken line with a monotonic clock."""
    PRINTER = "printer"
    """The printer's own figure at the end."""
    CLOCK = "clock"
    """End minus start, both seen, with a gap in between."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True, slots=True)
class JobIdentity:
    """What tells one run from another on the same printer (rule 2)."""

    printer_job_id: str | None = None
    path: str | None = None
    name: str | None = None
    plate: int | None = None

    @classmethod
    def of(cls, job: CurrentJob | None) -> JobIdentity:
        """Take what the printer says of its job."""
        if job is None:
            return cls()
        return cls(printer_job_id=job.id, path=job.path, name=job.name, plate=job.plate)

    def same_run(self, other: JobIdentity) -> bool:
        """Whether both may speak of one run.

        Two ids decide. Where one has none, file, name and plate must not contradict each other:
        what a printer does not say contradicts nothing.
        """
        if self.printer_job_id is not None and other.printer_job_id is not None:
            return self.printer_job_id == other.printer_job_id
        return all(
            mine is None or theirs is None or mine == theirs
            for mine, theirs in (
                (self.path, other.path),
                (self.name, other.name),
                (self.plate, other.plate),
            )
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One run, as the ledger holds it. Times are UTC."""

    id: UUID
    printer_id: str
    identity: JobIdentity
    state: JobState
    started_at: datetime | None
    """None when it was already running when we first saw it and the printer does not say."""
    first_seen_at: datetime
    ended_at: datetime | None = None
    """None while it runs, and when nobody saw the end."""
    closed_at: datetime | None = None
    """When the ledger closed it, which may be long after its real end."""
    outcome: Outcome | None = None
    certainty: Certainty = Certainty.NONE
    reason: str | None = None
    """Codes of the printer's problems at the end, or why the end is not known."""
    duration: timedelta | None = None
    duration_source: DurationSource = DurationSource.UNKNOWN
    paused: timedelta | None = None
    """Time held, as observed."""
    progress: float | None = None
    """The last good value; firmware zeroes it at the end (rule 7)."""
    layer: int | None = None
    layers: int | None = None
    origin: str | None = None

    @property
    def open(self) -> bool:
        """Whether it has not been closed."""
        return self.outcome is None

    @property
    def title(self) -> str:
        """What people call it: its name, else its file."""
        return self.identity.name or (self.identity.path or "").rsplit("/", 1)[-1]


@dataclass(frozen=True, kw_only=True, slots=True)
class PastRun:
    """A print as the printer's own history tells it. Times are UTC, by the printer's clock."""

    id: str
    """The printer's own id of this run, never reused."""
    path: str | None
    outcome: Outcome
    started_at: datetime | None
    ended_at: datetime | None = None
    duration: timedelta | None = None
    filament_mm: float | None = None


class JobEventKind(StrEnum):
    """What can happen to a run. One closing kind per run, always the last but for none."""

    STARTED = "started"
    PRINTING = "printing"
    """Preparation is over: the part itself begins."""
    PAUSED = "paused"
    ATTENTION = "attention"
    RESUMED = "resumed"
    IDENTIFIED = "identified"
    """The printer named its job later than it started it."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ENDED_UNSEEN = "ended_unseen"


CLOSING: Final = frozenset(
    {
        JobEventKind.FINISHED,
        JobEventKind.FAILED,
        JobEventKind.CANCELLED,
        JobEventKind.ENDED_UNSEEN,
    }
)


@dataclass(frozen=True, kw_only=True, slots=True)
class JobEvent:
    """Something that happened to a run, with the run as it stands after it."""

    kind: JobEventKind
    job: Job
    at: datetime
    live: bool
    """Seen happening on an unbroken line. What was only found on (re)connecting goes into the
    ledger, but is not announced: nobody wants "started" at every boot."""
