"""Ends a server's process group when the test process that started it is gone, however it went."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

WATCH: Final = 'read -r _; kill -s KILL -- "-$1"'
"""Nobody ever writes: `read` ends when the last holder of the pipe's other end is gone."""


def watch(group: int) -> subprocess.Popen[bytes]:
    """Start a watcher of that group; end it with `dismiss` once the group's leader is reaped."""
    return subprocess.Popen(
        ["/bin/sh", "-c", WATCH, "watcher", str(group)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def dismiss(watcher: subprocess.Popen[bytes]) -> None:
    """End a watcher without its deed: killed before its pipe closes."""
    watcher.kill()
    watcher.wait()
    assert watcher.stdin is not None
    watcher.stdin.close()


@contextmanager
def watched(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Watch the group that this process leads until the block ends."""
    watcher = watch(process.pid)
    try:
        yield
    finally:
        dismiss(watcher)
