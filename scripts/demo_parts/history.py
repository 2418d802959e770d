"""Ninety days of believable jobs, told as printers would have told them.

No row is made up: statuses go through the integration's own fold at their own (past) moments,
and what follows from them is written by its own store, chain and all. The same seed tells the
same story.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import count
from random import Random
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Problem,
)
from custom_components.printernizer.engine.store import jobs
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.tracking import Lost, Memory, Seen, observe

from .back_office import write_back_office

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from custom_components.printernizer.engine.job import JobEvent

DAYS: Final = 90
_SEED: Final = 20260801
_ZONE: Final = ZoneInfo("Europe/Berlin")
_OPENS, _CLOSES = time(7, 45), time(18, 30)

_FILES: Final = (
    ("cable clip x12", 55, 38),
    ("knurled knob M5", 42, 60),
    ("twisted vase", 215, 400),
    ("camera mount v3", 160, 210),
    ("gridfinity 2x1", 95, 140),
    ("gridfinity base 4x4", 310, 44),
    ("phone stand", 180, 230),
    ("name tag Werkstatt", 28, 12),
    ("drill guide 35mm", 125, 90),
    ("lamp shade", 640, 520),
    ("sensor case", 75, 110),
    ("sensor case lid", 30, 18),
    ("spool holder", 420, 300),
    ("bracket left", 110, 150),
    ("bracket right", 110, 150),
    ("door stop", 70, 95),
)
"""Name, minutes on the standard profile, layers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PastPrinter:
    """A printer as far as its past goes."""

    printer_id: str
    suffix: str
    folder: str = "/"
    pace: float = 1.0
    """Minutes it takes for what takes others one."""
    busy: float = 0.8
    """How likely somebody starts something as soon as it is free, in opening hours."""
    first_id: int | None = None
    """The printer's own number of its first job; None where it has none."""
    number: str = "d"
    """How it writes these numbers."""
    slot: str = "tool_0"
    """Where the spool hangs from which it prints."""
    trouble: str = "0300_8003"
    """What it says when a job fails."""

    @classmethod
    def of(cls, serial: str, kind: str) -> PastPrinter:
        """Return what jobs on this kind of printer look like."""
        match kind:
            case "bambu":
                # Plates from a slicer in the local network carry no number of the printer's own.
                return cls(
                    printer_id=serial,
                    suffix=".gcode.3mf",
                    folder="/cache/",
                    pace=0.8,
                    slot="0_0",
                )
            case "prusalink":
                return cls(printer_id=serial, suffix=".gcode", first_id=100, trouble="ERROR")
            case "moonraker":
                return cls(
                    printer_id=serial,
                    suffix=".gcode",
                    pace=0.5,
                    first_id=0xA000,
                    number="06X",
                    trouble="KLIPPER",
                    slot="external",
                )
            case "octoprint":
                folder, trouble = "/local/", "FIRMWARE"
                return cls(printer_id=serial, suffix=".gcode", folder=folder, trouble=trouble)
            case _:
                return cls(
                    printer_id=serial, suffix=".gcode", busy=0.4, first_id=1, slot="external"
                )


type Moment = tuple[datetime, int, str, PrinterStatus]


async def write_history(database: Path, printers: Sequence[PastPrinter]) -> int:
    """Write the story into a new database; returns how many jobs it tells of."""
    until = datetime.now(UTC) - timedelta(minutes=20)
    memories = {one.printer_id: Memory(printer_id=one.printer_id) for one in printers}
    met: set[str] = set()
    told: list[JobEvent] = []

    def see(printer_id: str, observation: Seen | Lost) -> None:
        memories[printer_id], events = observe(memories[printer_id], observation)
        told.extend(events)

    for at, _, printer_id, status in story(printers, until):
        first = printer_id not in met
        met.add(printer_id)
        seen = Seen(status=status, at=at, monotonic=at.timestamp(), first=first)
        see(printer_id, seen)
    for printer_id in memories:
        # The line to each ends here: what the printers show next is a fact, not a change.
        see(printer_id, Lost(at=until, monotonic=until.timestamp()))
    async with Store(f"sqlite:///{database}") as store:
        await store.run(jobs.record, told, tuple(memories.values()), until)
        await write_back_office(store, [(one.printer_id, one.slot) for one in printers])
    return len({event.job.id for event in told})


def story(
    printers: Sequence[PastPrinter], until: datetime, *, days: int = DAYS
) -> Iterator[Moment]:
    """Yield (when, running number, printer, status) of all printers in the order of time."""
    numbers = count()
    return heapq.merge(*(_life(printer, until, days, numbers) for printer in printers))


def _life(
    printer: PastPrinter, until: datetime, days: int, numbers: Iterator[int]
) -> Iterator[Moment]:
    chance = Random(f"{_SEED} {printer.printer_id}")  # noqa: S311 - a story
    ids = count(printer.first_id) if printer.first_id is not None else None
    now = (until - timedelta(days=days)).astimezone(_ZONE)
    yield now.astimezone(UTC), next(numbers), printer.printer_id, PrinterStatus(state=_IDLE)
    while (now := _next_start(now, chance, printer.busy)) < until:
        job_id = format(next(ids), printer.number) if ids is not None else None
        told = tuple(_job(printer, chance, now, job_id))
        now = told[-1][0]
        if now >= until:
            # The story ends with every job told to its end.
            return
        for at, status in told:
            yield at.astimezone(UTC), next(numbers), printer.printer_id, status


_IDLE: Final = PrinterState.IDLE


def _next_start(now: datetime, chance: Random, busy: float) -> datetime:
    """When somebody next stands at the printer and wants something of it."""
    now += timedelta(minutes=chance.uniform(4, 25))
    while True:
        opens = datetime.combine(now.date(), _OPENS, _ZONE)
        closes = datetime.combine(now.date(), _CLOSES, _ZONE)
        open_today = now.weekday() < 5 or (now.weekday() == 5 and chance.random() < 0.2)
        if open_today and now < closes:
            now = max(now, opens + timedelta(minutes=chance.uniform(0, 40)))
            if chance.random() < busy:
                return now
            now += timedelta(minutes=chance.uniform(30, 120))
        else:
            now = opens + timedelta(days=1)


def _job(
    printer: PastPrinter, chance: Random, start: datetime, job_id: str | None
) -> Iterator[tuple[datetime, PrinterStatus]]:
    name, minutes, layers = chance.choice(_FILES)
    job = CurrentJob(
        id=job_id,
        name=name,
        path=f"{printer.folder}{name}{printer.suffix}",
        plate=1 if printer.suffix == ".gcode.3mf" else None,
        progress=0.0,
        layers=layers,
        origin="local",
    )
    seconds = minutes * 60 * printer.pace * chance.uniform(0.96, 1.05)
    end = chance.choices(
        (PrinterState.FINISHED, PrinterState.FAILED, PrinterState.CANCELLED), (88, 5, 7)
    )[0]
    share = 1.0 if end is PrinterState.FINISHED else chance.betavariate(1.2, 2.4)
    at = start
    yield at, PrinterStatus(state=PrinterState.PREPARING, job=job)
    at += timedelta(seconds=chance.uniform(150, 420))
    yield at, PrinterStatus(state=PrinterState.PRINTING, job=job)
    stop = chance.uniform(0.1, 0.9) if chance.random() < 0.12 else None
    done = 0.0
    for mark in (0.2, 0.4, 0.6, 0.8, 1.0):
        reached = mark * share
        if stop is not None and done < stop <= reached:
            held = chance.choice((PrinterState.PAUSED, PrinterState.ATTENTION))
            at += timedelta(seconds=(stop - done) * seconds)
            yield at, PrinterStatus(state=held, job=_at(job, stop))
            at += timedelta(minutes=chance.uniform(2, 50))
            yield at, PrinterStatus(state=PrinterState.PRINTING, job=_at(job, stop))
            done = stop
        at += timedelta(seconds=(reached - done) * seconds)
        done = reached
        if mark < 1.0:
            yield at, PrinterStatus(state=PrinterState.PRINTING, job=_at(job, done))
    problems = (Problem(code=printer.trouble),) if end is PrinterState.FAILED else ()
    yield at, PrinterStatus(state=end, job=_at(job, share), problems=problems)
    yield at + timedelta(minutes=chance.uniform(1, 20)), PrinterStatus(state=_IDLE)


def _at(job: CurrentJob, share: float) -> CurrentJob:
    layers = job.layers or 0
    return replace(job, progress=share, layer=max(1, int(share * layers)))
