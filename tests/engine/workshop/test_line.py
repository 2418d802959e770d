"""Links and the fleet: lines that drop, come back, and tell the right people."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.base import NoParts
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    DriverError,
    NotAllowed,
    Refused,
    Unreachable,
    WrongPrinter,
)
from custom_components.printernizer.engine.job import Outcome, PastRun
from custom_components.printernizer.engine.printer import (
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
)
from custom_components.printernizer.engine.workshop.backoff import Backoff
from custom_components.printernizer.engine.workshop.fleet import GRACE_S, Fleet
from tests.hand_clock import HandClock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

IDLE = PrinterStatus(state=PrinterState.IDLE)
PRINTING = PrinterStatus(state=PrinterState.PRINTING)
PAST = PastRun(id="00001F", path="/a.gcode", outcome=Outcome.COMPLETED, started_at=None)


class Wire(NoParts):
    """A session whose statuses the test types in."""

    def __init__(self) -> None:
        self.identity = PrinterIdentity(serial="S1", maker="Test")
        self.refreshed = 0
        self.inbox: asyncio.Queue[PrinterStatus | Exception] = asyncio.Queue()

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        while True:
            said = await self.inbox.get()
            if isinstance(said, Exception):
                raise said
            yield said

    async def refresh(self) -> None:
        self.refreshed += 1


class ScriptedDriver:
    """Connects or fails as the test says; counts the tries."""

    def __init__(self) -> None:
        self.tries = 0
        self.failure: Exception | None = None
        self.wire = Wire()
        self.open = 0
        self.farewell: asyncio.Event | None = None
        """What closing the line waits for."""

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Wire]:
        self.tries += 1
        if self.failure is not None:
            raise self.failure
        self.open += 1
        try:
            yield self.wire
        finally:
            try:
                if self.farewell is not None:
                    await self.farewell.wait()
            finally:
                self.open -= 1

    def says(self, said: PrinterStatus | Exception) -> None:
        self.wire.inbox.put_nowait(said)


class Notebook:
    """The ledger's place: writes down what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def seen(self, printer_id: str, status: PrinterStatus, *, first: bool) -> None:
        self.lines.append(f"{printer_id} {status.state}{' first' if first else ''}")

    def recall(self, printer_id: str, runs: tuple[PastRun, ...]) -> None:
        self.lines.append(f"{printer_id} recalls {len(runs)}")

    def lost(self, printer_id: str) -> None:
        self.lines.append(f"{printer_id} lost")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def fleet(clock: HandClock, notebook: Notebook) -> AsyncIterator[Fleet]:
    fleet = Fleet(notebook, clock)
    yield fleet
    await fleet.close()
    assert clock.sleeping == 0, "somebody still waits after the fleet was closed"


@pytest.fixture
def driver() -> ScriptedDriver:
    return ScriptedDriver()


async def test_the_first_status_is_a_fact_and_the_next_a_change(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook
) -> None:
    link = fleet.add("S1", driver)
    driver.says(IDLE)
    assert await link.settled() == IDLE
    driver.says(PRINTING)
    await settle()
    assert notebook.lines == ["S1 idle first", "S1 printing"]
    assert link.identity == driver.wire.identity


async def test_subscribers_hear_changes_only_and_can_leave(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook
) -> None:
    """A state written although nothing changed fills recorders for nothing."""
    heard: list[PrinterStatus | None] = []
    fleet.add("S1", driver)
    leave = fleet.subscribe("S1", heard.append)
    for status in (IDLE, IDLE, PRINTING):
        driver.says(status)
    await settle()
    assert heard == [IDLE, PRINTING]
    assert len(notebook.lines) == 3, "the ledger hears everything"
    leave()
    leave()
    driver.says(IDLE)
    await settle()
    assert heard == [IDLE, PRINTING]


async def test_a_short_loss_is_nobodys_business_but_the_ledgers(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook, clock: HandClock
) -> None:
    heard: list[PrinterStatus | None] = []
    link = fleet.add("S1", driver)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    driver.says(Unreachable("cut"))
    await settle()
    assert link.status is None, "nobody may act on what a lost printer said last"
    assert link.session is None
    await clock.advance(GRACE_S / 2)
    driver.says(IDLE)
    await settle()
    await clock.advance(GRACE_S * 2)
    assert heard == [IDLE]
    assert notebook.lines == ["S1 idle first", "S1 lost", "S1 idle first"]


async def test_a_long_loss_is_told_once(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook, clock: HandClock
) -> None:
    heard: list[PrinterStatus | None] = []
    fleet.add("S1", driver)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    driver.failure = Unreachable("off")
    driver.says(Unreachable("cut"))
    await clock.advance(GRACE_S * 20)
    assert heard == [IDLE, None]
    assert notebook.lines == ["S1 idle first", "S1 lost"]
    driver.failure = None
    driver.says(IDLE)
    await clock.advance(GRACE_S * 2)
    assert heard == [IDLE, None, IDLE]


async def test_waits_between_tries_grow_and_shrink_again(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock
) -> None:
    driver.failure = Unreachable("off")
    fleet.add("S1", driver)
    await clock.advance(600)
    assert 10 <= driver.tries <= 30, "a dead printer is asked about once a minute"


async def test_an_announcement_ends_the_wait_at_once(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock
) -> None:
    driver.failure = Unreachable("off")
    link = fleet.add("S1", driver)
    await clock.advance(600)
    driver.failure = None
    driver.says(IDLE)
    link.nudge()
    await settle()
    assert link.status == IDLE


async def test_a_rejected_key_is_told_at_once_and_not_retried(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock
) -> None:
    """Printers lock out clients that try a wrong key every second."""
    heard: list[PrinterStatus | None] = []
    link = fleet.add("S1", driver)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    driver.failure = AccessDenied("bad code")
    driver.says(Unreachable("cut"))
    await clock.advance(3600)
    assert heard == [IDLE, None]
    assert driver.tries == 2
    assert isinstance(link.error, AccessDenied)


async def test_another_printer_at_the_address_is_asked_again_but_seldom(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock
) -> None:
    driver.failure = WrongPrinter("serial differs")
    link = fleet.add("S1", driver)
    with pytest.raises(WrongPrinter):
        await link.settled()
    await clock.advance(600)
    assert 10 <= driver.tries <= 21


async def test_the_first_failure_is_raised_to_whoever_waits(
    fleet: Fleet, driver: ScriptedDriver
) -> None:
    driver.failure = Unreachable("off")
    link = fleet.add("S1", driver)
    with pytest.raises(Unreachable):
        await link.settled()
    with pytest.raises(Unreachable):
        link.require()


async def test_a_drivers_bug_does_not_end_the_line_for_good(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    link = fleet.add("S1", driver)
    driver.says(ZeroDivisionError("a bug"))
    await settle()
    assert isinstance(link.error, DriverError)
    assert "unexpected error" in caplog.text
    driver.says(IDLE)
    await clock.advance(5)
    assert link.status == IDLE


async def test_a_broken_subscriber_keeps_nobody_from_the_news(
    fleet: Fleet, driver: ScriptedDriver, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[PrinterStatus | None] = []

    def broken(_status: PrinterStatus | None) -> None:
        raise ValueError("a bug")

    fleet.add("S1", driver)
    fleet.subscribe("S1", broken)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    assert heard == [IDLE]
    assert "A listener to S1 failed" in caplog.text


async def test_a_ledger_that_fails_takes_no_line_down(
    fleet: Fleet,
    driver: ScriptedDriver,
    notebook: Notebook,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One status that the fold stumbles over must not cost the printer its line for good."""
    heard: list[PrinterStatus | None] = []

    def broken(*_: object, **__: object) -> None:
        raise ValueError("a bug")

    monkeypatch.setattr(notebook, "seen", broken)
    monkeypatch.setattr(notebook, "lost", broken)
    link = fleet.add("S1", driver)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    assert heard == [IDLE]
    driver.says(Unreachable("cut"))
    driver.says(PRINTING)
    await clock.advance(5)
    assert link.status == PRINTING
    assert "a bug" in caplog.text
    await fleet.remove("S1")
    assert driver.open == 0


async def test_a_removal_that_is_cancelled_says_so_and_still_closes_the_line(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook
) -> None:
    """A swallowed cancellation lets the end of Home Assistant wait for what is not needed."""
    fleet.add("S1", driver)
    driver.says(IDLE)
    await settle()
    driver.farewell = asyncio.Event()
    removing = asyncio.ensure_future(fleet.remove("S1"))
    await settle()
    assert not removing.done()
    removing.cancel()
    driver.farewell.set()
    with pytest.raises(asyncio.CancelledError):
        await removing
    assert driver.open == 0
    assert notebook.lines == ["S1 idle first", "S1 lost"]


async def test_nobody_acts_on_a_line_that_is_being_closed(
    fleet: Fleet, driver: ScriptedDriver
) -> None:
    """Saying goodbye to a broker takes seconds; a start in that time would go into the void."""
    link = fleet.add("S1", driver)
    driver.says(IDLE)
    await settle()
    driver.farewell = asyncio.Event()
    driver.says(Unreachable("cut"))
    await settle()
    assert driver.open == 1
    assert link.session is None
    assert link.status is None
    with pytest.raises(Unreachable):
        link.require()
    driver.farewell.set()
    await settle()
    assert driver.open == 0


async def test_a_refresh_waits_for_the_fresh_status(fleet: Fleet, driver: ScriptedDriver) -> None:
    link = fleet.add("S1", driver)
    driver.says(IDLE)
    await link.settled()
    asking = asyncio.ensure_future(link.refresh())
    await settle()
    assert not asking.done()
    assert driver.wire.refreshed == 1
    driver.says(PRINTING)
    assert await asking == PRINTING


async def test_a_refresh_on_a_line_that_drops_says_so(fleet: Fleet, driver: ScriptedDriver) -> None:
    link = fleet.add("S1", driver)
    driver.says(IDLE)
    await link.settled()
    asking = asyncio.ensure_future(link.refresh())
    await settle()
    driver.says(Unreachable("cut"))
    with pytest.raises(Unreachable):
        await asking


async def test_removing_a_printer_closes_its_line_and_tells_the_ledger(
    fleet: Fleet, driver: ScriptedDriver, notebook: Notebook
) -> None:
    fleet.add("S1", driver)
    driver.says(IDLE)
    await settle()
    await fleet.remove("S1")
    await fleet.remove("S1")
    assert driver.open == 0
    assert notebook.lines == ["S1 idle first", "S1 lost"]
    assert fleet.get("S1") is None
    assert len(fleet) == 0
    with pytest.raises(NotAllowed):
        fleet["S1"]


async def test_removing_a_lost_printer_ends_its_grace(
    fleet: Fleet, driver: ScriptedDriver, clock: HandClock
) -> None:
    heard: list[PrinterStatus | None] = []
    fleet.add("S1", driver)
    fleet.subscribe("S1", heard.append)
    driver.says(IDLE)
    await settle()
    driver.failure = Unreachable("off")
    driver.says(Unreachable("cut"))
    await settle()
    await fleet.remove("S1")
    await clock.advance(GRACE_S * 2)
    assert heard == [IDLE]


async def test_one_printer_has_one_line(fleet: Fleet, driver: ScriptedDriver) -> None:
    fleet.add("S1", driver)
    with pytest.raises(NotAllowed):
        fleet.add("S1", driver)
    assert [link.printer_id for link in fleet] == ["S1"]


async def test_a_driver_that_simply_stops_talking_is_a_lost_line(
    fleet: Fleet, clock: HandClock
) -> None:
    class Mute(Wire):
        async def statuses(self) -> AsyncIterator[PrinterStatus]:
            yield IDLE

    driver = ScriptedDriver()
    driver.wire = Mute()
    link = fleet.add("S1", driver)
    await settle()
    assert isinstance(link.error, Unreachable)


def test_a_backoff_doubles_up_to_its_longest_with_jitter() -> None:
    calm = Backoff(first_s=1, longest_s=60, share=lambda: 1.0)
    assert [calm.next_wait() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    calm.reset()
    assert calm.next_wait() == 1
    calm.exhaust()
    assert calm.next_wait() == 60
    hasty = Backoff(first_s=1, longest_s=60, share=lambda: 0.0)
    assert hasty.next_wait() == 0.5


class Chronicle:
    """A printer's history, or why there is none."""

    def __init__(self, *told: PastRun | Exception) -> None:
        self.told = told

    async def recent(self, limit: int = 20) -> tuple[PastRun, ...]:
        if self.told and isinstance(self.told[0], Exception):
            raise self.told[0]
        return tuple(one for one in self.told[:limit] if isinstance(one, PastRun))


async def test_the_history_is_told_before_the_first_status(
    fleet: Fleet, notebook: Notebook
) -> None:
    """Told after it, a run that ended while we were away would be closed as unknown first."""
    driver = ScriptedDriver()
    driver.wire.history = Chronicle(PAST, PAST)
    driver.says(IDLE)
    await fleet.add("S1", driver).settled()
    assert notebook.lines == ["S1 recalls 2", "S1 idle first"]


@pytest.mark.parametrize(
    "failure", [Unreachable("no answer"), Refused("no such method"), KeyError("job_id")]
)
async def test_a_printer_that_tells_no_history_is_followed_all_the_same(
    fleet: Fleet, notebook: Notebook, failure: Exception
) -> None:
    driver = ScriptedDriver()
    driver.wire.history = Chronicle(failure)
    driver.says(IDLE)
    await fleet.add("S1", driver).settled()
    assert notebook.lines == ["S1 idle first"]


async def test_a_history_that_the_ledger_stumbles_over_costs_no_line(
    fleet: Fleet, notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stumble(printer_id: str, runs: tuple[PastRun, ...]) -> None:
        raise RuntimeError(printer_id)

    monkeypatch.setattr(notebook, "recall", stumble)
    driver = ScriptedDriver()
    driver.wire.history = Chronicle(PAST)
    driver.says(IDLE)
    await fleet.add("S1", driver).settled()
    assert notebook.lines == ["S1 idle first"]
