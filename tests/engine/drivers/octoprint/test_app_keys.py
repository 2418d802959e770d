"""A key of our own: asked for, granted or refused by its user, and kept secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp
import pytest

from custom_components.printernizer.engine.drivers.octoprint.app_keys import ask, offered, poll
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    CertificateChanged,
    Garbled,
    Refused,
    Unreachable,
)
from tests.simulators.certificates import issue
from tests.simulators.octoprint import QUICK

from .scene import reaching, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

APP = "Home Assistant"


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def test_a_key_is_asked_for_waited_for_and_works(http: aiohttp.ClientSession) -> None:
    async with server(prefix="/octoprint") as sim:
        assert await offered(sim.url, http)
        handshake = await ask(sim.url, http, APP)
        assert handshake.poll_url.startswith(sim.url)
        assert handshake.dialogue_url is not None
        assert handshake.dialogue_url.startswith(f"{sim.url}/plugin/appkeys/auth/")
        (token,) = sim.app_keys.requests
        assert sim.app_keys.requests[token].app == APP
        assert token not in repr(handshake)
        assert await poll(handshake, http) is None
        granted = sim.app_keys.decide(grant=True)
        assert await poll(handshake, http) == granted
        async with reaching(sim, key=granted) as driver, driver.connect() as session:
            assert session.control is not None


async def test_a_refusal_is_told(http: aiohttp.ClientSession) -> None:
    async with server() as sim:
        handshake = await ask(sim.url, http, APP)
        sim.app_keys.decide(grant=False)
        with pytest.raises(AccessDenied):
            await poll(handshake, http)


async def test_a_request_nobody_polls_is_dropped(http: aiohttp.ClientSession) -> None:
    """After five seconds; the machine's time runs forty times as fast here."""
    async with server() as sim:
        handshake = await ask(sim.url, http, APP)
        for asked in sim.app_keys.requests.values():
            asked.polled -= 6
        with pytest.raises(AccessDenied):
            await poll(handshake, http)


async def test_a_server_that_gives_out_no_keys_says_so(http: aiohttp.ClientSession) -> None:
    async with server() as sim:
        sim.trouble.append(("/probe", 404))
        assert not await offered(sim.url, http)
        sim.trouble.append(("/appkeys/request", 404))
        with pytest.raises(Refused) as refusal:
            await ask(sim.url, http, APP)
        assert refusal.value.key == "not_supported"
        sim.trouble.append(("/probe", 503))
        with pytest.raises(Unreachable) as starting:
            await offered(sim.url, http, pace=QUICK)
        assert starting.value.key == "starting"


@pytest.mark.parametrize("body", [b"{}", b'{"app_token": "../../x"}', b'{"app_token": 3}', b"["])
async def test_a_token_that_is_none_is_garbled(body: bytes, http: aiohttp.ClientSession) -> None:
    async with server() as sim:
        sim.trouble.append(("/appkeys/request", body))
        with pytest.raises((Garbled, Refused)):
            await ask(sim.url, http, APP)


@pytest.mark.parametrize("body", [b"{}", b'{"api_key": "short"}', b'{"api_key": "with space in"}'])
async def test_a_key_that_is_none_is_garbled(body: bytes, http: aiohttp.ClientSession) -> None:
    async with server() as sim:
        handshake = await ask(sim.url, http, APP)
        sim.trouble.append(("/appkeys/request", body))
        with pytest.raises(Garbled):
            await poll(handshake, http)
        sim.trouble.append(("/appkeys/request", 500))
        with pytest.raises(Unreachable):
            await poll(handshake, http)


async def test_a_secure_server_is_asked_with_its_certificate(http: aiohttp.ClientSession) -> None:
    certificate = issue("octopi")
    async with server(certificate=certificate) as sim:
        with pytest.raises(CertificateChanged) as changed:
            await offered(sim.url, http)
        pin = changed.value.fingerprint
        assert await offered(sim.url, http, fingerprint=pin)
        handshake = await ask(sim.url, http, APP, fingerprint=pin)
        sim.app_keys.decide(grant=True)
        assert await poll(handshake, http)
