"""Reading the files of a printer only while it rests."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest

from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.workshop.at_rest import at_rest
from custom_components.printernizer.engine.workshop.fleet import Fleet


class OnePrinter:
    """A fleet with a printer that rests, until it says otherwise."""

    def __init__(self) -> None:
        self.told: Any = None
        self._link = SimpleNamespace(
            session=SimpleNamespace(storage=SimpleNamespace(calm=False)),
            status=SimpleNamespace(active=False),
        )

    def get(self, _: str) -> Any:
        return self._link

    def subscribe(self, _: str, told: Any) -> Any:
        self.told = told
        return lambda: setattr(self, "told", None)


@pytest.mark.parametrize("begins", [True, False])
async def test_whoever_reads_learns_whether_a_print_or_they_themselves_ended_it(
    begins: bool,
) -> None:
    """Unreachable is worth another try; who was called off must not try again."""
    fleet, begun, ended = OnePrinter(), asyncio.Event(), asyncio.Event()

    async def reading() -> None:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    task = asyncio.create_task(at_rest(cast("Fleet", fleet), "P1", reading()))
    await begun.wait()
    if begins:
        fleet.told(None)
        fleet.told(SimpleNamespace(active=False))
        assert not task.done()
        fleet.told(SimpleNamespace(active=True))
    else:
        task.cancel()
    with pytest.raises(Unreachable if begins else asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert fleet.told is None
