"""What a Moonraker says of itself on the network (mDNS), as "a Moonraker at this address".

It does so only with `[zeroconf]` in its configuration. Anybody can announce anything: what is
read here is a hint where to look, never a proof of who is there.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ...names import without_tricks

if TYPE_CHECKING:
    from collections.abc import Mapping

SERVICE: Final = "_moonraker._tcp.local."
_LONGEST: Final = 255
_UUID: Final = re.compile(r"[0-9a-fA-F-]{32,36}")
_PREFIX: Final = re.compile(r"[A-Za-z0-9._~/-]{0,100}")


@dataclass(frozen=True, kw_only=True, slots=True)
class MoonrakerAnnouncement:
    """A Moonraker that says it is there."""

    url: str
    """Base address, without a slash at its end."""
    serial: str | None
    """Its instance id, lower case without dashes."""
    name: str
    """For people."""


def from_zeroconf(
    kind: str, name: str, host: str, port: int | None, properties: Mapping[str, str | None]
) -> MoonrakerAnnouncement | None:
    """Read one record, or return None when it is not a Moonraker.

    kind: "_moonraker._tcp.local."; name: the full instance name, which ends in it.
    """
    if kind.lower() != SERVICE or not host or not port or not 0 < port < 65536:
        return None
    instance = name[:_LONGEST].removesuffix(f".{kind}")
    shown = without_tricks(instance).strip()
    said = (properties.get("uuid") or "").strip()
    prefix = (properties.get("route_prefix") or "").strip().strip("/")
    if not _PREFIX.fullmatch(prefix) or ".." in prefix:
        prefix = ""
    bare = f"[{host}]" if ":" in host else host
    return MoonrakerAnnouncement(
        url=f"http://{bare}:{port}" + (f"/{prefix}" if prefix else ""),
        serial=said.replace("-", "").lower() if _UUID.fullmatch(said) else None,
        name=shown or host,
    )
