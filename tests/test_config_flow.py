"""Printers are added, found, moved and given new keys; every error can be mended in the form."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import pytest
from homeassistant.config_entries import (
    SOURCE_DHCP,
    SOURCE_RECONFIGURE,
    SOURCE_SSDP,
    SOURCE_SYSTEM,
    SOURCE_USER,
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

from custom_components.printernizer.const import CONF_DATABASE_URL, CONF_KIND, DOMAIN, KIND_SHOP
from custom_components.printernizer.engine.drivers.bambu.driver import BambuDriver
from custom_components.printernizer.engine.drivers.discovery import Announcement
from custom_components.printernizer.engine.drivers.virtual.home import forget
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    DriverError,
    Garbled,
    Refused,
    StoreError,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.probe import FORM_ERRORS, form_errors, split_address
from custom_components.printernizer.runtime import async_shared, async_shop_entry
from tests.simulators.bambu import BambuSimulator
from tests.simulators.certificates import issue
from tests.simulators.prusalink import PrusaLinkSimulator

CODE, PASSWORD = "12345678", "secret-key"
SERIAL = "03919C4A0100321"
_FLOW = "custom_components.printernizer.bambu_flow"
_LOOK = "custom_components.printernizer.probe._look"

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Hear only what a test announces: the machine running the tests may be in a real network."""
    with patch(f"{_FLOW}.async_bambu_nearby", return_value=()):
        yield


@pytest.fixture
async def bambu() -> AsyncIterator[BambuSimulator]:
    """Give a Bambu A1 on 127.0.0.1, at ports that the forms do not ask for."""
    machine = VirtualMachine(time.monotonic, serial=SERIAL)
    async with BambuSimulator(machine, interval_s=0.05, ftps=False, camera=False) as simulator:
        driver = partial(BambuDriver, mqtt_port=simulator.mqtt_port)
        with patch("custom_components.printernizer.engine.drivers.registry.BambuDriver", driver):
            yield simulator


@pytest.fixture
async def prusalink() -> AsyncIterator[PrusaLinkSimulator]:
    """Give a Prusa Core One on 127.0.0.1."""
    async with PrusaLinkSimulator(VirtualMachine(time.monotonic), password=PASSWORD) as simulator:
        yield simulator


async def _menu(hass: HomeAssistant, choice: str) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
    assert result["type"] is FlowResultType.MENU
    result = await hass.config_entries.flow.async_configure(
        result["flow_id"], {"next_step_id": choice}
    )
    while result["type"] is FlowResultType.SHOW_PROGRESS:
        await hass.async_block_till_done()
        result = await hass.config_entries.flow.async_configure(result["flow_id"])
    return result


async def _type(hass: HomeAssistant, form: ConfigFlowResult, **typed: Any) -> ConfigFlowResult:
    result = await hass.config_entries.flow.async_configure(form["flow_id"], typed)
    await hass.async_block_till_done()
    return result


def _address(simulator: PrusaLinkSimulator) -> str:
    return f"{simulator.host}:{simulator.port}"


def _known(hass: HomeAssistant, kind: str, serial: str, **data: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Known",
        unique_id=serial,
        data={CONF_KIND: kind, "serial": serial, **data},
    )
    entry.add_to_hass(hass)
    return entry


# -- from the menu ---------------------------------------------------------------------------


async def test_a_bambu_is_added_with_address_and_code_and_learns_the_rest(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """People should not have to copy a serial number from a sticker."""
    form = await _menu(hass, "bambu")
    assert form["step_id"] == "bambu_address"
    result = await _type(hass, form, host=f" {bambu.host} ", access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"] == {
        CONF_KIND: "bambu",
        "host": bambu.host,
        "access_code": CODE,
        "serial": SERIAL,
        "fingerprint": bambu.fingerprint,
    }
    assert result["result"].unique_id == SERIAL
    assert result["result"].state is ConfigEntryState.LOADED


async def test_a_wrong_access_code_is_told_apart_and_can_be_corrected(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """The code changes with every switch of the mode: it is wrong more often than the address."""
    form = await _menu(hass, "bambu")
    again = await _type(hass, form, host=bambu.host, access_code="99999999")
    assert again["type"] is FlowResultType.FORM
    assert again["errors"] == {"access_code": "wrong_access_code"}
    result = await _type(hass, again, host=bambu.host, access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_printer_heard_on_the_network_is_offered(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """Typing addresses is what people get wrong."""
    heard = (
        Announcement(serial="KNOWN12345", host="127.0.0.9"),
        Announcement(serial=SERIAL, host=bambu.host, model="A1", name="Blue"),
    )
    _known(hass, "bambu", "KNOWN12345", host="127.0.0.9", access_code=CODE)
    with patch(f"{_FLOW}.async_bambu_nearby", return_value=heard):
        form = await _menu(hass, "bambu")
    assert form["step_id"] == "bambu_pick"
    assert form["data_schema"] is not None
    options = form["data_schema"].schema["printer"].config["options"]
    assert [option["value"] for option in options] == [SERIAL, "by_hand"]
    assert options[0]["label"] == f"Blue ({bambu.host})"
    form = await _type(hass, form, printer=SERIAL)
    assert form["step_id"] == "bambu_address"
    result = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_printer_that_was_not_heard_is_typed_by_hand(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """A printer in another network is never heard."""
    heard = (Announcement(serial="OTHER12345", host="127.0.0.9"),)
    with patch(f"{_FLOW}.async_bambu_nearby", return_value=heard):
        form = await _menu(hass, "bambu")
    form = await _type(hass, form, printer="by_hand")
    result = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_the_search_is_shown_while_it_goes_on(hass: HomeAssistant) -> None:
    """Six seconds without a sign look like a crash."""
    over = asyncio.Event()

    async def search(_: HomeAssistant) -> tuple[Announcement, ...]:
        await over.wait()
        return ()

    with patch(f"{_FLOW}.async_bambu_nearby", search):
        result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_USER})
        result = await hass.config_entries.flow.async_configure(
            result["flow_id"], {"next_step_id": "bambu"}
        )
        assert result["type"] is FlowResultType.SHOW_PROGRESS
        assert result["progress_action"] == "listening"
        still = await hass.config_entries.flow.async_configure(result["flow_id"])
        assert still["type"] is FlowResultType.SHOW_PROGRESS
        over.set()
        await hass.async_block_till_done()
        form = await hass.config_entries.flow.async_configure(result["flow_id"])
    assert form["step_id"] == "bambu_address"
    hass.config_entries.flow.async_abort(form["flow_id"])


async def test_a_prusa_is_added_with_its_port(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """PrusaLink behind a proxy has another port, and people paste whole addresses."""
    form = await _menu(hass, "prusalink")
    again = await _type(hass, form, host=_address(prusalink), username="maker", password="wrong")
    assert again["errors"] == {"password": "wrong_password"}
    result = await _type(
        hass, again, host=f"http://{_address(prusalink)}/", username="maker", password=PASSWORD
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["port"] == prusalink.port
    assert result["data"]["host"] == prusalink.host
    assert result["result"].unique_id == result["data"]["serial"]
    assert result["result"].state is ConfigEntryState.LOADED


async def test_a_virtual_printer_needs_no_hardware(hass: HomeAssistant) -> None:
    """People try before they connect what is expensive."""
    form = await _menu(hass, "virtual")
    result = await _type(hass, form, name="Try me", speed=60)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["title"] == "Try me"
    assert result["data"]["speed"] == 60
    assert result["result"].state is ConfigEntryState.LOADED
    forget(result["data"]["serial"])


async def test_a_virtual_printer_that_fails_can_be_tried_again(hass: HomeAssistant) -> None:
    """Even what cannot fail gets a form to come back to."""
    form = await _menu(hass, "virtual")
    with patch(
        "custom_components.printernizer.engine.drivers.virtual.driver.VirtualDriver.connect",
        side_effect=Unreachable("off"),
    ):
        again = await _type(hass, form, name="Try me", speed=1)
    assert again["step_id"] == "virtual"
    result = await _type(hass, again, name="Try me", speed=1)
    assert result["type"] is FlowResultType.CREATE_ENTRY


async def test_a_printer_that_ends_the_line_before_a_status_is_not_there(
    hass: HomeAssistant,
) -> None:
    """A connection without a single status is none."""

    async def nothing(_: object) -> AsyncIterator[Any]:
        for status in ():
            yield status

    form = await _menu(hass, "virtual")
    with patch(
        "custom_components.printernizer.engine.drivers.virtual.driver.VirtualSession.statuses",
        nothing,
    ):
        again = await _type(hass, form, name="Try me", speed=1)
    assert again["errors"] == {"base": "unreachable"}
    result = await _type(hass, again, name="Try me", speed=1)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize(
    ("error", "errors"),
    [
        (Unreachable("no route"), {"base": "unreachable"}),
        (Unreachable("5th", key="too_many_clients"), {"base": "too_many_clients"}),
        (Unreachable("mute", key="no_reports"), {"base": "no_reports"}),
        (Unreachable("boot", key="starting"), {"base": "starting"}),
        (WrongPrinter("other"), {"base": "wrong_printer"}),
        (WrongPrinter("other", key="wrong_serial"), {"base": "wrong_serial"}),
        (Garbled("noise"), {"base": "garbled"}),
        (Refused("no", key="printer_busy"), {"base": "refused"}),
        (TimeoutError(), {"base": "no_reports"}),
        (RuntimeError("a bug of ours"), {"base": "unexpected"}),
    ],
)
async def test_every_error_names_its_cause_and_the_form_can_be_sent_again(
    hass: HomeAssistant,
    prusalink: PrusaLinkSimulator,
    error: Exception,
    errors: dict[str, str],
) -> None:
    """ "Cannot connect" helps nobody who stands in front of the printer."""
    form = await _menu(hass, "prusalink")
    typed = {"host": _address(prusalink), "username": "maker", "password": PASSWORD}
    with patch(
        "custom_components.printernizer.engine.drivers.prusalink.driver.PrusaLinkDriver.connect",
        side_effect=error,
    ):
        again = await _type(hass, form, **typed)
    assert again["errors"] == errors
    result = await _type(hass, again, **typed)
    assert result["type"] is FlowResultType.CREATE_ENTRY


@pytest.mark.parametrize("kind", ["bambu", "prusalink", "virtual"])
def test_any_error_of_a_driver_has_a_text_in_the_form(kind: str) -> None:
    """An untranslated key in a form is a dead end."""
    from custom_components.printernizer.engine.drivers.registry import PrinterKind
    from custom_components.printernizer.engine.errors import KEYS

    for error in (Unreachable, AccessDenied, WrongPrinter, Garbled, Refused, DriverError):
        for key in KEYS:
            shown = form_errors(PrinterKind(kind), error("why", key=key))
            assert set(shown.values()) <= FORM_ERRORS


async def test_the_same_printer_is_not_added_twice_but_its_address_is_taken_over(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """Two entries for one printer would fight for its few connections."""
    known = _known(hass, "bambu", SERIAL, host="127.0.0.9", access_code="old")
    form = await _menu(hass, "bambu")
    result = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert result["type"] is FlowResultType.ABORT
    assert result["reason"] == "already_configured"
    assert known.data["host"] == bambu.host


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("192.168.1.5", {"host": "192.168.1.5"}),
        (" printer.local ", {"host": "printer.local"}),
        ("printer.local:8080", {"host": "printer.local", "port": 8080}),
        ("https://10.0.0.2/settings", {"host": "10.0.0.2"}),
        ("[fe80::1]:81", {"host": "fe80::1", "port": 81}),
        ("fe80::1", {"host": "fe80::1"}),
        ("printer:99999", {"host": "printer"}),
        ("printer:x", {"host": "printer"}),
    ],
)
def test_an_address_is_read_as_people_paste_it(typed: str, read: dict[str, Any]) -> None:
    """From the browser's bar, from the router's list, from the printer's screen."""
    assert split_address(typed) == read


# -- found on the network ----------------------------------------------------------------------


def _ssdp(host: str, usn: str = SERIAL) -> SsdpServiceInfo:
    return SsdpServiceInfo(
        ssdp_usn=usn,
        ssdp_st="urn:bambulab-com:device:3dprinter:1",
        ssdp_location=host,
        upnp={},
        ssdp_headers={"DevName.bambu.com": "Blue", "DevModel.bambu.com": "N2S"},
    )


def _zeroconf(simulator: PrusaLinkSimulator, hostname: str = "prusa.local.") -> ZeroconfServiceInfo:
    return ZeroconfServiceInfo(
        ip_address=ip_address(simulator.host),
        ip_addresses=[ip_address(simulator.host)],
        port=simulator.port,
        hostname=hostname,
        type="_prusalink._tcp.local.",
        name="prusa-core-one._prusalink._tcp.local.",
        properties={},
    )


async def _found(hass: HomeAssistant, source: str, info: Any) -> ConfigFlowResult:
    return await hass.config_entries.flow.async_init(DOMAIN, context={"source": source}, data=info)


async def test_an_announced_bambu_asks_for_its_code_only(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """The address is known; every further field is a chance to give up."""
    form = await _found(hass, SOURCE_SSDP, _ssdp(bambu.host))
    assert form["step_id"] == "confirm_bambu"
    assert form["data_schema"] is not None
    assert list(form["data_schema"].schema) == ["access_code"]
    again = await _type(hass, form, access_code="00000000")
    assert again["step_id"] == "confirm_bambu"
    result = await _type(hass, again, access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["host"] == bambu.host


async def test_an_announcement_alone_moves_no_printer(hass: HomeAssistant) -> None:
    """Anybody in the network can shout; the access code must not follow."""
    known = _known(hass, "bambu", SERIAL, host="127.0.0.9", access_code=CODE)
    result = await _found(hass, SOURCE_SSDP, _ssdp("127.0.0.66"))
    assert result["reason"] == "already_configured"
    assert known.data["host"] == "127.0.0.9"


async def test_what_is_no_printer_is_not_offered(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """A discovery that leads nowhere annoys for ever."""
    result = await _found(hass, SOURCE_SSDP, _ssdp("not an address"))
    assert result["reason"] == "not_a_printer"
    info = _zeroconf(prusalink)
    info.type = "_ipp._tcp.local."
    assert (await _found(hass, SOURCE_ZEROCONF, info))["reason"] == "not_a_printer"


async def test_a_prusa_found_by_mdns_asks_for_its_password(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """PrusaLink announces itself as soon as it is switched on."""
    form = await _found(hass, SOURCE_ZEROCONF, _zeroconf(prusalink))
    assert form["step_id"] == "confirm_prusalink"
    flow = hass.config_entries.flow.async_progress_by_handler(DOMAIN)[0]
    assert flow["context"]["title_placeholders"] == {"name": "prusa-core-one"}
    again = await _found(hass, SOURCE_ZEROCONF, _zeroconf(prusalink))
    assert again["reason"] == "already_in_progress"
    result = await _type(hass, form, username="maker", password=PASSWORD)
    assert result["type"] is FlowResultType.CREATE_ENTRY
    assert result["data"]["port"] == prusalink.port
    known = await _found(hass, SOURCE_ZEROCONF, _zeroconf(prusalink))
    assert known["reason"] == "already_configured"


async def test_a_prusa_known_by_its_name_is_not_found_again(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """Who typed a host name should not be offered the same printer by address."""
    _known(hass, "prusalink", "P1", host="prusa.local", password=PASSWORD)
    result = await _found(hass, SOURCE_ZEROCONF, _zeroconf(prusalink))
    assert result["reason"] == "already_configured"
    info = _zeroconf(prusalink, "other.local.")
    info.port = 80
    form = await _found(hass, SOURCE_ZEROCONF, info)
    assert form["step_id"] == "confirm_prusalink"
    hass.config_entries.flow.async_abort(form["flow_id"])


async def test_a_known_printer_is_followed_to_its_next_address_by_its_mac(
    hass: HomeAssistant,
    bambu: BambuSimulator,
    device_registry: dr.DeviceRegistry,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Routers give new addresses at night; nobody should notice.

    Leases are told of known devices only, so the MAC must be on the device before the first.
    """
    arp = tmp_path / "arp"
    arp.write_text(
        "IP address HW type Flags HW address Mask Device\n"
        f"{bambu.host} 0x1 0x2 AA:BB:CC:DD:EE:FF * eth0\n"
    )
    monkeypatch.setattr("custom_components.printernizer.neighbours.ARP", arp)
    form = await _menu(hass, "bambu")
    entry = (await _type(hass, form, host=bambu.host, access_code=CODE))["result"]
    await hass.async_block_till_done()
    assert entry.data["mac"] == "aa:bb:cc:dd:ee:ff"
    device = device_registry.async_get_device_by_identifier((DOMAIN, SERIAL), entry.entry_id)
    assert device is not None
    assert (dr.CONNECTION_NETWORK_MAC, "aa:bb:cc:dd:ee:ff") in device.connections

    moved = DhcpServiceInfo(ip="127.0.0.77", hostname="bambu", macaddress="aabbccddeeff")
    with patch.object(hass.config_entries, "async_schedule_reload") as reload:
        assert (await _found(hass, SOURCE_DHCP, moved))["reason"] == "already_configured"
    assert entry.data["host"] == "127.0.0.77"
    reload.assert_called_once_with(entry.entry_id)


async def test_a_mac_is_learnt_also_while_the_printer_has_no_device_yet(
    hass: HomeAssistant,
) -> None:
    """A printer that was never reached since the start has an entry, but no device."""
    known = _known(hass, "prusalink", "P1", host="127.0.0.9", password=PASSWORD)
    lease = DhcpServiceInfo(ip="127.0.0.9", hostname="prusa", macaddress="109c70aabbcc")
    assert (await _found(hass, SOURCE_DHCP, lease))["reason"] == "already_configured"
    assert known.data["mac"] == "10:9c:70:aa:bb:cc"


async def test_a_prusa_that_asks_for_an_address_is_offered(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """With PrusaLink off it announces nothing, but it still asks the router."""
    lease = DhcpServiceInfo(ip=prusalink.host, hostname="prusa", macaddress="109c70aabbcc")
    form = await _found(hass, SOURCE_DHCP, lease)
    assert form["step_id"] == "confirm_prusalink"
    again = await _type(hass, form, username="maker", password=PASSWORD)
    assert again["type"] is FlowResultType.FORM
    assert again["errors"] == {"base": "unreachable"}
    hass.config_entries.flow.async_abort(form["flow_id"])


async def test_other_printers_are_no_hindrance_to_a_find(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """With ten printers set up, the eleventh is found like the first."""
    _known(hass, "bambu", "OTHER12345", host="127.0.0.9", access_code=CODE)
    lease = DhcpServiceInfo(ip="127.0.0.50", hostname="prusa", macaddress="109c70aabbcc")
    for source, info in ((SOURCE_SSDP, _ssdp(bambu.host)), (SOURCE_DHCP, lease)):
        form = await _found(hass, source, info)
        assert form["type"] is FlowResultType.FORM
        hass.config_entries.flow.async_abort(form["flow_id"])


# -- known already -----------------------------------------------------------------------------


@pytest.fixture
async def added(hass: HomeAssistant, bambu: BambuSimulator) -> MockConfigEntry:
    """Give the entry of the simulated Bambu, loaded."""
    entry = _known(
        hass,
        "bambu",
        SERIAL,
        host=bambu.host,
        access_code=CODE,
        fingerprint=bambu.fingerprint,
    )
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def test_a_new_access_code_is_asked_for_and_taken(
    hass: HomeAssistant, bambu: BambuSimulator, added: MockConfigEntry
) -> None:
    """Switching Developer Mode on changes the code, and that is what we tell people to do."""
    bambu.access_code = "87654321"
    form = await added.start_reauth_flow(hass)
    assert form["step_id"] == "reauth_bambu"
    again = await _type(hass, form, access_code=CODE)
    assert again["errors"] == {"access_code": "wrong_access_code"}
    result = await _type(hass, again, access_code="87654321")
    assert result["reason"] == "reauth_successful"
    assert added.data["access_code"] == "87654321"
    assert added.data["fingerprint"] == bambu.fingerprint
    assert added.state is ConfigEntryState.LOADED


async def test_a_new_password_is_asked_for_and_taken(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """PrusaLink makes a new password at the press of a button."""
    form = await _menu(hass, "prusalink")
    typed = {"username": "maker", "password": PASSWORD}
    entry = (await _type(hass, form, host=_address(prusalink), **typed))["result"]
    hass.config_entries.async_update_entry(entry, data={**entry.data, "password": "old"})
    entry.async_start_reauth(hass)
    await hass.async_block_till_done()
    form = next(
        flow
        for flow in hass.config_entries.flow.async_progress_by_handler(DOMAIN)
        if flow["context"]["source"] == "reauth"
    )
    assert form["step_id"] == "reauth_prusalink"
    result = await _type(hass, form, **typed)
    assert result["reason"] == "reauth_successful"
    assert entry.data["password"] == PASSWORD


async def test_address_and_code_are_changed_for_the_same_printer(
    hass: HomeAssistant, bambu: BambuSimulator, added: MockConfigEntry
) -> None:
    """A printer moves to another network and stays the same printer with its history."""
    hass.config_entries.async_update_entry(added, data={**added.data, "host": "127.0.0.9"})
    form = await added.start_reconfigure_flow(hass)
    assert form["step_id"] == "reconfigure_bambu"
    result = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert result["reason"] == "reconfigure_successful"
    assert added.data["host"] == bambu.host


async def test_another_printer_is_not_put_in_the_place_of_a_known_one(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """Its jobs would go into the wrong history."""
    entry = _known(
        hass, "prusalink", "ANOTHER", host="127.0.0.1", username="maker", password=PASSWORD
    )
    form = await entry.start_reconfigure_flow(hass)
    with patch(
        "custom_components.printernizer.engine.drivers.prusalink.driver.PrusaLinkDriver.connect",
        side_effect=WrongPrinter("other", key="wrong_serial"),
    ):
        again = await _type(
            hass, form, host=_address(prusalink), username="maker", password=PASSWORD
        )
    assert again["errors"] == {"base": "wrong_serial"}
    hass.config_entries.async_update_entry(
        entry, data={key: value for key, value in entry.data.items() if key != "serial"}
    )
    result = await _type(hass, again, host=_address(prusalink), username="maker", password=PASSWORD)
    assert result["reason"] == "wrong_printer"


async def test_a_port_that_is_no_longer_named_is_forgotten(
    hass: HomeAssistant, prusalink: PrusaLinkSimulator
) -> None:
    """Else the old port sticks to every new address."""
    form = await _menu(hass, "prusalink")
    typed = {"username": "maker", "password": PASSWORD}
    entry = (await _type(hass, form, host=_address(prusalink), **typed))["result"]
    form = await hass.config_entries.flow.async_init(
        DOMAIN, context={"source": SOURCE_RECONFIGURE, "entry_id": entry.entry_id}
    )
    assert form["data_schema"] is not None
    suggested = {
        str(key): (key.description or {}).get("suggested_value")
        for key in form["data_schema"].schema
    }
    assert suggested == {"host": _address(prusalink), "username": "maker", "password": None}
    again = await _type(hass, form, host=prusalink.host, **typed)
    assert again["type"] is FlowResultType.FORM
    result = await _type(hass, again, host=_address(prusalink), **typed)
    assert result["reason"] == "reconfigure_successful"
    assert entry.data["port"] == prusalink.port


async def test_a_new_certificate_is_taken_only_when_the_user_says_so(
    hass: HomeAssistant, bambu: BambuSimulator, added: MockConfigEntry
) -> None:
    """The code would go to whoever pretends to be the printer."""
    hass.config_entries.async_update_entry(added, data={**added.data, "fingerprint": "ab" * 32})
    form = await added.start_reconfigure_flow(hass)
    trust = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert trust["step_id"] == "trust"
    assert trust["description_placeholders"] is not None
    assert trust["description_placeholders"]["old"].startswith("AB:AB")
    assert trust["description_placeholders"]["new"].replace(":", "").lower() == bambu.fingerprint
    result = await _type(hass, trust)
    assert result["reason"] == "reconfigure_successful"
    assert added.data["fingerprint"] == bambu.fingerprint


async def test_a_new_certificate_at_reauth_is_asked_for_too(
    hass: HomeAssistant, bambu: BambuSimulator, added: MockConfigEntry
) -> None:
    """A factory reset changes code and certificate at once."""
    hass.config_entries.async_update_entry(added, data={**added.data, "fingerprint": "ab" * 32})
    form = await added.start_reauth_flow(hass)
    trust = await _type(hass, form, access_code="00000000")
    assert trust["step_id"] == "trust"
    # A page that is loaded again asks the flow where it stands.
    trust = await hass.config_entries.flow.async_configure(trust["flow_id"])
    assert trust["step_id"] == "trust"
    again = await _type(hass, trust)
    assert again["step_id"] == "reauth_bambu"
    assert again["errors"] == {"access_code": "wrong_access_code"}
    trust = await _type(hass, again, access_code=CODE)
    result = await _type(hass, trust)
    assert result["reason"] == "reauth_successful"


@pytest.mark.parametrize("kind", ["virtual", KIND_SHOP])
async def test_what_has_no_address_is_not_reconfigured(hass: HomeAssistant, kind: str) -> None:
    """A form without a field helps nobody."""
    result = await _known(hass, kind, "S1").start_reconfigure_flow(hass)
    assert result["reason"] == "nothing_to_reconfigure"


# -- the shop ----------------------------------------------------------------------------------


async def _shop(hass: HomeAssistant) -> Any:
    form = await _menu(hass, "virtual")
    printer = (await _type(hass, form, name="Try me", speed=1))["result"]
    shop = async_shop_entry(hass)
    assert shop is not None
    assert shop.supports_options
    assert printer.supports_options
    return shop


async def _database_form(hass: HomeAssistant, shop: Any) -> Any:
    menu = await hass.config_entries.options.async_init(shop.entry_id)
    assert menu["type"] is FlowResultType.MENU
    return await hass.config_entries.options.async_configure(
        menu["flow_id"], {"next_step_id": "database"}
    )


async def test_there_is_one_shop(hass: HomeAssistant) -> None:
    """Ten printers that start at once must not found ten shops."""
    await _shop(hass)
    result = await hass.config_entries.flow.async_init(DOMAIN, context={"source": SOURCE_SYSTEM})
    assert result["reason"] == "already_configured"


async def test_the_ledger_moves_when_the_owner_names_another_database(
    hass: HomeAssistant, tmp_path: Any
) -> None:
    """A database that is only taken at the next restart would lose the jobs until then."""
    shop = await _shop(hass)
    url = f"sqlite:///{tmp_path}/elsewhere.db"
    form = await _database_form(hass, shop)
    with patch.object(Store, "open", side_effect=StoreError("no such host", key="store_failed")):
        again = await hass.config_entries.options.async_configure(
            form["flow_id"], {CONF_DATABASE_URL: url}
        )
    assert again["errors"] == {CONF_DATABASE_URL: "store_failed"}
    assert again["description_placeholders"]["reason"] == "no such host"
    result = await hass.config_entries.options.async_configure(
        again["flow_id"], {CONF_DATABASE_URL: url}
    )
    assert result["type"] is FlowResultType.CREATE_ENTRY
    await hass.async_block_till_done()
    assert async_shared(hass).url == url
    assert all(
        entry.state is ConfigEntryState.LOADED
        for entry in hass.config_entries.async_entries(DOMAIN)
    )
    form = await _database_form(hass, shop)
    await hass.config_entries.options.async_configure(form["flow_id"], {})
    await hass.async_block_till_done()
    assert async_shared(hass).url != url
    assert shop.options == {}


async def test_a_printer_without_developer_mode_is_added_all_the_same(
    hass: HomeAssistant, bambu: BambuSimulator
) -> None:
    """It can be watched; what it takes to command it is an issue, not an error."""
    bambu.wire.developer_mode = False
    form = await _menu(hass, "bambu")
    result = await _type(hass, form, host=bambu.host, access_code=CODE)
    assert result["type"] is FlowResultType.CREATE_ENTRY


def test_a_certificate_of_the_simulator_is_new_each_time() -> None:
    """Otherwise the tests of trust would prove nothing."""
    assert issue("S").fingerprint != issue("S").fingerprint
