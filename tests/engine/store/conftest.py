"""A throwaway PostgreSQL, and an empty database of every kind."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.store.database import Store
from tests.cache_folder import PEERS
from tests.ready_ledger import is_from_scratch, migrated

PASSWORD = "not-a-secret-of-anybody"
_ROOM = 1 << 30
"""Bytes. Each worker's cluster takes some fifty MB."""


def _binaries() -> Path | None:
    places = [found] if (found := shutil.which("initdb")) else []
    places += map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    places += map(str, PEERS.glob("postgres*/**/bin/initdb"))
    return next(
        (Path(place).parent for place in places if (Path(place).parent / "postgres").exists()),
        None,
    )


def _as_postgres(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root."""
    if os.getuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]


def _quickest() -> str:
    """Every database is some hundred files: in memory they are made and gone in no time."""
    memory = Path("/dev/shm")
    roomy = memory.is_dir() and shutil.disk_usage(memory).free > _ROOM
    return str(memory) if roomy and os.access(memory, os.W_OK) else "/tmp"


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a cluster of our own; yields the URL of its server, without a database name."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine (initdb, postgres)")
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root, and setpriv is missing")
    folder = Path(tempfile.mkdtemp(prefix="printernizer-pg-", dir=_quickest()))
    password = folder / "password"
    password.write_text(PASSWORD)
    if os.getuid() == 0:
        shutil.chown(folder, "postgres", "postgres")
        shutil.chown(password, "postgres", "postgres")
    data = folder / "data"
    initdb = f"{binaries}/initdb -D {data} -U peer --pwfile={password}"
    made = subprocess.run(
        _as_postgres(f"{initdb} --auth=scram-sha-256 --no-sync -E UTF8 --locale=C".split()),
        capture_output=True,
        cwd="/",
        check=False,
    )
    if made.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.skip(f"initdb does not work here: {made.stderr.decode()[-200:]}")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    # Nothing of it outlives the tests, and none of them takes the server's power away.
    unsafe = "fsync=off synchronous_commit=off full_page_writes=off"
    settings = f"listen_addresses=127.0.0.1 port={port} unix_socket_directories={data} {unsafe}"
    options = [part for setting in settings.split() for part in ("-c", setting)]
    server = subprocess.Popen(
        _as_postgres([f"{binaries}/postgres", "-D", str(data), *options]),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd="/",
    )
    try:
        _wait_for(port)
        yield f"postgresql://peer:{PASSWORD}@127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(port: int) -> None:
    url = f"postgresql+psycopg://peer:{PASSWORD}@127.0.0.1:{port}/postgres"
    deadline = time.monotonic() + 20
    while True:
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        try:
            with engine.connect():
                return
        except sa.exc.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def _order(server: str, *words: str) -> None:
    admin = sa.create_engine(
        f"{server}/postgres".replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with admin.connect() as connection:
        for each in words:
            connection.exec_driver_sql(each)


@pytest.fixture(scope="session")
def ready_database(postgresql: str) -> str:
    """The name of a database in which nothing happened yet."""
    _order(postgresql, "CREATE DATABASE ready")
    migrated(f"{postgresql}/ready")
    return "ready"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty database of every kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/shop/ledger.db"
        return
    server = request.getfixturevalue("postgresql")
    template = "template1"
    if not is_from_scratch(request):
        template = request.getfixturevalue("ready_database")
    name = f"shop_{uuid4().hex}"
    _order(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    yield f"{server}/{name}"
    _order(server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """The same, open."""
    async with Store(url) as opened:
        yield opened
