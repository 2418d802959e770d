"""Printers that show themselves on the network: by mDNS, SSDP or when they ask for an address.

What is heard is a hint and no proof: an address is taken over only where the network itself
names the printer (its MAC), and everything else asks the user for the key first.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, Any

import homeassistant.helpers.device_registry as dr
from homeassistant.config_entries import ConfigFlow, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_MAC, CONF_PORT

from .const import CONF_KIND, CONF_SERIAL
from .engine.drivers.prusalink.announcement import from_zeroconf
from .engine.drivers.registry import PrinterKind
from .nearby import from_ssdp
from .neighbours import async_keep_mac

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
    from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
    from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

    from .engine.drivers.discovery import Announcement


class DiscoveryFlow(ConfigFlow):
    """The steps that the network starts. The key is asked for in `confirm_…`."""

    def __init__(self) -> None:
        self._suggested: dict[str, Any] = {}
        """What is known before the user has typed anything."""
        self._heard: list[Announcement] = []

    @abstractmethod
    async def _try(self, step: str, settings: dict[str, Any]) -> ConfigFlowResult:
        """Ask the printer and end the flow, or show the step's form again."""

    @abstractmethod
    def _form(
        self,
        step: str,
        kind: PrinterKind,
        settings: Mapping[str, Any],
        errors: dict[str, str] | None = None,
    ) -> ConfigFlowResult:
        """Show the form of a step."""

    async def async_step_ssdp(self, discovery_info: SsdpServiceInfo) -> ConfigFlowResult:
        """Take a Bambu printer that announced itself where Home Assistant listens."""
        found = from_ssdp(discovery_info)
        if found is None:
            return self.async_abort(reason="not_a_printer")
        await self.async_set_unique_id(found.serial)
        for entry in self._async_current_entries(include_ignore=True):
            if entry.unique_id == found.serial:
                # Announcements are not signed: `announcements.py` proves a new address first.
                return self.async_abort(reason="already_configured")
        self._suggested = {CONF_HOST: found.host, CONF_SERIAL: found.serial}
        return await self._greet(PrinterKind.BAMBU, found.name or found.model or found.serial)

    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Take a PrusaLink. It does not say its serial; until it does, its address names it."""
        found = from_zeroconf(
            discovery_info.type, discovery_info.name, discovery_info.host, discovery_info.port
        )
        if found is None:
            return self.async_abort(reason="not_a_printer")
        self._async_abort_entries_match({CONF_HOST: found.host})
        self._async_abort_entries_match({CONF_HOST: discovery_info.hostname.rstrip(".")})
        await self._claim_address(found.host)
        self._suggested = {CONF_HOST: found.host}
        if found.port != 80:
            self._suggested[CONF_PORT] = found.port
        return await self._greet(PrinterKind.PRUSALINK, found.name)

    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Follow a printer we know to its new address, or take a Prusa we do not know."""
        mac = dr.format_mac(discovery_info.macaddress)
        for entry in self._async_current_entries(include_ignore=False):
            if entry.data.get(CONF_MAC) == mac:
                return self.async_update_reload_and_abort(
                    entry,
                    data_updates={CONF_HOST: discovery_info.ip},
                    reason="already_configured",
                    reload_even_if_entry_is_unchanged=False,
                )
            if entry.data.get(CONF_HOST) in {discovery_info.ip, discovery_info.hostname}:
                async_keep_mac(self.hass, entry, mac)
                return self.async_abort(reason="already_configured")
        await self._claim_address(discovery_info.ip)
        self._suggested = {CONF_HOST: discovery_info.ip, CONF_MAC: mac}
        return await self._greet(PrinterKind.PRUSALINK, discovery_info.hostname)

    async def async_step_confirm_bambu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the access code of a printer that was found."""
        return await self._confirm(PrinterKind.BAMBU, user_input)

    async def async_step_confirm_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the password of a printer that was found."""
        return await self._confirm(PrinterKind.PRUSALINK, user_input)

    async def _greet(self, kind: PrinterKind, name: str) -> ConfigFlowResult:
        self.context["title_placeholders"] = {"name": name}
        return await self._confirm(kind, None)

    async def _confirm(
        self, kind: PrinterKind, typed: Mapping[str, Any] | None
    ) -> ConfigFlowResult:
        step = f"confirm_{kind}"
        if typed is None:
            return self._form(step, kind, self._suggested)
        return await self._try(step, {**self._suggested, CONF_KIND: kind.value, **typed})

    async def _claim_address(self, host: str) -> None:
        """Let mDNS and DHCP make one discovery of one printer, not two."""
        await self.async_set_unique_id(f"address_{host}")
        self._abort_if_unique_id_configured()
