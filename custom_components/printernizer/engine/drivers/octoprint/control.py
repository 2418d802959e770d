"""Holds, ends and starts jobs.

A command is answered with 204 when it is queued, and shows in the status when it is done. So
each one reads a fresh status first, and returns when the status shows its effect. The request to
pause always names its action: without one it toggles.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...printer import PrinterState
from .address import target_of
from .places import located

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...workshop.clock import Clock
    from .client import Client
    from .line import Line
    from .view import View

_JOB: Final = "/api/job"
_PRINTING: Final = frozenset({PrinterState.PRINTING, PrinterState.PREPARING})
_START_REFUSALS: Final = {404: "file_missing", 409: "printer_busy", 400: "unsupported_file"}


async def settled(
    line: Line,
    clock: Clock,
    shows: Callable[[View], bool],
    *,
    every_s: float,
    within_s: float,
) -> View:
    """Look until the status shows it. Raises Refused("not_confirmed") when it does not in time."""
    until = clock.monotonic() + within_s
    while True:
        view = await line.watch()
        if shows(view):
            return view
        if clock.monotonic() >= until:
            raise Refused(
                f"accepted, but after {within_s:.0f} s it still says {view.text or 'nothing'}",
                key="not_confirmed",
            )
        await clock.sleep(every_s)


def _at_rest(view: View) -> bool:
    """Whether a pause is reached."""
    return view.base is PrinterState.PAUSED and "paused" in (view.flags or frozenset())


class OctoPrintControl:
    """Commands to the job."""

    def __init__(self, client: Client, line: Line, clock: Clock) -> None:
        self._client = client
        self._line = line
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()

    async def pause(self) -> None:
        """Hold the running job. Raises Refused when none is printing."""
        async with self._one_at_a_time:
            view = await self._in_job("nothing is being printed")
            if view.base not in _PRINTING:
                raise Refused(f"the printer says {view.text}", key="wrong_state")
            await self._send({"command": "pause", "action": "pause"})
            await self._settled(view, _at_rest)

    async def resume(self) -> None:
        """Go on with a paused job. Raises Refused when none is paused.

        One that is still on its way to a pause is waited for: the server would say yes, and
        do nothing.
        """
        async with self._one_at_a_time:
            view = await self._in_job("no job is paused")
            if view.base is not PrinterState.PAUSED:
                raise Refused(f"no job is paused: the printer says {view.text}", key="wrong_state")
            await self._settled(view, _at_rest)
            await self._send({"command": "pause", "action": "resume"})
            await self._settled(view, lambda now: now.base in _PRINTING)

    async def cancel(self) -> None:
        """End the job for good. Raises Refused when there is none."""
        async with self._one_at_a_time:
            view = await self._in_job("there is no job to end")
            await self._send({"command": "cancel"})
            await self._settled(view, lambda now: not now.in_job)

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a file that lies on the printer.

        Returns once the status shows a start: until then the printer still says that it is
        ready, and would be sent the next one.
        """
        if slots:
            raise Refused("it takes its filament as the file says", key="not_supported")
        if plate not in {None, 1}:
            raise Refused(f"a file here has one plate, not {plate}", key="not_supported")
        place = located(path)
        if place.root == "timelapse" or not place.inside:
            raise Refused(f"{path} cannot be printed", key="unsupported_file")
        async with self._one_at_a_time:
            before = await self._line.watch()
            if not before.ready:
                raise Refused(f"the printer says {before.text}", key="printer_busy")
            root = self._line.root_of(place.root)
            ends = self._line.view.ends
            await self._client.post(
                target_of("api", "files", root, *place.inside),
                {"command": "select", "print": True},
                _START_REFUSALS,
            )
            await self._started(ends)

    async def _started(self, ends: int) -> None:
        """Wait until the status shows a job, or one more end: some are over in a second."""
        pace = self._client.pace

        def shows(now: View) -> bool:
            if now.base in {PrinterState.OFFLINE, PrinterState.FAILED}:
                raise Refused(now.error or f"the printer says {now.text}", key="wrong_state")
            return now.in_job or self._line.view.ends > ends

        await settled(
            self._line,
            self._clock,
            shows,
            every_s=pace.settle_every_s,
            within_s=pace.settle_for_s,
        )

    async def _in_job(self, otherwise: str) -> View:
        """Return how the printer is. Raises Refused without a job."""
        view = await self._line.watch()
        if not view.in_job:
            raise Refused(f"{otherwise}: the printer says {view.text}", key="no_job")
        return view

    async def _send(self, command: dict[str, object]) -> None:
        await self._client.post(_JOB, command)

    async def _settled(self, before: View, shows: Callable[[View], bool]) -> None:
        """Wait for the effect. Raises Refused("job_changed") when the job ended meanwhile."""
        pace = self._client.pace

        def seen(now: View) -> bool:
            if shows(now):
                return True
            if not now.in_job or now.path != before.path:
                raise Refused(f"the job ended meanwhile: {now.text}", key="job_changed")
            return False

        await settled(
            self._line,
            self._clock,
            seen,
            every_s=pace.settle_every_s,
            within_s=pace.settle_for_s,
        )
