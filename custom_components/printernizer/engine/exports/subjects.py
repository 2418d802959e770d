"""What can be exported, and which of it stands in which column.

A subject is a list of columns, each with the function that takes its value from a record. What is
not known stays empty and is never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ..account import CONFIDENCE_ORDER, CostKind
from ..money import exact
from . import words
from .sheet import Column, ColumnKind, Row, Sheet, Value

if TYPE_CHECKING:
    from uuid import UUID

    from ..account import JobAccount
    from ..customer import Customer
    from ..document import Document, TaxLine
    from ..job import Job
    from ..material import Material, Movement, Spool


class Subject(StrEnum):
    """What people ask for; some of it takes two sheets."""

    JOBS = "jobs"
    COSTS = "costs"
    MATERIALS = "materials"
    CUSTOMERS = "customers"
    TAXES = "taxes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Names:
    """What things are called that records name by id only."""

    printers: Mapping[str, str]
    customers: Mapping[UUID, Customer]

    def printer(self, printer_id: str) -> str:
        """Return a printer's name; its id where it has none."""
        return self.printers.get(printer_id) or printer_id

    def customer(self, customer_id: UUID | None) -> Customer | None:
        """Return a customer who is still known."""
        return None if customer_id is None else self.customers.get(customer_id)


@dataclass(frozen=True, kw_only=True, slots=True)
class Field[Record]:
    """One column of a subject. Its title is the word of its key, `column_<key>`."""

    key: str
    kind: ColumnKind
    value: Callable[[Record], Value]
    total: bool = False
    values: str | None = None
    """Where its values are keys as well: before them stands `<values>_` in the words."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """A run, what it took, and what the things around it are called."""

    job: Job
    account: JobAccount | None
    printer: str
    customer: Customer | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """A spool and what is on it."""

    spool: Spool
    material: Material
    price_per_kg: Decimal | None

    @property
    def worth(self) -> Decimal | None:
        """What is left of it cost; None where nobody knows its price."""
        if self.price_per_kg is None:
            return None
        return exact(self.spool.remaining_g * self.price_per_kg / 1000)


@dataclass(frozen=True, kw_only=True, slots=True)
class Moved:
    """An entry of the stock book and what it is about."""

    movement: Movement
    spool: Spool | None
    material: Material | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Taxed:
    """Tax of one rate on one document."""

    document: Document
    line: TaxLine


def runs(records: Iterable[tuple[Job, JobAccount | None]], names: Names) -> Iterable[Run]:
    """Return runs with the names of what they speak of."""
    for job, account in records:
        yield Run(
            job=job,
            account=account,
            printer=names.printer(job.printer_id),
            customer=names.customer(account.customer_id if account else None),
        )


def taxed(documents: Iterable[Document]) -> Iterable[Taxed]:
    """Return the taxes of documents, one by one."""
    for document in documents:
        for line in document.taxes:
            yield Taxed(document=document, line=line)


def sheet[Record](
    key: str, fields: tuple[Field[Record], ...], records: Iterable[Record], language: str
) -> Sheet:
    """Return one table in a language. `key` names it in the words as `sheet_<key>`."""
    return Sheet(
        key=key,
        name=words.word(f"sheet_{key}", language),
        columns=tuple(
            Column(
                key=each.key,
                title=words.word(f"column_{each.key}", language),
                kind=each.kind,
                total=each.total,
            )
            for each in fields
        ),
        rows=_rows(fields, records, language),
    )


def _rows[Record](
    fields: tuple[Field[Record], ...], records: Iterable[Record], language: str
) -> Iterable[Row]:
    takes = [_said(each, language) if each.values else each.value for each in fields]
    for record in records:
        yield [take(record) for take in takes]


def _said[Record](field: Field[Record], language: str) -> Callable[[Record], Value]:
    """Return a field's value as a word."""

    def take(record: Record) -> Value:
        value = field.value(record)
        return None if value is None else words.said(f"{field.values}_{value}", language)

    return take


# -- jobs and costs ----------------------------------------------------------------------------

_TEXT, _MONEY, _MASS = ColumnKind.TEXT, ColumnKind.MONEY, ColumnKind.MASS
_MOMENT, _HOURS, _INTEGER = ColumnKind.MOMENT, ColumnKind.HOURS, ColumnKind.INTEGER
_DATE, _NUMBER, _PERCENT = ColumnKind.DATE, ColumnKind.NUMBER, ColumnKind.PERCENT


def _cost(kind: CostKind) -> Callable[[Run], Value]:
    return lambda run: run.account.cost.of(kind) if run.account else None


def _ended(run: Run) -> Value:
    return run.job.ended_at or run.job.closed_at


def _mass_source(run: Run) -> Value:
    """Return where the least certain part of the grams comes from."""
    if run.account is None or not run.account.consumption:
        return None
    return min(
        run.account.consumption, key=lambda line: CONFIDENCE_ORDER.index(line.confidence)
    ).source


def _materials(run: Run) -> Value:
    if run.account is None:
        return None
    return ", ".join(
        dict.fromkeys(line.material for line in run.account.consumption if line.material)
    )


def _difference(run: Run) -> Value:
    if run.account is None or run.account.estimate is None or not run.account.cost.complete:
        return None
    return run.account.cost.total - run.account.estimate.total


def _per_piece(run: Run) -> Value:
    cost = run.account.cost_per_piece if run.account else None
    return None if cost is None else exact(cost)


def _earned(run: Run) -> Value:
    if run.account is None or run.account.price is None:
        return None
    return run.account.price - run.account.cost.total


JOBS: Final[tuple[Field[Run], ...]] = (
    Field(key="ended", kind=_MOMENT, value=_ended),
    Field(key="printer", kind=_TEXT, value=lambda run: run.printer),
    Field(key="job", kind=_TEXT, value=lambda run: run.job.title),
    Field(key="plate", kind=_INTEGER, value=lambda run: run.job.identity.plate),
    Field(key="outcome", kind=_TEXT, value=lambda run: run.job.outcome, values="outcome"),
    Field(key="reason", kind=_TEXT, value=lambda run: run.job.reason),
    Field(key="started", kind=_MOMENT, value=lambda run: run.job.started_at),
    Field(key="duration", kind=_HOURS, value=lambda run: run.job.duration, total=True),
    Field(
        key="machine_time",
        kind=_HOURS,
        value=lambda run: run.account.machine_time if run.account else None,
        total=True,
    ),
    Field(key="material", kind=_TEXT, value=_materials),
    Field(
        key="mass",
        kind=_MASS,
        value=lambda run: run.account.mass_g if run.account else None,
        total=True,
    ),
    Field(key="mass_source", kind=_TEXT, value=_mass_source, values="source"),
    Field(
        key="energy",
        kind=_NUMBER,
        value=lambda run: run.account.energy.kwh if run.account else None,
        total=True,
    ),
    Field(
        key="energy_source",
        kind=_TEXT,
        value=lambda run: run.account.energy.source if run.account else None,
        values="source",
    ),
    Field(
        key="pieces",
        kind=_INTEGER,
        value=lambda run: run.account.pieces if run.account else None,
        total=True,
    ),
    Field(
        key="purpose",
        kind=_TEXT,
        value=lambda run: run.account.purpose if run.account else None,
        values="purpose",
    ),
    Field(
        key="customer_number",
        kind=_TEXT,
        value=lambda run: run.customer.number if run.customer else None,
    ),
    Field(
        key="customer", kind=_TEXT, value=lambda run: run.customer.name if run.customer else None
    ),
    Field(key="file", kind=_TEXT, value=lambda run: run.job.identity.path),
    Field(key="job_id", kind=_TEXT, value=lambda run: str(run.job.id)),
)

COSTS: Final[tuple[Field[Run], ...]] = (
    Field(key="ended", kind=_MOMENT, value=_ended),
    Field(key="printer", kind=_TEXT, value=lambda run: run.printer),
    Field(key="job", kind=_TEXT, value=lambda run: run.job.title),
    Field(key="outcome", kind=_TEXT, value=lambda run: run.job.outcome, values="outcome"),
    *(Field(key=f"cost_{kind}", kind=_MONEY, value=_cost(kind), total=True) for kind in CostKind),
    Field(
        key="cost",
        kind=_MONEY,
        value=lambda run: run.account.cost.total if run.account else None,
        total=True,
    ),
    Field(
        key="cost_complete",
        kind=ColumnKind.BOOLEAN,
        value=lambda run: run.account.cost.complete if run.account else None,
    ),
    Field(
        key="estimate",
        kind=_MONEY,
        value=lambda run: (
            run.account.estimate.total if run.account and run.account.estimate else None
        ),
        total=True,
    ),
    Field(key="difference", kind=_MONEY, value=_difference, total=True),
    Field(
        key="cost_per_piece",
        kind=_MONEY,
        value=_per_piece,
    ),
    Field(
        key="price",
        kind=_MONEY,
        value=lambda run: run.account.price if run.account else None,
        total=True,
    ),
    Field(key="earned", kind=_MONEY, value=_earned, total=True),
    Field(
        key="purpose",
        kind=_TEXT,
        value=lambda run: run.account.purpose if run.account else None,
        values="purpose",
    ),
    Field(
        key="customer_number",
        kind=_TEXT,
        value=lambda run: run.customer.number if run.customer else None,
    ),
    Field(key="job_id", kind=_TEXT, value=lambda run: str(run.job.id)),
    Field(
        key="currency",
        kind=_TEXT,
        value=lambda run: run.account.currency if run.account else None,
    ),
)

# -- materials ---------------------------------------------------------------------------------

STOCK: Final[tuple[Field[Stored], ...]] = (
    Field(key="spool", kind=_INTEGER, value=lambda stored: stored.spool.number),
    Field(key="material", kind=_TEXT, value=lambda stored: stored.material.title),
    Field(key="colour", kind=_TEXT, value=lambda stored: stored.material.colour),
    Field(key="lot", kind=_TEXT, value=lambda stored: stored.spool.lot),
    Field(key="location", kind=_TEXT, value=lambda stored: stored.spool.location),
    Field(key="net", kind=_MASS, value=lambda stored: stored.spool.net_g, total=True),
    Field(key="remaining", kind=_MASS, value=lambda stored: stored.spool.remaining_g, total=True),
    Field(key="price_per_kg", kind=_MONEY, value=lambda stored: stored.price_per_kg),
    Field(key="worth", kind=_MONEY, value=lambda stored: stored.worth, total=True),
    Field(key="weigh_me", kind=ColumnKind.BOOLEAN, value=lambda stored: stored.spool.weigh_me),
    Field(key="opened", kind=_MOMENT, value=lambda stored: stored.spool.opened_at),
    Field(key="dried", kind=_MOMENT, value=lambda stored: stored.spool.dried_at),
    Field(key="archived", kind=ColumnKind.BOOLEAN, value=lambda stored: stored.spool.archived),
)

MOVEMENTS: Final[tuple[Field[Moved], ...]] = (
    Field(key="at", kind=_MOMENT, value=lambda moved: moved.movement.at),
    Field(
        key="spool", kind=_INTEGER, value=lambda moved: moved.spool.number if moved.spool else None
    ),
    Field(
        key="material",
        kind=_TEXT,
        value=lambda moved: moved.material.title if moved.material else None,
    ),
    Field(key="movement", kind=_TEXT, value=lambda moved: moved.movement.kind, values="movement"),
    Field(key="mass", kind=_MASS, value=lambda moved: moved.movement.mass_g, total=True),
    Field(key="reason", kind=_TEXT, value=lambda moved: moved.movement.reason),
    Field(
        key="job_id",
        kind=_TEXT,
        value=lambda moved: str(moved.movement.job_id) if moved.movement.job_id else None,
    ),
)

# -- customers, documents, taxes ---------------------------------------------------------------

CUSTOMERS: Final[tuple[Field[Customer], ...]] = (
    Field(key="customer_number", kind=_TEXT, value=lambda customer: customer.number),
    Field(key="customer", kind=_TEXT, value=lambda customer: customer.name),
    Field(key="business", kind=ColumnKind.BOOLEAN, value=lambda customer: customer.business),
    Field(key="contact", kind=_TEXT, value=lambda customer: customer.contact),
    Field(key="street", kind=_TEXT, value=lambda customer: customer.street),
    Field(key="postcode", kind=_TEXT, value=lambda customer: customer.postcode),
    Field(key="city", kind=_TEXT, value=lambda customer: customer.city),
    Field(key="country", kind=_TEXT, value=lambda customer: customer.country),
    Field(key="vat_id", kind=_TEXT, value=lambda customer: customer.vat_id),
    Field(key="email", kind=_TEXT, value=lambda customer: customer.email),
    Field(key="phone", kind=_TEXT, value=lambda customer: customer.phone),
    Field(key="created", kind=_MOMENT, value=lambda customer: customer.created_at),
    Field(key="erased", kind=_MOMENT, value=lambda customer: customer.anonymised_at),
)

DOCUMENTS: Final[tuple[Field[Document], ...]] = (
    Field(key="issued", kind=_DATE, value=lambda document: document.issued_on),
    Field(key="number", kind=_TEXT, value=lambda document: document.number),
    Field(key="document", kind=_TEXT, value=lambda document: document.kind, values="document"),
    Field(key="customer_number", kind=_TEXT, value=lambda document: document.buyer.number),
    Field(key="customer", kind=_TEXT, value=lambda document: document.buyer.name),
    Field(key="vat_id", kind=_TEXT, value=lambda document: document.buyer.vat_id),
    Field(key="net_amount", kind=_MONEY, value=lambda document: document.net, total=True),
    Field(key="tax", kind=_MONEY, value=lambda document: document.tax, total=True),
    Field(key="gross", kind=_MONEY, value=lambda document: document.gross, total=True),
    Field(key="due", kind=_DATE, value=lambda document: document.due_on),
    Field(key="supplied_from", kind=_DATE, value=lambda document: document.delivered_from),
    Field(key="supplied_until", kind=_DATE, value=lambda document: document.delivered_until),
    Field(key="cancels", kind=_TEXT, value=lambda document: document.cancels),
    Field(key="currency", kind=_TEXT, value=lambda document: document.currency),
)

TAXES: Final[tuple[Field[Taxed], ...]] = (
    Field(key="issued", kind=_DATE, value=lambda taxed: taxed.document.issued_on),
    Field(key="number", kind=_TEXT, value=lambda taxed: taxed.document.number),
    Field(key="percent", kind=_PERCENT, value=lambda taxed: taxed.line.percent / 100),
    Field(key="net_amount", kind=_MONEY, value=lambda taxed: taxed.line.net, total=True),
    Field(key="tax", kind=_MONEY, value=lambda taxed: taxed.line.tax, total=True),
    Field(key="gross", kind=_MONEY, value=lambda taxed: taxed.line.gross, total=True),
    Field(key="exempt", kind=ColumnKind.BOOLEAN, value=lambda taxed: taxed.document.exempt),
    Field(key="currency", kind=_TEXT, value=lambda taxed: taxed.document.currency),
)
