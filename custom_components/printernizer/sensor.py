"""What a printer says: state, job, times, temperatures, speed, material, health."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, override

from homeassistant.components.sensor import SensorEntity
from homeassistant.const import Platform
from homeassistant.core import callback

from .energy_entities import energy_sensors
from .engine.printer import PrinterState
from .entity import PARALLEL_READS, FeederEntity, PrinterEntity, SlotEntity
from .month_entities import account_sensors
from .roster import async_enrol, shape, was_here
from .runtime import is_shop
from .sensor_rows import (
    END_TIME,
    JOB_SENSORS,
    LAST_JOB_SENSORS,
    PRINTER_SENSORS,
    START_TIME,
)
from .shop_roster import add_shop_entities
from .steady import steady, steady_time
from .unit_rows import FEEDER_SENSORS, SLOT_SENSORS, fan_sensors, heat_sensors
from .upload_entities import upload_sensors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.job import Job, JobEvent
    from .roster import Row
    from .runtime import PrinternizerConfigEntry, ShopConfigEntry
    from .sensor_rows import LastJobSensorDescription, PrinterSensorDescription

PARALLEL_UPDATES = PARALLEL_READS


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry | ShopConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what this printer says, and later what it says of new units."""
    if is_shop(entry):
        add_shop_entities(Platform.SENSOR, entry, async_add_entities)
        return
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows, shape)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    status, parts = coordinator.data, coordinator.parts
    yield START_TIME.key, partial(StartTimeSensor, coordinator, START_TIME)
    yield END_TIME.key, partial(EndTimeSensor, coordinator, END_TIME)
    for last in LAST_JOB_SENSORS:
        yield last.key, partial(LastJobSensor, coordinator, last)
    plain: tuple[PrinterSensorDescription[Any], ...] = (
        *PRINTER_SENSORS,
        *JOB_SENSORS,
        *heat_sensors(status, parts),
        *fan_sensors(status, parts),
    )
    for row in plain:
        if row.exists_fn(status, parts) or (
            row.remembered and was_here(coordinator, Platform.SENSOR, row.key)
        ):
            yield row.key, partial(PrinterSensor, coordinator, row)
    yield from upload_sensors(coordinator)
    yield from energy_sensors(coordinator)
    yield from account_sensors(coordinator)
    for feeder in status.feeders:
        for row_of_feeder in FEEDER_SENSORS:
            if row_of_feeder.exists_fn(feeder, parts):
                key = f"feeder_{feeder.key}_{row_of_feeder.key}"
                yield key, partial(FeederSensor, coordinator, row_of_feeder, feeder.key)
    for slot in status.slots:
        for row_of_slot in SLOT_SENSORS:
            key = f"slot_{slot.key}_{row_of_slot.key}"
            if row_of_slot.exists_fn(slot, parts) or was_here(coordinator, Platform.SENSOR, key):
                yield key, partial(SlotSensor, coordinator, row_of_slot, slot.key)


class PrinterSensor(PrinterEntity, SensorEntity):
    """One value of a printer."""

    _unrecorded_attributes = frozenset({"codes", "texts"})
    entity_description: PrinterSensorDescription[Any]
    _attributes: dict[str, Any] | None = None

    @property
    @override
    def native_value(self) -> Any:
        """What the row says of the latest status."""
        return self.latest

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """What the row adds to it."""
        return self._attributes

    @override
    def read(self) -> Any:
        row, measured = self.entity_description, super().read()
        if row.attributes_fn is not None:
            self._attributes = row.attributes_fn(self.subject)
        return measured if row.band is None else steady(self.latest, measured, row.band)

    @property
    def subject(self) -> Any:
        """What the row is given: here the whole status."""
        return self.status

    @override
    def shown(self) -> object:
        return self.latest, self._attributes


class FeederSensor(PrinterSensor, FeederEntity):
    """One value of a feeder."""

    @property
    @override
    def subject(self) -> Any:
        """The feeder in the latest status."""
        return self.feeder


class SlotSensor(PrinterSensor, SlotEntity):
    """One value of a slot."""

    @property
    @override
    def subject(self) -> Any:
        """The slot in the latest status."""
        return self.slot


class LedgerSensor(PrinterEntity, SensorEntity):
    """A value that the ledger knows better than the printer; it follows both."""

    @property
    @override
    def native_value(self) -> Any:
        """What was read last."""
        return self.latest

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the ledger too: it writes a moment after the status was shown."""
        await super().async_added_to_hass()
        self.async_on_remove(self.coordinator.workshop.ledger.subscribe(self._on_job))

    @callback
    def _on_job(self, event: JobEvent) -> None:
        if event.job.printer_id == self.coordinator.printer_id:
            self.show()


class StartTimeSensor(LedgerSensor):
    """When the job began that the printer speaks of."""

    latest: datetime | None

    @override
    def read(self) -> datetime | None:
        status, run = self.status, self.coordinator.job
        if status.job is None:
            return None
        if run is not None and run.started_at is not None:
            return run.started_at.replace(microsecond=0)
        if not status.active or status.job.elapsed is None:
            return self.latest
        # It was running before anybody looked: the printer's own clock has to do.
        now = self.coordinator.workshop.clock.now()
        return steady_time(self.latest, now - status.job.elapsed)


class EndTimeSensor(LedgerSensor):
    """When the job will end; when it did end, once it has."""

    latest: datetime | None

    @override
    def read(self) -> datetime | None:
        status, run = self.status, self.coordinator.job
        if status.job is None:
            return None
        if status.state in {PrinterState.PREPARING, PrinterState.PRINTING}:
            if status.job.remaining is None:
                return None
            now = self.coordinator.workshop.clock.now()
            return steady_time(self.latest, now + status.job.remaining)
        if status.active or run is None or run.ended_at is None:
            return None  # nobody knows how long a pause takes
        return run.ended_at.replace(microsecond=0)


class LastJobSensor(LedgerSensor):
    """How the last run ended that the ledger has closed."""

    _unrecorded_attributes = frozenset({"reason"})
    entity_description: LastJobSensorDescription
    _ended: Job | None = None

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Which run it was, for the outcome."""
        if self._ended is None or not self.entity_description.named:
            return None
        return {"job": self._ended.title[:255] or None, "reason": self._ended.reason}

    @override
    def read(self) -> Any:
        self._ended = self.coordinator.workshop.ledger.last_job(self.coordinator.printer_id)
        return None if self._ended is None else self.entity_description.job_fn(self._ended)

    @override
    def shown(self) -> object:
        return self.latest, self._ended.id if self._ended else None
