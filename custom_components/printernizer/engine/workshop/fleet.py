"""All lines, the latest status of each, and who wants to hear of it."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from ..errors import AccessDenied, NotAllowed, WrongPrinter
from .link import Link
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..drivers.base import Driver
    from ..errors import DriverError
    from ..job import PastRun
    from ..printer import PrinterStatus
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

GRACE_S: Final = 60.0
"""A line lost for less than this is nobody's business: access points roam, printers blink."""

type Subscriber = Callable[[PrinterStatus | None], None]
"""Called with every changed status, and with None once a printer has been gone for the grace."""


type Historian = Callable[[str, tuple[PastRun, ...]], None]
"""Called with a printer's id and what it remembers of its ended jobs, newest first."""


class Observer(Protocol):
    """The ledger, as the fleet sees it."""

    def seen(self, printer_id: str, status: PrinterStatus, *, first: bool) -> None:
        """Take a status."""

    def recall(self, printer_id: str, runs: tuple[PastRun, ...]) -> None:
        """Take what a printer remembers of its ended jobs."""

    def lost(self, printer_id: str) -> None:
        """The line dropped."""


@dataclass(slots=True)
class _Member:
    link: Link
    task: asyncio.Task[None]
    subscribers: Listeners[PrinterStatus | None]
    grace: asyncio.Task[None] | None = None
    told_gone: bool = True
    """Nobody has been told yet that it is there."""
    was_up: bool = False
    last_told: PrinterStatus | None = None
    gone_because: type[DriverError] | None = None
    """Why it is gone, as far as the subscribers were told."""


class Fleet:
    """The lines to all printers. Opens and closes them one by one, all at the same time."""

    def __init__(self, observer: Observer, clock: Clock, *, grace_s: float = GRACE_S) -> None:
        self._observer = observer
        self._clock = clock
        self._grace_s = grace_s
        self._members: dict[str, _Member] = {}
        self._historians: list[Historian] = []

    def __iter__(self) -> Iterator[Link]:
        return (member.link for member in self._members.values())

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, printer_id: str) -> Link:
        try:
            return self._members[printer_id].link
        except KeyError as err:
            raise NotAllowed(f"no printer {printer_id} is set up", key="not_allowed") from err

    def get(self, printer_id: str) -> Link | None:
        """Return the link of a printer, if it is set up."""
        member = self._members.get(printer_id)
        return member.link if member else None

    def add(self, printer_id: str, driver: Driver) -> Link:
        """Open a line and keep it. Raises NotAllowed when the printer has one already."""
        if printer_id in self._members:
            raise NotAllowed(f"printer {printer_id} is set up already")
        link = Link(printer_id, driver, self, self._clock)
        task = asyncio.create_task(link.run(), name=f"printernizer line {printer_id}")
        self._members[printer_id] = _Member(link=link, task=task, subscribers=Listeners(printer_id))
        return link

    async def remove(self, printer_id: str) -> None:
        """Close a line. The ledger keeps its open run: the printer prints on without us."""
        member = self._members.pop(printer_id, None)
        if member is None:
            return
        tasks = [task for task in (member.task, member.grace) if task is not None]
        for task in tasks:
            task.cancel()
        try:
            # Not suppress(CancelledError) around an await: it would swallow our own, too.
            await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            if member.was_up:
                self._lost(printer_id)

    async def close(self) -> None:
        """Close all lines."""
        await asyncio.gather(*(self.remove(printer_id) for printer_id in tuple(self._members)))

    def subscribe(self, printer_id: str, subscriber: Subscriber) -> Callable[[], None]:
        """Hear every change of one printer; returns how to stop."""
        return self._members[printer_id].subscribers.add(subscriber)

    def hear_histories(self, historian: Historian) -> Callable[[], None]:
        """Hear what printers remember of their ended jobs; returns how to stop."""
        self._historians.append(historian)

        def stop() -> None:
            with suppress(ValueError):
                self._historians.remove(historian)

        return stop

    # -- what the links tell -----------------------------------------------------------------

    def on_status(self, link: Link, status: PrinterStatus, *, first: bool) -> None:
        """Pass a status on: always to the ledger, to the others when it is news."""
        member = self._members.get(link.printer_id)
        if member is None:
            return
        member.was_up = True
        self._end_grace(member)
        self._seen(link.printer_id, status, first=first)
        if member.told_gone or status != member.last_told:
            member.told_gone = False
            member.gone_because = None
            member.last_told = status
            self._tell(member, status)

    def on_history(self, link: Link, runs: tuple[PastRun, ...]) -> None:
        """Let the ledger know what a printer remembers, before its first status."""
        if link.printer_id not in self._members:
            return
        try:
            for historian in (*self._historians, self._observer.recall):
                historian(link.printer_id, runs)
        except Exception:
            _LOGGER.exception("%s: the ledger failed on its history", link.printer_id)

    def on_lost(self, link: Link, error: DriverError) -> None:
        """Tell the ledger at once; the others after the grace, and once."""
        member = self._members.get(link.printer_id)
        if member is None:
            return
        if member.was_up:
            member.was_up = False
            self._lost(link.printer_id)
        if isinstance(error, (AccessDenied, WrongPrinter)):
            # Waiting cannot mend these, a person can: tell now, and once for each cause.
            self._end_grace(member)
            if member.gone_because is not type(error):
                self._tell_gone(member, type(error))
        elif not member.told_gone and member.grace is None:
            member.grace = asyncio.create_task(
                self._grace(member), name=f"printernizer grace {link.printer_id}"
            )

    def _seen(self, printer_id: str, status: PrinterStatus, *, first: bool) -> None:
        """Tell the ledger. A status it stumbles over must not cost the printer its line."""
        try:
            self._observer.seen(printer_id, status, first=first)
        except Exception:
            _LOGGER.exception("%s: the ledger failed on a status", printer_id)

    def _lost(self, printer_id: str) -> None:
        try:
            self._observer.lost(printer_id)
        except Exception:
            _LOGGER.exception("%s: the ledger failed on a loss", printer_id)

    @staticmethod
    def _end_grace(member: _Member) -> None:
        if member.grace is not None:
            member.grace.cancel()
            member.grace = None

    async def _grace(self, member: _Member) -> None:
        await self._clock.sleep(self._grace_s)
        member.grace = None
        self._tell_gone(member, None)

    def _tell_gone(self, member: _Member, cause: type[DriverError] | None) -> None:
        member.told_gone = True
        member.gone_because = cause
        self._tell(member, None)

    def _tell(self, member: _Member, status: PrinterStatus | None) -> None:
        member.subscribers.tell(status)
