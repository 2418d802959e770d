"""The rows of `sensor.py` that speak of units: feeders, slots, heaters, fans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.sensor import SensorDeviceClass, SensorStateClass
from homeassistant.const import (
    REVOLUTIONS_PER_MINUTE,
    UnitOfRatio,
    UnitOfTemperature,
    UnitOfTime,
)

from .sensor_rows import PrinterSensorDescription, fit
from .steady import whole_minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .engine.printer import Feeder, PrinterStatus, Slot, Temperature
    from .parts import Parts

_TEMPERATURE_BAND: Final = 1.0
"""Degrees. People look at whole ones; a heater that holds its target trembles by half of one."""
FANS: Final = ("part", "hotend", "auxiliary", "chamber", "auxiliary_2", "heatbreak")
"""Fans with a translation of their own."""

type FeederSensorDescription = PrinterSensorDescription[float | None, Feeder]
type SlotSensorDescription = PrinterSensorDescription[str | int | None, Slot]

FEEDER_SENSORS: Final[tuple[FeederSensorDescription, ...]] = (
    PrinterSensorDescription(
        key="humidity",
        translation_key="humidity",
        device_class=SensorDeviceClass.HUMIDITY,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda feeder: feeder.humidity_percent,
        exists_fn=lambda feeder, _: feeder.humidity_percent is not None,
    ),
    PrinterSensorDescription(
        key="dryness",
        translation_key="dryness",
        value_fn=lambda feeder: feeder.humidity_level,
        exists_fn=lambda feeder, _: feeder.humidity_level is not None,
    ),
    PrinterSensorDescription(
        key="temperature",
        translation_key="temperature",
        device_class=SensorDeviceClass.TEMPERATURE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=0,
        value_fn=lambda feeder: feeder.temperature_c,
        exists_fn=lambda feeder, _: feeder.temperature_c is not None,
        band=_TEMPERATURE_BAND,
    ),
    PrinterSensorDescription(
        key="drying_left",
        translation_key="drying_left",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        value_fn=lambda feeder: whole_minutes(feeder.drying_left),
        exists_fn=lambda feeder, _: feeder.drying_left is not None,
    ),
)


def _spool(slot: Slot) -> dict[str, Any]:
    return {
        "material": slot.material,
        "colour": slot.colour,
        "empty": slot.empty,
        "active": slot.active,
    }


SLOT_SENSORS: Final[tuple[SlotSensorDescription, ...]] = (
    PrinterSensorDescription(
        key="filament",
        translation_key="filament",
        name=None,
        value_fn=lambda slot: fit(slot.name or slot.material),
        attributes_fn=_spool,
    ),
    PrinterSensorDescription(
        key="remaining",
        translation_key="spool_remaining",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda slot: None if slot.remaining is None else round(slot.remaining * 100),
        exists_fn=lambda slot, _: slot.remaining is not None,
    ),
)


def numbered(what: str, index: int) -> tuple[str, dict[str, str]]:
    """Return the translation key and placeholders of the nth; the first has no number."""
    return (what, {}) if index == 0 else (f"{what}_numbered", {"number": str(index + 1)})


def heat_sensors(
    status: PrinterStatus, parts: Parts
) -> Iterator[PrinterSensorDescription[float | None]]:
    """Yield the temperatures, and the targets of what cannot be set."""
    for index in [tool.index for tool in status.tools]:
        name, placeholders = numbered("nozzle", index)
        yield from _heat(f"tool_{index}", name, placeholders, _tool_heat(index), parts, status)
    yield from _heat("bed", "bed", {}, lambda status: status.bed, parts, status)
    yield from _heat("chamber", "chamber", {}, lambda status: status.chamber, parts, status)


def _tool_heat(index: int) -> Callable[[PrinterStatus], Temperature | None]:
    return lambda status: next(
        (tool.temperature for tool in status.tools if tool.index == index), None
    )


def _heat(
    key: str,
    name: str,
    placeholders: dict[str, str],
    of: Callable[[PrinterStatus], Temperature | None],
    parts: Parts,
    status: PrinterStatus,
) -> Iterator[PrinterSensorDescription[float | None]]:
    heat = of(status)
    if heat is None:
        return
    yield PrinterSensorDescription(
        key=f"{key}_temperature",
        translation_key=f"{name}_temperature",
        translation_placeholders=placeholders,
        device_class=SensorDeviceClass.TEMPERATURE,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=UnitOfTemperature.CELSIUS,
        suggested_display_precision=0,
        value_fn=lambda status: getattr(of(status), "actual_c", None),
        band=_TEMPERATURE_BAND,
    )
    if key not in parts.heaters and heat.target_c is not None:
        yield PrinterSensorDescription(
            key=f"{key}_target",
            translation_key=f"{name}_target",
            translation_placeholders=placeholders,
            device_class=SensorDeviceClass.TEMPERATURE,
            native_unit_of_measurement=UnitOfTemperature.CELSIUS,
            suggested_display_precision=0,
            value_fn=lambda status: getattr(of(status), "target_c", None),
        )


def fan_sensors(
    status: PrinterStatus, parts: Parts
) -> Iterator[PrinterSensorDescription[int | None]]:
    """Yield the speed of fans that cannot be set, and revolutions where they are counted."""
    for fan in status.fans:
        if fan.key not in FANS:
            continue
        if fan.percent is not None and fan.key not in parts.fans:
            yield PrinterSensorDescription(
                key=f"fan_{fan.key}",
                translation_key=f"fan_{fan.key}",
                native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
                value_fn=_fan_value(fan.key, "percent"),
            )
        if fan.rpm is not None:
            yield PrinterSensorDescription(
                key=f"fan_{fan.key}_rpm",
                translation_key=f"fan_{fan.key}_rpm",
                native_unit_of_measurement=REVOLUTIONS_PER_MINUTE,
                entity_registry_enabled_default=False,
                value_fn=_fan_value(fan.key, "rpm"),
            )


def _fan_value(key: str, field: str) -> Callable[[PrinterStatus], int | None]:
    return lambda status: next((getattr(fan, field) for fan in status.fans if fan.key == key), None)
