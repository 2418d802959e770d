"""A shop full of simulated printers, each behind the real protocol of its maker.

    async with Fleet(speed=60.0) as fleet:
        fleet.entries        # what Home Assistant must be told to reach them
        fleet.printers["…"].machine

Their operators print real slicer files one after the other; `Fleet(operated=False)` leaves them
alone, for tests that stand at the machines themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final, Self

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Heater,
    MachineSlot,
    VirtualMachine,
)

from .bambu import BambuSimulator
from .moonraker import MoonrakerSimulator, webcam_entry
from .octoprint import OctoPrintSimulator
from .operator import Operator
from .print_files import boxed_files, plain_files, plates_in
from .prusalink import PrusaLinkSimulator
from .scenery import picture

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

_ACCESS_CODE: Final = "13572468"
_PASSWORD: Final = "demo-link-key"
_API_KEY: Final = "0123456789abcdef0123456789abcdef"
_PUSH_S: Final = 0.25
"""As often as the real server pushes."""
_SCENE_S: Final = 1.0
_SEED: Final = 7


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One sort of printer in the shop."""

    title: str
    serial: str
    protocol: str
    """bambu, prusalink, octoprint or moonraker."""
    model: str
    slots: tuple[MachineSlot, ...]
    tools: int = 1
    chamber: bool = False


def _spool(name: str, colour: str, material: str, left_g: float) -> MachineSlot:
    return MachineSlot(material=material, colour=colour, name=name, remaining_g=left_g)


SHOP: Final = (
    Kind(
        title="A1",
        serial="03900DEMO000001",
        protocol="bambu",
        model="A1",
        slots=(
            _spool("PLA Basic", "#F5A623", "PLA", 820),
            _spool("PLA Matte", "#2C3E50", "PLA", 430),
            _spool("PETG HF", "#F2F2F2", "PETG", 960),
            MachineSlot(material=None),
        ),
    ),
    Kind(
        title="H2D",
        serial="09400DEMO000001",
        protocol="bambu",
        model="H2D",
        slots=(
            _spool("ABS", "#1E1E1E", "ABS", 700),
            _spool("PLA Basic", "#D0021B", "PLA", 510),
            _spool("PA6-CF", "#3A3A3A", "PA-CF", 640),
            _spool("PLA Basic", "#FFFFFF", "PLA", 280),
        ),
        tools=2,
        chamber=True,
    ),
    Kind(
        title="CORE One",
        serial="CZPX0DEMO00001",
        protocol="prusalink",
        model="CORE One",
        slots=(_spool("Prusament PETG", "#FF6A13", "PETG", 610),),
    ),
    Kind(
        title="Voron 2.4",
        serial="5f0c3a9e7d1b4e62a8c4d90b61e7f213",
        protocol="moonraker",
        model="Voron 2.4",
        slots=(_spool("ASA", "#263238", "ASA", 540),),
        chamber=True,
    ),
    Kind(
        title="Ender-3",
        serial="8b1f6a52-3c47-4d0e-9f26-5d7e0c9a4b18",
        protocol="octoprint",
        model="Ender-3",
        slots=(_spool("PLA", "#7ED321", "PLA", 350),),
    ),
)


@dataclass(slots=True)
class Printer:
    """A simulated printer that runs."""

    kind: Kind
    machine: VirtualMachine
    simulator: BambuSimulator | PrusaLinkSimulator | OctoPrintSimulator | MoonrakerSimulator
    data: dict[str, Any]
    """The data of its config entry."""
    tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, Any]:
        """What its config flow would have written."""
        return {"title": self.kind.title, "unique_id": self.kind.serial, "data": self.data}


class Fleet:
    """All printers of the shop, on free ports of 127.0.0.1."""

    def __init__(
        self, *, speed: float = 1.0, operated: bool = True, shop: Sequence[Kind] = SHOP
    ) -> None:
        begun = time.monotonic()
        self._now: Callable[[], float] = lambda: (time.monotonic() - begun) * speed
        self._speed = speed
        self._operated = operated
        self._shop = shop
        self._stack = AsyncExitStack()
        self.printers: dict[str, Printer] = {}

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The config entries of all printers."""
        return [printer.entry for printer in self.printers.values()]

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as stack:
            for kind in self._shop:
                self.printers[kind.serial] = await self._open(kind, stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    async def _open(self, kind: Kind, stack: AsyncExitStack) -> Printer:
        machine = VirtualMachine(
            now=self._now,
            serial=kind.serial,
            model=kind.model,
            name=kind.title,
            slots=list(kind.slots),
            tools=[Heater() for _ in range(kind.tools)],
            # The numbers of a new life must not repeat those in the ledger's history.
            next_id=int(time.time()) % 1_000_000 + 1_000,
        )
        if kind.chamber:
            machine.chamber = Heater(rate=0.3)
        opened = {
            "bambu": self._bambu,
            "prusalink": self._prusalink,
            "octoprint": self._octoprint,
            "moonraker": self._moonraker,
        }
        printer = await opened[kind.protocol](kind, machine, stack)
        if self._operated:
            operator = Operator(machine, Random(f"{_SEED} {kind.serial}"), speed=self._speed)
            _keep(stack, operator.run())
        return printer

    async def _bambu(self, kind: Kind, machine: VirtualMachine, stack: AsyncExitStack) -> Printer:
        for file in boxed_files("/cache/"):
            machine.store(file)
        simulator = BambuSimulator(machine, kind.model, _ACCESS_CODE)
        await stack.enter_async_context(simulator)
        data = {
            "kind": "bambu",
            "host": simulator.host,
            "serial": kind.serial,
            "access_code": _ACCESS_CODE,
            "fingerprint": simulator.fingerprint,
            "mqtt_port": simulator.mqtt_port,
            "ftps_port": simulator.ftps_port,
        }
        if simulator.camera is not None:
            data["camera_port"] = simulator.camera_port
            simulator.camera.interval_s = _SCENE_S
            _keep(stack, _film(machine, partial(setattr, simulator.camera, "picture")))
        return Printer(kind=kind, machine=machine, simulator=simulator, data=data)

    async def _prusalink(
        self, kind: Kind, machine: VirtualMachine, stack: AsyncExitStack
    ) -> Printer:
        for file in plain_files():
            machine.store(file)
        simulator = PrusaLinkSimulator(
            machine,
            password=_PASSWORD,
            model=kind.model,
            plates_of=lambda _path, content: plates_in(content),
        )
        await stack.enter_async_context(simulator)
        data = {
            "kind": "prusalink",
            "host": simulator.host,
            "port": simulator.port,
            "serial": kind.serial,
            "username": "maker",
            "password": _PASSWORD,
        }
        return Printer(kind=kind, machine=machine, simulator=simulator, data=data)

    async def _octoprint(
        self, kind: Kind, machine: VirtualMachine, stack: AsyncExitStack
    ) -> Printer:
        for file in plain_files():
            machine.store(file)
        simulator = OctoPrintSimulator(
            machine, api_key=_API_KEY, plates_of=lambda _path, content: plates_in(content)
        )
        simulator.uuid = kind.serial
        await stack.enter_async_context(simulator)
        _keep(stack, _film(machine, partial(setattr, simulator, "picture")))
        data = {
            "kind": "octoprint",
            "url": simulator.url,
            "serial": kind.serial,
            "api_key": _API_KEY,
        }
        return Printer(kind=kind, machine=machine, simulator=simulator, data=data)

    async def _moonraker(
        self, kind: Kind, machine: VirtualMachine, stack: AsyncExitStack
    ) -> Printer:
        for file in plain_files():
            machine.store(file)
        simulator = MoonrakerSimulator(
            machine,
            api_key=_API_KEY,
            instance_id=kind.serial,
            push_s=_PUSH_S,
            plates_of=lambda _path, content: plates_in(content),
        )
        await stack.enter_async_context(simulator)
        still = f"{simulator.url}/webcam/?action=snapshot"
        simulator.webcams = [webcam_entry("chamber", stream_url="", snapshot_url=still)]

        def show(scene: bytes) -> None:
            simulator.frames = [scene]

        _keep(stack, _film(machine, show))
        data = {
            "kind": "moonraker",
            "url": simulator.url,
            "serial": kind.serial,
            "api_key": _API_KEY,
        }
        return Printer(kind=kind, machine=machine, simulator=simulator, data=data)


def _keep(stack: AsyncExitStack, work: Any) -> None:
    """Let a coroutine run for as long as the stack is open."""
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)


async def _film(machine: VirtualMachine, show: Callable[[bytes], None]) -> None:
    while True:
        show(await asyncio.to_thread(picture, machine))
        await asyncio.sleep(_SCENE_S)
