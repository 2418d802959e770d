"""Tells the tracking a story, one status at a time, on a clock that the test turns."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from custom_components.printernizer.engine.job import Job, JobEvent, JobEventKind
from custom_components.printernizer.engine.memory import Lost, Memory, Observation, Quiet, Seen
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Problem,
)
from custom_components.printernizer.engine.tracking import expire, observe

BEGINNING = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


class Story:
    """One printer as told by a test."""

    def __init__(self, printer_id: str = "P1") -> None:
        self.memory = Memory(printer_id=printer_id)
        self.at = BEGINNING
        self.monotonic = 1000.0
        self.events: list[JobEvent] = []
        self.told: list[Observation] = []
        self._connected = False

    def passes(self, seconds: float) -> Story:
        """Let time pass."""
        self.at += timedelta(seconds=seconds)
        self.monotonic += seconds
        return self

    def shows(
        self,
        state: PrinterState | str,
        name: str | None = None,
        progress: float | None = None,
        *,
        id: str | None = None,  # noqa: A002 - the word of CurrentJob
        layer: int | None = None,
        elapsed: float | None = None,
        problems: tuple[str, ...] = (),
        path: str | None = None,
        origin: str | None = None,
    ) -> tuple[JobEvent, ...]:
        """Show a status; the first after `loses_line` or `restarts` is a fact."""
        said = (name, progress, id, layer, elapsed, path, origin)
        job = None
        if any(value is not None for value in said):
            job = CurrentJob(
                id=id,
                name=name,
                path=path,
                progress=progress,
                layer=layer,
                elapsed=None if elapsed is None else timedelta(seconds=elapsed),
                origin=origin,
            )
        status = PrinterStatus(
            state=PrinterState(state),
            job=job,
            problems=tuple(Problem(code=code) for code in problems),
        )
        first, self._connected = not self._connected, True
        return self.tells(Seen(status=status, at=self.at, monotonic=self.monotonic, first=first))

    def loses_line(self) -> Story:
        """Drop the line."""
        self._connected = False
        self.tells(Lost(at=self.at, monotonic=self.monotonic))
        return self

    def restarts(self, monotonic: float = 5.0) -> Story:
        """Kill us: nothing is told, and the monotonic clock may begin anew."""
        self._connected = False
        self.monotonic = monotonic
        return self

    def is_quiet(self) -> tuple[JobEvent, ...]:
        """Nothing new came."""
        return self.tells(Quiet(at=self.at, monotonic=self.monotonic))

    def gives_up(self, reason: str = "printer_gone") -> tuple[JobEvent, ...]:
        """Expire the open run."""
        self.memory, events = expire(self.memory, self.at, reason)
        self.events += events
        return events

    def tells(self, observation: Observation) -> tuple[JobEvent, ...]:
        """Fold one observation."""
        self.told.append(observation)
        self.memory, events = observe(self.memory, observation)
        self.events += events
        return events

    @property
    def kinds(self) -> list[JobEventKind]:
        """What happened, in order."""
        return [event.kind for event in self.events]

    @property
    def runs(self) -> list[Job]:
        """Every run as it stands, in the order of their start."""
        runs = {event.job.id: event.job for event in self.events}
        if self.memory.run:
            runs[self.memory.run.job.id] = self.memory.run.job
        return list(runs.values())

    def acquainted(self) -> Story:
        """Know the printer, idle, for a while."""
        self.shows("idle")
        self.passes(120)
        self.shows("idle")
        return self
