"""The rows of `sensor.py` that speak of the printer and its job."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    SIGNAL_STRENGTH_DECIBELS_MILLIWATT,
    EntityCategory,
    UnitOfLength,
    UnitOfRatio,
    UnitOfTime,
)

from .engine.job import Outcome
from .engine.printer import PrinterState, PrinterStatus
from .entity import PrinterEntityDescription
from .stages import STAGES
from .steady import whole_minutes

if TYPE_CHECKING:
    from collections.abc import Callable

    from .engine.job import Job

_STATE_LENGTH: Final = 255
"""What Home Assistant takes as a state."""
_PROBLEMS_SHOWN: Final = 10
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


@dataclass(frozen=True, kw_only=True)
class LastJobSensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A row of the last run that has ended."""

    value_fn: Callable[[PrinterStatus], None] = lambda _: None
    job_fn: Callable[[Job], Any]
    named: bool = False
    """Whether it says which run it was."""


def fit(value: str | None) -> str | None:
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


def _filament_used(status: PrinterStatus) -> int | None:
    """Whole decimetres: a third of a gram is news, a millimetre is noise."""
    measured = status.job.filament_mm if status.job else None
    return None if measured is None else round(measured / 100) * 100


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
        key="queued",
        translation_key="queued",
        value_fn=lambda status: status.queued,
        exists_fn=lambda status, _: status.queued is not None,
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
        value_fn=lambda status: fit(status.job.name) if status.job else None,
    ),
    PrinterSensorDescription(
        key="file",
        translation_key="file",
        entity_registry_enabled_default=False,
        value_fn=lambda status: fit(status.job.path) if status.job else None,
    ),
    PrinterSensorDescription(
        key="filament_used",
        translation_key="filament_used",
        device_class=SensorDeviceClass.DISTANCE,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfLength.MILLIMETERS,
        suggested_unit_of_measurement=UnitOfLength.METERS,
        suggested_display_precision=1,
        entity_registry_enabled_default=False,
        value_fn=_filament_used,
        exists_fn=lambda status, _: status.job is not None and status.job.filament_mm is not None,
        remembered=True,
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
