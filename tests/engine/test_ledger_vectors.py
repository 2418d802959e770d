"""The test vectors of the ledger, by their numbers; the user docs publish the same figures.

Vector 4 is held by tests/engine/formats/ too, on the bytes of a file; vectors 7 and 13 stand in
test_energy.py beside the rules of meters.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

import pytest

from custom_components.printernizer.engine.account import (
    Confidence,
    CostKind,
    EnergyUse,
    Source,
)
from custom_components.printernizer.engine.consumption import consumed
from custom_components.printernizer.engine.costing import Work, cost, machine_time
from custom_components.printernizer.engine.document import TaxLine
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.file import FilamentFacts, FileFacts, PlateFacts
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.job import (
    Job,
    JobEventKind,
    JobIdentity,
    JobState,
    Outcome,
)
from custom_components.printernizer.engine.money import exact
from custom_components.printernizer.engine.pricing import charged, shown_hours
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Slot,
)
from custom_components.printernizer.engine.run_watch import HungSpool, RunWatch, begin, look, rehang
from custom_components.printernizer.engine.shop import (
    CostPolicy,
    MachineProfile,
    PricePolicy,
    Process,
    StockPolicy,
    Tariff,
)
from custom_components.printernizer.engine.store.jobs import JobStatistics
from custom_components.printernizer.engine.tax import totals
from tests.engine.story import Story

if TYPE_CHECKING:
    from pathlib import Path

N = Decimal
NINETEEN = N(19)
DAY = datetime(2026, 11, 1, tzinfo=UTC)
STOCK = StockPolicy(default_price_per_kg=N(20))
JOB = Job(
    id=UUID(int=1),
    printer_id="P1",
    identity=JobIdentity(path="/part.gcode"),
    state=JobState.ENDED,
    started_at=DAY,
    first_seen_at=DAY,
    outcome=Outcome.COMPLETED,
)
WATCH = RunWatch(job_id=JOB.id, printer_id="P1")
A = HungSpool(slot="tool_0", spool_id=UUID(int=10), material="PLA", price_per_kg=N(30))
B = replace(A, spool_id=UUID(int=11), price_per_kg=N(20))
LAB = PricePolicy(
    tariffs=(
        Tariff(process=Process.FILAMENT, per_unit=N("0.10"), minimum=N(3)),
        Tariff(process=Process.RESIN, per_unit=N("0.20"), minimum=N(3)),
    )
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """A line of a document, as far as tax goes."""

    amount: Decimal
    tax_percent: Decimal = NINETEEN


def plate(*grams: float, number: int = 1) -> PlateFacts:
    return PlateFacts(
        number=number,
        filaments=tuple(
            FilamentFacts(index=index, material="PLA", used_g=each)
            for index, each in enumerate(grams)
        ),
    )


def test_vector_1_half_of_a_failed_print_is_half_of_its_material() -> None:
    """Scaled twice it would be a quarter: the fault that made people distrust such figures."""
    failed = replace(JOB, outcome=Outcome.FAILED, progress=0.5)
    (line,) = consumed(failed, WATCH, None, plate(100), STOCK)
    assert (line.mass_g, line.amount, line.source) == (N(50), N(1), Source.ESTIMATE)
    bill = cost([line], EnergyUse(), Work(machine_time=None), MachineProfile(), CostPolicy())
    assert bill.of(CostKind.MATERIAL) == N("1.00")


def test_vector_2_grams_of_no_known_spool_are_priced_by_default_and_flagged() -> None:
    lines = consumed(JOB, replace(WATCH, hangings=(A,)), None, plate(60, 30, 20), STOCK)
    assert [line.amount for line in lines] == [N("1.80"), N("0.60"), N("0.40")]
    assert sum(line.amount or 0 for line in lines) == N("2.80")
    assert sum(line.mass_g or 0 for line in lines if line.unmapped) == 50


def test_vector_3_a_plate_is_charged_for_itself() -> None:
    """Not for its neighbour in the same file, and not for both."""
    facts = FileFacts(plates=(plate(190), plate(83, number=2)))
    (line,) = consumed(JOB, WATCH, None, facts.plate(1), STOCK)
    assert line.mass_g == 190


def test_vector_4_a_retraction_that_is_primed_again_is_no_material(tmp_path: Path) -> None:
    """Hundred times 5 out, 0.8 back and out again: 500 mm, not 580."""
    file = tmp_path / "retractions.gcode"
    file.write_text("M83\n" + "G1 X1 E5 F1200\nG1 E-0.8 F2100\nG1 E0.8 F2100\n" * 100)
    extrusion = read_extrusion(file)
    (line,) = consumed(JOB, WATCH, extrusion, None, STOCK)
    assert (line.length_mm, line.source) == (500, Source.LAYERS)


def test_vector_5_hours_that_nobody_saw_are_not_hours() -> None:
    """The gap of a lost line is not the duration of the print in it."""
    story = Story()
    story.shows(PrinterState.PRINTING, "part", 0.2)
    story.passes(600).shows(PrinterState.PRINTING, "part", 0.25)
    story.loses_line().passes(51 * 3600).shows(PrinterState.IDLE)
    story.passes(7 * 24 * 3600).shows(PrinterState.IDLE)
    (closed,) = (each.job for each in story.events if each.kind is JobEventKind.ENDED_UNSEEN)
    assert (closed.outcome, closed.duration) == (Outcome.UNKNOWN, None)
    machine = MachineProfile(purchase=N(1000))
    assert machine_time(closed, machine) is None
    bill = cost([], EnergyUse(), Work(machine_time=None), machine, CostPolicy())
    assert (bill.of(CostKind.MACHINE), bill.total) == (None, 0)
    assert JobStatistics(unknown=1).time == timedelta(0)


def test_vector_6_a_reprint_is_a_run_of_its_own() -> None:
    """Two runs, 110 g: neither overwritten nor charged in full twice."""
    again = replace(JOB, id=UUID(int=2), outcome=Outcome.FAILED, progress=0.1)
    runs = [consumed(run, WATCH, None, plate(100), STOCK) for run in (JOB, again)]
    assert [[line.mass_g for line in run] for run in runs] == [[N(100)], [N(10)]]


@pytest.mark.parametrize(
    ("process", "grams", "price"),
    [(Process.FILAMENT, N("12.4"), N("3.00")), (Process.RESIN, N(20), N("4.00"))],
)
def test_vector_8_a_tariff_has_its_unit_and_its_minimum(
    process: Process, grams: Decimal, price: Decimal
) -> None:
    found = charged(N(0), LAB, process=process, mass_g=grams)
    assert (found.net, found.by_tariff) == (price, True)
    assert found.minimum_applied is (process is Process.FILAMENT)


def test_vector_9_time_is_shown_in_half_hours_and_kept_in_seconds() -> None:
    held = timedelta(hours=7, minutes=10)
    job = replace(JOB, duration=held, paused=timedelta(0))
    assert shown_hours(held) == N("7.5")
    assert machine_time(job, MachineProfile()) == timedelta(seconds=25_800)


def test_vector_10_tax_is_rounded_once_on_the_total() -> None:
    """Line by line it would be 1.89: a cent that no accountant finds."""
    assert totals([Line(amount=N("3.33"))] * 3, gross_first=False) == (
        TaxLine(percent=N(19), net=N("9.99"), tax=N("1.90"), gross=N("11.89")),
    )


def test_vector_11_a_price_with_tax_inside_stays_what_was_agreed() -> None:
    assert totals([Line(amount=N("3.00"))], gross_first=True) == (
        TaxLine(percent=N(19), net=N("2.52"), tax=N("0.48"), gross=N("3.00")),
    )


@pytest.mark.parametrize("next_spool", [None, 0.2], ids=["empty", "emptier"])
@pytest.mark.parametrize("shows_active", [True, False], ids=["active", "silent"])
def test_vector_12_a_spool_taken_out_of_an_unused_slot_costs_nothing(
    next_spool: float | None, shows_active: bool
) -> None:
    """Percent of a slot fall to nothing when its spool is taken out; 800 g were charged for it."""

    def showing(used: float, idle: float | None) -> PrinterStatus:
        return PrinterStatus(
            state=PrinterState.PRINTING,
            job=CurrentJob(),
            slots=(
                Slot(key="0_0", unit="0", index=0, remaining=used, active=shows_active),
                Slot(key="0_1", unit="0", index=1, remaining=idle, empty=idle is None),
            ),
        )

    watch = begin(JOB, showing(0.50, 0.80), {}, late=False)
    for status in (showing(0.45, None), showing(0.45, next_spool), showing(0.40, next_spool)):
        watch = look(watch, status)
    (line,) = consumed(JOB, watch, None, None, STOCK)
    assert (line.slot, line.mass_g, line.source) == ("0_0", 100, Source.SLOTS)


def test_vector_14_what_a_person_cancelled_is_no_failure() -> None:
    counts = JobStatistics(completed=5, failed=1, cancelled=4)
    assert counts.success is not None
    assert round(counts.success * 100, 1) == 83.3


def test_vector_15_a_swapped_spool_gives_what_was_laid_down_after_it() -> None:
    """Layers are not equal: the first 92 of these take more than 92 of 153 parts."""
    sums = [0.0]
    for layer in range(1, 154):
        sums.append(sums[-1] + (200.0 if layer <= 92 else 50.0))
    extrusion = Extrusion(
        layers=153,
        tools=(
            ToolExtrusion(
                tool=0, layers_mm=tuple(sums), density_g_cm3=1.24, estimate_mm=21450, estimate_g=64
            ),
        ),
    )
    at_swap = replace(JOB, layer=92, layers=153, progress=0.6)
    watch = rehang(replace(WATCH, hangings=(A,)), {"tool_0": B}, at_swap)
    first, second = consumed(JOB, watch, extrusion, None, STOCK)
    assert (first.spool_id, first.length_mm) == (A.spool_id, 18400)
    assert (second.spool_id, second.length_mm) == (B.spool_id, 3050)
    assert (first.mass_g or 0) + (second.mass_g or 0) == 64
    assert first.mass_g is not None
    assert first.amount == exact(first.mass_g * 30 / 1000)

    without_layers = consumed(JOB, watch, None, plate(64), STOCK)
    assert [line.mass_g for line in without_layers] == [N("38.4"), N("25.6")]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.CANCELLED])
def test_layers_of_a_run_that_ended_while_nobody_looked_are_trusted_little(
    outcome: Outcome,
) -> None:
    """It went on behind our back: the last layer that was seen is the least that it can be."""
    sums = tuple(100.0 * each for each in range(11))
    tool = ToolExtrusion(tool=0, layers_mm=sums, diameter_mm=1.75, density_g_cm3=1.24)
    extrusion = Extrusion(layers=10, tools=(tool,))
    seen = replace(JOB, outcome=outcome, layer=5, layers=10, progress=0.5, ended_at=DAY)
    found = replace(seen, ended_at=None)

    def trust(job: Job, watch: RunWatch = WATCH) -> tuple[Source, Confidence]:
        (line,) = consumed(job, watch, extrusion, None, STOCK)
        return line.source, line.confidence

    assert trust(seen) == (Source.LAYERS, Confidence.MEDIUM)
    assert trust(found) == (Source.LAYERS, Confidence.LOW)
    assert trust(replace(found, outcome=Outcome.COMPLETED)) == (Source.LAYERS, Confidence.HIGH)
    counted = replace(WATCH, measured_mm=700.0)  # by the firmware, at the end
    assert trust(found, counted) == (Source.MEASURED, Confidence.HIGH)
