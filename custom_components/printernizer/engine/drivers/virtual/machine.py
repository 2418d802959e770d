"""A printer made of rules and a clock: heats, prints, pauses, jams.

It is what the virtual printer shows, what the simulators of every protocol put a wire around,
and so the ground truth that tests hold the ledger against. It does nothing by itself: `tick`
carries it from the last moment to `now()`, in steps short enough that a fast clock skips no
phase. It knows no protocol.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ...errors import Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

ROOM_C: Final = 22.0
_STEP_S: Final = 0.5
"""Longest step of the simulation; temperatures and phases are settled once a step."""
_TOOL_RATE: Final = 6.0
_BED_RATE: Final = 1.2
_COOL_RATE: Final = 0.5
"""Degrees per second while heating and while cooling."""


class Phase(StrEnum):
    """What the machine is doing."""

    OFF = "off"
    """Rebooting or without power: it answers nobody."""
    IDLE = "idle"
    HEATING = "heating"
    """A job was accepted: heating up and levelling, nothing printed yet."""
    PRINTING = "printing"
    PAUSED = "paused"
    ATTENTION = "attention"
    """A job stands still because of a fault, until `acknowledge` or `cancel`."""
    FINISHED = "finished"
    FAILED = "failed"
    CANCELLED = "cancelled"
    HALTED = "halted"
    """Stopped in an emergency: it answers, and does nothing before `restart_firmware`."""


IN_JOB: Final = frozenset({Phase.HEATING, Phase.PRINTING, Phase.PAUSED, Phase.ATTENTION})
MOVING: Final = frozenset({Phase.HEATING, Phase.PRINTING})
"""Phases of a job in which the head and the filament belong to it."""


class Fault(StrEnum):
    """What can be made to go wrong."""

    JAM = "jam"
    RUNOUT = "runout"
    HEATER = "heater"
    """Thermal runaway: the job fails for good."""
    NETWORK = "network"
    """The line breaks; the machine prints on."""
    REFUSE = "refuse"
    """It says no to the next command."""
    REBOOT = "reboot"
    """Power cycle in the middle: a running job is gone, and nobody says how it ended."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PlateFacts:
    """What printing one plate takes: the truth that ledgers are measured against."""

    number: int = 1
    seconds: float = 600.0
    """Printing time at 100 per cent speed, without heating."""
    layers: int = 50
    layer_height_mm: float = 0.2
    mass_g: tuple[float, ...] = (10.0,)
    """Grams per tool or slot, in order of the slicer's filaments."""
    tool_c: float = 215.0
    bed_c: float = 60.0
    material: str = "PLA"
    objects: tuple[str, ...] = ()
    """Names of what lies on the plate, equal shares of its time and mass; empty where the slicer
    did not label it. An object is known by its place in here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class VirtualFile:
    """A file on the machine: its bytes and what they would print."""

    path: str
    """From the root of the storage, with a leading slash."""
    content: bytes = b""
    modified: float = 0.0
    """Unix time."""
    plates: tuple[PlateFacts, ...] = (PlateFacts(),)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]


@dataclass(slots=True)
class Heater:
    """A heater with its target; None where it has no heater."""

    actual_c: float = ROOM_C
    target_c: float = 0.0
    rate: float = _TOOL_RATE

    def tick(self, seconds: float) -> None:
        """Move towards the target, or towards room temperature."""
        goal = max(self.target_c, ROOM_C)
        reach = (self.rate if goal > self.actual_c else _COOL_RATE) * seconds
        self.actual_c += max(-reach, min(reach, goal - self.actual_c))

    @property
    def settled(self) -> bool:
        """Within two degrees of the target."""
        return abs(self.actual_c - max(self.target_c, ROOM_C)) < 2.0


@dataclass(slots=True)
class MachineSlot:
    """One spool place."""

    material: str | None = "PLA"
    colour: str = "#FFFFFF"
    name: str = "PLA Basic"
    remaining_g: float = 1000.0
    initial_g: float = 1000.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One print of the machine, as it truly went: the ground truth of a ledger."""

    id: int
    path: str
    plate: PlateFacts
    started: float
    """Machine clock, seconds."""
    ended: float | None = None
    outcome: Phase | None = None
    """FINISHED, FAILED or CANCELLED; None when a reboot swallowed the end."""
    progress: float = 0.0
    printed_s: float = 0.0
    feeds: tuple[int, ...] = ()
    """Which slot feeds each filament of the plate."""
    used_g: tuple[float, ...] = ()
    """What each filament of the plate has taken so far."""
    skipped: frozenset[int] = frozenset()
    """Objects that are left out from some moment on."""

    @property
    def share(self) -> float:
        """How much of the plate is still being printed: 1.0 without skipped objects."""
        objects = len(self.plate.objects)
        return (objects - len(self.skipped)) / objects if objects else 1.0


@dataclass(slots=True)
class VirtualMachine:
    """A printer made of rules and a clock.

    `now` gives seconds on the machine's own clock, monotonic; a fast demo hands in a fast clock.
    Every public method ticks first, so the machine is always up to date when asked. Commands
    raise Refused exactly where a real machine would.
    """

    now: Callable[[], float]
    serial: str = "VIRTUAL0001"
    model: str = "Virtual One"
    name: str = "Virtual printer"
    firmware: str = "1.0.0"
    tools: list[Heater] = field(default_factory=lambda: [Heater()])
    bed: Heater = field(default_factory=lambda: Heater(rate=_BED_RATE))
    chamber: Heater | None = None
    slots: list[MachineSlot] = field(default_factory=lambda: [MachineSlot()])
    loaded: int | None = 0
    """The slot whose filament is in the nozzle; None when it is empty."""
    position: dict[str, float] = field(default_factory=lambda: dict.fromkeys("xyz", 0.0))
    """Where the head is, millimetres, by axis."""
    travel_mm: dict[str, float] = field(
        default_factory=lambda: {"x": 250.0, "y": 210.0, "z": 220.0}
    )
    """How far each axis goes, from 0."""
    homed: set[str] = field(default_factory=set)
    moves_unhomed: bool = False
    """Whether it moves an axis whose origin it does not know, as Marlin does and Klipper not."""
    storage_bytes: int = 8_000_000_000
    phase: Phase = Phase.IDLE
    speed_percent: int = 100
    fan_percent: dict[str, int] = field(default_factory=lambda: {"part": 0})
    light: bool = True
    files: dict[str, VirtualFile] = field(default_factory=dict)
    active_tool: int = 0
    fault: Fault | None = None
    run: Run | None = None
    """The run under way, or the last one while its result still lies there."""
    history: list[Run] = field(default_factory=list)
    usage_s: float = 0.0
    gcode_log: deque[str] = field(default_factory=lambda: deque(maxlen=100))
    next_id: int = 1
    boot_s: float = 20.0
    """How long a reboot takes."""
    command_count: int = 0
    starts_seen: int = 0
    _last: float | None = None
    _off_until: float = 0.0
    _network_until: float = 0.0
    _refuse: str | None = None

    # -- what it is like now -----------------------------------------------------------------

    @property
    def reachable(self) -> bool:
        """Whether it answers on the network."""
        self.tick()
        return self.phase is not Phase.OFF and self.now() >= self._network_until

    @property
    def in_job(self) -> bool:
        """Whether a job is under way."""
        self.tick()
        return self.phase in IN_JOB

    @property
    def layer(self) -> int:
        """Layer being printed, from 1; 0 before the first."""
        if self.run is None or self.phase is Phase.HEATING or self.run.progress <= 0:
            return 0
        return min(self.run.plate.layers, int(self.run.progress * self.run.plate.layers) + 1)

    @property
    def remaining_s(self) -> float:
        """Seconds left at the present speed."""
        if self.run is None:
            return 0.0
        left = self.run.plate.seconds - self.run.printed_s
        return max(0.0, left * self.run.share * 100 / self.speed_percent)

    @property
    def used_bytes(self) -> int:
        """Bytes its files take."""
        return sum(len(item.content) for item in self.files.values())

    # -- time --------------------------------------------------------------------------------

    def tick(self) -> None:
        """Carry the machine forward to `now()`."""
        now = self.now()
        if self._last is None:
            self._last = now
        while self._last < now:
            step = min(_STEP_S, now - self._last)
            self._last = min(now, self._last + step)
            self._advance(step, self._last)

    def _advance(self, seconds: float, at: float) -> None:
        if self.phase is Phase.OFF:
            if at >= self._off_until:
                self.phase = Phase.IDLE
            return
        for heater in (*self.tools, self.bed, *((self.chamber,) if self.chamber else ())):
            heater.tick(seconds)
        if self.phase is Phase.HEATING and self.run is not None:
            if self.bed.settled and self.tools[self.active_tool].settled:
                self.phase = Phase.PRINTING
                self.fan_percent["part"] = 100
        elif self.phase is Phase.PRINTING and self.run is not None:
            self._print(seconds, at)

    def _print(self, seconds: float, at: float) -> None:
        assert self.run is not None
        run, plate = self.run, self.run.plate
        pace = self.speed_percent / 100 / run.share
        printed = min(plate.seconds, run.printed_s + seconds * pace)
        done = (printed / plate.seconds - run.progress) * run.share
        self.run = replace(
            run,
            printed_s=printed,
            progress=printed / plate.seconds,
            used_g=tuple(
                used + mass * done for used, mass in zip(run.used_g, plate.mass_g, strict=True)
            ),
        )
        self.usage_s += seconds
        for slot, mass in zip(run.feeds, plate.mass_g, strict=True):
            if slot < len(self.slots):
                self.slots[slot].remaining_g -= mass * done
        self.position["z"] = self.layer * plate.layer_height_mm
        if printed >= plate.seconds:
            self._end(Phase.FINISHED, at)

    def _end(self, phase: Phase, at: float) -> None:
        assert self.run is not None
        self.run = replace(self.run, ended=at, outcome=phase)
        self.history.append(self.run)
        self.phase = phase
        self._cool()

    def _cool(self) -> None:
        for heater in (*self.tools, self.bed):
            heater.target_c = 0.0
        for key in self.fan_percent:
            self.fan_percent[key] = 0

    # -- commands ----------------------------------------------------------------------------

    def _obey(self) -> None:
        """Begin a command: up to date, reachable, and not told to refuse."""
        self.tick()
        self.command_count += 1
        if self._refuse is not None:
            reason, self._refuse = self._refuse, None
            raise Refused(reason)
        if self.phase is Phase.HALTED:
            raise Refused("it was stopped and needs a firmware restart", key="wrong_state")

    def start(self, path: str, plate: int = 1, feeds: Sequence[int | None] = ()) -> int:
        """Begin to print a file; returns the id of the run. Raises Refused.

        feeds: which slot feeds each filament of the plate, None for one that it does not use;
        filament n comes from slot n where nothing is said.
        """
        self._obey()
        self.starts_seen += 1
        if self.phase in IN_JOB or self.phase is Phase.OFF:
            raise Refused("a job is already running", key="printer_busy")
        file = self.files.get(path)
        if file is None:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        facts = next((facts for facts in file.plates if facts.number == plate), None)
        if facts is None:
            raise Refused(f"{path} has no plate {plate}", key="file_missing", path=path)
        fed = self._fed(facts, feeds)
        self.run = Run(
            id=self.next_id,
            path=path,
            plate=facts,
            started=self.now(),
            feeds=fed,
            used_g=(0.0,) * len(fed),
        )
        self.next_id += 1
        self.homed = set(self.travel_mm)
        self.loaded = fed[0] if fed and fed[0] < len(self.slots) else self.loaded
        self.phase = Phase.HEATING
        self.fault = None
        self.tools[self.active_tool].target_c = facts.tool_c
        self.bed.target_c = facts.bed_c
        return self.run.id

    def _fed(self, plate: PlateFacts, feeds: Sequence[int | None]) -> tuple[int, ...]:
        """Return the slot of every filament. Raises Refused for one that holds none."""
        if not feeds:
            return tuple(range(len(plate.mass_g)))
        wanted = [*feeds, *(None,) * len(plate.mass_g)][: len(plate.mass_g)]
        for slot, mass in zip(wanted, plate.mass_g, strict=True):
            if slot is not None or mass > 0:
                self._filled(slot)
        return tuple(0 if slot is None else slot for slot in wanted)

    def _filled(self, slot: int | None) -> None:
        if slot is None or not 0 <= slot < len(self.slots) or self.slots[slot].material is None:
            raise Refused(f"there is no filament in slot {slot}", key="slot_empty")

    def skip(self, objects: Collection[int]) -> None:
        """Leave objects of the running job out, for good."""
        self._obey()
        if self.phase not in IN_JOB or self.run is None:
            raise Refused("there is no job", key="no_job")
        if not all(0 <= one < len(self.run.plate.objects) for one in objects):
            raise Refused("the job has no such object", key="object_missing")
        skipped = self.run.skipped | frozenset(objects)
        if len(skipped) == len(self.run.plate.objects):
            raise Refused("no object would be left", key="last_object")
        self.run = replace(self.run, skipped=skipped)

    def pause(self) -> None:
        """Hold the job."""
        self._obey()
        if self.phase not in {Phase.PRINTING, Phase.HEATING}:
            raise Refused("nothing is being printed", key="no_job")
        self.phase = Phase.PAUSED

    def resume(self) -> None:
        """Go on with a paused job."""
        self._obey()
        if self.phase is not Phase.PAUSED:
            raise Refused("no job is paused", key="wrong_state")
        self._go_on()

    def acknowledge(self) -> None:
        """Go on after a fault that a person has cleared."""
        self._obey()
        if self.phase is not Phase.ATTENTION:
            raise Refused("the printer asks nothing", key="wrong_state")
        self.fault = None
        self._go_on()

    def _go_on(self) -> None:
        assert self.run is not None
        self.tools[self.active_tool].target_c = self.run.plate.tool_c
        self.bed.target_c = self.run.plate.bed_c
        self.phase = Phase.PRINTING if self.run.progress > 0 else Phase.HEATING

    def cancel(self) -> None:
        """End the job for good."""
        self._obey()
        if self.phase not in IN_JOB:
            raise Refused("there is no job", key="no_job")
        self.fault = None
        self._end(Phase.CANCELLED, self.now())

    def dismiss(self) -> None:
        """Clear the result off the screen: back to idle."""
        self.tick()
        if self.phase in {Phase.FINISHED, Phase.FAILED, Phase.CANCELLED}:
            self.phase = Phase.IDLE
            self.run = None
            self.fault = None

    # -- by hand -----------------------------------------------------------------------------

    def home(self, axes: Collection[str] = ()) -> None:
        """Find the origin of these axes, of all without any."""
        self._obey()
        self._free(IN_JOB)
        wanted = set(axes or self.travel_mm)
        if unknown := wanted - set(self.travel_mm):
            raise Refused(f"it has no axis {', '.join(sorted(unknown))}", key="out_of_range")
        for axis in wanted:
            self.position[axis] = 0.0
        self.homed |= wanted

    def move(self, distances: Mapping[str, float]) -> None:
        """Move the head by millimetres, by axis, within its travel."""
        self._obey()
        self._free(IN_JOB)
        for axis, distance in distances.items():
            if axis not in self.travel_mm:
                raise Refused(f"it has no axis {axis}", key="out_of_range")
            if axis not in self.homed and not self.moves_unhomed:
                raise Refused(f"axis {axis} must be homed first", key="wrong_state")
            goal = self.position[axis] + distance
            if axis in self.homed and not 0 <= goal <= self.travel_mm[axis]:
                raise Refused(f"{goal:g} mm is beyond axis {axis}", key="out_of_range")
        for axis, distance in distances.items():
            self.position[axis] += distance

    def load(self, slot: int = 0) -> None:
        """Bring the filament of a slot to the nozzle."""
        self._obey()
        self._free(MOVING)
        self._filled(slot)
        self.loaded = slot

    def unload(self) -> None:
        """Take the filament out of the nozzle."""
        self._obey()
        self._free(MOVING)
        self.loaded = None

    def _free(self, busy: frozenset[Phase]) -> None:
        if self.phase in busy:
            raise Refused("a job is under way", key="printer_busy")

    def emergency_stop(self) -> None:
        """Stop everything at once, heaters too. A running job has failed."""
        self.tick()
        self.command_count += 1
        if self.phase in IN_JOB:
            self._end(Phase.FAILED, self.now())
        self._cool()
        self.homed.clear()
        if self.phase is not Phase.OFF:
            self.phase = Phase.HALTED

    def restart_firmware(self) -> None:
        """Begin afresh: the way out of an emergency stop. Raises Refused during a job."""
        self.tick()
        self.command_count += 1
        self._free(IN_JOB)
        self._cool()
        self.homed.clear()
        self.run = None
        self.fault = None
        self.phase = Phase.IDLE

    def set_tool_target(self, index: int, celsius: float) -> None:
        """Heat or cool a tool."""
        self._obey()
        if not 0 <= index < len(self.tools):
            raise Refused(f"no tool {index}", key="out_of_range")
        self.tools[index].target_c = celsius

    def set_bed_target(self, celsius: float) -> None:
        """Heat or cool the bed."""
        self._obey()
        self.bed.target_c = celsius

    def set_chamber_target(self, celsius: float) -> None:
        """Heat or cool the chamber."""
        self._obey()
        if self.chamber is None:
            raise Refused("it has no chamber heater", key="not_supported")
        self.chamber.target_c = celsius

    def set_fan(self, key: str, percent: int) -> None:
        """Set a fan."""
        self._obey()
        if key not in self.fan_percent:
            raise Refused(f"no fan {key}", key="not_supported")
        self.fan_percent[key] = percent

    def set_speed(self, percent: int) -> None:
        """Set the feed rate factor, 10 to 500 per cent."""
        self._obey()
        self.speed_percent = percent

    def set_light(self, *, on: bool) -> None:
        """Switch the lamp."""
        self._obey()
        self.light = on

    def gcode(self, line: str) -> None:
        """Take a line of G-code: remembered, not understood."""
        self._obey()
        self.gcode_log.append(line)

    def store(self, file: VirtualFile) -> None:
        """Put a file on the storage, in place of one of that name.

        Raises Refused: "storage_full", or "printer_busy" when the old one is being printed.
        """
        self.tick()
        self.check_room(file.path, len(file.content))
        self.files[file.path] = file

    def check_room(self, path: str, size: int) -> None:
        """Refuse a file of so many bytes as `store` would."""
        self._at_rest(path)
        old = self.files.get(path)
        used = self.used_bytes - (len(old.content) if old else 0)
        if used + size > self.storage_bytes:
            raise Refused("the storage is full", key="storage_full")

    def rename(self, path: str, to: str) -> None:
        """Give a file another path. Raises Refused when missing or being printed."""
        file = self.files.get(path)
        self.remove(path)
        assert file is not None
        self.files[to] = replace(file, path=to)

    def remove(self, path: str) -> None:
        """Delete a file. Raises Refused when missing or being printed."""
        self.tick()
        if path not in self.files:
            raise Refused(f"no file {path}", key="file_missing", path=path)
        self._at_rest(path)
        del self.files[path]

    def _at_rest(self, path: str) -> None:
        if self.phase in IN_JOB and self.run is not None and self.run.path == path:
            raise Refused("it is being printed", key="printer_busy")

    # -- faults ------------------------------------------------------------------------------

    def inject(self, fault: Fault, *, seconds: float = 30.0) -> None:
        """Make something go wrong. `seconds` is how long a network loss lasts."""
        self.tick()
        match fault:
            case Fault.JAM | Fault.RUNOUT if self.phase in IN_JOB:
                self.fault = fault
                self.phase = Phase.ATTENTION
            case Fault.HEATER:
                self.fault = fault
                if self.phase in IN_JOB:
                    self._end(Phase.FAILED, self.now())
            case Fault.NETWORK:
                self._network_until = self.now() + seconds
            case Fault.REFUSE:
                self._refuse = "the printer refuses"
            case Fault.REBOOT:
                self._reboot()
            case _:
                raise Refused("there is no job", key="no_job")

    def _reboot(self) -> None:
        if self.phase in IN_JOB and self.run is not None:
            self.history.append(replace(self.run, ended=self.now(), outcome=None))
        self.run = None
        self.fault = None
        self._cool()
        self.homed.clear()
        self.phase = Phase.OFF
        self._off_until = self.now() + self.boot_s
