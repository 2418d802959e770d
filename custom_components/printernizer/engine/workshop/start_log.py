"""Steps of starts on their way into the ledger: before the command goes out, and after it."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final, Self

from ..errors import StoreError
from ..store import starts
from .clock import within

if TYPE_CHECKING:
    from types import TracebackType

    from ..start import StartEvent
    from ..store.database import Store
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

WRITE_S: Final = 5.0
"""How long a start waits for the database. A backup holds it for longer; prints go on."""
RETRY_S: Final = 10.0
WAITING_LIMIT: Final = 1000
"""Steps that may wait for the database."""


class StartLog:
    """Writes steps in their order; what the database does not take is tried again."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._waiting: deque[StartEvent] = deque(maxlen=WAITING_LIMIT)
        self._work = asyncio.Event()
        self._writing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._write_forever(), name="printernizer start log")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        try:
            await self._write()
        except StoreError as err:
            _LOGGER.error("%s steps of starts are lost: %s", len(self._waiting), err)  # noqa: TRY400

    def note(self, event: StartEvent) -> None:
        """Keep a step; it is written when the database has time."""
        self._waiting.append(event)
        self._work.set()

    async def keep(self, event: StartEvent, *, durably: bool) -> None:
        """Keep a step before anything is done that it speaks of.

        `durably`: raises StoreError when it is not in the database in time, and forgets it.
        Otherwise a database that takes no writes keeps nobody from printing.
        """
        self._waiting.append(event)
        try:
            await within(self._clock, WRITE_S, self._write())
        except (StoreError, TimeoutError) as err:
            if durably:
                self._forget(event)
                raise err if isinstance(err, StoreError) else StoreError("no answer") from err
            _LOGGER.debug("%s: a start is not in the ledger yet: %s", event.printer_id, err)
            self._work.set()

    async def _write_forever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write()
            except StoreError as err:
                # The ledger tells the user of a database that takes no writes.
                _LOGGER.debug("%s steps of starts wait: %s", len(self._waiting), err)
                await self._clock.sleep(RETRY_S)
                self._work.set()

    async def _write(self) -> None:
        async with self._writing:
            if events := tuple(self._waiting):
                await self._store.run(starts.record, events)
                for event in events:
                    self._forget(event)

    def _forget(self, event: StartEvent) -> None:
        with suppress(ValueError):  # so many wait that it gave way to others
            self._waiting.remove(event)
