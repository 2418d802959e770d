"""What a printer remembers of its jobs: how those ended that nobody of us saw.

Some printers (Klipper with Moonraker) keep a history of their own. It is read before the first
status on every line, and fills what we missed while we, the network or the power were away: the
open run gets the end it really had, and runs that began and ended meanwhile are recorded.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from .job import Certainty, DurationSource, Job, JobEventKind, JobIdentity, JobState, Outcome
from .memory import LATE_NAMING
from .readings import cleaned, merged
from .tracking import CLOSING_KIND, OUTCOMES, Fold

if TYPE_CHECKING:
    from datetime import datetime

    from .job import JobEvent, PastRun
    from .memory import Memory, Recalled

_SHOWN: Final = {outcome: state for state, outcome in OUTCOMES.items()}


def recollect(memory: Memory, told: Recalled) -> tuple[Memory, tuple[JobEvent, ...]]:
    """Fold a printer's history into the memory; returns it with the events that follow, in order.

    The very same memory comes back when nothing was missed.
    """
    fold = _Recollection(memory, told.at, told.monotonic)
    fold.recall(told.runs, told.since)
    return fold.memory, tuple(fold.events)


def identity_of_past(past: PastRun) -> JobIdentity:
    """Return what tells a run of the printer's history from others."""
    path = cleaned(past.path)
    return JobIdentity(
        printer_job_id=cleaned(past.id), path=path, name=path and path.rsplit("/", 1)[-1]
    )


def _is_past(job: Job, past: PastRun) -> bool:
    """Whether a run of ours is this one of the printer's history."""
    known = job.identity.printer_job_id
    if known is not None:
        return known == past.id
    if job.identity.path != past.path or job.started_at is None or past.started_at is None:
        return False
    return abs(job.started_at - past.started_at) <= LATE_NAMING


class _Recollection(Fold):
    """One look into a printer's history."""

    __slots__ = ()

    def recall(self, runs: tuple[PastRun, ...], since: datetime | None) -> None:
        """Take the printer's own history: close what ended meanwhile, record what was missed.

        What is newer in the history than the newest run we know was missed: its clock need not
        agree with ours. Of a printer that we meet for the first time nothing was.
        """
        for past in reversed(self._missed(runs, since)):
            run = self.memory.run
            if run is not None and _is_past(run.job, past):
                self._conclude(run.job, past)
                self.memory = replace(self.memory, run=None)
            elif self.memory.acquainted and past.id not in self.memory.known_ids:
                self._record(past)
            self.remember(identity_of_past(past), _SHOWN.get(past.outcome))

    def _missed(self, runs: tuple[PastRun, ...], since: datetime | None) -> tuple[PastRun, ...]:
        """Return the runs that ended since we know of this printer, newest first."""
        if not self.memory.acquainted:
            return runs
        for index, past in enumerate(runs):
            if past.id in self.memory.known_ids:
                return runs[:index]
            if self.memory.run is not None and _is_past(self.memory.run.job, past):
                return runs[: index + 1]
        if since is None:
            return ()
        return tuple(past for past in runs if past.started_at and past.started_at > since)

    def _record(self, past: PastRun) -> None:
        """Record a run that nobody of us saw."""
        run = self.new_run(
            identity_of_past(past), JobState.PRINTING, started_at=past.started_at, origin=None
        )
        self.tell(JobEventKind.STARTED, run.job, live=False)
        self._conclude(run.job, past)

    def _conclude(self, job: Job, past: PastRun) -> None:
        """Close a run as the printer's history tells it."""
        known = past.outcome is not Outcome.UNKNOWN
        job = replace(
            job,
            identity=merged(job.identity, identity_of_past(past), renaming=False),
            state=JobState.ENDED,
            outcome=past.outcome,
            certainty=Certainty.REPORTED if known else Certainty.NONE,
            progress=1.0 if past.outcome is Outcome.COMPLETED else job.progress,
            ended_at=past.ended_at,
            closed_at=self.at,
        )
        if past.duration is not None:
            source = DurationSource.PRINTER
            job = replace(job, duration=past.duration, duration_source=source)
        self.tell(CLOSING_KIND[past.outcome], job, live=False)
