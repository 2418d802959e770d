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
from .short_numbers import short

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
_OTHER, _STOP, _ODD, _END = 8, 9, 10, 11
"""Words that are passed over, what ends the words of a line, what makes it an unusual one; the
line's end."""
_LONGEST: Final = 4096
"""Bytes of a line that are read with care."""
_BLANKS: Final = 3
"""Spaces behind a value that are usual, and a carriage return."""
_BLANK: Final = 32
"""Bytes up to this one are blanks, or nothing that stands in a line."""
_MOST: Final = 1e9
"""Millimetres: beyond, a number is a mistake, or made to break us."""


def _letters() -> bytes:
    """Return what a byte is: 0 for those within a value, else one more than its row."""
    table = np.zeros(256, np.uint8)
    for letter in range(ord("A"), ord("Z") + 1):
        table[[letter, letter | 32]] = _OTHER
    for row, name in enumerate(_NAMES):
        table[[ord(name), ord(name) | 32]] = row + 1
    table[np.frombuffer(b";*", np.uint8)] = _STOP
    table[np.frombuffer(b'("{[', np.uint8)] = _ODD
    table[ord("\n")] = _END
    return table.tobytes()


_LETTERS: Final = _letters()
_MARKS: Final = ((b";WIDTH:", b"; LINE_WIDTH:"), (b";HEIGHT:", b"; LAYER_HEIGHT:"))


@dataclass(frozen=True, slots=True)
class Moves:
    """What a block holds. Places count bytes from its beginning and rise."""

    feeds: Scan
    """What it holds of E, for `feed.Account`."""
    at: Places
    """Where the lines begin that move something, or name where it stands."""
    numbers: NDArray[np.int64]
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
    e = words[_E]
    resets = block.numbers == RESET
    # G92 without a word names all axes.
    named = np.flatnonzero(resets)
    unclear[named] |= np.isnan(words[:, named]).all(axis=0)
    unclear |= np.abs(e) > _MOST
    block.careful[block.moves[unclear]] = True
    feeding = np.flatnonzero(~(unclear | np.isnan(e)))
    at = block.starts[block.moves]
    careful = block.carefully()
    clear = np.flatnonzero(~unclear) if unclear.any() else slice(None)
    found = Moves(
        feeds=Scan(at[feeding], e[feeding], resets[feeding], careful),
        at=at[clear],
        numbers=block.numbers[clear].astype(np.int64),
        words=words[:_E, clear],
        widths=_told(block, _MARKS[0]),
        heights=_told(block, _MARKS[1]),
    )
    return _with_care(text, careful, found)


def _words(block: Lines) -> tuple[Numbers, Flags]:
    """Return (7, n): the values of words by line, NaN for none; and which lines are unusual."""
    count = len(block.moves)
    kinds = np.frombuffer(block.text.translate(_LETTERS), np.uint8, block.length)
    marks = np.flatnonzero(kinds != 0)
    kind = kinds[marks]
    line = np.cumsum(kind == _END)
    row = np.full(len(block.starts) + 1, -1, np.int32)
    row[block.moves] = np.arange(count, dtype=np.int32)
    unclear = np.zeros(count, np.bool_)
    usual = kind <= _E + 1
    if np.count_nonzero(kind >= _STOP) > np.count_nonzero(kind == _END) + len(block.comments):
        usual &= ~_behind_stops(kind, line)
        odd = row[line[kind == _ODD]]
        unclear[odd[odd >= 0]] = True
    which = np.flatnonzero(usual)
    rows = row[line[which]]
    if (rows < 0).any():
        kept = rows >= 0
        which, rows = which[kept], rows[kept]
    values = _values(block, marks[which] + 1, marks[which + 1])
    place = (kind[which].astype(np.intp) - 1) * count + rows
    words = np.full(len(_NAMES) * count, np.nan)
    words[place] = values
    if np.count_nonzero(words == words) != len(values):  # noqa: PLR0124 - NaN does not
        unclear[rows[(words[place] != values) | np.isnan(values)]] = True
    return words.reshape(len(_NAMES), count), unclear


def _behind_stops(kind: NDArray[np.uint8], line: Places) -> Flags:
    """Return which marks stand behind one that ends the words of their line."""
    stops = np.cumsum((kind == _STOP) | (kind == _ODD))
    before = np.zeros(int(line[-1]) + 1 if len(line) else 1, np.int64)
    ends = kind == _END
    before[line[ends]] = stops[ends]
    behind: Flags = stops > before[line - ends]
    return behind


def _values(block: Lines, starts: Places, ends: Places) -> Numbers:
    """Return the values of words; NaN for what is none, or what is written with blanks before."""
    values = short(block.text, starts, ends)
    if (longer := np.flatnonzero(np.isnan(values))).size:
        begins, stops = starts[longer], ends[longer]
        for _ in range(_BLANKS):
            stops = stops - ((block.data[stops - 1] <= _BLANK) & (stops > begins))
        values[longer] = decimal(block.text, begins, stops)
    return values


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
        values.append(_values(block, begins[kept], ends[where[kept]]))
    at, told = np.concatenate(places), np.concatenate(values)
    order = np.argsort(at, kind="stable")
    at, told = at[order], told[order]
    known = (told >= 0) & (told < _MOST)
    told[told == 0] = np.nan
    return at[known], told[known]


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
    return Moves(
        feeds=found.feeds,
        at=at[order],
        numbers=np.concatenate((found.numbers, [number for _, number, _ in more]))[order],
        words=np.concatenate((found.words, words.T), axis=1)[:, order],
        widths=found.widths,
        heights=found.heights,
    )
