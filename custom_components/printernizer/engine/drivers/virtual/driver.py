"""The reference driver: the contract around a virtual machine, with no wire in between."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ...errors import Refused, Unreachable
from ...printer import (
    CurrentJob,
    Fan,
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Slot,
    Temperature,
    Tool,
)
from ..base import NoParts
from .hands import (
    VirtualEmergency,
    VirtualLoader,
    VirtualMaintenance,
    VirtualMotion,
    VirtualObjects,
    slot_index,
    slot_key,
)
from .machine import IN_JOB, Fault, Phase
from .parts import (
    SPEEDS,
    VirtualConsole,
    VirtualFans,
    VirtualHeaters,
    VirtualLights,
    VirtualSpeed,
)
from .storage import VirtualStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from ...workshop.clock import Clock
    from .machine import Heater, Run, VirtualMachine

POLL_S: Final = 1.0
"""How often the machine is looked at; commands are seen at once."""

STATES: Final = {
    Phase.IDLE: PrinterState.IDLE,
    Phase.HEATING: PrinterState.PREPARING,
    Phase.PRINTING: PrinterState.PRINTING,
    Phase.PAUSED: PrinterState.PAUSED,
    Phase.ATTENTION: PrinterState.ATTENTION,
    Phase.FINISHED: PrinterState.FINISHED,
    Phase.FAILED: PrinterState.FAILED,
    Phase.CANCELLED: PrinterState.CANCELLED,
    Phase.HALTED: PrinterState.FAILED,
}
"""A halted machine without a job is OFFLINE instead: no job of its failed."""
_PROBLEMS: Final = {
    Fault.JAM: ("JAM", "Filament is jammed", Severity.SERIOUS),
    Fault.RUNOUT: ("RUNOUT", "Filament has run out", Severity.SERIOUS),
    Fault.HEATER: ("HEATER", "The heater failed", Severity.FATAL),
}
_HALTED: Final = ("HALTED", "It was stopped and needs a firmware restart", Severity.FATAL)


def status_of(machine: VirtualMachine) -> PrinterStatus:
    """Return the machine as a printer's status."""
    machine.tick()
    return PrinterStatus(
        state=_state_of(machine),
        stage="nozzle_heating" if machine.phase is Phase.HEATING else None,
        job=_job_of(machine, machine.run) if machine.run else None,
        tools=tuple(
            Tool(index=index, temperature=_temperature(heater), nozzle_diameter_mm=0.4)
            for index, heater in enumerate(machine.tools)
        ),
        active_tool=machine.active_tool,
        bed=_temperature(machine.bed),
        chamber=_temperature(machine.chamber) if machine.chamber else None,
        fans=tuple(Fan(key=key, percent=value) for key, value in machine.fan_percent.items()),
        speed_percent=machine.speed_percent,
        speed_profile=next((k for k, v in SPEEDS.items() if v == machine.speed_percent), None),
        slots=_slots_of(machine),
        problems=_problems_of(machine),
        lights=(("chamber_light", machine.light),),
        filament_present=machine.fault is not Fault.RUNOUT,
        storage_present=True,
        usage=timedelta(hours=int(machine.usage_s // 3600)),
        firmware=machine.firmware,
        z_mm=round(machine.position["z"], 3),
    )


def _state_of(machine: VirtualMachine) -> PrinterState:
    if machine.phase is Phase.HALTED and machine.run is None:
        return PrinterState.OFFLINE
    return STATES[machine.phase]


def _problems_of(machine: VirtualMachine) -> tuple[Problem, ...]:
    told = [_PROBLEMS[machine.fault]] if machine.fault in _PROBLEMS else []
    if machine.phase is Phase.HALTED:
        told.append(_HALTED)
    return tuple(Problem(code=code, text=text, severity=how) for code, text, how in told)


def _temperature(heater: Heater) -> Temperature:
    return Temperature(actual_c=round(heater.actual_c, 1), target_c=heater.target_c)


def _job_of(machine: VirtualMachine, run: Run) -> CurrentJob:
    ended = machine.phase not in IN_JOB
    return CurrentJob(
        id=str(run.id),
        name=run.path.rsplit("/", 1)[-1],
        path=run.path,
        plate=run.plate.number,
        progress=round(run.progress, 4),
        layer=machine.layer,
        layers=run.plate.layers,
        remaining=timedelta(0) if ended else timedelta(seconds=round(machine.remaining_s)),
        elapsed=timedelta(seconds=round((run.ended or machine.now()) - run.started)),
        origin="local",
    )


def _slots_of(machine: VirtualMachine) -> tuple[Slot, ...]:
    return tuple(
        Slot(
            key=slot_key(machine, index),
            unit=None,
            index=index,
            empty=slot.material is None,
            material=slot.material,
            name=slot.name,
            colour=slot.colour,
            remaining=max(0.0, round(slot.remaining_g / slot.initial_g, 2)),
            active=machine.in_job and index == machine.loaded,
        )
        for index, slot in enumerate(machine.slots)
    )


class VirtualSession(NoParts):
    """A line to a virtual machine. It plays every part itself: there is no wire to divide."""

    prompt: VirtualSession

    def __init__(self, machine: VirtualMachine, clock: Clock, poll_s: float) -> None:
        self._machine = machine
        self._clock = clock
        self._poll_s = poll_s
        self._wanted = asyncio.Event()
        self._asked = False
        self.identity = PrinterIdentity(
            serial=machine.serial,
            maker="Printernizer",
            model=machine.model,
            name=machine.name,
            firmware=machine.firmware,
        )
        self.control = self.prompt = self
        self.heaters = VirtualHeaters(machine, self._act)
        self.fans = VirtualFans(machine, self._act)
        self.speed = VirtualSpeed(machine, self._act)
        self.lights = VirtualLights(machine, self._act)
        self.console = VirtualConsole(machine, self._act)
        self.storage = self.mover = VirtualStorage(machine)
        self.motion = VirtualMotion(machine, self._act)
        self.loader = VirtualLoader(machine, self._act)
        self.objects = VirtualObjects(machine, self._act)
        self.emergency = VirtualEmergency(machine, self._act)
        self.maintenance = VirtualMaintenance(machine, self._act)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change."""
        last: PrinterStatus | None = None
        while True:
            if not self._machine.reachable:
                raise Unreachable("the machine is off or its line is cut")
            status = status_of(self._machine)
            if status != last or self._asked:
                self._asked = False
                last = status
                yield status
            await self._pause()

    async def _pause(self) -> None:
        """Wait for the next look, or for somebody who wants one now."""
        sleep = asyncio.ensure_future(self._clock.sleep(self._poll_s))
        wanted = asyncio.ensure_future(self._wanted.wait())
        try:
            await asyncio.wait({sleep, wanted}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (sleep, wanted):
                waiting.cancel()
            await asyncio.gather(sleep, wanted, return_exceptions=True)
        self._wanted.clear()

    async def refresh(self) -> None:
        """Look at the machine now and say how it is, changed or not."""
        self._asked = True
        self._wanted.set()

    def transcript(self) -> Mapping[str, object]:
        """Return what the machine is doing."""
        return {
            "phase": self._machine.phase,
            "commands": self._machine.command_count,
            "gcode": list(self._machine.gcode_log),
        }

    async def pause(self) -> None:
        """Hold the running job."""
        await self._act(self._machine.pause)

    async def resume(self) -> None:
        """Go on with the paused job."""
        await self._act(self._machine.resume)

    async def cancel(self) -> None:
        """End the job."""
        await self._act(self._machine.cancel)

    async def acknowledge(self) -> None:
        """Go on after a fault."""
        await self._act(self._machine.acknowledge)

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a file of the machine's storage."""
        if not status_of(self._machine).ready:
            raise Refused("a job is already running", key="printer_busy")
        feeds = [None if key is None else slot_index(self._machine, key) for key in slots]
        await self._act(lambda: self._machine.start(path, plate or 1, feeds))

    async def _act(self, command: Callable[[], object]) -> None:
        if not self._machine.reachable:
            raise Unreachable("the machine is off or its line is cut")
        command()
        self._wanted.set()


class VirtualDriver:
    """How to reach a virtual machine: hold it."""

    def __init__(self, machine: VirtualMachine, clock: Clock, *, poll_s: float = POLL_S) -> None:
        self._machine = machine
        self._clock = clock
        self._poll_s = poll_s

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[VirtualSession]:
        """Open a line. Raises Unreachable while the machine is off."""
        if not self._machine.reachable:
            raise Unreachable("the machine is off or its line is cut")
        yield VirtualSession(self._machine, self._clock, self._poll_s)
