"""The tables of migration 0008: what somebody wants to print one day, and what became of it."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, UtcDateTime

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself only where it is told "INTEGER"."""

IDEAS: Final = sa.Table(
    "ideas",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("url", sa.Text, unique=True),
    sa.Column("site", sa.Text, nullable=False),
    sa.Column("notes", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("pieces", sa.Integer, nullable=False),
    sa.Column("material", sa.Text),
    sa.Column("by", sa.Text),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Column("changed_at", UtcDateTime, nullable=False),
    sa.Column("search", sa.Text, nullable=False),
    sa.Index("ideas_by_state", "state", "number"),
    sa.Index("ideas_by_site", "site", "number"),
)
"""`number` is the order in which they were added. `site` follows from `url`; `search` from all
that an idea is found by, in small letters."""

IDEA_TAGS: Final = sa.Table(
    "idea_tags",
    METADATA,
    sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Index("idea_tags_by_key", "key", "number"),
)
"""`key` is the tag as it is compared."""

IDEA_FILES: Final = sa.Table(
    "idea_files",
    METADATA,
    sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
    sa.Column("file_id", sa.Uuid, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Index("idea_files_by_file", "file_id"),
)
"""Files of the library that an idea became, and since when. No foreign key: a
 file may be deleted for good, and the idea has become of it all the same."""

IDEA_JOBS: Final = sa.Table(
    "idea_jobs",
    METADATA,
    sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
    sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("outcome", sa.Text),
    sa.Index("idea_jobs_by_job", "job_id"),
    sa.Index("idea_jobs_by_outcome", "outcome"),
)
"""Runs that an idea became. `outcome`: the end of the run that the idea was told of; None until
then. What a person says of the idea afterwards is not taken back by an old run."""
