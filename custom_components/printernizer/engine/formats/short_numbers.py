"""Decimal numbers of at most eight bytes, as nearly all in G-code are: many at once.

One word holds all of a number, its last byte highest. `digits.decimal` reads what is longer, and
three times as slowly: it has to look at more than one word of each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Places = NDArray[np.int64]
    type Words = NDArray[np.uint64]

_WORD: Final = 8
_LOT: Final = 1 << 13
"""Numbers done at once: their arrays stay in the processor's nearest cache."""
_EACH: Final = 0x0101010101010101
_ONES: Final = np.uint64(_EACH)
_HIGH: Final = np.uint64(0x80 * _EACH)
_ZERO: Final = np.uint64(0x30 * _EACH)
_DOT: Final = np.uint64((0x2E ^ 0x30) * _EACH)
_OVER_NINE: Final = np.uint64(0x76 * _EACH)
_MASKS: Final = np.array(
    [((1 << 64) - 1) << 8 * (_WORD - length) & (1 << 64) - 1 for length in range(_WORD + 1)],
    np.uint64,
)
"""By how many bytes a number has: those that are its own."""
_POWERS: Final = np.power(10.0, np.arange(_WORD + 1))
_BLANK, _MINUS, _PLUS, _STOP = 32, 45, 43, 46


def short(text: bytes, starts: Places, ends: Places) -> NDArray[np.float64]:
    """Return decimal numbers of up to eight bytes behind a sign; NaN for all others.

    One blank may stand behind each.
    """
    values = np.empty(len(starts))
    data = np.frombuffer(text, np.uint8)
    # Read as plain words at any place, aligned or not.
    words = np.ndarray((len(text) - _WORD + 1,), "V8", text, 0, (1,))
    for begin in range(0, len(starts), _LOT):
        lot = slice(begin, begin + _LOT)
        values[lot] = _some(data, words, starts[lot], ends[lot])
    return values


def _some(
    data: NDArray[np.uint8], words: NDArray[np.void], starts: Places, ends: Places
) -> NDArray[np.float64]:
    first = data[starts]
    negative = first == _MINUS
    # One blank or carriage return is usual.
    ends = ends - (data[ends - 1] <= _BLANK)
    length = ends - starts
    length -= negative | (first == _PLUS)
    bad = (length <= 0) | (length > _WORD) | (ends < _WORD)
    length[bad] = 0
    # The bytes of a number less "0"; those before it are nothing.
    word = words[np.maximum(ends, _WORD) - _WORD].view("<u8")
    word ^= _ZERO
    word &= _MASKS[length]
    merged, decimals = _without_stop(word)
    bad |= (((merged + _OVER_NINE) | merged) & _HIGH) != 0
    bad |= (length == 1) & (decimals >= 0) & (data[ends - 1] == _STOP)
    merged = (merged * np.uint64(10) + (merged >> np.uint64(8))) & np.uint64(0x00FF00FF00FF00FF)
    merged = (merged * np.uint64(100) + (merged >> np.uint64(16))) & np.uint64(0x0000FFFF0000FFFF)
    merged = (merged * np.uint64(10000) + (merged >> np.uint64(32))) & np.uint64(0xFFFFFFFF)
    values = merged.astype(np.float64)
    values /= _POWERS[decimals]
    np.negative(values, out=values, where=negative)
    values[bad] = np.nan
    return values


def _without_stop(word: Words) -> tuple[Words, Places]:
    """Return words whose bytes before the first full stop moved up over it, and how many follow."""
    differ = word ^ _DOT
    hits = (differ - _ONES) & ~differ & _HIGH
    dotted = hits != 0
    # All bytes before the stop; those behind it.
    below = ((hits & (~hits + np.uint64(1))) >> np.uint64(7)) - dotted
    above = ~((below << np.uint64(8)) | np.uint64(0xFF))
    moved = (word & above) | ((word & below) << np.uint64(8))
    decimals = (_WORD - 1) - (np.bitwise_count(below) >> 3).astype(np.int64)
    if dotted.all():
        return moved, decimals
    return np.where(dotted, moved, word), np.where(dotted, decimals, 0)
