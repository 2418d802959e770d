"""OBJ files: what modellers write, in all the ways they write it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.formats import obj
from custom_components.printernizer.engine.formats.sniff import sniff
from custom_components.printernizer.engine.formats.surface import mesh_facts, open_mesh

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"

SQUARE = "v 0 0 0\nv 10 0 0\nv 10 10 0\nv 0 10 0\n"
TRIANGLES = [[[0, 0, 0], [10, 0, 0], [10, 10, 0]], [[0, 0, 0], [10, 10, 0], [0, 10, 0]]]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it.obj"


def read(path: Path, content: str | bytes) -> list:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    patches = [patch.corners for patch in open_mesh(path).patches()]
    assert all(corners.dtype == np.float32 for corners in patches)
    return np.concatenate(patches).tolist()


WAYS = {
    "triangles": SQUARE + "f 1 2 3\nf 1 3 4\n",
    "a polygon": SQUARE + "f 1 2 3 4\n",
    "from the end": SQUARE + "f -4 -3 -2 -1\n",
    "with texture": SQUARE + "vt 0 0\nf 1/1 2/1 3/1 4/1\n",
    "with normals": SQUARE + "vn 0 0 1\nf 1//1 2//1 3//1 4//1\n",
    "with both": SQUARE + "vt 0 0\nvn 0 0 1\nf -4/1/1 2/1/1 3/-1/-1 4/1/1\n",
    "with texture of many digits": SQUARE + "f 1/123456789/1 2/1 3/1 4/1\n",
    "with colours": SQUARE.replace(" 0\n", " 0 0.5 0.5 0.5\n") + "f 1 2 3 4\n",
    "with weights": SQUARE.replace(" 0\n", " 0 1.0\n") + "f 1 2 3 4\n",
    "in lines that go on": SQUARE + "f 1 2 \\\n 3 \\\r\n 4\n",
    "in indented lines": SQUARE.replace("v", "  v") + "\tf 1 2 3 4\n",
    "with tabs": SQUARE.replace("v ", "v\t") + "f\t1\t2\t3\t4\n",
    "with carriage returns": (SQUARE + "f 1 2 3 4\n").replace("\n", "\r\n"),
    "with carriage returns alone": (SQUARE + "f 1 2 3 4\n").replace("\n", "\r"),
    "without a last line end": SQUARE + "f 1 2 3 4",
    "with comments": f"# a square\n{SQUARE}# its face\nf 1 2 3 4 # the face\n",
    "with names": f"mtllib ../x\no a\ng b\n{SQUARE}usemtl x\ns off\nf 1 2 3 4\nl 1 2\np 1\n",
    "with blank lines": f"\n \n{SQUARE}\n\nf 1 2 3 4\n\n",
    "faces before their vertices": "v 0 0 0\nf 1 2 3 4\n" + SQUARE.partition("\n")[2],
    "with exponents": SQUARE.replace("10", "1.0e1").replace("0 0\n", "0 0E-05\n") + "f 1 2 3 4\n",
    "a line of no surface": SQUARE + "f 1 2\nf 1\nf\nf 1 2 3 4\n",
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("block", [16, 1 << 18])
def test_every_way_to_write_a_square_gives_that_square(
    path: Path, name: str, block: int, monkeypatch
) -> None:
    """And where a block ends does not matter."""
    monkeypatch.setattr(obj, "_BLOCK_BYTES", block)
    assert read(path, WAYS[name]) == TRIANGLES


@pytest.mark.parametrize("name", WAYS)
def test_it_is_known_by_its_bytes(name: str) -> None:
    content = WAYS[name].encode()
    assert sniff(content, len(content)) is (FileKind.OBJ if name != "in indented lines" else None)
    assert sniff(content, len(content), "it.OBJ") is FileKind.OBJ


BROKEN = {
    "an index of nothing": (SQUARE + "f 0 1 2\n", "at byte 36: .* not there: b'0'"),
    "an index before the first": (SQUARE + "f 1 2 -5\n", "at byte 36: .* not there: b'-5'"),
    "an index beyond": (SQUARE + "f 1 2 5\n", "a face names vertex 5 of 4"),
    "an index far beyond": (SQUARE + "f 1 2 999999999\n", "vertex 999999999 of 4"),
    "an index beyond all": (SQUARE + "f 1 2 99999999999\n", "not there: b'99999999999'"),
    "an index of words": (SQUARE + "f a b c\n", "not there: b'a'"),
    "an index with a fraction": (SQUARE + "f 1 2 3.0\n", r"not there: b'3\.0'"),
    "two coordinates": ("v 0 0 0\nv 1 2\nf 1 1 1\n", "at byte 8: a vertex has 2 coordinates"),
    "a line without an end": ("v 1 2 3\nf " + "1 " * 900_000, "at byte 8: its line does not end"),
    "no faces": (SQUARE, "it has no triangles"),
    "nothing": ("", "it has no triangles"),
    "nowhere": ("v nan 0 0\nv 0 inf 0\nv 1,5 0 0\nf 1 2 3\n", "it has 1 triangles, all of them"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_named_with_place_and_cause(path: Path, name: str) -> None:
    content, message = BROKEN[name]
    with pytest.raises(BadFile, match=message) as refusal:
        read(path, content)
    assert "it.obj" in refusal.value.reason


def test_a_model_beyond_all_bounds_is_refused(path: Path, monkeypatch) -> None:
    monkeypatch.setattr(obj, "_LARGEST", 9)
    with pytest.raises(BadFile, match="it is larger than 9 bytes"):
        read(path, SQUARE)


def test_materials_are_never_opened(path: Path) -> None:
    """A name in a file is no reason to read another one."""
    (path.parent / "square.mtl").mkdir()
    assert read(path, "mtllib square.mtl\nmtllib /dev/zero\n" + WAYS["a polygon"]) == TRIANGLES


LINES = st.one_of(
    st.tuples(*[st.floats(-1e5, 1e5, width=32)] * 3).map(lambda at: "v " + " ".join(map(repr, at))),
    st.lists(st.integers(-3, 9), max_size=6).map(lambda face: "f " + " ".join(map(str, face))),
    st.lists(st.integers(1, 3), min_size=3, max_size=6).map(
        lambda face: "f " + " ".join(f"{place}/2/3" for place in face)
    ),
    st.sampled_from(["", "vn 1 2 3", "# x", "v 1 2 3 # x", "g f 1 2 3", "v 1 2", "f x y z"]),
)


@given(st.lists(LINES, max_size=12))
@settings(max_examples=150, deadline=None)
def test_fast_and_careful_agree(lines: list[str]) -> None:
    """One of them reads nearly all files, and the other one is believed."""
    text = "".join(f"{line}\n" for line in lines).encode()
    fast = obj._read(text, 0)
    reader = obj.Obj.__new__(obj.Obj)
    reader._name, reader._count = "it", 0
    try:
        vertices, faces = reader._careful(text, 0)
    except BadFile:
        assert fast is None
        return
    if fast is not None:
        assert fast[0].tolist() == vertices.tolist()
        assert fast[1].tolist() == faces.tolist()


def test_the_usual_lines_are_read_fast() -> None:
    """The careful way takes ten times as long."""
    text = (SQUARE + "vn 0 0 1\n# x\nf 1/1/1 2 3//1 -1\nf 1 2 3\n").encode()
    vertices, faces = obj._read(text, 0)
    assert (len(vertices), len(faces)) == (4, 3)


def test_recorded_models_measure_what_they_are() -> None:
    recorded = FIXTURES / "mesh/cube.obj"
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    facts = mesh_facts(open_mesh(recorded))
    assert (facts.triangles, facts.watertight) == (12, True)
    assert facts.volume_mm3 == pytest.approx(8, rel=1e-5)


def test_a_recorded_hostile_file_has_its_message() -> None:
    recorded = FIXTURES / "hostile/obj_index_out_of_range.obj"
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    with pytest.raises(BadFile, match="names a vertex that is not there: b'0'"):
        open_mesh(recorded)
