"""The table of migration 0009: what was already taken in from watched folders."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, UtcDateTime

WATCHED_FILES: Final = sa.Table(
    "watched_files",
    METADATA,
    sa.Column("site", sa.Uuid, primary_key=True),
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("modified_ns", sa.BigInteger, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
"""Files of watched folders as they were when they were taken in: they are read again only when
size or time are others. `site`: whose folder it is, by the name of its shelf; on the disks of two
sites that share a database folders may be called the same."""
