"""One command of G-code, read with care: what the fast scan does not understand comes here."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

_COMMENT: Final = re.compile(rb";.*|\([^)]*\)?", re.DOTALL)
_COMMAND: Final = re.compile(rb"\s*(?:N\s*\d+\s*)?([GMT])\s*(\d{1,9})(?![\d.])\s*")
_E: Final = re.compile(rb"E\s*([+-]?(?:\d+\.?\d*|\.\d+))")
_WORD: Final = {
    letter: re.compile(letter.encode() + rb"\s*([+-]?(?:\d+\.?\d*|\.\d+))") for letter in "DST"
}
_AXIS: Final = re.compile(rb"([XYZEIJR])\s*([+-]?(?:\d+\.?\d*|\.\d+))")
_KLIPPER_TOOL: Final = re.compile(rb"\s*ACTIVATE_EXTRUDER\s+EXTRUDER=EXTRUDER(\d{0,3})\s*")
_KLIPPER_DEFINES: Final = b"EXCLUDE_OBJECT_DEFINE"
_KLIPPER_NAME: Final = re.compile(rb"\sNAME=(\S{1,200})")
MOVES: Final = frozenset({0, 1, 2, 3, 5})
"""Numbers of the G-commands that may carry E: lines, arcs, curves."""
_MOST: Final = 1e9
"""Millimetres. A number beyond is a mistake, or made to break us."""


class Change(Enum):
    """What a command does to how the following ones are read."""

    RELATIVE_E = "M83"
    ABSOLUTE_E = "M82"
    RELATIVE = "G91"
    ABSOLUTE = "G90"
    INCHES = "G20"
    MILLIMETRES = "G21"
    CHANGE_BEGINS = "M620"
    CHANGE_ENDS = "M621"


@dataclass(frozen=True, slots=True)
class Tool:
    """Another tool, or filament, from now on."""

    number: int


@dataclass(frozen=True, slots=True)
class Volumetric:
    """E is a volume from now on, of a filament of this diameter; 0: it is a length again."""

    diameter_mm: float


@dataclass(frozen=True, slots=True)
class Feed:
    """A move with a value of E, or a new name for where E stands."""

    value: float
    reset: bool = False


@dataclass(frozen=True, slots=True)
class LabelledObject:
    """An object that the firmware is told of."""

    name: bytes
    defined: bool
    """All of them before the first: not while they are printed."""


type Meaning = Change | Tool | Volumetric | Feed | LabelledObject | None

_CHANGES: Final = {
    (b"M", 83): Change.RELATIVE_E,
    (b"M", 82): Change.ABSOLUTE_E,
    (b"G", 91): Change.RELATIVE,
    (b"G", 90): Change.ABSOLUTE,
    (b"G", 20): Change.INCHES,
    (b"G", 21): Change.MILLIMETRES,
}


def meaning(line: bytes) -> Meaning:
    """Return what a line commands that matters to extrusion. Raises OverflowError."""
    code = _COMMENT.sub(b"", line).upper().split(b"*")[0]
    match = _COMMAND.match(code)
    if match is None:
        return _klipper(line, code)
    letter, number = match.group(1), int(match.group(2))
    rest = code[match.end() :]
    if letter == b"T":
        return Tool(number)
    if change := _CHANGES.get((letter, number)):
        return change
    if letter == b"G":
        return _moved(number, rest)
    return _machine(number, rest)


def move(line: bytes) -> tuple[int, dict[str, float]] | None:
    """Return the number of a G-command that moves or names positions, and its words.

    Of words that stand there twice the first one counts, and what no machine could reach is left
    out; G92 without any names all axes. None for other commands.
    """
    code = _COMMENT.sub(b"", line).upper().split(b"*")[0]
    match = _COMMAND.match(code)
    if match is None or match.group(1) != b"G":
        return None
    number = int(match.group(2))
    if number not in MOVES and number != 92:
        return None
    rest = code[match.end() :]
    if number == 92 and not rest.strip():
        return number, dict.fromkeys("XYZE", 0.0)
    found: dict[str, float] = {}
    for letter, value in _AXIS.findall(rest):
        found.setdefault(letter.decode(), float(value))
    return number, {letter: value for letter, value in found.items() if abs(value) <= _MOST}


def _moved(number: int, rest: bytes) -> Feed | None:
    if number not in MOVES and number != 92:
        return None
    if match := _E.search(rest):
        value = float(match.group(1))
        if not -_MOST <= value <= _MOST:
            raise OverflowError(f"a move of E to {match.group(1)[:20]!r}")
        return Feed(value, number == 92)
    # Without any parameter it names all axes.
    return Feed(0.0, True) if number == 92 and not rest.strip() else None


def _machine(number: int, rest: bytes) -> Meaning:
    match number:
        case 135:
            tool = _number("T", rest)
            return None if tool is None or tool < 0 else Tool(int(tool))
        case 200:
            return _volumetric(rest)
        case 486:
            label = _number("S", rest)
            return None if label is None or label < 0 else LabelledObject(b"%d" % label, False)
        case 620:
            return Change.CHANGE_BEGINS if rest.startswith(b"S") else None
        case 621:
            return Change.CHANGE_ENDS if rest.startswith(b"S") else None
    return None


def _volumetric(rest: bytes) -> Volumetric | None:
    """Read `M200 [S0] [Dn]`: for all tools alike, since slicers give all the same."""
    if _number("S", rest) == 0:
        return Volumetric(0.0)
    diameter = _number("D", rest)
    if diameter is None or not 0 <= diameter <= 10:
        return None
    return Volumetric(diameter)


def _number(letter: str, rest: bytes) -> float | None:
    match = _WORD[letter].search(rest)
    value = float(match.group(1)) if match else None
    return None if value is None or abs(value) > _MOST else value


def _klipper(line: bytes, code: bytes) -> Meaning:
    if match := _KLIPPER_TOOL.match(code):
        return Tool(int(match.group(1) or b"0"))
    if code.lstrip().startswith(_KLIPPER_DEFINES) and (match := _KLIPPER_NAME.search(code)):
        return LabelledObject(match.group(1), True)
    return None
