"""The demo's past is believable: told by the fold, in order, closed to the last job."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import sqlalchemy as sa

from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.store import jobs, stock
from custom_components.printernizer.engine.store.account_tables import ACCOUNT_DAYS, JOB_ACCOUNTS
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.shop_settings import shop_settings
from scripts.demo_parts.back_office import SETTINGS, SHOP_OPTIONS
from scripts.demo_parts.history import PastPrinter, story, write_history

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

    from homeassistant.core import HomeAssistant

PRINTERS = [PastPrinter.of("A1", "bambu"), PastPrinter.of("C1", "prusalink")]
UNTIL = datetime(2026, 11, 20, 16, 0, tzinfo=UTC)


def test_the_same_seed_tells_the_same_story_in_the_order_of_time() -> None:
    """Screenshots and bug reports from the demo must be repeatable."""
    first, second = list(story(PRINTERS, UNTIL)), list(story(PRINTERS, UNTIL))
    assert first == second
    assert [moment[0] for moment in first] == sorted(moment[0] for moment in first)
    assert first[-1][0] < UNTIL
    assert first[0][0] >= UNTIL - timedelta(days=90)


async def test_ninety_days_end_with_every_job_closed_and_paid_for(
    tmp_path: Path, hass: HomeAssistant
) -> None:
    """A demo that begins with a broken ledger, or with costs that do not add up, is a poor one."""
    database = tmp_path / "ledger.db"
    count = await write_history(database, PRINTERS)
    async with Store(f"sqlite:///{database}") as store:
        assert (await store.run(jobs.verify_chain)).intact
        totals = await store.run(jobs.statistics, JobFilter())
        unknown = await store.run(jobs.page, JobFilter(outcome=Outcome.UNKNOWN))
        accounts, grams = await store.run(_accounts)
        materials, spools = await store.run(stock.load)
    assert count > 300
    assert totals.completed + totals.failed + totals.cancelled == count
    assert totals.open == 0
    assert unknown.jobs == ()
    assert totals.success is not None
    assert 0.85 < totals.success < 1.0
    assert accounts == count
    assert len(materials) == 4
    assert sum(spool.net_g - spool.remaining_g for spool in spools) == grams
    meant = shop_settings(hass, SHOP_OPTIONS)
    assert (meant.costs, meant.company, meant.rules) == (
        SETTINGS.costs,
        SETTINGS.company,
        SETTINGS.rules,
    )


def _accounts(connection: sa.Connection) -> tuple[int, Decimal]:
    count = connection.execute(sa.select(sa.func.count()).select_from(JOB_ACCOUNTS)).scalar_one()
    grams = connection.execute(sa.select(sa.func.sum(ACCOUNT_DAYS.c.mass_g))).scalar_one()
    return count, grams
