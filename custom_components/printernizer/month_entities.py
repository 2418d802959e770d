"""This month of the shop, and what the last job of each printer took, as sensors."""

from __future__ import annotations

from contextlib import suppress
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
from homeassistant.const import PERCENTAGE, UnitOfEnergy, UnitOfMass, UnitOfTime
from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .engine.account import weakest
from .engine.errors import StoreError
from .engine.money import CENT, rounded
from .engine.printer import PrinterStatus
from .entity import PrinterEntity, PrinterEntityDescription
from .runtime import async_month
from .shop_entity import ShopEntity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from .coordinator import PrinterCoordinator
    from .engine.account import JobAccount
    from .engine.job import Job
    from .engine.report import MonthlyReport, Totals
    from .month import MonthFigures
    from .roster import Row
    from .runtime import ShopConfigEntry

_TENTH: Final = Decimal("0.1")
_WATT_HOUR: Final = Decimal("0.001")


def _nothing(_: PrinterStatus) -> None:
    """What is reckoned is not in any status."""


@dataclass(frozen=True, kw_only=True)
class MonthSensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A figure of this month, of the shop or of one printer."""

    value_fn: Callable[[PrinterStatus], None] = _nothing
    total_fn: Callable[[Totals], Decimal | int | float | None]
    state_class: SensorStateClass | None = SensorStateClass.TOTAL
    of_each_printer: bool = False
    """Whether printers show it unless asked not to; the others wait until somebody wants them."""


def _success(totals: Totals) -> float | None:
    share = totals.jobs.success
    return None if share is None else round(share * 100, 1)


MONTH_SENSORS: Final = (
    MonthSensorDescription(
        key="month_jobs",
        translation_key="month_jobs",
        total_fn=lambda of: of.jobs.total,
        of_each_printer=True,
    ),
    MonthSensorDescription(
        key="month_hours",
        translation_key="month_hours",
        device_class=SensorDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.HOURS,
        total_fn=lambda of: rounded(of.hours, _TENTH),
        of_each_printer=True,
    ),
    MonthSensorDescription(
        key="month_material",
        translation_key="month_material",
        native_unit_of_measurement=UnitOfMass.GRAMS,
        total_fn=lambda of: rounded(of.mass_g, _TENTH),
        of_each_printer=True,
    ),
    MonthSensorDescription(
        key="month_energy",
        translation_key="month_energy",
        device_class=SensorDeviceClass.ENERGY,
        native_unit_of_measurement=UnitOfEnergy.KILO_WATT_HOUR,
        total_fn=lambda of: rounded(of.kwh, _WATT_HOUR),
    ),
    MonthSensorDescription(
        key="month_cost",
        translation_key="month_cost",
        device_class=SensorDeviceClass.MONETARY,
        total_fn=lambda of: rounded(of.cost, CENT),
        of_each_printer=True,
    ),
    MonthSensorDescription(
        key="month_revenue",
        translation_key="month_revenue",
        device_class=SensorDeviceClass.MONETARY,
        total_fn=lambda of: rounded(of.revenue, CENT),
    ),
    MonthSensorDescription(
        key="month_margin",
        translation_key="month_margin",
        device_class=SensorDeviceClass.MONETARY,
        total_fn=lambda of: rounded(of.margin, CENT),
    ),
    MonthSensorDescription(
        key="month_success",
        translation_key="month_success",
        native_unit_of_measurement=PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        total_fn=_success,
    ),
)


def month_sensors(entry: ShopConfigEntry) -> Iterator[MonthSensor]:
    """Give the figures of this month."""
    for row in MONTH_SENSORS:
        yield MonthSensor(entry, row)


class MonthSensor(ShopEntity, SensorEntity):
    """One figure of this month; it begins anew with the next, where the shop is."""

    entity_description: MonthSensorDescription

    def __init__(self, entry: ShopConfigEntry, description: MonthSensorDescription) -> None:
        super().__init__(entry, description.key)
        self.entity_description = description

    @property
    def _month(self) -> MonthFigures:
        return async_month(self.hass)

    @property
    def _report(self) -> MonthlyReport | None:
        return self._month.report

    @property
    @override
    def native_value(self) -> Decimal | int | float | None:
        """What it is so far; None while it could not be read."""
        report = self._report
        return None if report is None else self.entity_description.total_fn(report.totals)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Money is in the shop's currency."""
        if self.device_class is SensorDeviceClass.MONETARY:
            return self.workshop.settings.shop.currency
        return self.entity_description.native_unit_of_measurement

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the month began."""
        return _began(self._report, self.state_class)

    @override
    def shown(self) -> object:
        return self.native_value, self.last_reset

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the month."""
        await super().async_added_to_hass()
        self.async_on_remove(self._month.async_add_listener(self.show))


def _began(report: MonthlyReport | None, kind: object) -> datetime | None:
    """Return when a total of a month was at nothing."""
    if report is None or kind is not SensorStateClass.TOTAL:
        return None
    return dt_util.start_of_local_day(report.month)


# -- of a printer: its month, and its last job ------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class AccountSensorDescription(PrinterEntityDescription[None], SensorEntityDescription):
    """A figure of the last job that was reckoned."""

    value_fn: Callable[[PrinterStatus], None] = _nothing
    account_fn: Callable[[JobAccount], Decimal | None]
    about_fn: Callable[[JobAccount], dict[str, Any]]


def _how_sure(account: JobAccount) -> dict[str, Any]:
    """Tell how far a sum of grams can be trusted: no further than its weakest part."""
    source, confidence = weakest(account.consumption)
    return {"source": source.value, "confidence": confidence.value}


ACCOUNT_SENSORS: Final = (
    AccountSensorDescription(
        key="last_job_cost",
        translation_key="last_job_cost",
        device_class=SensorDeviceClass.MONETARY,
        account_fn=lambda account: rounded(account.cost.total, CENT),
        about_fn=lambda account: {
            "complete": account.cost.complete,
            "price": None if account.price is None else float(account.price),
        },
    ),
    AccountSensorDescription(
        key="last_job_material",
        translation_key="last_job_material",
        native_unit_of_measurement=UnitOfMass.GRAMS,
        account_fn=lambda account: (
            None if account.mass_g is None else rounded(account.mass_g, _TENTH)
        ),
        about_fn=_how_sure,
    ),
)


def account_sensors(coordinator: PrinterCoordinator) -> Iterator[Row]:
    """Yield what the last job of a printer took, and what its month was like."""
    for month in MONTH_SENSORS:
        yield month.key, partial(PrinterMonthSensor, coordinator, month)
    for row in ACCOUNT_SENSORS:
        yield row.key, partial(AccountSensor, coordinator, row)


class ReckonedSensor(PrinterEntity, SensorEntity):
    """A figure of the ledger: it does not go when the line does."""

    entity_description: AccountSensorDescription | MonthSensorDescription

    @property
    @override
    def available(self) -> bool:
        """What was reckoned stays."""
        return True

    @property
    @override
    def native_value(self) -> Any:
        """What was read last."""
        return self.latest

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Money is in the shop's currency."""
        if self.device_class is SensorDeviceClass.MONETARY:
            return self.coordinator.workshop.settings.shop.currency
        return self.entity_description.native_unit_of_measurement


class PrinterMonthSensor(ReckonedSensor):
    """One figure of this month, of one printer."""

    entity_description: MonthSensorDescription

    def __init__(
        self, coordinator: PrinterCoordinator, description: MonthSensorDescription
    ) -> None:
        super().__init__(coordinator, description)
        self._attr_entity_registry_enabled_default = description.of_each_printer

    @property
    @override
    def last_reset(self) -> datetime | None:
        """When the month began."""
        return _began(async_month(self.hass).report, self.state_class)

    @override
    async def async_added_to_hass(self) -> None:
        """Follow the month."""
        await super().async_added_to_hass()
        self.async_on_remove(async_month(self.hass).async_add_listener(self.show))

    @override
    def read(self) -> Decimal | float | None:
        totals = async_month(self.hass).of(self.coordinator.printer_id)
        return None if totals is None else self.entity_description.total_fn(totals)

    @override
    def shown(self) -> object:
        return self.latest, self.last_reset


class AccountSensor(ReckonedSensor):
    """What the last job took; it changes when that is known better."""

    _unrecorded_attributes = frozenset({"complete", "price", "source", "confidence"})
    entity_description: AccountSensorDescription
    _account: JobAccount | None = None

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """Money is in the currency in which it was reckoned."""
        if self.device_class is SensorDeviceClass.MONETARY and self._account is not None:
            return self._account.currency
        return super().native_unit_of_measurement

    @property
    @override
    def extra_state_attributes(self) -> dict[str, Any] | None:
        """How far the figure can be trusted."""
        account = self._account
        return None if account is None else self.entity_description.about_fn(account)

    @override
    async def async_added_to_hass(self) -> None:
        """Look up the last job, and listen to what is reckoned."""
        await super().async_added_to_hass()
        workshop = self.coordinator.workshop
        self.async_on_remove(workshop.accounts.subscribe(self._on_account))
        last = workshop.ledger.last_job(self.coordinator.printer_id)
        if last is not None and self._account is None:
            with suppress(StoreError):
                known = await workshop.accounts.get(last.id)
                self._account = self._account or known  # one that was told meanwhile is newer
            self.show()

    @callback
    def _on_account(self, job: Job, account: JobAccount) -> None:
        last = self.coordinator.workshop.ledger.last_job(self.coordinator.printer_id)
        if last is not None and last.id == job.id:
            self._account = account
            self.show()

    @override
    def read(self) -> Decimal | None:
        return None if self._account is None else self.entity_description.account_fn(self._account)

    @override
    def shown(self) -> object:
        return self.latest, self.extra_state_attributes
