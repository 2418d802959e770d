"""Moves bytes between us and an OctoPrint: requests with a key, bounded, never led elsewhere.

The key stands in a header, not in the address, so that no log of a proxy holds it. Nothing is
followed: a redirect, a `Location` and every link in an answer may name another machine.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import ssl
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from ...errors import (
    AccessDenied,
    CertificateChanged,
    Garbled,
    Refused,
    Unreachable,
    WrongPrinter,
)
from ..streams import READ_BUFFER, WHOLE
from .messages import reason_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from ...errors import DriverError
    from .address import Address

_LOGGER = logging.getLogger(__name__)

JSON_LIMIT: Final = 16_000_000
"""A library of ten thousand analysed files is about 10 MB of JSON."""
PICTURE_LIMIT: Final = 2_000_000
_REASON_LIMIT: Final = 1_000_000

type Body = AsyncIterator[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """How often and how long, in seconds. The defaults suit a Raspberry Pi."""

    idle_s: float = 30.0
    busy_s: float = 5.0
    """Between two looks where there is no push line, at rest and while printing."""
    push_again_s: float = 600.0
    """Between tries to get a push line where there was none."""
    retry_s: float = 2.0
    strikes: int = 3
    """Failures in a row before a polled line counts as lost."""
    hello_s: float = 10.0
    """How long the push line may take to say its first word, and to accept our login."""
    heartbeat_s: float = 20.0
    """Between our pings: the raw line has none of its own and is silent for a quiet printer."""
    login_again_s: float = 30.0
    """Least time between two logins that the server asks for: failed ones are counted there."""
    push_lag_s: float = 1.5
    """How long the push line may lag behind an answer: it is throttled to once a second."""
    settle_every_s: float = 0.5
    settle_for_s: float = 45.0
    """A command is accepted at once and shows later: the firmware first empties its queue."""
    connect_for_s: float = 90.0
    """A serial line is tried at several speeds."""
    transfer_for_s: float = 3600.0
    """A file to the printer's own card goes through the serial line, about 5 kB a second."""
    connect_s: float = 10.0
    answer_s: float = 20.0
    """Longest silence while waiting for an answer: a Pi that renders a timelapse is slow."""
    transfer_s: float = 60.0
    """Longest silence within a file."""


DEFAULT_PACE: Final = Pace()


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def reason(self) -> str:
        """Why, in the server's words."""
        return reason_of(self.status, self.headers.get("Content-Type", ""), self.body)

    @property
    def html(self) -> bool:
        """Whether it is a web page: a proxy's, or a login's."""
        return "html" in self.headers.get("Content-Type", "")


REFUSALS: Final[Mapping[int, str]] = {
    400: "refused",
    404: "file_missing",
    405: "not_supported",
    409: "wrong_state",
    411: "not_supported",
    413: "storage_full",
    415: "unsupported_file",
    422: "refused",
    501: "not_supported",
    507: "storage_full",
}
"""Translation key by status, where a request names no better one."""
_STARTING: Final = frozenset({502, 503, 504})
"""A proxy answers for a server that is still starting, about a minute on a Raspberry Pi."""


def error_of(answer: Answer, refusals: Mapping[int, str] | None = None) -> DriverError:
    """Return what an unwelcome answer means. `refusals` names keys for this request."""
    status = answer.status
    if status in _STARTING:
        return Unreachable(f"HTTP {status}: the server behind the proxy does not answer",
                           key="starting")  # fmt: skip
    if status == 401:
        return AccessDenied("a proxy in front of it asks for a login", key="proxy_login")
    if (key := (refusals or {}).get(status, REFUSALS.get(status))) is not None:
        return Refused(answer.reason, key=key)
    if status == 429:
        return Unreachable("it takes no more logins for a while")
    if 300 <= status < 400:
        return Garbled("it sends us to another address: give the one it really has")
    if status == 408 or status >= 500:
        return Unreachable(answer.reason)
    return Garbled(f"unexpected status {status}", payload=answer.body)


class Client:
    """Requests to one server."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Address,
        *,
        api_key: str,
        pace: Pace = DEFAULT_PACE,
        fingerprint: str | None = None,
    ) -> None:
        """fingerprint: SHA-256 of the certificate to insist on, hex; None asks authorities."""
        self.http = session
        self.address = address
        self.pace = pace
        self._key = api_key
        self.tls: aiohttp.Fingerprint | bool = (
            aiohttp.Fingerprint(bytes.fromhex(fingerprint)) if fingerprint else True
        )

    # -- small answers -----------------------------------------------------------------------

    async def get(
        self, target: str, refusals: Mapping[int, str] | None = None
    ) -> dict[str, object]:
        """Fetch an object. Raises what the status means, and Garbled."""
        answer = await self.request("GET", target)
        if answer.status != 200:
            raise await self.complaint(answer, refusals)
        return parse_object(answer)

    async def find(self, target: str) -> dict[str, object] | None:
        """Fetch an object, or None where it does not exist or our key may not see it."""
        answer = await self.request("GET", target)
        if answer.status in {403, 404, 405}:
            return None
        if answer.status != 200:
            raise await self.complaint(answer)
        return parse_object(answer)

    async def post(
        self, target: str, body: Mapping[str, object], refusals: Mapping[int, str] | None = None
    ) -> Answer:
        """Send a command; returns its answer of success."""
        answer = await self.request("POST", target, body=body)
        if not 200 <= answer.status < 300:
            raise await self.complaint(answer, refusals)
        return answer

    async def request(
        self,
        method: str,
        target: str,
        *,
        body: Mapping[str, object] | None = None,
        limit: int = JSON_LIMIT,
    ) -> Answer:
        """Make a small request and read its answer, whatever its status."""
        headers = {} if body is None else {"Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        timeout = aiohttp.ClientTimeout(
            total=self.pace.answer_s * 3,
            sock_connect=self.pace.connect_s,
            sock_read=self.pace.answer_s,
        )
        async with self._exchange(method, target, headers, data, timeout) as response:
            content = await read(response, limit)
        return Answer(status=response.status, headers=response.headers, body=content)

    # -- large ones --------------------------------------------------------------------------

    async def send(self, target: str, *, headers: Mapping[str, str], body: Body) -> Answer:
        """Stream a large body, whose `Content-Length` stands in `headers`.

        Raises Unreachable when nothing moves for `pace.transfer_s`.
        """
        # What comes back is waited for by sock_read; what we send is watched here.
        silence = self.pace.transfer_s
        try:
            async with (
                asyncio.timeout(None) as watch,
                self._exchange(
                    "POST", target, headers, _watched(body, watch, silence), self._patient()
                ) as response,
            ):
                content = await read(response, _REASON_LIMIT)
        except TimeoutError as err:
            raise Unreachable("nothing moved for too long") from err
        return Answer(status=response.status, headers=response.headers, body=content)

    @asynccontextmanager
    async def stream(
        self, target: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a large answer."""
        asked = {**(headers or {}), **WHOLE}
        async with self._exchange("GET", target, asked, None, self._patient()) as response:
            yield response

    def _patient(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None, sock_connect=self.pace.connect_s, sock_read=self.pace.transfer_s
        )

    @asynccontextmanager
    async def _exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        data: bytes | Body | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the library's own kind
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self.http.closed:
            raise Unreachable("the HTTP session is closed")
        _LOGGER.debug("%s: %s %s", self.address.authority, method, target.partition("?")[0])
        async with self.line_errors():
            response = await self.http.request(
                method,
                self.address.url(target),
                headers={"Accept": "application/json", **headers, **self.key_header},
                data=data,
                allow_redirects=False,
                raise_for_status=False,
                timeout=timeout,
                ssl=self.tls,
                read_bufsize=READ_BUFFER,
            )
            try:
                yield response
            finally:
                if response.content.at_eof():
                    response.release()
                else:
                    response.close()

    @property
    def key_header(self) -> dict[str, str]:
        """The login, for this server alone."""
        return {"X-Api-Key": self._key} if self._key else {}

    # -- what went wrong ---------------------------------------------------------------------

    async def complaint(
        self, answer: Answer, refusals: Mapping[int, str] | None = None
    ) -> DriverError:
        """Return what an unwelcome answer means.

        A key that is not accepted makes us a guest: 403, or 400 for a command (a guest's
        commands need a token of a browser). So both ask once more who we are.
        """
        guest = answer.status == 403 or (answer.status == 400 and "CSRF" in answer.reason)
        if not guest:
            return error_of(answer, refusals)
        if await self.user() is None:
            return AccessDenied("it does not know this key")
        return Refused("the key lacks the permission for this", key="no_permission")

    async def user(self) -> Mapping[str, object] | None:
        """Return who our key belongs to, or None when it belongs to nobody."""
        answer = await self.request("GET", "/api/currentuser")
        if answer.status in {401, 403}:
            return None
        if answer.status != 200:
            raise error_of(answer)
        who = parse_object(answer)
        return who if isinstance(who.get("name"), str) else None

    @asynccontextmanager
    async def line_errors(self) -> AsyncIterator[None]:
        """Turn the HTTP library's errors into ours."""
        try:
            with _plain_errors():
                yield
        except aiohttp.ServerFingerprintMismatch as err:
            raise CertificateChanged(
                "another certificate than the trusted one", fingerprint=err.got.hex()
            ) from err
        except (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError) as err:
            raise await self._untrusted() from err
        except (aiohttp.ClientError, ConnectionError, ssl.SSLError) as err:
            raise Unreachable(f"the line broke ({type(err).__name__})") from err
        except (AssertionError, AttributeError, RuntimeError) as err:
            # What the library says when its session is closed under a request.
            if not self.http.closed:
                raise
            raise Unreachable("the line was closed") from err

    async def _untrusted(self) -> DriverError:
        """Return the certificate nobody vouches for, for the user to decide upon."""
        shown = await presented(self.address, self.pace.connect_s)
        if shown is None:
            return Unreachable("no secure line could be made")
        return CertificateChanged("no authority vouches for its certificate", fingerprint=shown)


async def presented(address: Address, within_s: float) -> str | None:
    """Return the SHA-256 of the certificate that a server shows, or None when it shows none."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        async with asyncio.timeout(within_s):
            _, writer = await asyncio.open_connection(address.host, address.port, ssl=context)
    except OSError, TimeoutError:
        return None
    try:
        shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    finally:
        writer.transport.abort()
    return hashlib.sha256(shown).hexdigest() if shown else None


async def _watched(body: Body, watch: asyncio.Timeout, silence_s: float) -> AsyncIterator[bytes]:
    """Pass a body on; each chunk must be taken within `silence_s` of the one before."""
    loop = asyncio.get_running_loop()
    try:
        async for chunk in body:
            if not watch.expired():
                watch.reschedule(loop.time() + silence_s)
            yield chunk
    finally:
        # From here on the answer is waited for, which may take as long again.
        with contextlib.suppress(RuntimeError):
            watch.reschedule(loop.time() + silence_s * 2)


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except TimeoutError as err:
        raise Unreachable("no answer in time") from err
    except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as err:
        raise Garbled(f"not a proper HTTP answer ({type(err).__name__})") from err


async def read(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """Read a body of at most `limit` bytes. Raises Garbled beyond it."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Garbled(f"an answer of more than {limit} bytes", payload=bytes(body[:2048]))
    return bytes(body)


def parse_object(answer: Answer) -> dict[str, object]:
    """Parse one JSON object. Raises Garbled; NaN and Infinity read as null."""
    if answer.html:
        raise Garbled("a web page instead of an answer", payload=answer.body)
    try:
        value = json.loads(answer.body, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as err:
        raise Garbled(
            f"an answer that is not JSON ({type(err).__name__})", payload=answer.body
        ) from err
    if not isinstance(value, dict):
        raise Garbled("an answer that is not a JSON object", payload=answer.body)
    return value


async def identify(client: Client) -> str:
    """Return the version of the server. Raises WrongPrinter when it is no OctoPrint.

    Others answer the same request: Moonraker and PrusaLink imitate parts of the protocol.
    """
    answer = await client.request("GET", "/api/version")
    if answer.status == 401 and "Printer API" in answer.headers.get("WWW-Authenticate", ""):
        raise WrongPrinter("a PrusaLink answers there")
    if answer.status == 404:
        raise WrongPrinter("no OctoPrint answers at this address and path")
    if answer.status == 403:
        raise await _not_let_in(client)
    if answer.status != 200:
        error = await client.complaint(answer)
        raise Garbled(error.reason) if isinstance(error, Refused) else error
    said = parse_object(answer)
    text = said.get("text")
    if not isinstance(text, str) or not text.startswith("OctoPrint ") or "(Moonraker" in text:
        raise WrongPrinter("something else than an OctoPrint answers there")
    version = said.get("server")
    return version[:64] if isinstance(version, str) else text.removeprefix("OctoPrint ")[:64]


async def _not_let_in(client: Client) -> DriverError:
    try:
        known = await client.user() is not None
    except Garbled, Refused:
        return WrongPrinter("something else than an OctoPrint answers there")
    if known:
        return AccessDenied("the key lacks the permission to read the status", key="no_permission")
    return AccessDenied("it does not know this key")
