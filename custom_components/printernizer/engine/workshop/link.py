"""One printer's line: connect, listen, back off. The only place that reconnects."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import AccessDenied, DriverError, Unreachable, WrongPrinter
from .backoff import Backoff

if TYPE_CHECKING:
    from ..drivers.base import Driver, Session
    from ..job import PastRun
    from ..printer import PrinterIdentity, PrinterStatus
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

REFRESH_S: Final = 15.0
"""The slowest answer seen to a request for a full status took 10 s, on a busy Bambu P1."""


HISTORY_S: Final = 10.0
"""How long the first status may wait for the printer's history."""
HISTORY_RUNS: Final = 50
"""More jobs than a printer ends in a weekend."""


class LinkListener(Protocol):
    """Whoever wants to know what comes down the line."""

    def on_status(self, link: Link, status: PrinterStatus, *, first: bool) -> None:
        """Take a status; `first` is the first one after a connect: a fact, not a transition."""

    def on_history(self, link: Link, runs: tuple[PastRun, ...]) -> None:
        """Take what the printer remembers of its ended jobs, before its first status."""

    def on_lost(self, link: Link, error: DriverError) -> None:
        """The line dropped, or could not be opened. Called on every failed try."""


class Link:
    """The line to one printer.

    `session` and `status` are None whenever the line is down, so that nobody acts on what a
    lost printer said last. `error` is why it is down.
    """

    def __init__(
        self,
        printer_id: str,
        driver: Driver,
        listener: LinkListener,
        clock: Clock,
        backoff: Backoff | None = None,
    ) -> None:
        self.printer_id = printer_id
        self.session: Session | None = None
        self.status: PrinterStatus | None = None
        self.identity: PrinterIdentity | None = None
        self.error: DriverError | None = None
        self.start_lock = asyncio.Lock()
        """One start at a time, until the printer shows it."""
        self.command_lock = asyncio.Lock()
        """One command to the job at a time: a start must not overtake the cancel before it."""
        self.work_lock = asyncio.Lock()
        """One other command at a time. Some of them last as long as the machine moves, and none
        may keep a person from pausing or cancelling."""
        self._driver = driver
        self._listener = listener
        self._clock = clock
        self._backoff = backoff or Backoff()
        self._nudged = asyncio.Event()
        self._changed = asyncio.Event()
        self._steady = asyncio.Event()
        """It is up, or will never be."""

    async def run(self) -> None:
        """Keep the line up until cancelled; returns when the printer rejects our key."""
        while True:
            try:
                await self._listen()
            except DriverError as err:
                self._down(err)
                if isinstance(err, AccessDenied):
                    self._steady.set()
                    return
                if isinstance(err, WrongPrinter):
                    self._backoff.exhaust()
            except Exception as err:
                # This loop must outlive a driver's bug: the other half of the fleet's life is
                # noticing that a printer came back.
                _LOGGER.exception("%s: unexpected error on the line", self.printer_id)
                self._down(Unreachable(f"unexpected {type(err).__name__}"))
            await self._wait()

    def nudge(self) -> None:
        """The printer announced itself: do not wait out the back-off."""
        self._nudged.set()

    def require(self) -> Session:
        """Return the live session. Raises why there is none."""
        if self.session is None:
            raise self.error or Unreachable("the line is not open yet")
        return self.session

    async def settled(self) -> PrinterStatus:
        """Wait for the first status, or raise why the first try failed."""
        while self.status is None:
            if self.error is not None:
                raise self.error
            await self._changed.wait()
        return self.status

    async def up(self) -> Session:
        """Wait until the line is up, for as long as it takes. Raises AccessDenied."""
        await self._steady.wait()
        return self.require()

    async def refresh(self) -> PrinterStatus:
        """Ask for a fresh status and wait for it. Raises Unreachable after `REFRESH_S`."""
        session = self.require()
        self._changed.clear()
        await session.refresh()
        try:
            async with asyncio.timeout(REFRESH_S):
                await self._changed.wait()
        except TimeoutError as err:
            raise Unreachable("no fresh status in time") from err
        if self.status is None:
            raise self.error or Unreachable("the line dropped")
        return self.status

    async def _listen(self) -> None:
        async with self._driver.connect() as session:
            self.session = session
            self.identity = session.identity
            first = True
            try:
                await self._recall(session)
                async for status in session.statuses():
                    self._backoff.reset()
                    self.error = None
                    self.status = status
                    self._changed.set()
                    self._steady.set()
                    self._listener.on_status(self, status, first=first)
                    first = False
            finally:
                # Before the session says goodbye, which may take it seconds.
                self._steady.clear()
                self.session = None
                self.status = None
        raise Unreachable("the printer ended the line")

    async def _recall(self, session: Session) -> None:
        """Ask how the jobs ended that nobody of us saw. A printer that does not say is no loss."""
        if session.history is None:
            return
        try:
            async with asyncio.timeout(HISTORY_S):
                runs = await session.history.recent(HISTORY_RUNS)
        except (DriverError, TimeoutError) as err:
            _LOGGER.debug("%s: it does not tell its history: %s", self.printer_id, err)
            return
        except Exception:
            # A driver that stumbles over it would do so at every try, and the line never be up.
            _LOGGER.exception("%s: its history could not be read", self.printer_id)
            return
        self._listener.on_history(self, runs)

    def _down(self, error: DriverError) -> None:
        self.error = error
        self._changed.set()
        _LOGGER.debug("%s: line down: %s", self.printer_id, error)
        self._listener.on_lost(self, error)

    async def _wait(self) -> None:
        """Wait out the back-off, or until somebody nudges."""
        self._nudged.clear()
        sleep = asyncio.ensure_future(self._clock.sleep(self._backoff.next_wait()))
        nudged = asyncio.ensure_future(self._nudged.wait())
        try:
            await asyncio.wait({sleep, nudged}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (sleep, nudged):
                waiting.cancel()
            await asyncio.gather(sleep, nudged, return_exceptions=True)
        if self._nudged.is_set():
            self._backoff.reset()
