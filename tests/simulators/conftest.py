"""Real sockets on 127.0.0.1 for everything below: drivers talk to simulators, not to mocks."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Undo the socket ban that the test package for Home Assistant sets up before every test."""
