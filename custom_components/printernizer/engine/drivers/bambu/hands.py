"""What a person does with a Bambu Lab printer by hand: move, load, leave objects out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...printer import PrinterState
from ..base import PrintObject
from . import commands, mapping
from .payload import bits, whole
from .trays import EXTERNAL, tray_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...printer import CurrentJob
    from .archive import PlateObject
    from .commander import Commander
    from .models import Model
    from .storage import BambuStorage

AXES: Final = ("x", "y", "z")
_HELD: Final = frozenset({PrinterState.PAUSED, PrinterState.ATTENTION})
_FARTHEST_MM: Final = 400.0
"""No bed is wider; the soft end stops cut what is too far for this one."""
_SPEED_MM_S: Final = {"x": 50.0, "y": 50.0, "z": 15.0}
"""What the maker's own client moves at."""
_FASTEST_MM_S: Final = {"x": 300.0, "y": 300.0, "z": 20.0}
_UNLOAD_C: Final = 210
"""What the maker's own client takes when it does not know the filament."""
_HOTTEST_C: Final = 350
_MOST_OBJECTS: Final = 64
"""With more the firmware cannot tell them apart, and the maker's client offers no skipping."""


class BambuMotion:
    """Moves the head by G-code."""

    axes = AXES

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any, and of all for z.

        The height is never found alone: it is probed at a place that x and y must know.
        """
        self._free(axes)
        wanted = () if "z" in axes else tuple(dict.fromkeys(axes))
        await self._commander.run(commands.home(wanted))

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres, within the soft end stops.

        Raises Refused: "wrong_state" for an axis that has not been homed, "out_of_range".
        """
        self._free(tuple(distances))
        way = {axis: float(distance) for axis, distance in distances.items() if distance}
        if not all(math.isfinite(distance) for distance in way.values()) or any(
            abs(distance) > _FARTHEST_MM for distance in way.values()
        ):
            raise Refused(f"a move goes at most {_FARTHEST_MM:g} mm", key="out_of_range")
        fastest = min((_FASTEST_MM_S[axis] for axis in way), default=0.0)
        if speed_mm_s is not None and not 0 < speed_mm_s <= fastest:
            raise Refused(f"these axes move at up to {fastest:g} mm/s", key="out_of_range")
        if not way:
            return
        self._homed(tuple(way))
        speed = speed_mm_s or min(_SPEED_MM_S[axis] for axis in way)
        await self._commander.run(commands.move(way, max(1, round(speed * 60))))

    def _free(self, axes: Sequence[str]) -> None:
        if unknown := [axis for axis in axes if axis not in AXES]:
            raise Refused(f"it has no axis {unknown[0][:20]}", key="out_of_range")
        if not self._commander.status.ready:
            raise Refused("a job or something else is under way", key="printer_busy")

    def _homed(self, axes: Sequence[str]) -> None:
        """Bits 0 to 2 of `home_flag`: an axis that knows its place can be kept off the ends."""
        flags = bits(self._commander.messages.report.values.get("home_flag"))
        for axis in axes:
            if flags is not None and not flags >> AXES.index(axis) & 1:
                raise Refused(f"axis {axis} must be homed first", key="wrong_state")


class BambuLoader:
    """Loads and unloads filament, from a feeder or by hand at the external holder."""

    def __init__(self, commander: Commander, model: Model) -> None:
        self._commander = commander
        self._dual = model.nozzles > 1

    async def load(self, slot: str | None = None) -> None:
        """Bring filament of a slot to the nozzle; of the external holder without one.

        Returns when the printer has taken the command up: heating and feeding take a minute.
        Raises Refused(key="slot_empty") also where the printer does not know what filament it
        is: the temperature is the middle of what the filament's maker allows, never a guess.
        """
        status = self._commander.status
        found = mapping.find(status.slots, slot or EXTERNAL)
        self._free(external=found.unit is None)
        celsius = self._celsius(found.key)
        if celsius is None:
            raise Refused("the printer does not know that filament", key="slot_empty")
        unit, index, target = mapping.load_numbers(found, dual=self._dual)
        await self._commander.run(commands.load(unit, index, target, celsius))

    async def unload(self) -> None:
        """Take the filament out of the nozzle, back to where it came from."""
        active = next((slot for slot in self._commander.status.slots if slot.active), None)
        self._free(external=active is None or active.unit is None)
        if active is None:
            await self._commander.run(commands.unload(mapping.MAIN_EXTERNAL, _UNLOAD_C))
            return
        unit, _ = mapping.unit_and_slot(active)
        celsius = self._celsius(active.key) or _UNLOAD_C
        await self._commander.run(commands.unload(unit, celsius))

    def _free(self, *, external: bool) -> None:
        """In a pause only the external holder is free: the feeder belongs to the job."""
        status = self._commander.status
        if not (status.ready or (external and status.state in _HELD)):
            raise Refused("a job or something else is under way", key="printer_busy")

    def _celsius(self, key: str) -> int | None:
        tray = tray_of(self._commander.messages.report.values, key)
        low, high = (whole(tray.get(name)) for name in ("nozzle_temp_min", "nozzle_temp_max"))
        if low is None or high is None or not 0 < low <= high <= _HOTTEST_C:
            return None
        return (low + high) // 2


class BambuObjects:
    """Leaves objects out of the running job.

    Their names and numbers stand in the archive on the printer; what is left out, in the report.
    """

    def __init__(self, commander: Commander, storage: BambuStorage) -> None:
        self._commander = commander
        self._storage = storage
        self._job: object = None
        self._known: tuple[PlateObject, ...] = ()

    async def list(self) -> tuple[PrintObject, ...]:
        """Return the objects of the running job.

        None where its file is not on the storage (yet), cannot be read in pieces, or does not
        label them.
        """
        job = self._commander.status.job
        if job is None or not self._commander.status.active:
            return ()
        skipped = self._skipped()
        return tuple(
            PrintObject(id=str(one.number), name=one.name, skipped=one.number in skipped)
            for one in await self._objects(job)
        )

    async def skip(self, ids: Sequence[str]) -> None:
        """Leave objects out, for good."""
        if not self._commander.status.active:
            raise Refused("there is no job", key="no_job")
        known = {one.id: one for one in await self.list()}
        if not ids or not all(one in known for one in ids):
            raise Refused("the job has no such object", key="object_missing")
        if len(known) > _MOST_OBJECTS:
            raise Refused(f"it has more than {_MOST_OBJECTS} objects", key="not_supported")
        if all(one.skipped or one.id in ids for one in known.values()):
            raise Refused("no object would be left", key="last_object")
        numbers = [int(one) for one in dict.fromkeys(ids) if not known[one].skipped]
        if not numbers:
            return
        try:
            await self._commander.run(commands.skip_objects(numbers))
        except Refused as err:
            # Without an echo the report decides.
            if err.key != "not_confirmed" or not self._skipped() >= set(numbers):
                raise

    def _skipped(self) -> set[int]:
        listed = self._commander.messages.report.values.get("s_obj")
        return {one for one in map(whole, listed if isinstance(listed, list) else []) if one}

    async def _objects(self, job: CurrentJob) -> tuple[PlateObject, ...]:
        # The file of a job does not change; one that is still being written is read again.
        which = (job.id, job.name, job.path, job.plate)
        if which != self._job or not self._known:
            self._known = await self._storage.objects(job)
            self._job = which
        return self._known
