"""Which entities the shop has, by platform."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from homeassistant.const import Platform

from .month_entities import month_sensors
from .stock_entities import stock_events, stock_sensors, stock_warnings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from homeassistant.helpers.entity import Entity
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .runtime import ShopConfigEntry

type ShopRows = Callable[[ShopConfigEntry], Iterable[Entity]]

SHOP_ROWS: Final[Mapping[Platform, tuple[ShopRows, ...]]] = {
    Platform.BINARY_SENSOR: (stock_warnings,),
    Platform.EVENT: (stock_events,),
    Platform.SENSOR: (stock_sensors, month_sensors),
}
"""Each part of the back office adds its own."""


def add_shop_entities(
    platform: Platform, entry: ShopConfigEntry, async_add_entities: AddConfigEntryEntitiesCallback
) -> None:
    """Add what the shop shows on a platform."""
    async_add_entities(entity for rows in SHOP_ROWS.get(platform, ()) for entity in rows(entry))
