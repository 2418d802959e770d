"""Customers, orders and documents as plain JSON, for the answers of actions.

Answers go to whoever asked, who is an administrator. What goes on the bus names nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .stock_facts import amount

if TYPE_CHECKING:
    from .engine.customer import Customer
    from .engine.document import Document
    from .engine.order import Order, Position
    from .engine.workshop.office import OfficeEvent
    from .engine.workshop.paperwork import InvoiceStanding
    from .engine.workshop.proofs import Proof


def customer_facts(customer: Customer) -> dict[str, Any]:
    """Return a customer."""
    return {
        "id": str(customer.id),
        "customer": customer.number,
        "name": customer.name,
        "business": customer.business,
        "contact": customer.contact,
        "street": customer.street,
        "postcode": customer.postcode,
        "city": customer.city,
        "country": customer.country,
        "vat_id": customer.vat_id,
        "email": customer.email,
        "phone": customer.phone,
        "buyer_reference": customer.buyer_reference,
        "created_at": customer.created_at.isoformat(),
        "erased": customer.erased,
    }


def order_facts(order: Order) -> dict[str, Any]:
    """Return an order with its positions."""
    return {
        "id": str(order.id),
        "order": order.number,
        "customer_id": str(order.customer_id),
        "state": order.state.value,
        "title": order.title,
        "positions": [_position_facts(position) for position in order.positions],
    }


def _position_facts(position: Position) -> dict[str, Any]:
    return {
        "number": position.number,
        "kind": position.kind.value,
        "text": position.text,
        "quantity": amount(position.quantity),
        "unit": position.unit,
        "unit_price": amount(position.unit_price),
        "tax_percent": amount(position.tax_percent),
        "job_id": None if position.job_id is None else str(position.job_id),
    }


def document_facts(document: Document) -> dict[str, Any]:
    """Return what may be told of a document to anybody: no parties, no lines."""
    return {
        "document": document.number,
        "kind": document.kind.value,
        "issued_on": document.issued_on.isoformat(),
        "due_on": None if document.due_on is None else document.due_on.isoformat(),
        "valid_until": None if document.valid_until is None else document.valid_until.isoformat(),
        "net": amount(document.net),
        "tax": amount(document.tax),
        "gross": amount(document.gross),
        "currency": document.currency,
        "cancels": document.cancels,
    }


def standing_facts(standing: InvoiceStanding) -> dict[str, Any]:
    """Return how an invoice stands."""
    return {
        **document_facts(standing.invoice),
        "cancelled_by": standing.cancelled_by,
        "paid": amount(standing.paid),
        "open": amount(standing.open),
    }


def news_facts(event: OfficeEvent) -> dict[str, Any]:
    """Return what the bus is told of a document."""
    return {
        "kind": event.what,
        "document": document_facts(event.document),
        "amount": amount(event.amount),
        "open": amount(event.open),
    }


def proof_facts(proof: Proof) -> dict[str, Any]:
    """Return what a walk through the books found."""
    return {
        "intact": proof.intact,
        "chains": {
            name: {
                "intact": report.intact,
                "length": report.length,
                "broken_at": report.broken_at,
                "reason": report.reason,
            }
            for name, report in proof.chains.items()
        },
        "documents": proof.documents,
        "missing_numbers": [
            {"kind": gap.kind.value, "year": gap.year or None, "number": gap.serial}
            for gap in proof.gaps
        ],
        "changed_documents": list(proof.forged),
    }
