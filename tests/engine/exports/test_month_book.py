"""The report of a period as a workbook."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from openpyxl import load_workbook

from custom_components.printernizer.engine.account import CostKind
from custom_components.printernizer.engine.exports import month_book
from custom_components.printernizer.engine.report import (
    JobCounts,
    LeftOut,
    MonthlyReport,
    Share,
    Totals,
    WeekTotals,
)

if TYPE_CHECKING:
    from openpyxl import Workbook

SOME = Totals(
    jobs=JobCounts(completed=5, failed=1, cancelled=4),
    hours=Decimal("12.5"),
    mass_g=Decimal(300),
    kwh=Decimal("1.5"),
    cost=Decimal(40),
    revenue=Decimal(100),
    incomplete=2,
)


def _book(report: MonthlyReport, language: str = "de") -> Workbook:
    file = io.BytesIO()
    zone = ZoneInfo("Europe/Berlin")
    month_book.write(
        report, Decimal("119.5"), date(2026, 10, 31), file, language=language, zone=zone
    )
    return load_workbook(file)


def test_a_month_has_its_figures_and_a_sheet_for_each_way_to_divide_them() -> None:
    """The owner sorts it in a spreadsheet, and it has to say what the PDF says."""
    book = _book(
        MonthlyReport(
            month=date(2026, 10, 1),
            totals=SOME,
            costs=tuple((kind, Decimal(10)) for kind in CostKind),
            weeks=(
                WeekTotals(begins=date(2026, 10, 1), revenue=Decimal(60), cost=Decimal(20)),
                WeekTotals(begins=date(2026, 10, 5), revenue=Decimal(40), cost=Decimal(20)),
            ),
            printers=(Share(name="One", totals=SOME), Share(name="=Two", totals=SOME)),
            materials=(Share(name="PLA", totals=SOME), Share(name=None, totals=SOME)),
            customers=(
                Share(name="Erika", totals=SOME, key="K00001"),
                Share(name=None, totals=SOME),
            ),
            shop="Druckwerk",
            left_out=LeftOut(unreckoned=3, other_currency=1),
        )
    )
    assert book.sheetnames == [
        "Bericht",
        "Wochen",
        "Kostenarten",
        "Drucker",
        "Materialien",
        "Kunden",
    ]
    front = {row[0].value: row[1].value for row in book["Bericht"].iter_rows(min_row=5)}
    assert book["Bericht"]["A2"].value == "Druckwerk · 2026-10-01 – 2026-10-31"
    assert front["Drucke"] == 10
    assert round(front["Erfolgsquote"], 3) == 0.833
    assert front["Erlöse minus Kosten"] == 60
    assert front["Noch nicht berechnete Drucke, nicht enthalten"] == 3
    assert front["Drucke in anderer Währung, nicht enthalten"] == 1
    assert front["In Rechnung gestellt, netto"] == 119.5
    assert [cell.value for cell in book["Kunden"]["B"][1:3]] == ["Erika", "ohne Kunde"]
    assert [cell.value for cell in book["Materialien"]["A"][1:3]] == ["PLA", "nicht genannt"]
    assert book["Drucker"]["A3"].data_type == "s"
    assert [len(book[name]._charts) for name in book.sheetnames] == [0, 1, 1, 1, 1, 1]
    titles = [cell.value for cell in book["Drucker"][1]]
    totals = dict(zip(titles, (cell.value for cell in book["Drucker"][5]), strict=True))
    assert totals["Erfolgsquote"] is None
    assert totals["Gesamtkosten"].startswith("=SUBTOTAL(109,")


def test_a_month_without_a_job_is_a_workbook_too() -> None:
    """The automation of the first of the month does not stop after the holidays."""
    book = _book(MonthlyReport(month=date(2026, 10, 1), totals=Totals()), "en")
    front = {row[0].value: row[1].value for row in book["Report"].iter_rows(min_row=5)}
    assert (front["Jobs"], front["Success rate"]) == (0, None)
    assert book["Report"]["A2"].value == "2026-10-01 – 2026-10-31"
