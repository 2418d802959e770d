"""A simulated Spoolman on a real socket, and a session to talk to it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from tests.simulators.spoolman import SpoolmanSimulator


@dataclass
class Bench:
    """A Spoolman and what a test does to it behind our back."""

    url: str
    http: aiohttp.ClientSession
    simulator: SpoolmanSimulator | None = None

    async def ask(self, method: str, path: str, **body: Any) -> dict[str, Any]:
        async with self.http.request(method, f"{self.url}/api/v1/{path}", json=body) as answer:
            assert answer.status == 200, await answer.text()
            found: dict[str, Any] = await answer.json()
            return found

    async def add_spool(self, **more: Any) -> int:
        """Add a spool of 1 kg of black PETG with a filament and a vendor of its own."""
        vendor = await self.ask("POST", "vendor", name="Prusament")
        filament = await self.ask(
            "POST",
            "filament",
            name="Jet Black",
            vendor_id=vendor["id"],
            material="PETG",
            price=29.99,
            density=1.27,
            diameter=1.75,
            weight=1000,
            spool_weight=193,
            color_hex="1a1a1a",
            settings_extruder_temp=250,
            settings_bed_temp=90,
        )
        spool = await self.ask("POST", "spool", filament_id=filament["id"], **more)
        number: int = spool["id"]
        return number


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    simulator = SpoolmanSimulator()
    async with TestServer(simulator.app) as server, aiohttp.ClientSession() as http:
        yield Bench(str(server.make_url("")).rstrip("/"), http, simulator)
