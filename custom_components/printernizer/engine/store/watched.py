"""What was already taken in from watched folders."""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from . import printers
from .watched_tables import WATCHED_FILES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

type Look = tuple[int, int]
"""Bytes, and nanoseconds of the last change."""

_BATCH = 500


def seen(connection: Connection, site: UUID, folder: str) -> dict[str, Look]:
    """Read how the files of a folder of a site were when they were taken in, by path."""
    row = WATCHED_FILES.c
    query = sa.select(row.path, row.size_bytes, row.modified_ns).where(
        row.site == site, row.folder == folder
    )
    return {path: (size, changed) for path, size, changed in connection.execute(query)}


def note(
    connection: Connection, site: UUID, folder: str, path: str, look: Look, at: datetime
) -> None:
    """Note that a file was taken in."""
    size, changed = look
    connection.execute(
        printers.upsert(connection, WATCHED_FILES, ("site", "folder", "path")),
        {
            "site": site,
            "folder": folder,
            "path": path,
            "size_bytes": size,
            "modified_ns": changed,
            "at": at,
        },
    )


def forget(connection: Connection, site: UUID, folder: str, paths: Iterable[str]) -> None:
    """Forget files that are there no more."""
    row, gone = WATCHED_FILES.c, list(paths)
    for start in range(0, len(gone), _BATCH):
        some = gone[start : start + _BATCH]
        connection.execute(
            sa.delete(WATCHED_FILES).where(
                row.site == site, row.folder == folder, row.path.in_(some)
            )
        )
