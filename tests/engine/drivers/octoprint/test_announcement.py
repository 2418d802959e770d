"""OctoPrints heard on the network, and others that sound like one."""

from __future__ import annotations

from typing import Any

import pytest

from custom_components.printernizer.engine.drivers.octoprint.announcement import (
    SERVICE,
    OctoPrintAnnouncement,
    from_ssdp,
    from_zeroconf,
)

UUID = "623bec92-88b4-4571-be15-d9d2d37b8a79"
NAME = f"OctoPrint instance on octopi.{SERVICE}"


@pytest.mark.parametrize(
    ("name", "host", "port", "properties", "expected"),
    [
        (NAME, "192.0.2.4", 80, {"path": "/", "uuid": UUID, "version": "1.11.8"},
         ("http://192.0.2.4", UUID, "octopi")),
        (f'OctoPrint instance "Left one".{SERVICE}', "192.0.2.4", 5000,
         {"path": "/octoprint/", "uuid": None},
         ("http://192.0.2.4:5000/octoprint", None, "Left one")),
        (NAME, "fe80::1", 443, {}, ("https://[fe80::1]", None, "octopi")),
        (NAME, "octopi.local", None, {"path": "/../x", "uuid": "not a uuid!"},
         ("http://octopi.local", None, "octopi")),
        (f"Workshop.{SERVICE}", "h", 80, {"path": 3, "uuid": 7}, ("http://h", None, "Workshop")),
        (f".{SERVICE}", "h", 80, {}, ("http://h", None, "h")),
    ],
)  # fmt: skip
def test_a_record_says_where_one_is(
    name: str, host: str, port: int | None, properties: dict[str, Any],
    expected: tuple[str, str | None, str],
) -> None:  # fmt: skip
    url, serial, shown = expected
    assert from_zeroconf(SERVICE, name, host, port, properties) == OctoPrintAnnouncement(
        url=url, serial=serial, name=shown
    )


@pytest.mark.parametrize(
    ("kind", "name", "host"),
    [
        (SERVICE, f"PrusaLink at prusa.{SERVICE}", "192.0.2.4"),
        ("_http._tcp.local.", "OctoPrint instance on octopi._http._tcp.local.", "192.0.2.4"),
        (SERVICE, NAME, ""),
    ],
)
def test_what_is_none_is_passed_over(kind: str, name: str, host: str) -> None:
    assert from_zeroconf(kind, name, host, 80, {}) is None


DESCRIPTION = {
    "manufacturer": "The OctoPrint Project",
    "friendlyName": "OctoPrint instance on octopi",
    "UDN": f"uuid:{UUID}",
    "presentationURL": "http://127.0.0.1:5000/",
}


def test_a_description_says_where_one_is() -> None:
    """Its own address may be that of its house: where it was fetched counts."""
    found = from_ssdp("http://192.0.2.4:5000/octo/plugin/discovery/discovery.xml", DESCRIPTION)
    assert found == OctoPrintAnnouncement(
        url="http://192.0.2.4:5000/octo", serial=UUID, name="octopi"
    )


def test_a_description_without_names_has_the_host_for_one() -> None:
    found = from_ssdp(
        "https://[fe80::1]/plugin/discovery/discovery.xml",
        {"manufacturer": "The OctoPrint Project", "friendlyName": 3},
    )
    assert found == OctoPrintAnnouncement(url="https://[fe80::1]", serial=None, name="fe80::1")


@pytest.mark.parametrize(
    ("location", "upnp"),
    [
        (None, DESCRIPTION),
        ("http://h/plugin/discovery/discovery.xml", {**DESCRIPTION, "manufacturer": "Philips"}),
        ("http://h/description.xml", DESCRIPTION),
        ("ftp://h/plugin/discovery/discovery.xml", DESCRIPTION),
        ("http://h:port/plugin/discovery/discovery.xml", DESCRIPTION),
        ("http://h/a b/plugin/discovery/discovery.xml", DESCRIPTION),
    ],
)
def test_a_description_of_something_else_is_passed_over(
    location: str | None, upnp: dict[str, Any]
) -> None:
    assert from_ssdp(location, upnp) is None
