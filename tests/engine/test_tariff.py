"""Prices by the clock on the wall."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal as N
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.shop import EnergyPolicy, PriceBand
from custom_components.printernizer.engine.tariff import next_change, price

BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = PriceBand(begins=time(22), ends=time(6), per_kwh=N("0.20"))
POLICY = EnergyPolicy(per_kwh=N("0.35"), bands=(NIGHT,))


def local(text: str, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN, fold=fold)


@pytest.mark.parametrize(
    ("clock", "expected"),
    [
        ("2026-11-20T21:59:59", "0.35"),
        ("2026-11-20T22:00", "0.20"),
        ("2026-11-21T00:00", "0.20"),
        ("2026-11-21T05:59:59", "0.20"),
        ("2026-11-21T06:00", "0.35"),
    ],
)
def test_a_night_rate_runs_over_midnight(clock: str, expected: str) -> None:
    assert price(POLICY, BERLIN, local(clock).astimezone(UTC)) == N(expected)


def test_a_band_belongs_to_the_day_on_which_it_begins() -> None:
    """The night from Friday to Saturday is Friday's."""
    friday = EnergyPolicy(
        per_kwh=N("0.35"),
        bands=(
            PriceBand(begins=time(22), ends=time(6), per_kwh=N("0.1"), weekdays=frozenset({4})),
        ),
    )
    for clock, expected in (
        ("2026-11-20T23:00", "0.1"),  # a Friday
        ("2026-11-21T05:00", "0.1"),
        ("2026-11-21T23:00", "0.35"),
        ("2026-11-20T05:00", "0.35"),
    ):
        assert price(friday, BERLIN, local(clock)) == N(expected)
    assert next_change(friday, BERLIN, local("2026-11-21T07:00")) == local("2026-11-27T22:00")


def test_the_first_band_that_holds_decides_and_one_may_last_all_day() -> None:
    sunday = PriceBand(begins=time(0), ends=time(0), per_kwh=N("0.1"), weekdays=frozenset({6}))
    policy = EnergyPolicy(per_kwh=N("0.35"), bands=(sunday, NIGHT))
    assert price(policy, BERLIN, local("2026-11-22T12:00")) == N("0.1")
    assert price(policy, BERLIN, local("2026-11-22T23:00")) == N("0.1")
    assert price(policy, BERLIN, local("2026-11-23T00:00")) == N("0.20")
    assert next_change(policy, BERLIN, local("2026-11-22T01:00")) == local("2026-11-23T00:00")


def test_a_plain_price_never_changes() -> None:
    assert next_change(EnergyPolicy(), BERLIN, local("2026-11-20T12:00")) is None
    same = EnergyPolicy(per_kwh=N("0.20"), bands=(NIGHT,))
    assert next_change(same, BERLIN, local("2026-11-20T12:00")) is None
    never = PriceBand(begins=time(1), ends=time(2), per_kwh=N("0.1"), weekdays=frozenset())
    empty = EnergyPolicy(bands=(never,))
    assert next_change(empty, BERLIN, local("2026-11-20T12:00")) is None


def test_the_next_change_is_the_beginning_or_the_end_of_a_band() -> None:
    assert next_change(POLICY, BERLIN, local("2026-11-20T12:00")) == local("2026-11-20T22:00")
    assert next_change(POLICY, BERLIN, local("2026-11-20T22:00")) == local("2026-11-21T06:00")


@pytest.mark.parametrize(
    ("night", "hours"),
    [("2026-03-28T22:00", 7), ("2026-10-24T22:00", 9), ("2026-11-20T22:00", 8)],
    ids=["23 hours", "25 hours", "24 hours"],
)
def test_a_night_is_an_hour_shorter_in_spring_and_longer_in_autumn(night: str, hours: int) -> None:
    begin = local(night).astimezone(UTC)
    assert next_change(POLICY, BERLIN, begin) == begin + timedelta(hours=hours)


def test_a_band_in_the_hour_that_is_skipped_begins_when_the_clock_is_changed() -> None:
    band = PriceBand(begins=time(2, 30), ends=time(4), per_kwh=N("0.1"))
    policy = EnergyPolicy(per_kwh=N("0.35"), bands=(band,))
    begin = next_change(policy, BERLIN, local("2026-03-29T00:00"))
    assert begin == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert next_change(policy, BERLIN, begin) == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)


def test_a_band_in_the_hour_that_comes_twice_holds_twice() -> None:
    band = PriceBand(begins=time(2, 30), ends=time(4), per_kwh=N("0.1"))
    policy = EnergyPolicy(per_kwh=N("0.35"), bands=(band,))
    changes, at = [], local("2026-10-25T00:00").astimezone(UTC)
    for _ in range(4):
        found = next_change(policy, BERLIN, at)
        assert found is not None
        changes.append(at := found)
    assert [change.strftime("%H:%M") for change in changes] == ["00:30", "01:00", "01:30", "03:00"]


BANDS = st.builds(
    PriceBand,
    begins=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    ends=st.times().map(lambda t: t.replace(second=0, microsecond=0)),
    per_kwh=st.sampled_from([N("0.1"), N("0.2"), N("0.35")]),
    weekdays=st.frozensets(st.integers(0, 6)),
)


@settings(max_examples=60, deadline=None)
@given(
    bands=st.lists(BANDS, max_size=3),
    at=st.datetimes(datetime(2026, 3, 20), datetime(2026, 11, 5)),
    share=st.floats(0, 0.999),
    zone=st.sampled_from(["Europe/Berlin", "America/St_Johns", "Australia/Lord_Howe", "UTC"]),
)
def test_the_price_stays_the_same_until_the_next_change(
    bands: list[PriceBand], at: datetime, share: float, zone: str
) -> None:
    """Otherwise an interval would be cut in the wrong place, and summed at a wrong price."""
    policy, here = EnergyPolicy(bands=tuple(bands)), ZoneInfo(zone)
    now = at.replace(tzinfo=UTC, microsecond=0)
    change = next_change(policy, here, now)
    until = change or now + timedelta(days=9)
    between = now + (until - now) * share
    assert price(policy, here, between) == price(policy, here, now)
    if change is not None:
        assert price(policy, here, change) != price(policy, here, now)
        assert price(policy, here, change - timedelta(seconds=1)) == price(policy, here, now)
