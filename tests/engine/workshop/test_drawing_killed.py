"""Real processes killed in the middle: of a picture that is drawn, of a look through the shelf."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from custom_components.printernizer.engine.library.shelf import Shelf
from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.library import Library
from custom_components.printernizer.engine.workshop.previews import Previews
from tests.hand_clock import HandClock

ROOT = Path(__file__).parents[3]
BEGUN = b"begun\n"
STAND_IN = """
import asyncio, os, signal, sys, types
from pathlib import Path
shop = types.ModuleType("shop")
shop.__path__ = [sys.argv.pop()]
sys.modules["shop"] = shop
"""
"""Importing the integration would start Home Assistant's own imports."""
DRAWS = """
from shop.engine.picture import PictureOptions
from shop.engine.workshop import previews
folder, source = Path(sys.argv[1]), Path(sys.argv[2])

def half(part, content):
    # The disk has half of it when the power goes.
    whole(part, content[: len(content) // 2])
    print("begun", flush=True)
    signal.pause()

whole, Path.write_bytes = Path.write_bytes, half

async def draw():
    async with previews.Previews(folder) as pictures:
        await pictures.picture(source, "it", PictureOptions())

asyncio.run(draw())
"""
WORKS = """
from shop.engine.workshop.sandbox import measuring

async def measure():
    asking = asyncio.create_task(measuring().measured(Path(sys.argv[1])))
    children = Path(f"/proc/self/task/{os.getpid()}/children")
    while not (found := children.read_text().split()):
        await asyncio.sleep(0.01)
    print("begun", found[0], flush=True)
    await asking

asyncio.run(measure())
"""
SCRUBS = """
from shop.engine.store.database import Store
from shop.engine.workshop.clock import SystemClock
from shop.engine.workshop.library import Library
folder = Path(sys.argv[1])

async def look():
    async with Store(f"sqlite:///{folder / 'ledger.db'}") as store:
        async with Library(store, SystemClock(), folder / "library") as library:
            looking = asyncio.create_task(library.scrubbing.run(400_000))
            while not (library.scrubbing.report and library.scrubbing.report.checked):
                await asyncio.sleep(0)
            print("begun", flush=True)
            await looking

asyncio.run(look())
"""


async def killed(script: str, *arguments: object) -> bytes:
    """Start a process, kill it once it has begun, and return what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STAND_IN + script,
        *map(str, arguments),
        str(ROOT / "custom_components/printernizer"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    said = await asyncio.wait_for(process.stdout.readline(), 60)
    process.send_signal(signal.SIGKILL)
    assert await process.wait() == -signal.SIGKILL
    return said


@pytest.fixture
def print_file(tmp_path: Path) -> Path:
    path = tmp_path / "it.gcode"
    moves = "".join(f"G1 X{at % 50} Y{at % 40} E.1\n" for at in range(400))
    path.write_text(f"M83\n;LAYER_CHANGE\n;TYPE:Perimeter\nG1 Z.2\n{moves}")
    return path


async def test_a_picture_half_written_is_never_shown(tmp_path: Path, print_file: Path) -> None:
    """Half a picture in the cache would be shown for a month."""
    folder = tmp_path / "pictures"
    assert await killed(DRAWS, folder, print_file) == BEGUN
    (part,) = [path for path in folder.rglob("*") if path.is_file()]
    assert part.name.endswith(".part")
    async with Previews(folder) as pictures:
        picture = await pictures.picture(print_file, "it", PictureOptions())
        assert picture.content.endswith(b"IEND\xaeB`\x82")
        async with asyncio.timeout(10):
            while part.exists():
                await asyncio.sleep(0)
    assert [path for path in folder.rglob("*") if path.is_file()] == [picture.path]


async def test_a_worker_ends_with_the_house(tmp_path: Path) -> None:
    """Else it would take a core of the small machine for ten minutes, for nobody."""
    endless = tmp_path / "it.gcode"
    with endless.open("wb") as file:
        file.write(b"M83\nG1 X1 E1\n")
        file.truncate(1 << 40)
    worker = int((await killed(WORKS, endless)).split()[1])
    until = time.monotonic() + 20
    with suppress(ProcessLookupError):
        while time.monotonic() < until:
            os.kill(worker, 0)
            if "Z" in Path(f"/proc/{worker}/stat").read_text().rpartition(")")[2].split()[:1]:
                return
            await asyncio.sleep(0.05)
        os.kill(worker, signal.SIGKILL)
        pytest.fail("it is still at work")


async def test_a_look_that_was_killed_changes_nothing(tmp_path: Path) -> None:
    """It only reads: what lies there afterwards is what lay there, and the next look is whole."""
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Library(store, HandClock(), tmp_path / "library") as library,
    ):
        for number in range(3):
            text = b"; generated by PrusaSlicer 2.8.1\nG28\n" + str(number).encode() * 100_000

            async def pieces(content: bytes = text):
                yield content

            await library.add(pieces(), f"{number}.gcode")
    shelf = Shelf(tmp_path / "library")
    before = {item.sha256 for item in shelf.walk()}
    marked = shelf.scrubbed_at()
    assert await killed(SCRUBS, tmp_path) == BEGUN
    assert {item.sha256 for item in shelf.walk()} == before
    assert shelf.scrubbed_at() == marked
    async with (
        Store(f"sqlite:///{tmp_path / 'ledger.db'}") as store,
        Library(store, HandClock(), tmp_path / "library") as library,
    ):
        report = await library.scrubbing.run()
    assert (report.checked, report.findings) == (3, ())
