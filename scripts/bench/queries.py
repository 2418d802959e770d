"""How fast the ledger answers: a page of 50 jobs out of a million, a month of a hundred thousand.

    PYTHONPATH=. <cache>/env/bin/python -m scripts.bench.queries [--jobs 1000000] [--month 100000]

Rows are inserted as they would lie there; nothing else of the shop runs. Medians of 30.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import tempfile
import time
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import sqlalchemy as sa

from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.job_list import Cursor, JobFilter
from custom_components.printernizer.engine.store import jobs, reports
from custom_components.printernizer.engine.store.account_tables import ACCOUNT_DAYS, MATERIAL_DAYS
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.schema import JOBS, PRINTERS, Exact

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

ROUNDS: Final = 30
_BEGAN: Final = datetime(2023, 1, 1, tzinfo=UTC)
_PRINTERS: Final = 100
_OUTCOMES: Final = ("completed",) * 8 + ("failed", "cancelled")


def _fill(connection: Connection, count: int) -> None:
    chance = Random(7)  # noqa: S311 - a benchmark
    moment = {"first_seen": _BEGAN, "last_seen": _BEGAN}
    connection.execute(
        sa.insert(PRINTERS),
        [{"id": f"P{number:03}", "name": f"P{number}", **moment} for number in range(_PRINTERS)],
    )
    step = timedelta(days=1000) / count
    for begin in range(0, count, 20_000):
        connection.execute(
            sa.insert(JOBS),
            [
                {
                    "id": UUID(int=chance.getrandbits(128)),
                    "printer_id": f"P{chance.randrange(_PRINTERS):03}",
                    "name": f"part {number}",
                    "state": "ended",
                    "first_seen_at": _BEGAN + step * number,
                    "outcome": chance.choice(_OUTCOMES),
                    "certainty": "reported",
                    "duration_s": chance.random() * 9000,
                    "duration_source": "observed",
                }
                for number in range(begin, min(begin + 20_000, count))
            ],
        )


def _fill_month(connection: Connection, count: int) -> None:
    """Add the sums that so many jobs of one month leave behind: they are all a report reads."""
    days: dict[tuple[Any, ...], int] = {}
    chance = Random(8)  # noqa: S311 - a benchmark
    for _ in range(count):
        day = date(2026, 10, 1 + chance.randrange(31))
        printer = f"P{chance.randrange(_PRINTERS):03}"
        key = (day, printer, chance.choice(_OUTCOMES), chance.choice(("business", "private")))
        days[key] = days.get(key, 0) + 1
    exact = [c.name for c in ACCOUNT_DAYS.columns if not c.primary_key]
    connection.execute(
        sa.insert(ACCOUNT_DAYS),
        [
            {
                "local_day": day,
                "printer_id": printer,
                "outcome": outcome,
                "purpose": purpose,
                "currency": "EUR",
                **{
                    name: Decimal(jobs_of)
                    if isinstance(ACCOUNT_DAYS.c[name].type, Exact)
                    else jobs_of
                    for name in exact
                },
            }
            for (day, printer, outcome, purpose), jobs_of in days.items()
        ],
    )
    connection.execute(
        sa.insert(MATERIAL_DAYS),
        [
            {
                "local_day": day,
                "printer_id": printer,
                "material": material,
                "currency": "EUR",
                "lines": 1,
                "unknown": 0,
                "unmapped_g": Decimal(0),
                "mass_g": Decimal(10),
                "amount": Decimal(1),
            }
            for day, printer in {key[:2] for key in days}
            for material in ("PLA", "PETG", "ASA")
        ],
    )


def _timed(connection: Connection, ask: Callable[[Connection], object]) -> float:
    """Return the median in milliseconds."""
    ask(connection)
    taken = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        ask(connection)
        taken.append((time.perf_counter() - begun) * 1000)
    return statistics.median(taken)


async def _run(count: int, month: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Store(f"sqlite:///{Path(folder) / 'ledger.db'}") as store:
            await store.run(_fill, count)
            await store.run(_fill_month, month)
            await store.run(lambda it: it.exec_driver_sql("ANALYZE"))
            middle = Cursor(first_seen_at=_BEGAN + timedelta(days=500), id=UUID(int=0))
            pages = {
                "newest": (JobFilter(), None),
                "of one printer, from the middle": (JobFilter(printer_id="P042"), middle),
                "failed, from the middle": (JobFilter(outcome=Outcome.FAILED), middle),
            }
            for name, (which, after) in pages.items():
                taken = await store.run(
                    _timed,
                    lambda it, which=which, after=after: jobs.page(
                        it, which, after=after, limit=50
                    ),
                )
                print(f"page of 50 of {count:,} jobs, {name}: {taken:.2f} ms")
            taken = await store.run(
                _timed,
                lambda it: reports.report(
                    it, date(2026, 10, 1), date(2026, 10, 31), currency="EUR"
                ),
            )
            print(f"report on a month of {month:,} jobs, {_PRINTERS} printers: {taken:.1f} ms")


if __name__ == "__main__":
    _parser = argparse.ArgumentParser(description=__doc__)
    _parser.add_argument("--jobs", type=int, default=1_000_000)
    _parser.add_argument("--month", type=int, default=100_000)
    _asked = _parser.parse_args()
    asyncio.run(_run(_asked.jobs, _asked.month))
