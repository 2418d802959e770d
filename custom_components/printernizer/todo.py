"""What is to be done in the shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from homeassistant.const import Platform

from .entity import PARALLEL_COMMANDS
from .shop_roster import add_shop_entities

if TYPE_CHECKING:
    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .runtime import ShopConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS


async def async_setup_entry(
    hass: HomeAssistant,
    entry: ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the shop's lists."""
    add_shop_entities(Platform.TODO, entry, async_add_entities)
