"""One printer at one moment, in the words all drivers share.

What a printer does not say is `None`, never 0 or "". Temperatures are degrees Celsius, shares
are 0.0 to 1.0, times are `timedelta`. Values are frozen: two equal statuses mean that nothing
worth telling has changed, and Home Assistant is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import timedelta


class PrinterState(StrEnum):
    """The unified state of a printer."""

    OFFLINE = "offline"
    """Its server answers, and says that the machine behind it does not."""
    IDLE = "idle"
    PREPARING = "preparing"
    """A job was accepted: heating, levelling, loading. Nothing of the part is printed yet."""
    PRINTING = "printing"
    PAUSED = "paused"
    FINISHED = "finished"
    """The last job ended well and its result still lies there, until dismissed or reprinted."""
    FAILED = "failed"
    CANCELLED = "cancelled"
    BUSY = "busy"
    """Occupied by something that is not a job: calibration, menu, update, self-test."""
    ATTENTION = "attention"
    """A job stands still until a person does something."""
    UNKNOWN = "unknown"
    """A word of the printer that we do not know yet. Never a guess."""


ACTIVE: Final = frozenset(
    {
        PrinterState.PREPARING,
        PrinterState.PRINTING,
        PrinterState.PAUSED,
        PrinterState.ATTENTION,
    }
)
"""States in which a job is under way."""

READY: Final = frozenset(
    {
        PrinterState.IDLE,
        PrinterState.FINISHED,
        PrinterState.FAILED,
        PrinterState.CANCELLED,
    }
)
"""States in which a printer may be sent a start."""


class Severity(StrEnum):
    """How bad a problem is."""

    FATAL = "fatal"
    SERIOUS = "serious"
    COMMON = "common"
    INFO = "info"


@dataclass(frozen=True, kw_only=True, slots=True)
class PrinterIdentity:
    """Who a printer is. Learnt at connect; does not change while a line is up."""

    serial: str
    """Unique and stable; the unique id of everything in Home Assistant."""
    maker: str
    model: str | None = None
    name: str | None = None
    """The name the owner gave it on its own screen."""
    firmware: str | None = None
    hardware: str | None = None
    address: str | None = None
    """Host name or address it was reached at."""
    url: str | None = None
    """Its own web page, where it has one."""
    fingerprint: str | None = None
    """SHA-256 of its TLS certificate, lower-case hex. None on plain lines."""
    login: str | None = None
    """The way of logging in that it accepted, where it has several: to be asked for again, so
    that nobody else at its address can ask for a weaker one."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Temperature:
    """A heated thing. `target_c` 0.0 means switched off; None means it has no target."""

    actual_c: float | None = None
    target_c: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """One nozzle with its heater, numbered from 0 as the printer's own T commands do."""

    index: int
    temperature: Temperature = Temperature()
    nozzle_diameter_mm: float | None = None
    nozzle_type: str | None = None
    material: str | None = None
    """What is loaded, as far as the printer itself knows (PrusaLink), e.g. "PETG"."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fan:
    """A fan. Printers say percent or revolutions, seldom both."""

    key: str
    """part, hotend, auxiliary, chamber, auxiliary_2, heatbreak."""
    percent: int | None = None
    rpm: int | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """A place for one spool: a slot of a feeder, or the external holder."""

    key: str
    """Stable within the printer: "0_1" (unit, slot), "external", "external_2"."""
    unit: str | None
    """Key of the feeder it belongs to; None for an external holder."""
    index: int
    """From 0, within its unit."""
    empty: bool | None = None
    material: str | None = None
    name: str | None = None
    """Trade name, e.g. "PLA Basic"."""
    colour: str | None = None
    """#RRGGBB or #RRGGBBAA, upper case."""
    remaining: float | None = None
    """Share of the spool left, 0.0 to 1.0."""
    active: bool = False
    """Feeding a tool right now."""
    spool_tag: str | None = None
    """Identity of the spool from its RFID tag."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feeder:
    """A unit that holds several spools (an AMS, an MMU)."""

    key: str
    """Stable within the printer: "0", "1", "128"."""
    model: str | None = None
    serial: str | None = None
    firmware: str | None = None
    humidity_percent: int | None = None
    humidity_level: int | None = None
    """1 (wet) to 5 (dry)."""
    temperature_c: float | None = None
    drying_left: timedelta | None = None
    """Zero when not drying; None when the unit cannot dry."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Problem:
    """Something the printer complains about, with its code kept visible."""

    code: str
    """As the maker prints it: "HMS_0300_0100_0001_0007", "0300_400C", "ATTENTION"."""
    text: str | None = None
    severity: Severity = Severity.SERIOUS


@dataclass(frozen=True, kw_only=True, slots=True)
class CurrentJob:
    """The job a printer speaks of now: under way, or ended and not yet dismissed."""

    id: str | None = None
    """The printer's own id of this run, where it has one that is never reused. None where it
    reports "0" or the like: such a job is known by its file."""
    name: str | None = None
    path: str | None = None
    """Where its file lies on the printer, as the printer says it."""
    plate: int | None = None
    """From 1, in a file of several plates."""
    progress: float | None = None
    """Share done, 0.0 to 1.0."""
    layer: int | None = None
    layers: int | None = None
    remaining: timedelta | None = None
    elapsed: timedelta | None = None
    """Time printed so far, by the printer's own clock."""
    origin: str | None = None
    """"cloud" or "local", where the printer says so."""
    filament_mm: float | None = None
    """Filament fed into this job so far, as the firmware itself measured it (Klipper)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Transfer:
    """A file on its way to the printer, as the printer sees it."""

    name: str | None = None
    progress: float | None = None
    """Share done, 0.0 to 1.0."""


@dataclass(frozen=True, kw_only=True, slots=True)
class PrinterStatus:
    """One printer at one moment. Every driver fills all of it, or says None."""

    state: PrinterState
    stage: str | None = None
    """What exactly it is doing, as a key of `STAGES` or "stage_<n>" for one we do not know."""
    job: CurrentJob | None = None
    tools: tuple[Tool, ...] = ()
    active_tool: int | None = None
    bed: Temperature | None = None
    chamber: Temperature | None = None
    fans: tuple[Fan, ...] = ()
    speed_percent: int | None = None
    flow_percent: int | None = None
    speed_profile: str | None = None
    """Key of a named speed: silent, standard, sport, ludicrous."""
    feeders: tuple[Feeder, ...] = ()
    slots: tuple[Slot, ...] = ()
    problems: tuple[Problem, ...] = ()
    lights: tuple[tuple[str, bool], ...] = ()
    """(key, on) of every lamp it reports."""
    options: tuple[tuple[str, bool], ...] = ()
    """(key, on) of every switchable option it reports."""
    outlets: tuple[tuple[str, bool], ...] = ()
    """(name, on) of every socket that its host can switch."""
    queued: int | None = None
    """Jobs that wait in a queue of the printer's own (Moonraker)."""
    door_open: bool | None = None
    filament_present: bool | None = None
    """What the filament sensor says. None where there is none."""
    wifi_dbm: int | None = None
    storage_present: bool | None = None
    usage: timedelta | None = None
    """Hours the machine has printed in its life."""
    transfer: Transfer | None = None
    firmware: str | None = None
    new_firmware: str | None = None
    """A version the printer says is ready to be installed."""
    z_mm: float | None = None
    read_only: bool = False
    """It reports but takes no commands (Bambu without Developer Mode)."""

    @property
    def active(self) -> bool:
        """Whether a job is under way."""
        return self.state in ACTIVE

    @property
    def ready(self) -> bool:
        """Whether it may be sent a start."""
        return self.state in READY

    @property
    def percent(self) -> int | None:
        """Progress in whole per cent, 0 to 100, cut and not rounded: 99.9 is not done."""
        if self.job is None or self.job.progress is None:
            return None
        return int(self.job.progress * 100 + 1e-6)
