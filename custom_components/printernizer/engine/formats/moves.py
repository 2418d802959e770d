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
    from collections.abc import Iterator

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
_LOT: Final = 1 << 14
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
_SPACE: Final = 32


def _mark(text: bytes) -> tuple[bytes, np.uint64, np.uint64]:
    """Return how a comment begins, the first eight bytes as a word, and which of its bits count."""
    begin, mask = text[:WORD], b"\xff" * min(len(text), WORD)
    word, bits = (np.uint64(int.from_bytes(each, "little")) for each in (begin, mask))
    return text, word, bits


_MARKS: Final = (
    (_mark(b";WIDTH:"), _mark(b"; LINE_WIDTH:")),
    (_mark(b";HEIGHT:"), _mark(b"; LAYER_HEIGHT:")),
)


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
    block.careful[block.moves[unclear]] = True
    at, numbers = block.starts.take(block.moves), block.numbers
    if unclear.any():
        clear = np.flatnonzero(~unclear)
        at, numbers, words = at[clear], numbers[clear], words.take(clear, axis=1)
    e = words[_E]
    fed = np.flatnonzero(e == e)  # noqa: PLR0124 - NaN does not
    careful = block.carefully()
    widths, heights = _told(block)
    found = Moves(
        feeds=Scan(at.take(fed), e.take(fed), numbers.take(fed) == RESET, careful),
        fed=fed,
        at=at,
        numbers=numbers,
        words=words[:_E],
        widths=widths,
        heights=heights,
    )
    return _with_care(text, careful, found)


def _words(block: Lines) -> tuple[Numbers, Flags]:
    """Return (7, n): the values of words by line, NaN for none; and which lines are unusual."""
    starts = block.starts.take(block.moves)
    lots = range(0, max(len(starts), 1), _LOT)
    found, odd = zip(*(_some_words(block, starts[at : at + _LOT]) for at in lots), strict=True)
    unclear = np.zeros(len(starts), np.bool_)
    for at, places in zip(lots, odd, strict=True):
        unclear[places + at] = True
    return found[0] if len(found) == 1 else np.concatenate(found, axis=1), unclear


def _some_words(block: Lines, starts: Places) -> tuple[Numbers, Places]:
    """Return the same for some lines: in each step the next word of all that have one more."""
    count = len(starts)
    found = np.full((_OTHER + 1) * count, np.nan)
    line = np.arange(count)
    odd = [line[:0]]
    # Behind the letter and the digits of the command.
    place = starts + 2
    place += (block.data.take(place) - np.uint8(48)) < 10
    for _ in range(_MOST_WORDS):
        kind = _next(block.data, place)
        going = kind <= _OTHER
        if not going.all():
            odd.append(line[~going & (kind != _END)])
            some = np.flatnonzero(going)
            kind, line, place = kind.take(some), line.take(some), place.take(some)
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
    return found[: _OTHER * count].reshape(_OTHER, count), np.concatenate(odd)


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
        read = decimal(block.text, starts[full], behind[longer] + more)
        values[full] = np.where(np.abs(read) <= _MOST, read, np.nan)
        lengths[full] += more
    return values, lengths


def _told(block: Lines) -> Iterator[tuple[Places, Numbers]]:
    """Yield for widths and for heights where comments tell them, and those."""
    starts = block.starts.take(block.comments)
    begin = words_at(block.words, starts)
    for marks in _MARKS:
        places = []
        values = []
        for mark, first, mask in marks:
            which = np.flatnonzero((begin & mask) == first)
            at = starts[which]
            for offset in range(WORD, len(mark)):
                at = at[block.data[at + offset] == mark[offset]]
            places.append(at)
            values.append(at + len(mark))
        at, behind = np.concatenate(places), np.concatenate(values)
        if (at[1:] < at[:-1]).any():
            order = np.argsort(at)
            at, behind = at[order], behind[order]
        behind += block.data[behind] == _SPACE
        told, lengths = _values(block, behind)
        known = (told >= 0) & (told < _MOST) & (_next(block.data, behind + lengths) == _END)
        at, told = at[known], told[known]
        told[told == 0] = np.nan
        yield at, told


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
