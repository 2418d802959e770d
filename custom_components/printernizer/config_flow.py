"""How printers come to Home Assistant, and how their address and key are changed.

Three ways in: chosen from the menu, found on the network, or known already (a new key, a new
address). All end in `_try`: the printer is asked before anything is stored.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, override

import voluptuous as vol
from homeassistant.config_entries import (
    SOURCE_REAUTH,
    SOURCE_RECONFIGURE,
    ConfigFlowResult,
)
from homeassistant.const import CONF_HOST, CONF_PORT
from homeassistant.core import callback
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .const import (
    CONF_FINGERPRINT,
    CONF_KIND,
    CONF_LOGIN,
    DOMAIN,
    KIND_SHOP,
    SHOP_ID,
    SHOP_TITLE,
)
from .discovery_flow import DiscoveryFlow
from .engine.drivers.registry import PrinterKind
from .forms import KEYS, VIRTUAL, WHOLE, as_typed, learnt, settings_of, title_of
from .issues import readable
from .nearby import async_bambu_nearby, label_of
from .probe import Found, async_probe
from .shop_options import ShopOptionsFlow

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from homeassistant.config_entries import ConfigEntry, OptionsFlow

    from .engine.drivers.discovery import Announcement

MENU: Final = (PrinterKind.BAMBU, PrinterKind.PRUSALINK, PrinterKind.VIRTUAL)
"""What can be added by hand, in the order of the menu."""
BY_HAND: Final = "by_hand"
"""The choice below the printers that were found."""


class PrinternizerConfigFlow(DiscoveryFlow, domain=DOMAIN):
    """Adds printers, and changes how they are reached."""

    VERSION = 1
    MINOR_VERSION = 1

    _search: asyncio.Task[tuple[Announcement, ...]] | None = None
    _unsure: dict[str, Any] | None = None
    """Settings with a new certificate that the user has not yet agreed to."""
    _asked_by: str = ""
    """The step that `_unsure` came from."""

    # -- from the menu -----------------------------------------------------------------------

    async def async_step_user(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask what kind of printer it is."""
        return self.async_show_menu(step_id="user", menu_options=list(MENU))

    async def async_step_bambu(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Listen for printers that announce themselves, for a few seconds."""
        if self._search is None:
            # Shown even when it is over at once: the step after it must not take the menu's
            # choice for its own answer.
            self._search = self.hass.async_create_task(async_bambu_nearby(self.hass))
            return self._listening(self._search)
        if not self._search.done():
            return self._listening(self._search)
        known = self._async_current_ids(include_ignore=False)
        self._heard = [found for found in self._search.result() if found.serial not in known]
        return self.async_show_progress_done(
            next_step_id="bambu_pick" if self._heard else "bambu_address"
        )

    def _listening(self, search: asyncio.Task[Any]) -> ConfigFlowResult:
        return self.async_show_progress(
            step_id="bambu", progress_action="listening", progress_task=search
        )

    async def async_step_bambu_pick(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer what was heard."""
        if user_input is not None:
            chosen = next((f for f in self._heard if f.serial == user_input["printer"]), None)
            if chosen is not None:
                self._suggested = {CONF_HOST: chosen.host}
            return await self.async_step_bambu_address()
        options = [SelectOptionDict(value=f.serial, label=label_of(f)) for f in self._heard]
        selector = SelectSelector(
            SelectSelectorConfig(
                options=[*options, SelectOptionDict(value=BY_HAND, label=BY_HAND)],
                mode=SelectSelectorMode.LIST,
                translation_key="printer",
            )
        )
        return self.async_show_form(
            step_id="bambu_pick", data_schema=vol.Schema({vol.Required("printer"): selector})
        )

    async def async_step_bambu_address(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for address and access code."""
        return await self._ask("bambu_address", PrinterKind.BAMBU, user_input)

    async def async_step_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for address, user and password."""
        return await self._ask("prusalink", PrinterKind.PRUSALINK, user_input)

    async def async_step_virtual(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a name: there is nothing to reach."""
        if user_input is None:
            return self.async_show_form(step_id="virtual", data_schema=VIRTUAL)
        return await self._try("virtual", settings_of(PrinterKind.VIRTUAL, user_input))

    # -- known already -----------------------------------------------------------------------

    async def async_step_reauth(self, entry_data: Mapping[str, Any]) -> ConfigFlowResult:
        """Take over after the printer has rejected our key."""
        return await self.async_step_reauth_confirm()

    async def async_step_reauth_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new key; the address stays."""
        entry = self._get_reauth_entry()
        kind = PrinterKind(entry.data[CONF_KIND])
        return await self._ask(f"reauth_{kind}", kind, user_input, entry)

    async def async_step_reauth_bambu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the new access code."""
        return await self.async_step_reauth_confirm(user_input)

    async def async_step_reauth_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the new user and password."""
        return await self.async_step_reauth_confirm(user_input)

    async def async_step_reconfigure(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a new address and key."""
        entry = self._get_reconfigure_entry()
        if entry.data[CONF_KIND] in {KIND_SHOP, PrinterKind.VIRTUAL}:
            return self.async_abort(reason="nothing_to_reconfigure")
        kind = PrinterKind(entry.data[CONF_KIND])
        return await self._ask(f"reconfigure_{kind}", kind, user_input, entry)

    async def async_step_reconfigure_bambu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the new address and access code."""
        return await self.async_step_reconfigure(user_input)

    async def async_step_reconfigure_prusalink(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Take the new address, user and password."""
        return await self.async_step_reconfigure(user_input)

    async def async_step_trust(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go on with the certificate that the user has now agreed to."""
        assert self._unsure is not None
        if user_input is None:
            return self._ask_for_trust(self._unsure, self._unsure[CONF_FINGERPRINT])
        return await self._try(self._asked_by, self._unsure)

    # -- the shop ----------------------------------------------------------------------------

    async def async_step_system(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Make the entry that holds the shop's own settings: the first printer asks for it."""
        await self.async_set_unique_id(SHOP_ID)
        self._abort_if_unique_id_configured()
        return self.async_create_entry(title=SHOP_TITLE, data={CONF_KIND: KIND_SHOP})

    @classmethod
    @callback
    @override
    def async_supports_options_flow(cls, config_entry: ConfigEntry) -> bool:
        """Only the shop has something to set; a printer's address and key are reconfigured."""
        return bool(config_entry.data[CONF_KIND] == KIND_SHOP)

    @staticmethod
    @callback
    @override
    def async_get_options_flow(config_entry: ConfigEntry) -> OptionsFlow:
        """Return the shop's settings."""
        return ShopOptionsFlow()

    # -- where all ways end ------------------------------------------------------------------

    async def _ask(
        self,
        step: str,
        kind: PrinterKind,
        typed: Mapping[str, Any] | None,
        entry: ConfigEntry | None = None,
    ) -> ConfigFlowResult:
        """Show the form of a step, or try what was typed into it."""
        if typed is None:
            return self._form(step, kind, dict(entry.data) if entry else self._suggested)
        settings = {**(entry.data if entry else self._suggested), **settings_of(kind, typed)}
        settings.pop(CONF_LOGIN, None)  # a new key may be of the other kind
        if CONF_HOST in typed and CONF_PORT not in settings_of(kind, typed):
            settings.pop(CONF_PORT, None)
        return await self._try(step, settings)

    @override
    async def _try(self, step: str, settings: dict[str, Any]) -> ConfigFlowResult:
        found = await async_probe(self.hass, settings)
        if isinstance(found, Found):
            return await self._take(settings, found)
        if found.fingerprint is not None:
            self._asked_by = step
            return self._ask_for_trust(settings, found.fingerprint)
        return self._form(step, PrinterKind(settings[CONF_KIND]), settings, dict(found.errors))

    async def _take(self, settings: dict[str, Any], found: Found) -> ConfigFlowResult:
        identity = found.identity
        data = learnt(settings, identity)
        await self.async_set_unique_id(identity.serial, raise_on_progress=False)
        if self.source in {SOURCE_REAUTH, SOURCE_RECONFIGURE}:
            self._abort_if_unique_id_mismatch(reason="wrong_printer")
            return self.async_update_reload_and_abort(self._known_entry(), data=data)
        self._abort_if_unique_id_configured(
            updates={key: data[key] for key in (CONF_HOST, CONF_PORT) if key in data}
        )
        return self.async_create_entry(title=title_of(settings, identity), data=data)

    def _ask_for_trust(self, settings: dict[str, Any], fingerprint: str) -> ConfigFlowResult:
        old = self._known_entry().data.get(CONF_FINGERPRINT)
        self._unsure = {**settings, CONF_FINGERPRINT: fingerprint}
        return self.async_show_form(
            step_id="trust",
            data_schema=vol.Schema({}),
            description_placeholders={"old": readable(old), "new": readable(fingerprint)},
        )

    def _known_entry(self) -> ConfigEntry:
        """Return the entry whose key or address is being changed."""
        if self.source == SOURCE_REAUTH:
            return self._get_reauth_entry()
        return self._get_reconfigure_entry()

    @override
    def _form(
        self,
        step: str,
        kind: PrinterKind,
        settings: Mapping[str, Any],
        errors: dict[str, str] | None = None,
    ) -> ConfigFlowResult:
        if kind is PrinterKind.VIRTUAL:
            schema = VIRTUAL
        elif step.startswith(("reauth", "confirm")):
            schema = KEYS[kind]
        else:
            schema = WHOLE[kind]
        return self.async_show_form(
            step_id=step,
            data_schema=self.add_suggested_values_to_schema(schema, as_typed(settings)),
            errors=errors,
            description_placeholders={
                "name": str(self.context.get("title_placeholders", {}).get("name", "")),
                "host": str(settings.get(CONF_HOST, "")),
            },
        )
