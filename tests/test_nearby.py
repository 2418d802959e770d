"""Announcements wake lost lines and move printers, but only after the printer proved itself."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from functools import partial
from unittest.mock import MagicMock, patch

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import HomeAssistant
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, DOMAIN
from custom_components.printernizer.engine.drivers import discovery
from custom_components.printernizer.engine.drivers.bambu.driver import BambuDriver
from custom_components.printernizer.engine.drivers.discovery import (
    Announcement,
    from_datagram,
    listening,
)
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.nearby import (
    QUIET_S,
    async_bambu_nearby,
    async_listener,
    label_of,
)
from custom_components.printernizer.runtime import async_get_workshop
from tests.simulators.bambu import BambuSimulator

SERIAL, CODE = "03919C4A0100321", "12345678"

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")


def _notify(serial: str = SERIAL, host: str = "127.0.0.1", **headers: str) -> bytes:
    lines = {
        "Host": "239.255.255.250:1990",
        "Location": host,
        "NT": "urn:bambulab-com:device:3dprinter:1",
        "NTS": "ssdp:alive",
        "USN": serial,
        "DevModel.bambu.com": "N2S",
        "DevName.bambu.com": "Blue",
        **headers,
    }
    return "\r\n".join(
        ["NOTIFY * HTTP/1.1", *(f"{key}: {value}" for key, value in lines.items()), "", ""]
    ).encode()


@pytest.fixture(autouse=True)
def port(socket_enabled: None, monkeypatch: pytest.MonkeyPatch) -> int:
    """Listen on this machine only, at a port that nobody else announces to."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        free: int = probe.getsockname()[1]
    real = discovery.listening
    monkeypatch.setattr(
        "custom_components.printernizer.nearby.listening",
        partial(real, host="127.0.0.1", port=free),
    )
    return free


@pytest.fixture
async def bambu() -> AsyncIterator[BambuSimulator]:
    """Give a Bambu A1 on 127.0.0.1."""
    machine = VirtualMachine(time.monotonic, serial=SERIAL)
    async with BambuSimulator(machine, interval_s=0.05, ftps=False, camera=False) as simulator:
        driver = partial(BambuDriver, mqtt_port=simulator.mqtt_port)
        with patch("custom_components.printernizer.engine.drivers.registry.BambuDriver", driver):
            yield simulator


def _entry(
    hass: HomeAssistant, simulator: BambuSimulator, host: str = "127.0.0.1"
) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Blue",
        unique_id=SERIAL,
        data={
            CONF_KIND: "bambu",
            "host": host,
            "access_code": CODE,
            "serial": SERIAL,
            "fingerprint": simulator.fingerprint,
        },
    )
    entry.add_to_hass(hass)
    return entry


def _shout(port: int, *datagrams: bytes) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as mouth:
        for datagram in datagrams:
            mouth.sendto(datagram, ("127.0.0.1", port))


async def _until(condition: object) -> None:
    assert callable(condition)
    async with asyncio.timeout(10):
        while not condition():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    "datagram",
    [
        b"",
        b"\xff" * 100,
        b"x" * 5000,
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        _notify(NT="urn:schemas-upnp-org:device:basic:1"),
        _notify(NTS="ssdp:byebye"),
        _notify(serial="../../etc/passwd"),
        _notify(host="http://evil.example/"),
        b"NOTIFY * HTTP/1.1\r\nno colon at all\r\n",
    ],
)
def test_whatever_else_is_sent_to_the_port_is_no_printer(datagram: bytes) -> None:
    """Anybody in the network can send anything."""
    assert from_datagram(datagram) is None


def test_an_announcement_tells_serial_address_model_and_name() -> None:
    """It is what people recognise their printer by."""
    heard = from_datagram(_notify())
    assert heard == Announcement(serial=SERIAL, host="127.0.0.1", model="A1", name="Blue")
    assert label_of(heard) == "Blue (127.0.0.1)"
    nameless = from_datagram(_notify(**{"DevName.bambu.com": "\x07", "DevModel.bambu.com": "?"}))
    assert nameless is not None
    assert label_of(nameless) == f"{SERIAL} (127.0.0.1)"


async def test_the_form_hears_each_printer_once(hass: HomeAssistant, port: int) -> None:
    """Printers repeat themselves every five seconds."""
    search = asyncio.create_task(async_bambu_nearby(hass, 0.3))
    await asyncio.sleep(0.1)
    _shout(port, _notify(), _notify(), _notify("01P0TEST0000001"), b"noise")
    assert [found.serial for found in await search] == ["01P0TEST0000001", SERIAL]


async def test_a_port_that_cannot_be_had_means_typing_by_hand(hass: HomeAssistant) -> None:
    """Some hosts forbid it; the form must come up all the same."""
    with patch.object(discovery, "_socket", side_effect=OSError(13, "Permission denied")):
        assert await async_bambu_nearby(hass, 0) == ()
        with pytest.raises(Unreachable):
            async with listening(print):
                pass
        await async_listener(hass).start()
    assert not async_listener(hass).listens


async def test_an_address_that_is_not_ours_leaves_no_socket_behind() -> None:
    """A leaked socket per try would end the process after a night."""
    with pytest.raises(Unreachable):
        async with listening(print, host="127.0.0.1.invalid", port=0):
            pass


async def test_a_network_without_multicast_still_hears_broadcasts(
    monkeypatch: pytest.MonkeyPatch, port: int
) -> None:
    """Containers often have none."""
    monkeypatch.setattr(discovery, "_GROUP", "127.0.0.1")
    heard: list[Announcement] = []
    async with listening(heard.append, host="127.0.0.1", port=port):
        _shout(port, _notify())
        await _until(lambda: heard)


async def test_two_may_listen_at_the_same_port(port: int) -> None:
    """A slicer on the same machine listens too."""
    async with (
        listening(print, host="127.0.0.1", port=port) as one,
        listening(print, host="127.0.0.1", port=port) as two,
    ):
        assert one == two == port


async def test_a_printer_that_returns_is_connected_at_once(
    hass: HomeAssistant, bambu: BambuSimulator, port: int
) -> None:
    """Nobody wants to wait out a back-off after switching a printer on.

    One that went on announcing itself, and yet lets nobody in, must not be tried at each.
    """
    entry = _entry(hass, bambu)
    assert await hass.config_entries.async_setup(entry.entry_id)
    link = async_get_workshop(hass).fleet[SERIAL]
    listener = async_listener(hass)
    with patch.object(link, "nudge") as nudge:
        _shout(port, _notify())
        await _until(lambda: SERIAL in listener.heard_at)
        nudge.assert_not_called()
        await bambu.kill()
        await _until(lambda: link.session is None)
        before = listener.heard_at[SERIAL]
        _shout(port, _notify("01P0TEST0000001"), _notify())
        await _until(lambda: listener.heard_at[SERIAL] > before)
        nudge.assert_not_called()
        listener.heard_at[SERIAL] -= QUIET_S
        _shout(port, _notify())
        await _until(lambda: nudge.called)
    await bambu.revive()
    listener.heard_at[SERIAL] -= QUIET_S
    _shout(port, _notify())
    await _until(lambda: link.session is not None)


async def test_a_printer_that_was_off_at_the_start_is_set_up_as_soon_as_it_speaks(
    hass: HomeAssistant, bambu: BambuSimulator, port: int
) -> None:
    """Home Assistant starts at night, the printer in the morning."""
    entry = _entry(hass, bambu)
    await bambu.kill()
    assert not await hass.config_entries.async_setup(entry.entry_id)
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await bambu.revive()
    _shout(port, _notify())
    await _until(lambda: entry.state is ConfigEntryState.LOADED)
    await hass.async_block_till_done()


async def test_a_new_address_is_taken_once_the_printer_there_has_shown_its_certificate(
    hass: HomeAssistant, bambu: BambuSimulator, port: int
) -> None:
    """Routers give new addresses; people should not have to type them."""
    entry = _entry(hass, bambu, host="127.0.0.2")
    with patch("custom_components.printernizer.nearby.async_probe") as probe:
        hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "127.0.0.1"})
        await bambu.kill()
        assert not await hass.config_entries.async_setup(entry.entry_id)
        hass.config_entries.async_update_entry(entry, data={**entry.data, "host": "127.0.0.2"})
        probe.return_value = MagicMock()
        _shout(port, _notify(host="127.0.0.3"), _notify(host="127.0.0.3"))
        await _until(lambda: probe.called)
        await hass.async_block_till_done(wait_background_tasks=True)
    assert entry.data["host"] == "127.0.0.2", "what did not prove itself is not followed"
    assert entry.state is ConfigEntryState.SETUP_RETRY
    await bambu.revive()
    _shout(port, _notify())
    await _until(lambda: entry.data["host"] == "127.0.0.1")
    await _until(lambda: entry.state is ConfigEntryState.LOADED)
    await hass.async_block_till_done(wait_background_tasks=True)


async def test_nobody_listens_once_the_last_bambu_has_gone(
    hass: HomeAssistant, bambu: BambuSimulator, port: int
) -> None:
    """An open port without a purpose is a question from every administrator."""
    entry = _entry(hass, bambu)
    assert await hass.config_entries.async_setup(entry.entry_id)
    listener = async_listener(hass)
    await listener.start()
    assert listener.listens
    await hass.config_entries.async_unload(entry.entry_id)
    await hass.async_block_till_done()
    assert not listener.listens
    listener.heard(Announcement(serial=SERIAL, host="127.0.0.1"))
    assert await hass.config_entries.async_setup(entry.entry_id)
    assert listener.listens
    hass.bus.async_fire(EVENT_HOMEASSISTANT_STOP)
    await hass.async_block_till_done()
    assert not listener.listens
