"""Somebody who stands at a simulated printer: starts jobs, pauses, clears faults, walks away.

All in the machine's own time, so a fast machine has a fast operator. The same seed does the same.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Fault, Phase
from custom_components.printernizer.engine.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

    from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine

REST_S: Final = (60.0, 240.0)
"""How long a result lies on the bed, and how long the bed stays empty: machine seconds."""
_CLEAN_JOBS: Final = 1
"""The first job of a machine always ends well: whoever looks wants to see one finish."""


class Operator:
    """Keeps one machine busy for as long as `run` runs."""

    def __init__(self, machine: VirtualMachine, chance: Random, *, speed: float = 1.0) -> None:
        self._machine = machine
        self._chance = chance
        self._look_s = min(1.0, max(0.02, 1.0 / speed))
        """Real seconds between two looks: about one second of the machine."""
        self.jobs = 0

    async def run(self) -> None:
        """Print one file after the other until cancelled."""
        while True:
            try:
                await self._one_job()
            except Refused:
                # Somebody else was faster (the printer was sent a job), or it is rebooting.
                await self._until(lambda: self._machine.phase not in {*IN_JOB, Phase.OFF})
            await self._rest()

    async def _one_job(self) -> None:
        machine = self._machine
        machine.dismiss()
        path = self._chance.choice(sorted(machine.files))
        story = self._chance.choices(
            ("plain", "pause", "jam", "runout", "cancel", "heater"), (60, 14, 8, 8, 6, 4)
        )[0]
        turn = self._chance.uniform(0.15, 0.85)
        if self.jobs < _CLEAN_JOBS:
            story = "plain"
        self.jobs += 1
        machine.start(path)
        if story != "plain":
            await self._until(lambda: self._progress() >= turn or not machine.in_job)
            if machine.phase is Phase.PRINTING:
                await self._interfere(story)
        await self._until(lambda: not machine.in_job)

    async def _interfere(self, story: str) -> None:
        machine = self._machine
        match story:
            case "pause":
                machine.pause()
                await self._spend(self._chance.uniform(60, 300))
                if machine.phase is Phase.PAUSED:
                    machine.resume()
            case "jam" | "runout":
                machine.inject(Fault(story))
                await self._spend(self._chance.uniform(60, 300))
                if machine.phase is Phase.ATTENTION:
                    machine.acknowledge()
            case "cancel":
                machine.cancel()
            case _:
                machine.inject(Fault.HEATER)

    async def _rest(self) -> None:
        await self._spend(self._chance.uniform(*REST_S))
        if not self._machine.in_job:
            self._machine.dismiss()
            await self._spend(self._chance.uniform(*REST_S))

    def _progress(self) -> float:
        self._machine.tick()
        return self._machine.run.progress if self._machine.run else 0.0

    async def _spend(self, seconds: float) -> None:
        end = self._machine.now() + seconds
        await self._until(lambda: self._machine.now() >= end)

    async def _until(self, so: Callable[[], bool]) -> None:
        while True:
            self._machine.tick()
            if so():
                return
            await asyncio.sleep(self._look_s)
