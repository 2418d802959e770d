"""Text with separators, for spreadsheets of two countries."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st
from openpyxl import load_workbook

from custom_components.printernizer.engine.exports import separated
from custom_components.printernizer.engine.exports.outside import ansi, defused, one_line
from custom_components.printernizer.engine.exports.separated import (
    GERMAN,
    GERMAN_ANSI,
    INTERNATIONAL,
    Dialect,
)
from custom_components.printernizer.engine.exports.sheet import ColumnKind, Sheet

from . import samples
from .office import converted


def written(
    rows: list[list[Any]],
    dialect: Dialect,
    columns: Any = samples.COLUMNS,
) -> tuple[bytes, separated.Written]:
    file = io.BytesIO()
    sheet = Sheet(key="jobs", name="Aufträge", columns=columns, rows=rows)
    done = separated.write(sheet, file, dialect, samples.BERLIN)
    return file.getvalue(), done


def test_germany_gets_semicolons_commas_and_its_dates() -> None:
    """A German spreadsheet opens it by a double click, or shows one long column."""
    content, done = written([samples.row(3, "Müller; Söhne")], GERMAN)
    assert content.startswith(b"\xef\xbb\xbf")
    line = content.decode("utf-8-sig").split("\r\n")[1]
    assert line == (
        '"Müller; Söhne";3;0,375;22,857143;12,345678;0,35001;19;03.03.2026;25.10.2026 06:21:03;nein'
    )
    assert done == separated.Written(rows=1, replaced=0)


def test_everybody_else_gets_commas_points_and_iso_dates() -> None:
    """Programs read that without being told."""
    content, _ = written([samples.row(3, "a")], INTERNATIONAL)
    line = content.decode("utf-8-sig").split("\r\n")[1]
    assert line.startswith("a,3,0.375,22.857143,12.345678,")
    assert line.endswith(",2026-03-03,2026-10-25 06:21:03,no")


def test_an_old_program_gets_cp1252_and_we_count_what_it_cannot_hold() -> None:
    """Nobody is told that a name was changed, unless we do."""
    columns = samples.columns(text=ColumnKind.TEXT)
    rows = [["Größe €"], ["Dvořák łódź"], ["你好"], ["−5"], ["⁺1"], [None]]
    content, done = written(rows, GERMAN_ANSI, columns)
    lines = content.decode("cp1252").split("\r\n")
    assert lines[1:6] == ["Größe €", "Dvorák lódz", "??", "'-5", "'+1"]
    assert done == separated.Written(rows=6, replaced=7)


@pytest.mark.parametrize("dialect", [GERMAN, GERMAN_ANSI, INTERNATIONAL], ids=["de", "ansi", "int"])
@pytest.mark.parametrize("text", samples.HOSTILE[:-1])
def test_a_formula_from_outside_is_defused(text: str, dialect: Dialect) -> None:
    """A spreadsheet runs what begins like one, and a stranger named that file."""
    columns = samples.columns(text=ColumnKind.TEXT, money=ColumnKind.MONEY)
    content, _ = written([[text, Decimal(-5)]], dialect, columns)
    encoding = "utf-8-sig" if dialect.mark else "cp1252"
    rows = list(
        csv.reader(io.StringIO(content.decode(encoding), newline=""), delimiter=dialect.separator)
    )
    assert rows[1][0][0] in "'?"
    assert rows[1][1] == f"-5{dialect.decimal}00", "a number is none"


@pytest.mark.parametrize("dialect", [GERMAN, GERMAN_ANSI, INTERNATIONAL], ids=["de", "ansi", "int"])
@pytest.mark.parametrize(
    "separator", list(";,\t\r\n"), ids=["semicolon", "comma", "tab", "cr", "lf"]
)
@pytest.mark.parametrize("quote", ["", '"'], ids=["bare", "quoted"])
def test_a_formula_is_defused_wherever_another_country_ends_the_cell(
    separator: str, quote: str, dialect: Dialect
) -> None:
    """A file with commas, opened in Germany, is split at semicolons, and quotes are no help."""
    text = f"Halter{separator}{quote}=HYPERLINK(1){separator}@SUM(1)"
    content, _ = written([[text]], dialect, samples.columns(text=ColumnKind.TEXT))
    told = content.decode("utf-8-sig" if dialect.mark else "cp1252")
    assert "'=HYPERLINK" in told
    assert "'@SUM" in told


@pytest.mark.parametrize(
    "text", ["PLA, -20 %", "Halter", "a=b", "3+4", "'=1", "50 %", "", "a@b.de"]
)
def test_an_ordinary_text_is_left_alone(text: str) -> None:
    """An apostrophe before every name would be as bad."""
    assert defused(text) == text


def test_what_fits_no_column_is_still_written() -> None:
    """A stray value is neither lost nor a reason to stop."""
    columns = samples.columns(
        money=ColumnKind.MONEY, mass=ColumnKind.MASS, share=ColumnKind.PERCENT
    )
    rows = [["n/a", Decimal("NaN"), 0.195], [1, 2.5, None], [True, timedelta(hours=1), "="]]
    content, _ = written(rows, GERMAN, columns)
    assert content.decode("utf-8-sig").split("\r\n")[1:4] == ["n/a;;19,5", "1,00;2,50;", "ja;1;'="]


def test_libreoffice_reads_german_csv_as_numbers_and_dates(
    tmp_path: Path, peer: Callable[[str], dict[str, str]]
) -> None:
    """The point of a decimal comma is that a German spreadsheet takes it for one."""
    office = peer("libreoffice")
    rows = [samples.row(number, f'Auftrag {number}; "{number}"') for number in range(1, 9)]
    file = tmp_path / "german.csv"
    file.write_bytes(written(rows, GERMAN)[0])
    saved = converted_csv(office, file)
    page = load_workbook(saved).worksheets[0]
    for number, row in enumerate(rows, 2):
        found = [cell.value for cell in page[number]]
        assert found[0] == row[0]
        assert found[1] == row[1]
        assert found[2:5] == [pytest.approx(float(value)) for value in row[2:5]]
        assert found[6] == 19
        assert found[7].date() == row[7]
        local = row[8].astimezone(samples.BERLIN).replace(tzinfo=None, microsecond=0)
        assert abs(found[8] - local) < timedelta(seconds=1)


def converted_csv(office: dict[str, str], file: Path) -> Path:
    """Open CSV as a German LibreOffice would: by its ending, with German numbers."""
    filtered = dict(office)
    # Separator ";", quote '"', UTF-8, from line 1, any columns, German (1031), special numbers.
    options = "CSV:59,34,76,1,,1031,false,true,false"
    return converted(filtered, file, "xlsx", infilter=options)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(max_size=30), min_size=1, max_size=5))
def test_any_text_comes_back(texts: list[str]) -> None:
    """Quotes, separators and line ends in names must not shift a column."""
    columns = samples.columns(a=ColumnKind.TEXT, b=ColumnKind.INTEGER)
    content, done = written([[text, 7] for text in texts], GERMAN_ANSI, columns)
    rows = list(csv.reader(io.StringIO(content.decode("cp1252"), newline=""), delimiter=";"))
    assert [row[1] for row in rows[1:]] == ["7"] * len(texts)
    assert done.rows == len(texts)
    for text, row in zip(texts, rows[1:], strict=True):
        plain, replaced = ansi(text)
        if text.isprintable() and not replaced:
            assert row[0].removeprefix("'") == plain.removeprefix("'")


def test_a_text_becomes_one_line() -> None:
    """DATEV takes no control characters."""
    assert one_line(" a\r\nb\tc\u2028d\x00 ") == "a b c d"


def test_many_rows_are_written_in_pieces() -> None:
    """The last piece is as whole as the first."""
    columns = samples.columns(n=ColumnKind.INTEGER)
    content, done = written([[n] for n in range(1_100)], INTERNATIONAL, columns)
    assert content.decode("utf-8-sig").split() == ["n", *map(str, range(1_100))]
    assert done.rows == 1_100
