"""No state of a printer gets lost between the line and whoever listens."""

from __future__ import annotations

import pytest

from custom_components.printernizer.engine.drivers.octoprint.feed import Feed
from custom_components.printernizer.engine.errors import Unreachable
from custom_components.printernizer.engine.printer import PrinterState, PrinterStatus


async def all_of(feed: Feed) -> list[PrinterStatus]:
    """Read until the feed ends as it was told to."""
    feed.fail(Unreachable("gone"))
    read: list[PrinterStatus] = []
    try:
        async for item in feed.read():
            read.append(item)  # noqa: PERF401 - what came before the error counts
    except Unreachable:
        return read
    pytest.fail("it did not end")


def status(state: PrinterState, z_mm: float = 0.0) -> PrinterStatus:
    return PrinterStatus(state=state, z_mm=z_mm)


async def test_a_slow_listener_misses_no_state_and_reads_only_the_newest_of_each() -> None:
    feed = Feed()
    feed.put(status(PrinterState.PRINTING, 1))
    feed.put(status(PrinterState.PRINTING, 2))
    feed.put(status(PrinterState.PRINTING, 2))
    feed.put(status(PrinterState.FINISHED))
    feed.put(status(PrinterState.PREPARING))
    assert [(item.state, item.z_mm) for item in await all_of(feed)] == [
        (PrinterState.PRINTING, 2),
        (PrinterState.FINISHED, 0),
        (PrinterState.PREPARING, 0),
    ]
    assert feed.last == status(PrinterState.PREPARING)


async def test_nobody_who_listens_costs_no_memory() -> None:
    feed = Feed()
    for _ in range(100):
        feed.put(status(PrinterState.PRINTING))
        feed.put(status(PrinterState.IDLE))
    assert len(await all_of(feed)) == 64


async def test_the_same_is_told_again_when_somebody_asks() -> None:
    feed = Feed()
    feed.put(status(PrinterState.IDLE))
    reading = feed.read()
    assert (await anext(reading)).state is PrinterState.IDLE
    feed.put(status(PrinterState.IDLE), asked=True)
    assert (await anext(reading)).state is PrinterState.IDLE
