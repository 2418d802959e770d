"""In step with a Spoolman: what it says, what it is told, and what a crash leaves behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal as G
from pathlib import Path
from uuid import UUID, uuid4

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from custom_components.printernizer.engine.account import Consumption
from custom_components.printernizer.engine.errors import NotAllowed, StoreError, Unreachable
from custom_components.printernizer.engine.material import MovementKind, SlotSource, Spool
from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus, Slot
from custom_components.printernizer.engine.shop import ShopSettings, StockPolicy
from custom_components.printernizer.engine.spoolman.messages import spool_of
from custom_components.printernizer.engine.store import jobs, slots, spoolman as book, stock
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.settings import Settings
from custom_components.printernizer.engine.workshop.spoolman import (
    DEAF_S,
    LONG_S,
    RETRY_S,
    WHOLE_S,
    SpoolmanKeeper,
)
from custom_components.printernizer.engine.workshop.stock import Stock
from tests.hand_clock import HandClock
from tests.simulators.spoolman import SpoolmanSimulator

from ..spoolman.conftest import Bench
from ..story import Story


class Shop:
    """A stock, and a Spoolman beside it."""

    def __init__(self, store: Store, bench: Bench, simulator: SpoolmanSimulator) -> None:
        self.store, self.bench, self.simulator = store, bench, simulator
        self.clock = HandClock()
        self.settings = Settings()
        self.stock = Stock(store, self.settings, self.clock)
        self.keeper = SpoolmanKeeper(self.stock, store, self.settings, self.clock, bench.http)

    def follow(self, url: str | None = None) -> None:
        """Let Spoolman lead; an empty address: let it not."""
        address = self.bench.url if url is None else url or None
        self.settings.apply(ShopSettings(stock=StockPolicy(spoolman_url=address)))

    async def until(self, so: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not so():
                await asyncio.sleep(0.002)

    async def in_step(self) -> None:
        """Wait until nothing is to be told, and it tells us its news."""
        async with asyncio.timeout(10):
            while not self.simulator.listeners or self.keeper._whole or await self.waits():
                await asyncio.sleep(0.002)

    async def waits(self) -> int:
        return len(await self.store.run(book.waiting))

    def spool(self, number: int) -> Spool:
        return next(s for s in self.stock.spools.values() if s.spoolman_id == number)

    async def a_job(self) -> UUID:
        story = Story().acquainted()
        story.shows("printing", f"{uuid4()}", 0.5)
        await self.store.run(jobs.record, story.events, [story.memory], story.at)
        return story.runs[0].id

    async def use(self, number: int, mass: object, job: UUID | None = None) -> UUID:
        """Book the consumption of a run, as the accounts do."""
        job = job or await self.a_job()
        line = Consumption(spool_id=self.spool(number).id, mass_g=G(str(mass)))
        await self.store.run(stock.consume, job, [line], self.clock.now())
        await self.stock.refresh()
        return job


@asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Shop]:
    simulator = SpoolmanSimulator()
    async with (
        TestServer(simulator.app) as server,
        aiohttp.ClientSession() as http,
        Store(f"sqlite:///{folder}/ledger.db") as store,
    ):
        bench = Bench(str(server.make_url("")).rstrip("/"), http, simulator)
        made = Shop(store, bench, simulator)
        async with made.stock, made.keeper:
            yield made


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with opened(tmp_path) as made:
        yield made


async def test_a_stock_is_brought_over_once_however_often(shop: Shop) -> None:
    """People try an import twice."""
    number = await shop.bench.add_spool(used_weight=359.75, price=25, location="Regal 3")
    await shop.bench.add_spool(archived=True, used_weight=1100.5)
    first = await shop.keeper.bring_over(shop.bench.url)
    assert (first.materials_added, first.spools_added, first.skipped) == (2, 2, [])
    spool = shop.spool(number)
    assert (spool.remaining_g, spool.price, spool.location) == (G("640.25"), G(25), "Regal 3")
    assert shop.stock.label(spool) == "#1 Prusament PETG Jet Black"
    assert shop.spool(2).remaining_g == G("-100.5"), "Spoolman itself would say 0"
    kinds = [each.kind for each in await shop.stock.movements(spool_id=spool.id)]
    assert kinds == [MovementKind.SYNC, MovementKind.PURCHASE]
    again = await shop.keeper.bring_over(shop.bench.url)
    assert not again.anything
    await shop.bench.ask("PATCH", f"spool/{number}", location="Regal 9", used_weight=500)
    third = await shop.keeper.bring_over(shop.bench.url)
    assert (third.spools_changed, third.weights_changed) == (1, 0)
    assert shop.spool(number).remaining_g == G("640.25"), "our own book leads"
    assert shop.simulator.used == []


async def test_a_material_that_is_renamed_there_is_renamed_here(shop: Shop) -> None:
    """One place to put a name right is enough."""
    number = await shop.bench.add_spool()
    await shop.keeper.bring_over(shop.bench.url)
    shop.simulator.spools[number]["filament"]["name"] = "Galaxy Black"
    again = await shop.keeper.bring_over(shop.bench.url)
    assert (again.materials_added, again.materials_changed) == (0, 1)
    assert shop.stock.label(shop.spool(number)) == "#1 Prusament PETG Galaxy Black"


async def test_what_is_on_its_way_is_not_booked_from_there_as_well(shop: Shop) -> None:
    """Whether Spoolman counts it already is known when it answers, and not before."""
    number = await shop.bench.add_spool()
    await shop.keeper.bring_over(shop.bench.url)
    now = shop.clock.now()
    await shop.store.run(book.link, "server", now)
    sent = await shop.use(number, 40)
    (movement,) = await shop.store.run(stock.movements, job_id=sent)
    await shop.store.run(book.sending, movement.id, G(0))
    there = spool_of(shop.simulator.spools[number] | {"used_weight": 40})
    taken = await shop.store.run(book.take, (there,), now, leads=True)
    await shop.stock.refresh()
    assert (taken.weights_changed, shop.spool(number).remaining_g) == (0, G(960))
    await shop.store.run(book.settled, movement.id, book.DONE)
    taken = await shop.store.run(book.take, (there,), now, leads=True)
    await shop.stock.refresh()
    assert (taken.weights_changed, shop.spool(number).remaining_g) == (0, G(960))


async def test_a_spool_that_nobody_knows_the_weight_of_is_named(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    row = shop.simulator.spools[number]
    del row["initial_weight"], row["filament"]["weight"]
    taken = await shop.keeper.bring_over(shop.bench.url)
    assert (taken.skipped, taken.spools_added) == ([number], 0)


async def test_no_address_is_told(shop: Shop) -> None:
    with pytest.raises(NotAllowed) as refusal:
        await shop.keeper.bring_over()
    assert refusal.value.key == "spoolman_missing"
    with pytest.raises(Unreachable):
        await shop.keeper.bring_over("http://127.0.0.1:9")
    assert shop.keeper.error is None


async def test_what_it_says_is_left_is_left(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    await shop.bench.ask("PUT", f"spool/{number}/use", use_weight=99.5)
    await shop.until(lambda: shop.spool(number).remaining_g == G("900.5"))
    newest, *_ = await shop.stock.movements()
    assert (newest.kind, newest.mass_g) == (MovementKind.SYNC, G("-99.5"))
    await shop.bench.ask("DELETE", f"spool/{number}")
    await shop.until(lambda: shop.spool(number).archived)
    assert shop.simulator.used == [(number, 99.5)], "its own news are not reported back"


async def test_what_it_did_not_tell_is_found_at_the_next_look(shop: Shop) -> None:
    one, two = await shop.bench.add_spool(), await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    shop.simulator.spools[one]["used_weight"] = 50.0
    del shop.simulator.spools[two]
    await shop.clock.advance(WHOLE_S)
    await shop.until(lambda: shop.spool(two).archived)
    assert shop.spool(one).remaining_g == G(950)


async def test_a_database_that_was_lost_there_empties_nothing_here(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    shop.simulator.spools.clear()
    shop.keeper._look_at_everything()
    await shop.until(lambda: not shop.keeper._whole)
    assert not shop.spool(number).archived


async def test_what_a_run_took_is_told_once(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    job = await shop.use(number, "120.5")
    await shop.in_step()
    assert shop.simulator.used == [(number, 120.5)]
    assert shop.spool(number).remaining_g == G("879.5")
    await shop.use(number, "120.5", job)
    await shop.use(number, 100, job)
    await shop.in_step()
    assert shop.simulator.used == [(number, 120.5), (number, -20.5)], "a correction comes back"
    await shop.stock.weigh(shop.spool(number).id, net_g=G(850))
    await shop.in_step()
    assert shop.simulator.used[-1] == (number, 50.0), "scales count for both"
    kinds = {each.kind for each in await shop.stock.movements()}
    assert MovementKind.SYNC not in kinds, "nothing was out of step"


async def test_what_was_taken_before_it_led_is_not_told(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    await shop.keeper.bring_over(shop.bench.url)
    await shop.use(number, 50)
    shop.follow()
    await shop.in_step()
    assert shop.simulator.used == []
    assert shop.spool(number).remaining_g == G(1000), "it leads"
    shop.follow("")
    await shop.until(lambda: not shop.simulator.listeners)
    await shop.use(number, 50)
    assert await shop.waits() == 0


async def test_a_host_that_tells_spoolman_itself_is_not_told_for(shop: Shop) -> None:
    """Moonraker's own component books what Klipper feeds: twice would empty spools on paper."""
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()

    def shows(tag: str | None) -> None:
        slot = Slot(key="external", unit=None, index=0, spool_tag=tag)
        shop.stock.on_status("P1", PrinterStatus(state=PrinterState.IDLE, slots=(slot,)))

    await shop.stock.hang("P1", "external", shop.spool(number).id, by="anna")
    shows(f"spoolman:{number}")
    await shop.until(lambda: not shop.stock._wishes)
    said = await shop.store.run(slots.hung_by, "P1", shop.spool(number).id)
    assert said is SlotSource.SPOOLMAN
    await shop.stock.hang("P1", "external", shop.spool(number).id, by="anna")
    await shop.use(number, 30)
    assert await shop.waits() == 0
    await shop.bench.ask("PUT", f"spool/{number}/use", use_weight=30.2)
    await shop.until(lambda: shop.spool(number).remaining_g == G("969.8"))
    shows(None)
    await shop.until(lambda: not shop.stock.hung("P1"))
    await shop.stock.hang("P1", "external", shop.spool(number).id, by="anna")
    await shop.use(number, 10)
    await shop.in_step()
    assert shop.simulator.used[-1] == (number, 10.0)


async def test_a_spool_that_spoolman_learns_of_later_is_hung_then(shop: Shop) -> None:
    slot = Slot(key="external", unit=None, index=0, spool_tag="spoolman:1")
    shop.stock.on_status("P1", PrinterStatus(state=PrinterState.IDLE, slots=(slot,)))
    assert shop.stock.hung("P1") == {}
    await shop.bench.add_spool()
    shop.follow()
    await shop.until(lambda: shop.stock.hung("P1"))
    assert shop.stock.hung("P1")["external"].spoolman_id == 1


async def test_an_answer_that_was_lost_books_nothing_twice(shop: Shop) -> None:
    """It booked, and the line broke before it said so."""
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    shop.simulator.loses_answers = True
    await shop.use(number, 75)
    await shop.until(lambda: shop.keeper.error)
    shop.simulator.loses_answers = False
    assert isinstance(shop.keeper.error, Unreachable)
    await shop.clock.advance(RETRY_S[0])
    await shop.in_step()
    assert shop.simulator.used == [(number, 75.0)]
    await shop.until(lambda: shop.keeper.error is None)
    assert shop.spool(number).remaining_g == G(925)


async def test_a_request_that_was_lost_is_made_again(shop: Shop) -> None:
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()

    def broken(request: web.Request) -> web.Response | None:
        return web.Response(status=502) if request.method == "PUT" else None

    with shop.simulator.says(broken):
        await shop.use(number, 75)
        await shop.until(lambda: shop.keeper.error)
        assert shop.simulator.used == []
        assert shop.spool(number).remaining_g == G(925), "what it was not told is none of its news"
    for pause in RETRY_S:
        await shop.clock.advance(pause)
    await shop.in_step()
    assert shop.simulator.used == [(number, 75.0)]


async def test_a_crash_in_the_middle_books_nothing_twice(tmp_path: Path) -> None:
    """Killed after it was sent: the next start looks before it sends again."""
    async with opened(tmp_path) as shop:
        number = await shop.bench.add_spool()
        shop.follow()
        await shop.in_step()
        shop.follow("http://127.0.0.1:9/")
        await shop.until(lambda: shop.keeper.error)
        shop.follow()
        await shop.in_step()
        sent = await shop.use(number, 40)
        await shop.in_step()
        (movement,) = await shop.store.run(stock.movements, job_id=sent)
        await shop.store.run(book.sending, movement.id, G(0))
        assert await shop.waits() == 1
        await shop.stock.refresh()
        await shop.in_step()
        assert shop.simulator.used == [(number, 40.0)]


async def test_what_cannot_be_known_is_not_sent_again(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody else used the spool while the answer was lost: a guess could double it."""
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    shop.simulator.loses_answers = True
    await shop.use(number, 75)
    await shop.until(lambda: shop.keeper.error)
    shop.simulator.loses_answers = False
    shop.simulator.spools[number]["used_weight"] += 12
    await shop.clock.advance(RETRY_S[0])
    await shop.in_step()
    assert shop.simulator.used == [(number, 75.0)]
    assert "Weigh it" in caplog.text


async def test_a_spool_that_is_gone_there_takes_nothing(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    one, two = await shop.bench.add_spool(), await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    del shop.simulator.spools[one]
    await shop.use(one, 10)
    await shop.use(two, 20)
    await shop.in_step()
    assert shop.simulator.used == [(two, 20.0)]
    assert "does not take" in caplog.text


async def test_what_waits_for_another_spoolman_is_not_told_to_this_one(shop: Shop) -> None:
    """Its numbers mean other spools there."""
    number = await shop.bench.add_spool()
    shop.follow()
    await shop.in_step()
    shop.follow("http://127.0.0.1:9/")
    await shop.until(lambda: shop.keeper.error)
    await shop.use(number, 10)
    assert await shop.waits() == 1
    shop.follow()
    await shop.in_step()
    assert shop.simulator.used == []


async def test_a_spoolman_that_is_gone_is_told_once_and_asked_again(
    shop: Shop, caplog: pytest.LogCaptureFixture
) -> None:
    await shop.bench.add_spool()
    with shop.simulator.says(lambda _: web.Response(status=503)):
        shop.follow()
        await shop.until(lambda: shop.keeper.error)
        for _ in range(3):
            await shop.clock.advance(RETRY_S[0])
    for pause in RETRY_S:
        await shop.clock.advance(pause)
    await shop.clock.advance(DEAF_S)
    await shop.in_step()
    assert caplog.text.count("out of step") == 1
    assert len(shop.stock.spools) == 1


async def test_a_database_that_takes_no_link_is_asked_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await shop.bench.add_spool()
    really = shop.store.run

    async def refuse(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    monkeypatch.setattr(shop.store, "run", refuse)
    shop.follow()
    await shop.until(lambda: shop.keeper.error)
    monkeypatch.setattr(shop.store, "run", really)
    await shop.clock.advance(RETRY_S[0])
    await shop.in_step()
    assert len(shop.stock.spools) == 1


async def test_an_address_that_is_none_is_no_crash(shop: Shop) -> None:
    shop.follow("not an address")
    await shop.until(lambda: shop.keeper.error)
    assert isinstance(shop.keeper.error, Unreachable)
    shop.follow("")
    await shop.until(lambda: shop.keeper.error is None)


async def test_garbage_does_not_end_the_line(shop: Shop) -> None:
    """A number that no float holds was our crash, and nothing was in step until a restart."""
    number = await shop.bench.add_spool()
    huge = f'[{{"id": {number}, "used_weight": 1{"0" * 400}, "filament": {{"id": 1}}}}]'
    with shop.simulator.says(lambda _: web.Response(text=huge)):
        shop.follow()
        await shop.until(lambda: shop.keeper.error)
    await shop.clock.advance(RETRY_S[0] + DEAF_S)
    await shop.in_step()
    assert shop.keeper.error is None
    assert len(shop.stock.spools) == 1


async def test_a_bug_does_not_end_the_line(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    await shop.bench.add_spool()
    with monkeypatch.context() as patch:
        patch.setattr(book, "take", lambda *_, **__: 1 / 0)
        shop.follow()
        await shop.until(lambda: shop.keeper.error and shop.simulator.listeners)
        await shop.bench.add_spool()
        await shop.until(lambda: shop.clock.sleeping >= 3)
    for pause in (*RETRY_S, DEAF_S):
        await shop.clock.advance(pause)
    await shop.in_step()
    assert shop.keeper.error is None
    assert len(shop.stock.spools) == 2


async def test_a_spoolman_that_is_gone_for_long_is_told_to_a_person(shop: Shop) -> None:
    """An update of it is over in minutes; what is gone for longer nobody notices by itself."""
    heard: list[bool] = []
    stop = shop.keeper.listen(lambda error: heard.append(error is not None))
    shop.keeper.listen(lambda _: 1 / 0)  # a listener that fails harms no other
    asked = 0

    def gone(request: web.Request) -> web.Response:
        nonlocal asked
        asked += "limit" in request.query
        return web.Response(status=503)

    async def fails_for(seconds: float) -> None:
        until = shop.clock.monotonic() + seconds
        while shop.clock.monotonic() < until:
            before = asked
            await shop.clock.advance(RETRY_S[-1])
            await shop.until(lambda: asked > before)  # noqa: B023 - it is awaited at once
            await asyncio.sleep(0.02)

    with shop.simulator.says(gone):
        shop.follow()
        await shop.until(lambda: shop.keeper.error)
        await fails_for(LONG_S - 2 * RETRY_S[-1])
        assert not heard
        await fails_for(3 * RETRY_S[-1])
        assert heard == [True]
    await shop.clock.advance(RETRY_S[-1] + DEAF_S)
    await shop.in_step()
    await shop.until(lambda: heard == [True, False])
    stop()
    stop()
