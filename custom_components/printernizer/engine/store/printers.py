"""Printers the ledger has met, and what the tracking remembers of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from . import codec
from .schema import JOBS, PRINTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection, Table

    from ..memory import Memory


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownPrinter:
    """A printer as the ledger knows it. Stays when it is removed: its jobs do."""

    id: str
    kind: str | None
    model: str | None
    name: str | None
    first_seen: datetime
    last_seen: datetime


def upsert(
    connection: Connection, table: Table, keys: Iterable[str], keep: Iterable[str] = ()
) -> Any:
    """Build an insert that updates the row when it is there already, but for `keep`."""
    insert: Any
    if connection.dialect.name == "sqlite":
        insert = sqlite.insert(table)
    else:
        insert = postgresql.insert(table)
    fixed = {*keys, *keep}
    changed = {column.name: column for column in insert.excluded if column.name not in fixed}
    return insert.on_conflict_do_update(index_elements=list(keys), set_=changed)


def meet(
    connection: Connection,
    printer_id: str,
    *,
    kind: str | None,
    model: str | None,
    name: str | None,
    at: datetime,
) -> None:
    """Note who a printer is, and that it was there at that time."""
    found = connection.execute(
        sa.update(PRINTERS)
        .where(PRINTERS.c.id == printer_id)
        .values(kind=kind, model=model, name=name, last_seen=at)
    )
    if not found.rowcount:
        insert(connection, [{"id": printer_id, "at": at}])
        meet(connection, printer_id, kind=kind, model=model, name=name, at=at)


def insert(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Make sure that printers (`id`, first seen `at`) have a row."""
    table: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
    values = [{"id": row["id"], "first_seen": row["at"], "last_seen": row["at"]} for row in rows]
    if values:
        connection.execute(table.insert(PRINTERS).on_conflict_do_nothing(), values)


def remember(connection: Connection, memories: Iterable[Memory], at: datetime) -> None:
    """Keep what the tracking remembers of each; their printers have rows."""
    rows = [
        {"printer": memory.printer_id, "text": codec.memory_text(memory), "at": at}
        for memory in memories
    ]
    if rows:
        connection.execute(
            sa.update(PRINTERS)
            .where(PRINTERS.c.id == sa.bindparam("printer"))
            .values(
                memory=sa.bindparam("text"),
                last_seen=sa.bindparam("at", type_=PRINTERS.c.last_seen.type),
            ),
            rows,
        )


def load_memory(connection: Connection, printer_id: str) -> Memory:
    """Read what is remembered of one printer; an empty memory if it was never met."""
    return next(
        iter(load_memories(connection, PRINTERS.c.id == printer_id)),
        codec.memory_of(printer_id, None, None),
    )


def load_memories(
    connection: Connection, condition: sa.ColumnElement[bool] | None = None
) -> tuple[Memory, ...]:
    """Read what is remembered of every printer, with its open run."""
    chosen = sa.true() if condition is None else condition
    jobs = {
        row["printer_id"]: codec.job_of(row)
        for row in connection.execute(
            sa.select(JOBS).where(JOBS.c.outcome.is_(None)).order_by(JOBS.c.first_seen_at)
        ).mappings()
    }
    rows = connection.execute(sa.select(PRINTERS.c.id, PRINTERS.c.memory).where(chosen))
    return tuple(codec.memory_of(row.id, row.memory, jobs.get(row.id)) for row in rows)


def name_of(connection: Connection, printer_id: str) -> str | None:
    """Read what a printer is called; None where nobody said, or it was never met."""
    query = sa.select(PRINTERS.c.name).where(PRINTERS.c.id == printer_id)
    return connection.execute(query).scalar_one_or_none()


def kind_of(connection: Connection, printer_id: str) -> str | None:
    """Read which kind a printer is; None where nobody said, or it was never met."""
    query = sa.select(PRINTERS.c.kind).where(PRINTERS.c.id == printer_id)
    return connection.execute(query).scalar_one_or_none()


def load_all(connection: Connection) -> tuple[KnownPrinter, ...]:
    """Read every printer ever met, in the order of meeting."""
    rows = connection.execute(
        sa.select(PRINTERS).order_by(PRINTERS.c.first_seen, PRINTERS.c.id)
    ).mappings()
    return tuple(
        KnownPrinter(
            id=row["id"],
            kind=row["kind"],
            model=row["model"],
            name=row["name"],
            first_seen=row["first_seen"],
            last_seen=row["last_seen"],
        )
        for row in rows
    )
