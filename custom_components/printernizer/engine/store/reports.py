"""What a period was like, read from the sums by local day: a month is a few hundred rows."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from ..account import CostKind
from ..money import ZERO, exact
from ..report import (
    DailyHistory,
    DayTotals,
    JobCounts,
    MonthlyReport,
    Share,
    Totals,
    WeekTotals,
)
from .account_tables import ACCOUNT_DAYS, JOB_ACCOUNTS, MATERIAL_DAYS
from .office_tables import CUSTOMERS
from .schema import PRINTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date

    from sqlalchemy import Connection

_PARTS = ("material_cost", "energy_cost", "machine_cost", "labour_cost", "overhead_cost")
_SUMMED = ("jobs", "duration_ms", "mass_g", "kwh", "cost", "price", "complete", *_PARTS)
_KINDS = dict(
    zip(
        _PARTS,
        (
            CostKind.MATERIAL,
            CostKind.ENERGY,
            CostKind.MACHINE,
            CostKind.LABOUR,
            CostKind.OVERHEAD,
        ),
        strict=True,
    )
)


def report(
    connection: Connection,
    first: date,
    last: date,
    *,
    currency: str,
    printer_id: str | None = None,
    shop: str = "",
) -> MonthlyReport:
    """Return the report of a period, first to last day, both included; of one printer or all.

    Revenue is what was charged for jobs. Runs in another currency are not in it.
    """
    days = ACCOUNT_DAYS.c
    within = [days.local_day.between(first, last), days.currency == currency]
    if printer_id is not None:
        within.append(days.printer_id == printer_id)
    groups = _grouped(connection, (days.printer_id, days.outcome), within)
    by_printer: dict[str, list[Mapping[Any, Any]]] = {}
    for row in groups:
        by_printer.setdefault(row["printer_id"], []).append(row)
    names = {row.id: row.name for row in connection.execute(sa.select(PRINTERS))}
    return MonthlyReport(
        month=first,
        totals=_totals(groups),
        costs=tuple((kind, _sum(groups, part)) for part, kind in _KINDS.items()),
        weeks=_weeks(_grouped(connection, (days.local_day,), within)),
        printers=tuple(
            Share(name=names.get(key) or key, totals=_totals(rows), key=key)
            for key, rows in sorted(by_printer.items())
        ),
        materials=_materials(connection, first, last, currency, printer_id),
        customers=_customers(connection, first, last, currency, printer_id),
        currency=currency,
        shop=shop,
    )


def history(connection: Connection, first: date | None, *, currency: str) -> DailyHistory:
    """Return all days from `first` on, by printer, and what was summed up before it.

    first: None for the very first day of the ledger.
    """
    days = ACCOUNT_DAYS.c
    paid = days.currency == currency
    since = [paid] if first is None else [paid, days.local_day >= first]
    by_day: dict[tuple[date, str], list[Mapping[Any, Any]]] = {}
    for row in _grouped(connection, (days.local_day, days.printer_id, days.outcome), since):
        by_day.setdefault((row["local_day"], row["printer_id"]), []).append(row)
    before: dict[str, list[Mapping[Any, Any]]] = {}
    if first is not None:
        earlier = [paid, days.local_day < first]
        for row in _grouped(connection, (days.printer_id, days.outcome), earlier):
            before.setdefault(row["printer_id"], []).append(row)
    return DailyHistory(
        before=tuple(
            Share(name=None, totals=_totals(rows), key=key) for key, rows in before.items()
        ),
        days=tuple(
            DayTotals(printer_id=printer_id, day=day, totals=_totals(rows))
            for (day, printer_id), rows in by_day.items()
        ),
    )


def _grouped(
    connection: Connection,
    by: Sequence[sa.ColumnElement[Any]],
    within: Sequence[sa.ColumnElement[bool]],
) -> list[Mapping[Any, Any]]:
    sums = [
        sa.func.sum(ACCOUNT_DAYS.c[name], type_=ACCOUNT_DAYS.c[name].type).label(name)
        for name in _SUMMED
    ]
    query = sa.select(*by, *sums).where(*within).group_by(*by).order_by(*by)
    return [dict(row) for row in connection.execute(query).mappings()]


def _sum(rows: Iterable[Mapping[Any, Any]], key: str) -> Decimal:
    return sum((row[key] for row in rows), ZERO)


def _totals(rows: Sequence[Mapping[Any, Any]]) -> Totals:
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["outcome"]] = counts.get(row["outcome"], 0) + int(row["jobs"])
    jobs = JobCounts(**counts)
    return Totals(
        jobs=jobs,
        hours=exact(Decimal(int(_sum(rows, "duration_ms"))) / 3_600_000),
        mass_g=_sum(rows, "mass_g"),
        kwh=_sum(rows, "kwh"),
        cost=_sum(rows, "cost"),
        revenue=_sum(rows, "price"),
        incomplete=jobs.total - int(_sum(rows, "complete")),
    )


def _weeks(days: Iterable[Mapping[Any, Any]]) -> tuple[WeekTotals, ...]:
    """Add days up to weeks; one begins with its first day in the period, else on Monday."""
    weeks: dict[tuple[int, int], WeekTotals] = {}
    for row in days:
        key = row["local_day"].isocalendar()[:2]
        week = weeks.get(key) or WeekTotals(begins=row["local_day"])
        weeks[key] = WeekTotals(
            begins=week.begins,
            revenue=week.revenue + row["price"],
            cost=week.cost + row["cost"],
        )
    return tuple(weeks.values())


def _materials(
    connection: Connection, first: date, last: date, currency: str, printer_id: str | None
) -> tuple[Share, ...]:
    days = MATERIAL_DAYS.c
    query = (
        sa.select(
            days.material,
            sa.func.sum(days.lines).label("lines"),
            sa.func.sum(days.mass_g, type_=days.mass_g.type).label("mass_g"),
            sa.func.sum(days.amount, type_=days.amount.type).label("amount"),
        )
        .where(days.local_day.between(first, last), days.currency == currency)
        .group_by(days.material)
    )
    if printer_id is not None:
        query = query.where(days.printer_id == printer_id)
    shares = [
        Share(
            name=row.material or None,
            totals=Totals(mass_g=row.mass_g or ZERO, cost=row.amount or ZERO),
        )
        for row in connection.execute(query)
        if row.lines
    ]
    return tuple(sorted(shares, key=lambda share: share.totals.mass_g, reverse=True))


def _customers(
    connection: Connection, first: date, last: date, currency: str, printer_id: str | None
) -> tuple[Share, ...]:
    accounts = JOB_ACCOUNTS.c
    query = (
        sa.select(
            CUSTOMERS.c.number,
            sa.func.count().label("jobs"),
            sa.func.sum(accounts.mass_g, type_=accounts.mass_g.type).label("mass_g"),
            sa.func.sum(accounts.cost, type_=accounts.cost.type).label("cost"),
            sa.func.sum(accounts.price, type_=accounts.price.type).label("price"),
        )
        .join(CUSTOMERS, CUSTOMERS.c.id == accounts.customer_id)
        .where(accounts.local_day.between(first, last), accounts.currency == currency)
        .group_by(CUSTOMERS.c.number)
    )
    if printer_id is not None:
        query = query.where(accounts.printer_id == printer_id)
    shares = [
        Share(
            name=row.number,
            totals=Totals(
                mass_g=row.mass_g or ZERO, cost=row.cost or ZERO, revenue=row.price or ZERO
            ),
        )
        for row in connection.execute(query)
    ]
    return tuple(sorted(shares, key=lambda share: share.totals.revenue, reverse=True))
