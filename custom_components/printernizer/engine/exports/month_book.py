"""The report of a period as a workbook: its figures, and a sheet for each way to divide them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from . import report_book
from .report_book import Figure, Report, Table
from .sheet import Column, ColumnKind, Sheet
from .words import word

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date, tzinfo
    from decimal import Decimal
    from typing import BinaryIO

    from ..report import MonthlyReport, Share, Totals
    from .sheet import Row, Value

_FIGURES: Final = (
    ("jobs", ColumnKind.INTEGER),
    ("completed", ColumnKind.INTEGER),
    ("failed", ColumnKind.INTEGER),
    ("cancelled", ColumnKind.INTEGER),
    ("unknown", ColumnKind.INTEGER),
    ("skipped", ColumnKind.INTEGER),
    ("success", ColumnKind.PERCENT),
    ("hours", ColumnKind.NUMBER),
    ("mass", ColumnKind.MASS),
    ("energy", ColumnKind.NUMBER),
    ("cost", ColumnKind.MONEY),
    ("revenue", ColumnKind.MONEY),
    ("margin", ColumnKind.MONEY),
    ("incomplete", ColumnKind.INTEGER),
)
"""What is told of all jobs, and of each share of them."""
_NAME: Final = (("name", ColumnKind.TEXT),)
_CUSTOMER: Final = (("customer_number", ColumnKind.TEXT), ("customer", ColumnKind.TEXT))
_MATERIAL: Final = (
    ("material", ColumnKind.TEXT),
    ("mass", ColumnKind.MASS),
    ("cost", ColumnKind.MONEY),
)
_WEEK: Final = (
    ("begins", ColumnKind.DATE),
    ("revenue", ColumnKind.MONEY),
    ("cost", ColumnKind.MONEY),
)
_COST: Final = (("cost_kind", ColumnKind.TEXT), ("cost", ColumnKind.MONEY))


def write(
    report: MonthlyReport,
    invoiced: Decimal,
    last: date,
    file: BinaryIO,
    *,
    language: str,
    zone: tzinfo,
) -> None:
    """Write a period that ends with the day `last`, and what was invoiced in it."""
    report_book.write(_laid_out(report, invoiced, last, language), file, zone)


def _laid_out(report: MonthlyReport, invoiced: Decimal, last: date, language: str) -> Report:
    def table(
        key: str,
        columns: Iterable[tuple[str, ColumnKind]],
        rows: Sequence[Row],
        labels: str,
        *bars: str,
    ) -> Table:
        laid_out = tuple(_column(name, kind, language) for name, kind in columns)
        sheet = Sheet(key=key, name=word(f"sheet_{key}", language), columns=laid_out, rows=rows)
        return Table(sheet=sheet, labels=labels, bars=bars)

    values = _values(report.totals)
    figures = [
        Figure(label=word(f"column_{key}", language), value=value, kind=kind)
        for (key, kind), value in zip(_FIGURES, values, strict=True)
    ]
    more = [
        Figure(label=word(f"column_{key}", language), value=value, kind=kind)
        for key, value, kind in (
            ("unreckoned", report.left_out.unreckoned, ColumnKind.INTEGER),
            ("other_currency", report.left_out.other_currency, ColumnKind.INTEGER),
            ("invoiced", invoiced, ColumnKind.MONEY),
        )
    ]
    missing = word("not_told", language)
    nobody = word("nobody", language)
    weeks = [(week.begins, week.revenue, week.cost) for week in report.weeks]
    costs = [(word(f"kind_{kind.value}", language), amount) for kind, amount in report.costs]
    printers = [(_name(each, missing), *_values(each.totals)) for each in report.printers]
    materials = [
        (_name(each, missing), each.totals.mass_g, each.totals.cost) for each in report.materials
    ]
    customers = [
        (each.key, _name(each, nobody), *_values(each.totals)) for each in report.customers
    ]
    return Report(
        title=word("report_title", language),
        subtitle=f"{report.shop} · {report.month} – {last}".removeprefix(" · "),
        figures=(*figures, *more),
        tables=(
            table("weeks", _WEEK, weeks, "begins", "revenue", "cost"),
            table("cost_kinds", _COST, costs, "cost_kind", "cost"),
            table("printers", (*_NAME, *_FIGURES), printers, "name", "revenue", "cost"),
            table("materials", _MATERIAL, materials, "material", "mass"),
            table("customers", (*_CUSTOMER, *_FIGURES), customers, "customer", "revenue", "cost"),
        ),
        language=language,
        currency=report.currency,
    )


def _column(key: str, kind: ColumnKind, language: str) -> Column:
    # A share is no part of a sum.
    total = kind not in {ColumnKind.TEXT, ColumnKind.DATE, ColumnKind.PERCENT}
    return Column(key=key, title=word(f"column_{key}", language), kind=kind, total=total)


def _name(share: Share, missing: str) -> str:
    return share.name or missing


def _values(totals: Totals) -> tuple[Value, ...]:
    """Return what `_FIGURES` names."""
    jobs = totals.jobs
    return (
        jobs.total,
        jobs.completed,
        jobs.failed,
        jobs.cancelled,
        jobs.unknown,
        jobs.skipped,
        jobs.success,
        totals.hours,
        totals.mass_g,
        totals.kwh,
        totals.cost,
        totals.revenue,
        totals.margin,
        totals.incomplete,
    )
