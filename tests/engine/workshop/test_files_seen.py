"""Files on printers, noted in passing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.store import files
from custom_components.printernizer.engine.store.files import SeenFile
from custom_components.printernizer.engine.workshop.files_seen import WAITING_LIMIT, FilesSeen
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock

from .test_ledger import FaultyStore

PLATE = PlateFacts(seconds=100, layers=10, mass_g=(20.0,))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FaultyStore]:
    async with FaultyStore(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield store


@pytest.fixture
def machine(clock: HandClock) -> VirtualMachine:
    machine = VirtualMachine(now=clock.monotonic, serial="V1")
    machine.store(VirtualFile(path="/part.gcode", content=b"G28\n", plates=(PLATE,)))
    machine.store(VirtualFile(path="/set/lid.gcode", content=b"G28\nG1\n", plates=(PLATE,)))
    return machine


async def stands(store: FaultyStore, count: int, printer: str = "V1") -> dict[str, SeenFile]:
    """Wait until so many files of a printer stand in the store."""
    async with asyncio.timeout(5):
        while True:
            found = await store.run(files.of_printer, printer)
            if len(found) >= count:
                return {file.path: file for file in found}
            await asyncio.sleep(0.002)


async def test_a_listing_is_remembered_without_its_folders(
    store: FaultyStore, machine: VirtualMachine, clock: HandClock
) -> None:
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        assert len(await workshop.list_files("V1")) == 2
        found = await stands(store, 1)
        assert set(found) == {"/part.gcode"}
        assert (found["/part.gcode"].name, found["/part.gcode"].size_bytes) == ("part.gcode", 4)
        assert found["/part.gcode"].first_seen == clock.now()


async def test_the_file_of_a_job_started_at_the_printer_is_remembered(
    store: FaultyStore, machine: VirtualMachine, clock: HandClock
) -> None:
    """Nobody listed its folder: the job itself says where its file lies."""
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        machine.start("/set/lid.gcode")
        await clock.advance(10)
        found = await stands(store, 1)
        assert (found["/set/lid.gcode"].name, found["/set/lid.gcode"].size_bytes) == (
            "lid.gcode",
            None,
        )


async def test_a_database_that_refuses_costs_no_listing(
    store: FaultyStore, machine: VirtualMachine, clock: HandClock
) -> None:
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        store.broken = True
        assert len(await workshop.list_files("V1")) == 2
        await clock.advance(1)
        store.broken = False
        assert await store.run(files.of_printer, "V1") == ()
        await workshop.list_files("V1")
        assert set(await stands(store, 1)) == {"/part.gcode"}


async def test_a_backup_that_holds_the_database_holds_no_listing(
    store: FaultyStore, machine: VirtualMachine, clock: HandClock
) -> None:
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        await store.hold()
        async with asyncio.timeout(5):
            assert len(await workshop.list_files("V1")) == 2
        store.go_on()
        assert set(await stands(store, 1)) == {"/part.gcode"}


async def test_foreign_names_and_sizes_are_made_fit(store: FaultyStore, clock: HandClock) -> None:
    async with FilesSeen(store, clock) as seen:
        seen.note("P1", [("/a\ud800", "\x00", 1 << 80), ("\x00", "nowhere", 1), ("/b", "b", -1)])
        seen.note("P1", [("/c", "c", 7)])
        seen.note("P1", [("/c", "c", None)])
        found = await stands(store, 3, "P1")
    assert {path: (file.name, file.size_bytes) for path, file in found.items()} == {
        "/a?": ("/a?", None),
        "/b": ("b", None),
        "/c": ("c", 7),
    }


async def test_an_endless_listing_does_not_fill_the_memory(
    store: FaultyStore, clock: HandClock
) -> None:
    seen = FilesSeen(store, clock)
    seen.note("P1", ((f"/{number}", "n", None) for number in range(WAITING_LIMIT + 50)))
    assert len(seen._waiting) == WAITING_LIMIT
    async with seen:
        assert len(await stands(store, WAITING_LIMIT, "P1")) == WAITING_LIMIT


async def test_notes_that_were_never_opened_close_and_write_nothing(
    store: FaultyStore, clock: HandClock
) -> None:
    seen = FilesSeen(store, clock)
    seen.note("P1", [("/a", "a", 1)])
    await seen.__aexit__(None, None, None)
    assert await stands(store, 0, "P1") == {}


async def test_a_listing_that_no_table_takes_ends_no_later_note(
    store: FaultyStore,
    machine: VirtualMachine,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """One bug, and no file would be noted until the next restart."""
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        with monkeypatch.context() as patch:
            patch.setattr(files, "seen", lambda *_: 1 / 0)
            await workshop.list_files("V1")
            async with asyncio.timeout(5):
                while "could not be noted" not in caplog.text:
                    await asyncio.sleep(0.002)
        await workshop.list_files("V1")
        assert set(await stands(store, 1)) == {"/part.gcode"}
