"""What is sent to a printer. Pure: an object per command, without its sequence number."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .mapping import Sources
    from .models import Model

type Command = dict[str, dict[str, Any]]

PUSHALL: Final[Command] = {"pushing": {"command": "pushall", "version": 1, "push_target": 1}}
START_PUSHING: Final[Command] = {"pushing": {"command": "start"}}
GET_VERSION: Final[Command] = {"info": {"command": "get_version"}}
SPEEDS: Final = {"silent": 1, "standard": 2, "sport": 3, "ludicrous": 4}
OPTIONS: Final = {
    "auto_recovery": "auto_recovery",
    "auto_switch_filament": "auto_switch_filament",
    "sound": "sound_enable",
    "filament_tangle": "filament_tangle_detect",
}
"""Key of an option and its word in `print_option`."""
FAN_NUMBERS: Final = {"part": 1, "auxiliary": 2, "chamber": 3, "auxiliary_2": 10}
URL_FORMS: Final = ("ftp://{path}", "file:///sdcard{path}")
"""Current firmware, and what older X1, P1 and A1 want."""
_NO_SLOT: Final = 255
_FIRMWARE_KNOWS: Final = -1
_ids = random.SystemRandom()


def job_command(word: str) -> Command:
    """pause, resume or stop."""
    return {"print": {"command": word, "param": ""}}


def speed(profile: str) -> Command:
    """Choose one of `SPEEDS`."""
    return {"print": {"command": "print_speed", "param": str(SPEEDS[profile])}}


def light(node: str, *, on: bool) -> Command:
    """Switch a lamp."""
    return {
        "system": {
            "command": "ledctrl",
            "led_node": node,
            "led_mode": "on" if on else "off",
            "led_on_time": 500,
            "led_off_time": 500,
            "loop_times": 0,
            "interval_time": 0,
        }
    }


def gcode(lines: str) -> Command:
    """Run lines of G-code; they must end with a line feed."""
    return {"print": {"command": "gcode_line", "param": lines.rstrip("\n") + "\n"}}


def option(key: str, *, on: bool) -> Command:
    """Switch one of `OPTIONS`."""
    return {"print": {"command": "print_option", OPTIONS[key]: on}}


def chamber_target(celsius: int) -> Command:
    """Heat the chamber."""
    return {"print": {"command": "set_ctt", "ctt_val": celsius, "temper_check": True}}


def clear_error(error: int, subtask_id: str) -> Command:
    """Close the dialogue of a print error."""
    body = {"command": "clean_print_error", "subtask_id": subtask_id, "print_error": error}
    return {"print": body}


def start_plate(path: str, plate: int, model: Model, *, form: str, sources: Sources) -> Command:
    """Print a plate of a sliced 3MF that lies on the printer.

    The ids are ours and unique: they come back in the reports, so that the run can be told
    from any other. Flags must be true booleans; firmware takes a 1 for something else.
    """
    unique = str(_ids.randrange(1_000_000_000, 1 << 31))
    name = path.rsplit("/", 1)[-1]
    for ending in (".gcode.3mf", ".3mf"):
        name = name.removesuffix(ending)
    command: Command = {
        "print": {
            "command": "project_file",
            "param": f"Metadata/plate_{plate}.gcode",
            "url": form.format(path=path),
            "file": "",
            "md5": "",
            "subtask_name": name,
            "project_id": "0",
            "profile_id": "0",
            "task_id": unique,
            "subtask_id": unique,
            "bed_type": "auto",
            "timelapse": False,
            "bed_leveling": True,
            "flow_cali": True,
            "vibration_cali": model.vibration_calibration,
            "layer_inspect": True,
            "use_ams": sources.feeder,
            "ams_mapping": list(sources.flat),
            "cfg": "0",
        }
    }
    if sources.pairs is not None:
        command["print"]["ams_mapping2"] = [
            {"ams_id": unit, "slot_id": slot} for unit, slot in sources.pairs
        ]
    return command


def start_gcode(path: str) -> Command:
    """Print a bare G-code file that lies on the printer."""
    return {"print": {"command": "gcode_file", "param": f"/sdcard{path}"}}


def skip_objects(numbers: Sequence[int]) -> Command:
    """Leave objects of the running job out, by their `identify_id`."""
    return {"print": {"command": "skip_objects", "obj_list": list(numbers)}}


def load(unit: int, slot: int, target: int, celsius: int) -> Command:
    """Bring filament to the nozzle; the numbers come from `mapping.load_numbers`."""
    return _change(unit, slot, target, _FIRMWARE_KNOWS, celsius)


def unload(unit: int, celsius: int) -> Command:
    """Take the filament that came from a unit out of the nozzle."""
    return _change(unit, _NO_SLOT, _NO_SLOT, celsius, celsius)


def _change(unit: int, slot: int, target: int, from_c: int, to_c: int) -> Command:
    return {
        "print": {
            "command": "ams_change_filament",
            "ams_id": unit,
            "slot_id": slot,
            "target": target,
            "curr_temp": from_c,
            "tar_temp": to_c,
        }
    }


def home(axes: Sequence[str]) -> Command:
    """Find the origin of these axes; of all without any."""
    return gcode(" ".join(["G28", *(axis.upper() for axis in axes)]))


def move(distances: Mapping[str, float], mm_per_minute: int) -> Command:
    """Move by millimetres, with the soft end stops on, and leave every mode as it was."""
    words = " ".join(f"{axis.upper()}{distance:.2f}" for axis, distance in distances.items())
    return gcode(
        "M211 S\nM211 X1 Y1 Z1\nM1002 push_ref_mode\nG91\n"
        f"G1 {words} F{mm_per_minute}\nM1002 pop_ref_mode\nM211 R"
    )
