"""What happens to ideas, on the bus."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.core import callback

from .const import EVENT_IDEA
from .idea_facts import idea_news

if TYPE_CHECKING:
    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.idea import IdeaEvent
    from .engine.workshop.workshop import Workshop


@callback
def async_announce_ideas(hass: HomeAssistant, workshop: Workshop) -> CALLBACK_TYPE:
    """Put onto the bus what happens to ideas; returns how to stop."""

    @callback
    def tell(event: IdeaEvent) -> None:
        at = workshop.clock.now().isoformat()
        facts = {"kind": event.kind.value, "at": at, "idea": idea_news(event.idea)}
        hass.bus.async_fire(EVENT_IDEA, facts)

    return workshop.ideas.subscribe(tell)
