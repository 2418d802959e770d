"""What a changed status costs on its way into the states of its printer's entities.

    python -m pytest -c tests/pytest.ini -q -s -n 0 -m bench scripts/bench/entities.py

The printer of the entity tests, which has every part, with everything switched on. From the
fleet's hand to the last state written, the ledger's fold included; beside it, in the same run,
the plain way: every entity reads and writes at every status.
"""

from __future__ import annotations

import itertools
import statistics
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest
from homeassistant.helpers.entity_platform import async_get_platforms

from custom_components.printernizer.const import DOMAIN
from custom_components.printernizer.entity import PrinterEntity
from tests.conftest import hass_config_dir  # noqa: F401 - the fixture
from tests.rich_printer import RICH, Stand, set_up, stand  # noqa: F401 - fixtures

if TYPE_CHECKING:
    from collections.abc import Callable

    from custom_components.printernizer.engine.printer import PrinterStatus

ROUNDS: Final = 7
STATUSES: Final = 400


def _changing(count: int) -> Callable[[int], PrinterStatus]:
    """Return statuses in which this many sensors show something else than in the one before."""
    assert RICH.bed is not None
    bed, chamber = RICH.bed, RICH.chamber

    def status(number: int) -> PrinterStatus:
        turn = number % 2
        changed: dict[str, Any] = {"z_mm": 4.0 + turn} if count else {}
        if count >= 3:
            changed |= {"bed": replace(bed, actual_c=60.0 + 5 * turn), "flow_percent": 90 + turn}
        if count >= 8:
            assert chamber is not None
            changed |= {
                "chamber": replace(chamber, actual_c=38.0 + 5 * turn),
                "speed_percent": 100 + turn,
                "wifi_dbm": -61 - 5 * turn,
                "door_open": bool(turn),
                "usage": RICH.usage and RICH.usage * (1 + turn),
            }
        return replace(RICH, **changed)

    return status


def _microseconds(act: Callable[[int], object]) -> float:
    """Return the median cost of one call, over several rounds."""
    rounds = []
    numbers = itertools.count()
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        for _ in range(STATUSES):
            act(next(numbers))
        rounds.append((time.perf_counter() - begun) / STATUSES * 1e6)
    return statistics.median(rounds)


@pytest.mark.bench
async def test_status_to_states(stand: Stand) -> None:  # noqa: F811 - the fixture
    """Print the table; fails only when nothing was written."""
    coordinator = stand.coordinator
    fleet = coordinator.workshop.fleet
    link = fleet[coordinator.printer_id]
    entities = [
        entity
        for platform in async_get_platforms(stand.hass, DOMAIN)
        for entity in platform.entities.values()
        if isinstance(entity, PrinterEntity)
    ]

    def write_all(number: int) -> None:
        coordinator.data = _changing(3)(number)
        for entity in entities:
            entity.show()
            entity.async_write_ha_state()

    everything = _microseconds(write_all)
    print(f"\n{len(entities)} entities; reading and writing all: {everything:.0f} us")
    for count in (0, 1, 3, 8):
        status = _changing(count)
        cost = _microseconds(lambda n, status=status: fleet.on_status(link, status(n), first=False))
        print(f"{count} changed: {cost:.0f} us, {cost / everything:.3f} of writing all")
    assert everything > 0
