"""A simulated OctoPrint, a driver to it, and a live line, in one block."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from custom_components.printernizer.engine.drivers.octoprint.driver import (
    OctoPrintDriver,
    OctoPrintSession,
)
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.octoprint import QUICK, OctoPrintSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from custom_components.printernizer.engine.drivers.octoprint.client import Pace
    from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus

KEY: Final = "12345678"
SPEED: Final = 40.0
PATIENCE_S: Final = 10.0
PART: Final = "/local/part.gcode"
GCODE: Final = b"; a file\nG28\n" + b"G1 X1 E1\n" * 500
PLATE: Final = PlateFacts(seconds=240, layers=24, mass_g=(5.0,), tool_c=120, bed_c=40)
BRIEF: Final = replace(PLATE, seconds=40)
"""For prints that are followed to their end."""


@dataclass
class Scene:
    """A live line to a simulated server."""

    sim: OctoPrintSimulator
    session: OctoPrintSession
    said: list[PrinterStatus] = field(default_factory=list)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    listener: asyncio.Future[None] | None = None

    @property
    def machine(self) -> VirtualMachine:
        """The printer behind it."""
        return self.sim.machine

    @property
    def now(self) -> PrinterStatus:
        """The latest status."""
        return self.said[-1]

    @property
    def states(self) -> list[PrinterState]:
        """States in the order they were said, each once until it changes."""
        said = [status.state for status in self.said]
        return [state for at, state in enumerate(said) if not at or said[at - 1] is not state]

    def part(self, name: str) -> Any:
        """Return a part that must be there."""
        part = getattr(self.session, name)
        assert part, name
        return part

    async def until(self, condition: Callable[[PrinterStatus], bool]) -> PrinterStatus:
        """Wait for a status that fits, the latest one included."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.said or not condition(self.said[-1]):
                self.news.clear()
                await self.news.wait()
        return self.said[-1]

    async def until_state(self, *states: PrinterState) -> PrinterStatus:
        """Wait for one of these states."""
        return await self.until(lambda status: status.state in states)

    async def ended(self) -> BaseException | None:
        """Wait for the end of the line; returns why."""
        assert self.listener is not None
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({self.listener})
        return self.listener.exception()


def new_machine(*, plate: PlateFacts = PLATE, **facts: Any) -> VirtualMachine:
    """Return a machine in fast time that holds one file."""
    clock = SystemClock()
    start = clock.monotonic()
    machine = VirtualMachine(now=lambda: (clock.monotonic() - start) * SPEED, **facts)
    machine.store(VirtualFile(path="/part.gcode", content=GCODE, modified=1.7e9, plates=(plate,)))
    return machine


@asynccontextmanager
async def server(
    machine: VirtualMachine | None = None, **options: Any
) -> AsyncIterator[OctoPrintSimulator]:
    """Run a simulated server."""
    options.setdefault("current_s", 0.02)
    async with OctoPrintSimulator(machine or new_machine(), api_key=KEY, **options) as sim:
        yield sim


@asynccontextmanager
async def reaching(
    sim: OctoPrintSimulator, *, key: str = KEY, pace: Pace = QUICK, **options: Any
) -> AsyncIterator[OctoPrintDriver]:
    """Give a driver to a server."""
    options.setdefault("url", sim.url)
    async with aiohttp.ClientSession() as http:
        yield OctoPrintDriver(api_key=key, session=http, clock=SystemClock(), pace=pace, **options)


@asynccontextmanager
async def listening(
    sim: OctoPrintSimulator, driver: OctoPrintDriver, *, pushed: bool = True
) -> AsyncIterator[Scene]:
    """Open a line and listen; waits for the push line unless there is none to come."""
    async with driver.connect() as session:
        scene = Scene(sim, session)

        async def listen() -> None:
            async for status in session.statuses():
                scene.said.append(status)
                scene.news.set()

        scene.listener = asyncio.ensure_future(listen())
        try:
            await scene.until(lambda _: True)
            async with asyncio.timeout(PATIENCE_S):
                while pushed and not any(line.user for line in sim.line.lines):
                    await asyncio.sleep(0.01)
            yield scene
        finally:
            scene.listener.cancel()
            await asyncio.gather(scene.listener, return_exceptions=True)


@asynccontextmanager
async def scene(
    machine: VirtualMachine | None = None,
    *,
    push: bool = True,
    pace: Pace = QUICK,
    set_up: Callable[[OctoPrintSimulator], object] | None = None,
    **options: Any,
) -> AsyncIterator[Scene]:
    """Run a server and listen to it. set_up: what to change before the line is opened."""
    async with server(machine, **options) as sim:
        sim.push = push
        if set_up is not None:
            set_up(sim)
        async with (
            reaching(sim, pace=pace) as driver,
            listening(sim, driver, pushed=push) as made,
        ):
            yield made
