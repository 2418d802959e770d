"""Workbooks, opened again by others."""

from __future__ import annotations

import io
import re
import tracemalloc
import zipfile
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings, strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from custom_components.printernizer.engine.exports import styles, xlsx
from custom_components.printernizer.engine.exports.sheet import (
    NUMERIC,
    Column,
    ColumnKind,
    Sheet,
    Workbook,
    hours,
)

from . import samples
from .office import converted

TEXTS = (
    "Müller & Söhne <GmbH> \"Zitat\" 'eins'",
    " mit Rand \n und Zeile",
    "_x0041_ bleibt",
    "你好 🎉",
    "100 %s \0 Ende",
    *samples.HOSTILE,
)


def expected(value: Any) -> Any:
    """Return what another program reads of a value."""
    match value:
        case str():
            plain = value.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "")
            return plain or None
        case timedelta():
            return pytest.approx(float(hours(value)))
        case datetime():
            return value.astimezone(samples.BERLIN).replace(tzinfo=None)
        case date():
            return datetime(value.year, value.month, value.day)
        case Decimal():
            return pytest.approx(float(value), rel=1e-14)
    return value


def compare(page: Any, rows: list[list[Any]], said: Callable[[str], str] = str) -> None:
    """Compare a sheet that another program read with what was written, cell by cell.

    `said`: what a text stands for that the reader left escaped.
    """
    for number, row in enumerate(rows, 2):
        for place, value in enumerate(row, 1):
            found = page.cell(number, place).value
            wanted = expected(value)
            where = f"{COORDINATE.format(number, place)}: {value!r}"
            if isinstance(value, datetime):
                assert abs(found - wanted) < timedelta(milliseconds=1), where
            elif isinstance(value, str) and isinstance(found, str):
                assert said(found) == wanted, where
            else:
                assert found == wanted, where


COORDINATE = "row {}, column {}"


def test_openpyxl_reads_every_cell_as_it_was_meant() -> None:
    """A date that is a text, or an amount that is one, is typed in anew by the accountant."""
    rows = [samples.row(number, text) for number, text in enumerate(TEXTS, 1)]
    book = load_workbook(samples.written(samples.workbook(rows)))
    page = book["Aufträge"]
    assert [cell.value for cell in page[1]] == [column.title for column in samples.COLUMNS]
    compare(page, rows, unescape)
    for place, column in enumerate(samples.COLUMNS, 1):
        wanted = styles.number_format(column.kind, "de", "EUR")
        if column.kind not in {ColumnKind.TEXT, ColumnKind.BOOLEAN}:
            assert page.cell(2, place).number_format == wanted
    assert page.freeze_panes == "A2"
    assert page.auto_filter.ref == f"A1:J{len(rows) + 1}"
    assert page.column_dimensions["A"].width > 10
    assert page.print_title_rows == "$1:$1"


def test_libreoffice_reads_every_cell_as_it_was_meant(
    tmp_path: Path, peer: Callable[[str], dict[str, str]]
) -> None:
    """What one reader forgives, the accountant's may not; and it reckons the totals itself."""
    office = peer("libreoffice")
    rows = [samples.row(number, text) for number, text in enumerate(TEXTS, 1)]
    file = tmp_path / "book.xlsx"
    file.write_bytes(all_but_totals(samples.written(samples.workbook(rows)).read()))
    saved = converted(office, file, "xlsx", "Calc MS Excel 2007 XML")
    page = load_workbook(saved, data_only=True)["Aufträge"]
    compare(page, rows)
    for place, column in enumerate(samples.COLUMNS, 1):
        total = page.cell(len(rows) + 3, place).value
        if column.kind in NUMERIC:
            numbers = [row[place - 1] for row in rows]
            wanted = sum(hours(n) if isinstance(n, timedelta) else Decimal(n) for n in numbers)
            assert total == pytest.approx(float(wanted)), column.key
    formulas = load_workbook(saved)["Aufträge"]
    assert formulas["B18"].value == f"=SUBTOTAL(109,B2:B{len(rows) + 1})"
    assert page.auto_filter.ref == f"A1:J{len(rows) + 1}"


def all_but_totals(content: bytes) -> bytes:
    """Return a workbook without the values of its formulas, so that a reader has to reckon."""
    result = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(result, "w") as new:
        for name in old.namelist():
            text = old.read(name).decode()
            new.writestr(name, re.sub(r"(</f>)<v>[^<]*</v>", r"\1", text))
    return result.getvalue()


def test_totals_count_what_a_filter_leaves_and_carry_their_value() -> None:
    """A preview that reckons nothing shows the value; a program that does, counts what is shown."""
    rows = [samples.row(number, "x") for number in range(1, 1_200)]
    content = samples.written(samples.workbook(iter(rows)))
    row = len(rows) + 3
    formulas = load_workbook(content)["Aufträge"]
    values = load_workbook(content, data_only=True)["Aufträge"]
    assert formulas[f"A{row}"].value == "Summe"
    assert formulas[f"D{row}"].value == "=SUBTOTAL(109,D2:D1200)"
    assert values[f"B{row}"].value == sum(range(1, 1_200))
    assert values[f"D{row}"].value == pytest.approx(float(sum(row[3] for row in rows)))
    assert values[f"F{row}"].value == pytest.approx(
        float(sum(hours(row[5]) for row in rows)), abs=1e-3
    )
    assert formulas[f"H{row}"].value is None, "days are not summed"
    assert values[f"A{row - 1}"].value is None, "a filter ends at the blank row"


def test_a_hostile_text_is_a_text_in_libreoffice(
    tmp_path: Path, peer: Callable[[str], dict[str, str]]
) -> None:
    """A file name must not run on the accountant's machine."""
    office = peer("libreoffice")
    rows = [[text] for text in samples.HOSTILE]
    columns = samples.columns(text=ColumnKind.TEXT)
    file = tmp_path / "hostile.xlsx"
    file.write_bytes(samples.written(samples.workbook(rows, columns)).read())
    text = converted(office, file, "fods").read_text()
    cells = re.findall(r"<table:table-cell[^>]*>", text)
    assert sum('office:value-type="string"' in cell for cell in cells) == len(rows) + 1
    assert "table:formula" not in text
    assert 'office:value-type="float"' not in text


def test_what_does_not_fit_a_column_is_written_as_text() -> None:
    """A stray value must neither be lost nor break the file."""
    odd = [Decimal("NaN"), Decimal("Infinity"), float("nan"), 10**16, "n/a", True]
    rows = [[value] * 4 for value in odd] + [
        [date(1899, 5, 1)] * 4,
        [datetime(1, 1, 1, tzinfo=UTC)] * 4,
    ]
    columns = samples.columns(
        money=ColumnKind.MONEY,
        hours=ColumnKind.HOURS,
        date=ColumnKind.DATE,
        moment=ColumnKind.MOMENT,
    )
    page = load_workbook(samples.written(samples.workbook(rows, columns)))["Aufträge"]
    for number, row in enumerate(rows, 2):
        for place, value in enumerate(row, 1):
            found = page.cell(number, place)
            assert found.data_type == "s", value
            assert str(found.value).startswith(str(value)[:4])


def test_nothing_is_an_empty_cell() -> None:
    """Unknown is not 0."""
    content = samples.written(samples.workbook([[None] * 10], samples.COLUMNS))
    page = load_workbook(content)["Aufträge"]
    assert all(cell.value is None for cell in page[2])


def test_numbers_may_be_floats_and_whole() -> None:
    """A share is reckoned as a float somewhere."""
    columns = (Column(key="n", title="n", kind=ColumnKind.NUMBER, total=True),)
    rows = [[0.25], [3], [Decimal("1E+3")], [float("inf")], ["x"]]
    content = samples.written(samples.workbook(rows, columns))
    page = load_workbook(content, data_only=True)["Aufträge"]
    assert [page.cell(n, 1).value for n in range(2, 7)] == [0.25, 3, 1000, "inf", "x"]
    assert page["A8"].value == 1003.25


@pytest.mark.parametrize("length", [32_767, 32_768, 40_000])
@pytest.mark.parametrize("letter", ["a", "🎉"])
def test_a_text_is_cut_where_a_cell_ends_and_says_so(length: int, letter: str) -> None:
    """Excel calls a workbook with a longer one broken."""
    columns = samples.columns(text=ColumnKind.TEXT)
    content = samples.written(samples.workbook([[letter * length]], columns))
    found = load_workbook(content)["Aufträge"]["A2"].value
    units = len(found.encode("utf-16-le")) // 2
    assert units <= 32_767
    whole = letter * length
    assert found == whole if len(whole.encode("utf-16-le")) // 2 <= 32_767 else found.endswith("…")
    assert found.rstrip("…") == letter * len(found.rstrip("…"))


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ("Aufträge", "Aufträge"),
        ("a/b\\c?d*e[f]g:h", "a b c d e f g h"),
        ("'quoted'", "quoted"),
        ("", "Sheet 1"),
        ("History", "History 1"),
        ("x" * 40, "x" * 30 + "…"),
        ("\0\x01", "Sheet 1"),
    ],
)
def test_a_sheet_gets_a_name_that_spreadsheets_allow(wanted: str, name: str) -> None:
    """Excel offers to repair a workbook with another."""
    assert xlsx.sheet_name(wanted, set()) == name


def test_no_two_sheets_have_one_name() -> None:
    """Nor do they differ by case alone."""
    taken: set[str] = set()
    names = [xlsx.sheet_name(name, taken) for name in ("Jobs", "jobs", "x" * 40, "x" * 40)]
    assert names == ["Jobs", "jobs (2)", "x" * 30 + "…", "x" * 26 + "… (2)"]


def test_a_long_table_goes_on_in_another_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sheet ends after 1 048 576 rows; the rest must not be lost."""
    monkeypatch.setattr(xlsx, "MOST_ROWS", 1_003)
    columns = (Column(key="n", title="n", kind=ColumnKind.INTEGER, total=True),)
    content = samples.written(samples.workbook(([n] for n in range(2_000)), columns))
    book = load_workbook(content, data_only=True)
    assert book.sheetnames == ["Aufträge", "Aufträge (2)"]
    numbers = [page.cell(n, 1).value for page in book.worksheets for n in range(2, 1_002)]
    assert numbers == list(range(2_000))
    assert [page["A1003"].value for page in book.worksheets] == [499_500, 1_499_500]


def test_a_table_that_ends_with_its_sheet_needs_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty sheet asks what is missing."""
    monkeypatch.setattr(xlsx, "MOST_ROWS", 1_003)
    columns = samples.columns(n=ColumnKind.INTEGER)
    parts = xlsx.write(samples.workbook(([n] for n in range(1_000)), columns), io.BytesIO())
    assert [part.rows for part in parts] == [1_000]


def test_a_sheet_that_would_be_too_large_for_the_archive_ends_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond 2 GiB Excel wants to repair the file."""
    monkeypatch.setattr(xlsx, "_MOST_BYTES", 20_000)
    columns = samples.columns(text=ColumnKind.TEXT)
    parts = xlsx.write(samples.workbook((["x" * 40] for _ in range(2_000)), columns), io.BytesIO())
    assert sum(part.rows for part in parts) == 2_000
    assert len(parts) == 4


def test_a_workbook_can_be_written_where_nothing_goes_back() -> None:
    """A response to a browser cannot."""
    pipe = samples.Pipe()
    xlsx.write(samples.workbook([samples.row(1, "x")]), pipe)
    page = load_workbook(io.BytesIO(pipe.getvalue()))["Aufträge"]
    assert page["A2"].value == "x"


def test_the_same_rows_give_the_same_bytes() -> None:
    """Two exports of one month can be compared by their checksum."""
    rows = [samples.row(1, "x")]
    first, again = (samples.written(samples.workbook(rows)).read() for _ in range(2))
    assert first == again


def test_empty_tables_and_several_of_them_are_fine() -> None:
    """A month without a single job is a month, too."""
    sheets = tuple(
        Sheet(key=key, name=key, columns=samples.COLUMNS, rows=()) for key in ("a", "b'c")
    )
    made = datetime(2026, 11, 1, 9, tzinfo=UTC)
    book = Workbook(title="<&>\0", sheets=sheets, language="en", currency="USD", created_at=made)
    found = load_workbook(samples.written(book))
    assert found.sheetnames == ["a", "b'c"]
    assert found.properties.title == "<&>"
    assert found.properties.created == made.replace(tzinfo=None)
    assert found["a"]["A2"].value is None


def test_every_part_is_wellformed_and_named() -> None:
    """Excel refuses a package with a part it does not know."""
    with zipfile.ZipFile(samples.written(samples.workbook([samples.row(1, "x")]))) as archive:
        names = set(archive.namelist())
        types = ET.fromstring(archive.read("[Content_Types].xml"))
        for name in names:
            ET.fromstring(archive.read(name))
    named = {each.attrib["PartName"].lstrip("/") for each in types if "PartName" in each.attrib}
    assert named == {name for name in names if name.endswith(".xml") and "Types" not in name}


def test_a_row_of_another_length_is_our_mistake() -> None:
    """Shifted columns would be believed."""
    with pytest.raises(ValueError, match="zip"):
        xlsx.write(samples.workbook([["x"]]), io.BytesIO())


@pytest.mark.parametrize(("language", "money"), [("de", '#,##0.00 "€"'), ("en", '"€"#,##0.00')])
def test_amounts_look_as_the_language_has_them(language: str, money: str) -> None:
    """An accountant in Germany reads 1.234,50 €."""
    assert styles.number_format(ColumnKind.MONEY, language, "EUR") == money
    assert styles.symbol("SEK") == "SEK"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.text(max_size=40), max_size=6),
    st.lists(
        st.decimals(
            allow_nan=False, allow_infinity=False, places=6, min_value=-(10**8), max_value=10**8
        ),
        max_size=6,
    ),
)
def test_any_text_and_any_amount_survive(texts: list[str], amounts: list[Decimal]) -> None:
    """Nobody knows what people call their files."""
    columns = (
        Column(key="text", title="text"),
        Column(key="money", title="money", kind=ColumnKind.MONEY, total=True),
    )
    rows = [[text, None] for text in texts] + [[None, amount] for amount in amounts]
    content = samples.written(samples.workbook(rows, columns))
    page = load_workbook(content, data_only=True)["Aufträge"]
    for number, (text, amount) in enumerate(rows, 2):
        found = page.cell(number, 1)
        assert found.data_type in {"s", "n"}
        if text is not None and text.isprintable():
            assert unescape(found.value or "") == text
        if amount is not None:
            assert page.cell(number, 2).value == pytest.approx(float(amount))
    if rows:
        assert page.cell(len(rows) + 3, 2).value == pytest.approx(float(sum(amounts)), abs=1e-6)


def test_memory_does_not_grow_with_the_rows() -> None:
    """A hundred thousand jobs are written on a Raspberry Pi."""

    def peak(count: int) -> int:
        rows = (samples.row(number, f"Auftrag {number}") for number in range(count))
        tracemalloc.start()
        xlsx.write(samples.workbook(rows), open_sink())
        most = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return most

    peak(10)
    assert peak(6_000) - peak(1_500) < 1 << 20


def open_sink() -> Any:
    """Return a file that keeps nothing."""

    class Sink(io.RawIOBase):
        def writable(self) -> bool:
            return True

        def write(self, content: Any) -> int:
            return len(content)

    return io.BufferedWriter(Sink())
