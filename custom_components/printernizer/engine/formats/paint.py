"""The colours of a model: a list that stays short, however many a file names."""

from __future__ import annotations

import re
from typing import Final

_COLOUR: Final = re.compile(r"#[0-9A-F]{6}(?:[0-9A-F]{2})?")
_MOST: Final = 256
"""Colours that are kept as they are. Beyond, they are rounded: a scan has one for each corner."""
_STEP: Final = 51
"""Six shades of red, green and blue: 216 colours more at most."""


class Paint:
    """Numbers colours."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._colours: list[str] = []

    def number(self, colour: str | None) -> int:
        """Return the number of "#RRGGBB" or "#RRGGBBAA"; -1 for what is no colour."""
        wanted = (colour or "").strip().upper()
        if not _COLOUR.fullmatch(wanted):
            return -1
        wanted = wanted[:7]
        if wanted not in self._numbers and len(self._colours) >= _MOST:
            wanted = _rounded(wanted)
        if wanted not in self._numbers:
            self._numbers[wanted] = len(self._colours)
            self._colours.append(wanted)
        return self._numbers[wanted]

    def colour(self, number: int) -> str | None:
        """Return the colour of a number as #RRGGBB; None for -1."""
        return self._colours[number] if number >= 0 else None


def _rounded(colour: str) -> str:
    shades = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return "#" + "".join(f"{round(shade / _STEP) * _STEP:02X}" for shade in shades)
