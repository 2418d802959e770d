"""The rights of persons, and how long what is kept. Each function is one transaction."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ..audit import Audited, AuditEvent
from ..billing import local_day
from ..customer import anonymised, without_person
from ..errors import NotAllowed
from ..order import OrderState, moved
from ..store import accounts, assignments, audit, customers, documents, jobs, orders, payments
from ..store.document_codec import document_facts
from .counter import checked_reason, find_customer

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from ..customer import Customer
    from ..order import Order
    from ..shop import ShopSettings
    from .counter import Deed, Reference

_OPEN: Final = frozenset({OrderState.DRAFT, OrderState.QUOTED})
"""Nobody owes anything for these."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Erasure:
    """What is left of somebody who was forgotten."""

    number: str
    """Of the customer."""
    documents: tuple[str, ...]
    """Those that still name the person, because the law wants them kept."""
    kept_until: date | None
    """When the last of them may go; None without any."""
    scrubbed: bool = True
    """Whether the journal is empty; where not, it still holds the data until it is next time."""


@dataclass(frozen=True, kw_only=True, slots=True)
class CleanUp:
    """What a clean-up let go of."""

    documents: tuple[str, ...]
    """Numbers."""
    orders: int
    customers: tuple[str, ...]
    """Numbers of those who were forgotten."""


# -- telling -------------------------------------------------------------------------------------


def export_person(connection: Connection, deed: Deed, which: Reference) -> dict[str, Any]:
    """Return everything that is kept about one customer, as JSON can say it."""
    customer = find_customer(connection, which)
    their_orders = orders.of_customer(connection, customer.id)
    papers = documents.of_customer(connection, customer.id)
    job_ids = _jobs_of(connection, customer, their_orders)
    subjects = [
        str(customer.id),
        *(str(order.id) for order in their_orders),
        *(document.number for document in papers),
        *map(str, job_ids),
    ]
    told = {
        "customer": asdict(customer),
        "orders": [asdict(order) for order in their_orders],
        "documents": [
            document_facts(document)
            | {"payments": [asdict(each) for each in payments.of_document(connection, document.id)]}
            for document in papers
        ],
        "jobs": [_job(connection, job_id) for job_id in job_ids],
        "audit": [asdict(event) for event in audit.of_subjects(connection, subjects)],
    }
    _note(connection, deed, Audited.CUSTOMER_EXPORTED, customer, {"number": customer.number})
    plain = _plain(told)
    assert isinstance(plain, dict)
    return plain


def _jobs_of(
    connection: Connection, customer: Customer, their_orders: Iterable[Order]
) -> list[UUID]:
    """Return the jobs that were charged to a customer, or given to them, each once."""
    charged = (
        position.job_id
        for order in their_orders
        for position in order.positions
        if position.job_id is not None
    )
    given = assignments.jobs_of(connection, customer.id)
    return list(dict.fromkeys((*charged, *given)))


def _job(connection: Connection, job_id: UUID) -> dict[str, Any]:
    job = jobs.get(connection, job_id)
    account = accounts.get(connection, job_id)
    return {
        "job": None if job is None else asdict(job),
        "cost": None if account is None else account.cost.total,
        "price": None if account is None else account.price,
        "assignments": [asdict(each) for each in assignments.history(connection, job_id)],
    }


def _plain(value: Any) -> Any:
    """Return a value as JSON can say it; times in ISO 8601, durations in seconds."""
    if isinstance(value, dict):
        return {key: _plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, timedelta):
        return value.total_seconds()
    if value is None or isinstance(value, str | int | float):
        return value
    return str(value)


# -- forgetting ----------------------------------------------------------------------------------


def erase_person(
    connection: Connection, deed: Deed, shop: ShopSettings, which: Reference
) -> Erasure:
    """Forget who a customer was. Amounts stay, and documents for as long as the law wants them.

    Raises NotAllowed: no_customer, reason_missing; customer_erased; order_open while something
    confirmed is not billed.
    """
    customer = find_customer(connection, which)
    if customer.erased:
        raise NotAllowed(f"{customer.number} was erased", key="customer_erased")
    reason = without_person(checked_reason(deed.reason), customer)
    erasure = _forget(connection, deed.at, shop, customer)
    detail = {
        "number": customer.number,
        "documents": list(erasure.documents),
        "kept_until": None if erasure.kept_until is None else erasure.kept_until.isoformat(),
    }
    _note(connection, replace(deed, reason=reason), Audited.CUSTOMER_ERASED, customer, detail)
    return erasure


def _forget(
    connection: Connection, at: datetime, shop: ShopSettings, customer: Customer
) -> Erasure:
    # Orders before the customer, as whoever bills locks them; then those that another site began
    # meanwhile, which from now on has to wait for us.
    orders.of_customer(connection, customer.id, lock=True)
    customers.get(connection, customer.id, lock=True)
    theirs = orders.of_customer(connection, customer.id, lock=True)
    if any(order.state is OrderState.CONFIRMED for order in theirs):
        raise NotAllowed("bill or cancel what they ordered first", key="order_open")
    for order in theirs:
        if order.state in _OPEN:
            orders.change(connection, moved(order, OrderState.CANCELLED, at))
    orders.forget_texts(connection, [order.id for order in theirs])
    customers.change(connection, anonymised(customer, at), at)
    kept = documents.of_customer(connection, customer.id)
    return Erasure(
        number=customer.number,
        documents=tuple(document.number for document in kept),
        kept_until=documents.last_kept(connection, [document.id for document in kept]),
    )


def clean_up(connection: Connection, deed: Deed, shop: ShopSettings) -> CleanUp:
    """Let go of everything whose time is over: documents, then orders, then customers."""
    # The guards in the database count days in UTC; a document waits for the later of both.
    today = min(local_day(deed.at, shop.time_zone), deed.at.astimezone(UTC).date())
    policy = shop.retention
    gone = documents.let_go(connection, today, date(today.year - policy.documents_years, 1, 1))
    quiet = _years_before(deed.at, policy.customers_years)
    orders_gone = orders.delete_before(connection, quiet)
    forgotten: list[str] = []
    for customer in customers.quiet_since(connection, quiet):
        busy = orders.of_customer(connection, customer.id)
        if not busy and not documents.of_customer(connection, customer.id):
            _forget(connection, deed.at, shop, customer)
            forgotten.append(customer.number)
    done = CleanUp(documents=gone, orders=orders_gone, customers=tuple(forgotten))
    if done.documents or done.orders or done.customers:
        audit.append(
            connection,
            AuditEvent(
                what=Audited.CLEANED_UP,
                subject="shop",
                by=deed.by,
                at=deed.at,
                detail={
                    "documents": list(done.documents),
                    "orders": done.orders,
                    "customers": list(done.customers),
                },
            ),
        )
    return done


def _years_before(at: datetime, years: int) -> datetime:
    """Return the same moment some years earlier; of a 29 February the 28th."""
    at = at.astimezone(UTC)
    day = 28 if (at.month, at.day) == (2, 29) else at.day
    return at.replace(year=at.year - years, day=day)


def _note(
    connection: Connection,
    deed: Deed,
    what: Audited,
    customer: Customer,
    detail: Mapping[str, object],
) -> None:
    audit.append(
        connection,
        AuditEvent(
            what=what,
            subject=str(customer.id),
            by=deed.by,
            at=deed.at,
            reason=deed.reason,
            detail=detail,
        ),
    )
