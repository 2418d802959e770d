"""Quotes, invoices and the documents that cancel them: written once, never edited (rule 26)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uuid import UUID

    from .shop import Company


class DocumentKind(StrEnum):
    """What a document is."""

    QUOTE = "quote"
    INVOICE = "invoice"
    CANCELLATION = "cancellation"
    """Takes an invoice back, whole; its amounts are the invoice's, negative."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Party:
    """Whom a document is for, as it stood that day."""

    name: str
    business: bool = False
    contact: str | None = None
    street: str = ""
    postcode: str = ""
    city: str = ""
    country: str = "DE"
    vat_id: str | None = None
    email: str | None = None
    number: str | None = None
    """Customer number."""
    buyer_reference: str | None = None
    """What the buyer wants to read (Leitweg-ID of German authorities)."""

    def __repr__(self) -> str:
        """Name nobody: reprs end in logs."""
        return f"<Party {self.number}>"


@dataclass(frozen=True, kw_only=True, slots=True)
class DocumentLine:
    """One position. `amount` is rounded to cents; net, or gross in a gross-first document."""

    number: int
    """From 1."""
    text: str
    quantity: Decimal
    unit: str
    """"piece", "g", "h", "flat"."""
    unit_price: Decimal
    amount: Decimal
    tax_percent: Decimal
    """0 where exempt."""
    detail: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TaxLine:
    """Tax of one rate on the document: net + tax = gross, to the cent."""

    percent: Decimal
    net: Decimal
    tax: Decimal
    gross: Decimal


@dataclass(frozen=True, kw_only=True, slots=True)
class Document:
    """As issued."""

    id: UUID
    kind: DocumentKind
    number: str
    """Without gaps within its kind and year."""
    issued_on: date
    """Local date of the shop."""
    issued_at: datetime
    seller: Company
    buyer: Party
    lines: tuple[DocumentLine, ...]
    taxes: tuple[TaxLine, ...]
    """One per rate, ascending."""
    net: Decimal
    tax: Decimal
    gross: Decimal
    currency: str = "EUR"
    language: str = "de"
    gross_first: bool = False
    exempt: bool = False
    """Small business: no tax, and the legal text in `exemption_text`."""
    exemption_text: str | None = None
    due_on: date | None = None
    valid_until: date | None = None
    """Of a quote."""
    delivered_from: date | None = None
    delivered_until: date | None = None
    """When it was supplied; must stand on an invoice (§ 14 UStG)."""
    order_id: UUID | None = None
    customer_id: UUID | None = None
    cancels: str | None = None
    """Number of the invoice that it takes back."""
    intro: str | None = None
    footer: str | None = None

    def __repr__(self) -> str:
        """Tell neither parties nor lines: reprs end in logs."""
        return f"<Document {self.kind} {self.number}>"
