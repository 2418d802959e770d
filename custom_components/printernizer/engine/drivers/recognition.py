"""Which kind of print server answers at an address, before it is given any key.

Print servers imitate each other: Moonraker answers as an OctoPrint where it is told to, PrusaLink
announces itself as one. So each is asked for what only it has, and nothing secret is sent:

- Moonraker: `/access/info` needs no login and says whether one is needed. Versions before it
  have `/server/info`.
- PrusaLink: `/api/version` asks for a login in one of its two realms, or names it.
- OctoPrint: `/api/version` names it where guests may look, and is forbidden where they may not;
  `/api/currentuser` answers everybody, and `/plugin/appkeys/probe` says nothing, politely (204).

Seen with OctoPrint 1.11.8, Moonraker 0.11.0 and PrusaLink 0.8.1.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from ..errors import AccessDenied, CertificateChanged, DriverError, Garbled, Unreachable
from .registry import PrinterKind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIMIT: Final = 65_536
"""Bytes: all of these answers are some hundred."""
_CONNECT_S: Final = 4.0
_TOTAL_S: Final = 8.0
"""A person waits, and several addresses are tried at once."""
_REALMS: Final = re.compile(r'realm="(?:Printer API|Administrator)"', re.IGNORECASE)
"""Of the PrusaLink in the firmware, and of the one on a Raspberry Pi."""
_NOT_UP: Final = frozenset({502, 503, 504})
"""A proxy in front says so while the server behind it is starting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Server:
    """A print server that answers."""

    kind: PrinterKind
    url: str
    """Base address, as it was asked."""
    open: bool = False
    """Whether it lets us in without a key."""


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    challenge: str
    value: Any
    """The JSON that came, else None."""

    def tree(self, key: str) -> Mapping[str, Any]:
        """Return the object below a key of the answer; an empty one when there is none."""
        below = self.value.get(key) if isinstance(self.value, dict) else None
        return below if isinstance(below, dict) else {}


async def recognise(
    url: str, session: aiohttp.ClientSession, *, fingerprint: str | None = None
) -> Server:
    """Return who answers at a base URL.

    fingerprint: SHA-256 of the certificate to insist on, hex; None asks the authorities.
    Raises Unreachable (key "starting" when a proxy says that nobody is behind it), AccessDenied
    (key "proxy_login") when a proxy wants a login of its own, CertificateChanged, and Garbled
    when it is none of those that we know.
    """
    ask = _Asker(url, session, fingerprint)
    access = await ask("/access/info")
    info = access.tree("result")
    if access.status == 200 and {"login_required", "default_source"} & info.keys():
        free = info.get("trusted") is True and info.get("login_required") is not True
        return Server(kind=PrinterKind.MOONRAKER, url=url, open=free)
    version = await ask("/api/version")
    if (kind := _by_version(version)) is not None:
        # A Moonraker that tells its version to a stranger lets strangers in.
        return Server(kind=kind, url=url, open=kind is PrinterKind.MOONRAKER)
    if version.status == 403 and await _is_octoprint(ask):
        return Server(kind=PrinterKind.OCTOPRINT, url=url)
    old = await ask("/server/info")
    if "klippy_connected" in old.tree("result"):
        return Server(kind=PrinterKind.MOONRAKER, url=url, open=True)
    if old.status == 401 and old.tree("error").get("code") == 401:
        return Server(kind=PrinterKind.MOONRAKER, url=url)
    raise Garbled("no print server that we know", key="unknown_server")


def _by_version(answer: _Answer) -> PrinterKind | None:
    if answer.status == 401:
        return PrinterKind.PRUSALINK if _REALMS.search(answer.challenge) else None
    if answer.status != 200 or not isinstance(answer.value, dict):
        return None
    text = str(answer.value.get("text", ""))
    if text.startswith("OctoPrint (Moonraker"):
        return PrinterKind.MOONRAKER
    if text.startswith("PrusaLink"):
        return PrinterKind.PRUSALINK
    return PrinterKind.OCTOPRINT if text.startswith("OctoPrint ") else None


async def _is_octoprint(ask: _Asker) -> bool:
    user = await ask("/api/currentuser")
    if user.status == 200 and isinstance(user.value, dict) and "name" in user.value:
        return True
    return (await ask("/plugin/appkeys/probe")).status == 204


async def find(
    urls: Sequence[str],
    wanted: PrinterKind,
    session: aiohttp.ClientSession,
    *,
    fingerprint: str | None = None,
) -> Server:
    """Return the first that is of the wanted kind, else the first print server there is.

    All are asked at once. Raises what tells most about why there is none: see `recognise`;
    CertificateChanged names the address it came from in its placeholder `url`.
    """
    answers = await asyncio.gather(
        *(_look(url, session, fingerprint) for url in urls), return_exceptions=True
    )
    servers = [answer for answer in answers if isinstance(answer, Server)]
    for server in servers:
        if server.kind is wanted:
            return server
    if servers:
        return servers[0]
    for answer in answers:
        if isinstance(answer, BaseException) and not isinstance(answer, DriverError):
            raise answer
    errors = [answer for answer in answers if isinstance(answer, DriverError)]
    raise min(errors, key=_weight)


async def _look(url: str, session: aiohttp.ClientSession, fingerprint: str | None) -> Server:
    pinned = fingerprint if url.startswith("https:") else None
    try:
        return await recognise(url, session, fingerprint=pinned)
    except CertificateChanged as err:
        raise CertificateChanged(err.reason, fingerprint=err.fingerprint, url=url) from err


def _weight(error: DriverError) -> int:
    """Return how little an error tells; the least is shown."""
    order: tuple[type[DriverError], ...] = (CertificateChanged, AccessDenied)
    for weight, kind in enumerate(order):
        if isinstance(error, kind):
            return weight
    if error.key == "starting":
        return len(order)
    return len(order) + (1 if isinstance(error, Garbled) else 2)


class _Asker:
    """Asks one server, with nothing that anybody could keep."""

    def __init__(self, url: str, session: aiohttp.ClientSession, pinned: str | None) -> None:
        self._base = url
        self._session = session
        self._pinned = pinned

    async def __call__(self, target: str) -> _Answer:
        """Fetch a path below the base. Raises as `recognise` does."""
        try:
            answer = await self._get(target, trust=_trust(self._pinned))
        except aiohttp.ServerFingerprintMismatch as err:
            raise CertificateChanged("another certificate", fingerprint=err.got.hex()) from err
        except aiohttp.ClientConnectorCertificateError as err:
            shown = await self._presented(target)
            raise CertificateChanged("no authority vouches for it", fingerprint=shown) from err
        except TimeoutError as err:
            raise Unreachable("no answer in time") from err
        except (aiohttp.ClientResponseError, aiohttp.InvalidURL, ValueError) as err:
            reason = f"not a proper HTTP answer ({type(err).__name__})"
            raise Garbled(reason, key="unknown_server") from err
        except (aiohttp.ClientError, OSError) as err:
            raise Unreachable(f"the line broke ({type(err).__name__})") from err
        if answer.status in _NOT_UP:
            raise Unreachable(f"status {answer.status}", key="starting")
        if answer.status == 401 and answer.challenge.lower().startswith("basic"):
            raise AccessDenied("a proxy asks for a login", key="proxy_login")
        return answer

    async def _get(self, target: str, *, trust: bool | aiohttp.Fingerprint) -> _Answer:
        async with self._session.get(
            URL(f"{self._base}{target}"),
            headers={"Accept": "application/json"},
            allow_redirects=False,
            ssl=trust,
            timeout=aiohttp.ClientTimeout(total=_TOTAL_S, sock_connect=_CONNECT_S),
        ) as response:
            body = b""
            async for chunk in response.content.iter_any():
                body += chunk
                if len(body) > _LIMIT:
                    break
            challenge = response.headers.get("WWW-Authenticate", "")
            return _Answer(response.status, challenge, _json(body[:_LIMIT]))

    async def _presented(self, target: str) -> str:
        """Return the SHA-256 of the certificate shown, hex. Nothing is asked over that line."""
        try:
            await self._get(target, trust=aiohttp.Fingerprint(bytes(32)))
        except aiohttp.ServerFingerprintMismatch as err:
            return err.got.hex()
        except (aiohttp.ClientError, OSError, TimeoutError) as err:
            raise Unreachable(f"the line broke ({type(err).__name__})") from err
        raise Unreachable("no certificate was shown")


def _trust(pinned: str | None) -> bool | aiohttp.Fingerprint:
    return aiohttp.Fingerprint(bytes.fromhex(pinned)) if pinned else True


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError, RecursionError:
        return None
