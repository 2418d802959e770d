"""How the cells of a workbook look: one style per kind of column, and each once more for totals."""

from __future__ import annotations

from typing import Final
from xml.sax.saxutils import quoteattr

from .sheet import ColumnKind

HEADER: Final = 1
TOTAL: Final = 2
"""Of the word beside the totals."""
_FIRST: Final = 3
_KINDS: Final = tuple(ColumnKind)
_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_SYMBOLS: Final = {"EUR": "€", "USD": "$", "GBP": "£", "CHF": "CHF", "JPY": "¥"}
_FIRST_OWN_FORMAT: Final = 164
"""Lower numbers are the program's own."""


def symbol(currency: str) -> str:
    """Return how a currency is written beside an amount: "€", or its code."""
    return _SYMBOLS.get(currency, currency)


def body(kind: ColumnKind) -> int:
    """Return the style of the cells of a column."""
    return _FIRST + 2 * _KINDS.index(kind)


def total(kind: ColumnKind) -> int:
    """Return the style of a column's total."""
    return body(kind) + 1


def number_format(kind: ColumnKind, language: str, currency: str) -> str:
    """Return the format code of a column.

    Which sign stands before the decimals the reader's program decides; where the currency stands
    and in which order a date is written, we do.
    """
    german = language == "de"
    amount = f'"{symbol(currency)}"'
    day = "dd.mm.yyyy" if german else "yyyy-mm-dd"
    return {
        ColumnKind.TEXT: "@",
        ColumnKind.INTEGER: "#,##0",
        ColumnKind.NUMBER: "#,##0.00####",
        ColumnKind.MONEY: f"#,##0.00 {amount}" if german else f"{amount}#,##0.00",
        ColumnKind.MASS: '#,##0.0 "g"',
        ColumnKind.HOURS: "#,##0.00",
        ColumnKind.PERCENT: "0.0 %" if german else "0.0%",
        ColumnKind.DATE: day,
        ColumnKind.MOMENT: f"{day} hh:mm",
        ColumnKind.BOOLEAN: "General",
    }[kind]


def xml(language: str, currency: str) -> str:
    """Return the part of a workbook that holds its styles."""
    formats = "".join(
        f'<numFmt numFmtId="{_FIRST_OWN_FORMAT + n}" '
        f"formatCode={quoteattr(number_format(kind, language, currency))}/>"
        for n, kind in enumerate(_KINDS)
    )
    cells = [_cell(0), _cell(0, font=1, fill=2, border=1), _cell(0, font=1, border=2)]
    for n in range(len(_KINDS)):
        cells.append(_cell(_FIRST_OWN_FORMAT + n))
        cells.append(_cell(_FIRST_OWN_FORMAT + n, font=1, border=2))
    font = '<sz val="11"/><name val="Calibri"/><family val="2"/>'
    return (
        f'<styleSheet xmlns="{_MAIN}"><numFmts count="{len(_KINDS)}">{formats}</numFmts>'
        f'<fonts count="2"><font>{font}</font><font><b/>{font}</font></fonts>'
        '<fills count="3"><fill><patternFill patternType="none"/></fill>'
        '<fill><patternFill patternType="gray125"/></fill><fill><patternFill patternType="solid">'
        '<fgColor rgb="FFE7ECF3"/><bgColor indexed="64"/></patternFill></fill></fills>'
        f'<borders count="3">{_border("")}{_border("bottom")}{_border("top")}</borders>'
        f'<cellStyleXfs count="1">{_cell(0)}</cellStyleXfs>'
        f'<cellXfs count="{len(cells)}">{"".join(cells)}</cellXfs>'
        '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles>'
        "</styleSheet>"
    )


def _cell(number: int, *, font: int = 0, fill: int = 0, border: int = 0) -> str:
    return (
        f'<xf numFmtId="{number}" fontId="{font}" fillId="{fill}" borderId="{border}" '
        f'applyNumberFormat="{int(number > 0)}" applyFont="{int(font > 0)}" '
        f'applyFill="{int(fill > 0)}" applyBorder="{int(border > 0)}"/>'
    )


def _border(line: str) -> str:
    sides = "".join(
        f'<{side} style="thin"/>' if side == line else f"<{side}/>"
        for side in ("left", "right", "top", "bottom", "diagonal")
    )
    return f"<border>{sides}</border>"
