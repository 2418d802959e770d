"""Files that we put onto printers, and what they were sliced for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa

from . import facts_codec, printers
from .schema import FILES_SENT

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy import Connection

    from ..file import FileFacts


@dataclass(frozen=True, kw_only=True, slots=True)
class SentFile:
    """A file as it was when we sent it."""

    size_bytes: int
    facts: FileFacts
    sent_at: datetime


def remember(connection: Connection, printer_id: str, path: str, sent: SentFile) -> None:
    """Keep what lies under this path now, in place of what was sent there before."""
    printers.insert(connection, [{"id": printer_id, "at": sent.sent_at}])
    connection.execute(
        printers.upsert(connection, FILES_SENT, ("printer_id", "path")),
        {
            "printer_id": printer_id,
            "path": path,
            "size_bytes": sent.size_bytes,
            "facts": facts_codec.facts_text(sent.facts),
            "sent_at": sent.sent_at,
        },
    )


def forget(connection: Connection, printer_id: str, path: str) -> None:
    """Forget a file that is gone. Fine when it was never known."""
    connection.execute(
        sa.delete(FILES_SENT).where(
            FILES_SENT.c.printer_id == printer_id, FILES_SENT.c.path == path
        )
    )


def find(connection: Connection, printer_id: str, path: str) -> SentFile | None:
    """Return what we sent to this path last, or None."""
    row = connection.execute(
        sa.select(FILES_SENT).where(
            FILES_SENT.c.printer_id == printer_id, FILES_SENT.c.path == path
        )
    ).one_or_none()
    if row is None:
        return None
    return SentFile(
        size_bytes=row.size_bytes, facts=facts_codec.facts_of(row.facts), sent_at=row.sent_at
    )
