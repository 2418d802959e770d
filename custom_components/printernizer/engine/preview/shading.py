"""Light on surfaces, and what colours filaments have in it. All in linear light, 0 to 1."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import numpy as np

from .raster import COLOURS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Floats = NDArray[np.float32]

OURS: Final = "#4C9FD8"
"""Of what has no colour."""
_COLOUR: Final = re.compile(r"#?([0-9A-Fa-f]{6})([0-9A-Fa-f]{2})?")
_BLACKEST, _WHITEST = 0.03, 0.88
"""What plastic gives back of the light at least and at most: on pure black or white nothing could
be seen of a shape."""
_CLEAREST: Final = 0.45
"""How much of a clear filament hides what is behind it: nobody wants to look for it."""


def _unit(x: float, y: float, z: float) -> Floats:
    vector = np.array([x, y, z], np.float32)
    return vector / np.float32(np.linalg.norm(vector))


KEY: Final = _unit(-0.42, 0.78, 0.52)
"""Where the main light is, as the eye has it: above, to the left, on this side."""
_FILL: Final = _unit(0.75, 0.05, 0.66)
_SHEEN: Final = _unit(*(KEY + np.array([0, 0, 1], np.float32)))


class Palette:
    """The colours of a picture, by the numbers that a canvas knows them by."""

    def __init__(self, instead: str | None = None) -> None:
        """Begin with number 0: the colour of what has none."""
        self._numbers: dict[str | None, int] = {}
        self._seen: list[tuple[float, float, float, float]] = []
        self._instead = instead or OURS
        self.number(None)

    def number(self, colour: str | None) -> int:
        """Return the number of a colour, #RRGGBB or #RRGGBBAA; None: it has none.

        What is not written so counts as having none, as does what comes when the canvas can tell
        no more colours apart.
        """
        known = self._numbers.get(colour)
        if known is not None:
            return known
        match = _COLOUR.fullmatch(colour or self._instead) or _COLOUR.fullmatch(OURS)
        if match is None or (colour and not _COLOUR.fullmatch(colour)) or self.full:
            self._numbers[colour] = 0
            return 0
        red, green, blue = linear(match[1])
        alpha = int(match[2] or "FF", 16) / 255
        self._seen.append((red, green, blue, alpha))
        self._numbers[colour] = len(self._seen) - 1
        return len(self._seen) - 1

    @property
    def full(self) -> bool:
        """Whether no further colour can be told apart. One number is left for the plate."""
        return len(self._seen) >= COLOURS - 1

    @property
    def albedo(self) -> Floats:
        """(numbers, 3): what the surfaces give back of red, green and blue light."""
        seen = np.array(self._seen, np.float32)[:, :3]
        return np.float32(_BLACKEST) + seen * np.float32(_WHITEST - _BLACKEST)

    @property
    def opacity(self) -> Floats:
        """(numbers,): how much the surfaces hide of what is behind the thing."""
        seen = np.array(self._seen, np.float32)[:, 3]
        return np.float32(_CLEAREST) + seen * np.float32(1 - _CLEAREST)


def linear(digits: str) -> tuple[float, float, float]:
    """Return the light of a colour, RRGGBB. Source: IEC 61966-2-1 (sRGB)."""
    values = (int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4))
    red, green, blue = (
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in values
    )
    return red, green, blue


def lit(normals: Floats, open_: Floats) -> tuple[Floats, Floats]:
    """Return how much light surfaces give back in their colour, and how much as plain sheen.

    normals: (3, n), as the eye has them, of length 1. open_: (n,): how much of what is around them
    is not hidden by something else.
    """
    x, y, z = normals
    key = np.maximum(x * KEY[0] + y * KEY[1] + z * KEY[2], 0)
    fill = np.maximum(x * _FILL[0] + y * _FILL[1] + z * _FILL[2], 0)
    around = np.float32(0.17) + np.float32(0.07) * y + np.float32(0.10) * z
    light = around + fill * np.float32(0.15)
    light *= open_
    key *= np.float32(0.45) + np.float32(0.55) * open_
    light += key * np.float32(0.74)
    sheen = np.maximum(x * _SHEEN[0] + y * _SHEEN[1] + z * _SHEEN[2], 0)
    sheen *= sheen
    sheen *= sheen
    sheen *= sheen
    sheen *= sheen
    sheen *= np.float32(0.07)
    # Seen from the side every surface shines: that keeps black things off dark backgrounds.
    rim = 1 - z
    rim *= rim
    rim *= rim
    sheen += rim * np.float32(0.05)
    sheen *= open_
    return light, sheen


_TONES: Final = 4096


def _tone_table() -> NDArray[np.uint8]:
    light = np.arange(_TONES) / (_TONES - 1) * 1.25
    # Up to 0.7 as it is, from there ever less: a highlight keeps some colour.
    knee = 0.7
    over = np.maximum(light - knee, 0)
    light = np.minimum(light, knee) + (1 - knee) * (1 - np.exp(-over / (1 - knee)))
    light /= light[-1]
    coded = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return np.round(coded * 255).astype(np.uint8)


_TABLE: Final = _tone_table()


def toned(light: Floats) -> NDArray[np.uint8]:
    """Return light as the 8 bits of sRGB; what is brighter than white fades into it."""
    step = np.float32((_TONES - 1) / 1.25)
    place = np.clip(light * step + np.float32(0.5), 0, _TONES - 1).astype(np.intp)
    toned: NDArray[np.uint8] = _TABLE[place]
    return toned
