"""Quotes, invoices, cancellations and payments. Each function is one transaction of the store."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING
from uuid import uuid4

from ..audit import Audited, AuditEvent
from ..billing import cancelling, drafted, keep_until, local_day
from ..customer import without_person
from ..document import Document, DocumentKind
from ..errors import NotAllowed
from ..money import CENT, ZERO, rounded
from ..order import LARGEST, OrderState, moved
from ..payment import Payment
from ..small_business import LimitWarning, Turnover
from ..store import audit, customers, documents, orders, payments
from .counter import checked_reason, find_order, living_customer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from sqlalchemy import Connection

    from ..shop import ShopSettings
    from .counter import Deed, Reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Issued:
    """A document that was issued, and what its issuer has to know."""

    document: Document
    warnings: tuple[LimitWarning, ...] = ()
    """Of the small business exemption, where it is used."""


@dataclass(frozen=True, kw_only=True, slots=True)
class InvoiceStanding:
    """How an invoice stands now."""

    invoice: Document
    cancelled_by: str | None
    paid: Decimal
    open: Decimal
    """Below zero: money has to go back."""


def issue_quote(
    connection: Connection, deed: Deed, shop: ShopSettings, which: Reference, intro: str | None
) -> Issued:
    """Offer an order. It may be offered again after a change."""
    return _issue(connection, deed, shop, which, DocumentKind.QUOTE, intro)


def issue_invoice(
    connection: Connection, deed: Deed, shop: ShopSettings, which: Reference, intro: str | None
) -> Issued:
    """Bill an order, quoted or not."""
    return _issue(connection, deed, shop, which, DocumentKind.INVOICE, intro)


def _issue(
    connection: Connection,
    deed: Deed,
    shop: ShopSettings,
    which: Reference,
    kind: DocumentKind,
    intro: str | None,
) -> Issued:
    order = find_order(connection, which, lock=True)
    invoice = kind is DocumentKind.INVOICE
    state = OrderState.INVOICED if invoice else OrderState.QUOTED
    order = moved(order, state, deed.at)
    customer = living_customer(connection, order.customer_id)
    draft = drafted(kind, order, customer, shop, deed.at, intro)
    policy = shop.documents
    pattern = policy.invoice_pattern if invoice else policy.quote_pattern
    document = documents.issue(
        connection, draft, pattern, keep_until(draft.issued_on, shop.retention.documents_years)
    )
    orders.change(connection, order)
    found = small_business(connection, shop, document.issued_on) if invoice else None
    _note_document(connection, deed, document)
    return Issued(document=document, warnings=found.warnings if found is not None else ())


def cancel_invoice(connection: Connection, deed: Deed, shop: ShopSettings, number: str) -> Document:
    """Take an invoice back with a document of its own, paid or not; its order may be put right.

    Raises NotAllowed: no_document, not_an_invoice, already_cancelled, reason_missing.
    """
    invoice = _invoice(connection, number)
    reason = checked_reason(deed.reason)
    draft = cancelling(invoice, shop, deed.at, reason)
    document = documents.issue(
        connection,
        draft,
        shop.documents.credit_pattern,
        keep_until(draft.issued_on, shop.retention.documents_years),
    )
    order = None
    if invoice.order_id is not None:
        order = orders.get(connection, invoice.order_id, lock=True)
    if order is not None and order.state is OrderState.INVOICED:
        orders.change(connection, moved(order, OrderState.CONFIRMED, deed.at))
    customer = None
    if invoice.customer_id is not None:
        customer = customers.get(connection, invoice.customer_id)
    reason = without_person(reason, customer) or reason
    _note_document(connection, replace(deed, reason=reason), document)
    return document


def pay(
    connection: Connection,
    deed: Deed,
    shop: ShopSettings,
    number: str,
    amount: Decimal,
    paid_on: date | None = None,
    reference: str | None = None,
) -> InvoiceStanding:
    """Note money that came in on an invoice, all of it or a part; below zero it went back.

    Raises NotAllowed: no_document, not_an_invoice, bad_payment, refund_too_high, bad_text.
    """
    invoice = _invoice(connection, number)
    today = local_day(deed.at, shop.time_zone)
    paid_on = paid_on or today
    if not amount.is_finite() or abs(amount) > LARGEST or amount != rounded(amount, CENT):
        raise NotAllowed("an amount is in whole cents", key="bad_payment")
    if amount == ZERO or paid_on > today:
        raise NotAllowed("not zero, and not in the future", key="bad_payment")
    if amount < ZERO and documents_paid(connection, invoice) + amount < ZERO:
        raise NotAllowed("more than was paid cannot go back", key="refund_too_high")
    payment = Payment(
        id=uuid4(),
        document_id=invoice.id,
        paid_on=paid_on,
        amount=amount,
        reference=None if reference is None else checked_reason(reference),
        by=deed.by,
        at=deed.at,
    )
    payments.add(connection, payment, keep_until(today, shop.retention.documents_years))
    detail = {"amount": format(amount, "f"), "on": paid_on.isoformat()}
    _note(connection, deed, Audited.PAYMENT_RECORDED, number, detail)
    return standing(connection, number)


def standing(connection: Connection, number: str) -> InvoiceStanding:
    """Return how an invoice stands. Raises NotAllowed: no_document, not_an_invoice."""
    invoice = _invoice(connection, number)
    cancellation = documents.cancellation_of(connection, number)
    return InvoiceStanding(
        invoice=invoice,
        cancelled_by=None if cancellation is None else cancellation.number,
        paid=documents_paid(connection, invoice),
        open=documents.open_amount(connection, invoice),
    )


def documents_paid(connection: Connection, invoice: Document) -> Decimal:
    """Return what was paid on an invoice, less what went back."""
    return payments.paid(connection, invoice.id)


def find_document(connection: Connection, number: str) -> Document:
    """Return a document. Raises NotAllowed(key="no_document")."""
    document = documents.get(connection, number)
    if document is None:
        raise NotAllowed("there is no document of this number", key="no_document")
    return document


def small_business(connection: Connection, shop: ShopSettings, day: date) -> Turnover | None:
    """Return the turnover that the exemption depends on; None where it is not used."""
    if not shop.tax.small_business:
        return None
    january = date(day.year, 1, 1)
    before = date(day.year - 1, 1, 1)
    return Turnover(
        previous=documents.turnover(connection, before, date(day.year - 1, 12, 31)),
        current=documents.turnover(connection, january, date(day.year, 12, 31)),
    )


def _invoice(connection: Connection, number: str) -> Document:
    document = documents.lock(connection, number)
    if document is None:
        raise NotAllowed("there is no document of this number", key="no_document")
    if document.kind is not DocumentKind.INVOICE:
        raise NotAllowed(f"{number} is no invoice", key="not_an_invoice")
    return document


def keep_paper(connection: Connection, deed: Deed, document: Document, drawn: bytes) -> bytes:
    """Keep the PDF of a document, unless there is one; returns the one that counts."""
    kept = documents.paper(connection, document.id, lock=True)
    if kept is not None:
        return kept
    documents.keep_paper(connection, document.id, drawn, deed.at)
    detail = {"sha256": hashlib.sha256(drawn).hexdigest()}
    _note(connection, deed, Audited.PAPER_KEPT, document.number, detail)
    return drawn


def _note_document(connection: Connection, deed: Deed, document: Document) -> None:
    detail = {
        "kind": document.kind.value,
        "gross": format(document.gross, "f"),
        "currency": document.currency,
        "cancels": document.cancels,
        "sha256": documents.fingerprint(document),
    }
    _note(connection, deed, Audited.DOCUMENT_ISSUED, document.number, detail)


def _note(
    connection: Connection, deed: Deed, what: Audited, subject: str, detail: Mapping[str, object]
) -> None:
    audit.append(
        connection,
        AuditEvent(
            what=what, subject=subject, by=deed.by, at=deed.at, reason=deed.reason, detail=detail
        ),
    )
