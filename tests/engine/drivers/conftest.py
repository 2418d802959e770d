"""Who plays in the contract suite: every stage of ours, or those that `--peer` names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
import pytest_socket

from tests.peers.webcam import webcam

from .own_machines import own_machine
from .peers import stages
from .real_servers import Houses

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .stage import Stage

_OPEN: Final[list[Houses]] = []
"""The real servers of this process, once a test has asked for one."""


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of our marker."""
    config.addinivalue_line("markers", "needs(*offers, part): what a stage must have for this test")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Play every test that takes a stage on all of them."""
    if "stage" not in metafunc.fixturenames:
        return
    named = metafunc.config.getoption("peer")
    may_print = metafunc.config.getoption("peer_may_print")
    playing = (
        [own_machine(text, may_print=may_print) for text in named]
        if named
        else stages(lambda: _OPEN[0])
    )
    metafunc.parametrize(
        "stage",
        [
            pytest.param(
                stage,
                id=stage.name,
                marks=[pytest.mark.peer, pytest.mark.timeout(180)] if stage.real else [],
            )
            for stage in playing
        ],
        indirect=True,
    )


@pytest.fixture(scope="session")
def houses(peer: Callable[[str], dict[str, str]]) -> Iterator[Houses]:
    """Real servers, each started when it is first needed."""
    pytest_socket.enable_socket()
    with webcam() as snapshot:  # its thread is here before the first test counts threads
        found = Houses(peer, snapshot)
        _OPEN.append(found)
        yield found
        _OPEN.clear()
        found.close()


@pytest.fixture
def stage(request: pytest.FixtureRequest, houses: Houses) -> Stage:
    """Give one stage, or skip when it does not offer what the test needs."""
    found: Stage = request.param
    for mark in request.node.iter_markers("needs"):
        for offer in mark.args:
            if offer not in found.offers:
                pytest.skip(str(offer))
        part = mark.kwargs["part"]
        if part is not None and found.parts is not None and part not in found.parts:
            pytest.skip(f"it has no {part}")
    if found.host is not None:
        pytest_socket.socket_allow_hosts(["127.0.0.1", found.host], allow_unix_socket=True)
    return found
