"""The tasks behind a web server's connections, so that a simulator can end with all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from aiohttp import web


class Handlers:
    """What answers; of one server.

    aiohttp forgets a connection as soon as its client has left, though its task may still read
    away the rest of a body that was refused: no shutdown of the server waits for that one.
    """

    def __init__(self) -> None:
        self._tasks: WeakSet[asyncio.Task[None]] = WeakSet()

    def note(self, request: web.BaseRequest) -> None:
        """Remember who answers this request."""
        self._tasks.add(request.task)

    async def end(self) -> None:
        """Leave none behind; to be called when nothing more is accepted."""
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)
