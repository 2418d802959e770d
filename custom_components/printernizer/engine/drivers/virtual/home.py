"""Where virtual printers live: in memory, for as long as the process runs.

A machine must outlive the line to it (a reload of its entry must not end its job), so machines
are kept by serial. After a restart it is a machine that was power-cycled: its job is gone, and
the ledger has to cope, as with a real one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from .machine import MachineSlot, VirtualMachine
from .samples import samples

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ...workshop.clock import Clock

_MACHINES: Final[dict[str, VirtualMachine]] = {}

_STORAGE_BYTES: Final = 256_000_000
"""Its files lie in our memory."""


def virtual_machine(settings: Mapping[str, Any], clock: Clock) -> VirtualMachine:
    """Return the machine with this serial, made at the first call.

    settings: `serial`, optionally `name` and `speed` (how many times faster than real time the
    machine lives, default 1).
    """
    serial = settings["serial"]
    if serial not in _MACHINES:
        speed = float(settings.get("speed", 1))
        start = clock.monotonic()
        machine = VirtualMachine(
            now=lambda: (clock.monotonic() - start) * speed,
            serial=serial,
            name=settings.get("name", "Virtual printer"),
            slots=[MachineSlot(colour="#F5A623")],
            storage_bytes=_STORAGE_BYTES,
        )
        for file in samples():
            machine.store(file)
        # A fresh machine has printed nothing, but ids must not repeat those of its last life:
        # they come from the wall clock, one a second at most.
        machine.next_id = int(clock.now().timestamp())
        _MACHINES[serial] = machine
    return _MACHINES[serial]


def forget(serial: str) -> None:
    """Scrap a machine whose printer was removed."""
    _MACHINES.pop(serial, None)
