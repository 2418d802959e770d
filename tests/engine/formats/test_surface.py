"""What is said of surfaces, and of files that are none."""

from __future__ import annotations

import ast
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.extrusion import Extrusion
from custom_components.printernizer.engine.file import NO_FACTS, FileKind
from custom_components.printernizer.engine.formats import other_mesh
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.formats.facts import read_facts
from custom_components.printernizer.engine.formats.mesh import WHOLE, Patch, Share, patch
from custom_components.printernizer.engine.formats.surface import mesh_facts, open_mesh

if TYPE_CHECKING:
    from collections.abc import Iterator

CUBE = (
    "v 0 0 0\nv 1 0 0\nv 1 1 0\nv 0 1 0\nv 0 0 1\nv 1 0 1\nv 1 1 1\nv 0 1 1\n"
    "f 4 3 2 1\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8\n"
)
PLY = """ply
format ascii 1.0
element vertex 4
property float x
property float y
property float z
element face 4
property list uchar int vertex_index
end_header
0 0 0
10 0 0
0 10 0
0 0 10
3 0 2 1
3 0 1 3
3 0 3 2
3 1 2 3
"""
OFF = "OFF\n4 4 0\n0 0 0\n10 0 0\n0 10 0\n0 0 10\n3 0 2 1\n3 0 1 3\n3 0 3 2\n3 1 2 3\n"


class Given:
    """A surface of what is given."""

    parts = 1

    def __init__(self, *patches: np.ndarray) -> None:
        self._patches = patches

    def patches(self, share: Share = WHOLE) -> Iterator[Patch]:
        return (patch(np.asarray(corners, np.float32)) for corners in self._patches)


@pytest.fixture
def cube(tmp_path: Path) -> np.ndarray:
    path = tmp_path / "cube.obj"
    path.write_text(CUBE)
    return np.concatenate([one.corners for one in open_mesh(path).patches()])


def test_a_cube_is_closed_wherever_its_pieces_are_cut(cube: np.ndarray) -> None:
    """Edges whose twins come a million triangles later must still find them."""
    whole = mesh_facts(Given(cube))
    assert (whole.area_mm2, whole.volume_mm3, whole.watertight) == (6, 1, True)
    assert mesh_facts(Given(cube[:5], cube[5:7], cube[7:])) == whole
    order = np.random.default_rng(1).permutation(len(cube))
    assert mesh_facts(Given(cube[order])).watertight
    assert mesh_facts(Given(cube[:, [1, 2, 0]])).watertight


def test_a_hole_is_seen_and_has_no_volume(cube: np.ndarray) -> None:
    for missing in range(len(cube)):
        facts = mesh_facts(Given(np.delete(cube, missing, axis=0)))
        assert (facts.watertight, facts.volume_mm3) == (False, None)


def test_a_turned_triangle_is_no_hole_but_there_is_no_volume(cube: np.ndarray) -> None:
    """Slicers mend that; what it encloses is anybody's guess."""
    cube[3] = cube[3, ::-1]
    facts = mesh_facts(Given(cube))
    assert (facts.watertight, facts.volume_mm3) == (True, None)


def test_a_model_inside_out_has_the_volume_of_the_other(cube: np.ndarray) -> None:
    assert mesh_facts(Given(cube[:, ::-1])).volume_mm3 == 1


def test_flat_triangles_make_no_holes(cube: np.ndarray) -> None:
    """Exporters leave slivers of two corners behind."""
    a, b, _ = cube[0]
    slivers = np.array([[a, b, b], [a, a, a], [b, a, b]])
    assert mesh_facts(Given(cube, slivers)).watertight


def test_a_zero_is_a_zero_whatever_its_sign(cube: np.ndarray) -> None:
    cube[2:6][cube[2:6] == 0] = -0.0
    assert mesh_facts(Given(cube)).watertight


def test_far_from_the_origin_volumes_are_still_right(cube: np.ndarray) -> None:
    """Models out of a CAD assembly stand where they stand."""
    facts = mesh_facts(Given(cube * 10 + np.float32([5000, -3000, 400])))
    assert facts.volume_mm3 == pytest.approx(1000, rel=1e-5)
    assert facts.lowest_mm == (5000, -3000, 400)


def test_without_a_look_for_holes_nothing_is_said_of_them(cube: np.ndarray) -> None:
    facts = mesh_facts(Given(cube[1:]), closed=False)
    assert facts.watertight is None
    assert facts.volume_mm3 is not None


@pytest.mark.parametrize(
    ("content", "message"),
    [("G28\nG1 X1\n", "not a model"), ("", "not a model"), ("Dear shop,", "not a model")],
)
def test_what_is_no_model_is_named(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / "it").write_text(content)
    with pytest.raises(BadFile, match=message):
        open_mesh(tmp_path / "it")


def test_what_cannot_be_opened_is_named(tmp_path: Path) -> None:
    """A pipe would wait for ever."""
    os.mkfifo(tmp_path / "pipe.stl")
    for name in ("pipe.stl", ".", "nothing.stl"):
        with pytest.raises(BadFile) as refusal:
            open_mesh(tmp_path / name)
        assert refusal.value.key == "file_unreadable"


def test_a_model_that_is_gone_when_it_is_drawn_is_named(tmp_path: Path) -> None:
    path = tmp_path / "it.stl"
    path.write_bytes(bytes(80) + (1).to_bytes(4, "little") + bytes(50))
    opened = open_mesh(path)
    path.unlink()
    with pytest.raises(BadFile, match=r"it\.stl: No such file") as refusal:
        list(opened.patches())
    assert refusal.value.key == "file_unreadable"


# -- facts of files ----------------------------------------------------------------------------


def test_facts_of_a_model_are_its_kind_and_on_demand_its_size(tmp_path: Path) -> None:
    """A list of a thousand files must not measure a thousand models."""
    path = tmp_path / "it"
    path.write_text(CUBE)
    assert read_facts(path).kind is FileKind.OBJ
    assert read_facts(path).mesh is None
    assert read_facts(path, measured=True).mesh.volume_mm3 == 1


def test_a_broken_model_has_no_size(tmp_path: Path) -> None:
    path = tmp_path / "it.stl"
    path.write_bytes(b"\x00" * 200)
    assert read_facts(path).kind is FileKind.STL
    with pytest.raises(BadFile, match="it has no triangles"):
        read_facts(path, measured=True)


def test_what_is_no_model_is_not_measured(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text("Dear shop,")
    assert read_facts(path, measured=True) == NO_FACTS
    path.write_text("; G-code\nG28\n")
    assert read_facts(path, measured=True).mesh is None


def test_an_archive_tells_what_it_can(tmp_path: Path) -> None:
    """Refused geometry is no reason to forget who made it."""
    from tests.engine.formats.test_model_3mf import PLAIN, TRAPS, package

    path = tmp_path / "it.3mf"
    path.write_bytes(package(PLAIN))
    assert read_facts(path, measured=True).mesh.triangles == 4
    path.write_bytes(package(TRAPS["itself"][0]))
    facts = read_facts(path, measured=True)
    assert (facts.kind, facts.mesh) == (FileKind.THREEMF, None)
    path.write_bytes(package(PLAIN, **{"Metadata__plate_1.gcode": "G28\n"}))
    assert read_facts(path, measured=True).mesh is None


def test_a_model_lays_nothing_down(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text(CUBE)
    with pytest.raises(BadFile, match="nothing that can be printed"):
        assert isinstance(read_extrusion(path), Extrusion)


# -- kinds that another library reads ----------------------------------------------------------


def glb() -> bytes:
    """A tetrahedron of 10 mm: metres, y up."""
    corners = np.array([[0, 0, 0], [0.01, 0, 0], [0, 0, -0.01], [0, 0.01, 0]], "<f4")
    faces = np.array([0, 2, 1, 0, 1, 3, 0, 3, 2, 1, 2, 3], "<u2")
    held = corners.tobytes() + faces.tobytes()
    said = json.dumps(
        {
            "asset": {"version": "2.0"},
            "scene": 0,
            "scenes": [{"nodes": [0]}],
            "nodes": [{"mesh": 0}],
            "meshes": [{"primitives": [{"attributes": {"POSITION": 0}, "indices": 1}]}],
            "accessors": [
                {"bufferView": 0, "componentType": 5126, "count": 4, "type": "VEC3"},
                {"bufferView": 1, "componentType": 5123, "count": 12, "type": "SCALAR"},
            ],
            "bufferViews": [
                {"buffer": 0, "byteOffset": 0, "byteLength": 48},
                {"buffer": 0, "byteOffset": 48, "byteLength": 24},
            ],
            "buffers": [{"byteLength": 72}],
        }
    ).encode()
    said += b" " * (-len(said) % 4)
    chunks = (
        len(said).to_bytes(4, "little")
        + b"JSON"
        + said
        + len(held).to_bytes(4, "little")
        + b"BIN\0"
        + held
    )
    return b"glTF" + (2).to_bytes(4, "little") + (12 + len(chunks)).to_bytes(4, "little") + chunks


OTHERS = {"ply": PLY.encode(), "off": OFF.encode(), "glb": glb()}


@pytest.mark.parametrize("kind", OTHERS)
def test_other_kinds_are_read_by_a_library(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "it"
    path.write_bytes(OTHERS[kind])
    assert read_facts(path).kind is FileKind.OTHER_MESH
    facts = read_facts(path, measured=True).mesh
    assert facts.triangles == 4
    assert facts.size_mm == pytest.approx((10, 10, 10))
    assert facts.volume_mm3 == pytest.approx(1000 / 6)
    assert facts.lowest_mm == pytest.approx((0, 0, 0), abs=1e-6)


def test_without_that_library_other_kinds_are_refused_by_name(tmp_path: Path, monkeypatch) -> None:
    """Everything else goes on."""
    path = tmp_path / "it"
    path.write_text(PLY)
    monkeypatch.setattr(other_mesh, "readable", lambda: False)
    with pytest.raises(BadFile, match="what reads PLY files is not installed"):
        open_mesh(path)


@pytest.mark.parametrize(
    ("name", "limit", "message"),
    [
        ("_LARGEST", 9, "bytes are too many for a PLY file"),
        ("_MOST_TRIANGLES", 3, "it has 4 triangles"),
    ],
)
def test_other_kinds_have_bounds(
    tmp_path: Path, monkeypatch, name: str, limit: int, message: str
) -> None:
    path = tmp_path / "it"
    path.write_text(PLY)
    monkeypatch.setattr(other_mesh, name, limit)
    with pytest.raises(BadFile, match=message):
        open_mesh(path)


@pytest.mark.parametrize(
    "content",
    [PLY.replace("3 1 2 3", "3 1 2 9"), PLY[:90], "ply\n\n", OFF[:8], "OFF\n-1 x 0\n", "glTF"],
    ids=["index", "head", "nothing", "off", "counts", "glb"],
)
def test_other_kinds_that_are_broken_are_named(tmp_path: Path, content: str) -> None:
    path = tmp_path / "it"
    path.write_text(content)
    with pytest.raises(BadFile, match=r"cannot be read|it has no triangles"):
        list(open_mesh(path).patches())


def test_what_changed_its_kind_meanwhile_is_named(tmp_path: Path) -> None:
    path = tmp_path / "it"
    path.write_text("Dear shop,")
    with pytest.raises(BadFile, match="not a model"):
        other_mesh.OtherMesh(path)


def test_the_library_is_not_loaded_before_it_is_needed() -> None:
    """It takes half a second and 30 MB."""
    tree = ast.parse(Path(other_mesh.__file__).read_text())
    at_once = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    assert "trimesh" not in " ".join(map(ast.unparse, at_once))
    assert "import trimesh" in ast.unparse(tree)
