"""XML from strangers: no document types, no entities, no other encodings, no bottomless depth."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Final
from xml.parsers import expat

from ..errors import BadFile

DEEPEST: Final = 64
LONGEST: Final = 8 << 20
"""Bytes of one tag, comment or text. The longest seen are paint on a triangle, some kB."""

_TOO_DEEP: Final = f"its elements are deeper than {DEEPEST}"

_MOST_ELEMENTS: Final = 200_000
"""Of one document: what a slicer says of a thousand objects has some ten thousand."""
_LONGEST_TEXT: Final = 16 << 10
"""Characters of one element that are kept."""

type Start = Callable[[str, Mapping[str, str]], None]
type End = Callable[[str], None]
type Begun = Callable[[list[str], Mapping[str, str]], None]
"""Called with the path of an element from the root and its attributes."""
type Ended = Callable[[list[str], str], None]
"""Called with the path of an element and its own text."""


class Enough(Exception):
    """Raised by whoever listens: the rest need not be read."""


class CarefulXml:
    """Tells of elements as they come. Names are "namespace name", or "name" without one."""

    def __init__(self, name: str, start: Start, end: End) -> None:
        self.name = name
        self.depth = 0
        self.prefixes: dict[str, str] = {}
        """What was declared last for each."""
        self.hostile = False
        """Whether it was refused for what no honest writer does."""
        self._start = start
        self._end = end
        self._fed = 0
        self._skipped = 0
        # The encoding is ours to say: another one is not a 3MF.
        self._parser = parser = expat.ParserCreate("UTF-8", " ")
        # Tell of everything as soon as it is there; what is too long for that is refused below.
        parser.SetReparseDeferralEnabled(False)
        parser.StartDoctypeDeclHandler = self._refuse
        parser.EntityDeclHandler = self._refuse
        parser.StartNamespaceDeclHandler = self._declare
        self._tell_all()

    @property
    def at(self) -> int:
        """Bytes up to what is being told of."""
        # Before its first byte the parser says -1.
        return max(self._parser.CurrentByteIndex, 0) + self._skipped

    @property
    def taken(self) -> int:
        """Bytes up to what comes next."""
        return self._fed + self._skipped

    def feed(self, text: bytes, *, last: bool = False) -> None:
        """Take the next piece of text. Raises BadFile."""
        if b"\x00" in text:
            # UTF-16, which the parser would take by its byte order mark in spite of us.
            self.hostile = True
            raise self.bad("it is not UTF-8")
        try:
            self._parser.Parse(text, last)
        except expat.ExpatError as err:
            raise self.bad(expat.errors.messages[err.code]) from err
        self._fed += len(text)
        if self._fed - self._parser.CurrentByteIndex > LONGEST:
            # The parser keeps what has no end yet, and looks at all of it again and again.
            raise self.bad("a tag or text in it has no end")

    def skip(self, length: int) -> None:
        """Know that so many bytes were left out."""
        self._skipped += length

    def bad(self, cause: str) -> BadFile:
        """Return a refusal with the place."""
        return BadFile(f"{self.name} at byte {self.at}: {cause}")

    def rows(self, row: Start) -> None:
        """Tell `row` alone of what stands right below the present element, until that ends.

        There may be millions of it, and every call counts.
        """
        deep = 0

        def start(tag: str, attributes: dict[str, str]) -> None:
            nonlocal deep
            deep += 1
            if deep == 1:
                row(tag, attributes)
            elif self.depth + deep > DEEPEST:
                raise self.bad(_TOO_DEEP)

        def end(tag: str) -> None:
            nonlocal deep
            deep -= 1
            if deep < 0:
                self._tell_all()
                self._close(tag)

        self._parser.StartElementHandler = start
        self._parser.EndElementHandler = end

    def _tell_all(self) -> None:
        self._parser.StartElementHandler = self._open
        self._parser.EndElementHandler = self._close

    def texts(self, text: Callable[[str], None]) -> None:
        """Tell of texts, too, in pieces."""
        self._parser.buffer_text = True
        self._parser.CharacterDataHandler = text

    def _refuse(self, *_: object) -> None:
        self.hostile = True
        raise self.bad("it declares a document type or entities")

    def _declare(self, prefix: str | None, uri: str | None) -> None:
        self.prefixes[prefix or ""] = uri or ""

    def _open(self, tag: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self.bad(_TOO_DEEP)
        self._start(tag, attributes)

    def _close(self, tag: str) -> None:
        self.depth -= 1
        self._end(tag)


class Elements:
    """Reads one small document and tells where its elements stand, without their namespaces."""

    def __init__(self, name: str, begun: Begun, ended: Ended | None = None) -> None:
        self._begun = begun
        self._ended = ended
        self._open: list[str] = []
        self._texts: list[str] = []
        self._elements = 0
        self._xml = CarefulXml(name, self._start, self._end)
        self._xml.texts(self._text)
        self.bad = self._xml.bad

    def read(self, content: bytes, *, whole: bool = True) -> None:
        """Read a document, or its beginning. Raises BadFile with the place."""
        with suppress(Enough):
            self._xml.feed(content, last=whole)

    def read_what_can_be(self, content: bytes, *, whole: bool = True) -> None:
        """Read a document of which nothing depends. Raises BadFile only for a hostile one."""
        try:
            self.read(content, whole=whole)
        except BadFile:
            if self._xml.hostile:
                raise

    def _start(self, tag: str, attributes: Mapping[str, str]) -> None:
        self._open.append(tag.rpartition(" ")[2])
        self._texts.append("")
        self._elements += 1
        if self._elements > _MOST_ELEMENTS:
            raise self.bad("it has too many elements")
        self._begun(self._open, attributes)

    def _text(self, text: str) -> None:
        held = self._texts[-1]
        if len(held) < _LONGEST_TEXT:
            self._texts[-1] = held + text[: _LONGEST_TEXT - len(held)]

    def _end(self, _tag: str) -> None:
        text = self._texts.pop()
        if self._ended is not None:
            self._ended(self._open, text)
        self._open.pop()
