"""From what a printer shows to what happened to its jobs: one pure fold, for every driver.

`observe` takes what is remembered and one observation and returns both what to remember next
and the job events that follow. No I/O, no clock, no chance: the same observations always give
the same events with the same ids. `docs/developer/ledger.md` has the rules as a table.

Three ideas carry it:

- A status is *live* only on a settled line, after the printer has said once where it stands.
  Everything before that is a fact: it may open or close a run in the ledger, but nobody saw it
  happen, so no time is derived from when we noticed.
- A run that should be there and is not, on a fact, is in *doubt* for `RECOVERY_GRACE`: after a
  power cut printers come back idle and then go on with the same job.
- What is not known stays None: a start nobody saw, an end nobody saw, a duration with a hole.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

from .job import (
    Certainty,
    DurationSource,
    Job,
    JobEvent,
    JobEventKind,
    JobIdentity,
    JobState,
    Outcome,
)
from .memory import (
    CLOCK_JUMP,
    DONE,
    IDS_KEPT,
    LATE_NAMING,
    RECOVERY_GRACE,
    RESULTS_KEPT,
    SETTLING,
    STALE_RESULT,
    Line,
    Lost,
    Memory,
    Observation,
    OpenRun,
    Quiet,
    Seen,
)
from .printer import ACTIVE, READY, PrinterState
from .readings import (
    NOTHING,
    cleaned,
    elapsed_of,
    identity_of,
    merged,
    names,
    problem_codes,
    progressed,
    share_of,
)

if TYPE_CHECKING:
    from .printer import PrinterStatus

__all__ = ["Lost", "Memory", "Observation", "Quiet", "Seen", "expire", "observe"]

_RUNS: Final = UUID("6b2f7c0e-6f0a-5d0c-9a53-0f6e5b8f2a11")
"""Namespace of run ids."""

JOB_STATES: Final = {
    PrinterState.PREPARING: JobState.PREPARING,
    PrinterState.PRINTING: JobState.PRINTING,
    PrinterState.PAUSED: JobState.PAUSED,
    PrinterState.ATTENTION: JobState.ATTENTION,
}
OUTCOMES: Final = {
    PrinterState.FINISHED: Outcome.COMPLETED,
    PrinterState.FAILED: Outcome.FAILED,
    PrinterState.CANCELLED: Outcome.CANCELLED,
}
CLOSING_KIND: Final = {
    Outcome.COMPLETED: JobEventKind.FINISHED,
    Outcome.FAILED: JobEventKind.FAILED,
    Outcome.CANCELLED: JobEventKind.CANCELLED,
    Outcome.UNKNOWN: JobEventKind.ENDED_UNSEEN,
}
_HELD: Final = frozenset({JobState.PAUSED, JobState.ATTENTION})


def observe(memory: Memory, observation: Observation) -> tuple[Memory, tuple[JobEvent, ...]]:
    """Fold one observation into the memory; returns it with the events that follow, in order.

    The very same memory object comes back when nothing it holds has changed, so that a caller
    can tell by `is` whether there is anything to write.
    """
    if isinstance(observation, Seen) and _nothing_new(memory, observation):
        return memory, ()
    fold = Fold(memory, observation.at, observation.monotonic)
    match observation:
        case Seen(status=status, first=first):
            fold.see(status, first=first)
        case Lost():
            fold.note_set_clock()
            fold.lose()
        case Quiet():
            fold.wait()
    return fold.memory, tuple(fold.events)


def expire(memory: Memory, at: datetime, reason: str) -> tuple[Memory, tuple[JobEvent, ...]]:
    """Give up the open run of a printer that is gone; the end stays unknown.

    `reason` says why: "printer_gone" when it was not seen for long, "printer_removed".
    """
    if memory.run is None:
        return memory, ()
    fold = Fold(memory, at, memory.anchor_monotonic)
    fold.give_up(reason)
    return fold.memory, tuple(fold.events)


def _nothing_new(memory: Memory, seen: Seen) -> bool:
    """Whether the status adds nothing to the memory: by far the most frequent case."""
    status = seen.status
    if (
        status.state is not memory.state
        or seen.first
        or memory.line is not Line.SETTLED
        or not memory.acquainted
        or _clocks_apart(memory, seen.at, seen.monotonic)
    ):
        return False
    run = memory.run
    job = status.job
    if run is None:
        if status.state is PrinterState.IDLE:
            return True
        return job is not None and bool(memory.results) and names(job, memory.results[-1])
    if job is None or run.doubt_s is not None or status.state not in ACTIVE:
        return False
    known = run.job
    return (
        job.progress == known.progress
        and job.layer == known.layer
        and job.layers == known.layers
        and names(job, known.identity)
    )


def _clocks_apart(memory: Memory, at: datetime, monotonic: float) -> bool:
    """Whether the wall clock was set since the anchor, or the monotonic one is another's."""
    if memory.anchor_at is None:
        return False
    steady = monotonic - memory.anchor_monotonic
    wall = (at - memory.anchor_at).total_seconds()
    return steady < 0 or abs(wall - steady) > CLOCK_JUMP.total_seconds()


class Fold:
    """One step of the fold: the memory on its way, and the events so far."""

    __slots__ = ("at", "events", "memory", "monotonic")

    def __init__(self, memory: Memory, at: datetime, monotonic: float) -> None:
        self.memory = memory
        self.at = at
        self.monotonic = monotonic
        self.events: list[JobEvent] = []

    # -- the line ----------------------------------------------------------------------------

    def see(self, status: PrinterStatus, *, first: bool) -> None:
        """Take a status."""
        if first or self.monotonic < self.memory.anchor_monotonic:
            self._begin_anew()
        self._watch_line()
        live = self.memory.line is Line.SETTLED
        line = Line.SETTLED
        if status.state in ACTIVE:
            self._active(status, live=live)
        elif status.state is PrinterState.IDLE:
            self._idle(live=live)
        elif status.state in OUTCOMES:
            self._ended(status, live=live)
        elif status.state is PrinterState.OFFLINE:
            # Its host answers, the printer does not: what it does meanwhile is not seen.
            self._miss()
            line = Line.UNSETTLED
        else:
            line = self.memory.line
        self.memory = replace(self.memory, state=status.state, line=line)

    def note_set_clock(self) -> None:
        """Note that the wall clock was set while the line was up, if it was."""
        memory = self.memory
        if memory.line is not Line.DOWN and _clocks_apart(memory, self.at, self.monotonic):
            run = replace(memory.run, clock_jumped=True) if memory.run else None
            self.memory = replace(
                memory, run=run, anchor_at=self.at, anchor_monotonic=self.monotonic
            )

    def lose(self) -> None:
        """Take the loss of the line: what happens from here on is not seen."""
        if self.memory.line is not Line.DOWN:
            self._miss()
            self.memory = replace(self.memory, line=Line.DOWN, anchor_at=None, anchor_monotonic=0.0)

    def _begin_anew(self) -> None:
        """Forget a line of which nobody says how long it lasted, as after our own restart."""
        run = self.memory.run
        if run is not None:
            self._keep(replace(run, doubt_since=None))
        self.lose()

    def wait(self) -> None:
        """Let time pass on a line that stands."""
        if self.memory.line is not Line.DOWN:
            self._watch_line()
            if self.memory.state in READY:
                self._doubt_runs_out()

    def _watch_line(self) -> None:
        """Note that the line is up, and whether the wall clock was set."""
        memory = self.memory
        if memory.line is Line.DOWN:
            run = memory.run
            if run is not None and run.doubt_s is not None:
                run = replace(run, doubt_since=self.monotonic)
            self.memory = replace(
                memory,
                run=run,
                line=Line.UNSETTLED,
                line_since=self.monotonic,
                anchor_at=self.at,
                anchor_monotonic=self.monotonic,
            )
        elif _clocks_apart(memory, self.at, self.monotonic):
            self.note_set_clock()
        elif not memory.acquainted and self._line_age >= SETTLING:
            self.memory = replace(memory, acquainted=True)

    @property
    def _line_age(self) -> timedelta:
        return timedelta(seconds=self.monotonic - self.memory.line_since)

    def _miss(self) -> None:
        """From here on something of the open run may be missed."""
        run = self.memory.run
        if run is None:
            return
        doubt = run.doubt_s
        if doubt is not None and run.doubt_since is not None:
            doubt += max(0.0, self.monotonic - run.doubt_since)
        self._keep(
            replace(
                run,
                watched_since=None,
                held_since=None,
                doubt_s=doubt,
                doubt_since=None,
            )
        )

    def _keep(self, run: OpenRun) -> None:
        self.memory = replace(self.memory, run=run)

    def tell(self, kind: JobEventKind, job: Job, *, live: bool) -> None:
        self.events.append(JobEvent(kind=kind, job=job, at=self.at, live=live))

    # -- a job is under way ------------------------------------------------------------------

    def _active(self, status: PrinterStatus, *, live: bool) -> None:
        run = self.memory.run
        seen = identity_of(status.job)
        if run is not None and not self._continues(run, seen, status, live=live):
            self._superseded(run, live=live)
            run = None
        if run is None:
            self._open(status, seen, live=live)
        else:
            self._go_on(run, status, seen, live=live)

    def _continues(
        self, run: OpenRun, seen: JobIdentity, status: PrinterStatus, *, live: bool
    ) -> bool:
        """Whether the job under way is the open run."""
        known = run.job.identity
        if not known.same_run(seen):
            return run.doubt_s is None and self._nameable(run)
        if known.printer_job_id is not None and known.printer_job_id == seen.printer_job_id:
            return True
        share = share_of(status.job)
        last = run.job.progress or 0.0
        if share is None:
            return True
        if run.doubt_s is not None and run.doubt_s + self._doubted(run) > 0:
            return share >= last - 0.02
        if not (last > 0.5 and share < 0.1):
            return True
        # The same file began again. Firmware also zeroes the figure for a moment when a job
        # ends, so on a line that missed nothing it takes a new preparation as well.
        return live and PrinterState.PREPARING not in (status.state, self.memory.state)

    def _nameable(self, run: OpenRun) -> bool:
        """Whether the printer may not have told the true name of this run yet."""
        return (
            run.job.state is JobState.PREPARING
            and not run.printed
            and not run.job.progress
            and abs(self.at - run.job.first_seen_at) <= LATE_NAMING
            and (run.job.identity == NOTHING or self._last_result(run.job.identity))
        )

    def _last_result(self, identity: JobIdentity) -> bool:
        results = self.memory.results
        return bool(results) and results[-1].same_run(identity)

    def _doubted(self, run: OpenRun) -> float:
        since = run.doubt_since
        return 0.0 if since is None else max(0.0, self.monotonic - since)

    def _superseded(self, run: OpenRun, *, live: bool) -> None:
        """Close a run in whose place another one is found."""
        if live and run.doubt_s is None:
            if (run.job.progress or 0.0) >= DONE:
                self._close(run, Outcome.COMPLETED, Certainty.INFERRED, ended=True)
            else:
                self._close(run, Outcome.UNKNOWN, Certainty.NONE, ended=True, reason="other_job")
        else:
            self._close(run, Outcome.UNKNOWN, Certainty.NONE, ended=False, reason="other_job")

    def _open(self, status: PrinterStatus, seen: JobIdentity, *, live: bool) -> None:
        """Begin a run."""
        job = status.job
        elapsed = elapsed_of(job)
        started = self.at if live else (self.at - elapsed if elapsed is not None else None)
        state = JOB_STATES[status.state]
        run = self.new_run(seen, state, started_at=started, origin=job.origin if job else None)
        begun = progressed(run.job, job, state)
        run = replace(
            run,
            job=begun,
            printed=state is JobState.PRINTING or bool(begun.progress),
            watched_since=self.monotonic if live else None,
            held_since=self.monotonic if live and state in _HELD else None,
        )
        self._keep(run)
        self.tell(JobEventKind.STARTED, run.job, live=live)
        if state is not JobState.PREPARING:
            self.tell(JobEventKind(state.value), run.job, live=live)

    def new_run(
        self,
        identity: JobIdentity,
        state: JobState,
        *,
        started_at: datetime | None,
        origin: str | None,
    ) -> OpenRun:
        number = self.memory.runs + 1
        self.memory = replace(self.memory, runs=number, acquainted=True)
        name = "\n".join(
            str(part)
            for part in (
                self.memory.printer_id,
                number,
                identity.printer_job_id,
                identity.path,
                identity.name,
                identity.plate,
            )
        )
        job = Job(
            id=uuid5(_RUNS, name),
            printer_id=self.memory.printer_id,
            identity=identity,
            state=state,
            started_at=started_at,
            first_seen_at=self.at,
            origin=cleaned(origin),
        )
        return OpenRun(job=job)

    def _go_on(self, run: OpenRun, status: PrinterStatus, seen: JobIdentity, *, live: bool) -> None:
        """Carry the open run to what the printer shows now."""
        before = run.job
        state = JOB_STATES[status.state]
        identity = merged(before.identity, seen, renaming=self._nameable(run))
        job = replace(before, identity=identity, state=state)
        job = progressed(job, status.job, state)
        if job.origin is None and status.job is not None:
            job = replace(job, origin=cleaned(status.job.origin))
        kinds = []
        if identity != before.identity:
            kinds.append(JobEventKind.IDENTIFIED)
        kinds += self._moves(run, state)
        printed = run.printed or state is JobState.PRINTING or bool(job.progress)
        self._keep(
            replace(
                self._held(run, state, live=live),
                job=job,
                printed=printed,
                doubt_s=None,
                doubt_since=None,
            )
        )
        for kind in kinds:
            self.tell(kind, job, live=live)

    def _moves(self, run: OpenRun, state: JobState) -> list[JobEventKind]:
        """Which events the new state makes of the old."""
        before = run.job.state
        kinds = []
        doubted = 0.0 if run.doubt_s is None else run.doubt_s + self._doubted(run)
        back = doubted > STALE_RESULT.total_seconds()
        if back or (before in _HELD and state not in _HELD):
            kinds.append(JobEventKind.RESUMED)
        if state is JobState.PRINTING and not run.printed:
            kinds.append(JobEventKind.PRINTING)
        if state in _HELD and state is not before:
            kinds.append(JobEventKind(state.value))
        return kinds

    def _held(self, run: OpenRun, state: JobState, *, live: bool) -> OpenRun:
        """Count the time it stands still."""
        if run.held_since is not None and state not in _HELD:
            held = run.held_s + max(0.0, self.monotonic - run.held_since)
            return replace(run, held_since=None, held_s=held)
        if live and run.held_since is None and state in _HELD:
            return replace(run, held_since=self.monotonic)
        return run

    # -- no job is under way -----------------------------------------------------------------

    def _idle(self, *, live: bool) -> None:
        run = self.memory.run
        if run is None:
            return
        if not live or run.doubt_s is not None:
            self._doubt(run)
        elif (run.job.progress or 0.0) >= DONE:
            self._close(run, Outcome.COMPLETED, Certainty.INFERRED, ended=True)
        else:
            self._close(run, Outcome.CANCELLED, Certainty.INFERRED, ended=True)

    def _doubt(self, run: OpenRun) -> None:
        """The open run should be there and is not: wait whether it comes back."""
        if run.doubt_s is None:
            run = replace(run, doubt_s=0.0, watched_since=None, held_since=None)
        if run.doubt_since is None:
            run = replace(run, doubt_since=self.monotonic)
        self._keep(run)
        self._doubt_runs_out()

    def _doubt_runs_out(self) -> None:
        run = self.memory.run
        if run is None or run.doubt_s is None:
            return
        if run.doubt_s + self._doubted(run) >= RECOVERY_GRACE.total_seconds():
            self.give_up("not_resumed")

    def give_up(self, reason: str) -> None:
        """Close the open run without knowing its end."""
        assert self.memory.run is not None
        self._close(self.memory.run, Outcome.UNKNOWN, Certainty.NONE, ended=False, reason=reason)

    def _ended(self, status: PrinterStatus, *, live: bool) -> None:
        """A result lies on the printer."""
        run = self.memory.run
        seen = identity_of(status.job)
        if run is not None and self._is_result_of(run, seen):
            if self._stale(run, seen, status):
                self._doubt(run)
                return
            live = live and run.doubt_s is None
            self._report(run, status, seen, live=live)
        elif self._result_known(seen):
            if run is not None:
                self._doubt(run)
        else:
            if run is not None:
                self._superseded(run, live=live)
            self._unseen_run(status, seen, live=live)
        self.remember(seen, status.state)

    def _is_result_of(self, run: OpenRun, seen: JobIdentity) -> bool:
        return run.job.identity.same_run(seen) or (
            run.doubt_s is None and self._may_name(run, seen)
        )

    def _may_name(self, run: OpenRun, seen: JobIdentity) -> bool:
        return self._nameable(run) and not self._result_known(seen)

    def _stale(self, run: OpenRun, seen: JobIdentity, status: PrinterStatus) -> bool:
        """Whether a report from before the start of this run came late."""
        return (
            not run.printed
            and run.watched_since is not None
            and self.monotonic - run.watched_since <= STALE_RESULT.total_seconds()
            and status.state is self.memory.result_state
            and self._last_result(seen)
        )

    def _result_known(self, seen: JobIdentity) -> bool:
        """Whether this result has been accounted for. One without any name always is."""
        if seen.printer_job_id is not None and seen.printer_job_id in self.memory.known_ids:
            return True
        return any(result.same_run(seen) for result in self.memory.results) or seen == NOTHING

    def _report(
        self, run: OpenRun, status: PrinterStatus, seen: JobIdentity, *, live: bool
    ) -> None:
        """Close a run with the outcome its printer reports."""
        identity = merged(run.job.identity, seen, renaming=self._nameable(run))
        job = replace(run.job, identity=identity)
        job = progressed(job, status.job, JobState.ENDED)
        self._close(
            replace(run, job=job),
            OUTCOMES[status.state],
            Certainty.REPORTED,
            ended=live,
            reason=problem_codes(status),
            elapsed=elapsed_of(status.job),
        )

    def _unseen_run(self, status: PrinterStatus, seen: JobIdentity, *, live: bool) -> None:
        """Record a run of which only the result was ever seen, if it is surely one.

        Surely: the printer gives it an id never seen before and we know the printer; or it has
        no id, but its result appeared before our eyes on a line that has long been quiet.
        """
        seen_ending = live and self._line_age >= SETTLING
        if not self.memory.acquainted or not (seen.printer_job_id or seen_ending):
            return
        job = status.job
        elapsed = elapsed_of(job)
        started = self.at - elapsed if live and elapsed is not None else None
        run = self.new_run(
            seen,
            JobState.PRINTING,
            started_at=started,
            origin=job.origin if job else None,
        )
        run = replace(run, job=progressed(run.job, job, JobState.ENDED))
        self._keep(run)
        self.tell(JobEventKind.STARTED, run.job, live=live)
        self._report(run, status, seen, live=live)

    def _close(
        self,
        run: OpenRun,
        outcome: Outcome,
        certainty: Certainty,
        *,
        ended: bool,
        reason: str | None = None,
        elapsed: timedelta | None = None,
    ) -> None:
        """End a run for good. `ended`: its end was seen, between the last observation and this."""
        job = replace(
            run.job,
            state=JobState.ENDED,
            outcome=outcome,
            certainty=certainty,
            reason=cleaned(reason),
            ended_at=self.at if ended else None,
            closed_at=self.at,
        )
        job = self._timed(run, job, elapsed)
        self.tell(CLOSING_KIND[outcome], job, live=ended)
        self.memory = replace(self.memory, run=None)
        self.remember(job.identity, self.memory.result_state)

    def _timed(self, run: OpenRun, job: Job, elapsed: timedelta | None) -> Job:
        """Say how long it took, and how that is known."""
        if job.ended_at is not None and run.watched_since is not None:
            held = run.held_s
            if run.held_since is not None:
                held += max(0.0, self.monotonic - run.held_since)
            return replace(
                job,
                duration=timedelta(seconds=self.monotonic - run.watched_since),
                duration_source=DurationSource.OBSERVED,
                paused=timedelta(seconds=held),
            )
        wall = None
        if job.started_at is not None and not run.clock_jumped:
            wall = self.at - job.started_at
        if elapsed and (wall is None or elapsed <= wall + CLOCK_JUMP):
            return replace(job, duration=elapsed, duration_source=DurationSource.PRINTER)
        if job.ended_at is not None and wall is not None and wall >= timedelta(0):
            return replace(job, duration=wall, duration_source=DurationSource.CLOCK)
        return job

    def remember(self, identity: JobIdentity, shown_as: PrinterState | None) -> None:
        """Know this result again when it is shown later."""
        memory = self.memory
        results = memory.results
        if identity != NOTHING and (not results or results[-1] != identity):
            results = (*(kept for kept in results if kept != identity), identity)[-RESULTS_KEPT:]
        ids = memory.known_ids
        if identity.printer_job_id is not None and identity.printer_job_id not in ids:
            ids = (*ids, identity.printer_job_id)[-IDS_KEPT:]
        if (results, ids, shown_as) != (
            memory.results,
            memory.known_ids,
            memory.result_state,
        ):
            self.memory = replace(memory, results=results, known_ids=ids, result_state=shown_as)
