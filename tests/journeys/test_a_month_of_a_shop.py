"""A month of a shop whose truth is known: what the ledger says differs by stated errors alone."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.account import Confidence, JobAccount, Source
from custom_components.printernizer.engine.job import Job, Outcome
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.material import MovementKind
from custom_components.printernizer.engine.store import accounts as book, jobs
from custom_components.printernizer.engine.store.account_tables import (
    ACCOUNT_DAYS,
    JOB_ACCOUNTS,
    JOB_CONSUMPTION,
    JOB_WATCHES,
    MATERIAL_DAYS,
)

from .played_month import (
    CLOSED_IN,
    DST_ROUND,
    KILLED_AT_END,
    KILLED_IN,
    PER_HOUR,
    ROUNDS,
    Month,
    grams,
)
from .shop_month import (
    BERLIN,
    DYNAMIC_FROM,
    STEP_S,
    Truth,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

N = Decimal


@pytest.fixture
async def month(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Month]:
    # The test package for Home Assistant logs every statement and, for its debugging loop, where
    # every step of every task comes from: nine tenths of the time.
    asyncio.get_running_loop().set_debug(False)
    monkeypatch.setattr(logging.getLogger("sqlalchemy.engine"), "level", logging.WARNING)
    played = Month(tmp_path)
    await played.play()
    yield played
    if played.workshop is not None:
        await played.close()


@dataclass(frozen=True, kw_only=True)
class Told:
    """One run as the ledger has it, beside its truth."""

    truth: Truth
    job: Job
    account: JobAccount

    @property
    def says(self) -> str:
        return f"{self.truth.printer} #{self.truth.number}: {self.truth.plan}"


async def _pairs(month: Month) -> list[Told]:
    """Bring truth and ledger together, run by run; neither may have one more."""
    pairs = []
    for machine in month.machines:
        page = await month.store.run(jobs.page, JobFilter(printer_id=machine.id), limit=200)
        found = sorted(page.jobs, key=lambda job: job.first_seen_at)
        assert len(found) == len(machine.runs) == ROUNDS, machine.id
        accounts = await month.store.run(book.of, [job.id for job in found])
        assert len(accounts) == ROUNDS, machine.id
        pairs += [
            Told(truth=truth, job=job, account=accounts[job.id])
            for truth, job in zip(machine.runs, found, strict=True)
        ]
    return pairs


EXACT: Final = N("0.0001")
"""Grams: lengths are kept to the micrometre and masses to six places."""
SIX: Final = N("0.00001")
"""Kilowatt-hours and money, of sums of amounts with six places."""


def _true_g(told: Told, spool: UUID | None = None) -> Decimal:
    fed = told.truth.by_spool.items()
    return grams(sum(mm for (_, on), mm in fed if spool in (None, on)))


def _stated_g(told: Told) -> tuple[Decimal, Decimal]:
    """By how much a run's grams may lie below and above the truth, by what its source states."""
    truth, plan = told.truth, told.truth.plan
    whole = plan.outcome is Outcome.COMPLETED
    below = N(0)
    slots = told.account.consumption[0].source is Source.SLOTS
    if not truth.end_watched and (slots or not whole):
        # What was laid down after the line was lost is in nobody's figure.
        below = grams(sum(plan.part.fed(1.0)) * 4 / plan.steps * (1 + plan.part.bend))
    match told.account.consumption[0].source:
        case Source.MEASURED:
            return EXACT, EXACT
        case Source.LAYERS:
            above = N(0) if whole else grams(sum(plan.part.thickest))
            return EXACT + below, EXACT + above
        case Source.ESTIMATE:
            bend = 0.0 if whole else plan.part.bend * plan.part.mm[0][-1]
            error = EXACT + grams(abs(plan.part.mm[0][-1] - plan.part.estimate_mm) + bend)
            return error + below, error
        case Source.SLOTS:
            steps = N(10 * len(truth.by_spool))  # one per cent of a kilogram, at either end
            return steps + below, steps
    raise AssertionError(told)


def _check_grams(told: Told) -> None:
    """Grams of the run, and of each spool it took them from."""
    truth, account = told.truth, told.account
    sources = {line.source for line in account.consumption}
    if truth.printer == "nothing" or sources == {Source.UNKNOWN}:
        # A printer that tells nothing; or one lost before it told of any progress, and cancelled.
        # Or so little that the feeder did not count a whole per cent.
        little = truth.printer == "slots" and _true_g(told) <= 10
        assert truth.printer == "nothing" or little or not truth.end_watched, told
        assert account.mass_g is None
        assert account.cost.total >= 0
        assert not account.cost.complete
        return
    assert len(sources) == 1
    assert sources == {EXPECTED[truth.printer]}, told
    below, above = _stated_g(told)
    assert account.mass_g is not None
    assert -below <= account.mass_g - _true_g(told) <= above, told
    split = max(below, above)
    if truth.swapped and sources == {Source.LAYERS}:
        split += grams(max(truth.plan.part.thickest))
    if truth.swapped and sources == {Source.ESTIMATE}:
        split += grams(truth.plan.part.bend * truth.plan.part.mm[0][-1])
    taken: dict[UUID, Decimal] = {}
    for line in account.consumption:
        assert line.spool_id is not None, told
        assert line.mass_g is not None
        assert line.price_per_kg == truth.prices_per_kg[line.spool_id], told
        assert line.amount is not None
        assert abs(line.amount - line.mass_g * line.price_per_kg / 1000) <= N("0.000001")
        taken[line.spool_id] = taken.get(line.spool_id, N(0)) + line.mass_g
    for spool in {on for _, on in truth.by_spool} | set(taken):
        assert abs(taken.get(spool, N(0)) - _true_g(told, spool)) <= split, told


def _check_energy(told: Told) -> None:
    """What is told to be sure is right; what is not, says so."""
    truth, use = told.truth, told.account.energy
    if use.kwh is None:
        few = bool(truth.plan.reset or truth.plan.blind)
        assert truth.printer == "tools" or few or not truth.counted, told
        assert use.amount is None
        assert use.reason is not None
        return
    assert use.amount is not None
    assert use.kwh >= 0
    right = abs(use.kwh - truth.kwh) <= SIX and abs(use.amount - truth.energy_cost) <= SIX
    if truth.counted and truth.plan.blind is None:
        assert right, (truth.printer, truth.number, use, truth.kwh, truth.energy_cost)
    elif use.confidence in (Confidence.HIGH, Confidence.MEDIUM):
        short = truth.gap_kwh if use.source is Source.POWER else N(0)
        assert truth.kwh - short - SIX <= use.kwh <= truth.kwh + SIX, told
        if right or short:
            return
        # The prices of a gap come with an entity, and nobody heard it: those around it stand in.
        prices = [price for _, price in truth.drawn]
        assert truth.ended is not None
        assert truth.ended >= DYNAMIC_FROM, told
        assert use.kwh * min(prices) <= use.amount <= use.kwh * max(prices), told
    else:
        assert right or use.reason in ("end_unseen", "meter_gap", "late_start"), told


def _check_job(told: Told) -> None:
    truth, job, account = told.truth, told.job, told.account
    assert job.outcome is truth.plan.outcome, told
    assert truth.ended is not None
    if not truth.watched:
        return
    held = timedelta(seconds=truth.held * STEP_S)
    assert (job.started_at, job.ended_at) == (truth.began, truth.ended), told
    assert (job.duration, job.paused) == (truth.ended - truth.began, held), told
    assert account.machine_time == truth.ended - truth.began - held
    seconds = N(int(account.machine_time.total_seconds()))
    known = [line.amount for line in account.consumption if line.amount is not None]
    parts = sum(known, N(0)) + (account.energy.amount or N(0)) + seconds * PER_HOUR / 3600
    assert abs(account.cost.total - parts) <= SIX, told


EXPECTED: Final = {
    "measured": Source.MEASURED,
    "layers": Source.LAYERS,
    "estimate": Source.ESTIMATE,
    "slots": Source.SLOTS,
    "tools": Source.LAYERS,
}


async def _check_stock(month: Month, pairs: list[Told]) -> None:
    """What is left is what was bought less what was taken; and the feeder's steps do not add up."""
    shop = month.workshop
    assert shop is not None
    booked: dict[UUID, Decimal] = {}
    truly: dict[UUID, Decimal] = {}
    for told in pairs:
        for line in told.account.consumption:
            if line.spool_id is not None and line.mass_g is not None:
                booked[line.spool_id] = booked.get(line.spool_id, N(0)) + line.mass_g
        for (_, on_it), mm in told.truth.by_spool.items():
            truly[on_it] = truly.get(on_it, N(0)) + grams(mm)
    negative = 0
    for spool in shop.stock.spools.values():
        moved = await shop.stock.movements(spool_id=spool.id, limit=1000)
        taken = sum((-each.mass_g for each in moved if each.kind is MovementKind.CONSUMPTION), N(0))
        weighed = sum((each.mass_g for each in moved if each.kind is MovementKind.WEIGHING), N(0))
        assert taken == booked.get(spool.id, N(0))
        assert spool.remaining_g == spool.net_g - taken + weighed
        negative += spool.weigh_me
    tray = month.machines[3]
    for on_it in tray.left_mm:
        runs = [told for told in pairs if any(on == on_it for _, on in told.truth.by_spool)]
        unseen = sum(_true_g(told, on_it) for told in runs if not told.truth.end_watched)
        off = truly.get(on_it, N(0)) - booked.get(on_it, N(0))
        assert -20 <= off <= 20 + unseen, "steps of a per cent add up to one, not to one each run"
    assert negative, "one spool was to be used past its end"


async def _check_sums(month: Month) -> None:
    """Sums by day are the sums of the rows, and the months those of their days."""
    rows = await _read(month, JOB_ACCOUNTS)
    lines = await _read(month, JOB_CONSUMPTION)
    days = await _read(month, ACCOUNT_DAYS)
    kinds = await _read(month, MATERIAL_DAYS)
    assert sum(day["jobs"] for day in days) == len(rows) == 6 * ROUNDS
    for name in ("mass_g", "kwh", "material_cost", "energy_cost", "machine_cost", "cost"):
        assert _by_day(days, name) == _by_day(rows, name), name
        of_month = sum(day[name] for day in days if day["local_day"].month == 10)
        assert of_month == sum(row[name] or N(0) for row in rows if row["local_day"].month == 10)
    by_id = {row["job_id"]: row for row in rows}
    for row in rows:
        assert row["local_day"] == row["day_at"].astimezone(BERLIN).date()
    for name in ("mass_g", "amount"):
        total = sum(kind[name] for kind in kinds)
        assert total == sum(line[name] or N(0) for line in lines)
    assert sum(kind["unknown"] for kind in kinds) == sum(line["mass_g"] is None for line in lines)
    assert {line["job_id"] for line in lines} == set(by_id)


def _by_day(rows: list[Any], name: str) -> dict[date, Decimal]:
    sums: dict[date, Decimal] = {}
    for row in rows:
        sums[row["local_day"]] = sums.get(row["local_day"], N(0)) + (row[name] or N(0))
    return sums


async def _read(month: Month, table: sa.Table) -> list[Any]:
    return await month.store.run(
        lambda connection: list(connection.execute(sa.select(table)).mappings())
    )


async def test_a_month_of_a_shop_adds_up(month: Month) -> None:
    """Whoever bills by these figures is billed for nothing that did not happen."""
    pairs = await _pairs(month)
    for told in pairs:
        _check_job(told)
        _check_grams(told)
        _check_energy(told)
    await _check_stock(month, pairs)
    await _check_sums(month)
    assert (await month.store.run(jobs.verify_chain)).intact
    assert month.restarts == len(CLOSED_IN) + len(KILLED_IN) + len(KILLED_AT_END)
    # Most of it was said for sure: otherwise all of the above would hold for a ledger of Nones.
    sure = [told for told in pairs if told.account.energy.confidence is Confidence.HIGH]
    assert len(sure) > 80
    assert sum(told.truth.swapped for told in pairs) > 30
    assert sum(told.truth.plan.outcome is not Outcome.COMPLETED for told in pairs) > 50
    assert sum(not told.truth.end_watched for told in pairs) > 3
    night = [told for told in pairs if told.truth.number == DST_ROUND + 1]
    assert {price for told in night for _, price in told.truth.drawn} >= {N("0.27"), N("0.21")}
    # Once no file can be read any more, every account is settled and no note is left.
    for _ in range(9):
        await month.rest_until(month.clock.now() + timedelta(hours=6))
        for machine in month.machines:
            await machine.show(machine.shown.state)
    async with asyncio.timeout(20):
        while await _read(month, JOB_WATCHES):
            await asyncio.sleep(0.01)
    assert all(row["settled"] for row in await _read(month, JOB_ACCOUNTS))
