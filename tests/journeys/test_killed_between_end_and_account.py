"""A real process dies between the end of a run and its account, and in the middle of writing it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import UUID

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.material import MovementKind
from custom_components.printernizer.engine.shop import MachineProfile
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.account_tables import (
    ACCOUNT_DAYS,
    JOB_ACCOUNTS,
    JOB_CONSUMPTION,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parents[2]
VICTIM: Final = Path(__file__).with_name("victim.py")
SPOOL: Final = UUID(int=7)
PATIENCE_S: Final = 120.0
_DIES: Final = ("before", "account", "stock", "commit")
"""Where it dies: before anything of the account; after its row; after the stock; right before all
of it is made durable."""


async def _dies(folder: Path, where: str) -> None:
    """Let a process see one run to its end, and die."""
    victim = await asyncio.create_subprocess_exec(
        sys.executable,
        str(VICTIM),
        str(folder / "ledger.db"),
        where,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(PATIENCE_S):
        said, _ = await victim.communicate()
    assert victim.returncode == -signal.SIGKILL, said.decode()


@pytest.mark.parametrize("where", _DIES)
async def test_a_kill_around_the_account_leaves_one_and_books_once(
    tmp_path: Path, where: str
) -> None:
    """Material that is booked twice is bought twice; a run without an account is given away."""
    await _dies(tmp_path, where)
    clock = HandClock()
    async with Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        assert await _count(store, JOB_ACCOUNTS) == 0, "it died before"
        (job,) = (await store.run(jobs.page, JobFilter())).jobs
        assert not job.open
        taken = Decimal(0)
        for _ in range(2):  # and a start after that one changes nothing
            shop = Workshop(store, clock)
            shop.settings.describe("P1", MachineProfile())
            async with shop:
                async with asyncio.timeout(PATIENCE_S):
                    while await _count(store, JOB_ACCOUNTS) == 0 or shop.accounts._waiting:
                        await asyncio.sleep(0.01)
                account = await shop.accounts.get(job.id)
                assert account is not None
                assert account.mass_g is not None
                assert [line.spool_id for line in account.consumption] == [SPOOL]
                moved = await shop.stock.movements(spool_id=SPOOL)
                booked = [one.mass_g for one in moved if one.kind is MovementKind.CONSUMPTION]
                assert booked == [-account.mass_g]
                taken = account.mass_g
                async with asyncio.timeout(PATIENCE_S):  # what is shown is read after it is booked
                    while shop.stock.spools[SPOOL].remaining_g != 1000 - taken:
                        await asyncio.sleep(0.01)
        assert await _count(store, JOB_ACCOUNTS) == await _count(store, JOB_CONSUMPTION) == 1
        (day,) = await _rows(store, ACCOUNT_DAYS)
        assert (day["jobs"], day["mass_g"]) == (1, taken)
        assert taken > 10
        assert (await store.run(jobs.verify_chain)).intact


async def _count(store: Store, table: sa.Table) -> int:
    return len(await _rows(store, table))


async def _rows(store: Store, table: sa.Table) -> list[Mapping[str, object]]:
    return await store.run(
        lambda connection: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
    )
