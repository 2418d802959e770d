"""Rows that try everything a cell can be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any, BinaryIO
from zoneinfo import ZoneInfo

from custom_components.printernizer.engine.exports import xlsx
from custom_components.printernizer.engine.exports.sheet import (
    NUMERIC,
    Column,
    ColumnKind,
    Sheet,
    Workbook,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOSTILE = (
    "=1+1",
    "+49 30 123",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "  =cmd|' /C calc'!A0",
    "\u200b=1+1",
    "＝1+1",
    "'=1",
)
"""What spreadsheets have been made to run."""

COLUMNS = tuple(
    Column(key=kind.value, title=f"Spalte {kind.value}", kind=kind, total=kind in NUMERIC)
    for kind in ColumnKind
)
DAY = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
"""In the night in which Berlin's clocks go back."""


def row(number: int, text: str) -> list[Any]:
    """Return one row of COLUMNS."""
    return [
        text,
        number,
        Decimal(number) / 8,
        Decimal(number * 100) / 7 - 20,
        Decimal("12.345678"),
        timedelta(minutes=number * 7, milliseconds=36),
        Decimal("0.19"),
        date(2026, 2, 28) + timedelta(days=number),
        DAY + timedelta(minutes=97 * number, seconds=number % 60),
        number % 2 == 0,
    ]


def workbook(
    rows: Iterable[Sequence[Any]], columns: tuple[Column, ...] = COLUMNS, **more: Any
) -> Workbook:
    """Return a workbook of one sheet."""
    sheet = Sheet(key="jobs", name="Aufträge", columns=columns, rows=rows)
    return Workbook(title="Probe", sheets=(sheet,), zone=BERLIN, **more)


def written(book: Workbook) -> BytesIO:
    """Return a workbook as a file."""
    file = BytesIO()
    xlsx.write(book, file)
    file.seek(0)
    return file


class Pipe(BytesIO):
    """A file that cannot go back."""

    def seekable(self) -> bool:
        return False

    def seek(self, *_: int) -> int:
        raise OSError

    def tell(self) -> int:
        raise OSError


def columns(**kinds: ColumnKind) -> tuple[Column, ...]:
    """Return columns by key."""
    return tuple(Column(key=key, title=key, kind=kind) for key, kind in kinds.items())


def all_of(file: BinaryIO) -> bytes:
    """Return what was written."""
    file.seek(0)
    return file.read()
