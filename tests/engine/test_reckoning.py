"""From what is known of a run to its account: prices that nobody can make, pieces, corrections."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from uuid import UUID

import pytest

from custom_components.printernizer.engine.account import (
    Confidence,
    Consumption,
    CostKind,
    EnergyUse,
    JobAccount,
    Source,
)
from custom_components.printernizer.engine.assignment import AssignedBy, Assignment
from custom_components.printernizer.engine.file import PlateFacts
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState, Outcome
from custom_components.printernizer.engine.reckoning import Evidence, corrected, reckon
from custom_components.printernizer.engine.run_watch import HungSpool, RunWatch, SlotUse
from custom_components.printernizer.engine.shop import (
    CostPolicy,
    Labour,
    LabourStep,
    MachineProfile,
    PricePolicy,
    Process,
    Purpose,
    ShopSettings,
    Surcharge,
    Tariff,
)
from custom_components.printernizer.engine.store.account_codec import (
    account_of as account_of_row,
    account_row,
    consumption_row,
)

N = Decimal
AT = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WHOSE = Assignment(purpose=Purpose.BUSINESS, assigned_by=AssignedBy.DEFAULT)
MACHINE = MachineProfile(power=None)
JOB = Job(
    id=UUID(int=1),
    printer_id="P1",
    identity=JobIdentity(name="part"),
    state=JobState.ENDED,
    outcome=Outcome.COMPLETED,
    started_at=AT - timedelta(hours=2),
    first_seen_at=AT - timedelta(hours=2),
    ended_at=AT,
    closed_at=AT,
    duration=timedelta(hours=2),
    progress=1.0,
)
FREE = EnergyUse(kwh=N(1), amount=N(0), source=Source.METER, confidence=Confidence.HIGH)


def account_of(settings: ShopSettings, job: Job = JOB, **more: object) -> JobAccount:
    """Reckon a run of which the firmware measured 1 m of filament, unless told otherwise."""
    values: dict[str, object] = {
        "job": job,
        "watch": RunWatch(job_id=job.id, printer_id="P1", measured_mm=1000.0),
        "settings": settings,
        "machine": MACHINE,
        "energy": FREE,
    }
    return reckon(Evidence(**(values | more)), WHOSE, AT)  # type: ignore[arg-type]


@pytest.mark.parametrize("known", [True, False])
def test_a_tariff_makes_no_price_of_grams_that_nobody_knows(known: bool) -> None:
    """The minimum of the tariff for a print that may have taken a kilogram is a loss unseen."""
    settings = ShopSettings(
        prices=PricePolicy(
            tariffs=(Tariff(process=Process.FILAMENT, per_unit=N("0.10"), minimum=N(3)),)
        )
    )
    measured = 1000.0 if known else None
    watch = RunWatch(job_id=JOB.id, printer_id="P1", measured_mm=measured)
    account = account_of(settings, watch=watch)
    assert account.price == (N("3.00") if known else None)


@pytest.mark.parametrize(("percent", "priced"), [(N(50), True), (N(100), False)])
def test_a_margin_of_everything_makes_no_price(percent: Decimal, priced: bool) -> None:
    """And it makes the account of no run impossible."""
    settings = ShopSettings(prices=PricePolicy(surcharge=Surcharge.MARGIN, percent=percent))
    account = account_of(settings)
    assert account.cost.complete
    assert (account.price is not None) is priced


def test_pieces_that_a_person_counted_are_believed_and_not_the_plan() -> None:
    """Four were planned, three came off: each costs a third (rule 15)."""
    account = account_of(ShopSettings(), pieces=3)
    assert account.pieces == 3
    assert account.cost_per_piece == account.cost.total / 3


def test_pieces_put_right_change_the_labour_and_neither_price_nor_material() -> None:
    """A customer was told a price; counting the pieces again is no reason for another."""
    settings = ShopSettings(
        costs=CostPolicy(
            labour_per_hour=N(30),
            labour=(Labour(step=LabourStep.PACKING, minutes=N(2), per_piece=True),),
        ),
        prices=PricePolicy(percent=N(50)),
    )
    before = account_of(settings)
    after = corrected(before, JOB, settings, MACHINE, pieces=4)
    assert (before.cost.of(CostKind.LABOUR), after.cost.of(CostKind.LABOUR)) == (N(1), N(4))
    assert after.cost.of(CostKind.MATERIAL) == before.cost.of(CostKind.MATERIAL)
    assert after.price == before.price
    weighed = Consumption(mass_g=N(10), amount=N("0.2"), source=Source.WEIGHED)
    dearer = corrected(before, JOB, settings, MACHINE, lines=[weighed])
    assert dearer.price != before.price


def test_a_run_that_was_no_success_after_all_has_no_price_left() -> None:
    """The customer pays failures only where a policy says so (rule 22)."""
    before = account_of(ShopSettings())
    assert before.price is not None
    failed = replace(JOB, outcome=Outcome.FAILED)
    assert corrected(before, failed, ShopSettings(), MACHINE, reopened=True).price is None
    pays = ShopSettings(prices=PricePolicy(charge_failures=True))
    assert corrected(before, failed, pays, MACHINE, reopened=True).price is not None


def test_a_spool_that_cost_nothing_costs_nothing_by_what_the_feeder_says() -> None:
    """A sample of the maker's is no spool of which nobody knows the price (rule 13)."""
    spool = HungSpool(slot="0_0", spool_id=UUID(int=9), net_g=N(1000), price_per_kg=N(0))
    used = SlotUse(slot="0_0", first=1.0, last=0.9, used=0.1, hanging=0)
    watch = RunWatch(job_id=JOB.id, printer_id="P1", hangings=(spool,), uses=(used,))
    (line,) = account_of(ShopSettings(), watch=watch).consumption
    assert (line.source, line.mass_g, line.amount) == (Source.SLOTS, N(100), N(0))
    dear = replace(watch, hangings=(replace(spool, price_per_kg=None),))
    (line,) = account_of(ShopSettings(), watch=dear).consumption
    assert line.amount == N(2)


def test_no_machine_time_is_not_an_unknown_machine_time() -> None:
    """A print that was held from its first second is read back as what it was."""
    held = replace(JOB, paused=JOB.duration)
    account = account_of(ShopSettings(), held)
    assert account.machine_time == timedelta(0)
    row = account_row(held, account, settled=True, zone=UTC)
    lines = [consumption_row(JOB.id, 0, line) for line in account.consumption]
    assert account_of_row(row, lines) == account


def test_what_was_cancelled_before_it_began_is_charged_to_nobody() -> None:
    """Who pays for failures does not pay 3.00 for a start that was taken back (rule 20)."""
    prices = PricePolicy(
        tariffs=(Tariff(process=Process.FILAMENT, per_unit=N("0.10"), minimum=N(3)),),
        charge_failures=True,
    )
    nothing = RunWatch(job_id=JOB.id, printer_id="P1")
    for progress, price in ((0.0, None), (0.1, N(3))):
        cancelled = replace(JOB, outcome=Outcome.CANCELLED, progress=progress)
        watch = replace(nothing, measured_mm=progress * 1000)
        account = account_of(ShopSettings(prices=prices), cancelled, watch=watch)
        assert account.mass_g is not None
        assert account.price == price


def test_what_happens_to_a_run_does_not_change_what_was_expected_of_it() -> None:
    """Estimate and actual are held against each other: one must not follow the other (rule 21)."""
    labour = (Labour(step=LabourStep.PACKING, minutes=N(6), per_piece=True),)
    settings = ShopSettings(costs=CostPolicy(labour_per_hour=N(10), labour=labour))
    plate = PlateFacts(number=1, mass_g=100.0, objects=4)
    cheap = HungSpool(slot="tool_0", spool_id=UUID(int=8), price_per_kg=N(10))
    dear = replace(cheap, spool_id=UUID(int=9), price_per_kg=N(90), from_progress=0.5)
    begun = RunWatch(job_id=JOB.id, printer_id="P1", hangings=(cheap,))
    after = replace(begun, hangings=(cheap, dear), skipped=("a", "b"))
    expected = account_of(settings, watch=begun, plate=plate).estimate
    account = account_of(settings, watch=after, plate=plate, pieces=1)
    assert account.estimate == expected
    assert expected is not None
    assert (expected.of(CostKind.MATERIAL), expected.of(CostKind.LABOUR)) == (N(1), N(4))
    assert (account.cost.of(CostKind.MATERIAL), account.cost.of(CostKind.LABOUR)) == (N(5), N(1))


def test_what_the_feeder_lost_is_no_estimate() -> None:
    """A file that does not tell its grams expects an unknown amount, not the one that came out."""
    used = SlotUse(slot="0_0", first=1.0, last=0.9, used=0.1)
    watch = RunWatch(job_id=JOB.id, printer_id="P1", uses=(used,))
    account = account_of(ShopSettings(), watch=watch, plate=PlateFacts(number=1))
    assert account.mass_g == 100
    assert account.estimate is not None
    assert account.estimate.of(CostKind.MATERIAL) is None
