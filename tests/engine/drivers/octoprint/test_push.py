"""A push line whose socket breaks at the worst moment."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.octoprint.push import PushLine
from custom_components.printernizer.engine.errors import Unreachable
from tests.hand_clock import HandClock
from tests.simulators.octoprint import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any


class Torn:
    """A socket that is gone without anybody having been told."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def send_str(self, data: str) -> None:
        raise self._error

    async def receive(self, timeout: float) -> aiohttp.WSMessage:
        raise TimeoutError

    async def ping(self) -> None:
        raise self._error


class Paced:
    """As much of a client as a line looks at."""

    pace = QUICK


@pytest.mark.parametrize(
    "error",
    [aiohttp.ClientConnectionResetError("gone"), ConnectionResetError()],
    ids=["ours", "os"],
)
@pytest.mark.parametrize(
    "do", [lambda line: line.send({"throttle": 1}), lambda line: line.next()], ids=["send", "next"]
)
async def test_a_socket_that_is_gone_ends_the_line(
    error: Exception, do: Callable[[PushLine], Coroutine[Any, Any, Any]]
) -> None:
    """Anything else than our own error would end the printer's task, not its line."""
    line = PushLine(Paced(), Torn(error), HandClock())  # type: ignore[arg-type]
    async with asyncio.timeout(5):
        with pytest.raises(Unreachable, match="push line broke"):
            await do(line)
