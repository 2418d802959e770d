"""Holds, ends and starts jobs on a PrusaLink.

A job is spoken to by its id, so a command can only reach the job it was meant for: the id is
read just before. 204 means "accepted"; the head still has to park or the end moves to run, and
meanwhile the printer goes on saying what it said before. A command therefore returns when the
status shows it. There is no way to answer a question the printer asks on its screen: the firmware
has no request for it (400), the daemon takes one and does nothing. So no `Prompt` is offered.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...printer import READY
from .client import error_of, target_of
from .messages import STATES, job_id, state_word

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ...workshop.clock import Clock
    from .client import Client
    from .layout import Layout
    from .messages import Json

STATUS: Final = "/api/v1/status"
_DONE: Final = 204
_CANCELLABLE: Final = frozenset({"PRINTING", "PAUSED", "ATTENTION"})
_JOB_REFUSALS: Final = {404: "job_changed", 409: "wrong_state"}
_START_REFUSALS: Final = {404: "file_missing", 409: "printer_busy"}


class PrusaLinkControl:
    """Commands to the job."""

    def __init__(
        self, client: Client, layout: Layout, *, clock: Clock, wake: Callable[[], None]
    ) -> None:
        """wake: have the status looked at now, whoever listens."""
        self._client = client
        self._layout = layout
        self._clock = clock
        self._wake = wake
        self._one_at_a_time = asyncio.Lock()

    async def pause(self) -> None:
        """Hold the running job. Raises Refused when none is printing."""
        async with self._one_at_a_time:
            job = await self._job({"PRINTING"}, "nothing is being printed")
            await self._command("PUT", job, "pause")
            await self._settled(job, {"PAUSED", "ATTENTION"})

    async def resume(self) -> None:
        """Go on with a paused job. One that waits for an answer is answered on the screen."""
        async with self._one_at_a_time:
            job = await self._job({"PAUSED"}, "no job is paused")
            await self._command("PUT", job, "resume")
            await self._settled(job, {"PRINTING", "ATTENTION"})

    async def cancel(self) -> None:
        """End the job for good."""
        async with self._one_at_a_time:
            job = await self._job(_CANCELLABLE, "there is no job to end")
            await self._command("DELETE", job)
            await self._settled(job, set(STATES) - _CANCELLABLE, gone_is_done=True)

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
        async with self._one_at_a_time:
            segments = self._layout.locate(path)
            before = await self._ready()
            answer = await self._client.request("POST", target_of("api", "v1", "files", *segments))
            if answer.status not in {200, _DONE}:
                raise error_of(answer, _START_REFUSALS)
            await self._started(before)

    async def ready(self) -> None:
        """Raise Refused(key="printer_busy") unless a fresh status says that it may start."""
        await self._ready()

    async def _ready(self) -> Json:
        status = await self._status()
        word = state_word(status)
        if STATES.get(word) not in READY:
            raise Refused(f"the printer says {word}", key="printer_busy")
        return status

    async def _started(self, before: Json) -> None:
        """Wait until the status shows another job or state. Raises Refused("not_confirmed")."""
        shown = job_id(before), state_word(before)
        pace = self._client.pace
        until = self._clock.monotonic() + pace.settle_for_s
        self._wake()
        while True:
            status = await self._status()
            if (job_id(status), state_word(status)) != shown:
                self._wake()
                return
            if self._clock.monotonic() >= until:
                raise Refused(
                    f"accepted, but after {pace.settle_for_s:.0f} s it still says {shown[1]}",
                    key="not_confirmed",
                )
            await self._clock.sleep(pace.settle_every_s)

    async def _status(self) -> Json:
        return await self._client.get_json(STATUS) or {}

    async def _job(self, words: set[str] | frozenset[str], otherwise: str) -> str:
        """Return the id of the job there is now, which must be in one of these states."""
        status = await self._status()
        identity, word = job_id(status), state_word(status)
        if identity is None or STATES.get(word) in READY:
            raise Refused(otherwise, key="no_job")
        if word == "ATTENTION" and word not in words:
            raise Refused("the printer asks for you: answer on its screen", key="wrong_state")
        if word not in words:
            raise Refused(f"{otherwise}: the printer says {word}", key="wrong_state")
        return identity

    async def _command(self, method: str, job: str, *verb: str) -> None:
        answer = await self._client.request(method, target_of("api", "v1", "job", job, *verb))
        if answer.status not in {200, _DONE}:
            raise error_of(answer, _JOB_REFUSALS)
        self._wake()

    async def _settled(self, job: str, words: set[str], *, gone_is_done: bool = False) -> None:
        """Wait until the status shows what was accepted. Raises Refused("not_confirmed")."""
        pace = self._client.pace
        until = self._clock.monotonic() + pace.settle_for_s
        while True:
            status = await self._status()
            word, gone = state_word(status), job_id(status) != job
            if (word in words and not (gone and not gone_is_done)) or (gone and gone_is_done):
                self._wake()
                return
            if gone or STATES.get(word) in READY:
                self._wake()
                raise Refused(f"the job ended meanwhile: {word}", key="job_changed")
            if self._clock.monotonic() >= until:
                raise Refused(
                    f"accepted, but after {pace.settle_for_s:.0f} s it still says {word}",
                    key="not_confirmed",
                )
            await self._clock.sleep(pace.settle_every_s)
