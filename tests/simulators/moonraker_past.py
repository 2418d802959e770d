"""What a simulated Moonraker remembers of its jobs: the history component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Phase

from .klipper_objects import filament_mm

if TYPE_CHECKING:
    from collections.abc import Callable

    from custom_components.printernizer.engine.drivers.virtual.machine import Run

    from .klipper import Klipper

type Json = dict[str, object]

EPOCH: Final = 1_790_000_000.0
"""Unix time at the machine's zero."""
_WORDS: Final = {
    Phase.FINISHED: "completed",
    Phase.CANCELLED: "cancelled",
    Phase.FAILED: "error",
}


class Past:
    """All jobs, oldest first."""

    def __init__(self, klipper: Klipper, tell: Callable[[str, Json], None]) -> None:
        """tell: an action ("added", "finished") and the job."""
        self._klipper = klipper
        self._tell = tell
        self._jobs: list[Json] = []
        self._run: Run | None = None
        """The run of the job under way."""

    def newest(self, limit: int) -> list[Json]:
        """Return jobs, newest first."""
        return [self._shown(job) for job in reversed(self._jobs)][:limit]

    def catch_up(self) -> None:
        """See what has begun and ended since the last look."""
        machine = self._klipper.machine
        state = self._klipper.state
        run = machine.run
        if self._run is not None and (
            run is None or run.id != self._run.id or run.ended is not None or state == "shutdown"
        ):
            self._end(run, state)
        seen = bool(self._jobs) and run is not None and self._jobs[-1]["_run"] == run.id
        if run is not None and machine.phase in IN_JOB and not seen:
            self._run = run
            self._jobs.append(
                {
                    "job_id": f"{len(self._jobs) + 1:06X}",
                    "_run": run.id,
                    "exists": True,
                    "filename": run.path.lstrip("/"),
                    "status": "in_progress",
                    "start_time": EPOCH + run.started,
                    "end_time": None,
                    "print_duration": 0.0,
                    "total_duration": 0.0,
                    "filament_used": 0.0,
                    "metadata": {},
                    "auxiliary_data": [],
                    "user": None,
                }
            )
            self._tell("added", self._shown(self._jobs[-1]))
        elif run is not None and self._run is not None:
            self._run = run

    def _end(self, run: Run | None, state: str) -> None:
        assert self._run is not None
        last = run if run is not None and run.id == self._run.id else self._run
        known = [past for past in self._klipper.machine.history if past.id == last.id]
        ended = known[-1] if known else last
        word = _WORDS.get(ended.outcome, "klippy_disconnect") if ended.outcome else None
        if state == "shutdown":
            word = "klippy_shutdown"
        end = ended.ended or self._klipper.machine.now()
        self._jobs[-1] |= {
            "status": word or "klippy_disconnect",
            "end_time": EPOCH + end,
            "print_duration": ended.printed_s,
            "total_duration": end - ended.started,
            "filament_used": filament_mm(ended),
        }
        self._run = None
        self._tell("finished", self._shown(self._jobs[-1]))

    @staticmethod
    def _shown(job: Json) -> Json:
        return {key: value for key, value in job.items() if key != "_run"}
