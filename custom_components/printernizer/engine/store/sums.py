"""Sums of accounts by local day, kept in step with them in the same transaction.

What an account adds is taken back when another takes its place, so that the sums are those of the
rows at every moment. Everything in them is a whole number or exact: nothing drifts.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from .account_tables import ACCOUNT_DAYS, MATERIAL_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Table

_PARTS: Final = (
    "material_cost",
    "energy_cost",
    "machine_cost",
    "labour_cost",
    "overhead_cost",
    "cost",
    "price",
)


def add(
    connection: Connection,
    row: Mapping[Any, Any],
    lines: Iterable[Mapping[Any, Any]],
    *,
    sign: int,
) -> None:
    """Add an account and its consumption to the sums of its day (sign 1), or take them back (-1).

    `row`, `lines`: as in `job_accounts` and `job_consumption`.
    """
    seconds, mass_g, kwh = row["duration_s"], row["mass_g"], row["kwh"]
    day = {
        "local_day": row["local_day"],
        "printer_id": row["printer_id"],
        "outcome": row["outcome"],
        "purpose": row["purpose"] or "",
        "currency": row["currency"],
    }
    _accumulate(
        connection,
        ACCOUNT_DAYS,
        day,
        {
            "jobs": 1,
            "timed": int(seconds is not None),
            "duration_ms": round((seconds or 0.0) * 1000),
            "weighed": int(mass_g is not None),
            "mass_g": mass_g or Decimal(0),
            "metered": int(kwh is not None),
            "kwh": kwh or Decimal(0),
            **{part: row[part] or Decimal(0) for part in _PARTS},
            "complete": int(row["cost_complete"]),
            "priced": int(row["price"] is not None),
            "pieces": row["pieces"] or 0,
        },
        sign,
    )
    for line in lines:
        line_g = line["mass_g"] or Decimal(0)
        _accumulate(
            connection,
            MATERIAL_DAYS,
            {
                "local_day": row["local_day"],
                "printer_id": row["printer_id"],
                "material": line["material"] or "",
                "currency": row["currency"],
            },
            {
                "lines": 1,
                "unknown": int(line["mass_g"] is None),
                "unmapped_g": line_g if line["spool_id"] is None else Decimal(0),
                "mass_g": line_g,
                "amount": line["amount"] or Decimal(0),
            },
            sign,
        )


def _accumulate(
    connection: Connection,
    table: Table,
    key: dict[str, Any],
    amounts: dict[str, int | Decimal],
    sign: int,
) -> None:
    # The usual case, a day that has begun, is an update built once: an upsert is compiled anew
    # each time, which takes longer than all the rest of an account.
    change = {f"add_{name}": sign * n for name, n in amounts.items()}
    known = connection.execute(
        _ADDING[table.name], {**{f"key_{name}": value for name, value in key.items()}, **change}
    )
    if known.rowcount:
        return
    insert: Any = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    statement = insert(table).values({**key, **{name: sign * n for name, n in amounts.items()}})
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(key),
            set_={name: table.c[name] + sa.literal_column(f"excluded.{name}") for name in amounts},
        )
    )


def _adding(table: Table) -> sa.Update:
    keys = [column for column in table.columns if column.primary_key]
    rest = [column for column in table.columns if not column.primary_key]
    return (
        sa.update(table)
        .where(*(key == sa.bindparam(f"key_{key.name}", type_=key.type) for key in keys))
        .values({each: each + sa.bindparam(f"add_{each.name}", type_=each.type) for each in rest})
    )


_ADDING: Final = {table.name: _adding(table) for table in (ACCOUNT_DAYS, MATERIAL_DAYS)}
