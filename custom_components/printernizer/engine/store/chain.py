"""Chains: tables that only grow, in which every row vouches for all before it.

Each row's hash is the SHA-256 over the hash before it and its own canonical JSON. One row of
`chain` holds the length and last hash of each, so that a cut-off end shows; its lock puts several
writers of one database in line.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from . import codec
from .schema import CHAIN

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from sqlalchemy import Connection, Table

GENESIS: Final = "0" * 64
"""The hash before the first row."""


def at_one_moment(connection: Connection) -> None:
    """Let a transaction that has read nothing yet see the database as it is now, to its end.

    A server shows each query what others have committed by then: what another site wrote in
    between would look as if it had been put in by hand. SQLite has one writer, and that is us.
    """
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")


@dataclass(frozen=True, kw_only=True, slots=True)
class ChainReport:
    """What a walk along a chain found."""

    length: int
    """Rows that fit, from the first."""
    broken_at: int | None = None
    """Number of the first row that does not fit, or is missing. None: all is well."""
    reason: str | None = None

    @property
    def intact(self) -> bool:
        """Whether nobody rewrote history."""
        return self.broken_at is None


@dataclass(frozen=True, kw_only=True, slots=True)
class Chain:
    """One such table."""

    id: int
    """Of its row in `chain`."""
    table: Table
    said: Callable[[Mapping[Any, Any]], list[object]]
    """What of a row its hash covers, as JSON can say it."""

    def append(self, connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
        """Put rows at the end, numbered. Other writers wait until we commit."""
        head = connection.execute(self._head.with_for_update()).one()
        number, link = head.length, head.hash
        linked: list[dict[str, Any]] = []
        for row in rows:
            number += 1
            numbered = {**row, "id": number}
            link = self._link(link, numbered)
            linked.append({**numbered, "hash": link})
        if linked:
            connection.execute(sa.insert(self.table), linked)
            connection.execute(
                sa.update(CHAIN).where(CHAIN.c.id == self.id).values(length=number, hash=link)
            )

    def verify(self, connection: Connection) -> ChainReport:
        """Walk all rows from the first, in constant memory, and compare with the head.

        Has to be the first in its transaction.
        """
        at_one_moment(connection)
        head = connection.execute(self._head).one()
        number, link = 0, GENESIS
        query = sa.select(self.table).order_by(self.table.c.id).execution_options(yield_per=1000)
        for row in connection.execute(query).mappings():
            if row["id"] != number + 1:
                return ChainReport(length=number, broken_at=number + 1, reason="missing")
            if self._link(link, row) != row["hash"]:
                return ChainReport(length=number, broken_at=number + 1, reason="changed")
            number, link = row["id"], row["hash"]
        if head.length > number:
            return ChainReport(length=number, broken_at=number + 1, reason="cut off")
        if (head.length, head.hash) != (number, link):
            return ChainReport(length=number, broken_at=head.length + 1, reason="added")
        return ChainReport(length=number)

    @property
    def _head(self) -> sa.Select[Any]:
        return sa.select(CHAIN).where(CHAIN.c.id == self.id)

    def _link(self, before: str, row: Mapping[Any, Any]) -> str:
        text = codec.canonical(self.said(row))
        return hashlib.sha256(f"{before}{text}".encode()).hexdigest()
