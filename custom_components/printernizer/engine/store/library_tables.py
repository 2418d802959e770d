"""The tables of migration 0007: the files of the shop, and where they lie."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from .schema import METADATA, UtcDateTime

_NUMBER: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
"""SQLite numbers rows by itself only where it is told "INTEGER"."""

LIBRARY_COLLECTIONS: Final = sa.Table(
    "library_collections",
    METADATA,
    sa.Column("id", sa.Uuid, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
)
"""`key` is the name as it is compared."""

LIBRARY_FILES: Final = sa.Table(
    "library_files",
    METADATA,
    sa.Column("number", _NUMBER, primary_key=True),
    sa.Column("id", sa.Uuid, nullable=False, unique=True),
    sa.Column("sha256", sa.Text, unique=True),
    sa.Column("shelves", sa.Text, nullable=False),
    sa.Column("fetching", sa.Uuid),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("added_at", UtcDateTime, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("printer_id", sa.Text),
    sa.Column("path", sa.Text),
    sa.Column("sender", sa.Text),
    sa.Column("whereabouts", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("recycled_at", UtcDateTime),
    sa.Column("revision", sa.Integer, nullable=False),
    sa.Column("revision_of", sa.Uuid),
    sa.Column("latest", sa.Boolean, nullable=False),
    sa.Column("favourite", sa.Boolean, nullable=False),
    sa.Column("collection_id", sa.Uuid, sa.ForeignKey("library_collections.id")),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("facts", sa.Text),
    sa.Column("facts_error", sa.Text),
    sa.Column("printed_at", UtcDateTime),
    sa.Column("search", sa.Text, nullable=False),
    sa.Index("library_files_by_state", "state", "number"),
    sa.Index("library_files_by_key", "state", "key", "number"),
    sa.Index("library_files_by_size", "state", "size_bytes", "number"),
    sa.Index("library_files_by_place", "state", "whereabouts", "number"),
    sa.Index("library_files_by_kind", "state", "kind", "number"),
    sa.Index("library_files_by_collection", "collection_id", "number"),
    sa.Index(
        "library_files_by_favour",
        "state",
        "number",
        sqlite_where=sa.text("favourite = 1"),
        postgresql_where=sa.text("favourite"),
    ),
    sa.Index("library_files_by_revision", "revision_of"),
    sa.Index("library_figures", "shelves", "state", "kind", "whereabouts", "size_bytes"),
)
"""One row for each content, and for each file seen on a printer that nobody fetched. `number` is
the order in which they were added: the list is sorted by it, and the full-text index speaks of
files by it. `shelves`: on which its bytes lie, as hex in order, parted by blanks; `fetching`: onto
which they are on their way. `kind` is "" and `size_bytes` -1 where nobody knows: NULL would be
sorted differently by every database. `whereabouts` and `search` follow from the rest and are
written by `library_changes.refresh` alone.

SQLite has the words of `search` in the FTS5 table `library_text`, kept by triggers; PostgreSQL
in an index over `array_to_tsvector(string_to_array(search, ' '))`."""

LIBRARY_LABELS: Final = sa.Table(
    "library_labels",
    METADATA,
    sa.Column("number", sa.BigInteger, sa.ForeignKey("library_files.number"), primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("value", sa.Text, nullable=False),
    sa.Index("library_labels_by_key", "kind", "key", "number"),
)
"""What files are found by, of which each may have several: "tag", "alias", "material", "printer",
and "time" of a plate (since migration 0010). `key` is the value as it is compared; of times the
seconds, in ten digits. Materials, printers and times follow from facts and places."""

LIBRARY_PLACES: Final = sa.Table(
    "library_places",
    METADATA,
    sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
    sa.Column("path", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, sa.ForeignKey("library_files.number"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger),
    sa.Column("present", sa.Boolean, nullable=False),
    sa.Column("certain", sa.Boolean, nullable=False),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("last_seen", UtcDateTime, nullable=False),
    sa.Index("library_places_by_file", "number"),
)
"""Where on printers a content lies, or lay. `certain`: known by its bytes, and not by its name."""
