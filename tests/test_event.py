"""The event entities of a printer: its jobs' lives, and its problems."""

from __future__ import annotations

from dataclasses import replace

import homeassistant.helpers.entity_registry as er
from homeassistant.const import STATE_UNAVAILABLE, STATE_UNKNOWN
from homeassistant.core import State
from homeassistant.helpers.update_coordinator import UpdateFailed
from pytest_homeassistant_custom_component.common import async_capture_events

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.engine.job import JobEventKind
from custom_components.printernizer.engine.printer import Problem, Severity
from custom_components.printernizer.event import JOB, JobEventEntity
from tests.shop_floor import Floor, Printer, floor  # noqa: F401 - fixtures
from tests.test_announce import a_job, an_event

CLOG = Problem(code="0300_800A", text="Nozzle clogged", severity=Severity.SERIOUS)
DOOR = Problem(code="0300_8048", severity=Severity.INFO)


def entity_id(printer: Printer, key: str) -> str:
    """Return an event entity of this printer."""
    found = er.async_get(printer.hass).async_get_entity_id(
        "event", DOMAIN, f"{printer.machine.serial}_{key}"
    )
    assert found
    return found


def state_of(printer: Printer, key: str) -> State:
    """Return the state of an event entity."""
    state = printer.hass.states.get(entity_id(printer, key))
    assert state
    return state


def show(printer: Printer, *problems: Problem) -> None:
    """Let the printer complain about these things and no others."""
    printer.coordinator.async_set_updated_data(replace(printer.coordinator.data, problems=problems))


def told(printer: Printer, changes: list) -> list[tuple[str, str]]:
    """Return (event type, code) of what the problem entity told."""
    return [
        (
            change.data["new_state"].attributes["event_type"],
            change.data["new_state"].attributes["code"],
        )
        for change in changes
        if change.data["entity_id"] == entity_id(printer, "problem_event")
        and change.data["new_state"].attributes.get("event_type")
    ]


async def test_a_job_passes_through_the_entity_with_what_is_known_of_it(floor: Floor) -> None:
    """Dashboards and old-style automations read this entity."""
    printer = await floor.add()
    assert state_of(printer, "job").state == STATE_UNKNOWN
    assert state_of(printer, "job").attributes["event_types"] == [
        "started",
        "printing",
        "paused",
        "attention",
        "resumed",
        "finished",
        "failed",
        "cancelled",
        "ended_unseen",
    ]
    changes = async_capture_events(floor.hass, "state_changed")
    await printer.print_all()
    await floor.settle()
    kinds = [
        change.data["new_state"].attributes["event_type"]
        for change in changes
        if change.data["entity_id"] == entity_id(printer, "job")
    ]
    assert kinds == ["started", "printing", "finished"]
    attributes = state_of(printer, "job").attributes
    assert attributes["name"] == "benchy.gcode"
    assert attributes["progress"] == 100
    assert "reason" not in attributes


async def test_a_restart_tells_no_event_again(floor: Floor) -> None:
    """An entity that fires at boot runs every automation built on it."""
    printer = await floor.add()
    await printer.begin()
    await floor.settle()
    before = state_of(printer, "job")
    await printer.restart()
    await printer.show()
    await floor.settle()
    after = state_of(printer, "job")
    assert after.state in (before.state, STATE_UNKNOWN)
    assert after.attributes.get("event_type") in ("printing", None)


async def test_the_entity_takes_only_live_events_of_its_own_printer(floor: Floor) -> None:
    """What the ledger finds out later goes to the history and to nobody's phone."""
    printer = await floor.add()
    entity = JobEventEntity(printer.coordinator, JOB)
    entity.hass, entity.entity_id = floor.hass, "event.alone"
    mine = a_job(printer.machine.serial)
    for event in (
        an_event(JobEventKind.FINISHED, mine, live=False),
        an_event(JobEventKind.FINISHED, a_job("another")),
        an_event(JobEventKind.IDENTIFIED, mine),
    ):
        entity._on_job(event)
    assert entity.state is None


async def test_problems_that_come_and_go_are_told_with_code_and_text(floor: Floor) -> None:
    """The code is what people search for."""
    printer = await floor.add()
    changes = async_capture_events(floor.hass, "state_changed")
    show(printer, CLOG)
    await floor.hass.async_block_till_done()
    attributes = state_of(printer, "problem_event").attributes
    assert (attributes["code"], attributes["text"], attributes["severity"]) == (
        "0300_800A",
        "Nozzle clogged",
        "serious",
    )
    show(printer, CLOG, DOOR)
    show(printer, DOOR)
    show(printer)
    await floor.hass.async_block_till_done()
    assert told(printer, changes) == [
        ("appeared", "0300_800A"),
        ("appeared", "0300_8048"),
        ("cleared", "0300_800A"),
        ("cleared", "0300_8048"),
    ]
    assert "text" not in state_of(printer, "problem_event").attributes


async def test_problems_that_are_there_already_are_facts(floor: Floor) -> None:
    """After a restart, or once a printer is back, old problems are not news."""
    printer = await floor.add()
    changes = async_capture_events(floor.hass, "state_changed")
    printer.coordinator.async_set_update_error(UpdateFailed())
    await floor.hass.async_block_till_done()
    assert state_of(printer, "problem_event").state == STATE_UNAVAILABLE
    show(printer, CLOG)
    await floor.hass.async_block_till_done()
    assert told(printer, changes) == []
    show(printer, CLOG, DOOR)
    await floor.hass.async_block_till_done()
    assert told(printer, changes) == [("appeared", "0300_8048")]


async def test_a_printer_that_reports_thousands_of_problems_does_not_flood(floor: Floor) -> None:
    """A broken printer must not fill the recorder."""
    printer = await floor.add()
    changes = async_capture_events(floor.hass, "state_changed")
    show(printer, *(Problem(code=f"{n:04}") for n in range(5000)))
    await floor.hass.async_block_till_done()
    assert len(told(printer, changes)) == 20
