"""MeatPack: two characters of G-code in a byte, decoded a block at a time.

Source: libbgcode's specification and the scheme's own description. A byte is two characters, low
half first; a half of 15 says that its character follows as a byte of its own. FF FF and a command
switch packing on and off, and blanks away. The state begins anew with every block.

Every byte is looked up as a row of four slots, two for its characters and two for the blanks before
them; the empty ones are taken out of the text at the end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Bytes = NDArray[np.uint8]
    type Places = NDArray[np.intp]

_SIGNAL: Final = b"\xff\xff"
_FOLLOWER, _PLAIN, _PACKED, _TIGHT, _SPREAD = range(5)
"""Kinds of bytes: a character that belongs to a pair before it; one on its own; a pair; a pair that
has E for the blank; and such a pair in a line to which blanks come back."""
_KINDS: Final = [bytes([kind]) for kind in range(5)]
_TABLE: Final = b"0123456789. \nGX"
_FOLLOWS: Final = 15
_NEWLINE, _SPACE, _SEMICOLON = 10, 32, 59
_NEWLINE_HALF, _G_HALF = _TABLE.index(b"\n"), _TABLE.index(b"G")
_ROW: Final = 4
_BLANK, _FIRST, _SECOND_BLANK, _SECOND = range(_ROW)
_NOTHING: Final = 0xFF
"""In an empty slot. In UTF-8 no character has this byte: where it stands alone it is lost."""


def _rows() -> NDArray[np.uint32]:
    """Return the rows of all bytes by their kind, characters that follow still missing."""
    rows = np.full((len(_KINDS), 256, _ROW), _NOTHING, np.uint8)
    rows[_PLAIN, :, _FIRST] = np.arange(256)
    for kind in (_PACKED, _TIGHT, _SPREAD):
        table = _TABLE if kind == _PACKED else _TABLE.replace(b" ", b"E")
        halves = np.frombuffer(table + bytes([_NOTHING]), np.uint8)
        first, second = np.tile(halves, len(halves)), np.repeat(halves, len(halves))
        # A line ends with its byte, whatever the other half is.
        second[first == _NEWLINE] = _NOTHING
        rows[kind, :, _FIRST], rows[kind, :, _SECOND] = first, second
    rows[_SPREAD, :, _BLANK] = _blanks(rows[_SPREAD, :, _FIRST])
    rows[_SPREAD, :, _SECOND_BLANK] = _blanks(rows[_SPREAD, :, _SECOND])
    return rows.view(np.uint32).ravel()


def _blanks(characters: Bytes) -> Bytes:
    """Return what comes back before characters: blanks before letters."""
    letters = characters - np.uint8(ord("A")) < 26
    return np.where(letters, np.uint8(_SPACE), np.uint8(_NOTHING))


_ROWS: Final = _rows()
_END_OF_LETTERS: Final = np.isin(np.arange(256), [_SPACE, _SEMICOLON])


def decode(data: bytes) -> bytes:
    """Return the text of one block, blanks before parameters put back where they were dropped."""
    text, kept = _without_commands(data)
    # Behind the end there is nothing to follow.
    codes = np.frombuffer(text + bytes(2), np.uint8)
    kinds = np.frombuffer(kept + bytes(2), np.uint8)
    at = _announcing(codes, kinds)
    first, second = codes[at] & 15 == _FOLLOWS, codes[at] >> 4 == _FOLLOWS
    kinds[at + 1] = _FOLLOWER
    kinds[at[first & second] + 2] = _FOLLOWER
    one, two = at[first], at[second]
    said_one, said_two = codes[one + 1], codes[(at + 1 + first)[second]]
    # Comments, and lines that have their blanks.
    breaks = one[_END_OF_LETTERS[said_one]], two[_END_OF_LETTERS[said_two]] + 1
    starts = _spread(codes, kinds, np.concatenate(breaks))

    index = kinds.astype(np.uint16)
    index <<= 8
    index |= codes
    slots = _ROWS.take(index).view(np.uint8)
    for which, characters, slot in ((one, said_one, _FIRST), (two, said_two, _SECOND)):
        slots[which * _ROW + slot] = characters
        slots[which * _ROW + slot - 1] = np.where(
            kinds[which] == _SPREAD, _blanks(characters), np.uint8(_NOTHING)
        )
    slots[starts * _ROW + _BLANK] = _NOTHING
    return slots.tobytes().translate(None, bytes([_NOTHING]))


def _without_commands(data: bytes) -> tuple[bytes, bytearray]:
    """Return the bytes without commands, and what each of them is."""
    texts: list[bytes] = []
    kinds: list[bytes] = []
    packing = tight = False
    at = 0
    while at < len(data):
        signal = data.find(_SIGNAL, at)
        end = len(data) if signal < 0 else signal
        texts.append(data[at:end])
        kind = (_TIGHT if tight else _PACKED) if packing else _PLAIN
        kinds.append(_KINDS[kind] * (end - at))
        match data[end + 2] if end + 2 < len(data) else None:
            case 251:  # packing on
                packing = True
            case 250:  # packing off
                packing = False
            case 249:  # reset
                packing = tight = False
            case 247:  # no blanks on
                tight = True
            case 246:  # no blanks off
                tight = False
        at = end + 3
    return b"".join(texts), bytearray().join(kinds)


def _announcing(codes: Bytes, kinds: Bytes) -> Places:
    """Return which bytes are pairs with characters that follow."""
    found = codes & 15 == _FOLLOWS
    found |= codes >> 4 == _FOLLOWS
    # A line ends with its byte.
    found &= codes != (_FOLLOWS << 4 | _NEWLINE_HALF)
    found &= kinds > _PLAIN
    at = np.flatnonzero(found)
    behind = at + 1 + (codes[at] == _FOLLOWS << 4 | _FOLLOWS)
    if (at[1:] > behind[:-1]).all():
        return at
    # Some of them look like pairs, but follow one.
    pairs, free = [], 0
    for place, last in zip(at.tolist(), behind.tolist(), strict=True):
        if place >= free:
            pairs.append(place)
            free = last + 1
    return np.array(pairs, np.intp)


def _spread(codes: Bytes, kinds: Bytes, breaks: Places) -> Places:
    """Tell lines of which blanks were dropped from others; return where lines begin.

    Those are lines that begin with G, up to their comment. breaks: pairs from which on nothing is
    to be put back in a line.
    """
    low = codes & 15
    ends = low == _NEWLINE_HALF
    ends |= codes >> 4 == _NEWLINE_HALF
    ends &= kinds > _PLAIN
    ends |= (codes == _NEWLINE) & (kinds <= _PLAIN)
    starts = np.flatnonzero(ends[:-2]) + 1
    starts += kinds[starts] == _FOLLOWER
    starts = np.concatenate(([0], starts))
    dropped = (low[starts] == _G_HALF) & (kinds[starts] == _TIGHT)
    begins = starts
    if len(breaks):
        begins = np.concatenate((starts, breaks))
        order = np.argsort(begins, kind="stable")
        begins = begins[order]
        dropped = np.append(dropped, np.zeros(len(breaks), np.bool_))[order]
    kinds += (kinds == _TIGHT) & np.repeat(dropped, np.diff(begins, append=len(kinds)))
    return starts
