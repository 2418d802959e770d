"""The energy of every printer, counted without a break: run, standby, run.

A run is counted from its start until its printer is cold, its cool-down time is over or the next
run begins, whichever is first; the rest is standby (rule 18). Where a count stands is written
down, so that a killed process goes on with the start value of its meter.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Self
from zoneinfo import ZoneInfo

from .. import tariff
from ..account import EnergyUse, Source
from ..energy import (
    EnergyState,
    Flaw,
    Rate,
    Sample,
    begin,
    cooled_down,
    following,
    modelled,
    observe,
    settle,
    unavailable,
    use,
)
from ..errors import StoreError
from ..job import CLOSING, JobEventKind
from ..money import ZERO
from ..store import energy, jobs
from ..store.energy import MeterRow, RunRow, StandbyRow
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from types import TracebackType
    from uuid import UUID

    from ..job import JobEvent
    from ..printer import PrinterStatus
    from ..store.database import Store
    from .clock import Clock
    from .settings import Settings

_LOGGER = logging.getLogger(__name__)

TICK_S: Final = 30.0
"""How often power that stays the same is counted, and cool-downs are ended."""
RUN_SAVED_S: Final = 60.0
"""How old the count of a run in the database may be."""
STANDBY_SAVED_S: Final = 900.0
"""Between runs there is less to lose, and memory cards wear out by writing."""
RUNS_KEPT: Final = 2000
"""Runs whose energy is kept in memory for whoever asks."""
CLOCKS_AGREE: Final = timedelta(seconds=2)
"""More between wall clock and monotonic clock is a jump: then no moment of the wall is trusted."""
LONGEST_SPLIT: Final = timedelta(days=8)
"""A longer time without a reading is not shared out over the prices in it: after holidays that
would hold up everything, and a board that began with a wrong date would split decades."""

type EnergyListener = Callable[[UUID, EnergyUse], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class PrinterEnergy:
    """What there is to show of one printer."""

    source: Source
    total_kwh: Decimal
    """All that was ever counted; only grows."""
    total_amount: Decimal
    job_id: UUID | None = None
    """The run under way or cooling down, else the last one."""
    job: EnergyUse | None = None
    job_began_at: datetime | None = None


@dataclass(slots=True)
class _Count:
    """The count of one printer."""

    state: EnergyState
    heard: float | None = None
    """Monotonic time of its last sample; None: that was in another process."""
    job_id: UUID | None = None
    ends_at: datetime | None = None
    deadline: float | None = None
    """Monotonic time at which its cool-down is over."""
    cold: bool = False
    total_kwh: Decimal = ZERO
    total_amount: Decimal = ZERO
    dirty: bool = False
    saved: float | None = None
    """Monotonic time of the last writing; None: write at once."""


class Meters:
    """Counts energy. Open it with `async with`, before the ledger's events come."""

    def __init__(self, store: Store, settings: Settings, clock: Clock) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._counts: dict[str, _Count] = {}
        self._ended: dict[UUID, RunRow] = {}
        self._last: dict[str, UUID] = {}
        self._unwritten: dict[UUID, RunRow] = {}
        self._missed: dict[str, UUID] = {}
        """Open runs of which a process before us did not come to note that they are counted."""
        self._standby: dict[tuple[str, date], tuple[Decimal, Decimal]] = {}
        self._standby_dirty: set[tuple[str, date]] = set()
        self._price: Decimal | None = None
        self._share: Decimal | None = None
        self._boundary: tuple[object, datetime, datetime | None] | None = None
        self._listeners: Listeners[UUID, EnergyUse] = Listeners("energy")
        self._watchers: dict[str, Listeners[()]] = {}
        self._work = asyncio.Event()
        self._writing = asyncio.Lock()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        for row in await self._store.run(energy.load):
            self._counts[row.printer_id] = _Count(
                state=replace(row.state, away=True),
                job_id=row.job_id,
                ends_at=row.ends_at,
                total_kwh=row.total_kwh,
                total_amount=row.total_amount,
                saved=self._clock.monotonic(),
            )
        await self._catch_up()
        for run in await self._store.run(energy.last_runs, RUNS_KEPT):
            self._remember(run)
        # With all that is later: a board may begin with a clock that is weeks behind.
        today = self._clock.now().date()
        near = timedelta(days=2)
        for day in await self._store.run(energy.standby, today - near, date.max):
            self._standby[day.printer_id, day.day] = (day.kwh, day.amount)
        self._tasks = [
            asyncio.create_task(self._tend(), name="printernizer meters"),
            asyncio.create_task(self._write_forever(), name="printernizer meter notes"),
        ]
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for printer_id, count in self._counts.items():
            if count.heard is not None:
                self._observe(printer_id, count)
            count.saved = None
        with suppress(StoreError):  # the ledger tells of a database that takes no writes
            await self._write()

    async def _catch_up(self) -> None:
        """Learn what a process before us knew of runs and had no time to note."""
        now = self._clock.now()
        for run in await self._store.run(jobs.open_runs):
            counted = self._counts.get(run.printer_id)
            if counted is None or counted.job_id != run.id:
                self._missed[run.printer_id] = run.id
        for printer_id, count in self._counts.items():
            if count.job_id is None:
                continue
            if count.ends_at is None:
                job = await self._store.run(jobs.get, count.job_id)
                ended_at = None if job is None else job.ended_at or job.closed_at
                if ended_at is not None:
                    count.ends_at = ended_at + self._cool_down(printer_id)
            if count.ends_at is not None and count.ends_at + timedelta(seconds=TICK_S) < now:
                # The next reading holds standby, and nobody knows how much of it.
                count.state = replace(count.state, flaws=count.state.flaws | {Flaw.UNSEEN})

    # -- what the house measures ---------------------------------------------------------------

    def sample(
        self,
        printer_id: str,
        *,
        meter_kwh: Decimal | None = None,
        power_w: Decimal | None = None,
    ) -> None:
        """Take a reading of a printer's meter or of its power."""
        count = self._count(printer_id)
        self._observe(printer_id, count, meter_kwh=meter_kwh, power_w=power_w)

    def unavailable(self, printer_id: str) -> None:
        """Note that a printer's meter cannot be read, until there is a sample again."""
        count = self._count(printer_id)
        if not count.state.away:
            self._observe(printer_id, count)
            self._take(printer_id, count, unavailable(count.state, count.state.at))

    def price(self, per_kwh: Decimal | None) -> None:
        """Take what the price entity says from now on; None: it says nothing."""
        if per_kwh != self._price:
            self._price = per_kwh
            self._observe_all()

    def solar(self, share: Decimal | None) -> None:
        """Take the own share of the power, 0 to 1, from now on; None: nobody can tell."""
        share = None if share is None else min(max(share, ZERO), Decimal(1))
        if share != self._share:
            self._share = share
            self._observe_all()

    def on_status(self, printer_id: str, status: PrinterStatus | None) -> None:
        """Look whether a printer is cold, and what one without a meter draws."""
        count = self._count(printer_id)
        model = self._settings.machine(printer_id).power
        if count.state.source is Source.MODEL and model is not None:
            power_w = None if status is None else modelled(model, status)
            if power_w is None:
                self.unavailable(printer_id)
            elif power_w != count.state.power_w or count.state.away:
                self._observe(printer_id, count, power_w=power_w)
        if status is not None:
            count.cold = cooled_down(status)
            self._end_if_due(printer_id, count)

    # -- runs ----------------------------------------------------------------------------------

    def on_job(self, event: JobEvent) -> None:
        """Begin and end counting with the runs of the ledger."""
        if event.kind is JobEventKind.STARTED:
            self._begin(event)
        elif event.kind in CLOSING:
            self._close(event)

    def _begin(self, event: JobEvent) -> None:
        printer_id = event.job.printer_id
        count = self._count(printer_id)
        if count.job_id == event.job.id:
            return
        self._observe(printer_id, count)
        if count.job_id is not None:
            self._end(printer_id, count)
        late = frozenset() if event.live else frozenset({Flaw.LATE})
        count.state = following(count.state, late)
        count.job_id, count.cold = event.job.id, False
        self._changed(printer_id, count)

    def _close(self, event: JobEvent) -> None:
        printer_id, job = event.job.printer_id, event.job
        count = self._count(printer_id)
        if count.job_id != job.id:
            return
        self._observe(printer_id, count)
        count.ends_at = (job.ended_at or event.at) + self._cool_down(printer_id)
        over = event.kind is JobEventKind.ENDED_UNSEEN
        over = over or (not event.live and count.ends_at <= self._clock.now())
        if over or job.ended_at is None:
            count.state = replace(count.state, flaws=count.state.flaws | {Flaw.UNSEEN})
        if over:
            self._end(printer_id, count)
        else:
            self._changed(printer_id, count)
            self._end_if_due(printer_id, count)

    def _end_if_due(self, printer_id: str, count: _Count) -> None:
        """End a run that is closed, once it has cooled down."""
        if count.job_id is None or count.ends_at is None:
            return
        monotonic = self._clock.monotonic()
        if count.deadline is None:
            left = (count.ends_at - self._clock.now()).total_seconds()
            longest = self._cool_down(printer_id).total_seconds()
            count.deadline = monotonic + min(left, longest)
        if count.cold or monotonic >= count.deadline:
            self._observe(printer_id, count)
            self._end(printer_id, count)

    def _cool_down(self, printer_id: str) -> timedelta:
        return timedelta(minutes=float(self._settings.machine(printer_id).cool_down_minutes))

    def _end(self, printer_id: str, count: _Count) -> None:
        """Write down what a run drew; from here on it is standby."""
        assert count.job_id is not None
        run = RunRow(
            job_id=count.job_id,
            printer_id=printer_id,
            began_at=count.state.began_at,
            ended_at=count.state.at,
            use=use(count.state, self._otherwise(count.state.at)),
        )
        self._remember(run)
        self._unwritten[run.job_id] = run
        count.state = following(count.state)
        count.job_id = count.ends_at = count.deadline = None
        self._changed(printer_id, count)

    def _remember(self, run: RunRow) -> None:
        self._ended[run.job_id] = run
        self._last[run.printer_id] = run.job_id
        if len(self._ended) > RUNS_KEPT:
            del self._ended[next(iter(self._ended))]

    # -- what others ask -----------------------------------------------------------------------

    def of(self, job_id: UUID) -> EnergyUse | None:
        """Return what a run drew: so far while it is followed, else for good.

        None: nobody counted, or it is longer ago than the last 2000 runs.
        """
        if (run := self._ended.get(job_id)) is not None:
            return run.use
        for count in self._counts.values():
            if count.job_id == job_id:
                return use(count.state, self._otherwise(count.state.at))
        return None

    def follows(self, job_id: UUID) -> bool:
        """Whether the energy of a run is not final yet: subscribers will be told."""
        return job_id in self._unwritten or any(
            count.job_id == job_id for count in self._counts.values()
        )

    def energy(self, printer_id: str) -> PrinterEnergy | None:
        """Return what there is to show of a printer; None: nothing was ever counted."""
        count = self._counts.get(printer_id)
        if count is None:
            return None
        job_id = count.job_id or self._last.get(printer_id)
        ended = self._ended.get(job_id) if job_id is not None else None
        return PrinterEnergy(
            source=count.state.source,
            total_kwh=count.total_kwh,
            total_amount=count.total_amount,
            job_id=job_id,
            job=self.of(job_id) if job_id is not None else None,
            job_began_at=ended.began_at if ended else count.state.began_at if job_id else None,
        )

    def subscribe(self, listener: EnergyListener) -> Callable[[], None]:
        """Hear the final energy of each run, once it is durable; returns how to stop."""
        return self._listeners.add(listener)

    def watch(self, printer_id: str, watcher: Callable[[], None]) -> Callable[[], None]:
        """Hear whenever `energy` of a printer may say something else; returns how to stop."""
        if printer_id not in self._watchers:
            self._watchers[printer_id] = Listeners(f"the energy of {printer_id}")
        return self._watchers[printer_id].add(watcher)

    # -- counting ------------------------------------------------------------------------------

    def _count(self, printer_id: str) -> _Count:
        """Return the count of a printer whose settings are known; begun anew for a new meter."""
        source, supply = self._supply(printer_id)
        count = self._counts.get(printer_id)
        if count is None:
            now = self._clock.now()
            count = _Count(state=begin(source, now, self._rate(now), supply=supply))
            count.heard = self._clock.monotonic()
            self._counts[printer_id] = count
        elif (count.state.source, count.state.supply) != (source, supply):
            self._observe(printer_id, count)
            changed = frozenset({Flaw.CHANGED} if count.job_id is not None else ())
            began_at, at = count.state.began_at, count.state.at
            state = begin(source, at, count.state.rate, supply=supply, flaws=changed)
            count.state = replace(state, began_at=began_at)
            self._changed(printer_id, count)
        if (missed := self._missed.pop(printer_id, None)) is not None:
            self._resume(printer_id, count, missed)
        return count

    def _resume(self, printer_id: str, count: _Count, job_id: UUID) -> None:
        """Count a run whose start was noted by the ledger alone: from the last reading before."""
        if count.job_id is not None:
            # The one before had ended by then, nobody knows how long before.
            count.state = replace(count.state, flaws=count.state.flaws | {Flaw.UNSEEN})
            self._end(printer_id, count)
        count.state = following(count.state, frozenset({Flaw.LATE}))
        count.job_id, count.cold = job_id, False
        self._changed(printer_id, count)

    def _supply(self, printer_id: str) -> tuple[Source, str | None]:
        machine = self._settings.machine(printer_id)
        if machine.energy_entity:
            return Source.METER, machine.energy_entity
        if machine.power_entity:
            return Source.POWER, machine.power_entity
        return (Source.UNKNOWN if machine.power is None else Source.MODEL), None

    def _observe_all(self) -> None:
        for printer_id, count in self._counts.items():
            if count.heard is not None:
                self._observe(printer_id, count)

    def _observe(
        self,
        printer_id: str,
        count: _Count,
        *,
        meter_kwh: Decimal | None = None,
        power_w: Decimal | None = None,
    ) -> None:
        """Count up to now, with every change of price on the way."""
        now, monotonic = self._clock.now(), self._clock.monotonic()
        state, passed = count.state, now - count.state.at
        elapsed = None
        if count.heard is None:
            # The last prices of another process say nothing of the time since.
            state = replace(state, rate=self._rate_unwatched(state.at))
        elif abs(passed - timedelta(seconds=monotonic - count.heard)) > CLOCKS_AGREE:
            elapsed = Decimal(str(round(monotonic - count.heard, 3)))
        if elapsed is None and passed > LONGEST_SPLIT:
            state = replace(state, rate=Rate())
        elif elapsed is None:
            while (change := self._next_change(state.at)) is not None and change < now:
                state = observe(state, Sample(at=change, rate=self._rate_unwatched(change)))
        count.heard = monotonic
        if power_w is None and meter_kwh is None:
            state = settle(state, now, elapsed)
            elapsed = ZERO
        sample = Sample(
            at=now,
            rate=self._rate(now),
            meter_kwh=meter_kwh,
            power_w=power_w,
            elapsed_s=elapsed,
        )
        self._take(printer_id, count, observe(state, sample))

    def _take(self, printer_id: str, count: _Count, state: EnergyState) -> None:
        """Keep a count that went on, and what it adds to the totals."""
        before, count.state = count.state, state
        drawn = state.kwh - before.kwh
        count.dirty = True
        if drawn:
            unpriced = state.unpriced_kwh - before.unpriced_kwh
            cost = state.money - before.money + unpriced * self._otherwise(state.at)
            count.total_kwh += drawn
            count.total_amount += cost
            if count.job_id is None:
                day = printer_id, state.at.astimezone(self._zone).date()
                kwh, money = self._standby.get(day, (ZERO, ZERO))
                self._standby[day] = kwh + drawn, money + cost
                self._standby_dirty.add(day)
        if drawn or state.flaws != before.flaws or state.away or before.away:
            self._tell(printer_id)

    def _changed(self, printer_id: str, count: _Count) -> None:
        """Write it down at once."""
        count.dirty, count.saved = True, None
        self._work.set()
        self._tell(printer_id)

    def _tell(self, printer_id: str) -> None:
        if printer_id in self._watchers:
            self._watchers[printer_id].tell()

    # -- prices --------------------------------------------------------------------------------

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self._settings.shop.time_zone)

    def _rate(self, at: datetime) -> Rate:
        """Return what holds from now on."""
        policy = self._settings.shop.energy
        rate = self._rate_unwatched(at)
        if policy.price_entity:
            rate = replace(rate, per_kwh=self._price)
        return replace(rate, solar_share=self._share) if policy.solar_entity else rate

    def _rate_unwatched(self, at: datetime) -> Rate:
        """Return what held at a moment at which nobody looked: the clock's price, if it rules."""
        policy = self._settings.shop.energy
        by_clock = None if policy.price_entity else tariff.price(policy, self._zone, at)
        return Rate(per_kwh=by_clock, solar_per_kwh=policy.solar_per_kwh)

    def _otherwise(self, at: datetime) -> Decimal:
        return tariff.price(self._settings.shop.energy, self._zone, at)

    def _next_change(self, after: datetime) -> datetime | None:
        """Return when the clock's price changes next; found once and kept until then."""
        shop = self._settings.shop
        if shop.energy.price_entity or not shop.energy.bands:
            return None
        if self._boundary is not None:
            found_for, since, change = self._boundary
            if found_for is shop and since <= after and (change is None or after < change):
                return change
        change = tariff.next_change(shop.energy, self._zone, after)
        self._boundary = shop, after, change
        return change

    # -- time and writing ----------------------------------------------------------------------

    async def _tend(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            for printer_id, count in tuple(self._counts.items()):
                if not self._settings.describes(printer_id):
                    continue  # of another house that keeps the same ledger: it counts itself
                try:
                    if count.heard is not None:
                        self._observe(printer_id, count)
                    self._end_if_due(printer_id, count)
                except Exception:
                    # One printer must not end the counting of all.
                    _LOGGER.exception("%s: its energy could not be counted", printer_id)
            self._work.set()

    async def _write_forever(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._write()
            except StoreError as err:
                # The next tick tries again; the ledger tells the user.
                _LOGGER.debug("The energy of %s printers waits: %s", len(self._counts), err)
            except Exception:
                # This loop writes the energy of all, and nobody would begin it anew.
                _LOGGER.exception("The energy of %s printers waits", len(self._counts))

    async def _write(self) -> None:
        """Write what is due. Raises StoreError; then it is still due."""
        async with self._writing:
            now = self._clock.monotonic()
            due = {
                printer_id: count
                for printer_id, count in self._counts.items()
                if count.dirty and _due(count, now)
            }
            runs = tuple(self._unwritten.values())
            days = {day for day in self._standby_dirty if day[0] in due}
            if not due and not runs:
                return
            rows = [_row(printer_id, count) for printer_id, count in due.items()]
            standby = [
                StandbyRow(printer_id=printer_id, day=day, kwh=kwh, amount=cost)
                for printer_id, day in sorted(days)
                for kwh, cost in [self._standby[printer_id, day]]
            ]
            for count in due.values():
                count.dirty, count.saved = False, now
            self._standby_dirty -= days
            try:
                await self._store.run(energy.save, rows, runs, standby, self._clock.now())
            except BaseException:
                for count in due.values():
                    count.dirty, count.saved = True, None
                self._standby_dirty |= days
                raise
            self._forget_days()
            for run in runs:
                self._unwritten.pop(run.job_id, None)
        for run in runs:
            self._announce(run)

    def _forget_days(self) -> None:
        """Days long past are in the database; nothing is added to them any more."""
        past = self._clock.now().date() - timedelta(days=2)
        for day in [day for day in self._standby if day[1] < past]:
            if day not in self._standby_dirty:
                del self._standby[day]

    def _announce(self, run: RunRow) -> None:
        self._listeners.tell(run.job_id, run.use)


def _due(count: _Count, now: float) -> bool:
    if count.saved is None:
        return True
    return now - count.saved >= (STANDBY_SAVED_S if count.job_id is None else RUN_SAVED_S)


def _row(printer_id: str, count: _Count) -> MeterRow:
    return MeterRow(
        printer_id=printer_id,
        job_id=count.job_id,
        ends_at=count.ends_at,
        state=count.state,
        total_kwh=count.total_kwh,
        total_amount=count.total_amount,
    )
