"""The forms against whole servers: the simulators, and the real OctoPrint, Moonraker, PrusaLink."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_socket
from homeassistant.config_entries import SOURCE_USER, ConfigEntryState, ConfigFlowResult
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from tests.peers.klippy import Klippy
from tests.peers.moonraker_server import MoonrakerServer
from tests.peers.octoprint_server import OctoPrintServer
from tests.simulators.klipper import Klipper
from tests.simulators.moonraker import MoonrakerSimulator
from tests.simulators.octoprint import OctoPrintSimulator

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")

type Programs = Callable[[str], dict[str, str]]


async def _address_form(hass: HomeAssistant, kind: str, url: str) -> ConfigFlowResult:
    flow = hass.config_entries.flow
    menu = await flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    form = await flow.async_configure(menu["flow_id"], {"next_step_id": kind})
    return await flow.async_configure(form["flow_id"], {"url": url})


async def _type(hass: HomeAssistant, form: ConfigFlowResult, **typed: Any) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done()
    return result


async def _added(hass: HomeAssistant, result: ConfigFlowResult) -> dict[str, Any]:
    """Prove that the printer is there, and let go of it."""
    assert result["type"] is FlowResultType.CREATE_ENTRY
    entry = result["result"]
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    assert entry.unique_id == entry.data["serial"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    return dict(entry.data)


@pytest.mark.parametrize("version", ["1.10.3", "1.11.8", "2.0.0"])
async def test_a_simulated_octoprint_is_added_by_key(hass: HomeAssistant, version: str) -> None:
    machine = VirtualMachine(time.monotonic)
    async with OctoPrintSimulator(machine, version=version, api_key="admin-key") as server:
        menu = await _address_form(hass, "octoprint", server.url)
        form = await _type(hass, menu, next_step_id="octoprint_key")
        form = await _type(hass, form, api_key="another-key")
        assert form["errors"] == {"api_key": "wrong_api_key"}
        data = await _added(hass, await _type(hass, form, api_key="admin-key"))
    assert data["url"] == server.url


async def test_a_simulated_moonraker_is_added_by_key_and_by_login(hass: HomeAssistant) -> None:
    machine = VirtualMachine(time.monotonic)
    async with MoonrakerSimulator(machine, users={"ada": "secret"}) as server:
        form = await _address_form(hass, "moonraker", server.url)
        form = await _type(hass, form, username="ada", password="wrong")
        assert form["errors"] == {"password": "wrong_login"}
        form = await _type(hass, form, api_key="wrong")
        assert form["errors"] == {"api_key": "wrong_api_key"}
        data = await _added(hass, await _type(hass, form, username="ada", password="secret"))
    assert "api_key" not in data


async def test_a_simulated_moonraker_that_trusts_us_is_added_without_any(
    hass: HomeAssistant,
) -> None:
    async with MoonrakerSimulator(VirtualMachine(time.monotonic), trusted=True) as server:
        await _added(hass, await _address_form(hass, "moonraker", server.url))


# -- the real ones -----------------------------------------------------------------------------


@pytest.fixture(params=["octoprint", "octoprint2"], scope="module")
def octoprint(request: pytest.FixtureRequest, peer: Programs) -> Iterator[OctoPrintServer]:
    """Give a real OctoPrint of each generation, once to all tests: its start takes seconds."""
    pytest_socket.enable_socket()
    with OctoPrintServer(peer(request.param)) as server:
        yield server


@pytest.fixture
def moonraker(peer: Programs, socket_enabled: None) -> Iterator[MoonrakerServer]:
    """Give a real Moonraker that trusts nobody."""
    with MoonrakerServer(peer("moonraker")) as server:
        yield server


def _grant(server: OctoPrintServer) -> None:
    """Say yes, as its user does in the dialogue."""
    (token,) = server.get("/api/plugin/appkeys")["pending"]
    assert server.post(f"/plugin/appkeys/decision/{token}", decision=True) == 204


async def test_a_real_octoprint_is_confirmed_in_octoprint(
    hass: HomeAssistant, octoprint: OctoPrintServer
) -> None:
    """The whole way, with nothing of ours on its other end."""
    menu = await _address_form(hass, "octoprint", octoprint.url)
    assert menu["step_id"] == "octoprint_access"
    progress = await _type_without_waiting(hass, menu, next_step_id="octoprint_confirm")
    assert progress["type"] is FlowResultType.SHOW_PROGRESS
    assert progress["description_placeholders"]["link"].startswith(
        f"{octoprint.url}/plugin/appkeys/auth/"
    )
    await asyncio.to_thread(_grant, octoprint)
    await hass.async_block_till_done()
    result = await hass.config_entries.flow.async_configure(progress["flow_id"])
    data = await _added(hass, result)
    assert data["serial"] == octoprint.serial
    assert data["api_key"] not in {octoprint.api_key, ""}


async def _type_without_waiting(
    hass: HomeAssistant, form: ConfigFlowResult, **typed: Any
) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_configure(form["flow_id"], typed)


async def test_a_real_octoprint_tells_a_wrong_key(
    hass: HomeAssistant, octoprint: OctoPrintServer
) -> None:
    """It answers 403, as it does to a guest."""
    menu = await _address_form(hass, "octoprint", f"127.0.0.1:{octoprint.port}")
    form = await _type(hass, menu, next_step_id="octoprint_key")
    form = await _type(hass, form, api_key="0123456789ABCDEF0123456789ABCDEF")
    assert form["errors"] == {"api_key": "wrong_api_key"}
    data = await _added(hass, await _type(hass, form, api_key=octoprint.api_key))
    assert data["url"] == octoprint.url


async def test_a_real_moonraker_is_added_by_key_and_known_for_what_it_is(
    hass: HomeAssistant, moonraker: MoonrakerServer
) -> None:
    """With no Klipper behind it, too, one has to be told where the fault is."""
    menu = await _address_form(hass, "octoprint", moonraker.url)
    assert menu["step_id"] == "is_moonraker"
    form = await _type(hass, menu, next_step_id="moonraker")
    klipper = Klipper(VirtualMachine(time.monotonic), gcodes=str(moonraker.gcodes))
    async with Klippy(klipper, moonraker.socket):
        form = await _type(hass, form, url=moonraker.url)
        assert form["step_id"] == "moonraker_key"
        form = await _type(hass, form)
        assert form["errors"] == {"api_key": "key_needed"}
        form = await _type(hass, form, api_key="0123456789abcdef0123456789abcdef")
        assert form["errors"] == {"api_key": "wrong_api_key"}
        key = await asyncio.to_thread(lambda: moonraker.api_key)
        await _added(hass, await _type(hass, form, api_key=key))
