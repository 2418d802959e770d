"""What is exported is read page by page, on every database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

from custom_components.printernizer.engine.account import JobAccount
from custom_components.printernizer.engine.customer import Customer
from custom_components.printernizer.engine.document import (
    Document,
    DocumentKind,
    Party,
    TaxLine,
)
from custom_components.printernizer.engine.job import Job
from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.shop import Company, Purpose
from custom_components.printernizer.engine.store import (
    accounts,
    customers,
    documents,
    exports,
    stock,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.exports import Wanted

from .test_contract import a_story, recorded

EVERYTHING = Wanted()
NOW = datetime(2026, 11, 20, 12, tzinfo=UTC)


async def a_customer(store: Store, name: str = "Erika") -> Customer:
    return await store.run(
        customers.add,
        lambda number: Customer(id=uuid4(), number=number, name=name, created_at=NOW),
    )


async def some_runs(store: Store, count: int, printer_id: str = "P1", **account: Any) -> list[Job]:
    """Keep closed runs with accounts; the last one of the story goes on."""
    story = await recorded(store, a_story(count, printer_id))
    closed = [job for job in story.runs if not job.open]
    for job in closed:
        reckoned = JobAccount(job_id=job.id, at=NOW, currency="EUR", **account)
        await store.run(accounts.record, job, reckoned, settled=True, zone=UTC)
    return closed


async def all_runs(store: Store, wanted: Wanted = EVERYTHING, limit: int = 2) -> list[UUID]:
    found: list[UUID] = []
    after = None
    while True:
        page = await store.run(exports.runs, wanted, after, limit)
        assert len(page.runs) <= limit
        found += [job.id for job, _, _ in page.runs]
        if (after := page.next) is None:
            return found


async def test_pages_of_runs_hold_each_once_in_the_order_of_their_end(store: Store) -> None:
    """A job that is counted twice, or not at all, is found at the audit."""
    first = await some_runs(store, 5, purpose=Purpose.PRIVATE)
    second = await some_runs(store, 4, "P2", customer_id=(await a_customer(store)).id)
    for limit in (1, 2, 3, 4, 9, 50):
        found = await all_runs(store, limit=limit)
        assert sorted(found) == sorted(job.id for job in (*first, *second))
    ends = {job.id: job.ended_at for job in (*first, *second)}
    assert [ends[job_id] for job_id in found] == sorted(ends.values(), key=str)


async def test_runs_are_chosen_by_period_printer_customer_and_purpose(store: Store) -> None:
    """A month ends at midnight, and the job that ends then belongs to the next."""
    customer = await a_customer(store)
    first = await some_runs(store, 3, purpose=Purpose.PRIVATE)
    second = await some_runs(store, 3, "P2", customer_id=customer.id)
    end = first[1].ended_at
    assert end is not None
    assert await all_runs(store, Wanted(printer_id="P1")) == [job.id for job in first]
    assert await all_runs(store, Wanted(purpose=Purpose.PRIVATE)) == [job.id for job in first]
    assert await all_runs(store, Wanted(customer_id=customer.id)) == [job.id for job in second]
    assert await all_runs(store, Wanted(printer_id="P1", since=end)) == [
        job.id for job in first[1:]
    ]
    assert await all_runs(store, Wanted(printer_id="P1", until=end)) == [first[0].id]
    page = await store.run(exports.runs, Wanted(customer_id=customer.id), None, 50)
    assert {found and found.name for _, _, found in page.runs} == {"Erika"}
    assert all(account.job_id == job.id for job, account, _ in page.runs)


async def test_movements_are_read_on_after_a_number(store: Store) -> None:
    """The stock book is the inventory of the balance sheet."""
    material = Material(id=uuid4(), kind="PLA")
    await store.run(stock.add_material, material, NOW)
    spool = await store.run(
        stock.add_spool,
        Spool(id=uuid4(), material_id=material.id, number=0, net_g=Decimal(1000)),
        NOW,
    )
    for day in range(1, 6):
        at = NOW + timedelta(days=day)
        await store.run(stock.adjust, spool.id, Decimal(-day), at, reason=f"{day}")
    found: list[int] = []
    after = 0
    while page := await store.run(exports.movements, Wanted(), after, 2):
        found += [movement.id for movement in page]
        after = page[-1].id
    assert found == sorted(set(found))
    assert len(found) == 6
    some = await store.run(
        exports.movements,
        Wanted(since=NOW + timedelta(days=2), until=NOW + timedelta(days=4)),
        0,
        50,
    )
    assert [movement.reason for movement in some] == ["2", "3"]


def a_draft(day: date, kind: DocumentKind, customer_id: UUID | None = None) -> Document:
    tax = TaxLine(percent=Decimal(19), net=Decimal(100), tax=Decimal(19), gross=Decimal(119))
    return Document(
        id=uuid4(),
        kind=kind,
        number="",
        issued_on=day,
        issued_at=NOW,
        seller=Company(name="Druck"),
        buyer=Party(name="Erika"),
        lines=(),
        taxes=(tax,),
        net=tax.net,
        tax=tax.tax,
        gross=tax.gross,
        customer_id=customer_id,
    )


async def test_documents_are_invoices_and_what_cancels_them(store: Store) -> None:
    """A quote is no revenue."""
    customer = await a_customer(store)
    days = [date(2026, 10, day) for day in (1, 1, 2, 31)] + [date(2026, 11, 1)]
    for day in days:
        draft = a_draft(day, DocumentKind.INVOICE, customer.id if day.day == 2 else None)
        await store.run(documents.issue, draft, "RE{year}-{number:04d}", date(2036, 12, 31))
    quote = a_draft(days[0], DocumentKind.QUOTE)
    await store.run(documents.issue, quote, "AN{year}-{number:04d}", date(2036, 12, 31))
    found: list[str] = []
    after = None
    while page := await store.run(
        exports.documents, date(2026, 10, 1), date(2026, 10, 31), None, after, 2
    ):
        found += [document.number for document in page]
        after = (page[-1].issued_on, page[-1].number)
    assert found == ["RE2026-0001", "RE2026-0002", "RE2026-0003", "RE2026-0004"]
    theirs = await store.run(exports.documents, None, None, customer.id, None, 50)
    assert [document.number for document in theirs] == ["RE2026-0003"]


async def test_customers_come_by_number(store: Store) -> None:
    """As the accountant's list has them."""
    made = [await a_customer(store, name) for name in ("Zoe", "Anna")]
    assert await store.run(exports.customers, None) == tuple(made)
    assert await store.run(exports.customers, made[1].id) == (made[1],)
