"""Facts about a running demo, one line each: what CI believes."""

from __future__ import annotations

import asyncio
import re
import sqlite3
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from custom_components.printernizer.engine.store import jobs, starts
from custom_components.printernizer.engine.store.database import Store

from .check_library import check_library
from .config_folder import DOMAIN
from .dashboard import entities_of
from .facts import Facts

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .config_folder import Entry
    from .home_assistant import HomeAssistant

PATIENCE_S: Final = 150.0
"""At speed 60 a print of ten minutes takes 15 s with heating; everything beyond is waiting."""
_LOOK_S: Final = 1.0
_FEWEST_ENTITIES: Final = 10
_TROUBLE: Final = re.compile(r"^\S+ \S+ (?:ERROR|CRITICAL) .*$", re.MULTILINE)
_BLOCKING: Final = "Detected blocking call"


async def check(home: HomeAssistant, entries: Sequence[Entry], key: str, *, since: float) -> int:
    """Print all facts; returns 0 when every one is good.

    key: of a slicer that may send files. since: monotonic start of the demo.
    """
    facts = Facts()
    facts.tell(True, f"Home Assistant is up after {time.monotonic() - since:.0f} s")
    for entry in entries:
        await _online(facts, home, entry)
    # The print takes its time; so much of it is used.
    ended, _ = await asyncio.gather(_first_complete_job(home), check_library(facts, home, key))
    if ended is None:
        facts.tell(False, f"no print was seen to start and finish in {PATIENCE_S:.0f} s")
    else:
        printer, job = ended["printer"], ended["job"]
        facts.tell(True, f"{printer} started and finished {job['name']!r}, on the event bus")
        await _in_the_ledger(facts, home.folder / "printernizer" / "ledger.db", job)
    await _intact(facts, home.folder / "printernizer" / "ledger.db")
    _quiet(facts, home.log_text())
    facts.tell(facts.good, f"in all {time.monotonic() - since:.0f} s")
    return 0 if facts.good else 1


async def _online(facts: Facts, home: HomeAssistant, entry: Entry) -> None:
    state, found = None, {}
    with suppress(TimeoutError):
        async with asyncio.timeout(30):
            while state in {None, "unavailable", "unknown"}:
                await asyncio.sleep(_LOOK_S / 2)
                found = await entities_of(home, entry.unique_id)
                states = await home.states()
                state = states.get(found.get(("sensor", "state"), ""), {}).get("state")
    facts.tell(state not in {None, "unavailable", "unknown"}, f"{entry.title} is online: {state}")
    enough = len(found) >= _FEWEST_ENTITIES and ("event", "job") in found
    facts.tell(enough, f"{entry.title} has {len(found)} entities switched on")


async def _first_complete_job(home: HomeAssistant) -> Any:
    """Wait for a job that Home Assistant announced from its start to its end."""
    started: set[str] = set()
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            async for event in home.events(f"{DOMAIN}_job"):
                data = event["data"]
                if data["kind"] == "started":
                    started.add(data["job"]["id"])
                if data["kind"] == "finished" and data["job"]["id"] in started:
                    return data
    return None


async def _in_the_ledger(facts: Facts, database: Path, job: dict[str, Any]) -> None:
    """Look for the job with our own eyes: plain SQL on the file, opened read-only."""
    row = await asyncio.to_thread(_row, database, job["id"])
    facts.tell(row == ("completed", "reported", 1), f"it stands in the ledger, closed once: {row}")


def _row(database: Path, job_id: str) -> Any:
    with _reading(database) as connection:
        return connection.execute(
            "SELECT outcome, certainty, (SELECT count(*) FROM job_events WHERE job_id = jobs.id"
            " AND kind IN ('finished', 'failed', 'cancelled', 'ended_unseen'))"
            " FROM jobs WHERE id = ?",
            (job_id.replace("-", ""),),
        ).fetchone()


def _reading(database: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"file:{database}?mode=ro", uri=True)


async def _intact(facts: Facts, database: Path) -> None:
    async with Store(f"sqlite:///{database}") as store:
        report = await store.run(jobs.verify_chain)
        asked = await store.run(starts.verify_chain)
    facts.tell(report.intact, f"the chain of {report.length} job events verifies")
    facts.tell(asked.intact, f"the chain of {asked.length} start events verifies")


def _quiet(facts: Facts, log: str) -> None:
    ours = [line for line in _TROUBLE.findall(log) if DOMAIN in line]
    facts.tell(not ours, f"no error of the integration in Home Assistant's log {ours[:3] or ''}")
    # Home Assistant watches its own event loop and names who held it up.
    blocked = [line for line in log.splitlines() if _BLOCKING in line and DOMAIN in line]
    facts.tell(not blocked, f"no blocking call in the event loop {blocked[:3] or ''}")
