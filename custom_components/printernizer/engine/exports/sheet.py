"""Tables on their way into a file: what each column holds, and rows as they come.

Rows are iterated once and never kept: a sheet of a hundred thousand rows costs no memory. Cells
hold values (`str`, `int`, `Decimal`, `bool`, `date`, aware `datetime`, `timedelta`, None); how
they look is decided by the column's kind and the writer.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

type Value = str | int | float | Decimal | bool | date | datetime | timedelta | None
type Row = Sequence[Value]

_SHARE: Final = Decimal("0.000001")


class ColumnKind(StrEnum):
    """What the cells of a column hold."""

    TEXT = "text"
    INTEGER = "integer"
    NUMBER = "number"
    MONEY = "money"
    """In the workbook's currency."""
    MASS = "mass"
    """Grams."""
    HOURS = "hours"
    """A `timedelta`, shown as decimal hours."""
    PERCENT = "percent"
    """A share: 0.19 is shown as 19 %."""
    DATE = "date"
    MOMENT = "moment"
    """An aware time, shown in the workbook's zone."""
    BOOLEAN = "boolean"


NUMERIC: Final = frozenset(
    {
        ColumnKind.INTEGER,
        ColumnKind.NUMBER,
        ColumnKind.MONEY,
        ColumnKind.MASS,
        ColumnKind.HOURS,
        ColumnKind.PERCENT,
    }
)
"""Kinds whose cells are numbers, and so may be summed."""

WIDTHS: Final = {
    ColumnKind.TEXT: 24,
    ColumnKind.INTEGER: 10,
    ColumnKind.NUMBER: 12,
    ColumnKind.MONEY: 14,
    ColumnKind.MASS: 12,
    ColumnKind.HOURS: 10,
    ColumnKind.PERCENT: 10,
    ColumnKind.DATE: 12,
    ColumnKind.MOMENT: 17,
    ColumnKind.BOOLEAN: 9,
}
"""Characters, where a column does not say."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One column: its key stays the same in every language, its title is read by people."""

    key: str
    title: str
    kind: ColumnKind = ColumnKind.TEXT
    total: bool = False
    """Whether its sum stands below; of numeric kinds only."""
    width: int | None = None
    """Characters; None: by its kind and title."""

    @property
    def characters(self) -> int:
        """How wide it is."""
        return self.width or max(WIDTHS[self.kind], min(len(self.title) + 3, 40))


@dataclass(frozen=True, kw_only=True, slots=True)
class Sheet:
    """One table."""

    key: str
    """Names it to programs: "jobs"."""
    name: str
    """Names it to people: "Aufträge"."""
    columns: tuple[Column, ...]
    rows: Iterable[Row]
    """As many values as columns each. Iterated once."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Workbook:
    """Tables that go into one file."""

    title: str
    sheets: tuple[Sheet, ...]
    language: str = "de"
    """"de" or "en": of the words and of how numbers and dates look."""
    currency: str = "EUR"
    zone: tzinfo = field(default=UTC)
    """In which moments are shown; they are never stored so."""
    created_at: datetime | None = None


def hours(value: timedelta) -> Decimal:
    """Return a time as decimal hours, to 3.6 milliseconds."""
    return (Decimal(value // timedelta(microseconds=1)) / 3_600_000_000).quantize(_SHARE)
