"""What a chamber camera sees of a machine: bed, nozzle, and as much part as is printed."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Final

from PIL import Image, ImageDraw

from custom_components.printernizer.engine.drivers.virtual.machine import IN_JOB, Phase

if TYPE_CHECKING:
    from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine

WIDTH: Final = 640
HEIGHT: Final = 360
_MIDDLE: Final = (320, 268)
_PART_PX: Final = (110, 150)
"""Width and full height of the part."""


def picture(machine: VirtualMachine) -> bytes:
    """Return a JPEG of the chamber now: dark when the lamp is off."""
    lamp = 1.0 if machine.light else 0.25
    image = Image.new("RGB", (WIDTH, HEIGHT), _lit((58, 62, 68), lamp))
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 0, WIDTH, 30), fill=_lit((34, 36, 40), lamp))
    for x in (40, WIDTH - 56):
        pen.rectangle((x, 30, x + 16, HEIGHT), fill=_lit((44, 47, 52), lamp))
    x, y = _MIDDLE
    glow = min(1.0, max(0.0, (machine.bed.actual_c - 30) / 70))
    bed = (70 + int(60 * glow), 66, 60)
    pen.polygon(((x - 210, y), (x + 210, y), (x + 270, y + 62), (x - 270, y + 62)), _lit(bed, lamp))
    top = _part(pen, machine, lamp)
    _head(pen, machine, top, lamp)
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def _part(pen: ImageDraw.ImageDraw, machine: VirtualMachine, lamp: float) -> float:
    """Draw what is printed of the part; returns the height of its top."""
    x, y = _MIDDLE
    base = y + 30
    run = machine.run
    if run is None or run.progress <= 0:
        return base
    wide, high = _PART_PX
    colour = machine.slots[0].colour if machine.slots else "#C0C0C0"
    red, green, blue = (int(colour[n : n + 2], 16) for n in (1, 3, 5))
    reached = high * run.progress
    lines = max(1, int(reached / 3))
    for n in range(lines):
        height = n * 3
        half = wide / 2 * (0.8 + 0.2 * math.sin(math.pi * (0.2 + height / high)))
        shade = 0.75 + 0.25 * (n % 2)
        fill = _lit((int(red * shade), int(green * shade), int(blue * shade)), lamp)
        pen.rounded_rectangle((x - half, base - height - 3, x + half, base - height), 2, fill)
    return base - reached


def _head(pen: ImageDraw.ImageDraw, machine: VirtualMachine, top: float, lamp: float) -> None:
    x, _ = _MIDDLE
    busy = machine.phase in IN_JOB
    if machine.phase is Phase.PRINTING and machine.run is not None:
        x += int(45 * math.sin(machine.run.printed_s * 0.37))
    else:
        x -= 190
    tip = top - 2 if busy else 150
    pen.rectangle((x - 34, tip - 74, x + 34, tip - 16), fill=_lit((24, 25, 28), lamp))
    pen.polygon(((x - 12, tip - 16), (x + 12, tip - 16), (x, tip)), _lit((196, 160, 92), lamp))
    pen.rectangle((56, tip - 58, WIDTH - 56, tip - 48), fill=_lit((120, 124, 130), lamp))


def _lit(colour: tuple[int, int, int], lamp: float) -> tuple[int, int, int]:
    red, green, blue = colour
    return int(red * lamp), int(green * lamp), int(blue * lamp)
