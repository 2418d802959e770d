"""The demo's past is believable: told by the fold, in order, closed to the last job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from scripts.demo_parts.history import PastPrinter, story, write_history

if TYPE_CHECKING:
    from pathlib import Path

PRINTERS = [PastPrinter.of("A1", "bambu"), PastPrinter.of("C1", "prusalink")]
UNTIL = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def test_the_same_seed_tells_the_same_story_in_the_order_of_time() -> None:
    """Screenshots and bug reports from the demo must be repeatable."""
    first, second = list(story(PRINTERS, UNTIL)), list(story(PRINTERS, UNTIL))
    assert first == second
    assert [moment[0] for moment in first] == sorted(moment[0] for moment in first)
    assert first[-1][0] < UNTIL
    assert first[0][0] >= UNTIL - timedelta(days=90)


async def test_ninety_days_end_with_every_job_closed_and_the_chain_intact(tmp_path: Path) -> None:
    """A demo that begins with a broken ledger would be a poor one."""
    database = tmp_path / "ledger.db"
    count = await write_history(database, PRINTERS)
    async with Store(f"sqlite:///{database}") as store:
        assert (await store.run(jobs.verify_chain)).intact
        totals = await store.run(jobs.statistics, jobs.JobFilter())
        unknown = await store.run(jobs.page, jobs.JobFilter(outcome=Outcome.UNKNOWN))
    assert count > 300
    assert totals.completed + totals.failed + totals.cancelled == count
    assert totals.open == 0
    assert unknown.jobs == ()
    assert totals.success is not None
    assert 0.85 < totals.success < 1.0
