"""By its MAC a printer is found again; a wrong one would send us to somebody else."""

from __future__ import annotations

from pathlib import Path

import pytest

from custom_components.printernizer import neighbours
from custom_components.printernizer.neighbours import mac_at

TABLE = """\
IP address       HW type     Flags       HW address            Mask     Device
192.0.2.10       0x1         0x2         AC:DE:48:00:11:22     *        eth0
192.0.2.11       0x1         0x0         00:00:00:00:00:00     *        eth0
192.0.2.1
"""


@pytest.fixture
def arp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    table = tmp_path / "arp"
    table.write_text(TABLE)
    monkeypatch.setattr(neighbours, "ARP", table)
    return table


@pytest.mark.parametrize(
    ("host", "mac"),
    [
        ("192.0.2.10", "ac:de:48:00:11:22"),
        ("192.0.2.11", None),
        ("192.0.2.1", None),
        ("192.0.2.99", None),
        ("printer.local", None),
    ],
)
def test_only_a_neighbour_that_has_answered_has_a_mac(
    arp: Path, host: str, mac: str | None
) -> None:
    assert mac_at(host) == mac


def test_where_there_is_no_table_there_is_no_mac(arp: Path) -> None:
    """On systems that are no Linux nothing is learnt, and nothing breaks."""
    arp.unlink()
    assert mac_at("192.0.2.10") is None
