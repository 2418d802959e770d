"""Complaints of a printer: its HMS list and its print error, with codes and text.

Text is ours, in a sentence or less, for the codes that matter most; a code without text stays
visible as a code. In the tables "x" stands for any digit; `{unit}` becomes the letter of the
AMS and `{slot}` the number of the slot.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from ...printer import Problem, Severity
from .payload import bits, objects

if TYPE_CHECKING:
    from collections.abc import Mapping

CANCELLED: Final = frozenset({0x0300400C, 0x0500400E})
"""Print errors that only say that a person ended the job. Shown for seconds, then cleared."""
UNSIGNED_HMS: Final = "HMS_0500_0500_0001_0007"
"""A command was thrown away because it was not signed: Developer Mode is off."""
_SILENT: Final = frozenset({0x05024007, 0x05024009})
"""The maker shows nothing for these either: a message of some client was not accepted."""
_NOT_AN_ERROR: Final = 0x4000
_WARNING: Final = 0x8000
_PROMPT: Final = 0xC000
_LIMIT: Final = 64
"""More complaints than a screen could show."""

HMS_SEVERITY: Final = {
    1: Severity.FATAL,
    2: Severity.SERIOUS,
    3: Severity.COMMON,
    4: Severity.INFO,
}

PRINT_ERRORS: Final[Mapping[str, str]] = {
    "0300_4000": "Homing the Z axis failed; the job was stopped",
    "0300_4001": "The printer gave up waiting for the nozzle to cool down",
    "0300_4002": "Automatic bed levelling failed; the job was stopped",
    "0300_4005": "The nozzle fan turns at a wrong speed; the job was stopped",
    "0300_4006": "The nozzle is clogged; the job was stopped",
    "0300_4008": "The AMS failed to change the filament",
    "0300_4009": "Homing the X and Y axes failed",
    "0300_400A": "The mechanical resonance could not be found",
    "0300_400B": "The toolhead does not answer",
    "0300_400D": "The job could not be continued after the power loss",
    "0300_8000": "Paused for an unknown reason",
    "0300_8001": "Paused by the user",
    "0300_8002": "First-layer inspection found defects",
    "0300_8003": "Spaghetti was detected: look at the print before going on",
    "0300_8004": "The filament ran out: load a new spool",
    "0300_8005": "The front cover of the toolhead came off",
    "0300_8006": "The build plate marker was not found: place the plate properly",
    "0300_8007": "The job was interrupted by a power loss: continue or cancel",
    "0300_8008": "The nozzle temperature is wrong",
    "0300_8009": "The bed temperature is wrong",
    "0300_800A": "Purged filament piles up: empty the waste chute",
    "0300_800B": "The cutter is stuck: check its lever",
    "0300_800C": "Skipped steps were noticed and corrected by homing again",
    "0300_800D": "Objects came loose from the plate, or the extruder does not extrude",
    "0300_800E": "The print file is not on the storage any more",
    "0300_800F": "The door is open",
    "0300_8010": "The heatbreak fan turns at a wrong speed",
    "0300_8013": "Paused by a command in the print file",
    "0300_8014": "The nozzle is covered with filament, or the plate lies askew",
    "0300_8015": "The filament ran out: load a new spool",
    "0300_8016": "The nozzle is clogged: clean it before going on",
    "0300_8017": "Something lies on the heated bed: clear it",
    "0300_8018": "The chamber temperature is wrong",
    "0300_8019": "There is no build plate on the bed",
    "0500_4001": "The printer cannot reach the maker's cloud",
    "0500_4002": "The print job is not supported by this printer",
    "0500_4003": "The print file cannot be read: slice and send it again",
    "0500_4004": "The printer is busy and cannot start a job",
    "0500_4005": "A print cannot start while the firmware is being updated",
    "0500_4006": "There is too little free storage for the print job",
    "0500_4007": "The firmware must be repaired by an update before printing",
    "0500_4008": "The print could not be started: switch the printer off and on",
    "0500_400A": "The file name is not supported: use plain letters and digits",
    "0500_400B": "The file could not be downloaded: check the network",
    "0500_400C": "Insert a storage card or stick and start again",
    "0500_400D": "Run the self-test first, then start again",
    "0500_402F": "The storage card is damaged: repair or format it",
    "0500_4046": "The file does not suit this model, or its slicer is too old",
    "0500_8013": "The print file is gone: was the storage removed?",
    "0500_8036": "The file was sliced for another model",
    "0500_8051": "The build plate is not the one the file was sliced for",
    "0500_8057": "The filament is too abrasive for this nozzle",
    "0500_809B": "The build plate is not in its place",
    "0500_C010": "The storage cannot be read or written: insert it again or replace it",
    "0500_C04C": "The AMS is drying",
    "0501_401A": "The maker's cloud cannot be reached",
    "0502_4005": "The AMS must be calibrated before printing",
    "0502_C010": "The AMS draws too much power while drying: stop drying to print",
    "07FF_8003": "Pull the filament of the external spool out of the extruder",
    "07FF_8004": "The filament could not be pulled back from the toolhead",
    "07FF_8005": "The AMS could not push the filament out: check for tangles",
    "07FF_8006": "Feed the filament into the tube until it stops",
    "07FF_8007": "Check whether filament comes out of the nozzle",
    "07FF_8010": "The external spool may be stuck or tangled",
    "07FF_8011": "The external spool ran out: load new filament",
    "07FF_8012": "The assignment of filaments to slots could not be read",
    "0C00_8005": "Purged filament piles up: empty the waste chute",
    "0C00_8009": "The build plate marker was not found",
    "0C00_800A": "The build plate is not the one the file was sliced for",
    "0C00_8015": "Something lies on the build plate: clear it",
    "0C00_8016": "The build plate lies askew",
    "0C00_8033": "The quick-release lever of the nozzle is open",
    "0C00_8043": "A blob of filament was seen at the nozzle",
    "0C00_C003": "The first layer may have defects",
    "0C00_C004": "The print may have failed (spaghetti)",
    "0C00_C006": "Purged filament may be piling up",
    "1001_4001": "Timelapse is not possible in spiral vase mode",
    "1001_4002": "Timelapse is not possible when objects are printed one by one",
}
"""By "MMMM_EEEE"."""

FEEDER_ERRORS: Final[Mapping[str, str]] = {
    "8001": "{unit}: cutting the filament failed: check the cutter",
    "8002": "{unit}: the cutter is stuck: check its lever",
    "8003": "{unit}: the filament could not be pulled out of the extruder",
    "8004": "{unit}: the filament could not be pulled back",
    "8005": "{unit}: the filament could not be pushed out",
    "8006": "{unit}: the filament does not reach the extruder",
    "8007": "{unit}: the filament is not extruded: clogged or stuck",
    "800A": "{unit}: a filament tube seems to have come off",
    "8010": "{unit}: the assist motor is overloaded: check for tangles",
    "8011": "{unit}: the filament ran out: load a new spool into the same slot",
    "8012": "{unit}: the assignment of filaments to slots could not be read",
    "8013": "{unit}: flushing the old filament took too long",
    "8016": "{unit}: the extruder does not extrude properly",
    "8017": "{unit}: it is drying; stop that before changing filament",
    "4001": "{unit}: the feeder is switched off although filament is loaded",
    "4025": "{unit}: the filament information could not be read",
    "C008": "{unit}: it was disconnected; printing goes on when it is back",
    "C069": "{unit}: drying failed",
}
"""Print errors of feeders, by the last four digits; the first four are "07", "12" or "18"
(AMS, AMS Lite, AMS HT) and the number of the unit."""

HMS_TEXTS: Final[Mapping[str, str]] = {
    "0300_0100_0001_0001": "The heated bed may have a short circuit",
    "0300_0100_0001_0002": "The heater of the bed may be broken or its thermal fuse open",
    "0300_0100_0001_0003": "The heated bed is too hot",
    "0300_0100_0001_0006": "The temperature sensor of the bed may have a short circuit",
    "0300_0100_0001_0007": "The temperature sensor of the bed may be broken",
    "0300_0200_0001_0001": "The nozzle heater may have a short circuit",
    "0300_0200_0001_0002": "The nozzle heater may be broken",
    "0300_0200_0001_0003": "The nozzle is too hot",
    "0300_0200_0001_0006": "The temperature sensor of the nozzle may have a short circuit",
    "0300_0200_0001_0007": "The temperature sensor of the nozzle may be broken",
    "0300_0300_0001_0001": "The hotend fan is slow or stopped: look for filament in it",
    "0300_0300_0002_0002": "The hotend fan is slow: clean it",
    "0300_0400_0002_0001": "The part fan is slow or stopped: look for filament in it",
    "0300_0500_0001_0001": "The motor driver is too hot",
    "0300_0600_0001_0001": "A motor winding may be open",
    "0300_0700_0001_0001": "A motor winding may be open",
    "0300_0800_0001_0001": "A motor winding may be open",
    "0300_0900_0002_0004": "The filament is hard to push: the nozzle may be clogged",
    "0300_0A00_0001_0005": "A force sensor of the bed does not answer",
    "0300_0D00_0001_0002": "Bed levelling failed: the bed is not flat or something lies on it",
    "0300_0D00_0001_0003": "The build plate is not placed properly",
    "0300_1000_0002_0001": "The X resonance is low: check the belt",
    "0300_1000_0002_0002": "The X resonance has changed much: calibrate the printer",
    "0300_1100_0002_0001": "The Y resonance is low: check the belt",
    "0300_1100_0002_0002": "The Y resonance has changed much: calibrate the printer",
    "0300_1200_0002_0001": "The front cover of the toolhead came off",
    "0300_1600_0001_0001": "The current sensor of the extruder motor is faulty",
    "0300_1A00_0002_0001": "The nozzle is wrapped in filament, or the plate lies askew",
    "0300_1A00_0002_0002": "The nozzle is clogged",
    "0300_2C00_0001_0001": "Something is in the way below the heated bed",
    "0500_0200_0002_0001": "No connection to the Internet",
    "0500_0200_0002_0002": "The printer could not log in to its cloud",
    "0500_0300_0001_0001": "The motion controller does not answer: switch off and on",
    "0500_0300_0001_0002": "The toolhead does not answer: switch off and on",
    "0500_0300_0001_0003": "The AMS does not answer: switch off and on",
    "0500_0400_0001_0001": "The print file could not be downloaded",
    "0500_0400_0001_0002": "The printer could not report its state",
    "0500_0400_0001_0003": "The print file cannot be read",
    "0500_0400_0001_0004": "The printer cannot print from this file",
    "0500_0400_0001_0006": "The last print could not be continued",
    "0500_0400_0002_0007": "The bed is hotter than the filament can bear: open the door",
    "0500_0500_0001_0007": "Commands are refused: switch on Developer Mode on the printer",
    "0700_4500_0002_0001": "The cutter sensor is faulty",
    "0700_4500_0002_0002": "The cutter is too far out: check its lever",
    "0700_4500_0002_0003": "The cutter lever is not back: it may be stuck",
    "0700_5100_0003_0001": "The AMS is switched off although filament is loaded",
    "07FF_2000_0002_0001": "The external spool ran out: load new filament",
    "07FF_2000_0002_0002": "The external spool is missing",
    "07FF_2000_0002_0004": "Pull the external filament out of the extruder",
    "0C00_0100_0001_0001": "The lidar camera does not answer",
    "0C00_0100_0002_0002": "The lidar camera does not work properly",
    "0C00_0200_0001_0001": "The horizontal laser does not light up",
    "0C00_0300_0002_0001": "The first layer could not be inspected",
    "0C00_0300_0002_001C": "The nozzle seems to be wrapped in filament",
    "0C00_0300_0003_0006": "Purged filament may be piling up",
    "0C00_0300_0003_0008": "The print may have failed (spaghetti)",
    "0C00_0300_0003_000B": "The first layer is being inspected",
}
"""By the code without "HMS_"."""

FEEDER_HMS: Final[Mapping[str, str]] = {
    "01xx_0001_0001": "{unit}: the assist motor has slipped",
    "01xx_0002_0002": "{unit}: the assist motor is overloaded: check for tangles",
    "1x00_0001_0001": "{unit} slot {slot}: the feeder motor has slipped",
    "1x00_0001_0003": "{unit} slot {slot}: the feeder motor cannot be controlled",
    "1x00_0002_0002": "{unit} slot {slot}: the feeder motor is overloaded: check for tangles",
    "2x00_0002_0001": "{unit} slot {slot}: the filament ran out",
    "2x00_0002_0002": "{unit} slot {slot}: there is no filament",
    "2x00_0002_0003": "{unit} slot {slot}: the filament may be broken inside the feeder",
    "2x00_0002_0004": "{unit} slot {slot}: the filament may be broken in the toolhead",
    "2x00_0002_0005": "{unit} slot {slot}: the filament ran out and purging the rest failed",
    "2x00_0002_0006": "{unit} slot {slot}: the filament is not extruded: clogged or stuck",
    "2x00_0002_0012": "{unit} slot {slot}: the feeder motor is stalled",
    "2x00_0003_0001": "{unit} slot {slot}: the filament ran out; the rest is being purged",
    "2x00_0003_0002": "{unit} slot {slot}: the filament ran out; the next slot took over",
    "2x00_0002_0025": "{unit} slot {slot}: the spool is hard to turn",
    "3x00_0002_0002": "{unit} slot {slot}: the tag of the spool cannot be read",
    "30xx_0003_0003": "{unit}: the tag reader is faulty",
    "35xx_0001_0001": "{unit}: the humidity sensor is faulty",
    "40xx_0002_0001": "{unit}: the filament buffer gives no signal",
    "40xx_0002_0004": "{unit}: the filament buffer may be stuck or the filament tangled",
    "50xx_0002_0001": "{unit}: it does not answer: check its cable",
    "80xx_0001_0001": "{unit}: its heater is faulty",
    "80xx_0001_0002": "{unit}: its heater is disconnected",
    "80xx_0001_0003": "{unit}: its heater has a short circuit",
    "80xx_0001_0004": "{unit}: it heats in a strange way",
}
"""HMS of feeders, behind "07", "12" or "18" and the number of the unit."""

_FEEDERS: Final = {"07": "AMS", "12": "AMS Lite", "18": "AMS HT"}


def hms_code(attr: int, code: int) -> str:
    """Return an HMS entry as the maker prints it: HMS_AAAA_AAAA_CCCC_CCCC."""
    digits = f"{attr & 0xFFFFFFFF:08X}{code & 0xFFFFFFFF:08X}"
    return "HMS_" + "_".join(digits[start : start + 4] for start in (0, 4, 8, 12))


def error_code(error: int) -> str:
    """Return a print error as the maker prints it: MMMM_EEEE."""
    return f"{error >> 16 & 0xFFFF:04X}_{error & 0xFFFF:04X}"


def print_error(value: object) -> int:
    """Return the print error as an unsigned number; 0 for none. It may come signed."""
    result = bits(value) if not isinstance(value, str) else bits(_decimal(value))
    return result or 0


def _decimal(value: str) -> int | None:
    return int(value) if len(value) < 12 and value.lstrip("-").isdigit() else None


def is_error(error: int) -> bool:
    """Whether a print error is one: smaller low words are remarks."""
    return error & 0xFFFF >= _NOT_AN_ERROR and error not in CANCELLED and error not in _SILENT


def stops_the_job(error: int) -> bool:
    """Whether a print error makes a paused printer wait for a person."""
    return is_error(error) and error & 0xFFFF >= _WARNING


@lru_cache(maxsize=256)
def _hms_problem(attr: int, code: int) -> Problem:
    shown = hms_code(attr, code)
    severity = HMS_SEVERITY.get(code >> 16 & 0xFFFF, Severity.COMMON)
    return Problem(code=shown, text=_hms_text(shown.removeprefix("HMS_")), severity=severity)


@lru_cache(maxsize=64)
def _error_problem(error: int) -> Problem:
    shown = error_code(error)
    low = error & 0xFFFF
    severity = Severity.FATAL if low < _WARNING else Severity.SERIOUS
    if low >= _PROMPT:
        severity = Severity.COMMON
    return Problem(code=shown, text=_error_text(shown), severity=severity)


def _hms_text(code: str) -> str | None:
    if code in HMS_TEXTS:
        return HMS_TEXTS[code]
    unit = _unit_name(code[:2], code[2:4])
    if unit is None:
        return None
    tail = code[5:]
    for pattern, text in FEEDER_HMS.items():
        if all(want in ("x", have) for want, have in zip(pattern, tail, strict=True)):
            return text.format(unit=unit, slot=int(tail[1], 16) + 1)
    return None


def _error_text(code: str) -> str | None:
    if code in PRINT_ERRORS:
        return PRINT_ERRORS[code]
    unit = _unit_name(code[:2], code[2:4])
    text = FEEDER_ERRORS.get(code[5:])
    return text.format(unit=unit) if unit and text else None


def _unit_name(module: str, unit: str) -> str | None:
    """Return "AMS B" for module "07", unit "01"; FE and FF are external spools."""
    number = int(unit, 16)
    if module not in _FEEDERS or number > 25:
        return None
    return f"{_FEEDERS[module]} {chr(ord('A') + number)}"


def problems(hms: object, error: int) -> tuple[Problem, ...]:
    """Return what a printer complains about: the print error first, then the HMS list."""
    found: dict[str, Problem] = {}
    if is_error(error):
        problem = _error_problem(error)
        found[problem.code] = problem
    for entry in objects(hms)[:_LIMIT]:
        attr, code = bits(entry.get("attr")), bits(entry.get("code"))
        if attr is None or code is None or (attr == 0 and code == 0):
            continue
        problem = _hms_problem(attr, code)
        found[problem.code] = problem
    return tuple(found.values())
