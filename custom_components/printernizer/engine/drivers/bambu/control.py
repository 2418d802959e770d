"""What a Bambu Lab printer can be told: the parts of a session."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ...errors import Refused
from ...printer import PrinterState
from ..base import Range
from . import commands
from .payload import objects, text
from .problems import print_error
from .start import Starter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from .commander import Commander
    from .models import Model

_UNDER_WAY: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})
_HELD: Final = frozenset({PrinterState.PAUSED, PrinterState.ATTENTION})
_CONSOLE_LIMIT: Final = 4096
_SECOND_LIGHT: Final = "chamber_light2"


class BambuControl:
    """Holds, ends and starts jobs, and answers the printer's questions."""

    def __init__(
        self, commander: Commander, model: Model, freshen: Callable[[], Awaitable[None]]
    ) -> None:
        self._commander = commander
        self._starter = Starter(commander, model, freshen)

    async def pause(self) -> None:
        """Hold the running job."""
        if self._commander.status.state not in _UNDER_WAY:
            raise Refused("nothing is being printed", key="no_job")
        await self._commander.run(
            commands.job_command("pause"), effect=lambda status: status.state in _HELD
        )

    async def resume(self) -> None:
        """Go on with a job that stands still, for whatever reason."""
        if self._commander.status.state not in _HELD:
            raise Refused("no job is paused", key="wrong_state")
        await self._commander.run(
            commands.job_command("resume"), effect=lambda status: status.state in _UNDER_WAY
        )

    async def cancel(self) -> None:
        """End the job for good."""
        if not self._commander.status.active:
            raise Refused("there is no job", key="no_job")
        await self._commander.run(
            commands.job_command("stop"), effect=lambda status: not status.active
        )

    async def acknowledge(self) -> None:
        """Close the printer's dialogue and go on."""
        if self._commander.status.state is not PrinterState.ATTENTION:
            raise Refused("the printer asks nothing", key="wrong_state")
        report = self._commander.messages.report.values
        error = print_error(report.get("print_error"))
        if error:
            job = text(report.get("subtask_id")) or "0"
            await self._commander.run(commands.clear_error(error, job))
        await self._commander.run(
            commands.job_command("resume"), effect=lambda status: status.state in _UNDER_WAY
        )

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        """Print a sliced 3MF (one plate of it) or bare G-code that lies on the printer.

        Returns when the status shows the job. Raises Refused, "printer_busy" also while another
        start is under way, "not_confirmed" when it does not begin.
        """
        await self._starter.start(path, plate or 1, slots)


class BambuHeaters:
    """Nozzles, bed and, where there is a heater, the chamber."""

    def __init__(self, commander: Commander, model: Model) -> None:
        self._commander = commander
        self._ranges = {
            **{
                f"tool_{index}": Range(minimum=0, maximum=model.nozzle_max_c)
                for index in range(model.nozzles)
            },
            "bed": Range(minimum=0, maximum=model.bed_max_c),
        }
        if model.chamber_max_c is not None:
            self._ranges["chamber"] = Range(minimum=0, maximum=model.chamber_max_c)
        self._several = model.nozzles > 1

    @property
    def ranges(self) -> Mapping[str, Range]:
        """By heater key."""
        return self._ranges

    async def set_target(self, heater: str, celsius: float) -> None:
        """Set a target. Raises Refused(key="out_of_range") beyond the model's limits."""
        allowed = self._ranges.get(heater)
        if allowed is None:
            raise Refused(f"it has no heater {heater}", key="not_supported")
        if not allowed.minimum <= celsius <= allowed.maximum:
            raise Refused(f"{celsius} is beyond {allowed.maximum}", key="out_of_range")
        target = round(celsius)
        if heater == "chamber":
            await self._commander.run(commands.chamber_target(target))
        elif heater == "bed":
            await self._commander.run(
                commands.gcode(f"M140 S{target}"), hold={"bed_target_temper": target}
            )
        else:
            tool = f"T{heater.removeprefix('tool_')} " if self._several else ""
            hold: dict[str, object] = {} if self._several else {"nozzle_target_temper": target}
            await self._commander.run(commands.gcode(f"M104 {tool}S{target}"), hold=hold)


class BambuFans:
    """The fans of this model."""

    def __init__(self, commander: Commander, model: Model) -> None:
        self._commander = commander
        self._keys = model.fans

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `Fan.key`."""
        return self._keys

    async def set_speed(self, fan: str, percent: int) -> None:
        """Set a fan to 0 to 100 per cent."""
        if fan not in self._keys:
            raise Refused(f"it has no fan {fan}", key="not_supported")
        if not 0 <= percent <= 100:
            raise Refused("a fan turns at 0 to 100 per cent", key="out_of_range")
        number = commands.FAN_NUMBERS[fan]
        await self._commander.run(commands.gcode(f"M106 P{number} S{round(percent * 2.55)}"))


class BambuSpeed:
    """Four named speeds."""

    percent_range: None = None

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    @property
    def profiles(self) -> tuple[str, ...]:
        """The names."""
        return tuple(commands.SPEEDS)

    async def set_profile(self, profile: str) -> None:
        """Choose a named speed."""
        if profile not in commands.SPEEDS:
            raise Refused(f"it has no speed {profile}", key="not_supported")
        level = commands.SPEEDS[profile]
        await self._commander.run(
            commands.speed(profile), hold={"spd_lvl": level, "spd_mag": SPEED_PERCENT[profile]}
        )

    async def set_percent(self, percent: int) -> None:
        """Not possible: it knows only names."""
        raise Refused(f"it has no speed of {percent} per cent", key="not_supported")


SPEED_PERCENT: Final = {"silent": 50, "standard": 100, "sport": 124, "ludicrous": 166}


class BambuLights:
    """The chamber lamp; where it has two halves they are one."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `PrinterStatus.lights`."""
        return tuple(key for key, _ in self._commander.status.lights)

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch it."""
        if key not in self.keys:
            raise Refused(f"it has no lamp {key}", key="not_supported")
        lamps = objects(self._commander.messages.report.values.get("lights_report"))
        wanted = [
            {**lamp, "mode": "on" if on else "off"}
            if lamp.get("node") in {key, _SECOND_LIGHT}
            else lamp
            for lamp in lamps
        ]
        for lamp in lamps:
            if lamp.get("node") == _SECOND_LIGHT:
                await self._commander.run(commands.light(_SECOND_LIGHT, on=on))
        await self._commander.run(commands.light(key, on=on), hold={"lights_report": wanted})


class BambuOptions:
    """Switchable habits of the firmware whose state it tells."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    @property
    def keys(self) -> tuple[str, ...]:
        """Keys as in `PrinterStatus.options`."""
        return tuple(key for key, _ in self._commander.status.options)

    async def set(self, key: str, on: bool) -> None:  # noqa: FBT001 - the value itself
        """Switch one."""
        if key not in commands.OPTIONS or key not in self.keys:
            raise Refused(f"it has no option {key}", key="not_supported")
        await self._commander.run(
            commands.option(key, on=on), effect=lambda status: (key, on) in status.options
        )


class BambuConsole:
    """Takes G-code. It is motion and heat without a net: for people, not for rules."""

    def __init__(self, commander: Commander) -> None:
        self._commander = commander

    async def send(self, gcode: str) -> None:
        """Run lines of G-code."""
        lines = [line.strip() for line in gcode.splitlines() if line.strip()]
        if not lines or len(gcode) > _CONSOLE_LIMIT:
            raise Refused("between one line and 4096 characters of G-code", key="out_of_range")
        command: dict[str, Any] = commands.gcode("\n".join(lines))
        await self._commander.run(command)
