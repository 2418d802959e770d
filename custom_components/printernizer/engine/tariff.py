"""What a kilowatt-hour costs at a moment by the clock on the wall, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, tzinfo
    from decimal import Decimal

    from .shop import EnergyPolicy, PriceBand

_HORIZON: Final = 9
"""Days after which everything has come round: a week, and the days cut off at both ends."""
_DAY: Final = timedelta(days=1)


def price(policy: EnergyPolicy, zone: tzinfo, at: datetime) -> Decimal:
    """Return the price of a kilowatt-hour: of the first band that holds, else the plain one."""
    local = at.astimezone(zone)
    band = next((band for band in policy.bands if _holds(band, local)), None)
    return policy.per_kwh if band is None else band.per_kwh


def next_change(policy: EnergyPolicy, zone: tzinfo, after: datetime) -> datetime | None:
    """Return the first moment after this one with another price, in UTC; None: there is none."""
    now = price(policy, zone, after)
    if all(band.per_kwh == now for band in policy.bands) and policy.per_kwh == now:
        return None
    return next(
        (at for at in _moments(policy, zone, after) if price(policy, zone, at) != now), None
    )


def _holds(band: PriceBand, local: datetime) -> bool:
    """Whether a band holds at a local time. One that ends when it begins lasts all day."""
    clock, today = local.time(), local.weekday()
    if band.begins < band.ends:
        return today in band.weekdays and band.begins <= clock < band.ends
    if clock >= band.begins:
        return today in band.weekdays
    return clock < band.ends and (today - 1) % 7 in band.weekdays


def _moments(policy: EnergyPolicy, zone: tzinfo, after: datetime) -> list[datetime]:
    """Return when a price may change, in order.

    Besides beginnings and ends of bands that is every change of summer time: what the clock skips
    or says twice may lie in a band.
    """
    clocks = {time(0)} | {clock for band in policy.bands for clock in (band.begins, band.ends)}
    first = after.astimezone(zone).date() - _DAY
    days = [first + number * _DAY for number in range(_HORIZON + 2)]
    found = {moment for day in days for moment in _occurrences(day, clocks, zone)}
    found |= {
        moment
        for day in days
        if (moment := _clock_change(_utc(day, time(0), zone, 0), zone)) is not None
    }
    return sorted(moment for moment in found if moment > after)


def _occurrences(day: date, clocks: set[time], zone: tzinfo) -> Iterator[datetime]:
    """Yield when clocks show these times on a day: twice where an hour is repeated."""
    for clock in clocks:
        for fold in (0, 1):
            yield _utc(day, clock, zone, fold)


def _utc(day: date, clock: time, zone: tzinfo, fold: int) -> datetime:
    return datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC)


def _clock_change(begin: datetime, zone: tzinfo) -> datetime | None:
    """Return the minute in which the clock is changed within a day from here, if it is."""

    def offset(minutes: int) -> timedelta | None:
        return (begin + timedelta(minutes=minutes)).astimezone(zone).utcoffset()

    low, high, before = 0, 26 * 60, offset(0)
    if offset(high) == before:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if offset(middle) == before else (low, middle)
    return begin + timedelta(minutes=high)
