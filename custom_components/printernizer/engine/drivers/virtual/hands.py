"""What a person does with a machine by hand: move, load, leave out, stop, restart."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ..base import PrintObject

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .machine import VirtualMachine
    from .parts import Act

_RESTART: Final = "firmware_restart"


def slot_key(machine: VirtualMachine, index: int) -> str:
    """Return the key of a slot: a machine with one spool holder has no feeder."""
    return "external" if len(machine.slots) == 1 else f"0_{index}"


def slot_index(machine: VirtualMachine, key: str) -> int:
    """Return the slot with this key. Raises Refused(key="slot_empty") when there is none."""
    for index in range(len(machine.slots)):
        if slot_key(machine, index) == key:
            return index
    raise Refused(f"there is no slot {key}", key="slot_empty")


class VirtualMotion:
    """Moves the head."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act
        self.axes = tuple(machine.travel_mm)

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any."""
        await self._act(partial(self._machine.home, axes))

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres; a virtual head is there at once, at any speed above 0."""
        if speed_mm_s is not None and not speed_mm_s > 0:
            raise Refused("a head moves at more than 0 mm/s", key="out_of_range")
        await self._act(partial(self._machine.move, distances))


class VirtualLoader:
    """Loads and unloads filament."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def load(self, slot: str | None = None) -> None:
        """Bring filament of a slot to the nozzle; of the first without one."""
        index = 0 if slot is None else slot_index(self._machine, slot)
        await self._act(partial(self._machine.load, index))

    async def unload(self) -> None:
        """Take the filament out of the nozzle."""
        await self._act(self._machine.unload)


class VirtualObjects:
    """Leaves single objects out of the running job."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def list(self) -> tuple[PrintObject, ...]:
        """Return the objects of the running job, by their place on the plate."""
        run = self._machine.run
        if run is None or not self._machine.in_job:
            return ()
        return tuple(
            PrintObject(id=str(index), name=name, skipped=index in run.skipped)
            for index, name in enumerate(run.plate.objects)
        )

    async def skip(self, ids: Sequence[str]) -> None:
        """Leave objects out."""
        if not all(one.isdecimal() and len(one) < 9 for one in ids):
            raise Refused("the job has no such object", key="object_missing")
        await self._act(lambda: self._machine.skip([int(one) for one in ids]))


class VirtualEmergency:
    """Stops everything at once."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def stop(self) -> None:
        """Stop now; `VirtualMaintenance` restarts the firmware."""
        await self._act(self._machine.emergency_stop)


class VirtualMaintenance:
    """Restarts the firmware."""

    tasks = (_RESTART,)

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def run(self, task: str) -> None:
        """Do one of `tasks`."""
        if task not in self.tasks:
            raise Refused(f"it cannot {task}", key="not_supported")
        await self._act(self._machine.restart_firmware)
