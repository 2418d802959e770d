"""How files came from printers into the library, on Home Assistant's bus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.core import callback

from .const import EVENT_FETCHED
from .engine.fetch import FetchState
from .targets import async_device_of

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.fetch import Fetch
    from .engine.workshop.workshop import Workshop

_LONGEST: Final = 500
"""Characters of a text that a printer or a stranger's file gave."""
_KINDS: Final = {
    FetchState.DONE: "finished",
    FetchState.FAILED: "failed",
    FetchState.CANCELLED: "cancelled",
}


def fetch_facts(fetch: Fetch) -> dict[str, Any]:
    """Return a fetch as plain JSON. `file` is its id in the library, once it lies there."""
    return {
        "id": str(fetch.id),
        "name": fetch.name[:_LONGEST],
        "path": fetch.path[:_LONGEST],
        "file": None if fetch.file_id is None else str(fetch.file_id),
        "moved_bytes": fetch.moved_bytes,
        "total_bytes": fetch.total_bytes,
        "attempt": fetch.attempt,
        "started_at": fetch.started_at.isoformat(),
        "ended_at": fetch.ended_at.isoformat() if fetch.ended_at else None,
        "error_key": fetch.error_key,
        "reason": fetch.reason and fetch.reason[:_LONGEST],
    }


@callback
def async_announce_fetches(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Announce how each fetch ended; returns how to stop.

    What is known to be here already was not fetched, and is no news.
    """

    @callback
    def tell(fetch: Fetch) -> None:
        kind = _KINDS.get(fetch.state)
        if kind is None or (fetch.state is FetchState.DONE and fetch.known):
            return
        device = async_device_of(hass, fetch.printer_id)
        hass.bus.async_fire(
            EVENT_FETCHED,
            {
                "kind": kind,
                "device_id": device.id if device else None,
                "fetch": fetch_facts(fetch),
            },
        )

    return workshop.fetches.subscribe(tell)
