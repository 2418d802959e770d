"""Issues that a click can mend."""

from __future__ import annotations

from typing import TYPE_CHECKING

import voluptuous as vol
from homeassistant.components.repairs import ConfirmRepairFlow, RepairsFlow, RepairsFlowResult

from .const import CONF_FINGERPRINT

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


class TrustCertificate(RepairsFlow):
    """Shows the old and the new certificate; trusts the new one when the user says so."""

    def __init__(self, entry_id: str, fingerprint: str, old: str, new: str) -> None:
        self._entry_id = entry_id
        self._fingerprint = fingerprint
        self._shown = {"old": old, "new": new}

    async def async_step_init(self, user_input: dict[str, str] | None = None) -> RepairsFlowResult:
        """Begin."""
        return await self.async_step_confirm()

    async def async_step_confirm(
        self, user_input: dict[str, str] | None = None
    ) -> RepairsFlowResult:
        """Ask, then keep the new certificate and connect again."""
        entry = self.hass.config_entries.async_get_entry(self._entry_id)
        if entry is None:
            return self.async_abort(reason="printer_removed")
        if user_input is None:
            return self.async_show_form(
                step_id="confirm",
                data_schema=vol.Schema({}),
                description_placeholders={"printer": entry.title, **self._shown},
            )
        self.hass.config_entries.async_update_entry(
            entry, data={**entry.data, CONF_FINGERPRINT: self._fingerprint}
        )
        self.hass.config_entries.async_schedule_reload(entry.entry_id)
        return self.async_create_entry(data={})


async def async_create_fix_flow(
    hass: HomeAssistant, issue_id: str, data: dict[str, str | int | float | None] | None
) -> RepairsFlow:
    """Return what mends this issue."""
    if data is None or "fingerprint" not in data:
        return ConfirmRepairFlow()
    return TrustCertificate(
        str(data["entry_id"]), str(data["fingerprint"]), str(data["old"]), str(data["new"])
    )
