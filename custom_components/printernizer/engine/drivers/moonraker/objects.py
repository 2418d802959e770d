"""Klipper's objects: which ones we want to hear of, and what their changes add up to. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from ...errors import Refused
from .messages import Json, name, obj, texts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

WANTED: Final[Mapping[str, tuple[str, ...]]] = {
    "webhooks": ("state", "state_message"),
    "print_stats": (
        "state",
        "filename",
        "total_duration",
        "print_duration",
        "filament_used",
        "message",
        "info",
    ),
    "virtual_sdcard": ("progress", "file_position", "file_size", "is_active"),
    "display_status": ("progress",),
    "pause_resume": ("is_paused",),
    "idle_timeout": ("state",),
    "toolhead": ("homed_axes", "extruder", "axis_minimum", "axis_maximum"),
    "gcode_move": ("speed_factor", "extrude_factor", "gcode_position"),
    "exclude_object": ("objects", "excluded_objects", "current_object"),
    "fan": ("speed", "rpm"),
    "heater_bed": ("temperature", "target"),
}
"""Fields by object, so that a busy line carries no more than what is read."""
_HEATED: Final = ("temperature", "target")
_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "heater_generic": _HEATED,
    "temperature_sensor": ("temperature",),
    "temperature_fan": (*_HEATED, "speed", "rpm"),
    "heater_fan": ("speed", "rpm"),
    "controller_fan": ("speed", "rpm"),
    "fan_generic": ("speed", "rpm"),
    "filament_switch_sensor": ("filament_detected", "enabled"),
    "filament_motion_sensor": ("filament_detected", "enabled"),
    "output_pin": ("value",),
    **dict.fromkeys(("led", "neopixel", "dotstar", "pca9533", "pca9632"), ("color_data",)),
}
"""Fields of objects that have a name of their own: "fan_generic Exhaust"."""
_MOST_OBJECTS: Final = 400


def listed(answer: object) -> tuple[str, ...]:
    """Read `printer.objects.list`."""
    return tuple(item for item in texts(answer, "objects") if len(item) <= 200)


def subscription(there: Iterable[str]) -> dict[str, list[str]]:
    """Return what to subscribe of what is there."""
    wanted = {found: fields for found in there if (fields := _fields(found)) is not None}
    return {found: list(wanted[found]) for found in list(wanted)[:_MOST_OBJECTS]}


def _fields(found: str) -> tuple[str, ...] | None:
    if found in WANTED:
        return WANTED[found]
    if is_extruder(found):
        return _HEATED
    return _KINDS.get(found.partition(" ")[0]) if " " in found else None


def is_extruder(found: str) -> bool:
    """Whether an object is a tool: extruder, extruder1 and so on."""
    rest = found.removeprefix("extruder")
    return found.startswith("extruder") and (not rest or (rest.isdecimal() and len(rest) <= 2))


def tool_index(found: str) -> int:
    """Return the number of an extruder: its T command."""
    return int(found.removeprefix("extruder") or 0)


class Store:
    """The present of all objects we hear of: a whole picture first, then what changed."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, object]] = {}

    def __getitem__(self, found: str) -> Json:
        return self._values.get(found, {})

    def __contains__(self, found: str) -> bool:
        return found in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def replace(self, status: Json) -> None:
        """Take a whole picture. An object that is not there comes as an empty one."""
        self._values = {
            found: dict(fields)
            for found, fields in status.items()
            if isinstance(fields, dict) and fields
        }

    def merge(self, changes: object) -> bool:
        """Add what changed, field by field; returns whether anything did."""
        if not isinstance(changes, dict):
            return False
        changed = False
        for found, fields in changes.items():
            # Only what was subscribed: nobody fills our memory with objects of his own.
            known = self._values.get(found) if isinstance(found, str) else None
            if known is None or not isinstance(fields, dict):
                continue
            for key, value in fields.items():
                if known.get(key) != value:
                    known[key] = value
                    changed = True
        return changed

    def clear(self) -> None:
        """Forget everything: Klipper is gone."""
        self._values = {}

    def copy(self) -> dict[str, dict[str, object]]:
        """Return everything as it is now."""
        return {found: dict(fields) for found, fields in self._values.items()}


def macros_in(there: Iterable[str]) -> tuple[str, ...]:
    """Return the macros that are meant for people: those without a leading underscore."""
    prefix = "gcode_macro "
    found = (item.removeprefix(prefix) for item in there if item.startswith(prefix))
    return tuple(sorted(macro for macro in found if macro and not macro.startswith("_")))


def settings_of(configfile: object, section: str) -> Json:
    """Return one section of the configuration, as Klipper read it: keys in lower case."""
    return obj(obj(configfile, "settings"), section.lower())


def file_of(print_stats: Json) -> str | None:
    """Return the file a job prints, below the gcodes root; None without one."""
    return name(print_stats, "filename")


def slug(given: str) -> str:
    """Return a name as a key: lower case, words joined by underscores."""
    return re.sub(r"[^a-z0-9]+", "_", given.lower()).strip("_")[:64]


def plain(value: str) -> str:
    """Return a name or value that can stand in a command.

    A line break or semicolon would begin another command, a quote or backslash another value.
    Raises Refused(key="out_of_range").
    """
    if not value.isprintable() or set(value) & set("\"'\\;#") or len(value) > 500:
        raise Refused("it holds characters that G-code cannot carry", key="out_of_range")
    return f'"{value}"' if not value or " " in value or "=" in value else value
