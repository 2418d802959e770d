"""A live line to a Bambu Lab printer: reads, watches over silence, holds the parts."""

from __future__ import annotations

import asyncio
import copy
import logging
from collections import deque
from typing import TYPE_CHECKING, Any, Final

from ...errors import DriverError, Unreachable
from ...printer import PrinterIdentity
from ..base import NoParts
from . import commands
from .control import (
    BambuConsole,
    BambuControl,
    BambuFans,
    BambuHeaters,
    BambuLights,
    BambuOptions,
    BambuSpeed,
)
from .hands import BambuLoader, BambuMotion
from .payload import objects, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Mapping

    from ...printer import PrinterStatus
    from ...workshop.clock import Clock
    from .client import Line
    from .commander import Commander
    from .messages import Messages, Reply
    from .models import Model

_LOGGER = logging.getLogger(__name__)

REPORT_S: Final = 10.0
"""How long the first full report may take."""
VERSION_S: Final = 4.0
"""How long to wait for the version report, which old firmware may leave out."""
SILENCE_S: Final = 60.0
"""Silence after which the printer is asked whether it is still there. Idle P1 and A1 keep quiet
for tens of seconds."""
PATIENCE_S: Final = 10.0
"""How long it may take to answer each of the two questions."""
RARE_PUSHALL_S: Final = 300.0
"""Asking a P1 or A1 for everything more often stalls its controller."""
FRESH_S: Final = 5.0
"""How long the answer to a question about the present may take."""
LIVELY_S: Final = 3.0
"""A line that was heard within this time lives. A printing one speaks every second or so."""
_TICK_S: Final = 1.0
_PENDING: Final = 64
_BOARDS: Final = frozenset({"esp32", "rv1126", "ap", "mc"})


class BambuSession(NoParts):
    """A live line to one printer, good for as long as its `async with` lasts."""

    def __init__(self, line: Line, messages: Messages, commander: Commander, clock: Clock) -> None:
        self._line = line
        self._messages = messages
        self._commander = commander
        self._clock = clock
        self._pending: deque[PrinterStatus] = deque(maxlen=_PENDING)
        self._stirred = asyncio.Event()
        self._full = asyncio.Event()
        self._versioned = asyncio.Event()
        self._spoke = asyncio.Event()
        self._error: DriverError | None = None
        self._heard = clock.monotonic()
        self._asked_all = -RARE_PUSHALL_S
        self._alarm = 0
        self._wanted = False
        self._online: object = None
        self._tasks: list[asyncio.Task[None]] = []
        self.identity = PrinterIdentity(serial="", maker="Bambu Lab")
        commander.tell = self._tell

    # -- life ----------------------------------------------------------------------------------

    async def open(self) -> None:
        """Ask for everything and wait for it. Raises Unreachable("no_reports")."""
        for work in (self._read(), self._watch()):
            self._begin(work)
        await self._line.send(commands.GET_VERSION)
        await self._ask_for_all()
        await self._wait(self._full, REPORT_S)
        if not self._full.is_set():
            raise self._error or Unreachable("the printer sends no reports", key="no_reports")
        await self._wait(self._versioned, VERSION_S)
        if self._error is not None:
            raise self._error
        self._commander.line = self._line

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.create_task(self._guarded(work)))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        """Let the line end with its work: one that nobody reads or watches only looks alive."""
        try:
            await work
        except DriverError as err:
            self._fail(err)
        except Exception:
            _LOGGER.exception("the line to a printer broke on our side")
            self._fail(Unreachable("the line broke on our side"))

    async def _wait(self, event: asyncio.Event, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            pass

    async def close(self) -> None:
        """End the tasks of this line."""
        self._commander.cut()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def equip(self, identity: PrinterIdentity) -> None:
        """Settle who it is and what it has."""
        self.identity = identity
        commander, model = self._commander, self._messages.builder.model
        self.control = self.prompt = BambuControl(commander, model, self._freshen)
        self.heaters = BambuHeaters(commander, model)
        self.fans = BambuFans(commander, model)
        self.speed = BambuSpeed(commander)
        self.console = BambuConsole(commander)
        self.motion = BambuMotion(commander)
        self.loader = BambuLoader(commander, model)
        status = commander.status
        self.lights = BambuLights(commander) if status.lights else None
        self.options = BambuOptions(commander) if status.options else None

    # -- reading -------------------------------------------------------------------------------

    async def _read(self) -> None:
        async for payload in self._line.payloads():
            try:
                self._take(payload)
            except Exception:
                # A report we stumble over is our bug; the line must outlive it.
                _LOGGER.exception("a report could not be taken in")

    def _take(self, payload: bytes) -> None:
        now = self._clock.monotonic()
        self._heard, self._alarm = now, 0
        self._commander.unheard = False
        self._spoke.set()
        messages = self._messages
        fulls = messages.fulls
        status = messages.take(payload, now)
        if messages.status is not None:
            self._full.set()
        if messages.modules:
            self._versioned.set()
        if messages.fulls != fulls and self._wanted:
            self._wanted = False
            status = status or messages.status
        if status is not None:
            self._tell(status)
        online = messages.announced_version
        if online != self._online:
            first, self._online = self._online is None, online
            if not first:
                self._begin(self._renew())

    def _tell(self, status: PrinterStatus) -> None:
        self._pending.append(status)
        self._commander.told(status)
        self._stirred.set()

    def _fail(self, error: DriverError) -> None:
        if self._error is None:
            self._error = error
        self._commander.cut()
        for event in (self._full, self._versioned, self._stirred, self._spoke):
            event.set()

    def replied(self, reply: Reply) -> None:
        """Take a reply to a command."""
        self._line.answered(reply)
        if reply.unsigned:
            self._settle(rebuild=True)

    def _settle(self, *, rebuild: bool = False) -> None:
        now = self._clock.monotonic()
        messages = self._messages
        status = messages.rebuild(now) if rebuild else messages.settle(now)
        if status is not None:
            self._tell(status)

    async def _renew(self) -> None:
        """Modules came or went: ask again what there is."""
        await self._line.send(commands.GET_VERSION)
        if self._may_ask_for_all():
            await self._ask_for_all()

    async def _watch(self) -> None:
        """Let time pass for what waits on it, and ask a silent printer twice before giving up."""
        while self._error is None:
            await self._clock.sleep(_TICK_S)
            self._settle()
            self._tasks = [task for task in self._tasks if not task.done()]
            silent = self._clock.monotonic() - self._heard
            if silent < SILENCE_S + self._alarm * PATIENCE_S:
                continue
            self._alarm += 1
            match self._alarm:
                case 1:
                    await self._line.send(commands.START_PUSHING)
                case 2:
                    await self._ask_for_all()
                case _:
                    raise Unreachable("the printer fell silent", key="no_reports")

    # -- asking --------------------------------------------------------------------------------

    def _may_ask_for_all(self) -> bool:
        if not self._messages.builder.model.rare_pushall:
            return True
        return self._clock.monotonic() - self._asked_all >= RARE_PUSHALL_S

    async def _ask_for_all(self) -> None:
        self._asked_all = self._clock.monotonic()
        await self._line.send(commands.PUSHALL)

    async def _freshen(self) -> None:
        """Make sure the status is of now. Raises Unreachable when the printer gives none."""
        if self._may_ask_for_all():
            await self._freshen_all()
            return
        # A P1 or A1 tells every change by itself and in order, so what is merged is of now as
        # long as the line lives: it spoke after the last command and lately, or answers now.
        quiet = self._clock.monotonic() - self._heard
        if quiet > LIVELY_S or self._commander.unheard:
            self._spoke.clear()
            await self._line.send(commands.GET_VERSION)
            await self._wait(self._spoke, FRESH_S)
            if not self._spoke.is_set():
                raise Unreachable("the printer gives no sign of life", key="no_reports")
        if self._error is not None:
            raise self._error

    async def _freshen_all(self) -> None:
        fulls = self._messages.fulls
        await self._ask_for_all()
        try:
            async with asyncio.timeout(FRESH_S):
                while self._messages.fulls == fulls and self._error is None:
                    self._full.clear()
                    await self._full.wait()
        except TimeoutError as err:
            raise Unreachable("the printer tells no fresh status", key="no_reports") from err
        if self._error is not None:
            raise self._error

    async def refresh(self) -> None:
        """Ask the printer for a fresh status; it comes out of `statuses`."""
        if self._error is not None:
            raise self._error
        self._wanted = True
        if self._may_ask_for_all():
            await self._ask_for_all()
        else:
            # Its changes come by themselves: what is known is what it says.
            self._wanted = False
            self._tell(self._commander.status)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change."""
        self._pending.clear()
        self._pending.append(self._commander.status)
        while True:
            while self._pending:
                yield self._pending.popleft()
            if self._error is not None:
                raise self._error
            self._stirred.clear()
            await self._stirred.wait()

    def transcript(self) -> Mapping[str, object]:
        """Return the last raw facts; the ring redacts them."""
        messages = self._messages
        messages.report.trim()
        return {
            "report": copy.deepcopy(messages.report.values),
            "modules": copy.deepcopy(messages.modules),
            "replies": list(messages.replies),
            "garbled": messages.garbled,
            "full_reports": messages.fulls,
            "model": messages.builder.model.product,
        }

    @property
    def model(self) -> Model:
        """What model it is."""
        return self._messages.builder.model

    @property
    def hardware(self) -> str | None:
        """Version of the main board."""
        for module in objects(self._messages.modules):
            if text(module.get("name")) in _BOARDS:
                return text(module.get("hw_ver"))
        return None

    def fact(self, *path: str) -> Any:
        """Return a raw value of the report."""
        value: Any = self._messages.report.values
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        return value
