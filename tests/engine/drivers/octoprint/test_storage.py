"""Files of an OctoPrint: listed, fetched, stored whole or not at all, and deleted one by one."""

from __future__ import annotations

import asyncio
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.octoprint.address import Address
from custom_components.printernizer.engine.drivers.octoprint.listing import (
    file_of,
    thumbnail_of,
    timelapses_of,
)
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile
from custom_components.printernizer.engine.errors import (
    BadFile,
    DriverError,
    Garbled,
    Refused,
    Unreachable,
)
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState
from tests.simulators.octoprint_files import Film

from .scene import GCODE, PART, scene

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.simulators.octoprint import OctoPrintSimulator

PNG = b"\x89PNG\r\n\x1a\n picture"
HOME = Address.parse("http://octopi.local/octoprint/")
both = pytest.mark.parametrize("version", ["1.11.8", "2.0.0rc7"])


async def refused(wish: Awaitable[object]) -> Refused:
    with pytest.raises(Refused) as refusal:
        await wish
    assert refusal.value.reason
    return refusal.value


def card_in(sim: OctoPrintSimulator) -> None:
    sim.voice.card = True
    sim.machine.store(VirtualFile(path="/sdcard/sd.gco", content=b"G28\n"))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.gcode"
    path.write_bytes(GCODE * 200)
    return path


# -- looking -------------------------------------------------------------------------------------


@both
async def test_the_root_lists_the_storages_that_are_there(version: str) -> None:
    async with scene(version=version) as shop:
        storage = shop.part("storage")
        names = [item.name for item in await storage.list()]
        assert names == ["local", "timelapse"]
        shop.sim.voice.card = True
        assert [item.path for item in await storage.list("/")] == [
            "/local", "/sdcard", "/timelapse",
        ]  # fmt: skip
        assert all(item.folder and not item.printable for item in await storage.list("/"))


@both
async def test_folders_and_files_are_listed_with_what_the_server_says(version: str) -> None:
    def fill(sim: OctoPrintSimulator) -> None:
        sim.machine.store(VirtualFile(path="/box/in/ä b.gcode", content=b"G28", modified=1.75e9))
        sim.shelf.pictures["/box/in/ä b.gcode"] = PNG

    async with scene(set_up=fill, version=version) as shop:
        storage = shop.part("storage")
        assert storage.free_bytes is None
        found = {item.name: item for item in await storage.list("/local")}
        assert found["box"].folder
        assert found["part.gcode"].size == len(GCODE)
        assert found["part.gcode"].printable
        assert found["part.gcode"].modified == datetime.fromtimestamp(1.7e9, UTC)
        assert storage.free_bytes == shop.machine.storage_bytes - shop.machine.used_bytes
        (inner,) = await storage.list("/local/box/in")
        assert inner.path == "/local/box/in/ä b.gcode"
        assert inner.thumbnail is not None
        assert await storage.thumbnail(inner.thumbnail) == PNG
        job = CurrentJob(path=inner.path)
        assert await shop.part("job_picture").picture(job) == PNG
        (same,) = await storage.list("box/in")
        assert same == inner


@both
async def test_a_card_is_listed_while_it_can_be_read(version: str) -> None:
    async with scene(set_up=card_in, version=version) as shop:
        storage = shop.part("storage")
        (file,) = await storage.list("/sdcard")
        assert (file.path, file.size, file.printable) == ("/sdcard/sd.gco", 4, True)
        shop.sim.voice.card = False
        assert (await refused(storage.list("/sdcard"))).key == "storage_missing"


@both
async def test_films_are_listed_fetched_and_deleted(version: str, tmp_path: Path) -> None:
    async with scene(version=version) as shop:
        shop.sim.shelf.films["a b.mp4"] = Film("a b.mp4", b"film" * 1000)
        storage = shop.part("storage")
        (film,) = await storage.list("/timelapse")
        assert film == RemoteFile(
            path="/timelapse/a b.mp4", name="a b.mp4", size=4000,
            modified=datetime.fromtimestamp(1.7e9, UTC),
        )  # fmt: skip
        await storage.download(film.path, tmp_path / "film.mp4")
        assert (tmp_path / "film.mp4").read_bytes() == b"film" * 1000
        await storage.delete(film.path)
        assert await storage.list("/timelapse") == ()
        missing = storage.download(film.path, tmp_path / "none")
        assert (await refused(missing)).key == "file_missing"
        for path in (film.path, "/timelapse", "/timelapse/a/b"):
            assert (await refused(storage.delete(path))).key == "file_missing"
        assert (await refused(storage.list("/timelapse/x"))).key == "file_missing"


async def test_what_is_no_folder_cannot_be_listed() -> None:
    async with scene() as shop:
        storage = shop.part("storage")
        for path in ("/local/part.gcode", "/local/none", "/local/a/../b"):
            assert (await refused(storage.list(path))).key == "file_missing"


async def test_a_picture_is_a_picture_from_this_server_or_nothing() -> None:
    def draw(sim: OctoPrintSimulator) -> None:
        sim.shelf.pictures["/part.gcode"] = b"<html>not one</html>"

    async with scene(set_up=draw, version="2.0.0rc7") as shop:
        storage = shop.part("storage")
        with pytest.raises(Garbled):
            await storage.thumbnail("/downloads/thumbs/local/part.gcode")
        assert await storage.thumbnail("/downloads/thumbs/local/none.gcode") is None
        asked = len(shop.sim.log)
        assert await storage.thumbnail("/downloads/../api/settings") is None
        assert len(shop.sim.log) == asked
        shop.sim.trouble.append(("/downloads/thumbs", 500))
        with pytest.raises(Unreachable):
            await storage.thumbnail("/downloads/thumbs/local/part.gcode")
        picture = shop.part("job_picture").picture
        for path in (None, "/sdcard/sd.gco", "/local", "/local/none.gcode"):
            assert await picture(CurrentJob(path=path)) is None
        shop.sim.shelf.pictures.clear()
        assert await picture(CurrentJob(path=PART)) is None


# -- fetching ------------------------------------------------------------------------------------


@both
async def test_a_download_goes_on_where_it_was_broken_off(version: str, tmp_path: Path) -> None:
    """2.0 knows no ranges: it sends all of it again, and that is right as well."""
    to = tmp_path / "part.gcode"
    to.write_bytes(GCODE[:1000])
    moved: list[int] = []
    async with scene(version=version) as shop:
        await shop.part("storage").download(
            PART, to, progress=lambda done, _all: moved.append(done)
        )
        assert to.read_bytes() == GCODE
        assert moved[-1] == len(GCODE)


async def test_a_large_file_comes_in_pieces(source: Path, tmp_path: Path) -> None:
    moved: list[int] = []
    to = tmp_path / "large"
    async with scene() as shop:
        shop.machine.store(VirtualFile(path="/large.gcode", content=source.read_bytes()))
        storage = shop.part("storage")
        await storage.download(
            "/local/large.gcode", to, progress=lambda done, _all: moved.append(done)
        )
    assert to.read_bytes() == source.read_bytes()
    assert len(moved) > 2
    assert moved == sorted(moved)


async def test_what_lies_there_whole_is_not_fetched_again(tmp_path: Path) -> None:
    to = tmp_path / "part.gcode"
    to.write_bytes(GCODE)
    async with scene() as shop:
        await shop.part("storage").download(PART, to)
        assert not [line for line in shop.sim.log if "/downloads/" in line]


@pytest.mark.parametrize("held", [GCODE[:1000].upper() + b"!", b"x" * len(GCODE), GCODE + b"more"])
async def test_the_beginning_of_another_file_is_thrown_away(held: bytes, tmp_path: Path) -> None:
    to = tmp_path / "part.gcode"
    to.write_bytes(held)
    async with scene() as shop:
        await shop.part("storage").download(PART, to)
        assert to.read_bytes() == GCODE


async def test_a_file_that_comes_otherwise_than_it_is_listed_is_garbled(tmp_path: Path) -> None:
    async with scene() as shop:
        storage = shop.part("storage")
        for body in (GCODE[:-1], GCODE + b"x", GCODE[:-1] + b"x"):
            shop.sim.trouble.append(("/downloads/", body))
            with pytest.raises(Garbled):
                await storage.download(PART, tmp_path / f"{len(body)}")
        (tmp_path / "begun").write_bytes(GCODE[:10])
        shop.sim.trouble.extend([("/downloads/", GCODE[:-1] + b"x")] * 2)
        with pytest.raises(Garbled):
            await storage.download(PART, tmp_path / "begun")


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/local/none.gcode", "file_missing"),
        ("/local/none/none.gcode", "file_missing"),
        ("/local", "file_missing"),
        ("/local/../../etc/passwd", "file_missing"),
        ("/sdcard/sd.gco", "not_supported"),
    ],
)
async def test_what_is_not_there_cannot_be_fetched(path: str, key: str, tmp_path: Path) -> None:
    async with scene(set_up=card_in) as shop:
        assert (await refused(shop.part("storage").download(path, tmp_path / "x"))).key == key


@pytest.mark.parametrize(("what", "kind"), [(404, Refused), ("reset", Unreachable)], ids=str)
async def test_a_download_that_fails_says_so(what: object, kind: type, tmp_path: Path) -> None:
    async with scene() as shop:
        shop.sim.trouble.extend([("/downloads/", what)] * 2)
        with pytest.raises(kind):
            await shop.part("storage").download(PART, tmp_path / "x")


# -- storing -------------------------------------------------------------------------------------


@both
async def test_an_upload_says_where_the_server_put_it(version: str, source: Path) -> None:
    moved: list[int] = []
    async with scene(version=version) as shop:
        where = await shop.part("storage").upload(
            source,
            '/local/new box/ä "b" (2).gcode',
            progress=lambda done, _all: moved.append(done),
        )
        assert where == "/local/new box/ä _b_ (2).gcode"
        stored = shop.machine.files[where.removeprefix("/local")]
        assert stored.content == source.read_bytes()
        assert moved == sorted(moved)
        assert moved[-1] == source.stat().st_size
        await shop.part("control").start(where)
        assert shop.machine.in_job


async def test_a_file_is_replaced_only_when_that_is_asked_for(source: Path) -> None:
    async with scene() as shop:
        storage = shop.part("storage")
        error = await refused(storage.upload(source, PART))
        assert error.key == "file_exists"
        assert shop.machine.files["/part.gcode"].content == GCODE
        assert await storage.upload(source, PART, replace=True) == PART
        assert shop.machine.files["/part.gcode"].content == source.read_bytes()


async def test_a_file_that_came_first_is_not_overwritten_by_chance(source: Path) -> None:
    """Between our look and the end of the upload somebody else may store one of that name."""
    async with scene() as shop:
        wish = shop.part("storage").upload(source, "/local/late.gcode")
        shop.sim.trouble.append(("GET /api/files/local/late.gcode", 404))
        shop.machine.store(VirtualFile(path="/late.gcode", content=b"theirs"))
        assert (await refused(wish)).key == "file_exists"
        assert shop.machine.files["/late.gcode"].content == b"theirs"


async def test_the_file_being_printed_is_neither_replaced_nor_deleted(source: Path) -> None:
    async with scene() as shop:
        storage = shop.part("storage")
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PRINTING)
        assert (await refused(storage.upload(source, PART, replace=True))).key == "printer_busy"
        assert (await refused(storage.delete(PART))).key == "printer_busy"
        assert await storage.upload(source, "/local/other.gcode") == "/local/other.gcode"


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        ((409, "Trying to overwrite file that is currently being printed"), "printer_busy"),
        ((409, "File already exists and noOverwrite was set"), "file_exists"),
        ((409, "Can not upload to SD card, not operational"), "wrong_state"),
        ((413, "too large"), "storage_full"),
        ((415, "Could not upload file, invalid type"), "unsupported_file"),
        ((400, "Can not slice"), "unsupported_file"),
        ((404, "Unknown storage"), "storage_missing"),
        ((500, "[Errno 28] No space left on device"), "storage_full"),
        ((507, "full"), "storage_full"),
    ],
    ids=str,
)
async def test_a_refused_upload_says_why(answer: tuple[int, str], key: str, source: Path) -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", answer))
        assert (await refused(shop.part("storage").upload(source, "/local/x.gcode"))).key == key
        assert "/x.gcode" not in shop.machine.files


async def test_a_proxy_that_takes_no_large_file_is_told_from_a_full_disk(source: Path) -> None:
    from custom_components.printernizer.engine.drivers.octoprint.client import Answer

    async with scene() as shop:
        storage = shop.part("storage")
        page = Answer(status=413, headers={"Content-Type": "text/html"}, body=b"<html>")
        error = await storage._upload_error(page, "/local/x")
        assert isinstance(error, Refused)
        assert error.key == "refused"
        assert source.exists()


async def test_a_full_disk_is_known_before_the_first_byte(source: Path) -> None:
    async with scene() as shop:
        shop.machine.storage_bytes = shop.machine.used_bytes + 10
        error = await refused(shop.part("storage").upload(source, "/local/x.gcode"))
        assert error.key == "storage_full"
        assert not [line for line in shop.sim.log if line.startswith("POST /api/files")]


@pytest.mark.parametrize(
    ("path", "key"),
    [
        ("/timelapse/x.gcode", "not_supported"),
        ("/local", "not_supported"),
        ("/sdcard/x.gcode", "storage_missing"),
        ("/local/../x.gcode", "file_missing"),
    ],
)
async def test_what_cannot_be_stored_is_refused(path: str, key: str, source: Path) -> None:
    async with scene() as shop:
        assert (await refused(shop.part("storage").upload(source, path))).key == key


async def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    async with scene() as shop:
        wish = shop.part("storage").upload(tmp_path / "empty", "/local/x.gcode")
        assert (await refused(wish)).key == "unsupported_file"


@pytest.mark.parametrize("what", ["reset", "cut body", "hang"])
async def test_an_upload_that_breaks_leaves_nothing_behind(what: str, source: Path) -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", what))
        with pytest.raises(Unreachable):
            await shop.part("storage").upload(source, "/local/x.gcode")
        assert "/x.gcode" not in shop.machine.files


async def test_an_upload_that_is_called_off_leaves_nothing_behind(source: Path) -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", "hang"))
        wish = asyncio.ensure_future(shop.part("storage").upload(source, "/local/x.gcode"))
        async with asyncio.timeout(5):
            while not any("POST /api/files" in line for line in shop.sim.log):
                await asyncio.sleep(0.01)
        wish.cancel()
        with pytest.raises(asyncio.CancelledError):
            await wish
        assert "/x.gcode" not in shop.machine.files


@pytest.mark.parametrize("version", ["1.11.8", "2.0.0rc7"])
async def test_a_file_that_did_not_arrive_whole_is_taken_away_again(
    version: str, source: Path
) -> None:
    async with scene(version=version) as shop:
        store = shop.machine.store

        def cut(file: VirtualFile) -> None:
            store(VirtualFile(path=file.path, content=file.content[:-1]))

        shop.machine.__class__.store, before = (lambda _, file: cut(file)), store.__func__
        try:
            with pytest.raises(Garbled):
                await shop.part("storage").upload(source, "/local/x.gcode")
        finally:
            shop.machine.__class__.store = before
        assert "/x.gcode" not in shop.machine.files


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"files": {"local": {"path": "../../x"}}}'])
async def test_an_answer_that_does_not_say_where_is_garbled(body: bytes, source: Path) -> None:
    async with scene() as shop:
        shop.sim.trouble.append(("POST /api/files", body))
        with pytest.raises(Garbled):
            await shop.part("storage").upload(source, "/local/x.gcode")


async def test_a_file_that_was_taken_and_is_not_there_is_garbled(source: Path) -> None:
    async with scene() as shop:
        body = b'{"files": {"local": {"path": "x.gcode"}}, "done": true}'
        shop.sim.trouble.append(("POST /api/files", body))
        with pytest.raises(Garbled):
            await shop.part("storage").upload(source, "/local/x.gcode")


async def test_a_file_that_shrinks_on_its_way_breaks_the_upload(source: Path) -> None:
    with source.open("r+b") as file:
        file.truncate(10_000_000)
    async with scene() as shop:
        with pytest.raises(BadFile):
            await shop.part("storage").upload(
                source, "/local/x.gcode", progress=lambda *_: os.truncate(source, 0)
            )
        assert "/x.gcode" not in shop.machine.files


# -- the printer's card --------------------------------------------------------------------------


@both
async def test_an_upload_to_the_card_is_done_when_it_has_reached_it(
    version: str, source: Path
) -> None:
    async with scene(set_up=card_in, version=version) as shop:
        shop.sim.transfer_s = 8.0
        where = await shop.part("storage").upload(source, "/sdcard/Long name.gcode")
        assert where == "/sdcard/long nam.gco"
        assert PrinterState.BUSY in shop.states
        transfer = next(status.transfer for status in shop.said if status.transfer)
        assert transfer.name
        await shop.part("storage").delete(where)
        assert where not in shop.machine.files


async def test_a_transfer_that_fails_says_why(source: Path) -> None:
    """Seen on 1.11.8: the serial line gave up, and was closed."""
    async with scene(set_up=card_in) as shop:
        shop.sim.transfer_s = 1e6
        wish = asyncio.ensure_future(shop.part("storage").upload(source, "/sdcard/x.gcode"))
        await shop.until_state(PrinterState.BUSY)
        shop.machine.emergency_stop()
        assert "M112" in (await refused(wish)).reason


async def test_no_file_goes_to_the_card_of_a_printer_that_prints(source: Path) -> None:
    async with scene(set_up=card_in) as shop:
        shop.machine.start("/part.gcode")
        await shop.until_state(PrinterState.PRINTING)
        wish = shop.part("storage").upload(source, "/sdcard/x.gcode")
        assert (await refused(wish)).key == "printer_busy"


async def test_a_server_without_cards_says_so() -> None:
    def off(sim: OctoPrintSimulator) -> None:
        settings = sim._settings
        sim._settings = lambda: {**settings(), "feature": {"sdSupport": False}}  # type: ignore[method-assign]

    async with scene(set_up=off) as shop:
        storage = shop.part("storage")
        assert (await refused(storage.list("/sdcard"))).key == "storage_missing"
        assert (await refused(shop.part("control").start("/sdcard/x"))).key == "storage_missing"


# -- deleting ------------------------------------------------------------------------------------


@both
async def test_a_file_is_deleted_and_a_folder_never(version: str) -> None:
    """OctoPrint deletes a folder with all that is in it."""

    def fill(sim: OctoPrintSimulator) -> None:
        sim.machine.store(VirtualFile(path="/box/a.gcode", content=b"G28"))

    async with scene(set_up=fill, version=version) as shop:
        storage = shop.part("storage")
        assert (await refused(storage.delete("/local/box"))).key == "file_missing"
        assert (await refused(storage.delete("/local"))).key == "file_missing"
        await storage.delete("/local/box/a.gcode")
        assert "/box/a.gcode" not in shop.machine.files
        assert (await refused(storage.delete("/local/box/a.gcode"))).key == "file_missing"


# -- what a list may say -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "target"),
    [
        ("http://octopi.local/octoprint/downloads/thumbs/local/a.gcode?size=32x32",
         "/downloads/thumbs/local/a.gcode?size=32x32"),
        ("http://127.0.0.1:5000/octoprint/x.png", "/x.png"),
        ("/octoprint/plugin/x.png", "/plugin/x.png"),
        ("plugin/thumbs/thumbnail/a b.png?1", "/plugin/thumbs/thumbnail/a%20b.png?1"),
        ("/elsewhere/x.png", None),
        ("//evil.example/octoprint/x.png", "/x.png"),
        ("http://octopi.local/octoprint/../secret", None),
        ("/octoprint/%2e%2e/secret", None),
        ("/octoprint//evil", None),
        ("file:///etc/passwd", None),
        ("http://[broken", None),
    ],
)  # fmt: skip
def test_a_reference_is_a_path_below_our_prefix_or_nothing(said: str, target: str | None) -> None:
    found = HOME.reference(said)
    assert found == target or (found or "").replace("%20", " ") == (target or "").replace(
        "%20", " "
    )
    assert thumbnail_of({"thumbnail": said}, HOME) == found


@pytest.mark.parametrize(
    "entry",
    [{}, {"path": ""}, {"path": "/"}, {"path": "../x"}, {"path": 3}, {"name": "a/../b"}],
)
def test_an_entry_without_a_safe_path_is_left_out(entry: dict[str, Any]) -> None:
    assert file_of(entry, "local", HOME) is None


def test_what_a_list_does_not_say_is_not_made_up() -> None:
    entry = {"name": "OLD.GCO", "size": -1, "date": 3e8}
    assert file_of(entry, "sdcard", HOME) == RemoteFile(
        path="/sdcard/OLD.GCO", name="OLD.GCO", printable=True
    )
    model = {"path": "a.stl", "type": "model", "date": "soon"}
    found = file_of(model, "local", HOME)
    assert found is not None
    assert not found.printable
    films = {"files": [{"name": "a/b.mp4"}, {"name": ".."}, {}, {"name": "c.mp4", "bytes": -1}]}
    assert timelapses_of(films) == (RemoteFile(path="/timelapse/c.mp4", name="c.mp4"),)


@pytest.mark.parametrize("what", [403, 500], ids=str)
async def test_a_listing_that_fails_says_so(what: int) -> None:
    async with scene() as shop:
        storage = shop.part("storage")
        shop.sim.trouble.append(("GET /api/files", what))
        with pytest.raises(DriverError):
            await storage.list("/local")
        shop.sim.trouble.append(("GET /api/files", what))
        with pytest.raises(DriverError):
            await storage.download(PART, Path("/nowhere"))
