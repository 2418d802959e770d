"""The ledger's days in Home Assistant's statistics, in a real recorder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from unittest.mock import patch
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
from homeassistant.components.recorder import Recorder
from homeassistant.components.recorder.statistics import (
    list_statistic_ids,
    statistics_during_period,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.recorder import get_instance
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
)

from custom_components.printernizer import long_term
from custom_components.printernizer.engine.account import (
    Breakdown,
    Confidence,
    CostKind,
    CostLine,
    JobAccount,
    Source,
)
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState, Outcome
from custom_components.printernizer.engine.report import DailyHistory
from custom_components.printernizer.engine.store import accounts, printers
from custom_components.printernizer.engine.store.schema import JOBS
from custom_components.printernizer.engine.workshop.reports import Reports
from custom_components.printernizer.engine.workshop.workshop import Workshop
from custom_components.printernizer.long_term import LongTerm, first_hour, statistic_id
from custom_components.printernizer.runtime import async_get_workshop
from tests.shop_floor import Floor, floor  # noqa: F401

BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(autouse=True)
def hurry() -> Iterator[None]:
    with patch.object(long_term, "GATHERING_S", 0.01):
        yield


async def _account(workshop: Workshop, printer: str, day: date, cost: int) -> tuple[Job, Any]:
    """Write a job of some day, as the ledger would have."""
    at = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    job = Job(
        id=uuid4(),
        printer_id=printer,
        identity=JobIdentity(),
        state=JobState.ENDED,
        started_at=at,
        first_seen_at=at,
        ended_at=at,
        closed_at=at,
        outcome=Outcome.COMPLETED,
    )
    line = CostLine(
        kind=CostKind.MATERIAL,
        label="PLA",
        amount=Decimal(cost),
        source=Source.SETTING,
        confidence=Confidence.HIGH,
    )
    account = JobAccount(job_id=job.id, at=at, currency="EUR", cost=Breakdown(lines=(line,)))
    await workshop.store.run(_write, job, account)
    return job, account


def _write(connection: sa.Connection, job: Job, account: JobAccount) -> None:
    printers.insert(connection, [{"id": job.printer_id, "at": job.first_seen_at}])
    row = {
        "id": job.id,
        "printer_id": job.printer_id,
        "state": "ended",
        "first_seen_at": job.first_seen_at,
        "outcome": "completed",
        "certainty": "reported",
        "duration_source": "observed",
    }
    connection.execute(sa.insert(JOBS), row)
    accounts.record(connection, job, account, settled=True, zone=BERLIN)


async def _sums(hass: HomeAssistant, owner: str, key: str) -> list[tuple[str, float, float]]:
    """Return the rows of a series: when, of the day, and until then."""
    await async_wait_recording_done(hass)
    identity = statistic_id(owner, key)
    found = await get_instance(hass).async_add_executor_job(
        lambda: statistics_during_period(
            hass, datetime(2020, 1, 1, tzinfo=UTC), None, {identity}, "hour", None, {"state", "sum"}
        )
    )
    return [
        (datetime.fromtimestamp(row["start"], BERLIN).isoformat(), row["state"], row["sum"])  # type: ignore[arg-type]
        for row in found.get(identity, [])
    ]


@pytest.fixture
async def workshop(recorder_mock: Recorder, hass: HomeAssistant, floor: Floor) -> Workshop:
    await hass.config.async_update(time_zone="Europe/Berlin", currency="EUR")
    printer = await floor.add()
    # The shop keeps statistics itself; here it is done by hand.
    await printer.close_shop()
    return async_get_workshop(hass)


async def _until(hass: HomeAssistant, owner: str, key: str, rows: list[Any]) -> None:
    async with asyncio.timeout(20):
        while await _sums(hass, owner, key) != rows:
            await asyncio.sleep(0.05)


async def test_the_years_before_are_there_and_what_is_new_is_added(
    workshop: Workshop, hass: HomeAssistant
) -> None:
    """Whoever looks at costs by month wants last summer as well, each day where the shop is."""
    await _account(workshop, "P1", date(2025, 3, 30), 7)
    await _account(workshop, "P2", date(2026, 7, 1), 2)
    keeper = LongTerm(hass, workshop)
    await keeper.async_catch_up()
    spring = ("2025-03-30T00:00:00+01:00", 7.0, 7.0)
    summer = ("2026-07-01T00:00:00+02:00", 2.0, 9.0)
    assert await _sums(hass, "shop", "cost") == [spring, summer]
    assert await _sums(hass, "P2", "cost") == [("2026-07-01T00:00:00+02:00", 2.0, 2.0)]
    assert [row[1:] for row in await _sums(hass, "shop", "jobs")] == [(1.0, 1.0), (1.0, 2.0)]
    stop = keeper.async_listen()
    job, account = await _account(workshop, "P1", date(2026, 7, 2), 3)
    workshop.accounts._tell(job, account)
    third = ("2026-07-02T00:00:00+02:00", 3.0, 12.0)
    await _until(hass, "shop", "cost", [spring, summer, third])
    await _until(hass, "P1", "cost", [spring, ("2026-07-02T00:00:00+02:00", 3.0, 10.0)])
    stop()
    known = await get_instance(hass).async_add_executor_job(list_statistic_ids, hass)
    about = {each["statistic_id"]: each for each in known}
    assert about["printernizer:shop_cost"]["statistics_unit_of_measurement"] == "EUR"
    assert about["printernizer:p1_energy"]["unit_class"] == "energy"
    assert about["printernizer:shop_cost"]["name"] == "Printernizer: Cost"


async def test_writing_again_changes_nothing_and_what_was_corrected_comes_right(
    workshop: Workshop, hass: HomeAssistant
) -> None:
    """A statistic that differs from the ledger by one correction would be believed for years."""
    keeper = LongTerm(hass, workshop)
    job, account = await _account(workshop, "P1", date(2026, 7, 1), 2)
    await _account(workshop, "P1", date(2026, 7, 2), 3)
    await keeper.async_catch_up()
    before = await _sums(hass, "shop", "cost")
    await keeper.async_catch_up()
    assert await _sums(hass, "shop", "cost") == before
    # Corrected while nobody listened: the sum of the last day tells it.
    line = replace(account.cost.lines[0], amount=Decimal(5))
    better = replace(account, cost=Breakdown(lines=(line,)), revision=2)
    await workshop.store.run(accounts.record, job, better, settled=True, zone=BERLIN)
    await keeper.async_catch_up()
    assert [row[1:] for row in await _sums(hass, "shop", "cost")] == [(5.0, 5.0), (3.0, 8.0)]


async def test_a_database_that_is_away_is_asked_again(
    workshop: Workshop, hass: HomeAssistant
) -> None:
    """What was reckoned while it was away must not be missing for good."""
    real, tries = Reports.history, 0

    async def history(self: Reports, first: date | None) -> DailyHistory:
        nonlocal tries
        tries += 1
        if tries in {1, 3}:
            raise StoreError("away")
        if tries == 4:
            raise ValueError("a fault of ours")
        return await real(self, first)

    async def tried(times: int) -> None:
        async with asyncio.timeout(20):
            while tries < times:
                await asyncio.sleep(0.005)

    await _account(workshop, "P1", date(2026, 7, 1), 2)
    with patch.object(Reports, "history", history):
        stop = LongTerm(hass, workshop).async_listen()
        rows = [("2026-07-01T00:00:00+02:00", 2.0, 2.0)]
        await _until(hass, "P1", "cost", rows)
        workshop.accounts._tell(*await _account(workshop, "P1", date(2026, 7, 3), 2))
        await tried(4)
        workshop.accounts._tell(*await _account(workshop, "P1", date(2026, 7, 5), 2))
        rows.append(("2026-07-03T00:00:00+02:00", 2.0, 4.0))
        rows.append(("2026-07-05T00:00:00+02:00", 2.0, 6.0))
        await _until(hass, "P1", "cost", rows)
        stop()


def test_a_day_begins_with_its_first_full_hour() -> None:
    """Statistics have whole hours of UTC only; half of India's midnight is another day."""
    day = date(2026, 7, 1)
    assert first_hour(day, BERLIN) == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert first_hour(day, ZoneInfo("Asia/Kolkata")) == datetime(2026, 6, 30, 19, tzinfo=UTC)
    assert first_hour(day, ZoneInfo("Asia/Kolkata")) - timedelta(hours=1) < datetime(
        2026, 7, 1, tzinfo=ZoneInfo("Asia/Kolkata")
    )
