"""The files of ended runs: read from their printers once these rest."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ..errors import PrinternizerError, StoreError, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from ..job import Job
    from .clock import Clock
    from .plans import Plans

_LOGGER = logging.getLogger(__name__)

FILE_PATIENCE: Final = timedelta(days=2)
"""How long a run waits for its file to be readable; then it stays as it was reckoned."""
AT_ONCE: Final = 16
"""A hundred printers that end at once do not fill line and disk at once."""


class RunFiles:
    """Reads what the account of a run waits for, each printer's files on their own.

    A slow board sends a long file for an hour, and nobody else's account waits for that.
    """

    def __init__(self, plans: Plans, clock: Clock, done: Callable[[Job], None]) -> None:
        """done: told of a run whose file was read, or cannot be."""
        self._plans = plans
        self._clock = clock
        self._done = done
        self._wanted: dict[UUID, tuple[Job, Job]] = {}
        """Runs as they are, and as they are looked for."""
        self._looked_for: set[UUID] = set()
        """Runs whose file was read, or cannot be: once is enough."""
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._turn = asyncio.Semaphore(AT_ONCE)

    async def close(self) -> None:
        """Read no more."""
        tasks = tuple(self._reading.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def may_come(self, job: Job) -> bool:
        """Whether the file of a run may still be read."""
        return job.id not in self._looked_for and not self._late(job)

    def waits(self, job_id: UUID) -> bool:
        """Whether the file of a run is wanted and not read yet."""
        return job_id in self._wanted

    def want(self, job: Job, named: Job) -> None:
        """Have the file of a run read. named: the run with all that is known of its plate."""
        self._wanted[job.id] = job, named
        self.look(job.printer_id)

    def forget(self, job_id: UUID) -> None:
        """Let go of a run that is settled."""
        self._wanted.pop(job_id, None)
        self._looked_for.discard(job_id)

    def look(self, printer_id: str | None = None) -> None:
        """Read what can be read now, of one printer or of all."""
        waiting = {job.printer_id for job, _ in self._wanted.values()} - self._reading.keys()
        for each in waiting if printer_id is None else waiting & {printer_id}:
            name = f"printernizer files of runs {each}"
            self._reading[each] = asyncio.create_task(self._read_all(each), name=name)

    async def _read_all(self, printer_id: str) -> None:
        tried: set[UUID] = set()
        try:
            while left := [
                (job, named)
                for job, named in self._wanted.values()
                if job.printer_id == printer_id and job.id not in tried
            ]:
                job, named = left[0]
                tried.add(job.id)
                if self._plans.reachable(job):
                    await self._read(job, named)
                elif self._late(job):
                    self._give_back(job)
        finally:
            del self._reading[printer_id]

    async def _read(self, job: Job, named: Job) -> None:
        try:
            async with self._turn:
                await self._plans.fetch(named)
        except Unreachable, StoreError:
            return  # it is looked at again
        except PrinternizerError as err:
            _LOGGER.debug("%s: the file of a run cannot be read: %s", job.printer_id, err)
        except Exception:
            # Of a library, or of our own disk: the run is reckoned without it.
            _LOGGER.exception("%s: the file of a run cannot be read", job.printer_id)
        self._give_back(job)

    def _give_back(self, job: Job) -> None:
        if self._wanted.pop(job.id, None) is not None:  # else it was settled meanwhile
            self._looked_for.add(job.id)
            self._done(job)

    def _late(self, job: Job) -> bool:
        return self._clock.now() - (job.closed_at or job.first_seen_at) >= FILE_PATIENCE
