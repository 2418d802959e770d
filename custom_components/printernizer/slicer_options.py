"""The part of the shop's settings where slicers are let in and shut out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import (
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
    TextSelector,
)

from .engine.errors import NotAllowed
from .engine.sender import Reach
from .senders import (
    async_slicer_address,
    new_sender,
    senders_in,
    with_sender,
    without_senders,
)
from .targets import async_printer_names

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .engine.sender import Sender

SENDER_ERRORS: Final = frozenset({"bad_sender", "sender_known", "too_many_senders"})


class SlicerOptions(OptionsFlowWithReload):
    """Steps of the shop's settings."""

    _made: tuple[Sender, str] | None = None
    """A sender and its key, until both were shown."""

    async def async_step_slicers(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """List the senders, and offer what can be done."""
        senders = senders_in(self.config_entry.options)
        names = async_printer_names(self.hass)
        listed = [
            f"- {each.name}"
            + (f" ({names.get(each.printer_id, each.printer_id)})" if each.printer_id else "")
            for each in senders
        ]
        return self.async_show_menu(
            step_id="slicers",
            menu_options=["add_sender", *(["remove_senders"] if senders else [])],
            description_placeholders={
                "address": async_slicer_address(self.hass),
                "senders": "\n".join(listed) or "–",
            },
        )

    async def async_step_add_sender(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for its name, how far it may go, and its printer."""
        errors: dict[str, str] = {}
        if user_input is not None:
            try:
                self._made = new_sender(
                    self.config_entry.options,
                    user_input["name"],
                    Reach(user_input["reach"]),
                    user_input.get("printer_id"),
                )
            except NotAllowed as err:
                errors["name"] = err.key
            else:
                return await self.async_step_sender_key()
        return self.async_show_form(
            step_id="add_sender",
            data_schema=self.add_suggested_values_to_schema(
                _new(async_printer_names(self.hass)), user_input
            ),
            errors=errors,
        )

    async def async_step_sender_key(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Show the key, this once; it opens the door from the answer on."""
        assert self._made is not None
        sender, key = self._made
        if user_input is not None:
            return self.async_create_entry(data=with_sender(self.config_entry.options, sender))
        return self.async_show_form(
            step_id="sender_key",
            data_schema=vol.Schema({}),
            description_placeholders={
                "name": sender.name,
                "address": async_slicer_address(self.hass),
                "key": key,
            },
        )

    async def async_step_remove_senders(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask which senders are shut out."""
        options = self.config_entry.options
        if user_input is not None:
            return self.async_create_entry(
                data=without_senders(options, set(user_input["senders"]))
            )
        choice = [SelectOptionDict(value=each.id, label=each.name) for each in senders_in(options)]
        selector = SelectSelector(SelectSelectorConfig(options=choice, multiple=True))
        return self.async_show_form(
            step_id="remove_senders",
            data_schema=vol.Schema({vol.Required("senders"): selector}),
        )


def _new(names: Mapping[str, str]) -> vol.Schema:
    reach = SelectSelector(
        SelectSelectorConfig(
            options=[each.value for each in Reach],
            translation_key="reach",
            mode=SelectSelectorMode.LIST,
        )
    )
    printers = [SelectOptionDict(value=printer, label=name) for printer, name in names.items()]
    return vol.Schema(
        {
            vol.Required("name"): TextSelector(),
            vol.Required("reach", default=Reach.KEEP.value): reach,
            vol.Optional("printer_id"): SelectSelector(SelectSelectorConfig(options=printers)),
        }
    )
