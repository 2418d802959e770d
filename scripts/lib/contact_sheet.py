"""One picture of many: a model for every format and every way to draw it.

    python -m scripts.lib.contact_sheet [<target>]

The models are formulas (`scripts.lib.sculptures`), so the sheet can be made anew anywhere.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.preview.picture import draw

from . import sculptures
from .sheet_files import three_mf, wavefront

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

TARGET: Final = Path(__file__).parents[2] / "docs/images/contact-sheet.png"
_TILE_PX: Final = 320
_ACROSS: Final = 5
_LABEL_PX: Final = 26
_LIGHT, _DARK = (250, 250, 250), (28, 30, 33)


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture and what is written below it."""

    label: str
    path: Path
    options: PictureOptions
    dark: bool = False


def tiles(folder: Path) -> Iterator[Tile]:
    """Make the models and yield what is drawn of them."""

    def stl(name: str, make: Callable[[], sculptures.Floats]) -> Path:
        path = folder / f"{name}.stl"
        sculptures.write_stl(path, make())
        return path

    def options(**more: object) -> PictureOptions:
        return PictureOptions(width_px=_TILE_PX, height_px=_TILE_PX, **more)  # type: ignore[arg-type]

    gear = stl("gear", sculptures.gear)
    duck = stl("duck", sculptures.duck)
    knot = stl("knot", sculptures.knot)
    yield Tile(label="STL: gear", path=gear, options=options())
    yield Tile(
        label="STL: vase",
        path=stl("vase", sculptures.vase),
        options=options(colour="#D9662B", elevation_deg=22.0),
    )
    yield Tile(label="STL: duck, smooth", path=duck, options=options(colour="#F5C518", smooth=True))
    yield Tile(
        label="STL: gyroid",
        path=stl("gyroid", lambda: sculptures.gyroid(150)),
        options=options(colour="#B784E0"),
    )
    yield Tile(
        label="STL: sign",
        path=stl("sign", lambda: sculptures.sign("Hallo")),
        options=options(colour="#E8E8E8", elevation_deg=42.0, azimuth_deg=-15.0),
    )
    yield Tile(label="black", path=gear, options=options(colour="#000000"))
    yield Tile(label="black on dark", path=knot, options=options(colour="#000000"), dark=True)
    yield Tile(label="white", path=knot, options=options(colour="#FFFFFF"))
    yield Tile(label="red", path=gear, options=options(colour="#FF0000", azimuth_deg=150.0))
    yield Tile(
        label="OBJ: bracket",
        path=wavefront(folder / "bracket.obj", sculptures.bracket()),
        options=options(colour="#8C9AA6", azimuth_deg=-50.0),
    )
    yield Tile(
        label="STL on a plate",
        path=gear,
        options=options(colour="#00AE42", bed_mm=(180.0, 180.0)),
    )
    yield Tile(
        label="on a plate, dark",
        path=duck,
        options=options(colour="#F5C518", smooth=True, bed_mm=(120.0, 120.0)),
        dark=True,
    )
    parts = [
        (sculptures.gear(), "#F72323", (60.0, 70.0, 0.0)),
        (sculptures.vase(240, 80), "#FFFFFF", (130.0, 120.0, 0.0)),
        (sculptures.bracket(), "#161616", (130.0, 50.0, 0.0)),
    ]
    project = three_mf(folder / "project.3mf", parts)
    yield Tile(label="3MF: colours", path=project, options=options())
    yield Tile(label="3MF: on its plate", path=project, options=options(bed_mm=(180.0, 180.0)))
    yield Tile(
        label="3MF: from above",
        path=project,
        options=options(bed_mm=(180.0, 180.0), elevation_deg=90.0, azimuth_deg=0.0),
    )


def sheet(folder: Path) -> Image.Image:
    """Draw all tiles, side by side."""
    drawn = list(tiles(folder))
    down = -(-len(drawn) // _ACROSS)
    height = _TILE_PX + _LABEL_PX
    made = Image.new("RGB", (_ACROSS * _TILE_PX, down * height), _LIGHT)
    letters = ImageFont.load_default(size=15)
    for place, tile in enumerate(drawn):
        left, top = place % _ACROSS * _TILE_PX, place // _ACROSS * height
        base = _DARK if tile.dark else _LIGHT
        made.paste(base, (left, top, left + _TILE_PX, top + height))
        with Image.open(io.BytesIO(draw(tile.path, tile.options))) as picture:
            made.paste(picture, (left, top), picture)
        ink = _LIGHT if tile.dark else _DARK
        at = (left + _TILE_PX / 2, top + _TILE_PX + 4)
        ImageDraw.Draw(made).text(at, tile.label, fill=ink, font=letters, anchor="ma")
    return made


def main() -> None:
    """Make the sheet."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        sheet(Path(folder)).save(target, optimize=True)


if __name__ == "__main__":
    main()
