"""A simulated PrusaLink, a driver to it, and time that runs as fast as a test wants."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from custom_components.printernizer.engine.drivers.prusalink.driver import PrusaLinkDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.workshop.clock import SystemClock
from tests.simulators.prusalink import QUICK, PrusaLinkSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from custom_components.printernizer.engine.drivers.prusalink.driver import PrusaLinkSession

GCODE = b"; test\n" + b"G1 X1 E1\n" * 200
PLATE = PlateFacts(seconds=600, layers=60, tool_c=60, bed_c=30)


class Turned:
    """Machine time, turned by hand."""

    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


@dataclass
class Scene:
    """Everything a test touches."""

    sim: PrusaLinkSimulator
    machine: VirtualMachine
    time: Turned
    http: aiohttp.ClientSession

    def driver(self, **settings: object) -> PrusaLinkDriver:
        """Return a driver that knows the right password, unless told otherwise."""
        given = {"password": "secret-key", "pace": QUICK, "clock": SystemClock()} | settings
        return PrusaLinkDriver(self.sim.host, port=self.sim.port, session=self.http, **given)

    def printing(self) -> None:
        """Have the machine print, past its heating."""
        self.machine.start("/part.gcode")
        self.time.seconds += 60
        self.machine.tick()


@asynccontextmanager
async def scene(**settings: object) -> AsyncIterator[Scene]:
    """Start a simulator around a machine with one file."""
    time = Turned()
    machine = VirtualMachine(now=time, serial="CZPX0001")
    machine.store(VirtualFile(path="/part.gcode", content=GCODE, modified=1.7e9, plates=(PLATE,)))
    async with (
        aiohttp.ClientSession() as http,
        PrusaLinkSimulator(machine, **settings) as sim,
    ):
        yield Scene(sim, machine, time, http)


@asynccontextmanager
async def line(**settings: object) -> AsyncIterator[tuple[Scene, PrusaLinkSession]]:
    """Open a line with the right login."""
    async with scene(**settings) as shop, shop.driver().connect() as session:
        yield shop, session
