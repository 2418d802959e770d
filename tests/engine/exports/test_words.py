"""Words, columns and the values that stand in them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import uuid4

import pytest
from openpyxl import load_workbook

from custom_components.printernizer.engine.account import (
    Breakdown,
    Confidence,
    Consumption,
    CostKind,
    CostLine,
    EnergyUse,
    JobAccount,
    Source,
)
from custom_components.printernizer.engine.customer import Customer
from custom_components.printernizer.engine.document import DocumentKind
from custom_components.printernizer.engine.exports import plain, report_book, subjects, words
from custom_components.printernizer.engine.exports.report_book import Figure, Report, Table
from custom_components.printernizer.engine.exports.sheet import (
    NUMERIC,
    Column,
    ColumnKind,
    Sheet,
)
from custom_components.printernizer.engine.exports.subjects import Field, Names, Run
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState, Outcome
from custom_components.printernizer.engine.material import Material, Movement, MovementKind, Spool
from custom_components.printernizer.engine.shop import Purpose

from . import samples
from .test_datev import a_document, a_tax

AT = datetime(2026, 10, 9, 12, tzinfo=UTC)
SUBJECTS = {
    "jobs": subjects.JOBS,
    "costs": subjects.COSTS,
    "stock": subjects.STOCK,
    "movements": subjects.MOVEMENTS,
    "customers": subjects.CUSTOMERS,
    "documents": subjects.DOCUMENTS,
    "taxes": subjects.TAXES,
}
SAID: dict[str, type[StrEnum]] = {
    "outcome": Outcome,
    "source": Source,
    "purpose": Purpose,
    "movement": MovementKind,
    "document": DocumentKind,
}


def a_customer() -> Customer:
    return Customer(id=uuid4(), number="K00017", name="Müller", created_at=AT)


def a_job() -> Job:
    return Job(
        id=uuid4(),
        printer_id="P1",
        identity=JobIdentity(path="/a/Halter.3mf", name="Halter", plate=2),
        state=JobState.ENDED,
        started_at=AT,
        first_seen_at=AT,
        ended_at=AT + timedelta(hours=2),
        outcome=Outcome.COMPLETED,
        duration=timedelta(hours=2),
    )


def an_account(job: Job, **changes: Any) -> JobAccount:
    lines = (
        CostLine(kind=CostKind.MATERIAL, label="PLA", amount=Decimal("1.80")),
        CostLine(kind=CostKind.ENERGY, label="meter", amount=Decimal("0.14")),
    )
    values: dict[str, Any] = {
        "job_id": job.id,
        "at": AT,
        "currency": "EUR",
        "consumption": (
            Consumption(
                material="PLA",
                mass_g=Decimal(60),
                source=Source.MEASURED,
                confidence=Confidence.HIGH,
            ),
            Consumption(
                material="PLA",
                mass_g=Decimal(30),
                source=Source.ESTIMATE,
                confidence=Confidence.LOW,
            ),
        ),
        "energy": EnergyUse(kwh=Decimal("0.5"), source=Source.METER),
        "cost": Breakdown(lines=lines),
        "estimate": Breakdown(lines=lines[:1]),
        "price": Decimal(5),
        "machine_time": timedelta(hours=1, minutes=50),
        "pieces": 3,
        "purpose": Purpose.BUSINESS,
    }
    return JobAccount(**values | changes)


def row(fields: Iterable[Field[Any]], record: Any, language: str = "de") -> dict[str, Any]:
    """Return one record's row by column key."""
    sheet = subjects.sheet("jobs", tuple(fields), [record], language)
    (values,) = list(sheet.rows)
    return dict(zip([column.key for column in sheet.columns], values, strict=True))


@pytest.mark.parametrize("key", SUBJECTS)
def test_every_column_has_a_title_in_both_languages_and_its_own_key(key: str) -> None:
    """A title in the other language is read as a mistake; two keys alike lose a column in JSON."""
    for language in ("en", "de"):
        sheet = subjects.sheet(key, SUBJECTS[key], [], language)
        keys = [column.key for column in sheet.columns]
        assert len(set(keys)) == len(keys)
        assert len({column.title for column in sheet.columns}) == len(keys)
        assert sheet.name
        assert all(column.kind in NUMERIC for column in sheet.columns if column.total)
        assert all(column.characters >= 9 for column in sheet.columns)


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("language", ["en", "de"])
def test_every_value_has_a_word(kind: str, language: str) -> None:
    """A key of ours means nothing to an accountant."""
    for value in SAID[kind]:
        assert words.word(f"{kind}_{value}", language)


def test_a_value_without_a_word_is_said_as_it_is() -> None:
    """A newer part of the shop must not break an export."""
    assert words.said("outcome_melted", "de") == "melted"
    assert words.word("total", "fr") == "Total"


def test_a_job_says_what_it_took_and_where_that_comes_from() -> None:
    """The least certain part of the grams names their source."""
    job, customer = a_job(), a_customer()
    account = an_account(job, customer_id=customer.id)
    names = Names(printers={"P1": "Prusa"}, customers={customer.id: customer})
    (run,) = subjects.runs([(job, account)], names)
    found = row(subjects.JOBS, run)
    assert found["printer"] == "Prusa"
    assert found["outcome"] == "fertig"
    assert found["mass"] == 90
    assert found["mass_source"] == "Schätzung des Slicers"
    assert found["energy_source"] == "Stromzähler"
    assert found["material"] == "PLA"
    assert found["customer"] == "Müller"
    assert found["purpose"] == "geschäftlich"
    assert found["machine_time"] == timedelta(hours=1, minutes=50)
    assert found["job_id"] == str(job.id)


def test_costs_stand_by_kind_with_what_was_earned() -> None:
    """Estimate, cost and price are three numbers (rule 21)."""
    job = a_job()
    found = row(subjects.COSTS, Run(job=job, account=an_account(job), printer="P", customer=None))
    assert found["cost_material"] == Decimal("1.80")
    assert found["cost_machine"] is None
    assert found["cost"] == Decimal("1.94")
    assert found["difference"] == Decimal("0.14")
    assert found["earned"] == Decimal("3.06")
    assert found["cost_per_piece"] == Decimal("0.646667")
    assert found["cost_complete"] is True


def test_what_is_not_known_stays_empty() -> None:
    """A job without an account cost something that nobody knows, not 0."""
    run = Run(job=a_job(), account=None, printer="P", customer=None)
    costs = row(subjects.COSTS, run)
    assert {key for key, value in costs.items() if value is not None} == {
        "ended",
        "printer",
        "job",
        "outcome",
        "job_id",
    }
    assert row(subjects.JOBS, run)["mass_source"] is None
    lines = (CostLine(kind=CostKind.ENERGY, label="meter"),)
    account = an_account(
        run.job, cost=Breakdown(lines=lines), consumption=(), price=None, pieces=None
    )
    found = row(subjects.COSTS, replace(run, account=account))
    assert found["cost_energy"] is None
    assert found["difference"] is None
    assert found["earned"] is None
    assert row(subjects.JOBS, replace(run, account=account))["mass_source"] is None
    assert Names(printers={}, customers={}).printer("P9") == "P9"


def test_stock_is_worth_what_it_was_bought_for() -> None:
    """The accountant wants the value of the shelf on the last day of the year."""
    material = Material(id=uuid4(), kind="PLA", brand="Prusament")
    spool = Spool(
        id=uuid4(), material_id=material.id, number=7, net_g=Decimal(1000), remaining_g=Decimal(333)
    )
    stored = subjects.Stored(spool=spool, material=material, price_per_kg=Decimal(30))
    found = row(subjects.STOCK, stored)
    assert found["worth"] == Decimal("9.99")
    assert found["material"] == "Prusament PLA"
    assert row(subjects.STOCK, replace(stored, price_per_kg=None))["worth"] is None
    movement = Movement(
        id=1, spool_id=spool.id, kind=MovementKind.CONSUMPTION, mass_g=Decimal(-5), at=AT
    )
    moved = subjects.Moved(movement=movement, spool=spool, material=material)
    assert row(subjects.MOVEMENTS, moved)["movement"] == "Verbrauch"
    gone = subjects.Moved(movement=replace(movement, job_id=uuid4()), spool=None, material=None)
    assert row(subjects.MOVEMENTS, gone, "en")["spool"] is None


def test_customers_documents_and_taxes_are_told() -> None:
    """Net and tax stand once per rate, since the return asks for them so."""
    assert row(subjects.CUSTOMERS, a_customer())["customer_number"] == "K00017"
    document = a_document(a_tax(7, "100", "7"), a_tax(19, "200", "38"))
    assert row(subjects.DOCUMENTS, document)["document"] == "Rechnung"
    first, second = subjects.taxed([document])
    assert row(subjects.TAXES, first)["percent"] == Decimal("0.07")
    assert row(subjects.TAXES, second)["gross"] == 238
    # A shop that changed its currency still has documents in the one before.
    (franc, _) = subjects.taxed([replace(document, currency="CHF")])
    assert row(subjects.TAXES, franc)["currency"] == "CHF"
    assert row(subjects.DOCUMENTS, franc.document)["currency"] == "CHF"
    job = a_job()
    run = Run(job=job, account=an_account(job, currency="CHF"), printer="P", customer=None)
    assert row(subjects.COSTS, run)["currency"] == "CHF"
    assert row(subjects.COSTS, replace(run, account=None))["currency"] is None


def test_json_keeps_every_digit_and_utc() -> None:
    """A program reckons on: with exact amounts, and times that are the same everywhere."""
    rows = [samples.row(3, "Würfel\n=1"), [None] * 10, [Decimal("NaN"), 1.5, *[None] * 8]]
    book = samples.workbook(rows * 200, created_at=AT)
    file = io.BytesIO()
    counts = plain.write(book, file)
    found = json.loads(file.getvalue(), parse_float=Decimal)
    assert counts == {"jobs": 600}
    assert found["currency"] == "EUR"
    assert found["time_zone"] == "Europe/Berlin"
    assert found["created_at"] == AT.isoformat()
    table = found["sheets"]["jobs"]
    assert [column["key"] for column in table["columns"]] == [each.value for each in ColumnKind]
    assert len(table["rows"]) == 600
    first, empty, odd = table["rows"][:3]
    assert first["text"] == "Würfel\n=1"
    assert first["money"] == rows[0][3]
    assert first["hours"] == Decimal("0.350010")
    assert first["moment"] == rows[0][8].isoformat()
    assert first["date"] == "2026-03-03"
    assert first["boolean"] is False
    assert set(empty.values()) == {None}
    assert odd["text"] is None
    assert odd["integer"] == Decimal("1.5")


def test_json_of_nothing_is_whole() -> None:
    """An empty month."""
    sheets = (
        Sheet(key="a", name="A", columns=(), rows=()),
        Sheet(key="b", name="B", columns=(), rows=()),
    )
    file = io.BytesIO()
    plain.write(replace(samples.workbook(()), sheets=sheets), file)
    assert json.loads(file.getvalue())["sheets"]["b"]["rows"] == []


def a_report(rows: list[list[Any]]) -> Report:
    columns = (
        Column(key="day", title="Tag", kind=ColumnKind.DATE),
        Column(key="cost", title="Kosten", kind=ColumnKind.MONEY, total=True),
        Column(key="hours", title="Stunden", kind=ColumnKind.HOURS, total=True),
        Column(key="at", title="Zuletzt", kind=ColumnKind.MOMENT),
        Column(key="name", title="=Name"),
    )
    sheet = Sheet(key="days", name="Tage", columns=columns, rows=rows)
    figures = (
        Figure(label="=Umsatz", value=Decimal("1234.5"), kind=ColumnKind.MONEY),
        Figure(label="Erfolg", value=Decimal("0.833"), kind=ColumnKind.PERCENT),
    )
    return Report(
        title="Oktober 2026",
        subtitle="Werkstatt",
        figures=figures,
        tables=(Table(sheet=sheet, labels="day", bars=("cost",)),),
    )


def test_a_report_has_figures_totals_and_bars() -> None:
    """What the owner looks at first, and sends on."""
    rows = [
        [date(2026, 10, day), Decimal(day), timedelta(minutes=90), AT, "=1+1"] for day in (1, 2, 3)
    ]
    file = io.BytesIO()
    report_book.write(a_report(rows), file, samples.BERLIN)
    book = load_workbook(file)
    front, page = book.worksheets
    assert book.sheetnames == ["Bericht", "Tage"]
    assert front["A1"].value == "Oktober 2026"
    assert (front["A5"].value, front["A5"].data_type) == ("=Umsatz", "s")
    assert front["B5"].value == 1234.5
    assert front["B5"].number_format == '#,##0.00 "€"'
    assert page["C2"].value == 1.5
    assert page["D2"].value == datetime(2026, 10, 9, 14)
    assert (page["E2"].value, page["E2"].data_type) == ("=1+1", "s")
    assert page["E1"].data_type == "s"
    assert page["B6"].value == "=SUBTOTAL(109,B2:B4)"
    assert page["A6"].value == "Summe"
    assert page.auto_filter.ref == "A1:E4"
    assert len(page._charts) == 1


def test_a_report_without_days_draws_nothing() -> None:
    """An axis without bars looks broken."""
    file = io.BytesIO()
    report_book.write(a_report([]), file, samples.BERLIN)
    page = load_workbook(file)["Tage"]
    assert page._charts == []
    assert page["A3"].value is None
