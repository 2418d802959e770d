"""Holds, ends and starts jobs, and runs G-code.

Klipper answers a script when it has ended, which takes as long as it takes; a pause in the wrong
state is "ok" and a line on the console. So a command asks first how the printer is, and returns
when its status shows the effect, not when somebody says ok.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...errors import DriverError, Refused
from ...printer import ACTIVE, READY, PrinterState
from .layout import MAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from typing import Any

    from .watch import Watch

_HELD: Final = frozenset({PrinterState.PAUSED, PrinterState.ATTENTION})
_RUNNING: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})
_UNKNOWN: Final = "// Unknown command:"


class Scripts:
    """Runs G-code and long calls, which outlive those who wait for their effect."""

    def __init__(self, watch: Watch) -> None:
        self._watch = watch
        self._running: set[asyncio.Task[Any]] = set()

    def spawn[T](self, call: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Start a call that may outlive its caller; `close` ends it."""
        task = asyncio.create_task(call)
        self._running.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            # Whoever wanted to know has asked; a failure nobody waited for is no mystery.
            task.exception()

    async def close(self) -> None:
        """Stop waiting for whatever still runs on the printer."""
        running = list(self._running)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def run(self, gcode: str) -> None:
        """Run G-code and wait for its end, however long. Raises Refused with Klipper's words."""
        self._require_klipper()
        await self._watch.line.call("printer.gcode.script", {"script": gcode}, patient=True)

    async def quick(self, gcode: str) -> None:
        """Run G-code that takes no time of its own, but may queue behind some that does.

        Raises Refused(key="not_confirmed") when it is still in the queue after a minute.
        """
        self._require_klipper()
        script = self.spawn(self.run(gcode))
        try:
            async with asyncio.timeout(self._watch.pace.settle_for_s):
                await asyncio.shield(script)
        except TimeoutError as err:
            raise Refused("it waits behind other commands", key="not_confirmed") from err

    def _require_klipper(self) -> None:
        if self._watch.state is PrinterState.OFFLINE or self._watch.halted:
            raise Refused("Klipper is not ready", key="wrong_state")


class MoonrakerControl:
    """Commands to the job. Also the prompt: what needs a person goes on with a resume."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._watch = watch
        self._scripts = scripts
        self._one_at_a_time = asyncio.Lock()

    async def pause(self) -> None:
        """Hold the running job. Raises Refused when none is printing."""
        async with self._one_at_a_time:
            await self._require(_RUNNING, "nothing is being printed")
            await self._command("pause", lambda state: state in _HELD)

    async def resume(self) -> None:
        """Go on with a paused job. Raises Refused when none is paused."""
        async with self._one_at_a_time:
            await self._require(_HELD, "no job is paused")
            await self._command("resume", lambda state: state in _RUNNING)

    async def acknowledge(self) -> None:
        """Go on after a person has seen to it. Raises Refused when it asks nothing."""
        async with self._one_at_a_time:
            await self._require(frozenset({PrinterState.ATTENTION}), "the printer asks nothing")
            await self._command("resume", lambda state: state in _RUNNING)

    async def cancel(self) -> None:
        """End the job for good. Raises Refused when there is none."""
        async with self._one_at_a_time:
            await self._require(ACTIVE, "there is no job to end")
            await self._command("cancel", lambda state: state not in ACTIVE)

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a file of the gcodes root.

        Klipper lets a start replace a paused job without a word, so a fresh status comes first.
        """
        if slots:
            raise Refused("it takes its filament as the file says", key="not_supported")
        if plate not in {None, 1}:
            raise Refused(f"a file here has one plate, not {plate}", key="not_supported")
        root, *rest = self._watch.house.layout.locate(path)
        if root != MAIN or not rest:
            raise Refused(f"{path} is not among the print files", key="file_missing", path=path)
        async with self._one_at_a_time:
            await self._require_ready()
            call = self._call("start", {"filename": "/".join(rest)})
            await self._confirmed(call, lambda state: state in ACTIVE)

    async def _require_ready(self) -> None:
        state = (await self._watch.fresh()).state
        if self._watch.halted:
            raise Refused("Klipper has stopped and needs a restart", key="wrong_state")
        if state not in READY:
            raise Refused(f"the printer says {state}", key="printer_busy")

    async def _require(self, states: frozenset[PrinterState], otherwise: str) -> None:
        # What was pushed is a quarter second old at most: only a refusal is worth a question.
        if self._watch.state in states and not self._watch.halted:
            return
        state = (await self._watch.fresh()).state
        if state in states and not self._watch.halted:
            return
        key = "wrong_state" if state in ACTIVE and not self._watch.halted else "no_job"
        raise Refused(f"{otherwise}: the printer says {state}", key=key)

    async def _command(self, verb: str, shows: Callable[[PrinterState], bool]) -> None:
        await self._confirmed(self._call(verb), shows)

    def _call(
        self, verb: str, params: Mapping[str, object] | None = None
    ) -> Coroutine[Any, Any, object]:
        return self._watch.line.call(f"printer.print.{verb}", params, patient=True)

    async def _confirmed(
        self, call: Coroutine[Any, Any, object], shows: Callable[[PrinterState], bool]
    ) -> None:
        """Wait until the status shows it. Raises the printer's refusal, or "not_confirmed".

        The answer may come long after the effect (a macro parks the head), or long before.
        """
        watch = self._watch
        answer = self._scripts.spawn(call)
        answer.add_done_callback(lambda _: watch.stir())
        while not shows(watch.state):
            if answer.done():
                answer.result()
                if await watch.until(lambda: shows(watch.state), watch.pace.settle_for_s):
                    return
                raise Refused(
                    f"accepted, but it still says {watch.state}: {_last(watch)}",
                    key="not_confirmed",
                )
            await watch.news_within(None)
        if answer.done():
            answer.result()


def _last(watch: Watch) -> str:
    """Return the console's last word: where Klipper says why it did nothing."""
    return watch.console[-1] if watch.console else "no reason given"


class MoonrakerConsole:
    """Takes G-code from a person."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._watch = watch
        self._scripts = scripts

    async def send(self, gcode: str) -> None:
        """Run lines of G-code and wait for their end.

        Raises Refused with Klipper's words; also for a command it does not know, which it says
        on the console only.
        """
        lines = [line.strip() for line in gcode.splitlines() if line.strip()]
        if not lines or "\0" in gcode:
            raise Refused("there is no G-code in that", key="not_supported")
        said: list[str] = []
        with self._watch.overhear(said.append):
            await self._scripts.run("\n".join(lines))
        words = {line.split()[0].upper() for line in lines}
        for line in said:
            if line.startswith(_UNKNOWN) and line.partition('"')[2].rstrip('"').upper() in words:
                raise Refused(line.removeprefix("// "), key="not_supported")


async def without_answer(call: Coroutine[Any, Any, object]) -> None:
    """Make a call whose answer may be lost with the one who gives it: a restart, a power-off."""
    try:
        await call
    except Refused:
        raise
    except DriverError:
        return
