"""What no sum of a period holds is counted beside it, by the days of the shop."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from custom_components.printernizer.engine.account import JobAccount
from custom_components.printernizer.engine.job import Job
from custom_components.printernizer.engine.report import LeftOut
from custom_components.printernizer.engine.store import accounts, jobs, reports
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.left_out import left_out

from ..story import Story

BERLIN = ZoneInfo("Europe/Berlin")


async def ended(store: Store, *moments: datetime, printer_id: str = "P1") -> list[Job]:
    """Record one run each that ended at these moments, in order."""
    story = Story(printer_id)
    story.at = moments[0] - timedelta(days=1)
    story.acquainted()
    for number, moment in enumerate(moments):
        story.at = moment - timedelta(minutes=10)
        story.shows("printing", f"part {number}", 0.5)
        story.passes(600)
        story.shows("finished", f"part {number}", 1.0)
        story.passes(1)
        story.shows("idle")
    await store.run(jobs.record, story.events, [story.memory], story.at)
    assert [job.ended_at for job in story.runs] == list(moments)
    return story.runs


async def reckoned(store: Store, job: Job, currency: str) -> None:
    account = JobAccount(job_id=job.id, at=job.first_seen_at, currency=currency, price=Decimal(1))
    await store.run(accounts.record, job, account, settled=True, zone=BERLIN)


@pytest.mark.parametrize(
    ("first", "last", "edges"),
    [
        pytest.param(
            date(2026, 3, 1),
            date(2026, 3, 31),
            (datetime(2026, 2, 28, 23, 0, tzinfo=UTC), datetime(2026, 3, 31, 22, 0, tzinfo=UTC)),
            id="a month of 743 hours",
        ),
        pytest.param(
            date(2026, 10, 25),
            date(2026, 10, 25),
            (datetime(2026, 10, 24, 22, 0, tzinfo=UTC), datetime(2026, 10, 25, 23, 0, tzinfo=UTC)),
            id="a day of 25 hours",
        ),
    ],
)
async def test_a_period_begins_and_ends_at_midnight_where_the_shop_is(
    store: Store, first: date, last: date, edges: tuple[datetime, datetime]
) -> None:
    """A print of the night of the change is in one month, and not in two or none."""
    second = timedelta(seconds=1)
    begin, end = edges
    runs = await ended(store, begin - second, begin, end - second, end)
    told = await store.run(left_out, first, last, zone=BERLIN, currency="EUR")
    assert told == LeftOut(unreckoned=2)
    for job in runs:
        await reckoned(store, job, "EUR")
    told = await store.run(left_out, first, last, zone=BERLIN, currency="EUR")
    assert told == LeftOut()
    report = await store.run(reports.report, first, last, currency="EUR")
    assert report.totals.jobs.total == 2, "the sums go by the same midnights"


async def test_every_job_is_in_a_sum_or_told_beside_it(store: Store) -> None:
    """Revenue that is short by a job nobody reckoned is found by the tax office first."""
    noon = datetime(2026, 11, 3, 11, 0, tzinfo=UTC)
    runs = await ended(store, *(noon + timedelta(hours=number) for number in range(4)))
    await ended(store, noon, printer_id="P2")
    await reckoned(store, runs[0], "EUR")
    await reckoned(store, runs[1], "CHF")
    month = date(2026, 11, 1), date(2026, 11, 30)
    told = await store.run(left_out, *month, zone=BERLIN, currency="EUR")
    assert told == LeftOut(unreckoned=3, other_currency=1)
    report = await store.run(reports.report, *month, currency="EUR")
    assert report.totals.jobs.total + told.unreckoned + told.other_currency == 5
    told = await store.run(left_out, *month, zone=BERLIN, currency="CHF", printer_id="P2")
    assert told == LeftOut(unreckoned=1)
