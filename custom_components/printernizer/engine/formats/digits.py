"""Decimal numbers at the speed of bytes: many at once, eight digits in one word.

What is written in an unusual way (more digits, exponents) is read with more care, and the oddest
("nan", "1e400") one by one; all ways give the same values.
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    type Places = NDArray[np.int64]
    type Bytes = NDArray[np.uint8]
    type Words = NDArray[np.uint64]

PADDING: Final = b" " * 32
"""Must stand behind the text: eight bytes are looked at wherever a number ends."""
WORD: Final = 8
"""Bytes that are looked at together."""
_EACH: Final = 0x0101010101010101
_HIGH: Final = np.uint64(0x80 * _EACH)
_ONES: Final = np.uint64(_EACH)
_ZEROES: Final = np.uint64(0x30 * _EACH)
_JOINS: Final = tuple(
    (np.uint64(times), np.uint64(width), np.uint64(mask))
    for times, width, mask in (
        (10, 8, 0x00FF00FF00FF00FF),
        (100, 16, 0x0000FFFF0000FFFF),
        (10000, 32, 0x00000000FFFFFFFF),
    )
)
"""Digits into pairs, pairs into fours, fours into eights."""
_OVER_NINE: Final = np.uint64(0x76 * _EACH)
_ONE, _SIGN_BITS, _PAIR_BITS, _LAST = np.uint64(1), np.uint64(8), np.uint64(16), np.uint64(32)
_PAIRS: Final = np.uint64(0x000000FF000000FF)
_ODD_PAIRS, _EVEN_PAIRS = np.uint64(0x000F424000000064), np.uint64(0x0000271000000001)
"""What pairs of digits count among eight: 10**6 and 10**2; 10**4 and 1."""
_BITS: Final = np.uint8(8 * WORD)
_WHOLE_BYTES: Final = np.uint8(0x78)
_POWERS: Final = np.power(10.0, np.arange(23))
_WHOLE_POWERS: Final = np.power(np.uint64(10), np.arange(WORD + 1, dtype=np.uint64))
_DOT, _MINUS, _PLUS, _E = 46, 45, 43, 101
_EXPONENTS: Final = (4, 5)
"""Bytes of those that are usual."""
_LONGEST: Final = 64
"""Bytes of a number that is read at all."""
_NUMBER: Final = re.compile(
    rb"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?|[+-]?(?i:nan|inf|infinity)"
)


def whole(text: bytes, starts: Places, ends: Places) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return whole numbers of one to eight digits, and which of them are none. Those are -1."""
    lengths = ends - starts
    words, bad = _digits(_load(text, starts), lengths)
    bad |= lengths == 0
    values = words.astype(np.int64)
    values[bad] = -1
    return values, bad


def leading(words: Words) -> tuple[Words, Bytes]:
    """Return the whole numbers that words begin with, and how many bits their digits take.

    Those are 0 where none is there, and 64 where all eight bytes are digits.
    """
    digits = words ^ _ZEROES
    other = digits + _OVER_NINE
    other |= digits
    other &= _HIGH
    # All bits below the first byte that is no digit.
    bits = np.bitwise_count((other & (~other + _ONE)) - _ONE) & _WHOLE_BYTES
    digits <<= (_BITS - bits).astype(np.uint64)
    tens = digits >> _SIGN_BITS
    digits *= np.uint64(10)
    digits += tens
    pairs = digits >> _PAIR_BITS
    pairs &= _PAIRS
    pairs *= _EVEN_PAIRS
    digits &= _PAIRS
    digits *= _ODD_PAIRS
    digits += pairs
    digits >>= _LAST
    return digits, bits


def decimal(text: bytes, starts: Places, ends: Places) -> NDArray[np.float64]:
    """Return decimal numbers; NaN for what is none. `text` ends with `PADDING`."""
    rows = load(text, starts, 2)
    first, behind = rows[:, 0], rows[:, 1]
    negative = first & np.uint64(0xFF) == _MINUS
    sign = negative.astype(np.uint64) << np.uint64(3)
    first = (first >> sign) | (behind << (np.uint64(64) - sign))
    digits, bits = leading(first)
    before = bits.astype(np.uint64)
    dotted = (first >> before) & np.uint64(0xFF) == _DOT
    before += _SIGN_BITS
    # Past seven digits the fraction lies beyond these words: such are not usual.
    fraction, more = leading((first >> before) | ((behind >> sign) << (np.uint64(64) - before)))
    more *= dotted
    fraction *= dotted
    places = more >> 3
    size = (bits >> 3) + negative + dotted + places
    usual = (size == ends - starts) & (bits < _BITS) & ((bits | more) != 0)
    digits *= _WHOLE_POWERS.take(places)
    digits += fraction
    values: NDArray[np.float64] = digits / _POWERS.take(places)
    np.negative(values, out=values, where=negative)
    if not usual.all():
        others = np.flatnonzero(~usual)
        values[others] = _unusual(text, starts[others], ends[others])
    return values


def _unusual(text: bytes, starts: Places, ends: Places) -> NDArray[np.float64]:
    """Return decimal numbers of any kind."""
    data = np.frombuffer(text, np.uint8)
    first = data[starts]
    negative = first == _MINUS
    begins = starts + (negative | (first == _PLUS))
    stops, powers = _exponents(text, data, begins, ends)
    head = _load(text, begins)
    room = stops - begins
    before = np.minimum(_find(head, _DOT), room)
    digits, bad = _digits(head, before)
    # Behind the full stop, or behind the end where there is none.
    behind = np.minimum(begins + before + 1, stops)
    length = stops - behind
    tail = np.minimum(length, WORD)
    fraction, unread = _digits(_load(text, behind), tail)
    bad |= unread | (before + length == 0) | ((before == WORD) & (room > WORD))
    digits = digits * _WHOLE_POWERS[tail] + fraction
    values = digits.astype(np.float64)
    longer = np.flatnonzero((length > WORD) & ~bad)
    if len(longer):
        rest, unread = whole(text, behind[longer] + WORD, stops[longer])
        values[longer] += rest / _POWERS[np.minimum(length[longer] - WORD, WORD)]
        bad[longer] = unread
    powers = powers - tail
    bad |= np.abs(powers) >= len(_POWERS)
    shift = _POWERS[np.where(bad, 0, np.abs(powers))]
    values = np.where(powers < 0, values / shift, values * shift)
    np.negative(values, out=values, where=negative)
    for place in np.flatnonzero(bad):
        values[place] = number(text[starts[place] : ends[place]])
    return values


def _exponents(
    text: bytes, data: Bytes, begins: Places, ends: Places
) -> tuple[Places, NDArray[np.int64]]:
    """Return where numbers end without their exponents "e+01" or "e+001", and those."""
    stops = ends.copy()
    powers = np.zeros(len(ends), np.int64)
    for width in _EXPONENTS:
        # Should the number be shorter than that, it is what stands before it that is looked at.
        marked = (data[ends - width] | 32) == _E
        places = np.flatnonzero(marked & (ends - begins > width))
        if not len(places):
            continue
        signs = data[ends[places] - width + 1]
        values, bad = whole(text, ends[places] - width + 2, ends[places])
        known = ~bad & ((signs == _MINUS) | (signs == _PLUS))
        places = places[known]
        powers[places] = np.where(signs[known] == _MINUS, -values[known], values[known])
        stops[places] -= width
    return stops, powers


def spelled(words: Sequence[str]) -> tuple[bytes, Places, Places]:
    """Return words, without blanks around them, as a text and where in it they begin and end."""
    tokens = [word.strip().encode() for word in words]
    lengths = np.fromiter(map(len, tokens), np.int64, len(tokens))
    ends = WORD - 1 + np.cumsum(lengths + 1)
    return b" " * WORD + b" ".join(tokens) + PADDING, ends - lengths, ends


def number(token: bytes) -> float:
    """Return one number however it is written; NaN for what is none."""
    if len(token) > _LONGEST or not _NUMBER.fullmatch(token):
        return math.nan
    return float(token)


def first(text: bytes, starts: Places, byte: int) -> Places:
    """Return how far behind each place a byte first stands; `WORD` for not so near."""
    return _find(_load(text, starts), byte)


def load(text: bytes, places: Places, words: int) -> Words:
    """Return (n, words): so many words of eight bytes from each place on, the first byte lowest."""
    # Read as one value at any place, aligned or not; as bytes numpy would copy all of it first.
    size = WORD * words
    view = np.ndarray((len(text) - size + 1,), f"V{size}", text, 0, (1,))
    return view[places].view("<u8").reshape(-1, words)


def _load(text: bytes, places: Places) -> Words:
    """Return the eight bytes at each place."""
    return load(text, places, 1)[:, 0]


def _find(words: Words, byte: int) -> Places:
    """Return where a byte first stands in each word; 8 where it does not."""
    differ = words ^ np.uint64(byte * _EACH)
    hits = (differ - _ONES) & ~differ & _HIGH
    # All bits below the lowest hit: as many bytes as stand before it.
    return (np.bitwise_count((hits & (~hits + np.uint64(1))) - np.uint64(1)) >> 3).astype(np.int64)


def _digits(words: Words, lengths: Places) -> tuple[Words, NDArray[np.bool_]]:
    """Return the numbers that the first so many bytes of words spell, and which are none."""
    bad = lengths > WORD
    # What stands behind goes over the edge; where all does the number is 0, and bad.
    shift = ((WORD - lengths) << 3).astype(np.uint64)
    words = words - _ZEROES
    words <<= shift
    bad |= (((words + _OVER_NINE) | words) & _HIGH) != 0
    for times, width, mask in _JOINS:
        other = words >> width
        words *= times
        words += other
        words &= mask
    return words, bad
