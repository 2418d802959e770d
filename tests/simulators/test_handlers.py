"""A simulator that is left leaves nothing behind, whatever its clients were in the middle of."""

from __future__ import annotations

import asyncio
import time

from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine

from .prusalink import PrusaLinkSimulator

REFUSED = (
    b"PUT /api/v1/files/usb/a.txt HTTP/1.1\r\nHost: x\r\nX-Api-Key: secret-key\r\n"
    b"Content-Length: 5000\r\n\r\nthe first bytes"
)


async def test_a_body_that_was_refused_and_never_came_keeps_no_task() -> None:
    """Every later test of the worker would be told of a task that is not its own."""
    before = asyncio.all_tasks()
    for turns in range(6):
        async with PrusaLinkSimulator(VirtualMachine(now=time.monotonic, serial="X")) as sim:
            reader, writer = await asyncio.open_connection(sim.host, sim.port)
            writer.write(REFUSED)
            assert (await reader.readline()).split()[1] == b"415"
            writer.transport.abort()
            for _ in range(turns):  # the server notices somewhere in between
                await asyncio.sleep(0)
        assert asyncio.all_tasks() == before
