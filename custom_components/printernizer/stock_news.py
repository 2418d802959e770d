"""What happens to the stock, on Home Assistant's bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import EVENT_STOCK
from .stock_facts import news

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

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

    return workshop.stock.listen(tell)
