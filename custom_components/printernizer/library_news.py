"""What happens in the library, on Home Assistant's bus; and what is wrong with it, as an issue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.core import callback

from . import issues
from .const import EVENT_LIBRARY

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.workshop.library import LibraryEvent
    from .engine.workshop.workshop import Workshop

TOLD: Final = frozenset({"added", "changed", "recycled", "restored", "purged", "rebuilt"})
"""What people are told of. That a printer was looked at is for nobody."""


@callback
def async_announce_library(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Announce what comes, changes and goes; returns how to stop."""
    library = workshop.library

    @callback
    def tell(event: LibraryEvent) -> None:
        if event.what == "scrubbed":
            report = library.scrubbing.report
            issues.async_library_damaged(hass, report if report and not report.sound else None)
        elif event.what in TOLD:
            files = [str(each) for each in event.ids]
            hass.bus.async_fire(EVENT_LIBRARY, {"kind": event.what, "files": files})

    return library.subscribe(tell)
