"""Names of files and other single lines that people give: which characters they may hold."""

from __future__ import annotations

import re
from typing import Final

_TRICKS: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff]"
)
"""Controls, ends of lines, halves of characters, blanks without width, and marks that turn the
direction of text: "exe.gcode" may read as "edocg.exe".

Not what `str.isprintable` refuses: joiners, of which emoji and Persian words are made, the blanks
of Japanese names and of macOS, and every character that is younger than this Python.
"""

RESERVED: Final = frozenset(
    {"con", "prn", "aux", "nul"} | {f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)}
)
"""Stems of files, in lower case, that are devices on Windows: many storages are read there."""


def has_tricks(line: str) -> bool:
    """Whether a line holds what cannot be shown as it is."""
    return _TRICKS.search(line) is not None


def without_tricks(line: str, instead: str = "") -> str:
    """Return a line without what cannot be shown as it is."""
    return _TRICKS.sub(instead, line)
