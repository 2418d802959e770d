"""What Klipper says of a virtual machine: every object with its fields, as recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Fault, Phase

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import Heater, Run

    from .klipper import Json, Klipper

_DENSITY: Final = {"PLA": 1.24, "PETG": 1.27, "ABS": 1.04, "TPU": 1.21}
"""Grams per cubic centimetre."""
_AREA_MM2: Final = 2.4053
"""Cross section of 1.75 mm filament."""
HEAD_SHARE: Final = 0.1
"""Share of a file's bytes that lies before its first layer: comments, thumbnails, start code."""


def describe(klipper: Klipper) -> dict[str, Json]:
    """Return all objects of this configuration."""
    return {
        **_host(klipper),
        **_job(klipper),
        **_heat(klipper),
        **_air(klipper),
        **_motion(klipper),
        "filament_switch_sensor runout": {
            "filament_detected": klipper.machine.fault is not Fault.RUNOUT,
            "enabled": klipper.sensor_enabled,
        },
        "filament_motion_sensor encoder": {
            "filament_detected": klipper.machine.fault is not Fault.JAM,
            "enabled": klipper.sensor_enabled,
        },
        "led bedlight": {"color_data": [list(klipper.led)]},
        "output_pin beeper": {"value": 0.0},
        "output_pin caselight": {"value": 1.0 if klipper.machine.light else 0.0},
        **{f"gcode_macro {name}": dict(macro.variables) for name, macro in klipper.macros.items()},
    }


def filament_mm(run: Run) -> float:
    """Return how much filament a run has used."""
    return sum(run.used_g) / (_DENSITY.get(run.plate.material, 1.24) * _AREA_MM2) * 1000


def _host(klipper: Klipper) -> dict[str, Json]:
    busy = klipper.print_state == "printing" or klipper.running_script
    return {
        "gcode": {"commands": {}},
        "webhooks": {"state": klipper.state, "state_message": klipper.state_message},
        "configfile": {
            "config": {},
            "settings": _settings(klipper),
            "warnings": [],
            "save_config_pending": False,
            "save_config_pending_items": {},
        },
        "mcu": {"mcu_version": klipper.machine.firmware, "last_stats": {}},
        "heaters": _heaters(klipper),
        "idle_timeout": {
            "state": "Printing" if busy else "Ready" if klipper.homed else "Idle",
            "printing_time": 0.0,
            "idle_timeout": 3600.0,
        },
        "system_stats": {"sysload": 0.5, "cputime": 10.0, "memavail": 700000},
        "stepper_enable": {"steppers": {}},
        "query_endstops": {"last_query": {}},
    }


def _heaters(klipper: Klipper) -> Json:
    names = ["heater_bed", *(_tool_name(index) for index in range(len(klipper.machine.tools)))]
    if klipper.machine.chamber is not None:
        names.append("heater_generic chamber")
    return {
        "available_heaters": names,
        "available_sensors": [*names, "temperature_sensor host"],
        "available_monitors": [],
    }


def _settings(klipper: Klipper) -> Json:
    """Return the configuration as Klipper read it: section names in lower case."""
    settings: Json = {
        "printer": {"kinematics": klipper.outlook.kinematics, "max_velocity": 300.0},
        "heater_bed": {"min_temp": 0.0, "max_temp": 120.0},
    }
    for index in range(len(klipper.machine.tools)):
        settings[_tool_name(index)] = {
            "min_temp": 0.0,
            "max_temp": 300.0,
            "min_extrude_temp": 170.0,
            "nozzle_diameter": 0.4,
        }
    if klipper.machine.chamber is not None:
        settings["heater_generic chamber"] = {"min_temp": 0.0, "max_temp": 70.0}
    for name in klipper.macros:
        settings[f"gcode_macro {name.lower()}"] = {"gcode": "", "rename_existing": None}
    return settings


def _tool_name(index: int) -> str:
    return f"extruder{index or ''}"


# -- the job -------------------------------------------------------------------------------------


def _job(klipper: Klipper) -> dict[str, Json]:
    card = _card(klipper)
    slicer = _slicer_progress(klipper)
    there = klipper.objects_of_job()
    return {
        "print_stats": _print_stats(klipper),
        "virtual_sdcard": card,
        "display_status": {
            "progress": card["progress"] if slicer is None else slicer,
            "message": klipper.message,
        },
        "pause_resume": {"is_paused": klipper.print_state == "paused" or klipper.idle_paused},
        "exclude_object": {
            "objects": [
                {"name": name, "center": [50.0 + 40 * index, 60.0], "polygon": []}
                for index, name in enumerate(there)
            ],
            "excluded_objects": list(klipper.excluded),
            "current_object": there[0] if there and not klipper.excluded else None,
        },
    }


def _print_stats(klipper: Klipper) -> Json:
    machine, run = klipper.machine, klipper.machine.run
    if run is None:
        stats: Json = {"filename": "", "total_duration": 0.0, "print_duration": 0.0}
        return stats | {
            "filament_used": 0.0,
            "state": klipper.print_state,
            "message": "",
            "info": {"total_layer": None, "current_layer": None},
        }
    layers = klipper.outlook.layers and machine.layer > 0
    return {
        "filename": run.path.lstrip("/"),
        "total_duration": (run.ended or machine.now()) - run.started,
        "print_duration": run.printed_s,
        "filament_used": filament_mm(run),
        "state": klipper.print_state,
        "message": klipper.print_error,
        "info": {
            "total_layer": run.plate.layers if layers else None,
            "current_layer": machine.layer if layers else None,
        },
    }


def _card(klipper: Klipper) -> Json:
    run = klipper.machine.run
    if run is None or klipper.machine.phase is Phase.CANCELLED:
        return _card_of(None, 0.0, active=False, position=0, size=0)
    file = klipper.machine.files.get(run.path)
    size = len(file.content) if file else 1000
    if klipper.machine.phase is Phase.FINISHED:
        return _card_of(None, 1.0, active=False, position=size, size=size)
    share = HEAD_SHARE + (1 - HEAD_SHARE) * run.progress
    return _card_of(
        klipper.gcodes + run.path,
        share,
        active=klipper.print_state == "printing",
        position=int(size * share),
        size=size,
    )


def _card_of(path: str | None, share: float, *, active: bool, position: int, size: int) -> Json:
    return {
        "file_path": path,
        "progress": share,
        "is_active": active,
        "file_position": position,
        "file_size": size,
    }


def _slicer_progress(klipper: Klipper) -> float | None:
    """Return what M73 said last, in whole per cent; None before its first line."""
    machine = klipper.machine
    if not klipper.outlook.slicer_progress or machine.run is None:
        return None
    if machine.phase not in IN_JOB or machine.run.progress <= 0:
        return None
    return int(machine.run.progress * 100) / 100


# -- heat, air, motion ---------------------------------------------------------------------------


def _heat(klipper: Klipper) -> dict[str, Json]:
    machine = klipper.machine
    found = {_tool_name(index): _tool(heater) for index, heater in enumerate(machine.tools)}
    if klipper.outlook.broken_sensor:
        found["extruder"]["temperature"] = None
    found["heater_bed"] = _heater(machine.bed)
    if machine.chamber is not None:
        found["heater_generic chamber"] = _heater(machine.chamber)
    found["temperature_sensor host"] = {
        "temperature": 45.0,
        "measured_min_temp": 45.0,
        "measured_max_temp": 45.0,
    }
    return found


def _heater(heater: Heater) -> Json:
    power = 0.0 if heater.target_c <= 0 else 0.3 if heater.settled else 1.0
    return {
        "temperature": round(heater.actual_c, 2),
        "target": float(heater.target_c),
        "power": power,
    }


def _tool(heater: Heater) -> Json:
    return _heater(heater) | {
        "can_extrude": heater.actual_c >= 170,
        "pressure_advance": 0.0,
        "smooth_time": 0.04,
        "motion_queue": None,
    }


def _air(klipper: Klipper) -> dict[str, Json]:
    found: dict[str, Json] = {}
    for key, percent in klipper.machine.fan_percent.items():
        name = {"part": "fan", "hotend": "heater_fan hotend"}.get(key, f"fan_generic {key}")
        found[name] = {"speed": percent / 100, "rpm": None}
    return found


def _motion(klipper: Klipper) -> dict[str, Json]:
    machine = klipper.machine
    position = [*(round(machine.position[axis], 3) for axis in "xyz"), 0.0]
    return {
        "toolhead": {
            "homed_axes": klipper.homed,
            "axis_minimum": [0.0, 0.0, 0.0, 0],
            "axis_maximum": [*machine.travel_mm.values(), 0],
            "print_time": klipper.eventtime,
            "stalls": 0,
            "estimated_print_time": klipper.eventtime,
            "extruder": _tool_name(machine.active_tool),
            "position": position,
            "max_velocity": 300.0,
            "max_accel": 5000.0,
            "minimum_cruise_ratio": 0.5,
            "square_corner_velocity": 5.0,
            "extra_axes": {"extruder": 3},
        },
        "gcode_move": {
            "speed_factor": machine.speed_percent / 100,
            "speed": 1500.0,
            "extrude_factor": klipper.flow_percent / 100,
            "absolute_coordinates": not klipper.relative,
            "absolute_extrude": True,
            "homing_origin": [0.0, 0.0, 0.0, 0.0],
            "position": position,
            "gcode_position": position,
            "axis_map": {"X": 0, "Y": 1, "Z": 2, "E": 3},
        },
        "motion_report": {
            "live_position": position,
            "live_velocity": 0.0,
            "live_extruder_velocity": 0.0,
            "steppers": ["extruder", "stepper_x", "stepper_y", "stepper_z"],
            "trapq": ["extruder", "toolhead"],
        },
    }
