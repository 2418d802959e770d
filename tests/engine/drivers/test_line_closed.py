"""A line that is closed while somebody asks over it."""

from __future__ import annotations

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.moonraker import address as moonraker
from custom_components.printernizer.engine.drivers.moonraker.pace import Pace
from custom_components.printernizer.engine.drivers.moonraker.web import Credentials, Http
from custom_components.printernizer.engine.drivers.octoprint import address as octoprint
from custom_components.printernizer.engine.drivers.octoprint.client import Client
from custom_components.printernizer.engine.errors import Unreachable

URL = "http://127.0.0.1:9"


def client(kind: str, session: aiohttp.ClientSession) -> Client | Http:
    if kind == "octoprint":
        return Client(session, octoprint.Address.parse(URL), api_key="key")
    return Http(session, moonraker.Address.parse(URL), Credentials(), pace=Pace())


@pytest.mark.parametrize("said", [AssertionError, AttributeError, RuntimeError])
@pytest.mark.parametrize("kind", ["octoprint", "moonraker"])
async def test_a_request_under_which_the_line_is_closed_says_so(
    kind: str, said: type[Exception]
) -> None:
    """Whoever lists files while a server restarts saw the library's own inner troubles."""
    async with aiohttp.ClientSession() as session:
        asked = client(kind, session)
        with pytest.raises(said):
            async with asked.line_errors():
                raise said
    with pytest.raises(Unreachable, match="closed"):
        async with asked.line_errors():
            raise said
