"""PrusaLink behind the contract: polled, because it pushes nothing."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from ...errors import Garbled, Refused, Unreachable
from ...printer import PrinterState
from ..base import MAIN_CAMERA, NoParts
from .camera import PrusaLinkCamera, has_camera
from .client import DEFAULT_PACE, Client, Pace, Scheme
from .control import STATUS, PrusaLinkControl
from .facts import Facts
from .messages import Dialect
from .storage import PrusaLinkStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientSession

    from ...printer import CurrentJob, PrinterIdentity, PrinterStatus
    from ...workshop.clock import Clock

_CAMERAS = "/api/v1/cameras"


class PrusaLinkDriver:
    """How to reach one PrusaLink: an address, a name and a key, no sockets."""

    def __init__(  # noqa: PLR0913 - all that a printer needs to be told
        self,
        host: str,
        *,
        port: int = 80,
        username: str = "maker",
        password: str,
        session: ClientSession,
        clock: Clock,
        serial: str | None = None,
        login: str | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        """password: of the digest login, or the API key. username: empty for the key alone.

        serial: whom to expect; None takes whoever answers.
        login: "digest" or "key", as `PrinterIdentity.login` told at the first connect; None finds
        out. With "digest" the password never crosses the network, whoever asks for it.
        """
        self._host = host
        self._port = port
        self._username = username
        self._password = password
        self._http = session
        self._clock = clock
        self._serial = serial
        self._pace = pace
        self._scheme = Scheme(login) if login is not None else None

    def __repr__(self) -> str:
        """Say where, never with what key."""
        return f"PrusaLinkDriver({self._host!r}, port={self._port})"

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[PrusaLinkSession]:
        """Open a line. Raises Unreachable, AccessDenied, WrongPrinter or Garbled."""
        client = Client(
            self._http,
            self._host,
            self._port,
            username=self._username,
            password=self._password,
            clock=self._clock,
            pace=self._pace,
            scheme=self._scheme,
        )
        facts = Facts(client, self._host, self._serial, self._clock)
        try:
            await facts.meet()
            self._scheme = client.scheme
            await facts.look_at_storage()
            camera = await _camera(client, facts.dialect, self._clock)
        except Refused as err:
            raise Garbled(f"a PrusaLink lacks what all have: {err.reason}") from err
        yield PrusaLinkSession(client, facts, self._clock, camera)


async def _camera(client: Client, dialect: Dialect, clock: Clock) -> PrusaLinkCamera | None:
    """Return the camera part where the daemon has one; old daemons know no cameras."""
    if dialect is Dialect.BUDDY:
        return None
    try:
        cameras = await client.get_json(_CAMERAS)
    except Refused:
        return None
    return PrusaLinkCamera(client, clock=clock) if cameras and has_camera(cameras) else None


class PrusaLinkSession(NoParts):
    """A live line to one PrusaLink."""

    def __init__(
        self, client: Client, facts: Facts, clock: Clock, camera: PrusaLinkCamera | None
    ) -> None:
        self._client = client
        self._facts = facts
        self._clock = clock
        self._wanted = asyncio.Event()
        self._asked = False
        self._starting_since: float | None = None
        self._last: PrinterStatus | None = None
        if camera is not None:
            self.cameras = {MAIN_CAMERA: camera}
        self.control = PrusaLinkControl(client, facts.layout, clock=clock, wake=self._wanted.set)
        self._files = self.storage = PrusaLinkStorage(
            client,
            facts.layout,
            facts.dialect,
            clock=clock,
            learn=facts.look_at_storage,
            ready=self.control.ready,
            printed=self._printed,
        )
        self.job_picture = self

    @property
    def identity(self) -> PrinterIdentity:
        """Who it is."""
        scheme = self._client.scheme
        return replace(self._facts.identity, login=scheme.value if scheme else None)

    async def picture(self, job: CurrentJob) -> bytes | None:
        """Fetch the picture inside the job's file, or None when it has none."""
        reference = self._facts.picture_of(job)
        return None if reference is None else await self._files.thumbnail(reference)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change."""
        shown: PrinterStatus | None = None
        while True:
            asked, self._asked = self._asked, False
            status = self._last = await self._look()
            if status != shown or asked:
                shown = status
                yield status
            await self._pause(self._interval(status))

    async def _printed(self) -> str | None:
        status = await self._facts.status_from(await self._client.get_json(STATUS) or {})
        return status.job.path if status.active and status.job is not None else None

    async def refresh(self) -> None:
        """Look at the printer now and say how it is, changed or not."""
        self._asked = True
        self._wanted.set()

    def transcript(self) -> Mapping[str, object]:
        """Return the last answers by subject; no login is among them."""
        return {
            "dialect": self._facts.dialect,
            "login": self._client.scheme,
            "answer_s": round(self._client.took_s, 3),
            **self._facts.raw,
        }

    async def _look(self) -> PrinterStatus:
        """Ask for a status until it comes; boards stall for seconds, so once is no loss."""
        strikes = 0
        while True:
            try:
                raw = await self._client.get_json(STATUS)
                status = await self._facts.status_from(raw or {})
            except (Unreachable, Garbled, Refused) as err:
                if err.key == "starting":
                    return self._starting(err)
                strikes += 1
                if strikes >= self._client.pace.strikes:
                    raise _lost(err) from err
                await self._clock.sleep(self._client.pace.retry_s)
            else:
                self._starting_since = None
                return status

    def _starting(self, err: Unreachable | Garbled | Refused) -> PrinterStatus:
        """Return "busy" while the Pi waits for its serial line, for five minutes at most."""
        now = self._clock.monotonic()
        if self._starting_since is None:
            self._starting_since = now
        if self._last is None or now - self._starting_since >= self._client.pace.starting_s:
            raise err
        return replace(self._last, state=PrinterState.BUSY)

    def _interval(self, status: PrinterStatus) -> float:
        pace = self._client.pace
        busy = status.active or status.transfer is not None or status.state is PrinterState.BUSY
        return max(pace.busy_s if busy else pace.idle_s, pace.load * self._client.took_s)

    async def _pause(self, seconds: float) -> None:
        """Wait for the next look, or for somebody who wants one now."""
        sleep = asyncio.ensure_future(self._clock.sleep(seconds))
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait({sleep, wanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (sleep, wanted):
                waiting.cancel()
            await asyncio.gather(sleep, wanted, return_exceptions=True)
        self._wanted.clear()


def _lost(err: Unreachable | Garbled | Refused) -> Unreachable | Garbled:
    """No printer that works refuses its status: what does so is not one, or not well."""
    return Garbled(f"it refuses its own status: {err.reason}") if isinstance(err, Refused) else err
