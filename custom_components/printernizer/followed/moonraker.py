"""The custom integration for Moonraker (moonraker-home-assistant), version 1.13.3.

It polls every 30 s, every 2 s while printing. The job's facts are empty or 0 unless Klipper says
"printing", also in a pause. Its unique ids begin with the id of its config entry; it does not know
who the printer is.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ..engine.printer import PrinterState, Severity
from .source import Condition, Entity, Nuance, Services, Source

_PRINTING: Final = frozenset({"printing"})


def _sensor(key: str, *, job: bool = False) -> Entity:
    return Entity(
        domain="sensor",
        unique_id="{stem}_" + key,
        only_while=_PRINTING if job else frozenset(),
    )


def _of(domain: str, key: str) -> Entity:
    return Entity(domain=domain, unique_id="{stem}_" + key)


MOONRAKER: Final = Source(
    domain="moonraker",
    title="Moonraker",
    words=MappingProxyType(
        {
            "standby": PrinterState.IDLE,
            "printing": PrinterState.PRINTING,
            "paused": PrinterState.PAUSED,
            "complete": PrinterState.FINISHED,
            "cancelled": PrinterState.CANCELLED,
            "error": PrinterState.FAILED,
        }
    ),
    host_words=MappingProxyType(
        {
            "startup": PrinterState.BUSY,
            "shutdown": PrinterState.FAILED,
            "error": PrinterState.FAILED,
        }
    ),
    complaints=MappingProxyType({"error": Severity.FATAL, "shutdown": Severity.FATAL}),
    nuances=(
        Nuance(
            state=PrinterState.IDLE,
            becomes=PrinterState.BUSY,
            when=(Condition(key="activity", words=frozenset({"Printing"})),),
        ),
        # Klipper begins to count with the first extrusion.
        Nuance(
            state=PrinterState.PRINTING,
            becomes=PrinterState.PREPARING,
            when=(Condition(key="elapsed", is_zero=True),),
        ),
        Nuance(
            state=PrinterState.PAUSED,
            becomes=PrinterState.ATTENTION,
            when=(Condition(key="filament_", is_off=True),),
        ),
    ),
    entities=MappingProxyType(
        {
            "state": _sensor("print_state"),
            "host_state": _sensor("state"),
            "activity": _sensor("idle_timeout_state"),
            "message": _sensor("print_message"),
            "host_message": _sensor("message"),
            "name": _sensor("filename", job=True),
            "progress": _sensor("progress", job=True),
            "elapsed": _sensor("print_duration", job=True),
            "remaining": _sensor("print_time_left", job=True),
            "layer": _sensor("current_layer", job=True),
            "layers": _sensor("total_layer", job=True),
            "filament": _sensor("filament_used", job=True),
            "tool_{n}": _sensor(r"extruder(?P<n>\d?)_temp"),
            "tool_{n}_target": _of("number", r"extruder(?P<n>\d?)_target"),
            "bed": _sensor("heater_bed_temp"),
            "bed_target": _of("number", "heater_bed_target"),
            "chamber": _sensor("(?:heater_generic_chamber_temperature|temperature_sensor_chamber)"),
            "fan_part": _of("number", "fan_speed"),
            "fan_{name}": _sensor(r"(?:heater_fan|controller_fan)_(?P<name>(?:(?!_rpm$).)+)"),
            "speed": _of("number", "speed_factor"),
            "z": _sensor("toolhead_position_z"),
            "queued": _sensor("queue_count"),
            "filament_{name}": _of(
                "binary_sensor", r"filament_(?:switch|motion)_sensor_(?P<name>.+)"
            ),
            "heater_tool_{n}": _of("number", r"extruder(?P<n>\d?)_target"),
            "heater_bed": _of("number", "heater_bed_target"),
            "heater_chamber": _of("number", "heater_generic_chamber_target_number"),
            "set_fan_part": _of("number", "fan_speed"),
            "set_speed": _of("number", "speed_factor"),
            "light_{name}": _of("light", r"(?:led|neopixel|dotstar|pca9533|pca9632) (?P<name>.+)"),
            "outlet_{name}": _of("switch", "(?P<name>(?!output_pin ).+)"),
            "button_pause": _of("button", "pause_print"),
            "button_resume": _of("button", "resume_print"),
            "button_cancel": _of("button", "cancel_print"),
            "button_stop": _of("button", "emergency_stop"),
            "home_x": _of("button", "home_x_axis"),
            "home_y": _of("button", "home_y_axis"),
            "home_z": _of("button", "home_z_axis"),
            "home_": _of("button", "home_all_axes"),
            "camera_{name}": _of("camera", r"(?P<name>.+)_\d{{1,3}}"),
            "picture": _of("camera", "thumbnail"),
        }
    ),
    services=Services(gcode="send_gcode"),
    maker="Klipper",
    names_model=False,
)
