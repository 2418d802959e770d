"""How the month of the shop is played: what is printed, lost, closed, killed and opened when."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid4

import sqlalchemy as sa

from custom_components.printernizer.engine.file import FilamentFacts, FileFacts, PlateFacts
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.shop import (
    MachineProfile,
    PowerModel,
    ShopSettings,
)
from custom_components.printernizer.engine.store import accounts as book, sent
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import settle

from .shop_month import (
    BEGIN,
    BY_BANDS,
    BY_ENTITY,
    COOLING,
    DYNAMIC_FROM,
    HEATING_W,
    IDLE_W,
    MM_PER_G,
    PRINTING_W,
    RESULT_OF,
    STEP_S,
    LeapClock,
    Part,
    Plan,
    Puppet,
    Truth,
    part,
    true_price,
)

if TYPE_CHECKING:
    from pathlib import Path

N = Decimal
ROUNDS: Final = 50
SEED: Final = 20261001
WEIGHED_BEFORE: Final = 25
DST_ROUND: Final = 39
DST_NIGHT: Final = datetime(2026, 10, 24, 22, 30, tzinfo=UTC)
DENSITY: Final = N("1.24")
AREA_MM2: Final = N("3.141592653589793") * N("1.75") * N("1.75") / 4
PER_HOUR: Final = N("0.25")
"""1000 over 5000 hours, and five cents of maintenance."""
SHOP: Final = ShopSettings(currency="EUR", time_zone="Europe/Berlin", energy=BY_BANDS)
MODEL: Final = PowerModel(heating_w=N(HEATING_W), printing_w=N(PRINTING_W), idle_w=N(IDLE_W))
CLOSED_IN: Final = frozenset({4, 11, 17, 23, 31, 42, 46})
KILLED_IN: Final = frozenset({7, 20, 36, 44})
KILLED_AT_END: Final = {9: "layers", 14: "measured", 27: "slots", 33: "tools"}
"""Rounds in which the process dies between the end of this printer's run and its account."""


def grams(mm: float) -> Decimal:
    return N(str(mm)) * AREA_MM2 * DENSITY / 1000


class Month:
    """The shop, its printers and the time that passes over them."""

    def __init__(self, folder: Path) -> None:
        self.random = Random(SEED)
        self.clock = LeapClock(BEGIN)
        self.url = f"sqlite:///{folder / 'ledger.db'}"
        self.store = Store(self.url)
        self.workshop: Workshop | None = None
        tray = tuple(f"0_{at}" for at in range(4))
        self.machines = [
            Puppet("measured", ("tool_0",), says="measured", energy="meter"),
            Puppet("layers", ("tool_0",), says="layers", energy="meter"),
            Puppet("estimate", ("tool_0",), says="estimate", energy="power"),
            Puppet("slots", tray, says="slots", energy="meter"),
            Puppet("nothing", ("tool_0",), says="nothing", energy="model"),
            Puppet("tools", ("tool_0", "tool_1"), says="tools", energy="none"),
        ]
        self.parts = {each.id: self._parts(each) for each in self.machines}
        self.prices: dict[UUID, Decimal] = {}
        self.weighed: dict[UUID, Decimal] = {}
        self.killing: str | None = None
        self.restarts = 0
        self.material: UUID = uuid4()

    def _parts(self, machine: Puppet) -> list[Part]:
        made = []
        for number in range(6):
            sizes = [self.random.uniform(15, 110)]
            if machine.says == "tools":
                sizes.append(self.random.uniform(5, 30))
            error = self.random.uniform(-0.01, 0.01) if machine.says == "estimate" else 0.0
            made.append(part(f"{machine.id}-{number}.gcode", self.random, sizes, error))
        return made

    # -- the workshop ------------------------------------------------------------------------

    def kind_of(self, machine: Puppet) -> str:
        return "moonraker" if machine.says == "measured" else "prusalink"

    async def open(self) -> Workshop:
        await self.store.open()
        shop = Workshop(self.store, self.clock)
        dynamic = self.clock.now() >= DYNAMIC_FROM
        shop.settings.apply(self._settings(dynamic=dynamic))
        for machine in self.machines:
            sensor = f"sensor.{machine.id}"
            shop.settings.describe(
                machine.id,
                MachineProfile(
                    purchase=N(1000),
                    maintenance_per_hour=N("0.05"),
                    energy_entity=sensor if machine.energy == "meter" else None,
                    power_entity=sensor if machine.energy == "power" else None,
                    power=MODEL if machine.energy == "model" else None,
                    cool_down_minutes=N(COOLING * STEP_S) / 60,
                ),
            )
        self.workshop = await shop.__aenter__()
        if dynamic:
            shop.meters.price(true_price(self.clock.now()))
        for machine in self.machines:
            if not machine.cut:
                await shop.open_line(machine.id, machine)
            else:
                machine.cut = False
                await shop.open_line(machine.id, machine)
            await shop.ledger.meet(
                machine.id, kind=self.kind_of(machine), model=None, name=machine.id
            )
        self.read_sensors()
        self.read_power()
        return shop

    def _settings(self, *, dynamic: bool) -> ShopSettings:
        return ShopSettings(
            currency="EUR",
            time_zone="Europe/Berlin",
            energy=BY_ENTITY if dynamic else BY_BANDS,
        )

    async def close(self) -> None:
        assert self.workshop is not None
        shop, self.workshop = self.workshop, None
        await shop.__aexit__(None, None, None)
        await self.store.close()
        self._look_away()

    async def kill(self) -> None:
        """Let the process die: nothing is written, nobody says goodbye."""
        shop, self.workshop = self.workshop, None
        while shop is not None and shop.ledger._attempt is not None:
            await asyncio.sleep(0.0005)
        tasks = [each for each in asyncio.all_tasks() if each.get_name().startswith("printernizer")]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self.store.close()
        self._look_away()

    def _look_away(self) -> None:
        self.restarts += 1
        for machine in self.machines:
            if machine.run is not None:
                machine.run.watched = False
            if (counting := machine.run or machine.cooling) is not None:
                counting.counted = False

    async def quiet(self) -> None:
        """Wait until all that happened is written."""
        shop = self.workshop
        assert shop is not None
        assert shop.store._executor is not None
        async with asyncio.timeout(20):
            while True:
                await asyncio.wrap_future(shop.store._executor.submit(int))
                await settle(3)
                if not (
                    shop.ledger.health.pending
                    or shop.accounts._waiting
                    or shop.meters._unwritten
                    or shop.meters._writing.locked()
                    or shop.stock._wishes
                ):
                    return

    # -- what is there -----------------------------------------------------------------------

    async def stock_up(self) -> None:
        assert self.workshop is not None
        await self.workshop.stock.add_material(
            Material(id=self.material, kind="PLA", density_g_cm3=DENSITY, diameter_mm=N("1.75"))
        )
        for machine in self.machines:
            for slot in machine.places:
                await self.hang_new(machine, slot)

    async def hang_new(self, machine: Puppet, slot: str) -> UUID:
        """Buy a spool and hang it there."""
        assert self.workshop is not None
        price = N(self.random.randrange(1500, 4500)) / 100
        bought = await self.workshop.stock.add_spool(
            Spool(
                id=UUID(int=self.random.getrandbits(128)),
                material_id=self.material,
                number=0,
                net_g=N(1000),
                price=price,
            )
        )
        self.prices[bought.id] = price
        machine.left_mm[bought.id] = 1000 * MM_PER_G
        machine.hung[slot] = bought.id
        await self.workshop.stock.hang(machine.id, slot, bought.id)
        return bought.id

    async def know_files(self) -> None:
        """Let files be known as they would be, had we sent them."""
        for machine in self.machines:
            for each in self.parts[machine.id]:
                if machine.says in ("layers", "tools"):
                    await self.store.run(_measured, machine.id, each, self.clock.now())
                elif machine.says == "estimate":
                    await self.store.run(_sent, machine.id, each, self.clock.now())

    async def weigh(self) -> None:
        """Put a spool on the scales, and pay another price for the next kilogram of another."""
        assert self.workshop is not None
        shelf = self.workshop.stock
        layers, measured = self.machines[1].hung["tool_0"], self.machines[0].hung["tool_0"]
        await shelf.weigh(layers, net_g=N(512))
        assert shelf.spools[layers].remaining_g == 512
        await shelf.change_spool(measured, {"price": N(60)})
        self.prices[measured] = N(60)

    # -- time --------------------------------------------------------------------------------

    def read_sensors(self) -> None:
        """Carry what the meters show."""
        if self.workshop is None:
            return
        for machine in self.machines:
            run = machine.run
            blind = run.plan.blind if run is not None else None
            if machine.energy != "meter":
                continue
            if run is not None and blind is not None and blind[0] <= run.step < blind[1]:
                self.workshop.meters.unavailable(machine.id)
            else:
                self.workshop.meters.sample(machine.id, meter_kwh=machine.drawn)

    def read_power(self) -> None:
        if self.workshop is None:
            return
        for machine in self.machines:
            if machine.energy == "power":
                self.workshop.meters.sample(machine.id, power_w=N(machine.power_w))

    async def rest_until(self, at: datetime) -> None:
        """Let idle hours pass at once."""
        steps = round((at - self.clock.now()).total_seconds() / STEP_S)
        if steps > 0:
            since = self.clock.now()
            self.clock.move(steps * STEP_S)
            for machine in self.machines:
                machine.live(since, steps)
            await self.look()

    async def step(self) -> None:
        """Let five minutes pass."""
        since = self.clock.now()
        self.clock.move(STEP_S)
        for machine in self.machines:
            run = machine.run or machine.cooling
            before = run.kwh if run else N(0)
            machine.live(since, 1)
            if run is not None and self.workshop is None:
                run.gap_kwh += run.kwh - before
        await self.look()

    async def look(self) -> None:
        """Carry to the workshop what has changed."""
        now = self.clock.now()
        for machine in self.machines:
            run = machine.run
            if run is not None and run.plan.reset == run.step:
                machine.drawn = N(0)
        self.read_sensors()
        if self.workshop is not None and now >= DYNAMIC_FROM:
            if not self.workshop.settings.shop.energy.price_entity:
                self.workshop.settings.apply(self._settings(dynamic=True))
            self.workshop.meters.price(true_price(now))
        for machine in self.machines:
            await self.turn(machine)
        self.read_power()
        if self.workshop is not None:
            await self.clock.wake()
            await self.quiet()
        for machine in self.machines:
            cooled = machine.cooling
            if cooled is None or cooled.ended is None:
                continue
            if now - cooled.ended >= timedelta(seconds=COOLING * STEP_S):
                machine.cooling = None

    async def turn(self, machine: Puppet) -> None:
        """Let one printer say where it stands."""
        run = machine.run
        if run is None:
            return
        plan = run.plan
        if plan.cut is not None and self.workshop is not None:
            if run.step == plan.cut[0]:
                run.watched = run.counted = False
                await machine.lose()
            elif run.step == plan.cut[1]:
                await self.mend_line(machine)
        if not machine.cut and self.workshop is not None:
            await machine.show(run.state)
        reached = plan.swap == run.printed and not run.swapped
        if reached and self.workshop is not None and not machine.cut:
            run.swapped = True
            await self.swap(machine, run)
        if run.done:
            await self.end(machine, run)

    async def mend_line(self, machine: Puppet) -> None:
        assert self.workshop is not None
        if machine.cut:
            machine.cut = False
            link = self.workshop.fleet.get(machine.id)
            assert link is not None
            link.nudge()
            await settle(30)

    async def swap(self, machine: Puppet, run: Truth) -> None:
        """Change a spool in the middle."""
        slot = machine.slot_of(run.plan.swap_tool)
        if machine.says == "slots":
            machine.emptied = slot
            await machine.show(PrinterState.PAUSED)
            await self.quiet()
        spool = await self.hang_new(machine, slot)
        run.prices_per_kg[spool] = self.prices[spool]
        if machine.says == "slots":
            machine.emptied = None
            await machine.show(PrinterState.PAUSED)
        await machine.show(run.state)

    async def begin(self, machine: Puppet, plan: Plan) -> None:
        assert self.workshop is not None
        await self.mend_line(machine)
        run = Truth(
            printer=machine.id, number=len(machine.runs) + 1, plan=plan, began=self.clock.now()
        )
        if machine.says == "slots":
            machine.feeding = self.random.randrange(4)
        for tool in range(len(plan.part.mm)):
            slot = machine.slot_of(tool)
            spare = 130 if machine.says != "measured" else -200
            if machine.left_mm[machine.hung[slot]] < spare * MM_PER_G:
                await self.hang_new(machine, slot)
        run.prices_per_kg = {spool: self.prices[spool] for spool in machine.hung.values()}
        machine.run, machine.cooling = run, None
        machine.runs.append(run)
        self.read_power()
        await machine.show(PrinterState.PREPARING)

    async def end(self, machine: Puppet, run: Truth) -> None:
        dies = self.killing == machine.id and self.workshop is not None
        if dies:
            assert self.workshop is not None
            for task in self.workshop.accounts._tasks:
                task.cancel()
        run.ended = self.clock.now()
        run.end_watched = self.workshop is not None and not machine.cut
        machine.run, machine.cooling = None, run
        await machine.show(RESULT_OF[run.plan.outcome])
        if dies:
            assert self.workshop is not None
            await self.workshop.ledger.flush()
            await self.kill()
            self.killing = None
            await self.open()

    # -- a month -----------------------------------------------------------------------------

    def plan(self, machine: Puppet, round_: int) -> Plan:
        """Draw what befalls the next run."""
        random = self.random
        steps = 40 if round_ == DST_ROUND else random.randrange(6, 13)
        plan = Plan(part=random.choice(self.parts[machine.id]), steps=steps)
        fate = random.random()
        if fate < 0.12:
            plan.outcome = Outcome.FAILED
        elif fate < 0.24:
            plan.outcome = Outcome.CANCELLED
        if plan.outcome is not Outcome.COMPLETED:
            plan.ends = random.randrange(2, steps)
        last = plan.ends or steps
        if random.random() < 0.2:
            plan.pause = random.randrange(1, last)
        if random.random() < (0.05 if machine.id == "measured" else 0.2):
            plan.swap = random.randrange(1, last)
            plan.swap_tool = random.randrange(len(plan.part.mm))
        if random.random() < 0.12:
            begins = random.randrange(2, last + 1)
            plan.cut = (begins, begins + random.randrange(1, 4))
        if machine.id == "layers" and random.random() < 0.08:
            plan.reset = random.randrange(1, last)
        if machine.id == "slots" and random.random() < 0.15:
            begins = random.randrange(1, last)
            plan.blind = (begins, begins + 2)
        return plan

    async def play_round(self, number: int) -> None:
        """Print one file on each printer, at about the same time."""
        self.killing = KILLED_AT_END.get(number)
        waiting = {machine.id: self.random.randrange(4) for machine in self.machines}
        closes = 6 if number in CLOSED_IN | KILLED_IN else None
        tick = 0
        while waiting or any(machine.run or machine.cooling for machine in self.machines):
            if self.workshop is not None:
                for machine in self.machines:
                    if waiting.get(machine.id) == 0:
                        del waiting[machine.id]
                        await self.begin(machine, self.plan(machine, number))
                waiting = {name: left - 1 for name, left in waiting.items()}
                await self.quiet()
            if tick == closes:
                await (self.close() if number in CLOSED_IN else self.kill())
            elif closes is not None and tick == closes + 3:
                await self.open()
            await self.step()
            tick += 1
        for machine in self.machines:
            await self.mend_line(machine)
        for _ in range(COOLING):
            await self.step()

    async def play(self) -> None:
        await self.open()
        await self.stock_up()
        await self.know_files()
        for number in range(ROUNDS):
            begins = BEGIN + timedelta(hours=14.6 * number + self.random.uniform(0, 8))
            if number == DST_ROUND:
                begins = DST_NIGHT
            seconds = round((begins - BEGIN).total_seconds() / STEP_S) * STEP_S
            await self.rest_until(BEGIN + timedelta(seconds=seconds))
            if number == WEIGHED_BEFORE:
                await self.weigh()
            await self.play_round(number)


def _measured(connection: sa.Connection, printer_id: str, part: Part, at: datetime) -> None:
    book.measured(
        connection, printer_id, part.path, part.extrusion(), plate=None, size_bytes=9, at=at
    )


def _sent(connection: sa.Connection, printer_id: str, part: Part, at: datetime) -> None:
    filament = FilamentFacts(index=0, material="PLA", used_mm=part.estimate_mm)
    facts = FileFacts(plates=(PlateFacts(filaments=(filament,)),))
    sent.remember(
        connection, printer_id, part.path, sent.SentFile(size_bytes=9, facts=facts, sent_at=at)
    )
