"""How a Bambu Lab printer is added: it is listened for, and asks for its access code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.const import CONF_HOST
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)

from .engine.drivers.registry import PrinterKind
from .nearby import async_bambu_nearby, label_of
from .printer_flow import PrinterFlow

if TYPE_CHECKING:
    import asyncio

    from homeassistant.config_entries import ConfigFlowResult

    from .engine.drivers.discovery import Announcement

BY_HAND: Final = "by_hand"
"""The choice below the printers that were found."""


class BambuFlow(PrinterFlow):
    """The steps of a Bambu Lab printer."""

    _search: asyncio.Task[tuple[Announcement, ...]] | None = None

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

    async def async_step_reauth_bambu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new access code; the address stays."""
        entry = self._get_reauth_entry()
        return await self._ask("reauth_bambu", PrinterKind.BAMBU, user_input, entry)

    async def async_step_reconfigure_bambu(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for the new address and access code."""
        entry = self._get_reconfigure_entry()
        return await self._ask("reconfigure_bambu", PrinterKind.BAMBU, user_input, entry)
