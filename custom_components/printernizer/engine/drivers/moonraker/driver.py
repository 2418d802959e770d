"""Moonraker behind the contract: pushed, over one WebSocket."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from ...errors import AccessDenied, Garbled, Refused, WrongPrinter
from .address import Address
from .client import line
from .messages import flag, text
from .pace import DEFAULT_PACE, Pace
from .session import MoonrakerSession
from .watch import Watch
from .web import Credentials, Http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientSession

    from ...workshop.clock import Clock
    from .messages import Json


class MoonrakerDriver:
    """How to reach one Moonraker: an address and a login, no sockets."""

    def __init__(  # noqa: PLR0913 - all that a printer needs to be told
        self,
        url: str,
        *,
        session: ClientSession,
        clock: Clock,
        api_key: str | None = None,
        username: str | None = None,
        password: str | None = None,
        serial: str | None = None,
        fingerprint: str | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        """url: base address with scheme, host, port and path prefix.

        serial: whom to expect; None takes whoever answers. fingerprint: SHA-256 of the
        certificate to insist on, hex; None asks the authorities. Raises Garbled for no address.
        """
        self._address = Address.parse(url)
        self._http = session
        self._clock = clock
        self._credentials = Credentials(
            api_key=(api_key or "").strip() or None, username=username or None, password=password
        )
        self._serial = serial
        self._fingerprint = fingerprint
        self._pace = pace

    def __repr__(self) -> str:
        """Say where, never with what key."""
        return f"MoonrakerDriver({self._address.place!r})"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[MoonrakerSession]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled."""
        http = Http(
            self._http,
            self._address,
            self._credentials,
            pace=self._pace,
            fingerprint=self._fingerprint,
        )
        info = await http.access_info()
        self._require_login(info)
        await http.log_in(text(info, "default_source", 64))
        watch = Watch(self._clock, self._pace)
        async with line(http, watch.hear) as watch.line:
            try:
                session = await self._meet(watch, http)
            except Refused as err:
                raise Garbled(f"a Moonraker lacks what all have: {err.reason}") from err
            worker = asyncio.create_task(watch.work())
            try:
                yield session
            finally:
                worker.cancel()
                await asyncio.gather(worker, return_exceptions=True)
                await session.scripts.close()

    def _require_login(self, info: Json) -> None:
        """Raise AccessDenied where the server says that it lets nobody in without a login."""
        key = self._credentials.api_key
        if key is not None and not (key.isascii() and key.isprintable()):
            raise AccessDenied("what was given cannot be a key")
        closed = flag(info, "trusted") is False or flag(info, "login_required") is True
        if closed and not self._credentials.given:
            raise AccessDenied("it asks for a key, or for user name and password")

    async def _meet(self, watch: Watch, http: Http) -> MoonrakerSession:
        await watch.meet()
        serial = await self._who(watch)
        if self._serial is not None and _same(serial) != _same(self._serial):
            raise WrongPrinter(
                "another printer answers at this address",
                key="wrong_serial",
                expected=self._serial,
                found=serial,
            )
        session = MoonrakerSession(
            watch,
            http,
            self._clock,
            serial=self._serial or serial,
            fingerprint=self._fingerprint if self._address.secure else None,
        )
        await session.look_around()
        return session

    async def _who(self, watch: Watch) -> str:
        """Return the server's own id, as it is announced; old ones have none but their place."""
        answer = await watch.ask(
            "server.database.get_item", {"namespace": "moonraker", "key": "instance_id"}
        )
        return text(answer, "value", 64) or self._address.place


def _same(serial: str) -> str:
    """Reduce an id to what counts: it is written with and without dashes."""
    return serial.replace("-", "").lower()
