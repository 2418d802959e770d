"""The long middle of a 3MF, its vertices and triangles, at the speed of bytes.

Only what is written as everybody writes it is read here: empty elements with their attributes in
double quotes. Anything else is None, and for the careful reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .digits import PADDING, decimal, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Bytes = NDArray[np.uint8]
    type Places = NDArray[np.int64]

_STRANGE: Final = (b"&", b"'", b"xmlns", b"\x00")
"""Entities, other quotes, names that would mean something else, another encoding."""
_QUOTE, _OPEN, _CLOSE, _SLASH, _SPACE = 34, 60, 62, 47, 32


@dataclass(frozen=True, slots=True)
class Triangles:
    """Corners of triangles as indices, and their colours as the file numbers them."""

    corners: NDArray[np.int32]
    """(n, 3), not negative."""
    groups: NDArray[np.int32] | None = None
    """`pid` of each, -1 where it has none. None: none has one."""
    members: NDArray[np.int32] | None = None
    """`p1` of each, likewise."""


def vertices(text: bytes) -> NDArray[np.float32] | None:
    """Return (n, 3) coordinates of whole `<vertex>` elements, finite."""
    found = _elements(text, b"<vertex ")
    if found is None:
        return None
    padded, opens, quotes = found
    if len(quotes) != 6 * len(opens):
        return None
    pairs = quotes.reshape(-1, 3, 2)
    if not _in_order(padded, opens, pairs, len(b"<vertex x="), (b" x=", b" y=", b" z=")):
        return None
    values = decimal(padded, pairs[:, :, 0].ravel() + 1, pairs[:, :, 1].ravel())
    if not np.abs(values).max(initial=0) <= np.finfo(np.float32).max:
        return None
    return values.astype(np.float32).reshape(-1, 3)


def triangles(text: bytes) -> Triangles | None:
    """Return whole `<triangle>` elements."""
    found = _elements(text, b"<triangle")
    if found is None:
        return None
    padded, opens, quotes = found
    pairs = quotes.reshape(-1, 2)
    names = (b" v1=", b" v2=", b" v3=")
    groups = members = None
    if len(quotes) == 6 * len(opens):
        if not _in_order(padded, opens, pairs.reshape(-1, 3, 2), len(b"<triangle v1="), names):
            return None
    else:
        sorted_out = _sort_out(padded, opens, pairs, names)
        if sorted_out is None:
            return None
        pairs, groups, members = sorted_out
    values, bad = whole(padded, pairs[:, 0] + 1, pairs[:, 1])
    if bad.any():
        return None
    return Triangles(values.astype(np.int32).reshape(-1, 3), groups, members)


def _elements(text: bytes, begin: bytes) -> tuple[bytes, Places, Places] | None:
    """Return the padded text, where elements of one kind begin in it, and their quotes.

    None where there are others, or elements that hold something, or quotes outside of them.
    """
    if any(strange in text for strange in _STRANGE):
        return None
    padded = text + PADDING
    data = np.frombuffer(padded, np.uint8)
    opens = np.flatnonzero(data == _OPEN)
    closes = np.flatnonzero(data == _CLOSE)
    quotes = np.flatnonzero(data == _QUOTE)
    if len(opens) != len(closes) or len(quotes) % 2:
        return None
    if not len(opens):
        return None if len(quotes) or text.strip() else (padded, opens, quotes)
    if not (opens < closes).all() or not (closes[:-1] < opens[1:]).all():
        return None
    if not (data[closes - 1] == _SLASH).all() or not _say(padded, opens, begin):
        return None
    if begin[-1:] != b" " and not (data[opens + len(begin)] == _SPACE).all():
        return None
    if len(quotes) != 6 * len(opens) and not _inside(opens, closes, quotes):
        return None
    return padded, opens, quotes


def _inside(opens: Places, closes: Places, quotes: Places) -> bool:
    """Return whether quotes come in pairs inside of the elements."""
    element = np.searchsorted(opens, quotes, "right") - 1
    return bool(
        (element >= 0).all()
        and (quotes < closes[element]).all()
        and (element[0::2] == element[1::2]).all()
    )


def _say(text: bytes, places: Places, word: bytes) -> bool:
    """Return whether a word of four, eight or nine bytes stands at all these places."""
    size = 8 if len(word) >= 8 else 4
    view = np.ndarray((len(text) - size + 1,), f"V{size}", text, 0, (1,))
    wanted = np.frombuffer(word[:size], f"<u{size}")[0]
    if not (view[places].view(f"<u{size}") == wanted).all():
        return False
    return len(word) <= 8 or bool((np.frombuffer(text, np.uint8)[places + 8] == word[8]).all())


def _in_order(
    text: bytes, opens: Places, pairs: Places, first: int, names: tuple[bytes, ...]
) -> bool:
    """Return whether all elements have these attributes in this order, and nothing between them.

    pairs: (n, attributes, 2), their quotes. first: from an element's begin to its first quote.
    """
    if not (pairs[:, 0, 0] - opens == first).all():
        return False
    for place, name in enumerate(names):
        # With the quote: names are three or four bytes, words of four are looked for.
        behind = len(name) < 4
        word = name + b'"' if behind else name
        if not _say(text, pairs[:, place, 0] - len(name), word):
            return False
        if place and not (pairs[:, place, 0] - pairs[:, place - 1, 1] == len(name) + 1).all():
            return False
    return True


def _sort_out(
    text: bytes, opens: Places, pairs: Places, names: tuple[bytes, ...]
) -> tuple[Places, NDArray[np.int32] | None, NDArray[np.int32] | None] | None:
    """Return the quotes of the attributes in order, element by element, and the colours.

    For elements that have other attributes, too: slicers paint single triangles.
    """
    count = len(opens)
    view = np.ndarray((len(text) - 3,), "V4", text, 0, (1,))
    codes = view[pairs[:, 0] - 4].view("<u4")
    element = np.searchsorted(opens, pairs[:, 0], "right") - 1
    chosen = np.empty((count, len(names), 2), np.int64)
    for place, name in enumerate(names):
        mine = np.flatnonzero(codes == np.frombuffer(name, "<u4")[0])
        if len(mine) != count or not (element[mine] == np.arange(count)).all():
            return None
        chosen[:, place] = pairs[mine]
    found: list[NDArray[np.int32] | None] = []
    for name in (b"pid=", b" p1="):
        mine = np.flatnonzero(codes == np.frombuffer(name, "<u4")[0])
        if name == b"pid=":
            data = np.frombuffer(text, np.uint8)
            mine = mine[data[pairs[mine, 0] - 5] == _SPACE]
        if not len(mine):
            found.append(None)
            continue
        values, bad = whole(text, pairs[mine, 0] + 1, pairs[mine, 1])
        if bad.any() or len(np.unique(element[mine])) != len(mine):
            return None
        column = np.full(count, -1, np.int32)
        column[element[mine]] = values
        found.append(column)
    return chosen.reshape(-1, 2), found[0], found[1]
