"""The settings of one printer that are a matter of taste; address and key are reconfigured."""

from __future__ import annotations

from typing import Any

import homeassistant.helpers.entity_registry as er
import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.const import Platform
from homeassistant.helpers.selector import EntitySelector, EntitySelectorConfig

from .const import CONF_CAMERA_ENTITY, DOMAIN


class PrinterOptionsFlow(OptionsFlowWithReload):
    """Which camera looks at this printer."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Go to the form: the step `init` is the shop's."""
        return await self.async_step_printer()

    async def async_step_printer(
        self, user_input: dict[str, Any] | None = None
    ) -> ConfigFlowResult:
        """Ask for a camera of the house; none means the printer's own."""
        options = dict(self.config_entry.options)
        if user_input is not None:
            options.pop(CONF_CAMERA_ENTITY, None)
            return self.async_create_entry(data=options | user_input)
        return self.async_show_form(
            step_id="printer",
            data_schema=self.add_suggested_values_to_schema(self._schema(), options),
            description_placeholders={"name": self.config_entry.title},
        )

    def _schema(self) -> vol.Schema:
        registry = er.async_get(self.hass)
        # A camera that shows itself would ask itself for a picture; so would two printers that
        # show each other's.
        closed = [
            entity.entity_id
            for entry in self.hass.config_entries.async_entries(DOMAIN)
            if entry is self.config_entry or entry.options.get(CONF_CAMERA_ENTITY)
            for entity in er.async_entries_for_config_entry(registry, entry.entry_id)
            if entity.domain == Platform.CAMERA
        ]
        cameras = EntitySelectorConfig(domain=Platform.CAMERA, exclude_entities=closed)
        return vol.Schema({vol.Optional(CONF_CAMERA_ENTITY): EntitySelector(cameras)})
