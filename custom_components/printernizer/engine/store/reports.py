"""What a period was like, read from the sums by local day: a month is a few hundred rows."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

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

    from sqlalchemy import Connection

_DAY: Final = timedelta(days=1)
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
        weeks=_weeks(_grouped(connection, (days.local_day,), within), first),
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


def _weeks(days: Iterable[Mapping[Any, Any]], first: date) -> tuple[WeekTotals, ...]:
    """Add days up to weeks; one begins on Monday, the first of them with the period."""
    weeks: dict[date, WeekTotals] = {}
    for row in days:
        day = row["local_day"]
        begins = max(first, day - day.weekday() * _DAY)
        week = weeks.get(begins) or WeekTotals(begins=begins)
        weeks[begins] = WeekTotals(
            begins=begins,
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
    """Return whose jobs they were, by revenue; those of nobody as well once there is anybody."""
    accounts = JOB_ACCOUNTS.c
    whose = (CUSTOMERS.c.number, CUSTOMERS.c.name, accounts.outcome)
    query = (
        sa.select(
            *whose,
            sa.func.count().label("jobs"),
            # To the millisecond each, as the sums by day are.
            sa.func.sum(sa.cast(sa.func.round(accounts.duration_s * 1000), sa.BigInteger)).label(
                "duration_ms"
            ),
            sa.func.sum(sa.cast(accounts.cost_complete, sa.Integer)).label("complete"),
            *(
                sa.func.sum(accounts[name], type_=accounts[name].type).label(name)
                for name in ("mass_g", "kwh", "cost", "price")
            ),
        )
        .select_from(JOB_ACCOUNTS)
        .outerjoin(CUSTOMERS, CUSTOMERS.c.id == accounts.customer_id)
        # The index holds moments; a local day is never a whole day off that of UTC.
        .where(accounts.day_at >= _midnight(first) - _DAY)
        .where(accounts.day_at < _midnight(last) + 2 * _DAY)
        .where(accounts.local_day.between(first, last), accounts.currency == currency)
        .group_by(*whose)
    )
    if printer_id is not None:
        query = query.where(accounts.printer_id == printer_id)
    rows: dict[tuple[str | None, str | None], list[Mapping[Any, Any]]] = {}
    for row in connection.execute(query).mappings():
        # An erased customer has a number and no name.
        whom = (row["number"], row["name"] or row["number"])
        rows.setdefault(whom, []).append({key: value or ZERO for key, value in row.items()})
    shares = [
        Share(name=name, totals=_totals(theirs), key=number)
        for (number, name), theirs in rows.items()
    ]
    if not any(share.key for share in shares):
        return ()
    return tuple(sorted(shares, key=lambda share: (-share.totals.revenue, share.key or "")))


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)
