"""What every database keeps, one suite for all of them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.file import (
    FilamentFacts,
    FileFacts,
    FileKind,
    PlateFacts,
)
from custom_components.printernizer.engine.job import Job, JobEvent, Outcome
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.memory import Memory
from custom_components.printernizer.engine.start import StartEvent, StartStep
from custom_components.printernizer.engine.store import jobs, migrate, printers, sent, starts
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.schema import CHAIN, JOB_EVENTS
from custom_components.printernizer.engine.store.sent import SentFile

from ..story import BEGINNING, Story


def a_story(runs: int = 3, printer_id: str = "P1", *, outcome: str = "finished") -> Story:
    """Tell of a few prints, the last of them still running."""
    story = Story(printer_id).acquainted()
    for number in range(runs):
        story.passes(60).shows("preparing", f"Würfel {number}", id=str(number), path="/a/ü.3mf")
        story.passes(60).shows("printing", f"Würfel {number}", 0.5, id=str(number), layer=7)
        story.passes(60).shows("paused", f"Würfel {number}", 0.5, id=str(number), layer=7)
        story.passes(60.25).shows(outcome, f"Würfel {number}", 0.5, id=str(number))
    story.passes(60).shows("printing", "läuft", 0.25, id="running", layer=3, origin="local")
    return story


async def recorded(store: Store, story: Story) -> Story:
    """Put a story into a store."""
    await store.run(jobs.record, story.events, [story.memory], story.at)
    return story


def a_start(printer_id: str = "P1") -> list[StartEvent]:
    """Tell of a print that was refused, overridden, sent, and began."""
    start = uuid4()
    steps = (StartStep.SENT, StartStep.NOT_TAKEN, StartStep.BEGAN)
    return [
        StartEvent(
            start_id=start,
            number=number,
            printer_id=printer_id,
            step=step,
            at=BEGINNING + timedelta(seconds=number),
            path="/Würfel.gcode",
            plate=2,
            attempt=1,
            by="0123456789abcdef",
            overridden=("wrong_nozzle: 0.6 mm, not 0.4 mm",),
            key="printer_busy" if step is StartStep.NOT_TAKEN else None,
            reason="it says no" if step is StartStep.NOT_TAKEN else None,
        )
        for number, step in enumerate(steps, 1)
    ]


async def test_what_was_recorded_is_read_back_exactly(store: Store) -> None:
    story = await recorded(store, a_story())
    for job in story.runs:
        assert await store.run(jobs.get, job.id) == job
        told = tuple(event for event in story.events if event.job.id == job.id)
        assert await store.run(jobs.events, job.id) == told
    assert await store.run(jobs.get, uuid4()) is None
    assert (await store.run(jobs.verify_chain)).length == len(story.events)


async def test_a_memory_survives_a_restart(store: Store) -> None:
    """Without it every restart would open the running job again."""
    story = await recorded(store, a_story())
    memory = await store.run(printers.load_memory, "P1")
    assert memory.run is not None
    assert memory.run.job == story.runs[-1]
    assert memory.run.printed
    again = Story()
    again.memory, again.at = memory, story.at
    assert again.shows("printing", "läuft", 0.25, id="running", layer=3) == ()
    assert again.shows("finished", "läuft", 1.0, id="running")
    assert (memory.runs, memory.results, memory.known_ids) == (
        story.memory.runs,
        story.memory.results,
        story.memory.known_ids,
    )
    assert await store.run(printers.load_memories) == (memory,)
    assert await store.run(printers.load_memory, "nobody") == Memory(printer_id="nobody")


async def test_doubt_survives_a_restart(store: Store) -> None:
    story = a_story()
    story.loses_line().passes(10).shows("idle")
    story.passes(100).loses_line()
    await recorded(store, story)
    memory = await store.run(printers.load_memory, "P1")
    assert memory.run is not None
    assert memory.run.doubt_s == 100.0


async def test_open_runs_and_the_last_of_each_printer_are_found(store: Store) -> None:
    one = await recorded(store, a_story())
    two = await recorded(store, a_story(1, "P2"))
    open_runs = await store.run(jobs.open_runs)
    assert {job.id for job in open_runs} == {one.runs[-1].id, two.runs[-1].id}
    assert await store.run(jobs.last_of_each) == {"P1": one.runs[-2], "P2": two.runs[-2]}


async def test_progress_is_carried_forward_for_open_runs_only(store: Store) -> None:
    story = await recorded(store, a_story())
    closed, running = story.runs[0], story.runs[-1]
    story.passes(5).shows("paused", "läuft", 0.75, id="running", layer=9)
    await store.run(jobs.progress, [story.runs[-1], closed_at_zero(closed)])
    now = await store.run(jobs.get, running.id)
    assert now is not None
    assert (now.progress, now.layer, now.state) == (0.75, 9, story.runs[-1].state)
    assert await store.run(jobs.get, closed.id) == closed
    await store.run(jobs.progress, [])


def closed_at_zero(job: Job) -> Job:
    """A late update of a run that is history."""
    from dataclasses import replace

    return replace(job, progress=0.0, layer=0)


async def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    story = await recorded(store, a_story(9))
    which, after, found = JobFilter(printer_id="P1"), None, []
    while True:
        page = await store.run(jobs.page, which, after=after, limit=3)
        assert len(page.jobs) <= 3
        found += page.jobs
        if page.next is None:
            break
        after = page.next
    assert found == list(reversed(story.runs))


async def test_pages_are_filtered(store: Store) -> None:
    story = await recorded(store, a_story(2))
    await recorded(store, a_story(1, "P2", outcome="failed"))

    async def count(**which: object) -> int:
        return len((await store.run(jobs.page, JobFilter(**which))).jobs)  # type: ignore[arg-type]

    assert await count() == 5
    assert await count(printer_id="P2") == 2
    assert await count(outcome=Outcome.FAILED) == 1
    assert await count(open=True) == 2
    assert await count(open=False) == 3
    assert await count(since=story.runs[1].first_seen_at, printer_id="P1") == 2
    assert await count(until=story.runs[1].first_seen_at, printer_id="P1") == 1


async def test_success_counts_completed_and_failed_only(store: Store) -> None:
    """Vector 14: 5 completed, 1 failed, 4 cancelled are 83.3 per cent."""
    story = Story().acquainted()
    for number, outcome in enumerate(["finished"] * 5 + ["failed"] + ["cancelled"] * 4):
        story.passes(60).shows("printing", "a", 0.5, id=str(number))
        story.passes(60).shows(outcome, "a", 0.5, id=str(number))
    await recorded(store, story)
    figures = await store.run(jobs.statistics, JobFilter(printer_id="P1"))
    assert (figures.completed, figures.failed, figures.cancelled, figures.open) == (5, 1, 4, 0)
    assert figures.success == pytest.approx(0.833, abs=0.0005)
    assert figures.time == timedelta(minutes=10)
    nothing = await store.run(jobs.statistics, JobFilter(printer_id="nobody"))
    assert (nothing.success, nothing.time) == (None, timedelta(0))


async def test_a_lost_run_adds_no_hours(store: Store) -> None:
    """Vector 5, up to the report."""
    story = Story().acquainted()
    story.shows("printing", "a", 0.5)
    story.loses_line().passes(51 * 3600).shows("printing", "b", 0.1)
    await recorded(store, story)
    figures = await store.run(jobs.statistics, JobFilter(printer_id="P1"))
    assert (figures.unknown, figures.open, figures.time) == (1, 1, timedelta(0))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE job_events SET kind = 'failed' WHERE id = 1",
        "DELETE FROM job_events WHERE id = 1",
        "DELETE FROM job_events",
    ],
)
async def test_history_refuses_to_be_rewritten(store: Store, statement: str) -> None:
    await recorded(store, a_story())
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(statement))
    assert (await store.run(jobs.verify_chain)).intact


async def test_a_number_is_not_given_twice(store: Store) -> None:
    await recorded(store, a_story())

    def again(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(JOB_EVENTS).limit(1)).mappings().one()
        connection.execute(sa.insert(JOB_EVENTS), [dict(row)])

    with pytest.raises(StoreError):
        await store.run(again)


def _unguarded(connection: sa.Connection, statement: str) -> None:
    """Do what somebody with the file in hand can do."""
    for table in ("job_events", "start_events"):
        if connection.dialect.name == "sqlite":
            for trigger in ("update", "delete", "replace"):
                connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{trigger}")
        else:
            connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("statement", "broken_at", "reason"),
    [
        ("UPDATE job_events SET at = '2020-01-01 00:00:00' WHERE id = 3", 3, "changed"),
        ("UPDATE job_events SET job = '{}' WHERE id = 5", 5, "changed"),
        ("UPDATE job_events SET live = NOT live WHERE id = 5", 5, "changed"),
        ("DELETE FROM job_events WHERE id = 4", 4, "missing"),
        ("DELETE FROM job_events WHERE id > 6", 7, "cut off"),
        ("UPDATE chain SET length = 6 WHERE id = 1", 7, "added"),
    ],
)
async def test_a_hand_in_the_history_is_found(
    store: Store, statement: str, broken_at: int, reason: str
) -> None:
    """A school's event log is worth what it can prove."""
    await recorded(store, a_story())
    await store.run(_unguarded, statement)
    report = await store.run(jobs.verify_chain)
    assert (report.intact, report.broken_at, report.reason) == (False, broken_at, reason)


async def test_starts_are_read_back_exactly_and_the_newest_first(store: Store) -> None:
    one, other = a_start(), a_start("P2")
    await store.run(starts.record, one[:1])
    await store.run(starts.record, other)
    await store.run(starts.record, one[1:])
    await store.run(starts.record, [])
    assert await store.run(starts.of_start, one[0].start_id) == tuple(one)
    assert await store.run(starts.of_printer, "P1") == tuple(reversed(one))
    assert await store.run(starts.of_printer, "P1", limit=1) == (one[-1],)
    assert await store.run(starts.of_start, uuid4()) == ()
    report = await store.run(starts.verify_chain)
    assert (report.intact, report.length) == (True, 6)


async def test_a_start_that_is_recorded_twice_stands_there_once(store: Store) -> None:
    """A commit may succeed although the line to the database breaks before it says so."""
    events = a_start()
    await store.run(starts.record, events[:2])
    await store.run(starts.record, events)
    assert await store.run(starts.of_start, events[0].start_id) == tuple(events)
    assert (await store.run(starts.verify_chain)).length == 3


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE start_events SET step = 'began' WHERE id = 1",
        "DELETE FROM start_events WHERE id = 1",
        "DELETE FROM start_events",
    ],
)
async def test_starts_refuse_to_be_rewritten(store: Store, statement: str) -> None:
    """Who overrode what is worth something only if nobody can take it back."""
    await store.run(starts.record, a_start())
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(statement))
    assert (await store.run(starts.verify_chain)).length == 3


@pytest.mark.parametrize("table", ["job_events", "start_events"])
async def test_history_is_not_emptied_by_another_word(store: Store, url: str, table: str) -> None:
    if url.startswith("sqlite"):
        pytest.skip("SQLite has no such word")
    await recorded(store, a_story())
    await store.run(starts.record, a_start())
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(f"TRUNCATE {table}"))


@pytest.mark.parametrize(
    ("statement", "broken_at", "reason"),
    [
        ("UPDATE start_events SET at = '2020-01-01 00:00:00' WHERE id = 3", 3, "changed"),
        ("UPDATE start_events SET detail = '{}' WHERE id = 5", 5, "changed"),
        ("UPDATE start_events SET step = 'began' WHERE id = 4", 4, "changed"),
        ("UPDATE start_events SET printer_id = 'P2' WHERE id = 4", 4, "changed"),
        ("DELETE FROM start_events WHERE id = 4", 4, "missing"),
        ("DELETE FROM start_events WHERE id > 4", 5, "cut off"),
        ("UPDATE chain SET length = 4 WHERE id = 2", 5, "added"),
    ],
)
async def test_a_hand_in_the_starts_is_found(
    store: Store, statement: str, broken_at: int, reason: str
) -> None:
    await recorded(store, a_story())
    await recorded(store, a_story(1, "P2"))
    await store.run(starts.record, [*a_start(), *a_start()])
    await store.run(_unguarded, statement)
    report = await store.run(starts.verify_chain)
    assert (report.intact, report.broken_at, report.reason) == (False, broken_at, reason)
    assert (await store.run(jobs.verify_chain)).intact, "the other chain is another story"


async def test_two_instances_write_one_chain_of_starts(url: str) -> None:
    printers_of = [a_start(f"P{number}") for number in range(6)]

    async def write(store: Store, events: list[StartEvent]) -> None:
        for event in events:
            await store.run(starts.record, [event])

    async with Store(url) as one, Store(url) as two:
        await asyncio.gather(
            *(write((one, two)[number % 2], events) for number, events in enumerate(printers_of))
        )
        report = await one.run(starts.verify_chain)
    assert (report.intact, report.length) == (True, 18)


async def test_what_a_sent_file_was_sliced_for_is_remembered(store: Store) -> None:
    facts = FileFacts(
        kind=FileKind.THREEMF,
        slicer="BambuStudio",
        slicer_version="02.04.00.70",
        printer_model="N2S",
        plates=(
            PlateFacts(
                number=2,
                nozzles_mm=(0.4, 0.6),
                filaments=(FilamentFacts(index=3, material="PLA", colour="#00AE42"),),
            ),
        ),
    )
    first = SentFile(size_bytes=2**40, facts=facts, sent_at=BEGINNING)
    await store.run(sent.remember, "P1", "/a.3mf", first)
    assert await store.run(sent.find, "P1", "/a.3mf") == first
    later = SentFile(size_bytes=7, facts=FileFacts(), sent_at=BEGINNING + timedelta(days=1))
    await store.run(sent.remember, "P1", "/a.3mf", later)
    assert await store.run(sent.find, "P1", "/a.3mf") == later
    assert await store.run(sent.find, "P2", "/a.3mf") is None
    await store.run(sent.forget, "P1", "/a.3mf")
    await store.run(sent.forget, "P1", "/a.3mf")
    assert await store.run(sent.find, "P1", "/a.3mf") is None


async def test_a_transaction_that_fails_leaves_nothing(store: Store) -> None:
    story = a_story()

    def half(connection: sa.Connection) -> None:
        jobs.record(connection, story.events, [story.memory], story.at)
        raise LookupError("in the middle")

    with pytest.raises(LookupError):
        await store.run(half)
    assert await store.run(printers.load_all) == ()
    assert (await store.run(jobs.verify_chain)).length == 0


async def test_a_repeated_write_adds_nothing_twice(store: Store) -> None:
    """A commit may succeed although the line to the database breaks before it says so."""
    story = a_story()
    await store.run(jobs.record, story.events[:4], [story.memory], story.at)
    await store.run(jobs.record, story.events, [story.memory], story.at, again=True)
    assert (await store.run(jobs.verify_chain)).length == len(story.events)
    assert await store.run(jobs.get, story.runs[-1].id) == story.runs[-1]


async def test_a_time_without_a_zone_is_a_bug_and_zones_end_as_utc(store: Store) -> None:
    with pytest.raises(sa.exc.StatementError, match="without a zone"):
        await store.run(printers.insert, [{"id": "P1", "at": datetime(2026, 1, 1)}])
    berlin = datetime(2026, 7, 1, 12, 0, 0, 123456, timezone(timedelta(hours=2)))
    await store.run(printers.meet, "P1", kind="bambu", model="A1", name="Anna", at=berlin)
    (printer,) = await store.run(printers.load_all)
    assert printer.first_seen == datetime(2026, 7, 1, 10, 0, 0, 123456, UTC)
    assert printer.first_seen.tzinfo is UTC


async def test_meeting_a_printer_again_keeps_the_first_time(store: Store) -> None:
    later = BEGINNING + timedelta(days=1)
    await store.run(printers.meet, "P1", kind="bambu", model="A1", name="Anna", at=BEGINNING)
    await store.run(printers.meet, "P1", kind="bambu", model="A1", name="Berta", at=later)
    (printer,) = await store.run(printers.load_all)
    assert (printer.name, printer.first_seen, printer.last_seen) == ("Berta", BEGINNING, later)


async def test_two_instances_write_one_chain(url: str) -> None:
    """Several sites on one database."""
    stories = [a_story(4, f"P{number}") for number in range(4)]

    async def write(store: Store, story: Story) -> None:
        for event in story.events:
            await store.run(jobs.record, [event], [story.memory], story.at)

    async with Store(url) as one, Store(url) as two:
        await asyncio.gather(
            *(write((one, two)[number % 2], story) for number, story in enumerate(stories))
        )
        report = await one.run(jobs.verify_chain)
    assert (report.intact, report.length) == (True, sum(len(story.events) for story in stories))


@pytest.mark.from_scratch
async def test_two_instances_may_open_a_new_database_at_once(url: str) -> None:
    stores = [Store(url), Store(url)]
    await asyncio.gather(*(store.open() for store in stores))
    for store in stores:
        assert await store.run(jobs.open_runs) == ()
        await store.close()


async def test_opening_again_changes_nothing(url: str) -> None:
    async with Store(url) as store:
        story = await recorded(store, a_story())
    async with Store(url) as store:
        assert (await store.run(jobs.verify_chain)).length == len(story.events)


async def test_a_database_of_the_future_is_left_alone(url: str) -> None:
    """After a downgrade of the integration."""
    async with Store(url) as store:
        await store.run(
            lambda connection: connection.exec_driver_sql(
                "UPDATE alembic_version SET version_num = '9999'"
            )
        )
    with pytest.raises(StoreError) as refusal:
        await Store(url).open()
    assert (refusal.value.key, refusal.value.placeholders["version"]) == ("store_newer", "9999")


async def test_a_server_that_falls_silent_does_not_hold_the_ledger_for_hours(
    url: str,
) -> None:
    if not url.startswith("postgresql"):
        pytest.skip("a file does not fall silent")
    async with Store(url) as store:
        asked = await store.run(lambda it: it.connection.driver_connection.info.get_parameters())
    silent = int(asked["keepalives_idle"]) + int(asked["keepalives_interval"]) * int(
        asked["keepalives_count"]
    )
    assert silent <= 60
    assert 0 < int(asked["tcp_user_timeout"]) <= 60_000


async def test_a_closed_store_says_so(url: str) -> None:
    store = Store(url)
    await store.open()
    await store.close()
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.run(jobs.open_runs)


def _told_to_sqlalchemy(name: str | None, kind: str, parents: object) -> bool:
    """The index of words is each database's own, and no table or index of SQLAlchemy's."""
    return not (name or "").startswith("library_text")


async def test_the_tables_are_what_the_code_believes(store: Store) -> None:
    """Migrations and schema.py are two descriptions of one thing."""
    from alembic.autogenerate import compare_metadata
    from alembic.runtime.migration import MigrationContext

    from custom_components.printernizer.engine.store.schema import METADATA

    for tables in Path(migrate.__file__).parent.glob("*_tables.py"):
        import_module(f"custom_components.printernizer.engine.store.{tables.stem}")

    def differences(connection: sa.Connection) -> list[object]:
        opts = {"compare_type": False, "include_name": _told_to_sqlalchemy}
        context = MigrationContext.configure(connection, opts=opts)
        return list(compare_metadata(context, METADATA))

    assert await store.run(differences) == []
    assert (
        await store.run(
            lambda connection: connection.execute(
                sa.select(CHAIN.c.id, CHAIN.c.length).order_by(CHAIN.c.id)
            ).all()
        )
    ) == [(1, 0), (2, 0), (3, 0)]


async def test_while_it_is_held_nothing_is_written(store: Store) -> None:
    """A backup that copies a file in motion copies garbage."""
    await store.hold()
    writing = asyncio.create_task(recorded(store, a_story()))
    await asyncio.sleep(0.05)
    assert not writing.done()
    store.go_on()
    await writing
    await store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.hold()


async def test_history_in_bulk_goes_through_the_chain_quickly(store: Store) -> None:
    """Ninety days of a demo's fleet; JobEvents as the fold makes them."""
    story = a_story(2500)
    events: list[JobEvent] = story.events
    assert len(events) > 10_000
    await store.run(jobs.record, events, [story.memory], story.at)
    report = await store.run(jobs.verify_chain)
    assert (report.intact, report.length) == (True, len(events))
