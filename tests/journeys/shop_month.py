"""A month of a shop, simulated by what truly happens: grams by spool, watts by interval, prices.

Six printers that tell differently much of themselves print through the nights, fail, are paused,
run out and are refilled, while lines drop, meters are reset and the workshop is closed, killed and
opened again. The workshop sees none of the truth: only statuses, down a line, and readings of
sensors. All runs on a grid of five minutes; nothing here is drawn from anything but the seed.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from custom_components.printernizer.engine.drivers.base import NoParts
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.extrusion import Extrusion, ToolExtrusion
from custom_components.printernizer.engine.job import Outcome, PastRun
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
    Slot,
    Tool,
)
from custom_components.printernizer.engine.shop import EnergyPolicy, PriceBand
from tests.hand_clock import HandClock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from random import Random

N = Decimal
ZERO: Final = N(0)
BERLIN: Final = ZoneInfo("Europe/Berlin")
BEGIN: Final = datetime(2026, 9, 30, 22, 0, tzinfo=UTC)
"""Midnight of the first of October in Berlin."""
STEP_S: Final = 300
HELD: Final = 3
"""Steps for which a pause lasts."""
COOLING: Final = 2
"""Steps for which a printer is counted after its run: its profile says ten minutes."""
HEATING_W, PRINTING_W, IDLE_W = 252, 120, 12
"""Multiples of twelve: five minutes of them are whole thousandths of a kilowatt-hour."""
LAYERS: Final = 60
MM_PER_G: Final = 335.0
"""Roughly, of PLA: what the truth of files is made of."""
BANDS: Final = (
    PriceBand(begins=time(22), ends=time(2, 30), per_kwh=N("0.27")),
    PriceBand(begins=time(2, 30), ends=time(6), per_kwh=N("0.21")),
    PriceBand(begins=time(17), ends=time(20), per_kwh=N("0.41")),
)
"""The night band runs over midnight, and ends in the hour that comes twice on 25 October."""
BY_BANDS: Final = EnergyPolicy(per_kwh=N("0.33"), bands=BANDS)
BY_ENTITY: Final = replace(BY_BANDS, price_entity="sensor.price")
DYNAMIC_FROM: Final = datetime(2026, 10, 27, 23, 0, tzinfo=UTC)
"""From the 28th on prices come by the hour."""
RESULT_OF: Final = {
    Outcome.COMPLETED: PrinterState.FINISHED,
    Outcome.FAILED: PrinterState.FAILED,
    Outcome.CANCELLED: PrinterState.CANCELLED,
}


def true_price(at: datetime) -> Decimal:
    """What a kilowatt-hour truly costs from a moment of the grid on, by the clock on the wall."""
    if at >= DYNAMIC_FROM:
        return hourly_price(at)
    local = at.astimezone(BERLIN)
    minute = local.hour * 60 + local.minute
    if minute >= 22 * 60 or minute < 150:
        return N("0.27")
    if minute < 360:
        return N("0.21")
    return N("0.41") if 17 * 60 <= minute < 20 * 60 else N("0.33")


def hourly_price(at: datetime) -> Decimal:
    """A price of the exchange: another one each hour, on a windy one below zero."""
    return N((at.day * 24 + at.hour) * 7919 % 60 - 4) / 100


class LeapClock(HandClock):
    """Moves at once, and wakes whoever is due only when it is told to."""

    def move(self, seconds: float) -> None:
        """Let time pass in which nobody gets a turn."""
        self._wall += timedelta(seconds=seconds)
        self._seconds += seconds

    async def wake(self) -> None:
        """Give a turn to everybody whose time has come."""
        await self.advance(0.0)


@dataclass(frozen=True, kw_only=True)
class Part:
    """A file: how much of each filament lies in which layer."""

    path: str
    mm: tuple[tuple[float, ...], ...]
    """By filament: sums at the end of each layer, from 0."""
    slicer_error: float = 0.0
    """By how much more is truly fed than its slicer says."""

    def fed(self, share: float) -> tuple[float, ...]:
        """What was fed of each filament when a share of it is printed."""
        at = min(share, 1.0) * LAYERS
        whole = min(int(at), LAYERS - 1)
        return tuple(
            sums[whole] + (sums[whole + 1] - sums[whole]) * (at - whole) for sums in self.mm
        )

    def extrusion(self) -> Extrusion:
        """What measuring it would say."""
        return Extrusion(
            layers=LAYERS,
            tools=tuple(
                ToolExtrusion(tool=index, layers_mm=sums) for index, sums in enumerate(self.mm)
            ),
        )

    @property
    def estimate_mm(self) -> float:
        """The slicer's figure of its one filament."""
        return self.mm[0][-1] / (1 + self.slicer_error)

    @property
    def bend(self) -> float:
        """By which share its material is ahead of or behind its progress at most."""
        total = self.mm[0][-1]
        return max(abs(self.mm[0][at] / total - at / LAYERS) for at in range(LAYERS + 1))

    @property
    def thickest(self) -> tuple[float, ...]:
        """The most that one layer takes of each filament, in millimetres."""
        return tuple(max(after - before for before, after in pairwise(sums)) for sums in self.mm)


def part(name: str, random: Random, grams: Sequence[float], slicer_error: float = 0.0) -> Part:
    """Make a file whose layers are all different: a wide foot, holes, a thin top."""
    mm = []
    for each in grams:
        weights = [random.uniform(0.4, 1.0) + (1.5 if at < 6 else 0.0) for at in range(LAYERS)]
        scale, sums = each * MM_PER_G / sum(weights), [0.0]
        for weight in weights:
            sums.append(round(sums[-1] + weight * scale, 3))
        mm.append(tuple(sums))
    return Part(path=f"/{name}", mm=tuple(mm), slicer_error=slicer_error)


@dataclass(kw_only=True)
class Plan:
    """What will befall one run. Steps are counted from its beginning, heating included."""

    part: Part
    steps: int
    """Printing time to its end, without pauses and heating."""
    outcome: Outcome = Outcome.COMPLETED
    ends: int | None = None
    """Printing steps after which it ends; None: all."""
    pause: int | None = None
    """Printing step before which it is held, for three steps."""
    swap: int | None = None
    """Printing step before which a spool is changed."""
    swap_tool: int = 0
    cut: tuple[int, int] | None = None
    """From and until which step of the run its line is down."""
    reset: int | None = None
    """Step at which its meter starts again from nothing."""
    blind: tuple[int, int] | None = None
    """From and until which step its meter cannot be read."""


@dataclass(kw_only=True)
class Truth:
    """One run as it truly went."""

    printer: str
    number: int
    plan: Plan
    began: datetime
    ended: datetime | None = None
    step: int = 0
    printed: int = 0
    held: int = 0
    fed_mm: tuple[float, ...] = ()
    by_spool: defaultdict[tuple[int, UUID], float] = field(
        default_factory=lambda: defaultdict(float)
    )
    """Millimetres by filament and spool."""
    prices_per_kg: dict[UUID, Decimal] = field(default_factory=dict)
    """Of each spool at the moment from which it hung there."""
    drawn: list[tuple[Decimal, Decimal]] = field(default_factory=list)
    """Kilowatt-hours and their price, by interval, cool-down included."""
    swapped: bool = False
    watched: bool = True
    """Nobody looked away from its beginning to its end."""
    end_watched: bool = True
    """Nobody looked away when it ended."""
    counted: bool = True
    """Nor until it was cold."""
    gap_kwh: Decimal = ZERO
    """What it drew while no sensor was heard."""

    @property
    def share(self) -> float:
        """How much of it was printed."""
        return self.printed / self.plan.steps

    @property
    def paused(self) -> bool:
        """Whether it is held now."""
        return self.plan.pause == self.printed and self.held < HELD and self.step > 0

    @property
    def state(self) -> PrinterState:
        """What its printer says of it while it is under way."""
        if self.step == 0:
            return PrinterState.PREPARING
        return PrinterState.PAUSED if self.paused else PrinterState.PRINTING

    @property
    def done(self) -> bool:
        """Whether it ends now."""
        return self.printed >= (self.plan.ends or self.plan.steps)

    @property
    def kwh(self) -> Decimal:
        """All that it drew."""
        return sum((kwh for kwh, _ in self.drawn), N(0))

    @property
    def energy_cost(self) -> Decimal:
        """Energy times price, interval by interval."""
        return sum((kwh * price for kwh, price in self.drawn), N(0))


class Puppet(NoParts):
    """A printer at the end of a line: its driver, its session and its truth in one."""

    def __init__(self, printer_id: str, slots: Sequence[str], *, says: str, energy: str) -> None:
        self.id = printer_id
        self.says = says
        """measured, layers, estimate, slots, nothing or tools."""
        self.energy = energy
        """meter, power, model or none."""
        self.hung: dict[str, UUID] = {}
        self.places = tuple(slots)
        self.left_mm: dict[UUID, float] = {}
        """Truly left on each spool; a spool of 1000 g holds `MM_PER_G` times as much."""
        self.run: Truth | None = None
        self.cooling: Truth | None = None
        self.runs: list[Truth] = []
        self.queue: asyncio.Queue[PrinterStatus | Unreachable] = asyncio.Queue()
        self.cut = False
        self.emptied: str | None = None
        """A slot whose spool is in somebody's hands."""
        self.drawn = N(0)
        """On its meter, kWh, since that was reset."""
        self.drawn_ever = N(0)
        self.identity = PrinterIdentity(serial=printer_id, maker="Simulated")
        self.feeding = 0
        """Slot that feeds, on the printer with a feeder."""
        self.shown: PrinterStatus = PrinterStatus(state=PrinterState.IDLE)
        if says == "measured":
            self.history = self

    # -- the line ----------------------------------------------------------------------------

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[Puppet]:
        if self.cut:
            raise Unreachable("no answer")
        self.queue = asyncio.Queue()
        self.queue.put_nowait(self.shown)
        yield self

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        while True:
            said = await self.queue.get()
            if isinstance(said, Unreachable):
                raise said
            yield said

    async def refresh(self) -> None:
        self.queue.put_nowait(self.shown)

    def transcript(self) -> dict[str, object]:
        return {}

    async def recent(self, limit: int = 20) -> tuple[PastRun, ...]:
        """What its own history says, newest first; a job is in it once it has ended."""
        done = [run for run in self.runs if run.ended is not None]
        return tuple(
            PastRun(
                id=str(run.number),
                path=run.plan.part.path,
                outcome=run.plan.outcome,
                started_at=run.began,
                ended_at=run.ended,
                filament_mm=sum(run.fed_mm),
            )
            for run in reversed(done[-limit:])
        )

    async def show(self, state: PrinterState) -> None:
        """Say where it stands, down the line if there is one."""
        self.shown = self._status(state)
        self.queue.put_nowait(self.shown)
        await settle(6)

    async def lose(self) -> None:
        self.cut = True
        self.queue.put_nowait(Unreachable("the line dropped"))
        await settle(6)

    def _status(self, state: PrinterState) -> PrinterStatus:
        run = self.run or (self.runs[-1] if self.runs else None)
        job = None if run is None else self._job(run, over=self.run is None)
        tools = tuple(Tool(index=at) for at in range(2)) if self.says == "tools" else ()
        return PrinterStatus(state=state, job=job, tools=tools, slots=tuple(self._slots()))

    def _job(self, run: Truth, *, over: bool) -> CurrentJob:
        """What it says of a job. Firmware forgets how far it was when it ended early."""
        path, name = run.plan.part.path, run.plan.part.path[1:]
        good = not over or run.plan.outcome is Outcome.COMPLETED
        share = run.share if good else 0.0
        layer = min(LAYERS, int(share * LAYERS) + 1) if share else None
        number = str(run.number)
        match self.says:
            case "measured":
                return CurrentJob(id=number, path=path, progress=share, filament_mm=sum(run.fed_mm))
            case "layers":
                return CurrentJob(name=name, path=path, progress=share, layer=layer, layers=LAYERS)
            case "estimate":
                return CurrentJob(id=number, path=path, progress=share)
            case "slots":
                return CurrentJob(id=number, name=name, progress=share)
            case "tools":
                return CurrentJob(id=number, path=path, progress=share, layer=layer, layers=LAYERS)
        return CurrentJob(name=name)

    def _slots(self) -> Iterator[Slot]:
        if self.says != "slots":
            return
        for index, key in enumerate(self.places):
            if key == self.emptied:
                yield Slot(key=key, unit="0", index=index, empty=True)
                continue
            left = self.left_mm[self.hung[key]] / (1000 * MM_PER_G)
            yield Slot(
                key=key,
                unit="0",
                index=index,
                empty=False,
                material="PLA",
                remaining=max(0, int(left * 100 + 1e-9)) / 100,
                active=self.run is not None and index == self.feeding,
            )

    # -- the machine -------------------------------------------------------------------------

    @property
    def power_w(self) -> int:
        """What it draws until the next step."""
        if self.run is None:
            return IDLE_W
        return HEATING_W if self.run.step == 0 else PRINTING_W

    def slot_of(self, tool: int) -> str:
        """Where a filament comes from."""
        return self.places[self.feeding if self.says == "slots" else tool]

    def live(self, since: datetime, steps: int) -> None:
        """Draw power for some steps, and lay down what is laid down in one."""
        owner = self.run or self.cooling
        kwh = N(self.power_w * STEP_S * steps) / 3_600_000
        self.drawn += kwh
        self.drawn_ever += kwh
        if owner is not None:
            assert steps == 1
            owner.drawn.append((kwh, true_price(since)))
        run = self.run
        if run is None:
            return
        if run.paused:
            run.held += 1
        elif run.step > 0:
            run.printed += 1
            fed = run.plan.part.fed(run.share)
            for tool, (now, before) in enumerate(
                zip(fed, run.fed_mm or (0.0,) * len(fed), strict=True)
            ):
                spool = self.hung[self.slot_of(tool)]
                run.by_spool[tool, spool] += now - before
                self.left_mm[spool] -= now - before
            run.fed_mm = fed
        run.step += 1
