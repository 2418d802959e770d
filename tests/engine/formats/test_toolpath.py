"""Where a plate's tools lay down what: pictures are drawn of it."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.formats import source, words
from custom_components.printernizer.engine.formats.abridge import Forward, abridged
from custom_components.printernizer.engine.formats.arcs import TOLERANCE_MM
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.formats.feature import FEATURES, Feature
from custom_components.printernizer.engine.formats.outline import outline
from custom_components.printernizer.engine.formats.toolpath import (
    Beads,
    PathReader,
    read_toolpath,
)
from tests.engine.formats.test_facts import archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from custom_components.printernizer.engine.formats.source import Pieces

OURS = Path(__file__).parents[2] / "fixtures/files"
THEIRS = Path(__file__).parents[4] / "shared/fixtures/files"
HEAD = "; it\nM83\nG1 X0 Y0 Z.2\n"


def joined(parts: Iterator[Beads]) -> Beads:
    """Return all beads as one lot."""
    found = list(parts)
    return Beads(
        *(
            np.concatenate([getattr(part, name) for part in found], axis=-1)
            for name in Beads.__slots__
        )
    )


def beads(text: str | bytes, **more: bool) -> Beads:
    content = text.encode() if isinstance(text, str) else text
    return PathReader("it", **more).read(content)


def lines(found: Beads) -> list[tuple[float, ...]]:
    """Return where beads begin and end, in micrometres' precision."""
    both = np.concatenate((found.start, found.end)).T
    return [tuple(round(float(value), 3) for value in one) for one in both]


# -- what leaves a bead ------------------------------------------------------------------------


def test_only_what_is_laid_down_leaves_a_bead() -> None:
    """Travel, retraction, priming on the spot and wiping drawn as plastic hide the object."""
    found = beads(
        HEAD
        + "G1 X10 E1\n"  # the only one
        + "G0 X20\nG1 X30 F9000\n"  # travel
        + "G1 E-2\nG1 X40 E-.5\n"  # pulled back, then wiped
        + "G1 E2.5\n"  # brought forward on the spot
        + "G1 X50 E0\n"
    )
    assert lines(found) == [(0, 0, 0.2, 10, 0, 0.2)]


def test_what_was_pulled_back_has_to_come_forward_first() -> None:
    found = beads(HEAD + "G1 X1 E1\nG1 E-1\nG1 X2 E1\nG1 X3 E1\n")
    assert lines(found) == [(0, 0, 0.2, 1, 0, 0.2), (2, 0, 0.2, 3, 0, 0.2)]


SPELLINGS = {
    "absolute E": "M82\nG1 X5 E1\nG1 X6 Y7 E2\n",
    "E gets a new name": "M82\nG1 X5 E1\nG92 E0\nG1 X6 Y7 E1\n",
    "relative moves": "G91\nM83\nG1 X5 E1\nG1 X1 Y7 E1\nG90\n",
    "axes get a new name": "M83\nG1 X5 E1\nG92 X105 Y10\nG1 X106 Y17 E1\n",
    "all axes get a new name": "M83\nG1 X5 E1\nG92\nG1 X1 Y7 E1\n",
    "a new name while relative": "G91\nG1 X5 E1\nG92 X9\nG90\nM83\nG1 X10 Y7 E1\n",
    "back and forth": "G91\nG1 X5 E1\nG90\nM83\nG1 X6 Y7 E1\n",
    "inches": "M83\nG20\nG1 X.19685039 E1\nG1 X.23622047 Y.27559055 E1\nG21\n",
    "small letters": "M83\ng1 x5 e1\ng1 x6 y7 e1\n",
    "blanks": "M83\nG1  X 5 E 1\nG1   X6 \tY7  E1  \r\n",
    "many blanks": "M83\nG1      X5     E1\nG1\t \t \tX6         Y7 E1         \n",
    "no blanks": "M83\nG1X5E1\nG1X6Y7E1\n",
    "line numbers and checksums": "M83\nN1 G1 X5 E1*57\nN2 G1 X6 Y7 E1*12\n",
    "leading zeros": "M83\nG01 X05.000 E1\nG01 X6 Y7 E1\n",
    "indented": "M83\n  G1 X5 E1\n\tG1 X6 Y7 E1\n",
    "comments behind": "M83\nG1 X5 E1 ; to X99 Y99 E99\nG1 X6 Y7 E1;Y1\n",
    "comments within": "M83\nG1 X5 (not Y9) E1\nG1 X6 Y7 E1 (X1)\n",
    "other words": "M83\nG1 F1800 X5 E1 S1\nG1 X6 A3 Y7 E1 P0\n",
    "plus signs": "M83\nG1 X+5 E+1\nG1 X+6. Y+7.0 E1\n",
    "many digits": "M83\nG1 X5.00000000000000001 E1\nG1 X0000000000000006 Y7 E1\n",
    "the first of two words": "M83\nG1 X5 E1 X8\nG1 X6 Y7 E1\n",
}


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_same_moves_in_every_spelling(spelling: str) -> None:
    """A spelling that is not understood draws an object that nobody sliced."""
    found = beads("G1 X0 Y0 Z.2\n" + SPELLINGS[spelling])
    first, second = (0, 0, 0.2, 5, 0, 0.2), (5, 0, 0.2, 6, 7, 0.2)
    if spelling == "the first of two words":
        assert lines(found)[-1][3:] == second[3:]
    else:
        assert lines(found) == [first, second]


def test_blocks_may_be_cut_between_any_two_lines() -> None:
    """The state of the machine outlives a block: modes, places, widths, features."""
    text = HEAD + (
        ";LAYER_CHANGE\n;TYPE:External perimeter\n;WIDTH:.6\n;HEIGHT:.3\nG1 X5 E1\nT1\n"
        "G91\nG1 X1 E1\nG92 X0\nG90\nG1 X3 E1\n;LAYER_CHANGE\nG1 Z.5\nG2 X9 I3 J0 E2\nG1 E-1\n"
        "G1 X2 E.4\nG1 X4 E2\n"
    )
    reader = PathReader("it")
    apart = joined(reader.read(line.encode() + b"\n") for line in text.splitlines())
    whole = beads(text)
    for name in Beads.__slots__:
        assert getattr(apart, name) == pytest.approx(getattr(whole, name)), name


def test_machines_that_extrude_nothing_show_what_they_do_while_they_feed() -> None:
    """Milling and laser: without this there is no picture of them at all."""
    text = "G21\nG90\nG0 X10 Y0\nM3 S1000\nG1 X20 Y0 F300\nG3 X20 Y10 J5\nG0 X0\n"
    assert len(beads(text)) == 0
    found = beads(text, moves=True)
    assert set(found.feature) == {Feature.MOVE}
    assert lines(found)[0] == (10, 0, 0, 20, 0, 0)
    assert lines(found)[-1][3:] == (20, 10, 0)


# -- arcs --------------------------------------------------------------------------------------

ARCS = {
    "half, by its centre": ("G3 X20 Y0 I10 J0 E1", 10.0, math.pi),
    "half, the other way": ("G2 X20 Y0 I10 J0 E1", 10.0, math.pi),
    "quarter, by its radius": ("G3 X10 Y10 R10 E1", 10.0, math.pi / 2),
    "three quarters, by its radius": ("G3 X10 Y10 R-10 E1", 10.0, math.pi * 3 / 2),
    "quarter clockwise, by its radius": ("G2 X10 Y10 R10 E1", 10.0, math.pi / 2),
    "full turn": ("G2 X0 Y0 I5 J0 E1", 5.0, 2 * math.pi),
    "full turn without an end": ("G3 I0 J-5 E1", 5.0, 2 * math.pi),
    "tiny": ("G3 X.02 Y0 I.01 J0 E1", 0.01, math.pi),
}


@pytest.mark.parametrize("arc", ARCS)
def test_arcs_are_drawn_as_chords_that_nobody_can_tell_from_them(arc: str) -> None:
    line, radius, angle = ARCS[arc]
    found = beads(HEAD + line + "\n")
    steps = found.end - found.start
    length = float(np.hypot(steps[0], steps[1]).sum())
    assert (found.end[:, :-1] == found.start[:, 1:]).all()
    assert found.filament_mm.sum() == pytest.approx(1)
    assert length == pytest.approx(radius * angle, rel=0.02, abs=0.03)
    if radius > 1:
        middles = (found.end[:2] + found.start[:2]) / 2
        # Three points of the arc tell its centre; all chords keep to it.
        centre = _centre(found.start[:2, 0], found.end[:2, len(found) // 3], found.end[:2, -2])
        away = radius - np.hypot(*(middles - centre[:, None]))
        assert np.abs(away).max() <= TOLERANCE_MM + 1e-3


def _centre(*points: np.ndarray) -> np.ndarray:
    (ax, ay), (bx, by), (cx, cy) = (point.astype(float) for point in points)
    rows = np.array([[bx - ax, by - ay], [cx - ax, cy - ay]]) * 2
    right = np.array([bx**2 - ax**2 + by**2 - ay**2, cx**2 - ax**2 + cy**2 - ay**2])
    return np.linalg.solve(rows, right)


def test_arcs_turn_the_way_they_say() -> None:
    """Mirrored, a hole becomes a bump."""
    below = beads(HEAD + "G3 X20 Y0 I10 J0 E1\n")
    above = beads(HEAD + "G2 X20 Y0 I10 J0 E1\n")
    assert below.end[1].min() == pytest.approx(-10, abs=TOLERANCE_MM)
    assert above.end[1].max() == pytest.approx(10, abs=TOLERANCE_MM)


def test_a_helix_rises_evenly() -> None:
    found = beads(HEAD + "G3 X20 Y0 Z10.2 I10 J0 E1\n")
    assert np.diff(found.end[2]) == pytest.approx(np.diff(found.end[2])[0], abs=1e-3)
    assert found.end[2, -1] == pytest.approx(10.2)


def test_an_arc_that_says_nothing_of_its_centre_is_a_line() -> None:
    assert lines(beads(HEAD + "G2 X9 Y1 E1\n")) == [(0, 0, 0.2, 9, 1, 0.2)]


# -- what they are -----------------------------------------------------------------------------


def test_every_word_for_a_role_is_a_feature_as_well() -> None:
    """A word that only one of the tables knows is a wall in one place and infill in another."""
    assert FEATURES.keys() == words.ROLES.keys()
    supports = {word for word, role in words.ROLES.items() if role is words.SUPPORT}
    assert {FEATURES[word] for word in supports} == {Feature.SUPPORT, Feature.INTERFACE}


def test_features_and_tools_are_told_apart() -> None:
    found = beads(
        "; it\nM83\nG1 X1 Y1 Z.3\nG1 X60 E9\n"
        ";LAYER_CHANGE\n;TYPE:External perimeter\nG1 X61 E1\n"
        "T1\n;TYPE:Support material\nG1 X62 E1\n;TYPE:never heard of\nG1 X63 E1\n"
    )
    assert found.feature.tolist() == [
        Feature.CUSTOM,
        Feature.OUTER_WALL,
        Feature.SUPPORT,
        Feature.OTHER,
    ]
    assert found.tool.tolist() == [0, 0, 1, 1]


def test_without_words_the_first_layer_ends_the_start_code() -> None:
    """Slic3r of old tells layers and no features: its objects are no purge lines."""
    found = beads("; it\nM83\nG1 X9 E1\n;LAYER:0\nG1 X10 E1\n")
    assert found.feature.tolist() == [Feature.CUSTOM, Feature.OTHER]


LAYERS = {
    "PrusaSlicer": ";LAYER_CHANGE\n;Z:{z}\n;HEIGHT:.2",
    "Bambu Studio": "; CHANGE_LAYER\n; Z_HEIGHT: {z}\n; LAYER_HEIGHT: 0.2",
    "Cura": ";LAYER:{n}",
    "Simplify3D": "; layer {n}, Z = {z}",
    "KISSlicer": "; BEGIN_LAYER_OBJECT z={z}",
    "none": "",
}


@pytest.mark.parametrize("slicer", LAYERS)
def test_layers_are_counted_and_measured(slicer: str) -> None:
    text = "; it\nM83\nG1 X0 Y0\n"
    for number in range(4):
        z = round(0.2 * (number + 1), 2)
        text += LAYERS[slicer].format(n=number + 1, z=z) + f"\nG1 Z{z}\nG1 X9 E1\nG1 X0 E1\n"
    found = beads(text)
    assert found.layer.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert found.height == pytest.approx(0.2)


def test_widths_are_taken_from_the_slicer_or_reckoned_from_what_is_laid_down() -> None:
    """Beads too thin leave holes in the picture, beads too wide hide what is fine."""
    area = (0.45 - 0.2 * (1 - math.pi / 4)) * 0.2
    e = 10 * area / (math.pi * (1.75 / 2) ** 2)
    found = beads(
        HEAD + f"G1 X10 E{e:.6f}\n;WIDTH:.62\nG1 X20 E1\n;WIDTH:0\nG1 X30 E{e:.6f}\n"
        "; LINE_WIDTH: 0.5\n; LAYER_HEIGHT: 0.28\nG1 X40 E1\n;HEIGHT:.3\nG1 X50 E1\n"
    )
    assert found.width == pytest.approx([0.45, 0.62, 0.45, 0.5, 0.5], abs=1e-4)
    assert found.height == pytest.approx([0.2, 0.2, 0.2, 0.28, 0.3])


# -- whole files -------------------------------------------------------------------------------

FILES = (
    *(OURS / name for name in ("knurled knob.gcode", "cable clip.gcode")),
    *(OURS / name for name in ("test box.gcode.3mf", "twisted vase.gcode.3mf")),
    *(THEIRS / f"gcode/{name}" for name in ("cura_4.5_marlin.gcode", "buddy_test_plain.gcode")),
    *(THEIRS / f"gcode/{name}" for name in ("prusaslicer_2.6_box.gcode",)),
    THEIRS / "gcode/bambustudio_2.4_a1mini_plate_1.gcode",
    THEIRS / "3mf/bambu_a1mini_single_plate.gcode.3mf",
    THEIRS / "bgcode/mini_cube_ps2.8.1.bgcode",
)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_beads_are_what_the_consumption_is_reckoned_from(path: Path) -> None:
    """All that leaves the nozzle, but for what it leaves while it stands."""
    if not path.exists():
        pytest.skip(f"needs the recorded file {path.name}")
    found = joined(read_toolpath(path))
    measured = read_extrusion(path)
    total = sum(tool.total_mm for tool in measured.tools)
    laid = float(found.filament_mm.sum(dtype=np.float64))
    assert laid <= total * (1 + 1e-6)
    assert laid == pytest.approx(total, rel=0.03)
    assert int(found.layer.max()) + 1 == measured.layers
    assert np.isfinite(found.start).all()
    assert (found.width > 0).all()
    assert (found.height > 0).all()


def test_pieces_of_any_size_give_the_same_path(monkeypatch: pytest.MonkeyPatch) -> None:
    path = OURS / "cable clip.gcode"
    whole = joined(read_toolpath(path))
    monkeypatch.setattr(source, "BLOCK_BYTES", 777)
    pieces = joined(read_toolpath(path))
    for name in Beads.__slots__:
        assert np.allclose(getattr(whole, name), getattr(pieces, name), atol=1e-4), name


def test_a_plate_of_an_archive_is_read(tmp_path: Path) -> None:
    path = tmp_path / "two.gcode.3mf"
    plates = {f"Metadata/plate_{n}.gcode": f"M83\nG1 Z1\nG1 X{n}0 E1\n" for n in (1, 2)}
    path.write_bytes(archive({"3D/3dmodel.model": "<model/>", **plates}))
    assert lines(joined(read_toolpath(path, 2))) == [(0, 0, 1, 20, 0, 1)]
    with pytest.raises(BadFile, match="plate 3"):
        joined(read_toolpath(path, 3))


def test_what_cannot_be_read_says_so(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"\x00\x01nothing")
    with pytest.raises(BadFile, match="nothing that can be printed"):
        list(read_toolpath(path))
    path.write_text("; it\nG1 X1 E1\n")
    with pytest.raises(BadFile, match="plate 2 of a file that has one"):
        list(read_toolpath(path, 2))


# -- strangers ---------------------------------------------------------------------------------


def test_what_lies_beyond_all_printers_is_left_out() -> None:
    """One number made to break us must not shrink the object to a dot."""
    found = beads(HEAD + "G1 X1 E1\nG1 X1e9 E1\nG1 X99999 E1\nG1 X999999999999 E1\nG1 X2 E1\n")
    assert np.abs(found.end).max() <= 10_000
    found = beads(HEAD + "G1 X99999999999999999999 E1\nG1 X1 E1\nG1 X2 E1\n")
    assert lines(found)[-1] == (1, 0, 0.2, 2, 0, 0.2)


def test_a_file_of_nothing_but_arcs_stays_small() -> None:
    """Each of them could be some thousand chords."""
    found = beads(HEAD + "G2 X0 Y0 I4000 J0 E1\n" * 20_000)
    assert len(found) <= 20_000 + (1 << 17)


@given(st.binary(max_size=300))
@settings(max_examples=60, deadline=None)
def test_rubbish_is_read_or_refused(rubbish: bytes) -> None:
    try:
        found = PathReader("it").read(b"M83\nG1 X1 E1\n" + rubbish + b"\n")
    except BadFile:
        return
    assert np.isfinite(found.start).all()
    assert np.isfinite(found.end).all()


WORDS = st.sampled_from([*"XYZEIJRFxyeT", "X "])
NUMBERS = st.one_of(
    st.decimals(-50, 50, places=3).map(lambda number: f"{number:f}"),
    st.sampled_from(["", "-", ".5", "-.25", "5.", "+3", "1.2.3", "1e3", "0x1", "{a}"]),
    st.sampled_from(["12.3456789", "00000007.5", "12345678", "123456789"]),
)
LINES = st.one_of(
    st.tuples(
        st.sampled_from(["G0", "G1", "G1", "G01", "G2", "G3", "G92", "G1.1"]),
        st.lists(st.tuples(WORDS, NUMBERS), max_size=5),
        st.sampled_from([" ", " ", " ", "", "\t", "     "]),
        st.sampled_from(["", "", "", " ; E5", ";X1", " (Y2) Z3", "\r", "  ", "*57"]),
    ).map(lambda line: line[2].join((line[0], *(map("".join, line[1])))) + line[3]),
    st.sampled_from(["G90", "G91", "M82", "M83", "G20", "G21", "T1", "T0", ";TYPE:Skirt"]),
)


@given(st.lists(LINES, max_size=25))
@settings(max_examples=150, deadline=None)
def test_the_fast_and_the_careful_reading_agree(text: list[str]) -> None:
    """Which of the two reads a line is a question of spelling alone."""
    fast = beads("\n".join(["M83", *text, ""]))
    careful = beads(
        "\n".join(["M83", *(f" {line}" if line[0] != ";" else line for line in text), ""])
    )
    assert len(fast) == len(careful)
    for name in Beads.__slots__:
        assert np.allclose(getattr(fast, name), getattr(careful, name), atol=1e-4), name


# -- long files --------------------------------------------------------------------------------


def pieces(content: bytes, size: int = 1000) -> Pieces:
    for at in range(0, len(content), size):
        yield content[at : at + size], at, at + size


LONG = (OURS / "knurled knob.gcode", OURS / "cable clip.gcode")


@pytest.mark.parametrize("path", LONG, ids=lambda path: path.name)
@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_an_outline_finds_all_layers_and_features(path: Path, size: int) -> None:
    """What it misses is not in the picture."""
    content = path.read_bytes()
    found = outline(pieces(content, size))
    assert found is not None
    whole = joined(read_toolpath(path))
    assert len(found.z_mm) == int(whole.layer.max()) + 1
    assert set(found.features) >= set(whole.feature)
    assert (found.begins[1:] == found.ends[:-1]).all()
    tops = [whole.end[2][whole.layer == layer].max() for layer in range(len(found.z_mm))]
    assert found.z_mm == pytest.approx(tops, abs=1e-3)


@pytest.mark.parametrize("size", [300, 777, 5000])
def test_an_outline_tells_all_heights_wherever_the_text_is_cut(size: int) -> None:
    """A layer that lies as high as the one before leaves out others above it."""
    content = LONG[0].read_bytes()
    whole, cut = outline(pieces(content, len(content))), outline(pieces(content, size))
    assert whole is not None
    assert cut is not None
    assert np.isfinite(whole.z_mm).all()
    assert cut.z_mm.tolist() == whole.z_mm.tolist()


@pytest.mark.parametrize("size", [300, 777, 5000, 1 << 20])
@pytest.mark.parametrize("beads", [1, 9, 90])
@pytest.mark.parametrize("hops", [False, True])
def test_cura_rises_before_it_says_that_a_layer_begins(size: int, beads: int, hops: bool) -> None:
    """And with hops comes down behind that. Old ones, and ideaMaker, rise behind it."""
    walls = b"".join(b"G1 X%d Y5 E%.3f\n" % (at % 50, at / 10) for at in range(beads))
    text = b"M82\nG1 Z15\n;LAYER:0\nG0 F3600 X9 Y9 Z0.3\n;TYPE:WALL-OUTER\n" + walls
    for layer in range(1, 30):
        z = 0.3 + layer / 10
        rise = b"G1 Z%.1f\n" % (z + 0.9) if hops else b""
        text += b"G1 F1500 E.5\n;MESH:NONMESH\n%sG0 F600 X1 Y2 Z%.1f\n" % (rise, z + hops)
        text += b"G0 X1 Y2\n;TIME_ELAPSED:9.5\n;LAYER:%d\n;TYPE:WALL-OUTER\n" % layer
        text += (b"G1 Z%.1f\n" % z if hops else b"") + b"G1 F1500 E1.5\n" + walls
    found = outline(pieces(text, size))
    assert found is not None
    assert found.z_mm == pytest.approx(0.3 + np.arange(30) / 10)


def test_an_abridged_file_knows_what_goes_on_where_no_mark_says_so() -> None:
    """Layers of a single wall have no mark of their own."""
    text = b"M83\n;LAYER:0\n;TYPE:FILL\nG1 X0 Y0 Z0.2\nG1 X5 E1\n;LAYER:1\n;TYPE:WALL-OUTER\n"
    for layer in range(2, 9):
        text += b"G1 X9 Y9 E1\nG1 X0 Y0 E1\n;LAYER:%d\nG1 Z%.1f\n" % (layer, layer / 5)
    found = outline(pieces(text))
    assert found is not None
    for feature in Feature:
        if feature is not Feature.MOVE:
            found.features[-2:] = feature
            chosen = np.isin(found.layers, [-1, 7])
            parts = abridged(Forward(pieces(text)), found, chosen)
            reader = PathReader("it")
            assert joined(reader.read(part) for part in parts).feature.tolist() == [feature] * 2


@pytest.mark.parametrize("path", LONG, ids=lambda path: path.name)
@pytest.mark.parametrize(
    "features", [[Feature.OUTER_WALL], [Feature.TOP, Feature.SOLID], list(Feature)], ids=str
)
def test_an_abridged_file_lays_down_the_same_where_it_was_not_cut(
    path: Path, features: list[Feature]
) -> None:
    """Beads in the wrong place, or none: a picture that lies."""
    content = path.read_bytes()
    found = outline(pieces(content))
    assert found is not None
    chosen = np.isin(found.features, features)
    chosen[0] = True
    reader = PathReader(path.name)
    short = joined(reader.read(text) for text in abridged(Forward(pieces(content)), found, chosen))
    whole = joined(read_toolpath(path))
    some = np.isin(whole.feature, [*features, Feature.CUSTOM])
    expected = lines(whole.chosen(some))
    assert lines(short) == expected
    assert short.feature.tolist() == whole.feature[some].tolist()


def test_an_abridged_file_keeps_the_tool_and_begins_no_bead_from_nowhere() -> None:
    """A part of the second colour in the first; a line across the plate that nobody printed."""
    text = b"M83\n;LAYER:0\n;TYPE:WALL-OUTER\nG1 X0 Y0 Z0.2\nG1 X5 E1\nT1\n;TYPE:SKIN\n"
    text += b"M105\n" * 100 + b";LAYER:1\n;TYPE:WALL-OUTER\nG1 X9 Y9 Z0.4\nG1 X7 E1\n"
    found = outline(pieces(text), tools=True)
    assert found is not None
    chosen = found.features == Feature.OUTER_WALL
    chosen &= found.layers == found.layers.max()
    chosen[0] = True
    reader = PathReader("it")
    short = joined(reader.read(part) for part in abridged(Forward(pieces(text)), found, chosen))
    assert [line[3:] for line in lines(short)] == [(7, 9, 0.4)]
    assert short.tool.tolist() == [1]


def test_a_text_without_marks_has_no_outline() -> None:
    assert outline(pieces(b"M83\nG1 X1 E1\n; a word\n" * 99)) is None


def test_an_outline_knows_which_tool_is_at_work() -> None:
    text = (
        b";LAYER:0\n;TYPE:FILL\nG1 X1\nT1\n;TYPE:SKIN\nG1 X2\n;LAYER:1\nT0\nG1\n;TYPE:FILL\nT99\n"
    )
    found = outline(pieces(text, 20), tools=True)
    assert found is not None
    assert found.tools.tolist() == [0, 0, 0, 1, 1, 0]
    untold = outline(pieces(text))
    assert untold is not None
    assert not untold.tools.any()


def test_one_giant_line_is_no_path(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_bytes(b"; it\nM83\nG1 X1 E1\n" + b"G1 X2 E1 " * 300_000 + b"\nG1 X5 E1\n")
    assert lines(joined(read_toolpath(path))) == [(0, 0, 0, 1, 0, 0), (1, 0, 0, 5, 0, 0)]
