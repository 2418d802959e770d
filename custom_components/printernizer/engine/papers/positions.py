"""The table of positions over as many pages as it needs, and the totals below it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from ..money import ZERO
from . import figures
from .paper import BAND, BOTTOM, GREY, LEFT, RIGHT, WIDTH, line_height
from .words import unit, word

if TYPE_CHECKING:
    from ..document import Document, DocumentLine
    from .paper import Colour, Paper, Side

_SIZE: Final = 9.0
_DETAIL: Final = 7.8
_GAP: Final = 1.1
_HEAD: Final = 6.4
_CARRY: Final = 6.0
_TOTALS_X: Final = LEFT + 65.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Column:
    key: str
    width: float
    side: Side = "R"


_NUMBER: Final = _Column(key="position", width=9, side="L")
_QUANTITY: Final = _Column(key="quantity", width=25)
_PRICE: Final = _Column(key="unit_price", width=27)
_TAX: Final = _Column(key="tax_rate", width=13)
_AMOUNT: Final = _Column(key="amount", width=30)


def _columns(document: Document) -> tuple[_Column, ...]:
    """Return the columns from left to right: the text takes what the others leave."""
    behind = (_QUANTITY, _PRICE, *(() if document.exempt else (_TAX,)), _AMOUNT)
    text = WIDTH - _NUMBER.width - sum(column.width for column in behind)
    return (_NUMBER, _Column(key="text", width=text, side="L"), *behind)


def paragraph(paper: Paper, text: str, y: float, *, size: float = 9.0) -> float:
    """Write text over the whole width and return where it ends; goes on on a new page."""
    for line in paper.wrapped(text, WIDTH, size=size):
        if y + line_height(size) > BOTTOM:
            paper.add_page()
            y = paper.get_y()
        paper.put(LEFT, y, WIDTH + 1, line, size=size)
        y += line_height(size)
    return y + 1.6 if text.strip() else y


def draw(paper: Paper, document: Document, y: float) -> float:
    """Draw all positions and the totals; return where they end."""
    return _Table(paper, document, y).drawn()


class _Table:
    """The table while it is drawn: where the pen is, and the sum of what stands above it."""

    def __init__(self, paper: Paper, document: Document, y: float) -> None:
        self._paper = paper
        self._document = document
        self._columns = _columns(document)
        self._text = self._columns[1]
        self._y = y
        self._carried = ZERO

    def drawn(self) -> float:
        self._head()
        for line in self._document.lines:
            self._row(line)
        self._totals()
        return self._y

    def _head(self) -> None:
        if self._y + _HEAD + 12 > BOTTOM:
            self._paper.add_page()
            self._y = self._paper.get_y()
        self._paper.block(LEFT, self._y, WIDTH, _HEAD, BAND)
        x = LEFT
        for column in self._columns:
            title = word(column.key, self._document.language)
            self._put(column, x, self._y + 1.2, title, size=8, bold=True, colour=GREY)
            x += column.width
        self._y += _HEAD + _GAP

    def _put(
        self,
        column: _Column,
        x: float,
        y: float,
        text: str,
        *,
        size: float = _SIZE,
        bold: bool = False,
        colour: Colour | None = None,
    ) -> None:
        look = {} if colour is None else {"colour": colour}
        self._paper.put(
            x + 1.2, y, column.width - 2.4, text, size=size, bold=bold, side=column.side, **look
        )

    def _next_page(self) -> None:
        """Go on with the head of the table and what was carried from the page before."""
        self._carry(self._y)
        self._paper.add_page()
        self._y = self._paper.get_y()
        self._head()
        self._carry(self._y)
        self._y += _CARRY

    def _carry(self, y: float) -> None:
        document = self._document
        told = figures.money(self._carried, document.currency, document.language)
        x = RIGHT - _AMOUNT.width
        self._put(_AMOUNT, x, y, told, size=8, colour=GREY)
        text = word("carried", document.language)
        self._paper.put(LEFT + 1.2 + _NUMBER.width, y, 60, text, size=8, colour=GREY)

    def _row(self, line: DocumentLine) -> None:
        width = self._text.width - 2.4
        texts = [(part, _SIZE) for part in self._paper.wrapped(line.text, width, size=_SIZE)]
        detail = self._paper.wrapped(line.detail or "", width, size=_DETAIL)
        texts += [(part, _DETAIL) for part in detail]
        high = max(sum(line_height(size) for _, size in texts), line_height(_SIZE)) + 2 * _GAP
        if self._y + min(high, 60) + _CARRY > BOTTOM:
            self._next_page()
        self._figures(line)
        for part, size in texts or [("", _SIZE)]:
            if self._y + line_height(size) + _CARRY > BOTTOM:
                self._next_page()
            colour = None if size == _SIZE else GREY
            x = LEFT + _NUMBER.width
            self._put(self._text, x, self._y, part, size=size, colour=colour)
            self._y += line_height(size)
        self._carried += line.amount
        self._y += _GAP
        self._paper.rule(LEFT, self._y, RIGHT, width=0.1)
        self._y += _GAP

    def _figures(self, line: DocumentLine) -> None:
        document = self._document
        language, currency = document.language, document.currency
        count = figures.quantity(line.quantity, language)
        shown = {
            "position": str(line.number),
            "text": "",
            "quantity": f"{count} {unit(line.unit, language)}".strip(),
            "unit_price": figures.price(line.unit_price, currency, language),
            "tax_rate": figures.percent(line.tax_percent, language),
            "amount": figures.money(line.amount, currency, language),
        }
        x = LEFT
        for column in self._columns:
            self._put(column, x, self._y, shown[column.key])
            x += column.width

    # -- totals ----------------------------------------------------------------------------------

    def _totals(self) -> None:
        rows = _total_rows(self._document)
        high = len(rows) * 5.4 + 4
        if self._y + high > BOTTOM:
            self._paper.add_page()
            self._y = self._paper.get_y()
        self._y += 2
        for label, amount, strong in rows:
            self._total(label, amount, strong=strong)

    def _total(self, label: str, amount: Decimal, *, strong: bool) -> None:
        document = self._document
        told = figures.money(amount, document.currency, document.language)
        size = 10.5 if strong else _SIZE
        if strong:
            self._paper.block(_TOTALS_X, self._y, RIGHT - _TOTALS_X, 7.4, BAND)
            self._y += 1.2
        half = (RIGHT - _TOTALS_X) * 0.6
        self._paper.put(_TOTALS_X + 1.2, self._y, half, label, size=size, bold=strong)
        x = _TOTALS_X + 1.2 + half
        self._paper.put(x, self._y, RIGHT - 1.2 - x, told, size=size, bold=strong, side="R")
        self._y += 6.6 if strong else 5.4


def _total_rows(document: Document) -> list[tuple[str, Decimal, bool]]:
    """Return label, amount and whether it is the one that counts, in the order of reading."""
    language, currency = document.language, document.currency
    gross = (word("gross", language), document.gross, True)
    if document.exempt:
        return [gross]
    key = "tax_within" if document.gross_first else "tax_on"
    taxes = [
        (
            word(
                key,
                language,
                percent=figures.percent(tax.percent, language),
                net=figures.money(tax.net, currency, language),
            ),
            tax.tax,
            False,
        )
        for tax in document.taxes
    ]
    net = (word("net", language), document.net, False)
    return [gross, *taxes, net] if document.gross_first else [net, *taxes, gross]
