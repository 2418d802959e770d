"""Moves bytes between us and a Spoolman: its REST API, and its socket for news of spools."""

from __future__ import annotations

import json
from base64 import b64encode
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any, Final

import aiohttp
from yarl import URL

from ..errors import AccessDenied, Garbled, Refused, Unreachable
from .messages import spool_of, spools_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from decimal import Decimal

    from ..foreign_stock import ForeignSpool

PAGE: Final = 200
"""Spools in one answer."""
MOST_SPOOLS: Final = 20_000
LARGEST: Final = 8 * 1024 * 1024
"""Bytes of one answer, and of one piece of news: a page of spools is some hundred kB."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=30, sock_connect=10)
"""It runs on boards as small as a first Raspberry Pi."""
_SILENCE: Final = aiohttp.ClientWSTimeout(ws_receive=3600.0, ws_close=5.0)
"""Nothing is used for hours; a line that died unheard is made anew after one."""

type News = tuple[int, ForeignSpool | None]


class Spoolman:
    """One Spoolman, by the address that its owner opens in a browser."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        text = address.strip()
        try:
            base = URL(text if "://" in text else f"http://{text}")
        except ValueError:
            raise Unreachable("not an address", key="spoolman_unreachable") from None
        if base.scheme not in {"http", "https"} or not base.host:
            raise Unreachable("not an address", key="spoolman_unreachable")
        self._headers: dict[str, str] = {}
        if base.user is not None:
            login = b64encode(f"{base.user}:{base.password or ''}".encode()).decode()
            self._headers["Authorization"] = f"Basic {login}"
        path = base.path.rstrip("/").removesuffix("/api/v1")
        self._base = base.with_user(None).with_path(f"{path}/api/v1").with_query(None)

    async def spools(self) -> tuple[ForeignSpool, ...]:
        """Read all spools, archived ones too. Raises Unreachable, AccessDenied, Garbled."""
        found: dict[int, ForeignSpool] = {}
        for offset in range(0, MOST_SPOOLS, PAGE):
            query = {
                "limit": str(PAGE),
                "offset": str(offset),
                "allow_archived": "true",
                "sort": "id:asc",
            }
            page = spools_of(await self._ask("GET", "spool", query=query))
            found |= {spool.number: spool for spool in page}
            if len(page) < PAGE:
                return tuple(found.values())
        raise Garbled(f"more than {MOST_SPOOLS} spools", key="spoolman_garbled")

    async def spool(self, number: int) -> ForeignSpool:
        """Read one spool. Raises Refused when it is not there, and what `spools` raises."""
        return spool_of(await self._ask("GET", f"spool/{number}"))

    async def use(self, number: int, mass_g: Decimal) -> ForeignSpool:
        """Book consumption on a spool; returns it as it is then.

        Raises Refused when it was not booked for good; after Unreachable nobody knows.
        """
        body = {"use_weight": float(mass_g)}
        return spool_of(await self._ask("PUT", f"spool/{number}/use", body=body))

    @asynccontextmanager
    async def news(self) -> AsyncGenerator[AsyncIterator[News]]:
        """Listen: every spool that changes, with its number; None for one that was deleted.

        It ends when Spoolman closes the line. Raises Unreachable when there is none.
        """
        with _translated():
            async with self._session.ws_connect(
                self._base / "spool", headers=self._headers, timeout=_SILENCE, max_msg_size=LARGEST
            ) as socket:
                yield _heard(socket)

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        query: dict[str, str] | None = None,
        body: dict[str, Any] | None = None,
    ) -> object:
        with _translated():
            async with self._session.request(
                method,
                self._base / path,
                params=query,
                json=body,
                headers=self._headers,
                middlewares=(_once,),
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as answer:
                content = await _read(answer)
        if answer.status in {401, 403}:
            raise AccessDenied("Spoolman asks for a login", key="spoolman_unreachable")
        if answer.status in {408, 425, 429} or answer.status >= 500:
            raise Unreachable(f"status {answer.status}", key="spoolman_unreachable")
        if 400 <= answer.status < 500:
            raise Refused(f"status {answer.status}", key="refused")
        if answer.status != 200:
            raise Garbled(f"status {answer.status}", key="spoolman_garbled")
        try:
            return json.loads(content)
        except ValueError, RecursionError:
            raise Garbled("not JSON", payload=content, key="spoolman_garbled") from None


async def _once(
    request: aiohttp.ClientRequest, send: aiohttp.ClientHandlerType
) -> aiohttp.ClientResponse:
    """Send a request once.

    aiohttp sends a PUT again by itself when the line breaks, as a PUT changes nothing twice.
    Spoolman's does: it adds. An error that aiohttp does not know, it does not mend.
    """
    try:
        return await send(request)
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as err:
        raise Unreachable(type(err).__name__, key="spoolman_unreachable") from None


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    content = bytearray()
    async for part in answer.content.iter_chunked(65_536):
        content += part
        if len(content) > LARGEST:
            raise Garbled("an answer without end", key="spoolman_garbled")
    return bytes(content)


async def _heard(socket: aiohttp.ClientWebSocketResponse) -> AsyncIterator[News]:
    async for message in socket:
        if message.type is aiohttp.WSMsgType.TEXT and (told := _told(message.data)):
            yield told


def _told(text: str) -> News | None:
    """Read a piece of news; None for what is none of ours, or cannot be read."""
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("resource") != "spool":
            return None
        spool = spool_of(data.get("payload"))
    except ValueError, RecursionError, Garbled:
        return None
    return spool.number, None if data.get("type") == "deleted" else spool


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's errors into ours. Their texts may repeat the address, login and all."""
    try:
        yield
    except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as err:
        raise Unreachable(type(err).__name__, key="spoolman_unreachable") from None
