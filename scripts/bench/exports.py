"""What a workbook of many jobs costs, beside other writers, in seconds and megabytes.

    python -m scripts.bench.exports [rows [rounds]]

Every writer has a process of its own: the same rows of fifteen typed cells, made while they are
written, into a file. Seconds hold the making of the rows, which is told apart; added memory is
the peak of the resident set less what the process held before, and of Python's own allocations in
another run (counting them makes everything slower).
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
import tracemalloc
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROWS: Final = 100_000
ROUNDS: Final = 3
_ZONE: Final = ZoneInfo("Europe/Berlin")
_BEGINNING: Final = datetime(2026, 1, 1, tzinfo=UTC)
_KINDS: Final = (
    *("moment", "moment", "text", "text", "text", "text", "hours", "mass"),
    *("number", "money", "money", "money", "integer", "boolean", "date"),
)


def rows(count: int) -> Iterator[tuple[Any, ...]]:
    """Make jobs: two moments, four texts, seven numbers, a truth and a day."""
    for number in range(count):
        begun = _BEGINNING + timedelta(minutes=7 * number)
        taken = timedelta(seconds=number % 9000)
        yield (
            begun,
            begun + taken,
            f"Halter {number}.3mf",
            "Prusa Core One",
            "fertig",
            "Müller & Söhne GmbH",
            taken,
            Decimal(number % 1000) / 8,
            Decimal("0.35"),
            Decimal(number) / 100,
            Decimal("1.234567"),
            None,
            number % 7,
            number % 3 == 0,
            date(2026, 1, 1) + timedelta(days=number % 365),
        )


def plain_rows(count: int) -> Iterator[list[Any]]:
    """Make the same for writers that know neither zones nor times that pass."""
    for row in rows(count):
        values = list(row)
        for place in (0, 1):
            values[place] = values[place].astimezone(_ZONE).replace(tzinfo=None)
        values[6] = values[6].total_seconds() / 3600
        yield values


def _sheet(count: int) -> Any:
    from custom_components.printernizer.engine.exports.sheet import (
        NUMERIC,
        Column,
        ColumnKind,
        Sheet,
    )

    columns = tuple(
        Column(key=f"c{n}", title=f"Spalte {n}", kind=ColumnKind(k), total=ColumnKind(k) in NUMERIC)
        for n, k in enumerate(_KINDS)
    )
    return Sheet(key="jobs", name="Jobs", columns=columns, rows=rows(count))


def ours(path: Path, count: int) -> None:
    """Write with the product's writer, totals and all."""
    from custom_components.printernizer.engine.exports import xlsx
    from custom_components.printernizer.engine.exports.sheet import Workbook

    with path.open("wb") as file:
        xlsx.write(Workbook(title="Probe", sheets=(_sheet(count),), zone=_ZONE), file)


def ours_csv(path: Path, count: int) -> None:
    """Write German CSV."""
    from custom_components.printernizer.engine.exports import separated

    with path.open("wb") as file:
        separated.write(_sheet(count), file, separated.GERMAN, _ZONE)


def openpyxl_write_only(path: Path, count: int) -> None:
    """Write with openpyxl's way for many rows."""
    from openpyxl import Workbook

    book = Workbook(write_only=True)
    page = book.create_sheet("Jobs")
    for row in plain_rows(count):
        page.append(row)
    book.save(path)


def xlsxwriter_constant(path: Path, count: int) -> None:
    """Write with XlsxWriter's way for many rows."""
    import xlsxwriter

    book = xlsxwriter.Workbook(path, {"constant_memory": True})
    page = book.add_worksheet("Jobs")
    day = book.add_format({"num_format": "dd.mm.yyyy"})
    moment = book.add_format({"num_format": "dd.mm.yyyy hh:mm"})
    formats = {0: moment, 1: moment, 14: day}
    for number, row in enumerate(plain_rows(count)):
        for place, value in enumerate(row):
            page.write(number, place, value, formats.get(place))
    book.close()


def nothing(path: Path, count: int) -> None:
    """Make the rows and drop them."""
    for row in rows(count):
        del row
    path.write_bytes(b"")


WRITERS: Final[dict[str, Callable[[Path, int], None]]] = {
    each.__name__: each
    for each in (nothing, ours, openpyxl_write_only, xlsxwriter_constant, ours_csv)
}


def measure(name: str, count: int, *, traced: bool) -> dict[str, float]:
    """Run one writer in this process."""
    write = WRITERS[name]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book"
        write(path, 50)  # its imports
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        if traced:
            tracemalloc.start()
        begun = time.perf_counter()
        write(path, count)
        seconds = time.perf_counter() - begun
        peak = tracemalloc.get_traced_memory()[1] if traced else 0
        after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        size = path.stat().st_size
    return {
        "seconds": seconds,
        "rss_mb": (after - before) / 1024,
        "traced_mb": peak / 1e6,
        "size_mb": size / 1e6,
    }


def _apart(name: str, count: int, *, traced: bool) -> dict[str, float]:
    """Run one writer in a process of its own."""
    command = [sys.executable, "-m", "scripts.bench.exports", name, str(count), str(int(traced))]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    result: dict[str, float] = json.loads(told)
    return result


def main() -> None:
    """Run all writers in turn, several times, and print the best of each."""
    if len(sys.argv) == 4:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]), traced=sys.argv[3] == "1")))
        return
    count = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else ROUNDS
    best: dict[str, dict[str, float]] = {}
    for _ in range(rounds):
        for name in WRITERS:
            found = _apart(name, count, traced=False)
            if name not in best or found["seconds"] < best[name]["seconds"]:
                best[name] = found
    print(f"{count} rows of {len(_KINDS)}, best of {rounds}")
    print("| Writer | Seconds | Of openpyxl | Added RSS | Allocated | File |")
    print("|---|---|---|---|---|---|")
    yardstick = best["openpyxl_write_only"]["seconds"]
    for name, found in best.items():
        traced = _apart(name, min(count, 20_000), traced=True)["traced_mb"]
        print(
            f"| {name} | {found['seconds']:.2f} | {found['seconds'] / yardstick:.2f} "
            f"| {found['rss_mb']:.1f} MB | {traced:.1f} MB | {found['size_mb']:.1f} MB |"
        )


if __name__ == "__main__":
    main()
