"""How a printer is added that another integration already has: by choosing its device."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.entity_registry as er
import voluptuous as vol
from homeassistant.helpers.selector import (
    BooleanSelector,
    SelectOptionDict,
    SelectSelector,
    SelectSelectorConfig,
    SelectSelectorMode,
)
from homeassistant.helpers.translation import async_get_translations

from .const import CONF_KIND, CONF_SERIAL, DOMAIN
from .engine.drivers.registry import PrinterKind
from .followed.devices import CONF_IDENTIFIER, CONF_SOURCE, bind, origins
from .followed.source import STATE
from .printer_flow import PrinterFlow
from .probe import Found, async_probe

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigFlowResult

    from .followed.devices import Bindings, Origin

CONF_DEVICE: Final = "device"
CONF_ENABLE: Final = "enable"

LACKING: Final = {
    "control": ("button_pause",),
    "job": ("name",),
    "progress": ("progress",),
    "time": ("remaining", "finish"),
    "layers": ("layer",),
    "temperatures": ("tool_0",),
    "targets": ("heater_tool_0",),
    "light": ("light_",),
    "camera": ("camera_",),
    "picture": ("picture",),
}
"""What people may miss: a text of its own, and the keys of which one would be enough."""


class FollowFlow(PrinterFlow):
    """The steps of a printer that is followed through another integration."""

    _origin: Origin | None = None

    async def async_step_followed(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Offer the printers of other integrations that are not ours already."""
        known = self._async_current_ids(include_ignore=False)
        found = list(origins(self.hass))
        offered = {f"{o.source.domain} {o.identifier}": o for o in found if o.serial not in known}
        if user_input is not None and (chosen := offered.get(user_input[CONF_DEVICE])) is not None:
            self._origin = chosen
            return await self.async_step_followed_confirm()
        if not offered:
            return self.async_abort(reason="already_configured" if found else "nothing_to_follow")
        selector = SelectSelector(
            SelectSelectorConfig(
                options=[
                    SelectOptionDict(value=key, label=f"{origin.title} ({origin.source.title})")
                    for key, origin in offered.items()
                ],
                mode=SelectSelectorMode.LIST,
            )
        )
        return self.async_show_form(
            step_id="followed", data_schema=vol.Schema({vol.Required(CONF_DEVICE): selector})
        )

    async def async_step_followed_confirm(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Say what will be missing, offer to enable what is only disabled, and look."""
        origin = self._origin
        assert origin is not None
        if user_input is None:
            return await self._show_lacking(origin)
        if user_input.get(CONF_ENABLE):
            await self._enable(origin)
        settings = {
            CONF_KIND: PrinterKind.FOLLOWED.value,
            CONF_SOURCE: origin.source.domain,
            CONF_IDENTIFIER: origin.identifier,
            CONF_SERIAL: origin.serial,
        }
        found = await async_probe(self.hass, settings)
        if isinstance(found, Found):
            return await self._take(settings, found)
        return await self._show_lacking(origin, dict(found.errors))

    async def _show_lacking(
        self, origin: Origin, errors: dict[str, str] | None = None
    ) -> ConfigFlowResult:
        bindings = bind(self.hass, origin)
        may = self._may_enable(bindings)
        fields = {vol.Required(CONF_ENABLE, default=True): BooleanSelector()} if may else {}
        return self.async_show_form(
            step_id="followed_confirm",
            data_schema=vol.Schema(fields),
            errors=errors,
            description_placeholders={
                "printer": origin.title,
                "source": origin.source.title,
                "lacking": ", ".join(await self._lacking(bindings)) or "-",
                "disabled": ", ".join(may) or "-",
            },
        )

    async def _lacking(self, bindings: Bindings) -> list[str]:
        """Return what this source has no entity for, in the language of this home."""
        there = (*bindings.present, *bindings.disabled)
        texts = await async_get_translations(
            self.hass, self.hass.config.language, "selector", {DOMAIN}
        )
        return [
            texts.get(f"component.{DOMAIN}.selector.lacking.options.{what}", what)
            for what, keys in LACKING.items()
            if not any(
                has == key or (key.endswith("_") and has.startswith(key))
                for key in keys
                for has in there
            )
        ]

    def _may_enable(self, bindings: Bindings) -> list[str]:
        """Return what its integration left disabled, and the state in any case.

        What a user has disabled stays so: that was a choice.
        """
        registry = er.async_get(self.hass)
        found = []
        for key, entity_id in sorted(bindings.disabled.items()):
            entry = registry.async_get(entity_id)
            by = entry.disabled_by if entry is not None else None
            if by is er.RegistryEntryDisabler.INTEGRATION or key == STATE:
                found.append(entity_id)
        return found

    async def _enable(self, origin: Origin) -> None:
        """Enable those, and have the source add them now instead of half a minute later."""
        registry = er.async_get(self.hass)
        for entity_id in self._may_enable(bind(self.hass, origin)):
            registry.async_update_entity(entity_id, disabled_by=None)
        await self.hass.config_entries.async_reload(origin.device.config_entry_id)
