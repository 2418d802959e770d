"""Print servers, OctoPrint and Moonraker: found by their address, and told apart by name."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import SOURCE_RECONFIGURE, ConfigFlowResult
from homeassistant.const import CONF_HOST, CONF_PORT, CONF_URL

from .const import CONF_FINGERPRINT, CONF_KIND
from .engine.drivers.registry import PrinterKind
from .engine.drivers.whereabouts import addresses
from .printer_flow import PrinterFlow
from .probe import NotFound, async_find_server, split_address

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from homeassistant.config_entries import ConfigEntry

    from .engine.drivers.recognition import Server

    type Then = Callable[[str, dict[str, Any], Server], Awaitable[ConfigFlowResult]]

PORTS: Final = {PrinterKind.OCTOPRINT: 5000, PrinterKind.MOONRAKER: 7125}
NAMES: Final = {
    PrinterKind.OCTOPRINT: "OctoPrint",
    PrinterKind.MOONRAKER: "Moonraker",
    PrinterKind.PRUSALINK: "PrusaLink",
}
_SHOWN: Final = 3
"""Addresses that a text names at most: of a long path more may have been tried."""


class ServerFlow(PrinterFlow):
    """The steps from an address to a server that answers there."""

    _not_that: ConfigFlowResult | None = None

    async def _ask_server(
        self,
        step: str,
        kind: PrinterKind,
        typed: Mapping[str, Any] | None,
        then: Then,
        entry: ConfigEntry | None = None,
    ) -> ConfigFlowResult:
        """Show the form for an address, or look who answers there and go on with `then`."""
        known = dict(entry.data) if entry else self._suggested
        if typed is None:
            return self._form(step, kind, known)
        settings = {**known, CONF_KIND: kind.value, CONF_URL: typed[CONF_URL].strip()}
        try:
            urls = addresses(settings[CONF_URL], port=PORTS[kind])
        except ValueError:
            return self._form(step, kind, {}, {CONF_URL: "proxy_login"})
        if not urls:
            return self._form(step, kind, settings, {CONF_URL: "bad_address"})
        return await self._look(step, urls, then, settings)

    async def _look(
        self, step: str, urls: Sequence[str], then: Then, settings: dict[str, Any]
    ) -> ConfigFlowResult:
        kind = PrinterKind(settings[CONF_KIND])
        pinned = settings.get(CONF_FINGERPRINT)
        server = await async_find_server(self.hass, urls, kind, fingerprint=pinned)
        if isinstance(server, NotFound):
            if server.fingerprint is not None:
                unsure = {**settings, CONF_URL: server.url}
                resume = partial(self._look, step, urls, then)
                return self._ask_for_trust(unsure, server.fingerprint, resume)
            tried = ", ".join(urls[:_SHOWN])
            return self._form(step, kind, settings, dict(server.errors), tried=tried)
        if server.kind is not kind:
            return self._other_kind(step, settings, server)
        there = {**settings, CONF_URL: server.url}
        if not server.url.startswith("https:"):
            there.pop(CONF_FINGERPRINT, None)
        return await then(step, there, server)

    # -- it is something else ----------------------------------------------------------------

    def _other_kind(self, step: str, settings: dict[str, Any], server: Server) -> ConfigFlowResult:
        """Say by name what answers there, and offer to add it as what it is."""
        kind = PrinterKind(settings[CONF_KIND])
        if self.source == SOURCE_RECONFIGURE:
            errors = {"base": "other_kind"}
            return self._form(step, kind, settings, errors, what=NAMES[server.kind])
        self._suggested = _address_of(server)
        self._not_that = self.async_show_menu(
            step_id=f"is_{server.kind}",
            menu_options=[server.kind.value, kind.value],
            description_placeholders={"url": server.url},
        )
        return self._not_that

    async def async_step_is_octoprint(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the same choice to a page that is loaded again."""
        assert self._not_that is not None
        return self._not_that

    async_step_is_moonraker = async_step_is_octoprint
    async_step_is_prusalink = async_step_is_octoprint


def _address_of(server: Server) -> dict[str, Any]:
    """Return what the form of its own kind shows of where a server is."""
    if server.kind is not PrinterKind.PRUSALINK:
        return {CONF_URL: server.url}
    address = split_address(server.url)
    return {key: address[key] for key in (CONF_HOST, CONF_PORT) if key in address}
