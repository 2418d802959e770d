"""Counting energy without a break: windows of runs, standby, prices, kills."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, time, timedelta
from decimal import Decimal as N
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.account import Confidence, EnergyUse, Source
from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.job import (
    Job,
    JobEvent,
    JobEventKind,
    JobIdentity,
    JobState,
    Outcome,
)
from custom_components.printernizer.engine.memory import Memory
from custom_components.printernizer.engine.printer import (
    PrinterState,
    PrinterStatus,
    Temperature,
)
from custom_components.printernizer.engine.shop import (
    EnergyPolicy,
    MachineProfile,
    PriceBand,
    ShopSettings,
)
from custom_components.printernizer.engine.store import energy, jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.meters import Meters
from custom_components.printernizer.engine.workshop.settings import Settings
from tests.hand_clock import HandClock

METERED = MachineProfile(energy_entity="sensor.plug", cool_down_minutes=N(10))


class Shop:
    """Meters with what a test needs to turn them and to hear them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.clock = HandClock()
        self.settings = Settings()
        self.settings.describe("P1", METERED)
        self.told: list[tuple[UUID, EnergyUse]] = []
        self.meters = self.open()

    def open(self) -> Meters:
        """Make meters as a new process does."""
        meters = Meters(self.store, self.settings, self.clock)
        meters.subscribe(lambda job_id, use: self.told.append((job_id, use)))
        return meters

    def price(self, per_kwh: str, *bands: PriceBand, **more: object) -> None:
        policy = EnergyPolicy(per_kwh=N(per_kwh), bands=bands, **more)  # type: ignore[arg-type]
        self.settings.apply(ShopSettings(energy=policy))

    def reads(self, kwh: str) -> None:
        self.meters.sample("P1", meter_kwh=N(kwh))

    def job(self) -> Job:
        return Job(
            id=uuid4(),
            printer_id="P1",
            identity=JobIdentity(name="cube"),
            state=JobState.PRINTING,
            started_at=self.clock.now(),
            first_seen_at=self.clock.now(),
        )

    def says(self, kind: JobEventKind, job: Job, *, live: bool = True) -> None:
        self.meters.on_job(JobEvent(kind=kind, job=job, at=self.clock.now(), live=live))

    def starts(self, *, live: bool = True) -> UUID:
        job = self.job()
        self.says(JobEventKind.STARTED, job, live=live)
        self.running = job
        return job.id

    def ends(self, kind: JobEventKind = JobEventKind.FINISHED, *, live: bool = True) -> None:
        self.says(kind, replace(self.running, ended_at=self.clock.now()), live=live)

    async def heard(self, job_id: UUID) -> EnergyUse:
        """Wait until the energy of a run is final and durable."""
        async with asyncio.timeout(5):
            while self.meters.follows(job_id):
                await asyncio.sleep(0.005)
        assert dict(self.told)[job_id] == self.meters.of(job_id)
        assert await self.store.run(energy.find, job_id) == self.meters.of(job_id)
        return dict(self.told)[job_id]

    async def standby(self) -> dict[date, N]:
        rows = await self.store.run(energy.standby, date(2026, 11, 1), date(2026, 12, 1))
        return {row.day: row.kwh for row in rows}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    async with Store(f"sqlite:///{tmp_path}/ledger.db") as store:
        made = Shop(store)
        async with made.meters:
            yield made


async def test_a_run_is_counted_from_heat_up_to_cool_down(shop: Shop) -> None:
    """What cools down after a run was heated for it; standby is nobody's."""
    shop.price("0.20")
    shop.reads("10.0")
    shop.reads("10.1")
    job = shop.starts()
    await shop.clock.advance(3600)
    shop.reads("10.5")
    assert shop.meters.of(job) == EnergyUse(
        kwh=N("0.4"), amount=N("0.08"), source=Source.METER, confidence=Confidence.HIGH
    )
    shop.ends()
    await shop.clock.advance(300)
    shop.reads("10.52")
    assert shop.meters.follows(job)
    assert not shop.told
    await shop.clock.advance(330)
    assert (await shop.heard(job)).kwh == N("0.42")
    shop.reads("10.6")
    assert [told for told, _ in shop.told] == [job]
    shown = shop.meters.energy("P1")
    assert shown is not None
    assert (shown.job_id, shown.job, shown.total_kwh) == (job, shop.meters.of(job), N("0.6"))
    assert shown.total_amount == N("0.12")
    assert shop.meters.of(uuid4()) is None
    assert shop.meters.energy("P9") is None


async def test_the_next_run_ends_the_cooling_of_the_one_before(shop: Shop) -> None:
    shop.reads("1")
    first = shop.starts()
    shop.reads("1.1")
    shop.ends()
    await shop.clock.advance(60)
    shop.reads("1.15")
    second = shop.starts()
    shop.reads("1.20")
    assert (await shop.heard(first)).kwh == N("0.15")
    use = shop.meters.of(second)
    assert use is not None
    assert use.kwh == N("0.05")


async def test_a_printer_that_shows_that_it_is_cold_has_cooled_down(shop: Shop) -> None:
    def shows(degrees: float) -> None:
        bed = Temperature(actual_c=degrees, target_c=0.0)
        shop.meters.on_status("P1", PrinterStatus(state=PrinterState.FINISHED, bed=bed))

    shop.reads("1")
    job = shop.starts()
    shows(60.0)
    shop.ends()
    assert shop.meters.follows(job)
    shows(40.0)
    await shop.heard(job)


async def test_a_run_that_was_under_way_is_counted_from_when_it_was_found(shop: Shop) -> None:
    shop.reads("1")
    job = shop.starts(live=False)
    await shop.clock.advance(60)
    shop.reads("1.1")
    use = shop.meters.of(job)
    assert use is not None
    assert (use.kwh, use.confidence, use.reason) == (N("0.1"), Confidence.LOW, "late_start")
    shop.says(JobEventKind.STARTED, shop.running)  # told twice, it begins once
    assert shop.meters.of(job) == use


async def test_a_run_of_which_nobody_saw_the_end_is_closed_at_once(shop: Shop) -> None:
    shop.reads("1")
    job = shop.starts()
    shop.reads("1.1")
    shop.ends(JobEventKind.ENDED_UNSEEN)
    use = await shop.heard(job)
    assert (use.kwh, use.reason) == (N("0.1"), "end_unseen")
    shop.ends()  # and what is not followed is not ended again
    assert len(shop.told) == 1
    found = shop.starts()
    late = replace(shop.running, ended_at=shop.clock.now() - timedelta(hours=1))
    shop.says(JobEventKind.FINISHED, late, live=False)
    assert (await shop.heard(found)).reason == "end_unseen"


async def test_a_result_found_later_is_not_sure_of_its_energy(shop: Shop) -> None:
    """Home Assistant was away over the end: the standby of that time is in the reading."""
    shop.reads("1")
    job = shop.starts()
    await shop.clock.advance(600)
    shop.reads("1.1")
    shop.says(JobEventKind.FINISHED, shop.running, live=False)
    await shop.clock.advance(630)
    use = await shop.heard(job)
    assert (use.kwh, use.confidence, use.reason) == (N("0.1"), Confidence.LOW, "end_unseen")


@pytest.mark.parametrize(
    ("away_s", "reason"), [(30, None), (3 * 3600, "end_unseen")], ids=["soon", "late"]
)
async def test_a_process_killed_before_it_noted_an_end_learns_of_it(
    shop: Shop, away_s: float, reason: str | None
) -> None:
    """The ledger knew that the run had ended; its standby was counted until the next one began."""
    shop.price("0.20")
    shop.reads("10")
    job = shop.starts()
    await shop.clock.advance(120)
    shop.reads("10.1")
    await shop.clock.advance(90)
    await asyncio.sleep(0.05)
    for task in shop.meters._tasks:  # killed: the ledger writes, the meters do not
        task.cancel()
    await shop.store.run(_ended, replace(shop.running, id=job), shop.clock)
    await shop.clock.advance(away_s)
    shop.meters = shop.open()
    async with shop.meters:
        shop.reads("10.12")
        await shop.clock.advance(630)
        use = await shop.heard(job)
        assert (use.kwh, use.reason) == (N("0.12"), reason)
        assert use.confidence is (Confidence.HIGH if reason is None else Confidence.LOW)
        await shop.clock.advance(3600)
        shop.reads("10.2")
        assert shop.meters.of(job) == use


def _ended(connection: sa.Connection, job: Job, clock: HandClock) -> None:
    """Write what the ledger knew."""
    ended = replace(
        job,
        state=JobState.ENDED,
        outcome=Outcome.COMPLETED,
        ended_at=clock.now(),
        closed_at=clock.now(),
    )
    events = [
        JobEvent(kind=kind, job=each, at=clock.now(), live=True)
        for kind, each in ((JobEventKind.STARTED, job), (JobEventKind.FINISHED, ended))
    ]
    jobs.record(connection, events, [Memory(printer_id=job.printer_id)], clock.now())


async def test_a_killed_process_goes_on_with_the_start_value(shop: Shop) -> None:
    """Home Assistant is updated in the middle of a print: the meter counted on."""
    shop.price("0.20")
    shop.reads("10")
    job = shop.starts()
    await shop.clock.advance(120)
    shop.reads("10.1")
    await shop.clock.advance(90)
    await asyncio.sleep(0.05)
    killed = shop.meters
    for task in killed._tasks:
        task.cancel()
    await shop.clock.advance(600)
    shop.meters = shop.open()
    async with shop.meters:
        assert shop.meters.follows(job)
        shop.meters.unavailable("P1")  # the plug is not there yet
        await shop.clock.advance(60)
        shop.reads("10.4")
        shop.ends()
        await shop.clock.advance(630)
        use = await shop.heard(job)
        assert (use.kwh, use.amount) == (N("0.4"), N("0.08"))
        assert (use.confidence, use.reason) == (Confidence.MEDIUM, "meter_gap")
    again = shop.open()
    async with again:
        assert again.of(job) == use
        shown = again.energy("P1")
        assert shown is not None
        assert (shown.job_id, shown.total_kwh) == (job, N("0.4"))


async def test_prices_change_where_the_clock_changes_them(shop: Shop) -> None:
    """Vector 7 with the price of the clock: nobody reads the meter at ten."""
    night = PriceBand(begins=time(13), ends=time(14), per_kwh=N("0.40"))
    shop.price("0.20", night)
    shop.reads("0")
    job = shop.starts()
    await shop.clock.advance(2 * 3600)  # from noon, in UTC
    shop.reads("0.6")
    use = shop.meters.of(job)
    assert use is not None
    assert use.amount == N("0.18")


async def test_vector_7_with_the_price_of_an_entity(shop: Shop) -> None:
    """And the own roof, and a price that is gone for good: then the plain one holds."""
    shop.price("0.35", price_entity="sensor.price", solar_entity="sensor.roof")
    shop.meters.price(N("0.20"))
    shop.meters.solar(N(0))
    shop.reads("0")
    job = shop.starts()
    await shop.clock.advance(3600)
    shop.reads("0.30")
    shop.meters.price(N("0.40"))
    await shop.clock.advance(3600)
    shop.reads("0.50")
    use = shop.meters.of(job)
    assert use is not None
    assert (use.kwh, use.amount, use.solar_kwh) == (N("0.5"), N("0.14"), N(0))
    shop.meters.solar(N(3))
    await shop.clock.advance(3600)
    shop.reads("1.50")
    use = shop.meters.of(job)
    assert use is not None
    assert (use.amount, use.solar_kwh) == (N("0.14"), N(1))
    shop.meters.price(None)
    shop.meters.solar(None)
    other = shop.starts()
    await shop.clock.advance(3600)
    shop.reads("2.50")
    use = shop.meters.of(other)
    assert use is not None
    assert use.amount == N("0.35")


async def test_vector_13_a_reset_does_not_stop_the_total(shop: Shop) -> None:
    shop.reads("105.0")
    job = shop.starts()
    shop.reads("105.2")
    shop.reads("0.3")
    shop.reads("0.4")
    shop.ends(JobEventKind.ENDED_UNSEEN)
    assert await shop.heard(job) == EnergyUse(reason="meter_reset")
    shown = shop.meters.energy("P1")
    assert shown is not None
    assert shown.total_kwh == N("0.3")


async def test_standby_is_summed_by_local_day(shop: Shop) -> None:
    """Overhead of November is not overhead of December."""
    shop.settings.apply(ShopSettings(time_zone="Asia/Tokyo"))  # noon in UTC is 21:00
    shop.reads("1")
    await shop.clock.advance(3600)
    shop.reads("1.01")
    await shop.clock.advance(3 * 3600)
    shop.reads("1.05")
    job = shop.starts()
    shop.reads("1.5")
    shop.ends(JobEventKind.ENDED_UNSEEN)
    await shop.heard(job)
    shop.reads("1.52")
    assert await shop.standby() == {date(2026, 11, 20): N("0.01"), date(2026, 11, 21): N("0.04")}
    shop.clock.jump(timedelta(days=4))
    await shop.clock.advance(960)
    await asyncio.sleep(0.05)
    assert (await shop.standby())[date(2026, 11, 21)] == N("0.06")
    assert not shop.meters._standby


async def test_power_that_stays_the_same_is_counted_on(shop: Shop) -> None:
    """A sensor tells changes only; a steady 100 W for two hours is 0.2 kWh."""
    shop.settings.describe("P1", MachineProfile(power_entity="sensor.power"))
    job = shop.starts()
    shop.meters.sample("P1", power_w=N(100))
    await shop.clock.advance(7200)
    use = shop.meters.of(job)
    assert use is not None
    assert (use.kwh, use.source) == (N("0.2"), Source.POWER)
    shop.clock.jump(timedelta(days=-1))  # a time server sets the clock
    await shop.clock.advance(3600)
    use = shop.meters.of(job)
    assert use is not None
    assert use.kwh == N("0.3")


async def test_without_a_meter_the_model_estimates(shop: Shop) -> None:
    shop.settings.describe("P1", MachineProfile())
    heard: list[None] = []

    def broken() -> None:
        raise RuntimeError

    shop.meters.watch("P1", broken)
    stop = shop.meters.watch("P1", lambda: heard.append(None))
    shop.meters.on_status("P1", PrinterStatus(state=PrinterState.PREPARING))
    job = shop.starts()
    await shop.clock.advance(360)
    shop.meters.on_status("P1", PrinterStatus(state=PrinterState.PRINTING))
    await shop.clock.advance(3600)
    shop.meters.on_status("P1", None)
    shop.meters.on_status("P1", PrinterStatus(state=PrinterState.IDLE))
    use = shop.meters.of(job)
    assert use is not None
    assert (use.kwh, use.source, use.confidence) == (N("0.145"), Source.MODEL, Confidence.LOW)
    assert heard
    stop()
    stop()


async def test_another_meter_in_the_middle_makes_the_run_unknown(shop: Shop) -> None:
    shop.reads("1")
    job = shop.starts()
    shop.settings.describe("P1", replace(METERED, energy_entity="sensor.other"))
    shop.reads("700")
    shop.reads("701")
    assert shop.meters.of(job) == EnergyUse(reason="meter_changed")
    shop.settings.describe("P1", MachineProfile(power=None))
    shop.ends()
    assert shop.meters.of(shop.starts()) == EnergyUse(reason="no_meter")


async def test_a_database_that_takes_no_writes_loses_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told once it is durable, and not before."""
    run, broken = shop.store.run, True

    async def failing(*args: object, **more: object) -> object:
        if broken and args[0] is energy.save:
            raise StoreError("full")
        return await run(*args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(shop.store, "run", failing)
    shop.meters.subscribe(lambda _job, _use: 1 / 0)  # a listener that fails harms no other
    shop.reads("1")
    job = shop.starts()
    shop.reads("1.5")
    shop.ends(JobEventKind.ENDED_UNSEEN)
    await asyncio.sleep(0.02)
    assert shop.meters.follows(job)
    assert not shop.told
    broken = False
    await shop.clock.advance(30)
    assert (await shop.heard(job)).kwh == N("0.5")


async def test_one_printer_does_not_end_the_counting_of_all(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    shop.reads("1")
    with monkeypatch.context() as patch:
        patch.setattr(shop.meters, "_end_if_due", lambda *_: 1 / 0)
        await shop.clock.advance(30)
    assert "P1: its energy could not be counted" in caplog.text
    job = shop.starts()
    shop.ends()
    await shop.clock.advance(630)
    await shop.heard(job)


def _begun(connection: sa.Connection, job: Job, clock: HandClock) -> None:
    """Write what the ledger knew of a run under way."""
    started = JobEvent(kind=JobEventKind.STARTED, job=job, at=clock.now(), live=True)
    jobs.record(connection, [started], [Memory(printer_id=job.printer_id)], clock.now())


async def _killed(shop: Shop) -> None:
    """Write what is due, and stop at once."""
    await asyncio.sleep(0.05)
    for task in shop.meters._tasks:
        task.cancel()
    await asyncio.gather(*shop.meters._tasks, return_exceptions=True)


@pytest.mark.parametrize("cooling", [False, True], ids=["after_standby", "after_a_run"])
async def test_a_kill_before_the_meter_noted_a_start_costs_no_energy(
    shop: Shop, *, cooling: bool
) -> None:
    """The ledger knew of the run, the meter did not: it goes on from the last reading before."""
    shop.price("0.20")
    shop.reads("10")
    before = None
    if cooling:
        before = shop.starts()
        shop.ends()
    else:
        shop.meters._changed("P1", shop.meters._counts["P1"])
    await _killed(shop)
    job = shop.job()
    await shop.store.run(_begun, job, shop.clock)
    await shop.clock.advance(600)
    shop.meters = shop.open()
    async with shop.meters:
        shop.reads("10.3")
        shop.running = job
        shop.ends()
        await shop.clock.advance(630)
        use = await shop.heard(job.id)
        assert (use.kwh, use.confidence, use.reason) == (N("0.3"), Confidence.LOW, "late_start")
        if before is not None:
            assert (await shop.heard(before)).reason == "end_unseen"
        assert await shop.standby() == {}


async def test_a_run_of_which_no_reading_is_stored_is_counted_from_when_it_is_found(
    shop: Shop,
) -> None:
    """The first job ever, and Home Assistant is killed in its first minute."""
    await _killed(shop)
    job = shop.job()
    await shop.store.run(_begun, job, shop.clock)
    shop.meters = shop.open()
    async with shop.meters:
        shop.reads("10")
        await shop.clock.advance(60)
        shop.reads("10.1")
        use = shop.meters.of(job.id)
        assert use is not None
        assert (use.kwh, use.reason) == (N("0.1"), "late_start")


async def test_a_printer_of_another_house_is_counted_there(shop: Shop) -> None:
    """Two houses keep one ledger: what this one has not heard, it does not end or write over."""
    shop.reads("10")
    shop.starts()
    shop.ends()
    await _killed(shop)
    elsewhere = Shop(shop.store)
    elsewhere.settings = Settings()
    other = elsewhere.open()
    async with other:
        await elsewhere.clock.advance(3600)
        await asyncio.sleep(0.05)
        assert not elsewhere.told
        assert await shop.store.run(energy.last_runs, 10) == ()


async def test_years_without_a_reading_are_not_split_by_price(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A board that began in 1970 would hold up the house for minutes, for each printer."""
    night = PriceBand(begins=time(22), ends=time(6), per_kwh=N("0.10"))
    shop.price("0.30", night)
    shop.reads("10")
    shop.meters._changed("P1", shop.meters._counts["P1"])
    await _killed(shop)
    shop.clock.jump(timedelta(days=20_000))
    shop.meters = shop.open()
    monkeypatch.setattr(shop.meters, "_next_change", lambda _: 1 / 0)
    async with shop.meters:
        shop.reads("11")
        shown = shop.meters.energy("P1")
        assert shown is not None
        assert (shown.total_kwh, shown.total_amount) == (N(1), N("0.3"))
        monkeypatch.undo()


async def test_standby_is_kept_where_a_board_begins_with_an_old_date(shop: Shop) -> None:
    """Without a clock of its own it lives last month for a minute, and then today again."""
    shop.reads("10")
    shop.reads("10.5")
    async with shop.open():  # nothing is left to be written
        pass
    await shop.meters.__aexit__(None, None, None)
    assert list((await shop.standby()).values()) == [N("0.5")]
    shop.clock.jump(timedelta(days=-30))
    shop.meters = shop.open()
    async with shop.meters:
        shop.clock.jump(timedelta(days=30))
        shop.reads("10.7")
    assert list((await shop.standby()).values()) == [N("0.7")]


async def test_writing_goes_on_after_a_bug(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """One value that no database takes must not cost the energy of every later run."""
    with monkeypatch.context() as patch:
        patch.setattr(energy, "save", lambda *_: 1 / 0)
        shop.reads("1")
        shop.starts()
        await asyncio.sleep(0.05)
    job = shop.starts()
    shop.reads("1.5")
    shop.ends()
    await shop.clock.advance(630)
    assert (await shop.heard(job)).kwh == N("0.5")
