"""The ledger: folds what printers show into job events, and makes them durable.

`seen` and `lost` are synchronous and cheap; one task of the ledger's own does all the writing,
in the order in which things happened. Events, the rows of their runs and what the tracking
remembers go into one transaction, so that a kill at any moment never parts them. Subscribers
hear of an event only after it is durable. Progress is no event: it is written for all printers
at once, every few seconds.

When the database does not take writes, events wait in memory and are tried again. When too many
wait, observations are not folded any more; the next one after that counts as the first on its
line, so that the gap is reconciled and nothing is ever half told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self

from ..errors import StoreError
from ..job import CLOSING
from ..memory import Line, Lost, Memory, Observation, Quiet, Recalled, Seen
from ..readings import cleaned
from ..recollection import recollect
from ..store import jobs, printers
from ..tracking import expire, observe
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection

    from ..job import Job, JobEvent, PastRun
    from ..printer import PrinterStatus
    from ..store.database import Store
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

FLUSH_S: Final = 10.0
"""How old the progress in the database may be. What a power cut costs at most."""
RETRY_S: Final = (1.0, 2.0, 5.0, 10.0, 30.0)
"""Pauses between tries to write; the last one for as long as it takes."""
PENDING_LIMIT: Final = 10_000
"""Events that may wait for the database: days of a large shop, and a few megabytes."""
GONE: Final = timedelta(days=30)
"""A printer not heard of for this long will not tell how its run ended."""

type JobSubscriber = Callable[[JobEvent], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class LedgerHealth:
    """Whether the ledger gets its events onto the disk."""

    error: StoreError | None = None
    """Why the last try to write failed; None when it did not."""
    pending: int = 0
    """Events that are not durable yet."""
    overflowing: bool = False
    """So many wait that printers are not followed until some are written."""

    @property
    def well(self) -> bool:
        """Whether nothing is wrong."""
        return self.error is None and not self.overflowing


class Ledger:
    """The jobs of all printers. Open it with `async with`."""

    def __init__(self, store: Store, clock: Clock, *, pending_limit: int = PENDING_LIMIT) -> None:
        self._store = store
        self._clock = clock
        self._limit = pending_limit
        self._memories: dict[str, Memory] = {}
        self._last: dict[str, Job] = {}
        self._heard: dict[str, datetime] = {}
        self._pending: deque[JobEvent] = deque()
        self._dirty: set[str] = set()
        self._unheard: set[str] = set()
        """Printers of which observations were passed over."""
        self._subscribers: Listeners[JobEvent] = Listeners("the ledger")
        self._work = asyncio.Event()
        self._flush_due = False
        self._error: StoreError | None = None
        self._attempt: asyncio.Task[None] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    # -- open and close ----------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def open(self) -> None:
        """Read where the ledger stands and begin to write. Raises StoreError."""
        memories, self._last, known = await self._store.run(_load)
        self._memories = {memory.printer_id: memory for memory in memories}
        self._heard = {printer.id: printer.last_seen for printer in known}
        self._tasks = [
            asyncio.create_task(self._write_forever(), name="printernizer ledger"),
            asyncio.create_task(self._tend(), name="printernizer ledger flush"),
        ]

    async def close(self) -> None:
        """Write what waits and stop. What cannot be written now is reconciled at the next start."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if not tasks:
            return
        self._flush_due = True
        try:
            await self._write()
        except StoreError as err:
            _LOGGER.error(  # noqa: TRY400 - a person must act; the stack says nothing more
                "The ledger could not write its last %s events: %s", len(self._pending), err
            )

    # -- what printers show ------------------------------------------------------------------

    def seen(self, printer_id: str, status: PrinterStatus, *, first: bool) -> None:
        """Take a status; `first` since the line came up."""
        passed_over = printer_id in self._unheard
        self._take(
            printer_id,
            Seen(
                status=status,
                at=self._clock.now(),
                monotonic=self._clock.monotonic(),
                first=first or passed_over,
            ),
        )

    def recall(self, printer_id: str, runs: tuple[PastRun, ...]) -> None:
        """Take what a printer remembers of its ended jobs, newest first, before its status."""
        if self._full(printer_id):
            return
        memory = self._memories.get(printer_id) or Memory(printer_id=printer_id)
        told = Recalled(
            runs=runs,
            at=self._clock.now(),
            monotonic=self._clock.monotonic(),
            since=self._heard.get(printer_id),
        )
        self._keep(memory, *recollect(memory, told))

    def lost(self, printer_id: str) -> None:
        """Take the loss of a line."""
        self._take(printer_id, Lost(at=self._clock.now(), monotonic=self._clock.monotonic()))

    def _take(self, printer_id: str, observation: Observation) -> None:
        if self._full(printer_id):
            return
        self._unheard.discard(printer_id)
        self._heard[printer_id] = observation.at
        memory = self._memories.get(printer_id) or Memory(printer_id=printer_id)
        self._keep(memory, *observe(memory, observation))

    def _full(self, printer_id: str) -> bool:
        """Whether so much waits for the database that an observation has to be passed over."""
        if len(self._pending) < self._limit:
            return False
        if not self._unheard:
            _LOGGER.error("The database takes no writes; printers are not followed any more")
        self._unheard.add(printer_id)
        return True

    def _keep(self, before: Memory, memory: Memory, events: Sequence[JobEvent]) -> None:
        if memory is before:
            return
        self._memories[memory.printer_id] = memory
        self._dirty.add(memory.printer_id)
        for event in events:
            if event.kind in CLOSING:
                self._last[memory.printer_id] = event.job
        if events:
            self._pending.extend(events)
            self._work.set()

    async def retire(self, printer_id: str) -> None:
        """Close the open run of a printer that its owner removed; its history stays.

        A database that takes no writes is seen in `health`; the event then waits as any other.
        """
        memory = self._memories.get(printer_id)
        if memory is None:
            return
        self._keep(memory, *expire(memory, self._clock.now(), "printer_removed"))
        with suppress(StoreError):
            await self._write()

    async def flush(self) -> None:
        """Write all that waits, progress too. Raises StoreError."""
        self._flush_due = True
        await self._write()

    async def meet(
        self, printer_id: str, *, kind: str | None, model: str | None, name: str | None
    ) -> None:
        """Note who a printer is, for reports that outlive it. Raises StoreError."""
        await self._store.run(
            printers.meet,
            printer_id,
            kind=kind,
            model=cleaned(model),
            name=cleaned(name),
            at=self._clock.now(),
        )

    # -- what is known -----------------------------------------------------------------------

    def open_job(self, printer_id: str) -> Job | None:
        """Return the run that is open on a printer, with its progress of this moment."""
        memory = self._memories.get(printer_id)
        return memory.run.job if memory is not None and memory.run is not None else None

    def last_job(self, printer_id: str) -> Job | None:
        """Return the last run that ended on a printer."""
        return self._last.get(printer_id)

    def job_of(self, printer_id: str) -> Job | None:
        """Return the open run, else the last one; None when there never was one."""
        return self.open_job(printer_id) or self.last_job(printer_id)

    def subscribe(self, subscriber: JobSubscriber) -> Callable[[], None]:
        """Hear every event of every printer once it is durable; returns how to stop."""
        return self._subscribers.add(subscriber)

    @property
    def health(self) -> LedgerHealth:
        """Whether events reach the disk."""
        return LedgerHealth(
            error=self._error, pending=len(self._pending), overflowing=bool(self._unheard)
        )

    # -- writing -----------------------------------------------------------------------------

    async def _write_forever(self) -> None:
        failures = 0
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write()
            except StoreError as err:
                if not failures:
                    _LOGGER.warning("The ledger cannot write and will try again: %s", err)
                pause = RETRY_S[min(failures, len(RETRY_S) - 1)]
                failures += 1
                self._work.set()
                await self._clock.sleep(pause)
            else:
                failures = 0

    async def _write(self) -> None:
        """Write all that waits. Raises StoreError; then all of it still waits.

        Our being cancelled does not stop a transaction, so it is awaited even then: an attempt
        of which nobody learns the end would be written twice.
        """
        while self._attempt is not None:
            with suppress(StoreError):
                await asyncio.shield(self._attempt)
        if not self._pending and not (self._flush_due and self._dirty):
            return
        self._attempt = asyncio.create_task(self._try(), name="printernizer ledger write")
        await asyncio.shield(self._attempt)

    async def _try(self) -> None:
        events = tuple(self._pending)
        chosen = {event.job.printer_id for event in events}
        if self._flush_due:
            chosen |= self._dirty
        self._flush_due = False
        self._dirty -= chosen
        memories = [self._memories[printer_id] for printer_id in chosen]
        again = self._error is not None
        try:
            await self._store.run(_save, events, memories, self._clock.now(), again=again)
        except BaseException as err:
            self._dirty |= chosen
            self._error = err if isinstance(err, StoreError) else StoreError(type(err).__name__)
            raise self._error from err
        else:
            self._error = None
            for _ in events:
                self._pending.popleft()
        finally:
            self._attempt = None
        self._announce(events)

    def _announce(self, events: Iterable[JobEvent]) -> None:
        for event in events:
            self._subscribers.tell(event)

    async def _tend(self) -> None:
        """Write progress, let grace times run out, and give up what is gone for good."""
        while True:
            await self._clock.sleep(FLUSH_S)
            for memory in tuple(self._memories.values()):
                # What was passed over is for the next status to reconcile, not for a timer.
                if memory.printer_id not in self._unheard:
                    try:
                        self._let_pass(memory)
                    except Exception:
                        # This loop writes everybody's progress: one printer must not end it.
                        _LOGGER.exception("%s: its time could not pass", memory.printer_id)
            if self._dirty:
                self._flush_due = True
                self._work.set()

    def _let_pass(self, memory: Memory) -> None:
        """Let time pass for one printer from which nothing new came."""
        now = self._clock.now()
        if memory.waiting:
            self._take(memory.printer_id, Quiet(at=now, monotonic=self._clock.monotonic()))
        elif memory.run is not None and memory.line is Line.DOWN:
            heard = self._heard.get(memory.printer_id, now)
            if now - heard > GONE:
                self._keep(memory, *expire(memory, now, "printer_gone"))


# -- transactions, on the store's thread -------------------------------------------------------


def _load(
    connection: Connection,
) -> tuple[tuple[Memory, ...], dict[str, Job], tuple[printers.KnownPrinter, ...]]:
    return (
        printers.load_memories(connection),
        jobs.last_of_each(connection),
        printers.load_all(connection),
    )


def _save(
    connection: Connection,
    events: Sequence[JobEvent],
    memories: Sequence[Memory],
    at: datetime,
    *,
    again: bool,
) -> None:
    jobs.record(connection, events, memories, at, again=again)
    jobs.progress(connection, [memory.run.job for memory in memories if memory.run is not None])
