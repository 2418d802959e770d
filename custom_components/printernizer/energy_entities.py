"""What a printer draws, as sensors: of its job, of its life, and what the job's energy costs."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import UnitOfEnergy

from .engine.money import rounded
from .engine.printer import PrinterStatus
from .entity import PrinterEntity, PrinterEntityDescription

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from .coordinator import PrinterCoordinator
    from .engine.workshop.meters import PrinterEnergy
    from .roster import Row

_WATT_HOUR: Final = Decimal("0.001")
_HUNDREDTH_CENT: Final = Decimal("0.0001")


@dataclass(frozen=True, kw_only=True)
class EnergySensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A row of a printer's energy."""

    value_fn: Callable[[PrinterStatus], None] = lambda _: None
    energy_fn: Callable[[PrinterEnergy], Decimal | None]
    to: Decimal = _WATT_HOUR
    """What it is rounded to."""
    of_job: bool = True
    """It begins anew with every job, and says how far it can be trusted."""


ENERGY_SENSORS: Final = (
    EnergySensorDescription(
        key="job_energy",
        translation_key="job_energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=3,
        energy_fn=lambda energy: energy.job.kwh if energy.job else None,
    ),
    EnergySensorDescription(
        key="job_energy_cost",
        translation_key="job_energy_cost",
        device_class=SensorDeviceClass.MONETARY,
        state_class=SensorStateClass.TOTAL,
        suggested_display_precision=2,
        energy_fn=lambda energy: energy.job.amount if energy.job else None,
        to=_HUNDREDTH_CENT,
    ),
    EnergySensorDescription(
        key="energy",
        translation_key="energy",
        device_class=SensorDeviceClass.ENERGY,
        state_class=SensorStateClass.TOTAL_INCREASING,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        suggested_display_precision=2,
        energy_fn=lambda energy: energy.total_kwh,
        of_job=False,
    ),
)


def energy_sensors(coordinator: PrinterCoordinator) -> Iterator[Row]:
    """Yield the sensors of energy, for a printer of which it can be known at all."""
    machine = coordinator.workshop.settings.machine(coordinator.printer_id)
    if machine.energy_entity or machine.power_entity or machine.power is not None:
        for row in ENERGY_SENSORS:
            yield row.key, partial(EnergySensor, coordinator, row)


class EnergySensor(PrinterEntity, SensorEntity):
    """One value of a printer's energy. A meter is read even while the printer is gone."""

    _unrecorded_attributes = frozenset({"confidence", "reason"})
    entity_description: EnergySensorDescription
    _attributes: dict[str, Any] | None = None
    _began_at: datetime | None = None

    @property
    @override
    def available(self) -> bool:
        """What was counted does not go when the line does."""
        return True

    @property
    @override
    def native_value(self) -> Any:
        """What was read last."""
        return self.latest

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Energy in kWh, money in the shop's currency."""
        if self.device_class is SensorDeviceClass.MONETARY:
            return self.coordinator.workshop.settings.shop.currency
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the job began that it speaks of."""
        return self._began_at

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """Where the figure comes from, and how far it can be trusted."""
        return self._attributes

    @override
    async def async_added_to_hass(self) -> None:
        """Listen to the meter too."""
        await super().async_added_to_hass()
        meters = self.coordinator.workshop.meters
        self.async_on_remove(meters.watch(self.coordinator.printer_id, self.show))

    @override
    def read(self) -> Any:
        energy = self.coordinator.workshop.meters.energy(self.coordinator.printer_id)
        self._attributes = self._began_at = None
        if energy is None:
            return None
        row, job = self.entity_description, energy.job
        if not row.of_job:
            self._attributes = {"source": energy.source.value}
        elif job is not None:
            self._began_at = energy.job_began_at
            self._attributes = {
                "source": job.source.value,
                "confidence": job.confidence.value,
                "reason": job.reason,
            }
        said = row.energy_fn(energy)
        return None if said is None else rounded(said, row.to)

    @override
    def shown(self) -> object:
        return self.latest, self._attributes, self._began_at
