"""Quotes, invoices and cancellations as PDF, read again by a reader that did not write them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image
from pypdf import PdfReader

from custom_components.printernizer.engine.document import Document, DocumentKind
from custom_components.printernizer.engine.errors import BadFile
from custom_components.printernizer.engine.papers import invoice

from .samples import BUYER, SELLER, document, line, many


def _pages(paper: Document) -> list[str]:
    """Return the text of each page, all white space one blank."""
    reader = PdfReader(BytesIO(invoice.render(paper)))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def _picture(kind: str = "PNG", mode: str = "RGBA", size: tuple[int, int] = (60, 20)) -> bytes:
    file = BytesIO()
    Image.new(mode, size).save(file, kind)
    return file.getvalue()


def test_an_invoice_says_what_the_law_wants_of_it() -> None:
    """Without one of these the buyer may not deduct the tax (§ 14 UStG)."""
    (page,) = _pages(document(line(1, "100"), line(2, "50", "7")))
    for told in (
        "Druckwerk Çelik & Łukasz GbR",
        "Maschinenbau Žižek GmbH & Co. KG",
        "Lange Straße 128",
        "10115 Berlin",
        "DE123456789",
        "231/123/45678",
        "RE2026-0007",
        "21.11.2026",
        "02.11.2026 – 20.11.2026",
        "05.12.2026",
        "Gehäuse Rev. 1",
        "USt 7 % auf 50,00 €",
        "3,50 €",
        "USt 19 % auf 100,00 €",
        "19,00 €",
        "172,50 €",
        "DE02 1203 0000 0000 2020 51",
        "Seite 1 von 1",
    ):
        assert told in page, told


def test_sixty_positions_run_over_pages_with_head_and_carried_sum() -> None:
    """A table without its head on page three is a column of riddles."""
    pages = _pages(many(60, "19", "7", "0"))
    assert len(pages) == 4
    for number, page in enumerate(pages, 1):
        assert "Bezeichnung" in page
        assert f"Seite {number} von 4" in page
    assert all("Übertrag" in page for page in pages)
    shown = " ".join(pages)
    assert all(f"Gehäuse Rev. {number} " in shown for number in range(1, 61))
    assert "Gesamtbetrag" in pages[-1]


def test_prices_with_the_tax_inside_say_so() -> None:
    """Who reads a gross price as net pays the tax twice."""
    (page,) = _pages(document(line(1, "3.00"), gross_first=True))
    assert "darin USt 19 %, netto 2,52 €" in page
    assert "0,48 €" in page
    assert "Alle Preise enthalten die gesetzliche Umsatzsteuer." in page


def test_a_small_business_shows_no_tax_and_the_reason() -> None:
    """Tax that is shown is owed (§ 14c UStG)."""
    (page,) = _pages(document(line(1, "100", "0"), exempt=True))
    assert "Kleinunternehmer nach § 19 UStG" in page
    assert "USt %" not in page
    assert "0 %" not in page


def test_a_quote_is_valid_for_a_while_and_asks_for_no_money() -> None:
    """A quote that reads like an invoice is paid, or complained about."""
    (page,) = _pages(
        document(
            line(1, "100"),
            kind=DocumentKind.QUOTE,
            number="AN2026-0001",
            due_on=None,
            valid_until=date(2026, 12, 21),
            intro="Guten Tag,",
            footer="Wir freuen uns auf Ihren Auftrag.",
        )
    )
    assert "Angebot AN2026-0001" in page
    assert "Dieses Angebot gilt bis zum 21.12.2026." in page
    assert "Bitte zahlen" not in page
    assert "Geplante Leistung" in page
    assert "Guten Tag," in page
    assert "Wir freuen uns auf Ihren Auftrag." in page


def test_a_cancellation_names_the_invoice_that_it_takes_back() -> None:
    """A negative invoice out of nowhere is what tax auditors ask about."""
    (page,) = _pages(
        document(
            line(1, "100", quantity=Decimal(-1)),
            kind=DocumentKind.CANCELLATION,
            number="ST2026-0001",
            cancels="RE2026-0007",
            due_on=None,
        )
    )
    assert "Stornorechnung ST2026-0001" in page
    assert "hebt die Rechnung RE2026-0007 vollständig auf" in page
    assert "-119,00 €" in page


def test_english_documents_are_english() -> None:
    """Half the words of a letter in another language look like fraud."""
    (page,) = _pages(
        document(line(1, "1234.5"), language="en", buyer=replace(BUYER, country="PL"), due_on=None)
    )
    assert "Invoice RE2026-0007" in page
    assert "€1,234.50" in page
    assert "POLAND" in page
    assert "Please pay €1,469.06 without deduction." in page
    assert "Page 1 of 1" in page


def test_an_invoice_over_nothing_asks_for_nothing() -> None:
    """ "Please pay 0,00" makes people call."""
    (page,) = _pages(document(line(1, "0"), delivered_from=None, delivered_until=None))
    assert "Es ist nichts zu zahlen." in page
    assert "Leistung" not in page


@pytest.mark.parametrize(
    "text",
    [
        "שלום עולם " * 20,
        "مرحبا " * 60,
        "😀🖨️" * 40,
        "\x00\x07\u202e{nb} \ue000 {page}",
        "x" * 4_000,
        "a\u0308 ffi \u2028 \t tab\r\nline",
        "",
        "日本語" * 100,
    ],
    ids=["hebrew", "arabic", "emoji", "controls", "endless", "combining", "empty", "japanese"],
)
def test_any_text_from_outside_is_printed_or_marked(text: str) -> None:
    """A customer with an emoji in the name must not stop the billing of all others."""
    buyer = replace(BUYER, name=text, contact=text, street=text, city=text, number=text)
    paper = document(
        line(1, "1", text=text, detail=text, unit=text), buyer=buyer, intro=text, footer=text
    )
    pages = _pages(replace(paper, seller=replace(SELLER, name=text, iban=None)))
    assert all("von" in page for page in pages)


def test_huge_amounts_stay_within_their_column() -> None:
    """Digits of two columns upon each other are no number."""
    (page,) = _pages(document(line(1, "999999999999.99", text="W" * 300)))
    assert page.count("999.999.999.999,99 €") >= 3


def test_an_invoice_without_positions_is_drawn() -> None:
    """It cannot be issued, but a preview must not crash."""
    (page,) = _pages(document())
    assert "Gesamtbetrag" in page


def test_totals_and_terms_move_to_the_next_page_together_with_room_for_them() -> None:
    """Totals printed over the footer cannot be read."""
    for count in (12, 15, 17, 19):
        pages = _pages(many(count, footer="Zeile\n" * 40))
        assert "Gesamtbetrag" in " ".join(pages)
        assert len(pages) >= 2


@pytest.mark.parametrize(
    ("kind", "mode"), [("PNG", "RGBA"), ("PNG", "P"), ("JPEG", "L"), ("WEBP", "RGB")]
)
def test_a_logo_is_drawn(kind: str, mode: str) -> None:
    """What people see first of a shop."""
    paper = PdfReader(BytesIO(invoice.render(document(line(1, "1")), logo=_picture(kind, mode))))
    assert len(paper.pages[0].images) == 1


@pytest.mark.parametrize(
    "content",
    [b"", b"GIF89a", _picture()[:60], b"<svg/>", _picture(mode="1", size=(8000, 8000))],
    ids=["empty", "stub", "cut", "svg", "too large"],
)
def test_a_logo_that_is_no_picture_is_refused_by_name(content: bytes) -> None:
    """An invoice that silently lost its logo goes out to customers."""
    with pytest.raises(BadFile):
        invoice.render(document(line(1, "1")), logo=content)


def test_the_same_document_gives_the_same_file() -> None:
    """Drawn again for a comparison, it has to be what was sent."""
    paper = document(line(1, "1"))
    sent = invoice.render(paper)
    written = {found[1] for found in re.finditer(rb'xmp:\w+Date="([^"]+)"', sent)}
    assert len(written) == 1, "a time of the drawing stands in it"
    assert invoice.render(paper) == sent
