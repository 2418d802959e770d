"""The back office: customers, orders, documents, payments, and the rights of persons.

Whatever it does is one transaction together with its line in the audit log. References are ids,
ids as text, or the numbers that people read. Everything raises NotAllowed with a key of its own,
and StoreError when the database does not take it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..billing import local_day
from ..store import assignments, audit, customers, documents, evidence, orders
from . import counter, paperwork, persons
from .counter import Deed
from .listeners import Listeners
from .proofs import CHAINS, Proof

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import date, datetime
    from decimal import Decimal
    from uuid import UUID

    from ..assignment import Assignment
    from ..audit import AuditEvent
    from ..customer import Customer
    from ..document import Document
    from ..order import Order, OrderState, Position
    from ..shop import Purpose
    from ..small_business import LimitWarning, Turnover
    from ..store.customers import CustomerPage
    from ..store.database import Store
    from ..store.orders import OrderPage
    from .clock import Clock
    from .counter import Reference
    from .paperwork import InvoiceStanding, Issued
    from .persons import CleanUp, Erasure
    from .settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class OfficeEvent:
    """Something happened to a document. Holds no personal data."""

    what: str
    """"issued", "cancelled", "paid" or "refunded"."""
    document: Document
    """Its number, kind and amounts may be told; its parties may not."""
    amount: Decimal | None = None
    """Of a payment."""
    open: Decimal | None = None
    """What is left to pay, of a payment."""
    warnings: tuple[LimitWarning, ...] = ()
    """Of an invoice that was issued under the small business exemption."""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobAssigned:
    """A person said whose a job is; its account says so already."""

    job_id: UUID
    assignment: Assignment


type OfficeNews = OfficeEvent | JobAssigned


def draw(document: Document) -> bytes:
    """Return a document as PDF with its e-invoice inside. Slow: call it off the loop."""
    # Imported here: it is heavy, and only this needs it.
    from ..papers import einvoice, invoice

    return einvoice.embed(invoice.render(document), document)


class Office:
    """The back office of one shop."""

    def __init__(
        self,
        store: Store,
        settings: Settings,
        clock: Clock,
        *,
        draw: Callable[[Document], bytes] = draw,
    ) -> None:
        self._store = store
        self._settings = settings
        self._clock = clock
        self._draw = draw
        self._listeners: Listeners[OfficeNews] = Listeners("the office")

    def subscribe(self, listener: Callable[[OfficeNews], None]) -> Callable[[], None]:
        """Hear of documents, payments and assigned jobs once durable; returns how to stop."""
        return self._listeners.add(listener)

    # -- customers -------------------------------------------------------------------------------

    async def add_customer(self, *, by: str | None = None, **data: Any) -> Customer:
        """Keep a new customer; `data` are fields of `Customer`, at least `name`."""
        return await self._store.run(counter.add_customer, self._deed(by), data)

    async def change_customer(
        self, which: Reference, *, by: str | None = None, **data: Any
    ) -> Customer:
        """Write over some of what is known of a customer."""
        return await self._store.run(counter.change_customer, self._deed(by), which, data)

    async def customer(self, which: Reference) -> Customer:
        """Return one customer."""
        return await self._store.run(counter.find_customer, which)

    async def customers(
        self,
        search: str | None = None,
        *,
        erased: bool = False,
        after: int | None = None,
        limit: int = 50,
    ) -> CustomerPage:
        """Return one page of customers, the newest first, or of those that a search finds."""
        return await self._store.run(
            customers.page, search=search, erased=erased, after=after, limit=limit
        )

    # -- orders ----------------------------------------------------------------------------------

    async def create_order(
        self,
        customer: Reference,
        positions: Iterable[Position] = (),
        *,
        title: str | None = None,
        delivered_from: date | None = None,
        delivered_until: date | None = None,
        by: str | None = None,
    ) -> Order:
        """Begin an order, with or without positions."""
        return await self._store.run(
            counter.create_order,
            self._deed(by),
            self._settings.shop,
            customer,
            tuple(positions),
            title=title,
            delivered_from=delivered_from,
            delivered_until=delivered_until,
        )

    async def add_position(
        self, order: Reference, position: Position, *, by: str | None = None
    ) -> Order:
        """Add a position. Of a job, text and price are filled in where it has none."""
        return await self._store.run(
            counter.add_position, self._deed(by), self._settings.shop, order, position
        )

    async def move_order(
        self, order: Reference, to: OrderState, *, reason: str | None = None, by: str | None = None
    ) -> Order:
        """Confirm or cancel an order."""
        return await self._store.run(counter.move_order, self._deed(by, reason), order, to)

    async def order(self, which: Reference) -> Order:
        """Return one order."""
        return await self._store.run(counter.find_order, which)

    async def orders(
        self,
        *,
        state: OrderState | None = None,
        customer_id: UUID | None = None,
        after: int | None = None,
        limit: int = 50,
    ) -> OrderPage:
        """Return one page of orders, the newest first."""
        return await self._store.run(
            orders.page, state=state, customer_id=customer_id, after=after, limit=limit
        )

    # -- documents -------------------------------------------------------------------------------

    async def quote(
        self, order: Reference, *, intro: str | None = None, by: str | None = None
    ) -> Issued:
        """Offer an order."""
        return await self._issue(paperwork.issue_quote, order, intro, by)

    async def invoice(
        self, order: Reference, *, intro: str | None = None, by: str | None = None
    ) -> Issued:
        """Bill an order."""
        return await self._issue(paperwork.issue_invoice, order, intro, by)

    async def _issue(
        self, issue: Callable[..., Issued], order: Reference, intro: str | None, by: str | None
    ) -> Issued:
        issued = await self._store.run(issue, self._deed(by), self._settings.shop, order, intro)
        self._tell(OfficeEvent(what="issued", document=issued.document, warnings=issued.warnings))
        return issued

    async def cancel_invoice(self, number: str, reason: str, *, by: str | None = None) -> Document:
        """Take an invoice back with a document of its own, which is returned."""
        document = await self._store.run(
            paperwork.cancel_invoice, self._deed(by, reason), self._settings.shop, number
        )
        self._tell(OfficeEvent(what="cancelled", document=document))
        return document

    async def pay(
        self,
        number: str,
        amount: Decimal,
        on: date | None = None,
        by: str | None = None,
        *,
        reference: str | None = None,
    ) -> InvoiceStanding:
        """Note a payment on an invoice; below zero it is a refund. Returns how it stands then."""
        standing = await self._store.run(
            paperwork.pay, self._deed(by), self._settings.shop, number, amount, on, reference
        )
        what = "paid" if amount > 0 else "refunded"
        self._tell(
            OfficeEvent(what=what, document=standing.invoice, amount=amount, open=standing.open)
        )
        return standing

    async def standing(self, number: str) -> InvoiceStanding:
        """Return what is paid and what is open on an invoice."""
        return await self._store.run(paperwork.standing, number)

    async def document(self, number: str) -> Document:
        """Return a quote, an invoice or a cancellation."""
        return await self._store.run(paperwork.find_document, number)

    async def paper(self, number: str) -> bytes:
        """Return a document as PDF, e-invoice inside: drawn once, and the same bytes ever after."""
        document = await self.document(number)
        kept = await self._store.run(documents.paper, document.id)
        if kept is not None:
            return kept
        drawn = await asyncio.to_thread(self._draw, document)
        return await self._store.run(paperwork.keep_paper, self._deed(None), document, drawn)

    async def small_business(self) -> Turnover | None:
        """Return the turnover that § 19 UStG looks at; None where it is not used."""
        shop, now = self._settings.shop, self._clock.now()
        return await self._store.run(
            lambda connection: paperwork.small_business(
                connection, shop, local_day(now, shop.time_zone)
            )
        )

    # -- jobs ------------------------------------------------------------------------------------

    async def assign(
        self,
        job_id: UUID,
        purpose: Purpose,
        customer: Reference | None = None,
        *,
        reason: str,
        by: str | None = None,
    ) -> Assignment:
        """Say whose a job is, and why: it wins over the shop's rules."""
        assignment = await self._store.run(
            counter.assign_job, self._deed(by, reason), self._settings, job_id, purpose, customer
        )
        self._tell(JobAssigned(job_id=job_id, assignment=assignment))
        return assignment

    async def assignments(self, job_id: UUID) -> tuple[Assignment, ...]:
        """Return all that people said of a job, in order."""
        return await self._store.run(assignments.history, job_id)

    # -- persons and proofs ----------------------------------------------------------------------

    async def export_person(self, which: Reference, *, by: str | None = None) -> dict[str, Any]:
        """Return everything about one customer, as JSON can say it."""
        return await self._store.run(persons.export_person, self._deed(by), which)

    async def erase_person(
        self, which: Reference, reason: str, *, by: str | None = None
    ) -> Erasure:
        """Forget who a customer was; what the law keeps stays until its time is over."""
        erasure = await self._store.run(
            persons.erase_person, self._deed(by, reason), self._settings.shop, which
        )
        return replace(erasure, scrubbed=await self._store.scrub())

    async def clean_up(self, now: datetime | None = None, *, by: str | None = None) -> CleanUp:
        """Let go of everything whose time is over."""
        deed = Deed(at=now or self._clock.now(), by=by)
        done = await self._store.run(persons.clean_up, deed, self._settings.shop)
        await self._store.scrub()
        return done

    async def verify(self) -> Proof:
        """Walk every chain and every document. The ledger goes on between the walks."""
        chains = {name: await self._store.run(walk) for name, walk in CHAINS.items()}
        looked_at, forged = await self._store.run(evidence.forged)
        return Proof(
            chains=chains,
            gaps=await self._store.run(documents.gaps),
            forged=forged,
            documents=looked_at,
        )

    async def audit(self, limit: int = 100) -> tuple[AuditEvent, ...]:
        """Return the newest lines of the audit log, the newest first."""
        return await self._store.run(audit.latest, limit)

    def _deed(self, by: str | None, reason: str | None = None) -> Deed:
        return Deed(at=self._clock.now(), by=by, reason=reason)

    def _tell(self, event: OfficeNews) -> None:
        self._listeners.tell(event)
