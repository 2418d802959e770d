"""What happens to the stock, on the bus; and a Spoolman that is gone, in the repairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from . import issues
from .const import EVENT_STOCK
from .stock_facts import news

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.errors import PrinternizerError
    from .engine.events import StockEvent
    from .engine.workshop.workshop import Workshop


@callback
def async_announce_stock(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Put onto the bus what happens to the stock; returns how to stop."""

    @callback
    def tell(event: StockEvent) -> None:
        kind, facts = news(hass, workshop.stock, event)
        at = workshop.clock.now().isoformat()
        hass.bus.async_fire(EVENT_STOCK, {"kind": kind, "at": at, **facts})

    @callback
    def tell_of_spoolman(error: PrinternizerError | None) -> None:
        issues.async_spoolman_gone(hass, gone=error is not None)

    stops = (workshop.stock.listen(tell), workshop.spoolman.listen(tell_of_spoolman))

    @callback
    def stop() -> None:
        for each in stops:
            each()
        issues.async_spoolman_gone(hass, gone=False)

    return stop
