"""A ledger that was migrated once, to begin others from: all migrations take a tenth of a second.

Nearly every test opens an empty ledger. What is copied was made by the migrations themselves in
the same run; tests of the migrations are marked `from_scratch`.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.store import database, migrate

_PREFIX = "sqlite:///"
_open = database._open


def migrated(url: str) -> None:
    """Make an empty ledger."""
    _open(url, migrate.MIGRATIONS).dispose()


@pytest.fixture(scope="session")
def ready_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a ledger in which nothing happened yet."""
    path = tmp_path_factory.mktemp("ready") / "ledger.db"
    migrated(f"{_PREFIX}{path}")
    return path


def is_from_scratch(request: pytest.FixtureRequest) -> bool:
    """Whether a test wants a database without any table."""
    return request.node.get_closest_marker("from_scratch") is not None


@pytest.fixture(autouse=True)
def begin_ready(
    request: pytest.FixtureRequest, ready_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let every ledger in a new file begin migrated."""
    if is_from_scratch(request):
        return

    def opened(url: str, migrations: Path) -> sa.Engine:
        path = Path(url.removeprefix(_PREFIX))
        if url.startswith(_PREFIX) and not path.exists():
            with suppress(OSError):  # the store's to tell
                path.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(ready_file, path)
        return _open(url, migrations)

    monkeypatch.setattr(database, "_open", opened)
