"""The shop's own settings."""

from __future__ import annotations

from typing import Any

import voluptuous as vol
from homeassistant.config_entries import ConfigFlowResult, OptionsFlowWithReload
from homeassistant.helpers.selector import TextSelector, TextSelectorConfig, TextSelectorType

from .const import CONF_DATABASE_URL
from .engine.errors import StoreError
from .runtime import async_try_database

SCHEMA = vol.Schema(
    {
        vol.Optional(CONF_DATABASE_URL): TextSelector(
            TextSelectorConfig(type=TextSelectorType.TEXT, autocomplete="off")
        )
    }
)
ERRORS = frozenset({"store_failed", "store_newer", "store_broken", "disk_full"})


class ShopOptionsFlow(OptionsFlowWithReload):
    """Where the ledger is kept. A database is opened before it is taken."""

    async def async_step_init(self, user_input: dict[str, Any] | None = None) -> ConfigFlowResult:
        """Ask for the URL of a database; none means the file in the configuration folder."""
        errors: dict[str, str] = {}
        typed = dict(self.config_entry.options)
        reason = ""
        if user_input is not None:
            url = user_input.get(CONF_DATABASE_URL, "").strip()
            typed = {CONF_DATABASE_URL: url} if url else {}
            try:
                if url:
                    await async_try_database(self.hass, url)
            except StoreError as err:
                errors[CONF_DATABASE_URL] = err.key if err.key in ERRORS else "store_failed"
                reason = err.reason
            else:
                return self.async_create_entry(data=typed)
        return self.async_show_form(
            step_id="init",
            data_schema=self.add_suggested_values_to_schema(SCHEMA, typed),
            errors=errors,
            description_placeholders={
                "reason": reason,
                "example": "postgresql://user:password@host/printernizer",
            },
        )
