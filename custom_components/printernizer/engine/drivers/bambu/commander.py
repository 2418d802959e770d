"""Sends a command and knows afterwards whether the printer did it."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from ...errors import Refused, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ...printer import PrinterStatus
    from ...workshop.clock import Clock
    from .client import Line
    from .commands import Command
    from .messages import Messages, Reply

HOLD_S: Final = 3.0
"""How long reports may still carry the old value after a command; the maker's own client
looks away for as long."""
EFFECT_S: Final = 4.0
"""How long a confirmed command may take to show in the status. It counts as done either way."""

type Effect = Callable[[PrinterStatus], bool]


class PendingStart:
    """A start that was sent and does not show yet. Outlives the line, as the printer's work does.

    Until `until` (monotonic seconds) the printer may take the job up, and a second start would
    print twice or, on some models, end the first.
    """

    def __init__(self) -> None:
        self.until: float | None = None


class Commander:
    """The one way to a printer's hands. One command at a time."""

    def __init__(
        self, messages: Messages, clock: Clock, pending: PendingStart | None = None
    ) -> None:
        self.messages = messages
        self.line: Line | None = None
        self.pending = pending or PendingStart()
        self.unheard = False
        """Whether a command went out of which no report has come since."""
        self._clock = clock
        self._lock = asyncio.Lock()
        self._watching: list[tuple[Effect, asyncio.Event]] = []
        self.tell: Callable[[PrinterStatus], None] = self.told
        """Who hears of what a confirmed command changed, before any report shows it."""

    @property
    def status(self) -> PrinterStatus:
        """The present status. Raises Unreachable while there is none."""
        status = self.messages.status
        if status is None:
            raise Unreachable("the printer has not reported yet", key="starting")
        return status

    def told(self, status: PrinterStatus) -> None:
        """Let a new status end waits for its effect."""
        if status.active:
            self.pending.until = None
        for effect, seen in self._watching:
            if effect(status):
                seen.set()

    def cut(self) -> None:
        """The line is down: nothing is waited for any more."""
        self.line = None
        for _, seen in self._watching:
            seen.set()

    async def run(
        self,
        command: Command,
        *,
        effect: Effect | None = None,
        hold: dict[str, object] | None = None,
    ) -> None:
        """Send a command and return when it is confirmed or visible.

        `hold` are fields of the report with the value the command gives them. Raises Refused
        with the printer's reason, "developer_mode" or "not_confirmed"; Unreachable.
        """
        async with self._lock:
            await self.run_locked(command, effect=effect, hold=hold)

    @property
    def lock(self) -> asyncio.Lock:
        """Held while a command is under way."""
        return self._lock

    async def run_locked(
        self,
        command: Command,
        *,
        effect: Effect | None = None,
        hold: dict[str, object] | None = None,
    ) -> None:
        """As `run`, for one who holds the lock."""
        if self.line is None:
            raise Unreachable("the line is down")
        if self.status.read_only:
            raise _unsigned()
        if effect is not None and effect(self.status):
            effect = None  # it shows already, and so would prove nothing
        self.unheard = True
        with self._watch(lambda now: now.read_only or (effect is not None and effect(now))) as seen:
            reply = await self._answer(self.line, command, seen)
            shown = effect is not None and effect(self.status)
            if self.down and not shown:
                raise Unreachable("the line dropped after a command")
            self._judge(reply, shown=shown)
            if effect is not None and not shown:
                await _until(seen, EFFECT_S)
        self._hold(hold or {})

    async def _answer(self, line: Line, command: Command, seen: asyncio.Event) -> Reply | None:
        """Wait for the echo or, from a printer that does not echo, for what can be seen."""
        asking = asyncio.ensure_future(line.ask(command))
        watching = asyncio.ensure_future(seen.wait())
        try:
            await asyncio.wait({asking, watching}, return_when=asyncio.FIRST_COMPLETED)
            return asking.result() if asking.done() else None
        finally:
            for wait in (asking, watching):
                wait.cancel()
            await asyncio.gather(asking, watching, return_exceptions=True)

    def _judge(self, reply: Reply | None, *, shown: bool) -> None:
        if reply is not None and reply.ok:
            return
        if (reply is not None and reply.unsigned) or self.messages.builder.refuses_commands:
            raise _unsigned()
        if reply is not None:
            raise Refused(reply.reason or "the printer refuses")
        if not shown:
            raise Refused("the printer did not answer", key="not_confirmed")

    def _hold(self, fields: dict[str, object]) -> None:
        if not fields:
            return
        now = self._clock.monotonic()
        for field, value in fields.items():
            self.messages.report.hold(field, value, now + HOLD_S)
        status = self.messages.rebuild(now)
        if status is not None:
            self.tell(status)

    async def wait_for(self, effect: Effect, timeout_s: float) -> bool:
        """Wait until a status shows something; whether it did. Raises Unreachable."""
        with self._watch(effect) as seen:
            if not effect(self.status) and not self.down:
                await _until(seen, timeout_s)
        if effect(self.status):
            return True
        if self.down:
            raise Unreachable("the line dropped after a command")
        return False

    @property
    def down(self) -> bool:
        """Whether the line is not there yet or no more."""
        return self.line is None

    @property
    def now(self) -> float:
        """Monotonic seconds."""
        return self._clock.monotonic()

    @contextmanager
    def _watch(self, effect: Effect) -> Iterator[asyncio.Event]:
        entry = (effect, asyncio.Event())
        self._watching.append(entry)
        try:
            yield entry[1]
        finally:
            self._watching.remove(entry)


async def _until(event: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _unsigned() -> Refused:
    return Refused("commands need Developer Mode on the printer", key="developer_mode")
