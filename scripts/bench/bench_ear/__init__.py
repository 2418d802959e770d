"""Hears states being written inside Home Assistant, and when; `load.py` links it in."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from homeassistant.const import EVENT_STATE_CHANGED
from homeassistant.core import callback

if TYPE_CHECKING:
    from homeassistant.core import Event, HomeAssistant, ServiceCall


async def async_setup(hass: HomeAssistant, config: dict[str, Any]) -> bool:
    """Offer `bench_ear.listen` (entities) and `bench_ear.write` (path)."""
    heard: dict[str, dict[str, float]] = {}

    @callback
    def listen(call: ServiceCall) -> None:
        heard.update({entity_id: {} for entity_id in call.data["entities"]})

        @callback
        def on_state(event: Event[Any]) -> None:
            if (times := heard.get(event.data["entity_id"])) is not None:
                times[event.data["new_state"].state] = time.monotonic()

        hass.bus.async_listen(EVENT_STATE_CHANGED, on_state)

    async def write(call: ServiceCall) -> None:
        text = json.dumps(heard)
        await hass.async_add_executor_job(Path(call.data["path"]).write_text, text)

    hass.services.async_register("bench_ear", "listen", listen)
    hass.services.async_register("bench_ear", "write", write)
    return True
