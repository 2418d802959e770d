"""Files are found by how long their plates print: from facts that were read before, too."""

from __future__ import annotations

import json

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_AT_ONCE = 1000
_MOST = 10**10 - 1
"""Seconds, of which a key has ten digits."""

_FILES = sa.table("library_files", sa.column("number", sa.BigInteger), sa.column("facts", sa.Text))
_LABELS = sa.table(
    "library_labels",
    sa.column("number", sa.BigInteger),
    sa.column("kind", sa.Text),
    sa.column("key", sa.Text),
    sa.column("value", sa.Text),
)


def upgrade() -> None:
    """Label the files whose facts tell times."""
    connection = op.get_bind()
    last = -1
    while True:
        rows = connection.execute(
            sa.select(_FILES.c.number, _FILES.c.facts)
            .where(_FILES.c.facts.is_not(None), _FILES.c.number > last)
            .order_by(_FILES.c.number)
            .limit(_AT_ONCE)
        ).all()
        if not rows:
            return
        last = rows[-1].number
        labels = [
            {"number": row.number, "kind": "time", "key": key, "value": key}
            for row in rows
            for key in _keys(row.facts)
        ]
        if labels:
            connection.execute(sa.insert(_LABELS), labels)


def _keys(facts: str) -> list[str]:
    told = json.loads(facts)
    times = (
        plate["print_s"]
        for kind in ("plates", "drafts")
        for plate in told.get(kind, ())
        if "print_s" in plate
    )
    return sorted({f"{min(max(int(seconds), 0), _MOST):010}" for seconds in times})
