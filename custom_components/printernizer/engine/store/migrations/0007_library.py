"""The library: files, their labels, collections and places, and the index of their words."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_WORDS_OF_SQLITE = (
    # The words come folded and parted: the tokenizer only has to cut at the blanks, and where in
    # a text a word stands is of no use.
    """
    CREATE VIRTUAL TABLE library_text USING fts5(
        search, content='library_files', content_rowid='number',
        tokenize='ascii', detail='none', prefix='1 2 3 4 5 6 7 8'
    )
    """,
    """
    CREATE TRIGGER library_text_added AFTER INSERT ON library_files
    BEGIN INSERT INTO library_text (rowid, search) VALUES (NEW.number, NEW.search); END
    """,
    """
    CREATE TRIGGER library_text_removed AFTER DELETE ON library_files
    BEGIN
        INSERT INTO library_text (library_text, rowid, search)
        VALUES ('delete', OLD.number, OLD.search);
    END
    """,
    """
    CREATE TRIGGER library_text_changed AFTER UPDATE OF search ON library_files
    WHEN OLD.search <> NEW.search
    BEGIN
        INSERT INTO library_text (library_text, rowid, search)
        VALUES ('delete', OLD.number, OLD.search);
        INSERT INTO library_text (rowid, search) VALUES (NEW.number, NEW.search);
    END
    """,
)
_WORDS_OF_POSTGRESQL = """
    CREATE INDEX library_text ON library_files
    USING gin (array_to_tsvector(string_to_array(search, ' ')))
"""


def _files() -> None:
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "library_collections",
        sa.Column("id", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", moment, nullable=False),
    )
    op.create_table(
        "library_files",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("sha256", sa.Text, unique=True),
        sa.Column("shelves", sa.Text, nullable=False),
        sa.Column("fetching", sa.Uuid),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("added_at", moment, nullable=False),
        sa.Column("origin", sa.Text, nullable=False),
        sa.Column("printer_id", sa.Text),
        sa.Column("path", sa.Text),
        sa.Column("sender", sa.Text),
        sa.Column("whereabouts", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("recycled_at", moment),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("revision_of", sa.Uuid),
        sa.Column("latest", sa.Boolean, nullable=False),
        sa.Column("favourite", sa.Boolean, nullable=False),
        sa.Column("collection_id", sa.Uuid, sa.ForeignKey("library_collections.id")),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("facts", sa.Text),
        sa.Column("facts_error", sa.Text),
        sa.Column("printed_at", moment),
        sa.Column("search", sa.Text, nullable=False),
    )
    for name, columns in (
        ("state", ["state", "number"]),
        ("key", ["state", "key", "number"]),
        ("size", ["state", "size_bytes", "number"]),
        ("place", ["state", "whereabouts", "number"]),
        ("kind", ["state", "kind", "number"]),
        ("collection", ["collection_id", "number"]),
        ("revision", ["revision_of"]),
    ):
        op.create_index(f"library_files_by_{name}", "library_files", columns)
    op.create_index(
        "library_files_by_favour",
        "library_files",
        ["state", "number"],
        sqlite_where=sa.text("favourite = 1"),
        postgresql_where=sa.text("favourite"),
    )
    counted = ["shelves", "state", "kind", "whereabouts", "size_bytes"]
    op.create_index("library_figures", "library_files", counted)


def _labels_and_places() -> None:
    moment = sa.DateTime(timezone=True)
    file = sa.ForeignKey("library_files.number")
    op.create_table(
        "library_labels",
        sa.Column("number", sa.BigInteger, file, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("library_labels_by_key", "library_labels", ["kind", "key", "number"])
    op.create_table(
        "library_places",
        sa.Column("printer_id", sa.Text, sa.ForeignKey("printers.id"), primary_key=True),
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, sa.ForeignKey("library_files.number"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger),
        sa.Column("present", sa.Boolean, nullable=False),
        sa.Column("certain", sa.Boolean, nullable=False),
        sa.Column("first_seen", moment, nullable=False),
        sa.Column("last_seen", moment, nullable=False),
    )
    op.create_index("library_places_by_file", "library_places", ["number"])


def upgrade() -> None:
    """Make the tables and the index of words."""
    _files()
    _labels_and_places()
    if op.get_bind().dialect.name == "sqlite":
        for statement in _WORDS_OF_SQLITE:
            op.execute(statement)
    else:
        op.execute(_WORDS_OF_POSTGRESQL)
