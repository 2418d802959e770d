"""Quotes, invoices and cancellations as letters after DIN 5008, form B.

The address stands where the window of a DL envelope is; fold marks at 105 and 210 mm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..document import DocumentKind
from . import figures, positions
from .paper import BOTTOM, GREY, LEFT, RIGHT, WIDTH, Paper, line_height
from .words import country, word

if TYPE_CHECKING:
    from ..document import Document, Party
    from ..shop import Company

_SENDER_Y: Final = 46.5
_ADDRESS_Y: Final = 53.0
_ADDRESS_WIDTH: Final = 80.0
_ADDRESS_LINES: Final = 6
_BLOCK_X: Final = 122.0
_BLOCK_Y: Final = 50.0
_LABEL_WIDTH: Final = 31.0
_SUBJECT_Y: Final = 100.0
_FOOTER_Y: Final = 269.0
_COLUMN: Final = WIDTH / 3


def render(document: Document, *, logo: bytes | None = None) -> bytes:
    """Return a document as PDF/A-3B, in its own language.

    logo: PNG, JPEG, WebP or GIF for the upper right corner. Raises BadFile where it is none of
    them. Takes tens of milliseconds of processor time: call it on a thread.
    """
    letter = _Letter(document, logo)
    letter.add_page()
    y = _write_intro(letter, document, _SUBJECT_Y)
    y = positions.draw(letter, document, y)
    _write_terms(letter, document, y)
    return letter.finished()


def title(document: Document) -> str:
    """Return what a document is called: "Rechnung RE2026-0007"."""
    return f"{word(document.kind.value, document.language)} {document.number}".strip()


class _Letter(Paper):
    """Paper that knows whose letter it is: its first page, the others, its footer."""

    def __init__(self, document: Document, logo: bytes | None) -> None:
        super().__init__(
            title=title(document),
            author=document.seller.name,
            language=document.language,
            created=document.issued_at,
        )
        self._document = document
        self._logo = logo

    def header(self) -> None:
        if self.page_no() > 1:
            self._write_running_head()
            return
        _write_letterhead(self, self._document.seller, self._logo)
        _write_address(self, self._document)
        _write_block(self, self._document)
        for y, length in ((105.0, 4.0), (148.5, 6.0), (210.0, 4.0)):
            self.rule(4, y, 4 + length)
        self.set_y(_SUBJECT_Y)

    def footer(self) -> None:
        _write_footer(self, self._document)

    def _write_running_head(self) -> None:
        name = self._document.seller.name
        self.put(LEFT, 15, WIDTH * 0.6, name, size=8, colour=GREY)
        self.put(LEFT + WIDTH * 0.6, 15, WIDTH * 0.4, title(self._document), size=8, side="R")
        self.rule(LEFT, 20.5, RIGHT)
        self.set_y(25)


# -- the first page ------------------------------------------------------------------------------


def _write_letterhead(letter: Paper, seller: Company, logo: bytes | None) -> None:
    if logo is not None:
        letter.logo(logo, right=RIGHT, top=12, width=68, height=26)
        letter.put(LEFT, 14, 90, seller.name, size=13, bold=True)
    else:
        letter.put(LEFT, 14, WIDTH, seller.name, size=17, bold=True)
    town = f"{seller.postcode} {seller.city}".strip()
    told = " · ".join(part for part in (seller.street, town) if part)
    letter.put(LEFT, 23.5, 90, told, size=8, colour=GREY)


def _write_address(letter: Paper, document: Document) -> None:
    seller = document.seller
    town = f"{seller.postcode} {seller.city}".strip()
    sender = " · ".join(part for part in (seller.name, seller.street, town) if part)
    letter.put(LEFT, _SENDER_Y, _ADDRESS_WIDTH, sender, size=6.5, colour=GREY)
    letter.rule(LEFT, _SENDER_Y + 3.6, LEFT + _ADDRESS_WIDTH)
    lines = _address(letter, document.buyer, document)
    for number, line in enumerate(lines[:_ADDRESS_LINES]):
        letter.put(LEFT, _ADDRESS_Y + number * 5.2, _ADDRESS_WIDTH, line, size=10)


def _address(letter: Paper, buyer: Party, document: Document) -> list[str]:
    """Return the lines of an address; the name may take two, the town is never the one left out."""
    name = letter.wrapped(buyer.name, _ADDRESS_WIDTH, size=10)[:2]
    abroad = buyer.country.upper() != document.seller.country.upper()
    rest = [
        buyer.contact or "",
        buyer.street,
        f"{buyer.postcode} {buyer.city}".strip(),
        country(buyer.country, document.language).upper() if abroad else "",
    ]
    return name + [line for line in rest if line]


def _facts(document: Document) -> list[tuple[str, str]]:
    """Return what the block beside the address says: label and value."""
    language = document.language
    kind = document.kind
    buyer = document.buyer
    facts: list[tuple[str, str | None]] = [
        (f"number_{kind.value}", document.number),
        ("date", figures.day(document.issued_on, language)),
        ("cancels", document.cancels),
        _delivery(document),
        ("due", figures.day(document.due_on, language) if document.due_on else None),
        (
            "valid_until",
            figures.day(document.valid_until, language) if document.valid_until else None,
        ),
        ("customer_number", buyer.number),
        ("your_vat_id", buyer.vat_id),
        ("your_reference", buyer.buyer_reference),
    ]
    return [(word(key, language), value) for key, value in facts if value]


def _delivery(document: Document) -> tuple[str, str | None]:
    begin = document.delivered_from or document.delivered_until
    end = document.delivered_until or document.delivered_from
    if begin is None or end is None:
        return "delivered", None
    key = "delivered" if begin == end else "delivered_period"
    if document.kind is DocumentKind.QUOTE:
        key = "delivery_planned"
    return key, figures.span(begin, end, document.language)


def _write_block(letter: Paper, document: Document) -> None:
    y = _BLOCK_Y
    value_x = _BLOCK_X + _LABEL_WIDTH
    for label, value in _facts(document):
        letter.put(_BLOCK_X, y, _LABEL_WIDTH - 1, label, size=8.5, colour=GREY)
        letter.put(value_x, y, RIGHT - value_x, value, size=8.5, side="R")
        y += 5.0


def _write_intro(letter: Paper, document: Document, y: float) -> float:
    letter.put(LEFT, y, WIDTH, title(document), size=14, bold=True)
    y += 10
    if document.kind is DocumentKind.CANCELLATION and document.cancels:
        told = word("cancels_whole", document.language, number=document.cancels)
        y = positions.paragraph(letter, told, y)
    return positions.paragraph(letter, document.intro or "", y) + 1


# -- the end -------------------------------------------------------------------------------------


def _write_terms(letter: Paper, document: Document, y: float) -> None:
    y += 5
    for text in _terms(document):
        y = positions.paragraph(letter, text, y)
    if document.footer:
        positions.paragraph(letter, document.footer, y + 2)


def _terms(document: Document) -> list[str]:
    """Return what stands below the totals, one paragraph each."""
    language = document.language
    told: list[str] = []
    if document.exemption_text:
        told.append(document.exemption_text)
    elif document.gross_first:
        told.append(word("gross_first", language))
    if document.kind is DocumentKind.QUOTE and document.valid_until:
        day = figures.day(document.valid_until, language)
        told.append(word("quote_until", language, day=day))
    if document.kind is DocumentKind.INVOICE:
        told += payment(document)
    return told


def payment(document: Document) -> list[str]:
    """Return how an invoice is to be paid: by when, where to, under which name."""
    language = document.language
    if document.gross <= 0:
        return [word("nothing_due", language)]
    amount = figures.money(document.gross, document.currency, language)
    if document.due_on is None:
        told = [word("pay_soon", language, amount=amount)]
    else:
        due = figures.day(document.due_on, language)
        told = [word("pay_by", language, amount=amount, due=due)]
    seller = document.seller
    if seller.iban:
        account = [word("pay_to", language, iban=figures.iban(seller.iban))]
        account += [f"BIC {seller.bic}"] if seller.bic else []
        account += [seller.bank] if seller.bank else []
        reference = word("pay_reference", language, number=document.number)
        told.append("\n".join((" · ".join(account), reference)))
    return told


def _write_footer(letter: Paper, document: Document) -> None:
    language = document.language
    letter.page_number(RIGHT - 60, BOTTOM + 1.5, 60, word("page", language))
    letter.rule(LEFT, _FOOTER_Y - 1, RIGHT)
    for column, lines in enumerate(_imprint(document.seller, language)):
        for number, line in enumerate(lines):
            x = LEFT + column * _COLUMN
            y = _FOOTER_Y + number * line_height(7)
            letter.put(x, y, _COLUMN - 3, line, size=7, colour=GREY)


def _imprint(seller: Company, language: str) -> tuple[list[str], list[str], list[str]]:
    """Return the three columns of the footer."""
    owner = word("owner", language, name=seller.owner) if seller.owner else ""
    vat_id = word("vat_id", language, id=seller.vat_id) if seller.vat_id else ""
    tax = word("tax_number", language, id=seller.tax_number) if seller.tax_number else ""
    who = [seller.name, owner, seller.street, f"{seller.postcode} {seller.city}".strip()]
    reach = [seller.phone or "", seller.email or "", vat_id, tax]
    bank = [
        seller.bank or "",
        f"IBAN {figures.iban(seller.iban)}" if seller.iban else "",
        f"BIC {seller.bic}" if seller.bic else "",
    ]
    first, second, third = ([line for line in lines if line] for lines in (who, reach, bank))
    return first, second, third
