"""What a printer is doing, by the number in `stg_cur`.

The numbers are set by the G-code itself (`M1002 gcode_claim_action : N`), so a profile of one's
own may skip or repeat some. New firmware brings new numbers: those read as "stage_<n>".
"""

from __future__ import annotations

from typing import Final

STAGES: Final = {
    0: "printing",
    1: "bed_levelling",
    2: "bed_preheating",
    3: "vibration_compensation",
    4: "filament_change",
    5: "paused_m400",
    6: "paused_filament_runout",
    7: "nozzle_heating",
    8: "extrusion_calibration",
    9: "bed_scan",
    10: "first_layer_inspection",
    11: "plate_recognition",
    12: "lidar_calibration",
    13: "homing",
    14: "nozzle_cleaning",
    15: "temperature_check",
    16: "paused_by_user",
    17: "paused_front_cover",
    18: "lidar_calibration",
    19: "flow_calibration",
    20: "paused_nozzle_temperature",
    21: "paused_bed_temperature",
    22: "filament_unloading",
    23: "paused_skipped_step",
    24: "filament_loading",
    25: "motor_noise_calibration",
    26: "paused_ams_lost",
    27: "paused_heatbreak_fan",
    28: "paused_chamber_temperature",
    29: "chamber_cooling",
    30: "paused_by_gcode",
    31: "motor_demo",
    32: "paused_nozzle_covered",
    33: "paused_cutter",
    34: "paused_first_layer",
    35: "paused_nozzle_clog",
    36: "accuracy_check",
    37: "accuracy_check",
    38: "accuracy_check",
    39: "nozzle_offset_calibration",
    40: "hot_bed_levelling",
    41: "quick_release_check",
    42: "door_check",
    43: "laser_calibration",
    44: "platform_check",
    45: "birdseye_camera_check",
    46: "birdseye_camera_calibration",
    47: "bed_levelling_phase_1",
    48: "bed_levelling_phase_2",
    49: "chamber_heating",
    50: "bed_cooling",
    51: "calibration_lines",
    52: "material_check",
    53: "live_view_calibration",
    54: "waiting_for_bed",
    55: "material_position_check",
    56: "cutter_offset_calibration",
    57: "surface_measuring",
    58: "thermal_preconditioning",
    59: "blade_holder_check",
    60: "camera_offset_calibration",
    61: "blade_position_calibration",
    62: "hotend_change",
    63: "chamber_equalising",
    64: "hotend_preparation",
    65: "clump_detector_calibration",
    66: "air_purification",
    67: "rotary_check",
    68: "moving_over_purge_chute",
    69: "nozzle_cooling",
    70: "moving_to_bed_centre",
    71: "arc_fitting",
    72: "hotend_type_check",
    73: "plate_alignment",
    74: "foreign_object_check",
    75: "foreign_object_check",
    76: "pre_extrusion",
    77: "ams_preparation",
}
"""Translation key of every known stage."""

IDLE_STAGES: Final = frozenset({-1, 255})
WANTED_PAUSES: Final = frozenset({5, 16, 30})
"""A person or the file itself asked for the pause."""
FORCED_PAUSES: Final = frozenset({6, 17, 20, 21, 23, 26, 27, 28, 32, 33, 34, 35})
"""The printer stands still until a person does something."""
PREPARATION: Final = frozenset(
    {*range(1, 4), *range(7, 16), 18, 19, 25, 29, *range(36, 55), 57, 58, 60}
    | {*range(63, 67), *range(68, 71), *range(72, 78)}
)
"""Before the first layer these belong to getting ready."""


def stage_key(number: int | None) -> str | None:
    """Return the key of a stage; None when idle or unsaid."""
    if number is None or number in IDLE_STAGES:
        return None
    return STAGES.get(number, f"stage_{number}" if 0 <= number < 1000 else None)
