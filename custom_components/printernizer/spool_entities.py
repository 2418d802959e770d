"""Spools at a printer: which one hangs in each slot, and whether they are enough for the job."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.core import callback

from .engine.material import TOOL_SLOT
from .entity import PrinterEntity, PrinterEntityDescription, SlotEntity
from .ha_errors import told_to_the_user
from .stock_facts import amount, shortage_facts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .coordinator import PrinterCoordinator
    from .engine.material import Spool
    from .engine.printer import PrinterStatus
    from .engine.workshop.stock import Stock
    from .roster import Row

NOTHING: Final = "nothing"
"""The choice that takes a spool down."""
_MOST: Final = 300
"""Spools to choose from, the newest first: a longer list is no choice. Actions know them all."""
_MOST_SHORT: Final = 20


def _nothing(_: object) -> None:
    return None


@dataclass(frozen=True, kw_only=True)
class SpoolDescription(PrinterEntityDescription[None, Any], SelectEntityDescription):
    """A place for a spool."""

    value_fn: Callable[[Any], None] = _nothing


SLOT_SPOOL: Final = SpoolDescription(key="spool", translation_key="spool")
"""In a slot that the printer reports."""


def tool_spool(index: int, tools: int) -> SpoolDescription:
    """Return the row of a tool of a printer that reports no slots."""
    return SpoolDescription(
        key=f"tool_{index}_spool", translation_key="spool" if tools < 2 else "tool_spool"
    )


@dataclass(frozen=True, kw_only=True)
class ShortDescription(PrinterEntityDescription[None], BinarySensorEntityDescription):
    """Whether spools are enough."""

    value_fn: Callable[[PrinterStatus], None] = _nothing


NOT_ENOUGH: Final = ShortDescription(
    key="not_enough",
    translation_key="not_enough",
    device_class=BinarySensorDeviceClass.PROBLEM,
)


class StockedEntity(PrinterEntity):
    """A row of a printer that follows the stock, too."""

    @property
    def stock(self) -> Stock:
        """What there is."""
        return self.coordinator.workshop.stock

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the stock."""
        await super().async_added_to_hass()
        self.async_on_remove(self.stock.subscribe(self.show))


class SpoolSelect(StockedEntity, SelectEntity):
    """Which spool hangs in a place."""

    _unrecorded_attributes = frozenset({"remaining_g", "colour", "location"})
    place: str
    """Key of the slot."""

    @property
    def spool(self) -> Spool | None:
        """The one that hangs there."""
        return self.stock.hung(self.coordinator.printer_id).get(self.place)

    @property
    @override
    def available(self) -> bool:
        """Always: people change spools while a printer is off."""
        return True

    @property
    @override
    def options(self) -> list[str]:
        """Every spool that is not archived, and nothing."""
        labels = list(self.stock.choices[:_MOST])
        here = self.current_option
        if here is not None and here != NOTHING and here not in labels:
            labels.append(here)
        return [NOTHING, *labels]

    @property
    @override
    def current_option(self) -> str | None:
        """What people call the spool."""
        return NOTHING if self.spool is None else self.stock.label(self.spool)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Its number and what is on it."""
        if (spool := self.spool) is None:
            return {}
        return {
            "spool": spool.number,
            "remaining_g": amount(spool.remaining_g),
            "colour": self.stock.material_of(spool).colour,
            "location": spool.location,
        }

    @override
    def read(self) -> Any:
        return self.spool

    @override
    def shown(self) -> object:
        return self.spool, self.options

    @override
    async def async_select_option(self, option: str) -> None:
        """Hang that spool here. Raises HomeAssistantError."""
        number = None if option == NOTHING else int(option.removeprefix("#").split(" ", 1)[0])
        with told_to_the_user():
            await self.stock.hang(
                self.coordinator.printer_id,
                self.place,
                None if number is None else self.stock.numbered(number).id,
                by=self._context.user_id if self._context else None,
            )


class SlotSpoolSelect(SpoolSelect, SlotEntity):
    """Which spool hangs in a slot that the printer reports."""

    def __init__(self, coordinator: PrinterCoordinator, slot: str) -> None:
        super().__init__(coordinator, SLOT_SPOOL, slot)
        self.place = slot


class ToolSpoolSelect(SpoolSelect):
    """Which spool feeds a tool of a printer that reports no slots."""

    def __init__(self, coordinator: PrinterCoordinator, index: int, tools: int) -> None:
        super().__init__(coordinator, tool_spool(index, tools))
        self._attr_translation_placeholders = {"number": str(index + 1)}
        self.place = TOOL_SLOT.format(index)


class NotEnoughSensor(StockedEntity, BinarySensorEntity):
    """Whether the job that runs wants more than its spools hold."""

    _unrecorded_attributes = frozenset({"slots"})

    @property
    @override
    def available(self) -> bool:
        """Always: what is missing is known without the printer."""
        return True

    @override
    def read(self) -> Any:
        return self.stock.short(self.coordinator.printer_id)

    @property
    @override
    def is_on(self) -> bool:
        """Whether any slot falls short."""
        return bool(self.latest)

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any]:
        """Which, and by how much."""
        return {
            "slots": [
                shortage_facts(self.stock, short) for short in (self.latest or ())[:_MOST_SHORT]
            ]
        }


@callback
def spool_rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    """Give a choice of spool for every slot, or for every tool where there are none."""
    status = coordinator.data
    for slot in status.slots:
        yield f"{slot.key}_spool", partial(SlotSpoolSelect, coordinator, slot.key)
    if not status.slots:
        tools = [tool.index for tool in status.tools] or [0]
        for index in tools:
            key = TOOL_SLOT.format(index)
            yield f"{key}_spool", partial(ToolSpoolSelect, coordinator, index, len(tools))


def places(status: PrinterStatus) -> tuple[object, ...]:
    """Return what of a status decides which places there are."""
    return tuple(slot.key for slot in status.slots), tuple(tool.index for tool in status.tools)
