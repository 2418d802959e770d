"""A printer that has every part there is and says every value, as a test tells it to.

The virtual printer has no feeder, no camera, no options; this one stands in for the hardware
that has. It keeps the contract of `engine/drivers/base.py` and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from unittest.mock import PropertyMock, patch

import homeassistant.helpers.entity_registry as er
import pytest
from homeassistant.core import HomeAssistant, State
from pytest_homeassistant_custom_component.common import MockConfigEntry

from custom_components.printernizer.const import CONF_KIND, CONF_SERIAL, DOMAIN
from custom_components.printernizer.coordinator import PrinterCoordinator
from custom_components.printernizer.engine.drivers.base import (
    MAINTENANCE,
    UPRIGHT,
    NoParts,
    PrintObject,
    Progress,
    Range,
    RemoteFile,
)
from custom_components.printernizer.engine.errors import Refused, Unreachable
from custom_components.printernizer.engine.job import Outcome, PastRun
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    Fan,
    Feeder,
    PrinterIdentity,
    PrinterState,
    PrinterStatus,
    Problem,
    Severity,
    Slot,
    Temperature,
    Tool,
    Transfer,
)
from tests.hand_clock import settle
from tests.shop_floor import written

__all__ = ["set_up", "stand"]

PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
JPEG = b"\xff\xd8\xff\xe0"

SLOTS = (
    Slot(
        key="0_0",
        unit="0",
        index=0,
        empty=False,
        material="PLA",
        name="PLA Basic",
        colour="#FF0000",
        remaining=0.75,
        active=True,
        spool_tag="A1B2",
    ),
    Slot(key="0_1", unit="0", index=1, empty=True),
    Slot(key="external", unit=None, index=0, empty=False, material="PETG"),
)

RICH = PrinterStatus(
    state=PrinterState.PRINTING,
    stage="printing",
    job=CurrentJob(
        id="4711000001",
        name="Bracket",
        path="/cache/bracket.3mf",
        plate=1,
        progress=0.42,
        layer=21,
        layers=50,
        remaining=timedelta(minutes=58),
        elapsed=timedelta(minutes=42),
        filament_mm=3456.7,
    ),
    tools=(
        Tool(index=0, temperature=Temperature(actual_c=219.6, target_c=220.0)),
        Tool(index=1, temperature=Temperature(actual_c=140.2, target_c=0.0)),
    ),
    active_tool=0,
    bed=Temperature(actual_c=60.3, target_c=60.0),
    chamber=Temperature(actual_c=38.4, target_c=40.0),
    fans=(Fan(key="part", percent=70), Fan(key="hotend", percent=100, rpm=5200)),
    speed_percent=100,
    flow_percent=98,
    speed_profile="standard",
    feeders=(
        Feeder(
            key="0",
            model="AMS 2 Pro",
            serial="AMS001",
            firmware="00.00.06.40",
            humidity_percent=24,
            humidity_level=4,
            temperature_c=26.4,
            drying_left=timedelta(minutes=90),
        ),
    ),
    slots=SLOTS,
    problems=(Problem(code="0300_400C", text="The task was cancelled", severity=Severity.COMMON),),
    lights=(("chamber_light", True), ("logo", False)),
    options=(("sound", True), ("purge_wiper", False)),
    outlets=(("printer", True), ("Lüfter Schrank", False)),
    queued=2,
    door_open=False,
    filament_present=True,
    wifi_dbm=-61,
    storage_present=True,
    usage=timedelta(hours=312, minutes=40),
    transfer=Transfer(name="next.3mf", progress=0.5),
    firmware="01.08.00.00",
    new_firmware="01.09.00.00",
    z_mm=4.24,
)


class RichPrinter(NoParts):
    """Driver, session and all parts of it in one. `told` holds every command it was given."""

    orientation = UPRIGHT

    def __init__(self, status: PrinterStatus = RICH, serial: str = "RICH0001") -> None:
        self.status = status
        self.identity = PrinterIdentity(
            serial=serial, maker="Maker", model="Rich One", firmware=status.firmware
        )
        self.told: list[tuple[object, ...]] = []
        self.refusal: Refused | None = None
        self.reachable = True
        self.pictures: list[bytes | None] = []
        self.asked_pictures = 0
        self.stream: str | None = None
        self.snapshots = 0
        self.still: bytes | None = None
        self.opened = 0
        self.open_streams = 0
        self.broken = False
        self.camera_frames: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.ranges = {
            "tool_0": Range(minimum=0, maximum=300),
            "bed": Range(minimum=0, maximum=110),
        }
        self._news = asyncio.Event()
        self._asked = False
        self.control = self.prompt = self.heaters = self.fans = self.speed = self
        self.lights = _Switches(self, "light", ("chamber_light", "logo"))
        self.options = _Switches(self, "option", ("sound", "purge_wiper"))
        self.cameras: dict[str, RichPrinter] = {"camera": self}
        self.job_picture: RichPrinter | None = self
        self.outlets = _Switches(self, "outlet", ("printer", "Lüfter Schrank"))
        self.motion = RichMotion(self)
        self.loader = RichLoader(self)
        self.objects = RichObjects(self)
        self.emergency = RichEmergency(self)
        self.macros = RichMacros(self)
        self.maintenance = RichMaintenance(self)
        self.history = RichHistory()
        self.storage: RichStorage | None = RichStorage(self)
        self.slow: asyncio.Event | None = None
        """What every ordinary command waits for, when it is there."""

    # -- driver and session ----------------------------------------------------------------------

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[_Line]:
        if not self.reachable:
            raise Unreachable("it is off")
        yield _Line(self)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        last: PrinterStatus | None = None
        while True:
            self._news.clear()
            if not self.reachable:
                raise Unreachable("it went off")
            if self.status != last or self._asked:
                last, self._asked = self.status, False
                yield last
            else:
                await self._news.wait()

    async def refresh(self) -> None:
        self._asked = True
        self._news.set()

    def say(self, **changes: object) -> None:
        """Change the status and push it."""
        self.status = replace(self.status, **changes)
        self._news.set()

    def leave(self) -> None:
        """Drop the line, until `come_back`."""
        self.reachable = False
        self._news.set()

    def come_back(self) -> None:
        self.reachable = True

    def transcript(self) -> Mapping[str, object]:
        return {}

    def tell(self, *command: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.told.append(command)

    # -- parts -----------------------------------------------------------------------------------

    keys = ("part",)
    profiles = ("silent", "standard", "sport", "ludicrous")
    percent_range = (50, 200)

    async def pause(self) -> None:
        if self.slow is not None:
            await self.slow.wait()
        self.tell("pause")

    async def resume(self) -> None:
        self.tell("resume")

    async def cancel(self) -> None:
        self.tell("cancel")

    async def start(
        self, path: str, *, plate: int | None = None, slots: Sequence[str | None] = ()
    ) -> None:
        self.tell("start", path, plate, *slots)

    async def acknowledge(self) -> None:
        self.tell("acknowledge")

    async def set_target(self, heater: str, celsius: float) -> None:
        self.tell("heat", heater, celsius)

    async def set_speed(self, fan: str, percent: int) -> None:
        self.tell("fan", fan, percent)

    async def set_profile(self, profile: str) -> None:
        self.tell("profile", profile)

    async def set_percent(self, percent: int) -> None:
        self.tell("percent", percent)

    @property
    def stream_source(self) -> str | None:
        return self.stream

    async def snapshot(self) -> bytes | None:
        if self.broken:
            raise Unreachable("no picture")
        self.snapshots += 1
        return self.still or JPEG + bytes([self.snapshots])

    async def frames(self) -> AsyncGenerator[bytes]:
        self.opened += 1
        self.open_streams += 1
        try:
            while (frame := await self.camera_frames.get()) is not None:
                yield frame
            if self.broken:
                raise Unreachable("the camera hung up")
        finally:
            self.open_streams -= 1

    async def picture(self, job: CurrentJob) -> bytes | None:
        self.asked_pictures += 1
        answer = self.pictures.pop(0) if self.pictures else None
        if answer == b"":
            raise Unreachable("busy")
        return answer


class _Line:
    """One line to the printer: a session of its own each time, as the parts may have changed."""

    def __init__(self, printer: RichPrinter) -> None:
        self._printer = printer

    def __getattr__(self, name: str) -> object:
        return getattr(self._printer, name)


class _Switches:
    def __init__(self, printer: RichPrinter, what: str, keys: tuple[str, ...]) -> None:
        self._printer = printer
        self._what = what
        self.keys = keys

    async def set(self, key: str, on: bool) -> None:
        self._printer.tell(self._what, key, on)


class _Part:
    def __init__(self, printer: RichPrinter) -> None:
        self._printer = printer


class RichMotion(_Part):
    axes = ("x", "y", "z")

    async def home(self, axes: Sequence[str] = ()) -> None:
        self._printer.tell("home", *axes)

    async def move(
        self, distances: Mapping[str, float], *, speed_mm_s: float | None = None
    ) -> None:
        self._printer.tell("move", dict(distances), speed_mm_s)


class RichLoader(_Part):
    async def load(self, slot: str | None = None) -> None:
        self._printer.tell("load", slot)

    async def unload(self) -> None:
        self._printer.tell("unload")


class RichObjects(_Part):
    def __init__(self, printer: RichPrinter) -> None:
        super().__init__(printer)
        self.there = [
            PrintObject(id="1", name="left"),
            PrintObject(id="2", name="right"),
            PrintObject(id="3", name="twin"),
            PrintObject(id="4", name="twin", skipped=True),
        ]

    async def list(self) -> tuple[PrintObject, ...]:
        return tuple(self.there)

    async def skip(self, ids: Sequence[str]) -> None:
        self._printer.tell("skip", *ids)


class RichEmergency(_Part):
    async def stop(self) -> None:
        self._printer.tell("emergency")


class RichMacros(_Part):
    names = ("CLEAN_NOZZLE", "BED_MESH")

    async def run(self, name: str, parameters: Mapping[str, str]) -> None:
        if name not in self.names:
            raise Refused(name, key="macro_missing")
        self._printer.tell("macro", name, dict(parameters))


class RichMaintenance(_Part):
    tasks = MAINTENANCE

    async def run(self, task: str) -> None:
        self._printer.tell("maintain", task)


class RichHistory:
    def __init__(self) -> None:
        self.runs = tuple(
            PastRun(
                id=str(number),
                path=f"/{number}.gcode",
                outcome=Outcome.COMPLETED if number % 2 else Outcome.CANCELLED,
                started_at=datetime(2026, 11, 20, 8, number, tzinfo=UTC),
                ended_at=None if number == 1 else datetime(2026, 11, 20, 9, number, tzinfo=UTC),
                duration=None if number == 1 else timedelta(seconds=3599.9),
                filament_mm=None if number == 1 else 1234.56,
            )
            for number in range(30, 0, -1)
        )

    async def recent(self, limit: int = 20) -> tuple[PastRun, ...]:
        return self.runs[:limit]


class RichStorage(_Part):
    """Takes files byte by byte, as far as the test lets it."""

    free_bytes = None
    calm = False

    def __init__(self, printer: RichPrinter) -> None:
        super().__init__(printer)
        self.files: dict[str, bytes] = {}
        self.progress: Progress | None = None
        self.go_on = asyncio.Event()
        self.go_on.set()
        self.sending = asyncio.Event()
        self.failure: Exception | None = None

    async def list(self, path: str = "/") -> tuple[RemoteFile, ...]:
        return tuple(
            RemoteFile(path=path, name=path.rsplit("/", 1)[-1], size=len(content))
            for path, content in self.files.items()
        )

    async def download(self, path: str, to: Path, *, progress: Progress | None = None) -> None:
        to.write_bytes(self.files[path])

    async def upload(
        self, source: Path, path: str, *, progress: Progress | None = None, replace: bool = False
    ) -> str:
        self.progress = progress
        self.sending.set()
        await self.go_on.wait()
        if self.failure is not None:
            raise self.failure
        self.files[path] = source.read_bytes()
        return path

    async def delete(self, path: str) -> None:
        if self.files.pop(path, None) is None:
            raise Refused(path, key="file_missing")

    async def thumbnail(self, reference: str) -> bytes | None:
        return None


@dataclass
class Stand:
    """A rich printer set up in Home Assistant."""

    hass: HomeAssistant
    entry: MockConfigEntry
    printer: RichPrinter

    @property
    def coordinator(self) -> PrinterCoordinator:
        coordinator: PrinterCoordinator = self.entry.runtime_data.coordinator
        return coordinator

    def entity_id(self, platform: str, key: str) -> str:
        """Return the entity with this key. Fails when there is none."""
        serial = self.printer.identity.serial
        found = er.async_get(self.hass).async_get_entity_id(platform, DOMAIN, f"{serial}_{key}")
        assert found is not None, f"no {platform} {key}"
        return found

    def has(self, platform: str, key: str) -> bool:
        """Whether there is an entity with this key."""
        serial = self.printer.identity.serial
        registry = er.async_get(self.hass)
        return registry.async_get_entity_id(platform, DOMAIN, f"{serial}_{key}") is not None

    def state(self, platform: str, key: str) -> State:
        """Return the state of the entity with this key."""
        state = self.hass.states.get(self.entity_id(platform, key))
        assert state is not None, f"{platform} {key} has no state"
        return state

    async def say(self, **changes: object) -> None:
        """Let the printer say something new, and wait until everybody knows."""
        self.printer.say(**changes)
        await settle()
        await self.hass.async_block_till_done()

    async def call(self, platform: str, service: str, key: str, **data: object) -> None:
        """Call a service on an entity."""
        await self.hass.services.async_call(
            platform, service, {"entity_id": self.entity_id(platform, key), **data}, blocking=True
        )

    async def go(self) -> None:
        """Drop the line for good: no grace."""
        self.coordinator.workshop.fleet._grace_s = 0.0
        self.printer.leave()
        await settle(50)
        await self.hass.async_block_till_done()

    async def come_back(self) -> None:
        """Answer again."""
        self.printer.come_back()
        link = self.coordinator.workshop.fleet.get(self.printer.identity.serial)
        assert link is not None
        link.nudge()
        await settle(50)
        await self.hass.async_block_till_done()


type SetUp = Callable[..., Awaitable[Stand]]


@pytest.fixture
def set_up(
    hass: HomeAssistant, enable_custom_integrations: None, monkeypatch: pytest.MonkeyPatch
) -> SetUp:
    """Give a function that sets up a rich printer, everything switched on."""

    async def set_up_printer(
        printer: RichPrinter | None = None, *, everything: bool = True
    ) -> Stand:
        printer = printer or RichPrinter()
        serial = printer.identity.serial
        monkeypatch.setattr(
            "custom_components.printernizer.coordinator.build_driver", lambda *_: printer
        )
        entry = MockConfigEntry(
            domain=DOMAIN,
            title="Rich One",
            unique_id=serial,
            data={CONF_KIND: "virtual", CONF_SERIAL: serial},
        )
        entry.add_to_hass(hass)
        with everything_enabled() if everything else nullcontext():
            assert await hass.config_entries.async_setup(entry.entry_id)
            # Its energy is counted from the moment the job is on the disk.
            await written(hass)
        return Stand(hass, entry, printer)

    return set_up_printer


def everything_enabled() -> AbstractContextManager[object]:
    """Switch on what is off by default."""
    return patch(
        "homeassistant.helpers.entity.Entity.entity_registry_enabled_default",
        PropertyMock(return_value=True),
    )


@pytest.fixture
async def stand(set_up: SetUp) -> Stand:
    """Give a rich printer in Home Assistant."""
    return await set_up()
