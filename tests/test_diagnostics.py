"""A diagnostics file helps, and gives nobody away."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import pytest
from homeassistant.core import HomeAssistant
from homeassistant.setup import async_setup_component
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.printernizer.const import CONF_DATABASE_URL, CONF_KIND, DOMAIN
from custom_components.printernizer.diagnostics import redacted
from custom_components.printernizer.engine.drivers.bambu.driver import BambuDriver
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.library.mounts import untold
from custom_components.printernizer.engine.watched_folder import Hearing
from custom_components.printernizer.runtime import async_shop_entry
from tests.shop_floor import Floor, floor  # noqa: F401
from tests.simulators.bambu import BambuSimulator
from tests.simulators.moonraker import MoonrakerSimulator
from tests.simulators.octoprint import OctoPrintSimulator
from tests.simulators.prusalink import PrusaLinkSimulator

SERIAL, CODE, PASSWORD = "03919C4A0100321", "8f3kq2zx", "pRuSa-secret"


@pytest.fixture
async def bambu(socket_enabled: None) -> AsyncIterator[BambuSimulator]:
    """Give a Bambu on 127.0.0.1."""
    machine = VirtualMachine(time.monotonic, serial=SERIAL)
    async with BambuSimulator(
        machine, "X1C", CODE, interval_s=0.05, ftps=False, camera=False
    ) as simulator:
        driver = partial(BambuDriver, mqtt_port=simulator.mqtt_port)
        with patch("custom_components.printernizer.engine.drivers.registry.BambuDriver", driver):
            yield simulator


async def _set_up(hass: HomeAssistant, **data: Any) -> MockConfigEntry:
    entry = MockConfigEntry(
        domain=DOMAIN, title="Annas Drucker", unique_id=data["serial"], data=data
    )
    entry.add_to_hass(hass)
    assert await async_setup_component(hass, "diagnostics", {})
    assert await hass.config_entries.async_setup(entry.entry_id)
    await hass.async_block_till_done()
    return entry


async def test_no_secret_given_to_a_bambu_comes_out_again(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    bambu: BambuSimulator,
    hass_client: ClientSessionGenerator,
) -> None:
    """People attach this file to public issues."""
    entry = await _set_up(
        hass,
        kind="bambu",
        host=bambu.host,
        access_code=CODE,
        serial=SERIAL,
        fingerprint=bambu.fingerprint,
    )
    facts = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    text = json.dumps(facts).lower()
    for secret in (CODE, SERIAL, bambu.fingerprint, bambu.host, "annas drucker"):
        assert secret.lower() not in text
    assert facts["line"]["up"] is True
    assert facts["entry"][CONF_KIND] == "bambu"
    assert facts["status"]["state"] == "idle"
    assert facts["parts"]["control"] is True
    assert facts["transcript"]


async def test_no_secret_given_to_a_prusa_comes_out_again(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    hass_client: ClientSessionGenerator,
) -> None:
    """The password opens the printer to everybody in the network."""
    async with PrusaLinkSimulator(VirtualMachine(time.monotonic), password=PASSWORD) as simulator:
        from custom_components.printernizer.probe import Found, async_probe

        data = {
            CONF_KIND: "prusalink",
            "host": simulator.host,
            "port": simulator.port,
            "username": "maker",
            "password": PASSWORD,
        }
        found = await async_probe(hass, data)
        assert isinstance(found, Found)
        entry = await _set_up(hass, **data, serial=found.identity.serial)
        facts = await get_diagnostics_for_config_entry(hass, hass_client, entry)
        text = json.dumps(facts).lower()
        for secret in (PASSWORD, found.identity.serial, simulator.host, "annas drucker"):
            assert secret.lower() not in text
        assert await hass.config_entries.async_unload(entry.entry_id)


async def test_a_printer_that_is_gone_says_why(
    hass: HomeAssistant, floor: Floor, hass_client: ClientSessionGenerator
) -> None:
    """The file is asked for when something is wrong, not when all is well."""
    printer = await floor.add()
    assert await async_setup_component(hass, "diagnostics", {})
    await printer.begin()
    link = printer.coordinator.workshop.fleet[printer.machine.serial]
    link.session, link.error = None, Unreachable("cable of 10.1.2.3", key="no_reports")
    device = dr.async_get(hass).async_get(printer.device_id)
    assert isinstance(device, dr.DeviceEntry)
    facts: Any = await get_diagnostics_for_device(hass, hass_client, printer.entry, device)
    assert facts["line"] == {
        "up": False,
        "available": True,
        "error": "Unreachable",
        "error_key": "no_reports",
        "reason": "cable of **REDACTED**",
    }
    assert facts["transcript"] is None
    assert facts["job"]["state"] == "printing"
    assert "benchy" not in json.dumps(facts)


async def test_a_printer_that_could_not_be_set_up_says_why_too(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    enable_custom_integrations: None,
    socket_enabled: None,
) -> None:
    """That is when people are asked for the file."""
    assert await async_setup_component(hass, "diagnostics", {})
    entry = MockConfigEntry(
        domain=DOMAIN,
        title="Annas Drucker",
        unique_id="CZPX0000000001",
        data={"kind": "prusalink", "host": "127.0.0.1", "port": 1, "password": PASSWORD},
    )
    entry.add_to_hass(hass)
    assert not await hass.config_entries.async_setup(entry.entry_id)
    facts: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert facts["state"] == "setup_retry"
    assert facts["reason"]
    text = json.dumps(facts)
    for secret in (PASSWORD, "CZPX0000000001", "Annas Drucker", "127.0.0.1"):
        assert secret not in text


async def test_the_shop_does_not_tell_the_password_of_its_database(
    hass: HomeAssistant, floor: Floor, hass_client: ClientSessionGenerator
) -> None:
    """A database URL holds user and password."""
    await floor.add()
    assert await async_setup_component(hass, "diagnostics", {})
    shop = async_shop_entry(hass)
    assert isinstance(shop, object)
    assert shop is not None
    facts: Any = await get_diagnostics_for_config_entry(hass, hass_client, shop)  # type: ignore[arg-type]
    assert facts["database"] == "file"
    hass.config_entries.async_update_entry(
        shop, options={CONF_DATABASE_URL: "postgresql://u:hunter22@h/d"}
    )
    facts = await get_diagnostics_for_config_entry(hass, hass_client, shop)  # type: ignore[arg-type]
    assert facts["database"] == "url"
    assert "hunter22" not in json.dumps(facts)


def _listening() -> set[str]:
    """Return the numbers of the descriptors of this process that listen to folders."""
    told = [Path(entry.path) for entry in os.scandir("/proc/self/fd")]
    return {one.name for one in told if one.is_symlink() and "inotify" in str(one.readlink())}


async def test_the_shop_tells_how_its_folders_are_watched_and_not_where_they_are(
    hass: HomeAssistant, floor: Floor, hass_client: ClientSessionGenerator, tmp_path: Path
) -> None:
    """ "My files come late" is answered by the word that stands there; a path may name people."""
    share = tmp_path.resolve() / "Anna"
    share.mkdir()
    if untold(share) is not None:
        pytest.skip("the folder of the tests lies where nothing is told")
    printer = await floor.add()
    assert await async_setup_component(hass, "diagnostics", {})
    before = _listening()
    shop = async_shop_entry(hass)
    assert shop is not None
    hass.config.allowlist_external_dirs = {str(share)}
    hass.config_entries.async_update_entry(
        shop, options={**shop.options, "watched": {"folders": [{"path": str(share)}]}}
    )
    await hass.config_entries.async_reload(shop.entry_id)
    async with asyncio.timeout(10):
        while printer.coordinator.workshop.watching.hearing != (Hearing.TOLD,):
            await asyncio.sleep(0.01)
    (ours,) = _listening() - before
    facts: Any = await get_diagnostics_for_config_entry(hass, hass_client, shop)  # type: ignore[arg-type]
    assert facts["watched_folders"] == ["told"]
    await hass.config_entries.async_unload(printer.entry.entry_id)
    await printer.close_shop()
    assert ours not in _listening(), "nothing stays open"


def test_secrets_are_found_by_key_by_value_and_by_form() -> None:
    """A printer's answer has fields that nobody has seen before."""
    deep: Any = "bottom"
    for _ in range(60):
        deep = {"next": deep}
    facts = {
        "ip": "host-a",
        "net": ["192.168.4.20", "AA:BB:CC:DD:EE:FF", "anna@example.com"],
        "note": b"code S3CRET99 \xff",
        "S3CRET99": 1,
        "token": "",
        "nested": {"Token": "abc", "count": 2, "on": True, "none": None},
        "deep": deep,
    }
    clean = redacted(facts, frozenset({"s3cret99"}))
    text = json.dumps(clean)
    for secret in ("192.168", "AA:BB", "anna", "S3CRET", "abc", "host-a"):
        assert secret not in text
    assert clean["nested"]["count"] == 2
    assert clean["nested"]["on"] is True
    assert clean["nested"]["none"] is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("http://ada:pass@cam.local/stream", "http://**REDACTED**cam.local/stream"),
        ("GET /webcam?token=abc&x=1", "GET /webcam?**REDACTED**&x=1"),
        ("/?x=1&apikey=ABC#top", "/?x=1&**REDACTED**#top"),
        ("cannot open /home/ada/printer.cfg", "cannot open **REDACTED**"),
        ("from fe80::1ff:fe23:4567:890a", "from **REDACTED**"),
        ("from 2001:db8:0:0:1:0:0:1", "from **REDACTED**"),
        ("at 12:34:56 :: later", "at 12:34:56 :: later"),
        ("std::string", "std::string"),
    ],
)
def test_addresses_are_stripped_of_what_gives_somebody_away(said: str, shown: str) -> None:
    """Error texts and webcams carry whole addresses."""
    assert redacted({"note": said}, frozenset()) == {"note": shown}


PLANTED = {
    "key": "k3y-0f-the-0wner",
    "user": "ada.lovelace",
    "password": "pass-w0rd-x",
    "webcam": "cam-secret-77",
    "host": "192.168.77.3",
}


async def _told(
    hass: HomeAssistant, hass_client: ClientSessionGenerator, **data: Any
) -> tuple[dict[str, Any], str]:
    """Return the file of a printer that is up, and that of the same when it cannot be set up."""
    from custom_components.printernizer.probe import Found, async_probe

    found = await async_probe(hass, data)
    assert isinstance(found, Found)
    entry = await _set_up(hass, **data, serial=found.identity.serial)
    facts: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    assert facts["line"]["up"] is True
    assert facts["transcript"]
    assert await hass.config_entries.async_unload(entry.entry_id)
    away: Any = await get_diagnostics_for_config_entry(hass, hass_client, entry)
    return facts, json.dumps([facts, away]).lower()


async def test_no_secret_of_an_octoprint_comes_out_again(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    hass_client: ClientSessionGenerator,
) -> None:
    """Its key can send G-code and switch the machine off; its webcam looks into a room."""
    server = OctoPrintSimulator(
        VirtualMachine(time.monotonic), api_key=PLANTED["key"], user=PLANTED["user"]
    )
    cam = f"http://ada:{PLANTED['password']}@{PLANTED['host']}/?token={PLANTED['webcam']}"
    server.webcams = [{"name": "classic", "stream": cam, "snapshot": cam}]
    async with server:
        facts, text = await _told(
            hass, hass_client, kind="octoprint", url=server.url, api_key=PLANTED["key"]
        )
    assert facts["entry"]["kind"] == "octoprint"
    assert server.uuid is not None
    for secret in (*PLANTED.values(), server.uuid, "annas drucker", "127.0.0.1"):
        assert secret not in text


@pytest.mark.parametrize("way", ["key", "login"])
async def test_no_secret_of_a_moonraker_comes_out_again(
    hass: HomeAssistant,
    enable_custom_integrations: None,
    socket_enabled: None,
    hass_client: ClientSessionGenerator,
    way: str,
) -> None:
    """It tells paths, host names and addresses of webcams besides."""
    cam = f"http://ada:{PLANTED['password']}@{PLANTED['host']}/?token={PLANTED['webcam']}"
    server = MoonrakerSimulator(
        VirtualMachine(time.monotonic),
        api_key=PLANTED["key"],
        users={PLANTED["user"]: PLANTED["password"]},
        instance_id="7d3c6f1e2b4a49a0b1c2d3e4f5a6b7c8",
    )
    server.webcams = [
        {
            "name": "chamber",
            "enabled": True,
            "service": "mjpegstreamer",
            "stream_url": cam,
            "snapshot_url": cam,
        }
    ]
    secrets = (
        {"api_key": PLANTED["key"]}
        if way == "key"
        else {"username": PLANTED["user"], "password": PLANTED["password"]}
    )
    async with server:
        _, text = await _told(hass, hass_client, kind="moonraker", url=server.url, **secrets)
    for secret in (*PLANTED.values(), server.instance_id, "annas drucker", "127.0.0.1"):
        assert str(secret) not in text
