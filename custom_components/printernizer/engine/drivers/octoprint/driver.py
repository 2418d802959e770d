"""OctoPrint behind the contract: pushed to, with REST for questions, commands and files."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from ...errors import Garbled, Refused
from ..base import NoParts
from .address import Address
from .client import DEFAULT_PACE, Client, Pace
from .control import OctoPrintControl
from .facts import Facts, learn
from .line import Line
from .maintenance import OctoPrintMaintenance
from .parts import (
    OctoPrintConsole,
    OctoPrintEmergency,
    OctoPrintHeaters,
    OctoPrintMotion,
    OctoPrintSpeed,
)
from .session import own_session
from .storage import OctoPrintStorage
from .webcam import cameras_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientSession

    from ...printer import CurrentJob, PrinterIdentity, PrinterStatus
    from ...workshop.clock import Clock


class OctoPrintDriver:
    """How to reach one OctoPrint: an address and a key, no sockets."""

    def __init__(
        self,
        url: str,
        *,
        api_key: str,
        session: ClientSession,
        clock: Clock,
        serial: str | None = None,
        fingerprint: str | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        """url: scheme, host, port and path prefix. serial: whom to expect; None takes any.

        fingerprint: SHA-256 of the certificate to insist on, hex; None asks the authorities.
        """
        self._url = url
        self._key = api_key
        self._http = session
        self._clock = clock
        self._serial = serial
        self._fingerprint = fingerprint
        self._pace = pace

    def __repr__(self) -> str:
        """Say what it is, never with what key."""
        return "OctoPrintDriver()"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[OctoPrintSession]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled."""
        address = Address.parse(self._url)
        async with AsyncExitStack() as stack:
            http = await stack.enter_async_context(own_session(self._http))
            client = Client(
                http, address, api_key=self._key, pace=self._pace, fingerprint=self._fingerprint
            )
            try:
                facts = await learn(client, self._serial, self._fingerprint)
                line = Line(client, facts, self._clock)
                await line.look()
            except Refused as err:
                raise Garbled(f"an OctoPrint lacks what all have: {err.reason}") from err
            session = OctoPrintSession(client, facts, line, self._clock)
            listener = asyncio.create_task(line.listen())
            stack.push_async_callback(_end, listener)
            yield session


async def _end(listener: asyncio.Task[None]) -> None:
    listener.cancel()
    await asyncio.gather(listener, return_exceptions=True)


class OctoPrintSession(NoParts):
    """A live line to one OctoPrint."""

    def __init__(self, client: Client, facts: Facts, line: Line, clock: Clock) -> None:
        self._facts = facts
        self._line = line
        self._files: OctoPrintStorage | None = None
        if facts.may("PRINT"):
            self.control = OctoPrintControl(client, line, clock)
        if facts.may("CONTROL"):
            self.heaters = OctoPrintHeaters(client, line, clock, facts.profile)
            self.speed = OctoPrintSpeed(client)
            self.console = OctoPrintConsole(client)
            self.motion = OctoPrintMotion(client, line)
            self.emergency = OctoPrintEmergency(client)
        maintenance = OctoPrintMaintenance(client, line, clock, facts)
        if maintenance.tasks:
            self.maintenance = maintenance
        if facts.may("FILES_LIST"):
            self._files = self.storage = self.mover = OctoPrintStorage(client, line, clock, facts)
            self.job_picture = self
        self.cameras = cameras_of(facts.webcam, client)

    @property
    def identity(self) -> PrinterIdentity:
        """Who it is."""
        return self._facts.identity

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Fetch the picture that lies with the job's file, or None when there is none."""
        if self._files is None or job.path is None:
            return None
        return await self._files.picture_of(job.path)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change."""
        async for status in self._line.feed.read():
            yield status

    async def refresh(self) -> None:
        """Look at the printer now and say how it is, changed or not."""
        await self._line.look(asked=True)

    def transcript(self) -> Mapping[str, object]:
        """Return the last answers by subject; no login is among them."""
        return {
            "version": self._facts.version,
            "pushed": self._line.pushed,
            "permissions": sorted(self._facts.permissions or ()),
            **self._line.raw,
        }
