"""The database at rest while Home Assistant copies the configuration folder.

Only a file in that folder: a database elsewhere is not in the backup, and must not fail it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.exceptions import HomeAssistantError

from .engine.errors import StoreError
from .ha_errors import translated
from .runtime import async_shared

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant


async def async_pre_backup(hass: HomeAssistant) -> None:
    """Write everything into the one file of the database, and hold what comes after.

    Raises HomeAssistantError: a copy that may be torn must not pass for a good one.
    """
    shared = async_shared(hass)
    workshop = shared.workshop
    if workshop is None or not (shared.url or "").startswith("sqlite"):
        return
    try:
        await workshop.ledger.flush()
        await workshop.store.hold()
    except StoreError as err:
        raise translated(err, HomeAssistantError) from err


async def async_post_backup(hass: HomeAssistant) -> None:
    """Go on writing."""
    workshop = async_shared(hass).workshop
    if workshop is not None:
        workshop.store.go_on()
