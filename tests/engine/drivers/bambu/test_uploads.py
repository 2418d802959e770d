"""Uploads: nothing half there, nothing lost, nothing that is printed touched."""

from __future__ import annotations

import asyncio
import random
import socket
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.bambu import ftps as ftps_module
from custom_components.printernizer.engine.drivers.bambu.certificate import Pin
from custom_components.printernizer.engine.drivers.bambu.storage import BambuStorage
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    BadFile,
    DriverError,
    Garbled,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState, PrinterStatus
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.bambu import BambuSimulator

from .test_line import FILE, SERIAL, machine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

RANDOM = random.Random(20261121)
NEW = RANDOM.randbytes(600_000)
OLD = RANDOM.randbytes(5_000)
PATH = "/cache/new.gcode.3mf"


@pytest.fixture
async def sim() -> AsyncIterator[BambuSimulator]:
    made = BambuSimulator(machine(), "P1S", camera=False)
    async with made:
        yield made


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "new.gcode.3mf"
    made.write_bytes(NEW)
    return made


def storage_of(sim: BambuSimulator, status: PrinterStatus | None = None) -> BambuStorage:
    return BambuStorage(
        sim.host,
        sim.ftps_port,
        Pin(None, SERIAL),
        sim.access_code,
        SystemClock(),
        status=lambda: status,
    )


def put_old(sim: BambuSimulator) -> None:
    sim.machine.store(VirtualFile(path=PATH, content=OLD))


def lying(sim: BambuSimulator) -> dict[str, bytes]:
    """What lies on the printer beside the file that is always there."""
    return {path: file.content for path, file in sim.machine.files.items() if path != FILE}


def verbs(sim: BambuSimulator) -> list[str]:
    assert sim.ftps
    return [row for row in sim.ftps.log if row.split()[0] in {"STOR", "RNFR", "RNTO", "DELE"}]


async def test_a_new_file_has_its_name_only_when_it_is_whole(
    sim: BambuSimulator, source: Path
) -> None:
    """A half file under a good name gets printed one day."""
    assert await storage_of(sim).upload(source, PATH) == PATH
    assert lying(sim) == {PATH: NEW}
    assert [row for row in verbs(sim) if row.startswith("STOR")] == [f"STOR {PATH}.part"]


@pytest.mark.parametrize("renames", ["over", "beside", "never"])
async def test_a_file_is_replaced_whatever_the_server_can(
    sim: BambuSimulator, source: Path, renames: str
) -> None:
    assert sim.ftps
    sim.ftps.renames = renames
    put_old(sim)
    storage = storage_of(sim)
    with pytest.raises(Refused) as refusal:
        await storage.upload(source, PATH)
    assert refusal.value.key == "file_exists"
    assert lying(sim) == {PATH: OLD}
    await storage.upload(source, PATH, replace=True)
    assert lying(sim) == {PATH: NEW}


@pytest.mark.parametrize("there", [True, False], ids=["replacing", "new"])
async def test_a_server_that_refuses_to_rename_after_all_gets_the_file_in_place(
    sim: BambuSimulator,
    source: Path,
    there: bool,
) -> None:
    assert sim.ftps
    sim.ftps.refuses = {"RNTO": "553 Not today."}
    if there:
        put_old(sim)
    await storage_of(sim).upload(source, PATH, replace=True)
    assert lying(sim) == {PATH: NEW}


@pytest.mark.parametrize(
    ("fault", "kind", "key"),
    [
        ({"cut_after": 100_000}, Unreachable, "unreachable"),
        ({"full_after": 100_000}, Refused, "storage_full"),
        (
            {"full_after": 100_000, "full_word": "451 Failure writing to local file."},
            Refused,
            "storage_full",
        ),
        (
            {"full_after": 100_000, "full_word": "452 Insufficient storage space."},
            Refused,
            "storage_full",
        ),
        (
            {"full_after": 100_000, "full_word": "553 No space left on device"},
            Refused,
            "storage_full",
        ),
        ({"size_error": -7}, Unreachable, "unreachable"),
        ({"final_code": "nonsense \x01"}, Garbled, "garbled"),
        ({"final_code": "530 Please login with USER and PASS."}, AccessDenied, "access_denied"),
        ({"final_code": "452 Out of space."}, Refused, "storage_full"),
        ({"refuses": {"STOR": "530 Not logged in."}}, AccessDenied, "access_denied"),
        ({"refuses": {"STOR": "550 Permission denied."}}, Refused, "file_missing"),
        ({"refuses": {"STOR": "553 Disk quota exceeded."}}, Refused, "storage_full"),
        ({"refuses": {"RNFR": "530 Not logged in."}}, AccessDenied, "access_denied"),
        ({"refuses": {"SIZE": "421 Timeout."}}, Unreachable, "too_many_clients"),
    ],
    ids=[
        "cut", "552", "451", "452", "553 in words", "wrong size", "garbage", "530 at the end",
        "452 at the end", "530 at the start", "550", "quota", "530 before", "421",
    ],
)  # fmt: skip
async def test_whatever_goes_wrong_the_old_file_stays_and_nothing_else(
    sim: BambuSimulator,
    source: Path,
    fault: dict[str, object],
    kind: type[DriverError],
    key: str,
) -> None:
    put_old(sim)
    for name, value in fault.items():
        assert hasattr(sim.ftps, name)
        setattr(sim.ftps, name, value)
    with pytest.raises(kind) as failure:
        await storage_of(sim).upload(source, PATH, replace=True)
    assert failure.value.key == key
    assert lying(sim) == {PATH: OLD}


@pytest.mark.parametrize("answer", ["550 Permission denied.", "530 Log in.", "425 No data line."])
async def test_a_server_that_takes_nothing_up_loses_nothing(
    sim: BambuSimulator, source: Path, answer: str
) -> None:
    """Tidying up after an upload that never began would remove the old file."""
    assert sim.ftps
    sim.ftps.renames = "never"
    sim.ftps.refuses = {"STOR": answer}
    put_old(sim)
    with pytest.raises(DriverError):
        await storage_of(sim).upload(source, PATH, replace=True)
    assert lying(sim) == {PATH: OLD}


async def test_a_missing_folder_is_not_taken_for_a_missing_card(
    sim: BambuSimulator, source: Path
) -> None:
    assert sim.ftps
    sim.ftps.refuses = {"STOR": "553 Could not create file."}
    with pytest.raises(Refused) as refusal:
        await storage_of(sim).upload(source, "/nowhere/x.3mf")
    assert refusal.value.key == "file_missing"
    with pytest.raises(Refused) as refusal:
        await storage_of(sim).upload(source, PATH)
    assert refusal.value.key == "storage_missing"


async def test_a_server_killed_in_mid_upload_leaves_the_old_file(
    sim: BambuSimulator, source: Path
) -> None:
    assert sim.ftps
    put_old(sim)
    sim.ftps.die_after = 100_000
    with pytest.raises(Unreachable):
        await storage_of(sim).upload(source, PATH, replace=True)
    left = lying(sim)
    assert left.pop(PATH) == OLD
    assert all(path == PATH + ".part" and len(half) < len(NEW) for path, half in left.items())


async def test_the_piece_of_a_broken_upload_is_taken_over_by_the_next(
    sim: BambuSimulator, source: Path
) -> None:
    sim.machine.store(VirtualFile(path=PATH + ".part", content=b"half"))
    await storage_of(sim).upload(source, PATH)
    assert lying(sim) == {PATH: NEW}


@pytest.mark.parametrize("renames", ["over", "never"])
async def test_an_upload_that_is_called_off_leaves_nothing_half(
    sim: BambuSimulator, tmp_path: Path, renames: str
) -> None:
    """Whoever presses cancel must be able to start anew at once."""
    assert sim.ftps
    sim.ftps.renames = renames
    sim.ftps.pause_s = 0.002
    big = tmp_path / "big"
    big.write_bytes(bytes(40 << 20))
    uploading = asyncio.create_task(storage_of(sim).upload(big, PATH))
    assert await asyncio.to_thread(sim.ftps.reached.wait, 5)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(4):
            await uploading
    assert lying(sim) == {}
    sim.ftps.pause_s = 0
    assert await storage_of(sim).list()


async def test_a_printer_that_hears_no_cancel_is_hung_up_on(
    sim: BambuSimulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("custom_components.printernizer.engine.drivers.bambu.storage.TIDY_S", 0.2)
    assert sim.ftps
    sim.ftps.pause_s = 0.8
    big = tmp_path / "big"
    big.write_bytes(bytes(40 << 20))
    uploading = asyncio.create_task(storage_of(sim).upload(big, PATH))
    assert await asyncio.to_thread(sim.ftps.reached.wait, 5)
    uploading.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(4):
            await uploading
    sim.ftps.pause_s = 0


async def test_half_a_file_is_swept_away_over_a_new_line(
    sim: BambuSimulator, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A printer that cannot rename and loses the line would keep it under a good name."""
    assert sim.ftps
    sim.ftps.renames = "never"
    sim.ftps.cut_after = 100_000
    store = ftps_module.Ftps.store

    def cut(self: ftps_module.Ftps, path: str, blocks: object) -> object:
        try:
            return store(self, path, blocks)  # type: ignore[arg-type]
        finally:
            assert self.sock
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)

    monkeypatch.setattr(ftps_module.Ftps, "store", cut)
    with pytest.raises(Unreachable):
        await storage_of(sim).upload(source, PATH)
    assert lying(sim) == {}
    assert sim.ftps.log.count("PASS") == 2


def printed(name: str | None, path: str | None = None) -> PrinterStatus:
    return PrinterStatus(state=PrinterState.PRINTING, job=CurrentJob(name=name, path=path))


@pytest.mark.parametrize(
    "status",
    [printed("new"), printed(None, "/sdcard/cache/new.gcode.3mf"), printed("NEW.gcode")],
    ids=["name", "path", "other spelling"],
)
async def test_a_file_that_is_being_printed_is_neither_replaced_nor_deleted(
    sim: BambuSimulator, source: Path, status: PrinterStatus
) -> None:
    put_old(sim)
    storage = storage_of(sim, status)
    for wish in (storage.upload(source, PATH, replace=True), storage.delete(PATH)):
        with pytest.raises(Refused) as refusal:
            await wish
        assert refusal.value.key == "printer_busy"
    assert lying(sim) == {PATH: OLD}
    assert verbs(sim) == []


@pytest.mark.parametrize(
    "status",
    [
        None,
        printed("other"),
        PrinterStatus(state=PrinterState.FINISHED, job=CurrentJob(name="new")),
    ],
    ids=["unknown", "another", "ended"],
)
async def test_other_files_are_free(
    sim: BambuSimulator, source: Path, status: PrinterStatus | None
) -> None:
    put_old(sim)
    storage = storage_of(sim, status)
    await storage.upload(source, PATH, replace=True)
    await storage.delete(PATH)
    assert lying(sim) == {}


async def test_a_print_that_begins_meanwhile_keeps_its_file(
    sim: BambuSimulator, source: Path
) -> None:
    """Somebody starts the old file at the printer's screen while the new one is on its way."""
    assert sim.ftps
    put_old(sim)
    state: list[PrinterStatus] = [printed("other")]
    storage = BambuStorage(
        sim.host,
        sim.ftps_port,
        Pin(None, SERIAL),
        sim.access_code,
        SystemClock(),
        status=lambda: state[0],
    )

    def begin(moved: int, total: int | None) -> None:
        state[0] = printed("new")

    with pytest.raises(Refused) as refusal:
        await storage.upload(source, PATH, replace=True, progress=begin)
    assert refusal.value.key == "printer_busy"
    assert lying(sim) == {PATH: OLD}


async def test_what_the_printer_does_not_delete_is_not_called_missing(sim: BambuSimulator) -> None:
    assert sim.ftps
    put_old(sim)
    sim.ftps.refuses = {"DELE": "550 Read-only file system."}
    with pytest.raises(Refused) as refusal:
        await storage_of(sim).delete(PATH)
    assert refusal.value.key == "refused"
    with pytest.raises(Refused) as refusal:
        await storage_of(sim).delete("/none.3mf")
    assert refusal.value.key == "file_missing"


async def test_a_source_that_cannot_be_read_to_its_end_is_no_fault_of_the_printer(
    sim: BambuSimulator, tmp_path: Path
) -> None:
    put_old(sim)
    folder = tmp_path / "folder"
    folder.mkdir()
    with pytest.raises(BadFile):
        await storage_of(sim).upload(folder, PATH, replace=True)
    assert lying(sim) == {PATH: OLD}


async def test_a_transfer_under_way_lets_the_loop_breathe(
    sim: BambuSimulator, tmp_path: Path
) -> None:
    """Progress of every block would flood Home Assistant on a fast line."""
    big = tmp_path / "big"
    big.write_bytes(bytes(8 << 20))
    told: list[tuple[int, int | None]] = []
    await storage_of(sim).upload(big, PATH, progress=lambda *pair: told.append(pair))
    assert told[-1] == (8 << 20, 8 << 20)
    assert told == sorted(told, key=lambda pair: pair[0])
    assert len(told) < 40
