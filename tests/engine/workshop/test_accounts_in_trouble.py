"""Accounts when something goes wrong: a full disk, a lost line, two who write at once."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from custom_components.printernizer.engine.account import EnergyUse, Source
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.events import NotEnough
from custom_components.printernizer.engine.job import Job, JobIdentity, Outcome, PastRun
from custom_components.printernizer.engine.reckoning import Evidence
from custom_components.printernizer.engine.run_watch import RunWatch
from custom_components.printernizer.engine.shop import Purpose
from custom_components.printernizer.engine.store import accounts as book, jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop import accounts as workshop_accounts
from custom_components.printernizer.engine.workshop.accounts import (
    BATCH,
    FLUSH_S,
    MEASURES_KEPT,
    NEWS,
    RETRY_S,
)
from custom_components.printernizer.engine.workshop.plans import Plan
from custom_components.printernizer.engine.workshop.run_files import FILE_PATIENCE
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock, settle

from ..story import Story
from .test_accounts import MM_PER_G, PATH, SLOT, Rig, _spool, _unseen, extrusion

N = Decimal


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
        known = (await workshop._plans.known(workshop.accounts._named(silent))).extrusion
        assert known is not None
        assert known.tools[0].total_mm == pytest.approx(83 * MM_PER_G)
        workshop.accounts._keep(replace(watch, plate=None))
        unknown = (await workshop._plans.known(workshop.accounts._named(silent))).extrusion
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


async def test_a_file_that_breaks_us_ends_no_account(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, the temporary folder was gone; and until the next restart no print had an account."""

    def gone(**_: Any) -> str:
        raise FileNotFoundError("/tmp")

    monkeypatch.setattr(tempfile, "mkdtemp", gone)
    async with rig.shop() as workshop:
        await rig.open(workshop)
        for number in (1, 2):
            await workshop.start("V1", PATH)
            await rig.pass_time(450)
            await until(lambda number=number: len({job.id for job, _ in rig.told}) == number)
        assert "the file of a run cannot be read" in caplog.text
        assert not any(task.done() for task in workshop.accounts._tasks)


async def test_an_account_does_not_wait_for_the_file_of_another(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A small board sends a long file for an hour; a hundred others end their prints meanwhile."""
    asked = asyncio.Event()

    async def slow(_job: Job) -> None:
        asked.set()
        await asyncio.Event().wait()

    async with rig.shop() as workshop:
        monkeypatch.setattr(workshop._plans, "fetch", slow)
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        await rig.until_told()
        await asyncio.wait_for(asked.wait(), 10)
        rig.told.clear()
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        await rig.until_told()


async def test_a_file_is_read_once_for_a_run(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """One that does not tell which of its plates ran would else be sent again, all day long."""
    for plate in (1, 2):
        await rig.store.run(_lies_there, extrusion(), rig.clock, plate)
    async with rig.shop() as workshop:
        monkeypatch.setattr(workshop.accounts, "_named", _without_plate)
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        await until(lambda: rig.measured.asked)
        for _ in range(5):
            await rig.pass_time(30)
        assert len(rig.measured.asked) == 1


def _without_plate(job: Job) -> Job:
    return replace(job, identity=replace(job.identity, plate=None))


async def test_energy_that_comes_while_an_account_is_written_is_not_forgotten(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a slow card a write takes a second, and just then the printer is cold."""
    drawn = EnergyUse(kwh=N("0.5"), amount=N("0.2"), source=Source.METER)
    known: dict[UUID, EnergyUse] = {}
    async with rig.shop() as workshop:
        await rig.knows_the_file()
        accounts = workshop.accounts
        monkeypatch.setattr(workshop.meters, "of", known.get)
        monkeypatch.setattr(workshop.meters, "follows", lambda job_id: job_id not in known)
        real = workshop_accounts._write

        def write(connection: Any, evidence: Evidence, *rest: Any, **more: Any) -> Any:
            if evidence.job.id not in known:
                known[evidence.job.id] = drawn
                loop.call_soon_threadsafe(accounts._on_energy, evidence.job.id, drawn)
                threading.Event().wait(0.05)  # the card writes
            return real(connection, evidence, *rest, **more)

        loop = asyncio.get_running_loop()
        monkeypatch.setattr(workshop_accounts, "_write", write)
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        account = await rig.until_told(lambda it: it.energy.kwh is not None)
        assert account.energy == drawn


async def test_who_puts_an_account_right_while_it_is_reckoned_has_the_last_word(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And nobody reads of a bug that is none."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        await rig.until_told()
        (job, _) = rig.told[-1]
        real = workshop._plans.known

        async def meanwhile(job: Job) -> Plan:
            plan = await real(job)
            await workshop.accounts.correct(job.id, reason="counted", by="anna", pieces=7)
            return plan

        monkeypatch.setattr(workshop._plans, "known", meanwhile)
        workshop.accounts._on_energy(job.id, EnergyUse())
        await until(lambda: rig.told[-1][1].pieces == 7)
        monkeypatch.undo()
        await until(lambda: not workshop.accounts._waiting)
        await settle()
        account = await workshop.accounts.get(job.id)
        assert account is not None
        assert (account.pieces, account.revision) == (7, 2)
        assert "cannot be reckoned" not in caplog.text


async def test_notes_of_a_settled_run_do_not_come_back(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They would be read at every start from then on, and never go."""
    async with rig.shop() as workshop:
        job = replace(await _unseen(workshop), outcome=Outcome.COMPLETED)
        accounts = workshop.accounts
        monkeypatch.setattr(workshop_accounts, "wants_file", lambda _: False)
        accounts._keep(RunWatch(job_id=job.id, printer_id="V1", measured_mm=1000.0))
        real, loop, begun = workshop_accounts._write, asyncio.get_running_loop(), asyncio.Event()

        def write(*args: Any, **more: Any) -> Any:
            loop.call_soon_threadsafe(begun.set)
            threading.Event().wait(0.05)  # the card writes
            return real(*args, **more)

        monkeypatch.setattr(workshop_accounts, "_write", write)
        reckoning = asyncio.create_task(accounts.reckon(job))
        await begun.wait()
        await asyncio.gather(reckoning, accounts._flush())
        assert await rig.store.run(book.watches) == ()


async def test_all_that_await_something_better_are_taken_up_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A farm was switched off over the weekend; on Monday the oldest must not be passed over."""
    story = Story("V1").acquainted()
    for number in range(BATCH + 3):
        story.shows("printing", f"part {number}", 0.5)
        story.passes(600)
        story.shows("finished", f"part {number}", 1.0)
        story.passes(60)
        story.shows("idle")
    await rig.store.run(jobs.record, story.events, [story.memory], story.at)
    async with rig.shop():
        await until(lambda: len(rig.told) >= BATCH + 3)
    assert len(await rig.store.run(book.unsettled, 1000)) == BATCH + 3
    rig.clock.jump(FILE_PATIENCE * 2)
    async with rig.shop() as workshop:
        await until(lambda: not workshop.accounts._waiting)
        async with asyncio.timeout(20):
            while await rig.store.run(book.unsettled, 1000):
                await asyncio.sleep(0.02)


async def test_a_run_of_another_house_is_left_to_it(rig: Rig) -> None:
    """Two houses keep one ledger: what the machine costs is known only where it stands."""
    async with rig.shop() as workshop:
        job = await _unseen(workshop)
    async with Workshop(rig.store, rig.clock) as others:
        await until(lambda: others.accounts._hopeless)
        assert await others.accounts.get(job.id) is None
    async with rig.shop() as workshop:
        mine = await rig.until_told()
    async with Workshop(rig.store, rig.clock) as others:
        await settle()
        assert await others.accounts.reckon(job) == mine
    # Of a printer that was removed long ago nobody will ever know more.
    old = await _unseen_of(rig.store, "V9")
    rig.clock.jump(NEWS * 2)
    async with Workshop(rig.store, rig.clock) as others:
        await until(lambda: not others.accounts._behind)
        assert await others.accounts.get(old.id) is not None


async def _unseen_of(store: Store, printer_id: str) -> Job:
    story = Story(printer_id).acquainted()
    story.shows("printing", "part", 0.5)
    story.passes(600)
    story.shows("finished", "part", 1.0)
    assert not story.runs[-1].open
    await store.run(jobs.record, story.events, [story.memory], story.at)
    return story.runs[-1]


async def test_an_end_that_was_put_right_stays_so(rig: Rig) -> None:
    """It warped, and nobody pays for it: not when its pieces are counted, nor when it is given
    to a customer."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        assert (await rig.until_told()).price is not None
        job = rig.told[-1][0]
        await workshop.accounts.correct(job.id, reason="warped", by=None, outcome=Outcome.FAILED)
        counted = await workshop.accounts.correct(job.id, reason="none", by=None, pieces=0)
        assert counted.price is None
        assert await rig.store.run(book.outcome, job.id) is Outcome.FAILED
        assert rig.told[-1][0].outcome is Outcome.FAILED
        for purpose in (Purpose.PRIVATE, Purpose.BUSINESS):
            await workshop.office.assign(job.id, purpose, reason="asked for")
        account = await workshop.accounts.get(job.id)
        assert account is not None
        assert (account.purpose, account.price) == (Purpose.BUSINESS, None)
