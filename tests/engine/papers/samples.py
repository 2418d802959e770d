"""Documents to draw: one shop, one buyer, any number of positions."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from custom_components.printernizer.engine.document import (
    Document,
    DocumentKind,
    DocumentLine,
    Party,
)
from custom_components.printernizer.engine.money import ZERO, rounded
from custom_components.printernizer.engine.shop import EXEMPTION_TEXT, Company
from custom_components.printernizer.engine.tax import totals

SELLER = Company(
    name="Druckwerk Çelik & Łukasz GbR",
    owner="Ayşe Çelik",
    street="Werkstattgasse 7",
    postcode="04109",
    city="Leipzig",
    vat_id="DE123456789",
    tax_number="231/123/45678",
    email="buero@druckwerk.example",
    phone="+49 341 1234567",
    iban="DE02 1203 0000 0000 2020 51",
    bic="BYLADEM1001",
    bank="Beispielbank",
)
BUYER = Party(
    name="Maschinenbau Žižek GmbH & Co. KG",
    business=True,
    contact="Łucja Świątek",
    street="Lange Straße 128",
    postcode="10115",
    city="Berlin",
    vat_id="DE987654321",
    email="einkauf@zizek.example",
    number="K-0042",
    buyer_reference="991-12345-67",
)


def line(number: int, price: str, percent: str = "19", **changes: Any) -> DocumentLine:
    """Return one position, of one piece unless told otherwise."""
    quantity = changes.get("quantity", Decimal(1))
    facts: dict[str, Any] = {
        "number": number,
        "text": f"Gehäuse Rev. {number}",
        "quantity": quantity,
        "unit": "piece",
        "unit_price": Decimal(price),
        "amount": rounded(quantity * Decimal(price)),
        "tax_percent": Decimal(percent),
        "detail": "PETG schwarz, Platte 1",
    }
    return DocumentLine(**(facts | changes))


def document(*lines: DocumentLine, **changes: Any) -> Document:
    """Return an invoice with the totals that its lines make."""
    taxes = totals(lines, gross_first=changes.get("gross_first", False))
    exempt = changes.get("exempt", False)
    language = changes.get("language", "de")
    facts: dict[str, Any] = {
        "id": UUID(int=1),
        "kind": DocumentKind.INVOICE,
        "number": "RE2026-0007",
        "issued_on": date(2026, 11, 21),
        "issued_at": datetime(2026, 11, 21, 8, 30, tzinfo=UTC),
        "seller": SELLER,
        "buyer": BUYER,
        "lines": tuple(lines),
        "taxes": taxes,
        "net": sum((tax.net for tax in taxes), ZERO),
        "tax": sum((tax.tax for tax in taxes), ZERO),
        "gross": sum((tax.gross for tax in taxes), ZERO),
        "exemption_text": EXEMPTION_TEXT[language] if exempt else None,
        "due_on": date(2026, 12, 5),
        "delivered_from": date(2026, 11, 2),
        "delivered_until": date(2026, 11, 20),
    }
    return Document(**(facts | changes))


def many(count: int, *percents: str, **changes: Any) -> Document:
    """Return an invoice with many positions, their rates in turn."""
    rates = percents or ("19",)
    lines = [
        line(number, "3.33", rates[number % len(rates)], quantity=Decimal(number))
        for number in range(1, count + 1)
    ]
    return document(*lines, **changes)
