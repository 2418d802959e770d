"""The body of a request, read as it comes, with an end to everybody's patience."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from aiohttp import ClientError, web

from ..engine.errors import BadFile

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PATIENCE_S: Final = 30.0
"""Without a byte; Wi-Fi in a workshop may well be gone for ten seconds."""
LONGEST_S: Final = 3600.0
"""For all of it: 4 GiB at little more than a megabyte a second."""


async def body_of(request: web.Request) -> AsyncIterator[bytes]:
    """Yield what comes. Raises BadFile(key="file_incomplete") when no more does."""
    loop = asyncio.get_running_loop()
    ends = loop.time() + LONGEST_S
    while True:
        try:
            async with asyncio.timeout(min(PATIENCE_S, ends - loop.time())):
                piece = await request.content.readany()
        except TimeoutError as err:
            raise BadFile("it came too slowly", key="file_incomplete") from err
        except (ClientError, ConnectionError, web.RequestPayloadError) as err:
            raise BadFile("the line broke", key="file_incomplete") from err
        if not piece:
            return
        yield piece
