"""A simulated Moonraker, a driver to it, and time that runs as fast as a test wants."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp

from custom_components.printernizer.engine.drivers.moonraker.driver import MoonrakerDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.moonraker import QUICK, MoonrakerSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from custom_components.printernizer.engine.drivers.moonraker.session import MoonrakerSession
    from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus

KEY = "0123456789abcdef0123456789abcdef"
GCODE = b"; test\n" + b"G1 X1 E1\n" * 200
PLATE = PlateFacts(seconds=600, layers=60, tool_c=60, bed_c=30, objects=("cube", "cone", "ring"))


class Turned:
    """Machine time, turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scene:
    """Everything a test touches."""

    sim: MoonrakerSimulator
    machine: VirtualMachine
    time: Turned
    http: aiohttp.ClientSession
    said: list[PrinterStatus] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    listener: asyncio.Future[None] | None = None

    def driver(self, **settings: Any) -> MoonrakerDriver:
        """Return a driver that knows the right key, unless told otherwise."""
        given = {"api_key": KEY, "pace": QUICK, "clock": SystemClock()} | settings
        return MoonrakerDriver(given.pop("url", self.sim.url), session=self.http, **given)

    def printing(self) -> None:
        """Have the machine print, past its heating."""
        self.machine.start("/part.gcode")
        self.time.seconds += 60
        self.machine.tick()

    def listen(self, session: MoonrakerSession) -> None:
        """Take every status of a session."""

        async def take() -> None:
            async for status in session.statuses():
                self.said.append(status)
                self.news.set()

        self.listener = asyncio.ensure_future(take())

    @property
    def now(self) -> PrinterStatus:
        """The latest status."""
        return self.said[-1]

    async def until(self, fits: Callable[[PrinterStatus], object]) -> PrinterStatus:
        """Wait for a status that fits, the latest one included."""
        async with asyncio.timeout(10):
            while not self.said or not fits(self.now):
                self.news.clear()
                assert self.listener is not None
                if self.listener.done():
                    self.listener.result()
                    raise AssertionError("the line ended")
                await self.news.wait()
        return self.now

    async def until_state(self, state: PrinterState) -> PrinterStatus:
        """Wait for a state."""
        return await self.until(lambda status: status.state is state)


@asynccontextmanager
async def scene(**settings: Any) -> AsyncIterator[Scene]:
    """Start a simulator around a machine with one file."""
    time = Turned()
    machine = VirtualMachine(now=time, serial="KLIPPER1", firmware="v0.13.0-1")
    machine.store(VirtualFile(path="/part.gcode", content=GCODE, modified=1.7e9, plates=(PLATE,)))
    async with aiohttp.ClientSession() as http, MoonrakerSimulator(machine, **settings) as sim:
        yield Scene(sim, machine, time, http)


@asynccontextmanager
async def line(
    prepare: Callable[[Scene], object] | None = None, **settings: Any
) -> AsyncIterator[tuple[Scene, MoonrakerSession]]:
    """Open a line with the right login, its statuses listened to."""
    async with scene(**settings) as shop:
        if prepare is not None:
            prepare(shop)
        async with shop.driver().connect() as session:
            shop.listen(session)
            assert shop.listener is not None
            try:
                await shop.until(lambda _: True)
                yield shop, session
            finally:
                shop.listener.cancel()
                await asyncio.gather(shop.listener, return_exceptions=True)
