"""A killed test run leaves no server behind."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers.watcher import watched

HOLDER = """
import subprocess
from tests.peers.watcher import watch
server = subprocess.Popen(["sleep", "30"], start_new_session=True)
watcher = watch(server.pid)
print("started", flush=True)
server.wait()
"""


def test_a_server_ends_with_the_test_process_that_was_killed() -> None:
    """Whoever stops a run would find its servers eating their cores an hour later."""
    root = Path(__file__).parents[2]
    with subprocess.Popen([sys.executable, "-c", HOLDER], cwd=root, stdout=subprocess.PIPE) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"started\n"
        run.kill()
        # The server holds this pipe too: its end is the server's end.
        rest, _ = run.communicate(timeout=20)
    assert rest == b""


def test_a_dismissed_watcher_leaves_the_server_alone() -> None:
    """A watcher that strikes at the end of a test would kill whoever has the number next."""
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE, start_new_session=True) as server:
        with watched(server):
            pass
        with pytest.raises(subprocess.TimeoutExpired):
            server.wait(0.1)
        server.communicate(b"")
    assert server.returncode == 0
