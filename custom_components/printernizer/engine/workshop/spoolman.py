"""Keeps our stock in step with a Spoolman, where the owner says that it leads.

What is left there is what is left: its changes become movements here as soon as it tells of them.
What runs took is told to it once, in an order that a crash cannot double: what is used there is
noted before we send, so that afterwards it can be seen whether it arrived.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from typing import TYPE_CHECKING, Final, Self

from ..errors import Garbled, NotAllowed, PrinternizerError, Refused, StoreError
from ..spoolman.client import Spoolman
from ..store import spoolman as book
from .listeners import Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import TracebackType

    import aiohttp

    from ..foreign_stock import ForeignSpool, Report, Taken
    from ..store.database import Store
    from .clock import Clock
    from .settings import Settings
    from .stock import Stock

_LOGGER = logging.getLogger(__name__)

WHOLE_S: Final = 600.0
"""Between looks at everything: news may have been missed."""
RETRY_S: Final = (5.0, 15.0, 60.0, 300.0)
"""Until a Spoolman that is gone is asked again."""
DEAF_S: Final = 60.0
"""Until its socket is tried again; a proxy may never let it through, and then we look as often."""
LONG_S: Final = 1800.0
"""Out of step for longer than an update or a restart of it takes: a person has to look."""

type SpoolmanListener = Callable[[PrinternizerError | None], None]


class SpoolmanKeeper:
    """The line to Spoolman. Open it with `async with`, after the stock."""

    def __init__(
        self,
        stock: Stock,
        store: Store,
        settings: Settings,
        clock: Clock,
        http: aiohttp.ClientSession | None,
    ) -> None:
        self._stock = stock
        self._store = store
        self._settings = settings
        self._clock = clock
        self._http = http
        self._address: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._stops: tuple[Callable[[], None], ...] = ()
        self._set = asyncio.Event()
        self._work = asyncio.Event()
        self._whole = True
        self.error: PrinternizerError | None = None
        """Why it is out of step; None while it is in step, or nobody asked for it."""
        self._out_since: float | None = None
        """Monotonic time."""
        self._told = False
        self._listeners: Listeners[PrinternizerError | None] = Listeners("Spoolman")

    async def __aenter__(self) -> Self:
        self._stops = (
            self._settings.subscribe(self._on_settings),
            self._stock.subscribe(self._work.set),
        )
        self._task = asyncio.create_task(self._run(), name="printernizer spoolman")
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for stop in self._stops:
            stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    @property
    def address(self) -> str | None:
        """Where the Spoolman is that leads; None where our own book does."""
        return self._settings.shop.stock.spoolman_url or None

    def listen(self, listener: SpoolmanListener) -> Callable[[], None]:
        """Hear why it has been out of step for half an hour, and None once that is over.

        Returns how to stop.
        """
        return self._listeners.add(listener)

    async def bring_over(self, address: str | None = None) -> Taken:
        """Take the stock of a Spoolman in, once; doing it again changes what changed there.

        `address`: another than the one that leads. Raises NotAllowed, Unreachable, AccessDenied,
        Garbled and StoreError.
        """
        leads = address is None or address == self.address
        spools = await self._client(address or self.address).spools()
        return await self._take(spools, leads=leads)

    def _client(self, address: str | None) -> Spoolman:
        if address is None or self._http is None:
            raise NotAllowed("no Spoolman is set", key="spoolman_missing")
        return Spoolman(self._http, address)

    async def _take(
        self, spools: Iterable[ForeignSpool], *, leads: bool, all_of_them: bool = False
    ) -> Taken:
        now = self._clock.now()
        taken = await self._store.run(
            book.take, tuple(spools), now, leads=leads, all_of_them=all_of_them
        )
        if taken.anything:
            await self._stock.refresh()
            self._stock.look_again()
        return taken

    # -- in step -----------------------------------------------------------------------------

    def _on_settings(self) -> None:
        if self.address != self._address:
            self._set.set()

    async def _run(self) -> None:
        """Keep to whatever the settings say, until cancelled."""
        while True:
            self._set.clear()
            self._address = address = self.address
            keeping = asyncio.create_task(self._keep(address), name="printernizer spoolman line")
            try:
                await self._set.wait()
            finally:
                keeping.cancel()
                await asyncio.gather(keeping, return_exceptions=True)

    async def _keep(self, address: str | None) -> None:
        server = None if address is None else hashlib.sha256(address.encode()).hexdigest()
        self._in_step()
        failures = 0
        while True:
            try:
                await self._store.run(book.link, server, self._clock.now())
                break
            except StoreError as err:
                failures = await self._failed(err, failures)
        if address is None or self._http is None:
            return
        self._whole = True
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._listen(address))
            tasks.create_task(self._tick())
            tasks.create_task(self._work_forever(address))

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(WHOLE_S)
            self._look_at_everything()

    def _look_at_everything(self) -> None:
        self._whole = True
        self._work.set()

    async def _listen(self, address: str) -> None:
        """Take in what it tells of by itself."""
        while True:
            try:
                async with self._client(address).news() as news:
                    async for number, spool in news:
                        await self._hear(number, spool)
            except PrinternizerError as err:
                _LOGGER.debug("Spoolman tells no news: %s", err)
            except Exception:
                # It is our bug, and no reason to hear nothing more until the next restart.
                _LOGGER.exception("News of Spoolman cannot be taken in")
            await self._clock.sleep(DEAF_S)
            self._look_at_everything()

    async def _hear(self, number: int, spool: ForeignSpool | None) -> None:
        if spool is not None:
            await self._take((spool,), leads=True)
            return
        await self._store.run(book.delete, number, self._clock.now())
        await self._stock.refresh()

    async def _work_forever(self, address: str) -> None:
        failures = 0
        while True:
            self._work.clear()
            try:
                client = self._client(address)
                if self._whole:
                    await self._take(await client.spools(), leads=True, all_of_them=True)
                    self._whole = False
                await self._report_all(client)
            except PrinternizerError as err:
                failures = await self._failed(err, failures)
                continue
            except Exception as err:
                # It is our bug, and no reason to stay out of step until the next restart.
                _LOGGER.exception("What Spoolman says cannot be taken in")
                unread = Garbled(type(err).__name__, key="spoolman_garbled")
                failures = await self._failed(unread, failures)
                continue
            if failures:
                _LOGGER.info("Spoolman is in step again")
            failures = 0
            self._in_step()
            await self._work.wait()

    async def _failed(self, err: PrinternizerError, failures: int) -> int:
        """Say so once, and wait."""
        if not failures:
            _LOGGER.warning("Spoolman is out of step, trying again: %s", err)
        self.error = err
        now = self._clock.monotonic()
        if self._out_since is None:
            self._out_since = now
        # Of a database that takes no writes the ledger tells.
        if now - self._out_since >= LONG_S and not isinstance(err, StoreError):
            self._tell(err)
        await self._clock.sleep(RETRY_S[min(failures, len(RETRY_S) - 1)])
        return failures + 1

    def _in_step(self) -> None:
        self.error = self._out_since = None
        self._tell(None)

    def _tell(self, error: PrinternizerError | None) -> None:
        if self._told is (error is not None):
            return
        self._told = error is not None
        self._listeners.tell(error)

    # -- what it is told ---------------------------------------------------------------------

    async def _report_all(self, client: Spoolman) -> None:
        told = False
        while reports := await self._store.run(book.waiting):
            for report in reports:
                told = await self._report(client, report) or told
        if told:
            await self._take(await client.spools(), leads=True, all_of_them=True)

    async def _report(self, client: Spoolman, report: Report) -> bool:
        """Tell it of one consumption, or find out whether it knows; whether it was booked."""
        number, entry = report.number, report.movement_id
        try:
            used = (await client.spool(number)).used_g
            if (arrived := report.arrived(used)) is None:
                _LOGGER.warning(
                    "Spoolman's spool %s was used by others while we reported %s g: whether they "
                    "are in it is not known. Weigh it",
                    number,
                    report.mass_g,
                )
                await self._store.run(book.settled, entry, book.UNCLEAR)
                return False
            if not arrived:
                await self._store.run(book.sending, entry, used)
                await client.use(number, report.mass_g)
        except Refused as err:
            _LOGGER.warning("Spoolman does not take consumption of its spool %s: %s", number, err)
            await self._store.run(book.settled, entry, book.REFUSED)
            return False
        await self._store.run(book.settled, entry, book.DONE)
        return True
