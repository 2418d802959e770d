"""The face of the shop: start, stop, and everything the ring may ask for."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Self

from ..errors import NotAllowed, Refused, StoreError
from ..formats.facts import read_facts
from ..library_file import ONE_SHELF
from .accounts import Accounts
from .clock import within
from .exports import Exports
from .fetches import FETCHED, Fetches
from .fleet import Fleet
from .glimpses import Glimpses
from .ideas import Ideas
from .ledger import Ledger
from .library import Library
from .meters import Meters
from .office import Office
from .plans import Plans
from .printer_files import PrinterFiles
from .prints import Prints
from .reception import Reception
from .reports import Reports
from .sandbox import measuring
from .settings import Settings
from .spoolman import SpoolmanKeeper
from .starts import Starts
from .stock import Stock
from .uploads import Uploads
from .watching import Watching

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from uuid import UUID

    import aiohttp

    from ..account import Breakdown
    from ..drivers.base import Driver, Mover, PrintObject, Progress, RemoteFile, Session
    from ..job import PastRun
    from ..printer import PrinterStatus
    from ..start import Started
    from ..store.database import Store
    from ..upload import Upload
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

LOOK_S: Final = 5.0
"""How long a start that has begun waits to learn whether its spools are enough."""


class Workshop:
    """One shop: its printers, its ledger, its store. Open it with `async with`."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        http: aiohttp.ClientSession | None = None,
        *,
        files: Path | None = None,
        site: UUID = ONE_SHELF,
    ) -> None:
        """Put it together. files: the folder of the library; without one it takes no files.

        site: one of several that share a database; each has an id of its own.
        """
        self.store = store
        self.clock = clock
        self.settings = Settings()
        self.stock = Stock(store, self.settings, clock)
        self.spoolman = SpoolmanKeeper(self.stock, store, self.settings, clock, http)
        self.ledger = Ledger(store, clock)
        self.fleet = Fleet(self.ledger, clock)
        self.uploads = Uploads(self.fleet, clock)
        self.office = Office(store, self.settings, clock)
        self.exports = Exports(store, self.settings, clock)
        self.reports = Reports(store, self.settings, clock)
        self.starts = Starts(self.fleet, store, clock)
        self.measuring = measuring()
        self.meters = Meters(store, self.settings, clock)
        self.ideas = Ideas(store, clock)
        self.library = Library(store, clock, files, sandbox=self.measuring, site=site)
        self.reception = Reception(self.library, clock, files)
        self.watching = Watching(store, clock, self.library, files)
        self.fetches = Fetches(
            self.fleet, self.library, clock, None if files is None else files / FETCHED
        )
        self.glimpses = Glimpses(self.fleet, self.library, store)
        self.files = PrinterFiles(
            self.fleet,
            self.library,
            self.fetches,
            store,
            self.settings,
            clock,
            files,
            self.glimpses.looked,
        )
        self._plans = Plans(store, clock, self.fleet, self.measuring, self.files)
        self.accounts = Accounts(
            store, self.settings, clock, self.ledger, self.stock, self.meters, self._plans
        )
        self._prints = Prints(
            self.fleet, self.uploads, self.starts, store, clock, self._plans, self.files
        )
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        try:
            await self._open()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _open(self) -> None:
        await self._stack.enter_async_context(self.stock)
        await self._stack.enter_async_context(self.spoolman)
        await self._stack.enter_async_context(self.meters)
        await self._stack.enter_async_context(self.ledger)
        self._stack.callback(self.ledger.subscribe(self.meters.on_job))
        await self._stack.enter_async_context(self.ideas)
        self._stack.callback(self.ledger.subscribe(self.ideas.on_job))
        await self._stack.enter_async_context(self._plans)
        await self._stack.enter_async_context(self.accounts)
        self._stack.callback(self.fleet.hear_histories(self.accounts.recall))
        self._stack.callback(self.settings.subscribe(self._apply_policy))
        self._apply_policy()
        await self._stack.enter_async_context(self.library)
        self._stack.callback(self.ledger.subscribe(self.library.on_job))
        await self._stack.enter_async_context(self.reception)
        await self._stack.enter_async_context(self.watching)
        self._stack.push_async_callback(self.fleet.close)
        await self._stack.enter_async_context(self.starts)
        await self._stack.enter_async_context(self.uploads)
        await self._stack.enter_async_context(self.fetches)
        await self._stack.enter_async_context(self.glimpses)
        await self._stack.enter_async_context(self.files)
        self._stack.callback(self.ledger.subscribe(self.files.on_job))
        self._stack.callback(self.uploads.subscribe(self.files.on_upload))

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._stack.aclose()

    def _apply_policy(self) -> None:
        """Let the library go by the settings of this moment."""
        policy = self.settings.shop.library
        self.library.quota = policy.quota
        self.library.bin_kept = policy.bin_kept
        self.library.rules = policy.rules
        self.watching.watch(self.settings.shop.watched)

    # -- printers ----------------------------------------------------------------------------

    async def open_line(self, printer_id: str, driver: Driver) -> PrinterStatus:
        """Open a printer's line and return its first status.

        Raises Unreachable, AccessDenied, WrongPrinter or Garbled when the first try fails; then
        no line is left behind.
        """
        link = self.fleet.add(printer_id, driver)
        for part in (self.stock, self.meters, self.accounts):
            self.fleet.subscribe(printer_id, partial(part.on_status, printer_id))
        try:
            return await link.settled()
        except BaseException:
            await self.fleet.remove(printer_id)
            raise

    async def close_line(self, printer_id: str) -> None:
        """Close a printer's line, and end what is being sent or fetched over it."""
        await self.uploads.drop(printer_id)
        await self.fetches.drop(printer_id)
        await self.fleet.remove(printer_id)

    # -- wishes ------------------------------------------------------------------------------

    async def command(
        self,
        printer_id: str,
        act: Callable[[Session], Awaitable[None] | None],
        *,
        of_the_job: bool = False,
    ) -> None:
        """Do one thing to a printer, after what was asked of it before.

        `act` returns None when the printer has not the part it needs. `of_the_job`: it pauses,
        ends or goes on with a job, and waits only behind others that do.
        Raises Refused, Unreachable or AccessDenied.
        """
        async with self._commanded(printer_id, of_the_job=of_the_job) as session:
            done = act(session)
            if done is None:
                raise Refused("it offers no such command", key="not_supported")
            await done

    async def pause(self, printer_id: str) -> None:
        """Hold the running job."""
        await self.command(
            printer_id, lambda s: s.control.pause() if s.control else None, of_the_job=True
        )

    async def resume(self, printer_id: str) -> None:
        """Go on with the paused job."""
        await self.command(
            printer_id, lambda s: s.control.resume() if s.control else None, of_the_job=True
        )

    async def cancel(self, printer_id: str) -> None:
        """End the running job."""
        await self.command(
            printer_id, lambda s: s.control.cancel() if s.control else None, of_the_job=True
        )

    async def acknowledge(self, printer_id: str) -> None:
        """Answer the printer's question with "go on"."""
        await self.command(
            printer_id, lambda s: s.prompt.acknowledge() if s.prompt else None, of_the_job=True
        )

    async def start(
        self,
        printer_id: str,
        path: str,
        *,
        plate: int | None = None,
        slots: Sequence[str | None] = (),
        override: bool = False,
        by: str | None = None,
    ) -> Started:
        """Print a file that lies on the printer; returns when it has begun.

        What was asked of the printer before is done first; a cancel need not wait until the
        printer shows the job. `override`: print although the file was made for something else;
        `by`, a user's id, then stands in the ledger with it. Raises what `Starts.start` raises.
        """
        with self.accounts.planning(printer_id, slots, plate):
            started = await self._prints.start(
                printer_id, path, plate=plate, slots=slots, override=override, by=by
            )
        return await self._weighed(printer_id, started, slots)

    async def print_file(
        self,
        printer_id: str,
        source: Path,
        *,
        path: str | None = None,
        plate: int | None = None,
        slots: Sequence[str | None] = (),
        replace: bool = False,
        override: bool = False,
        by: str | None = None,
    ) -> Started:
        """Send a file of ours to the printer and print it.

        Raises what `upload` and `start` raise, and BadFile for a file that is broken.
        """
        with self.accounts.planning(printer_id, slots, plate):
            started = await self._prints.print_file(
                printer_id,
                source,
                path=path,
                plate=plate,
                slots=slots,
                replace=replace,
                override=override,
                by=by,
            )
        return await self._weighed(printer_id, started, slots)

    async def _weighed(
        self, printer_id: str, started: Started, slots: Sequence[str | None]
    ) -> Started:
        """Say of a start where its spools hold too little: a warning, for it has begun."""
        looking = self.accounts.short_of(printer_id, started.path, started.plate, slots)
        try:
            short = await within(self.clock, LOOK_S, looking)
        except (StoreError, TimeoutError) as err:
            _LOGGER.debug("%s: nobody knows whether the spools are enough: %s", printer_id, err)
            return started
        return dataclasses.replace(started, short=short)

    async def estimate_cost(
        self,
        printer_id: str,
        source: Path,
        *,
        plate: int | None = None,
        slots: Sequence[str | None] = (),
    ) -> Breakdown:
        """Return what a file of ours is expected to cost on a printer, with what hangs there.

        Raises BadFile, and NotAllowed(key="plate_missing").
        """
        facts = await asyncio.to_thread(read_facts, source)
        chosen = facts.plate(plate)
        if chosen is None:
            raise NotAllowed(f"there is no plate {plate}", key="plate_missing")
        extrusion = await self.measuring.measured(source, plate)
        return await self.accounts.preview(printer_id, extrusion, chosen, slots)

    async def send_gcode(self, printer_id: str, gcode: str) -> None:
        """Run lines of G-code that a person asked for."""
        await self.command(printer_id, lambda s: s.console.send(gcode) if s.console else None)

    async def set_temperature(self, printer_id: str, heater: str, celsius: float) -> None:
        """Set the target of one heater."""
        await self.command(
            printer_id, lambda s: s.heaters.set_target(heater, celsius) if s.heaters else None
        )

    async def move_axis(
        self, printer_id: str, distances: Mapping[str, float], speed_mm_s: float | None = None
    ) -> None:
        """Move the head by millimetres, by axis."""
        await self.command(
            printer_id,
            lambda s: s.motion.move(distances, speed_mm_s=speed_mm_s) if s.motion else None,
        )

    async def home(self, printer_id: str, axes: Sequence[str] = ()) -> None:
        """Find the origin of these axes; of all without any."""
        await self.command(printer_id, lambda s: s.motion.home(axes) if s.motion else None)

    async def load_filament(self, printer_id: str, slot: str | None = None) -> None:
        """Bring filament to the nozzle."""
        await self.command(printer_id, lambda s: s.loader.load(slot) if s.loader else None)

    async def unload_filament(self, printer_id: str) -> None:
        """Take filament out of the nozzle."""
        await self.command(printer_id, lambda s: s.loader.unload() if s.loader else None)

    async def list_objects(self, printer_id: str) -> tuple[PrintObject, ...]:
        """Return the objects of the running job."""
        objects = self.fleet[printer_id].require().objects
        if objects is None:
            raise Refused("it does not tell objects apart", key="not_supported")
        return await objects.list()

    async def skip_objects(self, printer_id: str, ids: Sequence[str]) -> None:
        """Leave objects out of the running job."""
        await self.command(printer_id, lambda s: s.objects.skip(ids) if s.objects else None)
        self.accounts.skipped(printer_id, ids)

    async def emergency_stop(self, printer_id: str) -> None:
        """Stop everything now. Does not wait for what was asked of the printer before."""
        emergency = self.fleet[printer_id].require().emergency
        if emergency is None:
            raise Refused("it has no emergency stop", key="not_supported")
        await emergency.stop()

    async def run_macro(
        self, printer_id: str, name: str, parameters: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        """Run a procedure of the owner's."""
        await self.command(
            printer_id, lambda s: s.macros.run(name, parameters) if s.macros else None
        )

    async def maintain(self, printer_id: str, task: str) -> None:
        """Do one of `drivers.base.MAINTENANCE`."""
        await self.command(printer_id, lambda s: s.maintenance.run(task) if s.maintenance else None)

    async def switch_outlet(self, printer_id: str, key: str, on: bool) -> None:  # noqa: FBT001
        """Switch a socket of the printer's host."""
        await self.command(printer_id, lambda s: s.outlets.set(key, on) if s.outlets else None)

    async def past_runs(self, printer_id: str, limit: int = 20) -> tuple[PastRun, ...]:
        """Return what the printer itself remembers of its jobs, newest first."""
        history = self.fleet[printer_id].require().history
        if history is None:
            raise Refused("it keeps no history", key="not_supported")
        return await history.recent(limit)

    async def move_file(self, printer_id: str, path: str, to: str, *, replace: bool = False) -> str:
        """Give a file on the printer another name or folder; returns where it lies then."""
        moved = path

        async def move(mover: Mover) -> None:
            nonlocal moved
            moved = await mover.move(path, to, replace=replace)

        await self.command(printer_id, lambda s: move(s.mover) if s.mover else None)
        await self._prints.forget(printer_id, path)
        self.files.moved(printer_id, path, moved)
        return moved

    async def delete_file(self, printer_id: str, path: str) -> None:
        """Remove a file from the printer's storage."""
        await self.command(printer_id, lambda s: s.storage.delete(path) if s.storage else None)
        await self._prints.forget(printer_id, path)
        self.files.removed(printer_id, path)

    async def upload(
        self,
        printer_id: str,
        source: Path,
        path: str | None = None,
        *,
        replace: bool = False,
        override: bool = False,
        by: str | None = None,
    ) -> Upload:
        """Store a file of ours on the printer; returns it as it ended, when it lies there.

        `path`: where to; in the root under its own name without one, in a folder when it ends
        with a slash. `override`: although it was made for another machine or nozzle. Raises what
        `Uploads.send` raises; NotAllowed for a file that does not suit, BadFile for a broken one.
        """
        return await self._prints.upload(
            printer_id, source, path, replace=replace, override=override, by=by
        )

    async def list_files(self, printer_id: str, path: str = "/") -> tuple[RemoteFile, ...]:
        """List one folder of the printer's storage."""
        storage = self.fleet[printer_id].require().storage
        if storage is None:
            raise Refused("this printer shows no files", key="not_supported")
        found = await storage.list(path)
        self.files.listed(printer_id, path, found)
        return found

    async def download(
        self, printer_id: str, path: str, to: Path, *, progress: Progress | None = None
    ) -> None:
        """Fetch a file of the printer into `to`."""
        storage = self.fleet[printer_id].require().storage
        if storage is None:
            raise Refused("this printer shows no files", key="not_supported")
        await storage.download(path, to, progress=progress)

    @asynccontextmanager
    async def _commanded(self, printer_id: str, *, of_the_job: bool) -> AsyncIterator[Session]:
        link = self.fleet[printer_id]
        if of_the_job:
            async with link.command_lock:
                yield link.require()
            return
        async with link.work_lock:
            async with link.command_lock:
                pass  # what was asked of the job before is done
            yield link.require()
