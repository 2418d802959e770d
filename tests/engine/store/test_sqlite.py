"""What happens to a file on a disk: full, broken, old, killed in the middle."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.errors import StoreError
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.store import (
    database,
    jobs,
    migrate,
    printers,
    starts,
)
from custom_components.printernizer.engine.store.chain import ChainReport
from custom_components.printernizer.engine.store.database import Store, set_aside
from custom_components.printernizer.engine.store.schema import JOB_EVENTS, JOBS

from ..story import Story
from .test_contract import a_start, a_story, recorded

pytestmark = pytest.mark.from_scratch

DATABASES = Path(__file__).parent / "databases"
PACKAGE = Path(__file__).parents[3] / "custom_components/printernizer"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


async def filled(path: Path, runs: int = 30) -> Story:
    async with Store(url_of(path)) as store:
        return await recorded(store, a_story(runs))


async def test_a_file_that_is_no_database_is_left_as_it_is(path: Path) -> None:
    """An empty ledger in its place would look like a healthy one."""
    path.write_bytes(b"this was a ledger once" * 1000)
    before = path.read_bytes()
    with pytest.raises(StoreError) as refusal:
        await Store(url_of(path)).open()
    assert refusal.value.key == "store_broken"
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("damage", ["truncated", "overwritten"])
async def test_a_damaged_file_is_found_and_left_as_it_is(path: Path, damage: str) -> None:
    await filled(path)
    whole = path.read_bytes()
    if damage == "truncated":
        path.write_bytes(whole[: len(whole) // 2])
    else:
        path.write_bytes(whole[:8192] + random.Random(1).randbytes(40_000) + whole[48_192:])
    before = path.read_bytes()
    with pytest.raises(StoreError) as refusal:
        await Store(url_of(path)).open()
    assert refusal.value.key == "store_broken"
    assert refusal.value.placeholders["path"] == str(path)
    assert path.read_bytes() == before


async def test_a_broken_file_is_set_aside_only_when_asked(path: Path) -> None:
    path.write_bytes(b"garbage")
    path.with_name(path.name + "-wal").write_bytes(b"its journal")
    aside = set_aside(url_of(path), "20261120")
    assert aside.read_bytes() == b"garbage"
    assert aside.with_name(aside.name + "-wal").read_bytes() == b"its journal"
    async with Store(url_of(path)) as store:
        assert await store.run(printers.load_all) == ()
    with pytest.raises(StoreError, match="exists already"):
        set_aside(url_of(path), "20261120")


async def test_an_empty_file_becomes_a_ledger(path: Path) -> None:
    path.touch()
    async with Store(url_of(path)) as store:
        assert await store.run(printers.load_all) == ()


async def test_a_folder_in_place_of_the_file_is_told(path: Path) -> None:
    path.mkdir()
    with pytest.raises(StoreError):
        await Store(url_of(path)).open()


async def test_nobody_waits_for_an_opening_that_was_given_up(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that is gone takes long to say so: Home Assistant's loop must not stand still."""
    begun, go_on, disposed = threading.Event(), threading.Event(), threading.Event()
    really = database._open

    def slow(url: str, migrations: Path) -> sa.Engine:
        begun.set()
        go_on.wait(3)
        engine = really(url, migrations)
        sa.event.listen(engine, "engine_disposed", lambda _: disposed.set())
        return engine

    monkeypatch.setattr(database, "_open", slow)
    opening = asyncio.ensure_future(Store(url_of(path)).open())
    await asyncio.to_thread(begun.wait, 5)
    opening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await opening
    assert not disposed.is_set(), "the loop stood still until the thread was done"
    go_on.set()
    assert await asyncio.to_thread(disposed.wait, 5), "what came of it is closed"


async def test_closing_that_is_cancelled_still_closes(path: Path) -> None:
    store = Store(url_of(path))
    await store.open()
    hold, disposed = threading.Event(), threading.Event()
    assert store._engine is not None
    sa.event.listen(store._engine, "engine_disposed", lambda _: disposed.set())
    busy = asyncio.ensure_future(store.run(lambda _: hold.wait(3)))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(store.close())
    await asyncio.sleep(0)
    closing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await closing
    assert not disposed.is_set(), "the loop stood still until the transaction was done"
    hold.set()
    assert await busy
    assert await asyncio.to_thread(disposed.wait, 5)


async def test_a_folder_that_cannot_be_made_is_told(path: Path) -> None:
    path.write_bytes(b"")
    with pytest.raises(StoreError, match="folder"):
        await Store(url_of(path / "deeper" / "ledger.db")).open()


@pytest.mark.parametrize(
    "url",
    [
        "sqlite://",
        "sqlite:///:memory:",
        "nonsense",
        "mongodb://u:very-secret@h/d",
        "postgresql://u:very-secret@127.0.0.1:1/d",
    ],
)
async def test_what_cannot_be_opened_is_told_without_the_password(url: str) -> None:
    with pytest.raises(StoreError) as refusal:
        await Store(url).open()
    assert "very-secret" not in str(refusal.value)
    assert refusal.value.key == "store_failed"


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not the address of a database"),
        ("mongodb://u:very-secret@h/d", "not the address of a database"),
        ("postgresql+no_such_driver://u:very-secret@h/d", "not the address of a database"),
        ("oracle://u:very-secret@h/d", "package .+ is not installed"),
    ],
)
async def test_an_address_that_cannot_be_used_says_why(url: str, why: str) -> None:
    """Whoever wants PostgreSQL has to learn which package is missing."""
    with pytest.raises(StoreError, match=why):
        await Store(url).open()


def test_only_files_can_be_set_aside() -> None:
    with pytest.raises(StoreError):
        set_aside("postgresql://u@h/d", "now")


async def test_a_full_disk_refuses_the_whole_transaction(path: Path) -> None:
    """A half-written event would break the chain for ever."""
    story = await filled(path, 2)
    async with Store(url_of(path)) as store:

        def limited(connection: object, events: Story) -> None:
            pages = connection.exec_driver_sql("PRAGMA page_count").scalar()  # type: ignore[attr-defined]
            connection.exec_driver_sql(f"PRAGMA max_page_count={pages + 3}")  # type: ignore[attr-defined]
            jobs.record(connection, events.events, [events.memory], events.at)  # type: ignore[arg-type]

        with pytest.raises(StoreError) as refusal:
            await store.run(limited, a_story(500, "P2"))
        assert refusal.value.key == "disk_full"
        report = await store.run(jobs.verify_chain)
        assert (report.intact, report.length) == (True, len(story.events))
        assert [printer.id for printer in await store.run(printers.load_all)] == ["P1"]


async def test_a_locked_file_is_told_and_later_written(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from custom_components.printernizer.engine.store import database

    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    async with Store(url_of(path)) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match="locked"):
            await recorded(store, a_story())
        other.execute("ROLLBACK")
        other.close()
        await recorded(store, a_story())


async def test_every_commit_is_on_the_disk_when_it_is_reported(path: Path) -> None:
    async with Store(url_of(path)) as store:

        def settings(connection: object) -> list[object]:
            names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers")
            return [
                connection.exec_driver_sql(f"PRAGMA {name}").scalar()  # type: ignore[attr-defined]
                for name in names
            ]

        assert await store.run(settings) == ["wal", 2, 1, 1]


async def test_a_clean_end_leaves_one_file(path: Path) -> None:
    """Whoever copies the ledger while Home Assistant is down copies all of it."""
    await filled(path)
    assert [item.name for item in path.parent.iterdir()] == [path.name]


HEAD = max(item.name[:4] for item in migrate.MIGRATIONS.glob("[0-9]*.py"))
"""The version that this code writes."""
AHEAD = f"{int(HEAD) + 1:04}"


async def _opened_old(path: Path, version: str) -> Store:
    with sqlite3.connect(path) as connection:
        connection.executescript((DATABASES / f"{version}.sql").read_text("utf-8"))
    connection.close()
    return Store(url_of(path))


@pytest.mark.parametrize("version", sorted(file.stem for file in DATABASES.glob("*.sql")))
async def test_a_ledger_of_every_version_opens(path: Path, version: str) -> None:
    """Every later version has to open what an earlier one wrote, and write on in it."""
    async with await _opened_old(path, version) as store:
        report = await store.run(jobs.verify_chain)
        assert (report.intact, report.length) == (True, 14)
        memory = await store.run(printers.load_memory, "P1")
        assert memory.run is not None
        assert memory.run.job.title == "läuft"
        told = (await store.run(starts.verify_chain)).length
        assert told == {"0001": 0, "0002": 2}[version]
        await store.run(starts.record, a_start("P1"))
        await recorded(store, a_story(1, "P2"))
        assert (await store.run(starts.verify_chain)) == ChainReport(length=told + 3)
        assert (await store.run(jobs.verify_chain)).intact
        assert await store.run(migrate.revision) == HEAD
    copies = [item.name for item in path.parent.iterdir() if "before" in item.name]
    assert copies == ([] if version == HEAD else [f"ledger.db.before-{HEAD}"])


async def test_the_new_tables_of_an_old_ledger_are_guarded_too(path: Path) -> None:
    async with await _opened_old(path, "0001") as store:
        await store.run(starts.record, a_start("P1"))
        with pytest.raises(StoreError, match="append-only"):
            await store.run(lambda it: it.exec_driver_sql("DELETE FROM start_events"))
    with sqlite3.connect(path) as raw:
        # Not our connection: no pragma of ours, by either key of the table.
        for number in (1, 7):
            with pytest.raises(sqlite3.IntegrityError, match="append-only"):
                raw.execute(
                    "INSERT OR REPLACE INTO start_events SELECT ?, start_id, number, printer_id,"
                    " 'began', at, detail, hash FROM start_events WHERE id = 1",
                    (number,),
                )
    raw.close()


NEXT = """
from alembic import op
import sqlalchemy as sa
revision = "{ahead}"
down_revision = "{head}"
def upgrade():
    op.add_column("printers", sa.Column("nickname", sa.Text))
    {then}
"""


def _next_version(tmp_path: Path, then: str = "pass") -> Path:
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.MIGRATIONS, folder, ignore=shutil.ignore_patterns("__pycache__"))
    text = NEXT.format(then=then, ahead=AHEAD, head=HEAD)
    (folder / f"{AHEAD}_nickname.py").write_text(text)
    return folder


async def test_a_ledger_is_copied_before_it_is_migrated(path: Path, tmp_path: Path) -> None:
    story = await filled(path, 3)
    migrations = _next_version(tmp_path)
    for _ in range(2):
        async with Store(url_of(path), migrations=migrations) as store:
            assert (await store.run(jobs.verify_chain)).length == len(story.events)
    async with Store(url_of(path.with_name(f"ledger.db.before-{AHEAD}"))) as copy:
        assert (await copy.run(jobs.verify_chain)).length == len(story.events)
    with pytest.raises(StoreError) as refusal:
        await Store(url_of(path)).open()
    assert refusal.value.key == "store_newer"


async def test_every_database_is_migrated_with_what_it_holds(url: str, tmp_path: Path) -> None:
    """A shop on a server updates as one on a file does."""
    async with Store(url) as store:
        story = await recorded(store, a_story(3))
    broken = _next_version(tmp_path, "raise ZeroDivisionError")
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            await Store(url, migrations=broken).open()
    shutil.rmtree(broken)
    async with Store(url, migrations=_next_version(tmp_path)) as store:
        assert await store.run(migrate.revision) == AHEAD
        assert (await store.run(jobs.verify_chain)).length == len(story.events)


async def test_without_a_copy_nothing_is_migrated(path: Path, tmp_path: Path) -> None:
    """A disk with no room for the copy: a person must hear of it, and the old one must stay."""
    await filled(path, 3)
    obstacle = path.with_name(f"ledger.db.before-{AHEAD}.part")
    obstacle.mkdir()
    with pytest.raises(StoreError) as refusal:
        await Store(url_of(path), migrations=_next_version(tmp_path)).open()
    assert "copy" in refusal.value.reason
    obstacle.rmdir()
    async with Store(url_of(path)) as store:
        assert await store.run(migrate.revision) == HEAD


async def test_a_journal_that_cannot_be_written_holds_nothing(path: Path) -> None:
    """A backup that fails must not leave the shop without its ledger."""

    def deny(connection: sa.Connection) -> None:
        raw = connection.connection.driver_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.set_authorizer(
            lambda action, *_: (
                sqlite3.SQLITE_DENY if action == sqlite3.SQLITE_PRAGMA else sqlite3.SQLITE_OK
            )
        )

    async with Store(url_of(path)) as store:
        await store.run(deny)
        with pytest.raises(StoreError, match="journal"):
            await store.hold()
        async with asyncio.timeout(5):
            assert await store.run(printers.load_all) == ()


async def test_damage_under_an_open_ledger_is_named(path: Path) -> None:
    """Cards die while they are in use, not between two starts."""
    await filled(path)
    async with Store(url_of(path)) as store:
        await store.hold()
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(random.Random(1).randbytes(path.stat().st_size - 4096))
        store.go_on()
        await store.run(lambda it: it.exec_driver_sql("PRAGMA cache_size=0").close())
        with pytest.raises(StoreError) as refusal:
            await store.run(jobs.verify_chain)
    assert refusal.value.key == "store_broken"
    assert refusal.value.placeholders["path"] == str(path)


async def test_a_migration_that_fails_leaves_the_old_version(path: Path, tmp_path: Path) -> None:
    story = await filled(path, 3)
    migrations = _next_version(tmp_path, "op.execute('nonsense')")
    with pytest.raises(StoreError):
        await Store(url_of(path), migrations=migrations).open()
    async with Store(url_of(path)) as store:
        assert (await store.run(jobs.verify_chain)).length == len(story.events)


# The engine under another name, without Home Assistant: starts in a fifth of the time.
WRITER = """
import asyncio, sys, types, uuid
from datetime import UTC, datetime, timedelta
package = types.ModuleType("shop")
package.__path__ = [{package!r}]
sys.modules["shop"] = package
from shop.engine.memory import Memory, Seen
from shop.engine.printer import CurrentJob, PrinterState, PrinterStatus
from shop.engine.start import StartEvent, StartStep
from shop.engine.store import jobs, starts
from shop.engine.store.database import Store
from shop.engine.tracking import observe

async def main():
    async with Store("sqlite:///" + sys.argv[1]) as store:
        memory, told, step = Memory(printer_id=sys.argv[2]), 0, 0
        while True:
            step += 1
            state = PrinterState.PRINTING if step % 2 else PrinterState.FINISHED
            job = CurrentJob(id=str(step // 2 + step % 2), name="a", progress=0.5)
            at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=step)
            status = PrinterStatus(state=state, job=job)
            memory, events = observe(
                memory, Seen(status=status, at=at, monotonic=step * 60.0, first=step == 1)
            )
            await store.run(jobs.record, events, [memory], at)
            told += len(events)
            steps = [
                StartEvent(
                    start_id=uuid.uuid4(), number=number, printer_id=sys.argv[2], step=kind,
                    at=at, path="/a.gcode", plate=None, attempt=1,
                )
                for number, kind in enumerate((StartStep.SENT, StartStep.BEGAN), 1)
            ]
            await store.run(starts.record, steps)
            print(told, flush=True)
            await asyncio.sleep(0.002)

asyncio.run(main())
"""


def _writer(path: Path, printer: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER.format(package=str(PACKAGE)), str(path), printer],
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_a_kill_in_the_middle_of_writing_loses_nothing_reported(path: Path) -> None:
    """Power cuts and the OOM killer choose their moment themselves. Two processes, one file."""
    chance = random.Random(7)
    for attempt in range(2):
        writers = [_writer(path, f"K{attempt}{number}") for number in range(2)]
        reported = []
        for writer in writers:
            assert writer.stdout is not None
            assert writer.stdout.readline()
        time.sleep(chance.uniform(0.05, 0.3))
        for writer in writers:
            writer.send_signal(signal.SIGKILL)
            rest, _ = writer.communicate()
            numbers = [line for line in rest.split("\n")[:-1] if line.isdigit()]
            reported.append(int(numbers[-1]) if numbers else 0)
        async with Store(url_of(path)) as store:
            assert (await store.run(jobs.verify_chain)).intact
            asked = await store.run(starts.verify_chain)
            assert asked.intact
            assert asked.length % 2 == 0, "a start was torn"
            for number, at_least in enumerate(reported):
                await _whole(store, f"K{attempt}{number}", at_least)


async def _whole(store: Store, printer: str, at_least: int) -> None:
    """Events, runs and memory tell the same story."""
    memory = await store.run(printers.load_memory, printer)
    found = (await store.run(jobs.page, JobFilter(printer_id=printer), limit=100_000)).jobs
    assert memory.runs == len(found)
    assert (memory.run is not None) == any(job.open for job in found)

    def count(connection: sa.Connection) -> int:
        events = sa.select(sa.func.count()).select_from(JOB_EVENTS).join(JOBS)
        return connection.execute(events.where(JOBS.c.printer_id == printer)).scalar_one()

    assert await store.run(count) >= at_least
