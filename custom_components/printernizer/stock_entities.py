"""The stock as entities of the shop: what there is, what runs low, what is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.event import EventEntity, EventEntityDescription
from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfMass
from homeassistant.core import callback
from homeassistant.helpers.entity import EntityDescription

from .shop_entity import ShopEntity
from .stock_facts import LOW_STOCK, NOT_ENOUGH, news

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from decimal import Decimal

    from .engine.events import StockEvent
    from .engine.workshop.stock import Stock
    from .runtime import ShopConfigEntry

_MOST: Final = 20
"""Names in an attribute. Whoever is out of more should open the list."""


@dataclass(frozen=True, kw_only=True)
class StockSensorDescription(SensorEntityDescription):
    """A figure of the whole stock."""

    stock_fn: Callable[[Stock], Decimal]


STOCK_SENSORS: Final = (
    StockSensorDescription(
        key="stock",
        translation_key="stock",
        device_class=SensorDeviceClass.WEIGHT,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfMass.GRAMS,
        suggested_unit_of_measurement=UnitOfMass.KILOGRAMS,
        suggested_display_precision=2,
        stock_fn=lambda stock: stock.total_g,
    ),
    StockSensorDescription(
        key="stock_value",
        translation_key="stock_value",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        stock_fn=lambda stock: stock.total_value,
    ),
)
LOW: Final = BinarySensorEntityDescription(
    key="low_stock", translation_key="low_stock", device_class=BinarySensorDeviceClass.PROBLEM
)
NEWS: Final = EventEntityDescription(
    key="stock_event", translation_key="stock", event_types=[LOW_STOCK, NOT_ENOUGH]
)


class StockEntity(ShopEntity):
    """A row of the stock: it looks again whenever that changes."""

    def __init__(self, entry: ShopConfigEntry, description: EntityDescription) -> None:
        super().__init__(entry, description.key)
        self.entity_description = description
        self._attr_translation_key = description.translation_key

    @property
    def stock(self) -> Stock:
        """What there is."""
        return self.workshop.stock

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the stock."""
        self.async_on_remove(self.stock.subscribe(self.show))


class StockSensor(StockEntity, SensorEntity):
    """A figure of the whole stock."""

    entity_description: StockSensorDescription

    @property
    @override
    def native_value(self) -> float:
        """The figure, to the cent or the hundredth of a gram."""
        return round(float(self.entity_description.stock_fn(self.stock)), 2)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Grams, or the shop's currency."""
        if self.device_class is SensorDeviceClass.MONETARY:
            return self.workshop.settings.shop.currency
        return UnitOfMass.GRAMS


class LowStockSensor(StockEntity, BinarySensorEntity):
    """Whether something is to be bought."""

    _unrecorded_attributes = frozenset({"materials"})

    @property
    @override
    def is_on(self) -> bool:
        """Whether any material runs low."""
        return bool(self.stock.low)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Which, and how many there are in all."""
        low = self.stock.low
        return {"materials": [material.title[:100] for material in low[:_MOST]], "count": len(low)}

    @override
    def shown(self) -> object:
        return self.stock.low


class StockEventEntity(StockEntity, EventEntity):
    """That a material ran low, or will not be enough for a print."""

    @override
    async def async_added_to_hass(self) -> None:
        """Listen for what happens, not for every change."""
        self.async_on_remove(self.stock.listen(self._on_event))

    @callback
    def _on_event(self, event: StockEvent) -> None:
        kind, facts = news(self.hass, self.stock, event)
        known = {key: value for key, value in facts.items() if value is not None}
        self._trigger_event(kind, known)
        self.async_write_ha_state()


def stock_sensors(entry: ShopConfigEntry) -> Iterator[StockSensor]:
    """Give the figures of the stock."""
    return (StockSensor(entry, row) for row in STOCK_SENSORS)


def stock_warnings(entry: ShopConfigEntry) -> Iterator[LowStockSensor]:
    """Give what says that something runs low."""
    yield LowStockSensor(entry, LOW)


def stock_events(entry: ShopConfigEntry) -> Iterator[StockEventEntity]:
    """Give what happens to the stock."""
    yield StockEventEntity(entry, NEWS)
