"""Moves bytes over HTTP: logging in, files, pictures. Bounded, and never led elsewhere.

A key stands in a header, never in an address, so that no log of a proxy holds it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import json
import logging
import ssl
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp

from ...errors import AccessDenied, CertificateChanged, Garbled, Refused, Unreachable
from ..streams import READ_BUFFER, WHOLE
from .messages import Json, http_error, obj, parse, text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ...errors import DriverError
    from .address import Address
    from .pace import Pace

_LOGGER = logging.getLogger(__name__)

JSON_LIMIT: Final = 16_000_000
PICTURE_LIMIT: Final = 2_000_000
_REASON_LIMIT: Final = 65_536

type Body = AsyncIterator[bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """What came back, read to its end."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def error(self) -> DriverError:
        """What an answer that is no success means."""
        return http_error(self.status, self.body, self.headers.get("Content-Type", ""))


@dataclass(frozen=True, kw_only=True, slots=True)
class Credentials:
    """How we log in: with a key, as a user, or not at all. Secrets: never shown."""

    api_key: str | None = None
    username: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Credentials({'key' if self.api_key else 'user' if self.username else 'none'})"

    @property
    def given(self) -> bool:
        """Whether there are any."""
        return bool(self.api_key or self.username)


class Http:
    """Requests to one server, logged in."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        address: Address,
        credentials: Credentials,
        *,
        pace: Pace,
        fingerprint: str | None = None,
    ) -> None:
        """fingerprint: SHA-256 of the certificate to insist on, hex; None asks authorities."""
        self.session = session
        self.address = address
        self.credentials = credentials
        self.pace = pace
        self.tls: aiohttp.Fingerprint | bool = (
            aiohttp.Fingerprint(bytes.fromhex(fingerprint.replace(":", "")))
            if fingerprint
            else True
        )
        self.access_token: str | None = None
        self._refresh_token: str | None = None

    # -- login -------------------------------------------------------------------------------

    async def log_in(self, source: str | None) -> None:
        """Get a token for user name and password. Raises AccessDenied."""
        if not self.credentials.username:
            return
        body = {
            "username": self.credentials.username,
            "password": self.credentials.password or "",
        } | ({"source": source} if source else {})
        answer = await self._ask("POST", "/access/login", json_body=body, login=False)
        if answer.status in {400, 401, 403, 404}:
            raise AccessDenied("it does not accept user name and password")
        result = self._result(answer)
        self.access_token = text(result, "token", 4096)
        self._refresh_token = text(result, "refresh_token", 4096)
        if self.access_token is None:
            raise Garbled("a login without a token", payload=b"")

    async def renew(self) -> bool:
        """Get a fresh token for an expired one; False when the login itself has to be made anew."""
        if self._refresh_token is None:
            return False
        answer = await self._ask(
            "POST",
            "/access/refresh_jwt",
            json_body={"refresh_token": self._refresh_token},
            login=False,
        )
        if answer.status != 200:
            self._refresh_token = None
            return False
        self.access_token = text(self._result(answer), "token", 4096)
        return self.access_token is not None

    @property
    def login(self) -> dict[str, str]:
        """The headers of our login, for this server alone."""
        if self.credentials.api_key:
            return {"X-Api-Key": self.credentials.api_key}
        return {"Authorization": f"Bearer {self.access_token}"} if self.access_token else {}

    # -- small answers -----------------------------------------------------------------------

    async def access_info(self) -> Json:
        """Return what anybody may know; empty for servers that do not have it yet."""
        answer = await self._ask("GET", "/access/info", login=False)
        if answer.status == 404 and "json" in answer.headers.get("Content-Type", ""):
            return {}
        return self._result(answer)

    async def picture(self, target: str) -> bytes | None:
        """Fetch a picture of at most 2 MB, or None when there is none."""
        answer = await self.request("GET", target, limit=PICTURE_LIMIT)
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise answer.error
        return answer.body

    def _result(self, answer: Answer) -> Json:
        if answer.status != 200:
            raise answer.error
        return obj(parse(answer.body), "result")

    async def request(self, method: str, target: str, *, limit: int = JSON_LIMIT) -> Answer:
        """Make a small request, logging in again once when the token has expired."""
        answer = await self._ask(method, target, limit=limit)
        if answer.status == 401 and await self.renew():
            answer = await self._ask(method, target, limit=limit)
        return answer

    async def _ask(
        self,
        method: str,
        target: str,
        *,
        json_body: Mapping[str, object] | None = None,
        login: bool = True,
        limit: int = JSON_LIMIT,
    ) -> Answer:
        headers = dict(self.login) if login else {}
        if json_body is not None:
            headers["Content-Type"] = "application/json"
        body = None if json_body is None else json.dumps(json_body).encode()
        timeout = aiohttp.ClientTimeout(
            total=self.pace.answer_s * 2,
            sock_connect=self.pace.connect_s,
            sock_read=self.pace.answer_s,
        )
        async with self.exchange(method, target, headers, body, timeout) as response:
            return await _whole(response, limit)

    # -- large ones --------------------------------------------------------------------------

    async def send(self, target: str, *, headers: Mapping[str, str], body: Body) -> Answer:
        """Stream a large body; its `Content-Length` stands in `headers`."""
        # What comes back is waited for by sock_read; what we send is watched here.
        try:
            async with asyncio.timeout(None) as watch:
                watched = _watched(body, watch, self.pace.transfer_s)
                async with self.exchange(
                    "POST", target, {**headers, **self.login}, watched, self._patient()
                ) as response:
                    return await _whole(response, _REASON_LIMIT)
        except TimeoutError as err:
            raise Unreachable("nothing moved for too long") from err

    @asynccontextmanager
    async def stream(
        self, target: str, *, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Open a large answer."""
        own = {**(headers or {}), **WHOLE, **self.login}
        async with self.exchange("GET", target, own, None, self._patient()) as response:
            yield response

    async def complaint(self, response: aiohttp.ClientResponse) -> DriverError:
        """Return what an answer that is no success means."""
        body = await response.content.read(_REASON_LIMIT)
        return Answer(status=response.status, headers=response.headers, body=body).error

    def _patient(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None, sock_connect=self.pace.connect_s, sock_read=self.pace.transfer_s
        )

    @asynccontextmanager
    async def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        data: bytes | Body | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the library's own kind
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """Make one request; follows nothing."""
        if self.session.closed:
            raise Unreachable("the HTTP session is closed")
        _LOGGER.debug("%s: %s %s", self.address.place, method, target.partition("?")[0])
        async with self.line_errors():
            response = await self.session.request(
                method,
                self.address.url(target),
                headers={"Accept": "*/*", **headers},
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

    # -- what went wrong ---------------------------------------------------------------------

    @asynccontextmanager
    async def line_errors(self) -> AsyncIterator[None]:
        """Turn the HTTP library's errors into ours."""
        try:
            yield
        except aiohttp.ServerFingerprintMismatch as err:
            raise CertificateChanged(
                "the certificate is not the one known", fingerprint=err.got.hex()
            ) from err
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError) as err:
            raise await self._untrusted() from err
        except TimeoutError as err:
            raise Unreachable("no answer in time") from err
        except aiohttp.WSServerHandshakeError as err:
            raise _no_socket(err.status) from err
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as err:
            raise Garbled(f"not a proper HTTP answer ({type(err).__name__})") from err
        except (aiohttp.ClientError, ConnectionError) as err:
            raise Unreachable(f"the line broke ({type(err).__name__})") from err
        except (AssertionError, AttributeError, RuntimeError) as err:
            # What the library says when its session is closed under a request.
            if not self.session.closed:
                raise
            raise Unreachable("the line was closed") from err

    async def _untrusted(self) -> DriverError:
        """Return an error that names the certificate no authority vouches for."""
        try:
            certificate = await asyncio.wait_for(self._certificate(), self.pace.connect_s)
        except OSError, TimeoutError:
            certificate = None
        if not certificate:
            return Unreachable("no secure line, and its certificate cannot be read")
        return CertificateChanged(
            "no authority vouches for its certificate",
            fingerprint=hashlib.sha256(certificate).hexdigest(),
        )

    async def _certificate(self) -> bytes | None:
        """Look at the certificate it presents, sending nothing."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        url = self.address.url("/")
        _, writer = await asyncio.open_connection(url.host, url.port, ssl=context)
        try:
            found = writer.get_extra_info("ssl_object")
            presented: bytes | None = found.getpeercert(binary_form=True)
            return presented
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()


def _no_socket(status: int) -> DriverError:
    """Return what it means that the WebSocket was not opened."""
    if status == 401:
        return AccessDenied("it does not let us open a line")
    if status in {429, 503}:
        return Unreachable("it takes no more lines, or is starting", key="too_many_clients")
    if status in {502, 504}:
        return Unreachable("a proxy answers, and nobody behind it", key="starting")
    return Garbled(f"no WebSocket at this address (HTTP {status})")


async def _watched(
    chunks: AsyncIterator[bytes], watch: asyncio.Timeout, silence_s: float
) -> AsyncIterator[bytes]:
    """Pass a body on; each chunk must be taken within `silence_s` of the one before."""
    loop = asyncio.get_running_loop()
    async for chunk in chunks:
        if not watch.expired():
            watch.reschedule(loop.time() + silence_s)
        yield chunk
    if not watch.expired():
        # All is sent; the server may now take its time to check it.
        watch.reschedule(None)


async def _whole(response: aiohttp.ClientResponse, limit: int) -> Answer:
    """Read an answer of at most `limit` bytes. Raises Garbled beyond it."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise Garbled(f"an answer of more than {limit} bytes", payload=bytes(body[:2048]))
    return Answer(status=response.status, headers=response.headers, body=bytes(body))


def refused_upload(error: DriverError) -> DriverError:
    """Sharpen what an upload that was not taken means."""
    words = error.reason.lower()
    if isinstance(error, Refused) and ("no space" in words or "disk" in words):
        return Refused(error.reason, key="storage_full")
    return error
