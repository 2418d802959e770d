"""What can be set on the machine itself: heat, air, speed, motion, filament, objects."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ...printer import ACTIVE, PrinterState
from ..base import PrintObject, Range
from .messages import as_number, name, number, objects, text, texts
from .objects import plain, settings_of, tool_index
from .status import SETTABLE_FAN, chamber_object, extruders, fan_objects

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .control import Scripts
    from .watch import Watch

_AXES: Final = ("x", "y", "z")
_STATE: Final = "printernizer_jog"
_MOVING: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING, PrinterState.BUSY})
LOAD: Final = "LOAD_FILAMENT"
UNLOAD: Final = "UNLOAD_FILAMENT"
_FASTEST_MM_S: Final = 1000.0


class MoonrakerHeaters:
    """Temperatures that may be set, within what the configuration allows."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._scripts = scripts
        found = {f"tool_{tool_index(item)}": item for item in extruders(watch.store)}
        if "heater_bed" in watch.store:
            found["bed"] = "heater_bed"
        chamber = chamber_object(watch.store)
        if chamber is not None and chamber.startswith("heater_generic "):
            found["chamber"] = chamber
        self._objects = found
        limits = {key: settings_of(watch.house.configfile, item) for key, item in found.items()}
        self.ranges: Mapping[str, Range] = MappingProxyType(
            {
                key: Range(
                    minimum=max(0.0, number(limits[key], "min_temp") or 0.0),
                    maximum=highest,
                )
                for key in found
                if (highest := number(limits[key], "max_temp")) is not None
            }
        )

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target. Raises Refused(key="out_of_range") beyond `ranges`."""
        allowed = self.ranges.get(heater)
        if allowed is None:
            raise Refused(f"it has no heater {heater}", key="not_supported")
        if celsius and not allowed.minimum <= celsius <= allowed.maximum:
            raise Refused(
                f"{celsius} is not within {allowed.minimum} to {allowed.maximum}",
                key="out_of_range",
            )
        given = self._objects[heater]
        short = plain(given.partition(" ")[2] or given)
        await self._scripts.quick(f"SET_HEATER_TEMPERATURE HEATER={short} TARGET={celsius:.1f}")


class MoonrakerFans:
    """Fans that may be set: the part's, and those that are there for that."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._scripts = scripts
        self._objects = {
            key: item
            for key, item in fan_objects(watch.store).items()
            if item == "fan" or item.startswith(f"{SETTABLE_FAN} ")
        }

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `Fan.key`."""
        return tuple(self._objects)

    async def set_speed(self, fan: str, percent: int) -> None:
        """Set a fan to 0 to 100 per cent."""
        item = self._objects.get(fan)
        if item is None:
            raise Refused(f"it has no fan {fan}", key="not_supported")
        if not 0 <= percent <= 100:
            raise Refused(f"{percent} is not a share", key="out_of_range")
        if item == "fan":
            await self._scripts.quick(f"M106 S{percent * 255 / 100:.0f}")
        else:
            given = plain(item.partition(" ")[2])
            await self._scripts.quick(f"SET_FAN_SPEED FAN={given} SPEED={percent / 100:.2f}")


class MoonrakerSpeed:
    """The feed rate factor; Klipper has no named speeds."""

    profiles: tuple[str, ...] = ()
    percent_range: tuple[int, int] = (10, 300)

    def __init__(self, scripts: Scripts) -> None:
        self._scripts = scripts

    async def set_profile(self, profile: str) -> None:
        """Refuse: it has only per cent."""
        raise Refused(f"it has no speed {profile}", key="not_supported")

    async def set_percent(self, percent: int) -> None:
        """Set the feed rate factor."""
        low, high = self.percent_range
        if not low <= percent <= high:
            raise Refused(f"{percent} is not within {low} to {high}", key="out_of_range")
        await self._scripts.quick(f"M220 S{percent}")


class MoonrakerMotion:
    """Moves the head by hand. The mode it moves in is left as it was found."""

    axes = _AXES

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._watch = watch
        self._scripts = scripts

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any. Takes up to a minute."""
        wanted = [self._known(axis) for axis in axes]
        await self._free()
        await self._scripts.run(" ".join(("G28", *(axis.upper() for axis in wanted))))

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres from where the head is."""
        steps = {self._known(axis): by for axis, by in distances.items() if by}
        if not all(math.isfinite(by) for by in steps.values()):
            raise Refused("no distance to move by", key="out_of_range")
        if speed_mm_s is not None and not 0 < speed_mm_s <= _FASTEST_MM_S:
            raise Refused(f"{speed_mm_s} mm/s is no speed", key="out_of_range")
        await self._free()
        head = self._watch.store["toolhead"]
        homed = (text(head, "homed_axes") or "").lower()
        for axis in steps:
            if axis not in homed:
                raise Refused(f"axis {axis} must be homed first", key="wrong_state")
        self._within(steps)
        if not steps:
            return
        pace = "" if speed_mm_s is None else f" F{speed_mm_s * 60:.0f}"
        way = " ".join(f"{axis.upper()}{by:.3f}" for axis, by in steps.items())
        try:
            await self._scripts.run(
                f"SAVE_GCODE_STATE NAME={_STATE}\nG91\nG1 {way}{pace}\n"
                f"RESTORE_GCODE_STATE NAME={_STATE}"
            )
        except Refused:
            # A script ends at its first error: the relative mode must not stay.
            await self._scripts.quick(f"RESTORE_GCODE_STATE NAME={_STATE}")
            raise

    def _known(self, axis: str) -> str:
        if axis.lower() not in _AXES:
            raise Refused(f"it has no axis {axis}", key="out_of_range")
        return axis.lower()

    def _within(self, steps: Mapping[str, float]) -> None:
        """Refuse what cannot be reached, where Klipper says how far an axis goes."""
        head = self._watch.store["toolhead"]
        here = self._watch.store["gcode_move"].get("gcode_position")
        for axis, by in steps.items():
            index = _AXES.index(axis)
            now = _at(here, index)
            low, high = (_at(head.get(f"axis_{end}"), index) for end in ("minimum", "maximum"))
            if now is None or low is None or high is None:
                continue
            # What is shown may be shifted by an offset of some millimetres: Klipper knows better.
            if not low - 20 <= now + by <= high + 20:
                raise Refused(f"{now + by:g} mm is beyond axis {axis}", key="out_of_range")

    async def _free(self) -> None:
        state = (await self._watch.fresh()).state
        if state in ACTIVE or state is PrinterState.BUSY:
            raise Refused(f"the printer says {state}", key="printer_busy")


def _at(values: object, index: int) -> float | None:
    return as_number(values[index]) if isinstance(values, list) and len(values) > index else None


class MoonrakerLoader:
    """Loads and unloads filament with the macros that have become usual for it."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._watch = watch
        self._scripts = scripts

    async def load(self, slot: str | None = None) -> None:
        """Bring in what a person feeds. There are no slots to choose from."""
        if slot not in {None, "external"}:
            raise Refused(f"it has no slot {slot}", key="not_supported")
        await self._run(LOAD)

    async def unload(self) -> None:
        """Take the filament out of the nozzle."""
        await self._run(UNLOAD)

    async def _run(self, macro: str) -> None:
        state = (await self._watch.fresh()).state
        if state in _MOVING:
            raise Refused(f"the printer says {state}", key="printer_busy")
        await self._scripts.run(macro)


class MoonrakerObjects:
    """Leaves single objects out of the running job."""

    def __init__(self, watch: Watch, scripts: Scripts) -> None:
        self._watch = watch
        self._scripts = scripts

    async def list(self) -> tuple[PrintObject, ...]:
        """Return the objects of the running job; none where the file does not name them."""
        if self._watch.state not in ACTIVE:
            return ()
        values = self._watch.store["exclude_object"]
        skipped = texts(values, "excluded_objects")
        names = [found for item in objects(values, "objects") if (found := name(item, "name"))]
        return tuple(
            PrintObject(id=found, name=found, skipped=found in skipped) for found in names[:1000]
        )

    async def skip(self, ids: Sequence[str]) -> None:
        """Leave objects out; returns when Klipper shows it."""
        if (await self._watch.fresh()).state not in ACTIVE:
            raise Refused("there is no job", key="no_job")
        there = {item.id: item for item in await self.list()}
        if missing := [one for one in ids if one not in there]:
            raise Refused(f"the job has no object {missing[0]}", key="object_missing")
        left = [item for item in there.values() if not item.skipped and item.id not in ids]
        if not left:
            raise Refused("no object would be left: cancel the job instead", key="last_object")
        wanted = [one for one in dict.fromkeys(ids) if not there[one].skipped]
        if not wanted:
            return
        await self._scripts.quick("\n".join(f"EXCLUDE_OBJECT NAME={plain(one)}" for one in wanted))
        watch = self._watch

        def shown() -> bool:
            return set(wanted) <= set(texts(watch.store["exclude_object"], "excluded_objects"))

        if not await watch.until(shown, watch.pace.settle_for_s):
            raise Refused("accepted, but it does not show", key="not_confirmed")
