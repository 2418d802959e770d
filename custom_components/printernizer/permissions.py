"""What a user may ask of a printer: what they may ask of all of its entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import homeassistant.helpers.entity_registry as er
from homeassistant.components.http.const import KEY_HASS_USER
from homeassistant.components.websocket_api.connection import current_connection
from homeassistant.core import callback
from homeassistant.helpers.http import current_request

if TYPE_CHECKING:
    from homeassistant.auth.models import User
    from homeassistant.core import HomeAssistant

_OF_THE_MACHINE: Final = frozenset({"config", "logs"})
"""Folders that servers of printers show beside what is printed: passwords, limits, macros."""


def of_the_machine(path: str) -> bool:
    """Whether a path on a printer leads to its configuration, which is for administrators."""
    parts = [part for part in path.split("/") if part not in {"", "."}]
    return bool(parts) and parts[0].casefold() in _OF_THE_MACHINE


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


@callback
def async_asker() -> User | None:
    """Return the user whose request is being answered; None where nobody asked, but an automation.

    Home Assistant does not tell a media source who browses it.
    """
    if (connection := current_connection.get()) is not None:
        return connection.user
    request = current_request.get()
    return None if request is None else request.get(KEY_HASS_USER)
