"""The rows of `sensor.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    REVOLUTIONS_PER_MINUTE,
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfLength,
    UnitOfRatio,
    UnitOfTemperature,
    UnitOfTime,
)

from .engine.job import Outcome
from .engine.printer import PrinterState, PrinterStatus
from .entity import PrinterEntityDescription
from .stages import STAGES
from .steady import whole_minutes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .engine.job import Job
    from .engine.printer import Feeder, Slot, Temperature
    from .parts import Parts

_STATE_LENGTH: Final = 255
"""What Home Assistant takes as a state."""
_PROBLEMS_SHOWN: Final = 10
_TEMPERATURE_BAND: Final = 1.0
"""Degrees. People look at whole ones; a heater that holds its target trembles by half of one."""
_WIFI_BAND: Final = 3.0

STATES: Final = tuple(
    state.value
    for state in PrinterState
    if state not in {PrinterState.OFFLINE, PrinterState.UNKNOWN}
)
OUTCOMES: Final = {
    Outcome.COMPLETED: "completed",
    Outcome.FAILED: "failed",
    Outcome.CANCELLED: "cancelled",
    Outcome.UNKNOWN: "unseen",
}
""""unknown" is Home Assistant's own word for a value that is missing."""
SPEEDS: Final = ("silent", "standard", "sport", "ludicrous")
FANS: Final = ("part", "hotend", "auxiliary", "chamber", "auxiliary_2", "heatbreak")
SLOTS: Final = (
    *(f"{unit}_{index}" for unit in range(4) for index in range(4)),
    *(f"{unit}_0" for unit in range(128, 136)),
    "external",
    "external_2",
)
"""Keys of every place for a spool that has a translation."""


@dataclass(frozen=True, kw_only=True)
class PrinterSensorDescription[V, S = PrinterStatus](
    PrinterEntityDescription[V, S], SensorEntityDescription
):
    """A row of what a printer says."""

    band: float | None = None
    """A measured value is held until it has moved this far, and shown in whole units."""
    attributes_fn: Callable[[S], dict[str, Any]] | None = None
    remembered: bool = False
    """Said only at times: once it was seen, it stays."""


type FeederSensorDescription = PrinterSensorDescription[float | None, Feeder]
type SlotSensorDescription = PrinterSensorDescription[str | int | None, Slot]


@dataclass(frozen=True, kw_only=True)
class LastJobSensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A row of the last run that has ended."""

    value_fn: Callable[[PrinterStatus], None] = lambda _: None
    job_fn: Callable[[Job], Any]
    named: bool = False
    """Whether it says which run it was."""


def _text(value: str | None) -> str | None:
    """Fit what a printer says into a state."""
    return value[:_STATE_LENGTH] if value else None


def _one_of(value: str | None, known: tuple[str, ...]) -> str | None:
    return value if value in known else None


def _problems(status: PrinterStatus) -> dict[str, Any]:
    shown = status.problems[:_PROBLEMS_SHOWN]
    return {
        "codes": [problem.code for problem in shown],
        "texts": [problem.text for problem in shown],
    }


def _active_slot(status: PrinterStatus) -> str | None:
    return _one_of(next((slot.key for slot in status.slots if slot.active), None), SLOTS)


PRINTER_SENSORS: Final[tuple[PrinterSensorDescription[Any], ...]] = (
    PrinterSensorDescription(
        key="state",
        translation_key="state",
        name=None,
        device_class=SensorDeviceClass.ENUM,
        options=list(STATES),
        value_fn=lambda status: _one_of(status.state.value, STATES),
        available_fn=lambda status: status.state is not PrinterState.OFFLINE,
    ),
    PrinterSensorDescription(
        key="stage",
        translation_key="stage",
        device_class=SensorDeviceClass.ENUM,
        options=list(STAGES),
        value_fn=lambda status: _one_of(status.stage, STAGES),
        exists_fn=lambda status, _: status.stage is not None,
        remembered=True,
    ),
    PrinterSensorDescription(
        key="speed",
        translation_key="speed",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda status: status.speed_percent,
        exists_fn=lambda status, parts: (
            parts.speed_range is None and status.speed_percent is not None
        ),
    ),
    PrinterSensorDescription(
        key="speed_profile",
        translation_key="speed_profile",
        device_class=SensorDeviceClass.ENUM,
        options=list(SPEEDS),
        value_fn=lambda status: _one_of(status.speed_profile, SPEEDS),
        exists_fn=lambda status, parts: (
            not parts.speed_profiles and status.speed_profile is not None
        ),
    ),
    PrinterSensorDescription(
        key="flow",
        translation_key="flow",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        entity_registry_enabled_default=False,
        value_fn=lambda status: status.flow_percent,
        exists_fn=lambda status, _: status.flow_percent is not None,
        remembered=True,
    ),
    PrinterSensorDescription(
        key="z",
        translation_key="z",
        device_class=SensorDeviceClass.DISTANCE,
        native_unit_of_measurement=UnitOfLength.MILLIMETERS,
        suggested_display_precision=1,
        entity_registry_enabled_default=False,
        value_fn=lambda status: None if status.z_mm is None else round(status.z_mm, 1),
        exists_fn=lambda status, _: status.z_mm is not None,
        remembered=True,
    ),
    PrinterSensorDescription(
        key="active_slot",
        translation_key="active_slot",
        device_class=SensorDeviceClass.ENUM,
        options=list(SLOTS),
        value_fn=_active_slot,
        exists_fn=lambda status, _: len(status.slots) > 1,
    ),
    PrinterSensorDescription(
        key="problems",
        translation_key="problems",
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: len(status.problems),
        attributes_fn=_problems,
    ),
    PrinterSensorDescription(
        key="wifi",
        translation_key="wifi",
        device_class=SensorDeviceClass.SIGNAL_STRENGTH,
        state_class=SensorStateClass.MEASUREMENT,
        native_unit_of_measurement=SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        value_fn=lambda status: status.wifi_dbm,
        exists_fn=lambda status, _: status.wifi_dbm is not None,
        band=_WIFI_BAND,
        remembered=True,
    ),
    PrinterSensorDescription(
        key="usage",
        translation_key="usage",
        device_class=SensorDeviceClass.DURATION,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfTime.HOURS,
        suggested_display_precision=0,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: (
            None if status.usage is None else int(status.usage.total_seconds() // 3600)
        ),
        exists_fn=lambda status, _: status.usage is not None,
        remembered=True,
    ),
    PrinterSensorDescription(
        key="transfer",
        translation_key="transfer",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        entity_category=EntityCategory.DIAGNOSTIC,
        value_fn=lambda status: (
            None
            if status.transfer is None or status.transfer.progress is None
            else int(status.transfer.progress * 100)
        ),
        exists_fn=lambda status, _: status.transfer is not None,
        remembered=True,
    ),
)

JOB_SENSORS: Final[tuple[PrinterSensorDescription[Any], ...]] = (
    PrinterSensorDescription(
        key="progress",
        translation_key="progress",
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        value_fn=lambda status: status.percent,
    ),
    PrinterSensorDescription(
        key="layer",
        translation_key="layer",
        value_fn=lambda status: status.job and status.job.layer,
    ),
    PrinterSensorDescription(
        key="layers",
        translation_key="layers",
        value_fn=lambda status: status.job and status.job.layers,
    ),
    PrinterSensorDescription(
        key="remaining",
        translation_key="remaining",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        value_fn=lambda status: whole_minutes(status.job.remaining) if status.job else None,
    ),
    PrinterSensorDescription(
        key="job",
        translation_key="job",
        value_fn=lambda status: _text(status.job.name) if status.job else None,
    ),
    PrinterSensorDescription(
        key="file",
        translation_key="file",
        entity_registry_enabled_default=False,
        value_fn=lambda status: _text(status.job.path) if status.job else None,
    ),
)

START_TIME: Final = PrinterSensorDescription[None](
    key="start_time",
    translation_key="start_time",
    device_class=SensorDeviceClass.TIMESTAMP,
    value_fn=lambda _: None,
)
END_TIME: Final = PrinterSensorDescription[None](
    key="end_time",
    translation_key="end_time",
    device_class=SensorDeviceClass.TIMESTAMP,
    value_fn=lambda _: None,
)

LAST_JOB_SENSORS: Final = (
    LastJobSensorDescription(
        key="last_job_outcome",
        translation_key="last_job_outcome",
        device_class=SensorDeviceClass.ENUM,
        options=list(OUTCOMES.values()),
        job_fn=lambda job: OUTCOMES[job.outcome] if job.outcome else None,
        named=True,
    ),
    LastJobSensorDescription(
        key="last_job_duration",
        translation_key="last_job_duration",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MINUTES,
        suggested_display_precision=0,
        job_fn=lambda job: None if job.duration is None else whole_minutes(job.duration),
    ),
)

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
        value_fn=lambda slot: _text(slot.name or slot.material),
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
