"""Virtual printers set up in a real Home Assistant, on a clock that tests turn by hand.

The machines are the product's own, the ledger is a real SQLite file below the test's folder,
and everything between them is what users run. Only the machines' time is not the real one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import Event, HomeAssistant, callback
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, CONF_SERIAL, DOMAIN
from custom_components.printernizer.coordinator import PrinterCoordinator
from custom_components.printernizer.engine.drivers.virtual import home
from custom_components.printernizer.engine.drivers.virtual.machine import VirtualMachine
from custom_components.printernizer.runtime import async_get_workshop, async_shop_entry
from tests.hand_clock import HandClock

HEATED_S = 60.0
"""Longer than any virtual machine takes to heat up for its sample files."""
PRINTED_S = 4000.0
"""Longer than the sample that tests print takes."""
SAMPLE = "/benchy.gcode"
PATIENCE_S = 10.0


@dataclass
class Printer:
    """One virtual printer: its machine, and what Home Assistant made of it."""

    hass: HomeAssistant
    entry: MockConfigEntry
    machine: VirtualMachine
    clock: HandClock

    @property
    def coordinator(self) -> PrinterCoordinator:
        coordinator: PrinterCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    @property
    def device_id(self) -> str:
        return self.coordinator.device_id

    async def show(self) -> None:
        """Carry what the machine does now to Home Assistant."""
        await self.coordinator.workshop.fleet[self.machine.serial].refresh()
        await self.hass.async_block_till_done()

    async def live(self, seconds: float) -> None:
        """Let the machine live on for a while and show what it does then."""
        await self.clock.advance(seconds)
        await self.show()

    async def begin(self, path: str = SAMPLE) -> None:
        """Start a job and heat up, until it prints."""
        self.machine.start(path)
        await self.show()
        await self.live(HEATED_S)

    async def print_all(self, path: str = SAMPLE) -> None:
        """Print a file to its end."""
        await self.begin(path)
        await self.live(PRINTED_S)

    async def restart(self, *, away: Callable[[], object] = lambda: None) -> None:
        """Unload the printer and the shop, let something happen meanwhile, and load them again."""
        shop = async_shop_entry(self.hass)
        assert await self.hass.config_entries.async_unload(self.entry.entry_id)
        await self.close_shop()
        await self.hass.async_block_till_done()
        away()
        assert await self.hass.config_entries.async_setup(self.entry.entry_id)
        if shop is not None:
            assert await self.hass.config_entries.async_setup(shop.entry_id)
        await self.hass.async_block_till_done()

    async def close_shop(self) -> None:
        """Let the shop's own entry go of the workshop: the last printer to go closes it."""
        shop = async_shop_entry(self.hass)
        if shop is not None and shop.state is ConfigEntryState.LOADED:
            assert await self.hass.config_entries.async_unload(shop.entry_id)


@dataclass
class Heard:
    """Events of one type, as they come."""

    hass: HomeAssistant
    events: list[Event] = field(default_factory=list)

    @callback
    def take(self, event: Event) -> None:
        self.events.append(event)

    @property
    def kinds(self) -> list[str]:
        return [event.data["kind"] for event in self.events]

    async def until(self, count: int) -> list[Event]:
        """Wait until so many came; what comes too much right after counts as well."""
        async with asyncio.timeout(PATIENCE_S):
            while len(self.events) < count:
                await asyncio.sleep(0.005)
        await self.hass.async_block_till_done()
        return self.events


class Floor:
    """A shop floor full of virtual printers."""

    def __init__(self, hass: HomeAssistant) -> None:
        self.hass = hass
        self.printers: list[Printer] = []

    async def add(self, name: str = "Virtual One", serial: str | None = None) -> Printer:
        """Set up one more printer."""
        serial = serial or f"FLOOR{len(self.printers):04}"
        clock = HandClock()
        machine = home.virtual_machine({CONF_SERIAL: serial, "name": name}, clock)
        entry = MockConfigEntry(
            domain=DOMAIN,
            title=name,
            unique_id=serial,
            data={CONF_KIND: "virtual", CONF_SERIAL: serial, "name": name},
        )
        entry.add_to_hass(self.hass)
        assert await self.hass.config_entries.async_setup(entry.entry_id)
        await self.hass.async_block_till_done()
        self.printers.append(Printer(self.hass, entry, machine, clock))
        return self.printers[-1]

    def hear(self, event_type: str) -> Heard:
        """Listen to one type of event from now on."""
        heard = Heard(self.hass)
        self.hass.bus.async_listen(event_type, heard.take)
        return heard

    async def settle(self) -> None:
        """Wait until the ledger has written what it was told, and everybody has heard of it."""
        await written(self.hass)


async def written(hass: HomeAssistant) -> None:
    """Wait until the ledger has written what it was told, and everybody has heard of it."""
    ledger = async_get_workshop(hass).ledger
    async with asyncio.timeout(PATIENCE_S):
        while ledger.health.pending:
            await asyncio.sleep(0.005)
    await hass.async_block_till_done()


@pytest.fixture
def floor(hass: HomeAssistant, enable_custom_integrations: None, tmp_path: Path) -> Iterator[Floor]:
    """Give an empty shop floor; its machines are scrapped afterwards."""
    place = Floor(hass)
    hass.config.media_dirs = {"local": str(tmp_path / "media")}
    yield place
    for printer in place.printers:
        home.forget(printer.machine.serial)


__all__ = ["Floor", "Heard", "Printer", "floor", "written"]
