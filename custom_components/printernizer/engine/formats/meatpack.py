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
_TABLE: Final = b"0123456789. \nGX\x00"
_FOLLOWS: Final = 15
_NEWLINE, _SPACE, _SEMICOLON = 10, 32, 59


def _table(no_spaces: bytes) -> tuple[Bytes, Bytes, Bytes]:
    """Return for each kind of byte and its value: two characters, which are said, who follow."""
    characters, said = np.zeros((2, 4, 256, 2), np.uint8)
    follow = np.zeros((4, 256), np.uint8)
    for value in range(256):
        halves = value & 15, value >> 4
        characters[_PLAIN, value], said[_PLAIN, value] = (value, 0), (1, 0)
        for kind, table in ((_PACKED, _TABLE), (_PACKED_NO_SPACES, no_spaces)):
            characters[kind, value] = [table[half] for half in halves]
            said[kind, value] = 1, table[halves[0]] != _NEWLINE
            follow[kind, value] = halves.count(_FOLLOWS)
    return characters.reshape(-1, 2), said.reshape(-1, 2), follow.ravel()


_CHARACTERS, _SAID, _FOLLOW = _table(_TABLE.replace(b" ", b"E"))


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
    index = kinds.astype(np.uint16) << 8 | data
    followers = _FOLLOW.take(index)
    packed = kinds >= _PACKED
    heads = _heads(packed, followers)
    pairs, said = _CHARACTERS.take(index, axis=0), _SAID.take(index, axis=0)
    said[packed & ~heads] = 0
    # Behind the end there is nothing to follow.
    padded = np.concatenate((data, np.zeros(2, np.uint8)))
    at = np.flatnonzero(heads & (followers > 0))
    first = data[at] & 15 == _FOLLOWS
    second = data[at] >> 4 == _FOLLOWS
    alone = at[first]
    pairs[alone, 0] = padded[alone + 1]
    said[alone, 1] = padded[alone + 1] != _NEWLINE
    pairs[at[second], 1] = padded[at + 1 + first][second]
    return pairs[said.view(np.bool_)]


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
    # A piece begins with a line or a comment.
    begins = text == _SEMICOLON
    begins[1:] |= text[:-1] == _NEWLINE
    begins[0] = True
    starts = np.flatnonzero(begins)
    wanting = text[starts] == ord("G")
    letter = text - np.uint8(ord("A")) < 26
    letter &= np.repeat(wanting, np.diff(starts, append=len(text)))
    letter[starts] = False
    letter[1:] &= text[:-1] != _SPACE
    at = np.flatnonzero(letter)
    spaced = np.empty(len(text) + len(at), np.uint8)
    old = np.ones(len(spaced), np.bool_)
    at += np.arange(len(at))
    old[at] = False
    spaced[at] = _SPACE
    spaced[old] = text
    return spaced
