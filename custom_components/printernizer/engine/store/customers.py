"""Customers: the only rows with personal data that change, and that are erased."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..customer import Customer
from . import number_ranges
from .account_tables import JOB_ACCOUNTS
from .office_tables import CUSTOMERS, JOB_ASSIGNMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

_FIELDS: Final = tuple(field.name for field in fields(Customer))
_FOUND_BY: Final = ("number", "name", "contact", "email", "city", "vat_id")


@dataclass(frozen=True, kw_only=True, slots=True)
class CustomerPage:
    """Customers, the newest first."""

    customers: tuple[Customer, ...]
    next: int | None
    """Where the next page begins; None on the last."""


def add(connection: Connection, make: Callable[[str], Customer]) -> Customer:
    """Keep a new customer; `make` is given the number."""
    serial = number_ranges.take(connection, "customer")
    customer = make(f"K{serial:05d}")
    row = _row(customer) | {"serial": serial, "changed_at": customer.created_at}
    connection.execute(sa.insert(CUSTOMERS), [row])
    return customer


def change(connection: Connection, customer: Customer, at: datetime) -> None:
    """Write over what was known of a customer."""
    row = _row(customer) | {"changed_at": at}
    connection.execute(sa.update(CUSTOMERS).where(CUSTOMERS.c.id == customer.id).values(row))


def get(connection: Connection, customer_id: UUID, *, lock: bool = False) -> Customer | None:
    """Read one customer, or None. `lock`: nobody else changes it until we commit."""
    query = sa.select(CUSTOMERS).where(CUSTOMERS.c.id == customer_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().one_or_none()
    return None if row is None else _customer(row)


def by_number(connection: Connection, number: str) -> Customer | None:
    """Read the customer with this number, or None."""
    query = sa.select(CUSTOMERS).where(CUSTOMERS.c.number == number)
    row = connection.execute(query).mappings().one_or_none()
    return None if row is None else _customer(row)


def page(
    connection: Connection,
    *,
    search: str | None = None,
    erased: bool = False,
    after: int | None = None,
    limit: int = 50,
) -> CustomerPage:
    """Read one page, the newest first; `after` is where the page before ended.

    `search`: text that stands in number, name, contact, e-mail, city or VAT id, without regard
    to case. `erased`: also those who were forgotten.
    """
    query = sa.select(CUSTOMERS).order_by(CUSTOMERS.c.serial.desc()).limit(limit + 1)
    if not erased:
        query = query.where(CUSTOMERS.c.anonymised_at.is_(None))
    if after is not None:
        query = query.where(CUSTOMERS.c.serial < after)
    for word in (search or "").casefold().split():
        query = query.where(CUSTOMERS.c.search.contains(word, autoescape=True))
    rows = connection.execute(query).mappings().all()
    more = len(rows) > limit
    return CustomerPage(
        customers=tuple(_customer(row) for row in rows[:limit]),
        next=rows[limit - 1]["serial"] if more else None,
    )


def quiet_since(connection: Connection, moment: datetime) -> tuple[Customer, ...]:
    """Read those who are not forgotten yet and were last changed before a moment.

    Who had something printed since then is not quiet, even without an order.
    """
    printed = sa.exists().where(
        JOB_ACCOUNTS.c.customer_id == CUSTOMERS.c.id, JOB_ACCOUNTS.c.day_at >= moment
    )
    given = sa.exists().where(
        JOB_ASSIGNMENTS.c.customer_id == CUSTOMERS.c.id, JOB_ASSIGNMENTS.c.at >= moment
    )
    query = sa.select(CUSTOMERS).where(
        CUSTOMERS.c.anonymised_at.is_(None), CUSTOMERS.c.changed_at < moment, ~printed, ~given
    )
    return tuple(_customer(row) for row in connection.execute(query).mappings())


def _row(customer: Customer) -> dict[str, Any]:
    row = {name: getattr(customer, name) for name in _FIELDS}
    found_by = "" if customer.erased else "\n".join(filter(None, (row[key] for key in _FOUND_BY)))
    return row | {"search": found_by.casefold()}


def _customer(row: Mapping[Any, Any]) -> Customer:
    return Customer(**{name: row[name] for name in _FIELDS})
