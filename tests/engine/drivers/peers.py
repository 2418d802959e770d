"""The printers that the contract suite is held against, by name."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from tests.simulators.bambu import bambu_peer
from tests.simulators.moonraker import moonraker_peer
from tests.simulators.octoprint import octoprint_peer
from tests.simulators.print_files import boxed
from tests.simulators.prusalink import prusalink_peer

from . import real_servers
from .stage import PLATE, simulated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from custom_components.printernizer.engine.drivers.base import Driver
    from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
    from custom_components.printernizer.engine.workshop.clock import Clock

    from .real_servers import Houses
    from .stage import Stage

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
    "octoprint": octoprint_peer,
    "octoprint-2": lambda machine, clock: octoprint_peer(machine, clock, version="2.0.0rc7"),
    "moonraker": moonraker_peer,
}


def _parts(text: str) -> frozenset[str]:
    return frozenset(text.split())


_BAMBU: Final = _parts(
    "control prompt heaters fans speed lights options console storage job_picture motion loader "
    "objects"
)
_PRUSALINK: Final = _parts("control storage job_picture")
_OCTOPRINT: Final = _parts(
    "control heaters speed console storage mover cameras job_picture motion emergency maintenance"
)
_MOONRAKER: Final = _parts(
    "control prompt heaters fans speed lights console storage cameras job_picture motion loader "
    "objects emergency macros maintenance outlets history mover"
)

PARTS: Final = {
    "virtual": _parts(
        "control prompt heaters fans speed lights console storage motion loader objects emergency "
        "maintenance mover"
    ),
    "bambu-a1": _BAMBU | {"cameras"},
    "bambu-x1c": _BAMBU,
    "bambu-h2d": _BAMBU,
    "prusalink-buddy": _PRUSALINK,
    "prusalink-pi": _PRUSALINK,
    "octoprint": _OCTOPRINT,
    "octoprint-2": _OCTOPRINT,
    "moonraker": _MOONRAKER,
}
"""What a session to each of them holds: a part that is lost is seen here, not skipped."""


def _simulated(name: str) -> Stage:
    if name.startswith("bambu"):
        # Only the maker's archives name the objects on a plate.
        archive = boxed(PLATE)
        return simulated(name, PEERS[name], PARTS[name], file="/part.gcode.3mf", content=archive)
    return simulated(name, PEERS[name], PARTS[name])


def stages(houses: Callable[[], Houses]) -> list[Stage]:
    """Return where the contract suite plays: simulators of ours, then real servers."""
    return [
        *(_simulated(name) for name in PEERS),
        real_servers.octoprint(houses, "octoprint-1.11.8", "octoprint", _OCTOPRINT),
        real_servers.octoprint(houses, "octoprint-2.0rc7", "octoprint2", _OCTOPRINT),
        real_servers.moonraker(houses, _MOONRAKER),
        real_servers.prusalink(houses, _PRUSALINK),
    ]
