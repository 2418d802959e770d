"""Files that were seen on printers' storages."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from . import printers
from .schema import FILES_SEEN

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class SeenFile:
    """A file on a printer, with the first and the last time it was seen there."""

    printer_id: str
    path: str
    name: str
    size_bytes: int | None
    first_seen: datetime
    last_seen: datetime


def seen(
    connection: Connection,
    printer_id: str,
    files: Iterable[tuple[str, str, int | None]],
    at: datetime,
) -> None:
    """Note files of a printer as (path, name, bytes or None) that lie there now."""
    rows = [
        {
            "printer_id": printer_id,
            "path": path,
            "name": name,
            "size_bytes": size,
            "first_seen": at,
            "last_seen": at,
        }
        for path, name, size in files
    ]
    if rows:
        printers.insert(connection, [{"id": printer_id, "at": at}])
        connection.execute(
            printers.upsert(connection, FILES_SEEN, ("printer_id", "path"), ("first_seen",)), rows
        )


def of_printer(connection: Connection, printer_id: str) -> tuple[SeenFile, ...]:
    """Read the files of one printer, the last seen first."""
    rows = connection.execute(
        sa.select(FILES_SEEN)
        .where(FILES_SEEN.c.printer_id == printer_id)
        .order_by(FILES_SEEN.c.last_seen.desc(), FILES_SEEN.c.path)
    ).mappings()
    return tuple(SeenFile(**row) for row in rows)
