"""The books held against the audit log: what it saw issued, handed out and paid has to be there.

The log is chained, so a hand in it shows; a document, a paper or a payment is not. Triggers do not
stop somebody who has the file.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..audit import Audited
from .chain import at_one_moment
from .document_codec import document_of
from .office_tables import AUDIT_EVENTS, DOCUMENT_PAPERS, DOCUMENTS, PAYMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_FOUND_BY: Final = (
    *("number", "issued_on", "issued_at", "order_id", "customer_id", "cancels"),
    *("currency", "net", "tax", "gross", "due_on"),
)
"""Columns beside the content, which sums and searches go by."""


@dataclass(kw_only=True, slots=True)
class _Log:
    """What the audit log saw, by the number of a document."""

    issued: dict[str, str] = field(default_factory=dict)
    """SHA-256 of what was issued."""
    papers: dict[str, str] = field(default_factory=dict)
    """SHA-256 of the PDF that was handed out first."""
    paid: Counter[tuple[str, Decimal, str]] = field(default_factory=Counter)
    """Number, amount and day of each payment."""


def forged(connection: Connection) -> tuple[int, tuple[str, ...]]:
    """Hold documents, papers and payments against the audit log.

    Returns how many documents there are, and the numbers of those that differ, or that are gone
    and were not let go of. Has to be the first in its transaction.
    """
    at_one_moment(connection)
    log = _read(connection)
    here: set[str] = set()
    found: list[str] = []
    for number, genuine in _documents(connection, log):
        here.add(number)
        if not genuine:
            found.append(number)
    found += sorted(log.issued.keys() - here)
    found += _papers(connection, log)
    found += _payments(connection, log)
    return len(here), tuple(dict.fromkeys(found))


def _read(connection: Connection) -> _Log:
    log = _Log()
    query = sa.select(AUDIT_EVENTS.c.what, AUDIT_EVENTS.c.subject, AUDIT_EVENTS.c.detail).where(
        AUDIT_EVENTS.c.what.in_(
            [
                Audited.DOCUMENT_ISSUED.value,
                Audited.PAPER_KEPT.value,
                Audited.PAYMENT_RECORDED.value,
                Audited.CLEANED_UP.value,
            ]
        )
    )
    rows = connection.execute(query.order_by(AUDIT_EVENTS.c.id).execution_options(yield_per=1000))
    for what, number, text in rows:
        detail = json.loads(text)
        match what:
            case Audited.DOCUMENT_ISSUED:
                log.issued[number] = detail["sha256"]
            case Audited.PAPER_KEPT:
                log.papers.setdefault(number, detail["sha256"])
            case Audited.PAYMENT_RECORDED:
                log.paid[number, Decimal(detail["amount"]), detail["on"]] += 1
            case _:
                _let_go(log, set(detail["documents"]))
    return log


def _let_go(log: _Log, numbers: set[str]) -> None:
    """Forget what was allowed to go; a number may be given again."""
    for number in numbers:
        log.issued.pop(number, None)
        log.papers.pop(number, None)
    for key in [key for key in log.paid if key[0] in numbers]:
        del log.paid[key]


def _documents(connection: Connection, log: _Log) -> Iterator[tuple[str, bool]]:
    """Yield each number, and whether its document is what was issued."""
    columns = [DOCUMENTS.c[name] for name in (*_FOUND_BY, "kind", "content")]
    query = sa.select(*columns).order_by(DOCUMENTS.c.number).execution_options(yield_per=100)
    for row in connection.execute(query):
        same = hashlib.sha256(row.content.encode()).hexdigest() == log.issued.get(row.number)
        yield row.number, same and _is_found_by_its_content(row)


def _is_found_by_its_content(row: Any) -> bool:
    document = document_of(row.content)
    return row.kind == document.kind.value and all(
        getattr(row, name) == getattr(document, name) for name in _FOUND_BY
    )


def _papers(connection: Connection, log: _Log) -> list[str]:
    query = sa.select(DOCUMENTS.c.number, DOCUMENT_PAPERS.c.sha256, DOCUMENT_PAPERS.c.content).join(
        DOCUMENTS, DOCUMENTS.c.id == DOCUMENT_PAPERS.c.document_id
    )
    return [
        number
        for number, noted, content in connection.execute(query.execution_options(yield_per=10))
        if not hashlib.sha256(content).hexdigest() == noted == log.papers.get(number)
    ]


def _payments(connection: Connection, log: _Log) -> list[str]:
    query = sa.select(DOCUMENTS.c.number, PAYMENTS.c.amount, PAYMENTS.c.paid_on).join(
        DOCUMENTS, DOCUMENTS.c.id == PAYMENTS.c.document_id
    )
    here = Counter(
        (number, amount, paid_on.isoformat())
        for number, amount, paid_on in connection.execute(query)
    )
    return sorted({number for number, _, _ in (here - log.paid) | (log.paid - here)})
