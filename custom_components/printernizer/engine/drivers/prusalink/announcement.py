"""What a PrusaLink says of itself on the network (mDNS), as "a Prusa at this address".

The firmware announces `_prusalink._tcp` with no TXT items, and only while PrusaLink is switched
on. The Raspberry Pi daemon announces itself three times, also as `_octoprint._tcp` and
`_http._tcp`, each time named "PrusaLink at <host>": `from_zeroconf` knows it under all of them,
so that it is not taken for an OctoPrint.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERVICE: Final = "_prusalink._tcp.local."
_ALSO: Final = frozenset({"_octoprint._tcp.local.", "_http._tcp.local."})
_PI_NAME: Final = "prusalink at "
_LONGEST: Final = 255


@dataclass(frozen=True, kw_only=True, slots=True)
class Announcement:
    """A PrusaLink heard on the network. It does not say its serial: that takes the key."""

    host: str
    """IP address or host name, without brackets."""
    port: int
    name: str
    """For people: the instance's name, e.g. "prusa-core-one"."""


def from_zeroconf(
    service_type: str, name: str, host: str, port: int | None = None
) -> Announcement | None:
    """Read one record, or return None when it is not a PrusaLink.

    service_type: e.g. "_prusalink._tcp.local."; name: the full instance name, which ends in it.
    """
    kind = service_type.lower()
    instance = name[:_LONGEST].removesuffix(f".{service_type}").strip()
    pi = instance.lower().startswith(_PI_NAME)
    if not host or not (kind == SERVICE or (kind in _ALSO and pi)):
        return None
    shown = instance[len(_PI_NAME) :].strip() if pi else instance
    return Announcement(host=host, port=port or 80, name=shown or host)
