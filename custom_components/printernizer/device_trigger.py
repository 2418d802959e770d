"""Device triggers: the same occasions, for people who build automations from a device.

Home Assistant's newer triggers (`trigger.py`) are the better way, since they take areas and
labels too. These are for those who come from another integration and look for them here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import homeassistant.helpers.device_registry as dr
import voluptuous as vol
from homeassistant.components.device_automation import DEVICE_TRIGGER_BASE_SCHEMA
from homeassistant.const import CONF_DEVICE_ID, CONF_DOMAIN, CONF_PLATFORM, CONF_TYPE
from homeassistant.core import HassJob, callback

from .const import DOMAIN
from .trigger import OCCASIONS, async_listen, describe

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant
    from homeassistant.helpers.trigger import TriggerActionType, TriggerInfo
    from homeassistant.helpers.typing import ConfigType

TRIGGER_SCHEMA: Final = DEVICE_TRIGGER_BASE_SCHEMA.extend(
    {vol.Required(CONF_TYPE): vol.In(tuple(OCCASIONS))}
)


async def async_get_triggers(hass: HomeAssistant, device_id: str) -> list[dict[str, Any]]:
    """List the triggers of a device: a printer has them, its feeders and slots have none."""
    if not _is_printer(hass, device_id):
        return []
    return [
        {
            CONF_PLATFORM: "device",
            CONF_DOMAIN: DOMAIN,
            CONF_DEVICE_ID: device_id,
            CONF_TYPE: key,
        }
        for key in OCCASIONS
    ]


def _is_printer(hass: HomeAssistant, device_id: str) -> bool:
    device = dr.async_get(hass).async_get(device_id, include_child_devices=False)
    if device is None:
        return False
    entry = hass.config_entries.async_get_entry(device.config_entry_id)
    return entry is not None and (DOMAIN, entry.unique_id) in device.identifiers


async def async_attach_trigger(
    hass: HomeAssistant,
    config: ConfigType,
    action: TriggerActionType,
    trigger_info: TriggerInfo,
) -> CALLBACK_TYPE:
    """Run the action on every occasion of this kind on this device."""
    key = config[CONF_TYPE]
    job = HassJob(action, f"printernizer {key} {trigger_info['name']}")

    @callback
    def tell(event: Event[dict[str, Any]]) -> None:
        facts = {
            **trigger_info["trigger_data"],
            **config,
            **event.data,
            "description": describe(event),
        }
        hass.async_run_hass_job(job, {"trigger": facts}, event.context)

    target = {CONF_DEVICE_ID: [config[CONF_DEVICE_ID]]}
    return async_listen(hass, OCCASIONS[key], target, tell)
