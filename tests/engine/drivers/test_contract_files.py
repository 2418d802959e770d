"""The contract of storage: what is brought, listed, fetched, replaced and taken away."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.errors import DriverError, Refused
from custom_components.printernizer.engine.printer import ACTIVE

from .stage import GCODE, Offer, everything, needs

if TYPE_CHECKING:
    from pathlib import Path

    from custom_components.printernizer.engine.drivers.base import Storage

    from .stage import Stage

NAME = "söurce file (2).gcode"
FAR_NAMES = (
    "\N{MAN}\N{ZERO WIDTH JOINER}\N{GIRL} gift.gcode",
    "\N{ARABIC LETTER MEEM}\N{ZERO WIDTH NON-JOINER}\N{ARABIC LETTER KEHEH}.gcode",
    "日本\N{IDEOGRAPHIC SPACE}全角.gcode",
    "at 3.15\N{NARROW NO-BREAK SPACE}PM.gcode",
)


def size_of(files: dict[str, int], path: str) -> int | None:
    """Return the size of the one file with the last part of this path."""
    name = path.rsplit("/", 1)[-1]
    return next((size for at, size in files.items() if at.rsplit("/", 1)[-1] == name), None)


async def stored_whole(storage: Storage, path: str, folder: Path) -> str:
    """Store a file, and fetch it again from where it is said to lie; returns that."""
    source, back = folder / "x.gcode", folder / "back"
    source.write_bytes(GCODE * 2)
    lies_at = await storage.upload(source, path)
    await storage.download(lies_at, back)
    assert back.read_bytes() == GCODE * 2
    return lies_at


async def test_every_listed_file_says_where_it_lies(stage: Stage) -> None:
    async with stage.scene() as shop:
        for item in await everything(shop.part("storage")):
            assert item.path.startswith("/")
            assert ".." not in item.path.split("/")
            assert item.name
            assert item.size is None or item.size >= 0


@needs(Offer.PRINT)
async def test_files_are_listed_fetched_stored_and_deleted(stage: Stage, tmp_path: Path) -> None:
    async with stage.scene() as shop:
        storage = shop.part("storage")
        await storage.download(shop.path, tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == shop.play.content
        source = tmp_path / NAME
        source.write_bytes(GCODE * 3)
        moved: list[int] = []
        path = await storage.upload(
            source, shop.beside(NAME), progress=lambda done, _total: moved.append(done)
        )
        assert moved == sorted(moved)
        assert moved[-1] == len(GCODE) * 3
        with pytest.raises(Refused) as refusal:
            await storage.upload(source, shop.beside(NAME))
        assert refusal.value.key == "file_exists"
        listed = {item.path: item for item in await storage.list(path.rsplit("/", 1)[0] or "/")}
        assert listed[path].size in {None, len(GCODE) * 3}
        if Offer.FILES in stage.offers:
            assert size_of(await shop.play.files(), path) == len(GCODE) * 3
        await storage.delete(path)
        if Offer.FILES in stage.offers:
            assert size_of(await shop.play.files(), path) is None
        # Some servers notice what changed in their own folder with a delay.
        async with asyncio.timeout(shop.play.patience_s):
            while path in {item.path for item in await everything(storage)}:
                await asyncio.sleep(0.05)
        with pytest.raises(Refused):
            await storage.download(path, tmp_path / "none")
        with pytest.raises(Refused):
            await storage.delete(path)


@needs(Offer.PRINT)
async def test_an_upload_says_where_the_file_lies_now(stage: Stage, tmp_path: Path) -> None:
    """Some printers rename what they get: the path that was asked for prints nothing there."""
    async with stage.scene() as shop:
        storage = shop.part("storage")
        path = await stored_whole(storage, shop.beside(NAME), tmp_path)
        await storage.delete(path)


@needs(Offer.PRINT)
async def test_names_of_any_script_come_back(stage: Stage, tmp_path: Path) -> None:
    """Emoji of families, Persian words, Japanese blanks and those of macOS are names as well."""
    async with stage.scene() as shop:
        storage = shop.part("storage")
        for name in FAR_NAMES:
            path = await stored_whole(storage, shop.beside(name), tmp_path)
            async with asyncio.timeout(shop.play.patience_s):
                while path not in (listed := {one.path: one for one in await everything(storage)}):
                    await asyncio.sleep(0.05)
            assert listed[path].name == name
            await storage.delete(path)


@needs(Offer.PRINT)
async def test_a_file_is_replaced_only_when_that_is_asked_for(stage: Stage, tmp_path: Path) -> None:
    async with stage.scene() as shop:
        storage = shop.part("storage")
        first, second = tmp_path / "first.gcode", tmp_path / "second.gcode"
        first.write_bytes(GCODE)
        second.write_bytes(GCODE * 4)
        path = await storage.upload(first, shop.beside("lid.gcode"))
        with pytest.raises(Refused):
            await storage.upload(second, shop.beside("lid.gcode"))
        await storage.download(path, tmp_path / "old")
        assert (tmp_path / "old").read_bytes() == GCODE
        assert await storage.upload(second, shop.beside("lid.gcode"), replace=True) == path
        await storage.download(path, tmp_path / "new")
        assert (tmp_path / "new").read_bytes() == GCODE * 4
        await storage.delete(path)


@needs(Offer.PRINT)
async def test_the_file_being_printed_can_neither_be_deleted_nor_replaced(
    stage: Stage, tmp_path: Path
) -> None:
    async with stage.scene() as shop:
        storage = shop.part("storage")
        source = tmp_path / "other.gcode"
        source.write_bytes(GCODE)
        await shop.part("control").start(shop.path)
        await shop.until(lambda status: status.state in ACTIVE)
        with pytest.raises(Refused):
            await storage.delete(shop.path)
        with pytest.raises(Refused) as refusal:
            await storage.upload(source, shop.path, replace=True)
        assert refusal.value.key == "printer_busy"
        assert shop.now.active
        if Offer.FILES in stage.offers:
            assert size_of(await shop.play.files(), shop.path) == len(shop.play.content)


@needs(Offer.PRINT, Offer.FILES)
async def test_an_upload_that_is_called_off_leaves_no_half_file(
    stage: Stage, tmp_path: Path
) -> None:
    """A half file prints half a part."""
    async with stage.scene() as shop:
        storage = shop.part("storage")
        source = tmp_path / "big.gcode"
        source.write_bytes(GCODE * 4000)
        begun = asyncio.Event()
        upload = asyncio.create_task(
            storage.upload(
                source, shop.beside("big.gcode"), progress=lambda _done, _total: begun.set()
            )
        )
        async with asyncio.timeout(shop.play.patience_s):
            await begun.wait()
            upload.cancel()
            await asyncio.gather(upload, return_exceptions=True)
            # Either it was called off in time, or the whole of it had arrived before.
            assert size_of(await shop.play.files(), "big.gcode") in {None, len(GCODE) * 4000}
        assert "big.gcode" not in {
            item.name for item in await everything(storage) if item.size != len(GCODE) * 4000
        }


async def test_paths_that_climb_are_refused(stage: Stage, tmp_path: Path) -> None:
    async with stage.scene() as shop:
        storage = shop.part("storage")
        for path in ("/../secret", "/a/../../etc/passwd"):
            with pytest.raises(DriverError):
                await storage.download(path, tmp_path / "out")
        assert not (tmp_path / "out").exists() or not (tmp_path / "out").stat().st_size


@needs(Offer.PRINT)
async def test_a_download_goes_on_where_it_was_broken_off(stage: Stage, tmp_path: Path) -> None:
    async with stage.scene() as shop:
        target = tmp_path / "half"
        target.write_bytes(shop.play.content[:100])
        await shop.part("storage").download(shop.path, target)
        assert target.read_bytes() == shop.play.content


@needs(Offer.PRINT)
async def test_a_piece_of_a_file_is_that_piece_or_refused(stage: Stage) -> None:
    """A picture of a file of 40 MB must not cost 40 MB, and never show another file's."""
    async with stage.scene() as shop:
        storage, content = shop.part("storage"), shop.play.content
        try:
            piece = await storage.read_part(shop.path, 100, 50)
        except Refused as err:
            assert err.key == "not_supported"  # noqa: PT017 - of brands that hand out whole files
        else:
            assert piece == content[100:150]
            end = len(content) - 10
            assert await storage.read_part(shop.path, end, 10) == content[end:]
            assert await storage.read_part(shop.path, end, 4096) == content[end:]
            assert await storage.read_part(shop.path, 0, len(content) + 10) == content
            assert await storage.read_part(shop.path, len(content) + 10, 10) == b""
            with pytest.raises(Refused) as refusal:
                await storage.read_part(shop.beside("nowhere.gcode"), 0, 10)
            assert refusal.value.key == "file_missing"
        assert await everything(storage)


@needs(Offer.PRINT, part="mover")
async def test_a_file_is_found_where_it_was_moved_to(stage: Stage, tmp_path: Path) -> None:
    async with stage.scene() as shop:
        storage, mover = shop.part("storage"), shop.part("mover")
        source = tmp_path / "moving.gcode"
        source.write_bytes(GCODE)
        lies = await storage.upload(source, shop.beside("moving.gcode"))
        goal = shop.beside("moved away.gcode")
        moved = await mover.move(lies, goal)
        files = await shop.play.files()
        assert size_of(files, "moving.gcode") is None
        assert size_of(files, "moved away.gcode") == len(GCODE)
        await storage.download(moved, tmp_path / "got")
        assert (tmp_path / "got").read_bytes() == GCODE
        with pytest.raises(Refused) as refusal:
            await mover.move(lies, goal)
        assert refusal.value.key == "file_missing"
        again = await storage.upload(source, shop.beside("moving.gcode"))
        with pytest.raises(Refused) as refusal:
            await mover.move(again, goal)
        assert refusal.value.key == "file_exists"
        await mover.move(again, goal, replace=True)
        assert size_of(await shop.play.files(), "moving.gcode") is None
        await storage.delete(moved)
