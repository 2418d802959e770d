"""The back office: from a customer to a paid invoice, and what is left of persons afterwards."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.account import Breakdown, CostKind, CostLine, JobAccount
from custom_components.printernizer.engine.assignment import AssignedBy
from custom_components.printernizer.engine.document import Document, DocumentKind
from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.order import OrderState, Position, PositionKind
from custom_components.printernizer.engine.shop import (
    Company,
    DocumentPolicy,
    Purpose,
    RetentionPolicy,
    ShopSettings,
    TaxPolicy,
)
from custom_components.printernizer.engine.small_business import LimitWarning
from custom_components.printernizer.engine.store import accounts, assignments
from custom_components.printernizer.engine.store.account_tables import JOB_ACCOUNTS
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.workshop.office import JobAssigned, Office, OfficeEvent
from custom_components.printernizer.engine.workshop.settings import Settings
from tests.hand_clock import HandClock

from ..store.test_contract import a_story, recorded

SHOP = ShopSettings(
    company=Company(
        name="Druck & Co", street="Weg 1", postcode="10115", city="Berlin", vat_id="DE136695976"
    ),
    time_zone="Europe/Berlin",
)
ADDRESS = {"street": "Heidestraße 17", "postcode": "51147", "city": "Köln"}
EVERYTHING = {
    "name": "Zwirnelinde Quastenflosser",
    "contact": "Xaverine",
    "street": "Geheimgasse 99",
    # With letters: five digits stand in a database full of hashes by chance, now and then.
    "postcode": "XW98 7ZQ",
    "city": "Verstecktal",
    "vat_id": "DE136695976",
    "email": "zwirn@geheim.example",
    "phone": "+49 555 123987",
    "buyer_reference": "04011000-1234512345-35",
}
TRACES = [
    trace
    for word in (*EVERYTHING.values(), "Quastenflosser")
    for trace in (word, word.casefold(), word.upper())
]


def drawn(document: Document) -> bytes:
    """Stand in for the printing house: other bytes each time, as a real one may."""
    return f"%PDF {document.number} {uuid4()}".encode()


@pytest.fixture
def clock() -> HandClock:
    return HandClock(datetime(2026, 11, 20, 12, 0, tzinfo=UTC))


@pytest.fixture
def settings() -> Settings:
    return Settings(SHOP)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with Store(f"sqlite:///{tmp_path}/ledger.db") as opened:
        yield opened


@pytest.fixture
def office(store: Store, settings: Settings, clock: HandClock) -> Office:
    return Office(store, settings, clock, draw=drawn)


def a_position(price: str = "100", **values: object) -> Position:
    position = Position(number=0, kind=PositionKind.PIECE, text="Vase", unit_price=Decimal(price))
    return replace(position, **values)  # type: ignore[arg-type]


async def ordered(office: Office, *positions: Position, name: str = "Erika") -> str:
    customer = await office.add_customer(name=name, **ADDRESS)
    order = await office.create_order(customer.number, positions or (a_position(),))
    return order.number


async def billed(office: Office, *positions: Position) -> Document:
    return (await office.invoice(await ordered(office, *positions))).document


async def refused(awaitable: object) -> str:
    with pytest.raises(NotAllowed) as refusal:
        await awaitable  # type: ignore[misc]
    return refusal.value.key


# -- orders and documents ------------------------------------------------------------------------


async def test_a_quote_becomes_an_order_and_an_invoice_that_is_paid(office: Office) -> None:
    """The whole way, as a shop goes it."""
    heard: list[object] = []
    stop = office.subscribe(heard.append)
    number = await ordered(office, a_position("100"))
    quote = (await office.quote(number, intro="Guten Tag", by="me")).document
    assert (quote.number, quote.gross, quote.intro) == (
        "AN2026-0001",
        Decimal("119.00"),
        "Guten Tag",
    )
    assert (await office.order(number)).state is OrderState.QUOTED
    assert (await office.move_order(number, OrderState.CONFIRMED)).state is OrderState.CONFIRMED
    await office.add_position(number, a_position("10", text="Versand"))
    issued = await office.invoice(number, by="me")
    invoice = issued.document
    assert (invoice.number, invoice.gross, issued.warnings) == (
        "RE2026-0001",
        Decimal("130.90"),
        (),
    )
    assert await office.document("RE2026-0001") == invoice
    part = await office.pay(invoice.number, Decimal(100), date(2026, 11, 19), "me")
    assert (part.paid, part.open, part.cancelled_by) == (100, Decimal("30.90"), None)
    rest = await office.pay(invoice.number, Decimal("30.90"), reference="Bank 7")
    assert rest.open == 0
    assert await office.standing(invoice.number) == rest
    assert await office.pay(invoice.number, Decimal(-10)) == replace(
        rest, paid=Decimal("120.90"), open=Decimal(10)
    )
    told = [(event.what, event.open) for event in heard if isinstance(event, OfficeEvent)]
    assert told == [
        ("issued", None),
        ("issued", None),
        ("paid", Decimal("30.90")),
        ("paid", Decimal(0)),
        ("refunded", Decimal(10)),
    ]
    stop()
    stop()
    await office.pay(invoice.number, Decimal(10))
    assert len(heard) == len(told)
    assert {event.by for event in await office.audit()} == {None, "me"}


async def test_an_order_is_billed_once(office: Office) -> None:
    number = await ordered(office)
    found = await asyncio.gather(
        *(office.invoice(number) for _ in range(4)), return_exceptions=True
    )
    refusals = [each.key for each in found if isinstance(each, NotAllowed)]
    assert refusals == ["order_state"] * 3
    assert (await office.verify()).documents == 1


async def test_a_paid_invoice_is_cancelled_by_a_document_and_billed_anew(office: Office) -> None:
    """Nothing is edited: the wrong one, what takes it back, and the right one all stay."""
    number = await ordered(office)
    wrong = (await office.invoice(number)).document
    await office.pay(wrong.number, Decimal(119))
    back = await office.cancel_invoice(wrong.number, "wrong price, says Erika", by="me")
    assert (back.number, back.kind, back.gross) == (
        "ST2026-0001",
        DocumentKind.CANCELLATION,
        -wrong.gross,
    )
    standing = await office.standing(wrong.number)
    assert (standing.cancelled_by, standing.open) == ("ST2026-0001", -119)
    assert (await office.pay(wrong.number, Decimal(-119))).open == 0
    assert await refused(office.cancel_invoice(wrong.number, "again")) == "already_cancelled"
    assert (await office.order(number)).state is OrderState.CONFIRMED
    assert (await office.invoice(number)).document.number == "RE2026-0002"
    noted = next(each for each in await office.audit() if each.subject == back.number)
    assert noted.reason == "wrong price, says K00001"


async def test_payments_that_cannot_be_are_refused(office: Office) -> None:
    invoice = await billed(office)
    quote = (await office.quote(await ordered(office))).document
    pay = office.pay
    assert await refused(pay(invoice.number, Decimal(0))) == "bad_payment"
    assert await refused(pay(invoice.number, Decimal("0.001"))) == "bad_payment"
    assert await refused(pay(invoice.number, Decimal("NaN"))) == "bad_payment"
    assert await refused(pay(invoice.number, Decimal(1), date(2026, 11, 21))) == "bad_payment"
    assert await refused(pay(invoice.number, Decimal(-1))) == "refund_too_high"
    assert await refused(pay(invoice.number, Decimal(1), reference="a\nb")) == "bad_text"
    assert await refused(pay(quote.number, Decimal(1))) == "not_an_invoice"
    assert await refused(pay("RE9", Decimal(1))) == "no_document"
    assert await refused(office.cancel_invoice(quote.number, "why")) == "not_an_invoice"
    assert await refused(office.cancel_invoice(invoice.number, " ")) == "reason_missing"
    assert await refused(office.document("RE9")) == "no_document"
    assert (await office.standing(invoice.number)).paid == 0


async def test_what_is_refused_takes_no_number(office: Office, settings: Settings) -> None:
    settings.apply(replace(SHOP, company=Company()))
    number = await ordered(office)
    assert await refused(office.invoice(number)) == "company_incomplete"
    assert (await office.order(number)).state is OrderState.DRAFT
    settings.apply(SHOP)
    assert (await office.invoice(number)).document.number == "RE2026-0001"


async def test_a_document_keeps_the_customer_as_they_were(office: Office) -> None:
    """What was sent is what was sent."""
    invoice = await billed(office)
    await office.change_customer("K00001", city="Essen", by="me")
    assert (await office.document(invoice.number)).buyer.city == "Köln"
    assert (await office.customer("K00001")).city == "Essen"
    changed = (await office.audit(1))[0]
    assert changed.detail == {"number": "K00001", "fields": ["city"]}
    await office.change_customer("K00001", city="Essen")
    assert (await office.audit(1))[0] == changed, "nothing changed, nothing noted"


async def test_customers_are_listed_and_searched(office: Office) -> None:
    for name in ("Anna", "Berta", "Cäsar"):
        await office.add_customer(name=name)
    assert [each.name for each in (await office.customers("cäs")).customers] == ["Cäsar"]
    page = await office.customers(limit=2)
    rest = await office.customers(limit=2, after=page.next)
    assert [each.name for each in rest.customers] == ["Anna"]
    customer = rest.customers[0]
    assert await office.customer(customer.id) == await office.customer(str(customer.id)) == customer


async def test_references_that_lead_nowhere_are_refused(office: Office) -> None:
    assert await refused(office.customer("K9")) == "no_customer"
    assert await refused(office.customer(uuid4())) == "no_customer"
    assert await refused(office.order("A9")) == "no_order"
    assert await refused(office.order(uuid4())) == "no_order"
    assert await refused(office.create_order("K9")) == "no_customer"
    assert await refused(office.add_customer(name="")) == "name_missing"
    customer = await office.add_customer(name="Erika")
    assert customer.number == "K00001", "what was refused took no number"
    bad = office.create_order(customer.id, title="a\nb")
    assert await refused(bad) == "bad_text"
    early, late = date(2026, 1, 2), date(2026, 1, 1)
    bad = office.create_order(customer.id, delivered_from=early, delivered_until=late)
    assert await refused(bad) == "bad_period"
    order = await office.create_order(customer.id, title=" Vasen ", delivered_from=late)
    assert (order.title, order.number) == ("Vasen", "A00001")
    found = await office.orders(state=OrderState.DRAFT, customer_id=customer.id)
    assert found.orders == (order,)


async def test_limits_of_the_small_business_come_with_the_invoice(
    office: Office, settings: Settings, clock: HandClock
) -> None:
    assert await office.small_business() is None
    settings.apply(replace(SHOP, tax=TaxPolicy(small_business=True)))
    clock.jump(timedelta(days=-365))
    assert (await office.invoice(await ordered(office, a_position("26000")))).warnings == (
        LimitWarning.NEXT_YEAR_LOST,
    )
    clock.jump(timedelta(days=365))
    issued = await office.invoice(await ordered(office, a_position("100001")))
    assert issued.document.tax == 0
    assert issued.warnings[:2] == (
        LimitWarning.PREVIOUS_YEAR_EXCEEDED,
        LimitWarning.CURRENT_YEAR_EXCEEDED,
    )
    assert (await office.quote(await ordered(office))).warnings == ()
    turnover = await office.small_business()
    assert turnover is not None
    assert (turnover.previous, turnover.current) == (26000, 100001)


async def test_a_paper_is_drawn_once(office: Office) -> None:
    """The customer's copy and ours are the same bytes."""
    invoice = await billed(office)
    papers = await asyncio.gather(*(office.paper(invoice.number) for _ in range(3)))
    assert len(set(papers)) == 1
    assert papers[0].startswith(b"%PDF RE2026-0001")
    assert await office.paper(invoice.number) == papers[0]
    assert await refused(office.paper("RE9")) == "no_document"


# -- jobs ----------------------------------------------------------------------------------------


async def a_job(store: Store, price: str | None = "8.40") -> UUID:
    """Let the ledger know a job with an account."""
    story = await recorded(store, a_story(1))
    job = story.runs[0]
    account = JobAccount(
        job_id=job.id,
        at=story.at,
        currency="EUR",
        cost=Breakdown(lines=(CostLine(kind=CostKind.MATERIAL, label="PLA", amount=Decimal(2)),)),
        price=None if price is None else Decimal(price),
        purpose=Purpose.PRIVATE,
    )
    await store.run(accounts.record, job, account, settled=True, zone=ZoneInfo("Europe/Berlin"))
    return job.id


def of_job(job_id: UUID | None, price: str = "0", **values: object) -> Position:
    return a_position(price, kind=PositionKind.JOB, text="", job_id=job_id, **values)


async def test_a_job_brings_its_name_and_price_and_is_charged_once(
    office: Office, store: Store
) -> None:
    job_id = await a_job(store)
    number = await ordered(office, of_job(job_id))
    (position,) = (await office.order(number)).positions
    assert (position.text, position.unit_price) == ("Würfel 0", Decimal("8.40"))
    assert await refused(office.add_position(number, of_job(job_id))) == "job_taken"
    other = await ordered(office)
    assert await refused(office.add_position(other, of_job(job_id))) == "job_taken"
    await office.move_order(number, OrderState.CANCELLED, reason="no")
    order = await office.add_position(other, of_job(job_id, "9"))
    assert order.positions[-1].unit_price == 9
    assert await refused(office.add_position(other, of_job(uuid4()))) == "unknown_job"
    assert await refused(office.add_position(other, of_job(None))) == "unknown_job"


async def test_a_job_without_a_price_needs_one(office: Office, store: Store) -> None:
    job_id = await a_job(store, None)
    number = await ordered(office)
    assert await refused(office.add_position(number, of_job(job_id))) == "price_unknown"


async def test_prices_of_jobs_are_net_and_gross_first_shops_add_the_tax(
    office: Office, store: Store, settings: Settings
) -> None:
    """The ledger's prices know no tax."""
    settings.apply(replace(SHOP, tax=TaxPolicy(gross_first=True)))
    job_id = await a_job(store, "10")
    number = await ordered(office, of_job(job_id, quantity=Decimal(2)))
    assert (await office.order(number)).positions[0].unit_price == Decimal("5.95")
    await office.move_order(number, OrderState.CANCELLED)
    seven = await ordered(office, of_job(job_id, tax_percent=Decimal(7)))
    assert (await office.order(seven)).positions[0].unit_price == Decimal("10.70")


async def test_a_job_is_given_to_somebody_with_a_reason(office: Office, store: Store) -> None:
    heard: list[object] = []
    office.subscribe(heard.append)
    job_id = await a_job(store)
    await office.add_customer(name="Zwirnelinde Quastenflosser")
    said = await office.assign(
        job_id, Purpose.BUSINESS, "K00001", reason="Quastenflosser ordered it", by="me"
    )
    assert (said.assigned_by, said.by, said.reason) == (
        AssignedBy.HAND,
        "me",
        "K00001 ordered it",
    )
    assert await store.run(assignments.of, job_id) == said
    account = await store.run(accounts.get, job_id)
    assert account is not None
    assert (account.purpose, account.customer_id, account.price) == (
        Purpose.BUSINESS,
        said.customer_id,
        2,
    ), "what was private has a price now"
    await office.assign(job_id, Purpose.PRIVATE, reason="no, mine")
    account = await store.run(accounts.get, job_id)
    assert account is not None
    assert (account.purpose, account.customer_id, account.price) == (Purpose.PRIVATE, None, None)
    heard.pop()
    assert heard == [JobAssigned(job_id=job_id, assignment=said)]
    assert await refused(office.assign(job_id, Purpose.PRIVATE, reason="")) == "reason_missing"
    assert await refused(office.assign(uuid4(), Purpose.PRIVATE, reason="x")) == "unknown_job"
    unaccounted = (await recorded(store, a_story(1, "P2"))).runs[0].id
    mine = await office.assign(unaccounted, Purpose.PRIVATE, reason="mine")
    assert mine.customer_id is None


async def test_the_sums_of_a_day_follow_whose_a_job_is(office: Office, store: Store) -> None:
    """A report of the business must not count what was made for oneself."""
    job_id = await a_job(store)
    await office.assign(job_id, Purpose.BUSINESS, reason="sold")

    def jobs_by_purpose(connection: object) -> dict[str, int]:
        rows = connection.exec_driver_sql(  # type: ignore[attr-defined]
            "SELECT purpose, sum(jobs) FROM account_days GROUP BY purpose"
        )
        return {purpose: count for purpose, count in rows if count}

    assert await store.run(jobs_by_purpose) == {"business": 1}


# -- persons -------------------------------------------------------------------------------------


async def test_a_person_is_told_everything(office: Office, store: Store) -> None:
    """Article 15: all of it, in a form that can be read."""
    job_id = await a_job(store)
    customer = await office.add_customer(**EVERYTHING)
    order = await office.create_order(customer.id, [of_job(job_id)], title="Vase")
    invoice = (await office.invoice(order.id)).document
    await office.pay(invoice.number, Decimal(5))
    await office.assign(job_id, Purpose.BUSINESS, customer.id, reason="ordered")
    told = await office.export_person(customer.number, by="me")
    assert json.loads(json.dumps(told)) == told
    assert EVERYTHING.items() <= told["customer"].items()
    assert told["orders"][0]["positions"][0]["text"] == "Würfel 0"
    (document,) = told["documents"]
    assert (document["number"], document["payments"][0]["amount"]) == (invoice.number, "5.000000")
    (job,) = told["jobs"]
    assert isinstance(job["job"]["duration"], float), "seconds"
    assert (job["price"], job["cost"], job["assignments"][0]["reason"]) == (
        "2.000000",
        "2",
        "ordered",
    )
    assert {line["what"] for line in told["audit"]} == {
        "customer_added",
        "order_created",
        "document_issued",
        "payment_recorded",
        "job_assigned",
    }
    assert (await office.audit(1))[0].what == "customer_exported"


def content_of(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in sorted(folder.iterdir()))


async def test_nothing_of_a_forgotten_person_is_left_in_the_file(
    office: Office, store: Store, tmp_path: Path
) -> None:
    """Whoever has the disk, the backup of tomorrow or the journal finds nobody."""
    job_id = await a_job(store)
    for number in range(20):
        await office.add_customer(name=f"Kundin {number}", city="x" * number * 9)
    customer = await office.add_customer(**EVERYTHING)
    text = f"Schild für {EVERYTHING['name']}"
    order = await office.create_order(customer.id, [a_position(text=text)], title=text)
    await office.add_position(order.id, a_position(text="Post", detail=EVERYTHING["street"]))
    await office.change_customer(customer.id, phone=None)
    await office.assign(job_id, Purpose.BUSINESS, customer.id, reason=f"for {EVERYTHING['name']}")
    await office.move_order(order.id, OrderState.CANCELLED, reason=f"{EVERYTHING['name']} rang")
    second = await office.create_order(customer.id, [a_position(text=text)])
    assert EVERYTHING["name"].encode() in content_of(tmp_path)
    reason = f"{EVERYTHING['name']} asked for it by {EVERYTHING['email']}"
    erasure = await office.erase_person(customer.id, reason, by="me")
    assert (erasure.number, erasure.documents, erasure.kept_until) == (customer.number, (), None)
    content = content_of(tmp_path)
    for trace in TRACES:
        for encoding in ("utf-8", "utf-16-le"):
            assert trace.encode(encoding) not in content, trace
    assert (await office.order(second.id)).state is OrderState.CANCELLED
    assert (await office.order(order.id)).positions[0].unit_price == 100, "amounts stay"
    assert (await office.customers("quasten")).customers == ()
    noted = (await office.audit(1))[0]
    assert noted.reason == f"{customer.number} asked for it by {customer.number}"
    assert (await office.verify()).intact


async def test_documents_keep_the_person_as_long_as_the_law_wants_and_no_longer(
    office: Office, clock: HandClock, tmp_path: Path
) -> None:
    """Rule 28: amounts and legal retention first, then nothing."""
    clock.jump(datetime(2003, 5, 6, 12, tzinfo=UTC) - clock.now())
    customer = await office.add_customer(**EVERYTHING)
    order = await office.create_order(customer.id, [a_position(text=f"für {EVERYTHING['name']}")])
    invoice = (await office.invoice(order.id)).document
    await office.paper(invoice.number)
    await office.pay(invoice.number, invoice.gross, reference=EVERYTHING["name"])
    await office.cancel_invoice(invoice.number, "test")
    await office.move_order(order.id, OrderState.CANCELLED)
    erasure = await office.erase_person(customer.number, "asked")
    assert erasure.documents == ("RE2003-0001", "ST2003-0001")
    assert erasure.kept_until == date(2013, 12, 31)
    assert (await office.document(invoice.number)).buyer.name == EVERYTHING["name"]
    clock.jump(datetime(2013, 12, 31, 12, tzinfo=UTC) - clock.now())
    assert (await office.clean_up()).documents == ()
    assert EVERYTHING["name"].encode() in content_of(tmp_path)
    clock.jump(timedelta(days=1))
    done = await office.clean_up(by="me")
    assert (done.documents, done.orders) == (("RE2003-0001", "ST2003-0001"), 1)
    content = content_of(tmp_path)
    for trace in TRACES:
        assert trace.encode() not in content, trace
    assert (await office.verify()).intact
    noted = (await office.audit(1))[0]
    assert (noted.what, noted.by) == ("cleaned_up", "me")
    assert await office.clean_up() == replace(done, documents=(), orders=0)
    assert (await office.audit(1))[0] == noted, "nothing went, nothing is noted"


async def test_who_is_owed_something_is_not_forgotten_yet(office: Office) -> None:
    number = await ordered(office)
    await office.move_order(number, OrderState.CONFIRMED)
    assert await refused(office.erase_person("K00001", "asked")) == "order_open"
    await office.move_order(number, OrderState.CANCELLED)
    assert await refused(office.erase_person("K00001", "")) == "reason_missing"
    await office.erase_person("K00001", "asked")
    assert await refused(office.erase_person("K00001", "asked")) == "customer_erased"
    assert await refused(office.change_customer("K00001", name="Erika")) == "customer_erased"
    assert await refused(office.create_order("K00001")) == "customer_erased"


async def test_customers_nobody_heard_of_are_forgotten_and_others_are_not(
    office: Office, settings: Settings, clock: HandClock
) -> None:
    """Three years by default; whoever has a document waits for that."""
    settings.apply(
        replace(SHOP, retention=RetentionPolicy(), documents=DocumentPolicy(language="en"))
    )
    clock.jump(datetime(2024, 2, 29, 12, tzinfo=UTC) - clock.now())
    await office.add_customer(name="Quiet")
    await office.add_customer(name="Buyer", **ADDRESS)
    await office.invoice((await office.create_order("K00002", [a_position()])).id)
    await office.add_customer(name="Owed")
    owed = await office.create_order("K00003", [a_position()])
    await office.move_order(owed.id, OrderState.CONFIRMED)
    await office.add_customer(name="Dreamer")
    await office.create_order("K00004", [a_position()])
    clock.jump(timedelta(days=3 * 365))
    await office.add_customer(name="New")
    assert (await office.clean_up()).customers == ()
    clock.jump(timedelta(days=2))
    done = await office.clean_up()
    assert (set(done.customers), done.orders) == ({"K00001", "K00004"}, 1)
    assert not (await office.customer("K00002")).erased
    assert not (await office.customer("K00003")).erased
    page = await office.customers(erased=True)
    assert [each.erased for each in page.customers] == [False, True, False, False, True]


@pytest.mark.parametrize("by_rule", [False, True])
async def test_who_has_things_printed_is_not_forgotten(
    office: Office, store: Store, clock: HandClock, by_rule: bool
) -> None:
    """Erasing cannot be undone, and a customer may be billed elsewhere."""
    story = a_story(1)
    clock.jump(story.at - timedelta(days=4 * 365) - clock.now())
    customer = await office.add_customer(name="Regular")
    clock.jump(story.at - clock.now())
    job_id = await a_job(store)
    if by_rule:

        def ruled(connection: sa.Connection) -> None:
            whose = JOB_ACCOUNTS.c.job_id == job_id
            connection.execute(sa.update(JOB_ACCOUNTS).where(whose).values(customer_id=customer.id))

        await store.run(ruled)
    else:
        await office.assign(job_id, Purpose.BUSINESS, customer.id, reason="hers")
    assert (await office.clean_up()).customers == ()


async def test_a_leap_day_is_no_stumbling_block(office: Office) -> None:
    await office.clean_up(datetime(2028, 2, 29, tzinfo=UTC))


async def test_all_books_are_proven_in_one_go(office: Office, store: Store) -> None:
    invoice = await billed(office)
    await office.paper(invoice.number)
    proof = await office.verify()
    assert (proof.intact, proof.documents, proof.gaps, proof.forged) == (True, 1, (), ())
    assert set(proof.chains) == {"jobs", "starts", "audit"}
    assert proof.chains["audit"].length == 4

    def forge(connection: object) -> None:
        connection.exec_driver_sql("DROP TRIGGER documents_no_update")  # type: ignore[attr-defined]
        connection.exec_driver_sql(  # type: ignore[attr-defined]
            "UPDATE documents SET content = replace(content, '119', '19')"
        )

    await store.run(forge)
    proof = await office.verify()
    assert (proof.intact, proof.forged) == (False, (invoice.number,))


async def test_no_person_is_named_in_a_log_or_an_error(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    """Logs go to strangers who help."""
    caplog.set_level(logging.DEBUG)
    customer = await office.add_customer(**EVERYTHING)
    order = await office.create_order(customer.id, [a_position(text=EVERYTHING["name"])])
    issued = await office.invoice(order.id)
    for awaitable in (
        office.change_customer(customer.id, email=EVERYTHING["name"]),
        office.change_customer(customer.id, vat_id=EVERYTHING["name"]),
        office.customer(EVERYTHING["name"]),
        office.create_order(EVERYTHING["name"]),
        office.pay(issued.document.number, Decimal(0)),
        office.erase_person(customer.id, ""),
    ):
        with pytest.raises(NotAllowed) as refusal:
            await awaitable  # type: ignore[misc]
        assert not any(trace in repr(refusal.value) for trace in TRACES)
    shown = caplog.text + repr((customer, order, issued))
    assert not any(trace in shown for trace in TRACES)


@pytest.mark.parametrize(
    "tax",
    [TaxPolicy(), TaxPolicy(gross_first=True), TaxPolicy(small_business=True)],
    ids=["net", "gross", "exempt"],
)
async def test_every_document_is_drawn_for_real(
    store: Store, settings: Settings, clock: HandClock, tax: TaxPolicy
) -> None:
    """What the office issues, the printing house must be able to print: discounts and all."""
    settings.apply(replace(SHOP, tax=tax))
    office = Office(store, settings, clock)
    number = await ordered(
        office,
        a_position("99.99", quantity=Decimal("1.5"), unit="h"),
        a_position("7", tax_percent=Decimal(7), text="Buch über Würfel"),
        a_position(kind=PositionKind.DISCOUNT, text="Rabatt", unit="%", quantity=Decimal(10)),
    )
    quote = (await office.quote(number)).document
    invoice = (await office.invoice(number)).document
    back = await office.cancel_invoice(invoice.number, "Preis falsch")
    for document in (quote, invoice, back):
        paper = await office.paper(document.number)
        assert paper.startswith(b"%PDF-")
        assert await office.paper(document.number) == paper
    assert (await office.verify()).intact
