"""What a virtual machine can be told beside its jobs: the parts of a session."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ...errors import Refused
from ..base import Range
from .machine import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from .machine import VirtualMachine

SPEEDS: Final = {"silent": 50, "standard": 100, "sport": 124, "ludicrous": 166}

type Act = Callable[[Callable[[], object]], Coroutine[Any, Any, None]]
"""Carries a command out, if the machine can be reached."""


class VirtualHeaters:
    """Temperatures of the machine."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act
        self.ranges = {
            f"tool_{index}": Range(minimum=0, maximum=300) for index in range(len(machine.tools))
        } | {"bed": Range(minimum=0, maximum=120)}
        if machine.chamber:
            self.ranges["chamber"] = Range(minimum=0, maximum=65)

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target within its range."""
        allowed = self.ranges.get(heater)
        if allowed is None:
            raise Refused(f"it has no heater {heater}", key="not_supported")
        if not allowed.minimum <= celsius <= allowed.maximum:
            raise Refused(f"{celsius} is beyond {allowed.maximum}", key="out_of_range")
        if heater == "bed":
            await self._act(lambda: self._machine.set_bed_target(celsius))
        elif heater == "chamber":
            await self._act(lambda: self._machine.set_chamber_target(celsius))
        else:
            index = int(heater.removeprefix("tool_"))
            await self._act(lambda: self._machine.set_tool_target(index, celsius))


class VirtualFans:
    """Fans of the machine."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act
        self.keys = tuple(machine.fan_percent)

    async def set_speed(self, fan: str, percent: int) -> None:
        """Set a fan, 0 to 100."""
        if not 0 <= percent <= 100:
            raise Refused(f"{percent} is not a share", key="out_of_range")
        await self._act(lambda: self._machine.set_fan(fan, percent))


class VirtualSpeed:
    """Print speed, by name and by per cent."""

    profiles = tuple(SPEEDS)
    percent_range = (10, 300)

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def set_profile(self, profile: str) -> None:
        """Choose a named speed."""
        if profile not in SPEEDS:
            raise Refused(f"no speed {profile}", key="out_of_range")
        await self._act(lambda: self._machine.set_speed(SPEEDS[profile]))

    async def set_percent(self, percent: int) -> None:
        """Set the feed rate factor."""
        low, high = self.percent_range
        if not low <= percent <= high:
            raise Refused(f"{percent} is beyond {low} to {high}", key="out_of_range")
        await self._act(lambda: self._machine.set_speed(percent))


class VirtualLights:
    """The one lamp."""

    keys = ("chamber_light",)

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch it."""
        if key not in self.keys:
            raise Refused(f"no lamp {key}", key="not_supported")
        await self._act(lambda: self._machine.set_light(on=on))


class VirtualConsole:
    """Takes G-code and remembers it. `FAULT jam` makes the machine jam: see `Fault` for all."""

    def __init__(self, machine: VirtualMachine, act: Act) -> None:
        self._machine = machine
        self._act = act

    async def send(self, gcode: str) -> None:
        """Run each line."""
        for line in filter(None, map(str.strip, gcode.splitlines())):
            word, _, name = line.partition(" ")
            if word.upper() == "FAULT":
                await self._act(partial(self._machine.inject, self._fault(name)))
            else:
                await self._act(partial(self._machine.gcode, line))

    @staticmethod
    def _fault(name: str) -> Fault:
        try:
            return Fault(name.strip().lower())
        except ValueError as err:
            raise Refused(f"it knows only {', '.join(Fault)}", key="out_of_range") from err
