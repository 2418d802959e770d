"""Printers that show themselves on the network: by mDNS, SSDP or when they ask for an address.

What is heard is a hint and no proof: an address is taken over only where the network itself
names the printer (its MAC), and everything else asks the user first. A print server is asked who
it is before it is offered: Raspberry Pis announce a PrusaLink as an OctoPrint.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import homeassistant.helpers.device_registry as dr
from homeassistant.const import CONF_HOST, CONF_MAC, CONF_PORT, CONF_URL

from .addresses import host_of, moved_to
from .bambu_flow import BambuFlow
from .const import CONF_KIND, CONF_SERIAL
from .engine.drivers.moonraker.announcement import from_zeroconf as moonraker_from_zeroconf
from .engine.drivers.octoprint.announcement import (
    from_ssdp as octoprint_from_ssdp,
    from_zeroconf as octoprint_from_zeroconf,
)
from .engine.drivers.prusalink.announcement import from_zeroconf
from .engine.drivers.registry import PrinterKind
from .engine.drivers.whereabouts import at_host
from .forms import settings_of
from .moonraker_flow import MoonrakerFlow
from .nearby import async_server_heard, from_ssdp
from .neighbours import async_keep_mac
from .octoprint_flow import OctoPrintFlow
from .probe import NotFound, async_find_server
from .prusalink_flow import PrusaLinkFlow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigFlowResult
    from homeassistant.helpers.service_info.dhcp import DhcpServiceInfo
    from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo
    from homeassistant.helpers.service_info.zeroconf import ZeroconfServiceInfo

    from .engine.drivers.moonraker.announcement import MoonrakerAnnouncement
    from .engine.drivers.octoprint.announcement import OctoPrintAnnouncement
    from .engine.drivers.recognition import Server


class DiscoveryFlow(BambuFlow, PrusaLinkFlow, OctoPrintFlow, MoonrakerFlow):
    """The steps that the network starts. A key is asked for once we know who it is."""

    async def async_step_ssdp(self, discovery_info: SsdpServiceInfo) -> ConfigFlowResult:
        """Take a Bambu printer or an OctoPrint that Home Assistant heard itself."""
        found = from_ssdp(discovery_info)
        if found is None:
            return await self._server_by_ssdp(discovery_info)
        await self.async_set_unique_id(found.serial)
        for entry in self._async_current_entries(include_ignore=True):
            if entry.unique_id == found.serial:
                # Announcements are not signed: `nearby.py` proves a new address first.
                return self.async_abort(reason="already_configured")
        self._suggested = {CONF_HOST: found.host, CONF_SERIAL: found.serial}
        return await self._greet(PrinterKind.BAMBU, found.name or found.model or found.serial)

    async def async_step_zeroconf(self, discovery_info: ZeroconfServiceInfo) -> ConfigFlowResult:
        """Take a PrusaLink, an OctoPrint or a Moonraker."""
        kind, name = discovery_info.type, discovery_info.name
        found = from_zeroconf(kind, name, discovery_info.host, discovery_info.port)
        if found is None:
            return await self._server_by_zeroconf(discovery_info)
        known_as = {found.host, discovery_info.hostname.rstrip(".")}
        return await self._prusalink_heard(found.host, found.port, found.name, known_as)

    async def _prusalink_heard(
        self, host: str, port: int, name: str, known_as: set[str]
    ) -> ConfigFlowResult:
        """Offer a PrusaLink. It does not say its serial; until it does, its address names it."""
        for one in known_as:
            self._async_abort_entries_match({CONF_HOST: one})
        await self._claim_address(host)
        self._suggested = {CONF_HOST: host}
        if port != 80:
            self._suggested[CONF_PORT] = port
        return await self._greet(PrinterKind.PRUSALINK, name)

    async def async_step_dhcp(self, discovery_info: DhcpServiceInfo) -> ConfigFlowResult:
        """Follow printers we know to their new address, or take a Prusa we do not know.

        One machine may serve several printers: all of them move with it.
        """
        mac = dr.format_mac(discovery_info.macaddress)
        entries = self._async_current_entries(include_ignore=False)
        here = [entry for entry in entries if entry.data.get(CONF_MAC) == mac]
        for entry in here:
            there = {**entry.data, **moved_to(entry.data, discovery_info.ip)}
            if self.hass.config_entries.async_update_entry(entry, data=there):
                self.hass.config_entries.async_schedule_reload(entry.entry_id)
        for entry in entries:
            if host_of(entry.data) in {discovery_info.ip, discovery_info.hostname}:
                here.append(entry)
                async_keep_mac(self.hass, entry, mac)
        if here:
            return self.async_abort(reason="already_configured")
        await self._claim_address(discovery_info.ip)
        self._suggested = {CONF_HOST: discovery_info.ip, CONF_MAC: mac}
        return await self._greet(PrinterKind.PRUSALINK, discovery_info.hostname)

    # -- print servers -----------------------------------------------------------------------

    async def _server_by_zeroconf(self, info: ZeroconfServiceInfo) -> ConfigFlowResult:
        known_as = info.hostname.rstrip(".")
        record = (info.type, info.name, info.host, info.port, info.properties)
        if (octoprint := octoprint_from_zeroconf(*record)) is not None:
            return await self._server_heard(PrinterKind.OCTOPRINT, octoprint, known_as)
        if (moonraker := moonraker_from_zeroconf(*record)) is not None:
            return await self._server_heard(PrinterKind.MOONRAKER, moonraker, known_as)
        return self.async_abort(reason="not_a_printer")

    async def _server_by_ssdp(self, info: SsdpServiceInfo) -> ConfigFlowResult:
        found = octoprint_from_ssdp(info.ssdp_location, info.upnp)
        if found is None:
            return self.async_abort(reason="not_a_printer")
        return await self._server_heard(PrinterKind.OCTOPRINT, found)

    async def _server_heard(
        self,
        kind: PrinterKind,
        heard: OctoPrintAnnouncement | MoonrakerAnnouncement,
        known_as: str = "",
    ) -> ConfigFlowResult:
        """Offer a print server, once it has told us itself what it is."""
        host = host_of({CONF_URL: heard.url})
        assert host is not None
        here = {heard.url} | ({at_host(heard.url, known_as)} if known_as else set())
        for entry in self._async_current_entries(include_ignore=True):
            same = heard.serial is not None and entry.unique_id == heard.serial
            if same or entry.data.get(CONF_URL) in here:
                async_server_heard(self.hass, entry, host, known_as)
                return self.async_abort(reason="already_configured")
        await self.async_set_unique_id(heard.serial or f"address_{heard.url}")
        server = await async_find_server(self.hass, [heard.url], kind)
        if isinstance(server, NotFound):
            return self.async_abort(reason="not_answering")
        self.context["title_placeholders"] = {"name": heard.name}
        if server.kind is PrinterKind.PRUSALINK:
            where = settings_of(PrinterKind.PRUSALINK, {CONF_HOST: server.url})
            return await self._prusalink_heard(
                where[CONF_HOST], where.get(CONF_PORT, 80), heard.name, {where[CONF_HOST]}
            )
        return await self._offer(server, heard.serial if server.kind is kind else None)

    async def _offer(self, server: Server, serial: str | None) -> ConfigFlowResult:
        """Ask for what the server wants; the first step shows that it was found."""
        settings = {CONF_KIND: server.kind.value, CONF_URL: server.url}
        if serial is not None:
            settings[CONF_SERIAL] = serial
        if server.kind is PrinterKind.OCTOPRINT:
            return await self._octoprint_access("octoprint_access", settings)
        self._pending = settings
        if server.open:
            return await self.async_step_confirm_moonraker()
        return await self.async_step_moonraker_key()

    # -- the key is missing ------------------------------------------------------------------

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
