"""Decimal numbers of at most eight bytes, as nearly all in G-code are: many at once.

A word holds the eight bytes from where a number begins, the first one lowest. Where the number
ends is found together with its value: at the second byte that is no digit, or at the first unless
that is a full stop. `digits.decimal` reads what is longer, and three times as slowly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Places = NDArray[np.int64]
    type Words = NDArray[np.uint64]

WORD: Final = 8
"""Bytes of a word: so many may have to stand behind the last place that is looked at, and more."""
_EACH: Final = 0x0101010101010101
_HIGH: Final = np.uint64(0x80 * _EACH)
_ZERO: Final = np.uint64(0x30 * _EACH)
_OVER_NINE: Final = np.uint64(0x76 * _EACH)
_BYTE: Final = np.uint64(0xFF)
_STOP: Final = np.uint64(0x2E ^ 0x30)
_MINUS: Final = np.uint64(0x2D ^ 0x30)
_ONE, _BITS = np.uint64(1), np.uint64(8)
_JOINS: Final = tuple(
    (np.uint64(mask), np.uint64((times << width) + 1), np.uint64(width))
    for mask, times, width in (
        (0xFFFFFFFFFFFFFFFF, 10, 8),
        (0x00FF00FF00FF00FF, 100, 16),
        (0x0000FFFF0000FFFF, 10000, 32),
    )
)
"""Digits into pairs, pairs into fours, fours into eights."""
_POWERS: Final = 10.0 ** (WORD - np.arange(8 * WORD + 1) / 8)
"""By how many bits a number has before its full stop: what it is to be divided by, as a whole
number of eight digits. Only multiples of eight are ever asked for."""


def words_at(text: Words, places: Places) -> Words:
    """Return the eight bytes at each place of a text, which is given as words of its own."""
    index = places >> 3
    shift = ((places & 7) << 3).view(np.uint64)
    low = text.take(index)
    low >>= shift
    index += 1
    high = text.take(index)
    # By 64 bits nothing is left of it: numpy promises that, processors do not.
    high <<= np.uint64(64) - shift
    low |= high
    return low


def short(words: Words) -> tuple[NDArray[np.float64], NDArray[np.uint8], NDArray[np.bool_]]:
    """Return the decimal numbers that words begin with, how long they are, and which are none.

    One of eight bytes may go on behind its word. Overwrites the words.
    """
    words ^= _ZERO
    negative = (words & _BYTE) == _MINUS
    signed = bool(negative.any())
    if signed:
        # Now it is a digit: 0.
        words[negative] &= ~_BYTE
    # The lowest bit of a byte, for the first two that are no digits.
    others = words + _OVER_NINE
    others |= words
    others &= _HIGH
    first = others & np.negative(others)
    others ^= first
    last = others & np.negative(others)
    first >>= np.uint64(7)
    last >>= np.uint64(7)
    stop = first * _STOP
    dotted = (words & (first * _BYTE)) == stop
    words ^= stop
    # All bits of the bytes before them; where there is none, of all eight.
    first -= _ONE
    last -= _ONE
    if not dotted.all():
        last = np.where(dotted, last, first)
    words &= last
    whole = words & first
    words ^= whole
    words >>= _BITS
    words |= whole
    for mask, times, width in _JOINS:
        words &= mask
        words *= times
        words >>= width
    values = words.view(np.int64).astype(np.float64)
    values /= _POWERS.take(np.bitwise_count(first))
    lengths = np.bitwise_count(last) >> 3
    digits = lengths - dotted
    if signed:
        np.negative(values, out=values, where=negative)
        digits -= negative
    return values, lengths, digits == 0
