"""What a walk through a printer's folders settles, and what a file of ours settles that we sent."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

import sqlalchemy as sa

from . import library_changes, printers
from .library_tables import LIBRARY_FILES, LIBRARY_PLACES

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy import Connection


def walked(connection: Connection, printer_id: str, folders: Collection[str]) -> int:
    """Note that a printer has these folders and no others; returns how many files went with them.

    A folder that is deleted is never listed again, and so nobody would tell that it is empty.
    """
    row = LIBRARY_PLACES.c
    query = sa.select(row.path, row.number).where(row.printer_id == printer_id, row.present)
    lost = [
        place
        for place in connection.execute(query).all()
        if (posixpath.dirname(place.path) or "/") not in folders
    ]
    for place in lost:
        connection.execute(
            sa.update(LIBRARY_PLACES)
            .where(row.printer_id == printer_id, row.path == place.path)
            .values(present=False)
        )
    library_changes.refresh(connection, {place.number for place in lost})
    return len(lost)


def moved(connection: Connection, printer_id: str, path: str, to: str, at: datetime) -> None:
    """Note that a file on a printer has another name or folder now: it is still the same one."""
    row = LIBRARY_PLACES.c
    places = {
        place.path: place.number
        for place in connection.execute(
            sa.select(row.path, row.number).where(
                row.printer_id == printer_id, row.path.in_([path, to])
            )
        )
    }
    if path not in places or path == to:
        return
    connection.execute(
        sa.delete(LIBRARY_PLACES).where(row.printer_id == printer_id, row.path == to)
    )
    connection.execute(
        sa.update(LIBRARY_PLACES)
        .where(row.printer_id == printer_id, row.path == path)
        .values(path=to, name=posixpath.basename(to), present=True, last_seen=at)
    )
    left = set(places.values()) - {places[path]}
    library_changes.refresh(connection, set(places.values()))
    library_changes.remove_hollow(connection, left)


def placed(connection: Connection, printer_id: str, path: str, sha256: str, at: datetime) -> bool:
    """Note that a content of the shelf was sent to a printer: no guess, and nothing to fetch.

    Returns whether there is such a content.
    """
    file = LIBRARY_FILES.c
    query = sa.select(file.number, file.size_bytes).where(file.sha256 == sha256)
    known = connection.execute(query).one_or_none()
    if known is None:
        return False
    row = LIBRARY_PLACES.c
    before = connection.execute(
        sa.select(row.number).where(row.printer_id == printer_id, row.path == path)
    ).scalar_one_or_none()
    printers.insert(connection, [{"id": printer_id, "at": at}])
    connection.execute(
        printers.upsert(connection, LIBRARY_PLACES, ("printer_id", "path"), ("first_seen",)),
        {
            "printer_id": printer_id,
            "path": path,
            "number": known.number,
            "name": posixpath.basename(path),
            "size_bytes": known.size_bytes,
            "present": True,
            "certain": True,
            "first_seen": at,
            "last_seen": at,
        },
    )
    left = set() if before in {None, known.number} else {before}
    library_changes.refresh(connection, {known.number} | left)
    library_changes.remove_hollow(connection, left)
    return True
