"""The monthly report, read again."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from pypdf import PdfReader

from custom_components.printernizer.engine.account import CostKind
from custom_components.printernizer.engine.papers import charts, monthly
from custom_components.printernizer.engine.report import (
    JobCounts,
    LeftOut,
    MonthlyReport,
    Share,
    Totals,
    WeekTotals,
)

SOME = Totals(
    jobs=JobCounts(completed=5, failed=1, cancelled=4),
    hours=Decimal("31.5"),
    mass_g=Decimal(1834),
    kwh=Decimal("14.3"),
    cost=Decimal("81.25"),
    revenue=Decimal("231.5"),
    incomplete=2,
)


def _report(count: int = 3) -> MonthlyReport:
    return MonthlyReport(
        month=date(2026, 10, 1),
        totals=SOME,
        costs=tuple((kind, Decimal(10)) for kind in CostKind),
        weeks=(
            WeekTotals(begins=date(2026, 10, 1), revenue=Decimal(-80), cost=Decimal(20)),
            WeekTotals(begins=date(2026, 10, 5), revenue=Decimal(311), cost=Decimal(61)),
        ),
        printers=tuple(Share(name=f"Drucker {number}", totals=SOME) for number in range(count)),
        materials=(
            *(Share(name=f"PLA {number}", totals=SOME) for number in range(count)),
            Share(name=None, totals=Totals(volume_ml=Decimal(120))),
        ),
        customers=(Share(name=None, totals=SOME),),
        shop="Druckwerk Łódź",
    )


def _text(report: MonthlyReport, language: str = "de") -> str:
    reader = PdfReader(BytesIO(monthly.render(report, language=language)))
    return " ".join(" ".join(page.extract_text() for page in reader.pages).split())


def test_a_month_is_told_in_figures() -> None:
    """The owner reads the first row and nothing else."""
    told = _text(_report())
    for part in (
        "Oktober 2026",
        "Druckwerk Łódź",
        "231,50 €",
        "81,25 €",
        "150,25 €",
        "83,3 %",
        "1,83 kg",
        "14,3 kWh",
        "Die Kosten von 2 Drucken sind nur zum Teil bekannt",
        "ohne Kunde",
        "nicht bekannt",
        "120 ml",
    ):
        assert part in told, part


def test_jobs_that_are_in_no_sum_are_told_below_them() -> None:
    """A report that is short of three jobs and does not say so is a wrong report."""
    left_out = LeftOut(unreckoned=3, other_currency=2)
    told = _text(replace(_report(), left_out=left_out))
    assert "3 weitere Drucke dieser Zeit sind noch nicht berechnet" in told
    assert "2 weitere Drucke wurden in anderer Währung berechnet" in told
    assert "weitere Drucke" not in _text(_report())


def test_the_report_speaks_english() -> None:
    """A lab abroad."""
    told = _text(_report(), "en")
    assert "October 2026" in told
    assert "€231.50" in told
    assert "Revenue" in told


def test_many_printers_are_gathered_and_run_over_pages() -> None:
    """A farm of ninety machines gets a report too."""
    told = _text(_report(90))
    assert "weitere (51)" in told
    assert "Drucker 38" in told


def test_a_month_without_anything_says_so() -> None:
    """An empty page looks broken."""
    told = _text(MonthlyReport(month=date(2026, 2, 1), totals=Totals()))
    assert "Nichts in diesem Monat." in told
    assert "–" in told


def test_money_without_jobs_is_shown() -> None:
    """An invoice for design alone is revenue as well."""
    report = MonthlyReport(month=date(2026, 2, 1), totals=Totals(revenue=Decimal(5)))
    assert "Nichts" not in _text(report)


@pytest.mark.parametrize(
    ("span", "step"), [("1", "0.25"), ("1000", "250"), ("7", "2"), ("0.03", "0.01"), ("900", "250")]
)
def test_scales_have_round_steps(span: str, step: str) -> None:
    """Nobody reads a scale of 0, 233, 466."""
    assert charts.nice_step(Decimal(span)) == Decimal(step)


def test_success_counts_only_what_was_judged() -> None:
    """Five completed, one failed, four cancelled are 83.3 % (vector 14)."""
    assert round((SOME.jobs.success or 0) * 100, 1) == 83.3
    assert JobCounts(cancelled=3).success is None
    assert SOME.margin == Decimal("150.25")
