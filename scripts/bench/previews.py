"""How long the event loop is held while twenty pictures are drawn, and while they are found again.

    python -m scripts.bench.previews [--pictures 20] [--ballast 300]

Models and prints are drawn through the workshop's own cache and sandbox, asked for all at once,
in a process that holds as many MB as Home Assistant does. A clock is due every 2 ms and notes how
late it is; every callback of the loop is timed by the clock on the wall and by its own processor
time, so that what other processes take is told apart. The same clock in an idle loop is the
yardstick: on a busy machine that is late, too.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import platform
import tempfile
import time
from asyncio import Handle
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from unittest.mock import patch

from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.workshop.previews import Previews
from scripts.bench import toolpaths
from scripts.bench.pictures import knot_file
from scripts.lib.sculptures import gear, vase
from scripts.lib.sheet_files import three_mf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_EVERY_S: Final = 0.002
_IDLE_S: Final = 5.0
_PAGES: Final = 25
_BETWEEN_S: Final = 0.2
"""A person who turns pages."""
_LONG_MS: Final = 2.0
"""Callbacks that hold the loop for longer are named."""


@dataclass(slots=True)
class Watch:
    """What happened in a loop while it was looked at. Milliseconds."""

    late: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    worked: list[float] = field(default_factory=list)
    """The same by the processor time of the loop's own thread."""
    long: list[tuple[float, float, str]] = field(default_factory=list)

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Look at the running loop."""
        run = Handle._run  # noqa: SLF001 - nothing else sees every callback
        loop = asyncio.get_running_loop()
        due = loop.time() + _EVERY_S
        timer: asyncio.TimerHandle

        def timed(handle: Handle) -> None:
            busy, begun = time.thread_time(), time.perf_counter()
            run(handle)
            held = 1000 * (time.perf_counter() - begun)
            worked = 1000 * (time.thread_time() - busy)
            self.held.append(held)
            self.worked.append(worked)
            if held > _LONG_MS:
                self.long.append((held, worked, _name(handle)))

        def tick() -> None:
            nonlocal due, timer
            now = loop.time()
            self.late.append(1000 * (now - due))
            due = now + _EVERY_S
            timer = loop.call_at(due, tick)

        with patch.object(Handle, "_run", timed):
            timer = loop.call_at(due, tick)
            try:
                yield
            finally:
                timer.cancel()

    def say(self, name: str) -> None:
        """Print it as a row."""
        print(
            f"{name:22} late p50 {_share(self.late, 0.5):5.2f}, p99 {_share(self.late, 0.99):5.2f},"
            f" most {max(self.late):5.2f}; held p99 {_share(self.held, 0.99):5.2f}, most"
            f" {max(self.held):5.2f}; worked most {max(self.worked):5.2f} ms"
            f" ({len(self.late)} ticks, {len(self.held)} callbacks)",
            flush=True,
        )
        for held, worked, what in sorted(self.long, reverse=True)[:3]:
            print(f"    {held:6.2f} ms, {worked:5.2f} of the processor: {what}")


def _share(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def _name(handle: Handle) -> str:
    callback: Any = handle._callback  # type: ignore[attr-defined]  # noqa: SLF001
    task = getattr(callback, "__self__", None)
    if isinstance(task, asyncio.Task):
        coroutine: Any = task.get_coro()
        while getattr(coroutine, "cr_await", None) is not None:
            coroutine = coroutine.cr_await
        return f"{task.get_name()}, now in {getattr(coroutine, '__qualname__', coroutine)}"
    return str(getattr(callback, "__qualname__", callback))


def files(folder: Path, count: int) -> list[Path]:
    """Make models and prints, some small and some large."""
    made = []
    for number in range(count):
        match number % 4:
            case 0:
                path = knot_file(folder, 100 + number * 20)
            case 1:
                path = folder / f"{number}.gcode"
                toolpaths.write(path, 1 + number / 2)
            case 2:
                parts = [(gear(), "#F72323", (60.0, 70.0, 0.0))]
                path = three_mf(folder / f"{number}.3mf", parts)
            case _:
                parts = [(vase(240, 20 + 4 * number), "#FFFFFF", (60.0, 70.0, 0.0))]
                path = three_mf(folder / f"{number}.3mf", parts)
        made.append(path)
    return made


async def measure(count: int) -> None:
    """Draw them, and find them again."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        paths = files(folder, count)
        async with Previews(folder / "kept") as previews:
            # Everything is imported and the first thread there, as in a house that runs.
            await previews.picture(paths[0], "first", PictureOptions(width_px=64, height_px=64))
            idle, drawing, found = Watch(), Watch(), Watch()
            with idle.looking():
                await asyncio.sleep(_IDLE_S)
            idle.say("idle")
            begun = time.monotonic()
            with drawing.looking():
                await _all(previews, paths)
            drawing.say(f"{count} drawn, {time.monotonic() - begun:.1f} s")
            with found.looking():
                for _ in range(_PAGES):
                    await _all(previews, paths)
                    await asyncio.sleep(_BETWEEN_S)
            found.say(f"{count} found, {_PAGES} times")
            print(previews.figures)


async def _all(previews: Previews, paths: Sequence[Path]) -> None:
    options = PictureOptions()
    await asyncio.gather(*(previews.picture(path, path.name, options) for path in paths))


def main() -> None:
    """Measure, and say it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20)
    parser.add_argument("--ballast", type=int, default=300, help="MB that the process holds")
    chosen = parser.parse_args()
    ballast = bytearray(os.urandom(1 << 20) * chosen.ballast)
    load = os.getloadavg()[0]
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}")
    asyncio.run(measure(chosen.pictures))
    assert ballast


if __name__ == "__main__":
    main()
