"""Where a printer is, whichever way its kind keeps that: as a host, or as a whole URL."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

from homeassistant.const import CONF_HOST, CONF_URL

from .engine.drivers.whereabouts import at_host, host_in

if TYPE_CHECKING:
    from collections.abc import Mapping


def host_of(settings: Mapping[str, Any]) -> str | None:
    """Return the host name or IP address of a printer; None for one that has no address."""
    if (url := settings.get(CONF_URL)) is not None:
        return host_in(url)
    return settings.get(CONF_HOST)


def moved_to(settings: Mapping[str, Any], address: str) -> dict[str, str]:
    """Return what changes in a printer's settings when its machine has another IP address.

    Nothing for a URL with a name in it: names follow by themselves, and certificates are made out
    to them.
    """
    if (url := settings.get(CONF_URL)) is None:
        return {CONF_HOST: address}
    try:
        ip_address(host_of(settings) or "")
    except ValueError:
        return {}
    return {CONF_URL: at_host(url, address)}
