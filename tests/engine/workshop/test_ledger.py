"""The ledger on a real SQLite file and a clock turned by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.job import JobEvent, JobEventKind, Outcome, PastRun
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.memory import Memory, Observation
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState, PrinterStatus
from custom_components.printernizer.engine.store import jobs, printers
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.tracking import observe
from custom_components.printernizer.engine.workshop import ledger as module
from custom_components.printernizer.engine.workshop.ledger import FLUSH_S, Ledger
from tests.hand_clock import HandClock

K = JobEventKind


class FaultyStore(Store):
    """A real store whose disk can be pulled out."""

    broken = False
    lying = False
    """It writes, and then says that it could not."""
    writes = 0

    async def run(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        if self.broken:
            raise StoreError("no room", key="disk_full")
        self.writes += 1
        result = await super().run(function, *args, **kwargs)
        if self.lying:
            raise StoreError("the line broke")
        return result


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/ledger.db"


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


def shows(
    state: str, progress: float | None = None, name: str | None = "cube", layer: int | None = None
) -> PrinterStatus:
    job = CurrentJob(name=name, progress=progress, layer=layer) if name else None
    return PrinterStatus(state=PrinterState(state), job=job)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.002)


async def written(ledger: Ledger) -> None:
    await until(lambda: ledger.health.pending == 0 and ledger._attempt is None)


async def test_a_print_is_durable_before_it_is_announced(url: str, clock: HandClock) -> None:
    """An automation that pays out on "finished" must find it in the ledger."""
    told: list[JobEvent] = []
    async with Store(url) as store, Ledger(store, clock) as ledger:
        pending: list[int] = []
        stop = ledger.subscribe(lambda event: pending.append(ledger.health.pending))
        ledger.subscribe(told.append)
        ledger.seen("P1", shows("idle", name=None), first=True)
        assert ledger.job_of("P1") is None
        ledger.seen("P1", shows("printing", 0.1), first=False)
        await written(ledger)
        stop()
        stop()
        job = ledger.open_job("P1")
        assert job is not None
        assert ledger.job_of("P1") == job
        await clock.advance(100)
        ledger.seen("P1", shows("finished", 1.0), first=False)
        await written(ledger)
        assert [event.kind for event in told] == [K.STARTED, K.PRINTING, K.FINISHED]
        assert pending == [0, 0]
        stored = await store.run(jobs.get, job.id)
        assert stored == ledger.last_job("P1") == ledger.job_of("P1")
        assert stored is not None
        assert stored.duration == timedelta(seconds=100)


async def test_the_next_start_goes_on_with_the_open_run(url: str, clock: HandClock) -> None:
    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.seen("P1", shows("idle", name=None), first=True)
        ledger.seen("P1", shows("printing", 0.1), first=False)
        ledger.seen("P1", shows("printing", 0.4, layer=12), first=False)
        ledger.lost("P1")
    told: list[JobEvent] = []
    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.subscribe(told.append)
        job = ledger.open_job("P1")
        assert job is not None
        assert (job.progress, job.layer) == (0.4, 12), "written when it closed"
        ledger.seen("P1", shows("printing", 0.5), first=True)
        ledger.seen("P1", shows("cancelled", 0.0), first=False)
        await written(ledger)
        (event,) = told
        assert (event.kind, event.job.progress) == (K.CANCELLED, 0.5)
        assert (await store.run(jobs.statistics, JobFilter())).cancelled == 1
    async with Store(url) as store, Ledger(store, clock) as ledger:
        assert ledger.job_of("P1") == event.job


async def test_progress_is_written_for_all_printers_in_one_go(url: str, clock: HandClock) -> None:
    """No commit per message: a hundred printers, once a second, on an SD card."""
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        for number in range(20):
            ledger.seen(f"P{number}", shows("printing", 0.1), first=True)
        await written(ledger)
        store.writes = 0
        for percent in range(10, 60):
            for number in range(20):
                ledger.seen(f"P{number}", shows("printing", percent / 100), first=False)
        assert store.writes == 0
        await clock.advance(FLUSH_S)
        await until(lambda: not ledger._dirty and ledger._attempt is None)
        assert store.writes == 1
        stored = await store.run(jobs.open_runs)
        assert {job.progress for job in stored} == {0.59}
        await clock.advance(FLUSH_S)
        assert store.writes == 2


async def test_events_wait_in_order_while_the_disk_is_full(url: str, clock: HandClock) -> None:
    told: list[K] = []
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        ledger.subscribe(lambda event: told.append(event.kind))
        ledger.seen("P1", shows("idle", name=None), first=True)
        store.broken = True
        ledger.seen("P1", shows("printing", 0.1), first=False)
        await until(lambda: ledger.health.error is not None)
        ledger.seen("P1", shows("finished", 1.0), first=False)
        health = ledger.health
        assert health.error is not None
        assert (health.error.key, health.pending, health.well) == ("disk_full", 3, False)
        await clock.advance(60)
        assert told == []
        store.broken = False
        await clock.advance(60)
        await written(ledger)
        assert told == [K.STARTED, K.PRINTING, K.FINISHED]
        assert ledger.health.well
        assert (await store.run(jobs.verify_chain)).length == 3


async def test_a_write_that_only_seemed_to_fail_is_not_repeated(url: str, clock: HandClock) -> None:
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        store.lying = True
        ledger.seen("P1", shows("printing", 0.1), first=True)
        await until(lambda: ledger.health.error is not None)
        store.lying = False
        await clock.advance(60)
        await written(ledger)
        assert (await store.run(jobs.verify_chain)).length == 2


async def test_when_too_much_waits_the_gap_is_reconciled(url: str, clock: HandClock) -> None:
    """Dropping an event would leave a run open or doubled; not following a printer does not."""
    async with FaultyStore(url) as store, Ledger(store, clock, pending_limit=2) as ledger:
        ledger.seen("P1", shows("idle", name=None), first=True)
        store.broken = True
        ledger.seen("P1", shows("printing", 0.1), first=False)
        ledger.seen("P1", shows("paused", 0.2), first=False)
        ledger.seen("P1", shows("finished", 1.0), first=False)
        assert ledger.health.overflowing
        store.broken = False
        await clock.advance(60)
        await written(ledger)
        ledger.seen("P1", shows("finished", 1.0), first=False)
        await written(ledger)
        assert ledger.health.well
        job = ledger.last_job("P1")
        assert job is not None
        assert (job.outcome, job.ended_at) == (Outcome.COMPLETED, None)


async def test_a_grace_that_runs_does_not_hide_a_gap(url: str, clock: HandClock) -> None:
    """What was passed over is reconciled by the next status, whatever timers ran in between."""
    async with FaultyStore(url) as store, Ledger(store, clock, pending_limit=4) as ledger:
        ledger.seen("P1", shows("printing", 0.5), first=True)
        ledger.lost("P1")
        ledger.seen("P1", shows("idle", name=None), first=True)
        await written(ledger)
        store.broken = True
        for number in range(4):
            ledger.seen(f"Q{number}", shows("printing", 0.1), first=True)
        ledger.seen("P1", shows("printing", 0.6), first=False)
        ledger.seen("P1", shows("finished", 1.0), first=False)
        assert ledger.health.overflowing
        store.broken = False
        await clock.advance(1)
        await written(ledger)
        await clock.advance(FLUSH_S)
        ledger.seen("P1", shows("printing", 0.1, name="next"), first=False)
        await written(ledger)
        job = ledger.open_job("P1")
        assert job is not None
        assert (job.identity.name, job.started_at) == ("next", None), "nobody saw it start"


async def test_a_fold_that_fails_for_one_printer_keeps_the_others_going(
    url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without its timer the ledger would write no progress for anybody, until the next start."""
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        for printer in ("P1", "P2"):
            ledger.seen(printer, shows("printing", 0.5), first=True)
            ledger.lost(printer)
            ledger.seen(printer, shows("idle", name=None), first=True)

        def broken(memory: Memory, observation: Observation) -> Any:
            if memory.printer_id == "P1":
                raise ValueError("a bug")
            return observe(memory, observation)

        monkeypatch.setattr(module, "observe", broken)
        await clock.advance(400)
        await written(ledger)
        assert "a bug" in caplog.text
        assert ledger.open_job("P1") is not None
        assert ledger.open_job("P2") is None, "its grace ran out"


async def test_closing_that_is_cancelled_says_so(url: str, clock: HandClock) -> None:
    async with Store(url) as store:
        ledger = Ledger(store, clock)
        await ledger.open()
        ledger.seen("P1", shows("printing", 0.1), first=True)
        closing = asyncio.ensure_future(ledger.close())
        await asyncio.sleep(0)
        closing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await closing
        assert not [task for task in asyncio.all_tasks() if "flush" in task.get_name()]


async def test_what_cannot_be_written_at_the_end_is_said(
    url: str, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with FaultyStore(url) as store:
        async with Ledger(store, clock) as ledger:
            store.broken = True
            ledger.seen("P1", shows("printing", 0.1), first=True)
        assert "could not write its last 2 events" in caplog.text
        store.broken = False
        async with Ledger(store, clock) as ledger:
            assert ledger.open_job("P1") is None


async def test_a_write_under_way_is_finished_before_closing(url: str, clock: HandClock) -> None:
    """Cancelling a thread's transaction and writing its events again would double them."""
    async with Store(url) as store:
        async with Ledger(store, clock) as ledger:
            ledger.seen("P1", shows("printing", 0.1), first=True)
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            ledger.seen("P1", shows("paused", 0.1), first=False)
        assert (await store.run(jobs.verify_chain)).length == 3


async def test_a_listener_that_fails_does_not_stop_the_others(
    url: str, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    told: list[JobEvent] = []

    def broken(event: JobEvent) -> None:
        raise LookupError("its bug")

    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.subscribe(broken)
        ledger.subscribe(told.append)
        ledger.seen("P1", shows("printing", 0.1), first=True)
        await written(ledger)
    assert len(told) == 2
    assert "its bug" in caplog.text


async def test_a_removed_printer_leaves_no_run_open(url: str, clock: HandClock) -> None:
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        ledger.seen("P1", shows("printing", 0.1), first=True)
        await ledger.retire("P1")
        await ledger.retire("P1")
        await ledger.retire("nobody")
        job = ledger.last_job("P1")
        assert job is not None
        assert (job.outcome, job.reason) == (Outcome.UNKNOWN, "printer_removed")
        assert await store.run(jobs.get, job.id) == job


async def test_retiring_while_the_disk_is_full_waits_for_it(url: str, clock: HandClock) -> None:
    async with FaultyStore(url) as store, Ledger(store, clock) as ledger:
        ledger.seen("P1", shows("printing", 0.1), first=True)
        await written(ledger)
        store.broken = True
        await ledger.retire("P1")
        assert ledger.health.pending == 1
        store.broken = False
        await clock.advance(60)
        await written(ledger)
        assert await store.run(jobs.open_runs) == ()


async def test_a_printer_not_heard_of_for_a_month_leaves_no_run_open(
    url: str, clock: HandClock
) -> None:
    async with Store(url) as store:
        async with Ledger(store, clock) as ledger:
            ledger.seen("P1", shows("printing", 0.1), first=True)
            ledger.seen("P2", shows("printing", 0.1), first=True)
            ledger.lost("P1")
        clock.jump(timedelta(days=31))
        async with Ledger(store, clock) as ledger:
            ledger.seen("P2", shows("printing", 0.2), first=True)
            await clock.advance(FLUSH_S)
            await written(ledger)
            job = ledger.last_job("P1")
            assert job is not None
            assert (job.outcome, job.reason, job.duration) == (
                Outcome.UNKNOWN,
                "printer_gone",
                None,
            )
            assert ledger.open_job("P2") is not None


async def test_a_grace_runs_out_without_any_news(url: str, clock: HandClock) -> None:
    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.seen("P1", shows("printing", 0.5), first=True)
        ledger.lost("P1")
        ledger.seen("P1", shows("idle", name=None), first=True)
        await clock.advance(280)
        assert ledger.open_job("P1") is not None
        await clock.advance(40)
        await written(ledger)
        assert ledger.open_job("P1") is None


async def test_who_a_printer_is_is_kept(url: str, clock: HandClock) -> None:
    async with Store(url) as store, Ledger(store, clock) as ledger:
        await ledger.meet("P1", kind="virtual", model="Virtual One", name="Vera")
        (printer,) = await store.run(printers.load_all)
        assert (printer.kind, printer.name, printer.first_seen) == ("virtual", "Vera", clock.now())


async def test_foreign_text_cannot_keep_a_printer_from_being_met(
    url: str, clock: HandClock
) -> None:
    """A lone surrogate is no text for any database, and a NUL none for PostgreSQL."""
    async with Store(url) as store, Ledger(store, clock) as ledger:
        await ledger.meet("P1", kind="virtual", model="On\ud800e\x00", name="\x00")
        (printer,) = await store.run(printers.load_all)
        assert (printer.model, printer.name) == ("On?e", None)


async def test_a_ledger_that_was_never_opened_closes(url: str, clock: HandClock) -> None:
    async with Store(url) as store:
        await Ledger(store, clock).close()


async def test_what_a_printer_remembers_is_written_like_all_else(
    url: str, clock: HandClock
) -> None:
    told: list[JobEvent] = []
    past = PastRun(id="0000A1", path="/a.gcode", outcome=Outcome.COMPLETED, started_at=clock.now())
    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.subscribe(told.append)
        ledger.seen("P1", shows("idle", name=None), first=True)
        await clock.advance(120)
        ledger.seen("P1", shows("idle", name=None), first=False)
        ledger.lost("P1")
        await clock.advance(9000)
        later = replace(past, id="0000A2", started_at=clock.now())
        ledger.recall("P1", (later, past))
        await written(ledger)
        assert [event.kind for event in told] == [K.STARTED, K.FINISHED]
        job = ledger.last_job("P1")
        assert job is not None
        assert await store.run(jobs.get, job.id) == job
    async with Store(url) as store, Ledger(store, clock) as ledger:
        ledger.recall("P1", (later, past))
        assert ledger.health.pending == 0


async def test_a_history_waits_until_the_database_takes_writes_again(
    url: str, clock: HandClock
) -> None:
    async with FaultyStore(url) as store, Ledger(store, clock, pending_limit=1) as ledger:
        ledger.seen("P1", shows("idle", name=None), first=True)
        store.broken = True
        ledger.seen("P1", shows("printing", 0.1), first=False)
        past = PastRun(id="0000A1", path="/a", outcome=Outcome.COMPLETED, started_at=clock.now())
        ledger.recall("P1", (past,))
        assert ledger.health.overflowing
        store.broken = False
