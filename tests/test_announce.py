"""What Home Assistant hears of jobs."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

import homeassistant.helpers.device_registry as dr

from custom_components.printernizer.announce import EVENT_FREE, Announcer, job_facts
from custom_components.printernizer.const import EVENT_JOB
from custom_components.printernizer.engine.drivers.virtual.machine import Fault
from custom_components.printernizer.engine.job import (
    Job,
    JobEvent,
    JobEventKind,
    JobIdentity,
    JobState,
    Outcome,
)
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState, PrinterStatus
from tests.shop_floor import (  # noqa: F401 - fixtures
    PRINTED_S,
    SAMPLE,
    Floor,
    Printer,
    floor,
)

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def a_job(printer_id: str = "FLOOR0000", **facts: object) -> Job:
    """Return a run that has just finished."""
    values: dict[str, object] = {
        "id": UUID(int=1),
        "printer_id": printer_id,
        "identity": JobIdentity(printer_job_id="7", path="/a/bracket.gcode", plate=2),
        "state": JobState.ENDED,
        "started_at": NOON,
        "first_seen_at": NOON,
        "ended_at": NOON + timedelta(hours=1),
        "outcome": Outcome.COMPLETED,
        "duration": timedelta(seconds=3600.9),
        "progress": 0.999,
        "layer": 49,
        "layers": 50,
    }
    return Job(**(values | facts))  # type: ignore[arg-type]


def an_event(kind: JobEventKind, job: Job | None = None, *, live: bool = True) -> JobEvent:
    """Return something that happened to it."""
    return JobEvent(kind=kind, job=job or a_job(), at=NOON, live=live)


def test_facts_are_rounded_down_and_plain_json() -> None:
    """A print at 99.9 per cent is not done, and templates cannot read objects."""
    facts = job_facts(a_job())
    assert json.loads(json.dumps(facts)) == facts
    assert facts == {
        "id": str(UUID(int=1)),
        "name": "bracket.gcode",
        "path": "/a/bracket.gcode",
        "plate": 2,
        "progress": 99,
        "layer": 49,
        "layers": 50,
        "filament_mm": None,
        "outcome": "completed",
        "reason": None,
        "duration_s": 3600,
        "started_at": "2026-11-20T12:00:00+00:00",
        "ended_at": "2026-11-20T13:00:00+00:00",
    }


def test_filament_is_told_of_the_run_it_went_into() -> None:
    """What the firmware measured for the next print is not the last one's."""
    mine = CurrentJob(id="7", path="/a/bracket.gcode", plate=2, filament_mm=1234.56)

    def told(job: CurrentJob | None) -> object:
        return job_facts(a_job(), PrinterStatus(state=PrinterState.FINISHED, job=job))[
            "filament_mm"
        ]

    assert told(mine) == 1235
    assert told(replace(mine, filament_mm=0.0)) == 0
    assert told(replace(mine, id="8")) is None
    assert told(replace(mine, filament_mm=None)) is None
    assert told(None) is None


def test_what_nobody_knows_is_none_and_not_zero() -> None:
    """An automation that reads 0 seconds or 0 per cent would act on an invention."""
    facts = job_facts(
        a_job(
            identity=JobIdentity(),
            started_at=None,
            ended_at=None,
            outcome=None,
            duration=None,
            progress=None,
            layer=None,
            layers=None,
        )
    )
    assert {key for key, value in facts.items() if value is not None} == {"id"}


async def test_a_job_is_announced_from_its_start_to_its_end(floor: Floor) -> None:
    """Push notices are the first thing people build."""
    printer = await floor.add("Voron")
    heard = floor.hear(EVENT_JOB)
    await printer.print_all()
    events = await heard.until(3)
    assert heard.kinds == ["started", "printing", "finished"]
    last = events[-1].data
    assert set(last) == {"device_id", "printer", "kind", "at", "job", "pictures"}
    assert last["device_id"] == printer.device_id
    assert last["printer"] == "Voron"
    assert last["job"]["name"] == SAMPLE.removeprefix("/")
    assert last["job"]["outcome"] == "completed"
    assert len({event.data["job"]["id"] for event in events}) == 1


async def test_pause_and_resume_and_cancel_are_announced(floor: Floor) -> None:
    """Who holds a print in the cellar wants it seen upstairs."""
    printer = await floor.add()
    heard = floor.hear(EVENT_JOB)
    await printer.begin()
    for command in (printer.machine.pause, printer.machine.resume, printer.machine.cancel):
        command()
        await printer.show()
    await heard.until(5)
    assert heard.kinds == ["started", "printing", "paused", "resumed", "cancelled"]


async def test_a_printer_that_needs_help_and_then_fails_says_so(floor: Floor) -> None:
    """A jam at night is why people want notices at all."""
    printer = await floor.add()
    heard = floor.hear(EVENT_JOB)
    await printer.begin()
    printer.machine.inject(Fault.JAM)
    await printer.show()
    printer.machine.acknowledge()
    await printer.show()
    printer.machine.inject(Fault.HEATER)
    await printer.show()
    await heard.until(5)
    assert heard.kinds == ["started", "printing", "attention", "resumed", "failed"]


async def test_a_restart_in_the_middle_of_a_print_announces_nothing(floor: Floor) -> None:
    """ "Started" at every boot teaches people to ignore notices."""
    printer = await floor.add()
    await printer.begin()
    await floor.settle()
    heard = floor.hear(EVENT_JOB)
    free = floor.hear(EVENT_FREE)
    await printer.restart()
    await printer.show()
    await floor.settle()
    assert heard.events == []
    await printer.live(PRINTED_S)
    await heard.until(1)
    await free.until(1)
    assert heard.kinds == ["finished"]


async def test_an_end_while_nobody_watched_stays_silent(floor: Floor) -> None:
    """A door that opens for a print that ended yesterday is a fright."""
    printer = await floor.add()
    await printer.begin()
    await floor.settle()
    heard = floor.hear(EVENT_JOB)
    free = floor.hear(EVENT_FREE)

    def away() -> None:
        printer.clock._seconds += PRINTED_S
        printer.machine.tick()

    await printer.restart(away=away)
    await printer.show()
    await floor.settle()
    assert printer.coordinator.data.state is PrinterState.FINISHED
    assert heard.events == []
    assert free.events == []


async def test_two_printers_are_told_apart(floor: Floor) -> None:
    """A notice with the wrong printer's name sends somebody to the wrong room."""
    left, right = await floor.add("Left"), await floor.add("Right")
    heard = floor.hear(EVENT_JOB)
    left.machine.start(SAMPLE)
    right.machine.start("/bracket.gcode")
    await left.show()
    await right.show()
    events = await heard.until(2)
    assert {(e.data["device_id"], e.data["printer"], e.data["job"]["name"]) for e in events} == {
        (left.device_id, "Left", "benchy.gcode"),
        (right.device_id, "Right", "bracket.gcode"),
    }


async def test_a_renamed_printer_is_announced_under_its_new_name(floor: Floor) -> None:
    """People look for the name they gave it."""
    printer = await floor.add("Virtual One")
    dr.async_get(floor.hass).async_update_device(printer.device_id, name_by_user="Big Bertha")
    heard = floor.hear(EVENT_JOB)
    printer.machine.start(SAMPLE)
    await printer.show()
    assert (await heard.until(1))[0].data["printer"] == "Big Bertha"


async def test_a_printer_becomes_free_once_after_each_job(floor: Floor) -> None:
    """A queue that hears it twice starts two prints."""
    printer = await floor.add()
    free = floor.hear(EVENT_FREE)
    await printer.begin()
    assert free.events == []
    await printer.live(PRINTED_S)
    events = await free.until(1)
    printer.machine.dismiss()
    await printer.show()
    assert len(events) == 1
    assert events[0].data["kind"] == "finished"
    assert events[0].data["job"]["name"] == "benchy.gcode"


async def announced_by(printer: Printer, *states: PrinterState | None) -> Announcer:
    """Return an announcer for which a job ends in the first state, and the others follow."""
    announcer = Announcer(printer.hass, printer.coordinator)
    job = a_job(printer.machine.serial)
    for index, state in enumerate(states):
        printer.coordinator.last_update_success = state is not None
        if state is not None:
            printer.coordinator.data = replace(printer.coordinator.data, state=state)
        if index == 0:
            announcer.on_job(an_event(JobEventKind.FINISHED, job))
        else:
            announcer.on_status()
    await printer.hass.async_block_till_done()
    return announcer


async def test_a_printer_that_parks_first_becomes_free_afterwards(floor: Floor) -> None:
    """A start sent while it still purges would be refused."""
    printer = await floor.add()
    free = floor.hear(EVENT_FREE)
    announcer = await announced_by(printer, PrinterState.BUSY, PrinterState.BUSY)
    assert free.events == []
    printer.coordinator.data = replace(printer.coordinator.data, state=PrinterState.IDLE)
    announcer.on_status()
    announcer.on_status()
    await floor.hass.async_block_till_done()
    assert len(free.events) == 1


async def test_a_printer_that_goes_on_or_is_lost_does_not_become_free(floor: Floor) -> None:
    """Nobody saw it become free, so nobody is told."""
    printer = await floor.add()
    free = floor.hear(EVENT_FREE)
    await announced_by(printer, PrinterState.PREPARING, PrinterState.IDLE)
    await announced_by(printer, PrinterState.BUSY, None, PrinterState.IDLE)
    await announced_by(printer, None, PrinterState.IDLE)
    assert free.events == []


async def test_only_live_events_of_its_own_printer_are_announced(floor: Floor) -> None:
    """What the ledger finds out later, or about others, is not news from here."""
    printer = await floor.add()
    heard = floor.hear(EVENT_JOB)
    announcer = Announcer(floor.hass, printer.coordinator)
    mine = a_job(printer.machine.serial)
    announcer.on_job(an_event(JobEventKind.FINISHED, mine, live=False))
    announcer.on_job(an_event(JobEventKind.FINISHED, a_job("another")))
    announcer.on_job(an_event(JobEventKind.IDENTIFIED, mine))
    await floor.hass.async_block_till_done()
    assert heard.events == []
    announcer.on_job(an_event(JobEventKind.STARTED, mine))
    await floor.hass.async_block_till_done()
    assert heard.kinds == ["started"]


async def test_an_unloaded_printer_announces_nothing_more(floor: Floor) -> None:
    """A removed printer must not keep sending messages until the next restart."""
    printer = await floor.add()
    await floor.add("Second")
    heard = floor.hear(EVENT_JOB)
    serial, ledger = printer.machine.serial, printer.coordinator.workshop.ledger
    assert await floor.hass.config_entries.async_unload(printer.entry.entry_id)
    ledger._subscribers.tell(an_event(JobEventKind.FINISHED, a_job(serial)))
    await floor.hass.async_block_till_done()
    assert heard.events == []
