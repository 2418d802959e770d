"""STL files: bytes, text, and those that look like the other kind."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.formats import mesh
from custom_components.printernizer.engine.formats.sniff import sniff
from custom_components.printernizer.engine.formats.surface import mesh_facts, open_mesh

FIXTURES = Path(__file__).parents[4] / "shared/fixtures/files"

TETRAHEDRON = np.array(
    [
        [[0, 0, 0], [0, 10, 0], [10, 0, 0]],
        [[0, 0, 0], [10, 0, 0], [0, 0, 10]],
        [[0, 0, 0], [0, 0, 10], [0, 10, 0]],
        [[10, 0, 0], [0, 10, 0], [0, 0, 10]],
    ],
    np.float32,
)


def binary(corners: np.ndarray, head: bytes = b"", *, count: int | None = None) -> bytes:
    number = len(corners) if count is None else count
    return (
        head.ljust(80, b" ")
        + struct.pack("<I", number)
        + b"".join(struct.pack("<12fH", 0, 0, 0, *triangle.ravel(), 0x7FFF) for triangle in corners)
    )


def text(corners: np.ndarray, name: str = "thing", number: str = "{:g}") -> str:
    lines = [f"solid {name}"]
    for triangle in corners:
        lines += ["  facet normal 0 0 1", "    outer loop"]
        lines += [
            "      vertex " + " ".join(number.format(value) for value in corner)
            for corner in triangle.tolist()
        ]
        lines += ["    endloop", "  endfacet"]
    return "\n".join([*lines, f"endsolid {name}", ""])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "it.stl"


def read(path: Path, content: bytes | str) -> np.ndarray:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return np.concatenate([patch.corners for patch in open_mesh(path).patches()])


WHOLE = {
    "bytes": binary(TETRAHEDRON),
    "bytes that begin as text": binary(TETRAHEDRON, b"solid facet normal"),
    "bytes with more behind": binary(TETRAHEDRON) + b"made by somebody",
    "text": text(TETRAHEDRON),
    "text in capitals": text(TETRAHEDRON).upper(),
    "text in mixed case": text(TETRAHEDRON).title(),
    "text with tabs and carriage returns": text(TETRAHEDRON)
    .replace("  ", "\t")
    .replace("\n", "\r\n"),
    "text with carriage returns alone": text(TETRAHEDRON).replace("\n", "\r"),
    "text with exponents": text(TETRAHEDRON, number="{:.6e}"),
    "text with many digits": text(TETRAHEDRON, number="{:.12f}"),
    "text without a name": text(TETRAHEDRON, ""),
    "text with a name of its own words": text(TETRAHEDRON, "endfacet vertex 1 2 3 Ü"),
    "text without an end": text(TETRAHEDRON).partition("endsolid")[0],
    "text with another head": "; made by somebody\n" + text(TETRAHEDRON).partition("\n")[2],
    "text behind a mark of its order": "\ufeff" + text(TETRAHEDRON),
    "text in two solids": text(TETRAHEDRON[:1]) + text(TETRAHEDRON[1:]),
    "text with colours": text(TETRAHEDRON).replace("    outer", "    color 1 0 0\n    outer"),
    "text with zeroes behind": text(TETRAHEDRON).encode().partition(b"endsolid")[0] + b"\0" * 9000,
}


@pytest.mark.parametrize("name", WHOLE)
def test_every_way_to_write_a_model_gives_the_same_model(path: Path, name: str) -> None:
    """A file is refused by a shop only once."""
    corners = read(path, WHOLE[name])
    assert corners.dtype == np.float32
    assert (corners == TETRAHEDRON).all()


@pytest.mark.parametrize("name", WHOLE)
def test_it_is_known_by_its_bytes(path: Path, name: str) -> None:
    """An upload has any name."""
    content = WHOLE[name]
    content = content.encode() if isinstance(content, str) else content
    known = sniff(content[:4096], len(content))
    assert known is (None if name == "bytes with more behind" else FileKind.STL)


NAN = TETRAHEDRON.copy()
NAN[1, 2, 0] = np.nan
FAR = TETRAHEDRON.copy()
FAR[2, 0, 1] = -3e38


@pytest.mark.parametrize(
    "content",
    [
        binary(NAN),
        binary(FAR),
        text(NAN),
        text(FAR),
        text(TETRAHEDRON).replace("10 0 0", "1,0 0 0", 1),
    ],
    ids=["bytes nan", "bytes far", "text nan", "text far", "text comma"],
)
def test_triangles_that_are_nowhere_are_left_out_and_counted(
    path: Path, content: bytes | str
) -> None:
    """One of them would make a picture of nothing."""
    corners = read(path, content)
    assert len(corners) == 3
    assert np.isfinite(corners).all()
    assert mesh_facts(open_mesh(path)).dropped == 1


BROKEN = {
    "cut off": (binary(TETRAHEDRON)[:-51], "at byte 184: it has 2 of the 4 triangles"),
    "a count beyond it": (binary(TETRAHEDRON, count=2**32 - 1), "4 of the 4294967295"),
    "a header alone": (binary(TETRAHEDRON)[:81], "at byte 81: it ends within its header"),
    "nothing": (b"", "at byte 0: it ends within its header"),
    "no triangles": (binary(TETRAHEDRON[:0]), "it has no triangles"),
    "nothing but nowhere": (binary(np.full((2, 3, 3), np.inf)), "it has 2 triangles, all of them"),
    "text without triangles": ("solid thing\nendsolid thing\n", "it has no triangles"),
    "text cut off": (
        text(TETRAHEDRON).rpartition("endloop")[0],
        "at byte 365: its last facet is cut off",
    ),
    "text with two corners": (
        text(TETRAHEDRON).replace("vertex 0 0 10\n", "\n", 1),
        "at byte 129: a facet has 2 corners, not three",
    ),
    "text without an end of its facet": (
        "solid x\nfacet normal 0 0 0\n" + "outer loop\n" * 99999,
        "at byte 0: its facet does not end",
    ),
    "text in another alphabet": (text(TETRAHEDRON).encode("utf-16"), "of the"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_model_is_named_with_place_and_cause(path: Path, name: str) -> None:
    content, message = BROKEN[name]
    with pytest.raises(BadFile, match=message) as refusal:
        read(path, content)
    assert "it.stl" in refusal.value.reason


def test_a_model_that_shrinks_meanwhile_is_named(path: Path) -> None:
    """A slicer may write over it."""
    path.write_bytes(binary(TETRAHEDRON))
    opened = open_mesh(path)
    path.write_bytes(binary(TETRAHEDRON)[:84])
    with pytest.raises(BadFile, match="shorter"):
        list(opened.patches())


@pytest.mark.parametrize("kind", ["bytes", "text", "odd text"])
def test_large_models_come_in_pieces(path: Path, kind: str, monkeypatch) -> None:
    """Memory must not depend on the model."""
    many = np.random.default_rng(5).uniform(-90, 90, (9000, 3, 3)).astype(np.float32).round(3)
    monkeypatch.setattr(mesh, "PATCH", 1000)
    content = {
        "bytes": lambda: binary(many),
        "text": lambda: text(many, number="{:.3f}"),
        "odd text": lambda: text(many, number="{:.3f}").replace("endloop", "endloop ;"),
    }[kind]()
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    patches = [patch.corners for patch in open_mesh(path).patches()]
    assert max(map(len, patches)) <= 1000
    assert (np.concatenate(patches) == many).all()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("stl_count_lie.stl", "at byte 184: it has 2 of the 4294967295 triangles"),
        ("stl_ascii_no_endsolid.stl", "its last facet is cut off"),
    ],
)
def test_recorded_hostile_files_have_their_message(name: str, message: str) -> None:
    recorded = FIXTURES / "hostile" / name
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    with pytest.raises(BadFile, match=message):
        list(open_mesh(recorded).patches())


@pytest.mark.parametrize(
    ("name", "triangles", "volume"),
    [("cube_binary.stl", 12, 4000), ("square_tower.stl", 432, 54912.3)],
)
def test_recorded_models_measure_what_they_are(name: str, triangles: int, volume: float) -> None:
    recorded = FIXTURES / "mesh" / name
    if not recorded.exists():
        pytest.skip("the recorded files are not here")
    facts = mesh_facts(open_mesh(recorded))
    assert facts.triangles == triangles
    assert facts.watertight
    assert facts.volume_mm3 == pytest.approx(volume, rel=1e-5)
