"""The days of the ledger in Home Assistant's long-term statistics, from the very first job on.

Sensors only know what they saw. The ledger knows the years before them too, and what was corrected
since: its days are written as external statistics, one row a day at its first full hour, for the
shop and for each printer. Writing a day again changes nothing, so that it may be done at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from homeassistant.components.recorder.models import (
    StatisticData,
    StatisticMeanType,
    StatisticMetaData,
)
from homeassistant.components.recorder.statistics import (
    async_add_external_statistics,
    get_last_statistics,
)
from homeassistant.const import UnitOfEnergy, UnitOfMass, UnitOfTime
from homeassistant.core import callback
from homeassistant.helpers.recorder import get_instance
from homeassistant.helpers.start import async_at_started
from homeassistant.helpers.translation import async_get_translations
from homeassistant.util import slugify
from homeassistant.util.dt import async_get_time_zone
from homeassistant.util.unit_conversion import DurationConverter, EnergyConverter, MassConverter

from .const import DOMAIN, SHOP_ID, SHOP_TITLE
from .engine.errors import StoreError
from .targets import async_printer_names

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date, tzinfo

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from .engine.account import JobAccount
    from .engine.job import Job
    from .engine.report import DailyHistory, Totals
    from .engine.workshop.workshop import Workshop

_LOGGER = logging.getLogger(__name__)

GATHERING_S: Final = 60.0
"""How long accounts are gathered: each is reckoned two or three times as more becomes known."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Series:
    """One figure that is kept by day."""

    key: str
    money: bool = False
    """Then its unit is the shop's currency."""
    unit: str | None = None
    unit_class: str | None = None
    value: Callable[[Totals], float]


SERIES: Final = (
    Series(key="jobs", value=lambda of: of.jobs.total),
    Series(
        key="hours",
        unit=UnitOfTime.HOURS,
        unit_class=DurationConverter.UNIT_CLASS,
        value=lambda of: float(of.hours),
    ),
    Series(
        key="material",
        unit=UnitOfMass.GRAMS,
        unit_class=MassConverter.UNIT_CLASS,
        value=lambda of: float(of.mass_g),
    ),
    Series(
        key="energy",
        unit=UnitOfEnergy.KILO_WATT_HOUR,
        unit_class=EnergyConverter.UNIT_CLASS,
        value=lambda of: float(of.kwh),
    ),
    Series(key="cost", money=True, value=lambda of: float(of.cost)),
    Series(key="revenue", money=True, value=lambda of: float(of.revenue)),
    Series(key="margin", money=True, value=lambda of: float(of.margin)),
)


@dataclass(frozen=True, slots=True)
class _Row:
    day: date
    value: float
    total: float
    """Of all days up to this one."""


def statistic_id(owner: str, key: str) -> str:
    """Return the id of a series. owner: the id of a printer, or of the shop."""
    return f"{DOMAIN}:{slugify(owner)}_{key}"


def rows_of(history: DailyHistory, series: Series) -> dict[str, list[_Row]]:
    """Return the days of a figure, oldest first: for each printer, and for the shop."""
    totals: dict[str, float] = defaultdict(float)
    for share in history.before:
        assert share.key is not None  # a share of a printer
        totals[share.key] += series.value(share.totals)
        totals[SHOP_ID] += series.value(share.totals)
    days: dict[tuple[str, date], float] = defaultdict(float)
    for each in history.days:
        value = series.value(each.totals)
        days[each.printer_id, each.day] += value
        days[SHOP_ID, each.day] += value
    rows: dict[str, list[_Row]] = defaultdict(list)
    for (owner, day), value in days.items():
        totals[owner] += value
        rows[owner].append(_Row(day, value, totals[owner]))
    return rows


def first_hour(day: date, zone: tzinfo) -> datetime:
    """Return the first full hour of a day in UTC: statistics know nothing smaller."""
    begins = datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
    hour = begins.replace(minute=0, second=0, microsecond=0)
    return hour if hour == begins else hour + timedelta(hours=1)


class LongTerm:
    """Keeps Home Assistant's statistics in step with the ledger."""

    def __init__(self, hass: HomeAssistant, workshop: Workshop) -> None:
        self._hass = hass
        self._workshop = workshop
        self._changed = asyncio.Event()
        self._first: date | None = None
        """The earliest day that changed since it was written."""

    @callback
    def async_listen(self) -> CALLBACK_TYPE:
        """Bring them up to date once Home Assistant runs, and keep them so; returns how to stop."""
        tasks: list[asyncio.Task[None]] = []

        @callback
        def begin(hass: HomeAssistant) -> None:
            tasks.append(hass.async_create_background_task(self._keep(), "printernizer statistics"))

        stops = [
            self._workshop.accounts.subscribe(self._on_account),
            async_at_started(self._hass, begin),
        ]

        @callback
        def stop() -> None:
            while stops:
                stops.pop()()
            while tasks:
                tasks.pop().cancel()

        return stop

    @callback
    def _on_account(self, job: Job, _: JobAccount) -> None:
        # A day early: where the shop is, it may have been the day before.
        day = (job.ended_at or job.closed_at or job.first_seen_at).date() - timedelta(days=1)
        self._first = day if self._first is None else min(self._first, day)
        self._changed.set()

    async def _keep(self) -> None:
        write = self.async_catch_up
        while True:
            try:
                await write()
            except StoreError as err:
                _LOGGER.debug("The days of the ledger cannot be read: %s", err)
                self._changed.set()
            except Exception:
                # The next account is another chance; jobs and money do not hang on this.
                _LOGGER.exception("The statistics cannot be written")
            else:
                write = self._write_changed
            await self._changed.wait()
            await asyncio.sleep(GATHERING_S)

    async def async_catch_up(self) -> None:
        """Write what the recorder does not have; all of it anew, when it has something else.

        Raises StoreError.
        """
        self._changed.clear()
        last = await get_instance(self._hass).async_add_executor_job(self._last_day)
        zone = await self._zone()
        if last is not None:
            day = last[0].astimezone(zone).date()
            history = await self._workshop.reports.history(day)
            if _sums_until(history, day) == last[1]:
                await self._write(history, zone)
                return
            _LOGGER.info("The statistics are not those of the ledger, and are written anew")
        history = await self._workshop.reports.history(None)
        owners = {SHOP_ID, *(each.printer_id for each in history.days)}
        get_instance(self._hass).async_clear_statistics(
            [statistic_id(owner, series.key) for owner in owners for series in SERIES]
        )
        await self._write(history, zone)

    def _last_day(self) -> tuple[datetime, dict[str, float]] | None:
        """Return the last day of the shop that was written, and the sums up to it, rounded."""
        sums: dict[str, float] = {}
        begins = set()
        for series in SERIES:
            identity = statistic_id(SHOP_ID, series.key)
            found = get_last_statistics(self._hass, 1, identity, False, {"sum"})
            row = next(iter(found.get(identity, ())), None)
            if row is None or (total := row.get("sum")) is None:
                return None
            begins.add(row["start"])
            sums[series.key] = round(total, 3)
        return (datetime.fromtimestamp(begins.pop(), UTC), sums) if len(begins) == 1 else None

    async def _write_changed(self) -> None:
        self._changed.clear()
        first, self._first = self._first, None
        if first is None:
            return
        try:
            history = await self._workshop.reports.history(first)
        except Exception:
            self._first = first if self._first is None else min(self._first, first)
            raise
        await self._write(history, await self._zone())

    async def _zone(self) -> tzinfo:
        return await async_get_time_zone(self._workshop.settings.shop.time_zone) or UTC

    async def _write(self, history: DailyHistory, zone: tzinfo) -> None:
        language = self._hass.config.language
        texts = await async_get_translations(self._hass, language, "common", {DOMAIN})
        names = async_printer_names(self._hass) | {SHOP_ID: SHOP_TITLE}
        for series in SERIES:
            figure = texts.get(f"component.{DOMAIN}.common.statistic_{series.key}", series.key)
            for owner, rows in rows_of(history, series).items():
                async_add_external_statistics(
                    self._hass,
                    self._about(owner, series, f"{names.get(owner, owner)}: {figure}"),
                    [
                        StatisticData(
                            start=first_hour(row.day, zone), state=row.value, sum=row.total
                        )
                        for row in rows
                    ],
                )

    def _about(self, owner: str, series: Series, name: str) -> StatisticMetaData:
        currency = self._workshop.settings.shop.currency
        return StatisticMetaData(
            source=DOMAIN,
            statistic_id=statistic_id(owner, series.key),
            name=name,
            unit_of_measurement=currency if series.money else series.unit,
            unit_class=series.unit_class,
            mean_type=StatisticMeanType.NONE,
            has_sum=True,
        )


def _sums_until(history: DailyHistory, day: date) -> dict[str, float]:
    """Return the sums of the shop up to a day, rounded."""
    return {
        series.key: round(
            sum(series.value(share.totals) for share in history.before)
            + sum(series.value(each.totals) for each in history.days if each.day == day),
            3,
        )
        for series in SERIES
    }
