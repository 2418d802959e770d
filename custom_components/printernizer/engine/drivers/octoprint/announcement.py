"""What an OctoPrint says of itself on the network, by mDNS and SSDP, as "one is at this address".

Anybody can say anything there: it is a hint where to look. The daemon of PrusaLink announces
itself as an OctoPrint too, and is left to its own reader.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from yarl import URL

from ...names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE: Final = "_octoprint._tcp.local."
MAKER: Final = "The OctoPrint Project"
"""Manufacturer in the SSDP description."""
_LONGEST: Final = 255
_UUID: Final = re.compile(r"[0-9A-Za-z-]{8,64}")
_PATH: Final = re.compile(r"(/[0-9A-Za-z_~-][0-9A-Za-z._~-]*)*/?")
_NOT_OURS: Final = ("prusalink at ",)
_NAMES: Final = re.compile(r'OctoPrint instance (?:"(?P<given>[^"]*)"|on (?P<host>\S+))')


@dataclass(frozen=True, kw_only=True, slots=True)
class OctoPrintAnnouncement:
    """An OctoPrint heard on the network."""

    url: str
    serial: str | None
    """Its uuid."""
    name: str
    """For people."""


def from_zeroconf(
    kind: str,
    name: str,
    host: str,
    port: int | None,
    properties: Mapping[str, object],
) -> OctoPrintAnnouncement | None:
    """Read one record, or return None when it is no OctoPrint.

    kind: e.g. "_octoprint._tcp.local."; name: the full instance name, which ends in it.
    host: address or host name, without brackets.
    """
    instance = _printable(name[:_LONGEST].removesuffix(f".{kind}"))
    if kind.lower() != SERVICE or not host or instance.lower().startswith(_NOT_OURS):
        return None
    path = properties.get("path")
    prefix = path.rstrip("/") if isinstance(path, str) and _PATH.fullmatch(path) else ""
    return _announcement(
        scheme="https" if port == 443 else "http",
        host=host,
        port=port or 80,
        prefix=prefix,
        uuid=properties.get("uuid"),
        name=instance,
    )


def from_ssdp(location: str | None, upnp: Mapping[str, object]) -> OctoPrintAnnouncement | None:
    """Read a device description (`friendlyName`, `UDN`, `presentationURL`), or return None.

    location: where the description was fetched. It is at the address that the server has for us.
    """
    if upnp.get("manufacturer") != MAKER or not location:
        return None
    try:
        read = URL(location[:2048])
        host, port = read.host, read.port
    except ValueError:
        return None
    path, ours, _ = read.raw_path.partition("/plugin/discovery/")
    if read.scheme not in {"http", "https"} or not host or port is None or not ours:
        return None
    if not _PATH.fullmatch(path):
        return None
    udn = upnp.get("UDN")
    name = upnp.get("friendlyName")
    return _announcement(
        scheme=read.scheme,
        host=host,
        port=port,
        prefix=path,
        uuid=udn.removeprefix("uuid:") if isinstance(udn, str) else None,
        name=_printable(name[:_LONGEST]) if isinstance(name, str) else "",
    )


def _announcement(
    *, scheme: str, host: str, port: int, prefix: str, uuid: object, name: str
) -> OctoPrintAnnouncement:
    shown = f"[{host}]" if ":" in host else host
    if port != (443 if scheme == "https" else 80):
        shown = f"{shown}:{port}"
    found = _NAMES.match(name)
    given = (found["given"] or found["host"]) if found else name
    return OctoPrintAnnouncement(
        url=f"{scheme}://{shown}{prefix}",
        serial=uuid if isinstance(uuid, str) and _UUID.fullmatch(uuid) else None,
        name=given or host,
    )


def _printable(name: str) -> str:
    return without_tricks(name).strip()
