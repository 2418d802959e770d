"""Jobs and memories to rows and JSON, and back."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ..job import Certainty, DurationSource, Job, JobIdentity, JobState, Outcome
from ..memory import Memory, OpenRun
from ..printer import PrinterState

if TYPE_CHECKING:
    from sqlalchemy import RowMapping


def job_row(job: Job) -> dict[str, Any]:
    """Lay a job out as its row."""
    return {
        "id": job.id,
        "printer_id": job.printer_id,
        "printer_job_id": job.identity.printer_job_id,
        "path": job.identity.path,
        "name": job.identity.name,
        "plate": job.identity.plate,
        "state": job.state.value,
        "started_at": job.started_at,
        "first_seen_at": job.first_seen_at,
        "ended_at": job.ended_at,
        "closed_at": job.closed_at,
        "outcome": None if job.outcome is None else job.outcome.value,
        "certainty": job.certainty.value,
        "reason": job.reason,
        "duration_s": _seconds(job.duration),
        "duration_source": job.duration_source.value,
        "paused_s": _seconds(job.paused),
        "progress": job.progress,
        "layer": job.layer,
        "layers": job.layers,
        "origin": job.origin,
    }


def job_of(row: RowMapping | dict[str, Any]) -> Job:
    """Read a job from its row."""
    return Job(
        id=row["id"],
        printer_id=row["printer_id"],
        identity=JobIdentity(
            printer_job_id=row["printer_job_id"],
            path=row["path"],
            name=row["name"],
            plate=row["plate"],
        ),
        state=JobState(row["state"]),
        started_at=row["started_at"],
        first_seen_at=row["first_seen_at"],
        ended_at=row["ended_at"],
        closed_at=row["closed_at"],
        outcome=None if row["outcome"] is None else Outcome(row["outcome"]),
        certainty=Certainty(row["certainty"]),
        reason=row["reason"],
        duration=_span(row["duration_s"]),
        duration_source=DurationSource(row["duration_source"]),
        paused=_span(row["paused_s"]),
        progress=row["progress"],
        layer=row["layer"],
        layers=row["layers"],
        origin=row["origin"],
    )


def job_text(job: Job) -> str:
    """Write a job as canonical JSON: the same job gives the same bytes on every database."""
    row = job_row(job)
    row["id"] = str(job.id)
    for key in ("started_at", "first_seen_at", "ended_at", "closed_at"):
        row[key] = None if row[key] is None else row[key].isoformat()
    return canonical(row)


def canonical(value: object) -> str:
    """Write JSON in one way only: sorted, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def memory_text(memory: Memory) -> str:
    """Write what outlives a restart. Lines and monotonic times do not; the job is a row."""
    run = memory.run
    return canonical(
        {
            "runs": memory.runs,
            "state": None if memory.state is None else memory.state.value,
            "acquainted": memory.acquainted,
            "results": [
                [known.printer_job_id, known.path, known.name, known.plate]
                for known in memory.results
            ],
            "result_state": None if memory.result_state is None else memory.result_state.value,
            "known_ids": memory.known_ids,
            "run": None
            if run is None
            else {
                "job_id": str(run.job.id),
                "printed": run.printed,
                "clock_jumped": run.clock_jumped,
                "doubt_s": run.doubt_s,
            },
        }
    )


def memory_of(printer_id: str, text: str | None, job: Job | None) -> Memory:
    """Read a memory; `job` is the printer's open run as the table has it."""
    if text is None:
        return Memory(printer_id=printer_id)
    data = json.loads(text)
    memory = Memory(
        printer_id=printer_id,
        runs=data["runs"],
        state=_state(data["state"]),
        acquainted=data["acquainted"],
        results=tuple(
            JobIdentity(printer_job_id=job_id, path=path, name=name, plate=plate)
            for job_id, path, name, plate in data["results"]
        ),
        result_state=_state(data["result_state"]),
        known_ids=tuple(data["known_ids"]),
    )
    run = data["run"]
    if run is None or job is None:
        return memory
    return replace(
        memory,
        run=OpenRun(
            job=job,
            printed=run["printed"],
            clock_jumped=run["clock_jumped"],
            doubt_s=run["doubt_s"],
        ),
    )


def _state(value: str | None) -> PrinterState | None:
    return None if value is None else PrinterState(value)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _span(seconds: float | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)
