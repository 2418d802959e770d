"""How fast a model becomes a picture, beside f3d and beside trimesh with matplotlib.

    python -m scripts.bench.pictures [--triangles 10,100,1000,4000] [--rounds 3] [--rivals <python>]

A binary STL of a ribbed knot with so many thousand triangles, file to PNG, 512 x 512. Every run is
a process of its own in which a small model was drawn before at 64 x 64, so that nothing is loaded
late; seconds by the clock and of the processor, and how far the process's peak of memory
rose. `--rivals` is the Python of a throw-away environment with f3d, trimesh and matplotlib; f3d
renders in software and smooths by 4 samples, as ours does. matplotlib draws up to a million.
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
from pathlib import Path
from typing import Final

import numpy as np

from scripts.lib.sculptures import knot, write_stl

ROOT: Final = Path(__file__).parents[2]

_MEASURE: Final = """
import json, os, resource, sys, time
from pathlib import Path
{load}

def peak():
    for line in open("/proc/self/status"):
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1024

def busy():
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system

path, warm, out = sys.argv[1:4]
picture(warm, out, 64)
# The peak from here on is that of the picture alone.
open("/proc/self/clear_refs", "w").write("5")
before = peak()
began, spent = time.perf_counter(), busy()
picture(path, out, 512)
took, spent = time.perf_counter() - began, busy() - spent
# Another process begins with what this one holds. What both see counts twice.
other = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
print(json.dumps([took, spent, peak() - before + max(other - before, 0)]))
"""
OURS: Final = """
from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.preview.picture import draw

def picture(path, out, size):
    options = PictureOptions(width_px=size, height_px=size)
    Path(out).write_bytes(draw(Path(path), options, processes=2))
"""
F3D: Final = """
import f3d

f3d.Log.set_verbose_level(f3d.Log.QUIET)
f3d.Engine.autoload_plugins()

def picture(path, out, size):
    engine = f3d.Engine.create_egl()
    engine.options["render.effect.antialiasing.mode"] = "ssaa"
    engine.window.size = size, size
    engine.scene.add(path)
    engine.window.camera.azimuth(-35)
    engine.window.camera.elevation(30)
    engine.window.camera.reset_to_bounds()
    engine.window.render_to_image(True).save(out)
"""
TRISURF: Final = """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
import trimesh

def picture(path, out, size):
    mesh = trimesh.load(path)
    figure = plt.figure(figsize=(size / 100, size / 100), dpi=100)
    axes = figure.add_subplot(projection="3d")
    x, y, z = mesh.vertices.T
    axes.plot_trisurf(x, y, z, triangles=mesh.faces)
    axes.set_axis_off()
    axes.view_init(elev=30, azim=-125)
    figure.savefig(out, transparent=True)
    plt.close(figure)
"""
_LARGEST_FOR_MATPLOTLIB: Final = 1000


def knot_file(folder: Path, thousands: int) -> Path:
    """Write a knot of about so many thousand triangles."""
    around = round(np.sqrt(thousands * 1000 / 2 / 12))
    path = folder / f"{thousands}k.stl"
    write_stl(path, knot(around * 12, around))
    return path


def run(python: str, load: str, path: Path, warm: Path) -> list[float]:
    """Measure once: seconds, seconds of the processor, MB added."""
    # As in the worker: a second thread of OpenBLAS helps nothing here, and waits by spinning.
    alone = {"OPENBLAS_NUM_THREADS": "1"} if load is OURS else {}
    done = subprocess.run(
        [python, "-c", _MEASURE.format(load=load), str(path), str(warm), f"{path}.png"],
        cwd=ROOT,
        env=os.environ | alone,
        check=True,
        capture_output=True,
        text=True,
    )
    measured: list[float] = json.loads(done.stdout.splitlines()[-1])
    return measured


def main() -> None:
    """Measure, and say it as a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triangles", default="10,100,1000,4000", help="thousands")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rivals", help="a Python with f3d, trimesh and matplotlib")
    chosen = parser.parse_args()
    programs = [("ours", sys.executable, OURS)]
    if chosen.rivals:
        programs += [("f3d", chosen.rivals, F3D), ("trisurf", chosen.rivals, TRISURF)]
    print(f"{platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as folder:
        warm = knot_file(Path(folder), 1)
        for thousands in [int(number) for number in chosen.triangles.split(",")]:
            path = knot_file(Path(folder), thousands)
            ours: list[float] = []
            for name, python, load in programs:
                if name == "trisurf" and thousands > _LARGEST_FOR_MATPLOTLIB:
                    continue
                rounds = 1 if name == "trisurf" else chosen.rounds
                runs = [run(python, load, path, warm) for _ in range(rounds)]
                median = [statistics.median(column) for column in zip(*runs, strict=True)]
                ours = ours or median
                print(
                    f"{thousands:5} k  {name:8} {median[0]:7.3f} s ({median[0] / ours[0]:5.1f})"
                    f"  {median[1]:7.3f} s of the processor ({median[1] / ours[1]:5.1f})"
                    f"  {median[2]:7.1f} MB"
                )
            path.unlink()


if __name__ == "__main__":
    main()
