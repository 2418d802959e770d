"""Heaters, motion, speed, console and emergency stop.

OctoPrint hands all of these on as G-code: 204 means that it is queued. Only a heater's target
comes back in a status; what is not shown anywhere is done when it is accepted.
"""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from ..base import Range
from .control import settled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ...workshop.clock import Clock
    from .client import Client
    from .facts import Profile
    from .line import Line
    from .view import View

_COMMAND: Final = "/api/printer/command"
_HEAD: Final = "/api/printer/printhead"
_TOOL_C: Final = Range(minimum=0.0, maximum=300.0)
_BED_C: Final = Range(minimum=0.0, maximum=130.0)
_CHAMBER_C: Final = Range(minimum=0.0, maximum=80.0)
"""OctoPrint knows no limits and passes 9999 degrees on; the firmware has its own below or at
these, which no desktop printer's stock parts exceed."""
_SPEED: Final = (50, 200)
"""Per cent; beyond it the server answers 400."""
_AXES: Final = ("x", "y", "z")
_FARTHEST_MM: Final = 1000.0
_FASTEST_MM_S: Final = 1000.0
_MOST_LINES: Final = 200
_LONGEST_LINE: Final = 250
_CLOSE_C: Final = 0.6


class OctoPrintHeaters:
    """Temperatures that may be set."""

    def __init__(self, client: Client, line: Line, clock: Clock, profile: Profile) -> None:
        self._client = client
        self._line = line
        self._clock = clock
        ranges = {f"tool_{index}": _TOOL_C for index in range(profile.heated_tools)}
        if profile.bed:
            ranges["bed"] = _BED_C
        if profile.chamber:
            ranges["chamber"] = _CHAMBER_C
        self._ranges = MappingProxyType(ranges)

    @property
    def ranges(self) -> Mapping[str, Range]:
        """By heater key."""
        return self._ranges

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target, and see it taken."""
        allowed = self._ranges.get(heater)
        if allowed is None:
            raise Refused(f"no heater {heater}", key="not_supported")
        if not allowed.minimum <= celsius <= allowed.maximum:
            raise Refused(
                f"{heater} takes {allowed.minimum:.0f} to {allowed.maximum:.0f}",
                key="out_of_range",
            )
        name = heater.replace("_", "")
        if heater.startswith("tool_"):
            body: dict[str, object] = {"command": "target", "targets": {name: celsius}}
            await self._client.post("/api/printer/tool", body)
        else:
            body = {"command": "target", "target": celsius}
            await self._client.post(f"/api/printer/{name}", body)

        def shows(now: View) -> bool:
            known = now.heaters.get(name)
            target = known.target_c if known is not None else None
            return target is not None and abs(target - celsius) < _CLOSE_C

        pace = self._client.pace
        await settled(
            self._line, self._clock, shows, every_s=pace.settle_every_s, within_s=pace.settle_for_s
        )


class OctoPrintSpeed:
    """Print speed in per cent. It can be set, and nowhere be read."""

    profiles: tuple[str, ...] = ()
    percent_range: tuple[int, int] | None = _SPEED

    def __init__(self, client: Client) -> None:
        self._client = client

    async def set_profile(self, profile: str) -> None:
        """It knows no named speeds. Raises Refused."""
        raise Refused(f"no speed is called {profile}", key="not_supported")

    async def set_percent(self, percent: int) -> None:
        """Set the feed rate factor."""
        lowest, highest = _SPEED
        if not lowest <= percent <= highest:
            raise Refused(f"it takes {lowest} to {highest} per cent", key="out_of_range")
        await self._client.post(_HEAD, {"command": "feedrate", "factor": percent})


class OctoPrintMotion:
    """Moves the head by hand."""

    axes: tuple[str, ...] = _AXES

    def __init__(self, client: Client, line: Line) -> None:
        self._client = client
        self._line = line

    async def home(self, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any."""
        wanted = list(dict.fromkeys(axes)) or list(_AXES)
        self._known(wanted)
        await self._at_rest()
        await self._client.post(_HEAD, {"command": "home", "axes": wanted}, {409: "printer_busy"})

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        """Move by millimetres from where the head is."""
        self._known(distances)
        body: dict[str, object] = {"command": "jog", "absolute": False, **distances}
        for distance in distances.values():
            if not math.isfinite(distance) or abs(distance) > _FARTHEST_MM:
                raise Refused(f"at most {_FARTHEST_MM:.0f} mm", key="out_of_range")
        if speed_mm_s is not None:
            if not 0 < speed_mm_s <= _FASTEST_MM_S:
                raise Refused(f"at most {_FASTEST_MM_S:.0f} mm/s", key="out_of_range")
            body["speed"] = round(speed_mm_s * 60)
        if not distances:
            return
        await self._at_rest()
        await self._client.post(_HEAD, body, {409: "printer_busy"})

    def _known(self, axes: Sequence[str] | Mapping[str, float]) -> None:
        if unknown := [axis for axis in axes if axis not in _AXES]:
            raise Refused(f"no axis {unknown[0]}", key="not_supported")

    async def _at_rest(self) -> None:
        """Raise Refused unless it stands still: a paused job would go on from another place."""
        view = await self._line.watch()
        if view.in_job:
            raise Refused(f"the printer says {view.text}", key="printer_busy")
        if not view.ready:
            raise Refused(f"the printer says {view.text}", key="wrong_state")


class OctoPrintConsole:
    """Takes G-code from a person. OctoPrint answers to nobody over REST: no reply is shown."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def send(self, gcode: str) -> None:
        """Run lines of G-code."""
        lines = [line.strip() for line in gcode.splitlines() if line.strip()]
        if not lines:
            return
        if len(lines) > _MOST_LINES or any(len(line) > _LONGEST_LINE for line in lines):
            raise Refused(
                f"at most {_MOST_LINES} lines of {_LONGEST_LINE} characters", key="out_of_range"
            )
        await self._client.post(_COMMAND, {"commands": lines})


class OctoPrintEmergency:
    """Stops everything at once."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def stop(self) -> None:
        """Send M112, which OctoPrint puts before all that is queued."""
        await self._client.post(_COMMAND, {"command": "M112"})
