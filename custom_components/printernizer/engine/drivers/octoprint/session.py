"""A session of our own on connections that are lent."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from ...errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp import ClientSession


async def _stay(*_: object) -> None:
    """Refuse to be sent on: the socket's own request follows redirects, with our login."""
    raise aiohttp.ClientConnectionError("it sends us to another address")


@asynccontextmanager
async def own_session(shared: ClientSession) -> AsyncIterator[ClientSession]:
    """Lend the connections of a session, without its cookies.

    A login for the push line sets a cookie, and a server asks browsers' cookies for a token that
    we do not have. Raises Unreachable when the shared session is closed.
    """
    connector = shared.connector
    if connector is None or shared.closed:
        raise Unreachable("the HTTP session is closed")
    trace = aiohttp.TraceConfig()
    trace.on_request_redirect.append(_stay)
    async with aiohttp.ClientSession(
        connector=connector,
        connector_owner=False,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[trace],
    ) as own:
        yield own
