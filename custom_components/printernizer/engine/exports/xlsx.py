"""Tables straight into a workbook: sheet XML into a zip, row by row, in constant memory.

Written by hand because it has to be fast and small: a row is one template filled with strings.
Texts stand inline (shared ones would have to be remembered). Totals are formulas that count what
a filter leaves, with the value that was summed up while writing.
Source: ECMA-376 Part 1, "SpreadsheetML"; limits: Microsoft, "Excel specifications and limits".
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from decimal import Decimal
from itertools import chain, islice
from typing import IO, TYPE_CHECKING, BinaryIO, Final
from xml.sax.saxutils import escape, quoteattr

from . import styles, words
from .outside import legal
from .sheet import NUMERIC, ColumnKind, Sheet, Value, Workbook, hours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .sheet import Column, Row

type Cells = Callable[[Sequence[Value]], list[str]]

MOST_ROWS: Final = 1_048_576
LONGEST_TEXT: Final = 32_767
"""UTF-16 units in one cell."""
LONGEST_NAME: Final = 31
_MOST_BYTES: Final = 1_800_000_000
"""XML of one sheet. Beyond 2 GiB the zip would need an extension that Excel wants to repair."""
_ROOM_BELOW: Final = 2
"""Rows kept for a blank one and the totals."""
_AT_ONCE: Final = 512
"""Rows that are gathered before they are packed."""
_PACKING: Final = 1
"""Half the time of the default level for a third more bytes."""
_EMPTY: Final = "/>"
_FIRST_DAY: Final = date(1900, 3, 1)
"""Before it Excel counts a 29 February that never was; such days are written as text."""
_DAY_ZERO: Final = date(1899, 12, 30).toordinal()
_MOMENT_ZERO: Final = datetime(1899, 12, 30)  # noqa: DTZ001 - spreadsheets know no zones
_DAY: Final = timedelta(days=1)
_EXACT_INTEGERS: Final = 10**15
"""Spreadsheets reckon with 15 digits; a longer number is a name, not a quantity."""
_KNOWN_TEXTS: Final = 2_000
_LONGEST_KNOWN: Final = 64
_ESCAPED: Final = re.compile(r"_(?=x[0-9A-Fa-f]{4}_)")
"""What a spreadsheet would read as an escaped character."""
_BAD_IN_NAMES: Final = re.compile(r"[\[\]:*?/\\]")
_RESERVED_NAME: Final = "history"
_TIME: Final = (1980, 1, 1, 0, 0, 0)

_MAIN: Final = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_OFFICE: Final = "http://schemas.openxmlformats.org/officeDocument/2006"
_PACKAGE: Final = "http://schemas.openxmlformats.org/package/2006"
_HEAD: Final = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One sheet as it was written: a long table becomes several."""

    name: str
    columns: int
    rows: int
    """Without header and totals."""


def write(workbook: Workbook, file: BinaryIO) -> tuple[Part, ...]:
    """Write a workbook. `file` need not be able to seek. Raises what its writing raises."""
    parts: list[Part] = []
    with zipfile.ZipFile(file, "w") as archive:
        for sheet in workbook.sheets:
            _write_sheet(archive, workbook, sheet, parts)
        _write_around(archive, workbook, parts)
    return tuple(parts)


def sheet_name(wanted: str, taken: set[str]) -> str:
    """Return a name that a spreadsheet allows and that no other sheet has; notes it in `taken`."""
    cleaned = _BAD_IN_NAMES.sub(" ", legal(wanted)).strip().strip("'").strip()
    if not cleaned or cleaned.casefold() == _RESERVED_NAME:
        cleaned = f"{cleaned or 'Sheet'} 1"
    name, number = _cut(cleaned, LONGEST_NAME), 1
    while name.casefold() in taken:
        number += 1
        tail = f" ({number})"
        name = _cut(cleaned, LONGEST_NAME - len(tail)).rstrip() + tail
    taken.add(name.casefold())
    return name


# -- one table ---------------------------------------------------------------------------------


def _write_sheet(
    archive: zipfile.ZipFile, workbook: Workbook, sheet: Sheet, parts: list[Part]
) -> None:
    """Write one table, as many sheets as it takes."""
    rows: Iterator[Row] = iter(sheet.rows)
    taken = {part.name.casefold() for part in parts}
    cells = [_cells_of(column.kind, workbook.zone) for column in sheet.columns]
    more = True
    while more:
        name = sheet_name(sheet.name, taken)
        path = f"xl/worksheets/sheet{len(parts) + 1}.xml"
        with archive.open(_member(path), "w") as member:
            piece = _Piece(member, sheet.columns, cells)
            piece.fill(rows)
            piece.end(workbook)
        parts.append(Part(name=name, columns=len(sheet.columns), rows=piece.rows))
        ahead = next(rows, None)
        more = ahead is not None
        rows = rows if ahead is None else chain((ahead,), rows)


class _Piece:
    """The rows of one sheet on their way into the archive."""

    def __init__(self, member: IO[bytes], columns: tuple[Column, ...], cells: list[Cells]) -> None:
        self._member = member
        self._columns = columns
        self._cells = cells
        self._sums: dict[int, Decimal] = {
            index: Decimal(0)
            for index, column in enumerate(columns)
            if column.total and column.kind in NUMERIC
        }
        template = "".join(f'<c r="{_letters(n)}\0"%s' for n in range(len(columns)))
        self._template = f'<row r="\0">{template}</row>'
        self.rows = 0

    def fill(self, rows: Iterator[Row]) -> None:
        """Write rows until they or the sheet end."""
        size = self._member.write(self._before().encode())
        while size < _MOST_BYTES:
            room = MOST_ROWS - 1 - _ROOM_BELOW - self.rows
            gathered = tuple(islice(rows, min(_AT_ONCE, room)))
            if not gathered:
                return
            size += self._member.write(self._written(gathered).encode())

    def _written(self, rows: tuple[Row, ...]) -> str:
        """Return rows as XML.

        They are turned over and filled column by column: a call per cell takes twice as long.
        """
        columns = tuple(zip(*rows, strict=True))
        filled = [cells(column) for cells, column in zip(self._cells, columns, strict=True)]
        for index in self._sums:
            self._sums[index] += _sum(columns[index])
        first = self.rows + 2
        self.rows += len(rows)
        template = self._template
        return "".join(
            [
                template.replace("\0", str(number)) % row
                for number, row in enumerate(zip(*filled, strict=True), first)
            ]
        )

    def _before(self) -> str:
        """Everything above the rows, and the header."""
        titles = "".join(
            f'<c r="{_letters(n)}1" s="{styles.HEADER}"{_text(column.title)}'
            for n, column in enumerate(self._columns)
        )
        widths = "".join(
            f'<col min="{n}" max="{n}" width="{column.characters}" customWidth="1"/>'
            for n, column in enumerate(self._columns, 1)
        )
        return (
            f'{_HEAD}<worksheet xmlns="{_MAIN}"><sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>'
            '<sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
            'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews>'
            f'<cols>{widths}</cols><sheetData><row r="1">{titles}</row>'
        )

    def end(self, workbook: Workbook) -> None:
        """Write the totals and everything below the rows."""
        last = _letters(len(self._columns) - 1)
        bottom = (
            f'{self._totals(workbook)}</sheetData><autoFilter ref="A1:{last}{self.rows + 1}"/>'
            '<pageMargins left="0.4" right="0.4" top="0.6" bottom="0.6" header="0.3" footer="0.3"/>'
            '<pageSetup paperSize="9" orientation="landscape" fitToHeight="0"/>'
            "<headerFooter><oddFooter>&amp;L&amp;A&amp;R&amp;P / &amp;N</oddFooter></headerFooter>"
            "</worksheet>"
        )
        self._member.write(bottom.encode())

    def _totals(self, workbook: Workbook) -> str:
        """Return the row of totals, a blank one above it: what is filtered ends there."""
        if not self._sums or not self.rows:
            return ""
        row, last = self.rows + 1 + _ROOM_BELOW, self.rows + 1
        cells = []
        if 0 not in self._sums:
            title = words.word("total", workbook.language)
            cells.append(f'<c r="A{row}" s="{styles.TOTAL}"{_text(title)}')
        for index, amount in self._sums.items():
            letters = _letters(index)
            style = styles.total(self._columns[index].kind)
            cells.append(
                f'<c r="{letters}{row}" s="{style}"><f>SUBTOTAL(109,{letters}2:{letters}{last})</f>'
                f"<v>{amount}</v></c>"
            )
        return f'<row r="{row}">{"".join(cells)}</row>'


# -- cells: everything after `<c r="A1"`, for a column of values at once -----------------------


def _cells_of(kind: ColumnKind, zone: tzinfo) -> Cells:
    """Return what writes the cells of a column; what does not fit its kind becomes text."""
    style = styles.body(kind)
    match kind:
        case ColumnKind.TEXT:
            return _texts()
        case ColumnKind.BOOLEAN:
            return _truths
        case ColumnKind.HOURS:
            return _hours(style)
        case ColumnKind.DATE:
            return _dates(style)
        case ColumnKind.MOMENT:
            return _moments(style, zone)
        case _:
            return _numbers(style)


def _numbers(style: int) -> Cells:
    head, tail = f' s="{style}"><v>', "</v></c>"

    def other(value: Value) -> str:
        if type(value) is int and -_EXACT_INTEGERS < value < _EXACT_INTEGERS:
            return f"{head}{value}{tail}"
        if type(value) is float and abs(value) < _EXACT_INTEGERS:
            return f"{head}{value!r}{tail}"
        return _other(value)

    def cells(values: Sequence[Value]) -> list[str]:
        return [
            head + str(value) + tail
            if type(value) is Decimal and value.is_finite()
            else other(value)
            for value in values
        ]

    return cells


def _hours(style: int) -> Cells:
    head, tail = f' s="{style}"><v>', "</v></c>"

    def cells(values: Sequence[Value]) -> list[str]:
        return [
            f"{head}{hours(value)}{tail}" if isinstance(value, timedelta) else _other(value)
            for value in values
        ]

    return cells


def _dates(style: int) -> Cells:
    head, tail = f' s="{style}"><v>', "</v></c>"

    def cells(values: Sequence[Value]) -> list[str]:
        return [
            f"{head}{value.toordinal() - _DAY_ZERO}{tail}"
            if type(value) is date and value >= _FIRST_DAY
            else _other(value)
            for value in values
        ]

    return cells


def _moments(style: int, zone: tzinfo) -> Cells:
    head, tail = f' s="{style}"><v>', "</v></c>"

    def cell(value: Value) -> str:
        if not isinstance(value, datetime) or value.tzinfo is None:
            return _other(value)
        local = value.astimezone(zone).replace(tzinfo=None)
        if local.year <= _FIRST_DAY.year:
            return _text(str(local))
        return f"{head}{(local - _MOMENT_ZERO) / _DAY:.9f}{tail}"

    def cells(values: Sequence[Value]) -> list[str]:
        return [cell(value) for value in values]

    return cells


def _truths(values: Sequence[Value]) -> list[str]:
    return [
        f' t="b"><v>{value:d}</v></c>' if isinstance(value, bool) else _other(value)
        for value in values
    ]


def _texts() -> Cells:
    """Return a writer that remembers short texts: names and states come again and again."""
    known: dict[Value, str] = {}

    def text(value: Value) -> str:
        found = _other(value)
        if type(value) is str and len(value) <= _LONGEST_KNOWN and len(known) < _KNOWN_TEXTS:
            known[value] = found
        return found

    def cells(values: Sequence[Value]) -> list[str]:
        return [known.get(value) or text(value) for value in values]

    return cells


def _other(value: Value) -> str:
    """Return a cell of something that its column does not expect; nothing is an empty cell."""
    return _EMPTY if value is None else _text(str(value))


def _text(value: str) -> str:
    """Return an inline text: never a formula, whatever it begins with."""
    if not value:
        return _EMPTY
    text = _cut(legal(value.replace("\r\n", "\n").replace("\r", "\n")), LONGEST_TEXT)
    if "_x" in text:
        text = _ESCAPED.sub("_x005F_", text)
    space = "" if text == text.strip() else ' xml:space="preserve"'
    return f' t="inlineStr"><is><t{space}>{escape(text)}</t></is></c>'


def _cut(text: str, most: int) -> str:
    """Return a text of at most `most` UTF-16 units; a cut one ends with an ellipsis."""
    if len(text) * 2 <= most:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= most * 2:
        return text
    return units[: (most - 1) * 2].decode("utf-16-le", "ignore") + "…"


def _sum(values: Sequence[Value]) -> Decimal:
    """Return what a column adds to its total: what a spreadsheet would."""
    total, time = Decimal(0), timedelta(0)
    for value in values:
        if type(value) is Decimal:
            if value.is_finite():
                total += value
        elif type(value) is timedelta:
            time += value
        elif type(value) is int and abs(value) < _EXACT_INTEGERS:
            total += value
        elif type(value) is float and abs(value) < _EXACT_INTEGERS:
            total += Decimal(str(value))
    return total + hours(time)


def _letters(index: int) -> str:
    """Return a column as spreadsheets call it: 0 is A, 26 is AA."""
    result = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        result = chr(65 + rest) + result
    return result


# -- around the sheets -------------------------------------------------------------------------


def _write_around(archive: zipfile.ZipFile, workbook: Workbook, parts: list[Part]) -> None:
    numbers = range(1, len(parts) + 1)
    files = {
        "[Content_Types].xml": _content_types(numbers),
        "_rels/.rels": _relations(
            ("officeDocument", f"{_OFFICE}/relationships/officeDocument", "xl/workbook.xml"),
            (
                "core",
                f"{_PACKAGE}/relationships/metadata/core-properties",
                "docProps/core.xml",
            ),
        ),
        "docProps/core.xml": _properties(workbook),
        "xl/workbook.xml": _book(parts),
        "xl/_rels/workbook.xml.rels": _relations(
            *(
                (f"sheet{n}", f"{_OFFICE}/relationships/worksheet", f"worksheets/sheet{n}.xml")
                for n in numbers
            ),
            ("styles", f"{_OFFICE}/relationships/styles", "styles.xml"),
        ),
        "xl/styles.xml": styles.xml(workbook.language, workbook.currency),
    }
    for path, content in files.items():
        archive.writestr(_member(path), _HEAD + content)


def _member(path: str) -> zipfile.ZipInfo:
    """Return a member without the time of day: the same rows give the same bytes."""
    info = zipfile.ZipInfo(path, _TIME)
    info.compress_type = zipfile.ZIP_DEFLATED
    info.compress_level = _PACKING
    return info


def _content_types(numbers: range) -> str:
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    sheets = "".join(
        f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{kind}.worksheet+xml"/>'
        for n in numbers
    )
    return (
        f'<Types xmlns="{_PACKAGE}/content-types">'
        '<Default Extension="rels" '
        'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Default Extension="xml" ContentType="application/xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>{sheets}'
        f'<Override PartName="/xl/styles.xml" ContentType="{kind}.styles+xml"/>'
        '<Override PartName="/docProps/core.xml" '
        'ContentType="application/vnd.openxmlformats-package.core-properties+xml"/></Types>'
    )


def _relations(*relations: tuple[str, str, str]) -> str:
    found = "".join(
        f'<Relationship Id="{name}" Type="{kind}" Target="{target}"/>'
        for name, kind, target in relations
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{found}</Relationships>'


def _book(parts: list[Part]) -> str:
    sheets = "".join(
        f'<sheet name={quoteattr(part.name)} sheetId="{n}" r:id="sheet{n}"/>'
        for n, part in enumerate(parts, 1)
    )
    names = []
    for n, part in enumerate(parts):
        sheet = "'{}'!".format(escape(part.name).replace("'", "''"))
        area = f"{sheet}$A$1:${_letters(part.columns - 1)}${part.rows + 1}"
        names += [
            _name("_xlnm._FilterDatabase", n, area, ' hidden="1"'),
            _name("_xlnm.Print_Titles", n, f"{sheet}$1:$1"),
        ]
    return (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_OFFICE}/relationships"><sheets>{sheets}</sheets>'
        f"<definedNames>{''.join(names)}</definedNames></workbook>"
    )


def _name(name: str, sheet: int, area: str, hidden: str = "") -> str:
    return f'<definedName name="{name}" localSheetId="{sheet}"{hidden}>{area}</definedName>'


def _properties(workbook: Workbook) -> str:
    made = ""
    if workbook.created_at is not None:
        stamp = f"{workbook.created_at:%Y-%m-%dT%H:%M:%SZ}"
        made = f'<dcterms:created xsi:type="dcterms:W3CDTF">{stamp}</dcterms:created>'
    return (
        f'<cp:coreProperties xmlns:cp="{_PACKAGE}/metadata/core-properties" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">'
        f"<dc:title>{escape(legal(workbook.title))}</dc:title><dc:creator>Printernizer</dc:creator>"
        f"{made}</cp:coreProperties>"
    )
