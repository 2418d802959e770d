"""The same models drawn by us, by f3d and by PrusaSlicer's viewer, beside each other.

    python -m scripts.lib.side_by_side --f3d <python> [--viewer <picture>] [<target>]

`--f3d` is the Python of a throw-away environment with f3d, which renders through EGL in software.
`--viewer` is what `prusa-slicer --gcodeviewer` shows of the duck that `--print <path>` writes, cut
to a square: its command line draws nothing, but it does on a display of Xvfb with Mesa's software
OpenGL. Without it that field stays empty.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw, ImageFont

from custom_components.printernizer.engine.picture import PictureOptions
from custom_components.printernizer.engine.preview.picture import draw

from . import sculptures, sheet_files, sheet_prints

if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET: Final = Path(__file__).parents[2] / "docs/images/side-by-side.png"
_TILE_PX: Final = 300
_LABEL_PX: Final = 28
_BACKGROUND, _INK = (250, 250, 250), (28, 30, 33)
_F3D: Final = """
import f3d, json, sys

f3d.Log.set_verbose_level(f3d.Log.QUIET)
f3d.Engine.autoload_plugins()
for path, out, size, colour, shaded in json.loads(sys.argv[1]):
    engine = f3d.Engine.create_egl()
    options = engine.options
    options["scene.up_direction"] = "+Z"
    options["render.effect.antialiasing.mode"] = "ssaa"
    options["render.effect.ambient_occlusion"] = shaded
    options["render.effect.tone_mapping"] = shaded
    if colour:
        options["model.color.rgb"] = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    engine.window.size = size, size
    engine.scene.add(path)
    engine.window.camera.azimuth(-35)
    engine.window.camera.elevation(30)
    engine.window.camera.reset_to_bounds(0.9)
    engine.window.render_to_image(True).save(out)
"""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model, and the colour it is given where it has none."""

    label: str
    path: Path
    colour: str | None = None


def rows(folder: Path) -> list[Row]:
    """Make the models."""
    for name, make in (("gear", sculptures.gear), ("knot", sculptures.knot)):
        sculptures.write_stl(folder / f"{name}.stl", make())
    sculptures.write_stl(folder / "gyroid.stl", sculptures.gyroid(150))
    parts = [
        (sculptures.gear(), "#F72323", (60.0, 70.0, 0.0)),
        (sculptures.vase(240, 80), "#FFFFFF", (130.0, 120.0, 0.0)),
        (sculptures.bracket(), "#161616", (130.0, 50.0, 0.0)),
    ]
    return [
        Row(label="gear", path=folder / "gear.stl", colour="#4C9FD8"),
        Row(label="gyroid", path=folder / "gyroid.stl", colour="#B784E0"),
        Row(label="black knot", path=folder / "knot.stl", colour="#101010"),
        Row(label="3MF", path=sheet_files.three_mf(folder / "parts.3mf", parts)),
    ]


def printed(folder: Path) -> Path:
    """Slice the duck."""
    model = folder / "duck.stl"
    sculptures.write_stl(model, sculptures.duck(70))
    return sheet_prints.sliced(model, *sheet_prints.HELD, *sheet_prints.ONE_TOOL)


def _ours(path: Path, **options: object) -> Image.Image:
    size = {"width_px": 2 * _TILE_PX, "height_px": 2 * _TILE_PX}
    made = draw(path, PictureOptions(**size | options))  # type: ignore[arg-type]
    return Image.open(io.BytesIO(made))


def _theirs(python: str, folder: Path, each: Sequence[Row]) -> list[Image.Image]:
    """Return what f3d draws of each, without and with ambient occlusion and tone mapping."""
    wishes = [
        (str(row.path), str(folder / f"{number}-{shaded}.png"), 2 * _TILE_PX, row.colour, shaded)
        for number, row in enumerate(each)
        for shaded in (False, True)
    ]
    subprocess.run([python, "-c", _F3D, json.dumps(wishes)], check=True)
    return [Image.open(out) for _, out, *_ in wishes]


def _fitted(picture: Image.Image) -> Image.Image:
    """Return what is drawn, as large as a tile lets it be: each frames it in its own way."""
    picture = picture.convert("RGBA")
    picture = picture.crop(picture.getchannel("A").getbbox())
    room = _TILE_PX - 24
    picture.thumbnail((room, room), Image.Resampling.LANCZOS)
    return picture


def sheet(folder: Path, python: str, viewer: Path | None) -> Image.Image:
    """Draw all, a model in every row."""
    each = rows(folder)
    drawn = _theirs(python, folder, each)
    lines = [
        [
            (row.label, _ours(row.path, colour=row.colour)),
            ("f3d", drawn[at]),
            ("f3d, AO", drawn[at + 1]),
        ]
        for at, row in zip(range(0, 2 * len(each), 2), each, strict=True)
    ]
    duck = printed(folder)
    seen = {"azimuth_deg": -45.0, "elevation_deg": 45.0}
    lines.append(
        [("G-code", _ours(duck, **seen)), ("the same, its bed", _ours(duck, bed=True, **seen))]
    )
    if viewer is not None:
        lines[-1].insert(1, ("PrusaSlicer", Image.open(viewer)))
    height = _TILE_PX + _LABEL_PX
    made = Image.new("RGB", (3 * _TILE_PX, len(lines) * height), _BACKGROUND)
    pen, letters = ImageDraw.Draw(made), ImageFont.load_default(size=15)
    for down, line in enumerate(lines):
        for across, (label, picture) in enumerate(line):
            shown = _fitted(picture)
            left = across * _TILE_PX + (_TILE_PX - shown.width) // 2
            top = down * height + (_TILE_PX - shown.height) // 2
            made.paste(shown, (left, top), shown)
            at = (across * _TILE_PX + _TILE_PX / 2, down * height + _TILE_PX)
            pen.text(at, label if across else f"ours: {label}", _INK, letters, "ma")
    return made


def main() -> None:
    """Make the sheet, or the print to be looked at in the viewer."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("target", nargs="?", type=Path, default=TARGET)
    parser.add_argument("--f3d", help="a Python that has f3d")
    parser.add_argument("--viewer", type=Path, help="what PrusaSlicer's viewer shows")
    parser.add_argument("--print", type=Path, dest="printed", help="write the duck's G-code here")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if chosen.printed:
            chosen.printed.write_bytes(printed(Path(folder)).read_bytes())
        else:
            made = sheet(Path(folder), chosen.f3d, chosen.viewer)
            made.quantize(256, kmeans=1, dither=Image.Dither.NONE).save(
                chosen.target, optimize=True
            )


if __name__ == "__main__":
    main()
