"""Files of ended runs: each printer's on its own, and no run forgotten."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest

from custom_components.printernizer.engine.errors import NotAllowed, StoreError, Unreachable
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState
from custom_components.printernizer.engine.workshop.run_files import (
    AT_ONCE,
    FILE_PATIENCE,
    RunFiles,
)
from tests.hand_clock import HandClock, settle


class Boards:
    """Printers' own storages, as the plans see them: each sends when it is told to."""

    def __init__(self) -> None:
        self.resting: set[str] = set()
        self.slow: dict[str, asyncio.Event] = {}
        self.faults: list[Exception] = []
        self.asked: list[Job] = []

    def reachable(self, job: Job) -> bool:
        return job.printer_id in self.resting

    async def fetch(self, job: Job) -> None:
        self.asked.append(job)
        if job.printer_id in self.slow:
            await self.slow[job.printer_id].wait()
        if self.faults:
            raise self.faults.pop()


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def boards() -> Boards:
    return Boards()


@pytest.fixture
def done() -> list[Job]:
    return []


@pytest.fixture
def files(boards: Boards, clock: HandClock, done: list[Job]) -> RunFiles:
    return RunFiles(boards, clock, done.append)  # type: ignore[arg-type]


def a_run(clock: HandClock, printer_id: str = "P1") -> Job:
    return Job(
        id=uuid4(),
        printer_id=printer_id,
        identity=JobIdentity(path="/a.gcode"),
        state=JobState.ENDED,
        started_at=clock.now(),
        first_seen_at=clock.now(),
        closed_at=clock.now(),
    )


async def test_a_slow_board_keeps_nobody_waiting(
    files: RunFiles, boards: Boards, clock: HandClock, done: list[Job]
) -> None:
    """40 MB at 150 kB a second take five minutes: ninety-nine others want their accounts."""
    boards.resting = {"P1", "P2"}
    boards.slow["P1"] = asyncio.Event()
    slow, behind, quick, next_one = (a_run(clock, each) for each in ("P1", "P1", "P2", "P2"))
    for run in (slow, behind, quick):
        files.want(run, run)
    await settle()
    assert done == [quick]
    files.want(next_one, next_one)
    await settle()
    assert done == [quick, next_one]
    assert [run.id for run in boards.asked] == [slow.id, quick.id, next_one.id]
    files.look()
    await settle()
    assert len(boards.asked) == 3, "a printer sends one at a time"
    boards.slow["P1"].set()
    await settle()
    assert done == [quick, next_one, slow, behind]


async def test_only_so_many_are_read_at_once(
    files: RunFiles, boards: Boards, clock: HandClock
) -> None:
    """A farm whose night shift ends must not fill the disk before the first is measured."""
    for number in range(AT_ONCE + 4):
        printer = f"P{number}"
        boards.resting.add(printer)
        boards.slow[printer] = asyncio.Event()
        run = a_run(clock, printer)
        files.want(run, run)
    await settle()
    assert len(boards.asked) == AT_ONCE
    boards.slow["P0"].set()
    await settle()
    assert len(boards.asked) == AT_ONCE + 1
    await files.close()


async def test_what_printers_cannot_send_now_is_asked_for_again(
    files: RunFiles, boards: Boards, clock: HandClock, done: list[Job]
) -> None:
    """A line that breaks, or a database that is away, must not cost a run its grams."""
    run = a_run(clock)
    files.want(run, run)
    await settle()
    assert (boards.asked, done, files.waits(run.id)) == ([], [], True)
    boards.resting = {"P1"}
    boards.faults = [StoreError("away"), Unreachable("broke")]
    for asked in (1, 2):
        files.look("P2")
        files.look("P1")
        await settle()
        assert (len(boards.asked), done) == (asked, [])
    files.look()
    await settle()
    assert (done, files.waits(run.id), files.may_come(run)) == ([run], False, False)
    files.forget(run.id)
    assert files.may_come(run)


@pytest.mark.parametrize("fault", [NotAllowed("gone", key="no_file"), OSError("a disk of ours")])
async def test_what_cannot_be_read_is_reckoned_without(
    fault: Exception, files: RunFiles, boards: Boards, clock: HandClock, done: list[Job]
) -> None:
    """Asking for ever would leave the account open for ever."""
    boards.resting, boards.faults = {"P1"}, [fault]
    run = a_run(clock)
    files.want(run, replace(run, identity=JobIdentity(path="/a.gcode", plate=2)))
    await settle()
    assert done == [run]
    assert boards.asked[0].identity.plate == 2
    assert not files.may_come(run)


async def test_patience_ends(
    files: RunFiles, boards: Boards, clock: HandClock, done: list[Job]
) -> None:
    """A printer that was sold never sends its last file."""
    run = a_run(clock)
    files.want(run, run)
    clock.jump(FILE_PATIENCE - timedelta(seconds=1))
    files.look()
    await settle()
    assert done == []
    clock.jump(timedelta(seconds=1))
    files.look()
    await settle()
    assert (done, boards.asked) == ([run], [])


async def test_a_run_that_is_settled_meanwhile_is_not_told_of(
    files: RunFiles, boards: Boards, clock: HandClock, done: list[Job]
) -> None:
    """A person had the last word while its file was on the way."""
    boards.resting, boards.slow = {"P1"}, {"P1": asyncio.Event()}
    run = a_run(clock)
    files.want(run, run)
    await settle()
    files.forget(run.id)
    boards.slow["P1"].set()
    await settle()
    assert done == []
    assert files.may_come(run)
