"""A live line to one Klipper: its parts, and its statuses at a pace people can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ...printer import PrinterIdentity
from ..base import NoParts
from .cameras import cameras_of
from .control import MoonrakerConsole, MoonrakerControl, Scripts
from .host import (
    MoonrakerEmergency,
    MoonrakerHistory,
    MoonrakerMacros,
    MoonrakerMaintenance,
    MoonrakerOutlets,
    tasks_of,
)
from .lights import MoonrakerLights
from .messages import text
from .parts import (
    LOAD,
    UNLOAD,
    MoonrakerFans,
    MoonrakerHeaters,
    MoonrakerLoader,
    MoonrakerMotion,
    MoonrakerObjects,
    MoonrakerSpeed,
)
from .storage import MoonrakerStorage

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from ...printer import PrinterStatus
    from ...workshop.clock import Clock
    from .watch import Watch
    from .web import Http


class MoonrakerSession(NoParts):
    """A live line to one printer."""

    def __init__(
        self, watch: Watch, http: Http, clock: Clock, *, serial: str, fingerprint: str | None
    ) -> None:
        self._watch = watch
        self._http = http
        self._clock = clock
        self._asked = False
        self.scripts = Scripts(watch)
        self.identity = PrinterIdentity(
            serial=serial,
            maker="Klipper",
            model="Klipper",
            name=text(watch.printer, "hostname", 64),
            firmware=watch.house.firmware,
            address=http.address.host,
            url=str(http.address.page),
            fingerprint=fingerprint,
        )
        self._set_parts()
        self._set_machine_parts()

    def _set_parts(self) -> None:
        """Set the parts that every Moonraker has, or whose component says so."""
        watch, scripts = self._watch, self.scripts
        self.control = self.prompt = MoonrakerControl(watch, scripts)
        self.console = MoonrakerConsole(watch, scripts)
        self.emergency = MoonrakerEmergency(watch)
        self.storage = self.mover = self.job_picture = MoonrakerStorage(watch, self._http)
        macros = MoonrakerMacros(watch, scripts)
        if macros.names:
            self.macros = macros
        if {LOAD, UNLOAD} <= {name.upper() for name in macros.names}:
            self.loader = MoonrakerLoader(watch, scripts)
        outlets = MoonrakerOutlets(watch)
        if outlets.keys:
            self.outlets = outlets
        if watch.has("history"):
            self.history = MoonrakerHistory(watch)

    def _set_machine_parts(self) -> None:
        """Set the parts that depend on what this Klipper is configured for."""
        watch, scripts = self._watch, self.scripts
        heaters = MoonrakerHeaters(watch, scripts)
        if heaters.ranges:
            self.heaters = heaters
        fans = MoonrakerFans(watch, scripts)
        if fans.keys:
            self.fans = fans
        lights = MoonrakerLights(watch, scripts)
        if lights.keys:
            self.lights = lights
        if "gcode_move" in watch.store:
            self.speed = MoonrakerSpeed(scripts)
        if "toolhead" in watch.store:
            self.motion = MoonrakerMotion(watch, scripts)
        if "exclude_object" in watch.store:
            self.objects = MoonrakerObjects(watch, scripts)

    async def look_around(self) -> None:
        """Add the parts that take a question: cameras, and what can be restarted."""
        self.maintenance = MoonrakerMaintenance(self._watch, await tasks_of(self._watch))
        self.cameras = cameras_of(await self._watch.ask("server.webcams.list"), self._http)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change: of state at once, of figures once a second."""
        shown: PrinterStatus | None = None
        last = 0.0
        while True:
            self._watch.require_line()
            status = self._watch.status
            left = last + self._watch.pace.status_s - self._clock.monotonic()
            if self._asked or _urgent(status, shown) or (status != shown and left <= 0):
                if self._watch.memory.wanted and not self._asked:
                    # The history names a new run some milliseconds after it began.
                    await self._named()
                    status = self._watch.status
                self._asked = False
                shown, last = status, self._clock.monotonic()
                yield status
                continue
            await self._watch.news_within(left if status != shown else None)

    async def _named(self) -> None:
        """Wait a moment for the name of a new run."""
        watch = self._watch
        await watch.until(lambda: not watch.memory.wanted, watch.pace.lookup_s)
        watch.memory.wanted = False

    async def refresh(self) -> None:
        """Ask the printer for a fresh status; it comes out of `statuses`."""
        await self._watch.fresh()
        self._asked = True
        self._watch.stir()

    def transcript(self) -> Mapping[str, object]:
        """Return the last raw facts; no login is among them."""
        watch = self._watch
        return {
            "server": {key: watch.info.get(key) for key in _TOLD if key in watch.info},
            "klippy": watch.house.klippy,
            "objects": list(watch.there),
            "state": watch.store.copy(),
            "metadata": dict(watch.memory.metadata),
            "console": list(watch.console),
        }


_TOLD: Final = (
    "klippy_state",
    "components",
    "failed_components",
    "moonraker_version",
    "api_version_string",
    "warnings",
)


def _urgent(status: PrinterStatus, shown: PrinterStatus | None) -> bool:
    """Whether a change cannot wait: a state, another job, a problem, a socket."""
    return shown is None or _weighty(status) != _weighty(shown)


def _weighty(status: PrinterStatus) -> tuple[object, ...]:
    job = status.job
    return (
        status.state,
        None if job is None else (job.id, job.path),
        status.problems,
        status.outlets,
        status.lights,
        status.filament_present,
    )
