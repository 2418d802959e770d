"""A Prusa on the network is found, and nothing else is taken for one."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.prusalink.announcement import (
    SERVICE,
    Announcement,
    from_zeroconf,
)


def test_the_firmware_announces_itself_under_its_host_name() -> None:
    assert from_zeroconf(SERVICE, f"prusa-core-one.{SERVICE}", "192.0.2.7", 80) == Announcement(
        host="192.0.2.7", port=80, name="prusa-core-one"
    )


@pytest.mark.parametrize("service", ["_octoprint._tcp.local.", "_http._tcp.local.", SERVICE])
def test_the_daemon_is_known_under_all_three_services(service: str) -> None:
    """Otherwise its owner is offered an OctoPrint that is none."""
    found = from_zeroconf(service, f"PrusaLink at workshop.{service}", "192.0.2.8", 8080)
    assert found == Announcement(host="192.0.2.8", port=8080, name="workshop")


def test_another_web_server_is_no_prusa() -> None:
    for service in ("_octoprint._tcp.local.", "_http._tcp.local.", "_ipp._tcp.local."):
        assert from_zeroconf(service, f"OctoPi.{service}", "192.0.2.9", 80) is None


def test_a_record_without_an_address_is_dropped_and_one_without_a_port_means_80() -> None:
    assert from_zeroconf(SERVICE, f"x.{SERVICE}", "", 80) is None
    found = from_zeroconf(SERVICE, f".{SERVICE}", "192.0.2.7", None)
    assert found is not None
    assert (found.port, found.name) == (80, "192.0.2.7")
