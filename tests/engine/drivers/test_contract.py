"""One suite for every driver: against simulators, real servers, and machines of yours (`--peer`).

What is asserted here is what the shop relies on, whatever the protocol. A new driver starts as a
line in `peers.py`. Parts that only some printers have are in `test_contract_parts.py`, files in
`test_contract_files.py`.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from custom_components.printernizer.engine.errors import AccessDenied, Refused, Unreachable
from custom_components.printernizer.engine.printer import ACTIVE, PrinterState

from .stage import PLATE, Offer, needs

if TYPE_CHECKING:
    from .stage import Stage

PARTS: Final = (
    "control", "prompt", "heaters", "fans", "speed", "lights", "options", "console", "storage",
    "cameras", "job_picture", "motion", "loader", "objects", "emergency", "macros", "maintenance",
    "outlets", "history",
)  # fmt: skip


async def test_a_printer_says_who_it_is_and_how_it_is(stage: Stage) -> None:
    async with stage.scene() as shop:
        assert shop.session.identity.serial
        assert shop.session.identity.maker
        assert shop.said[0].state is not PrinterState.UNKNOWN
        if stage.parts is not None:
            assert shop.session.identity.model
            assert shop.said[0].state is PrinterState.IDLE
            assert shop.said[0].ready
            assert shop.said[0].tools


async def test_it_holds_the_parts_that_its_printer_has(stage: Stage) -> None:
    """Tests of a part are skipped where there is none: here a lost one is missed."""
    async with stage.scene() as shop:
        held = [name for name in PARTS if getattr(shop.session, name)]
        if stage.parts is not None:
            assert " ".join(held) == " ".join(name for name in PARTS if name in stage.parts)


@needs(Offer.PRINT)
async def test_a_print_goes_through_its_states_in_order_and_ends_once(stage: Stage) -> None:
    """Everything the ledger does rests on this order."""
    async with stage.scene() as shop:
        if shop.play.is_ours:
            # Nobody interferes here: a print of a few seconds shows the same states.
            for file in tuple(shop.machine.files.values()):
                shop.machine.store(replace(file, plates=(replace(PLATE, seconds=60),)))
        await shop.part("control").start(shop.path)
        await shop.until(lambda status: status.state in ACTIVE)
        await shop.until_state(PrinterState.FINISHED)
        # A polled printer may be seen first in the middle of printing: then it says so, but no
        # state may come back once it is left, and the end comes exactly once.
        order = shop.states
        while order[0] is PrinterState.IDLE:
            order.pop(0)
        assert [state for state in order if state is not PrinterState.BUSY] in (
            [PrinterState.PREPARING, PrinterState.PRINTING, PrinterState.FINISHED],
            [PrinterState.PRINTING, PrinterState.FINISHED],
        )
        job = next(status.job for status in shop.said if status.state is PrinterState.PRINTING)
        assert job is not None
        assert "part" in (job.name or job.path or "")
        shares = [s.job.progress for s in shop.said if s.state is PrinterState.PRINTING and s.job]
        known = [share for share in shares if share is not None]
        assert known == sorted(known)
        assert all(0.0 <= share <= 1.0 for share in known)
        assert not shop.play.is_ours or shop.machine.starts_seen == 1


@needs(Offer.PRINT)
async def test_pause_resume_and_cancel_do_what_they_say(stage: Stage) -> None:
    async with stage.scene() as shop:
        control = shop.part("control")
        await control.start(shop.path)
        await shop.until_state(PrinterState.PRINTING)
        await control.pause()
        await shop.until_state(PrinterState.PAUSED)
        await control.resume()
        await shop.until_state(PrinterState.PRINTING)
        await control.cancel()
        await shop.until_state(PrinterState.CANCELLED)
        assert PrinterState.FAILED not in {status.state for status in shop.said}


@needs(Offer.PRINT)
@pytest.mark.parametrize("command", ["pause", "resume", "cancel"])
async def test_a_command_without_a_job_is_refused_with_a_reason(stage: Stage, command: str) -> None:
    """A shop that shows "paused" over an idle printer is not believed again."""
    async with stage.scene() as shop:
        with pytest.raises(Refused) as refusal:
            await getattr(shop.part("control"), command)()
        assert refusal.value.reason
        assert not shop.play.is_ours or shop.machine.phase == "idle"


@needs(Offer.PRINT)
async def test_a_busy_printer_is_never_sent_a_second_start(stage: Stage) -> None:
    """On some firmware a second start cancels the job under way."""
    async with stage.scene() as shop:
        control = shop.part("control")
        await control.start(shop.path)
        await shop.until(lambda status: status.state in ACTIVE)
        with pytest.raises(Refused):
            await control.start(shop.path)
        assert shop.now.active
        if shop.play.is_ours:
            assert shop.machine.starts_seen == 1
            assert shop.machine.in_job


@needs(Offer.PRINT)
async def test_a_missing_file_cannot_be_started(stage: Stage) -> None:
    async with stage.scene() as shop:
        with pytest.raises(Refused):
            await shop.part("control").start(shop.beside("nothing.gcode"))
        assert not shop.now.active
        assert not shop.play.is_ours or not shop.machine.in_job


@needs(Offer.PRINT)
async def test_a_slot_that_is_not_there_starts_nothing(stage: Stage) -> None:
    """Otherwise the part is printed in whatever filament happens to be loaded."""
    async with stage.scene() as shop:
        with pytest.raises(Refused) as refusal:
            await shop.part("control").start(shop.path, slots=("no such slot",))
        assert refusal.value.reason
        assert not shop.now.active
        assert not shop.play.is_ours or not shop.machine.in_job


@needs(Offer.RUNOUT)
async def test_a_runout_is_attention_with_a_problem_not_a_pause(stage: Stage) -> None:
    async with stage.scene() as shop:
        await shop.part("control").start(shop.path)
        await shop.until_state(PrinterState.PRINTING)
        await shop.play.run_out()
        await shop.until_state(PrinterState.ATTENTION)
        status = await shop.until(lambda status: bool(status.problems))
        assert all(problem.code for problem in status.problems)


@needs(Offer.HEATER_FAULT)
async def test_a_failed_heater_is_a_failed_print(stage: Stage) -> None:
    async with stage.scene() as shop:
        await shop.part("control").start(shop.path)
        await shop.until_state(PrinterState.PRINTING)
        await shop.play.break_heater()
        await shop.until_state(PrinterState.FAILED)
        assert PrinterState.CANCELLED not in {status.state for status in shop.said}


@needs(Offer.PRINT)
async def test_a_line_opened_during_a_print_says_so_at_once(stage: Stage) -> None:
    """Home Assistant restarts in the middle of a night's print."""
    async with stage.scene() as shop:
        await shop.part("control").start(shop.path)
        job = (await shop.until_state(PrinterState.PRINTING)).job
        async with shop.play.driver.connect() as second:
            first = await anext(second.statuses())
        assert first.state in ACTIVE
        assert first.job is not None
        assert job is not None
        assert (first.job.name, first.job.path) == (job.name, job.path)


async def test_a_refresh_brings_a_status_even_when_nothing_changed(stage: Stage) -> None:
    async with stage.scene() as shop:
        count = len(shop.said)
        await shop.session.refresh()
        await shop.until(lambda _status: len(shop.said) > count)


async def test_the_transcript_holds_no_secret(stage: Stage) -> None:
    async with stage.scene() as shop:
        for secret in shop.play.secrets:
            for shown in (shop.session.transcript(), shop.session, shop.play.driver):
                assert secret not in repr(shown)


@needs(Offer.LOCK)
async def test_a_wrong_key_is_denied_and_nothing_else(stage: Stage) -> None:
    """Only this error asks the owner for a new key; all others are tried again for ever."""
    async with stage.scene() as shop:
        assert shop.play.stranger is not None
        with pytest.raises(AccessDenied):
            async with shop.play.stranger.connect():
                pass


@needs(Offer.POWER)
async def test_a_machine_that_loses_power_ends_the_line(stage: Stage) -> None:
    async with stage.scene() as shop:
        await shop.play.cut_power()
        async with asyncio.timeout(shop.play.patience_s):
            with pytest.raises(Unreachable):
                await shop.listener
