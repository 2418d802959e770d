"""Follows one Klipper: what it is, what it says, and the moods in which it says nothing.

Notifications are taken as they come, without waiting. What takes a question back (a new
subscription after a restart, facts of a new file) is done one after the other by `work`.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from ...errors import DriverError, Garbled, Refused, Unreachable
from ..base import HOT_C
from .job import JobMemory, jobs_in
from .messages import Json, flag, name, number, obj, text, texts, whole
from .objects import Store, is_extruder, listed, settings_of, subscription
from .status import House, halted, state_of, status_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    from ...printer import PrinterState, PrinterStatus
    from ...workshop.clock import Clock
    from .client import Line
    from .pace import Pace

_LOGGER = logging.getLogger(__name__)

_COOL_AFTER_S: Final = 900.0
"""A bed that was hot when Klipper vanished is taken for hot so long."""
_CONSOLE_KEPT: Final = 50
_SPEECHLESS: Final = frozenset({"disconnected", "startup"})

type Shape = tuple[frozenset[str], tuple[object, ...]]
"""What the parts of a session are made of."""


class Watch:
    """All that is known of one printer, and who waits for news of it."""

    def __init__(self, clock: Clock, pace: Pace) -> None:
        self._clock = clock
        self.pace = pace
        self.line: Line
        self.store = Store()
        self.house = House()
        self.memory = JobMemory()
        self.info: Json = {}
        """`server.info`"""
        self.printer: Json = {}
        """`printer.info`"""
        self.there: tuple[str, ...] = ()
        """All objects of this Klipper."""
        self.console: deque[str] = deque(maxlen=_CONSOLE_KEPT)
        self.shape: Shape | None = None
        self._ears: list[Callable[[str], None]] = []
        self._tick: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._chores: asyncio.Queue[Callable[[], Awaitable[None]]] = asyncio.Queue()
        self._hot_until = 0.0
        self._file_asked_at = 0.0
        self._notices: Mapping[str, Callable[[object], None]] = {
            "notify_status_update": self._take,
            "notify_klippy_ready": self._ready,
            "notify_klippy_shutdown": self._shutdown,
            "notify_klippy_disconnected": self._disconnected,
            "notify_history_changed": self._history,
            "notify_job_queue_changed": self._queue,
            "notify_power_changed": self._power,
            "notify_active_spool_set": self._spool,
            "notify_filelist_changed": self._files,
            "notify_update_refreshed": self._refreshed,
            "notify_gcode_response": self._said,
        }

    # -- news --------------------------------------------------------------------------------

    def stir(self) -> None:
        """Wake whoever waits for news."""
        tick, self._tick = self._tick, asyncio.get_running_loop().create_future()
        if not tick.done():
            tick.set_result(None)

    @property
    def status(self) -> PrinterStatus:
        """The present."""
        return status_of(self.store, self.house, self.memory)

    @property
    def state(self) -> PrinterState:
        """The present state."""
        return state_of(self.store, self.house)

    @property
    def halted(self) -> bool:
        """Whether Klipper has stopped for good and waits for a restart."""
        return halted(self.store, self.house) is not None

    @property
    def hot(self) -> bool:
        """Whether something heats, is hot, or was hot when it was last heard of."""
        if self._clock.monotonic() < self._hot_until:
            return True
        return any(
            (number(self.store[found], "target") or 0.0) > 0
            or (number(self.store[found], "temperature") or 0.0) > HOT_C
            for found in self.store
            if found == "heater_bed" or is_extruder(found) or found.startswith("heater_generic ")
        )

    def has(self, component: str) -> bool:
        """Whether the server has a component."""
        return component in texts(self.info, "components")

    async def until(self, fits: Callable[[], bool], seconds: float) -> bool:
        """Wait until something fits; False when it does not in time. Raises when the line ends."""
        due = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            while not fits():
                if due.done():
                    return False
                await self._news(due)
        finally:
            due.cancel()
            await asyncio.gather(due, return_exceptions=True)
        return True

    async def _news(self, *others: asyncio.Future[None]) -> None:
        waited: set[asyncio.Future[Any]] = {self._tick, self.line.over, *others}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
        self.require_line()

    async def news_within(self, seconds: float | None) -> None:
        """Wait for the next change, or until so much time has passed. Raises as `until` does."""
        if seconds is None:
            await self._news()
            return
        due = asyncio.ensure_future(self._clock.sleep(seconds))
        try:
            await self._news(due)
        finally:
            due.cancel()
            await asyncio.gather(due, return_exceptions=True)

    def require_line(self) -> None:
        """Raise why the line ended, if it has."""
        if self.line.over.done():
            raise self.line.over.result()

    # -- getting to know ---------------------------------------------------------------------

    async def meet(self) -> None:
        """Ask the server all that it knows. Raises Garbled when it is no Moonraker."""
        answer = await self.line.call("server.info")
        if not isinstance(answer, dict) or "klippy_connected" not in answer:
            raise Garbled("no Moonraker: it does not say how Klipper is")
        self.info = answer
        self.house.layout.learn(await self.ask("server.files.roots"))
        await self._room()
        await self._updates()
        if self.has("job_queue"):
            self._queue(await self.ask("server.job_queue.status"), "queued_jobs")
        if self.has("power"):
            devices = await self.ask("machine.device_power.devices")
            self._outlets(_items(devices, "devices"))
        if self.has("spoolman"):
            self.house.spoolman = True
            self.house.spool_id = whole(await self.ask("server.spoolman.get_spool_id"), "spool_id")
        await self._greet()
        self.shape = self._shape()

    async def ask(self, method: str, params: Mapping[str, object] | None = None) -> object:
        """Ask for something that may not be there: None then."""
        try:
            return await self.line.call(method, params)
        except Refused as err:
            _LOGGER.debug("no answer to %s: %s", method, err.reason)
            return None

    async def _room(self) -> None:
        answer = await self.ask("server.files.get_directory", {"path": "gcodes"})
        self.house.layout.files_of(answer, ("gcodes",))

    async def _updates(self) -> None:
        """Look whether a newer Klipper waits. Asks for what is known; fetches nothing."""
        if not self.has("update_manager"):
            return
        answer = await self.ask("machine.update.status", {"refresh": False})
        klipper = obj(obj(answer, "version_info"), "klipper")
        here, there = text(klipper, "version", 64), text(klipper, "remote_version", 64)
        newer = there if here and there and "?" not in there and here != there else None
        if newer != self.house.new_firmware:
            self.house.new_firmware = newer
            self.stir()

    async def _greet(self) -> bool:
        """Look for Klipper and subscribe to it; False while it does not speak."""
        info = await self.line.call("server.info")
        self.info = info if isinstance(info, dict) else self.info
        word = text(self.info, "klippy_state") or "disconnected"
        if flag(self.info, "klippy_connected") is not True:
            word = "disconnected"
        self.house.klippy = word
        self.stir()
        if word in _SPEECHLESS:
            return False
        try:
            await self._subscribe()
        except Refused as err:
            # It went away in the middle; a notification will say so.
            _LOGGER.debug("Klipper does not answer: %s", err.reason)
            return False
        if word == "ready" and self.shape is not None and self._shape() != self.shape:
            self.line.end(Unreachable("Klipper came back with another configuration"))
        return True

    async def _subscribe(self) -> None:
        printer = await self.line.call("printer.info")
        self.printer = printer if isinstance(printer, dict) else {}
        message = self.printer.get("state_message")
        self.house.klippy_message = message if isinstance(message, str) else None
        self.house.firmware = text(self.printer, "software_version", 100)
        self.there = listed(await self.line.call("printer.objects.list"))
        settings = await self.line.call(
            "printer.objects.query", {"objects": {"configfile": ["settings"]}}
        )
        self.house.configfile = _wanted_settings(obj(obj(settings, "status"), "configfile"))
        picture = await self.line.call(
            "printer.objects.subscribe", {"objects": subscription(self.there)}
        )
        self.store.replace(obj(picture, "status"))
        self._hot_until = 0.0
        self._follow()
        self.stir()

    def _shape(self) -> Shape:
        return frozenset(self.there), tuple(
            (section, tuple(sorted(obj(obj(self.house.configfile, "settings"), section).items())))
            for section in sorted(obj(self.house.configfile, "settings"))
        )

    def _follow(self) -> None:
        """See what the job does, and have looked up what is not known of it."""
        wanted = self.memory.wanted
        changed = self.memory.follow(self.store)
        now = self._clock.monotonic()
        overdue = not self.memory.metadata and now - self._file_asked_at >= self.pace.metadata_s
        if self.memory.file and (changed or overdue):
            self._file_asked_at = now
            self._chores.put_nowait(self._describe_file)
        if self.memory.file and self.has("history") and self.memory.id is None:
            if changed or (self.memory.wanted and not wanted):
                self._chores.put_nowait(self._name_job)
        else:
            self.memory.wanted = self.memory.wanted and self.has("history")

    async def _describe_file(self) -> None:
        file = self.memory.file
        if file is None or self.memory.metadata:
            return
        answer = await self.ask("server.files.metadata", {"filename": file})
        if self.memory.file == file and isinstance(answer, dict):
            self.memory.metadata = answer
            self.stir()

    async def _name_job(self) -> None:
        """Ask the history for the present run's id, unless it has told us meanwhile."""
        if self.memory.id is not None or self.memory.file is None:
            return
        answer = await self.ask("server.history.list", {"limit": 1, "order": "desc"})
        for job in jobs_in(answer)[:1]:
            running = text(job, "status") == "in_progress"
            if running or not self.memory.wanted:
                self.memory.named(job)
                self.stir()

    async def fresh(self) -> PrinterStatus:
        """Ask Klipper how it is now, past what it pushes."""
        if self.house.klippy in _SPEECHLESS:
            await self._greet()
        else:
            try:
                answer = await self.line.call(
                    "printer.objects.query", {"objects": subscription(self.there)}
                )
            except Refused:
                await self._greet()
            else:
                self._take(obj(answer, "status"))
        return self.status

    # -- notifications -----------------------------------------------------------------------

    def hear(self, method: str, params: tuple[object, ...]) -> None:
        """Take a notification. Those we do not know are none of our business."""
        handler = self._notices.get(method)
        if handler is not None:
            handler(params[0] if params else None)

    def _take(self, changes: object) -> None:
        if self.store.merge(changes):
            self._follow()
            self.stir()

    def _ready(self, _: object) -> None:
        self._chores.put_nowait(self._look)

    def _shutdown(self, _: object) -> None:
        self.house.klippy = "shutdown"
        self.stir()
        self._chores.put_nowait(self._look)

    def _disconnected(self, _: object) -> None:
        if self.hot:
            self._hot_until = self._clock.monotonic() + _COOL_AFTER_S
        self.house.klippy = "disconnected"
        self.store.clear()
        self._follow()
        self.stir()
        self._chores.put_nowait(self._look)

    def _history(self, notice: object) -> None:
        self.memory.named(obj(notice, "job"))
        self.stir()

    def _queue(self, notice: object, key: str = "updated_queue") -> None:
        queue = notice.get(key) if isinstance(notice, dict) else None
        if isinstance(queue, list):
            self.house.queued = len(queue)
            self.stir()

    def _power(self, notice: object) -> None:
        self._outlets((notice,))

    def _outlets(self, devices: object) -> None:
        for device in devices if isinstance(devices, tuple | list) else ():
            key, status = name(device, "device", 100), text(device, "status")
            if key and status in {"on", "off"}:
                self.house.outlets[key] = status == "on"
        self.stir()

    def _spool(self, notice: object) -> None:
        self.house.spool_id = whole(notice, "spool_id")
        self.stir()

    def _files(self, notice: object) -> None:
        if name(obj(notice, "item"), "path") == self.memory.file and not self.memory.metadata:
            self._chores.put_nowait(self._describe_file)

    def _refreshed(self, _: object) -> None:
        self._chores.put_nowait(self._updates)

    def _said(self, line: object) -> None:
        if isinstance(line, str):
            self.console.append(line[:500])
            for ear in self._ears:
                ear(line[:500])

    @contextmanager
    def overhear(self, ear: Callable[[str], None]) -> Iterator[None]:
        """Have what the console says told to somebody for a while."""
        self._ears.append(ear)
        try:
            yield
        finally:
            self._ears.remove(ear)

    # -- chores ------------------------------------------------------------------------------

    async def work(self) -> None:
        """Do what notifications asked for, until cancelled."""
        if self.house.klippy in _SPEECHLESS:
            self._chores.put_nowait(self._look)
        while not self.line.over.done():
            chore = await self._chores.get()
            try:
                await chore()
            except DriverError as err:
                # The line tells of its own end; the rest is asked again on occasion.
                _LOGGER.debug("a question was not answered: %s", err.reason)

    async def _look(self) -> None:
        """Look for Klipper until it speaks."""
        while not await self._greet() and self.house.klippy in _SPEECHLESS:
            await self._clock.sleep(self.pace.klippy_s)


def _items(answer: object, key: str) -> list[object]:
    value = answer.get(key) if isinstance(answer, dict) else None
    return value[:100] if isinstance(value, list) else []


def _wanted_settings(configfile: Json) -> Json:
    """Keep of the configuration what parts are made of: it may be megabytes long."""
    kept: dict[str, Json] = {}
    for section in obj(configfile, "settings"):
        kind = section.partition(" ")[0]
        if kind in {"heater_bed", "heater_generic", "output_pin"} or is_extruder(section):
            found = settings_of(configfile, section)
            wanted = ("min_temp", "max_temp", "nozzle_diameter", "scale")
            kept[section] = {key: number(found, key) for key in wanted}
    return {"settings": kept}
