"""Print servers found on the network: asked who they are, offered once, followed when proven."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from ipaddress import ip_address
from typing import Any
from unittest.mock import patch

import pytest
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_IGNORE,
    SOURCE_SSDP,
    SOURCE_ZEROCONF,
    ConfigEntryState,
    ConfigFlowResult,
)
from homeassistant.core import HomeAssistant
from homeassistant.data_entry_flow import FlowResultType
from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, DOMAIN
from custom_components.printernizer.runtime import async_get_workshop
from tests.print_server import MOONRAKER_ID, OCTOPRINT_ID, PrintServer, certificate, standing_in

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")

IDS = {"octoprint": OCTOPRINT_ID, "moonraker": MOONRAKER_ID}


@pytest.fixture(autouse=True)
def _virtual_printers_behind() -> Iterator[None]:
    with standing_in():
        yield


@pytest.fixture
async def octoprint() -> AsyncIterator[PrintServer]:
    """Give an OctoPrint that gives out keys."""
    async with PrintServer("octoprint") as server:
        yield server


@pytest.fixture
async def moonraker() -> AsyncIterator[PrintServer]:
    """Give a Moonraker that trusts us."""
    async with PrintServer("moonraker") as server:
        server.trusted = True
        yield server


def _zeroconf(kind: str, port: int, name: str = "Pi", **said: str) -> ZeroconfServiceInfo:
    return ZeroconfServiceInfo(
        ip_address=ip_address("127.0.0.1"),
        ip_addresses=[ip_address("127.0.0.1")],
        port=port,
        hostname="pi.local.",
        type=f"_{kind}._tcp.local.",
        name=f"{name}._{kind}._tcp.local.",
        properties=said,
    )


def _ssdp(port: int, maker: str = "The OctoPrint Project") -> SsdpServiceInfo:
    return SsdpServiceInfo(
        ssdp_usn=f"uuid:{OCTOPRINT_ID}::upnp:rootdevice",
        ssdp_st="upnp:rootdevice",
        ssdp_location=f"http://127.0.0.1:{port}/plugin/discovery/discovery.xml",
        upnp={
            "deviceType": "urn:schemas-upnp-org:device:Basic:1",
            "friendlyName": 'OctoPrint instance "Blue"',
            "manufacturer": maker,
            "UDN": f"uuid:{OCTOPRINT_ID}",
        },
    )


async def _found(hass: HomeAssistant, source: str, info: Any) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": source}, data=info
    )
    await hass.async_block_till_done()
    return result


def _known(hass: HomeAssistant, kind: str, url: str, **data: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Known",
        unique_id=IDS[kind],
        data={CONF_KIND: kind, "serial": IDS[kind], "url": url, "api_key": "right-key", **data},
    )
    entry.add_to_hass(hass)
    return entry


def _title(hass: HomeAssistant) -> str:
    (flow,) = hass.config_entries.flow.async_progress_by_handler(DOMAIN)
    return str(flow["context"]["title_placeholders"]["name"])


async def test_an_octoprint_that_announces_itself_is_offered_once(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """It does so by two protocols at once."""
    _known(hass, "moonraker", "http://127.0.0.9")  # another server is no hindrance
    info = _zeroconf("octoprint", octoprint.port, uuid=OCTOPRINT_ID, path="/")
    menu = await _found(hass, SOURCE_ZEROCONF, info)
    assert menu["type"] is FlowResultType.MENU
    assert menu["step_id"] == "octoprint_access"
    assert _title(hass) == "Pi"
    again = await _found(hass, SOURCE_SSDP, _ssdp(octoprint.port))
    assert again["reason"] == "already_in_progress"
    form = await hass.config_entries.flow.async_configure(
        menu["flow_id"], {"next_step_id": "octoprint_key"}
    )
    result = await hass.config_entries.flow.async_configure(
        form["flow_id"], {"api_key": "right-key"}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["url"] == octoprint.url
    assert result["data"]["serial"] == OCTOPRINT_ID
    await hass.async_block_till_done()
    again = await _found(hass, SOURCE_SSDP, _ssdp(octoprint.port))
    assert again["reason"] == "already_configured"


async def test_an_octoprint_heard_by_ssdp_has_the_name_its_owner_gave(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Of five Pis one wants to know which this is."""
    menu = await _found(hass, SOURCE_SSDP, _ssdp(octoprint.port))
    assert menu["step_id"] == "octoprint_access"
    assert _title(hass) == "Blue"
    hass.config_entries.flow.async_abort(menu["flow_id"])


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_moonraker_that_announces_itself_asks_for_what_it_needs(
    hass: HomeAssistant, moonraker: PrintServer, *, trusted: bool
) -> None:
    """A click where it trusts us, a key where it does not."""
    moonraker.trusted = trusted
    info = _zeroconf("moonraker", moonraker.port, uuid=MOONRAKER_ID, route_prefix="")
    form = await _found(hass, SOURCE_ZEROCONF, info)
    assert form["step_id"] == ("confirm_moonraker" if trusted else "moonraker_key")
    assert form["description_placeholders"]["url"] == moonraker.url
    await moonraker.stop()
    typed = {} if trusted else {"api_key": "right-key"}
    form = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    assert form["errors"] == {"base": "unreachable_server"}
    await moonraker.__aenter__()
    result = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_server_without_an_id_is_known_by_its_address(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """Else each start of it would offer it anew."""
    form = await _found(hass, SOURCE_ZEROCONF, _zeroconf("moonraker", moonraker.port))
    assert form["step_id"] == "confirm_moonraker"
    again = await _found(hass, SOURCE_ZEROCONF, _zeroconf("moonraker", moonraker.port))
    assert again["reason"] == "already_in_progress"
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    again = await _found(hass, SOURCE_ZEROCONF, _zeroconf("moonraker", moonraker.port))
    assert again["reason"] == "already_configured"


async def test_a_server_that_was_added_by_its_name_is_not_offered_by_its_address(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Who typed octopi.local has it already."""
    entry = _known(hass, "octoprint", f"http://pi.local:{octoprint.port}")
    hass.config_entries.async_update_entry(entry, unique_id="made-of-the-address")
    result = await _found(hass, SOURCE_ZEROCONF, _zeroconf("octoprint", octoprint.port))
    assert result["reason"] == "already_configured"


async def test_what_the_user_has_ignored_stays_ignored(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """A discovery that comes back after each start annoys for ever."""
    MockConfigEntry(
        domain=DOMAIN, unique_id=OCTOPRINT_ID, source=SOURCE_IGNORE, data={}
    ).add_to_hass(hass)
    info = _zeroconf("octoprint", octoprint.port, uuid=OCTOPRINT_ID)
    result = await _found(hass, SOURCE_ZEROCONF, info)
    assert result["reason"] == "already_configured"


@pytest.mark.parametrize("there", ["prusalink", "prusalink_pi"])
@pytest.mark.parametrize("name", ["PrusaLink at prusa", "Pi"])
async def test_a_prusalink_that_announces_itself_as_an_octoprint_is_offered_as_what_it_is(
    hass: HomeAssistant, there: str, name: str
) -> None:
    """The Raspberry Pi daemon does; its name gives it away, and so does what it answers."""
    async with PrintServer(there) as server:
        info = _zeroconf("octoprint", server.port, name=name, path="/")
        form = await _found(hass, SOURCE_ZEROCONF, info)
        assert form["step_id"] == "confirm_prusalink"
        assert form["description_placeholders"]["host"] == "127.0.0.1"
        hass.config_entries.flow.async_abort(form["flow_id"])


async def test_a_moonraker_that_is_announced_as_an_octoprint_is_offered_as_what_it_is(
    hass: HomeAssistant, moonraker: PrintServer
) -> None:
    """It imitates one; the id of the announcement is not its own then."""
    info = _zeroconf("octoprint", moonraker.port, uuid=OCTOPRINT_ID)
    form = await _found(hass, SOURCE_ZEROCONF, info)
    assert form["step_id"] == "confirm_moonraker"
    result = await hass.config_entries.flow.async_configure(form["flow_id"], {})
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["serial"] == MOONRAKER_ID


async def test_what_does_not_answer_or_is_no_printer_is_not_offered(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Anybody can announce anything."""
    assert (await _found(hass, SOURCE_SSDP, _ssdp(80, maker="Acme")))["reason"] == "not_a_printer"
    octoprint.fails = 404
    info = _zeroconf("octoprint", octoprint.port, uuid=OCTOPRINT_ID)
    assert (await _found(hass, SOURCE_ZEROCONF, info))["reason"] == "not_answering"


# -- known already -----------------------------------------------------------------------------


async def test_an_announcement_alone_moves_no_server_and_is_told_no_key(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Whoever shouts the id of our OctoPrint would be handed its key."""
    entry = _known(hass, "octoprint", "http://127.0.0.9:5000")
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    info = _zeroconf("octoprint", octoprint.port, uuid=OCTOPRINT_ID)
    result = await _found(hass, SOURCE_ZEROCONF, info)
    assert result["reason"] == "already_configured"
    assert entry.data["url"] == "http://127.0.0.9:5000"
    assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_server_with_a_pinned_certificate_is_followed(hass: HomeAssistant) -> None:
    """It proves who it is before it is told anything."""
    async with PrintServer("octoprint", certificate=certificate()) as server:
        assert server.certificate is not None
        pinned = server.certificate.fingerprint
        entry = _known(hass, "octoprint", f"https://127.0.0.9:{server.port}", fingerprint="ab" * 32)
        assert not await hass.config_entries.async_setup(entry.entry_id)
        info = _zeroconf("octoprint", 80, uuid=OCTOPRINT_ID)
        await _found(hass, SOURCE_ZEROCONF, info)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert entry.data["url"] == f"https://127.0.0.9:{server.port}"
        hass.config_entries.async_update_entry(entry, data={**entry.data, "fingerprint": pinned})
        first = hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_ZEROCONF}, data=info
        )
        again = hass.config_entries.flow.async_init(
            DOMAIN, context={"source": SOURCE_ZEROCONF}, data=info
        )
        await asyncio.gather(first, again)
        await hass.async_block_till_done(wait_background_tasks=True)
        assert entry.data["url"] == server.url
        assert entry.state is ConfigEntryState.LOADED
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_server_that_is_heard_again_is_tried_at_once(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """Its owner has just switched it on and stands in front of it."""
    entry = _known(hass, "octoprint", octoprint.url)
    info = _zeroconf("octoprint", octoprint.port, uuid=OCTOPRINT_ID)
    await _found(hass, SOURCE_ZEROCONF, info)  # not even set up: nothing happens
    entry.mock_state(hass, ConfigEntryState.SETUP_IN_PROGRESS)
    await _found(hass, SOURCE_ZEROCONF, info)  # it is being tried at this very moment
    entry.mock_state(hass, ConfigEntryState.NOT_LOADED)
    await octoprint.stop()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    await octoprint.__aenter__()
    await _found(hass, SOURCE_ZEROCONF, info)
    await hass.async_block_till_done()
    assert entry.state is ConfigEntryState.LOADED
    link = async_get_workshop(hass).fleet[OCTOPRINT_ID]
    with patch.object(link, "nudge") as nudge:
        await _found(hass, SOURCE_ZEROCONF, info)
        nudge.assert_not_called()
        with patch.object(link, "session", None):
            await _found(hass, SOURCE_ZEROCONF, info)
        nudge.assert_called_once_with()


async def test_all_printers_of_a_machine_move_with_it(
    hass: HomeAssistant, octoprint: PrintServer, moonraker: PrintServer
) -> None:
    """One Pi may serve several; those that are known by a name stay where they are."""
    mac = {"mac": "aa:bb:cc:dd:ee:ff"}
    first = _known(hass, "octoprint", f"http://127.0.0.9:{octoprint.port}/a", **mac)
    second = _known(hass, "moonraker", f"http://127.0.0.9:{moonraker.port}", **mac)
    third = MockConfigEntry(
        domain=DOMAIN,
        unique_id="third",
        data={CONF_KIND: "octoprint", "url": "http://octopi.local", "api_key": "x", **mac},
    )
    third.add_to_hass(hass)
    lease = DhcpServiceInfo(ip="127.0.0.1", hostname="octopi", macaddress="aabbccddeeff")
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        assert (await _found(hass, SOURCE_DHCP, lease))["reason"] == "already_configured"
    assert first.data["url"] == f"http://127.0.0.1:{octoprint.port}/a"
    assert second.data["url"] == moonraker.url
    assert third.data["url"] == "http://octopi.local"
    assert {call.args[0] for call in reload.call_args_list} == {first.entry_id, second.entry_id}


async def test_the_mac_of_a_server_is_learnt_from_its_lease(
    hass: HomeAssistant, octoprint: PrintServer
) -> None:
    """By it the network names the next address."""
    entry = _known(hass, "octoprint", octoprint.url)
    lease = DhcpServiceInfo(ip="127.0.0.1", hostname="octopi", macaddress="aabbccddeeff")
    assert (await _found(hass, SOURCE_DHCP, lease))["reason"] == "already_configured"
    assert entry.data["mac"] == "aa:bb:cc:dd:ee:ff"
