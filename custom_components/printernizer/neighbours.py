"""Which network card answers at an address, as the operating system knows it.

Home Assistant's DHCP integration names a printer's next address by the MAC of its device. It
reports cards of known makers and of known devices only; a Bambu Lab printer has a bought-in card,
so its MAC has to be learnt here, right after the printer was spoken to.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.device_registry as dr
from homeassistant.const import CONF_MAC
from homeassistant.core import callback

from .addresses import host_of
from .const import DOMAIN

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import HomeAssistant

ARP: Final = Path("/proc/net/arp")
"""The kernel's table of IPv4 neighbours; its columns are those of proc(5)."""
_NOBODY: Final = "00:00:00:00:00:00"
"""Stands there while a neighbour has not answered."""


def mac_at(host: str) -> str | None:
    """Return the MAC behind an IPv4 address of this network; None where that is not known.

    Blocking. A printer behind a router, or known by name only, has none that we could see.
    """
    try:
        rows = ARP.read_text(encoding="ascii", errors="replace").splitlines()[1:]
    except OSError:
        return None
    for columns in map(str.split, rows):
        if len(columns) > 3 and columns[0] == host and columns[3] != _NOBODY:
            return dr.format_mac(columns[3])
    return None


async def async_learn_mac(hass: HomeAssistant, entry: ConfigEntry[Any]) -> None:
    """Keep the MAC of a printer that has just answered."""
    host = host_of(entry.data)
    mac = await hass.async_add_executor_job(mac_at, host) if host is not None else None
    if mac is not None:
        async_keep_mac(hass, entry, mac)


@callback
def async_keep_mac(hass: HomeAssistant, entry: ConfigEntry[Any], mac: str) -> None:
    """Note the MAC of a known printer: by it the network will name its next address.

    mac: as `format_mac` writes it.
    """
    if entry.data.get(CONF_MAC) != mac:
        hass.config_entries.async_update_entry(entry, data={**entry.data, CONF_MAC: mac})
    registry = dr.async_get(hass)
    if entry.unique_id is not None and (
        device := registry.async_get_device_by_identifier((DOMAIN, entry.unique_id), entry.entry_id)
    ):
        registry.async_update_device(
            device.id, merge_connections={(dr.CONNECTION_NETWORK_MAC, mac)}
        )
