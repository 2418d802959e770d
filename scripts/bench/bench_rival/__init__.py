"""The usual way to do it, as a yardstick: a thread per printer, and every state written each time.

paho-mqtt with its own network thread for each printer, `json.loads`, a deep merge, a hop to the
event loop, and `async_write_ha_state` of 50 entities per report, unrounded. It is the shape of
many integrations, in its plainest form; it is none of them, and it does less than they do.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from homeassistant.helpers.discovery import async_load_platform

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant

DOMAIN: Final = "bench_rival"
ENTITIES: Final = 50


async def async_setup(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    """Load the sensors of all printers named in the file that the configuration names."""
    path = config[DOMAIN]["printers"]

    def read() -> list[dict[str, Any]]:
        return list(json.loads(Path(path).read_text()))

    printers = await hass.async_add_executor_job(read)
    hass.async_create_task(
        async_load_platform(hass, "sensor", DOMAIN, {"printers": printers}, config)
    )
    return True
