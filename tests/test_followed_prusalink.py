"""A printer followed through Home Assistant's own PrusaLink integration, run for real.

The machine is the product's, the PrusaLink is a real server on 127.0.0.1, and the integration in
between is the one that ships with Home Assistant.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from unittest.mock import patch

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
import homeassistant.helpers.issue_registry as ir
import pytest
from homeassistant.components.prusalink.const import DOMAIN as PRUSALINK
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
from custom_components.printernizer.engine.errors import Refused
from custom_components.printernizer.engine.job import Certainty, Outcome
from custom_components.printernizer.engine.printer import CurrentJob, PrinterState
from custom_components.printernizer.followed import driver as followed_driver
from tests.hand_clock import HandClock
from tests.simulators.prusalink import PrusaLinkSimulator

PASSWORD = "secret-key"
PATIENCE_S = 10.0
PNG = b"\x89PNG\r\n\x1a\n" + bytes(200)
BENCHY, BRACKET = "/usb/benchy.gcode", "/usb/bracket.gcode"

UNHURRIED = followed_driver.Pace(
    grace_s=20.0, patience_s=20.0, settle_s=20.0, confirm_s=20.0, answer_s=5.0, again_s=0.02
)
"""Nothing waits for the end of these on a machine that is slow, but for the tests that say so."""

pytestmark = pytest.mark.usefixtures("enable_custom_integrations", "socket_enabled")


@dataclass
class Bench:
    """One machine behind a PrusaLink, and what comes of it in this home."""

    hass: HomeAssistant
    clock: HandClock
    machine: VirtualMachine
    simulator: PrusaLinkSimulator
    source: MockConfigEntry
    kinds: list[str] = field(default_factory=list)
    entry: MockConfigEntry | None = None
    native: bool = False

    @property
    def serial(self) -> str:
        (device,) = dr.async_entries_for_config_entry(dr.async_get(self.hass), self.source.entry_id)
        assert device.serial_number is not None
        return device.serial_number

    @property
    def coordinator(self) -> PrinterCoordinator:
        assert self.entry is not None
        coordinator: PrinterCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    async def poll(self, *, job: bool = True) -> None:
        """Let the source look at its printer, as its timers do: each question by itself."""
        if self.native:
            await self.coordinator.workshop.fleet[self.serial].refresh()
        for name, coordinator in self.source.runtime_data.items():
            if job or name != "job":
                await coordinator.async_refresh()
        await self.hass.async_block_till_done()

    async def live(self, seconds: float) -> None:
        """Let time pass on the machine, and show it."""
        await self.clock.advance(seconds)
        await self.poll()

    async def enable_everything(self) -> None:
        """Enable what the source adds disabled."""
        registry = er.async_get(self.hass)
        for entity in er.async_entries_for_config_entry(registry, self.source.entry_id):
            registry.async_update_entity(entity.entity_id, disabled_by=None)
        await self.hass.config_entries.async_reload(self.source.entry_id)
        await self.hass.async_block_till_done()

    async def follow(self, **pace: float) -> None:
        """Add the followed printer; with a shorter pace where a test waits for its end."""
        hurried = replace(followed_driver.PACE, **pace)
        with patch.object(followed_driver, "PACE", hurried):
            await self._follow()

    async def _follow(self) -> None:
        data = {CONF_KIND: "followed", "source": PRUSALINK, "identifier": self.source.entry_id}
        await self._add(data)

    async def connect(self) -> None:
        """Add the printer by itself, over our own line."""
        self.native = True
        data = {CONF_KIND: "prusalink", "host": self.simulator.host, "port": self.simulator.port}
        await self._add({**data, "username": "maker", "password": PASSWORD})

    async def _add(self, data: dict[str, object]) -> None:
        self.entry = MockConfigEntry(
            domain=DOMAIN,
            title="Followed",
            unique_id=self.serial,
            data={**data, "serial": self.serial},
        )
        self.entry.add_to_hass(self.hass)
        await self.hass.config_entries.async_setup(self.entry.entry_id)
        await self.hass.async_block_till_done()

    async def until(self, state: PrinterState) -> None:
        """Wait until the printer is shown so."""
        async with asyncio.timeout(PATIENCE_S):
            while self.coordinator.data.state is not state:
                await asyncio.sleep(0.005)
        await self.hass.async_block_till_done()

    async def begin(self, path: str = BENCHY) -> None:
        """Start a job and heat up, until it prints."""
        self.machine.start(path)
        await self.live(1)
        await self.live(60)
        await self.until(PrinterState.PRINTING)

    def entity_id(self, key: str) -> str:
        """Return the id of one of the source's entities."""
        registry = er.async_get(self.hass)
        unique_id = f"{self.source.entry_id}_{key}"
        return next(
            entity.entity_id
            for entity in er.async_entries_for_config_entry(registry, self.source.entry_id)
            if entity.unique_id == unique_id
        )

    async def gone(self) -> None:
        """Wait until the line is lost."""
        async with asyncio.timeout(PATIENCE_S):
            while self.coordinator.session is not None:
                await asyncio.sleep(0.005)
        await self.hass.async_block_till_done()

    async def back(self) -> None:
        """Wait until it stands again."""
        async with asyncio.timeout(PATIENCE_S):
            while self.coordinator.session is None:
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
    """Give a PrusaLink with the core integration set up on it."""
    monkeypatch.setattr(followed_driver, "PACE", UNHURRIED)
    clock = HandClock()
    machine = VirtualMachine(clock.monotonic, serial="CZPX0001X000XC00001")
    for path in (BENCHY, BRACKET):
        machine.store(VirtualFile(path=path, plates=(PlateFacts(seconds=3300, layers=240),)))
    async with PrusaLinkSimulator(machine, password=PASSWORD) as simulator:
        source = MockConfigEntry(
            domain=PRUSALINK,
            title="Core One",
            version=1,
            minor_version=2,
            data={
                "host": f"http://{simulator.host}:{simulator.port}",
                "username": "maker",
                "password": PASSWORD,
            },
        )
        source.add_to_hass(hass)
        assert await hass.config_entries.async_setup(source.entry_id)
        await hass.async_block_till_done()
        place = Bench(hass, clock, machine, simulator, source)

        @callback
        def take(event: Event) -> None:
            place.kinds.append(event.data["kind"])

        hass.bus.async_listen(EVENT_JOB, take)
        yield place
        for entry in (place.entry, source):
            if entry is not None and entry.state is ConfigEntryState.LOADED:
                await hass.config_entries.async_unload(entry.entry_id)
        await hass.async_block_till_done()


@pytest.mark.parametrize("native", [True, False], ids=["own line", "followed"])
async def test_a_followed_print_makes_the_same_ledger_as_our_own_line(
    bench: Bench, *, native: bool
) -> None:
    """Two printers of a shop must not tell the same day differently."""
    await bench.enable_everything()
    await (bench.connect() if native else bench.follow())
    assert bench.coordinator.data.state is PrinterState.IDLE
    bench.machine.start(BENCHY)
    await bench.live(1)
    await bench.until(PrinterState.PREPARING)
    await bench.live(60)
    await bench.until(PrinterState.PRINTING)
    await bench.live(600)
    bench.machine.pause()
    await bench.live(1)
    await bench.until(PrinterState.PAUSED)
    bench.machine.resume()
    await bench.live(30)
    await bench.until(PrinterState.PRINTING)
    await bench.live(4000)
    await bench.until(PrinterState.FINISHED)
    assert await bench.told(5) == ["started", "printing", "paused", "resumed", "finished"]
    job = bench.coordinator.job
    assert job is not None
    assert job.identity.name == "benchy.gcode"
    assert (job.outcome, job.certainty) == (Outcome.COMPLETED, Certainty.REPORTED)
    await bench.begin(BRACKET)
    bench.machine.cancel()
    await bench.live(1)
    await bench.until(PrinterState.CANCELLED)
    assert (await bench.told(8))[5:] == ["started", "printing", "cancelled"]
    job = bench.coordinator.job
    assert job is not None
    assert (job.identity.name, job.outcome) == ("bracket.gcode", Outcome.CANCELLED)


async def test_a_job_is_not_told_under_the_name_of_the_one_before(bench: Bench) -> None:
    """The source asks for state and job apart; a mix of both would be a job that never was."""
    await bench.follow()
    await bench.begin()
    await bench.live(4000)
    await bench.until(PrinterState.FINISHED)
    await bench.told(3)
    bench.kinds.clear()
    bench.machine.start(BRACKET)
    await bench.clock.advance(61)
    await bench.poll(job=False)
    await bench.until(PrinterState.PRINTING)
    job = bench.coordinator.data.job
    assert job is not None
    assert job.name == "bracket.gcode"
    assert await bench.told(2) == ["started", "printing"]


async def test_without_temperatures_heating_up_counts_as_printing(bench: Bench) -> None:
    """The source leaves them disabled: what cannot be known is not invented."""
    await bench.follow()
    bench.machine.start(BENCHY)
    await bench.live(1)
    await bench.until(PrinterState.PRINTING)
    status = bench.coordinator.data
    assert status.tools[0].temperature.actual_c is None
    assert status.bed is None
    assert await bench.told(2) == ["started", "printing"]


async def test_temperatures_are_celsius_in_a_home_that_shows_fahrenheit(bench: Bench) -> None:
    """A bed at 140 degrees would be a fire."""
    await bench.enable_everything()
    registry = er.async_get(bench.hass)
    for key in ("printer.telemetry.temp-bed", "printer.telemetry.temp-bed.target"):
        registry.async_update_entity_options(
            bench.entity_id(key), "sensor", {"unit_of_measurement": "°F"}
        )
    await bench.follow()
    await bench.begin()
    bed = bench.coordinator.data.bed
    assert bed is not None
    shown = bench.hass.states.get(bench.entity_id("printer.telemetry.temp-bed.target"))
    assert shown is not None
    assert float(shown.state) == pytest.approx(140.0, abs=1)
    assert bed.target_c == pytest.approx(60.0, abs=0.5)


# -- the source comes and goes ---------------------------------------------------------------


async def test_reloading_the_source_in_mid_print_changes_nothing(bench: Bench) -> None:
    """It happens whenever somebody enables an entity there."""
    await bench.follow()
    await bench.begin()
    session = bench.coordinator.session
    await bench.hass.config_entries.async_reload(bench.source.entry_id)
    await bench.live(60)
    await bench.until(PrinterState.PRINTING)
    assert bench.coordinator.session is session
    assert await bench.told(2) == ["started", "printing"]


async def test_a_source_that_is_away_for_long_loses_the_line_and_no_job(bench: Bench) -> None:
    """An end nobody saw is not guessed; a job that goes on is the same job."""
    await bench.follow(grace_s=0.05)
    await bench.begin()
    await bench.hass.config_entries.async_unload(bench.source.entry_id)
    await bench.gone()
    assert await bench.hass.config_entries.async_setup(bench.source.entry_id)
    await bench.back()
    await bench.live(60)
    await bench.until(PrinterState.PRINTING)
    await bench.live(4000)
    await bench.until(PrinterState.FINISHED)
    assert (await bench.told(3))[:2] == ["started", "printing"]
    assert bench.kinds[-1] == "finished"
    assert bench.kinds.count("started") == 1


async def test_a_printer_waits_for_a_source_that_starts_later(bench: Bench) -> None:
    """Home Assistant sets integrations up in any order."""
    serial = bench.serial
    await bench.hass.config_entries.async_unload(bench.source.entry_id)
    await bench.follow()
    assert bench.entry is not None
    assert bench.entry.state is ConfigEntryState.SETUP_RETRY
    assert await bench.hass.config_entries.async_setup(bench.source.entry_id)
    await bench.hass.config_entries.async_reload(bench.entry.entry_id)
    await bench.hass.async_block_till_done()
    assert bench.coordinator.identity.serial == serial
    assert bench.coordinator.data.state is PrinterState.IDLE


async def test_entities_may_be_renamed_in_mid_print(bench: Bench) -> None:
    """An entity id is the user's; what we follow is what is behind it."""
    await bench.follow()
    await bench.begin()
    registry = er.async_get(bench.hass)
    registry.async_update_entity(bench.entity_id("printer.state"), new_entity_id="sensor.upstairs")
    await bench.hass.async_block_till_done()
    await bench.live(4000)
    await bench.until(PrinterState.FINISHED)
    assert await bench.told(3) == ["started", "printing", "finished"]


async def test_a_source_that_gives_the_printer_up_is_told_to_the_user(bench: Bench) -> None:
    """Nobody else can set it up again."""
    await bench.follow()
    await bench.hass.config_entries.async_remove(bench.source.entry_id)
    await bench.gone()
    assert bench.entry is not None
    issue = ir.async_get(bench.hass).async_get_issue(DOMAIN, f"source_gone_{bench.entry.entry_id}")
    assert issue is not None


async def test_a_source_set_up_anew_is_found_by_the_serial_number(bench: Bench) -> None:
    """Removing and adding an integration is what people do first when something is wrong."""
    await bench.follow()
    data = dict(bench.source.data)
    await bench.hass.config_entries.async_remove(bench.source.entry_id)
    await bench.gone()
    bench.source = MockConfigEntry(
        domain=PRUSALINK, title="Core One", version=1, minor_version=2, data=data
    )
    bench.source.add_to_hass(bench.hass)
    assert await bench.hass.config_entries.async_setup(bench.source.entry_id)
    assert bench.entry is not None
    await bench.hass.config_entries.async_reload(bench.entry.entry_id)
    await bench.hass.async_block_till_done()
    assert bench.coordinator.data.state is PrinterState.IDLE
    issue = ir.async_get(bench.hass).async_get_issue(DOMAIN, f"source_gone_{bench.entry.entry_id}")
    assert issue is None


# -- wishes ----------------------------------------------------------------------------------


async def test_a_job_is_held_resumed_and_ended_through_the_source(bench: Bench) -> None:
    """The buttons of the source are the only way to such a printer."""
    await bench.follow()
    await bench.begin()
    workshop = bench.coordinator.workshop
    await workshop.pause(bench.serial)
    await bench.until(PrinterState.PAUSED)
    await workshop.resume(bench.serial)
    await bench.until(PrinterState.PRINTING)
    await workshop.cancel(bench.serial)
    assert (await bench.told(5))[2:] == ["paused", "resumed", "cancelled"]
    assert not bench.coordinator.data.active


async def test_what_cannot_be_done_now_is_refused_with_a_reason(bench: Bench) -> None:
    """A button that does nothing is not pressed again."""
    await bench.follow()
    session = bench.coordinator.session
    assert session is not None
    assert session.control is not None
    with pytest.raises(Refused) as refusal:
        await session.control.pause()
    assert refusal.value.key == "no_job"
    await bench.begin()
    with pytest.raises(Refused) as refusal:
        await session.control.resume()
    assert refusal.value.key == "wrong_state"
    with pytest.raises(Refused) as refusal:
        await session.control.start(BENCHY)
    assert refusal.value.key == "not_supported"


async def test_a_command_that_never_shows_is_not_confirmed(bench: Bench) -> None:
    """A pause that was accepted and lost must not be taken for one."""
    await bench.follow(confirm_s=0.3)
    await bench.begin()
    bench.simulator.delay_s = 3600.0
    session = bench.coordinator.session
    assert session is not None
    assert session.control is not None
    with pytest.raises(Refused) as refusal:
        await session.control.pause()
    assert refusal.value.key == "not_confirmed"


async def test_what_the_source_says_when_it_fails_is_told(bench: Bench) -> None:
    """ "It did not work" helps nobody."""
    await bench.follow()
    await bench.begin()
    bench.simulator.trouble.append(("/pause", 409))
    session = bench.coordinator.session
    assert session is not None
    assert session.control is not None
    with pytest.raises(Refused) as refusal:
        await session.control.pause()
    assert refusal.value.key == "refused"
    assert "conflicts" in refusal.value.reason


async def test_the_picture_of_the_job_comes_through_the_source(bench: Bench) -> None:
    """It has it already; the printer need not be asked twice."""
    await bench.follow()
    session = bench.coordinator.session
    assert session is not None
    assert session.job_picture is not None
    assert await session.job_picture.picture(CurrentJob()) is None
    lines = base64.encodebytes(PNG).decode().splitlines()
    content = "\n".join(("; thumbnail begin 313x173 99", *(f"; {line}" for line in lines)))
    content += "\n; thumbnail end\n"
    bench.machine.store(
        VirtualFile(path=BENCHY, content=content.encode(), plates=(PlateFacts(seconds=3300),))
    )
    await bench.begin()
    job = bench.coordinator.data.job
    assert job is not None
    picture = await session.job_picture.picture(job)
    assert picture == PNG
