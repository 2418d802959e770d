"""E-invoices: ZUGFeRD 2 / Factur-X in the profile EN 16931, as XML and inside the PDF.

Numbers such as BT-25 are the business terms of EN 16931. Codes are of UNTDID 1001 (documents),
4461 (payment), 5305 (tax categories) and UN/ECE Recommendation 20 (units).
"""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from drafthorse.models.accounting import ApplicableTradeTax
from drafthorse.models.document import Document as Invoice
from drafthorse.models.note import IncludedNote
from drafthorse.models.party import TaxRegistration
from drafthorse.models.payment import PaymentMeans, PaymentTerms
from drafthorse.models.tradelines import LineItem
from drafthorse.pdf import attach_xml

from ..document import DocumentKind
from ..errors import NotAllowed
from ..money import MICRO, ZERO, rounded
from ..shop import EXEMPTION_TEXT
from .invoice import payment, title
from .words import word

if TYPE_CHECKING:
    from ..document import Document, DocumentLine, Party
    from ..shop import Company

_PROFILE: Final = "urn:cen.eu:en16931:2017"
_SCHEMA: Final = "FACTUR-X_EN16931"
_TYPES: Final = {
    DocumentKind.INVOICE: "380",
    # A corrected invoice: amounts below zero, and the one it corrects named (BG-3).
    DocumentKind.CANCELLATION: "384",
}
_UNITS: Final = {
    "piece": "H87",
    "flat": "LS",
    "g": "GRM",
    "kg": "KGM",
    "ml": "MLT",
    "l": "LTR",
    "h": "HUR",
    "min": "MIN",
    "day": "DAY",
    "kWh": "KWH",
    "m": "MTR",
    "mm": "MMT",
    "cm³": "CMQ",
    "km": "KMT",
}
_ONE: Final = "C62"
"""A unit that has no code of its own counts as "one" of whatever it is."""
_SEPA: Final = "58"
_TRANSFER: Final = "30"
_HUNDRED: Final = Decimal(100)


def embed(pdf: bytes, document: Document) -> bytes:
    """Return the PDF of a document with its e-invoice inside (PDF/A-3B, `factur-x.xml`).

    A quote is no invoice and comes back as it is. Raises NotAllowed: order_empty.
    """
    if document.kind not in _TYPES:
        return pdf
    name = _legal(title(document))
    about = {
        "author": _legal(document.seller.name),
        "title": name,
        "subject": name,
        "keywords": "Factur-X, ZUGFeRD",
        "creator": "Printernizer",
    }
    made = attach_xml(pdf, xml(document), "EN 16931", about, document.language)
    return bytes(made)


def xml(document: Document) -> bytes:
    """Return the e-invoice of an invoice or a cancellation, held against the schema (XSD).

    Raises NotAllowed: not_an_invoice for a quote; order_empty where there are no positions.
    """
    if document.kind not in _TYPES:
        raise NotAllowed("a quote has no e-invoice", key="not_an_invoice")
    if not document.lines:
        raise NotAllowed("an e-invoice has at least one position", key="order_empty")
    invoice = Invoice()
    _write_head(invoice, document)
    _write_seller(invoice.trade.agreement.seller, document.seller)
    _write_buyer(invoice.trade.agreement.buyer, document.buyer)
    if document.buyer.buyer_reference:
        invoice.trade.agreement.buyer_reference = _legal(document.buyer.buyer_reference)
    _write_delivery(invoice, document)
    _write_settlement(invoice.trade.settlement, document)
    for line, net in zip(document.lines, net_amounts(document), strict=True):
        invoice.trade.items.add(_item(line, net, document))
    return bytes(invoice.serialize(schema=_SCHEMA))


def net_amounts(document: Document) -> tuple[Decimal, ...]:
    """Return each line without tax, so that the lines of a rate sum up to its net (BR-CO-10).

    In a gross-first document the net is rounded on the running sum: no line is off by more than a
    cent, and nothing is left over at the end.
    """
    if not document.gross_first:
        return tuple(line.amount for line in document.lines)
    nets = {tax.percent: tax.net for tax in document.taxes}
    last = {line.tax_percent: number for number, line in enumerate(document.lines)}
    gross: dict[Decimal, Decimal] = {}
    given: dict[Decimal, Decimal] = {}
    amounts: list[Decimal] = []
    for number, line in enumerate(document.lines):
        rate = line.tax_percent
        gross[rate] = gross.get(rate, ZERO) + line.amount
        so_far = rounded(gross[rate] * _HUNDRED / (_HUNDRED + rate))
        if number == last[rate]:
            so_far = nets[rate]
        amounts.append(so_far - given.get(rate, ZERO))
        given[rate] = so_far
    return tuple(amounts)


# -- head ----------------------------------------------------------------------------------------


def _write_head(invoice: Any, document: Document) -> None:
    invoice.context.guideline_parameter.id = _PROFILE
    invoice.header.id = _legal(document.number)
    invoice.header.type_code = _TYPES[document.kind]
    invoice.header.issue_date_time = document.issued_on
    gross_first = word("gross_first", document.language) if document.gross_first else None
    for text in (document.intro, gross_first, document.footer):
        if text and _legal(text):
            note = IncludedNote()
            note.content = _legal(text)
            invoice.header.notes.add(note)


def _write_seller(party: Any, seller: Company) -> None:
    party.name = _legal(seller.name) or "-"
    if seller.tax_number and not seller.vat_id:
        # BR-CO-26 wants something to tell sellers apart by, and takes no tax number for it (BT-29).
        party.id = _legal(seller.tax_number)
    if seller.owner or seller.phone or seller.email:
        party.contact.person_name = _legal(seller.owner or seller.name)
        if seller.phone:
            party.contact.telephone.number = _legal(seller.phone)
        if seller.email:
            party.contact.email.address = _legal(seller.email)
    _write_address(party.address, seller)
    _write_mail(party, seller.email)
    _write_registration(party, "VA", seller.vat_id)
    _write_registration(party, "FC", seller.tax_number)


def _write_buyer(party: Any, buyer: Party) -> None:
    if buyer.number:
        party.id = _legal(buyer.number)
    party.name = _legal(buyer.name) or "-"
    if buyer.contact:
        party.contact.person_name = _legal(buyer.contact)
    _write_address(party.address, buyer)
    _write_mail(party, buyer.email)
    _write_registration(party, "VA", buyer.vat_id)


def _write_address(address: Any, party: Party | Company) -> None:
    if party.postcode:
        address.postcode = _legal(party.postcode)
    if party.street:
        address.line_one = _legal(party.street)
    if party.city:
        address.city_name = _legal(party.city)
    address.country_id = party.country.upper()


def _write_mail(party: Any, email: str | None) -> None:
    if email:
        party.electronic_address.uri_ID = ("EM", _legal(email))


def _write_registration(party: Any, scheme: str, value: str | None) -> None:
    if value:
        registration = TaxRegistration()
        registration.id = (scheme, _legal(value).replace(" ", ""))
        party.tax_registrations.add(registration)


def _write_delivery(invoice: Any, document: Document) -> None:
    begin = document.delivered_from or document.delivered_until
    end = document.delivered_until or document.delivered_from
    if begin is None or end is None:
        return
    invoice.trade.delivery.event.occurrence = end
    if begin != end:
        invoice.trade.settlement.period.start = begin
        invoice.trade.settlement.period.end = end


# -- amounts -------------------------------------------------------------------------------------


def _write_settlement(settlement: Any, document: Document) -> None:
    settlement.payment_reference = _legal(document.number)
    settlement.currency_code = document.currency
    _write_payment(settlement, document)
    for tax in document.taxes:
        entry = ApplicableTradeTax()
        entry.calculated_amount = rounded(tax.tax)
        entry.basis_amount = rounded(tax.net)
        _write_category(entry, tax.percent, document)
        if document.exempt:
            entry.exemption_reason = _legal(document.exemption_text or "") or _exemption(document)
        settlement.trade_tax.add(entry)
    sums = settlement.monetary_summation
    sums.line_total = rounded(document.net)
    sums.tax_basis_total = rounded(document.net)
    sums.tax_total = (rounded(document.tax), document.currency)
    sums.grand_total = rounded(document.gross)
    sums.due_amount = rounded(document.gross)
    if document.cancels:
        settlement.invoice_referenced_document.issuer_assigned_id = _legal(document.cancels)


def _write_payment(settlement: Any, document: Document) -> None:
    seller = document.seller
    if document.kind is not DocumentKind.INVOICE:
        return
    if seller.iban:
        means = PaymentMeans()
        means.type_code = _SEPA if document.currency == "EUR" else _TRANSFER
        means.payee_account.iban = "".join(seller.iban.split()).upper()
        means.payee_account.account_name = _legal(seller.owner or seller.name)
        if seller.bic:
            means.payee_institution.bic = "".join(seller.bic.split()).upper()
        settlement.payment_means.add(means)
    terms = PaymentTerms()
    terms.description = _legal(payment(document)[0])
    if document.due_on:
        terms.due = document.due_on
    settlement.terms.add(terms)


def _write_category(entry: Any, percent: Decimal, document: Document) -> None:
    entry.type_code = "VAT"
    entry.category_code = _category(percent, exempt=document.exempt)
    entry.rate_applicable_percent = _plain(percent)


def _category(percent: Decimal, *, exempt: bool) -> str:
    """Return S (standard), E (exempt) or Z (a rate of zero that nobody gave a reason for)."""
    if exempt:
        return "E"
    return "S" if percent else "Z"


def _exemption(document: Document) -> str:
    return EXEMPTION_TEXT.get(document.language, EXEMPTION_TEXT["en"])


def _item(line: DocumentLine, net: Decimal, document: Document) -> LineItem:
    item: Any = LineItem()
    quantity, price = line.quantity, _net_price(line, net, document)
    if price < ZERO:  # BR-27: no price below zero; the quantity carries the sign
        quantity, price = -quantity, -price
    item.document.line_id = str(line.number)
    item.product.name = _legal(line.text) or "-"
    if line.detail and _legal(line.detail):
        item.product.description = _legal(line.detail)
    item.agreement.net.amount = _plain(price)
    item.delivery.billed_quantity = (_plain(quantity), _UNITS.get(line.unit, _ONE))
    _write_category(item.settlement.trade_tax, line.tax_percent, document)
    item.settlement.monetary_summation.total_amount = rounded(net)
    return item


def _net_price(line: DocumentLine, net: Decimal, document: Document) -> Decimal:
    if not document.gross_first:
        return line.unit_price
    if line.quantity:
        return rounded(net / line.quantity, MICRO)
    return rounded(line.unit_price * _HUNDRED / (_HUNDRED + line.tax_percent), MICRO)


def _plain(value: Decimal) -> str:
    """Return a number without exponent and without zeros that say nothing."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _legal(text: str) -> str:
    """Return text that XML 1.0 can hold, without blanks around it."""
    return "".join(
        char
        for char in text
        if char in "\n\t"
        or (unicodedata.category(char) not in {"Cc", "Cs"} and char not in "\ufffe\uffff")
    ).strip()
