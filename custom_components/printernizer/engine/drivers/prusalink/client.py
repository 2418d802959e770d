"""Moves bytes between us and a PrusaLink: one line, logged in, bounded, one request at a time.

A Buddy board has a handful of sockets and little memory: parallel requests are refused or stall.
So requests go one after the other over one keep-alive connection; only a file on its way (which
takes minutes) uses a second one, so that the status keeps coming meanwhile.

The login is found out at the first request and remembered: digest where the printer answers with
a challenge, the API key (`X-Api-Key`) where the digest is not accepted. The last nonce is used
again without being asked, because a 401 closes the connection of a PUT or POST.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import aiohttp
from yarl import URL

from ...errors import AccessDenied, Garbled, Refused, Unreachable
from ..streams import READ_BUFFER, WHOLE
from .digest import authorization, parse_challenge
from .messages import reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping

    from ...errors import DriverError
    from ...workshop.clock import Clock
    from .digest import Challenge

_LOGGER = logging.getLogger(__name__)

_SMALL: Final = 1 << 16
"""Bytes that may wait to be read, of a small answer."""
JSON_LIMIT: Final = 1_000_000
PICTURE_LIMIT: Final = 2_000_000
SNAPSHOT_LIMIT: Final = 10_000_000
"""Largest answers that we read, bytes: a printer's JSON is a few kB, a folder some 100 kB."""
_ATTEMPTS: Final = 4
"""An old nonce, a fresh one, one that went stale on the way, and the API key: never more."""

type Body = Callable[[], AsyncIterator[bytes]]
"""Makes the request body anew: an attempt may have to be repeated after a 401."""


class Scheme(StrEnum):
    """How we log in."""

    DIGEST = "digest"
    KEY = "key"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often and how long, in seconds. The defaults suit real printers."""

    idle_s: float = 10.0
    busy_s: float = 2.0
    """Between two status requests, at rest and while printing."""
    load: float = 3.0
    """At least this many times the printer's last answering time lies between two requests: a
    printer that needs 2 s to answer (homing, a slow stick) is asked every 6 s, not every 2."""
    storage_s: float = 60.0
    """Between looks at whether the stick is in, and at the loaded material."""
    facts_s: float = 3600.0
    """Between looks at name, firmware and serial."""
    retry_s: float = 2.0
    """Before a request that failed is made again."""
    strikes: int = 3
    """Failures in a row before the line counts as lost: boards stall for seconds while homing."""
    starting_s: float = 300.0
    """How long a Raspberry Pi may answer 503 before it counts as out of reach."""
    settle_every_s: float = 0.5
    settle_for_s: float = 45.0
    """A command is accepted at once and shows later: parking and end moves take tens of seconds."""
    camera_s: float = 10.0
    """Between snapshots: the daemon takes one every ten seconds at most."""
    connect_s: float = 5.0
    answer_s: float = 10.0
    """Longest silence while waiting for an answer, and between its parts."""
    transfer_s: float = 60.0
    """Longest silence within a file: writing to a USB stick stalls for many seconds."""


DEFAULT_PACE: Final = Pace()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        """Why, in the printer's words."""
        return reason_of(self.status, self.headers.get("Content-Type", ""), self.body)


def target_of(*segments: str) -> str:
    """Return the request target of a path, each segment percent-encoded by itself."""
    return "/" + "/".join(quote(segment, safe="") for segment in segments)


REFUSALS: Final[Mapping[int, str]] = {
    400: "not_supported",
    403: "refused",
    404: "file_missing",
    405: "not_supported",
    409: "wrong_state",
    410: "not_supported",
    411: "not_supported",
    413: "storage_full",
    415: "unsupported_file",
    422: "refused",
    501: "not_supported",
    507: "storage_full",
}
"""Translation key by status, where a request names no better one."""


def error_of(answer: Answer, refusals: Mapping[int, str] | None = None) -> DriverError:
    """Return what an unwelcome answer means. `refusals` names keys for this request."""
    if (key := (refusals or {}).get(answer.status, REFUSALS.get(answer.status))) is not None:
        return Refused(answer.reason, key=key)
    if answer.status == 503:
        return Unreachable(answer.reason, key="starting")
    if answer.status == 408 or answer.status >= 500:
        return Unreachable(answer.reason)
    return Garbled(f"unexpected status {answer.status}", payload=answer.body)


class Client:
    """One line to one PrusaLink."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        host: str,
        port: int,
        *,
        username: str,
        password: str,
        clock: Clock,
        pace: Pace = DEFAULT_PACE,
        scheme: Scheme | None = None,
    ) -> None:
        self._session = session
        self._host = f"[{host}]" if ":" in host else host
        self._port = port
        self._username = username
        self._password = password
        self._clock = clock
        self.pace = pace
        self.scheme = scheme
        """What worked; None until something has."""
        self._trying_key = not username
        self._challenge: Challenge | None = None
        self._uses = 0
        self._small = asyncio.Lock()
        self._large = asyncio.Lock()
        self.took_s = 0.0
        """How long the printer took for the last small answer."""

    @property
    def url(self) -> str:
        """The printer's own web page."""
        return f"http://{self._host}" + (f":{self._port}" if self._port != 80 else "")

    # -- requests ----------------------------------------------------------------------------

    async def get_json(self, target: str) -> dict[str, object] | None:
        """Fetch an object; None for 204. Raises what `error_of` says, and Garbled."""
        answer = await self.request("GET", target)
        if answer.status == 204:
            return None
        if answer.status == 403:
            raise AccessDenied(answer.reason)
        if answer.status != 200:
            raise error_of(answer)
        return parse_object(answer.body)

    async def request(
        self,
        method: str,
        target: str,
        *,
        headers: Mapping[str, str] | None = None,
        limit: int = JSON_LIMIT,
    ) -> Answer:
        """Make a small request and read its answer, whatever its status but 401."""
        async with self._small:
            began = self._clock.monotonic()
            async with self._exchange(method, target, headers or {}) as response:
                body = await _read(response, limit)
            self.took_s = max(0.0, self._clock.monotonic() - began)
            return Answer(status=response.status, headers=response.headers, body=body)

    async def send(
        self, method: str, target: str, *, headers: Mapping[str, str], body: Body
    ) -> Answer:
        """Stream a large body. `Content-Length` in `headers` is a must: there are no chunks.

        Raises Unreachable when nothing moves for `pace.transfer_s`.
        """
        async with self._large:
            async with self._exchange(method, target, headers, body) as response:
                content = await _read(response, JSON_LIMIT)
            return Answer(status=response.status, headers=response.headers, body=content)

    @asynccontextmanager
    async def stream(
        self, target: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a large answer; read it within `line_errors`."""
        asked = {**(headers or {}), **WHOLE}
        async with self._large, self._exchange("GET", target, asked, large=True) as answer:
            yield answer

    # -- login -------------------------------------------------------------------------------

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body | None = None,
        *,
        large: bool = False,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Send, logging in as often as it takes. Raises AccessDenied when it is refused."""
        fresh = False
        for _ in range(_ATTEMPTS):
            login = self._login(method, target)
            with line_errors():
                response = await self._send(method, target, {**headers, **login}, body, large=large)
            try:
                if response.status != 401 and not (response.status == 403 and "X-Api-Key" in login):
                    self._prove(login, response.status)
                    with line_errors():
                        yield response
                    return
                fresh = self._learn(response, login, fresh=fresh)
            finally:
                if response.content.at_eof():
                    response.release()
                else:
                    response.close()
        raise Unreachable("the printer keeps asking for a new login")

    def _login(self, method: str, target: str) -> dict[str, str]:
        if self.scheme is Scheme.KEY or self._trying_key:
            return {"X-Api-Key": self._password}
        if self._challenge is None:
            return {}
        self._uses += 1
        return {
            "Authorization": authorization(
                self._challenge,
                username=self._username,
                password=self._password,
                method=method,
                target=target,
                count=self._uses,
                client_nonce=secrets.token_hex(8),
            )
        }

    def _prove(self, login: Mapping[str, str], status: int) -> None:
        """Remember a login that was taken. The Pi says 503 before it looks at any."""
        if login and status != 503:
            self.scheme = Scheme.KEY if "X-Api-Key" in login else Scheme.DIGEST

    def _learn(
        self, response: aiohttp.ClientResponse, login: Mapping[str, str], *, fresh: bool
    ) -> bool:
        """Decide how to try again after a refusal; returns whether the next nonce is fresh.

        A refused answer to a nonce from an earlier exchange may be the nonce's fault, whatever
        `stale` says (a printer that restarted); one to a nonce made just now is the password's.
        """
        if "X-Api-Key" in login:
            raise AccessDenied("the printer does not accept the key")
        challenge = parse_challenge(response.headers.getall("WWW-Authenticate", ()))
        if challenge is not None and (not login or not fresh or challenge.stale):
            self._challenge = challenge
            self._uses = 0
            return True
        if self.scheme is Scheme.DIGEST:
            raise AccessDenied("the printer does not accept user name and password")
        self._trying_key = True
        return False

    # -- bytes -------------------------------------------------------------------------------

    async def _send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: Body | None,
        *,
        large: bool,
    ) -> aiohttp.ClientResponse:
        if self._session.closed:
            raise Unreachable("the HTTP session is closed")
        silence = self.pace.transfer_s if body or large else self.pace.answer_s
        timeout = aiohttp.ClientTimeout(
            total=None if body or large else self.pace.answer_s * 3,
            sock_connect=self.pace.connect_s,
            sock_read=silence,
        )
        _LOGGER.debug("%s: %s %s", self._host, method, target)
        # The silence is watched here for what we send, by sock_read for what comes.
        async with asyncio.timeout(None) as watch:
            return await self._session.request(
                method,
                URL(f"http://{self._host}:{self._port}{target}", encoded=True),
                headers={"Accept": "application/json", **headers},
                data=None if body is None else _watched(body(), watch, silence),
                allow_redirects=False,
                raise_for_status=False,
                timeout=timeout,
                read_bufsize=READ_BUFFER if large else _SMALL,
            )


async def _watched(
    chunks: AsyncIterator[bytes], watch: asyncio.Timeout, silence_s: float
) -> AsyncIterator[bytes]:
    """Pass a body on; each chunk must be taken within `silence_s` of the one before."""
    loop = asyncio.get_running_loop()
    async for chunk in chunks:
        if not watch.expired():
            watch.reschedule(loop.time() + silence_s)
        yield chunk


@contextmanager
def line_errors() -> Iterator[None]:
    """Turn the HTTP library's errors into ours."""
    try:
        yield
    except TimeoutError as err:
        raise Unreachable("no answer in time") from err
    except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as err:
        raise Garbled(f"not a proper HTTP answer ({type(err).__name__})") from err
    except (aiohttp.ClientError, ConnectionError) as err:
        raise Unreachable(f"the line broke ({type(err).__name__})") from err


async def _read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body of at most `limit` bytes. Raises Garbled beyond it."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Garbled(f"an answer of more than {limit} bytes", payload=bytes(body[:2048]))
    return bytes(body)


def parse_object(body: bytes) -> dict[str, object]:
    """Parse one JSON object. Raises Garbled; NaN and Infinity read as null."""
    try:
        value = json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as err:
        raise Garbled(f"an answer that is not JSON ({type(err).__name__})", payload=body) from err
    if not isinstance(value, dict):
        raise Garbled("an answer that is not a JSON object", payload=body)
    return value
