"""The custom integration for Bambu Lab printers (ha-bambulab), version 2.2.23-beta3.

It is pushed to, over the LAN or the maker's cloud. Its unique ids hold the printer's serial
number. A cancelled job has the word of a failed one; the code that tells them apart stands for
seconds, and an event on the bus says it as well. Without Developer Mode it adds no buttons.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

from ..engine.printer import PrinterState
from .source import Cancel, Condition, Entity, Nuance, Services, Source

STAGES: Final = MappingProxyType(
    {
        "printing": "printing",
        "auto_bed_leveling": "bed_levelling",
        "heatbed_preheating": "bed_preheating",
        "sweeping_xy_mech_mode": "vibration_compensation",
        "changing_filament": "filament_change",
        "m400_pause": "paused_m400",
        "paused_filament_runout": "paused_filament_runout",
        "heating_hotend": "nozzle_heating",
        "calibrating_extrusion": "extrusion_calibration",
        "scanning_bed_surface": "bed_scan",
        "inspecting_first_layer": "first_layer_inspection",
        "identifying_build_plate_type": "plate_recognition",
        "calibrating_micro_lidar": "lidar_calibration",
        "homing_toolhead": "homing",
        "cleaning_nozzle_tip": "nozzle_cleaning",
        "checking_extruder_temperature": "temperature_check",
        "paused_user": "paused_by_user",
        "paused_front_cover_falling": "paused_front_cover",
        "calibrating_extrusion_flow": "flow_calibration",
        "paused_nozzle_temperature_malfunction": "paused_nozzle_temperature",
        "paused_heat_bed_temperature_malfunction": "paused_bed_temperature",
        "filament_unloading": "filament_unloading",
        "paused_skipped_step": "paused_skipped_step",
        "filament_loading": "filament_loading",
        "calibrating_motor_noise": "motor_noise_calibration",
        "paused_ams_lost": "paused_ams_lost",
        "paused_low_fan_speed_heat_break": "paused_heatbreak_fan",
        "paused_chamber_temperature_control_error": "paused_chamber_temperature",
        "cooling_chamber": "chamber_cooling",
        "paused_user_gcode": "paused_by_gcode",
        "motor_noise_showoff": "motor_demo",
        "paused_nozzle_filament_covered_detected": "paused_nozzle_covered",
        "paused_cutter_error": "paused_cutter",
        "paused_first_layer_error": "paused_first_layer",
        "paused_nozzle_clog": "paused_nozzle_clog",
        "check_absolute_accuracy_before_calibration": "accuracy_check",
        "absolute_accuracy_calibration": "accuracy_check",
        "check_absolute_accuracy_after_calibration": "accuracy_check",
        "calibrate_nozzle_offset": "nozzle_offset_calibration",
        "bed_level_high_temperature": "hot_bed_levelling",
        "check_quick_release": "quick_release_check",
        "check_door_and_cover": "door_check",
        "laser_calibration": "laser_calibration",
        "check_plaform": "platform_check",
        "check_birdeye_camera_position": "birdseye_camera_check",
        "calibrate_birdeye_camera": "birdseye_camera_calibration",
        "bed_level_phase_1": "bed_levelling_phase_1",
        "bed_level_phase_2": "bed_levelling_phase_2",
        "heating_chamber": "chamber_heating",
        "heated_bedcooling": "bed_cooling",
        "print_calibration_lines": "calibration_lines",
        "check_material": "material_check",
        "calibrating_live_view_camera": "live_view_calibration",
        "waiting_for_heatbed_temperature": "waiting_for_bed",
        "check_material_position": "material_position_check",
        "calibrating_cutter_model_offset": "cutter_offset_calibration",
        "measuring_surface": "surface_measuring",
        "thermal_preconditioning": "thermal_preconditioning",
        "homing_blade_holder": "blade_holder_check",
        "calibrating_camera_offset": "camera_offset_calibration",
        "calibrating_blade_holder_position": "blade_position_calibration",
        "hotend_pick_place_test": "hotend_change",
        "waiting_chamber_temperature_equalize": "chamber_equalising",
        "preparing_hotend": "hotend_preparation",
        "calibrating_detection_nozzle_clumping": "clump_detector_calibration",
        "purifying_chamber_air": "air_purification",
        "measuring_rotary_attachment": "rotary_check",
        "moving_toolhead_above_purge_chute": "moving_over_purge_chute",
        "cooling_nozzle": "nozzle_cooling",
        "moving_toolhead_to_center_of_heatbed": "moving_to_bed_centre",
        "active_arc_fitting": "arc_fitting",
        "hotend_type_detection": "hotend_type_check",
        "build_plate_alignment_detection": "plate_alignment",
        "heatbed_surface_foreign_object_detection": "foreign_object_check",
        "heatbed_underside_foreign_object_detection": "foreign_object_check",
        "pre_extrusion_before_printing": "pre_extrusion",
        "preparing_ams": "ams_preparation",
    }
)
"""Its words for stages, into ours."""

_AT_REST: Final = frozenset({"idle", "offline", "unknown", "printing"})
_FORCED_PAUSES: Final = frozenset(
    word
    for word in STAGES
    if word.startswith("paused_") and word not in {"paused_user", "paused_user_gcode"}
)
_MID_PRINT: Final = frozenset(
    {
        "printing",
        "changing_filament",
        "m400_pause",
        "filament_unloading",
        "filament_loading",
        "motor_noise_showoff",
        "check_material_position",
        "calibrating_cutter_model_offset",
        "homing_blade_holder",
        "calibrating_blade_holder_position",
        "hotend_pick_place_test",
        "measuring_rotary_attachment",
        "active_arc_fitting",
    }
)
"""Stages that do not belong to getting ready, even before the first layer."""
_PREPARATION: Final = (
    frozenset(STAGES)
    - _MID_PRINT
    - _FORCED_PAUSES
    - {
        "paused_user",
        "paused_user_gcode",
    }
)


def _sensor(key: str) -> Entity:
    return Entity(domain="sensor", unique_id="{stem}_" + key)


def _of(domain: str, key: str) -> Entity:
    return Entity(domain=domain, unique_id="{stem}_" + key)


BAMBU_LAB: Final = Source(
    domain="bambu_lab",
    title="Bambu Lab",
    words=MappingProxyType(
        {
            "idle": PrinterState.IDLE,
            "init": PrinterState.PREPARING,
            "slicing": PrinterState.PREPARING,
            "prepare": PrinterState.PREPARING,
            "running": PrinterState.PRINTING,
            "pause": PrinterState.PAUSED,
            "finish": PrinterState.FINISHED,
            "failed": PrinterState.FAILED,
            "offline": PrinterState.OFFLINE,
            "unknown": PrinterState.UNKNOWN,
        }
    ),
    nuances=(
        Nuance(
            state=PrinterState.PRINTING,
            becomes=PrinterState.PREPARING,
            when=(
                Condition(key="stage", words=_PREPARATION),
                Condition(key="layer", is_zero=True),
            ),
        ),
        Nuance(
            state=PrinterState.PAUSED,
            becomes=PrinterState.ATTENTION,
            when=(Condition(key="stage", words=_FORCED_PAUSES),),
        ),
        Nuance(
            state=PrinterState.PAUSED,
            becomes=PrinterState.ATTENTION,
            when=(Condition(key="error", is_on=True),),
        ),
        Nuance(
            state=PrinterState.IDLE,
            becomes=PrinterState.BUSY,
            when=(Condition(key="stage", words=frozenset(STAGES) - _AT_REST),),
        ),
        Nuance(
            state=PrinterState.IDLE,
            becomes=PrinterState.BUSY,
            when=(Condition(key="origin", words=frozenset({"system"})),),
        ),
    ),
    stages=STAGES,
    cancel=Cancel(
        codes=frozenset({"0300_400C", "0500_400E"}),
        event_type="bambu_lab_event",
        event="event_print_canceled",
    ),
    entities=MappingProxyType(
        {
            "state": _sensor("print_status"),
            "stage": _sensor("stage"),
            "origin": _sensor("print_type"),
            "name": _sensor("subtask_name"),
            "path": _sensor("gcode_file"),
            "progress": _sensor("print_progress"),
            "remaining": _sensor("remaining_time"),
            "start": _sensor("start_time"),
            "layer": _sensor("current_layer"),
            "layers": _sensor("total_layers"),
            "tool_0": _sensor("(?:right_)?nozzle_temp"),
            "tool_0_target": _sensor("(?:right_target|target)_nozzle_temp"),
            "tool_1": _sensor("left_nozzle_temp"),
            "tool_1_target": _sensor("left_target_nozzle_temp"),
            "nozzle_0": _sensor("(?:right_)?nozzle_diameter"),
            "nozzle_type_0": _sensor("(?:right_)?nozzle_type"),
            "nozzle_1": _sensor("left_nozzle_diameter"),
            "nozzle_type_1": _sensor("left_nozzle_type"),
            "bed": _sensor("bed_temp"),
            "bed_target": _sensor("target_bed_temp"),
            "chamber": _sensor("chamber_temp"),
            "chamber_target": _sensor("target_chamber_temp"),
            "fan_part": _sensor("cooling_fan_speed"),
            "fan_auxiliary": _sensor("aux_fan_speed"),
            "fan_chamber": _sensor("chamber_fan_speed"),
            "fan_heatbreak": _sensor("heatbreak_fan_speed"),
            "fan_auxiliary_2": _sensor("secondary_aux_fan_speed"),
            "profile": _sensor("speed_profile"),
            "hms": _of("binary_sensor", "hms"),
            "error": _of("binary_sensor", "print_error"),
            "door": _of("binary_sensor", "door_open"),
            "filament_nozzle": _of("binary_sensor", "extruder_filament_state"),
            "card": _sensor("sdcard_status"),
            "wifi": _sensor("wifi_signal"),
            "usage": _sensor("total_usage_hours"),
            "transfer": _sensor("model_download_percentage"),
            "new_firmware": _of("update", "firmware_update"),
            "objects": _sensor("printable_objects"),
            "skipped": _sensor("skipped_objects"),
            "tray_{serial}_{n}": Entity(
                domain="sensor", unique_id=r".+_{stem}_AMS_(?P<serial>.+)_tray_(?P<n>[1-4])"
            ),
            "humidity_{serial}": Entity(
                domain="sensor", unique_id=r".+_{stem}_AMS_(?P<serial>.+)_humidity"
            ),
            "climate_{serial}": Entity(
                domain="sensor", unique_id=r".+_{stem}_AMS_(?P<serial>.+)_temperature"
            ),
            "drying_{serial}": Entity(
                domain="sensor", unique_id=r".+_{stem}_AMS_(?P<serial>.+)_remaining_drying_time"
            ),
            "spool_{n}": Entity(
                domain="sensor", unique_id=r".+_{stem}_ExternalSpool(?P<n>\d?)_external_spool"
            ),
            "heater_tool_0": _of("number", "target_nozzle_temperature"),
            "heater_bed": _of("number", "target_bed_temperature"),
            "heater_chamber": _of("number", "target_chamber_temperature"),
            "set_fan_part": _of("fan", "cooling_fan"),
            "set_fan_auxiliary": _of("fan", "aux_fan"),
            "set_fan_chamber": _of("fan", "chamber_fan"),
            "set_fan_auxiliary_2": _of("fan", "secondary_aux_fan"),
            "set_profile": _of("select", "Speed"),
            "light_chamber_light": _of("light", "(?:chamber|camera)_light"),
            "light_heatbed_light": _of("light", "heatbed_light"),
            "button_pause": _of("button", "pause"),
            "button_resume": _of("button", "resume"),
            "button_cancel": _of("button", "stop"),
            "camera_camera": _of("camera", "camera"),
            "camera_chamber": _of("image", "p1p_camera"),
            "picture": _of("image", "cover_image"),
        }
    ),
    services=Services(
        start="print_project_file",
        gcode="send_command",
        gcode_field="command",
        skip="skip_objects",
        move="move_axis",
    ),
    identifier_is_serial=True,
    no_buttons_is_read_only=True,
    unit_name=r"_AMS_(\d{1,3})$",
    push=True,
)
