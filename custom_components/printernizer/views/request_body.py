"""The body of a request, read as it comes, with an end to everybody's patience."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, web

from ..engine.errors import BadFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable

PATIENCE_S: Final = 30.0
"""Without a byte; Wi-Fi in a workshop may well be gone for ten seconds."""
LONGEST_S: Final = 3600.0
"""For all of it: 4 GiB at little more than a megabyte a second."""
_LINE_GONE: Final = (ClientError, ConnectionError, web.RequestPayloadError)


class Patience:
    """That with one request; it begins now."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._ends = self._loop.time() + LONGEST_S

    async def wait_for[T](self, reading: Awaitable[T]) -> T:
        """Wait for a bit of the body. Raises BadFile(key="file_incomplete") if it does not come."""
        try:
            async with asyncio.timeout(min(PATIENCE_S, self._ends - self._loop.time())):
                return await reading
        except TimeoutError as err:
            raise BadFile("it came too slowly", key="file_incomplete") from err
        except _LINE_GONE as err:
            raise BadFile("the line broke", key="file_incomplete") from err


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield what comes. Raises BadFile(key="file_incomplete") when no more does."""
    patience = Patience()
    while piece := await patience.wait_for(request.content.readany()):
        yield piece
