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


type Sighting = tuple[str, str, int | None]
"""A file as seen: path, name, bytes where they are told."""


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
    files: Iterable[Sighting],
    at: datetime,
) -> None:
    """Note files that lie on a printer now. A size that is not told does not wipe a known one."""
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
        told = [row for row in rows if row["size_bytes"] is not None]
        untold = [row for row in rows if row["size_bytes"] is None]
        for batch, keep in ((told, ("first_seen",)), (untold, ("first_seen", "size_bytes"))):
            if batch:
                insert = printers.upsert(connection, FILES_SEEN, ("printer_id", "path"), keep)
                connection.execute(insert, batch)


def of_printer(connection: Connection, printer_id: str) -> tuple[SeenFile, ...]:
    """Read the files of one printer, the last seen first."""
    rows = connection.execute(
        sa.select(FILES_SEEN)
        .where(FILES_SEEN.c.printer_id == printer_id)
        .order_by(FILES_SEEN.c.last_seen.desc(), FILES_SEEN.c.path)
    ).mappings()
    return tuple(SeenFile(**row) for row in rows)
