"""Sums by day are those of the accounts, whatever happens to them and in whatever order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.account import (
    Breakdown,
    Confidence,
    Consumption,
    CostKind,
    CostLine,
    EnergyUse,
    JobAccount,
    Source,
)
from custom_components.printernizer.engine.assignment import AssignedBy, Assignment
from custom_components.printernizer.engine.job import Job, Outcome
from custom_components.printernizer.engine.shop import Purpose
from custom_components.printernizer.engine.store import accounts, assignments, jobs
from custom_components.printernizer.engine.store.account_tables import (
    ACCOUNT_DAYS,
    JOB_ACCOUNTS,
    JOB_CONSUMPTION,
    MATERIAL_DAYS,
)
from custom_components.printernizer.engine.store.database import Store

from ..story import Story

DEEDS = 80
ZONES = tuple(map(ZoneInfo, ("Europe/Berlin", "Pacific/Auckland", "America/Los_Angeles")))
PARTS = (CostKind.MATERIAL, CostKind.ENERGY, CostKind.MACHINE, CostKind.LABOUR, CostKind.OVERHEAD)


def _some(chance: Random) -> Decimal:
    """An amount with six places, of which floats would lose the last."""
    return Decimal(chance.randrange(10**11)) / 10**6


def _account(job: Job, chance: Random, revision: int) -> JobAccount:
    lines = tuple(
        Consumption(
            material=chance.choice((None, "PLA", "PETG")),
            mass_g=chance.choice((None, _some(chance))),
            amount=chance.choice((None, _some(chance))),
            spool_id=chance.choice((None, UUID(int=1))),
            source=Source.WEIGHED,
            confidence=Confidence.HIGH,
        )
        for _ in range(chance.randrange(4))
    )
    cost = tuple(
        CostLine(kind=kind, label="", amount=chance.choice((None, _some(chance))))
        for kind in PARTS
        if chance.random() < 0.8
    )
    return JobAccount(
        job_id=job.id,
        at=job.first_seen_at,
        currency=chance.choice(("EUR", "CHF")),
        consumption=lines,
        energy=EnergyUse(kwh=chance.choice((None, _some(chance)))),
        cost=Breakdown(lines=cost),
        price=chance.choice((None, _some(chance))),
        pieces=chance.choice((None, 0, 3)),
        purpose=chance.choice((None, *Purpose)),
        revision=revision,
    )


def _deed(connection: sa.Connection, job: Job, chance: Random) -> None:
    """Do to an account what time and people do."""
    seconds = chance.choice((None, timedelta(seconds=chance.random() * 90_000)))
    job = replace(job, outcome=chance.choice(list(Outcome)), duration=seconds)
    stands, zone = accounts.get(connection, job.id), chance.choice(ZONES)
    what = chance.choice(("reckon", "correct", "assign")) if stands else "reckon"
    if what == "assign":
        whose = Assignment(
            purpose=chance.choice(list(Purpose)),
            assigned_by=AssignedBy.HAND,
            reason="so",
            at=job.first_seen_at,
        )
        assignments.append(connection, job.id, whose, chance.choice((None, _some(chance))))
    elif what == "correct":
        assert stands is not None
        after = _account(job, chance, stands.revision + 1)
        accounts.correct(connection, job, stands, after, by=None, reason="so", zone=zone)
    else:
        account = _account(job, chance, stands.revision if stands else 1)
        settled = chance.random() < 0.5
        accounts.record(connection, job, account, settled=settled, zone=zone)


@pytest.mark.parametrize("seed", [4, 30])
async def test_sums_never_drift_from_the_accounts(store: Store, seed: int) -> None:
    """A cent that is lost at every correction is found after a year, and never again."""
    story = Story("P1")
    story.at = datetime(2026, 10, 24, 6, 0, tzinfo=UTC)
    for number in range(6):
        story.shows("printing", f"part {number}", 0.5)
        story.passes(3600 * 5.5)
        story.shows("finished", f"part {number}", 1.0)
        story.passes(60).shows("idle")
    await store.run(jobs.record, story.events, [story.memory], story.at)
    chance = Random(seed)
    for _ in range(DEEDS):
        await store.run(_deed, chance.choice(story.runs), chance)
    await store.run(_compare)


def _compare(connection: sa.Connection) -> None:
    rows = connection.execute(sa.select(JOB_ACCOUNTS)).mappings().all()
    assert len(rows) == 6
    wanted: dict[tuple[Any, ...], dict[str, Any]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        key = (row["local_day"], row["outcome"], row["purpose"] or "", row["currency"])
        for name in ("mass_g", "kwh", "cost", "price", "pieces"):
            wanted[key][name] += row[name] or 0
        for part in PARTS:
            wanted[key][f"{part.value}_cost"] += row[f"{part.value}_cost"] or 0
        wanted[key]["jobs"] += 1
        wanted[key]["complete"] += row["cost_complete"]
        wanted[key]["priced"] += row["price"] is not None
        wanted[key]["duration_ms"] += round((row["duration_s"] or 0) * 1000)
    found = {
        (day["local_day"], day["outcome"], day["purpose"], day["currency"]): day
        for day in connection.execute(sa.select(ACCOUNT_DAYS)).mappings()
    }
    for key, day in found.items():
        names = next(iter(wanted.values()))
        assert {name: day[name] for name in names} == {name: wanted[key][name] for name in names}
    assert wanted.keys() <= found.keys()
    _compare_materials(connection, {row["job_id"]: row for row in rows})


def _compare_materials(connection: sa.Connection, rows: dict[UUID, Any]) -> None:
    wanted: dict[tuple[Any, ...], list[Any]] = defaultdict(lambda: [0, 0, 0, 0])
    for line in connection.execute(sa.select(JOB_CONSUMPTION)).mappings():
        row = rows[line["job_id"]]
        sums = wanted[row["local_day"], line["material"] or "", row["currency"]]
        sums[0] += 1
        sums[1] += line["mass_g"] or 0
        sums[2] += line["amount"] or 0
        sums[3] += (line["mass_g"] or 0) if line["spool_id"] is None else 0
    for day in connection.execute(sa.select(MATERIAL_DAYS)).mappings():
        key = day["local_day"], day["material"], day["currency"]
        found = [day["lines"], day["mass_g"], day["amount"], day["unmapped_g"]]
        assert found == wanted.pop(key, [0, 0, 0, 0])
    assert not wanted
