"""Accounts when something goes wrong: a full disk, a lost line, two who write at once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.events import NotEnough
from custom_components.printernizer.engine.job import JobIdentity, Outcome, PastRun
from custom_components.printernizer.engine.run_watch import RunWatch
from custom_components.printernizer.engine.store import accounts as book
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop import accounts as workshop_accounts
from custom_components.printernizer.engine.workshop.accounts import (
    FLUSH_S,
    MEASURES_KEPT,
    RETRY_S,
)
from tests.hand_clock import HandClock, settle

from .test_accounts import MM_PER_G, PATH, SLOT, Rig, _spool, _unseen, extrusion


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield Rig(store, HandClock())


async def until(fits: Callable[[], Any]) -> None:
    """Wait for what other tasks and the store's thread do."""
    async with asyncio.timeout(10):
        while not fits():
            await asyncio.sleep(0.005)


class Broken:
    """A transaction that fails while the disk is full."""

    def __init__(self, real: Callable[..., Any]) -> None:
        self.real = real
        self.full = True
        self.failed = 0

    def __call__(self, *args: Any, **more: Any) -> Any:
        if self.full:
            self.failed += 1
            raise StoreError("no room", key="disk_full")
        return self.real(*args, **more)


async def test_an_account_is_written_when_the_disk_has_room_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A card that was full for an hour must not cost the accounts of that hour."""
    write = Broken(workshop_accounts._write)
    monkeypatch.setattr(workshop_accounts, "_write", write)
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        await until(lambda: write.failed)
        assert rig.told == []
        write.full = False
        await rig.pass_time(RETRY_S + 5)
        account = await rig.until_told()
        assert account.mass_g is not None


async def test_notes_that_could_not_be_written_are_written_later(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Which spool hung there is known to nobody else once the process is gone."""
    caplog.set_level(logging.DEBUG)
    notes = Broken(book.watch)
    monkeypatch.setattr(book, "watch", notes)
    async with rig.shop() as workshop:
        await rig.open(workshop)
        spool = await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(FLUSH_S * 3)
        await until(lambda: notes.failed)
        assert await rig.store.run(book.watches) == ()
        notes.full = False
        await rig.pass_time(FLUSH_S * 3)
        (watch,) = await rig.store.run(book.watches)
        assert [each.spool_id for each in watch.hangings] == [spool.id]
        assert "Notes of 1 runs wait" in caplog.text


async def test_a_history_of_years_does_not_fill_the_memory(rig: Rig) -> None:
    """Klipper keeps every run for ever, and tells all of them at each connection."""
    async with rig.shop() as workshop:
        runs = [
            PastRun(
                id=f"{number:06d}",
                path=PATH,
                outcome=Outcome.COMPLETED,
                started_at=None,
                filament_mm=1.0,
            )
            for number in range(MEASURES_KEPT + 7)
        ]
        workshop.accounts.recall("V1", tuple(runs))
        kept = workshop.accounts._recalled
        assert len(kept) == MEASURES_KEPT
        assert ("V1", runs[-1].id) in kept, "the last ones are those that may still be asked for"


async def test_the_plate_of_our_own_start_is_the_one_that_is_charged(rig: Rig) -> None:
    """A printer that does not tell its plate: 190 g for the wrong one is not what was printed."""
    async with rig.shop() as workshop:
        await settle()  # nothing waits to be reckoned: what follows is asked for here alone
        for plate, grams in ((1, 190.0), (2, 83.0)):
            await rig.store.run(_lies_there, extrusion(grams), rig.clock, plate)
        job = await _unseen(workshop)
        silent = replace(
            job, outcome=Outcome.COMPLETED, identity=JobIdentity(path=PATH, name="part")
        )
        watch = RunWatch(job_id=job.id, printer_id="V1", plate=2)
        workshop.accounts._keep(watch)
        known, _ = await workshop._plans.known(workshop.accounts._named(silent))
        assert known is not None
        assert known.tools[0].total_mm == pytest.approx(83 * MM_PER_G)
        workshop.accounts._keep(replace(watch, plate=None))
        unknown, _ = await workshop._plans.known(workshop.accounts._named(silent))
        assert unknown is None, "where nobody knows the plate, neither of the two is taken"


def _lies_there(connection: Any, measured: Any, clock: HandClock, plate: int) -> None:
    book.measured(connection, "V1", PATH, measured, plate=plate, size_bytes=4, at=clock.now())


async def test_a_spool_that_will_not_last_is_told_when_the_print_begins(rig: Rig) -> None:
    """At three in the night the printer waits for filament until somebody gets up."""
    told: list[object] = []
    async with rig.shop() as workshop:
        workshop.stock.listen(told.append)
        await rig.open(workshop)
        (tool,) = extrusion(1100.0).tools
        told_by_slicer = replace(extrusion(), tools=(replace(tool, estimate_g=1100.0),))
        await rig.store.run(_lies_there, told_by_slicer, rig.clock, 1)
        spool = await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(30)
        await until(lambda: any(isinstance(each, NotEnough) for each in told))
        (short,) = [each for each in told if isinstance(each, NotEnough)]
        assert short.shortage.spool.id == spool.id
        assert (short.shortage.needed_g, short.shortage.left_g) == (1100, 1000)
