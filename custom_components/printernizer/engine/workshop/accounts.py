"""What every run consumed and cost: noted while it runs, reckoned when it has ended.

A closed run is reckoned at once with what is known by then, and again when something better comes:
its energy once the printer is cold, its file once the printer rests and lets it be read. Each time
account, consumption and stock are written in one transaction, as sums and not as differences, so
that a kill at any moment books nothing twice and loses nothing. A person's correction is kept with
its reason, and is never written over.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Self
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

from ..account import NO_ENERGY
from ..assignment import assigned
from ..customer import without_person
from ..errors import NotAllowed, StoreError
from ..job import CLOSING, Job, JobEventKind, JobIdentity, JobState
from ..printer import PrinterState, PrinterStatus
from ..reckoning import Evidence, corrected, needs, powered, preview, reckon, wants_file
from ..run_watch import RunWatch, begin, hung_spool, look, measured, rehang, skip
from ..store import accounts, assignments, customers, jobs, printers, stock
from .listeners import Listeners
from .run_files import RunFiles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from types import TracebackType

    from sqlalchemy import Connection

    from ..account import Breakdown, Consumption, EnergyUse, JobAccount
    from ..extrusion import Extrusion
    from ..file import PlateFacts
    from ..job import JobEvent, Outcome, PastRun
    from ..job_list import Cursor, JobFilter, JobPage
    from ..material import Shortage
    from ..run_watch import HungSpool
    from ..store.database import Store
    from .clock import Clock
    from .ledger import Ledger
    from .meters import Meters
    from .plans import Plan, Plans
    from .settings import Settings
    from .stock import Stock

_LOGGER = logging.getLogger(__name__)

FLUSH_S: Final = 10.0
"""How old the notes in the database may be. What a power cut costs at most."""
RETRY_S: Final = 30.0
BATCH: Final = 50
"""Runs without an account that are reckoned in one go when the shop opens."""
UNSETTLED: Final = 5000
"""Runs whose accounts await something better: two days of a large farm that was switched off."""
NEWS: Final = timedelta(days=3)
"""Accounts of older runs are written without a word: a ledger from before there were any has
thousands of them, and no automation waits for those."""
MEASURES_KEPT: Final = 200
"""Lengths from printers' own histories that are remembered."""
_NOBODY: Final = UUID(int=0)
_BY_BYTES: Final = frozenset({"octoprint", "moonraker"})
"""Kinds of printers whose progress is a share of the file's bytes."""

type AccountListener = Callable[[Job, JobAccount], None]


class Accounts:
    """The accounts of all runs. Open it with `async with`, after the ledger."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        ledger: Ledger,
        shelf: Stock,
        meters: Meters,
        plans: Plans,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._ledger = ledger
        self._shelf = shelf
        self._meters = meters
        self._plans = plans
        self._watches: dict[UUID, RunWatch] = {}
        self._current: dict[str, UUID] = {}
        """The run that is noted, by printer."""
        self._planned: dict[str, tuple[tuple[str | None, ...], int | None]] = {}
        self._dirty: set[UUID] = set()
        self._over: set[UUID] = set()
        """Runs whose end was seen, until their accounts are settled."""
        self._recalled: dict[tuple[str, str], float] = {}
        self._waiting: dict[UUID, Job | None] = {}
        """Runs to be reckoned; None: its row is to be read first."""
        self._behind = True
        """There may be closed runs without an account from before we were opened."""
        self._hopeless: set[UUID] = set()
        """Runs that failed or are not ours to reckon; the next start looks at them again."""
        self._files = RunFiles(plans, clock, self._reckon_soon)
        self._work = asyncio.Event()
        self._noting = asyncio.Lock()
        """Held by whoever writes notes, or an account with which they go."""
        self._listeners: Listeners[Job, JobAccount] = Listeners("accounts")
        self._tasks: list[asyncio.Task[None]] = []
        self._stops: list[Callable[[], None]] = []

    async def __aenter__(self) -> Self:
        for watch in await self._store.run(accounts.watches):
            self._watches[watch.job_id] = watch
        for job in await self._store.run(accounts.unsettled, UNSETTLED):
            self._waiting[job.id] = job
        self._stops = [
            self._ledger.subscribe(self.on_job),
            self._shelf.subscribe(self._on_shelf),
            self._meters.subscribe(self._on_energy),
        ]
        self._tasks = [
            asyncio.create_task(self._reckon_forever(), name="printernizer accounts"),
            asyncio.create_task(self._tend(), name="printernizer account notes"),
        ]
        self._work.set()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        while self._stops:
            self._stops.pop()()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._files.close()
        with suppress(StoreError):  # the ledger tells of a database that takes no writes
            await self._flush()

    # -- while runs are under way ------------------------------------------------------------

    @contextmanager
    def planning(
        self, printer_id: str, slots: Iterable[str | None], plate: int | None
    ) -> Iterator[None]:
        """Take the slots, by filament, and the plate with which a printer is being started."""
        self._planned[printer_id] = (tuple(slots), plate)
        try:
            yield
        finally:
            self._planned.pop(printer_id, None)

    def on_status(self, printer_id: str, status: PrinterStatus | None) -> None:
        """Note what a status says of the run under way."""
        if status is None:
            return
        if status.ready:
            self._files.look(printer_id)
        job = self._ledger.open_job(printer_id)
        if job is None:
            self._on_result(printer_id, status)
        if job is None or not status.active:
            return
        self._current[printer_id] = job.id
        watch = self._watches.get(job.id)
        noted = self._begin(job, status) if watch is None else look(watch, status)
        if noted is not watch:
            self._keep(noted)

    def _on_result(self, printer_id: str, status: PrinterStatus) -> None:
        """Note the last figures: they come with the end, and are not there before.

        Feeders are looked at once: after that it is a person who changes what hangs there.
        """
        job = self._ledger.last_job(printer_id)
        watch = self._watches.get(job.id) if job is not None else None
        if job is None or watch is None or status.job is None:
            return
        if JobIdentity.of(status.job).same_run(job.identity):
            noted = measured(watch, status) if job.id in self._over else look(watch, status)
            self._over.add(job.id)
            if noted is not watch:
                self._keep(noted)

    def skipped(self, printer_id: str, objects: Sequence[str]) -> None:
        """Take objects that were left out of the run under way."""
        watch = self._watches.get(self._current.get(printer_id, _NOBODY))
        if watch is not None:
            self._keep(skip(watch, objects))

    def recall(self, printer_id: str, runs: tuple[PastRun, ...]) -> None:
        """Take what a printer's own history says it fed into each of its runs."""
        for run in runs:
            if run.filament_mm is not None:
                self._recalled[printer_id, run.id] = run.filament_mm
        while len(self._recalled) > MEASURES_KEPT:
            del self._recalled[next(iter(self._recalled))]

    def _begin(self, job: Job, status: PrinterStatus) -> RunWatch:
        plan, plate = self._planned.get(job.printer_id, ((), None))
        return begin(
            job,
            status,
            self._hung(job.printer_id),
            plan=plan,
            plate=plate,
            late=job.started_at is None,
        )

    def _hung(self, printer_id: str) -> Mapping[str, HungSpool]:
        return {
            slot: hung_spool(slot, spool, self._shelf.material_of(spool))
            for slot, spool in self._shelf.hung(printer_id).items()
        }

    def _on_shelf(self) -> None:
        """Note what was hung or taken down, with how far each run is."""
        for printer_id, job_id in self._current.items():
            job, watch = self._ledger.open_job(printer_id), self._watches.get(job_id)
            if job is None or job.id != job_id or watch is None:
                continue
            noted = rehang(watch, self._hung(printer_id), job)
            if noted is not watch:
                self._keep(noted)

    def _keep(self, watch: RunWatch) -> None:
        self._watches[watch.job_id] = watch
        self._dirty.add(watch.job_id)

    async def _tend(self) -> None:
        while True:
            await self._clock.sleep(FLUSH_S)
            self._files.look()  # a printer at rest says nothing new, and patience ends
            try:
                await self._flush()
            except StoreError as err:
                _LOGGER.debug("Notes of %s runs wait: %s", len(self._dirty), err)
            except Exception:
                # This loop writes the notes of all: those of one run must not end it.
                _LOGGER.exception("The notes of %s runs cannot be written", len(self._dirty))

    async def _flush(self) -> None:
        async with self._noting:
            dirty, self._dirty = self._dirty, set()
            try:
                kept = [self._watches[job_id] for job_id in dirty if job_id in self._watches]
                await self._store.run(accounts.watch, kept)
            except BaseException:
                self._dirty |= dirty
                raise

    # -- when they have ended ----------------------------------------------------------------

    def on_job(self, event: JobEvent) -> None:
        """Reckon a run that was closed; look at what one wants that began."""
        if event.kind in CLOSING:
            self._shelf.ended(event.job.printer_id)
        elif event.kind is not JobEventKind.STARTED:
            return
        self._waiting[event.job.id] = event.job
        self._work.set()

    def _on_energy(self, job_id: UUID, _use: EnergyUse) -> None:
        """Reckon anew: what it drew is known for good."""
        self._waiting.setdefault(job_id, None)
        self._work.set()

    async def _reckon_forever(self) -> None:
        """Reckon each time there is something, and for as long as the shop is open."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._reckon_all()
            except StoreError as err:
                _LOGGER.debug("%s runs wait to be reckoned: %s", len(self._waiting), err)
                await self._clock.sleep(RETRY_S)
                self._work.set()
            except Exception:
                # It is our bug, and no reason why no later run should have an account.
                _LOGGER.exception("Runs cannot be reckoned")

    async def _reckon_all(self) -> None:
        """Reckon all that wait, and then what no process before us came to. Raises StoreError."""
        while True:
            while self._waiting:
                await self._take_next()
            if not self._behind:
                return
            found = await self._store.run(accounts.unreckoned, BATCH + len(self._hopeless))
            left = [job for job in found if job.id not in self._hopeless]
            self._waiting.update((job.id, job) for job in left)
            self._behind = bool(left)

    async def _take_next(self) -> None:
        """Reckon one of those that wait. Raises StoreError; then it still waits."""
        # Taken out first: what is heard of it from here on is a reason to reckon it once more.
        job_id = next(iter(self._waiting))
        job = self._waiting.pop(job_id)
        try:
            if job is None:
                job = await self._store.run(jobs.get, job_id)
            if job is not None and job.open:
                await self._look_ahead(job)
            elif job is not None and self._is_ours(job):
                await self.reckon(job)
            else:
                self._hopeless.add(job_id)
        except StoreError:
            self._waiting.setdefault(job_id, job)
            raise
        except NotAllowed as err:
            # Somebody put it right at this very moment, and that is the last word.
            _LOGGER.debug("The run %s stays as it is: %s", job_id, err)
            self._forget(job_id)
            self._hopeless.add(job_id)
        except Exception:
            # One run that cannot be reckoned must not keep all others from it.
            _LOGGER.exception("The run %s cannot be reckoned", job_id)
            self._hopeless.add(job_id)

    def _is_ours(self, job: Job) -> bool:
        """Whether it is for us to reckon a run.

        Several houses may keep one ledger, and what a machine costs is known in its own. What
        nobody reckoned for days is of a printer that was removed: better then without its hour
        than not at all.
        """
        return self._settings.describes(job.printer_id) or self._age(job) >= NEWS

    def _named(self, job: Job) -> Job:
        """Return a run with the plate of our own start, where its printer tells none."""
        watch = self._watches.get(job.id)
        if watch is None or watch.plate is None or job.identity.plate is not None:
            return job
        return replace(job, identity=replace(job.identity, plate=watch.plate))

    async def _look_ahead(self, job: Job) -> None:
        """Tell the shelf what a run wants that has begun: it may not be enough."""
        plan = await self._plans.known(self._named(job))
        watch = self._watches.get(job.id)
        if watch is not None and (wanted := needs(watch, plan.extrusion, plan.plate)):
            self._shelf.began(job.printer_id, job.id, wanted, job.title)

    async def reckon(self, job: Job) -> JobAccount:
        """Write the account of a closed run from all that is known now.

        Raises StoreError, and NotAllowed(key="account_corrected") when somebody put it right
        meanwhile.
        """
        known = await self._store.run(_known, job)
        if known.account is not None and known.settled:
            # Nothing better comes, a person had the last word, and what was noted is gone.
            self._forget(job.id)
            return known.account
        if known.account is not None and known.account.revision > 1:
            return await self._power(job.id)
        if known.account is not None and not self._settings.describes(job.printer_id):
            return known.account  # whoever knows what its machine costs reckons it
        plan = await self._plans.known(self._named(job))
        if known.account is not None and plan.replaced:
            # What it took was reckoned while its file was known; that of another says nothing.
            return await self._power(job.id)
        evidence = self._evidence(job, known, plan)
        now, age = self._clock.now(), self._age(job)
        fileless = self._files.may_come(job) and (wants_file(evidence) or not plan.sure)
        settled = not fileless and not self._meters.follows(job.id)
        async with self._noting:
            account = await self._store.run(_write, evidence, now, settled=settled)
            if settled:
                self._forget(job.id)
        if fileless:
            self._files.want(job, self._named(job))
        if any(not line.unmapped for line in account.consumption):
            await self._shelf.refresh()
        if age < NEWS:
            self._tell(job, account)
        return account

    async def _power(self, job_id: UUID) -> JobAccount:
        """Write what a run drew into an account of which all else stays as it is.

        Raises StoreError, and NotAllowed(key="account_corrected").
        """
        job, account = await self._store.run(_stands, job_id)
        assert job is not None
        assert account is not None
        settled = not self._meters.follows(job_id)
        shop, machine = self._settings.shop, self._settings.machine(job.printer_id)
        energy = self._meters.of(job_id) or account.energy
        after = powered(replace(account, at=self._clock.now()), job, energy, shop, machine)
        async with self._noting:
            await self._store.run(_settle, job, after, settled=settled, zone=shop.time_zone)
            if settled:
                self._forget(job_id)
        self._tell(job, after)
        return after

    def _age(self, job: Job) -> timedelta:
        return self._clock.now() - (job.closed_at or job.first_seen_at)

    def _evidence(self, job: Job, known: _Known, plan: Plan) -> Evidence:
        shop = self._settings.shop
        if known.account is not None:
            # What was euros does not become francs because more is known of the run.
            shop = replace(shop, currency=known.account.currency)
        watch = self._watches.get(job.id) or RunWatch(job_id=job.id, printer_id=job.printer_id)
        told = self._recalled.get((job.printer_id, job.identity.printer_job_id or ""))
        if told is not None and told > (watch.measured_mm or 0.0):
            watch = replace(watch, measured_mm=told)
        return Evidence(
            job=job,
            watch=watch,
            extrusion=plan.extrusion,
            plate=plan.plate,
            energy=self._meters.of(job.id) or NO_ENERGY,
            settings=shop,
            machine=self._settings.machine(job.printer_id),
            by_bytes=known.kind in _BY_BYTES,
        )

    def _forget(self, job_id: UUID) -> None:
        self._files.forget(job_id)
        self._watches.pop(job_id, None)
        self._dirty.discard(job_id)
        self._over.discard(job_id)

    def _reckon_soon(self, job: Job) -> None:
        self._waiting[job.id] = job
        self._work.set()

    # -- what people ask and put right -------------------------------------------------------

    async def get(self, job_id: UUID) -> JobAccount | None:
        """Read the account of a run; None while it is open. Raises StoreError."""
        return await self._store.run(accounts.get, job_id)

    def expects(self, job_id: UUID) -> bool:
        """Whether more will be known of a closed run by itself: its energy, or its file."""
        return self._files.waits(job_id) or self._meters.follows(job_id)

    async def page(
        self, which: JobFilter, *, after: Cursor | None = None, limit: int = 50
    ) -> tuple[JobPage, dict[UUID, JobAccount]]:
        """Read a page of runs, newest first, and the accounts of those that have one.

        after: where the page before ended. limit: 1 to 200. Raises StoreError.
        """
        return await self._store.run(_page, which, after, limit)

    async def correct(
        self,
        job_id: UUID,
        *,
        reason: str,
        by: str | None,
        consumption: Sequence[Consumption] | None = None,
        pieces: int | None = None,
        outcome: Outcome | None = None,
    ) -> JobAccount:
        """Put right what a run took, how many pieces came out good, or how it ended.

        The reason is kept with what stood there before. The run itself stays in its chain as it
        was seen; reports go by the account. Raises NotAllowed: no_job, account_corrected;
        StoreError.
        """
        job, before = await self._store.run(_stands, job_id)
        if job is None or before is None:
            raise NotAllowed("there is no account of such a job", key="no_job")
        reopened = outcome is not None and outcome is not job.outcome
        job = replace(job, outcome=outcome or job.outcome)
        after = corrected(
            replace(before, at=self._clock.now()),
            job,
            self._settings.shop,
            self._settings.machine(job.printer_id),
            lines=consumption,
            pieces=pieces,
            reopened=reopened,
        )
        zone = self._settings.shop.time_zone
        async with self._noting:
            await self._store.run(
                _correct,
                job,
                before,
                after,
                by=by,
                reason=reason,
                settled=not self._meters.follows(job_id),
                zone=zone,
            )
            self._forget(job_id)
        await self._shelf.refresh()
        self._tell(job, after)
        return after

    async def preview(
        self,
        printer_id: str,
        extrusion: Extrusion | None,
        plate: PlateFacts | None,
        slots: Sequence[str | None] = (),
    ) -> Breakdown:
        """Return what a file is expected to cost on a printer, with the spools that hang there."""
        job, watch = self._imagined(printer_id, JobIdentity(), slots)
        return preview(
            Evidence(
                job=job,
                watch=watch,
                extrusion=extrusion,
                plate=plate,
                settings=self._settings.shop,
                machine=self._settings.machine(printer_id),
            )
        )

    async def short_of(
        self, printer_id: str, path: str, plate: int | None, slots: Sequence[str | None] = ()
    ) -> tuple[Shortage, ...]:
        """Return where what hangs is less than a file on a printer wants. Raises StoreError."""
        job, watch = self._imagined(printer_id, JobIdentity(path=path, plate=plate), slots)
        plan = await self._plans.known(job)
        return self._shelf.short_of(printer_id, needs(watch, plan.extrusion, plan.plate))

    def _imagined(
        self, printer_id: str, identity: JobIdentity, slots: Sequence[str | None]
    ) -> tuple[Job, RunWatch]:
        """Return a run as it would begin now."""
        job = Job(
            id=uuid4(),
            printer_id=printer_id,
            identity=identity,
            state=JobState.PREPARING,
            started_at=None,
            first_seen_at=self._clock.now(),
        )
        status = self._plans.status_of(printer_id) or PrinterStatus(state=PrinterState.UNKNOWN)
        hung = self._hung(printer_id)
        return job, begin(job, status, hung, plan=tuple(slots), late=False)

    def subscribe(self, listener: AccountListener) -> Callable[[], None]:
        """Hear every account that was reckoned or corrected; returns how to stop."""
        return self._listeners.add(listener)

    def _tell(self, job: Job, account: JobAccount) -> None:
        self._listeners.tell(job, account)


# -- transactions, on the store's thread -------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class _Known:
    """What the database says of a closed run."""

    account: JobAccount | None
    settled: bool
    kind: str | None
    """Of its printer."""


def _known(connection: Connection, job: Job) -> _Known:
    return _Known(
        account=accounts.get(connection, job.id),
        settled=accounts.is_settled(connection, job.id),
        kind=printers.kind_of(connection, job.printer_id),
    )


def _stands(connection: Connection, job_id: UUID) -> tuple[Job | None, JobAccount | None]:
    """Read a run, with the end that a person may have put right before, and its account."""
    job = jobs.get(connection, job_id)
    if job is not None:
        job = replace(job, outcome=accounts.outcome(connection, job_id) or job.outcome)
    return job, accounts.get(connection, job_id)


def _page(
    connection: Connection, which: JobFilter, after: Cursor | None, limit: int
) -> tuple[JobPage, dict[UUID, JobAccount]]:
    page = jobs.page(connection, which, after=after, limit=limit)
    return page, accounts.of(connection, [job.id for job in page.jobs])


def _write(
    connection: Connection, evidence: Evidence, at: datetime, *, settled: bool
) -> JobAccount:
    """Reckon and write; whose it is is read here, so that nobody's word comes in between."""
    job, shop = evidence.job, evidence.settings
    account = reckon(evidence, assigned(shop, job, assignments.of(connection, job.id)), at)
    accounts.record(connection, job, account, settled=settled, zone=ZoneInfo(shop.time_zone))
    stock.consume(connection, job.id, account.consumption, at)
    return account


def _correct(
    connection: Connection,
    job: Job,
    before: JobAccount,
    after: JobAccount,
    *,
    by: str | None,
    reason: str,
    settled: bool,
    zone: str,
) -> None:
    if after.customer_id is not None:
        reason = without_person(reason, customers.get(connection, after.customer_id)) or reason
    accounts.correct(
        connection,
        job,
        before,
        after,
        by=by,
        reason=reason,
        settled=settled,
        zone=ZoneInfo(zone),
    )
    stock.consume(connection, job.id, after.consumption, after.at)


def _settle(
    connection: Connection, job: Job, account: JobAccount, *, settled: bool, zone: str
) -> None:
    accounts.record(connection, job, account, settled=settled, zone=ZoneInfo(zone))
