"""One picture of many: a model or a print of every format, and every way to draw it.

    python -m scripts.lib.contact_sheet [<target>]

The models are formulas (`scripts.lib.sculptures`), what is sliced comes out of the PrusaSlicer on
the path, so the sheet can be made anew anywhere.
"""

from __future__ import annotations

import io
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from custom_components.printernizer.engine.picture import (
    Colouring,
    PictureFormat,
    PictureOptions,
)
from custom_components.printernizer.engine.preview.picture import draw

from . import sculptures, sheet_files, sheet_prints

if TYPE_CHECKING:
    from collections.abc import Iterator

TARGET: Final = Path(__file__).parents[2] / "docs/images/contact-sheet.png"
_TILE_PX: Final = 256
_ACROSS: Final = 6
_LABEL_PX: Final = 26
_LIGHT, _DARK = (250, 250, 250), (28, 30, 33)
_COLOURS: Final = 256
"""Of the sheet: a third of the bytes that it has with all of them."""
_FROM_ABOVE: Final = {"elevation_deg": 90.0, "azimuth_deg": 0.0}


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture and what is written below it."""

    label: str
    path: Path
    options: PictureOptions
    dark: bool = False


def _tile(label: str, path: Path, *, dark: bool = False, **options: object) -> Tile:
    size = {"width_px": _TILE_PX, "height_px": _TILE_PX}
    return Tile(label=label, path=path, options=PictureOptions(**size | options), dark=dark)  # type: ignore[arg-type]


def tiles(folder: Path) -> Iterator[Tile]:
    """Make the files and yield what is drawn of them."""
    yield from _models(folder)
    yield from _colours(folder)
    yield from _projects(folder)
    yield from _prints(folder)


def _models(folder: Path) -> Iterator[Tile]:
    """Yield every kind of file that holds nothing but a surface."""

    def stl(name: str, triangles: sculptures.Floats) -> Path:
        path = folder / f"{name}.stl"
        sculptures.write_stl(path, triangles)
        return path

    gear, duck = stl("gear", sculptures.gear()), stl("duck", sculptures.duck())
    vase = stl("vase", sculptures.vase())
    stl("knot", sculptures.knot())
    yield _tile("STL, binary", gear)
    text = sheet_files.stl_text(folder / "text.stl", sculptures.vase(240, 80))
    yield _tile("STL, text", text, colour="#D9662B", elevation_deg=22.0)
    bracket = sheet_files.wavefront(folder / "bracket.obj", sculptures.bracket())
    yield _tile("OBJ", bracket, colour="#8C9AA6", azimuth_deg=-50.0)
    ply = sheet_files.ply(folder / "gyroid.ply", sculptures.gyroid(150))
    yield _tile("PLY", ply, colour="#B784E0")
    off = sheet_files.off(folder / "sign.off", sculptures.sign("Hallo"))
    yield _tile("OFF", off, colour="#E8E8E8", elevation_deg=42.0, azimuth_deg=-15.0)
    glb = sheet_files.glb(folder / "duck.glb", sculptures.duck(60))
    yield _tile("GLB, facets", glb, colour="#F5C518")
    yield _tile("smooth", duck, colour="#F5C518", smooth=True)
    yield _tile("from the side", vase, colour="#D9662B", elevation_deg=0.0)
    yield _tile("from below", vase, colour="#D9662B", elevation_deg=-50.0)


def _colours(folder: Path) -> Iterator[Tile]:
    """Yield what is hard to see."""
    gear, knot, duck = (folder / f"{name}.stl" for name in ("gear", "knot", "duck"))
    yield _tile("black", gear, colour="#000000")
    yield _tile("black on dark", knot, colour="#000000", dark=True)
    yield _tile("white", knot, colour="#FFFFFF")
    yield _tile("on a background", gear, colour="#FF0000", azimuth_deg=150.0, background="#DDE6EC")
    yield _tile("on a bed of 120 mm", duck, colour="#F5C518", smooth=True, bed_mm=(120.0, 120.0))
    yield _tile("on a bed, dark", gear, colour="#00AE42", bed_mm=(180.0, 180.0), dark=True)


def _projects(folder: Path) -> Iterator[Tile]:
    """Yield 3MF that is not sliced: all of it, and plate by plate."""
    parts = [
        (sculptures.gear(), "#F72323", (60.0, 70.0, 0.0)),
        (sculptures.vase(240, 80), "#FFFFFF", (130.0, 120.0, 0.0)),
        (sculptures.bracket(), "#161616", (130.0, 50.0, 0.0)),
    ]
    plain = sheet_files.three_mf(folder / "plain.3mf", parts)
    yield _tile("3MF: colours", plain)
    yield _tile("3MF: from above", plain, bed_mm=(180.0, 180.0), **_FROM_ABOVE)
    duck = (sculptures.duck(60), "#F5C518", (120.0, 110.0, 14.0))
    project = sheet_files.bambu_project(
        folder / "project.3mf", [[parts[0], duck], parts[1:]], bed_mm=180
    )
    yield _tile("project: plate 1", project, plate=1, bed=True)
    yield _tile("project: plate 2", project, plate=2, bed=True)


def _prints(folder: Path) -> Iterator[Tile]:
    """Yield what is sliced."""
    duck = folder / "duck.stl"
    held = sheet_prints.sliced(duck, *sheet_prints.HELD)
    yield _tile("G-code: supports", held)
    yield _tile("G-code: the bed in it", held, bed=True, azimuth_deg=60.0)
    gear = sheet_prints.sliced(folder / "gear.stl", "--skirts", "0")
    yield _tile("G-code: features", gear, elevation_deg=50.0)
    open_ = sheet_prints.sliced(folder / "gear.stl", *sheet_prints.OPEN, name="open")
    yield _tile("G-code: infill left open", open_, **_FROM_ABOVE)
    vase = sheet_prints.sliced(folder / "vase.stl", *sheet_prints.SPIRAL)
    yield _tile("G-code: a spiral vase", vase)
    tools = ("--support-material", "--support-material-extruder", "2", "--infill-extruder", "2")
    colours = ("--filament-colour", "#F5C518;#FFFFFF")
    two = sheet_prints.sliced(duck, *tools, *colours, name="two")
    yield _tile("G-code: tools", two, colouring=Colouring.TOOL)
    swapped = sheet_prints.sliced(folder / "gear.stl", *sheet_prints.SOLID_BY_SECOND, name="swap")
    yield _tile("BGCODE: features", sheet_prints.binary(held), azimuth_deg=150.0)
    boxed = sheet_prints.boxed(
        folder / "sliced.3mf", [(swapped, ("#F72323", "#F0F0F0")), (vase, ("#D9662B",))]
    )
    yield _tile("sliced 3MF: plate 1", boxed, plate=1, bed=True, colouring=Colouring.TOOL)
    yield _tile("sliced 3MF: plate 2", boxed, plate=2, bed=True, colouring=Colouring.TOOL)
    turn = {"colour": "#F5C518", "smooth": True, "frames": 4}
    yield _tile("WebP: a turn", duck, format=PictureFormat.WEBP, **turn)
    yield _tile("GIF: a turn", held, format=PictureFormat.GIF, frames=4)


def _shown(picture: Image.Image) -> Image.Image:
    """Return a picture, the frames of a turn side by side."""
    frames = getattr(picture, "n_frames", 1)
    made = Image.new("RGBA", (_TILE_PX, _TILE_PX))
    across = round(frames**0.5)
    side = _TILE_PX // across
    for frame in range(frames):
        picture.seek(frame)
        row, column = divmod(frame, across)
        small = picture.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS)
        made.paste(small, (column * side, row * side))
    return made


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
            shown = _shown(picture)
        made.paste(shown, (left, top), shown)
        ink = _LIGHT if tile.dark else _DARK
        at = (left + _TILE_PX / 2, top + _TILE_PX + 4)
        ImageDraw.Draw(made).text(at, tile.label, fill=ink, font=letters, anchor="ma")
    return made


def main() -> None:
    """Make the sheet."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        made = sheet(Path(folder))
    # Undithered: smooth surfaces stay smooth.
    made.quantize(_COLOURS, kmeans=1, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
