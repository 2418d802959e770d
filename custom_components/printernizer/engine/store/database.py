"""One transaction, one function: `await store.run(jobs.record, events, memories, at)`.

A store has one thread of its own; everything that touches the database happens there, one
transaction after the other. SQLAlchemy is imported with this module (Home Assistant imports an
integration's modules in its import executor, never in its loop); Alembic, the migrations and
the database's own driver are imported on the store's thread.

SQLite runs in WAL mode with `synchronous=FULL`: a transaction that was reported durable
survives a power cut. Every transaction begins immediate, so that two processes on one file
wait for each other instead of failing in the middle.
"""

from __future__ import annotations

import asyncio
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Final, Self

import sqlalchemy as sa
from sqlalchemy.engine import make_url

from ..errors import StoreError
from . import migrate

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from types import TracebackType

    from sqlalchemy import URL, Connection, Engine

_BUSY_TIMEOUT_S: Final = 5.0
"""How long a transaction waits for another process's; the ledger tries again later."""
_ALWAYS_CHECKED_BYTES: Final = 64 * 1024 * 1024
"""Smaller files are checked at every opening; larger ones after an unclean end only."""
_SQLITE_HEADER: Final = b"SQLite format 3\x00"
_SERVER_OPTIONS: Final = {
    "connect_timeout": 10,
    "options": "-c lock_timeout=10s -c timezone=UTC",
    # A network that swallows packets without a word would hold the store's one thread, and with
    # it the ledger, for the system's two hours. So it fails within a minute, and is tried again.
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}
_DISK_FULL_SQLSTATE: Final = "53100"
_BROKEN_SQLSTATES: Final = frozenset({"XX001", "XX002"})


class Store:
    """A database, open for as long as its `async with` lasts.

    `url`: "sqlite:////absolute/path" or "postgresql://user:password@host/name".
    """

    def __init__(self, url: str, *, migrations: Path = migrate.MIGRATIONS) -> None:
        self._url = url
        self._migrations = migrations
        self._engine: Engine | None = None
        self._executor: ThreadPoolExecutor | None = None
        self._free = asyncio.Event()
        self._free.set()

    async def open(self) -> None:
        """Open it, bringing its tables up to date.

        Raises StoreError: store_broken (the file is left exactly as it is), store_newer,
        disk_full, store_failed.
        """
        executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="printernizer-store")
        opening = executor.submit(_open, self._url, self._migrations)
        try:
            self._engine = await asyncio.wrap_future(opening)
        except asyncio.CancelledError:
            # The thread cannot be stopped, and a server that is gone lets it wait for long.
            executor.submit(_abandon, opening)
            executor.shutdown(wait=False)
            raise
        except BaseException:
            executor.shutdown()  # it is idle: its thread ends at once
            raise
        self._executor = executor

    async def close(self) -> None:
        """Finish what has begun and close the file. Closing twice is fine."""
        engine, self._engine = self._engine, None
        executor, self._executor = self._executor, None
        if engine is not None and executor is not None:
            disposing = executor.submit(engine.dispose)
            try:
                await asyncio.shield(asyncio.wrap_future(disposing))
            finally:
                executor.shutdown(wait=disposing.done())

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def run[**P, R](
        self, function: Callable[Concatenate[Connection, P], R], *args: P.args, **kwargs: P.kwargs
    ) -> R:
        """Run a function of a connection as one transaction: all of it, or nothing.

        Raises StoreError. A caller that is cancelled does not undo what has begun.
        """
        await self._free.wait()
        if self._engine is None or self._executor is None:
            raise StoreError("the database is closed")
        call = partial(_transaction, self._engine, function, args, kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._executor, call)

    async def hold(self) -> None:
        """Bring everything into the one file and begin no transaction until `go_on`.

        For whoever copies the file. Raises StoreError; then nothing is held.
        """
        if self._engine is None or self._executor is None:
            raise StoreError("the database is closed")
        self._free.clear()
        try:
            await asyncio.get_running_loop().run_in_executor(
                self._executor, _checkpoint, self._engine
            )
        except BaseException:
            self._free.set()
            raise

    async def scrub(self) -> bool:
        """Leave nothing behind of what was deleted or written over. Raises StoreError.

        SQLite overwrites it in the file (`secure_delete`), and what the journal still holds goes
        with the journal: False while somebody else reads the file, and then with the next time.
        A server clears its files by itself, when it vacuums.
        """
        await self._free.wait()
        if self._engine is None or self._executor is None:
            raise StoreError("the database is closed")
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, _checkpoint, self._engine
        )

    def go_on(self) -> None:
        """Let transactions begin again. Fine when nothing is held."""
        self._free.set()


def set_aside(url: str, stamp: str) -> Path:
    """Move a broken SQLite file (with its journal) out of the way, for a person who asked for it.

    `stamp` goes into the new name. Returns the new path. Nothing is ever deleted, and nothing
    does this on its own: an empty ledger in place of a broken one would look like a healthy one.
    """
    path = _sqlite_path(make_url(url))
    if path is None:
        raise StoreError("not a file")
    target = path.with_name(f"{path.name}.broken-{stamp}")
    if target.exists():
        raise StoreError(f"{target.name} exists already")
    for suffix in ("-wal", "-shm", ""):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(target.with_name(target.name + suffix))
    return target


# -- on the store's thread ---------------------------------------------------------------------


def _abandon(opening: Future[Engine]) -> None:
    """Close what was opened for somebody who does not wait any more."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().dispose()


def _transaction[R](
    engine: Engine, function: Callable[..., R], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> R:
    try:
        with engine.begin() as connection:
            return function(connection, *args, **kwargs)
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as err:
        raise _translated(err, engine.url) from err


def _checkpoint(engine: Engine) -> bool:
    """Bring the journal into the file; returns whether it is empty now."""
    if engine.dialect.name != "sqlite":
        return True
    connection = engine.raw_connection()
    try:
        busy, _, _ = connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as err:
        raise StoreError(f"cannot write the journal into the file: {err}") from err
    finally:
        connection.close()
    return not busy


def _open(url: str, migrations: Path) -> Engine:
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        path = _sqlite_path(parsed)
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _inspect(path)
        engine = _engine(parsed)
    except sa.exc.ArgumentError:
        # Its text repeats the URL, password and all.
        raise StoreError("this is not the address of a database") from None
    except ImportError as err:
        raise StoreError(f"the Python package {err.name} is not installed") from None
    except OSError as err:
        raise StoreError(f"cannot make its folder: {err.strerror}") from err
    try:
        with engine.begin() as connection:
            migrate.upgrade(connection, migrations, path)
    except (sa.exc.DBAPIError, sa.exc.TimeoutError) as err:
        engine.dispose()
        raise _translated(err, parsed) from err
    except BaseException:
        engine.dispose()
        raise
    return engine


def _sqlite_path(url: URL) -> Path | None:
    """Where the file lies; None for a database server."""
    if url.get_backend_name() != "sqlite":
        return None
    if not url.database or url.database == ":memory:":
        raise StoreError("a ledger needs a file")
    return Path(url.database)


def _inspect(path: Path) -> None:
    """Refuse a broken file before anything is written to it. Raises StoreError."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(len(_SQLITE_HEADER))
    except FileNotFoundError:
        return
    except OSError as err:
        raise StoreError(f"cannot read {path.name}: {err.strerror}") from err
    if not header:
        return
    if header != _SQLITE_HEADER:
        raise StoreError(f"{path.name} is not a database", key="store_broken", path=str(path))
    journal = path.with_name(path.name + "-wal")
    unclean = journal.exists() and journal.stat().st_size > 0
    if unclean or size <= _ALWAYS_CHECKED_BYTES:
        _check_integrity(path)


def _check_integrity(path: Path) -> None:
    # Read-only: closing an ordinary connection would write the journal back into a broken file.
    check = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=_BUSY_TIMEOUT_S)
    try:
        found = check.execute("PRAGMA quick_check(1)").fetchone()[0]
    except sqlite3.DatabaseError as err:
        code = getattr(err, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            found = str(err)
        else:
            raise StoreError(f"cannot check {path.name}: {err}") from err
    finally:
        check.close()
    if found != "ok":
        raise StoreError(f"{path.name}: {found[:200]}", key="store_broken", path=str(path))


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(
            url,
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
            hide_parameters=True,
            connect_args=_SERVER_OPTIONS,
        )
    engine = sa.create_engine(
        url,
        pool_size=1,
        max_overflow=0,
        hide_parameters=True,
        connect_args={"timeout": _BUSY_TIMEOUT_S},
    )
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver must not begin and commit on its own: then neither DDL nor reads would be safe.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "recursive_triggers=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _translated(err: sa.exc.SQLAlchemyError, url: URL) -> StoreError:
    """Turn a driver's error into ours, without values of rows or the password."""
    cause = err.orig if isinstance(err, sa.exc.DBAPIError) and err.orig else err
    reason = (str(cause).strip().splitlines() or [""])[0][:200]
    if url.password:
        reason = reason.replace(str(url.password), "***")
    reason = f"{type(cause).__name__}: {reason}"
    code = getattr(cause, "sqlite_errorcode", None)
    state = getattr(cause, "sqlstate", None)
    if (code is not None and code & 0xFF == sqlite3.SQLITE_FULL) or state == _DISK_FULL_SQLSTATE:
        return StoreError(reason, key="disk_full")
    broken = code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    if broken or state in _BROKEN_SQLSTATES:
        return StoreError(reason, key="store_broken", path=url.database or "")
    return StoreError(reason)
