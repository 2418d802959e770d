"""The files of a new virtual printer: what they claim is what they extrude."""

from __future__ import annotations

import io
import math
import re
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from custom_components.printernizer.engine.account import Role
from custom_components.printernizer.engine.drivers.virtual.samples import samples
from custom_components.printernizer.engine.formats.extrusion import read_extrusion
from custom_components.printernizer.engine.formats.facts import read_facts
from custom_components.printernizer.engine.formats.feature import Feature
from custom_components.printernizer.engine.formats.toolpath import read_toolpath
from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.preview.picture import draw

if TYPE_CHECKING:
    from pathlib import Path

    from custom_components.printernizer.engine.drivers.virtual.machine import VirtualFile

PATHS = ("/benchy.gcode", "/bracket.gcode", "/gift box.gcode")


@pytest.fixture(params=PATHS)
def sample(request: pytest.FixtureRequest) -> VirtualFile:
    return next(file for file in samples() if file.path == request.param)


@pytest.fixture
def path(sample: VirtualFile, tmp_path: Path) -> Path:
    path = tmp_path / sample.name
    path.write_bytes(sample.content)
    return path


def test_they_are_those_that_the_documentation_names() -> None:
    """People type them off."""
    assert tuple(file.path for file in samples()) == PATHS
    assert sum(len(file.content) for file in samples()) < 1_000_000, "they lie in memory"


def test_what_is_extruded_is_what_the_machine_takes(sample: VirtualFile, path: Path) -> None:
    """An account by layers must come to what the feeder of the same machine says."""
    (truth,) = sample.plates
    extrusion = read_extrusion(path)
    (tool,) = extrusion.tools
    assert tool.density_g_cm3 is not None
    assert extrusion.layers == truth.layers
    taken = [tool.until(layer) for layer in range(truth.layers + 1)]
    assert taken[-1] == pytest.approx(tool.estimate_mm, rel=1e-4)
    volume_mm3 = taken[-1] * math.pi * 1.75**2 / 4
    assert volume_mm3 * tool.density_g_cm3 / 1000 == pytest.approx(truth.mass_g[0], rel=1e-3)
    # The machine feeds evenly; a floor of one piece is the most that layers differ.
    even = (abs(one / taken[-1] - layer / truth.layers) for layer, one in enumerate(taken))
    assert max(even) < 0.15
    assert dict(tool.roles_mm).keys() == {Role.MODEL}


def test_it_says_of_itself_what_the_machine_knows(sample: VirtualFile, path: Path) -> None:
    """Fits, costs and the list of files are made of this."""
    (truth,) = sample.plates
    (plate,) = read_facts(path).plates
    assert plate.print_time is not None
    assert plate.print_time.total_seconds() == truth.seconds
    assert (plate.layers, plate.used_g) == (truth.layers, truth.mass_g[0])
    assert plate.height_mm == pytest.approx(truth.layers * truth.layer_height_mm)
    assert plate.filaments[0].material == truth.material


def test_beads_are_as_a_nozzle_lays_them(sample: VirtualFile, path: Path) -> None:
    """A picture of beads twice as wide as they lie apart shows a lump."""
    (width,) = set(re.findall(rb";WIDTH:([\d.]+)", sample.content))
    assert 0.4 < float(width) < 0.5
    features = set[int]()
    for beads in read_toolpath(path):
        assert (beads.start[:2] > 50).all()
        assert (beads.end[:2] < 200).all()
        features |= set(beads.feature.tolist())
    assert {Feature.OUTER_WALL, Feature.INNER_WALL} < {Feature(each) for each in features}


def test_there_is_something_to_see(path: Path) -> None:
    """Who tries the integration without a printer sees pictures, too."""
    png = draw(path, PictureOptions(width_px=96, height_px=96))
    with Image.open(io.BytesIO(png)) as picture:
        shown = picture.convert("RGBA").getchannel("A").histogram()
    assert sum(shown[200:]) > 96 * 96 * 0.15
