"""Files over a real FTPS server that insists on session reuse."""

from __future__ import annotations

import asyncio
import io
import random
import socket
import ssl
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from custom_components.printernizer.engine.drivers.bambu import ftps as ftps_module
from custom_components.printernizer.engine.drivers.bambu.archive import plate_picture
from custom_components.printernizer.engine.drivers.bambu.certificate import Pin
from custom_components.printernizer.engine.drivers.bambu.listing import read_listing
from custom_components.printernizer.engine.drivers.bambu.storage import BambuStorage, candidates
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    BadFile,
    CertificateChanged,
    Garbled,
    Refused,
    StoreError,
    Unreachable,
)
from custom_components.printernizer.engine.printer import CurrentJob
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.bambu import BambuSimulator

from .test_line import SERIAL, machine

FIXTURES = Path(__file__).parents[5] / "shared" / "fixtures" / "bambu" / "ftps"
NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
RANDOM = random.Random(20261120)
"""Bytes that do not compress, the same in every run."""
CONTENT = RANDOM.randbytes(300_000)
PICTURE = b"\x89PNG\r\n\x1a\n" + RANDOM.randbytes(20_000)


def archive(padding: int = 200_000, **members: bytes) -> bytes:
    """A sliced 3MF with pictures of its plates, most of it something else."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Metadata/plate_1.gcode", RANDOM.randbytes(padding))
        file.writestr("Metadata/plate_1.png", PICTURE)
        for name, content in members.items():
            file.writestr(f"Metadata/{name}.png", content)
    return made.getvalue()


@pytest.fixture
async def sim():
    made = BambuSimulator(machine(), "P1S", camera=False)
    made.machine.store(VirtualFile(path="/cache/big.gcode", content=CONTENT))
    async with made:
        yield made


def storage_of(sim: BambuSimulator, code: str | None = None, pin: Pin | None = None):
    pin = pin or Pin(None, SERIAL)
    return BambuStorage(sim.host, sim.ftps_port, pin, code or sim.access_code, SystemClock())


async def test_a_folder_is_listed_with_folders_sizes_and_what_can_be_printed(sim) -> None:
    storage = storage_of(sim)
    root = {item.name: item for item in await storage.list()}
    assert root["cache"].folder
    cache = {item.name: item for item in await storage.list("/cache")}
    assert cache["big.gcode"].size == len(CONTENT)
    assert cache["clip.gcode.3mf"].printable
    assert cache["clip.gcode.3mf"].thumbnail == "/cache/clip.gcode.3mf"
    with pytest.raises(Refused) as missing:
        await storage.list("/nothing")
    assert missing.value.key == "file_missing"


@pytest.mark.parametrize("fault", ["code", "greeting", "certificate"])
async def test_a_login_that_fails_leaves_no_line_open(sim, fault) -> None:
    """A printer has few places: retries with a wrong code must not fill them."""
    other = "01" * 32 if fault == "certificate" else None
    pin = Pin(other, SERIAL)
    await pin.prepare()
    sim.ftps.greeting = "999 no" if fault == "greeting" else sim.ftps.greeting
    sessions = [ftps_module.Ftps(pin) for _ in range(3)]

    def log_in(ftps: ftps_module.Ftps) -> None:
        code = "wrong" if fault == "code" else sim.access_code
        with pytest.raises((AccessDenied, Garbled, CertificateChanged)):  # noqa: SIM117
            with ftps.session(sim.host, sim.ftps_port, "bblp", code):
                pass

    for ftps in sessions:
        await asyncio.to_thread(log_in, ftps)
        assert ftps.sock is None
        assert ftps.file is None
    async with asyncio.timeout(3):
        while sim.ftps.sessions:
            await asyncio.sleep(0.01)


async def test_a_data_line_that_never_becomes_secure_is_closed_and_told(
    sim, tmp_path, monkeypatch
) -> None:
    """A printer out of memory drops the line in the handshake; ours must not stay half open."""

    def drop(plain: socket.socket) -> ssl.SSLSocket:
        plain.close()
        raise OSError("no memory")

    monkeypatch.setattr(sim.ftps, "wrap_data", drop)
    with pytest.raises(Unreachable):
        await storage_of(sim).download("/cache/big.gcode", tmp_path / "big")
    monkeypatch.undo()
    await storage_of(sim).download("/cache/big.gcode", tmp_path / "big")
    assert (tmp_path / "big").read_bytes() == CONTENT


async def test_a_listing_without_end_is_cut(sim, monkeypatch) -> None:
    """A folder is text from a printer: it may not fill the memory."""
    monkeypatch.setattr(ftps_module, "_LIST_LIMIT", 0)
    monkeypatch.setattr(ftps_module, "_ROWS", 1)
    assert len(await storage_of(sim).list("/cache")) <= 1


async def test_a_download_that_broke_off_goes_on_where_it_was(sim, tmp_path) -> None:
    storage, to = storage_of(sim), tmp_path / "big"
    sim.ftps.cut_after = 150_000
    with pytest.raises(Unreachable):
        await storage.download("/cache/big.gcode", to)
    have = to.stat().st_size
    assert 0 < have < len(CONTENT)
    sim.ftps.offsets.clear()
    moved: list[int] = []
    await storage.download("/cache/big.gcode", to, progress=lambda done, _: moved.append(done))
    assert to.read_bytes() == CONTENT
    assert moved[0] == have
    assert moved[-1] == len(CONTENT)
    assert min(sim.ftps.offsets) >= have - 4096, "only the seam is compared, not all fetched anew"


async def test_a_large_file_comes_whole(sim, tmp_path) -> None:
    """Beyond any message on the other line: what is too much there is common here."""
    large = RANDOM.randbytes(9_000_000)
    sim.machine.store(VirtualFile(path="/cache/large.gcode", content=large))
    await storage_of(sim).download("/cache/large.gcode", tmp_path / "large")
    assert (tmp_path / "large").read_bytes() == large


async def test_a_file_that_changed_meanwhile_is_fetched_anew(sim, tmp_path) -> None:
    to = tmp_path / "big"
    to.write_bytes(RANDOM.randbytes(100_000))
    await storage_of(sim).download("/cache/big.gcode", to)
    assert to.read_bytes() == CONTENT


@pytest.mark.parametrize("size", [100, 100_000, 300_000, 400_000])
async def test_without_ranges_a_download_starts_over(sim, tmp_path, size: int) -> None:
    sim.ftps.ranges = False
    to = tmp_path / "big"
    to.write_bytes((CONTENT + CONTENT)[:size])
    await storage_of(sim).download("/cache/big.gcode", to)
    assert to.read_bytes() == CONTENT


async def test_an_upload_is_proved_by_its_size(sim, tmp_path) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(CONTENT)
    storage = storage_of(sim)
    await storage.upload(source, "/cache/new.gcode")
    assert sim.machine.files["/cache/new.gcode"].content == CONTENT
    with pytest.raises(Refused) as there:
        await storage.upload(source, "/cache/new.gcode")
    assert there.value.key == "file_exists"


async def test_a_complaint_after_the_last_byte_is_settled_by_the_size(sim, tmp_path) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(CONTENT)
    sim.ftps.final_code = "426 Failure reading network stream."
    await storage_of(sim).upload(source, "/cache/new.gcode")
    assert sim.machine.files["/cache/new.gcode"].content == CONTENT


async def test_a_late_last_word_is_waited_for(sim, tmp_path) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(b"G28\n")
    sim.ftps.final_delay_s = 0.5
    await storage_of(sim).upload(source, "/new.gcode")
    assert "/new.gcode" in sim.machine.files


async def test_an_upload_that_breaks_leaves_nothing_behind(sim, tmp_path) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(CONTENT)
    sim.ftps.cut_after = 100_000
    with pytest.raises(Unreachable):
        await storage_of(sim).upload(source, "/cache/new.gcode")
    assert "/cache/new.gcode" not in sim.machine.files


async def test_a_full_and_a_missing_card_are_told_apart(sim, tmp_path) -> None:
    source = tmp_path / "new.gcode"
    source.write_bytes(CONTENT)
    sim.machine.storage_bytes = 400_000
    with pytest.raises(Refused) as full:
        await storage_of(sim).upload(source, "/cache/new.gcode")
    assert full.value.key == "storage_full"
    sim.wire.storage = False
    with pytest.raises(Refused) as missing:
        await storage_of(sim).upload(source, "/cache/new.gcode")
    assert missing.value.key == "storage_missing"


async def test_deleting_removes_and_refuses_what_is_not_there(sim) -> None:
    storage = storage_of(sim)
    await storage.delete("/cache/big.gcode")
    assert "/cache/big.gcode" not in sim.machine.files
    with pytest.raises(Refused):
        await storage.delete("/cache/big.gcode")


async def test_a_wrong_code_and_a_stranger_are_told_apart(sim) -> None:
    with pytest.raises(AccessDenied):
        await storage_of(sim, "00000000").list()
    with pytest.raises(CertificateChanged):
        await storage_of(sim, pin=Pin("00" * 32, None)).list()
    assert sim.ftps.log.count("PASS") == 1


async def test_a_printer_with_too_many_sessions_says_so(sim) -> None:
    sim.ftps.greeting = "421 Too many connections."
    with pytest.raises(Unreachable) as crowded:
        await storage_of(sim).list()
    assert crowded.value.key == "too_many_clients"


async def test_what_is_not_ftp_is_garbled(sim) -> None:
    sim.ftps.greeting = "HTTP/1.1 400 Bad Request"
    with pytest.raises(Garbled):
        await storage_of(sim).list()
    sim.ftps.greeting = "220-more\r\n" * 300
    with pytest.raises(Garbled):
        await storage_of(sim).list()


async def test_nobody_listening_is_unreachable(sim) -> None:
    storage = storage_of(sim)
    sim.ftps.stop()
    with pytest.raises(Unreachable):
        await storage.list()


async def test_only_one_session_is_open_at_a_time(sim, tmp_path) -> None:
    """A printer serves one; a second would break the first one's transfer."""
    storage = storage_of(sim)
    await asyncio.gather(
        storage.list(), storage.download("/cache/big.gcode", tmp_path / "a"), storage.list("/cache")
    )
    assert sim.ftps.most_sessions == 1


async def test_a_transfer_that_is_called_off_ends_at_once(sim, tmp_path) -> None:
    sim.ftps.pause_s = 0.2
    storage = storage_of(sim)
    loading = asyncio.create_task(storage.download("/cache/big.gcode", tmp_path / "a"))
    await asyncio.sleep(0.4)
    loading.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(2):
            await loading
    sim.ftps.pause_s = 0
    assert await storage.list()


async def test_a_disk_of_ours_that_takes_nothing_is_not_the_printers_fault(sim, tmp_path) -> None:
    with pytest.raises(StoreError):
        await storage_of(sim).download("/cache/big.gcode", tmp_path / "none" / "x")


async def test_the_picture_of_a_plate_costs_a_piece_of_the_file(sim) -> None:
    """Fetching 40 MB for a picture takes minutes on a real printer."""
    sim.machine.store(
        VirtualFile(path="/cache/clip.3mf", content=archive(8_000_000, plate_2=PICTURE[::-1]))
    )
    storage = storage_of(sim)
    sim.ftps.sent = 0
    picture = await storage.picture(CurrentJob(name="clip", plate=1))
    assert picture == PICTURE
    assert sim.ftps.sent < 2_500_000
    assert await storage.thumbnail("/cache/clip.3mf") == PICTURE


async def test_without_ranges_there_is_no_picture(sim) -> None:
    sim.machine.store(VirtualFile(path="/cache/clip.3mf", content=archive()))
    sim.ftps.ranges = False
    assert await storage_of(sim).thumbnail("/cache/clip.3mf") is None


async def test_a_job_without_a_file_on_the_storage_has_no_picture(sim) -> None:
    storage = storage_of(sim)
    assert await storage.picture(CurrentJob(name="elsewhere")) is None
    assert await storage.picture(CurrentJob(name="../x")) is None
    assert await storage.picture(CurrentJob()) is None


async def test_a_piece_of_a_file_can_be_read(sim) -> None:
    assert await storage_of(sim).read_part("/cache/big.gcode", 1000, 50) == CONTENT[1000:1050]


def test_a_name_from_a_printer_never_leaves_the_storage() -> None:
    assert candidates(CurrentJob(name="a/../../b", path="/../x.3mf")) == []
    assert candidates(CurrentJob(name="a.gcode.3mf"))[0] == "/cache/a.3mf"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\5\6" + bytes(18),
        archive()[:-50],
        RANDOM.randbytes(1000),
        archive(plate_1x=b"x").replace(b"plate_1.png", b"plate_9.xxx"),
    ],
    ids=["empty", "no members", "cut off", "noise", "no picture"],
)
def test_a_broken_archive_has_no_picture(content: bytes) -> None:
    assert plate_picture(lambda at, count: content[at : at + count], len(content), None) is None


def test_a_picture_that_is_none_or_too_large_is_left_alone() -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("Metadata/plate_1.png", bytes(3 << 20))
        file.writestr("Metadata/plate_2.png", b"GIF89a")
    content = made.getvalue()
    for plate in (1, 2):
        assert plate_picture(lambda a, n: content[a : a + n], len(content), plate) is None


def test_an_archive_that_wants_everything_read_is_given_up() -> None:
    content = b"\0" * (20 << 20)
    tail = archive(10)[-22:]
    size = (15 << 20).to_bytes(4, "little")
    made = content + tail[:12] + size + (1 << 20).to_bytes(4, "little") + tail[20:]
    assert plate_picture(lambda at, count: made[at : at + count], len(made), 1) is None


def test_listings_of_both_date_forms_are_read() -> None:
    rows = [
        "-rw-r--r--    1 1000     1000         1234 Jun 17  2025 a b (2).gcode.3mf",
        "-rw-r--r--    1 root  root            7 Dec 24 18:30 größe.3mf\r",
        "-rw-r--r--    1 root  root            7 Jan 01  1980 unset.3mf",
        "-rw-r--r--    1 root  root            7 Feb 30  2025 odd.gcode",
        "-rw-r--r--    1 root  root            7 Foo 01  2025 odder.gcode",
        "drwxr-xr-x    2 root  root         4096 Nov 20 11:00 timelapse",
        "lrwxrwxrwx    1 root  root            7 Nov 20 11:00 link -> /etc",
        "-rw-r--r--    1 root  root            7 Nov 20 11:00 a/b",
        "total 12",
    ]
    files = {item.name: item for item in read_listing("/cache", rows, NOW)}
    assert files["a b (2).gcode.3mf"].modified == datetime(2025, 6, 17, tzinfo=UTC)
    assert files["größe.3mf"].modified == datetime(2025, 12, 24, 18, 30, tzinfo=UTC)
    assert files["unset.3mf"].modified is None
    assert files["odd.gcode"].modified is None
    assert files["odder.gcode"].modified is None
    assert files["timelapse"].folder
    assert set(files) == {
        "a b (2).gcode.3mf", "größe.3mf", "unset.3mf", "odd.gcode", "odder.gcode", "timelapse",
    }  # fmt: skip


def test_recorded_listings_are_read_line_by_line() -> None:
    recorded = FIXTURES / "list_samples.txt"
    if not recorded.is_file():
        pytest.skip("no recorded listings here")
    rows = recorded.read_text("utf-8").splitlines()
    assert len(read_listing("/", rows, NOW)) == len([row for row in rows if row.strip()])


def test_answers_are_told_apart_by_their_code() -> None:
    assert isinstance(ftps_module._refusal("522 session reuse required"), Unreachable)
    assert isinstance(ftps_module._refusal("500 unknown"), Refused)


async def test_a_card_that_fills_up_in_mid_upload_is_said_to_be_full(sim, tmp_path) -> None:
    """It hangs up first: "the line broke" would send people to look at their network."""
    source = tmp_path / "new.gcode"
    source.write_bytes(RANDOM.randbytes(8_000_000))
    sim.ftps.full_after = 100_000
    with pytest.raises(Refused) as full:
        await storage_of(sim).upload(source, "/cache/new.gcode")
    assert full.value.key == "storage_full"


async def test_a_source_that_is_gone_is_not_the_printers_fault(sim, tmp_path) -> None:
    with pytest.raises(BadFile):
        await storage_of(sim).upload(tmp_path / "none", "/cache/new.gcode")


@pytest.mark.parametrize(("error", "kind"), [(10, Unreachable), (-10, Garbled)])
async def test_a_length_that_does_not_fit_is_noticed(sim, tmp_path, error: int, kind) -> None:
    sim.ftps.size_error = error
    with pytest.raises(kind):
        await storage_of(sim).download("/cache/big.gcode", tmp_path / "big")
    source = tmp_path / "new"
    source.write_bytes(b"x")
    sim.ftps.size_error = 0
    await storage_of(sim).upload(source, "/cache/one")


async def test_an_upload_of_the_wrong_length_is_not_kept(sim, tmp_path) -> None:
    source = tmp_path / "new"
    source.write_bytes(CONTENT)
    sim.ftps.size_error = -7
    with pytest.raises(Unreachable):
        await storage_of(sim).upload(source, "/cache/new")
    assert "/cache/new" not in sim.machine.files


async def test_a_server_that_wants_other_sessions_is_not_argued_with(sim, monkeypatch) -> None:
    monkeypatch.setattr("ssl.SSLSocket.session_reused", property(lambda _: False), raising=False)
    with pytest.raises(Unreachable):
        await storage_of(sim).list()
