"""MeatPack: two characters of G-code in a byte, decoded a block at a time.

Source: libbgcode's specification and the scheme's own description. A byte is two characters, low
half first; a half of 15 says that its character follows as a byte of its own. FF FF and a command
switch packing on and off, and blanks away. The state begins anew with every block.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Bytes = NDArray[np.uint8]

_SIGNAL: Final = b"\xff\xff"
_COMMAND, _PLAIN, _PACKED, _PACKED_NO_SPACES = range(4)
_TABLE: Final = np.frombuffer(b"0123456789. \nGX\x00", np.uint8)
_BLANK: Final = 11
_FOLLOWS: Final = 15
_NEWLINE, _SPACE, _SEMICOLON = 10, 32, 59


def decode(data: bytes) -> bytes:
    """Return the text of one block, blanks before parameters put back where they were dropped."""
    kinds, dropped = _kinds(data)
    text = _unpacked(np.frombuffer(data, np.uint8), kinds)
    return _spaced(text).tobytes() if dropped else text.tobytes()


def _kinds(data: bytes) -> tuple[Bytes, bool]:
    """Return what each byte is, and whether blanks were dropped anywhere."""
    kinds = np.empty(len(data), np.uint8)
    packing = no_spaces = dropped = False
    at = 0
    while at < len(data):
        signal = data.find(_SIGNAL, at)
        end = len(data) if signal < 0 else signal
        packed = _PACKED_NO_SPACES if no_spaces else _PACKED
        kinds[at:end] = packed if packing else _PLAIN
        kinds[end : end + 3] = _COMMAND
        match data[end + 2] if end + 2 < len(data) else None:
            case 251:  # packing on
                packing = True
            case 250:  # packing off
                packing = False
            case 249:  # reset
                packing = no_spaces = False
            case 247:  # no blanks on
                no_spaces = dropped = True
            case 246:  # no blanks off
                no_spaces = False
        at = end + 3
    return kinds, dropped


def _unpacked(data: Bytes, kinds: Bytes) -> Bytes:
    """Return the characters, those of dropped blanks still missing."""
    low, high = data & 15, data >> 4
    first_follows = (low == _FOLLOWS).astype(np.uint8)
    followers = first_follows + (high == _FOLLOWS)
    heads = np.flatnonzero(_heads(kinds >= _PACKED, followers))
    # Behind the end there is nothing to follow.
    padded = np.concatenate((data, np.zeros(2, np.uint8)))
    first, second = _TABLE[low[heads]], _TABLE[high[heads]]
    no_spaces = kinds[heads] == _PACKED_NO_SPACES
    first[no_spaces & (low[heads] == _BLANK)] = ord("E")
    second[no_spaces & (high[heads] == _BLANK)] = ord("E")
    first = np.where(low[heads] == _FOLLOWS, padded[heads + 1], first)
    follower = padded[heads + 1 + first_follows[heads]]
    second = np.where(high[heads] == _FOLLOWS, follower, second)
    pairs = np.zeros((len(data), 2), np.uint8)
    said = np.zeros((len(data), 2), np.bool_)
    plain = kinds == _PLAIN
    pairs[plain, 0] = data[plain]
    said[plain, 0] = True
    pairs[heads, 0], pairs[heads, 1] = first, second
    said[heads, 0] = True
    said[heads, 1] = first != _NEWLINE
    return pairs[said]


def _heads(packed: NDArray[np.bool_], followers: Bytes) -> NDArray[np.bool_]:
    """Return which packed bytes are pairs, and not characters that follow one.

    A byte is surely a pair where none of the two before it could claim it; from there the rest are
    found step by step, everywhere at once. Text has such places every few bytes.
    """
    one, two = np.zeros_like(followers), np.zeros_like(followers)
    one[1:] = followers[:-1] * packed[:-1]
    two[2:] = followers[:-2] * packed[:-2]
    found: NDArray[np.bool_] = packed & (one == 0) & (two < 2)
    at = np.flatnonzero(found)
    heads = found.copy()
    while at.size:
        at = at + 1 + followers[at]
        at = at[at < len(packed)]
        at = at[packed[at] & ~heads[at]]
        heads[at] = True
    return heads


def _spaced(text: Bytes) -> Bytes:
    """Put a blank before each parameter of the lines that begin with G."""
    if not text.size:
        return text
    ends = np.flatnonzero(text == _NEWLINE)
    starts = np.concatenate(([0], ends + 1))
    starts = starts[starts < len(text)]
    line = np.zeros(len(text), np.int64)
    line[starts[1:]] = 1
    line = np.cumsum(line)
    comments = np.flatnonzero(text == _SEMICOLON)
    comment_at = np.full(len(starts), len(text))
    np.minimum.at(comment_at, line[comments], comments)
    letter = (text >= ord("A")) & (text <= ord("Z"))
    letter[starts] = False
    letter[1:] &= text[:-1] != _SPACE
    letter &= (text[starts] == ord("G"))[line] & (np.arange(len(text)) < comment_at[line])
    return np.insert(text, np.flatnonzero(letter), _SPACE)
