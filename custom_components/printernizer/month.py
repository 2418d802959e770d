"""What this month was like so far, read again whenever a job was reckoned."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.core import callback
from homeassistant.helpers.event import async_track_time_interval

from .engine.errors import StoreError
from .engine.report import Totals
from .engine.workshop.listeners import Listeners

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable
    from datetime import datetime

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.account import JobAccount
    from .engine.job import Job
    from .engine.report import MonthlyReport
    from .engine.workshop.workshop import Workshop

_LOGGER = logging.getLogger(__name__)

LOOK_AGAIN: Final = timedelta(minutes=10)
"""How late a month may begin, and what another house billed be seen."""


class MonthFigures:
    """The report of this month, for whoever shows it."""

    def __init__(self, hass: HomeAssistant, workshop: Workshop) -> None:
        self._hass = hass
        self._workshop = workshop
        self._task: asyncio.Task[None] | None = None
        self._again = False
        self._listeners: Listeners[()] = Listeners("this month")
        self._printers: dict[str | None, Totals] = {}
        self.report: MonthlyReport | None = None
        """None until it could be read."""

    def of(self, printer_id: str) -> Totals | None:
        """Return the figures of one printer; None until they could be read."""
        return None if self.report is None else self._printers.get(printer_id, Totals())

    @callback
    def async_listen(self) -> CALLBACK_TYPE:
        """Follow what is reckoned; returns how to stop."""
        stops = [
            self._workshop.accounts.subscribe(self._on_account),
            async_track_time_interval(
                self._hass, self._on_time, LOOK_AGAIN, cancel_on_shutdown=True
            ),
        ]

        @callback
        def stop() -> None:
            while stops:
                stops.pop()()
            if self._task is not None:
                self._task.cancel()

        return stop

    @callback
    def async_add_listener(self, listener: Callable[[], None]) -> CALLBACK_TYPE:
        """Hear of every change; returns how to stop."""
        return self._listeners.add(listener)

    async def async_read(self) -> None:
        """Read it now. What cannot be read stays as it was."""
        try:
            report = await self._workshop.reports.month()
        except StoreError as err:
            _LOGGER.debug("This month cannot be read: %s", err)
            return
        self.report = report
        self._printers = {share.key: share.totals for share in report.printers}
        self._listeners.tell()

    @callback
    def _on_account(self, _job: Job, _account: JobAccount) -> None:
        self._read_soon()

    @callback
    def _on_time(self, _now: datetime) -> None:
        self._read_soon()

    @callback
    def _read_soon(self) -> None:
        """Read once for all that came meanwhile."""
        self._again = True
        if self._task is None or self._task.done():
            self._task = self._hass.async_create_background_task(
                self._read_all(), "printernizer month", eager_start=False
            )

    async def _read_all(self) -> None:
        while self._again:
            self._again = False
            await self.async_read()
