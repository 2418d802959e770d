"""How much a file lays down: rule 9 of the ledger, whatever the slicer's dialect."""

from __future__ import annotations

import math
import re
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.account import Role
from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats import command, source
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.formats.feed import Account
from custom_components.printernizer.engine.formats.scan import scan
from tests.engine.formats.test_facts import archive, bgcode, block

if TYPE_CHECKING:
    from custom_components.printernizer.engine.extrusion import Extrusion

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"
SOME = "M83\nG1 X1 E5\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it"


def read(path: Path, content: bytes | str, plate: int | None = None) -> Extrusion:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_extrusion(path, plate)


def lengths(path: Path, *lines: str) -> dict[int, float]:
    """Return net millimetres by tool."""
    extrusion = read(path, "; it\n" + "\n".join(lines) + "\n")
    return {tool.tool: round(tool.total_mm, 6) for tool in extrusion.tools}


# -- rule 9 ------------------------------------------------------------------------------------


def test_retraction_and_priming_cancel_out(path: Path) -> None:
    """Vector 4: whoever adds them up charges 580 mm for 500."""
    assert lengths(path, "M83", *["G1 X1 E5", "G1 E-0.8", "G1 E.8"] * 100) == {0: 500.0}


def test_the_same_with_absolute_positions(path: Path) -> None:
    lines, stands = ["M82", "G92 E0"], 0.0
    for _ in range(100):
        for by in (5.0, -0.8, 0.8):
            stands += by
            lines.append(f"G1 X1 E{stands:.5f}")
    assert lengths(path, *lines) == {0: 500.0}


DIALECTS = {
    "absolute is where firmwares start": (["G1 X1 E5", "G1 X2 E7"], 7),
    "where E stands gets a new name": (["M82", "G1 X1 E5", "G92 E0", "G1 X2 E7"], 12),
    "every axis gets a new name": (["M82", "G1 X1 E5", "G92", "G1 X2 E7"], 12),
    "another axis gets one": (["M82", "G1 X1 E5", "G92 X0 Y0", "G1 X2 E7"], 7),
    "a new name when relative": (["M83", "G1 E5", "G92 E100", "M82", "G1 E107"], 12),
    "relative steps are remembered": (["M83", "G1 E5", "G1 E2", "M82", "G1 E9"], 9),
    "a switch each way": (["M82", "G1 E5", "M83", "G1 E5", "M82", "G1 E11"], 11),
    "everything relative": (["G91", "G1 X1 E5", "G1 X1 E2", "G90", "G1 E8"], 8),
    "absolute axes, relative E": (["M83", "G90", "G1 X1 E5", "G1 X1 E2"], 7),
    "less than was pulled back": (["M83", "G1 E5", "G1 E-3", "G1 E2", "G1 X1 E2"], 6),
    "pulled back before anything": (["M83", "G1 E-2", "G1 E2", "G1 X1 E3"], 3),
    "pulled back at the end": (["M83", "G1 X1 E3", "G1 E-80"], 3),
    "the firmware retracts": (["M83", "G1 X1 E5", "G10", "G0 X9", "G11", "G1 E5"], 10),
    "arcs": (["M83", "G2 X1 Y1 I2 J3 E5", "G3 X1 Y1 R2 E2.5"], 7.5),
    "a curve": (["M83", "G5 I0 J3 P0 Q-3 X90 Y130 E4"], 4),
    "travel that extrudes": (["M83", "G0 X1 E5"], 5),
    "inches": (["M83", "G20", "G1 X1 E1", "G21", "G1 X1 E1"], 26.4),
    "inches, absolute": (["M82", "G20", "G1 X1 E1", "G1 X1 E2"], 50.8),
    "a volume": (["M83", "M200 D1.75", f"G1 X1 E{math.pi * 0.875**2:.9f}"], 1),
    "a volume no more": (["M83", "M200 D1.75", "M200 D0", "G1 E2"], 2),
    "a volume switched off": (["M83", "M200 D1.75", "M200 S0", "G1 E2"], 2),
    "no blanks": (["M83", "G1X10.5Y2E5F300", "G1X1E-1", "G1X1E2"], 6),
    "lower case": (["m83", "g1 x1 e5", "g1x1e2", "G1 X1 e1"], 8),
    "leading zeros": (["M083", "G01 X1 E5", "G00 E1", "G001 E1", "g092 e0"], 7),
    "indented": (["  M83", "\tG1 X1 E5", "    G1 E1"], 6),
    "numbered, with checksums": (["N1 M83*12", "N2 G1 X1 E5*97", "N3G1E1*4"], 6),
    "blanks inside": (["M 83", "G 1 X 1 E 5", "G1 E +1"], 6),
    "comments": (["M83 ; relative", "G1 X1 E5 ; Extrude E9", "G1 X1 ; E7", "G1 E1;E3"], 6),
    "comments in brackets": (["M83", "G1 (E9) X1 E5 (E7)", "G1 X1 (E4)"], 5),
    "an odd tail": (["M83", "G1 X1 E5.", "G1 E.5 T0", "G1 E-.25", "G1 E.25.7"], 5.5),
    "more digits than fit": (["M83", "G1 E1.00000000000000000001", "G1 E00000000000000000002"], 3),
    "no number": (["M83", "G1 X1 E", "G1 E;5", "G1 E--5", "G1 E5"], 5),
    "said twice": (["M83", "G1 E5 E7"], 5),
    "nothing of ours": (["M83", "G1.5 E9", "G29.1 E9", "G28 E9", "M220 E9", "G4 E9", "G12 E9"], 0),
    "numbers that begin like ours": (["M83", "G100 E9", "M8311", "M1082", "G921 E0", "E5"], 0),
}


@pytest.mark.parametrize("name", DIALECTS)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_dialect_is_understood(path: Path, name: str, end: str) -> None:
    """One that is not charges too much or nothing, and nobody sees why."""
    lines, expected = DIALECTS[name]
    extrusion = read(path, f"; it{end}" + end.join(lines))
    assert sum(tool.total_mm for tool in extrusion.tools) == pytest.approx(expected)


def test_a_volume_that_only_the_settings_tell_is_one(path: Path) -> None:
    """PrusaSlicer leaves it to the printer to know; a command counts for more."""
    setting, volume = "; use_volumetric_e = 1", f"G1 X1 E{math.pi * 0.875**2:.9f}"
    assert lengths(path, "M83", volume, setting) == {0: 1.0}
    assert lengths(path, "M83", "M200 D1.75", volume, setting) == {0: 1.0}
    assert lengths(path, "M83", "G1 E5", "; use_volumetric_e = 0") == {0: 5.0}


def test_tools_are_told_apart(path: Path) -> None:
    lines = ["M83", "G1 E5", "T1", "G1 E3", "T0", "G1 E1", "T2 S1 L0", "G1 E2", "M135 T1", "G1 E1"]
    assert lengths(path, *lines) == {0: 6, 1: 4, 2: 2}


def test_klippers_words_for_a_tool_are_known(path: Path) -> None:
    lines = ["M83", "G1 E5", "ACTIVATE_EXTRUDER EXTRUDER=extruder1", "G1 E3"]
    assert lengths(path, *lines, "activate_extruder extruder=extruder", "G1 E1") == {0: 6, 1: 3}


def test_words_that_look_like_tools_are_none(path: Path) -> None:
    """Bambu's T255 unloads, T1000 names the nozzle; Prusa's T? asks the person."""
    lines = ["M83", "G1 E5", "T255", "T1000", "T65279", "T?", "Tx", "T-1", "M135 T-1", "G1 E1"]
    assert lengths(path, *lines) == {0: 6}


def test_each_tool_keeps_its_own_retraction(path: Path) -> None:
    lines = ["M83", "G1 E5", "G1 E-2", "T1", "G1 E5", "G1 E-2", "T0", "G1 E2", "G1 E5", "T1"]
    assert lengths(path, *lines, "G1 E2", "G1 E1") == {0: 10, 1: 6}


def test_filaments_that_share_a_nozzle_wait_unloaded(path: Path) -> None:
    """A changer pulls back 90 mm and brings the next one 90 mm forward: none of it is used."""
    lines = ["M83", "G1 E5", "G1 E-90", "T1", "G1 E90", "G1 E4", "G1 E-90", "T0", "G1 E90"]
    assert lengths(path, *lines, "G1 E1") == {0: 6, 1: 4}


def test_a_feeder_brings_the_filament_by_itself(path: Path) -> None:
    """After Bambu's change, what flows is flushed from the first millimetre."""
    lines = ["M83", ";LAYER_CHANGE", "G1 E5", "G1 E-2", "M620 S1A", "T1", "G1 E20", "G1 E-2"]
    lines += ["G1 E2", "M621 S1A", "G1 E3", "G1 E-2", "M620 S0A", "T0", "G1 E20", "M621 S0A"]
    assert lengths(path, *lines, "M620.1 E F523 T240", "M620 S255") == {0: 25, 1: 23}


def test_a_load_before_the_first_layer_is_left_out(path: Path) -> None:
    """Bambu's firmware skips it when the filament is there already, and so does its slicer."""
    lines = ["M83", "M620 S0A", "T0", "G1 E50", "M621 S0A", "G1 E1", "; CHANGE_LAYER", "G1 E2"]
    assert lengths(path, *lines) == {0: 3}


# -- layers and roles --------------------------------------------------------------------------

MARKERS = {
    "PrusaSlicer": [";LAYER_CHANGE\n;Z:0.2\n;HEIGHT:0.2", ";LAYER_CHANGE\n;Z:0.4", ";LAYER_CHANGE"],
    "Bambu Studio": [
        f"; CHANGE_LAYER\n; Z_HEIGHT: 1\n; layer num/total_layer_count: {number}/3"
        for number in (1, 2, 3)
    ],
    "its count alone": [f"; layer num/total_layer_count: {number}/3" for number in (1, 2, 3)],
    "Cura": [";LAYER:0", ";LAYER:1", ";LAYER:2"],
    "Cura with a raft": [";LAYER:-2", ";LAYER:-1", ";LAYER:0"],
    "Simplify3D": [f"; layer {number}, Z = {number / 5}" for number in (1, 2, 3)],
    "KISSlicer": ["; BEGIN_LAYER_OBJECT z=0.2", "; BEGIN_LAYER_OBJECT z=0.4"] * 1
    + ["; BEGIN_LAYER_OBJECT z=0.6\n; END_LAYER_OBJECT z=0.6"],
}


@pytest.mark.parametrize("slicer", MARKERS)
def test_each_slicers_layers_are_counted(path: Path, slicer: str) -> None:
    """A print that was cancelled is charged by its last good layer."""
    one, two, three = MARKERS[slicer]
    lines = ["M83", "G1 E10", one, "G1 E1", "G1 E-.5", two, "G1 E.5", "G1 E2", three, "G1 E4"]
    extrusion = read(path, "\n".join(lines))
    (tool,) = extrusion.tools
    assert extrusion.layers == 3
    assert tool.layers_mm == pytest.approx((10, 11, 13, 17))
    assert [tool.until(layer) for layer in (0, 1, 2, 3, 9, None)] == [10, 11, 13, 17, 17, 17]


def test_two_ways_to_mark_a_layer_do_not_count_twice(path: Path) -> None:
    lines = ["M83", ";LAYER_CHANGE", ";LAYER:0", "G1 E1", ";LAYER_CHANGE", ";LAYER:1", "G1 E1"]
    assert read(path, "\n".join(lines)).layers == 2


def test_a_tool_that_starts_late_has_all_the_layers(path: Path) -> None:
    lines = ["M83", ";LAYER_CHANGE", "G1 E1", ";LAYER_CHANGE", "T1", "G1 E2", ";LAYER_CHANGE"]
    first, second = read(path, "\n".join(lines)).tools
    assert (first.layers_mm, second.layers_mm) == ((0, 1, 1, 1), (0, 0, 2, 2))


def test_a_file_without_marks_has_no_layers(path: Path) -> None:
    extrusion = read(path, "M83\nG1 E5\n; layer_height = 0.2\n; layers: 7\n")
    assert (extrusion.layers, extrusion.ends) == (None, ())
    assert extrusion.tools[0].layers_mm == (5.0,)
    assert extrusion.tools[0].roles_mm == ()


def test_layers_are_found_by_the_share_of_the_files_bytes(path: Path) -> None:
    """PrusaLink tells no layer, and its progress is a place in the file."""
    head, layer = "M83\n" + ";\n" * 50, ";LAYER_CHANGE\n" + "G1 X1 E1\n" * 30
    content = head + layer * 3
    extrusion = read(path, content)
    assert extrusion.ends == pytest.approx(
        [*((len(head) + len(layer) * done) / len(content) for done in range(3)), 1.0]
    )
    shares = [0.0, extrusion.ends[0], extrusion.ends[1] - 0.01, extrusion.ends[1], 0.99, 1.0]
    assert [extrusion.layer_at(share) for share in shares] == [0, 0, 0, 1, 2, 3]


ROLE_LINES = {
    "PrusaSlicer": ";TYPE:{}",
    "Bambu Studio": "; FEATURE: {}",
    "Simplify3D": "; feature {}",
    "KISSlicer": "; '{} Path', 0.6 [feed mm/s], 20.0 [head mm/s]",
}


@pytest.mark.parametrize(
    ("slicer", "word", "role"),
    [
        ("PrusaSlicer", "External perimeter", Role.MODEL),
        ("PrusaSlicer", "Support material interface", Role.SUPPORT),
        ("PrusaSlicer", "Skirt/Brim", Role.SKIRT),
        ("PrusaSlicer", "Wipe tower", Role.TOWER),
        ("PrusaSlicer", "WALL-OUTER", Role.MODEL),
        ("PrusaSlicer", "PRIME-TOWER", Role.TOWER),
        ("PrusaSlicer", "SUPPORT-INTERFACE", Role.SUPPORT),
        ("PrusaSlicer", "A word of tomorrow", Role.ALL),
        ("Bambu Studio", "Outer wall", Role.MODEL),
        ("Bambu Studio", "Support transition", Role.SUPPORT),
        ("Bambu Studio", "Prime tower", Role.TOWER),
        ("Bambu Studio", "Brim", Role.SKIRT),
        ("Simplify3D", "outer perimeter", Role.MODEL),
        ("Simplify3D", "dense support", Role.SUPPORT),
        ("Simplify3D", "prime pillar", Role.TOWER),
        ("KISSlicer", "Perimeter", Role.MODEL),
        ("KISSlicer", "Support Interface", Role.SUPPORT),
    ],
)
def test_what_material_becomes_is_told_apart(
    path: Path, slicer: str, word: str, role: Role
) -> None:
    marker = ROLE_LINES[slicer].format(word)
    (tool,) = read(path, f"M83\nG1 E1\n{marker}\nG1 E5\nG1 E-1\nG1 E1\n").tools
    expected = {Role.SKIRT: 1.0}
    expected[role] = expected.get(role, 0.0) + 5.0
    assert dict(tool.roles_mm) == pytest.approx(expected)


def test_flushing_is_purged_and_then_the_part_goes_on(path: Path) -> None:
    """Rule 12: a print that is cancelled early was purged all the same."""
    lines = ["M83", ";LAYER_CHANGE", "; FEATURE: Outer wall", "G1 E5", "; FLUSH_START", "G1 E20"]
    lines += ["; FLUSH_END", "G1 E1", "M620 S1A", "T1", "; FLUSH_START", "G1 E30", "; FLUSH_END"]
    lines += ["G1 E2", "M621 S1A", "G1 E3", "; FLUSH_END", "; FEATURE: Prime tower", "G1 E4"]
    first, second = read(path, "\n".join(lines)).tools
    assert dict(first.roles_mm) == {Role.MODEL: 6, Role.PURGE: 20}
    assert dict(second.roles_mm) == {Role.MODEL: 3, Role.PURGE: 32, Role.TOWER: 4}


# -- pieces and estimates ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "pieces"),
    [
        (["EXCLUDE_OBJECT_DEFINE NAME=a CENTER=1,1", "EXCLUDE_OBJECT_DEFINE NAME=b"], 2),
        (["EXCLUDE_OBJECT_START NAME=a"], None),
        (["; printing object a id:0 copy 0", "; stop printing object a id:0 copy 0"] * 3, 1),
        (["; printing object a id:0 copy 0", "; printing object a id:0 copy 1"], 2),
        (["M486 S0", "M486 Aa", "M486 S-1", "M486 S1", "M486 S-1"], 2),
        (["; OBJECT_ID: 69", "; OBJECT_ID: 70", "; OBJECT_ID: 69"], 2),
        (["; start printing object, unique label id: 7", "; OBJECT_ID: 69", "; OBJECT_ID: 1"], 1),
        ([";MESH:a.stl", ";MESH:NONMESH", ";MESH:a.stl(1)"], 2),
        ([], None),
    ],
)
def test_pieces_are_counted_where_the_file_names_them(
    path: Path, lines: list[str], pieces: int | None
) -> None:
    """Rule 15: what a run cost is shared by the pieces it made."""
    assert read(path, "\n".join(["M83", *lines, "G1 E5"])).objects == pieces


def test_the_slicers_estimate_stands_beside_each_filament(path: Path) -> None:
    (first, second) = read(
        path,
        "M83\nG1 E5\nT1\nG1 E7\n; filament used [mm] = 5.1, 7.2\n; filament used [g] = 0.5, 0.0\n"
        "; filament_type = PLA;PETG\n; filament_density = 1.24,0\n; filament_diameter = 1.75,2.85\n"
        "; estimated printing time (normal mode) = 1h 2m 3s\n",
    ).tools
    assert (first.estimate_mm, first.estimate_g) == (5.1, 0.5)
    assert (first.material, first.density_g_cm3, first.diameter_mm) == ("PLA", 1.24, 1.75)
    assert (second.estimate_mm, second.estimate_g) == (7.2, None)
    assert (second.material, second.density_g_cm3, second.diameter_mm) == ("PETG", None, 2.85)


# -- containers --------------------------------------------------------------------------------

INFO = """<config>
<plate><metadata key="index" value="1"/><metadata key="prediction" value="60"/>
<object identify_id="1" name="a" skipped="false"/><object identify_id="2" skipped="true"/>
<filament id="2" type="PLA" used_m="0.01" used_g="190"/></plate>
<plate><metadata key="index" value="2"/>
<filament id="1" type="PLA" used_m="0.02" used_g="83"/></plate></config>"""


def boxed() -> bytes:
    return archive(
        {
            "Metadata/plate_1.gcode": ";LAYER:0\nM83\nT1\nG1 X1 E10\n",
            "Metadata/plate_2.gcode": "M83\nG1 X1 E20\n" * 100_000,
            "Metadata/slice_info.config": INFO,
        }
    )


def test_a_plate_is_measured_by_itself(path: Path) -> None:
    """Rule 10: plate 1 is never charged for plate 2."""
    first = read(path, boxed(), 1)
    assert (first.plate, first.layers, first.objects) == (1, 1, 1)
    assert first.print_time == timedelta(minutes=1)
    assert [(one.tool, one.total_mm, one.estimate_g) for one in first.tools] == [(1, 10, 190)]
    second = read(path, boxed(), 2)
    assert [(one.tool, one.total_mm, one.estimate_g) for one in second.tools] == [(0, 2e6, 83)]
    assert read(path, boxed()) == first


@pytest.mark.parametrize("plate", [0, 3])
def test_a_plate_that_is_not_there_is_not_measured(path: Path, plate: int) -> None:
    with pytest.raises(BadFile, match=f"plate {plate} is not sliced in it, but 1, 2"):
        read(path, boxed(), plate)
    with pytest.raises(BadFile, match="plate"):
        read(path, SOME, plate)


@pytest.mark.parametrize("compression", [0, 1])
def test_binary_gcode_is_measured(path: Path, compression: int) -> None:
    moves = [b"M83\n;LAYER_CHANGE\nG1 E", b"5\n;LAYER_CHANGE\nG1 E2\n", b""]
    content = bgcode(
        block(3, b"filament_type=PLA\nfilament used [mm]=7.5\n"),
        *(block(1, part, compression=compression) for part in moves),
    )
    extrusion = read(path, content)
    (tool,) = extrusion.tools
    assert tool.layers_mm == (0, 5, 7)
    assert tool.estimate_mm == 7.5
    assert 0 < extrusion.ends[0] < extrusion.ends[1] < extrusion.ends[2] == 1


@pytest.mark.parametrize(
    "content",
    [
        bgcode(block(1, b"M83\nG1 E5\n"), block(1, b"G1 E5\n")[:-6] + b"G1 E6\n"),
        bgcode(block(1, b"M83\nG1 E5\n"))[:-3],
        bgcode(block(1, b"M83\nG1 E5\n", compression=2, inflated=1 << 19)),
        bgcode(block(1, b"M83\n", compression=1, inflated=2)),
        bgcode(block(1, b"M83\n", compression=1, inflated=1 << 30)),
        bgcode(block(1, b"M83\nG1 E5\n"), version=2),
        bgcode(block(1, b"M83\nG1 E5\n")).replace(b"\0\0M83", b"\7\0M83"),
    ],
)
def test_broken_binaries_are_named(path: Path, content: bytes) -> None:
    """Half of a file would be half of a cost."""
    with pytest.raises(BadFile, match="it"):
        read(path, content)


# -- hostile -----------------------------------------------------------------------------------


IMPOSSIBLE = {
    "a step of a thousand km": "G1 E9999999999\n",
    "one for the fast reader": "G1 E" + "9" * 14 + "\n",
    "one for the careful reader": "G1 E" + "9" * 400 + "\n",
    "a sum of steps": "M83\n" + "G1 E900000000\n" * 3,
    "layers without end": ";LAYER_CHANGE\n" * 50_001,
    "layers of all tools": "M83\n"
    + "".join(f"T{tool}\nG1 E1\n" for tool in range(64))
    + ";LAYER_CHANGE\n" * 7000,
}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_what_no_printer_could_do_is_refused(path: Path, name: str) -> None:
    with pytest.raises(BadFile, match="it"):
        read(path, IMPOSSIBLE[name])


RUBBISH = {
    "a long comment": b";" + b"x" * 3_000_000 + b"E5\nM83\nG1 E5\n",
    "a long end": b"M83\nG1 E5\n;" + b"x" * 3_000_000,
    "a long move": b"M83\nG1 E5\nG1 X" + b"1" * 1_200_000 + b" E7\n" + b"\n" * 10,
    "bytes of any kind": b"M83\r\n\r\n;\xff\xfe\x80\r\nG1 E5\r\n"
    + b"\n" * 4096
    + b"\xff\xff\x00\x01\n",
    "lines that patterns could choke on": b"M83\nG1 E5\n"
    + b"".join(
        (word + filler * (50_000 // len(filler)) + b"\n") * 10
        for word, filler in (
            (b" EXCLUDE_OBJECT_DEFINE ", b" "),
            (b"EXCLUDE_OBJECT_DEFINE ", b"a "),
            (b"N", b" "),
            (b"(", b"("),
            (b"; 'a", b" Path"),
            (b"M200 ", b"D "),
        )
    ),
    "a byte order mark": b"\xef\xbb\xbfM83\nM83\nG1 E5",
    "numbers that are none": b"; it\nM83\nG1 EINF\nG1 ENAN\nG1 E5\nT99999999999999999999\n"
    b"M200 D1e999 D-5\nM200 D99\n",
}


@pytest.mark.parametrize("name", RUBBISH)
def test_rubbish_around_it_changes_nothing(path: Path, name: str) -> None:
    assert sum(tool.total_mm for tool in read(path, RUBBISH[name]).tools) == 5


@pytest.mark.parametrize("content", [b"", b"\x00" * 100, b"hello", b"\x89PNG" + b"\xff" * 4000])
def test_what_is_no_print_file_is_refused(path: Path, content: bytes) -> None:
    with pytest.raises(BadFile, match="nothing that can be printed"):
        read(path, content)


def test_a_plate_that_inflates_without_end_is_refused(path: Path) -> None:
    bomb = archive({"Metadata/plate_1.gcode": b"\n" * (64 << 20)})
    with pytest.raises(BadFile, match="inflates beyond"):
        read(path, bomb)


def test_a_broken_archive_is_named(path: Path) -> None:
    whole = bytearray(archive({"Metadata/plate_1.gcode": SOME * 1000}))
    whole[60:70] = b"\xff" * 10
    with pytest.raises(BadFile, match="broken"):
        read(path, bytes(whole))
    whole = bytearray(archive({"Metadata/plate_1.gcode": SOME}))
    for magic, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        whole[whole.index(magic) + place] |= 1
    with pytest.raises(BadFile, match="encrypted"):
        read(path, bytes(whole))


def test_a_file_that_is_gone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadFile):
        read_extrusion(tmp_path / "none.gcode")
    with pytest.raises(BadFile):
        read_extrusion(tmp_path)
    path = tmp_path / "it"
    path.write_text(SOME)

    def gone(*_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("custom_components.printernizer.engine.formats.extrusion.blocks", gone)
    with pytest.raises(BadFile, match="Input/output error"):
        read_extrusion(path)


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=600))
def test_whatever_comes_has_a_finite_answer(content: bytes) -> None:
    account = Account("it")
    account.read(b"M83\nG1 E5\n" + content + b"\n", 0.0, 1.0)
    assert all(math.isfinite(layers[-1]) for layers, _ in account.tools.values())


# -- fast and slow -----------------------------------------------------------------------------

NUMBERS = st.one_of(
    st.decimals(min_value=-50, max_value=50, places=5).map(lambda value: f"{value:f}"),
    st.sampled_from(["5.", ".5", "-.5", "+1", "00.10", "1.2.3", "", "-", "0000000000000000012.5"]),
)
MOVES = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["G1", "G0", "G2", "g1", "G01", " G1", "N7 G3", "G92", "G1.1", "G11", "M1"]),
    st.sampled_from([" X1.5 Y2 ", " ", "X3", " X1 (E3) ", " F300 "]),
    st.sampled_from(["E", "e", "E ", "", "X"]),
    NUMBERS,
    st.sampled_from(["", " F1200", ";E3", " ; Extrude", " E9", "*71", "\r"]),
)
LINES = st.lists(
    st.one_of(
        MOVES,
        MOVES,
        MOVES,
        st.sampled_from(
            ["M82", "M83", "G90", "G91", "T0", "T1", "G92", "G20", "G21", "", ";TYPE:Perimeter",
             ";LAYER_CHANGE", "M200 D1.75", "M200 D0", "; E5", "M620 S1A", "M621 S1A", "G10"]
        ),
    ),
    max_size=40,
)  # fmt: skip


def slowly(text: str) -> dict[int, float]:
    """Reckon line by line, with the careful reader alone."""
    totals: dict[int, float] = {}
    behind: dict[int, float] = {}
    account = Account("it")  # its modes only
    stands, last = 0.0, None
    for line in text.encode().splitlines():
        meaning = command.meaning(line) if not line.startswith(b";") else None
        if not isinstance(meaning, command.Feed):
            account.read(line + b"\n", 0, 0)
            continue
        mode = account._mode
        value = meaning.value * mode.unit
        fed = 0.0 if meaning.reset else value if mode.relatively else value - stands
        stands = value if meaning.reset else stands + fed
        if mode.skipped:
            continue
        tool = mode.tool
        if tool not in behind:
            left = behind.get(last, 0.0)
            behind[tool] = left if left > 25 else 0.0
        if mode.loaded and tool != last:
            behind[tool] = 0.0
        last = tool
        behind[tool] -= fed / mode.area
        totals[tool] = totals.get(tool, 0.0) + max(-behind[tool], 0.0)
        behind[tool] = max(behind[tool], 0.0)
    return {tool: total for tool, total in totals.items() if total > 1e-9}


@settings(max_examples=300, deadline=None)
@given(LINES, st.integers(1, 400))
def test_fast_and_slow_agree(lines: list[str], cut: int) -> None:
    """Also when a block ends anywhere between two lines."""
    text = "".join(f"{line}\n" for line in lines)
    account = Account("it")
    split = text.find("\n", cut) + 1
    for part in (text[:split], text[split:]):
        account.read(part.encode(), 0.0, 1.0)
    found = {tool: layers[-1] for tool, (layers, _) in account.tools.items() if layers[-1] > 1e-9}
    assert found == pytest.approx(slowly(text))
    for layers, roles in account.tools.values():
        assert list(layers) == sorted(layers)
        if roles:
            assert math.fsum(amount for _, amount in roles) == pytest.approx(layers[-1])


@settings(max_examples=200, deadline=None)
@given(LINES)
def test_lines_are_read_alike_fast_and_slow(lines: list[str]) -> None:
    """What the scan believes to understand, the careful reader understands the same."""
    text = "".join(f"{line}\n" for line in lines).encode()
    found = scan(text)
    fast = dict(zip(found.at.tolist(), zip(found.values, found.resets, strict=True), strict=True))
    careful = {begin for begin, _ in found.careful}
    for match in re.finditer(rb".*\n", text):
        meaning = command.meaning(match[0]) if not match[0].startswith(b";") else None
        if match.start() in fast:
            assert meaning == command.Feed(*fast[match.start()])
        elif match.start() not in careful:
            assert meaning is None


@pytest.mark.parametrize("size", [7, 64, 1000])
def test_where_blocks_end_makes_no_difference(
    path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    content = "".join(
        f";LAYER_CHANGE\n;TYPE:Perimeter\nG1 X{layer} E{layer / 7:.5f}\nG1 E-.8\nG1 E.8\n"
        for layer in range(60)
    )
    whole = read(path, "M83\n" + content)
    monkeypatch.setattr(source, "BLOCK_BYTES", size)
    parts = read(path, "M83\n" + content)
    assert parts.ends == pytest.approx(whole.ends)
    assert parts.tools[0].layers_mm == pytest.approx(whole.tools[0].layers_mm)
    assert dict(parts.tools[0].roles_mm) == pytest.approx(dict(whole.tools[0].roles_mm))


# -- recorded files ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected", "layers"),
    [
        ("gcode/buddy_test_plain.gcode", 4068.92, 185),
        ("gcode/prusaslicer_2.6_box.gcode", 2137.83, 125),
        ("gcode/prusaslicer_2.8.1_mini_cube.gcode", 252.22, 31),
        ("bgcode/mini_cube_ps2.8.1.bgcode", 252.22, 31),
        ("bgcode/buddy_test_binary_heatshrink.bgcode", 4068.92, 185),
        # Bambu Studio leaves out what its start code extrudes standing still: 10 mm.
        ("gcode/bambustudio_2.4_a1mini_plate_1.gcode", 932.21 + 10.2, 90),
        ("3mf/bambu_a1mini_single_plate.gcode.3mf", 932.21 + 10.2, 90),
    ],
)
def test_totals_of_real_files_are_those_of_their_slicers(
    name: str, expected: float, layers: int
) -> None:
    if not FIXTURES.is_dir():
        pytest.skip("the recorded files are not on this machine")
    extrusion = read_extrusion(FIXTURES / name)
    assert [tool.total_mm for tool in extrusion.tools] == pytest.approx([expected], rel=1e-4)
    assert extrusion.layers == layers


def test_cura_leaves_its_start_code_out() -> None:
    """There: a line of 25 mm, of which 3 are pulled back and never primed again."""
    if not FIXTURES.is_dir():
        pytest.skip("the recorded files are not on this machine")
    (tool,) = read_extrusion(FIXTURES / "gcode/cura_4.5_marlin.gcode").tools
    assert tool.estimate_mm is not None
    assert tool.total_mm == pytest.approx(tool.estimate_mm + 25 - 3, rel=1e-4)
    assert tool.layers_mm[0] == 25
    assert {role for role, _ in tool.roles_mm} == {Role.MODEL, Role.SUPPORT, Role.SKIRT}
