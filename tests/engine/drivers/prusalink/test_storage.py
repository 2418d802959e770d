"""Files on a PrusaLink, over real sockets and a real disk."""

from __future__ import annotations

import asyncio
import errno
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from custom_components.printernizer.engine.drivers import streams
from custom_components.printernizer.engine.drivers.prusalink import storage as storage_module
from custom_components.printernizer.engine.drivers.virtual.machine import (
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import (
    BadFile,
    Garbled,
    Refused,
    StoreError,
    Unreachable,
)
from tests.simulators.prusalink import QUICK, Moving

from .scene import GCODE, PLATE, line
from .test_jobs import PNG, with_picture

DIALECTS = pytest.mark.parametrize("dialect", ["buddy", "pi"])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "new.gcode"
    path.write_bytes(GCODE * 500)
    return path


async def refusal(command) -> str:
    """Return the key of the refusal that a command must end in."""
    with pytest.raises(Refused) as refused:
        await command
    assert refused.value.reason
    return refused.value.key


@DIALECTS
async def test_long_names_in_folders_make_the_round_trip(
    dialect: str, source: Path, tmp_path: Path
) -> None:
    async with line(dialect=dialect) as (shop, session):
        storage = session.storage
        path = "/größere Teile/part #1 100% (copy).gcode"
        await storage.upload(source, path)
        assert shop.machine.files[path].content == source.read_bytes()
        folder = next(item for item in await storage.list() if item.name == "größere Teile")
        assert (folder.path, folder.folder, folder.printable) == ("/größere Teile", True, False)
        (file,) = await storage.list(folder.path)
        assert (file.path, file.printable, file.folder) == (path, True, False)
        assert file.size == (None if dialect == "buddy" else source.stat().st_size)
        assert file.modified is not None
        await storage.download(file.path, tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == source.read_bytes()
        await storage.delete(file.path)
        assert path not in shop.machine.files


async def test_files_with_the_same_beginning_keep_their_own_short_names() -> None:
    async with line() as (shop, session):
        for name in ("long name one.gcode", "long name two.gcode", ".hidden.gcode"):
            shop.machine.store(VirtualFile(path=f"/{name}", content=name.encode()))
        names = {file.name for file in await session.storage.list()}
        assert names == {"part.gcode", "long name one.gcode", "long name two.gcode"}
        answer = await session._client.get_json("/api/v1/files/usb")
        assert {item["name"] for item in answer["children"]} == {
            "PART~1.GCO", "LONG_N~1.GCO", "LONG_N~2.GCO",
        }  # fmt: skip
        await session.control.start("/LONG_N~2.GCO")
        assert shop.machine.run.path == "/long name two.gcode"


async def test_a_missing_stick_is_told_and_not_an_empty_folder(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.stick = False
        assert await refusal(session.storage.list()) == "storage_missing"
        assert await refusal(session.storage.upload(source, "/x.gcode")) == "storage_missing"


async def test_a_missing_folder_and_a_file_taken_for_one_are_told(tmp_path: Path) -> None:
    async with line() as (_, session):
        assert await refusal(session.storage.list("/none")) == "file_missing"
        assert await refusal(session.storage.list("/part.gcode")) == "file_missing"
        download = session.storage.download("/none.gcode", tmp_path / "x")
        assert await refusal(download) == "file_missing"
        assert await refusal(session.storage.download("/", tmp_path / "x")) == "file_missing"
        assert not (tmp_path / "x").exists()


async def test_an_unchanged_folder_is_not_sent_twice() -> None:
    async with line() as (shop, session):
        first = await session.storage.list()
        assert await session.storage.list() == first
        held = session.storage._kept["/api/v1/files/usb/"]
        shop.machine.store(VirtualFile(path="/second.gcode", content=b"G28"))
        assert len(await session.storage.list()) == 2
        assert session.storage._kept["/api/v1/files/usb/"] != held


async def test_the_card_of_the_printer_is_a_folder_that_takes_nothing(source: Path) -> None:
    async with line(dialect="pi") as (_, session):
        card = (await session.storage.list())[-1]
        assert (card.path, card.name, card.folder) == ("/sdcard", "SD Card", True)
        assert await session.storage.list("/sdcard") == ()
        assert await refusal(session.storage.upload(source, "/sdcard/x.gcode")) == "not_supported"
        assert await refusal(session.storage.delete("/sdcard/x.gcode")) == "printer_busy"


# -- storing -------------------------------------------------------------------------------------


@DIALECTS
async def test_an_upload_tells_how_far_it_is_and_replaces_only_when_told(
    dialect: str, source: Path
) -> None:
    async with line(dialect=dialect) as (shop, session):
        moved: list[tuple[int, int | None]] = []
        size = source.stat().st_size
        await session.storage.upload(source, "/n.gcode", progress=lambda *it: moved.append(it))
        assert moved[-1] == (size, size)
        assert await refusal(session.storage.upload(source, "/n.gcode")) == "file_exists"
        source.write_bytes(b"G28\n")
        await session.storage.upload(source, "/n.gcode", replace=True)
        assert shop.machine.files["/n.gcode"].content == b"G28\n"


async def test_the_status_keeps_coming_while_a_slow_upload_runs(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.chunk_pause_s = 0.05
        statuses = session.statuses()
        await anext(statuses)
        uploading = asyncio.ensure_future(session.storage.upload(source, "/n.gcode"))
        shares = []
        while not uploading.done():
            await session.refresh()
            status = await anext(statuses)
            if status.transfer is not None:
                shares.append(status.transfer.progress)
                assert status.transfer.name == "n.gcode"
        await uploading
        assert len(set(shares)) > 2
        assert shares == sorted(shares)


@DIALECTS
async def test_print_after_upload_starts_the_print(dialect: str, source: Path) -> None:
    async with line(dialect=dialect) as (shop, session):
        await session.storage.upload(source, "/n.gcode", start=True)
        assert shop.machine.in_job
        other = session.storage.upload(source, "/o.gcode", start=True)
        assert await refusal(other) == "printer_busy"
        assert "/o.gcode" not in shop.machine.files


async def test_a_file_that_was_kept_but_cannot_be_printed_is_told(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("n.gcode", 404))

        async def passes() -> None:
            shop.printing()

        session.storage._ready = passes
        upload = session.storage.upload(source, "/n.gcode", start=True)
        assert await refusal(upload) == "printer_busy"
        assert "/n.gcode" in shop.machine.files


@pytest.mark.parametrize(
    ("path", "key"),
    [("/x.txt", "unsupported_file"), ("/a?b.gcode", "refused"), ("/../x.gcode", "file_missing")],
)
async def test_bad_names_are_refused(path: str, key: str, source: Path) -> None:
    async with line() as (shop, session):
        assert await refusal(session.storage.upload(source, path)) == key
        assert list(shop.machine.files) == ["/part.gcode"]


async def test_what_does_not_fit_is_refused_before_it_is_sent(source: Path) -> None:
    async with line() as (shop, session):
        shop.machine.storage_bytes = 5000
        assert await refusal(session.storage.upload(source, "/n.gcode")) == "storage_full"
        assert session.storage.free_bytes == shop.sim.free_bytes
        source.write_bytes(b"")
        assert await refusal(session.storage.upload(source, "/n.gcode")) == "refused"
        assert not [entry for entry in shop.sim.log if entry.startswith("PUT")]


@pytest.mark.parametrize(
    ("status", "key"), [(409, "printer_busy"), (507, "storage_full"), (415, "unsupported_file")]
)
async def test_a_refusal_while_storing_keeps_its_meaning(
    status: int, key: str, source: Path
) -> None:
    async with line() as (shop, session):
        source.write_bytes(GCODE)
        shop.sim.trouble.extend([("n.gcode", 404), ("n.gcode", status)])
        assert await refusal(session.storage.upload(source, "/n.gcode")) == key


async def test_a_second_upload_waits_for_the_first(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.chunk_pause_s = 0.02
        await asyncio.gather(
            session.storage.upload(source, "/a.gcode"), session.storage.upload(source, "/b.gcode")
        )
        assert {"/a.gcode", "/b.gcode"} <= shop.machine.files.keys()


async def test_another_clients_upload_makes_the_printer_busy(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.transfer = Moving(1, "other.gcode", 100, 0.0)
        source.write_bytes(GCODE)
        assert await refusal(session.storage.upload(source, "/n.gcode")) == "printer_busy"


async def test_an_upload_that_does_not_arrive_whole_is_garbled(source: Path, monkeypatch) -> None:
    def store(machine: VirtualMachine, file: VirtualFile) -> None:
        machine.files[file.path] = VirtualFile(path=file.path, content=file.content[:-1])

    monkeypatch.setattr(VirtualMachine, "store", store)
    async with line() as (_, session):
        session._client.pace = type(session._client.pace)(settle_for_s=0.05, settle_every_s=0.01)
        with pytest.raises(Garbled):
            await session.storage.upload(source, "/n.gcode")


async def test_a_source_that_shrinks_breaks_the_upload_off(source: Path) -> None:
    async with line() as (shop, session):

        def shrink(_done: int, _total: int | None) -> None:
            source.write_bytes(b"x")

        with pytest.raises(BadFile):
            await session.storage.upload(source, "/n.gcode", progress=shrink)
        assert "/n.gcode" not in shop.machine.files


async def test_a_disk_of_ours_that_fails_in_the_middle_is_told_as_that(
    source: Path, monkeypatch
) -> None:
    """Trying again over the network would not help, and would look at the wrong end."""
    opened = Path.open

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(errno.EIO, "Input/output error")

        def seek(self, offset: int, whence: int = 0) -> int:
            return 5000

    monkeypatch.setattr(
        Path,
        "open",
        lambda path, *given, **more: Failing() if path == source else opened(path, *given, **more),
    )
    async with line() as (shop, session):
        with pytest.raises(BadFile):
            await session.storage.upload(source, "/n.gcode")
        assert list(shop.machine.files) == ["/part.gcode"]


async def test_a_source_that_cannot_be_read_is_no_fault_of_the_printer(tmp_path: Path) -> None:
    async with line() as (shop, session):
        with pytest.raises(BadFile):
            await session.storage.upload(tmp_path / "none.gcode", "/n.gcode")
        folder = tmp_path / "folder.gcode"
        folder.mkdir()
        with pytest.raises(BadFile):
            await session.storage.upload(folder, "/n.gcode")
        assert list(shop.machine.files) == ["/part.gcode"]


@DIALECTS
async def test_the_file_being_printed_is_not_written_over(dialect: str, source: Path) -> None:
    """The daemon on a Pi would do it, and print on with half of another part."""
    async with line(dialect=dialect) as (shop, session):
        shop.printing()
        upload = session.storage.upload(source, "/part.gcode", replace=True)
        assert await refusal(upload) == "printer_busy"
        assert not [entry for entry in shop.sim.log if entry.startswith("PUT")]
        assert shop.machine.files["/part.gcode"].content == GCODE
        shop.machine.cancel()
        await session.storage.upload(source, "/part.gcode", replace=True)
        assert shop.machine.files["/part.gcode"].content == source.read_bytes()


async def test_a_line_that_dies_under_an_upload_is_unreachable(source: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.extend([("n.gcode", 404), ("n.gcode", "reset")])
        with pytest.raises(Unreachable):
            await session.storage.upload(source, "/n.gcode")


async def test_the_file_being_printed_cannot_be_deleted() -> None:
    async with line() as (shop, session):
        shop.printing()
        assert await refusal(session.storage.delete("/part.gcode")) == "printer_busy"
        assert await refusal(session.storage.delete("/none.gcode")) == "file_missing"


# -- fetching ------------------------------------------------------------------------------------


async def test_the_firmware_starts_over_and_leaves_no_tail(tmp_path: Path) -> None:
    async with line() as (_, session):
        target = tmp_path / "got"
        target.write_bytes(bytes(10_000))
        moved: list[tuple[int, int | None]] = []
        await session.storage.download("/part.gcode", target, progress=lambda *it: moved.append(it))
        assert target.read_bytes() == GCODE
        assert moved[-1] == (len(GCODE), len(GCODE))


async def test_a_large_file_is_written_in_pieces(tmp_path: Path) -> None:
    async with line() as (shop, session):
        content = bytes(range(256)) * 32768
        shop.machine.store(VirtualFile(path="/big.gcode", content=content, plates=(PLATE,)))
        moved: list[int] = []
        await session.storage.download(
            "/big.gcode", tmp_path / "big", progress=lambda done, _: moved.append(done)
        )
        assert (tmp_path / "big").read_bytes() == content
        assert moved == sorted(moved)
        assert len(moved) > 3


async def test_a_disk_of_ours_that_is_full_is_not_the_printers_fault(
    tmp_path: Path, monkeypatch
) -> None:
    async with line() as (shop, session):
        content = bytes(range(256)) * 4096
        shop.machine.store(VirtualFile(path="/big.gcode", content=content, plates=(PLATE,)))
        opened = streams._opened

        class Full(io.BufferedRandom):
            def flush(self) -> None:
                raise OSError(errno.ENOSPC, "No space left on device")

        monkeypatch.setattr(streams, "_opened", lambda *asked: Full(opened(*asked).detach()))
        with pytest.raises(StoreError) as full:
            await session.storage.download("/big.gcode", tmp_path / "big")
        assert full.value.key == "disk_full"


@pytest.mark.parametrize(
    ("held", "asked"), [(b"", 0), (GCODE[:100], 1), (GCODE, 0), (GCODE + b"more", 0)]
)
async def test_the_daemon_is_asked_to_go_on(held: bytes, asked: int, tmp_path: Path) -> None:
    """0.8.1 ignores ranges and sends all; a later one may not."""
    async with line(dialect="pi") as (_, session):
        target = tmp_path / "got"
        target.write_bytes(held)
        ranges = spied(session)
        await session.storage.download("/part.gcode", target)
        assert target.read_bytes() == GCODE
        assert len([value for value in ranges if value]) == asked


def spied(session) -> list[str | None]:
    """Return a list that fills with the Range header of each download."""
    ranges: list[str | None] = []
    stream = session._client.stream

    def spy(target, *, headers=None):
        ranges.append((headers or {}).get("Range"))
        return stream(target, headers=headers)

    session._client.stream = spy
    return ranges


@pytest.mark.parametrize(("start", "expected"), [("bytes 100-", GCODE), ("bytes 7-", None)])
async def test_a_range_that_was_given_is_joined_and_another_is_not(
    start: str, expected: bytes | None, tmp_path: Path, monkeypatch
) -> None:
    async with line(dialect="pi") as (shop, session):
        target = tmp_path / "got"
        target.write_bytes(GCODE[:100])
        headers = {"Content-Range": f"{start}{len(GCODE) - 1}/{len(GCODE)}"}
        shop.sim._download = lambda _request, _rest: web.Response(
            status=206, body=GCODE[100:], headers=headers
        )
        if expected is None:
            with pytest.raises(Garbled):
                await session.storage.download("/part.gcode", target)
        else:
            await session.storage.download("/part.gcode", target)
            assert target.read_bytes() == expected


@pytest.mark.parametrize("body", [GCODE[:-5], GCODE + b"tail"])
async def test_a_file_of_the_wrong_length_is_garbled(body: bytes, tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("/usb/PART~1.GCO", body))
        with pytest.raises(Garbled):
            await session.storage.download("/part.gcode", tmp_path / "got")


async def test_what_came_before_the_line_broke_stays(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("/usb/PART~1.GCO", "truncate"))
        with pytest.raises(Unreachable):
            await session.storage.download("/part.gcode", tmp_path / "got")
        # How much of it was handed over before the break is the network's business.
        assert b'{"printer'.startswith((tmp_path / "got").read_bytes())


async def test_a_download_that_is_refused_says_why(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append((["GET", "/usb/"][1], 404))
        download = session.storage.download("/part.gcode", tmp_path / "got")
        assert await refusal(download) == "file_missing"
        shop.sim.trouble.append(("/files/", 409))
        download = session.storage.download("/part.gcode", tmp_path / "got")
        assert await refusal(download) == "wrong_state"


async def test_the_daemon_hands_out_nothing_of_the_card(tmp_path: Path) -> None:
    async with line(dialect="pi") as (shop, session):
        facts = b'{"type": "PRINT_FILE", "size": 5, "refs": {"download": null}}'
        await session.storage.list()
        shop.sim.trouble.append(("sdcard", facts))
        download = session.storage.download("/sdcard/c.gcode", tmp_path / "got")
        assert await refusal(download) == "not_supported"


async def test_a_download_refused_at_its_own_address_says_why(tmp_path: Path) -> None:
    async with line() as (shop, session):
        facts = b'{"type": "PRINT_FILE", "size": 9, "refs": {"download": "/usb/gone.gcode"}}'
        shop.sim.trouble.append(("/api/v1/files/usb/part.gcode", facts))
        download = session.storage.download("/part.gcode", tmp_path / "got")
        assert await refusal(download) == "file_missing"
        assert not (tmp_path / "got").exists()


async def test_old_firmware_without_references_is_asked_by_path(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.sim.trouble.append(("files", b'{"type": "PRINT_FILE"}'))
        await session.storage.download("/part.gcode", tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == GCODE


# -- pictures ------------------------------------------------------------------------------------


async def test_a_picture_is_fetched_once_and_then_only_asked_after() -> None:
    async with line() as (shop, session):
        shop.machine.store(VirtualFile(path="/part.gcode", content=with_picture()))
        (file,) = await session.storage.list()
        assert file.thumbnail == "/thumb/l/usb/PART~1.GCO"
        assert await session.storage.thumbnail(file.thumbnail) == PNG
        request, answers = session._client.request, []

        async def spy(*args, **kwargs):
            answers.append(await request(*args, **kwargs))
            return answers[-1]

        session._client.request = spy
        assert await session.storage.thumbnail(file.thumbnail) == PNG
        assert [answer.status for answer in answers] == [304]


async def test_pictures_that_are_too_large_none_or_elsewhere_harm_nothing() -> None:
    async with line() as (shop, session):
        thumbnail: Callable = session.storage.thumbnail
        assert await thumbnail("/thumb/l/usb/PART~1.GCO") is None
        assert await thumbnail("http://192.0.2.1/x.png") is None
        shop.sim.trouble.append(("thumb", bytes(2_100_000)))
        with pytest.raises(Garbled):
            await thumbnail("/thumb/l/usb/PART~1.GCO")
        shop.sim.trouble.append(("thumb", b"<html>"))
        with pytest.raises(Garbled):
            await thumbnail("/thumb/l/usb/PART~1.GCO")
        shop.sim.trouble.append(("thumb", 500))
        with pytest.raises(Unreachable):
            await thumbnail("/thumb/l/usb/PART~1.GCO")


async def test_what_is_kept_stays_few(monkeypatch) -> None:
    monkeypatch.setattr(storage_module, "_KEPT", 2)
    async with line() as (shop, session):
        for name in ("a", "b", "c"):
            shop.machine.store(VirtualFile(path=f"/{name}/x.gcode", content=b"G28"))
            await session.storage.list(f"/{name}")
        assert len(session.storage._kept) == 2


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """More than the sockets in between can hold."""
    path = tmp_path / "large.gcode"
    path.write_bytes(bytes(16_000_000))
    return path


async def test_an_upload_that_stands_still_is_given_up(large: Path) -> None:
    async with line() as (shop, session):
        session._client.pace = replace(QUICK, transfer_s=0.3)
        shop.sim.chunk_pause_s = 3600
        with pytest.raises(Unreachable):
            async with asyncio.timeout(10):
                await session.storage.upload(large, "/n.gcode")
        assert "/n.gcode" not in shop.machine.files


@pytest.mark.parametrize("status", [409, 507])
async def test_a_refusal_in_the_middle_of_a_large_upload_is_heard(status: int, large: Path) -> None:
    """A board answers without reading the rest; the reason must not drown in a broken pipe."""
    async with line() as (shop, session):
        shop.sim.trouble.extend([("n.gcode", 404), ("n.gcode", status)])
        with pytest.raises(Refused):
            await session.storage.upload(large, "/n.gcode")
