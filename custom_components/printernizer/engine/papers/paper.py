"""A sheet of A4 that every paper is drawn on: fonts, text that fits, letterhead and page numbers.

Lengths are millimetres from the upper left corner, sizes of text are points. The file is PDF/A-3B
from the start: an e-invoice is then one attachment away.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import UTC
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, override

from fpdf import FPDF
from fpdf.enums import MethodReturnValue
from fpdf.fonts import TTFFont
from PIL import Image, UnidentifiedImageError

from ..errors import BadFile

if TYPE_CHECKING:
    from datetime import datetime

LEFT: Final = 25.0
RIGHT: Final = 190.0
WIDTH: Final = RIGHT - LEFT
BOTTOM: Final = 262.0
"""Where the body of a page ends; below it stands the footer."""
INK: Final = (33, 37, 41)
GREY: Final = (108, 117, 125)
RULE: Final = (206, 212, 218)
BAND: Final = (243, 245, 247)
BLUE: Final = (37, 99, 165)
ORANGE: Final = (224, 138, 60)
GREEN: Final = (64, 145, 108)
RED: Final = (193, 78, 78)

type Colour = tuple[int, int, int]
type Side = Literal["L", "C", "R"]

_FONTS: Final = Path(__file__).with_name("fonts")
_FAMILY: Final = "noto"
_PAGES: Final = "\ue000" * 3
"""Stands for the number of pages until it is known; of the private use area, so that no text from
outside holds it once it is cleaned."""
_MISSING: Final = "\ufffd"
_MM_PER_POINT: Final = 25.4 / 72
_SMALLEST: Final = 5.0
_LONGEST: Final = 300
"""Characters that are tried to fit on one line."""
_LOGO_PIXELS: Final = 40_000_000
_LOGO_EDGE: Final = 1200
_LOGO_FORMATS: Final = ("PNG", "JPEG", "WEBP", "GIF")
_NOW: Final = re.compile(rb'(xmp:(?:Modify|Metadata)Date=")[0-9T:+-]{25}"')
_NO_ID: Final = b"0123456789ABCDEF" * 2
_SPACES: Final = {"\t": " ", "\u2028": "\n", "\u2029": "\n"}


def line_height(size: float) -> float:
    """Return the height of a line of text of a size."""
    return size * _MM_PER_POINT * 1.36


class Paper(FPDF):
    """A document in the making."""

    def __init__(self, *, title: str, author: str, language: str, created: datetime) -> None:
        super().__init__(
            orientation="portrait", unit="mm", format="A4", enforce_compliance="PDF/A-3B"
        )
        self.add_font(_FAMILY, "", _FONTS / "NotoSans-Regular.ttf")
        self.add_font(_FAMILY, "B", _FONTS / "NotoSans-Bold.ttf")
        font = self.fonts[_FAMILY]
        assert isinstance(font, TTFFont)
        self._printable = frozenset(font.cmap)
        self.set_auto_page_break(auto=False)
        self.set_margin(0)
        self.c_margin = 0
        self.alias_nb_pages(_PAGES)
        self.set_title(self.cleaned(title))
        self.set_author(self.cleaned(author))
        self.set_creator("Printernizer")
        self.set_lang(language)
        self.set_creation_date(created)

    # -- text ------------------------------------------------------------------------------------

    def cleaned(self, text: str) -> str:
        """Return text as it can be printed: composed, without controls, unknown glyphs marked.

        PDF/A forbids the empty box that a font draws for what it does not know.
        """
        kept: list[str] = []
        for letter in unicodedata.normalize("NFC", text.replace("\r\n", "\n")):
            char = _SPACES.get(letter, letter)
            if char == "\n" or (
                ord(char) in self._printable
                and unicodedata.category(char) not in {"Cc", "Cf", "Co"}
            ):
                kept.append(char)
            elif unicodedata.category(char) not in {"Cc", "Cf", "Mn", "Me"}:
                kept.append(_MISSING)
        return "".join(kept)

    def pen(self, size: float, *, bold: bool = False, colour: Colour = INK) -> None:
        """Choose how the next text looks."""
        self.set_font(_FAMILY, "B" if bold else "", size)
        self.set_text_color(*colour)

    def put(
        self,
        x: float,
        y: float,
        width: float,
        text: str,
        *,
        size: float = 9.0,
        bold: bool = False,
        colour: Colour = INK,
        side: Side = "L",
    ) -> None:
        """Print one line, smaller where it would not fit, and cut where that were illegible."""
        text = self.cleaned(text[:_LONGEST]).replace("\n", " ")
        smallest = max(_SMALLEST, size * 0.75)
        self.pen(size, bold=bold, colour=colour)
        while size > smallest and self.get_string_width(text) > width:
            size -= 0.25
            self.set_font_size(size)
        while text and self.get_string_width(text) > width:
            text = f"{text.rstrip('…')[:-1].rstrip()}…" if len(text) > 2 else ""
        self._cell_at(x, y, width, text, size, side)

    def _cell_at(
        self, x: float, y: float, width: float, text: str, size: float, side: Side
    ) -> None:
        self.set_xy(x, y)
        self.cell(w=width, h=line_height(size), text=text, align=side)

    def wrapped(
        self, text: str, width: float, *, size: float = 9.0, bold: bool = False
    ) -> list[str]:
        """Return text as lines that fit a width; words that do not are broken."""
        text = self.cleaned(text)
        if not text.strip():
            return []
        self.pen(size, bold=bold)
        lines = self.multi_cell(
            w=width, text=text, align="L", dry_run=True, output=MethodReturnValue.LINES
        )
        assert isinstance(lines, list)
        return [str(line) for line in lines]

    # -- drawing ---------------------------------------------------------------------------------

    def rule(
        self, x1: float, y: float, x2: float, *, colour: Colour = RULE, width: float = 0.2
    ) -> None:
        """Draw a horizontal line."""
        self.set_draw_color(*colour)
        self.set_line_width(width)
        self.line(x1, y, x2, y)

    def block(self, x: float, y: float, width: float, height: float, colour: Colour) -> None:
        """Fill a rectangle."""
        self.set_fill_color(*colour)
        self.rect(x, y, width, height, style="F")

    def logo(
        self, content: bytes, *, right: float, top: float, width: float, height: float
    ) -> None:
        """Draw a picture into the upper right corner of a box, as large as it fits.

        Raises BadFile for what is no PNG, JPEG, WebP or GIF, or is above 40 megapixels.
        """
        picture = _opened(content)
        scale = min(width / picture.width, height / picture.height)
        wide, high = picture.width * scale, picture.height * scale
        self.image(picture, x=right - wide, y=top, w=wide, h=high)

    def page_number(self, x: float, y: float, width: float, text: str) -> None:
        """Print "page n of m"; `text` has the places {page} and {pages}."""
        self.pen(7.5, colour=GREY)
        shown = text.format(page=self.page_no(), pages=_PAGES)
        self._cell_at(x, y, width, shown, 7.5, "R")

    def finished(self) -> bytes:
        """Return the file: the same for the same content, whenever it is drawn."""
        made = self.creation_date.astimezone(UTC).isoformat(timespec="seconds").encode()
        # As long as what the library wrote, the time of this moment: no offset in the file moves.
        content = _NOW.sub(lambda found: found[1] + made + b'"', bytes(self.output()))
        number = hashlib.sha256(content).hexdigest()[: len(_NO_ID)].encode()
        return content.replace(_NO_ID, number)

    @override
    def file_id(self) -> str:
        """Return what stands for the number of the file until its content is known."""
        return f"<{_NO_ID.decode()}><{_NO_ID.decode()}>"


def _opened(content: bytes) -> Image.Image:
    """Return a picture without transparency, which not every printer of paper can do."""
    try:
        with Image.open(BytesIO(content), formats=_LOGO_FORMATS) as picture:
            if picture.width * picture.height > _LOGO_PIXELS:
                raise BadFile("the logo has more than 40 megapixels")
            picture.thumbnail((_LOGO_EDGE, _LOGO_EDGE))
            coloured = picture.convert("RGBA")
    except (
        UnidentifiedImageError,
        OSError,
        ValueError,
        SyntaxError,
        Image.DecompressionBombError,
    ) as err:
        raise BadFile("the logo is no picture that can be read") from err
    flat = Image.new("RGB", coloured.size, (255, 255, 255))
    flat.paste(coloured, mask=coloured.getchannel("A"))
    return flat
