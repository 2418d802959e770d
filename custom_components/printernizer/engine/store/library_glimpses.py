"""What files on printers say of themselves, read where they lie: nobody fetched them yet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from . import facts_codec, library_changes
from .library_tables import LIBRARY_FILES, LIBRARY_PLACES

if TYPE_CHECKING:
    from uuid import UUID

    from sqlalchemy import Connection

    from ..file import FileFacts


def untold(connection: Connection, printer_id: str, *, limit: int) -> tuple[str, ...]:
    """Return the paths of files on a printer of which nobody knows what they say, newest first."""
    file, place = LIBRARY_FILES.c, LIBRARY_PLACES.c
    query = (
        sa.select(place.path)
        .join(LIBRARY_FILES, file.number == place.number)
        .where(
            place.printer_id == printer_id,
            place.present,
            file.sha256.is_(None),
            file.facts.is_(None),
            file.facts_error.is_(None),
        )
        .order_by(file.number.desc())
        .limit(limit)
    )
    return tuple(connection.execute(query).scalars())


def tell(
    connection: Connection,
    printer_id: str,
    path: str,
    facts: FileFacts | None,
    error: str | None,
) -> UUID | None:
    """Keep what a file on a printer says of itself; returns which file of the list it is.

    None where it is none any more, or where its bytes are known: those said it themselves.
    """
    file, place = LIBRARY_FILES.c, LIBRARY_PLACES.c
    row = connection.execute(
        sa.select(file.number, file.id)
        .join(LIBRARY_PLACES, file.number == place.number)
        .where(place.printer_id == printer_id, place.path == path, file.sha256.is_(None))
        .with_for_update()
    ).one_or_none()
    if row is None:
        return None
    connection.execute(
        sa.update(LIBRARY_FILES)
        .where(file.number == row.number)
        .values(
            facts=None if facts is None else facts_codec.facts_text(facts),
            facts_error=error,
            kind=facts.kind.value if facts is not None and facts.kind is not None else "",
        )
    )
    library_changes.refresh(connection, [row.number])
    found: UUID = row.id
    return found
