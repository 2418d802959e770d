"""Brings the tables of a database up to date, in one transaction.

Migrations are files `migrations/NNNN_what_changed.py`, run by Alembic without an environment
script: the connection is ours, and so is the transaction. Before an old SQLite file is touched
it is copied beside itself.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..errors import StoreError

if TYPE_CHECKING:
    from alembic.script import ScriptDirectory
    from sqlalchemy import Connection

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x5052494E
"""Number of PostgreSQL's advisory lock: several instances may start at the same moment."""


def upgrade(connection: Connection, migrations: Path, path: Path | None) -> None:
    """Run what is missing. Raises StoreError(key="store_newer") on a database of the future."""
    # Imported here, on the store's thread: it takes a tenth of a second.
    from alembic.config import Config
    from alembic.runtime.environment import EnvironmentContext
    from alembic.runtime.migration import MigrationContext
    from alembic.script import ScriptDirectory

    if path is None:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    scripts = ScriptDirectory(str(migrations), version_locations=[str(migrations)])
    now = MigrationContext.configure(connection).get_current_revision()
    head = scripts.get_current_head()
    if now == head:
        return
    if now is not None:
        _known(scripts, now)
        if path is not None:
            _copy(path, path.with_name(f"{path.name}.before-{head}"))

    def steps(revision: Any, _context: Any) -> Any:
        return scripts._upgrade_revs("head", revision)  # noqa: SLF001 - as Alembic's own command does

    with EnvironmentContext(Config(), scripts, fn=steps) as environment:
        environment.configure(connection=connection)
        environment.run_migrations()


def revision(connection: Connection) -> str | None:
    """Read which migration the tables are at."""
    from alembic.runtime.migration import MigrationContext

    return MigrationContext.configure(connection).get_current_revision()


def _known(scripts: ScriptDirectory, revision: str) -> None:
    from alembic.util import CommandError

    try:
        scripts.get_revision(revision)
    except CommandError:
        raise StoreError(
            f"the database is of version {revision}", key="store_newer", version=revision
        ) from None


def _copy(path: Path, target: Path) -> None:
    """Copy a SQLite file, journal included. A copy of an earlier try stays: it is the older.

    Raises StoreError: without a copy nothing is migrated.
    """
    if target.exists():
        return
    part = target.with_name(target.name + ".part")
    try:
        with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(part)) as copy:
            source.backup(copy)
        part.rename(target)
    except (sqlite3.Error, OSError) as err:
        full = getattr(err, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_FULL
        raise StoreError(
            f"cannot copy {path.name} before migrating: {err}", key="disk_full" if full else None
        ) from err
