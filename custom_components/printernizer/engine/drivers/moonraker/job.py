"""The job Klipper speaks of: what is remembered of it beside what it says now. Pure.

`print_stats` names the file and nothing else. The history component gives each run an id that is
never used again; the file's metadata say how long it should take and how many layers it has.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ...job import Outcome, PastRun
from ...printer import CurrentJob
from .messages import Json, moment, name, number, obj, objects, text, whole
from .objects import file_of

if TYPE_CHECKING:
    from .layout import Layout
    from .objects import Store

_EARLY: Final = 0.05
"""Below this share done, the slicer's estimate is better than what follows from the pace."""
_LONGEST: Final = timedelta(days=366)
UNDER_WAY: Final = frozenset({"printing", "paused"})
OUTCOMES: Final = {
    "completed": Outcome.COMPLETED,
    "cancelled": Outcome.CANCELLED,
    "error": Outcome.FAILED,
    "klippy_shutdown": Outcome.FAILED,
    "klippy_disconnect": Outcome.UNKNOWN,
    "server_exit": Outcome.UNKNOWN,
    "interrupted": Outcome.UNKNOWN,
}
"""Words of the history. Of the last three nobody knows how far the print got."""


class JobMemory:
    """What is known of the present run beyond what Klipper says of it."""

    def __init__(self) -> None:
        self.file: str | None = None
        self.id: str | None = None
        """The history's id of this run."""
        self.wanted = False
        """A run has begun, and the history has not named it yet."""
        self.metadata: Json = {}
        self._share = 0.0
        self._slicer = False
        self._total = 0.0
        self._active = False

    def follow(self, store: Store) -> bool:
        """Look at what Klipper says; returns whether it speaks of another file than before.

        A run is new when it begins after an end, or when its clock was set back.
        """
        stats = store["print_stats"]
        file, active = file_of(stats), text(stats, "state") in UNDER_WAY
        total = number(stats, "total_duration") or 0.0
        began = active and (not self._active or total < self._total)
        changed = file != self.file
        if changed or began:
            self.id = None
            self.wanted = active
            self._share, self._slicer = 0.0, False
        if changed:
            self.metadata = {}
        self.file, self._active, self._total = file, active, total
        if active and (number(stats, "print_duration") or 0.0) > 0:
            self._share = max(self._share, self._progress(store))
        return changed

    def named(self, job: Json) -> None:
        """Take the history's word for the present run."""
        if self.file is not None and name(job, "filename") == self.file:
            self.id = text(job, "job_id", 64)
            self.wanted = False

    def _progress(self, store: Store) -> float:
        """Return the share done: the slicer's own, else the share of the file's G-code.

        Without M73 in the file, `display_status` repeats the card's progress to the last digit.
        """
        shown = number(store["display_status"], "progress")
        card = store["virtual_sdcard"]
        read = number(card, "progress")
        if shown is not None and read is not None and shown != read:
            self._slicer = True
        if self._slicer and shown is not None:
            return min(max(shown, 0.0), 1.0)
        position = number(card, "file_position")
        start, end = (number(self.metadata, f"gcode_{side}_byte") for side in ("start", "end"))
        if position is not None and start is not None and end is not None and end > start:
            return min(max((position - start) / (end - start), 0.0), 1.0)
        return min(max(read or 0.0, 0.0), 1.0)

    def current(self, store: Store, layout: Layout) -> CurrentJob | None:
        """Return the job, or None when Klipper speaks of none."""
        if self.file is None:
            return None
        stats = store["print_stats"]
        elapsed = number(stats, "print_duration")
        share = 1.0 if text(stats, "state") == "complete" else self._share
        info = obj(stats, "info")
        layers = whole(info, "total_layer") or whole(self.metadata, "layer_count")
        return CurrentJob(
            id=self.id,
            name=self.file.rsplit("/", 1)[-1],
            path=layout.shown_file(self.file),
            progress=round(share, 4),
            layer=whole(info, "current_layer"),
            layers=layers,
            remaining=self._remaining(share, elapsed) if self._active else None,
            elapsed=_span(elapsed),
            origin="local",
            filament_mm=_rounded(number(stats, "filament_used")),
        )

    def _remaining(self, share: float, elapsed: float | None) -> timedelta | None:
        """Return what is left: there is no field for it, so the estimate, then the pace."""
        estimate = number(self.metadata, "estimated_time")
        done = elapsed or 0.0
        if share > _EARLY and done > 0:
            return _span(done / share - done)
        return None if estimate is None else _span(max(0.0, estimate - done))


def _span(seconds: float | None) -> timedelta | None:
    if seconds is None or not 0 <= seconds <= _LONGEST.total_seconds():
        return None
    return timedelta(seconds=round(seconds))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 1)


# -- history -------------------------------------------------------------------------------------


def jobs_in(answer: object) -> tuple[Json, ...]:
    """Read `server.history.list`."""
    return objects(answer, "jobs")


def past_run(job: Json, layout: Layout) -> PastRun | None:
    """Read a job of the history that has ended; None for one that runs."""
    identity, status = text(job, "job_id", 64), text(job, "status")
    if identity is None or status in {None, "in_progress"}:
        return None
    file = name(job, "filename")
    return PastRun(
        id=identity,
        path=None if file is None else layout.shown_file(file),
        outcome=OUTCOMES.get(status or "", Outcome.UNKNOWN),
        started_at=moment(job, "start_time"),
        ended_at=moment(job, "end_time"),
        duration=_span(number(job, "print_duration")),
        filament_mm=_rounded(number(job, "filament_used")),
    )
