"""Documents to canonical JSON, and back: what was issued is kept word for word."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ..document import Document, DocumentKind, DocumentLine, Party, TaxLine
from ..shop import Company
from . import codec

if TYPE_CHECKING:
    from collections.abc import Mapping

_DATES: Final = ("issued_on", "due_on", "valid_until", "delivered_from", "delivered_until")
_IDS: Final = ("id", "order_id", "customer_id")
_AMOUNTS: Final = ("net", "tax", "gross")
_LINE_AMOUNTS: Final = ("quantity", "unit_price", "amount", "tax_percent")
_TAX_AMOUNTS: Final = ("percent", "net", "tax", "gross")


def document_facts(document: Document) -> dict[str, Any]:
    """Return a document as JSON can say it; amounts are text, exactly as issued."""
    facts = _plain(asdict(document))
    assert isinstance(facts, dict)
    return facts


def document_text(document: Document) -> str:
    """Write a document: the same one gives the same text on every database."""
    return codec.canonical(document_facts(document))


def document_of(text: str) -> Document:
    """Read a document. What a later version added to it and we do not know is left out."""
    data = json.loads(text)
    for key in _DATES:
        data[key] = None if data.get(key) is None else date.fromisoformat(data[key])
    for key in _IDS:
        data[key] = None if data.get(key) is None else UUID(data[key])
    for key in _AMOUNTS:
        data[key] = Decimal(data[key])
    data["kind"] = DocumentKind(data["kind"])
    data["issued_at"] = datetime.fromisoformat(data["issued_at"])
    data["seller"] = Company(**_known(Company, data["seller"]))
    data["buyer"] = Party(**_known(Party, data["buyer"]))
    data["lines"] = tuple(
        DocumentLine(**_known(DocumentLine, _decimals(line, _LINE_AMOUNTS)))
        for line in data["lines"]
    )
    data["taxes"] = tuple(
        TaxLine(**_known(TaxLine, _decimals(line, _TAX_AMOUNTS))) for line in data["taxes"]
    )
    return Document(**_known(Document, data))


def _known(kind: Any, data: Mapping[str, Any]) -> dict[str, Any]:
    return {field.name: data[field.name] for field in fields(kind) if field.name in data}


def _decimals(data: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return data | {key: Decimal(data[key]) for key in keys}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return format(value, "f") if isinstance(value, Decimal) else str(value)
    return value
