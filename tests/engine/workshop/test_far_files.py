"""Files on printers that are looked into where they lie."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.drivers.base import RemoteFile
from custom_components.printernizer.engine.drivers.virtual.machine import (
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.drivers.virtual.storage import VirtualStorage
from custom_components.printernizer.engine.errors import BadFile, Refused, Unreachable
from custom_components.printernizer.engine.workshop import far_files
from custom_components.printernizer.engine.workshop.far_files import (
    far_facts,
    far_thumbnail,
    look_into,
)
from tests.engine.formats.test_facts import archive, sliced
from tests.engine.formats.test_thumbnails import png

if TYPE_CHECKING:
    from custom_components.printernizer.engine.ranged import RangedFile

CONTENT = archive(sliced(**{"Metadata/plate_2.png": png(40, 30)}))
FILE = RemoteFile(path="/a.gcode.3mf", name="a.gcode.3mf", size=len(CONTENT))


def storage_with(content: bytes) -> VirtualStorage:
    machine = VirtualMachine(time.monotonic)
    machine.store(VirtualFile(path=FILE.path, content=content))
    return VirtualStorage(machine)


async def test_facts_and_pictures_of_a_far_file_are_those_of_a_near_one() -> None:
    storage = storage_with(CONTENT)
    facts = await far_facts(storage, FILE)
    assert [plate.number for plate in facts.plates] == [2, 5]
    assert await far_thumbnail(storage, FILE, plate=2, at_least_px=10) == png(40, 30)
    assert await far_thumbnail(storage, FILE, plate=5) is None


async def test_a_broken_far_file_is_named() -> None:
    with pytest.raises(BadFile, match=r"a\.gcode\.3mf: its archive is broken"):
        await far_facts(storage_with(CONTENT[:-60] + bytes(60)), FILE)


async def test_what_the_line_says_comes_through() -> None:
    with pytest.raises(Refused) as refusal:
        await far_facts(storage_with(CONTENT), RemoteFile(path="/b", name="b", size=9))
    assert refusal.value.key == "file_missing"
    with pytest.raises(Refused) as refusal:
        await far_facts(storage_with(CONTENT), RemoteFile(path="/b", name="b"))
    assert refusal.value.key == "not_supported"


class _Stuck(VirtualStorage):
    """Answers never."""

    def __init__(self) -> None:
        super().__init__(VirtualMachine(time.monotonic))
        self.asked = asyncio.Event()
        self.let_go = asyncio.Event()

    async def read_part(self, path: str, offset: int, length: int) -> bytes:
        self.asked.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.let_go.set()
        raise AssertionError


async def test_nobody_waits_for_ever_for_a_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(far_files, "PIECE_S", 0.01)
    with pytest.raises(Unreachable, match="in time"):
        await far_facts(_Stuck(), FILE)


async def test_giving_up_leaves_no_thread_behind() -> None:
    """A thread that waits for a line that is gone would keep Home Assistant from ending."""
    storage = _Stuck()
    looking = asyncio.ensure_future(far_facts(storage, FILE))
    await storage.asked.wait()
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert storage.let_go.is_set()


async def test_nothing_is_asked_once_it_was_given_up() -> None:
    begun, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()
    told: list[str] = []

    def look(far: RangedFile) -> None:
        loop.call_soon_threadsafe(begun.set)
        go_on.wait(5)
        try:
            far.read(10)
        except Unreachable as err:
            told.append(err.reason)

    looking = asyncio.ensure_future(look_into(storage_with(CONTENT), FILE, look))
    await begun.wait()
    looking.cancel()
    await asyncio.sleep(0)
    loop.call_soon(go_on.set)
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert told == ["nobody waits for it any more"]
