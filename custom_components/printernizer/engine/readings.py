"""What a status says of its job, made fit to be kept: bounded, clean, never worse than before."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from .job import Job, JobIdentity, JobState

if TYPE_CHECKING:
    from .printer import CurrentJob, PrinterStatus

_TEXT_LIMIT: Final = 1024
_NUMBER_LIMIT: Final = 10_000_000
_ELAPSED_LIMIT: Final = timedelta(days=366)
_PROBLEMS_KEPT: Final = 10
NOTHING: Final = JobIdentity()
"""What a printer says that says nothing of its job."""


def names(job: CurrentJob, identity: JobIdentity) -> bool:
    """Whether a status says exactly this identity."""
    return (
        job.id == identity.printer_job_id
        and job.path == identity.path
        and job.name == identity.name
        and job.plate == identity.plate
    )


def cleaned(value: str | None) -> str | None:
    """Make foreign text fit for any database: no NUL, no lone surrogates, no novel."""
    if value is None:
        return None
    clean = value[:_TEXT_LIMIT].replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
    return clean or None


def identity_of(job: CurrentJob | None) -> JobIdentity:
    """Take what the printer says of its job, cleaned."""
    raw = JobIdentity.of(job)
    return JobIdentity(
        printer_job_id=cleaned(raw.printer_job_id),
        path=cleaned(raw.path),
        name=cleaned(raw.name),
        plate=raw.plate if raw.plate is not None and 0 <= raw.plate < _NUMBER_LIMIT else None,
    )


def merged(known: JobIdentity, seen: JobIdentity, *, renaming: bool) -> JobIdentity:
    """Add what is newly said. While renaming, what is said now wins."""
    first, second = (seen, known) if renaming else (known, seen)
    if renaming and not known.same_run(seen):
        return seen if seen != NOTHING else known
    return JobIdentity(
        printer_job_id=first.printer_job_id or second.printer_job_id,
        path=first.path or second.path,
        name=first.name or second.name,
        plate=first.plate if first.plate is not None else second.plate,
    )


def share_of(job: CurrentJob | None) -> float | None:
    """The progress, if it is one."""
    if job is None or job.progress is None or not 0.0 <= job.progress <= 1.0:
        return None
    return job.progress


def elapsed_of(job: CurrentJob | None) -> timedelta | None:
    """The printer's own clock of the job, if it is believable."""
    if job is None or job.elapsed is None or not timedelta(0) <= job.elapsed <= _ELAPSED_LIMIT:
        return None
    return job.elapsed


def _layer(value: int | None) -> int | None:
    return value if value is not None and 0 < value < _NUMBER_LIMIT else None


def progressed(job: Job, shown: CurrentJob | None, state: JobState) -> Job:
    """Take over progress and layers, keeping the last good ones (rule 7).

    During preparation figures of the job before may still stand; at the end firmware zeroes
    them, so there only a higher one counts.
    """
    if shown is None or state is JobState.PREPARING:
        return job
    share, layer, layers = (
        share_of(shown) or None,
        _layer(shown.layer),
        _layer(shown.layers),
    )
    if state is JobState.ENDED:
        share = max(share or 0.0, job.progress or 0.0) or job.progress
        layer = max(layer or 0, job.layer or 0) or job.layer
    progress = share if share is not None else job.progress
    layer = layer if layer is not None else job.layer
    layers = layers if layers is not None else job.layers
    if (progress, layer, layers) == (job.progress, job.layer, job.layers):
        return job
    return replace(job, progress=progress, layer=layer, layers=layers)


def problem_codes(status: PrinterStatus) -> str | None:
    """The codes of what the printer complains about."""
    return ", ".join(problem.code for problem in status.problems[:_PROBLEMS_KEPT]) or None
