"""Customers, orders and whose jobs are: what is written down at the counter.

Each function is one transaction of the store, with its line in the audit log last.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

from ..assignment import AssignedBy, Assignment
from ..audit import Audited, AuditEvent
from ..billing import local_day
from ..customer import Customer, checked, without_person
from ..errors import NotAllowed
from ..money import CENT, rounded
from ..names import has_tricks
from ..order import Order, OrderState, Position, PositionKind, extended, moved
from ..reckoning import price_of
from ..store import accounts, assignments, audit, customers, jobs, orders
from ..tax import percent_on

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date, datetime
    from decimal import Decimal

    from sqlalchemy import Connection

    from ..shop import Purpose, ShopSettings
    from .settings import Settings

type Reference = UUID | str
"""An id, as it is or as text, or the number that people read."""

LONGEST_REASON: Final = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """Who does something to the books, and when."""

    at: datetime
    by: str | None = None
    """Id of the user; None for an automation."""
    reason: str | None = None


# -- customers -----------------------------------------------------------------------------------


def add_customer(connection: Connection, deed: Deed, data: Mapping[str, Any]) -> Customer:
    """Keep a new customer. Raises NotAllowed for what may not be written."""

    def make(number: str) -> Customer:
        return checked(Customer(id=uuid4(), number=number, created_at=deed.at, **data))

    customer = customers.add(connection, make)
    _note(connection, deed, Audited.CUSTOMER_ADDED, customer.id, {"number": customer.number})
    return customer


def change_customer(
    connection: Connection, deed: Deed, which: Reference, data: Mapping[str, Any]
) -> Customer:
    """Write over some of what is known of a customer; documents keep what they say."""
    before = living_customer(connection, which)
    after = checked(replace(before, **data))
    changed = [
        field.name
        for field in fields(Customer)
        if getattr(before, field.name) != getattr(after, field.name)
    ]
    if changed:
        customers.change(connection, after, deed.at)
        detail = {"number": after.number, "fields": changed}
        _note(connection, deed, Audited.CUSTOMER_CHANGED, after.id, detail)
    return after


def find_customer(connection: Connection, which: Reference, *, lock: bool = False) -> Customer:
    """Return a customer. Raises NotAllowed(key="no_customer")."""
    customer_id = _id(which)
    if customer_id is None:
        named = customers.by_number(connection, str(which))
        customer_id = None if named is None else named.id
    found = None if customer_id is None else customers.get(connection, customer_id, lock=lock)
    if found is None:
        raise NotAllowed("there is no such customer", key="no_customer")
    return found


def living_customer(connection: Connection, which: Reference) -> Customer:
    """Return a customer who was not forgotten. Raises NotAllowed: no_customer, customer_erased."""
    customer = find_customer(connection, which, lock=True)
    if customer.erased:
        raise NotAllowed(f"{customer.number} was erased", key="customer_erased")
    return customer


# -- orders --------------------------------------------------------------------------------------


def create_order(
    connection: Connection,
    deed: Deed,
    shop: ShopSettings,
    customer: Reference,
    positions: Iterable[Position] = (),
    *,
    title: str | None = None,
    delivered_from: date | None = None,
    delivered_until: date | None = None,
) -> Order:
    """Begin an order, with or without positions."""
    if delivered_from and delivered_until and delivered_until < delivered_from:
        raise NotAllowed("it is supplied until before it is supplied", key="bad_period")
    owner = living_customer(connection, customer)
    title = _plain_line(title)

    def make(number: str) -> Order:
        return Order(
            id=uuid4(),
            number=number,
            customer_id=owner.id,
            title=title,
            delivered_from=delivered_from,
            delivered_until=delivered_until,
            created_at=deed.at,
            changed_at=deed.at,
        )

    order = orders.add(connection, make)
    for position in positions:
        order = _extended(connection, deed, shop, order, position)
    orders.change(connection, order)
    _note(connection, deed, Audited.ORDER_CREATED, order.id, _order_detail(order))
    return order


def add_position(
    connection: Connection, deed: Deed, shop: ShopSettings, which: Reference, position: Position
) -> Order:
    """Add a position to an order that may still change."""
    order = _extended(connection, deed, shop, find_order(connection, which, lock=True), position)
    orders.change(connection, order)
    _note(connection, deed, Audited.ORDER_CHANGED, order.id, _order_detail(order))
    return order


def move_order(connection: Connection, deed: Deed, which: Reference, to: OrderState) -> Order:
    """Confirm or cancel an order. Raises NotAllowed: no_order, order_state."""
    order = moved(find_order(connection, which, lock=True), to, deed.at)
    orders.change(connection, order)
    customer = customers.get(connection, order.customer_id)
    deed = replace(deed, reason=without_person(deed.reason, customer))
    _note(connection, deed, Audited.ORDER_CHANGED, order.id, _order_detail(order))
    return order


def find_order(connection: Connection, which: Reference, *, lock: bool = False) -> Order:
    """Return an order. Raises NotAllowed(key="no_order")."""
    order_id = _id(which)
    if order_id is None:
        named = orders.by_number(connection, str(which))
        order_id = None if named is None else named.id
    found = None if order_id is None else orders.get(connection, order_id, lock=lock)
    if found is None:
        raise NotAllowed("there is no such order", key="no_order")
    return found


def _extended(
    connection: Connection, deed: Deed, shop: ShopSettings, order: Order, position: Position
) -> Order:
    if position.kind is PositionKind.JOB:
        position = _of_job(connection, deed, shop, order, position)
    return extended(order, position, deed.at)


def _of_job(
    connection: Connection, deed: Deed, shop: ShopSettings, order: Order, position: Position
) -> Position:
    """Fill in what the ledger knows of a job. It is charged once."""
    # Locked: two sites of one database would both find that nobody charges for it yet.
    job = None if position.job_id is None else jobs.get(connection, position.job_id, lock=True)
    if job is None:
        raise NotAllowed("the ledger has no such job", key="unknown_job")
    here = any(each.job_id == job.id for each in order.positions)
    if here or orders.of_job(connection, job.id):
        raise NotAllowed("an order charges for this job already", key="job_taken")
    price = position.unit_price or _price_of(connection, deed, shop, order, position)
    return replace(position, text=position.text or job.title or "-", unit_price=price)


def _price_of(
    connection: Connection, deed: Deed, shop: ShopSettings, order: Order, position: Position
) -> Decimal:
    """Return what a job is charged at: its price, with the tax inside where prices are so."""
    assert position.job_id is not None
    account = accounts.get(connection, position.job_id)
    if account is None or account.price is None:
        raise NotAllowed("the job has no price: name one", key="price_unknown")
    if not shop.tax.gross_first or shop.tax.small_business:
        return account.price / position.quantity
    day = order.delivered_until or order.delivered_from or local_day(deed.at, shop.time_zone)
    percent = position.tax_percent
    if percent is None:
        percent = percent_on(shop.tax.rates, day)
    return rounded(account.price * (100 + percent) / 100, CENT) / position.quantity


# -- jobs ----------------------------------------------------------------------------------------


def assign_job(
    connection: Connection,
    deed: Deed,
    settings: Settings,
    job_id: UUID,
    purpose: Purpose,
    customer: Reference | None = None,
) -> Assignment:
    """Say whose a job is. Its price comes or goes when it turns from private to business or back.

    Raises NotAllowed: unknown_job, reason_missing, no_customer, customer_erased.
    """
    job = jobs.get(connection, job_id)
    if job is None:
        raise NotAllowed("the ledger has no such job", key="unknown_job")
    owner = None if customer is None else living_customer(connection, customer)
    reason = without_person(checked_reason(deed.reason), owner)
    assignment = Assignment(
        purpose=purpose,
        customer_id=None if owner is None else owner.id,
        assigned_by=AssignedBy.HAND,
        reason=reason,
        by=deed.by,
        at=deed.at,
    )
    account = accounts.get(connection, job_id)
    price = None if account is None else account.price
    if account is not None and account.purpose is not purpose:
        # By the end that a person may have put right: a failure stays one, whoever it is for.
        job = replace(job, outcome=accounts.outcome(connection, job_id) or job.outcome)
        machine = settings.machine(job.printer_id)
        price = price_of(replace(account, purpose=purpose), job, settings.shop, machine)
    assignments.append(connection, job_id, assignment, price)
    detail = {"purpose": purpose.value, "customer": None if owner is None else owner.number}
    _note(connection, replace(deed, reason=reason), Audited.JOB_ASSIGNED, job_id, detail)
    return assignment


# -- words ---------------------------------------------------------------------------------------


def checked_reason(reason: str | None) -> str:
    """Return a reason as it may be kept. Raises NotAllowed: reason_missing, bad_text."""
    if not reason or not reason.strip():
        raise NotAllowed("say why", key="reason_missing")
    text = _plain_line(reason)
    assert text is not None
    return text


def _plain_line(text: str | None) -> str | None:
    if text is None:
        return None
    if len(text) > LONGEST_REASON or has_tricks(text):
        reason = f"a text is one line of at most {LONGEST_REASON} characters"
        raise NotAllowed(reason, key="bad_text")
    return text.strip() or None


def _id(which: Reference) -> UUID | None:
    if isinstance(which, UUID):
        return which
    try:
        return UUID(which)
    except ValueError:
        return None


def _order_detail(order: Order) -> dict[str, object]:
    return {
        "number": order.number,
        "state": order.state.value,
        "positions": len(order.positions),
    }


def _note(
    connection: Connection, deed: Deed, what: Audited, subject: UUID, detail: Mapping[str, object]
) -> None:
    audit.append(
        connection,
        AuditEvent(
            what=what,
            subject=str(subject),
            by=deed.by,
            at=deed.at,
            reason=deed.reason,
            detail=detail,
        ),
    )
