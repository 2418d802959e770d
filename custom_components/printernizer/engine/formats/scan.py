"""G-code at the speed of bytes: which lines move E and by what, and which need a careful look.

Everything is done to all lines of a block at once. A line of a shape that is not the usual one is
left to `command.meaning`; both read alike what both understand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .words import PREFIXES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Places = NDArray[np.int64]
    type Flags = NDArray[np.bool_]
    type Bytes = NDArray[np.uint8]

_PADDING: Final = b"\n" * 32
"""So that looking a few bytes ahead never looks behind the end."""
_IGNORED, _G, _M, _COMMENT, _CAREFUL = range(5)
_MOST_DIGITS: Final = 15
"""Above, the value would not be exact."""
_POWERS: Final = np.power(10.0, np.arange(_MOST_DIGITS + 1))
_NO_NUMBER: Final = 255
_MOVES: Final = 4
"""G0 to G3."""
RESET: Final = 92
"""G92: only names where something stands."""


def _classes() -> Bytes:
    """Return what a line is, by its first byte."""
    table = np.full(256, _IGNORED, np.uint8)
    # T: a tool. E, A: words of Klipper. N: a line number. Blanks: indented.
    table[np.frombuffer(b"TtEeAaNn( \t", np.uint8)] = _CAREFUL
    table[np.frombuffer(b"Gg", np.uint8)] = _G
    table[np.frombuffer(b"Mm", np.uint8)] = _M
    table[ord(";")] = _COMMENT
    return table


def _flags(*numbers: int) -> Flags:
    table = np.zeros(256, np.bool_)
    table[list(numbers)] = True
    return table


_CLASS: Final = _classes()
_G_CAREFUL: Final = _flags(5, 20, 21, 90, 91)
_M_CAREFUL: Final = _flags(82, 83)
_M_THREE_CAREFUL: Final = frozenset({135, 200, 486, 620, 621})
_TELLING: Final = np.zeros(1 << 16, np.bool_)
_TELLING[[first << 8 | second for first, second in PREFIXES]] = True


@dataclass(frozen=True, slots=True)
class Lines:
    """A block cut into lines. Places count bytes from its beginning and rise."""

    length: int
    text: bytes
    """With some newlines behind it."""
    data: Bytes
    """The same."""
    words: NDArray[np.uint64]
    """The same, eight bytes each, as far as they go."""
    starts: Places
    ends: Places
    careful: Flags
    """Which need a careful look."""
    comments: Places
    """Which are nothing but a comment."""
    moves: Places
    """Which are G0 to G3 or G92, written as usual."""
    numbers: Bytes
    """Of the commands of `moves`."""

    def carefully(self) -> list[tuple[int, int]]:
        """Return where the lines begin and end that need a careful look."""
        starts, ends = self.starts[self.careful], self.ends[self.careful]
        return list(zip(starts.tolist(), ends.tolist(), strict=True))


@dataclass(frozen=True, slots=True)
class Scan:
    """What a block holds of E. Places count bytes from its beginning and rise."""

    at: Places
    """Where the lines begin that carry E."""
    values: NDArray[np.float64]
    resets: Flags
    """Those that only name where E stands."""
    careful: list[tuple[int, int]]
    """Where other lines that may matter begin and end, comments among them."""


def cut(text: bytes) -> Lines:
    """Cut whole lines, and sort them by their first bytes; the last one ends with a newline."""
    padded = text + _PADDING
    data = np.frombuffer(padded, np.uint8)
    ends = np.flatnonzero(data[: len(text)] == 10)
    starts = np.empty_like(ends)
    if len(starts):
        starts[0] = 0
        starts[1:] = ends[:-1] + 1
    kinds = _CLASS.take(data.take(starts))
    careful = kinds == _CAREFUL
    comments = np.flatnonzero(kinds == _COMMENT)
    prefix = data[starts[comments] + 1].astype(np.uint16) << 8 | data[starts[comments] + 2]
    careful[comments] = _TELLING[prefix]
    machine = np.flatnonzero(kinds == _M)
    careful[machine] = _machine(data, starts[machine])
    lines = np.flatnonzero(kinds == _G)
    numbers, odd = _numbers(data, starts.take(lines))
    careful[lines[odd | _G_CAREFUL.take(numbers)]] = True
    moves = ((numbers == RESET) | (numbers < _MOVES)) & ~odd
    return Lines(
        length=len(text),
        text=padded,
        data=data,
        words=np.frombuffer(padded, np.uint64, len(padded) // 8),
        starts=starts,
        ends=ends,
        careful=careful,
        comments=comments,
        moves=lines[moves],
        numbers=numbers[moves],
    )


def scan(text: bytes) -> Scan:
    """Scan whole lines; the last one ends with a newline."""
    block = cut(text)
    starts, ends = block.starts[block.moves], block.ends[block.moves]
    resets = block.numbers == RESET
    places, unclear, bare = _places(text, block.data, starts, ends, len(block.comments))
    values, unread = _values(block.data, places)
    unclear |= unread & ~bare
    unclear |= bare & resets  # G92 without E may name all axes
    block.careful[block.moves[unclear]] = True
    kept = ~(unclear | bare)
    return Scan(starts[kept], values[kept], resets[kept], block.carefully())


def _numbers(data: Bytes, starts: Places) -> tuple[Bytes, Flags]:
    """Return the numbers of commands up to 99, 255 for others, and which are oddly written."""
    first, second, third = (data.take(starts + place) - np.uint8(48) for place in (1, 2, 3))
    single, double = first < 10, second < 10
    longer = double & (third < 10)
    numbers = np.where(double, first * np.uint8(10) + second, first)
    behind = np.where(double, third, second)
    # 254 is the full stop, less 48: G29.1 is another command.
    numbers[~single | longer | (behind == 254)] = _NO_NUMBER
    odd = ~single | (longer & (first == 0))
    return numbers, odd


def _machine(data: Bytes, starts: Places) -> Flags:
    """Return which M-commands matter."""
    numbers, odd = _numbers(data, starts)
    digits = [data[starts + place].astype(np.int64) - 48 for place in (1, 2, 3)]
    three = digits[0] * 100 + digits[1] * 10 + digits[2]
    found = odd | _M_CAREFUL[numbers]
    for number in _M_THREE_CAREFUL:
        found |= three == number
    return found


def _places(
    text: bytes, data: Bytes, starts: Places, ends: Places, comments: int
) -> tuple[Places, Flags, Flags]:
    """Return where the value of E begins in lines, which are unclear, and which have no E."""
    letters = np.flatnonzero((data[: len(text)] | 0x20) == ord("e"))
    last = len(text)
    letters = np.concatenate((letters, [last, last]))
    index = np.searchsorted(letters, starts)
    found, second = letters[index], letters[np.minimum(index + 1, len(letters) - 1)]
    limits = ends
    unclear = np.zeros(len(starts), np.bool_)
    if text.count(b";") > comments:
        limits = _first(data, len(text), ord(";"), starts, ends)
    if b"(" in text:
        unclear |= _first(data, len(text), ord("("), starts, limits) < limits
    bare = found >= limits
    unclear |= second < limits
    return np.where(bare, 0, found + 1), unclear, bare & ~unclear


def _first(data: Bytes, length: int, byte: int, starts: Places, ends: Places) -> Places:
    """Return where a byte first stands in lines, or their ends."""
    where = np.concatenate((np.flatnonzero(data[:length] == byte), [length]))
    found: Places = np.minimum(where[np.searchsorted(where, starts)], ends)
    return found


def _values(data: Bytes, places: Places) -> tuple[NDArray[np.float64], Flags]:
    """Read decimal numbers; also return which are none, or too long to be read here."""
    signs = data[places]
    negative = signs == ord("-")
    places = places + (negative | (signs == ord("+")))
    mantissa = np.zeros(len(places), np.int64)
    decimals = np.zeros(len(places), np.int64)
    digits = np.zeros(len(places), np.int64)
    dotted = np.zeros(len(places), np.bool_)
    active = np.ones(len(places), np.bool_)
    for step in range(_MOST_DIGITS + 1):
        bytes_ = data[places + step]
        digit = bytes_ - np.uint8(48)
        is_digit = (digit < 10) & active
        is_dot = (bytes_ == ord(".")) & active & ~dotted
        active = is_digit | is_dot
        if not active.any():
            break
        mantissa = np.where(is_digit, mantissa * 10 + digit, mantissa)
        digits += is_digit
        decimals += is_digit & dotted
        dotted |= is_dot
    values = mantissa / _POWERS[np.minimum(decimals, _MOST_DIGITS)]
    return np.where(negative, -values, values), active | (digits == 0)
