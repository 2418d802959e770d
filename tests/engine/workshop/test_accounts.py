"""What runs took and cost, through a real store: notes, accounts, corrections, a killed process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.account import (
    Confidence,
    Consumption,
    CostKind,
    EnergyUse,
    JobAccount,
    Source,
)
from custom_components.printernizer.engine.assignment import assigned
from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.events import NotEnough, StockEvent
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.job import Job, Outcome, PastRun
from custom_components.printernizer.engine.material import Material, MovementKind, Spool
from custom_components.printernizer.engine.money import MICRO, rounded
from custom_components.printernizer.engine.reckoning import Evidence, reckon
from custom_components.printernizer.engine.run_watch import RunWatch
from custom_components.printernizer.engine.shop import (
    CostPolicy,
    EnergyPolicy,
    Labour,
    LabourStep,
    MachineProfile,
    PricePolicy,
    ShopSettings,
)
from custom_components.printernizer.engine.store import accounts as book, jobs
from custom_components.printernizer.engine.store.account_tables import (
    ACCOUNT_DAYS,
    FILE_EXTRUSIONS,
    JOB_ACCOUNTS,
    MATERIAL_DAYS,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop import accounts as workshop_accounts, plans
from custom_components.printernizer.engine.workshop.accounts import BATCH, NEWS
from custom_components.printernizer.engine.workshop.run_files import FILE_PATIENCE
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock, settle

from ..story import Story

G = Decimal
LAYERS = 50
MM_PER_G = 1000 / (3.141592653589793 * 1.75 * 1.75 / 4 * 1.24)
"""Of PLA with 1.75 mm."""
PLATE = PlateFacts(seconds=200, layers=LAYERS, mass_g=(100.0,))
PATH = "/part.gcode"
SLOT = "external"
"""The one place for a spool that the virtual printer reports."""


def extrusion(grams: float = 100.0) -> Extrusion:
    """Every layer the same, 100 g in all."""
    step = grams * MM_PER_G / LAYERS
    return Extrusion(
        layers=LAYERS,
        tools=(ToolExtrusion(tool=0, layers_mm=tuple(step * each for each in range(LAYERS + 1))),),
    )


class Measured:
    """Stands for the process that measures: answers at once, counts what it was asked."""

    def __init__(self, answer: Extrusion) -> None:
        self.answer = answer
        self.asked: list[int] = []

    async def measured(self, path: Path, plate: int | None = None) -> Extrusion:
        self.asked.append(path.stat().st_size)
        return self.answer


class Rig:
    """A shop with one virtual printer."""

    def __init__(self, store: Store, clock: HandClock) -> None:
        self.store = store
        self.clock = clock
        self.machine = VirtualMachine(now=clock.monotonic, serial="V1")
        self.machine.store(VirtualFile(path=PATH, content=b"G28\n", plates=(PLATE,)))
        self.told: list[tuple[Job, JobAccount]] = []
        self.measured = Measured(extrusion())

    def shop(self) -> Workshop:
        workshop = Workshop(self.store, self.clock)
        workshop._plans._measures = self.measured
        workshop.settings.apply(ShopSettings(currency="EUR", time_zone="Europe/Berlin"))
        workshop.settings.describe("V1", MachineProfile())
        workshop.accounts.subscribe(lambda job, account: self.told.append((job, account)))
        return workshop

    async def open(self, workshop: Workshop) -> None:
        await workshop.open_line("V1", VirtualDriver(self.machine, self.clock))
        await workshop.ledger.meet("V1", kind="virtual", model=None, name=None)

    async def knows_the_file(self, grams: float = 100.0) -> None:
        """Let the file be one that we sent and measured."""
        await self.store.run(_measured, extrusion(grams), self.clock)

    async def pass_time(self, seconds: float, step: float = 10.0) -> None:
        while seconds > 0:
            await self.clock.advance(min(step, seconds))
            seconds -= step

    async def until_told(self, enough: Callable[[JobAccount], bool] = lambda _: True) -> JobAccount:
        """Wait for an account like this."""
        async with asyncio.timeout(10):
            while not (self.told and enough(self.told[-1][1])):
                await asyncio.sleep(0.005)
        return self.told[-1][1]

    async def rows(self, table: sa.Table) -> list[dict[str, object]]:
        return await self.store.run(
            lambda it: [dict(row) for row in it.execute(sa.select(table)).mappings()]
        )


def _measured(connection: sa.Connection, measured: Extrusion, clock: HandClock) -> None:
    book.measured(connection, "V1", PATH, measured, plate=1, size_bytes=4, at=clock.now())


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    async with Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield Rig(store, HandClock())


async def _spool(workshop: Workshop, price: str = "20", *, slot: str | None = None) -> Spool:
    material = await workshop.stock.add_material(
        Material(
            id=uuid4(), kind="PLA", density_g_cm3=G("1.24"), diameter_mm=G("1.75"), price=G(price)
        )
    )
    bought = Spool(id=uuid4(), material_id=material.id, number=0, net_g=G(1000), price=G(price))
    spool = await workshop.stock.add_spool(bought)
    if slot is not None:
        await workshop.stock.hang("V1", slot, spool.id)
    return spool


async def _consumed(workshop: Workshop, spool: Spool) -> Decimal:
    moved = await workshop.stock.movements(spool_id=spool.id)
    return sum((each.mass_g for each in moved if each.kind is MovementKind.CONSUMPTION), G(0))


async def _unseen(workshop: Workshop) -> Job:
    """Record a run that ended while nobody looked (vector 5: 51 hours without a line)."""
    story = Story("V1").acquainted()
    story.shows("printing", "part", 0.5)
    story.loses_line().passes(51 * 3600)
    story.shows("idle")
    story.passes(600)
    story.is_quiet()
    await workshop.store.run(jobs.record, story.events, [story.memory], story.at)
    return story.runs[-1]


async def test_a_print_takes_its_grams_from_the_spool_that_hung_there(rig: Rig) -> None:
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        spool = await _spool(workshop, "25", slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(30)
        # Bought dearer since: what hangs there was bought at its own price.
        await workshop.stock.change_spool(spool.id, {"price": G(99)})
        await rig.pass_time(400)
        account = await rig.until_told()
        (line,) = account.consumption
        assert (line.source, line.confidence) == (Source.LAYERS, Confidence.HIGH)
        assert line.spool_id == spool.id
        assert line.mass_g is not None
        assert abs(line.mass_g - 100) < G("0.01")
        assert line.price_per_kg == 25
        assert account.cost.of(CostKind.MATERIAL) == line.amount
        assert abs(await _consumed(workshop, spool) + line.mass_g) == 0
        assert abs(workshop.stock.spools[spool.id].remaining_g - 900) < G("0.01")


async def test_a_cancelled_print_costs_what_was_laid_down_by_then(rig: Rig) -> None:
    """A failed half print that is charged a quarter is why people do not believe such figures."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        spool = await _spool(workshop, "20", slot=SLOT)
        await workshop.start("V1", PATH)
        while (job := workshop.ledger.open_job("V1")) is None or (job.layer or 0) < 25:
            await rig.pass_time(5, 5)
        await workshop.cancel("V1")
        await rig.pass_time(30)
        account = await rig.until_told()
        assert account.mass_g is not None
        assert rig.told[-1][0].outcome is Outcome.CANCELLED
        assert abs(account.mass_g - 2 * G(job.layer or 0)) < G("2.5")
        (line,) = account.consumption
        assert line.confidence is Confidence.MEDIUM
        assert line.spool_id == spool.id


async def test_a_spool_changed_in_the_middle_is_charged_from_its_layer_on(rig: Rig) -> None:
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        first = await _spool(workshop, "20", slot=SLOT)
        second = await _spool(workshop, "40")
        await workshop.start("V1", PATH)
        while (job := workshop.ledger.open_job("V1")) is None or (job.layer or 0) < 30:
            await rig.pass_time(5, 5)
        layer = job.layer
        await workshop.stock.hang("V1", SLOT, second.id)
        await rig.pass_time(400)
        account = await rig.until_told()
        assert [line.spool_id for line in account.consumption] == [first.id, second.id]
        masses = [line.mass_g for line in account.consumption]
        assert sum(mass for mass in masses if mass) == account.mass_g
        assert masses[0] is not None
        assert abs(masses[0] - 2 * G(layer or 0)) < G("0.1")
        assert await _consumed(workshop, first) == -masses[0]


async def test_what_was_noted_outlives_a_killed_process(rig: Rig) -> None:
    """The spool that hung there when it began is known to nobody else."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        spool = await _spool(workshop, "25", slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(70)
        assert len(await rig.store.run(book.watches)) == 1
        for task in workshop.accounts._tasks:  # killed: nothing is reckoned any more
            task.cancel()
        await rig.pass_time(400)
        assert workshop.ledger.last_job("V1") is not None
        assert rig.told == []
        await workshop.stock.hang("V1", SLOT, None)
    async with rig.shop() as workshop:
        account = await rig.until_told()
        assert [line.spool_id for line in account.consumption] == [spool.id]
        assert await _consumed(workshop, spool) == -(account.mass_g or 0)


async def test_reckoning_again_books_nothing_twice(rig: Rig) -> None:
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        spool = await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        account = await rig.until_told()
        job = rig.told[-1][0]
        for _ in range(3):
            await workshop.accounts.reckon(job)
        assert await _consumed(workshop, spool) == -(account.mass_g or 0)
        (day,) = await rig.rows(ACCOUNT_DAYS)
        (row,) = await rig.rows(JOB_ACCOUNTS)
        assert (day["jobs"], day["mass_g"], day["cost"]) == (1, row["mass_g"], row["cost"])
        (material,) = await rig.rows(MATERIAL_DAYS)
        assert (material["lines"], material["mass_g"]) == (1, row["mass_g"])


async def test_a_file_that_was_not_ours_is_read_when_the_printer_rests(rig: Rig) -> None:
    """Small boards feed the print with the processor that would have to send the file."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(100)
        assert rig.measured.asked == []
        await rig.pass_time(400)
        account = await rig.until_told(lambda it: it.consumption[0].source is Source.LAYERS)
        assert rig.measured.asked == [4]
        assert abs((account.mass_g or 0) - 100) < G("0.01")
        assert rig.told[0][1].consumption[0].source is Source.SLOTS, "the best until then"


def _lies(rig: Rig, content: bytes) -> None:
    """Put another file under the name of ours, past us: a slicer did."""
    written = rig.clock.now().timestamp()
    rig.machine.store(VirtualFile(path=PATH, content=content, plates=(PLATE,), modified=written))


@pytest.mark.parametrize(
    "content", [b"G28 ; 60 g\n", b"G29\n"], ids=["of_another_length", "of_the_same_length"]
)
async def test_a_file_that_was_sliced_again_under_its_name_is_measured_again(
    rig: Rig, content: bytes
) -> None:
    """Yesterday's 100 g must not be booked for the 60 g that ran today."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        rig.clock.jump(timedelta(hours=3))
        _lies(rig, content)
        rig.measured.answer = extrusion(60)
        rig.clock.jump(timedelta(hours=1))
        spool = await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        account = await rig.until_told(lambda it: abs((it.mass_g or 0) - 60) < G("0.01"))
        assert rig.measured.asked == [len(content)]
        assert await _consumed(workshop, spool) == -(account.mass_g or 0)
        async with asyncio.timeout(10):
            while workshop.accounts.expects(account.job_id):
                await rig.clock.advance(1)


async def test_a_file_that_lies_there_unchanged_is_not_read_for_every_run(rig: Rig) -> None:
    """A slow board sends a long file for an hour; a listing takes it a second."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        rig.clock.jump(timedelta(days=3))
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        account = await rig.until_told()
        assert abs((account.mass_g or 0) - 100) < G("0.01")
        async with asyncio.timeout(10):
            while workshop.accounts.expects(account.job_id):
                await rig.clock.advance(1)
        assert rig.measured.asked == []
        (row,) = await rig.rows(FILE_EXTRUSIONS)
        job = workshop.ledger.last_job("V1")
        assert job is not None
        assert row["at"] > job.first_seen_at, "it is known to have been there since"


async def test_a_file_sent_since_says_nothing_of_the_run_before(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The energy of a run is known when its printer is cold, and by then the next file is there."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        monkeypatch.setattr(workshop.meters, "follows", lambda _: True)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        before = await rig.until_told()
        assert abs((before.mass_g or 0) - 100) < G("0.01")
        source = tmp_path / "part.gcode"
        source.write_bytes(b"G28 ; another one\n")
        rig.measured.answer = extrusion(7)
        await workshop.upload("V1", source, PATH, replace=True)
        async with asyncio.timeout(10):
            while not rig.measured.asked:
                await asyncio.sleep(0.005)
        use = EnergyUse(kwh=G("0.123"))
        monkeypatch.setattr(workshop.meters, "of", lambda _: use)
        monkeypatch.setattr(workshop.meters, "follows", lambda _: False)
        after = await workshop.accounts.reckon(rig.told[-1][0])
        assert after.consumption == before.consumption
        assert after.energy == use
        assert await workshop.store.run(book.is_settled, after.job_id)


async def test_an_account_that_is_known_better_stays_in_the_currency_of_its_day(rig: Rig) -> None:
    """3 euros are not 3 francs because the shop moved while the printer cooled."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        before = await rig.until_told()
        workshop.settings.apply(ShopSettings(currency="CHF", time_zone="Europe/Berlin"))
        job = rig.told[-1][0]
        after = await workshop.accounts.reckon(job)
        assert (before.currency, after.currency) == ("EUR", "EUR")


async def test_a_run_of_which_nobody_knows_anything_is_unknown_and_no_guess(rig: Rig) -> None:
    async with rig.shop() as workshop:
        job = await _unseen(workshop)
        account = await workshop.accounts.reckon(job)
        (line,) = account.consumption
        assert line.source is Source.UNKNOWN
        assert job.outcome is Outcome.UNKNOWN
        assert account.mass_g is None
        assert account.machine_time is None
        assert not account.cost.complete
        assert account.price is None


async def test_a_history_that_knows_the_length_is_believed(rig: Rig) -> None:
    """A print that ended while nobody looked is known to Klipper to the millimetre."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(100)
        job = workshop.ledger.open_job("V1")
        assert job is not None
        run_id = job.identity.printer_job_id
        assert run_id is not None
        workshop.accounts.recall(
            "V1",
            (
                PastRun(
                    id=run_id,
                    path=PATH,
                    outcome=Outcome.COMPLETED,
                    started_at=None,
                    filament_mm=50 * MM_PER_G,
                ),
            ),
        )
        await rig.pass_time(400)
        account = await rig.until_told()
        (line,) = account.consumption
        assert (line.source, line.confidence) == (Source.MEASURED, Confidence.HIGH)
        assert abs((line.mass_g or 0) - 50) < G("0.01")


async def test_energy_comes_when_the_printer_is_cold_and_the_notes_go(rig: Rig) -> None:
    async with rig.shop() as workshop:
        workshop.settings.apply(
            ShopSettings(time_zone="Europe/Berlin", energy=EnergyPolicy(per_kwh=G("0.30")))
        )
        workshop.settings.describe(
            "V1", MachineProfile(energy_entity="sensor.plug", power=None, cool_down_minutes=G(5))
        )
        await rig.open(workshop)
        await rig.knows_the_file()
        workshop.meters.sample("V1", meter_kwh=G("10.0"))
        await workshop.start("V1", PATH)
        meter = G("10.0")
        for _ in range(45):
            meter += G("0.001")
            await rig.clock.advance(10)
            workshop.meters.sample("V1", meter_kwh=meter)
        for _ in range(12):
            await rig.clock.advance(30)
            workshop.meters.sample("V1", meter_kwh=meter)
        account = await rig.until_told(lambda it: it.energy.kwh is not None)
        async with asyncio.timeout(10):
            while await rig.store.run(book.watches):
                await rig.clock.advance(30)
        account = rig.told[-1][1]
        assert account.energy.source is Source.METER
        assert account.energy.kwh is not None
        assert G("0.02") < account.energy.kwh <= G("0.045")
        assert account.energy.amount == account.energy.kwh * G("0.30")
        assert account.cost.of(CostKind.ENERGY) == account.energy.amount


async def test_energy_comes_to_a_correction_too(rig: Rig) -> None:
    """Whoever weighs a part while the printer is warm must not lose what it drew until it is."""
    async with rig.shop() as workshop:
        workshop.settings.apply(
            ShopSettings(time_zone="Europe/Berlin", energy=EnergyPolicy(per_kwh=G("0.30")))
        )
        workshop.settings.describe(
            "V1", MachineProfile(energy_entity="sensor.plug", power=None, cool_down_minutes=G(5))
        )
        await rig.open(workshop)
        await rig.knows_the_file()
        workshop.meters.sample("V1", meter_kwh=G("10.0"))
        await workshop.start("V1", PATH)
        meter = G("10.0")
        for _ in range(45):
            meter += G("0.001")
            await rig.clock.advance(10)
            workshop.meters.sample("V1", meter_kwh=meter)
        before = await rig.until_told()
        corrected = await workshop.accounts.correct(
            before.job_id, reason="warped", by="anna", outcome=Outcome.FAILED, pieces=0
        )
        assert workshop.accounts.expects(before.job_id)
        assert corrected.energy == before.energy
        warm = before.energy.kwh or G(0)
        for _ in range(12):
            meter += G("0.001")
            await rig.clock.advance(30)
            workshop.meters.sample("V1", meter_kwh=meter)
        account = await rig.until_told(lambda it: (it.energy.kwh or 0) > warm)
        assert (account.revision, account.pieces) == (2, 0)
        assert account.cost.of(CostKind.ENERGY) == account.energy.amount
        assert account.cost.of(CostKind.LABOUR) == corrected.cost.of(CostKind.LABOUR)
        async with asyncio.timeout(10):
            while await rig.store.run(book.watches):
                await rig.clock.advance(30)
        assert await rig.store.run(book.get, before.job_id) == rig.told[-1][1]
        assert await rig.store.run(book.outcome, before.job_id) is Outcome.FAILED
        assert not workshop.accounts.expects(before.job_id)


async def test_a_correction_is_kept_with_its_reason_and_stands(rig: Rig) -> None:
    """The last word is a person's; what it was before can be read for ever."""
    async with rig.shop() as workshop:
        workshop.settings.apply(
            ShopSettings(
                time_zone="Europe/Berlin",
                costs=CostPolicy(overhead_percent=G(10)),
                prices=PricePolicy(percent=G(50)),
            )
        )
        await rig.open(workshop)
        await rig.knows_the_file()
        spool = await _spool(workshop, slot=SLOT)
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        before = await rig.until_told()
        job = rig.told[-1][0]
        weighed = Consumption(
            spool_id=spool.id,
            mass_g=G(80),
            price_per_kg=G(20),
            amount=G("1.60"),
            source=Source.WEIGHED,
            confidence=Confidence.HIGH,
        )
        after = await workshop.accounts.correct(
            job.id, reason="weighed", by="anna", consumption=[weighed], pieces=3
        )
        assert (after.revision, after.pieces, after.mass_g) == (2, 3, G(80))
        assert after.cost.of(CostKind.MATERIAL) == G("1.60")
        energy = before.cost.of(CostKind.ENERGY)
        assert energy is not None
        assert after.cost.of(CostKind.OVERHEAD) == rounded((G("1.60") + energy) / 10, MICRO)
        assert await _consumed(workshop, spool) == G(-80)
        assert after.price == rounded(after.cost.total * G("1.5"))
        (kept,) = await rig.store.run(book.corrections, job.id)
        assert (kept["reason"], kept["by"], kept["revision"]) == ("weighed", "anna", 1)
        assert str(before.mass_g) in str(kept["before"])
        again = await workshop.accounts.reckon(job)
        # It cools down yet, and that is reckoned on; what a person said is not.
        assert again == replace(
            after, at=again.at, energy=again.energy, cost=again.cost, price=again.price
        )
        assert again.cost.of(CostKind.MATERIAL) == G("1.60")
        with pytest.raises(NotAllowed):
            await workshop.accounts.correct(UUID(int=5), reason="no such job", by=None)
        (day,) = await rig.rows(ACCOUNT_DAYS)
        assert (day["jobs"], day["mass_g"], day["pieces"]) == (1, G(80), 3)
        with pytest.raises(NotAllowed) as refusal:
            await rig.store.run(book.correct, job, before, after, by=None, reason="late", zone=None)
        assert refusal.value.key == "account_corrected"


async def test_a_cost_is_told_before_anything_is_printed(rig: Rig) -> None:
    async with rig.shop() as workshop:
        workshop.settings.describe(
            "V1", MachineProfile(power=None, purchase=G(1000), life_hours=G(1000))
        )
        await rig.open(workshop)
        await _spool(workshop, "30", slot=SLOT)
        planned = replace(extrusion(), print_time=None)
        expected = await workshop.accounts.preview("V1", planned, None)
        assert abs((expected.of(CostKind.MATERIAL) or 0) - 3) < G("0.001")
        assert expected.of(CostKind.MACHINE) is None
        assert not expected.complete


async def test_a_run_waits_for_its_file_two_days_and_no_longer(rig: Rig) -> None:
    """A printer that was sold will not show its files any more."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await workshop.start("V1", PATH)
        await rig.pass_time(100)
        await workshop.close_line("V1")
        await workshop.ledger.retire("V1")
        await rig.until_told()
        job = rig.told[-1][0]
        assert [each.id for each in await rig.store.run(book.unsettled, 5)] == [job.id]
        rig.clock.jump(FILE_PATIENCE)
        await workshop.accounts.reckon(job)
        await settle()
        waiting = await rig.store.run(book.unsettled, 5)
        assert workshop.meters.follows(job.id) or not waiting


async def test_a_file_without_a_size_is_fetched_but_not_for_ever(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """PrusaLink lists its files without their size; a card may hold one of many gigabytes."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        storage = workshop.fleet["V1"].require().storage
        assert storage is not None
        real = storage.list

        async def sizeless(path: str = "/") -> tuple[RemoteFile, ...]:
            return tuple(replace(each, size=None) for each in await real(path))

        monkeypatch.setattr(type(storage), "list", lambda _self, path="/": sizeless(path))
        job = await _unseen(workshop)
        ended = replace(job, identity=replace(job.identity, path=PATH))
        assert await workshop._plans.fetch(ended) == rig.measured.answer
        await rig.store.run(book.forget_file, "V1", PATH)
        monkeypatch.setattr(plans, "LARGEST_BYTES", 3)
        assert await workshop._plans.fetch(ended) is None


async def test_a_correction_leaves_the_rates_of_the_day_alone(rig: Rig) -> None:
    """A dearer hour since then must not make an old print dearer."""
    async with rig.shop() as workshop:
        workshop.settings.describe(
            "V1", MachineProfile(power=None, purchase=G(1000), life_hours=G(1000))
        )
        workshop.settings.apply(replace(workshop.settings.shop, costs=CostPolicy(**_WORK)))
        await rig.open(workshop)
        await rig.knows_the_file()
        await workshop.start("V1", PATH)
        await rig.pass_time(450)
        before = await rig.until_told()
        job = rig.told[-1][0]
        workshop.settings.describe("V1", MachineProfile(purchase=G(9000), life_hours=G(1000)))
        dearer = CostPolicy(**_WORK | {"labour_per_hour": G(99), "overhead_percent": G(50)})
        workshop.settings.apply(replace(workshop.settings.shop, costs=dearer))
        weighed = replace(before.consumption[0], mass_g=G(10), amount=G("0.2"))
        grams = await workshop.accounts.correct(
            job.id, reason="weighed", by=None, consumption=[weighed]
        )
        for kind in (CostKind.MACHINE, CostKind.LABOUR, CostKind.ENERGY):
            assert grams.cost.of(kind) == before.cost.of(kind)
        assert grams.cost.of(CostKind.MATERIAL) == G("0.2")
        overhead = sum(line.amount or 0 for line in grams.cost.lines[:-1]) / 10
        assert abs((grams.cost.of(CostKind.OVERHEAD) or 0) - overhead) < G("0.00001")
        spoilt = await workshop.accounts.correct(
            job.id, reason="warped", by=None, outcome=Outcome.FAILED, pieces=0
        )
        assert spoilt.revision == 3
        assert spoilt.price is None
        (row,) = await rig.rows(JOB_ACCOUNTS)
        assert row["outcome"] == "failed"
        (day,) = [each for each in await rig.rows(ACCOUNT_DAYS) if each["jobs"]]
        assert (day["outcome"], day["jobs"]) == ("failed", 1)
        chain = await rig.store.run(jobs.get, job.id)
        assert chain is not None
        assert chain.outcome is Outcome.COMPLETED, "what was seen stays as it was seen"


_WORK: Final[dict[str, Any]] = {
    "labour_per_hour": G(30),
    "labour": (Labour(step=LabourStep.SETUP, minutes=G(6)),),
    "overhead_percent": G(10),
}


async def test_a_spool_is_still_changed_after_a_restart_in_the_middle(rig: Rig) -> None:
    """Home Assistant is updated while people print, and then the spool runs out."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.knows_the_file()
        first = await _spool(workshop, "20", slot=SLOT)
        second = await _spool(workshop, "20")
        await workshop.start("V1", PATH)
        await rig.pass_time(100)
    async with rig.shop() as workshop:
        await rig.open(workshop)
        await rig.pass_time(20)
        await workshop.stock.hang("V1", SLOT, second.id)
        workshop.accounts.skipped("V1", ["Cube"])
        (watch,) = workshop.accounts._watches.values()
        assert [each.spool_id for each in watch.hangings] == [first.id, second.id]
        assert watch.skipped == ("Cube",)
        await rig.pass_time(400)
        account = await rig.until_told()
        assert [line.spool_id for line in account.consumption] == [first.id, second.id]


async def test_objects_left_out_are_no_pieces(rig: Rig) -> None:
    """Two of three came off the plate: each of them cost half, and not a third."""
    async with rig.shop() as workshop:
        job = await _unseen(workshop)
        done = replace(job, outcome=Outcome.COMPLETED)
        evidence = Evidence(
            job=done,
            watch=RunWatch(job_id=job.id, printer_id="V1", skipped=("a",)),
            settings=workshop.settings.shop,
            machine=MachineProfile(),
            extrusion=replace(extrusion(), objects=3),
        )
        whose = assigned(workshop.settings.shop, done)
        account = reckon(evidence, whose, rig.clock.now())
        assert account.pieces == 2
        assert account.cost_per_piece == account.cost.total / 2


async def test_one_run_that_cannot_be_reckoned_keeps_no_other_from_it(
    rig: Rig, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """And a ledger from before there were accounts gets them all, without a word to anybody."""
    story = Story("V1").acquainted()
    for number in range(BATCH + 7):
        story.shows("printing", f"part {number}", 0.5)
        story.passes(600)
        story.shows("finished", f"part {number}", 1.0)
        story.passes(60)
        story.shows("idle")
    await rig.store.run(jobs.record, story.events, [story.memory], story.at)
    bad = story.runs[3].id
    real = workshop_accounts._write

    def write(connection: sa.Connection, evidence: Evidence, *rest: Any, **more: Any) -> Any:
        if evidence.job.id == bad:
            raise ValueError("a riddle")
        return real(connection, evidence, *rest, **more)

    monkeypatch.setattr(workshop_accounts, "_write", write)
    rig.clock.jump(NEWS * 2)
    async with rig.shop():
        async with asyncio.timeout(30):
            while len(await rig.rows(JOB_ACCOUNTS)) < BATCH + 6:
                await asyncio.sleep(0.02)
    assert f"The run {bad} cannot be reckoned" in caplog.text
    assert rig.told == []
    monkeypatch.undo()
    async with rig.shop():
        async with asyncio.timeout(30):
            while len(await rig.rows(JOB_ACCOUNTS)) < BATCH + 7:
                await asyncio.sleep(0.02)


async def test_a_start_says_that_its_spool_holds_too_little(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It prints all the same: who started it may stand beside it with the next spool."""
    async with rig.shop() as workshop:
        await rig.open(workshop)
        (tool,) = extrusion().tools
        sliced = replace(extrusion(), tools=(replace(tool, estimate_g=100.0),))
        await rig.store.run(_measured, sliced, rig.clock)
        assert (await workshop.start("V1", PATH)).short == ()  # nobody knows what hangs there
        await workshop.cancel("V1")
        await rig.pass_time(30)
        spool = await _spool(workshop, slot=SLOT)
        await workshop.stock.weigh(spool.id, net_g=G(40))
        events: list[StockEvent] = []
        workshop.stock.listen(events.append)
        (short,) = (await workshop.start("V1", PATH)).short
        assert (short.spool.id, short.slot, short.left_g) == (spool.id, SLOT, G(40))
        assert short.needed_g == 100
        async with asyncio.timeout(5):
            while not any(isinstance(event, NotEnough) for event in events):
                await asyncio.sleep(0.005)
        await workshop.cancel("V1")
        await rig.pass_time(30)

        async def broken(*_: object) -> None:
            raise StoreError("it is full")

        monkeypatch.setattr(workshop.accounts, "short_of", broken)
        assert (await workshop.start("V1", PATH)).short == ()
