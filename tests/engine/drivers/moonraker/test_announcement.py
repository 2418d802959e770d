"""What a Moonraker says of itself by mDNS, and what anybody else may say."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.moonraker.announcement import (
    SERVICE,
    from_zeroconf,
)

UUID = "c5ad4bd1-9a0d-4f4b-ab1c-0e3a0a9b8f11"


def test_an_announcement_tells_address_prefix_and_id() -> None:
    found = from_zeroconf(
        SERVICE,
        f"Moonraker-voron.{SERVICE}",
        "192.0.2.7",
        7125,
        {"uuid": UUID, "route_prefix": "/printer1/", "version": "v0.9", "https_port": ""},
    )
    assert found is not None
    assert found.url == "http://192.0.2.7:7125/printer1"
    assert found.serial == UUID.replace("-", "")
    assert found.name == "Moonraker-voron"


def test_an_announcement_may_say_nothing_of_itself() -> None:
    found = from_zeroconf(SERVICE, f".{SERVICE}", "fe80::1", 7125, {"uuid": None})
    assert found is not None
    assert (found.url, found.serial, found.name) == ("http://[fe80::1]:7125", None, "fe80::1")


@pytest.mark.parametrize(
    ("kind", "host", "port"),
    [("_octoprint._tcp.local.", "h", 80), (SERVICE, "", 80), (SERVICE, "h", None),
     (SERVICE, "h", 0), (SERVICE, "h", 70000)],
)  # fmt: skip
def test_what_is_no_moonraker_is_none(kind: str, host: str, port: int | None) -> None:
    assert from_zeroconf(kind, f"x.{kind}", host, port, {}) is None


@pytest.mark.parametrize("prefix", ["../x", "a b", "x?y", "@evil", "x" * 300])
def test_a_prefix_that_is_none_is_left_out(prefix: str) -> None:
    found = from_zeroconf(SERVICE, "x", "h", 7125, {"route_prefix": prefix, "uuid": "junk"})
    assert found is not None
    assert found.url == "http://h:7125"
    assert found.serial is None
