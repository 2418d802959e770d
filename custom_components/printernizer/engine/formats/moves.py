"""Where G-code goes, at the speed of bytes: all words of the lines that move something.

What `scan` does for E alone this does for X, Y, Z and the centres of arcs as well, on the same cut
of a block into lines. A line of an unusual shape is left to `command.move`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from . import command
from .digits import decimal
from .scan import RESET, Scan, cut
from .short_numbers import WORD, short, words_at

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from .scan import Lines

    type Places = NDArray[np.int64]
    type Flags = NDArray[np.bool_]
    type Numbers = NDArray[np.float64]

AXES: Final = slice(0, 3)
"""Rows of `Moves.words`: X, Y, Z."""
CENTRES: Final = slice(3, 6)
"""I, J, R."""
_E: Final = 6
_NAMES: Final = "XYZIJRE"
_OTHER, _BLANK, _END, _ODD = 7, 8, 9, 10
"""Words that are passed over, what stands between words, what ends the words of a line, what makes
it an unusual one."""
_LONGEST: Final = 4096
"""Bytes of a line that are read with care."""
_BLANKS: Final = 3
"""That are usual between two words."""
_MOST_WORDS: Final = 10
"""Of a usual line."""
_LOT: Final = 1 << 13
"""Lines done at once: their arrays stay in the processor's nearer caches."""
_MOST: Final = 1e9
"""Millimetres: beyond, a number is a mistake, or made to break us."""


def _kinds() -> NDArray[np.uint8]:
    """Return what begins with a byte; of words that matter the row."""
    table = np.full(256, _ODD, np.uint8)
    for letter in range(ord("A"), ord("Z") + 1):
        table[[letter, letter | 32]] = _OTHER
    for row, name in enumerate(_NAMES):
        table[[ord(name), ord(name) | 32]] = row
    table[np.frombuffer(b" \t\r", np.uint8)] = _BLANK
    table[np.frombuffer(b"\n;*", np.uint8)] = _END
    return table


_KINDS: Final = _kinds()
_MARKS: Final = ((b";WIDTH:", b"; LINE_WIDTH:"), (b";HEIGHT:", b"; LAYER_HEIGHT:"))


@dataclass(frozen=True, slots=True)
class Moves:
    """What a block holds. Places count bytes from its beginning and rise."""

    feeds: Scan
    """What it holds of E, for `feed.Account`."""
    fed: Places
    """Which of the lines below those are."""
    at: Places
    """Where the lines begin that move something, or name where it stands."""
    numbers: NDArray[np.uint8]
    """Of their commands: 0 to 3, 5, 92."""
    words: Numbers
    """(6, n): by row what follows X, Y, Z, I, J, R; NaN where a line has no such word."""
    widths: tuple[Places, Numbers]
    """Where a comment says how wide the following beads are, and that, mm; NaN where it is 0."""
    heights: tuple[Places, Numbers]


def scan_moves(text: bytes) -> Moves:
    """Scan whole lines; the last one ends with a newline."""
    block = cut(text)
    words, unclear = _words(block)
    # G92 without a word names all axes.
    named = np.flatnonzero(block.numbers == RESET)
    unclear[named] |= np.isnan(words[:, named]).all(axis=0)
    unclear |= np.abs(words[_E]) > _MOST
    block.careful[block.moves[unclear]] = True
    at, numbers = block.starts.take(block.moves), block.numbers
    if unclear.any():
        clear = np.flatnonzero(~unclear)
        at, numbers, words = at[clear], numbers[clear], words.take(clear, axis=1)
    e = words[_E]
    fed = np.flatnonzero(e == e)  # noqa: PLR0124 - NaN does not
    careful = block.carefully()
    found = Moves(
        feeds=Scan(at.take(fed), e.take(fed), numbers.take(fed) == RESET, careful),
        fed=fed,
        at=at,
        numbers=numbers,
        words=words[:_E],
        widths=_told(block, _MARKS[0]),
        heights=_told(block, _MARKS[1]),
    )
    return _with_care(text, careful, found)


def _words(block: Lines) -> tuple[Numbers, Flags]:
    """Return (7, n): the values of words by line, NaN for none; and which lines are unusual."""
    count = len(block.moves)
    starts = block.starts[block.moves]
    words = np.full((_OTHER + 1, count), np.nan)
    unclear = np.zeros(count, np.bool_)
    for begin in range(0, count, _LOT):
        lot = slice(begin, begin + _LOT)
        found, odd = _some_words(block, starts[lot])
        words[:, lot] = found
        unclear[odd + begin] = True
    return words[:_OTHER], unclear


def _some_words(block: Lines, starts: Places) -> tuple[Numbers, Places]:
    """Return the same for some lines: in each step the next word of all that have one more."""
    count = len(starts)
    found = np.full((_OTHER + 1) * count, np.nan)
    odd = []
    line = np.arange(count)
    # Behind the letter and the digits of the command.
    place = starts + 2
    place += (block.data.take(place) - np.uint8(48)) < 10
    for _ in range(_MOST_WORDS):
        kind = _next(block.data, place)
        going = kind <= _OTHER
        if not going.all():
            odd.append(line[kind > _END])
            some = np.flatnonzero(going)
            kind, line, place = kind.take(some), line.take(some), place.take(some)
        odd.append(line[kind == _BLANK])
        if not len(line):
            break
        place += 1
        values, lengths = _values(block, place)
        place += lengths
        into = kind.astype(np.int64)
        into *= count
        into += line
        # Of words that stand there twice one counts, but not as they are written here.
        twice = found.take(into)
        odd.append(line[np.isnan(values) | ((twice == twice) & (kind < _OTHER))])  # noqa: PLR0124
        found[into] = values
    else:
        odd.append(line)
    return found.reshape(_OTHER + 1, count), np.concatenate(odd)


def _next(data: NDArray[np.uint8], place: Places) -> NDArray[np.uint8]:
    """Return what comes next, at or behind places, and move those there."""
    kind = _KINDS.take(data.take(place))
    for _ in range(_BLANKS):
        blank = kind == _BLANK
        if not blank.any():
            break
        place += blank
        kind = _KINDS.take(data.take(place))
    return kind


def _values(block: Lines, starts: Places) -> tuple[Numbers, NDArray[np.uint8]]:
    """Return numbers, NaN for what is none, and how long they are."""
    values, lengths, bad = short(words_at(block.words, starts))
    if bad.any():
        values[bad] = np.nan
    full = np.flatnonzero(lengths == WORD)
    if len(full):
        behind = starts[full] + WORD
        _, more, _ = short(words_at(block.words, behind))
        longer = np.flatnonzero(more)
        full, more = full[longer], more[longer]
        values[full] = decimal(block.text, starts[full], behind[longer] + more)
        lengths[full] += more
    return values, lengths


def _told(block: Lines, marks: tuple[bytes, ...]) -> tuple[Places, Numbers]:
    """Return where comments begin like this, and the numbers behind."""
    starts, ends = block.starts[block.comments], block.ends[block.comments]
    places: list[Places] = []
    values: list[Numbers] = []
    for mark in marks:
        where = np.arange(len(starts))
        for offset in range(1, len(mark)):
            where = where[block.data[starts[where] + offset] == mark[offset]]
        begins = starts[where] + len(mark)
        begins += block.data[begins] == 32
        kept = begins < ends[where]
        places.append(starts[where[kept]])
        values.append(_told_values(block, begins[kept]))
    at, told = np.concatenate(places), np.concatenate(values)
    order = np.argsort(at, kind="stable")
    at, told = at[order], told[order]
    known = (told >= 0) & (told < _MOST)
    told[told == 0] = np.nan
    return at[known], told[known]


def _told_values(block: Lines, starts: Places) -> Numbers:
    """Return numbers with nothing behind them; NaN for what is none."""
    values, lengths = _values(block, starts)
    values[_next(block.data, starts + lengths) != _END] = np.nan
    return values


def _with_care(text: bytes, careful: list[tuple[int, int]], found: Moves) -> Moves:
    """Put the lines among the others that need a careful look and do move something."""
    more = [
        (start, *read)
        for start, stop in careful
        if text[start] != ord(";")
        and (read := command.move(text[start : min(stop, start + _LONGEST)])) is not None
    ]
    if not more:
        return found
    words = np.array([[said.get(name, np.nan) for name in _NAMES[:_E]] for _, _, said in more])
    at = np.concatenate((found.at, [start for start, _, _ in more]))
    order = np.argsort(at, kind="stable")
    at = at[order]
    return Moves(
        feeds=found.feeds,
        fed=np.searchsorted(at, found.feeds.at),
        at=at,
        numbers=np.append(found.numbers, [number for _, number, _ in more]).astype(np.uint8)[order],
        words=np.concatenate((found.words, words.T), axis=1)[:, order],
        widths=found.widths,
        heights=found.heights,
    )
