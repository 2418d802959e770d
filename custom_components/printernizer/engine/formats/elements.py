"""XML from strangers: no document types, no entities, no depth, no end of elements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from xml.parsers import expat

from ..errors import BadFile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_DEEPEST: Final = 32
_MOST_ELEMENTS: Final = 50_000
_LONGEST_TEXT: Final = 16 << 10
"""Characters of one element that are kept."""

type Begin = Callable[[list[str], Mapping[str, str]], None]
"""Called with the path of an element from the root and its attributes."""
type End = Callable[[list[str], str], None]
"""Called with the path of an element and its own text."""


class Enough(Exception):
    """Raised by whoever listens: the rest need not be read."""


class Elements:
    """Reads one small document and tells of its elements. Names come without their namespace."""

    def __init__(self, name: str, begin: Begin, end: End | None = None) -> None:
        self._name = name
        self._begin = begin
        self._ended = end
        self._open: list[str] = []
        self._texts: list[str] = []
        self._elements = 0
        self.hostile = False
        """Whether it was refused for what no honest writer does."""
        # The encoding is ours to say: another one is not a 3MF.
        self._parser = expat.ParserCreate("UTF-8", " ")
        self._parser.buffer_text = True
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def read(self, content: bytes, *, whole: bool = True) -> None:
        """Read a document, or its beginning. Raises BadFile with the place."""
        if b"\x00" in content:
            # UTF-16, which the parser would take by its byte order mark in spite of us.
            self.hostile = True
            raise self._bad("it is not UTF-8")
        try:
            self._parser.Parse(content, whole)
        except expat.ExpatError as err:
            raise self._bad(expat.errors.messages[err.code]) from err
        except Enough:
            return

    def read_what_can_be(self, content: bytes, *, whole: bool = True) -> None:
        """Read a document of which nothing depends. Raises BadFile only for a hostile one."""
        try:
            self.read(content, whole=whole)
        except BadFile:
            if self.hostile:
                raise

    def _bad(self, cause: str) -> BadFile:
        return BadFile(f"{self._name} at byte {self._parser.CurrentByteIndex}: {cause}")

    def _refuse(self, *_: object) -> None:
        self.hostile = True
        raise self._bad("it declares a document type or entities")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open.append(tag.rpartition(" ")[2])
        self._texts.append("")
        self._elements += 1
        if len(self._open) > _DEEPEST or self._elements > _MOST_ELEMENTS:
            raise self._bad("its elements are too many or too deep")
        self._begin(self._open, attributes)

    def _text(self, text: str) -> None:
        held = self._texts[-1]
        if len(held) < _LONGEST_TEXT:
            self._texts[-1] = held + text[: _LONGEST_TEXT - len(held)]

    def _end(self, _tag: str) -> None:
        text = self._texts.pop()
        if self._ended is not None:
            self._ended(self._open, text)
        self._open.pop()
