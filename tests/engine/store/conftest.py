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

PASSWORD = "not-a-secret-of-anybody"


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


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """Start a cluster of our own; yields the URL of its server, without a database name."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip("there is no PostgreSQL on this machine (initdb, postgres)")
    if os.getuid() == 0 and not shutil.which("setpriv"):
        pytest.skip("PostgreSQL does not run as root, and setpriv is missing")
    folder = Path(tempfile.mkdtemp(prefix="printernizer-pg-", dir="/tmp"))
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


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of every kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/shop/ledger.db"
    server = request.getfixturevalue("postgresql")
    name = f"shop_{uuid4().hex}"
    admin = sa.create_engine(
        f"{server}/postgres".replace("postgresql:", "postgresql+psycopg:"),
        isolation_level="AUTOCOMMIT",
        poolclass=sa.NullPool,
    )
    with admin.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    """The same, open."""
    async with Store(url) as opened:
        yield opened
