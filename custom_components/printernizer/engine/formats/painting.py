"""What painted triangles say: which filament each of them is mostly printed in.

PrusaSlicer's family writes a triangle and what it was cut into as hexadecimal digits, the last one
first: two bits for how many sides are cut, and two for the filament or for which side; a triangle
that is cut is followed by its pieces. Filaments from the third on take another digit.
Source: the files themselves, and PrusaSlicer's TriangleSelector.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

NAMES: Final = (b"paint_color=", b"mmu_segmentation=")
"""Of the attributes, Bambu's and Prusa's, up to the first quote."""
MOST_FILAMENTS: Final = 64
_MANY: Final = 3
"""The number from which on another digit follows."""


@lru_cache(maxsize=4096)
def filament(code: str) -> int:
    """Return the number of the filament that most of a triangle has, from 1; 0: its object's."""
    digits = [int(digit, 16) for digit in code] if _is_code(code) else []
    shares: dict[int, float] = {}
    open_shares = [1.0]
    while open_shares and digits:
        share = open_shares.pop()
        digit = digits.pop()
        cut = digit & 3
        if cut:
            open_shares += [share / (cut + 1)] * (cut + 1)
            continue
        number = digit >> 2
        if number == _MANY and digits:
            number += digits.pop()
        shares[number] = shares.get(number, 0.0) + share
    return max(shares, key=lambda number: shares[number], default=0)


def _is_code(code: str) -> bool:
    return code.isascii() and code.isalnum() and not set(code.upper()) - set("0123456789ABCDEF")
