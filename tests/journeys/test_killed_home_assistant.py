"""Home Assistant dies as in a power cut, at every stage of a job; the printer prints on.

One real Home Assistant, killed with SIGKILL and started again on the same folder, and one
simulated printer that knows nothing of it. What must hold each time: one run in the ledger,
closed once, with the outcome that the printer really came to, and an unbroken chain.
"""

from __future__ import annotations

import asyncio
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from custom_components.printernizer.engine.drivers.virtual.machine import (
    Phase,
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.job import (
    CLOSING,
    DurationSource,
    Job,
    JobEventKind,
    Outcome,
)
from custom_components.printernizer.engine.job_list import JobFilter
from custom_components.printernizer.engine.store import jobs, starts
from custom_components.printernizer.engine.store.database import Store
from scripts.demo_parts.config_folder import Entry, House
from scripts.demo_parts.dashboard import entities_of
from scripts.demo_parts.home_assistant import HomeAssistant
from tests.simulators.bambu import BambuSimulator
from tests.simulators.prusalink import PrusaLinkSimulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

ROOT: Final = Path(__file__).resolve().parents[2]
INTEGRATION: Final = ROOT / "custom_components" / "printernizer"
SERIAL: Final = "03900TEST000001"
PRUSA: Final = "CZPX0TEST00001"
SECONDS: Final = 3600.0
"""Of a job, on the machine's clock: the tests turn it, so nothing is waited for."""


class HandTurned:
    """Machine time that runs with the world's, until somebody turns it forward."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() - self._begun + self._ahead

    def turn(self, seconds: float) -> None:
        self._ahead += seconds


@dataclass
class Shop:
    """A machine, its house, and the Home Assistant in it."""

    home: HomeAssistant
    machine: VirtualMachine
    clock: HandTurned
    serial: str

    @property
    def database(self) -> Path:
        return self.home.folder / "printernizer" / "ledger.db"

    async def heat_up(self) -> None:
        """Let the machine get hot, so that it prints."""
        self.clock.turn(120)
        await self.shows("printing")

    def print_to(self, share: float) -> None:
        """Let the machine print until this share is done."""
        assert self.machine.run is not None
        self.clock.turn(share * SECONDS - self.machine.run.printed_s)
        self.machine.tick()

    async def shows(self, state: str) -> None:
        """Wait until Home Assistant shows this state."""
        await self.reads("state", lambda value: value == state)

    async def reads(self, key: str, good: Callable[[str], bool]) -> None:
        """Wait until a sensor of the printer reads well."""
        async with asyncio.timeout(20):
            while True:
                # A registry that had no time to be written is filled anew after a start.
                found = await entities_of(self.home, self.serial)
                entity = found.get(("sensor", key))
                states = await self.home.states()
                if entity in states and good(states[entity]["state"]):
                    return
                await asyncio.sleep(0.1)

    async def runs(self) -> list[Job]:
        """All runs in the ledger, oldest first; the chain is verified on the way."""
        async with Store(f"sqlite:///{self.database}") as store:
            report = await store.run(jobs.verify_chain)
            assert report.intact, report
            assert (await store.run(starts.verify_chain)).intact
            page = await store.run(jobs.page, JobFilter(printer_id=self.serial))
            for job in page.jobs:
                events = await store.run(jobs.events, job.id)
                closings = [event.kind for event in events if event.kind in CLOSING]
                assert len(closings) == (0 if job.open else 1), events
                begun = [event for event in events if event.kind is JobEventKind.STARTED]
                assert len(begun) == 1, events
            return list(reversed(page.jobs))

    async def closed(self, count: int) -> list[Job]:
        """Wait until so many runs are in the ledger and all are closed."""
        async with asyncio.timeout(20):
            while True:
                runs = await self.runs()
                if len(runs) >= count and not any(run.open for run in runs):
                    return runs
                await asyncio.sleep(0.3)


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _machine(serial: str, name: str, path: str) -> tuple[VirtualMachine, HandTurned]:
    clock = HandTurned()
    machine = VirtualMachine(now=clock, serial=serial, name=name, next_id=4000)
    plate = PlateFacts(seconds=SECONDS, layers=100)
    machine.store(VirtualFile(path=path, content=b"G28\n", plates=(plate,)))
    return machine, clock


@asynccontextmanager
async def _bambu_shop(folder: Path) -> AsyncIterator[Shop]:
    machine, clock = _machine(SERIAL, "A1", "/cache/part.gcode.3mf")
    async with BambuSimulator(machine, "A1", interval_s=0.1) as simulator:
        simulator.cancel_shown_s = 1.0
        data = {
            "kind": "bambu",
            "host": simulator.host,
            "serial": SERIAL,
            "access_code": simulator.access_code,
            "fingerprint": simulator.fingerprint,
            "mqtt_port": simulator.mqtt_port,
            "ftps_port": simulator.ftps_port,
            "camera_port": simulator.camera_port,
        }
        async with _home(folder, "A1", SERIAL, data) as home:
            yield Shop(home, machine, clock, SERIAL)


@asynccontextmanager
async def _prusa_shop(folder: Path) -> AsyncIterator[Shop]:
    machine, clock = _machine(PRUSA, "CORE One", "/part.gcode")
    async with PrusaLinkSimulator(machine, password="link-key") as simulator:
        data = {
            "kind": "prusalink",
            "host": simulator.host,
            "port": simulator.port,
            "serial": PRUSA,
            "username": "maker",
            "password": "link-key",
        }
        async with _home(folder, "CORE One", PRUSA, data) as home:
            yield Shop(home, machine, clock, PRUSA)


@asynccontextmanager
async def _home(
    folder: Path, title: str, serial: str, data: dict[str, Any]
) -> AsyncIterator[HomeAssistant]:
    port = _free_port()
    entry = Entry(title=title, unique_id=serial, data=data)
    house = House(folder=folder, integration=INTEGRATION, port=port, entries=[entry], full=False)
    async with HomeAssistant(folder, port, house.build()) as home:
        yield home
    assert "Detected blocking call" not in home.log_text()
    errors = [line for line in home.log_text().splitlines() if " ERROR " in line]
    assert not [line for line in errors if "printernizer" in line]


BAMBU_PATH: Final = "/cache/part.gcode.3mf"


async def _killed_while_heating(shop: Shop) -> None:
    """It comes back in mid-print and sees the end."""
    shop.machine.start(BAMBU_PATH)
    await shop.shows("preparing")
    await _until_open(shop, 1)
    await shop.home.kill()
    shop.clock.turn(120)
    shop.print_to(0.3)
    await shop.home.start()
    await shop.shows("printing")
    shop.print_to(1.0)
    await shop.shows("finished")
    (run,) = await shop.closed(1)
    assert run.outcome is Outcome.COMPLETED
    # Home Assistant was away for part of it: an unbroken watch must not be claimed.
    assert run.duration_source is not DurationSource.OBSERVED


async def _killed_in_mid_print(shop: Shop) -> None:
    """The job is cancelled at the printer before anybody looks again."""
    (before,) = await shop.runs()
    await _begin_another(shop)
    shop.print_to(0.4)
    await shop.reads("progress", lambda value: value == "40")
    await _until_open(shop, 2)
    await shop.home.kill()
    shop.machine.cancel()
    await asyncio.sleep(0.3)
    await shop.home.start()
    await shop.reads("state", lambda value: value in {"cancelled", "failed"})
    runs = await shop.closed(2)
    assert len(runs) == 2
    assert runs[0] == before
    # The code that tells a cancel from a failure is shown for seconds only.
    assert runs[1].outcome in {Outcome.CANCELLED, Outcome.FAILED}
    assert runs[1].ended_at is None


async def _killed_while_paused(shop: Shop) -> None:
    """Resumed and finished with Home Assistant watching."""
    await _begin_another(shop)
    shop.print_to(0.5)
    shop.machine.pause()
    await shop.shows("paused")
    await _until_open(shop, 3)
    await shop.home.kill()
    await shop.home.start()
    await shop.shows("paused")
    shop.machine.resume()
    await shop.shows("printing")
    shop.print_to(1.0)
    await shop.shows("finished")
    runs = await shop.closed(3)
    assert [run.outcome for run in runs][2:] == [Outcome.COMPLETED]


async def _killed_at_the_end_and_after_it(shop: Shop) -> None:
    """The result lies on the printer at both starts, and counts once."""
    await _begin_another(shop)
    shop.print_to(0.99)
    await _until_open(shop, 4)
    shop.print_to(1.0)
    await shop.home.kill()
    assert shop.machine.phase is Phase.FINISHED
    await shop.home.start()
    await shop.shows("finished")
    runs = await shop.closed(4)
    await shop.home.kill()
    await shop.home.start()
    await shop.shows("finished")
    assert await shop.runs() == runs
    assert len(runs) == len(shop.machine.history) == 4
    assert runs[3].outcome is Outcome.COMPLETED


async def _begin_another(shop: Shop) -> None:
    """Clear the last result away and print the same file again."""
    shop.machine.dismiss()
    await shop.shows("idle")
    shop.machine.start(BAMBU_PATH)
    await shop.heat_up()


async def test_a_bambu_job_is_recorded_once_however_home_assistant_dies(tmp_path: Path) -> None:
    """Hours of a customer's print must neither vanish nor be counted twice after a power cut."""
    async with _bambu_shop(tmp_path) as shop:
        await shop.shows("idle")
        await _killed_while_heating(shop)
        await _killed_in_mid_print(shop)
        await _killed_while_paused(shop)
        await _killed_at_the_end_and_after_it(shop)


async def test_a_prusa_job_is_recorded_once_however_home_assistant_dies(tmp_path: Path) -> None:
    """The same on a printer that is asked instead of telling, and numbers its jobs."""
    async with _prusa_shop(tmp_path) as shop:
        machine = shop.machine
        await shop.shows("idle")

        # Killed in mid-print; the job ends and its result is cleared off the screen meanwhile.
        machine.start("/part.gcode")
        await shop.heat_up()
        shop.print_to(0.5)
        await shop.reads("progress", lambda value: value == "50")
        await _until_open(shop, 1)
        await shop.home.kill()
        shop.print_to(1.0)
        await shop.home.start()
        await shop.shows("finished")
        runs = await shop.closed(1)
        assert [run.outcome for run in runs] == [Outcome.COMPLETED]

        # Killed again; another job of the same file has taken its place when it is back.
        machine.dismiss()
        machine.start("/part.gcode")
        await shop.heat_up()
        await _until_open(shop, 2)
        await shop.home.kill()
        shop.print_to(1.0)
        machine.dismiss()
        machine.start("/part.gcode")
        shop.clock.turn(120)
        shop.print_to(0.2)
        await shop.home.start()
        await shop.shows("printing")
        shop.print_to(1.0)
        await shop.shows("finished")
        runs = await shop.closed(3)
        # Nobody saw the second job end and the printer speaks of the third: no guess.
        assert [run.outcome for run in runs] == [
            Outcome.COMPLETED,
            Outcome.UNKNOWN,
            Outcome.COMPLETED,
        ]
        assert runs[1].ended_at is None
        assert runs[1].duration is None
        assert len({run.identity.printer_job_id for run in runs}) == 3


async def _until_open(shop: Shop, count: int) -> None:
    """Wait until so many runs are in the ledger, the last one open: durable, so fair to kill."""
    async with asyncio.timeout(20):
        while True:
            runs = await shop.runs()
            if len(runs) == count and runs[-1].open:
                return
            await asyncio.sleep(0.1)
