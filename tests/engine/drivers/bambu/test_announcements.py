"""What printers call out, real and hostile."""

from __future__ import annotations

import asyncio
import re
from ipaddress import ip_address
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.drivers.discovery import (
    Announcement,
    from_datagram,
    listening,
)
from custom_components.printernizer.engine.errors import Unreachable
from tests.simulators.bambu import BambuSimulator
from tests.simulators.bambu_announcer import announce, datagram

from .test_line import SERIAL, machine

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "bambu" / "ssdp"


def simulator() -> BambuSimulator:
    return BambuSimulator(machine(name="Grüner A1"), "A1", ftps=False, camera=False)


async def test_a_printer_that_calls_out_is_heard() -> None:
    heard: list[Announcement] = []
    here = asyncio.Event()

    def take(announcement: Announcement) -> None:
        heard.append(announcement)
        here.set()

    async with listening(take, host="127.0.0.1", port=0) as port:
        announce(simulator(), port)
        await asyncio.wait_for(here.wait(), 3)
    assert heard == [Announcement(serial=SERIAL, host="127.0.0.1", model="A1", name="Grüner A1")]


def test_case_line_ends_and_the_answer_to_a_search_do_not_matter() -> None:
    call = datagram(simulator())
    assert from_datagram(call.replace(b"\r\n", b"\n"))
    assert from_datagram(call.replace(b"USN", b"usn").replace(b"NT:", b"nt:"))
    answer = call.replace(b"NOTIFY * HTTP/1.1", b"HTTP/1.1 200 OK").replace(b"NT:", b"ST:")
    assert from_datagram(answer)


def test_a_farewell_and_strangers_are_not_printers() -> None:
    call = datagram(simulator())
    for other in (
        b"",
        b"M-SEARCH * HTTP/1.1\r\n\r\n",
        datagram(simulator(), alive=False),
        call.replace(b"bambulab", b"somebody"),
        datagram(simulator(), host="http://x/"),
        call.replace(SERIAL.encode(), b"../../etc"),
        call + b"x" * 9000,
    ):
        assert from_datagram(other) is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 400))
def test_no_datagram_breaks_the_listener(noise: bytes, at: int) -> None:
    """Anybody on the network can send one."""
    call = datagram(simulator())
    for datagram_heard in (noise, call[:at] + noise + call[at:]):
        found = from_datagram(datagram_heard)
        if found is not None:
            # Whatever was let through goes into a form and an address: it must be fit for both.
            assert re.fullmatch(r"[A-Za-z0-9]{3,64}", found.serial)
            assert ip_address(found.host)


def test_recorded_calls_are_understood() -> None:
    if not FIXTURES.is_dir():
        pytest.skip("no recorded announcements here")
    found = [from_datagram(path.read_bytes()) for path in sorted(FIXTURES.glob("*.txt"))]
    assert [(item.model, item.host) for item in found if item] == [
        ("A1 mini", "192.0.2.10"),
        ("P1S", "192.0.2.11"),
    ]


async def test_an_address_that_is_not_ours_cannot_be_listened_on() -> None:
    with pytest.raises(Unreachable):
        async with listening(lambda _: None, host="203.0.113.7", port=0):
            pass
