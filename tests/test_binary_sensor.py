"""What is so, or is not."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.printer import PrinterState, Problem, Severity
from tests.rich_printer import Stand, set_up, stand  # noqa: F401


@pytest.mark.parametrize(
    ("state", "running"),
    [
        (PrinterState.PRINTING, "on"),
        (PrinterState.PREPARING, "on"),
        (PrinterState.PAUSED, "off"),
        (PrinterState.IDLE, "off"),
    ],
)
async def test_a_printer_runs_while_it_prepares_and_prints(
    stand: Stand, state: PrinterState, running: str
) -> None:
    await stand.say(state=state)
    assert stand.state("binary_sensor", "printing").state == running


async def test_a_hint_is_no_problem(stand: Stand) -> None:
    await stand.say(problems=(Problem(code="HINT", severity=Severity.INFO),))
    assert stand.state("binary_sensor", "problem").state == "off"
    await stand.say(problems=(Problem(code="JAM", severity=Severity.COMMON),))
    assert stand.state("binary_sensor", "problem").state == "on"


async def test_a_job_that_waits_for_a_person_is_a_problem_even_without_a_code(stand: Stand) -> None:
    await stand.say(problems=(), state=PrinterState.ATTENTION)
    assert stand.state("binary_sensor", "problem").state == "on"


async def test_door_and_filament_are_what_the_printer_says(stand: Stand) -> None:
    await stand.say(door_open=True, filament_present=False, storage_present=False)
    assert stand.state("binary_sensor", "door").state == "on"
    assert stand.state("binary_sensor", "filament").state == "off"
    assert stand.state("binary_sensor", "storage").state == "off"


async def test_that_a_printer_takes_no_commands_appears_when_it_says_so(stand: Stand) -> None:
    """Bambu printers without Developer Mode; nobody else needs the entity."""
    assert not stand.has("binary_sensor", "read_only")
    await stand.say(read_only=True)
    assert stand.state("binary_sensor", "read_only").state == "on"
    await stand.say(read_only=False)
    assert stand.state("binary_sensor", "read_only").state == "off"
