"""Tables as JSON, for programs: exact numbers, times in UTC, keys that are the same everywhere.

An amount is a JSON number with all its digits (a reader that makes floats of them loses some);
times are ISO 8601; hours are decimal; a share is 0 to 1.
"""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO, Final

from .outside import legal
from .sheet import Sheet, Value, Workbook, hours

if TYPE_CHECKING:
    from collections.abc import Iterator

_AT_ONCE: Final = 512
"""Rows that are gathered before they are written."""


def write(workbook: Workbook, file: BinaryIO) -> dict[str, int]:
    """Write all tables as one object; returns how many rows each has, by key."""
    head = {
        "title": workbook.title,
        "currency": workbook.currency,
        "time_zone": str(workbook.zone),
        "created_at": workbook.created_at and workbook.created_at.astimezone(UTC).isoformat(),
    }
    file.write(f'{_json(head)[:-1]},"sheets":{{'.encode())
    counts: dict[str, int] = {}
    for number, sheet in enumerate(workbook.sheets):
        file.write(b"," * (number > 0))
        counts[sheet.key] = _write_sheet(sheet, file)
    file.write(b"}}\n")
    return counts


def _write_sheet(sheet: Sheet, file: BinaryIO) -> int:
    columns = [
        {"key": column.key, "title": column.title, "kind": column.kind} for column in sheet.columns
    ]
    head = _json({"name": sheet.name, "columns": columns})
    file.write(f'{_json(sheet.key)}:{head[:-1]},"rows":['.encode())
    keys = [f"{_json(column.key)}:" for column in sheet.columns]
    count = 0
    for gathered in _gathered(sheet):
        text = ",\n".join(
            "{" + ",".join(key + _value(v) for key, v in zip(keys, row, strict=True)) + "}"
            for row in gathered
        )
        file.write(f"{',' * (count > 0)}\n{text}".encode())
        count += len(gathered)
    file.write(b"]}")
    return count


def _gathered(sheet: Sheet) -> Iterator[list[Any]]:
    rows: list[Any] = []
    for row in sheet.rows:
        rows.append(row)
        if len(rows) == _AT_ONCE:
            yield rows
            rows = []
    if rows:
        yield rows


def _value(value: Value) -> str:
    match value:
        case Decimal():
            return f"{value:f}" if value.is_finite() else "null"
        case timedelta():
            return f"{hours(value):f}"
        case datetime():
            return _json(value.astimezone(UTC).isoformat())
        case date():
            return _json(value.isoformat())
        case float():
            return _value(Decimal(str(value)))
        case _:
            return _json(value)


def _json(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return legal(text)
