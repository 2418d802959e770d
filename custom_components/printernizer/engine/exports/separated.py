"""Tables as text with separators: what German and other spreadsheets open by a double click.

Text from outside is defused against formulas and numbers are left alone: a spreadsheet has
nothing but the text to go by. RFC 4180 otherwise.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Final

from ..money import MICRO, rounded
from . import words
from .outside import ansi, defused, legal
from .sheet import ColumnKind, Sheet, Value, hours

if TYPE_CHECKING:
    from collections.abc import Callable

_AT_ONCE: Final = 512
"""Rows that are gathered before they are written."""
_HUNDRED: Final = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Dialect:
    """How a country writes its tables."""

    separator: str
    decimal: str
    day: str
    """For `strftime`, as is `moment`."""
    moment: str
    encoding: str
    mark: bytes = b""
    """Byte order mark, by which spreadsheets know UTF-8."""
    language: str


GERMAN: Final = Dialect(
    separator=";",
    decimal=",",
    day="%d.%m.%Y",
    moment="%d.%m.%Y %H:%M:%S",
    encoding="utf-8",
    mark=b"\xef\xbb\xbf",
    language="de",
)
GERMAN_ANSI: Final = Dialect(
    separator=";",
    decimal=",",
    day="%d.%m.%Y",
    moment="%d.%m.%Y %H:%M:%S",
    encoding="cp1252",
    language="de",
)
INTERNATIONAL: Final = Dialect(
    separator=",",
    decimal=".",
    day="%Y-%m-%d",
    moment="%Y-%m-%d %H:%M:%S",
    encoding="utf-8",
    mark=b"\xef\xbb\xbf",
    language="en",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What went into a file."""

    rows: int
    """Without the header."""
    replaced: int
    """Characters that the encoding does not know, and that something like them stands for."""


def write(sheet: Sheet, file: IO[bytes], dialect: Dialect, zone: tzinfo = UTC) -> Written:
    """Write one table. Raises what its writing raises."""
    gathered = io.StringIO(newline="")
    writer = csv.writer(gathered, delimiter=dialect.separator, lineterminator="\r\n")
    writer.writerow([column.title for column in sheet.columns])
    texts = _Texts(narrow=dialect.encoding == "cp1252")
    cells = [_cell_of(column.kind, dialect, zone, texts) for column in sheet.columns]
    file.write(dialect.mark)
    rows = 0
    for rows, row in enumerate(sheet.rows, 1):
        writer.writerow([cell(value) for cell, value in zip(cells, row, strict=True)])
        if rows % _AT_ONCE == 0:
            _flush(gathered, file, dialect)
    _flush(gathered, file, dialect)
    return Written(rows=rows, replaced=texts.replaced)


def _flush(gathered: io.StringIO, file: IO[bytes], dialect: Dialect) -> None:
    file.write(gathered.getvalue().encode(dialect.encoding))
    gathered.seek(0)
    gathered.truncate()


class _Texts:
    """Makes text from outside fit, and counts what it had to replace.

    Defused last: what cp1252 does not know may have something like a formula's sign in its place.
    """

    def __init__(self, *, narrow: bool) -> None:
        self._narrow = narrow
        self.replaced = 0

    def fit(self, text: str) -> str:
        text = legal(text)
        if self._narrow:
            text, replaced = ansi(text)
            self.replaced += replaced
        return defused(text)


def _cell_of(
    kind: ColumnKind, dialect: Dialect, zone: tzinfo, texts: _Texts
) -> Callable[[Value], str]:
    """Return what writes one cell of a column; what does not fit its kind is text."""
    places = {ColumnKind.MONEY: 2, ColumnKind.MASS: 2}.get(kind, 0)
    share = kind is ColumnKind.PERCENT

    def cell(value: Value) -> str:
        match value:
            case None:
                return ""
            case str():
                return texts.fit(value)
            case bool():
                return words.word("yes" if value else "no", dialect.language)
            case int() | Decimal() | float():
                return number(value * _HUNDRED if share else value, dialect.decimal, places)
            case timedelta():
                return number(hours(value), dialect.decimal)
            case datetime():
                return value.astimezone(zone).strftime(dialect.moment)
            case date():
                return value.strftime(dialect.day)

    return cell


def number(value: float | Decimal, decimal: str, places: int = 0) -> str:
    """Return a number as written, with at least `places` and at most six digits after the point.

    Nothing is grouped, and what is no finite number is nothing.
    """
    exact = value if isinstance(value, Decimal) else Decimal(str(value))
    if not exact.is_finite():
        return ""
    whole, _, rest = f"{rounded(exact, MICRO):f}".partition(".")
    rest = rest.rstrip("0").ljust(places, "0")
    return f"{whole}{decimal}{rest}" if rest else whole
