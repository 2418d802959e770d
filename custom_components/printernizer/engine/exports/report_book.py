"""A small report to look at: figures on the first sheet, tables with charts on the others.

Made by openpyxl, which draws charts and takes its time; for tables of any length there is
`xlsx.py`. Imports openpyxl, so it belongs on a thread and is imported when it is needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO, Final

from openpyxl import Workbook as Book
from openpyxl.cell import Cell
from openpyxl.chart import BarChart, Reference
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.properties import PageSetupProperties

from . import styles, words
from .outside import legal
from .sheet import NUMERIC, Column, ColumnKind, Sheet, Value, hours
from .xlsx import LONGEST_TEXT, sheet_name

if TYPE_CHECKING:
    from datetime import tzinfo

    from openpyxl.worksheet.worksheet import Worksheet

_BOLD: Final = Font(bold=True)
_HEAD: Final = PatternFill("solid", fgColor="E7ECF3")
_ABOVE: Final = Border(top=Side(style="thin"))
_CHART_WIDTH_CM: Final = 24
_CHART_HEIGHT_CM: Final = 10
_FEWEST: Final = 2
"""Rows that are worth a chart."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Figure:
    """One number that people look for first."""

    label: str
    value: Value
    kind: ColumnKind


@dataclass(frozen=True, kw_only=True, slots=True)
class Table:
    """A table of a few dozen rows and, beside it, bars of some of its columns."""

    sheet: Sheet
    labels: str | None = None
    """Key of the column that names the bars; None: no chart."""
    bars: tuple[str, ...] = ()
    """Keys of the columns that are drawn, side by side."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """What a month, or any other period, was like."""

    title: str
    subtitle: str
    figures: tuple[Figure, ...]
    tables: tuple[Table, ...]
    language: str = "de"
    currency: str = "EUR"


def write(report: Report, file: BinaryIO, zone: tzinfo) -> None:
    """Write a report. Raises what its writing raises."""
    book = Book()
    taken: set[str] = set()
    book.remove(book.worksheets[0])
    front = book.create_sheet(sheet_name(words.word("report_title", report.language), taken))
    _write_front(front, report, zone)
    for table in report.tables:
        page = book.create_sheet(sheet_name(table.sheet.name, taken))
        rows = _write_table(page, table.sheet, report, zone)
        if table.labels is not None and rows >= _FEWEST:
            _draw(page, table, rows)
    book.save(file)


def _write_front(page: Worksheet, report: Report, zone: tzinfo) -> None:
    _put(_cell(page, 1, 1), report.title, ColumnKind.TEXT, report, zone).font = Font(
        bold=True, size=16
    )
    _put(_cell(page, 2, 1), report.subtitle, ColumnKind.TEXT, report, zone)
    for column, key in enumerate(("report_figure", "report_value"), 1):
        cell = _cell(page, 4, column)
        cell.value = words.word(key, report.language)
        cell.font, cell.fill = _BOLD, _HEAD
    for row, figure in enumerate(report.figures, 5):
        _put(_cell(page, row, 1), figure.label, ColumnKind.TEXT, report, zone)
        _put(_cell(page, row, 2), figure.value, figure.kind, report, zone)
    page.column_dimensions["A"].width = 36
    page.column_dimensions["B"].width = 18
    _for_paper(page)


def _write_table(page: Worksheet, sheet: Sheet, report: Report, zone: tzinfo) -> int:
    """Write a table with its totals; returns how many rows it has."""
    for number, column in enumerate(sheet.columns, 1):
        cell = _put(_cell(page, 1, number), column.title, ColumnKind.TEXT, report, zone)
        cell.font, cell.fill = _BOLD, _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="top")
        page.column_dimensions[get_column_letter(number)].width = column.characters
    count = 0
    for count, row in enumerate(sheet.rows, 1):
        for number, (column, value) in enumerate(zip(sheet.columns, row, strict=True), 1):
            _put(_cell(page, count + 1, number), value, column.kind, report, zone)
    page.freeze_panes = "A2"
    page.auto_filter.ref = f"A1:{get_column_letter(len(sheet.columns))}{count + 1}"
    if count:
        _write_totals(page, sheet.columns, count, report)
    _for_paper(page)
    return count


def _write_totals(page: Worksheet, columns: tuple[Column, ...], count: int, report: Report) -> None:
    row = count + 3
    for number, column in enumerate(columns, 1):
        cell = _cell(page, row, number)
        if column.total and column.kind in NUMERIC:
            letters = get_column_letter(number)
            cell.value = f"=SUBTOTAL(109,{letters}2:{letters}{count + 1})"
            cell.number_format = styles.number_format(column.kind, report.language, report.currency)
        elif number == 1:
            cell.value = words.word("total", report.language)
        cell.font, cell.border = _BOLD, _ABOVE


def _cell(page: Worksheet, row: int, column: int) -> Cell:
    cell = page.cell(row, column)
    assert isinstance(cell, Cell)  # nothing is merged
    return cell


def _put(cell: Cell, value: Value, kind: ColumnKind, report: Report, zone: tzinfo) -> Cell:
    """Fill a cell; text stays text whatever it begins with."""
    cell.number_format = styles.number_format(kind, report.language, report.currency)
    match value:
        case str():
            cell.value = legal(value)[:LONGEST_TEXT]
            cell.data_type = "s"
        case _ if kind is ColumnKind.HOURS and value is not None:
            cell.value = hours(value)  # type: ignore[arg-type]
        case _ if kind is ColumnKind.MOMENT and value is not None:
            cell.value = value.astimezone(zone).replace(tzinfo=None)  # type: ignore[union-attr]
        case _:
            cell.value = value
    return cell


def _draw(page: Worksheet, table: Table, rows: int) -> None:
    """Draw bars below a table."""
    keys = [column.key for column in table.sheet.columns]
    chart = BarChart()
    chart.type, chart.grouping = "col", "clustered"
    chart.title = table.sheet.name
    chart.width, chart.height = _CHART_WIDTH_CM, _CHART_HEIGHT_CM
    for key in table.bars:
        number = keys.index(key) + 1
        chart.add_data(
            Reference(page, min_col=number, min_row=1, max_row=rows + 1), titles_from_data=True
        )
    labels = keys.index(table.labels or keys[0]) + 1
    chart.set_categories(Reference(page, min_col=labels, min_row=2, max_row=rows + 1))
    chart.x_axis.delete = chart.y_axis.delete = False
    page.add_chart(chart, f"A{rows + 6}")


def _for_paper(page: Worksheet) -> None:
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = 9
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
