"""What people, templates and forums write into the fields of actions."""

from __future__ import annotations

from typing import Any

import pytest
import voluptuous as vol

from custom_components.printernizer import fields
from custom_components.printernizer.services import ACTIONS, schema_of

HOSTILE: list[tuple[str, dict[str, Any]]] = [
    ("start_print", {"path": "/../etc/passwd"}),
    ("start_print", {"path": "  "}),
    ("start_print", {"path": "/a\nb"}),
    ("start_print", {"path": "/" + "a" * 2000}),
    ("start_print", {"path": "/a", "plate": 0}),
    ("start_print", {"path": "/a", "slots": ["0_0"] * 65}),
    ("start_print", {"path": "/a", "slots": ["0 0"]}),
    ("start_print", {"path": "/a", "slots": ["0_0\n"]}),
    ("start_print", {"path": "/a", "override": "perhaps"}),
    ("start_print", {}),
    ("upload_file", {}),
    ("upload_file", {"source": ""}),
    ("upload_file", {"source": "/media/a\x00.gcode"}),
    ("upload_file", {"source": "/media/" + "a" * 2000}),
    ("upload_file", {"source": "/media/a.gcode", "path": "../a.gcode"}),
    ("print_file", {"source": "/media/a.gcode", "plate": 101}),
    ("delete_file", {"path": "/models/../../a"}),
    ("delete_file", {}),
    ("list_files", {"path": "/a/../.."}),
    ("send_gcode", {"gcode": ""}),
    ("send_gcode", {"gcode": "G28\x00"}),
    ("send_gcode", {"gcode": "G1 X1\n" * 5000}),
    ("send_gcode", {"gcode": [{"G": 28}]}),
    ("set_temperature", {"heater": "oven", "celsius": 60}),
    ("set_temperature", {"heater": "bed\n", "celsius": 60}),
    ("set_temperature", {"heater": "bed", "celsius": "nan"}),
    ("set_temperature", {"heater": "bed", "celsius": -1}),
    ("set_temperature", {"heater": "bed", "celsius": 501}),
    ("move_axis", {}),
    ("move_axis", {"x": 0, "y": 0.0}),
    ("move_axis", {"x": "nan"}),
    ("move_axis", {"x": "inf"}),
    ("move_axis", {"z": -2001}),
    ("move_axis", {"x": 1, "speed_mm_s": 0}),
    ("move_axis", {"x": 1, "speed_mm_s": "inf"}),
    ("move_axis", {"e": 1}),
    ("home", {"axes": ["x", "w"]}),
    ("home", {"axes": [["x"]]}),
    ("load_filament", {"slot": "0_0;M112"}),
    ("skip_objects", {}),
    ("skip_objects", {"objects": []}),
    ("skip_objects", {"objects": [" "]}),
    ("skip_objects", {"objects": ["a\nb"]}),
    ("skip_objects", {"objects": [str(n) for n in range(1001)]}),
    ("run_macro", {"name": "CLEAN NOZZLE"}),
    ("run_macro", {"name": "CLEAN\nM112"}),
    ("run_macro", {"name": "C" * 101}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A B": 1}}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A\n": 1}}),
    ("run_macro", {"name": "CLEAN", "parameters": {1: 1}}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A": "x\nM112"}}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A": "x" * 501}}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A": float("nan")}}),
    ("run_macro", {"name": "CLEAN", "parameters": {"A": [1]}}),
    ("run_macro", {"name": "CLEAN", "parameters": {f"P{n}": n for n in range(51)}}),
    ("run_macro", {"name": "CLEAN", "parameters": "A=1"}),
    ("maintain", {"task": "self_destruct"}),
    ("list_past_prints", {"limit": 0}),
    ("list_past_prints", {"limit": 101}),
    ("pause", {"force": True}),
    ("pause", {"device_id": []}),
    ("pause", {"device_id": [f"d{n}" for n in range(1001)]}),
]


@pytest.mark.parametrize(("action", "data"), HOSTILE)
def test_nonsense_is_refused_before_any_printer_hears_of_it(
    action: str, data: dict[str, Any]
) -> None:
    """What a template renders at three in the morning is checked like what a person types."""
    with pytest.raises(vol.Invalid):
        schema_of(ACTIONS[action])({"device_id": "x", **data})


@pytest.mark.parametrize(
    ("action", "data", "read"),
    [
        ("start_print", {"path": "a.3mf", "plate": "2"}, {"path": "/a.3mf", "plate": 2}),
        ("start_print", {"path": "/a", "slots": ["0_1", "", None]}, {"slots": ["0_1", None, None]}),
        ("start_print", {"path": "/a", "slots": "external"}, {"slots": ["external"]}),
        ("start_print", {"path": "/a"}, {"slots": [], "override": False}),
        ("upload_file", {"source": "/m/ä.gcode", "path": "models/"}, {"path": "/models/"}),
        ("move_axis", {"x": "1.5", "z": -10}, {"x": 1.5, "z": -10.0}),
        ("home", {}, {"axes": []}),
        ("home", {"axes": ["Y", "x", "y"]}, {"axes": ["y", "x"]}),
        ("skip_objects", {"objects": ["b", 7, "b"]}, {"objects": ["b", "7"]}),
        (
            "run_macro",
            {"name": "PROBE_2.x", "parameters": {"T": 210, "FAST": True, "SLOW": False, "N": ""}},
            {"parameters": {"T": "210", "FAST": "1", "SLOW": "0", "N": ""}},
        ),
        ("run_macro", {"name": "PURGE"}, {"parameters": {}}),
        ("list_past_prints", {}, {"limit": 20}),
    ],
)
def test_what_makes_sense_is_read_as_it_was_meant(
    action: str, data: dict[str, Any], read: dict[str, Any]
) -> None:
    """People write a list of one without its brackets, and numbers as text."""
    checked = schema_of(ACTIONS[action])({"device_id": "x", **data})
    assert checked.items() >= read.items()


def test_a_list_of_gcode_lines_is_one_text() -> None:
    """Both ways of writing YAML are in use."""
    assert fields.gcode_lines(["G28", "G29"]) == "G28\nG29"
