"""The bed that a file was laid out on: told by the file, drawn to scale on request."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest

from custom_components.printernizer.engine.formats.facts import read_facts
from custom_components.printernizer.engine.formats.settings import bed_size
from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.preview.picture import draw
from scripts.lib.sheet_files import bambu_project
from tests.engine.preview.shapes import box
from tests.engine.preview.test_paths import Feature, layers, square

if TYPE_CHECKING:
    from pathlib import Path

SQUARE = "0x0,250x0,250x210,0x210"
ROUND = ",".join(f"{x}x{y}" for x, y in itertools.product((-60, 0, 60.5), (-55, 0, 55)))


@pytest.mark.parametrize(
    ("said", "size"),
    [
        ({"bed_shape": SQUARE}, (250.0, 210.0)),
        ({"printable_area": SQUARE}, (250.0, 210.0)),
        ({"bed_shape": ROUND}, (120.5, 110.0)),
        ({}, None),
        ({"bed_shape": ""}, None),
        ({"bed_shape": "250x210"}, None),
        ({"bed_shape": "0x0,250x0,250x,0x210"}, None),
        ({"bed_shape": "0x0,nanx0,250x210"}, None),
        ({"bed_shape": "0x0,5x0,5x5"}, None),
        ({"bed_shape": "0x0,20000x0,20000x200"}, None),
        ({"bed_shape": ",".join(["0x0,250x210"] * 600)}, None),
    ],
)
def test_a_bed_is_as_large_as_its_corners_say(
    said: dict[str, str], size: tuple[float, float] | None
) -> None:
    assert bed_size(said) == size


def test_the_bed_of_a_print_is_drawn_below_it(tmp_path: Path) -> None:
    """Whether a part fits is seen by nothing better than its bed."""
    text = layers(*[square(Feature.OUTER_WALL, 45)] * 5)
    told, untold = tmp_path / "told.gcode", tmp_path / "untold.gcode"
    told.write_text(f"{text}; bed_shape = {SQUARE}\n; layer_height = 0.2\n")
    untold.write_text(text)
    small = {"width_px": 64, "height_px": 64}
    with_bed = draw(told, PictureOptions(**small, bed=True))
    assert with_bed == draw(told, PictureOptions(**small, bed_mm=(250.0, 210.0)))
    assert with_bed != draw(told, PictureOptions(**small))
    other = PictureOptions(**small, bed=True, bed_mm=(300.0, 300.0))
    assert draw(told, other) not in {with_bed, draw(told, PictureOptions(**small))}
    assert draw(untold, PictureOptions(**small, bed=True)) == draw(untold, PictureOptions(**small))


def test_each_plate_of_a_project_lies_on_its_own_bed(tmp_path: Path) -> None:
    """All of them together lie beside each other, and on no bed."""
    part = box((-20, -20, 0), (20, 20, 20))
    plates = [[(part, "#F72323", (90.0, 90.0, 0.0))], [(part, "#00AE42", (120.0, 40.0, 0.0))]]
    path = bambu_project(tmp_path / "project.3mf", plates, 180)
    assert {draft.bed_mm for draft in read_facts(path).drafts} == {(180.0, 180.0)}
    small = {"width_px": 64, "height_px": 64}
    for plate in (1, 2):
        picture = draw(path, PictureOptions(**small, plate=plate, bed=True))
        assert picture == draw(path, PictureOptions(**small, plate=plate, bed_mm=(180.0, 180.0)))
        assert picture != draw(path, PictureOptions(**small, plate=plate))
    assert draw(path, PictureOptions(**small, bed=True)) == draw(path, PictureOptions(**small))
