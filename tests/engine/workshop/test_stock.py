"""The shelf: what hangs where, what runs low, what will not be enough."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal as G
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from custom_components.printernizer.engine.account import Consumption
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.events import LowStock, NotEnough, StockEvent
from custom_components.printernizer.engine.material import (
    Material,
    Need,
    SlotSource,
    Spool,
    TaskKind,
    is_low,
    value_of,
)
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Slot,
    Tool,
)
from custom_components.printernizer.engine.shop import Process, ShopSettings, StockPolicy
from custom_components.printernizer.engine.store import jobs, stock
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.settings import Settings
from custom_components.printernizer.engine.workshop.stock import RETRY_S, Stock
from tests.hand_clock import HandClock

from ..story import Story


class Shelf:
    """A stock with what a test needs to fill it and to hear it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = HandClock()
        self.settings = Settings()
        self.stock = Stock(store, self.settings, self.clock)
        self.events: list[StockEvent] = []
        self.stock.listen(self.events.append)

    async def material(self, **more: object) -> Material:
        values: dict[str, object] = {"kind": "PETG", "name": "black"}
        return await self.stock.add_material(Material(id=uuid4(), **(values | more)))  # type: ignore[arg-type]

    async def spool(self, left: int = 1000, *, tag: str | None = None, **more: object) -> Spool:
        material = more.pop("material", None) or await self.material(**more)
        assert isinstance(material, Material)
        bought = Spool(id=uuid4(), material_id=material.id, number=0, net_g=G(1000), tag=tag)
        return await self.stock.add_spool(replace(bought, tare_g=G(200)), left_g=G(left))

    async def use(self, spool: Spool, mass: object) -> UUID:
        """Book the consumption of a run, as the accounts do."""
        story = Story().acquainted()
        story.shows("printing", f"{uuid4()}", 0.5)
        await self.store.run(jobs.record, story.events, [story.memory], story.at)
        job = story.runs[0].id
        line = Consumption(spool_id=spool.id, mass_g=G(str(mass)))
        await self.store.run(stock.consume, job, [line], self.clock.now())
        await self.stock.refresh()
        return job

    async def shows(self, *seen: Slot, printer_id: str = "P1", **more: object) -> None:
        """Let a printer show a status, and wait until what it saw is noted."""
        status = PrinterStatus(state=PrinterState.IDLE, slots=seen, **more)  # type: ignore[arg-type]
        self.stock.on_status(printer_id, status)
        await self.noted()

    async def noted(self) -> None:
        async with asyncio.timeout(5):
            while self.stock._wishes:
                await asyncio.sleep(0)

    def hung(self, printer_id: str = "P1") -> dict[str, int]:
        return {slot: spool.number for slot, spool in self.stock.hung(printer_id).items()}


@pytest.fixture
async def shelf(tmp_path: Path) -> AsyncIterator[Shelf]:
    async with Store(f"sqlite:///{tmp_path}/ledger.db") as store:
        made = Shelf(store)
        async with made.stock:
            yield made


def tray(key: str = "0_0", tag: str | None = None, *, empty: bool | None = False) -> Slot:
    return Slot(key=key, unit="0", index=int(key[-1]), empty=empty, spool_tag=tag)


async def test_the_shelf_is_what_it_was_after_a_restart(shelf: Shelf) -> None:
    """Nobody wants to hang a hundred spools again after an update."""
    spool = await shelf.spool(640, price=G(25), net_g=G(1000))
    await shelf.stock.hang("P1", "tool_0", spool.id, by="anna")
    again = Stock(shelf.store, shelf.settings, shelf.clock)
    async with again:
        assert again.spools == shelf.stock.spools
        assert again.materials == shelf.stock.materials
        assert again.hung("P1") == {"tool_0": again.numbered(spool.number)}
        assert again.place_of(spool.id) == ("P1", "tool_0")
        assert again.place_of(uuid4()) is None
        assert again.label(spool) == "#1 PETG black"
        with pytest.raises(NotAllowed):
            again.numbered(7)


async def test_a_low_material_is_told_once_until_there_is_enough_again(shelf: Shelf) -> None:
    """A phone that rings at every gram is silenced for good."""
    spool = await shelf.spool(200)
    await shelf.use(spool, 100)
    assert shelf.events == []
    await shelf.use(spool, "0.5")
    (event,) = shelf.events
    assert isinstance(event, LowStock)
    assert (event.material.id, event.left_g, event.threshold_g) == (
        spool.material_id,
        G("99.5"),
        G(100),
    )
    await shelf.stock.weigh(spool.id, net_g=G("109.9"))
    await shelf.use(spool, 20)
    assert len(shelf.events) == 1, "scales tremble"
    await shelf.stock.weigh(spool.id, net_g=G(110))
    assert shelf.stock.low == ()
    await shelf.use(spool, 20)
    assert len(shelf.events) == 2


async def test_a_full_spool_beside_an_empty_one_is_enough(shelf: Shelf) -> None:
    material = await shelf.material()
    first = await shelf.spool(50, material=material)
    await shelf.spool(material=material)
    assert len(shelf.events) == 1
    await shelf.use(first, 45)
    assert shelf.stock.low == ()
    assert shelf.stock.left_of(material.id) == G(1005)
    assert len(shelf.events) == 1


async def test_another_threshold_calls_nobody_but_shows(shelf: Shelf) -> None:
    spool = await shelf.spool(300)
    shelf.settings.apply(ShopSettings(stock=StockPolicy(low_g=G(500))))
    assert [material.id for material in shelf.stock.low] == [spool.material_id]
    assert shelf.events == []
    await shelf.stock.change_material(spool.material_id, {"low_g": G(10)})
    assert shelf.stock.low == ()


def test_a_material_without_a_spool_is_low_where_it_is_wanted() -> None:
    wanted = Material(id=uuid4(), kind="PLA", low_g=G(100))
    assert is_low(wanted, (), G(100))
    assert not is_low(replace(wanted, low_g=None), (), G(100))
    assert not is_low(replace(wanted, archived=True), (), G(100))


async def test_tasks_are_ticked_off_until_the_stock_is_well_again(shelf: Shelf) -> None:
    """What is on order need not be ordered again; what runs low next year must be."""
    spool = await shelf.spool(150)
    await shelf.use(spool, 160)
    assert [(task.kind, task.label, task.left_g, task.done) for task in shelf.stock.tasks] == [
        (TaskKind.REORDER, "PETG black", G(-10), False),
        (TaskKind.WEIGH, "#1 PETG black", G(-10), False),
    ]
    await shelf.stock.tick(TaskKind.REORDER, spool.material_id, done=True, by="anna")
    await shelf.stock.tick(TaskKind.WEIGH, spool.id, done=True, by="anna")
    assert all(task.done for task in shelf.stock.tasks)
    await shelf.stock.tick(TaskKind.WEIGH, spool.id, done=False, by="anna")
    assert [task.done for task in shelf.stock.tasks] == [True, False]
    await shelf.stock.weigh(spool.id, gross_g=G(900))
    assert shelf.stock.tasks == ()
    await shelf.use(spool, 700)
    assert [task.done for task in shelf.stock.tasks] == [False]


async def test_a_print_that_will_fall_short_is_told_when_it_begins(shelf: Shelf) -> None:
    """A nozzle that runs dry at layer 300 costs a night."""
    spool = await shelf.spool(100)
    await shelf.stock.hang("P1", "0_0", spool.id)
    needs = [Need(slot="0_0", mass_g=G(60)), Need(slot="0_0", mass_g=G(60))]
    (shortage,) = shelf.stock.short_of("P1", [*needs, Need(slot="0_1", mass_g=G(999))])
    assert (shortage.slot, shortage.needed_g, shortage.left_g) == ("0_0", G(120), G(100))
    assert shelf.events == []
    job = uuid4()
    assert shelf.stock.began("P1", job, needs, "benchy.gcode") == (shortage,)
    assert shelf.events == [
        NotEnough(printer_id="P1", shortage=shortage, job_id=job, file="benchy.gcode")
    ]
    assert shelf.stock.short("P1") == (shortage,)
    full = await shelf.spool()
    await shelf.stock.hang("P1", "0_0", full.id)
    assert shelf.stock.short("P1") == ()
    await shelf.stock.hang("P1", "0_0", spool.id)
    assert len(shelf.stock.short("P1")) == 1
    shelf.stock.ended("P1")
    shelf.stock.ended("P1")
    assert shelf.stock.short("P1") == ()


async def test_what_is_printed_already_is_needed_no_more(shelf: Shelf) -> None:
    spool = await shelf.spool(100)
    await shelf.stock.hang("P1", "0_0", spool.id)
    shelf.stock.began("P1", uuid4(), [Need(slot="0_0", mass_g=G(300))])
    await shelf.shows(tray(), job=CurrentJob(progress=0.75))
    await shelf.stock.refresh()
    assert shelf.stock.short("P1") == ()


async def test_a_printer_that_reads_tags_hangs_its_spools_itself(shelf: Shelf) -> None:
    known = await shelf.spool(tag="8A7B00FF")
    await shelf.shows(tray(tag="8a7b00ff"), tray("0_1", "unknown"))
    assert shelf.hung() == {"0_0": known.number}
    (change,) = await shelf.store.run(
        stock.changes,
        "P1",
        shelf.clock.now().min.replace(tzinfo=shelf.clock.now().tzinfo),
        shelf.clock.now(),
    )
    assert (change.source, change.by) == (SlotSource.TAG, None)
    await shelf.shows(tray(tag=None, empty=True), tray("0_1"))
    assert shelf.hung() == {}
    await shelf.shows(tray("128_0", "8A7B00FF"), printer_id="P2")
    assert shelf.hung("P2") == {"128_0": known.number}


async def test_what_a_person_says_stands_until_the_printer_sees_something_new(
    shelf: Shelf,
) -> None:
    tagged, other = await shelf.spool(tag="A"), await shelf.spool()
    await shelf.shows(tray(tag="A"), tray("0_1", empty=True))
    await shelf.stock.hang("P1", "0_0", other.id, by="anna")
    await shelf.stock.hang("P1", "0_1", tagged.id, by="anna")
    await shelf.shows(tray(tag="A"), tray("0_1", empty=True), stage="heating")
    assert shelf.hung() == {"0_0": other.number, "0_1": tagged.number}
    await shelf.shows(tray(tag="B"), tray("0_1", empty=False))
    assert shelf.hung() == {"0_0": other.number, "0_1": tagged.number}, "it has no tag to differ"
    await shelf.shows(tray(tag="B"), tray("0_1", "C"))
    assert shelf.hung() == {"0_0": other.number}, "another tag is another spool"


async def test_a_tag_of_two_spools_says_nothing(shelf: Shelf) -> None:
    """Hanging one of them would be a guess."""
    one, two = await shelf.spool(tag="A"), await shelf.spool(tag="A")
    await shelf.shows(tray(tag="A"))
    assert shelf.hung() == {}
    await shelf.stock.archive(two.id, by="anna")
    await shelf.shows(tray(tag=None))
    await shelf.shows(tray(tag="A"))
    assert shelf.hung() == {"0_0": one.number}
    await shelf.shows(tray(tag="A"), tray("0_1"))
    assert shelf.hung() == {"0_0": one.number}


@pytest.mark.parametrize(
    ("status", "slots"),
    [
        (PrinterStatus(state=PrinterState.IDLE), ("tool_0",)),
        (
            PrinterStatus(state=PrinterState.IDLE, tools=(Tool(index=0), Tool(index=1))),
            ("tool_0", "tool_1"),
        ),
        (
            PrinterStatus(
                state=PrinterState.IDLE, tools=(Tool(index=0),), slots=(tray(), tray("0_3"))
            ),
            ("0_0", "0_3"),
        ),
    ],
    ids=["nothing", "tools", "slots"],
)
async def test_places_are_what_the_printer_reports(
    shelf: Shelf, status: PrinterStatus, slots: tuple[str, ...]
) -> None:
    assert shelf.stock.slots("P1") == ("tool_0",)
    shelf.stock.on_status("P1", status)
    assert shelf.stock.slots("P1") == slots
    spool = await shelf.spool()
    await shelf.stock.hang("P1", "gone_9", spool.id)
    assert shelf.stock.slots("P1") == (*slots, "gone_9"), "what hangs there can be taken down"


async def test_a_database_that_takes_no_writes_is_asked_again(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    spool = await shelf.spool(tag="A")
    really, failing = shelf.store.run, asyncio.Event()

    async def refuse(*_: object, **__: object) -> None:
        failing.set()
        raise StoreError("disk full")

    monkeypatch.setattr(shelf.store, "run", refuse)
    shelf.stock.on_status("P1", PrinterStatus(state=PrinterState.IDLE, slots=(tray(tag="A"),)))
    await asyncio.wait_for(failing.wait(), 5)
    while not shelf.clock.sleeping:
        await asyncio.sleep(0)
    assert "could not be noted" in caplog.text
    monkeypatch.setattr(shelf.store, "run", really)
    await shelf.clock.advance(RETRY_S)
    await shelf.noted()
    assert shelf.hung() == {"0_0": spool.number}


async def test_a_spool_archived_in_between_is_wanted_no_more(shelf: Shelf) -> None:
    spool = await shelf.spool(tag="A")
    await shelf.store.run(stock.change_spool, spool.id, {"archived": True}, shelf.clock.now())
    await shelf.shows(tray(tag="A"))
    assert shelf.hung() == {}


async def test_a_listener_that_fails_does_not_keep_others_from_hearing(
    shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("not ours")

    heard: list[StockEvent] = []
    stop, stop_events = shelf.stock.subscribe(fails), shelf.stock.listen(fails)
    shelf.stock.listen(heard.append)
    await shelf.use(await shelf.spool(120), 100)
    assert len(heard) == 1
    assert "not ours" in caplog.text
    for each in (stop, stop, stop_events):
        each()


async def test_the_stock_has_a_weight_and_a_value(shelf: Shelf) -> None:
    """What has no price counts at the default one; what is archived does not count."""
    await shelf.spool(500, price=G(30), net_g=G(1000))
    await shelf.spool(250)
    gone = await shelf.spool(100)
    await shelf.stock.archive(gone.id)
    assert shelf.stock.total_g == G(750)
    assert shelf.stock.total_value == G(20)
    (entry, *_) = await shelf.stock.movements(spool_id=gone.id, limit=1)
    assert entry.mass_g == G(-900)
    await shelf.stock.adjust(gone.id, G(5), reason="found", by="anna")
    assert shelf.stock.spools[gone.id].remaining_g == G(105)


@pytest.mark.parametrize(
    ("density", "value"), [(None, None), (G(0), None), (G("1.25"), G(32))], ids=str
)
def test_resin_without_a_price_counts_by_the_litre(density: G | None, value: G | None) -> None:
    resin = Material(id=uuid4(), kind="Tough", process=Process.RESIN, density_g_cm3=density)
    bottle = Spool(id=uuid4(), material_id=resin.id, number=1, net_g=G(1000), remaining_g=G(1000))
    assert value_of(bottle, resin, StockPolicy()) == value


async def test_what_one_printer_saw_does_not_end_the_noting_of_all(
    shelf: Shelf, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """After a bug nothing that any reader saw would be hung until the next restart."""
    spool = await shelf.spool(tag="A1")
    seen = Slot(key="1", unit=0, index=0, empty=False, spool_tag="A1")
    with monkeypatch.context() as patch:
        patch.setattr(stock, "hang", lambda *_, **__: 1 / 0)
        await shelf.shows(seen)
    assert "what hangs in 1 cannot be noted" in caplog.text
    await shelf.shows(seen, printer_id="P2")
    assert shelf.hung("P2") == {"1": spool.number}


async def test_the_choice_of_spools_is_made_once_for_all_slots(shelf: Shelf) -> None:
    """Four hundred slots that each name three hundred spools held the house up for a second."""
    first, second = await shelf.spool(), await shelf.spool(name="red")
    assert shelf.stock.choices == (shelf.stock.label(second), shelf.stock.label(first))
    assert shelf.stock.choices is shelf.stock.choices
    await shelf.stock.change_material(second.material_id, {"name": "blue"})
    assert shelf.stock.choices[0].endswith("blue")
    await shelf.stock.archive(second.id)
    assert shelf.stock.choices == (shelf.stock.label(first),)
