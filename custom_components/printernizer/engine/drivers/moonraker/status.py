"""Klipper's objects as one status in the words all drivers share. Pure."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ...printer import (
    Fan,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Slot,
    Temperature,
    Tool,
)
from .job import UNDER_WAY, JobMemory
from .layout import Layout
from .lights import lights
from .messages import Json, as_number, cleaned, flag, number, text
from .objects import is_extruder, settings_of, slug, tool_index

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .objects import Store

_LOGGER = logging.getLogger(__name__)

STATES: Final = {
    "standby": PrinterState.IDLE,
    "printing": PrinterState.PRINTING,
    "paused": PrinterState.PAUSED,
    "complete": PrinterState.FINISHED,
    "cancelled": PrinterState.CANCELLED,
    "error": PrinterState.FAILED,
}
"""Words of `print_stats`; they persist until the next start or SDCARD_RESET_FILE."""
_HALTED: Final = frozenset({"error", "shutdown"})
_SENSORS: Final = ("filament_switch_sensor ", "filament_motion_sensor ")
_FANS: Final = frozenset({"heater_fan", "fan_generic", "controller_fan", "temperature_fan"})
SETTABLE_FAN: Final = "fan_generic"
_MOST_PROBLEMS: Final = 10
_new_words: set[str] = set()


@dataclass(slots=True)
class House:
    """What the server says beside Klipper's objects."""

    layout: Layout = field(default_factory=Layout)
    klippy: str = "disconnected"
    """The server's word for Klipper: disconnected, startup, ready, error, shutdown."""
    klippy_message: str | None = None
    firmware: str | None = None
    new_firmware: str | None = None
    queued: int | None = None
    outlets: dict[str, bool] = field(default_factory=dict)
    spoolman: bool = False
    spool_id: int | None = None
    configfile: Json = field(default_factory=dict)


def halted(store: Store, house: House) -> str | None:
    """Return "error" or "shutdown" when Klipper has stopped for good, else None.

    `webhooks` comes first: after a shutdown `print_stats` goes on saying "printing", and the
    server's own word for it may come after Klipper has been restarted (seen with 0.11.0).
    """
    word = text(store["webhooks"], "state") or house.klippy
    return word if word in _HALTED else None


def state_of(store: Store, house: House) -> PrinterState:
    """Return the unified state; the first rule that fits."""
    stats = store["print_stats"]
    word = text(stats, "state")
    if house.klippy == "disconnected":
        return PrinterState.OFFLINE
    if halted(store, house):
        # Only a job can fail. Without one nothing is ready to be sent a start either.
        return PrinterState.FAILED if word in UNDER_WAY | {"error"} else PrinterState.OFFLINE
    if house.klippy == "startup" or text(store["webhooks"], "state") == "startup":
        return PrinterState.BUSY
    if word == "printing" and not number(stats, "print_duration"):
        return PrinterState.PREPARING
    if word == "paused" and (text(stats, "message") or missing_filament(store)):
        return PrinterState.ATTENTION
    busy = text(store["idle_timeout"], "state") == "Printing"
    if word in {None, "standby"}:
        return PrinterState.BUSY if busy else PrinterState.IDLE
    if word not in STATES and word not in _new_words:
        _new_words.add(word or "")
        _LOGGER.warning("Klipper says a state that is not known: %s", word)
    return STATES.get(word or "", PrinterState.UNKNOWN)


def missing_filament(store: Store) -> tuple[str, ...]:
    """Return the names of the sensors that are switched on and see no filament."""
    return tuple(
        found.partition(" ")[2]
        for found in store
        if found.startswith(_SENSORS)
        and flag(store[found], "enabled") is not False
        and flag(store[found], "filament_detected") is False
    )


def status_of(store: Store, house: House, job: JobMemory) -> PrinterStatus:
    """Return everything Klipper and the server say now."""
    state = state_of(store, house)
    if state is PrinterState.OFFLINE and house.klippy == "disconnected":
        return PrinterStatus(
            state=state,
            outlets=tuple(house.outlets.items()),
            queued=house.queued,
            firmware=house.firmware,
            new_firmware=house.new_firmware,
            storage_present=True,
        )
    return PrinterStatus(
        state=state,
        job=job.current(store, house.layout),
        tools=tuple(_tool(store, house, found) for found in extruders(store)),
        active_tool=_active_tool(store),
        bed=temperature(store["heater_bed"]) if "heater_bed" in store else None,
        chamber=_chamber(store),
        fans=fans(store),
        speed_percent=_percent(number(store["gcode_move"], "speed_factor")),
        flow_percent=_percent(number(store["gcode_move"], "extrude_factor")),
        slots=_slots(house, state),
        problems=_problems(store, house, state),
        lights=lights(store),
        outlets=tuple(house.outlets.items()),
        queued=house.queued,
        filament_present=_filament(store),
        storage_present=True,
        firmware=house.firmware,
        new_firmware=house.new_firmware,
        z_mm=_height(store),
    )


# -- heat ----------------------------------------------------------------------------------------


def extruders(store: Store) -> tuple[str, ...]:
    """Return the tools' objects in the order of their T commands."""
    return tuple(sorted(filter(is_extruder, store), key=tool_index))


def temperature(values: Json) -> Temperature:
    """Read a heater, or a sensor that has no target. A broken sensor on a fork reads null."""
    actual = number(values, "temperature")
    return Temperature(
        actual_c=None if actual is None else round(actual, 1), target_c=number(values, "target")
    )


def _tool(store: Store, house: House, found: str) -> Tool:
    return Tool(
        index=tool_index(found),
        temperature=temperature(store[found]),
        nozzle_diameter_mm=number(settings_of(house.configfile, found), "nozzle_diameter"),
    )


def _active_tool(store: Store) -> int | None:
    active = text(store["toolhead"], "extruder")
    return tool_index(active) if active and is_extruder(active) else None


def chamber_object(store: Store) -> str | None:
    """Return the object that is the chamber: a heater, else a fan's or plain sensor."""
    for kind in ("heater_generic ", "temperature_fan ", "temperature_sensor "):
        for found in store:
            if found.startswith(kind) and "chamber" in found.lower():
                return found
    return None


def _chamber(store: Store) -> Temperature | None:
    found = chamber_object(store)
    return None if found is None else temperature(store[found])


# -- air -----------------------------------------------------------------------------------------


def fan_objects(store: Store) -> Mapping[str, str]:
    """Return the objects of all fans by our keys: "part", else the name it was given."""
    found = {"part": "fan"} if "fan" in store else {}
    for item in store:
        kind, _, given = item.partition(" ")
        if given and kind in _FANS:
            key = slug(given) or kind
            while key in found:
                key = f"{kind}_{key}"
            found[key] = item
    return found


def fans(store: Store) -> tuple[Fan, ...]:
    """Read all fans."""
    return tuple(
        Fan(
            key=key,
            percent=_percent(number(store[item], "speed")),
            rpm=_whole(number(store[item], "rpm")),
        )
        for key, item in fan_objects(store).items()
    )


# -- the rest ------------------------------------------------------------------------------------


def _percent(share: float | None) -> int | None:
    return None if share is None or abs(share) > 1000 else round(share * 100)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def _height(store: Store) -> float | None:
    position = store["gcode_move"].get("gcode_position")
    if not isinstance(position, list) or len(position) < 3:
        return None
    height = as_number(position[2])
    return None if height is None else round(height, 2)


def _filament(store: Store) -> bool | None:
    seen = [
        flag(store[found], "filament_detected")
        for found in store
        if found.startswith(_SENSORS) and flag(store[found], "enabled") is not False
    ]
    known = [one for one in seen if one is not None]
    return all(known) if known else None


def _slots(house: House, state: PrinterState) -> tuple[Slot, ...]:
    """Return the holder with the spool that Spoolman says is on it, where it is configured."""
    if not house.spoolman:
        return ()
    return (
        Slot(
            key="external",
            unit=None,
            index=0,
            active=state in {PrinterState.PRINTING, PrinterState.PREPARING},
            spool_tag=None if house.spool_id is None else f"spoolman:{house.spool_id}",
        ),
    )


def _problems(store: Store, house: House, state: PrinterState) -> tuple[Problem, ...]:
    stats = store["print_stats"]
    found: list[Problem] = []
    if word := halted(store, house):
        message = store["webhooks"].get("state_message")
        told = message if isinstance(message, str) else house.klippy_message
        found.append(
            Problem(
                code=f"KLIPPER_{word.upper()}",
                text=cleaned(told or "") or None,
                severity=Severity.FATAL,
            )
        )
    if state in {PrinterState.FAILED, PrinterState.ATTENTION} and text(stats, "message"):
        found.append(Problem(code="PRINT_MESSAGE", text=text(stats, "message")))
    if state in {PrinterState.ATTENTION, PrinterState.PAUSED, PrinterState.PRINTING}:
        found += [
            Problem(code="FILAMENT_MISSING", text=f"{sensor}: no filament")
            for sensor in missing_filament(store)
        ]
    return tuple(found[:_MOST_PROBLEMS])
