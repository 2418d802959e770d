"""Which entities a printer has: those it starts with, and those that appear later.

A platform says what rows there are for the latest status; here they become entities, each once.
Nothing is asked again while a status has the same shape as the one before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import homeassistant.helpers.entity_registry as er
from homeassistant.core import callback

from .const import DOMAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from homeassistant.helpers.entity import Entity
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.printer import PrinterStatus

type Row = tuple[str, Callable[[], Entity]]
"""A key that is unique within the platform, and how to make the entity."""
type Rows = Callable[[PrinterCoordinator], Iterable[Row]]
"""Gives every row that this printer has now."""


def shape(status: PrinterStatus) -> tuple[object, ...]:
    """Return what decides which sensors there are: which things it has and which values it says."""
    return (
        tuple(tool.index for tool in status.tools),
        tuple((fan.key, fan.percent is None, fan.rpm is None) for fan in status.fans),
        tuple(
            (
                feeder.key,
                feeder.humidity_percent is None,
                feeder.humidity_level is None,
                feeder.temperature_c is None,
                feeder.drying_left is None,
            )
            for feeder in status.feeders
        ),
        tuple((slot.key, slot.remaining is None) for slot in status.slots),
        status.stage is None,
        status.bed is None,
        status.chamber is None,
        status.speed_percent is None,
        status.flow_percent is None,
        status.speed_profile is None,
        status.wifi_dbm is None,
        status.usage is None,
        status.transfer is None,
        status.z_mm is None,
        status.queued is None,
        status.job is None or status.job.filament_mm is None,
    )


def of_parts(_: PrinterStatus) -> tuple[object, ...]:
    """Say that a platform's rows follow from the printer's parts alone."""
    return ()


@callback
def async_enrol(
    coordinator: PrinterCoordinator,
    add: AddConfigEntryEntitiesCallback,
    rows: Rows,
    shape_of: Callable[[PrinterStatus], tuple[object, ...]] = of_parts,
) -> None:
    """Add a platform's entities now, and later what appears. Stops when the entry unloads.

    shape_of: what of a status `rows` depends on, besides the parts.
    """
    known: set[str] = set()
    last: tuple[object, ...] | None = None
    parts: object = None

    @callback
    def look() -> None:
        nonlocal last, parts
        now = shape_of(coordinator.data)
        if now == last and coordinator.parts is parts:
            return
        last, parts = now, coordinator.parts
        fresh = {key: make for key, make in rows(coordinator) if key not in known}
        known.update(fresh)
        if fresh:
            add(make() for make in fresh.values())

    look()
    coordinator.config_entry.async_on_unload(coordinator.async_add_listener(look))


@callback
def was_here(coordinator: PrinterCoordinator, platform: str, key: str) -> bool:
    """Whether this printer had an entity with this key before Home Assistant restarted.

    For values that a printer says only at times: what was there once does not go missing until
    it is said again.
    """
    registry = er.async_get(coordinator.hass)
    unique_id = f"{coordinator.printer_id}_{key}"
    return registry.async_get_entity_id(platform, DOMAIN, unique_id) is not None
