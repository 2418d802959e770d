"""File in, picture out."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
from PIL import Image

from ..errors import BadFile
from ..file import FileKind
from ..formats.facts import read_facts
from ..formats.surface import open_mesh
from ..picture import PictureFormat
from .crew import Crew
from .develop import PLATE, develop
from .easel import Easel
from .paths import ToolPath
from .plate import Plate
from .raster import SUPERSAMPLING
from .solid import Solid
from .view import Framing, axes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from ..file import FileFacts
    from ..picture import PictureOptions
    from .raster import Canvas
    from .shading import Palette
    from .view import View

    type Picture = NDArray[np.uint8]

_SMALLEST, _LARGEST = 16, 2048
_COLOUR: Final = re.compile("#[0-9A-Fa-f]{6}")
_MOST_FRAMES: Final = 60
_FITTED: Final = 16
"""Directions of a turn that decide how far away the eye stays."""
_RUNS: Final = 3
"""Of zlib's strategies: Z_RLE."""
_TURN_MS: Final = 4000
_SHARED_PX: Final = 1 << 20
"""Of a picture that is drawn together: of larger ones each would take much memory."""


class Scene(Protocol):
    """A thing to be drawn, more than once if need be."""

    @property
    def palette(self) -> Palette:
        """Its colours. They may become more while it is drawn."""
        ...

    @property
    def placed(self) -> bool:
        """Whether its coordinates are those of a plate."""
        ...

    def points(self, crew: Crew) -> Iterator[NDArray[np.float32]]:
        """Yield (n, 3): the crew's share of what comes into the picture, mm, finite.

        Raises BadFile, and OSError as `Crew.meet`.
        """
        ...

    def draw(self, view: View, canvas: Canvas) -> None:
        """Draw the canvas's share of it, and gather the others'. Raises BadFile."""
        ...


def draw(path: Path, options: PictureOptions, *, processes: int = 1) -> bytes:
    """Return a picture of a file, in the format of the options. Not on the event loop.

    processes: how many may draw it together, where it is worth it; more than one only where no
    other thread runs. The picture is the same.
    Raises BadFile for what is broken, hostile or nothing to look at, and ValueError for options
    beyond what `PictureOptions` says.
    """
    _check(options)
    facts = read_facts(path)
    options = _with_bed(options, facts)
    if processes > 1 and options.width_px * options.height_px <= _SHARED_PX:
        # Who draws it alone says best what is wrong with it.
        with suppress(BadFile, MemoryError, OSError):
            return _encoded(_open(path, facts, options), options, processes)
    try:
        return _encoded(_open(path, facts, options), options, 1)
    except BadFile as err:
        if path.name in str(err):
            raise
        raise BadFile(f"{path.name}: {err}") from err


def _check(options: PictureOptions) -> None:
    for size in (options.width_px, options.height_px):
        if not _SMALLEST <= size <= _LARGEST:
            raise ValueError(f"{size} is no size of a picture: {_SMALLEST} to {_LARGEST}")
    for colour in (options.colour, options.background):
        if colour is not None and not _COLOUR.fullmatch(colour):
            raise ValueError(f"{colour!r} is no colour: #RRGGBB")
    if not 1 <= options.frames <= _MOST_FRAMES:
        raise ValueError(f"{options.frames} frames: 1 to {_MOST_FRAMES}")


def _with_bed(options: PictureOptions, facts: FileFacts) -> PictureOptions:
    """Return options that say how large a plate is drawn, if one is."""
    if not options.bed or options.bed_mm is not None:
        return options
    plate = facts.plate(options.plate)
    if plate is None:
        drafts = [each for each in facts.drafts if options.plate in {None, each.number}]
        # All plates of a project lie side by side: that is none of them.
        plate = drafts[0] if len(drafts) == 1 else None
    return replace(options, bed_mm=None if plate is None else plate.bed_mm)


def _open(path: Path, facts: FileFacts, options: PictureOptions) -> Scene:
    sliced = facts.kind in {FileKind.GCODE, FileKind.BGCODE}
    if sliced or facts.plate(options.plate) is not None:
        return ToolPath(path, facts, options)
    mesh = open_mesh(path, plate=options.plate)
    placed = facts.kind is FileKind.THREEMF
    return Solid(mesh, colour=options.colour, smooth=options.smooth, placed=placed)


def _encoded(scene: Scene, options: PictureOptions, processes: int) -> bytes:
    """Raises OSError when another process cannot be had or has ended."""
    crew = Crew(processes)
    easel = Easel(crew, options.width_px, options.height_px)
    return crew.work(
        lambda: pictures(scene, options, easel), lambda frames: encoded(frames, options)
    )


def pictures(scene: Scene, options: PictureOptions, easel: Easel) -> list[Picture]:
    """Return the frames: (height, width, 4) each, sRGB with straight alpha.

    Raises BadFile, and OSError as `Crew.meet`.
    """
    crew = easel.crew
    frames = 1 if options.format is PictureFormat.PNG else options.frames
    turns = [options.azimuth_deg + 360 * frame / frames for frame in range(frames)]
    side = SUPERSAMPLING
    size = (options.width_px * side, options.height_px * side)
    fitted = turns[:: max(1, frames // _FITTED)]
    framing = Framing(*size, [axes(turn, options.elevation_deg) for turn in fitted])
    for points in scene.points(crew):
        framing.add(points)
    framing.include(crew.each(framing.extent))
    plate = None
    if options.bed_mm is not None:
        plate = Plate.below(framing.box, options.bed_mm, placed=scene.placed)
        framing.add(plate.corners())
    made = []
    for turn in turns:
        view = framing.view().turned_to(axes(turn, options.elevation_deg))
        _frame(scene, easel, view, plate)
        if not crew.share.index:
            made.append(_finished(easel.picture, options.background))
    return made


def _frame(scene: Scene, easel: Easel, view: View, plate: Plate | None) -> None:
    """Draw the crew's share of a picture. Raises BadFile."""
    canvas = easel.canvas()
    scene.draw(view, canvas)
    if not canvas.filled:
        raise BadFile("nothing of it can be seen")
    if plate is not None:
        plate.draw(view, canvas, PLATE)
    develop(easel, canvas, view, scene.palette, plate)


def _finished(picture: Picture, background: str | None) -> Picture:
    """Return a picture on its background, and wipe the sheet for the next one."""
    made = picture.copy()
    picture.fill(0)
    if background is not None:
        _lay_on(made, background)
    return made


def _lay_on(picture: Picture, background: str) -> None:
    """Put a colour, #RRGGBB, behind a picture."""
    below = np.frombuffer(bytes.fromhex(background.removeprefix("#")), np.uint8)
    for row in picture:
        alpha = row[:, 3:].astype(np.float32) / 255
        row[:, :3] = np.round(row[:, :3] * alpha + below * (1 - alpha))
        row[:, 3] = 255


def encoded(frames: list[Picture], options: PictureOptions) -> bytes:
    """Return the frames as a file."""
    images = [Image.fromarray(frame, "RGBA") for frame in frames]
    out = io.BytesIO()
    first, rest = images[0], images[1:]
    if options.format is PictureFormat.PNG:
        # Of what is quick this is the smallest: pictures are smooth, with runs of nothing.
        first.save(out, "PNG", compress_level=1, compress_type=_RUNS)
        return out.getvalue()
    name = "WEBP" if options.format is PictureFormat.WEBP else "GIF"
    if not rest:
        first.save(out, name)
        return out.getvalue()
    first.save(
        out,
        name,
        save_all=True,
        append_images=rest,
        duration=_TURN_MS // len(images),
        loop=0,
        **({"disposal": 2} if name == "GIF" else {"quality": 82, "method": 3}),
    )
    return out.getvalue()
