"""What every test needs, whether it uses Home Assistant or not."""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

# Before any plugin of Home Assistant's can put its own folder of that name first: otherwise every
# test of the integration ends in "Integration not found". It also settles who `voluptuous` is.
import custom_components.printernizer  # noqa: F401
from custom_components.printernizer.engine.workshop import sandbox
from tests.cache_folder import PEERS
from tests.ready_ledger import begin_ready, ready_file  # noqa: F401 - fixtures

# The test package for Home Assistant has every statement logged, and writes every line of every
# log to stderr besides what pytest captures.
logging.getLogger("sqlalchemy.engine").setLevel(logging.WARNING)
for _written in [each for each in logging.root.handlers if type(each) is logging.StreamHandler]:
    logging.root.removeHandler(_written)


# Statements count that a worker goes through, too: coverage finds its settings in the environment.
sandbox.KEPT |= {"COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let the contract suite run on somebody's own machines: see docs/developer/testing.md."""
    group = parser.getgroup("printernizer")
    group.addoption(
        "--peer",
        action="append",
        default=[],
        metavar="KIND=ADDRESS",
        help="run the contract suite on this machine alone, without touching it: "
        "octoprint=URL, moonraker=URL, prusalink=URL, bambu=HOST",
    )
    group.addoption(
        "--peer-may-print",
        action="store_true",
        help="let that machine heat, move, and print a tiny file that is deleted again",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin the longest: at the end one of them would keep a single worker busy."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def peer() -> Callable[[str], dict[str, str]]:
    """Give a real server's programs by name, or skip with the reason there is none.

    Names and keys stand at the top of scripts/lib/peers.sh.
    """

    def settings(name: str) -> dict[str, str]:
        folder = PEERS / name
        if not (folder / "env").is_file():
            missing = folder / "missing"
            reason = missing.read_text().strip() if missing.is_file() else "run scripts/setup peers"
            pytest.skip(f"no {name}: {reason}")
        lines = (folder / "env").read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    return settings


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Keep the ledger, and whatever else a home writes, below the test's own folder.

    It is copied from a template, in which a run without this fixture may have left a ledger.
    """
    shutil.rmtree(Path(hass_tmp_config_dir, "printernizer"), ignore_errors=True)
    return hass_tmp_config_dir


@pytest.fixture(autouse=True)
async def enable_event_loop_debug() -> None:
    """Let the loop check as in its debug mode, but not note who made each of its callbacks.

    In place of the fixture of that name in the test package for Home Assistant. Calls from the
    wrong thread are still refused, and slow callbacks told of; a whole stack for every future,
    task and callback took a quarter to nearly half of a test's work.
    """
    loop = asyncio.get_running_loop()
    loop.set_debug(True)
    loop.get_debug = lambda: False
