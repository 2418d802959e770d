"""What people may write into the fields of actions.

A template at three in the morning is checked like a person: what passes here is finite, plain
text, of bounded length, and stays in its folder.
"""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import PurePosixPath
from typing import Any, Final

import voluptuous as vol
from homeassistant.helpers import config_validation as cv

from .engine.names import has_tricks

LONGEST_GCODE: Final = 10_000
LONGEST_PATH: Final = 1_024
LONGEST_VALUE: Final = 500
MOST_SLOTS: Final = 64
MOST_OBJECTS: Final = 1_000
MOST_PARAMETERS: Final = 50
HOTTEST_C: Final = 500.0
"""No printer we know heats further; the printer itself knows its own limit."""
FARTHEST_MM: Final = 2_000.0
FASTEST_MM_S: Final = 1_000.0
AXES: Final = ("x", "y", "z")

_PARAMETER: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_MACRO: Final = re.compile(r"[\w.:/-]{1,100}")

PLATE: Final = vol.All(vol.Coerce(int), vol.Range(1, 100))
HEATER: Final = vol.All(cv.string, vol.Match(r"^(tool_\d{1,2}|bed|chamber)\Z"))
SLOT: Final = vol.All(cv.string, vol.Match(r"^[\w-]{1,40}\Z"))
LIMIT: Final = vol.All(vol.Coerce(int), vol.Range(1, 100))


def _plain(value: object, longest: int, what: str) -> str:
    text = cv.string(value)
    if not text.strip() or len(text) > longest or has_tricks(text):
        raise vol.Invalid(f"not {what}")
    return text


def time_span(value: object) -> timedelta:
    """Return a time, given as "1:30:00", in seconds or in parts. Raises vol.Invalid."""
    try:
        span: timedelta = cv.positive_time_period(value)
    except OverflowError:
        raise vol.Invalid("longer than any time") from None
    return span


def remote_path(value: object) -> str:
    """Return a path on a printer, from its root with a leading slash. Raises vol.Invalid."""
    text = _plain(value, LONGEST_PATH, "a path on a printer")
    if ".." in PurePosixPath(text).parts:
        raise vol.Invalid("a path on a printer does not go up")
    return text if text.startswith("/") else f"/{text}"


def source(value: object) -> str:
    """Return what names a file of Home Assistant: a path or a media id. Raises vol.Invalid."""
    return _plain(value, LONGEST_PATH, "a file of Home Assistant")


def gcode_lines(value: object) -> str:
    """Return G-code as text, one command a line. Raises vol.Invalid."""
    text = "\n".join(map(cv.string, value)) if isinstance(value, list) else cv.string(value)
    if not text.strip() or len(text) > LONGEST_GCODE:
        raise vol.Invalid(f"needs 1 to {LONGEST_GCODE} characters of G-code")
    if not all(char.isprintable() or char in "\n\r\t" for char in text):
        raise vol.Invalid("G-code is plain text")
    return text


def finite(value: object) -> float:
    """Return a number that is one. Raises vol.Invalid."""
    number: float = vol.Coerce(float)(value)
    if not math.isfinite(number):
        raise vol.Invalid("not a number")
    return number


def target_celsius(value: object) -> float:
    """Return a target temperature; 0 switches a heater off. Raises vol.Invalid."""
    celsius = finite(value)
    if not 0 <= celsius <= HOTTEST_C:
        raise vol.Invalid(f"needs 0 to {HOTTEST_C:.0f} degrees Celsius")
    return celsius


def distance_mm(value: object) -> float:
    """Return how far to move an axis, to either side. Raises vol.Invalid."""
    distance = finite(value)
    if abs(distance) > FARTHEST_MM:
        raise vol.Invalid(f"no axis is longer than {FARTHEST_MM:.0f} mm")
    return distance


def speed_mm_s(value: object) -> float:
    """Return how fast to move. Raises vol.Invalid."""
    speed = finite(value)
    if not 0 < speed <= FASTEST_MM_S:
        raise vol.Invalid(f"needs more than 0 and at most {FASTEST_MM_S:.0f} mm/s")
    return speed


def axes(value: object) -> list[str]:
    """Return axes, each once; empty stands for all. Raises vol.Invalid."""
    found = [cv.string(each).lower() for each in cv.ensure_list(value)]
    if unknown := set(found) - set(AXES):
        raise vol.Invalid(f"no axis: {min(unknown)[:20]}")
    return list(dict.fromkeys(found))


def somewhere(data: dict[str, Any]) -> dict[str, Any]:
    """Pass a move on that moves anything. Raises vol.Invalid."""
    if not any(data.get(axis) for axis in AXES):
        raise vol.Invalid("name a distance for x, y or z")
    return data


def slots(value: object) -> list[str | None]:
    """Return where each filament comes from; "" stands for none. Raises vol.Invalid."""
    listed = cv.ensure_list(value)
    if len(listed) > MOST_SLOTS:
        raise vol.Invalid(f"at most {MOST_SLOTS} slots")
    return [SLOT(each) if each not in (None, "") else None for each in listed]


def objects(value: object) -> list[str]:
    """Return ids or names of objects, each once. Raises vol.Invalid."""
    listed = cv.ensure_list(value)
    if not 1 <= len(listed) <= MOST_OBJECTS:
        raise vol.Invalid(f"needs 1 to {MOST_OBJECTS} objects")
    return list(dict.fromkeys(_plain(each, LONGEST_VALUE, "an object") for each in listed))


def macro_name(value: object) -> str:
    """Return the name of a macro. Raises vol.Invalid."""
    name = cv.string(value)
    if not _MACRO.fullmatch(name):
        raise vol.Invalid("not the name of a macro")
    return name


def parameters(value: object) -> dict[str, str]:
    """Return what a macro is given, as text on one line each. Raises vol.Invalid."""
    if not isinstance(value, dict) or len(value) > MOST_PARAMETERS:
        raise vol.Invalid(f"needs at most {MOST_PARAMETERS} names with values")
    return {_parameter_name(name): _parameter(given) for name, given in value.items()}


def _parameter_name(name: object) -> str:
    if not isinstance(name, str) or not _PARAMETER.fullmatch(name):
        raise vol.Invalid("a parameter has a name of letters, digits and underscores")
    return name


def _parameter(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"  # as templates of Klipper expect it
    if isinstance(value, float) and not math.isfinite(value):
        raise vol.Invalid("not a number")
    text = cv.string(value)
    if len(text) > LONGEST_VALUE or not text.isprintable():
        raise vol.Invalid("a parameter is one line of text")
    return text
