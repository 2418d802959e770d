"""Starting a job so that afterwards it is known whether it began.

The echo of a start says only that its words were understood: the printer shows the job some 10 to
60 seconds later, or a complaint, or nothing at all. And on some models a start in mid-print ends
the running job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...errors import Refused
from . import commands, mapping
from .storage import printer_path

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from ...printer import PrinterStatus, Problem
    from .commander import Commander
    from .models import Model

START_S: Final = 90.0
"""How long a start may take to show."""
_ARCHIVE: Final = ".3mf"
_PRINTABLE: Final = (_ARCHIVE, ".gcode", ".gco")


class Starter:
    """Starts jobs, one at a time and only on a status of now."""

    def __init__(
        self, commander: Commander, model: Model, freshen: Callable[[], Awaitable[None]]
    ) -> None:
        self._commander = commander
        self._model = model
        self._freshen = freshen

    async def start(self, path: str, plate: int, slots: Sequence[str | None] = ()) -> None:
        """Print a file that lies on the printer, and return when its status shows the job.

        Raises Refused with the printer's reason, "printer_busy", or "not_confirmed" when nothing
        began within `START_S`; Unreachable when the line drops meanwhile.
        """
        path = printer_path(path)
        if not path.lower().endswith(_PRINTABLE):
            raise Refused("only sliced 3MF and G-code can be printed", key="not_supported")
        if slots and not path.lower().endswith(_ARCHIVE):
            raise Refused("bare G-code names its slots itself", key="not_supported")
        commander = self._commander
        if commander.status.read_only:
            raise Refused("commands need Developer Mode on the printer", key="developer_mode")
        self._refuse_second()
        await self._freshen()
        async with commander.lock:
            self._refuse_second()
            if not commander.status.ready:
                raise Refused("the printer is not free", key="printer_busy")
            known = commander.status.slots
            sources = mapping.chosen(known, slots) if slots else mapping.in_order(known)
            before = {problem.code for problem in commander.status.problems}
            # Outlives this line and this call: what was sent may begin although nobody waits.
            commander.pending.until = commander.now + START_S
            try:
                job_id = await self._send(path, plate, sources, before)
            except Refused:
                commander.pending.until = None
                raise
        # Not under the lock: a person must be able to cancel what takes so long.
        await self._begun(job_id, before)

    def _refuse_second(self) -> None:
        until = self._commander.pending.until
        if until is not None and self._commander.now < until:
            raise Refused("a start is under way", key="printer_busy")

    async def _send(
        self, path: str, plate: int, sources: mapping.Sources, before: set[str]
    ) -> str | None:
        """Send it; returns the id that the job will have, where it can have one."""
        if not path.lower().endswith(_ARCHIVE):
            return await self._send_one(commands.start_gcode(path), before)
        first, second = (
            commands.start_plate(path, plate, self._model, form=form, sources=sources)
            for form in commands.URL_FORMS
        )
        try:
            return await self._send_one(first, before)
        except Refused as err:
            # A refusal for the form of the address says so; anything else is final.
            if err.key != "refused" or not _about_address(err.reason):
                raise
        return await self._send_one(second, before)

    async def _send_one(self, command: commands.Command, before: set[str]) -> str | None:
        job_id: str | None = command["print"].get("task_id")
        try:
            await self._commander.run_locked(
                command, effect=lambda now: _settled(now, job_id, before)
            )
        except Refused as err:
            # No echo is no answer: echoes get lost, and the status will tell.
            if err.key != "not_confirmed":
                raise
        return job_id

    async def _begun(self, job_id: str | None, before: set[str]) -> None:
        """Wait for the job to show, or for the complaint that it will not begin."""
        commander = self._commander
        await commander.wait_for(lambda now: _settled(now, job_id, before), START_S)
        commander.pending.until = None
        status = commander.status
        if _shows(status, job_id):
            return
        if errors := _new_errors(status, before):
            raise Refused(_in_words(errors[0]), code=errors[0].code)
        new = [problem for problem in status.problems if problem.code not in before]
        if problem := next(iter(new or status.problems), None):
            raise Refused(_in_words(problem), key="not_confirmed", code=problem.code)
        raise Refused("the printer took the start and did not begin", key="not_confirmed")


def _settled(status: PrinterStatus, job_id: str | None, before: set[str]) -> bool:
    return _shows(status, job_id) or bool(_new_errors(status, before))


def _shows(status: PrinterStatus, job_id: str | None) -> bool:
    """Whether a status speaks of the job that was started, under way or over already."""
    ours = job_id is not None and status.job is not None and status.job.id == job_id
    return status.active or ours


def _new_errors(status: PrinterStatus, before: set[str]) -> list[Problem]:
    """Return the errors that came since. Messages on its health (HMS) stop no start."""
    return [
        problem
        for problem in status.problems
        if problem.code not in before and not problem.code.startswith("HMS_")
    ]


def _in_words(problem: Problem) -> str:
    return f"{problem.code}: {problem.text or 'the printer does not start'}"


def _about_address(reason: str) -> bool:
    return any(word in reason.casefold() for word in ("url", "scheme"))
