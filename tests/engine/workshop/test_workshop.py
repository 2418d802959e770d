"""The face of the shop: lines opened and closed, wishes carried out or refused."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    Fault,
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import NotAllowed, Refused, Unreachable
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.engine.shop import ShopSettings
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.watched_folder import WatchedFolder
from custom_components.printernizer.engine.workshop.clock import SystemClock
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock, settle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

PLATE = PlateFacts(seconds=100, layers=10, mass_g=(20.0,))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def machine(clock: HandClock) -> VirtualMachine:
    machine = VirtualMachine(now=clock.monotonic, serial="V1")
    machine.store(VirtualFile(path="/part.gcode", content=b"G28\n", plates=(PLATE,)))
    return machine


@pytest.fixture
async def workshop(tmp_path: Path, clock: HandClock) -> AsyncIterator[Workshop]:
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Workshop(store, clock) as workshop,
    ):
        yield workshop


async def test_a_print_of_a_workshop_stands_in_its_ledger(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock
) -> None:
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.start("V1", "/part.gcode")
    await clock.advance(30)
    assert workshop.ledger.open_job("V1") is not None
    for _ in range(30):
        await clock.advance(10)
    job = workshop.ledger.last_job("V1")
    assert job is not None
    assert job.outcome is Outcome.COMPLETED
    assert machine.history[0].outcome is Phase.FINISHED


async def test_every_wish_reaches_the_machine(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock, tmp_path: Path
) -> None:
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.set_temperature("V1", "bed", 50)
    assert machine.bed.target_c == 50
    await workshop.send_gcode("V1", "M300")
    assert list(machine.gcode_log) == ["M300"]
    assert [file.name for file in await workshop.list_files("V1")] == ["part.gcode"]
    await workshop.download("V1", "/part.gcode", tmp_path / "part.gcode")
    assert (tmp_path / "part.gcode").read_bytes() == b"G28\n"
    await workshop.start("V1", "/part.gcode")
    await clock.advance(60)
    await workshop.pause("V1")
    assert machine.phase is Phase.PAUSED
    await clock.advance(2)
    await workshop.resume("V1")
    machine.inject(Fault.JAM)
    await workshop.acknowledge("V1")
    assert machine.phase is Phase.PRINTING
    await workshop.cancel("V1")
    assert machine.phase is Phase.CANCELLED


async def test_a_start_is_not_sent_unless_the_printer_is_ready(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock
) -> None:
    """A second start cancels the running job on some firmware."""
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.start("V1", "/part.gcode")
    await clock.advance(5)
    with pytest.raises(NotAllowed) as refusal:
        await workshop.start("V1", "/part.gcode")
    assert refusal.value.key == "printer_busy"
    assert machine.starts_seen == 1


async def test_a_start_that_the_printer_takes_its_time_over_can_be_cancelled(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A Bambu may think for a minute before it shows a job; people see the wrong file at once."""
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    control = workshop.fleet["V1"].require().control
    assert control is not None
    shows = asyncio.Event()
    start = control.start

    async def slowly(path: str, *, plate: int | None = None, slots: Sequence[str | None]) -> None:
        await start(path, plate=plate, slots=slots)
        await shows.wait()

    monkeypatch.setattr(control, "start", slowly)
    starting = asyncio.ensure_future(workshop.start("V1", "/part.gcode"))
    async with asyncio.timeout(10):
        while not machine.starts_seen:
            await asyncio.sleep(0.001)
    with pytest.raises(NotAllowed) as refusal:
        await workshop.start("V1", "/part.gcode")
    assert refusal.value.key == "printer_busy"
    await workshop.cancel("V1")
    assert machine.phase is Phase.CANCELLED
    shows.set()
    await starting
    assert machine.starts_seen == 1


async def test_what_lasts_keeps_nobody_from_the_job(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A macro levels a bed for ten minutes; a spaghetti monster is stopped at once."""
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.start("V1", "/part.gcode")
    await clock.advance(60)
    console = workshop.fleet["V1"].require().console
    assert console is not None
    begun: list[str] = []
    ends = asyncio.Event()

    async def lasts(gcode: str) -> None:
        begun.append(gcode)
        await ends.wait()

    monkeypatch.setattr(console, "send", lasts)
    works = [asyncio.ensure_future(workshop.send_gcode("V1", line)) for line in ("M190", "M300")]
    await settle()
    async with asyncio.timeout(5):
        await workshop.pause("V1")
        await workshop.cancel("V1")
    assert machine.phase is Phase.CANCELLED
    starting = asyncio.ensure_future(workshop.start("V1", "/part.gcode"))
    await settle()
    assert begun == ["M190"], "one after the other"
    assert machine.starts_seen == 1, "a machine that moves is not sent a start"
    ends.set()
    await asyncio.gather(*works)
    assert begun == ["M190", "M300"]
    await starting
    assert machine.starts_seen == 2


async def test_what_was_asked_of_the_job_before_is_done_first(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Heaters switched off after a cancel must not be switched on by what the cancel still does."""
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.start("V1", "/part.gcode")
    await clock.advance(60)
    control = workshop.fleet["V1"].require().control
    assert control is not None
    cancel, ends = control.cancel, asyncio.Event()

    async def slowly() -> None:
        await ends.wait()
        await cancel()

    monkeypatch.setattr(control, "cancel", slowly)
    cancelling = asyncio.ensure_future(workshop.cancel("V1"))
    await settle()
    line = asyncio.ensure_future(workshop.send_gcode("V1", "M140 S0"))
    await settle()
    assert not machine.gcode_log
    ends.set()
    await asyncio.gather(cancelling, line)
    assert list(machine.gcode_log) == ["M140 S0"]
    assert machine.phase is Phase.CANCELLED


async def test_parts_that_are_missing_are_refused_by_name(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock, tmp_path: Path
) -> None:
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    session = workshop.fleet["V1"].require()
    session.console = session.storage = session.control = None  # type: ignore[misc]
    for wish in (
        workshop.send_gcode("V1", "G28"),
        workshop.list_files("V1"),
        workshop.download("V1", "/part.gcode", tmp_path / "part.gcode"),
        workshop.start("V1", "/part.gcode"),
        workshop.pause("V1"),
    ):
        with pytest.raises(Refused) as refusal:
            await wish
        assert refusal.value.key == "not_supported"


async def test_a_printer_that_is_off_opens_no_line_and_leaves_none_behind(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock
) -> None:
    machine.inject(Fault.REBOOT)
    with pytest.raises(Unreachable):
        await workshop.open_line("V1", VirtualDriver(machine, clock))
    assert len(workshop.fleet) == 0
    await clock.advance(machine.boot_s + 1)
    status = await workshop.open_line("V1", VirtualDriver(machine, clock))
    assert status.state is PrinterState.IDLE
    await workshop.close_line("V1")
    assert len(workshop.fleet) == 0


async def test_closing_a_line_leaves_the_run_open_because_the_printer_prints_on(
    workshop: Workshop, machine: VirtualMachine, clock: HandClock
) -> None:
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await workshop.start("V1", "/part.gcode")
    await clock.advance(60)
    await workshop.close_line("V1")
    assert workshop.ledger.open_job("V1") is not None
    await workshop.open_line("V1", VirtualDriver(machine, clock))
    await clock.advance(300)
    job = workshop.ledger.last_job("V1")
    assert job is not None
    assert job.outcome is Outcome.COMPLETED
    assert len(machine.history) == 1


async def test_the_machines_own_clock_goes_forward() -> None:
    clock = SystemClock()
    before = clock.monotonic()
    await clock.sleep(0)
    assert clock.monotonic() >= before
    assert clock.now().utcoffset() is not None


async def test_what_the_settings_say_is_watched(clock: HandClock, tmp_path: Path) -> None:
    share = tmp_path.resolve() / "share"
    share.mkdir()
    (share / "a.gcode").write_bytes(b"; generated by PrusaSlicer\nG28\n")
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Workshop(store, clock, files=tmp_path / "library") as workshop,
    ):
        workshop.settings.apply(ShopSettings(watched=(WatchedFolder(path=share),)))
        async with asyncio.timeout(10):
            while not (await workshop.library.page()).files:
                await clock.advance(5)
        workshop.settings.apply(ShopSettings())
        (share / "b.gcode").write_bytes(b"; generated by PrusaSlicer\nG28 ; b\n")
        for _ in range(10):
            await clock.advance(10)
        (file,) = (await workshop.library.page()).files
        assert (file.name, file.source.path) == ("a.gcode", str(share / "a.gcode"))


async def test_closing_in_the_middle_leaves_nothing_going(
    machine: VirtualMachine, clock: HandClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Home Assistant ends while a file is fetched, one is watched and a print goes on."""
    share = tmp_path.resolve() / "share"
    share.mkdir()
    for number in range(20):
        (share / f"{number}.gcode").write_bytes(b"; generated by PrusaSlicer\nG28\n" * number)
    lasts = PlateFacts(seconds=100_000, layers=10, mass_g=(20.0,))
    machine.store(VirtualFile(path="/long.gcode", content=b"G28\n", plates=(lasts,)))
    loading = asyncio.Event()

    async def endless(*_: object, **__: object) -> None:
        loading.set()
        await asyncio.Event().wait()

    async with Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        async with Workshop(store, clock, files=tmp_path / "library") as workshop:
            await workshop.open_line("V1", VirtualDriver(machine, clock))
            storage = workshop.fleet["V1"].require().storage
            monkeypatch.setattr(storage, "download", endless)
            workshop.settings.apply(ShopSettings(watched=(WatchedFolder(path=share),)))
            await workshop.start("V1", "/long.gcode")
            async with asyncio.timeout(10):
                while not (loading.is_set() and (await workshop.library.page()).files):
                    await clock.advance(5)
        going = {task.get_name() for task in asyncio.all_tasks()}
        assert not [name for name in going if name.startswith("printernizer")]
        assert not list((tmp_path / "library").glob("*/*.part"))
        # And it opens again as it was.
        async with Workshop(store, clock, files=tmp_path / "library") as again:
            assert again.ledger.open_job("V1") is not None
            assert (await again.library.page()).files
