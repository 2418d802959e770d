"""Starts of prints: claimed, checked, sent, and watched until they begin.

One start at a time per printer, on a status of now, never to a printer that is not ready. A start
is sent again only when the printer certainly did not take it. Each step stands in the ledger.
"""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4

from ..errors import NotAllowed, PrinternizerError, Refused, Unreachable
from ..file import FileKind
from ..fit import Objection, mismatches
from ..start import Started, StartEvent, StartStep
from .clock import within
from .start_log import StartLog
from .start_watch import StartWatch

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from types import TracebackType

    from ..drivers.base import JobControl
    from ..file import FileFacts
    from ..fit import Mismatch
    from ..printer import PrinterStatus
    from ..store.database import Store
    from .clock import Clock
    from .fleet import Fleet
    from .link import Link

_LOGGER = logging.getLogger(__name__)

TRIES: Final = 3
PAUSES_S: Final = (6.0, 10.0)
"""Between tries. PrusaLink says that it is ready and refuses, for some 11 s after a job's end."""
BEGIN_S: Final = 90.0
"""How long a start that was accepted may take to show: some firmware unpacks the file first."""
LINGER_S: Final = 10.0
"""How long to look on after "not confirmed", for what begins late."""
LOOK_S: Final = 1.0
RETURN_S: Final = 120.0
"""How long to wait for a line that broke while a start was under way."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What somebody wants to be printed."""

    printer_id: str
    path: str
    plate: int | None = None
    slots: Sequence[str | None] = ()
    override: bool = False
    by: str | None = None
    facts: FileFacts | None = None
    """What the file was sliced for, where that is known."""
    overridden: tuple[str, ...] = ()
    """What was overridden on the way here: "bad_file: ..."."""


@dataclass(slots=True)
class _Start:
    """A wish on its way."""

    wish: Wish
    id: UUID = field(default_factory=uuid4)
    steps: int = 0
    attempt: int = 0
    plate: int | None = None
    overridden: tuple[str, ...] = ()


class _NotTaken(Exception):
    """The printer did not take the start, certainly; `cause` is what it said."""

    def __init__(self, cause: Refused) -> None:
        super().__init__(cause.reason)
        self.cause = cause


class Starts:
    """Starts prints, and keeps account of it."""

    def __init__(self, fleet: Fleet, store: Store, clock: Clock) -> None:
        self._fleet = fleet
        self._clock = clock
        self._log = StartLog(store, clock)

    async def __aenter__(self) -> Self:
        await self._log.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._log.__aexit__(kind, error, trace)

    @asynccontextmanager
    async def claim(self, printer_id: str) -> AsyncIterator[None]:
        """Have a printer to oneself for a start. Raises NotAllowed when somebody else has it."""
        link = self._fleet[printer_id]
        if link.start_lock.locked():
            raise NotAllowed("another job is being started", key="printer_busy")
        async with link.start_lock:
            yield

    def admit(self, wish: Wish, *, stored: bool = False) -> tuple[str, ...]:
        """Hold a file that is to be sent against its printer; returns what was overridden.

        `stored`: it is to lie there only, so that what is loaded does not matter yet. Raises
        NotAllowed; what is refused stands in the ledger.
        """
        start = _Start(wish, plate=wish.plate)
        link = self._fleet[wish.printer_id]
        self._fit(start, link, link.status, stored=stored)
        if stored and start.overridden:
            self._note(start, StartStep.STORED)
        return start.overridden

    async def start(self, wish: Wish) -> Started:
        """Print a file that lies on the printer; the caller holds the claim.

        Returns when the print has begun. Raises NotAllowed for a printer that is not ready and
        for what the file was not made for, unless overridden; Refused with the printer's reason,
        or with "not_started" when nobody knows whether it began; Unreachable; StoreError when an
        override cannot be written down.
        """
        start = _Start(wish)
        link = self._fleet[wish.printer_id]
        while True:
            try:
                control, status = await self._ready(link)
            except PrinternizerError as err:
                if start.attempt:
                    self._note(start, StartStep.REFUSED, err)
                raise
            self._fit(start, link, status)
            start.attempt += 1
            try:
                return await self._send(start, link, control)
            except _NotTaken as refusal:
                cause = refusal.cause
                self._note(start, StartStep.NOT_TAKEN, cause)
                if start.attempt == TRIES:
                    self._note(start, StartStep.REFUSED, cause)
                    raise cause from None
                _LOGGER.debug("%s: try %s: %s", wish.printer_id, start.attempt, cause)
            await self._clock.sleep(PAUSES_S[start.attempt - 1])

    # -- before ------------------------------------------------------------------------------

    async def _ready(self, link: Link) -> tuple[JobControl, PrinterStatus]:
        """Ask the printer how it is, after what was asked of it before."""
        async with link.work_lock, link.command_lock:
            link.require()
            status = await link.refresh()
            session = link.require()
        if session.control is None:
            raise Refused("this printer cannot start files", key="not_supported")
        if not status.ready:
            raise NotAllowed(f"it is {status.state}", key="printer_busy")
        return session.control, status

    def _fit(
        self, start: _Start, link: Link, status: PrinterStatus | None, *, stored: bool = False
    ) -> None:
        """Hold the file against the printer, and settle the plate. Raises NotAllowed."""
        wish = start.wish
        start.plate = wish.plate
        try:
            if wish.facts is not None:
                start.plate = _plate(wish.facts, wish.plate)
            if status is not None:
                _slots_exist(wish.slots, status)
            against = [] if wish.facts is None else self._objections(start, link, status)
            if stored:
                against = [one for one in against if one.objection is not Objection.MATERIAL]
            if against and not wish.override:
                reasons = "; ".join(one.reason for one in against)
                raise NotAllowed(reasons, key=against[0].objection.value)
        except NotAllowed as refusal:
            self._note(start, StartStep.REFUSED, refusal)
            raise
        start.overridden = (
            *wish.overridden,
            *(f"{one.objection.value}: {one.reason}" for one in against),
        )

    @staticmethod
    def _objections(start: _Start, link: Link, status: PrinterStatus | None) -> list[Mismatch]:
        facts, wish = start.wish.facts, start.wish
        assert facts is not None
        return list(mismatches(facts, start.plate, link.identity, status, wish.slots))

    # -- the start itself --------------------------------------------------------------------

    async def _send(self, start: _Start, link: Link, control: JobControl) -> Started:
        wish = start.wish
        watch = StartWatch(self._fleet, wish.printer_id, wish.path, start.plate, self._clock)
        with watch:
            await self._log.keep(self._event(start, StartStep.SENT), durably=bool(start.overridden))
            try:
                await self._see_through(start, link, control, watch)
            except _NotTaken, PrinternizerError:
                raise
            except BaseException:
                # Called off: what was sent may begin although nobody waits.
                self._note(start, StartStep.BEGAN if watch.has_begun() else StartStep.UNCERTAIN)
                raise
        self._note(start, StartStep.BEGAN)
        return Started(
            path=wish.path,
            plate=start.plate,
            attempts=start.attempt,
            overridden=tuple(one.split(":", 1)[0] for one in start.overridden),
        )

    async def _see_through(
        self, start: _Start, link: Link, control: JobControl, watch: StartWatch
    ) -> None:
        """Send it, and return when it has begun."""
        wish = start.wish
        try:
            await control.start(wish.path, plate=start.plate, slots=tuple(wish.slots))
            await self._began(watch)
        except Refused as err:
            await self._refused(start, link, watch, err)
        except PrinternizerError as err:
            await self._broken(start, link, watch, err)

    async def _began(self, watch: StartWatch) -> None:
        """Prove that what was accepted begins. Raises Refused(key="not_started")."""
        if await watch.shows(BEGIN_S):
            return
        shown = f"it prints {watch.other}" if watch.other else "it took the start, and rests"
        raise Refused(shown, key="not_started")

    async def _refused(self, start: _Start, link: Link, watch: StartWatch, err: Refused) -> None:
        """Return when it began all the same; raise _NotTaken when it certainly did not.

        What was not confirmed may wait in the printer's own queue, however ready it looks.
        """
        unsure = err.key == "not_confirmed"
        if watch.has_begun() or (unsure and await watch.shows(LINGER_S)):
            return
        if unsure or err.key == "printer_busy":
            try:
                status = await link.refresh()
            except PrinternizerError as lost:
                if unsure:
                    await self._broken(start, link, watch, lost)
                    return
                status = None
            if watch.has_begun():
                return
            if status is not None and status.ready and not unsure:
                raise _NotTaken(err) from err
        uncertain = unsure or err.key == "not_started"
        self._note(start, StartStep.UNCERTAIN if uncertain else StartStep.REFUSED, err)
        raise err

    async def _broken(
        self, start: _Start, link: Link, watch: StartWatch, err: PrinternizerError
    ) -> None:
        """Wait for a line that broke after the start was sent; return when it began.

        Raises Refused(key="not_started"): it is never sent again, for it may have begun.
        """
        try:
            await within(self._clock, RETURN_S, self._back(link))
        except TimeoutError, PrinternizerError:
            _LOGGER.debug("%s: no line to see a start through", start.wish.printer_id)
        if await watch.shows(LINGER_S):
            return
        self._note(start, StartStep.UNCERTAIN, err)
        raise Refused(
            f"the line broke while it was started: {err.reason}", key="not_started"
        ) from err

    async def _back(self, link: Link) -> None:
        """Wait for a fresh status; a line may be dead for a while before anybody notices."""
        while True:
            await link.up()
            try:
                await link.refresh()
            except Unreachable:
                await self._clock.sleep(LOOK_S)
            else:
                return

    # -- account -----------------------------------------------------------------------------

    def _note(self, start: _Start, step: StartStep, cause: PrinternizerError | None = None) -> None:
        self._log.note(self._event(start, step, cause))

    def _event(
        self, start: _Start, step: StartStep, cause: PrinternizerError | None = None
    ) -> StartEvent:
        start.steps += 1
        wish = start.wish
        return StartEvent(
            start_id=start.id,
            number=start.steps,
            printer_id=wish.printer_id,
            step=step,
            at=self._clock.now(),
            path=wish.path,
            plate=start.plate,
            attempt=start.attempt,
            by=wish.by,
            overridden=start.overridden,
            key=cause.key if cause else None,
            reason=cause.reason if cause else None,
        )


def _plate(facts: FileFacts, wanted: int | None) -> int | None:
    """Settle which plate is meant. Raises NotAllowed(key="plate_missing")."""
    if facts.kind is None:
        return wanted
    chosen = facts.plate(wanted)
    if chosen is None:
        numbers = ", ".join(str(plate.number) for plate in facts.plates)
        there = f"it has {numbers}, not {wanted}" if numbers else "nothing in it is sliced"
        raise NotAllowed(there, key="plate_missing")
    if wanted is None and facts.kind is FileKind.THREEMF:
        # Drivers take the first one, which need not be there.
        return chosen.number
    return wanted


def _slots_exist(slots: Sequence[str | None], status: PrinterStatus) -> None:
    """Raise NotAllowed(key="slot_missing") for a slot the printer has not."""
    there = {slot.key for slot in status.slots}
    missing = [key for key in slots if key is not None and key not in there]
    if missing and there:
        raise NotAllowed(f"{', '.join(missing)}; it has {', '.join(there)}", key="slot_missing")
