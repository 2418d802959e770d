"""Listens to one server: pushed where it can be, polled where it cannot; one view of it all."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from ...errors import DriverError, Garbled, Refused, Unreachable
from ...printer import PrinterState
from .client import parse_object
from .feed import Feed
from .messages import status_of
from .places import CARD
from .push import NoPushLine, push_line
from .reading import obj, text
from .view import View

if TYPE_CHECKING:
    from ...workshop.clock import Clock
    from .client import Client
    from .facts import Facts
    from .push import PushLine
    from .reading import Json

PRINTER: Final = "/api/printer"
JOB: Final = "/api/job"
_ERROR: Final = "/api/printer/error"
_NOT_OPERATIONAL: Final = 409


class Line:
    """What is known of the printer behind one server, and the feed of its statuses."""

    def __init__(self, client: Client, facts: Facts, clock: Clock) -> None:
        self._client = client
        self._facts = facts
        self._clock = clock
        self._looking = asyncio.Lock()
        self.feed = Feed()
        self.view = View()
        self.pushed = False
        """Whether the push line is up."""
        self.raw: dict[str, object] = {}
        """The last answers by subject, for diagnostics."""

    async def look(self, *, asked: bool = False) -> View:
        """Ask how the printer is, and tell of it. Raises Unreachable, AccessDenied, Garbled."""
        async with self._looking:
            fresh = await self._fresh()
            if self.pushed and fresh.base is not self.view.base:
                # What happened just now is on its way: told in its own order, none comes twice.
                await self._clock.sleep(self._client.pace.push_lag_s)
                fresh = await self._fresh()
            self._take(fresh, asked=asked)
            return fresh

    async def _fresh(self) -> View:
        """Return the view with fresh answers; an answer older than a pushed change is dropped."""
        while True:
            changes = self.view.changes
            printer, job = await self._ask()
            error = await self._error_of(View().heard_rest(printer, job))
            if self.view.changes == changes:
                return self.view.heard_rest(printer, job, error)

    async def watch(self) -> View:
        """Return how the printer is now, for a command that waits for its effect.

        Where changes are pushed, only those are told of: an answer may overtake them.
        """
        if not self.pushed:
            return await self.look()
        printer, job = await self._ask()
        return View().heard_rest(printer, job)

    def root_of(self, root: str) -> str:
        """Return what this server calls a storage. Raises Refused("storage_missing")."""
        if root != CARD:
            return root
        if self._facts.sd_name is None:
            raise Refused("the printer has no card", key="storage_missing")
        return self._facts.sd_name

    async def _ask(self) -> tuple[Json | None, Json]:
        answer = await self._client.request("GET", PRINTER)
        printer: Json | None = None
        if answer.status != _NOT_OPERATIONAL:
            if answer.status != 200:
                raise _strange(await self._client.complaint(answer))
            printer = parse_object(answer)
        job = await self._client.get(JOB)
        self.raw |= {"printer": printer, "job": job}
        return printer, job

    async def _error_of(self, view: View) -> Json | None:
        """Ask why it stands still, where the answers did not say; servers before 1.10 cannot."""
        closed = view.base in {PrinterState.OFFLINE, PrinterState.FAILED}
        if not closed or "rror" not in view.text or view.error or self.view.error:
            return None
        return await self._client.find(_ERROR)

    def _take(self, view: View, *, asked: bool = False) -> None:
        self.view = view
        status = status_of(view, self._facts.profile, self._facts.identity.firmware)
        self.feed.put(status, asked=asked)

    # -- listening ---------------------------------------------------------------------------

    async def listen(self) -> None:
        """Keep the feed fed until the line ends, which the feed then tells."""
        try:
            while True:
                try:
                    async with push_line(self._client, self._clock) as push:
                        self.pushed = True
                        await self._hear(push)
                except NoPushLine:
                    self.pushed = False
                    await self._poll()
        except DriverError as err:
            self.pushed = False
            self.feed.fail(_strange(err))

    async def _hear(self, push: PushLine) -> None:
        """Take messages until the line drops. Raises Unreachable, AccessDenied."""
        while True:
            message = await push.next()
            for subject in ("history", "current"):
                if body := obj(message, subject):
                    self.raw["current"] = body
                    self._take(self.view.heard_current(body, whole=subject == "history"))
            if event := obj(message, "event"):
                self._take(
                    self.view.heard_event(text(event, "type", 64) or "", obj(event, "payload"))
                )
            if "reauthRequired" in message:
                await push.log_in()

    async def _poll(self) -> None:
        """Look from time to time, until it is time to try for a push line again."""
        pace = self._client.pace
        until = self._clock.monotonic() + pace.push_again_s
        strikes = 0
        while self._clock.monotonic() < until:
            try:
                await self.look()
            except Unreachable, Garbled:
                strikes += 1
                if strikes >= pace.strikes:
                    raise
                await self._clock.sleep(pace.retry_s)
            else:
                strikes = 0
                await self._clock.sleep(self._interval())

    def _interval(self) -> float:
        at_rest = self.view.ready or self.view.base is PrinterState.OFFLINE
        return self._client.pace.idle_s if at_rest else self._client.pace.busy_s


def _strange(err: DriverError) -> DriverError:
    """No server that works refuses its own status: what does so is not one, or not well."""
    if isinstance(err, Refused):
        return Garbled(f"it refuses its own status: {err.reason}")
    return err
