"""Text from outside on its way into somebody's spreadsheet.

Names of files, printers and people are written by strangers. A spreadsheet that opens CSV runs
what begins like a formula; XML does not take every character; and a German accountant's program
reads cp1252.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_INVISIBLE: Final = "\u200b-\u200f\u2028-\u202e\u2060-\u2064\ufeff\u00ad"
_FORMULA: Final = re.compile(rf"[\s\x00-\x20{_INVISIBLE}]*[=+\-@＝＋－＠]|[ ]*[\t\r\n]")
"""What a spreadsheet takes for a formula, or for the end of the cell before it. The wide forms of
the four signs are taken for them as well (OWASP, "CSV Injection")."""
_BESIDE: Final = re.compile(r"""([;,\t\r\n]["']*)(?=[=+\-@＝＋－＠])""")
"""The same behind what another country's spreadsheet takes for the end of a cell: opened in
Germany, commas separate nothing, and quotation marks within a cell are text."""
_ILLEGAL: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""What XML 1.0 cannot hold (its production 2, "Char")."""
_CONTROL: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]+")


def defused(text: str) -> str:
    """Return a text that no spreadsheet takes for a formula: an apostrophe goes before each."""
    text = _BESIDE.sub(r"\1'", text)
    return f"'{text}" if _FORMULA.match(text) else text


def legal(text: str) -> str:
    """Return a text without what XML cannot hold."""
    return _ILLEGAL.sub("", text) if not text.isprintable() else text


def one_line(text: str) -> str:
    """Return a text with a blank in place of control characters and line ends."""
    return _CONTROL.sub(" ", text).strip()


def ansi(text: str) -> tuple[str, int]:
    """Return a text that cp1252 can hold, and how many of its characters were replaced.

    A letter loses the mark that cp1252 does not know ("č" is "c"); anything else is "?".
    """
    try:
        text.encode("cp1252")
    except UnicodeEncodeError:
        pass
    else:
        return text, 0
    chars = unicodedata.normalize("NFC", text)
    return "".join(map(_ansi, chars)), sum(not _fits(char) for char in chars)


def _ansi(char: str) -> str:
    if _fits(char):
        return char
    bare = unicodedata.normalize("NFKD", char)
    return _CLOSE.get(char) or "".join(filter(_fits, bare)) or "?"


_CLOSE: Final = {"ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "ı": "i", "−": "-", "‑": "-", "→": "->"}
"""Letters that do not come apart into a letter and its mark."""


def _fits(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True
