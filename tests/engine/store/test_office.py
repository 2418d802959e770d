"""Customers, orders, documents, payments and the audit log, on every database."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.printernizer.engine.assignment import AssignedBy, Assignment
from custom_components.printernizer.engine.audit import AuditEvent
from custom_components.printernizer.engine.customer import Customer, anonymised
from custom_components.printernizer.engine.document import (
    Document,
    DocumentKind,
    DocumentLine,
    Party,
    TaxLine,
)
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.order import Order, OrderState, Position, PositionKind
from custom_components.printernizer.engine.payment import Payment
from custom_components.printernizer.engine.shop import Company, Purpose, ShopSettings
from custom_components.printernizer.engine.store import (
    assignments,
    audit,
    customers,
    database,
    documents,
    evidence,
    number_ranges,
    orders,
    payments,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.document_codec import document_of, document_text
from custom_components.printernizer.engine.store.office_tables import DOCUMENT_PAPERS
from custom_components.printernizer.engine.workshop import counter
from custom_components.printernizer.engine.workshop.counter import Deed
from custom_components.printernizer.engine.workshop.office import Office
from custom_components.printernizer.engine.workshop.paperwork import Issued
from custom_components.printernizer.engine.workshop.settings import Settings
from tests.hand_clock import HandClock

from .test_contract import a_story, recorded

AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
TODAY = AT.date()
LONG_AGO = date(2001, 3, 4)
PATTERN = "RE{year}-{number:04d}"
KEPT = date(2999, 12, 31)
OVER = date(2011, 12, 31)
PACKAGE = Path(__file__).parents[3] / "custom_components/printernizer"


def a_customer(name: str = "Erika Mustermann", **values: object) -> Customer:
    return Customer(id=uuid4(), number="", name=name, created_at=AT, **values)  # type: ignore[arg-type]


async def added(store: Store, customer: Customer) -> Customer:
    return await store.run(customers.add, lambda number: replace(customer, number=number))


def a_draft(
    kind: DocumentKind = DocumentKind.INVOICE,
    *,
    on: date = TODAY,
    cancels: str | None = None,
    customer_id: UUID | None = None,
) -> Document:
    amount = Decimal("-11.90") if cancels else Decimal("11.90")
    net, tax = amount / Decimal("1.19"), amount - amount / Decimal("1.19")
    return Document(
        id=uuid4(),
        kind=kind,
        number="",
        issued_on=on,
        issued_at=AT,
        seller=Company(name="Druck & Co", street="Weg 1", postcode="1", city="Ort", vat_id="DE1"),
        buyer=Party(name="Erika Mustermann", number="K00001"),
        lines=(
            DocumentLine(
                number=1,
                text="Würfel",
                quantity=Decimal(1),
                unit="piece",
                unit_price=net,
                amount=net,
                tax_percent=Decimal(19),
            ),
        ),
        taxes=(TaxLine(percent=Decimal(19), net=net, tax=tax, gross=amount),),
        net=net,
        tax=tax,
        gross=amount,
        due_on=on + timedelta(days=14),
        delivered_from=on,
        order_id=uuid4(),
        customer_id=customer_id,
        cancels=cancels,
    )


async def issued(store: Store, draft: Document, until: date = KEPT) -> Document:
    return await store.run(documents.issue, draft, PATTERN, until)


# -- customers and orders ------------------------------------------------------------------------


async def test_customers_are_numbered_kept_changed_and_found(store: Store) -> None:
    erika = await added(store, a_customer(city="Köln", business=True, vat_id="DE136695976"))
    max_ = await added(store, a_customer("MAX ÖTTINGER", email="max_1@example.org"))
    assert (erika.number, max_.number) == ("K00001", "K00002")
    assert await store.run(customers.get, erika.id) == erika
    assert await store.run(customers.by_number, "K00002") == max_
    assert await store.run(customers.get, uuid4()) is None
    assert await store.run(customers.by_number, "K9") is None
    moved = replace(erika, city="Essen")
    await store.run(customers.change, moved, AT)
    assert await store.run(customers.get, erika.id, lock=True) == moved

    async def found(search: str) -> list[str]:
        page = await store.run(customers.page, search=search)
        return [customer.number for customer in page.customers]

    assert await found("öttinger") == ["K00002"], "case of letters beyond ASCII"
    assert await found("max_1") == ["K00002"], "an underscore is no wildcard"
    assert await found("axx1") == []
    assert await found("muster ESSEN") == ["K00001"]
    assert await found("köln") == []
    assert await found("de13") == ["K00001"]
    assert await found("%") == []


async def test_pages_of_customers_follow_each_other_and_hide_the_forgotten(store: Store) -> None:
    everyone = [await added(store, a_customer(f"Kunde {number}")) for number in range(5)]
    await store.run(customers.change, anonymised(everyone[1], AT), AT)
    first = await store.run(customers.page, limit=2)
    second = await store.run(customers.page, limit=2, after=first.next)
    assert [each.number for each in (*first.customers, *second.customers)] == [
        "K00005",
        "K00004",
        "K00003",
        "K00001",
    ]
    assert second.next is None
    assert len((await store.run(customers.page, erased=True)).customers) == 5
    quiet = await store.run(customers.quiet_since, AT + timedelta(1))
    assert everyone[1].id not in {each.id for each in quiet}
    assert await store.run(customers.quiet_since, AT) == ()


def an_order(customer: Customer, **values: object) -> Order:
    order = Order(id=uuid4(), number="", customer_id=customer.id, created_at=AT, changed_at=AT)
    return replace(order, **values)  # type: ignore[arg-type]


def a_position(number: int = 1, **values: object) -> Position:
    position = Position(
        number=number,
        kind=PositionKind.FILE,
        text="Vase",
        quantity=Decimal("2.5"),
        unit="h",
        unit_price=Decimal("0.333333"),
        tax_percent=Decimal(7),
        detail="rot",
        path="/vase.3mf",
    )
    return replace(position, **values)  # type: ignore[arg-type]


async def ordered(store: Store, order: Order) -> Order:
    return await store.run(orders.add, lambda number: replace(order, number=number))


async def test_orders_are_read_back_exactly(store: Store) -> None:
    erika = await added(store, a_customer())
    one = await ordered(
        store, an_order(erika, title="Vasen", positions=(a_position(),), delivered_from=LONG_AGO)
    )
    two = await ordered(store, an_order(erika))
    assert (one.number, two.number) == ("A00001", "A00002")
    assert await store.run(orders.get, one.id) == one
    assert await store.run(orders.by_number, "A00002") == two
    assert await store.run(orders.get, uuid4()) is None
    assert await store.run(orders.by_number, "A9") is None
    grown = replace(
        one, positions=(*one.positions, a_position(2, tax_percent=None)), state=OrderState.QUOTED
    )
    await store.run(orders.change, grown)
    assert await store.run(orders.get, one.id, lock=True) == grown
    assert await store.run(orders.of_customer, erika.id) == (grown, two)
    assert await store.run(orders.of_customer, uuid4(), lock=True) == ()


async def test_pages_of_orders_are_filtered(store: Store) -> None:
    erika, max_ = await added(store, a_customer()), await added(store, a_customer("Max"))
    for number in range(3):
        await ordered(store, an_order(erika if number else max_))
    await ordered(store, an_order(erika, state=OrderState.CANCELLED))
    first = await store.run(orders.page, limit=3)
    rest = await store.run(orders.page, limit=3, after=first.next)
    assert [each.number for each in (*first.orders, *rest.orders)] == [
        "A00004",
        "A00003",
        "A00002",
        "A00001",
    ]
    draft = await store.run(orders.page, state=OrderState.DRAFT, customer_id=erika.id)
    assert [each.number for each in draft.orders] == ["A00003", "A00002"]


async def test_a_job_is_found_in_the_order_that_charges_for_it(store: Store) -> None:
    """Otherwise a print is billed twice."""
    erika, job_id = await added(store, a_customer()), uuid4()
    order = await ordered(store, an_order(erika, positions=(a_position(job_id=job_id),)))
    assert await store.run(orders.of_job, job_id) == (order,)
    await store.run(orders.change, replace(order, state=OrderState.CANCELLED))
    assert await store.run(orders.of_job, job_id) == ()


# -- documents -----------------------------------------------------------------------------------


async def test_a_document_is_read_back_exactly(store: Store) -> None:
    erika = await added(store, a_customer())
    invoice = await issued(store, a_draft(customer_id=erika.id))
    quote = await store.run(documents.issue, a_draft(DocumentKind.QUOTE), "AN{number}", KEPT)
    assert (invoice.number, quote.number) == ("RE2026-0001", "AN1")
    assert await store.run(documents.get, "RE2026-0001") == invoice
    assert await store.run(documents.lock, "RE2026-0001") == invoice
    assert await store.run(documents.lock, "RE9") is None
    assert await store.run(documents.of_customer, erika.id) == (invoice,)
    assert await store.run(documents.of_order, quote.order_id) == (quote,)
    day = AT.date()
    assert len(await store.run(documents.of_period, day, day)) == 2
    assert await store.run(documents.of_period, day, day, DocumentKind.QUOTE) == (quote,)
    assert await store.run(documents.of_period, LONG_AGO, LONG_AGO) == ()
    assert await store.run(documents.turnover, day, day) == pytest.approx(Decimal(10))
    assert await store.run(documents.turnover, LONG_AGO, LONG_AGO) == 0


def test_a_document_of_a_later_version_can_still_be_read() -> None:
    """Two sites on one database are not updated in the same second."""
    document = replace(a_draft(), number="RE1")
    text = document_text(document).replace('"buyer":{', '"new":1,"buyer":{"newer":2,')
    assert document_of(text) == document


async def test_numbers_begin_anew_each_year_where_the_pattern_names_it(store: Store) -> None:
    assert (await issued(store, a_draft(on=date(2025, 12, 31)))).number == "RE2025-0001"
    assert (await issued(store, a_draft(on=date(2026, 1, 1)))).number == "RE2026-0001"
    plain = "R{number:03d}"
    for year, number in ((2025, "R001"), (2026, "R002")):
        document = await store.run(documents.issue, a_draft(on=date(year, 5, 5)), plain, KEPT)
        assert document.number == number


async def test_a_new_pattern_does_not_repeat_a_number(store: Store) -> None:
    """An invoice number names one invoice."""
    await store.run(documents.issue, a_draft(DocumentKind.QUOTE), PATTERN, KEPT)
    with pytest.raises(NotAllowed) as refusal:
        await issued(store, a_draft())
    assert refusal.value.key == "number_taken"
    good = await store.run(documents.issue, a_draft(), "X{year}-{number}", KEPT)
    assert good.number == "X2026-1", "what was refused took no number"


async def test_an_invoice_is_cancelled_once(store: Store) -> None:
    invoice = await issued(store, a_draft())
    back = a_draft(DocumentKind.CANCELLATION, cancels=invoice.number)
    done = await store.run(documents.issue, back, "ST{number}", KEPT)
    assert await store.run(documents.cancellation_of, invoice.number) == done
    with pytest.raises(NotAllowed) as refusal:
        await store.run(documents.issue, replace(back, id=uuid4()), "ST{number}", KEPT)
    assert refusal.value.key == "already_cancelled"
    assert await store.run(documents.gaps) == ()
    assert await store.run(documents.open_amount, invoice) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE documents SET gross = 0",
        "UPDATE documents SET keep_until = '2000-01-01'",
        "DELETE FROM documents",
        "UPDATE document_papers SET sha256 = ''",
        "DELETE FROM document_papers",
        "UPDATE payments SET amount = 0",
        "DELETE FROM payments",
        "UPDATE job_assignments SET purpose = 'private'",
        "DELETE FROM job_assignments",
        "UPDATE audit_events SET reason = 'because'",
        "DELETE FROM audit_events",
    ],
)
async def test_the_books_refuse_to_be_rewritten(store: Store, statement: str) -> None:
    """Whoever may edit an invoice may also edit what was earned."""
    await filled(store)
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(statement))


@pytest.mark.parametrize(
    "table", ["documents", "document_papers", "payments", "job_assignments", "audit_events"]
)
async def test_the_books_are_not_emptied_or_replaced(store: Store, url: str, table: str) -> None:
    await filled(store)
    word = f"TRUNCATE {table} CASCADE"
    if url.startswith("sqlite"):
        word = f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}"
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(word))


async def filled(store: Store) -> Document:
    """Put something into every book."""
    invoice = await issued(store, a_draft())
    await store.run(documents.keep_paper, invoice.id, b"%PDF", AT)
    await store.run(payments.add, a_payment(invoice), KEPT)
    story = await recorded(store, a_story(1))
    said = Assignment(
        purpose=Purpose.BUSINESS, assigned_by=AssignedBy.HAND, reason="why", by="me", at=AT
    )
    await store.run(assignments.append, story.runs[0].id, said)
    paper = {"sha256": hashlib.sha256(b"%PDF").hexdigest()}
    money = {"amount": "5.00", "on": AT.date().isoformat()}
    await store.run(
        audit.append,
        an_event(invoice),
        an_event(invoice, what="paper_kept", detail=paper),
        an_event(invoice, what="payment_recorded", detail=money),
    )
    return invoice


def a_payment(invoice: Document, amount: str = "5.00") -> Payment:
    return Payment(
        id=uuid4(),
        document_id=invoice.id,
        paid_on=AT.date(),
        amount=Decimal(amount),
        reference="bank",
        by="me",
        at=AT,
    )


def an_event(invoice: Document, **values: object) -> AuditEvent:
    event = AuditEvent(
        what="document_issued",
        subject=invoice.number,
        by="me",
        at=AT,
        reason="so",
        detail={"sha256": documents.fingerprint(invoice)},
    )
    return replace(event, **values)  # type: ignore[arg-type]


async def test_payments_add_up_in_parts_and_refunds(store: Store) -> None:
    invoice = await issued(store, a_draft())
    for amount in ("5.00", "8.90", "-2.00"):
        await store.run(payments.add, a_payment(invoice, amount), KEPT)
    assert await store.run(payments.paid, invoice.id) == Decimal("11.90")
    assert await store.run(documents.open_amount, invoice) == 0
    entries = await store.run(payments.of_document, invoice.id)
    assert sorted(each.amount for each in entries) == [Decimal(-2), Decimal(5), Decimal("8.9")]
    assert len(await store.run(payments.of_period, AT.date(), AT.date())) == 3
    assert await store.run(payments.of_period, LONG_AGO, LONG_AGO) == ()


async def test_the_paper_that_was_handed_out_first_stays(store: Store) -> None:
    """The customer's copy and ours are the same bytes."""
    invoice = await issued(store, a_draft())
    assert await store.run(documents.paper, invoice.id) is None
    assert await store.run(documents.keep_paper, invoice.id, b"%PDF one", AT) == b"%PDF one"
    assert await store.run(documents.keep_paper, invoice.id, b"%PDF two", AT) == b"%PDF one"
    assert await store.run(documents.paper, invoice.id) == b"%PDF one"


async def test_what_is_said_of_a_job_last_counts(store: Store) -> None:
    story = await recorded(store, a_story(1))
    job_id, other = story.runs[0].id, uuid4()
    assert await store.run(assignments.of, job_id) is None
    first = Assignment(
        purpose=Purpose.PRIVATE, assigned_by=AssignedBy.HAND, reason="mine", by="me", at=AT
    )
    second = replace(first, purpose=Purpose.BUSINESS, customer_id=other, reason="not mine")
    await store.run(assignments.append, job_id, first)
    await store.run(assignments.append, job_id, second)
    assert await store.run(assignments.of, job_id) == second
    assert await store.run(assignments.history, job_id) == (first, second)
    assert await store.run(assignments.jobs_of, other) == (job_id,)


# -- numbers without gaps ------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.sampled_from(list(DocumentKind)), st.integers(2025, 2026), st.booleans()),
        max_size=25,
    )
)
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)
def test_whatever_fails_in_between_no_number_is_lost(
    tmp_path: Path, steps: list[tuple[DocumentKind, int, bool]]
) -> None:
    """A tax office asks for the invoice between two."""

    async def run() -> None:
        path = tmp_path / f"{uuid4()}.db"
        async with Store(f"sqlite:///{path}") as store:
            expected: dict[tuple[DocumentKind, int], int] = {}
            for kind, year, fails in steps:
                pattern = kind.value[0] + "{year}-{number}"
                draft = a_draft(kind, on=date(year, 6, 1))
                try:
                    document = await store.run(_issue_and_fail, draft, pattern, fails=fails)
                except LookupError:
                    continue
                expected[kind, year] = expected.get((kind, year), 0) + 1
                assert document.number == f"{kind.value[0]}{year}-{expected[kind, year]}"
            assert await store.run(documents.gaps) == ()
        path.unlink()

    asyncio.run(run())


def _issue_and_fail(
    connection: sa.Connection, draft: Document, pattern: str, *, fails: bool
) -> Document:
    document = documents.issue(connection, draft, pattern, KEPT)
    if fails:
        raise LookupError("after the number, before the end")
    return document


async def test_two_sites_take_numbers_in_turn(url: str) -> None:
    """Both on one database, at the same time, some of them failing."""

    async def issue(store: Store, number: int) -> str | None:
        try:
            done = await store.run(_issue_and_fail, a_draft(), PATTERN, fails=number % 3 == 0)
        except LookupError:
            return None
        return done.number

    async with Store(url) as one, Store(url) as two:
        found = await asyncio.gather(*(issue((one, two)[n % 2], n) for n in range(18)))
        given_out = sorted(number for number in found if number is not None)
        assert given_out == [f"RE2026-{number:04d}" for number in range(1, 13)]
        assert await two.run(documents.gaps) == ()


KILLED = """
import os, sys
sys.path.insert(0, {parent!r})
import types
package = types.ModuleType("printernizer"); package.__path__ = [{package!r}]
sys.modules["printernizer"] = package
import asyncio
from printernizer.engine.store.database import Store
from printernizer.engine.store import number_ranges

def take_and_die(connection):
    assert number_ranges.take(connection, "invoice", 2026) == 2
    print("taken", flush=True)
    os._exit(9)

async def main():
    async with Store({url!r}) as store:
        await store.run(take_and_die)

asyncio.run(main())
"""


async def test_a_process_killed_after_the_number_leaves_no_gap(url: str) -> None:
    """Power goes when it likes."""
    async with Store(url) as store:
        await issued(store, a_draft())
    code = KILLED.format(parent=str(PACKAGE.parent), package=str(PACKAGE), url=url)
    killed = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], capture_output=True, timeout=60, check=False
    )
    assert killed.stdout.strip() == b"taken", killed.stderr.decode()
    async with Store(url) as store:
        assert (await issued(store, a_draft())).number == "RE2026-0002"
        assert await store.run(documents.gaps) == ()


async def test_a_missing_number_is_found(store: Store) -> None:
    await issued(store, a_draft())
    await store.run(number_ranges.take, "invoice", 2026)
    await issued(store, a_draft())
    (gap,) = await store.run(documents.gaps)
    assert (gap.kind, gap.year, gap.serial) == (DocumentKind.INVOICE, 2026, 2)


# -- the audit log -------------------------------------------------------------------------------


async def test_the_audit_log_is_read_back_and_chained(store: Store) -> None:
    invoice = await issued(store, a_draft())
    events = [an_event(invoice), an_event(invoice, subject="other", by=None, reason=None)]
    await store.run(audit.append, *events)
    await store.run(audit.append)
    assert await store.run(audit.of_subjects, [invoice.number, "nobody"]) == (events[0],)
    assert await store.run(audit.latest, 1) == (events[1],)
    report = await store.run(audit.verify_chain)
    assert (report.intact, report.length) == (True, 2)


@pytest.mark.parametrize(
    ("statement", "broken_at", "reason"),
    [
        ("UPDATE audit_events SET reason = 'no' WHERE id = 2", 2, "changed"),
        ("UPDATE audit_events SET detail = '{}' WHERE id = 1", 1, "changed"),
        ("UPDATE audit_events SET subject = 'x' WHERE id = 3", 3, "changed"),
        ("DELETE FROM audit_events WHERE id = 2", 2, "missing"),
        ("DELETE FROM audit_events WHERE id > 1", 2, "cut off"),
    ],
)
async def test_a_hand_in_the_audit_log_is_found(
    store: Store, statement: str, broken_at: int, reason: str
) -> None:
    invoice = await issued(store, a_draft())
    await store.run(audit.append, *(an_event(invoice) for _ in range(3)))
    await store.run(_unguarded, "audit_events", statement)
    report = await store.run(audit.verify_chain)
    assert (report.broken_at, report.reason) == (broken_at, reason)


def _unguarded(connection: sa.Connection, table: str, statement: str) -> None:
    """Do what somebody with the file in hand can do."""
    if connection.dialect.name == "sqlite":
        for trigger in ("update", "delete", "replace"):
            connection.exec_driver_sql(f"DROP TRIGGER {table}_no_{trigger}")
    else:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER ALL")
    connection.exec_driver_sql(statement)


@pytest.mark.parametrize(
    ("table", "statement"),
    [
        ("documents", "UPDATE documents SET content = replace(content, '11.90', '1.90')"),
        ("documents", "UPDATE documents SET net = 1"),
        ("documents", "UPDATE documents SET issued_on = '2025-12-31'"),
        ("document_papers", "UPDATE document_papers SET sha256 = 'x'"),
        ("payments", "UPDATE payments SET amount = 1"),
        ("payments", "UPDATE payments SET paid_on = '2025-12-31'"),
        ("payments", "DELETE FROM payments"),
    ],
)
async def test_a_forged_document_is_found(store: Store, table: str, statement: str) -> None:
    """The audit log knows what was issued and paid; sums are made of columns beside it."""
    invoice = await filled(store)
    assert await store.run(evidence.forged) == (1, ())
    await store.run(_unguarded, table, statement)
    assert await store.run(evidence.forged) == (1, (invoice.number,))


async def test_another_paper_with_its_own_fingerprint_is_found(store: Store) -> None:
    """Who can write the paper can write the number beside it, but not the log."""
    invoice = await filled(store)

    def swap(connection: sa.Connection) -> None:
        _unguarded(connection, "document_papers", "SELECT 1")
        forgery = {"content": b"%PDF other", "sha256": hashlib.sha256(b"%PDF other").hexdigest()}
        connection.execute(sa.update(DOCUMENT_PAPERS).values(forgery))

    await store.run(swap)
    assert await store.run(evidence.forged) == (1, (invoice.number,))


async def test_documents_that_are_gone_before_their_time_are_missed(store: Store) -> None:
    """Burning all invoices of a year, and their range with them, leaves no gap to see."""
    invoice = await filled(store)

    def burn(connection: sa.Connection) -> None:
        for table in ("payments", "document_papers", "documents"):
            _unguarded(connection, table, f"DELETE FROM {table}")
        connection.exec_driver_sql("DELETE FROM number_ranges")

    await store.run(burn)
    assert await store.run(documents.gaps) == ()
    assert await store.run(evidence.forged) == (0, (invoice.number,))


# -- letting go ----------------------------------------------------------------------------------


async def let_go(store: Store, today: date = date(2020, 1, 1)) -> tuple[str, ...]:
    return await store.run(documents.let_go, today, date(2010, 1, 1))


async def test_documents_go_when_their_time_is_over(store: Store) -> None:
    old = await issued(store, a_draft(on=LONG_AGO), OVER)
    await store.run(documents.keep_paper, old.id, b"%PDF", AT)
    await store.run(payments.add, a_payment(old), OVER)
    new = await issued(store, a_draft())
    assert await store.run(documents.last_kept, [old.id, new.id]) == KEPT
    assert await let_go(store) == ("RE2001-0001",)
    assert await store.run(documents.get, "RE2001-0001") is None
    assert await store.run(documents.paper, old.id) is None
    assert await store.run(documents.get, new.number) == new
    assert await let_go(store) == ()
    assert await store.run(documents.gaps) == ()
    assert await store.run(documents.last_kept, []) is None


async def test_an_invoice_waits_for_a_late_payment_and_those_after_it_too(store: Store) -> None:
    """Gone from the middle, a number would look like a gap."""
    await issued(store, a_draft(on=LONG_AGO), OVER)
    late = await issued(store, a_draft(on=LONG_AGO), OVER)
    await issued(store, a_draft(on=LONG_AGO), OVER)
    await store.run(payments.add, a_payment(late), KEPT)
    assert await let_go(store) == ("RE2001-0001",)
    assert await store.run(documents.gaps) == ()


async def test_an_invoice_and_its_cancellation_go_together(store: Store) -> None:
    """Alone, the one that stays would tell of money that never was."""
    kept = await issued(store, a_draft(on=LONG_AGO), OVER)
    back = a_draft(DocumentKind.CANCELLATION, on=LONG_AGO, cancels=kept.number)
    await store.run(documents.issue, back, "ST{year}-{number}", KEPT)
    gone = await store.run(documents.issue, a_draft(on=LONG_AGO), "B{number}", OVER)
    back = a_draft(DocumentKind.CANCELLATION, on=LONG_AGO, cancels=gone.number)
    await store.run(documents.issue, back, "SB{number}", OVER)
    assert set(await let_go(store)) == {"B1", "SB1"}


async def test_an_owner_who_keeps_longer_is_heard(store: Store) -> None:
    await issued(store, a_draft(on=LONG_AGO), OVER)
    assert await store.run(documents.let_go, date(2020, 1, 1), date(2001, 1, 1)) == ()


async def test_the_database_itself_keeps_what_the_law_wants(store: Store) -> None:
    """A wrong clock, or a bug, must not burn the books."""
    await issued(store, a_draft(), date.today() + timedelta(days=400))
    with pytest.raises(StoreError, match="append-only"):
        await store.run(documents.let_go, date(2900, 1, 1), date(2900, 1, 1))


async def test_orders_go_when_nothing_speaks_of_them(store: Store) -> None:
    erika, later = await added(store, a_customer()), AT + timedelta(days=1)
    gone = await ordered(store, an_order(erika, positions=(a_position(),)))
    owed = await ordered(store, an_order(erika, state=OrderState.CONFIRMED))
    billed = await ordered(store, an_order(erika, state=OrderState.INVOICED))
    await issued(store, replace(a_draft(), order_id=billed.id))
    fresh = await ordered(store, an_order(erika, changed_at=later))
    assert await store.run(orders.delete_before, later) == 1
    left = {order.id for order in await store.run(orders.of_customer, erika.id)}
    assert left == {owed.id, billed.id, fresh.id}
    assert gone.id not in left


async def test_the_words_of_an_order_are_forgotten_and_its_amounts_stay(store: Store) -> None:
    erika = await added(store, a_customer())
    order = await ordered(store, an_order(erika, title="Erika", positions=(a_position(),)))
    await store.run(orders.forget_texts, [order.id])
    after = await store.run(orders.get, order.id)
    assert after is not None
    (position,) = after.positions
    assert (after.title, position.text, position.detail, position.path) == (None, "-", None, None)
    assert (position.quantity, position.unit_price) == (Decimal("2.5"), Decimal("0.333333"))


async def test_what_was_written_over_is_not_in_the_file(tmp_path: Path) -> None:
    """Whoever finds the disk finds no name. Names of many lengths, through many pages."""
    path = tmp_path / "ledger.db"
    async with Store(f"sqlite:///{path}") as store:
        everyone = [
            await added(store, a_customer(f"Geheim{number:03d}" + "x" * (number * 7 % 150)))
            for number in range(80)
        ]
        reader = sqlite3.connect(path)
        assert reader.execute("SELECT count(*) FROM customers").fetchone() == (80,)
        reader.close()
        assert b"Geheim" in path.read_bytes() + path.with_name("ledger.db-wal").read_bytes()
        for customer in everyone:
            await store.run(customers.change, anonymised(customer, AT), AT)
        assert await store.scrub()
        for file in tmp_path.iterdir():
            content = file.read_bytes()
            assert b"Geheim" not in content, file.name
            assert b"geheim" not in content, file.name
    with pytest.raises(StoreError, match="closed"):
        await store.scrub()


async def test_a_journal_that_somebody_reads_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A backup tool may hold the file open; then the erased data is still in the journal."""
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.01)
    path = tmp_path / "ledger.db"
    async with Store(f"sqlite:///{path}") as store:
        await added(store, a_customer())
        reader = sqlite3.connect(path, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM customers").fetchone()
        await added(store, a_customer())
        assert not await store.scrub()
        reader.close()
        assert await store.scrub()


# -- the whole office ----------------------------------------------------------------------------

SHOP = ShopSettings(
    company=Company(name="Druck", street="Weg 1", postcode="1", city="Ort", vat_id="DE136695976")
)
VASE = Position(number=0, kind=PositionKind.PIECE, text="Vase", unit_price=Decimal(100))


def an_office(store: Store) -> Office:
    return Office(store, Settings(SHOP), HandClock(AT), draw=lambda _: b"%PDF")


async def test_the_way_of_an_order_is_the_same_on_every_database(store: Store) -> None:
    office = an_office(store)
    job_id = (await recorded(store, a_story(1))).runs[0].id
    await office.add_customer(name="Erika")
    order = await office.create_order("K00001", [VASE])
    await office.quote(order.id)
    await office.add_position(order.number, replace(VASE, kind=PositionKind.JOB, job_id=job_id))
    invoice = (await office.invoice(order.id)).document
    await office.pay(invoice.number, Decimal(38))
    await office.cancel_invoice(invoice.number, "Erika does not want it")
    assert (await office.standing(invoice.number)).open == -38
    assert await office.paper(invoice.number) == b"%PDF"
    await office.assign(job_id, Purpose.BUSINESS, "K00001", reason="hers")
    told = await office.export_person("K00001")
    assert len(told["documents"]) == 3
    await office.move_order(order.id, OrderState.CANCELLED)
    erasure = await office.erase_person("K00001", "asked")
    assert (len(erasure.documents), erasure.kept_until) == (3, date(2036, 12, 31))
    done = await office.clean_up()
    assert (done.documents, done.orders, done.customers) == ((), 0, ())
    proof = await office.verify()
    assert (proof.intact, proof.documents, proof.chains["audit"].length) == (True, 3, 12)


async def test_two_sites_bill_one_order_once(url: str) -> None:
    """Both press the button at the same moment."""
    async with Store(url) as one, Store(url) as two:
        offices = [an_office(one), an_office(two)]
        await offices[0].add_customer(name="Erika", street="a", postcode="b", city="c")
        order = await offices[0].create_order("K00001", [VASE])
        found = await asyncio.gather(
            *(offices[number % 2].invoice(order.id) for number in range(4)), return_exceptions=True
        )
        refusals = [each.key for each in found if isinstance(each, NotAllowed)]
        assert refusals == ["order_state"] * 3
        invoice = next(each.document for each in found if isinstance(each, Issued))
        found = await asyncio.gather(
            *(office.cancel_invoice(invoice.number, "wrong") for office in offices),
            return_exceptions=True,
        )
        refusals = [each.key for each in found if isinstance(each, NotAllowed)]
        assert refusals == ["already_cancelled"]
        assert (await offices[1].verify()).intact


async def test_two_sites_charge_for_a_job_once(url: str) -> None:
    """Each puts it on an order of its own, and neither sees the other's yet."""
    async with Store(url) as one, Store(url) as two:
        office = an_office(two)
        job_id = (await recorded(two, a_story(1))).runs[0].id
        await office.add_customer(name="Erika")
        first, second = [(await office.create_order("K00001")).id for _ in range(2)]
        charged = replace(VASE, kind=PositionKind.JOB, job_id=job_id)
        added, go_on = threading.Event(), threading.Event()

        def slowly(connection: sa.Connection) -> None:
            counter.add_position(connection, Deed(at=AT), SHOP, first, charged)
            added.set()
            go_on.wait(10)

        slow = asyncio.create_task(one.run(slowly))
        await asyncio.to_thread(added.wait, 10)
        late = asyncio.create_task(office.add_position(second, charged))
        await asyncio.wait({late}, timeout=0.2)
        go_on.set()
        await slow
        with pytest.raises(NotAllowed) as refusal:
            await late
        assert refusal.value.key == "job_taken"


@pytest.mark.parametrize(
    ("table", "time"),
    [("FROM chain", 3), ("FROM audit_events", 2)],
    ids=["between head and events", "between events and documents"],
)
async def test_what_another_site_does_meanwhile_is_no_forgery(
    url: str, table: str, time: int
) -> None:
    """Told that somebody rewrote the books, the owner looks for a thief that does not exist."""
    async with Store(url) as one, Store(url) as two:
        offices = [an_office(one), an_office(two)]
        await offices[0].add_customer(name="Erika", street="a", postcode="b", city="c")
        order = await offices[0].create_order("K00001", [VASE])
        loop, looks, billed = asyncio.get_running_loop(), itertools.count(1), []

        def bill(connection: sa.Connection, _cursor: object, statement: str, *_: object) -> None:
            """Let the other site write right after a look at a table."""
            if table in statement and next(looks) == time:
                # On SQLite it has to wait for us: there is one writer at a time.
                billed.append(asyncio.run_coroutine_threadsafe(offices[1].invoice(order.id), loop))
                if connection.dialect.name != "sqlite":
                    billed[0].result(10)

        assert one._engine is not None
        sa.event.listen(one._engine, "after_cursor_execute", bill)
        proof = await offices[0].verify()
        assert (proof.intact, proof.forged) == (True, ())
        await asyncio.wrap_future(billed[0])
        assert (await offices[0].verify()).documents == 1


async def test_an_order_that_another_site_begins_meanwhile_is_forgotten_too(url: str) -> None:
    """Its title names the person, and nobody would look for it again."""
    async with Store(url) as one, Store(url) as two:
        office = an_office(two)
        await office.add_customer(name="Erika")
        began, go_on = threading.Event(), threading.Event()

        def slowly(connection: sa.Connection) -> None:
            counter.create_order(connection, Deed(at=AT), SHOP, "K00001", [VASE], title="Erika's")
            began.set()
            go_on.wait(10)

        slow = asyncio.create_task(one.run(slowly))
        await asyncio.to_thread(began.wait, 10)
        erasing = asyncio.create_task(office.erase_person("K00001", "asked"))
        await asyncio.wait({erasing}, timeout=0.2)
        go_on.set()
        await slow
        await erasing
        (order,) = (await office.orders()).orders
        assert (order.title, order.state) == (None, OrderState.CANCELLED)
