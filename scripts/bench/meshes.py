"""How fast models are read and measured, beside trimesh and the bare unpacking of the archive.

    python -m scripts.bench.meshes [--triangles 100000,1000000] [--rounds 3] [--rival PYTHON]

The model is a ring with waves on it, closed, written as binary STL and as 3MF. Every run is a
process of its own. Seconds are those of the processor, since others may be at work; memory is the
peak while it ran less what was held before. `--rival` names a Python that has trimesh, lxml and
networkx; without it our own is tried. Beyond a million triangles trimesh runs only once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

ROOT: Final = Path(__file__).parents[2]
_CORE: Final = "http://schemas.microsoft.com/3dmanufacturing/core/2015/02"
_RELATIONS: Final = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Target="/3D/3dmodel.model" Id="rel0"'
    ' Type="http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"/></Relationships>'
)
_TYPES: Final = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels"'
    ' ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Default Extension="model"'
    ' ContentType="application/vnd.ms-package.3dmanufacturing-3dmodel+xml"/></Types>'
)

_MEASURE: Final = """
import gc, json, sys, time
from pathlib import Path

def held(key):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key):
            return int(line.split()[1]) / 1024

{load}
path, small = map(Path, sys.argv[1:])
measure(small)
gc.collect()
Path("/proc/self/clear_refs").write_text("5")
before = held("VmRSS")
began = time.process_time()
found = measure(path)
took = time.process_time() - began
print(json.dumps([took, held("VmHWM") - before, found]))
"""
_OURS: Final = """
from importlib import import_module
from types import ModuleType
above = ModuleType("bench_ours")
above.__path__ = ["custom_components/printernizer"]
sys.modules["bench_ours"] = above
surface = import_module("bench_ours.engine.formats.surface")
"""
_TRIMESH: Final = "import trimesh\n"
FACTS: Final = {
    "ours: box, area, volume": _OURS
    + "measure = lambda p: surface.mesh_facts(surface.open_mesh(p), closed=False).volume_mm3",
    "ours: and closedness": _OURS
    + "measure = lambda p: surface.mesh_facts(surface.open_mesh(p)).volume_mm3",
    "trimesh: box, area, volume": _TRIMESH
    + """
def measure(path):
    mesh = trimesh.load_mesh(path)
    return mesh.bounds is not None and mesh.area > 0 and float(mesh.volume)
""",
    "trimesh: and closedness": _TRIMESH
    + """
def measure(path):
    mesh = trimesh.load_mesh(path)
    return mesh.bounds is not None and mesh.area > 0 and mesh.is_watertight and float(mesh.volume)
""",
}
READ: Final = {
    "unpacking alone": """
import zipfile
def measure(path):
    total = 0
    with zipfile.ZipFile(path) as archive, archive.open("3D/3dmodel.model") as file:
        while piece := file.read(1 << 18):
            total += len(piece)
    return total
""",
    "ours": _OURS
    + "measure = lambda p: sum(len(one.corners) for one in surface.open_mesh(p).patches())",
    "ours, the careful way": _OURS
    + """
part = import_module("bench_ours.engine.formats.model_part")
part.mesh_text.vertices = lambda text: None
measure = lambda p: sum(len(one.corners) for one in surface.open_mesh(p).patches())
""",
    "trimesh": _TRIMESH + "measure = lambda p: len(trimesh.load(p, force='mesh').faces)",
}


def ring(triangles: int) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the vertices and triangles of a closed ring, about so many."""
    around = int(np.sqrt(triangles / 2))
    across = triangles // (2 * around)
    u, v = np.meshgrid(
        np.linspace(0, 2 * np.pi, around, endpoint=False),
        np.linspace(0, 2 * np.pi, across, endpoint=False),
        indexing="ij",
    )
    radius = 10 + 0.2 * np.sin(9 * u) * np.sin(13 * v)
    far = 40 + radius * np.cos(v)
    vertices = np.stack([far * np.cos(u) + 100, far * np.sin(u) + 100, radius * np.sin(v) + 12], -1)
    i, j = np.meshgrid(np.arange(around), np.arange(across), indexing="ij")
    along, beside = (i + 1) % around, (j + 1) % across
    a, b, c, d = (
        row * across + column for row, column in ((i, j), (along, j), (along, beside), (i, beside))
    )
    faces = np.stack([a, b, c, a, c, d], axis=-1).reshape(-1, 3)
    return vertices.reshape(-1, 3).astype(np.float32), faces


def write_stl(path: Path, vertices: NDArray[np.float32], faces: NDArray[np.int64]) -> None:
    """Write a binary STL."""
    record = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
    records = np.zeros(len(faces), record)
    records["corners"] = vertices[faces]
    with path.open("wb") as file:
        file.write(b"made for a benchmark".ljust(80) + len(faces).to_bytes(4, "little"))
        records.tofile(file)


def write_3mf(path: Path, vertices: NDArray[np.float32], faces: NDArray[np.int64]) -> None:
    """Write a 3MF as slicers do: a line for each vertex and triangle."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", _TYPES)
        archive.writestr("_rels/.rels", _RELATIONS)
        with archive.open("3D/3dmodel.model", "w", force_zip64=True) as file:
            file.write(
                f'<?xml version="1.0" encoding="UTF-8"?>\n'
                f'<model unit="millimeter" xmlns="{_CORE}">\n <resources>\n'
                '  <object id="1" type="model">\n   <mesh>\n    <vertices>\n'.encode()
            )
            _write_rows(file, '     <vertex x="%.9g" y="%.9g" z="%.9g"/>\n', vertices)
            file.write(b"    </vertices>\n    <triangles>\n")
            _write_rows(file, '     <triangle v1="%d" v2="%d" v3="%d"/>\n', faces)
            file.write(
                b"    </triangles>\n   </mesh>\n  </object>\n </resources>\n"
                b' <build>\n  <item objectid="1"/>\n </build>\n</model>\n'
            )


def _write_rows(file: zipfile.ZipExtFile, line: str, rows: NDArray[np.generic]) -> None:
    for begin in range(0, len(rows), 10_000):
        some = rows[begin : begin + 10_000].tolist()
        file.write("".join(line % tuple(row) for row in some).encode())


def run(python: str, load: str, path: Path, small: Path) -> tuple[float, float, float] | None:
    """Measure once: seconds, MB added, what was found. None where it cannot run."""
    done = subprocess.run(
        [python, "-c", _MEASURE.format(load=load), str(path), str(small)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        print("   ", done.stderr.strip().splitlines()[-1])
        return None
    took, added, found = json.loads(done.stdout.splitlines()[-1])
    return took, added, found


def table(title: str, rivals: dict[str, str], path: Path, small: Path, chosen: _Chosen) -> None:
    """Measure all, and say it as a table; ratios are to the first line."""
    print(title)
    first = None
    for name, load in rivals.items():
        rival = name.startswith("trimesh")
        rounds = 1 if rival and path.stat().st_size > chosen.slow_bytes else chosen.rounds
        python = chosen.rival if rival else sys.executable
        runs = [one for _ in range(rounds) if (one := run(python, load, path, small))]
        if not runs:
            continue
        took = statistics.median(one[0] for one in runs)
        added = max(one[1] for one in runs)
        first = first or took
        print(f"    {name:28} {took:8.3f} s  {took / first:7.1f}  {added:8.1f} MB  {runs[0][2]}")


class _Chosen(argparse.Namespace):
    triangles: str
    rounds: int
    rival: str
    slow_bytes: int = 60_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triangles", default="100000,1000000,4000000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rival", default=sys.executable)
    chosen = parser.parse_args(namespace=_Chosen())
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        small = {kind: Path(folder) / f"small.{kind}" for kind in ("stl", "3mf")}
        write_stl(small["stl"], *ring(100))
        write_3mf(small["3mf"], *ring(100))
        for count in map(int, chosen.triangles.split(",")):
            vertices, faces = ring(count)
            path = Path(folder) / "it.stl"
            write_stl(path, vertices, faces)
            table(f"{count} triangles, STL, facts", FACTS, path, small["stl"], chosen)
            path = Path(folder) / "it.3mf"
            write_3mf(path, vertices, faces)
            table(f"{count} triangles, 3MF, read", READ, path, small["3mf"], chosen)


if __name__ == "__main__":
    main()
