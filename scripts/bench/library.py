"""How fast the list of files answers: pages of 50 and searches out of a hundred thousand.

    PYTHONPATH=. <cache>/env/bin/python -m scripts.bench.library [--files 100000] [--url postgresql://...]

Rows are inserted as they would lie there, facts and places included. Medians of 30.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import statistics
import tempfile
import time
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import UUID

import sqlalchemy as sa

from custom_components.printernizer.engine.file import (
    FilamentFacts,
    FileFacts,
    FileKind,
    HeatFacts,
    PlateFacts,
)
from custom_components.printernizer.engine.library_file import (
    LibraryCursor,
    LibraryFile,
    LibraryFilter,
    Origin,
    SortBy,
    Source,
    Whereabouts,
    compared,
    label_word,
    search_words,
    time_key,
)
from custom_components.printernizer.engine.store import library, library_codec
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.library_tables import (
    LIBRARY_FILES,
    LIBRARY_LABELS,
    LIBRARY_PLACES,
)
from custom_components.printernizer.engine.store.schema import PRINTERS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

ROUNDS: Final = 30
_BEGAN: Final = datetime(2024, 1, 1, tzinfo=UTC)
_PRINTERS: Final = 100
_MATERIALS: Final = ("PLA",) * 6 + ("PETG", "PETG", "ASA", "TPU")
_THINGS: Final = (
    *("Würfel", "Halter", "Deckel", "Gehäuse", "Zahnrad", "Benchy", "Vase", "Adapter"),
    *("Griff", "Klammer", "Bracket", "Mount", "Spacer", "Hook", "Box", "Clip"),
)
_HOUR: Final = timedelta(hours=1)
_TAGS: Final = ("Kunde", "Muster", "privat", "Werkstatt")


def _facts(chance: Random) -> FileFacts:
    material = chance.choice(_MATERIALS)
    plate = PlateFacts(
        nozzles_mm=(0.4,),
        filaments=(FilamentFacts(index=0, material=material, used_g=17.25, used_mm=5700.0),),
        print_time=timedelta(minutes=chance.randrange(10, 900)),
        layer_height_mm=0.2,
        layers=120,
        heat=HeatFacts(nozzle_c=220.0, bed_c=60.0),
        size_mm=(40.0, 30.0, 24.0),
    )
    return FileFacts(
        kind=FileKind.GCODE,
        slicer=chance.choice(("PrusaSlicer", "OrcaSlicer", "BambuStudio")),
        slicer_version="2.8.1",
        printer_model="COREONE",
        plates=(plate,),
    )


def _a_file(number: int, chance: Random) -> LibraryFile:
    thing, other = chance.choice(_THINGS), chance.choice(_THINGS)
    printer = f"P{chance.randrange(_PRINTERS):03}" if number % 2 else None
    return LibraryFile(
        id=UUID(int=chance.getrandbits(128)),
        name=f"{thing}_{other}_{number:06}_v{chance.randrange(9)}.gcode",
        sha256=f"{chance.getrandbits(256):064x}",
        kind=FileKind.GCODE if number % 3 else FileKind.STL,
        size_bytes=chance.randrange(10_000, 100_000_000),
        added_at=_BEGAN + timedelta(minutes=number),
        source=Source(origin=Origin.DOWNLOADED if printer else Origin.UPLOADED, printer_id=printer),
        where=Whereabouts.DOWNLOADED if printer else Whereabouts.LOCAL_ONLY,
        tags=(chance.choice(_TAGS),) if number % 5 == 0 else (),
        favourite=number % 97 == 0,
        facts=_facts(chance) if number % 3 else None,
    )


def _labels(number: int, file: LibraryFile) -> list[dict[str, object]]:
    told = [("tag", tag) for tag in file.tags]
    if file.facts is not None:
        plate = file.facts.plates[0]
        told.append(("material", plate.filaments[0].material or ""))
        told.append(("time", time_key(plate.print_time or timedelta())))
    if file.source.printer_id is not None:
        told.append(("printer", file.source.printer_id))
    return [
        {"number": number, "kind": kind, "key": compared(value), "value": value}
        for kind, value in told
    ]


def _fill(connection: Connection, count: int) -> None:
    chance = Random(7)  # noqa: S311 - a benchmark
    moment = {"first_seen": _BEGAN, "last_seen": _BEGAN}
    printers = [{"id": f"P{n:03}", "name": f"Drucker {n}", **moment} for n in range(_PRINTERS)]
    connection.execute(sa.insert(PRINTERS), printers)
    for begin in range(0, count, 10_000):
        files = [
            (number + 1, _a_file(number, chance))
            for number in range(begin, min(begin + 10_000, count))
        ]
        rows = []
        for number, file in files:
            labels = _labels(number, file)
            words = search_words(
                file.name,
                *(str(label["value"]) for label in labels if label["kind"] != "time"),
                file.facts.slicer if file.facts else None,
            )
            known = [
                label_word(str(label["kind"]), str(label["key"]))
                for label in labels
                if label["kind"] != "time"
            ]
            told = {"number": number, "search": " ".join((words, *known))}
            rows.append(library_codec.file_row(file) | told)
        connection.execute(sa.insert(LIBRARY_FILES), rows)
        connection.execute(
            sa.insert(LIBRARY_LABELS), [row for each in files for row in _labels(*each)]
        )
        connection.execute(
            sa.insert(LIBRARY_PLACES),
            [
                {
                    "printer_id": file.source.printer_id,
                    "path": f"/{file.name}",
                    "number": number,
                    "name": file.name,
                    "size_bytes": file.size_bytes,
                    "present": True,
                    "certain": True,
                    **moment,
                }
                for number, file in files
                if file.source.printer_id is not None
            ],
        )


def _settle(connection: Connection) -> None:
    """Do what a database does by itself after so many rows, sooner or later."""
    connection.exec_driver_sql("ANALYZE")
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT gin_clean_pending_list('library_text')")


def _timed(connection: Connection, ask: Callable[[Connection], object]) -> tuple[float, float]:
    """Return medians in milliseconds: on the wall's clock, and of this process alone."""
    ask(connection)
    wall, own = [], []
    for _ in range(ROUNDS):
        begun, spent = time.perf_counter(), time.thread_time()
        ask(connection)
        wall.append((time.perf_counter() - begun) * 1000)
        own.append((time.thread_time() - spent) * 1000)
    return statistics.median(wall), statistics.median(own)


async def _run(count: int, url: str) -> None:
    middle = LibraryCursor(number=count // 2)
    by_name = LibraryCursor(number=count // 2, value="griff_")
    rare = f"{count // 3:06}"
    pages = {
        "newest": (LibraryFilter(), SortBy.ADDED, None),
        "from the middle": (LibraryFilter(), SortBy.ADDED, middle),
        "by name, from the middle": (LibraryFilter(), SortBy.NAME, by_name),
        "the largest": (LibraryFilter(), SortBy.SIZE, None),
        "of one printer": (LibraryFilter(printer_id="P042"), SortBy.ADDED, None),
        "of one printer and material": (
            LibraryFilter(printer_id="P042", material="ASA"),
            SortBy.ADDED,
            None,
        ),
        "with a tag, from the middle": (LibraryFilter(tag="muster"), SortBy.ADDED, middle),
        "local only, favourites": (
            LibraryFilter(where=Whereabouts.LOCAL_ONLY, favourite=True),
            SortBy.ADDED,
            None,
        ),
        "up to an hour": (LibraryFilter(longest=_HOUR), SortBy.ADDED, None),
        "up to an hour, from the middle": (LibraryFilter(longest=_HOUR), SortBy.ADDED, middle),
        "an hour and some minutes": (
            LibraryFilter(shortest=_HOUR, longest=_HOUR * 1.4),
            SortBy.ADDED,
            None,
        ),
        "an hour to the minute": (
            LibraryFilter(shortest=_HOUR, longest=_HOUR),
            SortBy.ADDED,
            None,
        ),
        "half a day and more, none": (LibraryFilter(shortest=_HOUR * 15), SortBy.ADDED, None),
        "up to an hour, by name": (LibraryFilter(longest=_HOUR), SortBy.NAME, None),
        "up to an hour, of one printer": (
            LibraryFilter(longest=_HOUR, printer_id="P042"),
            SortBy.ADDED,
            None,
        ),
        "up to an hour, one material": (
            LibraryFilter(longest=_HOUR, material="ASA"),
            SortBy.ADDED,
            None,
        ),
        "search: one word of many files, up to an hour": (
            LibraryFilter(text="würfel", longest=_HOUR),
            SortBy.ADDED,
            None,
        ),
        "search: one word of many files, an hour to the minute": (
            LibraryFilter(text="würfel", shortest=_HOUR, longest=_HOUR),
            SortBy.ADDED,
            None,
        ),
        "search: one word of many files": (LibraryFilter(text="würfel"), SortBy.ADDED, None),
        "search: two beginnings": (LibraryFilter(text="gehä halt"), SortBy.ADDED, None),
        "search: one letter": (LibraryFilter(text="p"), SortBy.ADDED, None),
        "search: one file": (LibraryFilter(text=rare), SortBy.ADDED, None),
        "search: none": (LibraryFilter(text="gibtsnicht"), SortBy.ADDED, None),
        "search: a word of one printer": (
            LibraryFilter(text="benchy", printer_id="P042"),
            SortBy.ADDED,
            None,
        ),
    }
    async with Store(url) as store:
        await store.run(_fill, count)
        await store.run(_settle)
        # What filling left in memory is no part of an answer: to walk it takes up to a millisecond.
        gc.collect()
        gc.freeze()
        for name, (which, sort, after) in pages.items():
            wall, own = await store.run(
                _timed,
                lambda it, which=which, sort=sort, after=after: library.page(
                    it, which, sort=sort, after=after, limit=50
                ),
            )
            print(f"page of 50 of {count:,} files, {name}: {wall:.2f} ms, processor {own:.2f} ms")
        wall, own = await store.run(_timed, library.figures)
        print(f"statistics: {wall:.1f} ms, processor {own:.1f} ms")


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--files", type=int, default=100_000)
    _parser.add_argument("--url", help="an empty PostgreSQL database; SQLite without one")
    _asked = _parser.parse_args()
    _folder = nullcontext() if _asked.url else tempfile.TemporaryDirectory()
    with _folder as _place:
        asyncio.run(
            _run(_asked.files, _asked.url or f"sqlite:///{Path(str(_place)) / 'ledger.db'}")
        )
