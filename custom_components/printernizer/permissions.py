"""What a user may ask of a printer: what they may ask of all of its entities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import homeassistant.helpers.entity_registry as er
from homeassistant.core import callback

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant


@callback
def async_denied(hass: HomeAssistant, user: User, entry_id: str, policy: str) -> str | None:
    """Return an entity of the printer that is closed to a user, or None when none is."""
    if user.is_admin:
        return None
    entities = er.async_entries_for_config_entry(er.async_get(hass), entry_id)
    return next(
        (
            entity.entity_id
            for entity in entities
            if not user.permissions.check_entity(entity.entity_id, policy)
        ),
        None,
    )
