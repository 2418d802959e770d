"""What holds for every run and every document: sums are sums, nothing is scaled twice."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.account import (
    Confidence,
    Consumption,
    CostKind,
    EnergyUse,
    Role,
    Source,
)
from custom_components.printernizer.engine.consumption import consumed, density_of
from custom_components.printernizer.engine.costing import (
    Work,
    begun,
    cost,
    estimate,
    expected_energy,
    machine_time,
)
from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.file import FilamentFacts, PlateFacts
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState, Outcome
from custom_components.printernizer.engine.money import divided, exact, rounded
from custom_components.printernizer.engine.pricing import charged, with_surcharge
from custom_components.printernizer.engine.run_watch import HungSpool, RunWatch, SlotUse
from custom_components.printernizer.engine.shop import (
    GERMAN_RATES,
    CostPolicy,
    Labour,
    LabourStep,
    MachineProfile,
    PowerModel,
    PricePolicy,
    Process,
    StockPolicy,
    Surcharge,
    Tariff,
)
from custom_components.printernizer.engine.tax import percent_on, totals

N = Decimal
JOB = Job(
    id=UUID(int=1),
    printer_id="P1",
    identity=JobIdentity(path="/part.gcode"),
    state=JobState.ENDED,
    started_at=None,
    first_seen_at=datetime(2026, 11, 1, tzinfo=UTC),
    outcome=Outcome.COMPLETED,
)
CANCELLED = replace(JOB, outcome=Outcome.CANCELLED)
UNSEEN = replace(JOB, outcome=Outcome.UNKNOWN)
WATCH = RunWatch(job_id=JOB.id, printer_id="P1")
STOCK = StockPolicy()
SPOOL = HungSpool(slot="tool_0", spool_id=UUID(int=9), price_per_kg=N(25))
SHARES = st.floats(0, 1)
CENTS = st.decimals(N("-1e6"), N("1e6"), places=2)
MICROS = st.decimals(0, N("1e6"), places=6)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a document, as far as tax goes."""

    amount: Decimal
    tax_percent: Decimal


def laid(*layers: tuple[float, ...], roles: tuple[tuple[Role, float], ...] = ()) -> Extrusion:
    return Extrusion(
        layers=len(layers[0]) - 1,
        tools=tuple(
            ToolExtrusion(tool=tool, layers_mm=each, roles_mm=roles, material="PLA")
            for tool, each in enumerate(layers)
        ),
        ends=tuple(number / (len(layers[0]) - 1) for number in range(len(layers[0]))),
    )


def told(*filaments: FilamentFacts, mass_g: float | None = None) -> PlateFacts:
    return PlateFacts(filaments=filaments, mass_g=mass_g)


def length_of(lines: tuple[Consumption, ...]) -> Decimal:
    return sum((line.length_mm or N(0) for line in lines), N(0))


@settings(max_examples=60, deadline=None)
@given(MICROS, st.lists(MICROS, min_size=1, max_size=8).filter(any))
def test_parts_sum_to_what_was_divided(total: Decimal, weights: list[Decimal]) -> None:
    """A millionth that gets lost at every swap is a stock that never adds up."""
    parts = divided(total, weights)
    assert sum(parts) == total
    whole = sum(weights)
    for part, weight in zip(parts, weights, strict=True):
        assert part >= 0
        assert abs(part - total * weight / whole) <= N("0.000001")


@pytest.mark.parametrize("weights", [[], [N(0)], [N(2), N(-1)]], ids=["none", "zero", "below"])
def test_nothing_is_divided_by_nothing(weights: list[Decimal]) -> None:
    with pytest.raises(ValueError, match="nothing"):
        divided(N(1), weights)


@settings(max_examples=80, deadline=None)
@given(
    steps=st.lists(st.floats(0, 5000), min_size=1, max_size=12),
    swaps=st.lists(st.tuples(st.integers(0, 14) | st.none(), SHARES), max_size=5),
    outcome=st.sampled_from(Outcome),
    layer=st.integers(0, 14) | st.none(),
    share=SHARES | st.none(),
    measured=st.floats(0, 1e6) | st.none(),
)
def test_spools_and_roles_sum_to_the_run_and_nothing_is_negative(
    steps: list[float],
    swaps: list[tuple[int | None, float]],
    outcome: Outcome,
    layer: int | None,
    share: float | None,
    measured: float | None,
) -> None:
    """However spools were swapped, together they gave what the run took, once."""
    sums = [0.0]
    for step in steps:
        sums.append(sums[-1] + step)
    extrusion = laid(
        tuple(sums), roles=((Role.MODEL, sums[-1] * 0.7), (Role.PURGE, sums[-1] * 0.3))
    )
    job = replace(JOB, outcome=outcome, layer=layer, progress=share)
    spools = [SPOOL]
    for number, (at_layer, progress) in enumerate(swaps):
        spools.append(
            replace(
                SPOOL,
                spool_id=UUID(int=20 + number) if number % 2 else None,
                from_layer=at_layer,
                from_progress=progress,
            )
        )
    plain = consumed(job, replace(WATCH, measured_mm=measured), extrusion, None, STOCK)
    lines = consumed(
        job,
        replace(WATCH, measured_mm=measured, hangings=tuple(spools)),
        extrusion,
        None,
        STOCK,
    )
    assert length_of(lines) == length_of(plain)
    for line in lines:
        assert (line.mass_g or 0) >= 0
        assert (line.length_mm or 0) >= 0
        assert (line.source is Source.UNKNOWN) == (line.mass_g is None)
    if not measured:
        assert length_of(lines) <= exact(sums[-1]) + 1, "never more than the whole"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(CENTS, st.sampled_from([N(0), N(7), N(16), N(19)])), max_size=8),
    st.booleans(),
)
def test_gross_is_net_and_tax_to_the_cent(
    lines: list[tuple[Decimal, Decimal]], gross_first: bool
) -> None:
    """An e-invoice that is a cent off is refused by the machine that reads it."""
    document = [Line(amount=amount, tax_percent=percent) for amount, percent in lines]
    found = totals(document, gross_first=gross_first)
    assert [each.percent for each in found] == sorted({percent for _, percent in lines})
    for each in found:
        assert each.net + each.tax == each.gross
        assert each.tax == rounded(each.tax)
    back = totals(
        [replace(line, amount=-line.amount) for line in document], gross_first=gross_first
    )
    assert [each.gross for each in back] == [-each.gross for each in found]


@settings(max_examples=60, deadline=None)
@given(st.lists(MICROS, max_size=6), MICROS, st.decimals(0, 100, places=2), st.booleans())
def test_a_cost_is_the_sum_of_its_lines(
    amounts: list[Decimal], energy: Decimal, percent: Decimal, expected: bool
) -> None:
    material = [Consumption(mass_g=amount, amount=amount) for amount in amounts]
    policy = CostPolicy(overhead_percent=percent, failure_percent=percent)
    work = Work(machine_time=timedelta(hours=1))
    use = EnergyUse(kwh=energy, amount=energy)
    found = (estimate if expected else cost)(material, use, work, MachineProfile(), policy)
    base = sum(amounts, N(0)) + energy
    allowed = exact(base * percent / 100) if expected else N(0)
    assert found.total == base + allowed + exact((base + allowed) * percent / 100)
    assert found.complete
    assert bool(found.of(CostKind.FAILURE) is not None) == (expected and percent > 0)


def test_a_machine_hour_and_labour_are_what_the_owner_said() -> None:
    machine = MachineProfile(
        purchase=N(1100), residual=N(100), life_hours=N(5000), maintenance_per_hour=N("0.10")
    )
    policy = CostPolicy(
        labour_per_hour=N(30),
        labour=(
            Labour(step=LabourStep.SETUP, minutes=N(6)),
            Labour(step=LabourStep.PACKING, minutes=N(2), per_piece=True),
        ),
    )
    work = Work(machine_time=timedelta(minutes=90), pieces=5)
    found = cost([], EnergyUse(), work, machine, policy)
    assert found.of(CostKind.MACHINE) == N("0.45")
    assert found.of(CostKind.LABOUR) == N(8)
    assert cost([], EnergyUse(), replace(work, good=False), machine, policy).of(
        CostKind.LABOUR
    ) == N(3)
    early = cost([], EnergyUse(), replace(work, begun=False), machine, policy)
    assert early.of(CostKind.LABOUR) is None
    assert not begun(CANCELLED)
    assert begun(replace(CANCELLED, layer=1))


def test_time_held_is_machine_time_only_where_the_owner_says_so() -> None:
    job = replace(JOB, duration=timedelta(hours=3), paused=timedelta(hours=1))
    assert machine_time(job, MachineProfile()) == timedelta(hours=2)
    assert machine_time(job, MachineProfile(pause_counts=True)) == timedelta(hours=3)


def test_energy_of_a_print_to_come_is_its_time_and_its_heating_up() -> None:
    power = PowerModel(heating_w=N(240), printing_w=N(100))
    use = expected_energy(timedelta(hours=1), power, N("0.50"))
    assert (use.kwh, use.amount, use.source) == (N("0.12"), N("0.06"), Source.MODEL)
    assert expected_energy(None, power, N(1)) == EnergyUse(reason="no_meter")


def test_margin_is_not_markup() -> None:
    markup = PricePolicy(percent=N(50), discount_percent=N(10))
    margin = replace(markup, surcharge=Surcharge.MARGIN)
    price = charged(N(10), markup, process=Process.FILAMENT)
    assert (price.surcharge, price.discount, price.net) == (N(5), N("1.5"), N("13.50"))
    assert charged(N(10), margin, process=Process.FILAMENT).net == N("18.00")
    with pytest.raises(NotAllowed):
        with_surcharge(N(10), replace(margin, percent=N(100)))
    tariff = PricePolicy(tariffs=(Tariff(process=Process.RESIN, per_unit=N(1)),))
    with pytest.raises(NotAllowed):
        charged(N(10), tariff, process=Process.RESIN)


@pytest.mark.parametrize(
    ("day", "percent"),
    [("2006-12-31", 0), ("2020-06-30", 19), ("2020-07-01", 16), ("2021-01-01", 19)],
)
def test_the_rate_is_that_of_the_day(day: str, percent: int) -> None:
    assert percent_on(GERMAN_RATES, date.fromisoformat(day)) == percent


# -- the ladder, where it is steep ---------------------------------------------------------------


def test_a_run_that_never_printed_took_nothing_but_one_that_nobody_saw_may_have() -> None:
    (nothing,) = consumed(replace(CANCELLED, progress=0.0), WATCH, None, None, STOCK)
    assert (nothing.mass_g, nothing.confidence) == (0, Confidence.LOW)
    (unseen,) = consumed(replace(UNSEEN, progress=0.0), WATCH, None, None, STOCK)
    assert unseen == Consumption()
    (least,) = consumed(
        replace(UNSEEN, progress=0.5, layer=1), WATCH, laid((0.0, 5.0, 9.0)), None, STOCK
    )
    assert (least.length_mm, least.confidence) == (5, Confidence.LOW)


def test_layers_of_another_count_are_not_layers_of_the_file() -> None:
    """A printer that counts each object's layers anew would be charged for the first ones."""
    job = replace(CANCELLED, progress=0.5, layer=2, layers=40)
    (line,) = consumed(job, WATCH, laid((0.0, 5.0, 9.0)), None, STOCK)
    assert (line.source, line.length_mm) == (Source.ESTIMATE, N("4.5"))
    (line,) = consumed(job, WATCH, laid((0.0, 5.0, 9.0)), None, STOCK, by_bytes=True)
    assert (line.source, line.length_mm) == (Source.LAYERS, 5)


def test_a_share_that_is_no_number_is_not_known() -> None:
    job = replace(CANCELLED, progress=float("nan"))
    assert consumed(job, WATCH, laid((0.0, 5.0)), None, STOCK) == (Consumption(),)


def test_one_count_for_several_filaments_is_shared_by_what_they_lay_down() -> None:
    watch = replace(WATCH, measured_mm=100.0)
    by_layers = consumed(JOB, watch, laid((0.0, 30.0), (0.0, 10.0)), None, STOCK)
    assert [line.length_mm for line in by_layers] == [75, 25]
    silent = told(FilamentFacts(index=0, used_mm=4.0), FilamentFacts(index=1))
    (line,) = consumed(JOB, watch, None, silent, STOCK)
    assert (line.length_mm, line.tool, line.unmapped) == (100, None, True)
    masses = told(FilamentFacts(index=0, used_g=3.0), FilamentFacts(index=1, used_g=1.0))
    assert [line.length_mm for line in consumed(JOB, watch, None, masses, STOCK)] == [75, 25]


def test_a_count_that_stood_still_is_not_believed() -> None:
    (line,) = consumed(JOB, replace(WATCH, measured_mm=0.0), laid((0.0, 9.0)), None, STOCK)
    assert (line.source, line.length_mm) == (Source.LAYERS, 9)


def test_a_plate_that_tells_one_sum_is_estimated_by_it() -> None:
    (line,) = consumed(JOB, WATCH, None, told(mass_g=40.0), STOCK)
    assert (line.mass_g, line.tool) == (40, 0)
    two = told(FilamentFacts(index=0), FilamentFacts(index=1), mass_g=40.0)
    (line,) = consumed(replace(CANCELLED, progress=0.5), WATCH, None, two, STOCK)
    assert (line.mass_g, line.tool) == (20, None)
    assert consumed(JOB, WATCH, None, replace(two, mass_g=None), STOCK) == (Consumption(),)


def test_a_kind_that_nobody_knows_is_weighed_with_little_trust() -> None:
    def weighed(material: str) -> Confidence:
        plate = told(FilamentFacts(index=0, material=material, used_mm=1000.0))
        return consumed(JOB, WATCH, None, plate, STOCK)[0].confidence

    assert weighed("PETG-CF") is Confidence.MEDIUM
    assert weighed("Unobtainium") is Confidence.LOW
    assert density_of("pa6-gf") == N("1.14")
    assert density_of(None) is None


def test_resin_is_told_in_millilitres_and_priced_by_the_litre() -> None:
    (line,) = consumed(JOB, WATCH, None, told(mass_g=22.0), STOCK, process=Process.RESIN)
    assert (line.volume_ml, rounded(line.amount or N(0))) == (20, N("0.80"))


def test_a_spool_hung_later_leaves_what_went_before_to_nobody() -> None:
    later = replace(SPOOL, from_layer=1, from_progress=0.5)
    lines = consumed(JOB, replace(WATCH, hangings=(later,)), laid((0.0, 5.0, 20.0)), None, STOCK)
    assert [(line.unmapped, line.length_mm) for line in lines] == [(True, 5), (False, 15)]


def test_a_feeder_that_counts_down_is_the_last_to_ask() -> None:
    watch = replace(
        WATCH,
        uses=(SlotUse(slot="0_0", first=0.9, last=0.8, used=0.1, hanging=0),),
        hangings=(replace(SPOOL, slot="0_0", net_g=N(750)),),
    )
    (line,) = consumed(JOB, watch, None, None, STOCK)
    assert (line.mass_g, line.amount, line.confidence) == (75, N("1.875"), Confidence.LOW)
