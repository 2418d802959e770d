"""Files on a Moonraker: over real sockets, with real cuts in the middle."""

from __future__ import annotations

import asyncio
import base64
import dataclasses
import os
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import (
    AccessDenied,
    BadFile,
    Garbled,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState
from tests.simulators.moonraker import QUICK

from .scene import GCODE, line

if TYPE_CHECKING:
    from collections.abc import Awaitable
    from pathlib import Path

    from .scene import Scene

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
BIG = b"G1 X1.5 Y2.5 E0.1\n" * 60_000
"""More than a megabyte: it does not fit into one piece."""


def pictured(width: int = 300, data: bytes = PNG) -> bytes:
    """Return G-code with a thumbnail, as slicers write it."""
    coded = base64.b64encode(data).decode()
    head = f"; thumbnail begin {width}x{width} {len(coded)}\n; {coded}\n; thumbnail end\n"
    return head.encode() + GCODE


async def why(call: Awaitable[object]) -> str:
    """Await a refusal; returns its key."""
    with pytest.raises(Refused) as refusal:
        await call
    return refusal.value.key


def store(shop: Scene, path: str, content: bytes = GCODE) -> None:
    """Put a file on the printer."""
    shop.machine.store(VirtualFile(path=path, content=content, modified=1.7e9))


def source(folder: Path, content: bytes = BIG) -> Path:
    """Write what is to be sent."""
    path = folder / "source.gcode"
    path.write_bytes(content)
    return path


# -- looking -------------------------------------------------------------------------------------


async def test_folders_and_roots_are_listed_with_their_facts() -> None:
    def fill(shop: Scene) -> None:
        store(shop, "/sub/deep/ä b.gcode", pictured())
        shop.machine.files["/notes.txt"] = VirtualFile(path="/notes.txt", content=b"x")

    async with line(fill) as (shop, session):
        root = {item.path: item for item in await session.storage.list()}
        assert list(root) == ["/sub", "/part.gcode", "/notes.txt", "/config", "/logs"]
        assert root["/sub"].folder
        assert root["/part.gcode"].printable
        assert not root["/notes.txt"].printable
        assert root["/part.gcode"].size == len(GCODE)
        assert root["/part.gcode"].modified is not None
        [deep] = [item for item in await session.storage.list("/sub/deep") if not item.folder]
        assert deep.path == "/sub/deep/ä b.gcode"
        assert deep.thumbnail == "/sub/deep/.thumbs/ä b-300x300.png"
        assert await session.storage.thumbnail(deep.thumbnail) == PNG
        assert [item.path for item in await session.storage.list("/config")] == [
            "/config/printer.cfg"
        ]
        assert session.storage.free_bytes == shop.machine.storage_bytes - shop.machine.used_bytes
        for path in ("/nothing", "/config/nothing", "/../etc"):
            assert await why(session.storage.list(path)) == "file_missing"


async def test_a_picture_that_is_not_there_is_none_and_a_huge_one_garbled() -> None:
    def fill(shop: Scene) -> None:
        store(shop, "/huge.gcode", pictured(data=PNG + b"x" * 2_100_000))

    async with line(fill) as (shop, session):
        assert await session.storage.thumbnail("/.thumbs/none.png") is None
        with pytest.raises(Garbled):
            await session.storage.thumbnail("/.thumbs/huge-300x300.png")
        shop.sim.refuse_http = 403
        assert await why(session.storage.thumbnail("/.thumbs/none.png")) == "printer_busy"


async def test_the_jobs_picture_is_the_one_in_its_file() -> None:
    async with line(lambda shop: store(shop, "/sub/p.gcode", pictured())) as (_, session):
        picture = session.job_picture.picture
        assert await picture(CurrentJob(path="/sub/p.gcode")) == PNG
        assert await picture(CurrentJob(path="/part.gcode")) is None
        assert await picture(CurrentJob(path="/gone.gcode")) is None
        assert await picture(CurrentJob(path="/config/printer.cfg")) is None
        assert await picture(CurrentJob(name="x")) is None


# -- fetching ------------------------------------------------------------------------------------


async def test_a_file_arrives_whole_and_tells_how_far_it_is(tmp_path: Path) -> None:
    async with line(lambda shop: store(shop, "/big.gcode", BIG)) as (_, session):
        moved: list[int] = []
        to = tmp_path / "got"
        await session.storage.download(
            "/big.gcode", to, progress=lambda done, total: moved.append(done)
        )
        assert to.read_bytes() == BIG
        assert moved == sorted(moved)
        assert moved[-1] == len(BIG)
        await session.storage.download("/config/printer.cfg", tmp_path / "cfg")
        assert (tmp_path / "cfg").read_bytes().startswith(b"[printer]")


async def test_a_download_that_breaks_goes_on_where_it_was(tmp_path: Path) -> None:
    async with line(lambda shop: store(shop, "/big.gcode", BIG)) as (shop, session):
        to = tmp_path / "got"
        shop.sim.cut_download_at = 500_000
        with pytest.raises((Unreachable, Garbled)):
            await session.storage.download("/big.gcode", to)
        held = to.stat().st_size
        assert BIG.startswith(to.read_bytes())
        await session.storage.download("/big.gcode", to)
        assert to.read_bytes() == BIG
        assert held
        count = len(shop.sim.calls)
        await session.storage.download("/big.gcode", to)
        assert len(shop.sim.calls) == count + 1  # only how long it is


async def test_a_longer_leftover_is_begun_anew(tmp_path: Path) -> None:
    async with line() as (_, session):
        to = tmp_path / "got"
        to.write_bytes(b"x" * (len(GCODE) + 5))
        await session.storage.download("/part.gcode", to)
        assert to.read_bytes() == GCODE


async def test_a_server_without_ranges_is_asked_from_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line() as (shop, session):
        to = tmp_path / "got"
        to.write_bytes(GCODE[:100])
        real = session._http.stream
        monkeypatch.setattr(session._http, "stream", lambda target, headers: real(target))
        await session.storage.download("/part.gcode", to)
        assert to.read_bytes() == GCODE
        assert shop.machine.files


async def test_what_cannot_be_fetched_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line() as (shop, session):
        to = tmp_path / "got"
        assert await why(session.storage.download("/none.gcode", to)) == "file_missing"
        shop.sim.refuse_http = 401
        with pytest.raises(AccessDenied):
            await session.storage.download("/part.gcode", to)
        shop.sim.refuse_http = None

        async def too_long(_: object) -> int:
            return len(GCODE) + 10

        monkeypatch.setattr(session.storage, "_size_of", too_long)
        with pytest.raises(Garbled):
            await session.storage.download("/part.gcode", to)

        async def too_short(_: object) -> int:
            shop.sim.refuse_http = 404
            return 10

        monkeypatch.setattr(session.storage, "_size_of", too_short)
        assert await why(session.storage.download("/part.gcode", tmp_path / "b")) == "file_missing"
        shop.sim.refuse_http = None

        async def short(_: object) -> int:
            return 10

        monkeypatch.setattr(session.storage, "_size_of", short)
        with pytest.raises(Garbled, match="more than"):
            await session.storage.download("/part.gcode", tmp_path / "c")


# -- storing -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.gcode", "ö (2) & 'x'.gcode", "sub/deep/a b.gcode", "100%.g"])
async def test_a_file_is_stored_under_its_name_with_its_checksum(name: str, tmp_path: Path) -> None:
    async with line() as (shop, session):
        moved: list[int] = []
        where = await session.storage.upload(
            source(tmp_path), f"/{name}", progress=lambda done, total: moved.append(done)
        )
        assert where == f"/{name}"
        assert shop.machine.files[where].content == BIG
        assert moved == sorted(moved)
        assert moved[-1] == len(BIG)
        await session.control.start(where)
        assert shop.machine.in_job


async def test_a_file_of_configuration_goes_to_its_root(tmp_path: Path) -> None:
    async with line() as (shop, session):
        path = source(tmp_path, b"[printer]")
        assert await session.storage.upload(path, "/config/new.cfg") == "/config/new.cfg"
        assert shop.sim.shelf.others["config"]["new.cfg"] == b"[printer]"
        assert await why(session.storage.upload(path, "/logs/x.log")) == "not_supported"


async def test_a_file_that_is_there_is_replaced_only_when_told(tmp_path: Path) -> None:
    async with line() as (shop, session):
        path = source(tmp_path)
        assert await why(session.storage.upload(path, "/part.gcode")) == "file_exists"
        assert shop.machine.files["/part.gcode"].content == GCODE
        await session.storage.upload(path, "/part.gcode", replace=True)
        assert shop.machine.files["/part.gcode"].content == BIG


async def test_the_file_being_printed_is_not_overwritten_moved_or_deleted(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.printing()
        await shop.until_state(PrinterState.PRINTING)
        storage = session.storage
        path = source(tmp_path)
        assert await why(storage.upload(path, "/part.gcode", replace=True)) == "printer_busy"
        assert await why(storage.delete("/part.gcode")) == "printer_busy"
        assert await why(storage.move("/part.gcode", "/b.gcode")) == "printer_busy"
        assert shop.machine.files["/part.gcode"].content == GCODE


async def test_a_spoiled_upload_is_garbled_and_leaves_nothing(tmp_path: Path) -> None:
    """It is worth another try: the file was fine when it left."""
    async with line() as (shop, session):
        shop.sim.spoil_checksum = True
        with pytest.raises(Garbled):
            await session.storage.upload(source(tmp_path), "/a.gcode")
        assert "/a.gcode" not in shop.machine.files


async def test_an_upload_that_is_cut_leaves_nothing_and_can_be_made_again(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.sim.cut_upload_at = 300_000
        with pytest.raises(Unreachable):
            await session.storage.upload(source(tmp_path), "/a.gcode")
        assert "/a.gcode" not in shop.machine.files
        await session.storage.upload(source(tmp_path), "/a.gcode")
        assert shop.machine.files["/a.gcode"].content == BIG


async def test_an_upload_that_is_called_off_leaves_nothing(tmp_path: Path) -> None:
    async with line() as (shop, session):
        begun = asyncio.Event()
        upload = asyncio.ensure_future(
            session.storage.upload(
                source(tmp_path, BIG * 4), "/a.gcode", progress=lambda *_: begun.set()
            )
        )
        await begun.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert "/a.gcode" not in shop.machine.files


async def test_a_full_disk_is_said_before_and_found_out_after(tmp_path: Path) -> None:
    async with line() as (shop, session):
        shop.machine.storage_bytes = shop.machine.used_bytes + 1000
        # What was free when we last looked is not what is free now.
        assert await why(session.storage.upload(source(tmp_path), "/a.gcode")) == "storage_full"
        await session.storage.list()
        count = sum("upload" in call for call in shop.sim.calls)
        assert await why(session.storage.upload(source(tmp_path), "/a.gcode")) == "storage_full"
        assert sum("upload" in call for call in shop.sim.calls) == count
        shop.machine.storage_bytes = 1 << 30
        await session.storage.upload(source(tmp_path), "/a.gcode")


async def test_a_package_is_taken_apart_by_the_server(tmp_path: Path) -> None:
    async with line() as (shop, session):
        assert await session.storage.upload(source(tmp_path), "/a.ufp") == "/a.gcode"
        assert "/a.gcode" in shop.machine.files


@pytest.mark.parametrize("path", ['/a"b.gcode', "/", "/config"])
async def test_what_is_no_name_for_a_file_is_refused(path: str, tmp_path: Path) -> None:
    async with line() as (_, session):
        assert await why(session.storage.upload(source(tmp_path), path)) == "unsupported_file"


@pytest.mark.parametrize(
    ("answer", "fails"),
    [
        ({"item": {"path": "a.gcode", "size": len(BIG)}}, False),
        ({"result": {"item": {"path": "a.gcode", "size": len(BIG)}}}, False),
        ({"item": {"path": "a.gcode"}}, False),
        ({"item": {"path": "a.gcode", "size": 5}}, True),
        ({"item": {}}, True),
        ([], True),
    ],
)
async def test_what_the_server_says_of_an_upload_is_held_to_what_was_sent(
    answer: Any, fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old versions wrap the answer, and some say nothing of the size."""
    async with line() as (shop, session):
        monkeypatch.setattr(shop.sim.shelf, "store", lambda *_: {})
        monkeypatch.setattr(shop.sim, "file_changed", lambda *_: _Said(answer))
        upload = session.storage.upload(source(tmp_path), "/a.gcode")
        if fails:
            with pytest.raises(Garbled):
                await upload
        else:
            assert await upload == "/a.gcode"


class _Said(dict[str, Any]):
    """An answer that nothing is added to."""

    def __init__(self, answer: Any) -> None:
        super().__init__(answer if isinstance(answer, dict) else {})

    def __or__(self, other: Any) -> dict[str, Any]:
        return dict(self)


async def test_a_file_that_shrinks_on_the_way_is_not_stored(tmp_path: Path) -> None:
    async with line() as (shop, session):
        path = source(tmp_path, BIG * 10)
        with pytest.raises(BadFile):
            await session.storage.upload(path, "/a.gcode", progress=lambda *_: os.truncate(path, 0))
        assert "/a.gcode" not in shop.machine.files


async def test_a_server_that_takes_nothing_any_more_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with line() as (shop, session):
        shop.sim.refuse_http = 500
        with pytest.raises(Refused):
            await session.storage.upload(source(tmp_path), "/a.gcode")
        shop.sim.refuse_http = None
        session._http.pace = dataclasses.replace(QUICK, transfer_s=0.1)
        waiting = asyncio.Event()

        async def asleep(_: object) -> None:
            await waiting.wait()

        monkeypatch.setattr(shop.sim, "before_upload", asleep)
        with pytest.raises(Unreachable, match="nothing moved"):
            await session.storage.upload(source(tmp_path, BIG * 20), "/a.gcode")
        waiting.set()


# -- moving and deleting -------------------------------------------------------------------------


async def test_a_file_is_moved_and_deleted() -> None:
    async with line() as (shop, session):
        storage = session.storage
        store(shop, "/other.gcode")
        assert await why(storage.move("/none.gcode", "/x.gcode")) == "file_missing"
        assert await why(storage.move("/part.gcode", "/other.gcode")) == "file_exists"
        assert await storage.move("/part.gcode", "/sub/new name.gcode") == "/sub/new name.gcode"
        await storage.move("/sub/new name.gcode", "/other.gcode", replace=True)
        assert list(shop.machine.files) == ["/other.gcode"]
        await storage.delete("/other.gcode")
        assert not shop.machine.files
        assert await why(storage.delete("/other.gcode")) == "file_missing"
        await storage.delete("/config/printer.cfg")
        assert shop.sim.shelf.others["config"] == {}
