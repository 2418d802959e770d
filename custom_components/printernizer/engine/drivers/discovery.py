"""Bambu Lab printers announcing themselves on the local network.

A printer sends NOTIFY datagrams to UDP 2021 every 5 to 30 s, in the form of SSDP but with a
bare serial as USN and a bare address as Location. Anybody can send one: what is read here is a
hint where to look, never a proof of who is there.
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, override

from ..errors import Unreachable
from .bambu.models import by_code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

BAMBU_TYPE: Final = "urn:bambulab-com:device:3dprinter:1"
BAMBU_PORT: Final = 2021
_GROUP: Final = "239.255.255.250"
_LONGEST: Final = 4096
_LONGEST_NAME: Final = 64
_MOST_LINES: Final = 64
_SERIAL: Final = re.compile(r"[0-9A-Za-z]{8,32}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """A Bambu Lab printer that says it is there."""

    serial: str
    host: str
    """IP address."""
    model: str | None = None
    """Name of the product, as far as it is known."""
    name: str | None = None
    """The name its owner gave it."""


def from_datagram(datagram: bytes) -> Announcement | None:
    """Read one datagram, or return None when it announces no Bambu printer.

    Both forms count: the NOTIFY a printer sends by itself and its answer to a search.
    """
    if len(datagram) > _LONGEST:
        return None
    first, *lines = datagram.decode("utf-8", "replace").splitlines()[:_MOST_LINES] or [""]
    if not first.startswith(("NOTIFY", "HTTP/1.1 200")):
        return None
    headers: dict[str, str] = {}
    for line in lines:
        key, colon, value = line.partition(":")
        if colon:
            headers[key.strip().lower()] = value.strip()
    kind = headers.get("nt") or headers.get("st")
    if kind != BAMBU_TYPE or headers.get("nts", "ssdp:alive").lower() != "ssdp:alive":
        return None
    return from_headers(headers)


def from_headers(headers: Mapping[str, str]) -> Announcement | None:
    """Read the headers of an announcement; their names in lower case."""
    serial, host = headers.get("usn", ""), headers.get("location", "")
    if not _SERIAL.fullmatch(serial):
        return None
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return None
    name = "".join(c for c in headers.get("devname.bambu.com", "") if c.isprintable())
    return Announcement(
        serial=serial,
        host=host,
        model=by_code(headers.get("devmodel.bambu.com")).product,
        name=name.strip()[:_LONGEST_NAME] or None,
    )


class _Ear(asyncio.DatagramProtocol):
    def __init__(self, heard: Callable[[Announcement], None]) -> None:
        self._heard = heard

    @override
    def datagram_received(self, data: bytes, addr: tuple[str | object, int]) -> None:
        announcement = from_datagram(data)
        if announcement is not None:
            self._heard(announcement)


@asynccontextmanager
async def listening(
    heard: Callable[[Announcement], None], *, host: str = "", port: int = BAMBU_PORT
) -> AsyncIterator[int]:
    """Call `heard` with every announcement while the block runs; yields the port.

    The port is shared with slicers on the same machine. Raises Unreachable when it cannot be had.
    """
    try:
        ear = _socket(host, port)
    except OSError as err:
        raise Unreachable(f"cannot listen on UDP {port}: {err.strerror}") from err
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Ear(heard), sock=ear
    )
    try:
        yield ear.getsockname()[1]
    finally:
        transport.close()


def _socket(host: str, port: int) -> socket.socket:
    ear = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        ear.setblocking(False)
        ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if hasattr(socket, "SO_REUSEPORT"):
            ear.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        ear.bind((host, port))
        _join(ear)
    except BaseException:
        ear.close()
        raise
    return ear


def _join(ear: socket.socket) -> None:
    """Hear the multicast form too, where the machine has a network that carries it."""
    member = socket.inet_aton(_GROUP) + socket.inet_aton("0.0.0.0")  # noqa: S104 - any interface
    try:
        ear.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, member)
    except OSError:
        return
