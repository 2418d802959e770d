"""The printers that the contract suite is held against, by name."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from tests.simulators.bambu import bambu_peer
from tests.simulators.prusalink import prusalink_peer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from custom_components.printernizer.engine.drivers.base import Driver
    from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
    from custom_components.printernizer.engine.workshop.clock import Clock

type Peer = Callable[[VirtualMachine, Clock], AbstractAsyncContextManager[Driver]]


@asynccontextmanager
async def virtual_peer(machine: VirtualMachine, clock: Clock) -> AsyncIterator[Driver]:
    """The machine without a wire."""
    yield VirtualDriver(machine, clock, poll_s=0.02)


PEERS: Final[dict[str, Peer]] = {
    "virtual": virtual_peer,
    "bambu-a1": lambda machine, clock: bambu_peer(machine, clock, model="A1"),
    "bambu-x1c": lambda machine, clock: bambu_peer(machine, clock, model="X1C"),
    "bambu-h2d": lambda machine, clock: bambu_peer(machine, clock, model="H2D"),
    "prusalink-buddy": lambda machine, clock: prusalink_peer(machine, clock, dialect="buddy"),
    "prusalink-pi": lambda machine, clock: prusalink_peer(machine, clock, dialect="pi"),
}
