"""Energy of a run: rules 16 to 18, vectors 7 and 13."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal as N

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.account import Confidence, EnergyUse, Source
from custom_components.printernizer.engine.energy import (
    EnergyState,
    Flaw,
    Rate,
    Sample,
    amount,
    begin,
    cooled_down,
    finish,
    following,
    modelled,
    observe,
    settle,
    unavailable,
    use,
)
from custom_components.printernizer.engine.printer import (
    PrinterState,
    PrinterStatus,
    Temperature,
    Tool,
)
from custom_components.printernizer.engine.shop import PowerModel

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OTHERWISE = N("0.35")

DIGITS = N("1e-20")
"""Far below what the ledger keeps: the context of `Decimal` has 28 digits."""


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def at(
    minutes: float,
    kwh: str | None = None,
    price: str | None = "0.20",
    *,
    watts: str | None = None,
    share: str | None = None,
) -> Sample:
    """Tell what is known so many minutes after noon; the price holds from then on."""
    return Sample(
        at=after(minutes),
        rate=Rate(
            per_kwh=None if price is None else N(price),
            solar_share=None if share is None else N(share),
            solar_per_kwh=N("0.08"),
        ),
        meter_kwh=None if kwh is None else N(kwh),
        power_w=None if watts is None else N(watts),
    )


def counted(*samples: Sample, source: Source = Source.METER) -> EnergyState:
    state = begin(source, samples[0].at, samples[0].rate, supply="sensor.plug")
    for sample in samples:
        state = observe(state, sample)
    return state


def test_vector_7_a_price_that_changes_midway_is_not_the_price_of_all() -> None:
    """0.30 kWh at 0.20, then 0.20 kWh at 0.40: the flat end price would charge 0.20."""
    state = counted(at(0, "10"), at(60, "10.30", "0.40"), at(120, "10.50", "0.40"))
    assert finish(state, after(120), OTHERWISE) == EnergyUse(
        kwh=N("0.500000"),
        amount=N("0.140000"),
        source=Source.METER,
        confidence=Confidence.HIGH,
    )


def test_vector_7_holds_where_the_meter_is_not_read_when_the_price_changes() -> None:
    """A meter reports when it likes; the change of price cuts its step in two."""
    state = counted(at(0, "10"), at(60, None, "0.40"), at(120, "10.60", "0.40"))
    assert finish(state, after(120), OTHERWISE).amount == N("0.180000")


def test_vector_13_a_meter_that_is_reset_makes_the_energy_unknown_and_never_negative() -> None:
    """105.2 to 0.3: the naive difference would pay the customer 104.90 kWh."""
    state = counted(at(0, "105.2"), at(60, "0.3"), at(120, "0.5"))
    assert finish(state, after(120), OTHERWISE) == EnergyUse(reason="meter_reset")
    assert state.kwh == N("0.2"), "the printer's total goes on from the new value"
    assert use(following(state), OTHERWISE).kwh == 0, "and the next run knows nothing of it"


def test_a_meter_that_rounds_down_for_a_moment_was_not_reset() -> None:
    """Some plugs step back in their last digit."""
    state = counted(at(0, "1.00"), at(10, "1.10"), at(11, "1.095"), at(20, "1.2"))
    assert finish(state, after(20), OTHERWISE).kwh == N("0.200000")


def test_a_meter_that_leaps_was_exchanged() -> None:
    """Watt-hours read as kilowatt-hours would make a print cost a car."""
    state = counted(at(0, "0.3"), at(1, "105.2"))
    assert finish(state, after(2), OTHERWISE) == EnergyUse(reason="meter_jump")
    away = unavailable(counted(at(0, "0.3")), after(1))
    assert use(observe(away, at(2, "300.3")), OTHERWISE).kwh == 300, "nobody looked for so long"
    assert use(observe(away, at(2, "3000")), OTHERWISE).reason == "meter_jump"


def test_a_meter_counts_on_while_it_cannot_be_read() -> None:
    """Its price is the average of the prices of that time, and that is said."""
    state = unavailable(counted(at(0, "10")), after(10))
    state = observe(state, at(60, None, "0.40"))
    state = observe(state, at(120, "10.60", "0.40"))
    assert finish(state, after(120), OTHERWISE) == EnergyUse(
        kwh=N("0.600000"),
        amount=N("0.180000"),
        source=Source.METER,
        confidence=Confidence.MEDIUM,
        reason="meter_gap",
    )
    blink = observe(unavailable(counted(at(0, "10")), after(10)), at(10.5, "10.1"))
    assert use(blink, OTHERWISE).confidence is Confidence.HIGH


def test_a_meter_that_stays_away_leaves_the_end_unknown() -> None:
    """What was read up to then is not all of it."""
    state = counted(at(0, "10"), at(100, "10.5"))
    assert finish(unavailable(state, after(100)), after(110), OTHERWISE).confidence is (
        Confidence.LOW
    )
    assert finish(unavailable(state, after(100)), after(190), OTHERWISE) == EnergyUse(
        reason="meter_gap"
    )


def test_a_meter_that_was_never_read_tells_nothing() -> None:
    assert finish(counted(at(0)), after(60), OTHERWISE) == EnergyUse(reason="meter_gap")
    late = counted(at(0), at(10, "7"), at(100, "7.4"))
    assert use(late, OTHERWISE).kwh == N("0.400000")
    assert use(late, OTHERWISE).confidence is Confidence.LOW
    assert late.first_kwh == 7


def test_without_any_way_to_know_it_is_unknown() -> None:
    state = begin(Source.UNKNOWN, NOON, Rate(per_kwh=N("0.2")))
    assert finish(state, after(60), OTHERWISE) == EnergyUse(reason="no_meter")


def test_power_is_summed_up_over_time() -> None:
    """An hour of 200 W and half an hour of 100 W."""
    state = counted(
        *(at(minute, watts="200") for minute in range(0, 60, 5)),
        at(60, None, "0.40", watts="100"),
        at(75, None, "0.40", watts="100"),
        at(90, None, "0.40", watts="0"),
        source=Source.POWER,
    )
    assert finish(state, after(90), OTHERWISE) == EnergyUse(
        kwh=N("0.250000"),
        amount=N("0.060000"),
        source=Source.POWER,
        confidence=Confidence.MEDIUM,
    )


def test_power_is_not_summed_up_over_a_long_silence() -> None:
    """Nobody knows what was drawn in it: an hour at the last 200 W would be invented."""
    state = counted(*(at(m, watts="200") for m in range(0, 301, 10)), source=Source.POWER)
    lost = unavailable(state, after(300))
    short = observe(lost, at(310, watts="200"))
    assert use(short, OTHERWISE).kwh == N("1.033333")
    assert use(short, OTHERWISE).reason == "meter_gap"
    long = observe(lost, at(320, watts="200"))
    assert use(long, OTHERWISE) == EnergyUse(
        kwh=N("1.000000"),
        amount=N("0.200000"),
        source=Source.POWER,
        confidence=Confidence.LOW,
        reason="meter_gap",
    )
    assert use(observe(lost, at(500, watts="0")), OTHERWISE) == EnergyUse(reason="meter_gap")
    assert finish(lost, after(500), OTHERWISE) == EnergyUse(reason="meter_gap")


def test_power_below_nothing_is_nothing() -> None:
    """A plug that measures backwards must not pay for the print."""
    state = counted(at(0, watts="-50"), at(10, watts="-50"), source=Source.POWER)
    assert use(state, OTHERWISE).kwh == 0


def test_a_model_is_an_estimate() -> None:
    state = counted(at(0, watts="120"), source=Source.MODEL)
    assert finish(state, after(10), OTHERWISE) == EnergyUse(
        kwh=N("0.020000"),
        amount=N("0.004000"),
        source=Source.MODEL,
        confidence=Confidence.LOW,
    )


def test_power_of_the_own_roof_has_its_own_price() -> None:
    """Half from the roof at 0.08, half from the grid at 0.20."""
    state = counted(at(0, "0", share="0.5"), at(60, "1", share="0"), at(120, "2", share="0"))
    told = use(state, OTHERWISE)
    assert (told.solar_kwh, told.amount) == (N("0.500000"), N("0.340000"))
    assert use(counted(at(0, "0"), at(60, "1")), OTHERWISE).solar_kwh is None


def test_a_price_nobody_told_is_the_average_of_those_around_it() -> None:
    """A price service is away for a while: the run is neither free nor at a made-up price."""
    state = counted(at(0, "0", None), at(30, None, "0.30"), at(60, "1", "0.30"))
    told = use(state, OTHERWISE)
    assert (told.amount, told.reason) == (N("0.300000"), "price_gap")
    assert told.confidence is Confidence.MEDIUM
    split = counted(at(0, "0", None), at(30, "0.5", "0.30"), at(60, "1", "0.30"))
    assert use(split, OTHERWISE) == told
    never = counted(at(0, "0", None), at(60, "1", None))
    assert use(never, OTHERWISE).amount == N("0.350000")


def test_a_reading_without_any_time_has_the_price_of_its_moment() -> None:
    state = counted(at(0, "0", share="0.5"), at(0, "0.1", share="0.5"))
    assert use(state, OTHERWISE).amount == N("0.014000")
    assert use(state, OTHERWISE).solar_kwh == N("0.050000")


def test_a_wall_clock_that_jumps_is_not_time() -> None:
    """A time server sets the clock by a day: nothing was drawn in it."""
    start = at(0, watts="100")
    state = observe(begin(Source.POWER, NOON, start.rate), start)
    ahead = replace(at(24 * 60, watts="100"), elapsed_s=N(360))
    assert use(observe(state, ahead), OTHERWISE).kwh == N("0.010000")
    back = replace(at(-60, watts="100"), elapsed_s=N(360))
    assert use(observe(state, back), OTHERWISE).kwh == N("0.010000")
    assert use(observe(state, at(-60, watts="100")), OTHERWISE).kwh == 0
    assert finish(state, after(-60), OTHERWISE, N(360)).kwh == N("0.010000")


@pytest.mark.parametrize("flaw", [Flaw.LATE, Flaw.UNSEEN])
def test_a_window_that_nobody_saw_whole_is_trusted_little(flaw: Flaw) -> None:
    state = begin(Source.METER, NOON, at(0).rate, flaws=frozenset({flaw}))
    state = observe(observe(state, at(0, "1")), at(60, "2"))
    told = use(state, OTHERWISE)
    assert (told.kwh, told.confidence, told.reason) == (1, Confidence.LOW, flaw.value)


def test_one_count_follows_another_without_a_loss() -> None:
    """What is drawn between two readings belongs to one of them, and not to both or none."""
    state = counted(at(0, "1"), at(10, "1.25"))
    standby = observe(following(settle(state, after(15))), at(20, "1.5"))
    assert state.kwh + standby.kwh == N("0.5")
    assert standby.first_kwh == N("1.25")


# -- whatever comes --------------------------------------------------------------------------

STEPS = st.lists(
    st.tuples(
        st.integers(-60, 3000),  # seconds since the one before
        st.one_of(st.none(), st.integers(-200_000, 500_000)),  # change of the meter, mWh
        st.one_of(st.none(), st.integers(-10, 60)),  # price, cents
        st.one_of(st.none(), st.integers(0, 100)),  # own share, per cent
        st.booleans(),  # it cannot be read
    ),
    max_size=25,
)


def _samples(steps: list[tuple[int, int | None, int | None, int | None, bool]]) -> list[Sample]:
    seconds, meter, samples = 0, 1_000_000, [at(0, "1", "0.2", watts="100")]
    for passed, change, price, share, _ in steps:
        seconds += passed
        meter += change or 0
        samples.append(
            at(
                seconds / 60,
                None if change is None else str(N(meter) / 1_000_000),
                None if price is None else str(N(price) / 100),
                watts=None if change is None else str(abs(change) // 100),
                share=None if share is None else str(N(share) / 100),
            )
        )
    return samples


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, source=st.sampled_from([Source.METER, Source.POWER, Source.MODEL]))
def test_energy_is_never_negative_and_totals_are_the_sum_of_their_parts(
    steps: list[tuple[int, int | None, int | None, int | None, bool]], source: Source
) -> None:
    """Whatever a house sends. Prices alone may be below nothing: exchanges have such hours."""
    samples = _samples(steps)
    whole = part = begin(source, samples[0].at, samples[0].rate)
    parts = []
    for number, sample in enumerate(samples):
        before = whole
        whole, part = observe(whole, sample), observe(part, sample)
        assert whole.kwh >= before.kwh
        if number and steps[number - 1][4]:
            whole, part = unavailable(whole, sample.at), unavailable(part, sample.at)
        if number % 3 == 2:
            parts.append(part)
            part = following(part)
    parts.append(part)
    assert abs(sum(each.kwh for each in parts) - whole.kwh) < DIGITS
    assert abs(sum(each.money for each in parts) - whole.money) < DIGITS
    assert abs(sum(each.unpriced_kwh for each in parts) - whole.unpriced_kwh) < DIGITS
    assert 0 <= whole.unpriced_kwh <= whole.kwh
    told = use(whole, OTHERWISE)
    assert told.kwh is None or told.kwh >= 0
    assert (told.kwh is None) == (told.amount is None) == (told.source is Source.UNKNOWN)
    assert told.solar_kwh is None or told.kwh is None or 0 <= told.solar_kwh <= told.kwh


@settings(max_examples=150, deadline=None)
@given(steps=STEPS, cuts=st.lists(st.floats(0, 1), max_size=8), metered=st.booleans())
def test_looking_more_often_changes_nothing(
    steps: list[tuple[int, int | None, int | None, int | None, bool]],
    cuts: list[float],
    metered: bool,
) -> None:
    """An interval may be cut anywhere: the sum is the same, or ticks would cost money."""
    samples = _samples([(max(step[0], 0), *step[1:]) for step in steps])
    source = Source.METER if metered else Source.POWER
    plain = fine = begin(source, samples[0].at, samples[0].rate)
    for before, sample in zip([samples[0], *samples], samples, strict=False):
        plain = observe(plain, sample)
        for cut in sorted(cuts):
            between = before.at + (sample.at - before.at) * cut
            fine = observe(fine, Sample(at=between, rate=before.rate))
        fine = observe(fine, sample)
    assert abs(plain.kwh - fine.kwh) < N("1e-12")
    assert abs(amount(plain, OTHERWISE) - amount(fine, OTHERWISE)) < N("1e-12")


# -- without a meter -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "watts"),
    [
        (PrinterState.PREPARING, 300),
        (PrinterState.PRINTING, 100),
        (PrinterState.PAUSED, 100),
        (PrinterState.ATTENTION, 100),
        (PrinterState.BUSY, 100),
        (PrinterState.IDLE, 5),
        (PrinterState.FINISHED, 5),
        (PrinterState.OFFLINE, None),
        (PrinterState.UNKNOWN, None),
    ],
)
def test_a_printer_without_a_meter_draws_what_its_doing_needs(
    state: PrinterState, watts: int | None
) -> None:
    model = PowerModel(heating_w=N(300), printing_w=N(100), idle_w=N(5))
    assert modelled(model, PrinterStatus(state=state)) == watts


def test_a_printer_has_cooled_down_when_all_that_it_heats_is_cold_and_off() -> None:
    cold, hot = Temperature(actual_c=30.0, target_c=0.0), Temperature(actual_c=90.0, target_c=0.0)
    heating = Temperature(actual_c=22.0, target_c=60.0)

    def shows(bed: Temperature | None, *tools: Temperature) -> bool:
        return cooled_down(
            PrinterStatus(
                state=PrinterState.FINISHED,
                bed=bed,
                tools=tuple(Tool(index=n, temperature=each) for n, each in enumerate(tools)),
            )
        )

    assert shows(cold, cold, cold)
    assert shows(None, cold)
    assert not shows(cold, hot)
    assert not shows(heating, cold)
    assert not shows(None), "it does not say"
    assert not shows(Temperature(), Temperature())
