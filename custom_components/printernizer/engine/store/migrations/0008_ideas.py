"""Ideas: links to models, and what became of them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "ideas",
        sa.Column("number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
        sa.Column("id", sa.Uuid, nullable=False, unique=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("url", sa.Text, unique=True),
        sa.Column("site", sa.Text, nullable=False),
        sa.Column("notes", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("pieces", sa.Integer, nullable=False),
        sa.Column("material", sa.Text),
        sa.Column("by", sa.Text),
        sa.Column("added_at", moment, nullable=False),
        sa.Column("changed_at", moment, nullable=False),
        sa.Column("search", sa.Text, nullable=False),
    )
    op.create_index("ideas_by_state", "ideas", ["state", "number"])
    op.create_index("ideas_by_site", "ideas", ["site", "number"])
    op.create_table(
        "idea_tags",
        sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_index("idea_tags_by_key", "idea_tags", ["key", "number"])
    op.create_table(
        "idea_files",
        sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
        sa.Column("file_id", sa.Uuid, primary_key=True),
        sa.Column("at", moment, nullable=False),
    )
    op.create_index("idea_files_by_file", "idea_files", ["file_id"])
    op.create_table(
        "idea_jobs",
        sa.Column("number", sa.BigInteger, sa.ForeignKey("ideas.number"), primary_key=True),
        sa.Column("job_id", sa.Uuid, sa.ForeignKey("jobs.id"), primary_key=True),
        sa.Column("at", moment, nullable=False),
        sa.Column("outcome", sa.Text),
    )
    op.create_index("idea_jobs_by_job", "idea_jobs", ["job_id"])
    op.create_index("idea_jobs_by_outcome", "idea_jobs", ["outcome"])
