"""The long middle of a 3MF, its vertices and triangles, at the speed of bytes.

Only what is written as everybody writes it is read here: empty elements with their attributes in
double quotes. Anything else is None, and for the careful reader.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from .digits import PADDING, WORD, decimal, leading, load, whole
from .painting import MOST_FILAMENTS, NAMES, filament

if TYPE_CHECKING:
    from numpy.typing import NDArray

    type Bytes = NDArray[np.uint8]
    type Places = NDArray[np.int64]
    type Words = NDArray[np.uint64]
    type Column = NDArray[np.int32] | None
    type SortedOut = tuple[Places, Column, Column, NDArray[np.int8] | None]

_STRANGE: Final = (b"&", b"'", b"xmlns", b"\x00")
"""Entities, other quotes, names that would mean something else, another encoding."""
_NOWHERE: Final = (b"&", b"\x00")
"""Those of them that the careful reader refuses even between elements, where nobody else looks."""
_CORNERS: Final = (b" v1=", b" v2=", b" v3=")
_TRIANGLE: Final = b'<triangle v1="'
_BEHIND: Final = ((b'" v2="',), (b'" v3="',), (b'"/>', b'" />'))
"""What may stand behind each corner."""
_QUOTE, _OPEN, _CLOSE, _SLASH, _SPACE = 34, 60, 62, 47, 32
_ALIKE: Final = np.array([_OPEN, *[_QUOTE] * 6], np.uint8)
"""What stands in an element of three attributes, among other things."""


@dataclass(frozen=True, slots=True)
class Triangles:
    """Corners of triangles as indices, and their colours as the file numbers them."""

    corners: NDArray[np.int32]
    """(n, 3), not negative."""
    groups: NDArray[np.int32] | None = None
    """`pid` of each, -1 where it has none. None: none has one."""
    members: NDArray[np.int32] | None = None
    """`p1` of each, likewise."""
    filaments: NDArray[np.int8] | None = None
    """Those that slicers painted, from 1; 0: not painted. None: none is."""


def vertices(text: bytes) -> NDArray[np.float32] | None:
    """Return (n, 3) coordinates of whole `<vertex>` elements, finite."""
    if any(strange in text for strange in _NOWHERE):
        return None
    padded = text + PADDING
    pairs = _alike(padded, b"<vertex ", (b" x=", b" y=", b" z="))
    if pairs is None:
        return None
    values = decimal(padded, (pairs[:, :, 0] + 1).ravel(), pairs[:, :, 1].ravel())
    if not np.abs(values).max(initial=0) <= np.finfo(np.float32).max:
        return None
    return values.astype(np.float32).reshape(-1, 3)


def triangles(text: bytes) -> Triangles | None:
    """Return whole `<triangle>` elements."""
    if any(strange in text for strange in _NOWHERE):
        return None
    padded = text + PADDING
    corners = _corners(padded)
    if corners is not None:
        return Triangles(corners)
    sorted_out = _sort_out(padded)
    if sorted_out is None:
        return None
    pairs, groups, members, filaments = sorted_out
    values, bad = whole(padded, (pairs[:, :, 0] + 1).ravel(), pairs[:, :, 1].ravel())
    if bad.any():
        return None
    return Triangles(values.astype(np.int32).reshape(-1, 3), groups, members, filaments)


def _corners(text: bytes) -> NDArray[np.int32] | None:
    """Return (n, 3) indices of elements that have them, in order, and nothing else.

    None where there is anything else. Every byte of each element is looked at, as they come.
    """
    at = _where(text, _OPEN)
    if at is None:
        return None
    row = load(text, at, 3)
    if not _begin(row[:, 0], _TRIANGLE[:WORD]) or not _begin(row[:, 1], _TRIANGLE[WORD:]):
        return None
    at += len(_TRIANGLE)
    words = _from(row[:, 1:], len(_TRIANGLE) - WORD)
    corners = np.empty((len(at), 3), np.int32)
    for place, behind in enumerate(_BEHIND):
        values, bits = leading(words)
        if not bits.all():
            return None
        corners[:, place] = values
        at += bits >> 3
        row = load(text, at, 2)
        if not any(_begin(row[:, 0], letters) for letters in behind):
            return None
        at += len(behind[0])
        words = _from(row, len(behind[0]))
    return corners


def _where(text: bytes, byte: int) -> Places | None:
    """Return where a byte stands, eight at least from the next one; None where it is nearer."""
    found = (np.frombuffer(text, np.uint8) == byte)[: len(text) // WORD * WORD].view("<u8")
    at = np.flatnonzero(found != 0)
    one = found[at]
    below = one - np.uint64(1)
    if (one & below).any():
        return None
    at *= WORD
    at += np.bitwise_count(below) >> 3
    return at


def _begin(words: Words, letters: bytes) -> bool:
    """Return whether all words begin so, with eight letters at most."""
    wanted = np.uint64(int.from_bytes(letters, "little"))
    over = np.uint64(8 * (WORD - len(letters)))
    return not ((words ^ wanted) << over).any()


def _from(row: Words, byte: int) -> Words:
    """Return the words from a byte of the first of two on, 1 to 7."""
    bits = 8 * byte
    words: Words = row[:, 0] >> np.uint64(bits)
    words |= row[:, 1] << np.uint64(8 * WORD - bits)
    return words


def _alike(text: bytes, begin: bytes, names: tuple[bytes, ...]) -> Places | None:
    """Return the quotes, (n, 3, 2), of elements that have just these three attributes in order.

    None where there is anything else. What stands between elements is not looked at.
    """
    data = np.frombuffer(text, np.uint8)
    marked = data == _QUOTE
    marked |= data == _OPEN
    marks = np.flatnonzero(marked)
    if len(marks) % len(_ALIKE):
        return None
    if not (data[marks].reshape(-1, len(_ALIKE)) == _ALIKE).all():
        return None
    rows = marks.reshape(-1, len(_ALIKE))
    opens, quotes = rows[:, 0], rows[:, 1:]
    behind = quotes[:, -1] + 1
    behind = behind + (data[behind] == _SPACE)
    if not (data[behind] == _SLASH).all() or not (data[behind + 1] == _CLOSE).all():
        return None
    pairs = quotes.reshape(-1, len(names), 2)
    if not _say(text, opens, begin) or not _in_order(text, opens, pairs, begin, names):
        return None
    return pairs


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
    text: bytes, opens: Places, pairs: Places, begin: bytes, names: tuple[bytes, ...]
) -> bool:
    """Return whether all elements have these attributes in this order, and nothing between them.

    begin: what an element begins with; a space may belong to its first attribute.
    """
    for place, name in enumerate(names):
        at = pairs[:, place, 0] - len(name)
        before = pairs[:, place - 1, 1] + 1 if place else opens + len(begin.rstrip())
        # With the quote: words of four bytes are looked for, and some names have but three.
        if not (at == before).all() or not _say(text, at, name + b'"'[len(name) - 3 :]):
            return False
    return True


def _sort_out(text: bytes) -> SortedOut | None:
    """Return the quotes of the corners, (n, 3, 2), and the colours of triangles.

    For elements that have other attributes, too: slicers paint single triangles. None where it is
    anything but whole, empty elements of triangles.
    """
    if any(strange in text for strange in _STRANGE):
        return None
    data = np.frombuffer(text, np.uint8)
    opens = np.flatnonzero(data == _OPEN)
    closes = np.flatnonzero(data == _CLOSE)
    quotes = np.flatnonzero(data == _QUOTE)
    if not len(opens) or len(opens) != len(closes) or len(quotes) % 2:
        return None
    if not (opens < closes).all() or not (closes[:-1] < opens[1:]).all():
        return None
    if not (data[closes - 1] == _SLASH).all() or not _say(text, opens, b"<triangle"):
        return None
    if not (data[opens + len(b"<triangle")] == _SPACE).all() or not _inside(opens, closes, quotes):
        return None
    pairs = quotes.reshape(-1, 2)
    element = np.searchsorted(opens, pairs[:, 0], "right") - 1
    view = np.ndarray((len(text) - 3,), "V4", text, 0, (1,))
    attributes = _Attributes(
        text=text,
        pairs=pairs,
        element=element,
        names=view[pairs[:, 0] - 4].view("<u4"),
        count=len(opens),
    )
    corners = [attributes.of(name) for name in _CORNERS]
    if any(len(mine) != len(opens) for mine in corners):
        return None
    try:
        return (
            np.stack([pairs[mine] for mine in corners], axis=1),
            attributes.column(b"pid="),
            attributes.column(b" p1="),
            attributes.painted(),
        )
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class _Attributes:
    """Attributes of elements, in the order of the text."""

    text: bytes
    pairs: Places
    """(n, 2): their quotes."""
    element: Places
    """Which element each belongs to."""
    names: NDArray[np.uint32]
    """The four bytes before each value."""
    count: int
    """Elements."""

    def of(self, name: bytes) -> Places:
        """Return which attributes have a name, at most one of each element; none if it is more."""
        mine = np.flatnonzero(self.names == np.frombuffer(name, "<u4")[0])
        repeated = (np.diff(self.element[mine]) == 0).any()
        return mine[:0] if repeated else mine

    def column(self, name: bytes) -> NDArray[np.int32] | None:
        """Return the whole numbers of one, -1 where it is missing. Raises ValueError for others."""
        mine = self.of(name)
        if name[:1] != b" ":
            data = np.frombuffer(self.text, np.uint8)
            mine = mine[data[self.pairs[mine, 0] - len(name) - 1] == _SPACE]
        if not len(mine):
            return None
        values, bad = whole(self.text, self.pairs[mine, 0] + 1, self.pairs[mine, 1])
        if bad.any():
            raise ValueError(name)
        column = np.full(self.count, -1, np.int32)
        column[self.element[mine]] = values
        return column

    def painted(self) -> NDArray[np.int8] | None:
        """Return the filaments of painted elements."""
        column = None
        for name in NAMES:
            mine = np.flatnonzero(self.names == np.frombuffer(name[-4:], "<u4")[0])
            for place in mine.tolist():
                begin, end = self.pairs[place].tolist()
                if not self.text.endswith(name, 0, begin):
                    continue
                if column is None:
                    column = np.zeros(self.count, np.int8)
                code = self.text[begin + 1 : end].decode("latin-1")
                column[self.element[place]] = min(filament(code), MOST_FILAMENTS)
        return column
