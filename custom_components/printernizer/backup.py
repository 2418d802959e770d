"""The database at rest while Home Assistant copies the configuration folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError

from .engine.errors import StoreError
from .ha_errors import translated
from .runtime import async_find_workshop

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Write everything into the one file of the database, and hold what comes after."""
    workshop = async_find_workshop(hass)
    if workshop is None:
        return
    try:
        await workshop.ledger.flush()
        await workshop.store.hold()
    except StoreError as err:
        raise translated(err, HomeAssistantError) from err


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on writing."""
    workshop = async_find_workshop(hass)
    if workshop is not None:
        workshop.store.go_on()
