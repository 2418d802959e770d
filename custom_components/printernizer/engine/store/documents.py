"""Quotes, invoices and what cancels them: issued once, numbered without gaps, never edited.

Triggers refuse every update, and a delete for as long as the law wants a document kept.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..document import Document, DocumentKind
from ..errors import NotAllowed
from ..money import ZERO
from ..numbering import counts_by_year, document_number
from . import number_ranges, payments
from .document_codec import document_of, document_text
from .office_tables import DOCUMENT_PAPERS, DOCUMENTS, NUMBER_RANGES, PAYMENTS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class NumberGap:
    """A number that is missing among the documents that are kept."""

    kind: DocumentKind
    year: int
    """0 where numbers do not begin anew each year."""
    serial: int


def issue(connection: Connection, draft: Document, pattern: str, keep_until: date) -> Document:
    """Give a draft its number and keep it; both or neither.

    `draft.number` is ignored. Who else issues one of this kind waits until we commit. Raises
    NotAllowed: bad_pattern; number_taken when the pattern was changed to one that repeats a
    number; already_cancelled.
    """
    year = draft.issued_on.year if counts_by_year(pattern) else 0
    serial = number_ranges.take(connection, draft.kind.value, year)
    document = replace(draft, number=document_number(pattern, draft.issued_on.year, serial))
    if get(connection, document.number) is not None:
        raise NotAllowed(f"there is a document {document.number} already", key="number_taken")
    if document.cancels is not None and cancellation_of(connection, document.cancels) is not None:
        raise NotAllowed(f"{document.cancels} is cancelled already", key="already_cancelled")
    row = {
        name: getattr(document, name)
        for name in (
            *("id", "number", "issued_on", "issued_at", "order_id", "customer_id", "cancels"),
            *("currency", "net", "tax", "gross", "due_on"),
        )
    } | {
        "kind": document.kind.value,
        "year": year,
        "serial": serial,
        "keep_until": keep_until,
        "content": document_text(document),
    }
    connection.execute(sa.insert(DOCUMENTS), [row])
    return document


def fingerprint(document: Document) -> str:
    """Return the SHA-256 of a document as kept, for the audit log."""
    return hashlib.sha256(document_text(document).encode()).hexdigest()


# -- reading -----------------------------------------------------------------------------------


def get(connection: Connection, number: str) -> Document | None:
    """Read the document with this number, or None."""
    return _one(connection, DOCUMENTS.c.number == number)


def cancellation_of(connection: Connection, number: str) -> Document | None:
    """Read what cancels an invoice, or None."""
    return _one(connection, DOCUMENTS.c.cancels == number)


def lock(connection: Connection, number: str) -> Document | None:
    """Read a document that nobody else cancels or pays until we commit."""
    query = sa.select(DOCUMENTS.c.content).where(DOCUMENTS.c.number == number).with_for_update()
    text = connection.execute(query).scalar_one_or_none()
    return None if text is None else document_of(text)


def of_order(connection: Connection, order_id: UUID) -> tuple[Document, ...]:
    """Read the documents of an order, in the order of their issue."""
    return _many(connection, DOCUMENTS.c.order_id == order_id)


def of_customer(connection: Connection, customer_id: UUID) -> tuple[Document, ...]:
    """Read the documents of a customer that are still kept."""
    return _many(connection, DOCUMENTS.c.customer_id == customer_id)


def of_period(
    connection: Connection, first: date, last: date, *kinds: DocumentKind
) -> tuple[Document, ...]:
    """Read what was issued from one day to another, both included; of all kinds without any."""
    conditions = [DOCUMENTS.c.issued_on.between(first, last)]
    if kinds:
        conditions.append(DOCUMENTS.c.kind.in_([kind.value for kind in kinds]))
    return _many(connection, *conditions)


def turnover(connection: Connection, first: date, last: date) -> Decimal:
    """Add up the net of invoices of a period, less what was cancelled in it."""
    total: Decimal | None = connection.execute(
        sa.select(sa.func.sum(DOCUMENTS.c.net, type_=DOCUMENTS.c.net.type)).where(
            DOCUMENTS.c.issued_on.between(first, last),
            DOCUMENTS.c.kind != DocumentKind.QUOTE.value,
        )
    ).scalar_one()
    return ZERO if total is None else total


def open_amount(connection: Connection, invoice: Document) -> Decimal:
    """Return what is still owed on an invoice; below zero where money has to go back."""
    cancellation = cancellation_of(connection, invoice.number)
    due = invoice.gross + (cancellation.gross if cancellation is not None else ZERO)
    return due - payments.paid(connection, invoice.id)


def _one(connection: Connection, condition: sa.ColumnElement[bool]) -> Document | None:
    text = connection.execute(sa.select(DOCUMENTS.c.content).where(condition)).scalar_one_or_none()
    return None if text is None else document_of(text)


def _many(connection: Connection, *conditions: sa.ColumnElement[bool]) -> tuple[Document, ...]:
    query = (
        sa.select(DOCUMENTS.c.content)
        .where(*conditions)
        .order_by(DOCUMENTS.c.issued_on, DOCUMENTS.c.issued_at, DOCUMENTS.c.number)
    )
    return tuple(document_of(text) for text in connection.execute(query).scalars())


# -- paper -------------------------------------------------------------------------------------


def keep_paper(connection: Connection, document_id: UUID, content: bytes, at: datetime) -> bytes:
    """Keep the PDF of a document and return the one that counts: the first that was kept."""
    kept = paper(connection, document_id, lock=True)
    if kept is not None:
        return kept
    keep_until = connection.execute(
        sa.select(DOCUMENTS.c.keep_until).where(DOCUMENTS.c.id == document_id)
    ).scalar_one()
    row = {
        "document_id": document_id,
        "made_at": at,
        "sha256": hashlib.sha256(content).hexdigest(),
        "content": content,
        "keep_until": keep_until,
    }
    connection.execute(sa.insert(DOCUMENT_PAPERS), [row])
    return content


def paper(connection: Connection, document_id: UUID, *, lock: bool = False) -> bytes | None:
    """Read the PDF of a document as it was handed out first; None before that."""
    if lock:
        connection.execute(
            sa.select(DOCUMENTS.c.id).where(DOCUMENTS.c.id == document_id).with_for_update()
        )
    content: bytes | None = connection.execute(
        sa.select(DOCUMENT_PAPERS.c.content).where(DOCUMENT_PAPERS.c.document_id == document_id)
    ).scalar_one_or_none()
    return content


# -- keeping and letting go --------------------------------------------------------------------


def gaps(connection: Connection) -> tuple[NumberGap, ...]:
    """Look for numbers that are missing among the documents that are kept.

    What is older than the oldest kept one of its range may have been let go of.
    """
    found: list[NumberGap] = []
    ranges = connection.execute(
        sa.select(NUMBER_RANGES).where(
            NUMBER_RANGES.c.kind.in_([kind.value for kind in DocumentKind])
        )
    ).all()
    for each in ranges:
        kept = set(
            connection.execute(
                sa.select(DOCUMENTS.c.serial).where(
                    DOCUMENTS.c.kind == each.kind, DOCUMENTS.c.year == each.year
                )
            ).scalars()
        )
        if kept:
            found += [
                NumberGap(kind=DocumentKind(each.kind), year=each.year, serial=serial)
                for serial in range(min(kept), each.last + 1)
                if serial not in kept
            ]
    return tuple(found)


def last_kept(connection: Connection, ids: Sequence[UUID]) -> date | None:
    """Return the last day on which any of these documents is kept; None without any."""
    day: date | None = connection.execute(
        sa.select(sa.func.max(DOCUMENTS.c.keep_until)).where(DOCUMENTS.c.id.in_(ids))
    ).scalar_one()
    return day


def let_go(connection: Connection, today: date, issued_before: date) -> tuple[str, ...]:
    """Delete documents that the law no longer wants kept, with their papers and payments.

    Only what is past its own time and was issued before a day (the owner may keep longer than
    was meant at first), from the first number of its range on, and an invoice together with what
    cancels it. Returns their numbers.
    """
    columns = [DOCUMENTS.c[name] for name in ("id", "number", "kind", "year", "serial", "cancels")]
    owed = sa.exists().where(
        PAYMENTS.c.document_id == DOCUMENTS.c.id, PAYMENTS.c.keep_until >= today
    )
    over = sa.and_(DOCUMENTS.c.keep_until < today, DOCUMENTS.c.issued_on < issued_before, ~owed)
    rows = connection.execute(
        sa.select(*columns, over.label("over")).order_by(
            DOCUMENTS.c.kind, DOCUMENTS.c.year, DOCUMENTS.c.serial
        )
    ).all()
    going = _going(rows)
    for row in going:
        for table in (DOCUMENT_PAPERS, PAYMENTS):
            connection.execute(sa.delete(table).where(table.c.document_id == row.id))
        connection.execute(sa.delete(DOCUMENTS).where(DOCUMENTS.c.id == row.id))
    return tuple(sorted(row.number for row in going))


def _going(rows: Sequence[Any]) -> list[Any]:
    """Return which documents go, of all in the order of their ranges and numbers."""
    staying = {row.number for row in rows if not row.over}
    cancelled_by = {row.cancels: row.number for row in rows if row.cancels is not None}
    while True:
        before = len(staying)
        last: Any = None
        for row in rows:
            same_range = last is not None and (last.kind, last.year) == (row.kind, row.year)
            follows_one_that_stays = same_range and last.number in staying
            pair = {row.cancels, cancelled_by.get(row.number)} & staying
            if follows_one_that_stays or pair:
                staying.add(row.number)
            last = row
        if len(staying) == before:
            return [row for row in rows if row.number not in staying]
