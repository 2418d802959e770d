"""What happens to documents, onto Home Assistant's event bus: numbers and amounts, no persons."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from . import issues
from .const import EVENT_DOCUMENT
from .engine.document import DocumentKind
from .engine.workshop.office import OfficeEvent
from .office_facts import news_facts

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.workshop.office import OfficeNews
    from .engine.workshop.workshop import Workshop


@callback
def async_announce_documents(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Announce what is issued, cancelled and paid; returns how to stop."""

    @callback
    def heard(event: OfficeNews) -> None:
        if isinstance(event, OfficeEvent):
            hass.bus.async_fire(EVENT_DOCUMENT, news_facts(event))
            if event.what == "issued" and event.document.kind is DocumentKind.INVOICE:
                issues.async_small_business(hass, event.warnings)

    return workshop.office.subscribe(heard)
