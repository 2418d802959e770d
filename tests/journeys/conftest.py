"""Real processes talk over real sockets here."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _sockets(socket_enabled: None) -> None:
    """Undo the socket ban that the test package for Home Assistant sets up before every test."""
