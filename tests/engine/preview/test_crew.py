"""Several processes at one picture: the same one as from a single process, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from custom_components.printernizer.engine.formats.mesh import Share
from custom_components.printernizer.engine.formats.surface import open_mesh
from scripts.bench import toolpaths
from tests.engine.formats.test_facts import archive
from tests.engine.formats.test_model_3mf import model, package

from .shapes import ball, box, stl

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parents[3]
BEGIN = """
import os, signal, sys, time, types
from pathlib import Path
shop = types.ModuleType("shop")
shop.__path__ = ["custom_components/printernizer"]
sys.modules["shop"] = shop
import numpy as np
from shop.engine.errors import BadFile
from shop.engine.picture import PictureFormat, PictureOptions
from shop.engine.preview import picture
from shop.engine.preview.crew import Crew
from shop.engine.preview.solid import Solid

paths = [Path(name) for name in sys.argv[1:]]
drawn_by = []

def counted(scene, options, processes):
    made = encoded(scene, options, processes)
    drawn_by.append(processes)
    return made

encoded, picture._encoded = picture._encoded, counted
small = {"width_px": 90, "height_px": 70}
"""
"""A process without threads, as a worker is; `drawn_by` tells how pictures came about."""
SAME = """
looks = (
    PictureOptions(**small),
    PictureOptions(**small, smooth=True, background="#204060", bed_mm=(60, 60)),
    PictureOptions(**small, format=PictureFormat.GIF, frames=2, elevation_deg=-20.0),
)
for number, path in enumerate(paths):
    options = looks[number % len(looks)]
    drawn_by.clear()
    alone = picture.draw(path, options)
    together = 3 if number == 1 else 2
    assert picture.draw(path, options, processes=together) == alone, path
    assert drawn_by == [1, together], (path, drawn_by)
"""
ALIKE = """
import io
from PIL import Image
from shop.engine.preview import paths as tool_paths

def look(path, processes):
    return np.array(Image.open(io.BytesIO(picture.draw(path, options, processes=processes))), int)

tool_paths._SHARED_BYTES = 1000
for number, path in enumerate(paths):
    if number > 1:
        tool_paths._ALL_OF_IT_BYTES = 1000
    options = PictureOptions(width_px=300, height_px=300, bed_mm=(60, 60) if number else None)
    drawn_by.clear()
    one, two = look(path, 1), look(path, 2)
    assert drawn_by == [1, 2], drawn_by
    covered = one[..., 3] > 0
    assert covered.sum() > 5000
    differ = np.abs(one - two).max(axis=2)
    assert (differ > 24).sum() < covered.sum() / 100, (path, (differ > 24).sum(), covered.sum())
"""
FAILING = """
def stop():
    raise KeyboardInterrupt

def draw(self, view, canvas):
    if canvas.share.index:
        happens()
    whole(self, view, canvas)

whole, Solid.draw = Solid.draw, draw
for happens in (
    lambda: os.kill(os.getpid(), signal.SIGKILL), lambda: os._exit(0), lambda: 1 / 0, stop
):
    drawn_by.clear()
    alone = picture.draw(paths[0], PictureOptions(**small))
    assert picture.draw(paths[0], PictureOptions(**small), processes=2) == alone
    assert drawn_by == [1, 1], drawn_by
"""
REFUSED = """
from shop.engine.preview import solid

solid._MOST_LAYERS = 20
for path in paths:
    try:
        picture.draw(path, PictureOptions(**small), processes=2)
    except BadFile as err:
        print(err)
"""
ROOM = """
import resource

def room():
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    return resource.getrlimit(resource.RLIMIT_AS)[0] - pages * resource.getpagesize()

crew = Crew(2)
limit = resource.getrlimit(resource.RLIMIT_AS)[0] - room() + (64 << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
rooms = crew.work(lambda: crew.each(np.array([room()], float)), lambda said: said)
assert 60 << 20 < rooms.sum() <= 64 << 20, rooms
assert resource.getrlimit(resource.RLIMIT_AS) == (limit, limit)
"""
ENDS = """
def deed():
    if crew.share.index:
        signal.pause()
    raise BadFile("it is broken")

crew = Crew(2)
try:
    crew.work(deed, lambda nothing: nothing)
except BadFile as err:
    print(err)
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("no child is left")
"""
LATE = """
from shop.engine.leash import end_with

end_with(1 << 22)
print("still here")
"""
LEFT = """
def deed():
    if crew.share.index:
        print(os.getpid(), flush=True)
    signal.pause()

crew = Crew(2)
crew.work(deed, lambda nothing: nothing)
"""


def run(script: str, *paths: Path) -> str:
    """Return what a process says that ends well."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + script, *map(str, paths)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def binary(folder: Path) -> Path:
    return stl(folder / "binary.stl", ball(20, 100))


def text(folder: Path) -> Path:
    path = folder / "it.stl"
    with path.open("w") as file:
        file.write("solid it\n")
        for corners in ball(20, 40).tolist():
            file.write("facet normal 0 0 0\nouter loop\n")
            file.writelines(f"vertex {x} {y} {z}\n" for x, y, z in corners)
            file.write("endloop\nendfacet\n")
        file.write("endsolid it\n")
    return path


def obj(folder: Path) -> Path:
    path = folder / "it.obj"
    with path.open("w") as file:
        for number, corners in enumerate(ball(20, 50).tolist()):
            file.writelines(f"v {x} {y} {z}\n" for x, y, z in corners)
            file.write(f"f {3 * number + 1} {3 * number + 2} {3 * number + 3}\n")
    return path


def colours(folder: Path) -> Path:
    """Write a 3MF of two bodies, in colours, one of them twice."""
    materials = (
        '<basematerials id="9"><base name="a" displaycolor="#FF0000"/>'
        '<base name="b" displaycolor="#00FF0080"/></basematerials>'
    )
    bodies = ""
    for number, triangles in enumerate((box((0, 0, 0), (20, 20, 9)), ball(7, 20)), 1):
        vertices = "".join(
            f'<vertex x="{x}" y="{y}" z="{z}"/>' for x, y, z in triangles.reshape(-1, 3).tolist()
        )
        faces = "".join(
            f'<triangle v1="{at}" v2="{at + 1}" v3="{at + 2}"/>'
            for at in range(0, 3 * len(triangles), 3)
        )
        bodies += (
            f'<object id="{number}" type="model" pid="9" pindex="{number - 1}"><mesh>'
            f"<vertices>{vertices}</vertices><triangles>{faces}</triangles></mesh></object>"
        )
    items = (
        '<item objectid="1"/><item objectid="2" transform="1 0 0 0 1 0 0 0 1 10 10 9"/>'
        '<item objectid="1" transform="1 0 0 0 1 0 0 0 1 30 0 0"/>'
    )
    path = folder / "it.3mf"
    path.write_bytes(package(model(materials + bodies, items)))
    return path


FILES = [text, obj, binary, colours]


def test_they_draw_what_one_would(tmp_path: Path) -> None:
    """Whoever has more cores sees the same, to the last byte."""
    paths = [made(tmp_path) for made in FILES]
    # Too small for each of them to get a share.
    paths.append(stl(tmp_path / "small.stl", box((0, 0, 0), (9, 9, 9))))
    paths.append(tmp_path / "it.gcode")
    rings = "".join(
        f";LAYER_CHANGE\n;Z:{layer / 5}\nG1 Z{layer / 5}\nG1 X0 Y0\n;TYPE:External perimeter\n"
        "G1 X20 Y0 E1\nG1 X20 Y20 E1\nG1 X0 Y20 E1\nG1 X0 Y0 E1\n"
        for layer in range(1, 40)
    )
    paths[-1].write_text(f"; generated by PrusaSlicer 2.9.0\nM83\n{rings}")
    run(SAME, *paths)


def test_layers_of_a_tool_path_are_drawn_by_turns(tmp_path: Path) -> None:
    """What hides what is found out by each alone: that may change a point here and there."""
    sliced = tmp_path / "it.gcode"
    toolpaths.write(sliced, 0.6)
    text = sliced.read_bytes()
    packed = archive({"3D/3dmodel.model": "<model/>", "Metadata/plate_1.gcode": text})
    (tmp_path / "it.3mf").write_bytes(packed)
    # One wall from below to above: no layer says what it is.
    vase = ROOT / "tests/fixtures/files/twisted vase.gcode.3mf"
    run(ALIKE, sliced, vase, sliced, tmp_path / "it.3mf", vase)


@pytest.mark.parametrize("made", FILES)
def test_shares_are_all_of_it(tmp_path: Path, made: Callable[[Path], Path]) -> None:
    mesh = open_mesh(made(tmp_path))
    whole = [patch.corners for patch in mesh.patches()]
    parts = [patch.corners for index in range(3) for patch in mesh.patches(Share(index, 3))]
    both = [np.concatenate(some).reshape(-1, 9) for some in (whole, parts)]
    one, other = (some[np.lexsort(some.T)] for some in both)
    assert np.array_equal(one, other)


def test_one_that_falls_over_is_not_missed(tmp_path: Path) -> None:
    run(FAILING, binary(tmp_path))


def test_the_cause_of_a_refusal_is_told(tmp_path: Path) -> None:
    """Half of a file knows less than the whole, and each may draw half of what is too much."""
    nowhere = stl(tmp_path / "nowhere.stl", np.full((20_000, 3, 3), np.nan, np.float32))
    cube = box((0, 0, 0), (9, 9, 9))
    endless = stl(tmp_path / "endless.stl", np.repeat(cube, 800, axis=0))
    causes = run(REFUSED, nowhere, endless, tmp_path / "none.stl").splitlines()
    assert len(causes) == 3
    assert "all of them nowhere" in causes[0]
    assert "hundreds of times" in causes[1]
    assert "No such file" in causes[2]


def test_together_they_take_no_more_memory_and_none_is_left() -> None:
    assert run(ROOM + ENDS) == "it is broken\nno child is left\n"


def test_they_end_with_the_first_one() -> None:
    """A picture that takes too long is ended by killing the process that was asked for it."""
    with subprocess.Popen(
        [sys.executable, "-c", BEGIN + LEFT], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        other = int(first.stdout.readline())
        first.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while _lives(other):
        assert time.monotonic() < until
        time.sleep(0.01)


def test_one_whose_parent_is_gone_already_ends() -> None:
    """It was killed before it could be asked to tell."""
    done = subprocess.run(
        [sys.executable, "-c", BEGIN + LATE], cwd=ROOT, check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (1, "")


def _lives(pid: int) -> bool:
    """Whether a process is there and no mere entry."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
