"""A printer followed through Home Assistant's own OctoPrint integration, run for real.

Skipped where the library of that integration is not installed: it is not ours to install.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, DOMAIN, EVENT_JOB
from custom_components.printernizer.coordinator import PrinterCoordinator
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.job import Outcome
from custom_components.printernizer.engine.printer import PrinterState
from custom_components.printernizer.followed import driver as followed_driver
from tests.hand_clock import HandClock
from tests.simulators.octoprint import OctoPrintSimulator

pytest.importorskip("pyoctoprintapi", reason="the library of core's OctoPrint is not installed")

OCTOPRINT = "octoprint"
KEY = "admin-key"
BENCHY = "/local/benchy.gcode"
PATIENCE_S = 10.0

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")


@dataclass
class Bench:
    """One machine behind an OctoPrint, and what comes of it in this home."""

    hass: HomeAssistant
    clock: HandClock
    machine: VirtualMachine
    simulator: OctoPrintSimulator
    source: MockConfigEntry
    entry: MockConfigEntry
    kinds: list[str] = field(default_factory=list)

    @property
    def coordinator(self) -> PrinterCoordinator:
        coordinator: PrinterCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    async def live(self, seconds: float) -> None:
        """Let time pass on the machine, and let the source look at it."""
        await self.clock.advance(seconds)
        await self.source.runtime_data.async_refresh()
        await self.hass.async_block_till_done()

    async def until(self, state: PrinterState) -> None:
        """Wait until the printer is shown so."""
        async with asyncio.timeout(PATIENCE_S):
            while self.coordinator.data.state is not state:
                await asyncio.sleep(0.005)
        await self.hass.async_block_till_done()

    async def told(self, count: int) -> list[str]:
        """Wait until so many job events were told."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.kinds) < count:
                await asyncio.sleep(0.005)
        await self.hass.async_block_till_done()
        return self.kinds


@pytest.fixture
async def bench(hass: HomeAssistant, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """Give an OctoPrint with the core integration on it, followed."""
    quick = followed_driver.Pace(confirm_s=20.0, again_s=0.02)
    monkeypatch.setattr(followed_driver, "PACE", quick)
    clock = HandClock()
    machine = VirtualMachine(clock.monotonic, serial="OCTO0001")
    machine.store(VirtualFile(path=BENCHY, plates=(PlateFacts(seconds=3300, layers=240),)))
    async with OctoPrintSimulator(machine, api_key=KEY) as simulator:
        assert simulator.uuid is not None
        source = MockConfigEntry(
            domain=OCTOPRINT,
            title="OctoPrint",
            unique_id=simulator.uuid,
            data={
                "host": simulator.host,
                "port": simulator.port,
                "path": "/",
                "ssl": False,
                "verify_ssl": False,
                "api_key": KEY,
                "username": "ha",
            },
        )
        source.add_to_hass(hass)
        assert await hass.config_entries.async_setup(source.entry_id)
        await hass.async_block_till_done()
        # It grants a fresh look every 10 s only; nobody waits for that in a test.
        source.runtime_data._debounced_refresh.cooldown = 0.02
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Followed",
            unique_id=simulator.uuid,
            data={
                CONF_KIND: "followed",
                "source": OCTOPRINT,
                "identifier": simulator.uuid,
                "serial": simulator.uuid,
            },
        )
        entry.add_to_hass(hass)
        assert await hass.config_entries.async_setup(entry.entry_id)
        await hass.async_block_till_done()
        place = Bench(hass, clock, machine, simulator, source, entry)

        @callback
        def take(event: Event) -> None:
            place.kinds.append(event.data["kind"])

        hass.bus.async_listen(EVENT_JOB, take)
        yield place
        for one in (entry, source):
            if one.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(one.entry_id)
        await hass.async_block_till_done()


async def test_a_print_goes_through_its_states(bench: Bench) -> None:
    """Its end is known only by what is left standing: 100 per cent."""
    assert bench.coordinator.data.state is PrinterState.IDLE
    bench.machine.start(BENCHY)
    await bench.live(1)
    await bench.until(PrinterState.PREPARING)
    await bench.live(60)
    await bench.until(PrinterState.PRINTING)
    await bench.live(600)
    status = bench.coordinator.data
    assert status.job is not None
    assert status.job.name == "benchy.gcode"
    assert status.job.progress
    assert status.bed is not None
    assert status.tools[0].temperature.target_c
    await bench.live(4000)
    await bench.until(PrinterState.FINISHED)
    assert await bench.told(3) == ["started", "printing", "finished"]


async def test_a_job_is_held_resumed_and_ended_through_the_source(bench: Bench) -> None:
    """Its buttons do not look for what became of them: we do."""
    bench.machine.start(BENCHY)
    await bench.live(61)
    await bench.live(600)
    await bench.until(PrinterState.PRINTING)
    workshop, serial = bench.coordinator.workshop, bench.simulator.uuid
    assert serial is not None
    await workshop.pause(serial)
    await bench.until(PrinterState.PAUSED)
    await workshop.resume(serial)
    await workshop.set_temperature(serial, "bed", 55.0)
    assert bench.machine.bed.target_c == 55.0
    await workshop.cancel(serial)
    assert (await bench.told(5))[2:] == ["paused", "resumed", "cancelled"]
    assert not bench.coordinator.data.active
    job = bench.coordinator.job
    assert job is not None
    assert job.outcome is Outcome.CANCELLED


async def test_a_printer_that_loses_its_power_is_offline_behind_its_server(bench: Bench) -> None:
    """The server answers, the printer does not; a job is neither ended nor doubled by it."""
    bench.machine.start(BENCHY)
    await bench.live(61)
    await bench.until(PrinterState.PRINTING)
    bench.simulator.voice.lose(None)
    await bench.live(1)
    await bench.until(PrinterState.OFFLINE)
    assert await bench.told(2) == ["started", "printing"]
