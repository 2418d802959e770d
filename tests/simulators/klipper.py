"""Klipper around one virtual machine: its objects, its G-code, its moods. No wire, no waiting.

    klipper = Klipper(machine)
    klipper.query({"print_stats": None})     # {"eventtime": …, "status": {…}}
    script = klipper.run("G28")              # raises CommandError; `script.done` when it is over

The Moonraker simulator and the Klippy stand-in for the real Moonraker both speak through it.
Written from the protocol sheet and from recorded sessions; it shares no code with the driver.
Time is the machine's own.
"""

from __future__ import annotations

import re
import shlex
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.machine import (
    IN_JOB,
    ROOM_C,
    Fault,
    Phase,
)
from custom_components.printernizer.engine.errors import Refused

from .klipper_objects import describe

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from custom_components.printernizer.engine.drivers.virtual.machine import (
        Heater,
        VirtualFile,
        VirtualMachine,
    )

type Json = dict[str, object]

READY_TEXT: Final = "Printer is ready"
STARTUP_TEXT: Final = "Printer is not ready\nThe klippy host software is attempting to connect."
_RESTART_HINT: Final = (
    "\nOnce the underlying issue is corrected, use the\n"
    '"FIRMWARE_RESTART" command to reset the firmware, reload the\n'
    "config, and restart the host software.\nPrinter is shutdown\n"
)
STOPPED_TEXT: Final = "Shutdown due to webhooks request" + _RESTART_HINT
HEATER_TEXT: Final = "Heater extruder not heating at expected rate" + _RESTART_HINT
AXES: Final = "xyz"
MAX_TOOL_C: Final = 300.0
MAX_BED_C: Final = 120.0
MAX_CHAMBER_C: Final = 70.0


class CommandError(Exception):
    """G-code that Klipper would not run, in its words."""


@dataclass(frozen=True, slots=True)
class Script:
    """Lines that were taken; the caller is answered when they are over."""

    _over: tuple[Callable[[], bool], ...] = ()

    @property
    def done(self) -> bool:
        """Whether the last line has come to its end."""
        return all(over() for over in self._over)


@dataclass(slots=True)
class Macro:
    """A `[gcode_macro]` of the configuration."""

    description: str = "G-Code macro"
    seconds: float = 0.0
    """How long it holds the queue."""
    variables: Json = field(default_factory=dict)
    error: str | None = None
    """What it stumbles over."""


@dataclass(slots=True)
class Outlook:
    """What of a machine Klipper shows; a test takes pieces away."""

    without: set[str] = field(default_factory=set)
    """Objects that this configuration does not have."""
    layers: bool = True
    """The slicer calls SET_PRINT_STATS_INFO."""
    slicer_progress: bool = True
    """The file has M73 lines."""
    broken_sensor: bool = False
    """The extruder's temperature reads null (forks)."""
    kinematics: str = "corexy"


def usual_macros() -> dict[str, Macro]:
    """Return what most configurations have."""
    return {
        "START_PRINT": Macro("Heat up and prime"),
        "LOAD_FILAMENT": Macro("Load filament", seconds=4.0),
        "UNLOAD_FILAMENT": Macro("Unload filament", seconds=4.0),
        "NOZZLE_WIPE": Macro("Clean the nozzle", seconds=1.0),
        "_HIDDEN": Macro("Not for people"),
    }


class Klipper:
    """One Klipper host process with its microcontroller."""

    def __init__(
        self,
        machine: VirtualMachine,
        *,
        gcodes: str = "/home/maker/printer_data/gcodes",
        macros: dict[str, Macro] | None = None,
        find: Callable[[str], VirtualFile | None] | None = None,
    ) -> None:
        """find: file by its path below the gcodes folder; by default one of the machine's."""
        self.machine = machine
        self.gcodes = gcodes
        self.macros = usual_macros() if macros is None else macros
        self.outlook = Outlook()
        self.restart_s = 3.0
        """From a restart to ready; a third of it without any answer."""
        self.home_s = 5.0
        self.responses: deque[str] = deque(maxlen=200)
        """Console lines nobody has fetched yet."""
        self.listeners: list[Callable[[str], None]] = []
        self.flow_percent = 100
        self.message: str | None = None
        """M117."""
        self.sensor_enabled = True
        self.led = [0.0, 0.0, 0.0, 0.0]
        self.clock_offset = 1000.0
        self.idle_paused = False
        """PAUSE without a job is taken, too."""
        self.pins: dict[str, float] = {}
        self._find = find or (lambda path: machine.files.get(f"/{path}"))
        self._state = "ready"
        self._text = READY_TEXT
        self._since: float | None = None
        """When the last restart began; None for a process that stays away."""
        self._halted_word: str | None = None
        self.print_error = ""
        self._relative = False
        self._saved: dict[str, bool] = {}
        self._was_off = False
        self._busy_until = 0.0

    # -- moods -------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """ready, startup, error, shutdown, or disconnected."""
        self._catch_up()
        return self._state

    @property
    def state_message(self) -> str:
        """Why, over several lines."""
        self._catch_up()
        return self._text

    @property
    def running_script(self) -> bool:
        """Whether G-code holds the queue: what `idle_timeout` calls printing."""
        return self.machine.now() < self._busy_until

    def _catch_up(self) -> None:
        machine = self.machine
        machine.tick()
        if machine.phase is Phase.OFF:
            self._was_off = True
        elif self._was_off:
            self._was_off = False
            self._forget()
            self._state, self._since = "startup", machine.now() - self.restart_s / 3
        if self._state in {"disconnected", "startup"} and self._since is not None:
            gone = machine.now() - self._since
            self._enter("disconnected" if gone < self.restart_s / 3 else "startup", STARTUP_TEXT)
            if gone >= self.restart_s:
                self._enter("ready", READY_TEXT)
        halted = machine.phase is Phase.HALTED or machine.fault is Fault.HEATER
        if self._state == "ready" and halted:
            self._halt("printing" if machine.run else "standby", HEATER_TEXT)
        elif self._state == "shutdown" and not halted:
            # Somebody at the machine itself has cleared it.
            self._halted_word = None
            self._enter("disconnected", STARTUP_TEXT)
            self._since = machine.now()
        if machine.phase in IN_JOB:
            self.idle_paused = False

    def _enter(self, state: str, text: str) -> None:
        self._state, self._text = state, text

    def shut_down(self, text: str = STOPPED_TEXT) -> None:
        """Stop at once, heaters off. `print_stats` goes on saying what it said."""
        word = self.print_state
        self.machine.emergency_stop()
        self._halt(word, text)

    def _halt(self, word: str, text: str) -> None:
        self._halted_word = word
        self._enter("shutdown", text)
        self.respond("// Klipper state: Shutdown")

    def fail_to_start(self, text: str) -> None:
        """Have a configuration that Klipper cannot read: it stays in `error`."""
        self._forget()
        self._enter("error", text)

    def disconnect(self) -> None:
        """Let the process die and not come back until `restart`."""
        self._forget()
        self._state, self._since = "disconnected", None

    def restart(self) -> None:
        """Begin anew: whatever was being printed is gone."""
        self.respond("// Klipper state: Disconnect")
        self._forget()
        self._enter("disconnected", STARTUP_TEXT)
        self._since = self.machine.now()

    def _forget(self) -> None:
        machine = self.machine
        if machine.phase in IN_JOB and machine.run is not None:
            machine.history.append(replace(machine.run, ended=machine.now(), outcome=None))
            machine.phase = Phase.FAILED
        if machine.phase is not Phase.OFF:
            machine.restart_firmware()
        machine.position.update(dict.fromkeys(AXES, 0.0))
        self._halted_word = None
        self.print_error = ""
        self.message = None
        self.idle_paused = False
        self._relative = False
        self.flow_percent = 100
        self._busy_until = 0.0

    def _cool(self) -> None:
        chamber = (self.machine.chamber,) if self.machine.chamber else ()
        for heater in (*self.machine.tools, self.machine.bed, *chamber):
            heater.target_c = 0.0
        for fan in self.machine.fan_percent:
            self.machine.fan_percent[fan] = 0

    def break_gcode(self, text: str) -> None:
        """Let the running file end in a G-code error."""
        self.print_error = text
        self.machine.inject(Fault.HEATER)
        self.machine.fault = None
        self.respond(f"!! {text}")

    # -- questions ---------------------------------------------------------------------------

    @property
    def print_state(self) -> str:
        """The word of `print_stats`."""
        if self._halted_word is not None:
            return self._halted_word
        return {
            Phase.HEATING: "printing",
            Phase.PRINTING: "printing",
            Phase.PAUSED: "paused",
            Phase.ATTENTION: "paused",
            Phase.FINISHED: "complete",
            Phase.CANCELLED: "cancelled",
            Phase.FAILED: "error",
            Phase.HALTED: "printing" if self.machine.run else "standby",
        }.get(self.machine.phase, "standby")

    def info(self) -> Json:
        """Answer `info`."""
        return {
            "state": self.state,
            "state_message": self.state_message,
            "hostname": "klipperhost",
            "klipper_path": "/home/maker/klipper",
            "python_path": "/home/maker/klippy-env/bin/python",
            "process_id": 4711,
            "user_id": 1000,
            "group_id": 1000,
            "log_file": "/home/maker/printer_data/logs/klippy.log",
            "config_file": "/home/maker/printer_data/config/printer.cfg",
            "software_version": self.machine.firmware,
            "cpu_info": "4 core ARMv7",
        }

    def objects_list(self) -> list[str]:
        """Answer `objects/list`."""
        return list(self._objects())

    def query(self, wanted: Mapping[str, list[str] | None]) -> Json:
        """Answer `objects/query`: an object that is not there is an empty one."""
        there = self._objects()
        status: Json = {}
        for name, fields in wanted.items():
            values = there.get(name, {})
            status[name] = (
                dict(values)
                if fields is None
                else {key: values[key] for key in fields if key in values}
            )
        return {"eventtime": self.eventtime, "status": status}

    @property
    def eventtime(self) -> float:
        """Seconds since the host was switched on."""
        return self.machine.now() + self.clock_offset

    def _objects(self) -> dict[str, Json]:
        self._catch_up()
        found = describe(self)
        return {name: found[name] for name in found if name not in self.outlook.without}

    def gcode_help(self) -> dict[str, str]:
        """Answer `gcode/help`."""
        return {"G28": "Home", "RESTART": "Reload config file and restart host software"} | {
            name: macro.description for name, macro in self.macros.items()
        }

    def endstops(self) -> dict[str, str]:
        """Answer `query_endstops/status`."""
        return dict.fromkeys(AXES, "open")

    def objects_of_job(self) -> list[str]:
        """Names the running file gave its objects, as Klipper spells them."""
        run = self.machine.run
        if run is None or self.machine.phase not in IN_JOB:
            return []
        return [name.upper() for name in run.plate.objects]

    @property
    def homed(self) -> str:
        """Axes whose origin is known."""
        return "".join(axis for axis in AXES if axis in self.machine.homed)

    # -- G-code ------------------------------------------------------------------------------

    def respond(self, line: str) -> None:
        """Write a line on the console."""
        self.responses.append(line)
        for listener in self.listeners:
            listener(line)

    def emergency_stop(self) -> None:
        """Answer `emergency_stop`: past every queue."""
        self.shut_down()

    def run(self, script: str) -> Script:
        """Run lines of G-code. Raises CommandError; lines before the bad one were run."""
        if self.state != "ready":
            # These two work in every mood.
            if script.strip().upper() in {"FIRMWARE_RESTART", "RESTART"}:
                return Script(self._line(script))
            self.respond(f"!! {self._text.splitlines()[0]}")
            raise CommandError(self._text)
        over: list[Callable[[], bool]] = []
        for line in script.splitlines():
            code = line.split(";")[0].strip()
            if not code:
                continue
            try:
                over += self._line(code)
            except Refused as refusal:
                self.respond(f"!! {refusal.reason}")
                raise CommandError(refusal.reason) from refusal
            except CommandError as err:
                self.respond(f"!! {err}")
                raise
        return Script(tuple(over))

    def _line(self, code: str) -> tuple[Callable[[], bool], ...]:
        word, values = _parse(code)
        self.machine.gcode_log.append(code)
        if (macro := self.macros.get(word)) is not None:
            if macro.error is not None:
                raise CommandError(macro.error)
            if word in {"LOAD_FILAMENT", "UNLOAD_FILAMENT"}:
                (self.machine.load if word == "LOAD_FILAMENT" else self.machine.unload)()
            return (self._hold(macro.seconds),)
        handler = _COMMANDS.get(word)
        if handler is None:
            self.respond(f'// Unknown command:"{word}"')
            return ()
        over = handler(self, values)
        return () if over is None else (over,)

    def _hold(self, seconds: float) -> Callable[[], bool]:
        until = self.machine.now() + seconds
        self._busy_until = max(self._busy_until, until)
        return lambda: self.machine.now() >= until or self._state != "ready"

    # Jobs

    def _print_file(self, values: Json) -> None:
        machine = self.machine
        name = str(values.get("FILENAME", "")).lstrip("/")
        if machine.phase in {Phase.HEATING, Phase.PRINTING}:
            raise CommandError("SD busy")
        file = self._find(name)
        if file is None:
            raise CommandError("Unable to open file")
        if machine.phase in IN_JOB:
            # A paused file is simply replaced: the reason why a start needs a fresh look first.
            machine.cancel()
        machine.files.setdefault(f"/{name}", replace(file, path=f"/{name}"))
        self.print_error = ""
        machine.start(f"/{name}")
        self.respond(f"File opened:{name} Size:{len(file.content)}")
        self.respond("File selected")

    def _pause(self, _values: Json) -> None:
        if self.print_state == "paused" or self.idle_paused:
            self.respond("// Print already paused")
        elif self.machine.phase in IN_JOB:
            self.machine.pause()
        else:
            self.idle_paused = True
            self.respond("// action:paused")

    def _resume(self, _values: Json) -> None:
        if self.machine.phase is Phase.ATTENTION:
            self.machine.acknowledge()
        elif self.machine.phase is Phase.PAUSED:
            self.machine.resume()
        elif self.idle_paused:
            self.idle_paused = False
        else:
            self.respond("// Print is not paused, resume aborted")

    def _cancel(self, _values: Json) -> None:
        self.idle_paused = False
        if self.machine.phase in IN_JOB:
            self.machine.cancel()
        else:
            self.respond("// action:cancel")

    def _reset_file(self, _values: Json) -> None:
        if self.machine.phase in IN_JOB:
            raise CommandError("SD busy")
        self.print_error = ""
        self.machine.dismiss()

    def _exclude(self, values: Json) -> None:
        name = str(values.get("NAME", "")).upper()
        there = self.objects_of_job()
        if name in there and len(there) - len(self.excluded) > 1:
            self.machine.skip([there.index(name)])

    @property
    def excluded(self) -> list[str]:
        """Names of the objects that are left out."""
        run, there = self.machine.run, self.objects_of_job()
        return [there[index] for index in sorted(run.skipped)] if run and there else []

    # Heat and air

    def _heat(self, heater: Heater, values: Json, top: float, key: str) -> Callable[[], bool]:
        celsius = _number(values, key)
        if not 0 <= celsius <= top:
            raise CommandError(f"Requested temperature ({celsius}) out of range (0.0:{top})")
        if heater is self.machine.bed:
            self.machine.set_bed_target(celsius)
        elif heater is self.machine.chamber:
            self.machine.set_chamber_target(celsius)
        else:
            self.machine.set_tool_target(self.machine.tools.index(heater), celsius)

        def over() -> bool:
            self.machine.tick()
            return heater.settled or celsius <= ROOM_C or self._state != "ready"

        return over

    def _heat_tool(self, values: Json) -> None:
        self._wait_for_tool(values)

    def _wait_for_tool(self, values: Json) -> Callable[[], bool]:
        index = int(_number(values, "T", self.machine.active_tool))
        if not 0 <= index < len(self.machine.tools):
            raise CommandError("Extruder not configured")
        return self._heat(self.machine.tools[index], values, MAX_TOOL_C, "S")

    def _heat_bed(self, values: Json) -> None:
        self._wait_for_bed(values)

    def _wait_for_bed(self, values: Json) -> Callable[[], bool]:
        return self._heat(self.machine.bed, values, MAX_BED_C, "S")

    def _set_heater(self, values: Json) -> None:
        name = str(values.get("HEATER", ""))
        tools = {f"extruder{index or ''}": tool for index, tool in enumerate(self.machine.tools)}
        if name in tools:
            self._heat(tools[name], values, MAX_TOOL_C, "TARGET")
        elif name == "heater_bed":
            self._heat(self.machine.bed, values, MAX_BED_C, "TARGET")
        elif name == "chamber" and self.machine.chamber is not None:
            self._heat(self.machine.chamber, values, MAX_CHAMBER_C, "TARGET")
        else:
            raise CommandError(f"The value '{name}' is not valid for HEATER")

    def _heaters_off(self, _values: Json) -> None:
        self._cool()

    def _part_fan(self, values: Json) -> None:
        self.machine.set_fan("part", round(_number(values, "S", 255.0) / 255 * 100))

    def _part_fan_off(self, _values: Json) -> None:
        self.machine.set_fan("part", 0)

    def _fan_speed(self, values: Json) -> None:
        name = str(values.get("FAN", ""))
        if name not in self.machine.fan_percent:
            raise CommandError(f"The value '{name}' is not valid for FAN")
        self.machine.set_fan(name, round(_number(values, "SPEED") * 100))

    def _speed_factor(self, values: Json) -> None:
        self.machine.set_speed(round(_number(values, "S", 100.0)))

    def _extrude_factor(self, values: Json) -> None:
        self.flow_percent = round(_number(values, "S", 100.0))

    def _set_pin(self, values: Json) -> None:
        name = str(values.get("PIN", ""))
        if name != "caselight":
            raise CommandError(f"The value '{name}' is not valid for PIN")
        self.machine.set_light(on=_number(values, "VALUE") > 0)

    def _set_led(self, values: Json) -> None:
        name = str(values.get("LED", ""))
        if name != "bedlight":
            raise CommandError(f"The value '{name}' is not valid for LED")
        self.led = [_number(values, part, 0.0) for part in ("RED", "GREEN", "BLUE", "WHITE")]

    # Motion

    def _home(self, values: Json) -> Callable[[], bool]:
        self.machine.home([axis for axis in AXES if axis.upper() in values])
        return self._hold(self.home_s)

    def _move(self, values: Json) -> None:
        here = self.machine.position
        goal = dict(here)
        for axis in AXES:
            if axis.upper() in values:
                by = _number(values, axis.upper())
                goal[axis] = goal[axis] + by if self._relative else by
        shown = " ".join(f"{value:.3f}" for value in goal.values()) + " [0.000]"
        moved = {axis: goal[axis] - here[axis] for axis in AXES if goal[axis] != here[axis]}
        for axis in moved:
            if axis not in self.machine.homed:
                raise CommandError(f"Must home axis first: {shown}")
            if not 0 <= goal[axis] <= self.machine.travel_mm[axis]:
                raise CommandError(f"Move out of range: {shown}")
        self.machine.move(moved)

    def _absolute(self, _values: Json) -> None:
        self._relative = False

    def _go_relative(self, _values: Json) -> None:
        self._relative = True

    def _save_state(self, values: Json) -> None:
        self._saved[str(values.get("NAME", "default"))] = self._relative

    def _restore_state(self, values: Json) -> None:
        name = str(values.get("NAME", "default"))
        if name not in self._saved:
            raise CommandError(f"Unknown g-code state: {name}")
        self._relative = self._saved[name]

    @property
    def relative(self) -> bool:
        """Whether moves are relative now."""
        return self._relative

    def _dwell(self, values: Json) -> Callable[[], bool]:
        return self._hold(_number(values, "P", 0.0) / 1000)

    def _show(self, values: Json) -> None:
        self.message = str(values.get("", "")) or None

    def _stop(self, _values: Json) -> None:
        self.shut_down("Shutdown due to M112 command" + _RESTART_HINT)

    def _restart(self, _values: Json) -> None:
        self.restart()

    def _firmware(self, _values: Json) -> None:
        self.respond(f"FIRMWARE_VERSION:{self.machine.firmware} FIRMWARE_NAME:Klipper")


_COMMANDS: Final[Mapping[str, Callable[[Klipper, Json], Callable[[], bool] | None]]] = {
    "SDCARD_PRINT_FILE": Klipper._print_file,
    "SDCARD_RESET_FILE": Klipper._reset_file,
    "PAUSE": Klipper._pause,
    "RESUME": Klipper._resume,
    "CANCEL_PRINT": Klipper._cancel,
    "EXCLUDE_OBJECT": Klipper._exclude,
    "M104": Klipper._heat_tool,
    "M109": Klipper._wait_for_tool,
    "M140": Klipper._heat_bed,
    "M190": Klipper._wait_for_bed,
    "SET_HEATER_TEMPERATURE": Klipper._set_heater,
    "TURN_OFF_HEATERS": Klipper._heaters_off,
    "M106": Klipper._part_fan,
    "M107": Klipper._part_fan_off,
    "SET_FAN_SPEED": Klipper._fan_speed,
    "M220": Klipper._speed_factor,
    "M221": Klipper._extrude_factor,
    "SET_PIN": Klipper._set_pin,
    "SET_LED": Klipper._set_led,
    "G28": Klipper._home,
    "G0": Klipper._move,
    "G1": Klipper._move,
    "G90": Klipper._absolute,
    "G91": Klipper._go_relative,
    "SAVE_GCODE_STATE": Klipper._save_state,
    "RESTORE_GCODE_STATE": Klipper._restore_state,
    "G4": Klipper._dwell,
    "M117": Klipper._show,
    "M112": Klipper._stop,
    "RESTART": Klipper._restart,
    "FIRMWARE_RESTART": Klipper._restart,
    "M115": Klipper._firmware,
}


def _parse(code: str) -> tuple[str, Json]:
    """Split a line into its word and its values: `G1 X5`, `SET_PIN PIN=a VALUE=1`, `M117 hello`."""
    word, _, rest = code.partition(" ")
    word = word.upper()
    if word == "M117":
        return word, {"": rest}
    if re.fullmatch(r"[A-Z]\d+", word):
        return word, {part[0].upper(): part[1:] for part in rest.split()}
    try:
        parts = shlex.split(rest)
    except ValueError as err:
        raise CommandError(f"Malformed command '{code}'") from err
    values: Json = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise CommandError(f"Malformed command '{code}'")
        values[key.upper()] = value
    return word, values


def _number(values: Json, key: str, otherwise: float | None = None) -> float:
    value = values.get(key)
    if value in {None, ""}:
        if otherwise is None:
            raise CommandError(f"Error on command: missing {key}")
        return float(otherwise)
    try:
        return float(str(value))
    except ValueError as err:
        raise CommandError(f"Error on command: unable to parse {value}") from err
