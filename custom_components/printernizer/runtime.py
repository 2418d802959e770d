"""Composition root: the one workshop that all entries share.

The first printer entry that needs the workshop opens it, the last one closes it, and so does
Home Assistant's own end. Nothing else in the ring names a driver or the store.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeIs
from uuid import UUID

from homeassistant.config_entries import ConfigEntry
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import callback
from homeassistant.helpers import instance_id
from homeassistant.helpers.aiohttp_client import async_get_clientsession
from homeassistant.helpers.event import async_track_time_interval
from homeassistant.requirements import RequirementsNotFound, async_process_requirements
from homeassistant.util.hass_dict import HassKey

from . import issues
from .const import (
    CONF_DATABASE_URL,
    CONF_KIND,
    CONF_SERIAL,
    DOMAIN,
    KIND_SHOP,
    LEDGER_FILE,
    LIBRARY_FOLDER,
    SHOP_ID,
)
from .engine.drivers.registry import PrinterKind, Surroundings, build
from .engine.drivers.virtual.home import forget
from .engine.errors import NotAllowed, StoreError
from .engine.store import jobs, migrate
from .engine.store.database import Store
from .engine.workshop.clock import SystemClock
from .engine.workshop.previews import Previews
from .engine.workshop.workshop import Workshop
from .followed.driver import FollowedDriver
from .month import MonthFigures
from .shop_settings import machine_profile, shop_settings

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant

    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import Driver
    from .engine.job import Job
    from .eyes import Eyes
    from .job_pictures import JobPictures
    from .snapshots import Snapshots


LOOK_AFTER: Final = timedelta(seconds=30)
"""How often it is looked whether the ledger still gets its events onto the disk."""


POSTGRESQL_DRIVER: Final = "psycopg[binary]>=3.2,<4"
"""Not in the manifest: only those who chose such a database wait for its download."""


@dataclass(slots=True)
class PrinterRuntime:
    """What a loaded printer entry holds."""

    coordinator: PrinterCoordinator
    eyes: Eyes
    snapshots: Snapshots
    pictures: JobPictures


@dataclass(slots=True)
class ShopRuntime:
    """What the loaded shop entry holds."""

    workshop: Workshop


type PrinternizerConfigEntry = ConfigEntry[PrinterRuntime]
type ShopConfigEntry = ConfigEntry[ShopRuntime]


def is_shop(entry: ConfigEntry[Any]) -> TypeIs[ConfigEntry[ShopRuntime]]:
    """Whether an entry is the shop's own, and no printer's."""
    return entry.data.get(CONF_KIND) == KIND_SHOP


class SharedWorkshop:
    """The workshop and how many entries hold it."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._lock = asyncio.Lock()
        self._holders = 0
        self._stack: AsyncExitStack | None = None
        self._unsubscribe: list[CALLBACK_TYPE] = []
        self.workshop: Workshop | None = None
        self.month: MonthFigures | None = None
        """Open with the workshop, and followed by printers and the shop alike."""
        self.previews: Previews | None = None
        """Who draws files, and keeps the pictures."""
        self.url: str | None = None
        """Of the database that is open; None while none is."""

    async def acquire(self) -> Workshop:
        """Return the workshop, opened if nobody has yet. Raises StoreError."""
        async with self._lock:
            if self.workshop is None:
                await self._open(database_url(self._hass))
            self._holders += 1
            assert self.workshop is not None
            return self.workshop

    async def release(self) -> None:
        """Give it back; the last one closes it."""
        async with self._lock:
            self._holders -= 1
            if self._holders == 0:
                await self._close()

    async def _open(self, url: str) -> None:
        await async_fetch_database_driver(self._hass, url)
        async with AsyncExitStack() as stack:
            store = await stack.enter_async_context(Store(url))
            workshop = Workshop(
                store,
                SystemClock(),
                async_get_clientsession(self._hass),
                files=Path(self._hass.config.path(LIBRARY_FOLDER)),
                site=UUID(await instance_id.async_get(self._hass)),
            )
            # Before it opens: a Spoolman that leads must not seem to be gone for a moment.
            shop = async_shop_entry(self._hass)
            workshop.settings.apply(shop_settings(self._hass, shop.options if shop else {}))
            # And what waits from before is reckoned at once, with what its machine costs.
            for entry in self._hass.config_entries.async_entries(DOMAIN):
                if entry.unique_id is not None and not is_shop(entry):
                    workshop.settings.describe(entry.unique_id, machine_profile(entry.options))
            await stack.enter_async_context(workshop)
            previews = Previews(Path(self._hass.config.cache_path(DOMAIN, "previews")))
            await stack.enter_async_context(previews)
            month = MonthFigures(self._hass, workshop)
            await month.async_read()
            self._stack = stack.pop_all()
        self.workshop, self.url, self.month, self.previews = workshop, url, month, previews
        issues.async_store_opened(self._hass)
        self._unsubscribe = [
            month.async_listen(),
            self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._on_stop),
            async_track_time_interval(
                self._hass, self._look_after, LOOK_AFTER, cancel_on_shutdown=True
            ),
        ]

    async def _close(self) -> None:
        stack, self._stack = self._stack, None
        workshop, self.workshop, self.url = self.workshop, None, None
        self.month = self.previews = None
        while self._unsubscribe:
            self._unsubscribe.pop()()
        if workshop is not None and stack is not None:
            # A backup that never ended must not keep the last events from the disk.
            workshop.store.go_on()
            await stack.aclose()

    async def _on_stop(self, _: Event) -> None:
        """Close in time: entries are not unloaded when Home Assistant ends."""
        async with self._lock:
            await self._close()

    @callback
    def _look_after(self, _: datetime) -> None:
        """Tell the user when events do not reach the disk, and when they do again."""
        if self.workshop is None:
            return
        health = self.workshop.ledger.health
        if health.well:
            issues.async_store_opened(self._hass)
        else:
            waiting = StoreError(f"{health.pending} events wait for the database")
            issues.async_store_failed(self._hass, health.error or waiting)


WORKSHOP: HassKey[SharedWorkshop] = HassKey(DOMAIN)


@callback
def async_shared(hass: HomeAssistant) -> SharedWorkshop:
    """Return the one holder of the workshop of this Home Assistant."""
    return hass.data.setdefault(WORKSHOP, SharedWorkshop(hass))


@callback
def async_get_workshop(hass: HomeAssistant) -> Workshop:
    """Return the open workshop. Raises NotAllowed while no printer is loaded."""
    if (workshop := async_shared(hass).workshop) is None:
        raise NotAllowed("no printer is set up")
    return workshop


@callback
def async_find_workshop(hass: HomeAssistant) -> Workshop | None:
    """Return the open workshop, or None while no printer is loaded."""
    return async_shared(hass).workshop


@callback
def async_month(hass: HomeAssistant) -> MonthFigures:
    """Return the figures of this month. Raises NotAllowed while no printer is loaded."""
    if (month := async_shared(hass).month) is None:
        raise NotAllowed("no printer is set up")
    return month


@callback
def async_previews(hass: HomeAssistant) -> Previews:
    """Return who draws files. Raises NotAllowed while no printer is loaded."""
    if (previews := async_shared(hass).previews) is None:
        raise NotAllowed("no printer is set up")
    return previews


async def async_acquire(hass: HomeAssistant) -> Workshop:
    """Return the workshop for as long as the caller needs it. Raises StoreError."""
    return await async_shared(hass).acquire()


async def async_release(hass: HomeAssistant) -> None:
    """Give back what `async_acquire` gave."""
    await async_shared(hass).release()


@callback
def async_shop_entry(hass: HomeAssistant) -> ConfigEntry[Any] | None:
    """Return the entry that holds the shop's own settings, if it has been made."""
    return hass.config_entries.async_entry_for_domain_unique_id(DOMAIN, SHOP_ID)


@callback
def database_url(hass: HomeAssistant) -> str:
    """Return where the ledger is kept: the owner's choice, else a file in the config folder."""
    shop = async_shop_entry(hass)
    chosen = shop.options.get(CONF_DATABASE_URL) if shop is not None else None
    return chosen or default_database_url(hass)


@callback
def default_database_url(hass: HomeAssistant) -> str:
    """Return the URL of the file in the configuration folder."""
    return f"sqlite:///{hass.config.path(LEDGER_FILE)}"


@callback
def build_driver(hass: HomeAssistant, settings: Mapping[str, Any]) -> Driver:
    """Return the driver for the settings of a printer entry. Opens nothing."""
    shared = async_find_workshop(hass)
    clock = shared.clock if shared is not None else SystemClock()
    around = Surroundings(
        clock=clock,
        http=async_get_clientsession(hass),
        follow=lambda followed: FollowedDriver(hass, followed, clock),
    )
    return build(PrinterKind(settings[CONF_KIND]), settings, around)


@callback
def forget_machine(settings: Mapping[str, Any]) -> None:
    """Scrap the virtual machine of a removed printer; real ones stay where they are."""
    if settings[CONF_KIND] == PrinterKind.VIRTUAL:
        forget(settings[CONF_SERIAL])


async def async_follow_shop(hass: HomeAssistant) -> None:
    """Move all printers to the database that the shop's options name, if it is another one.

    They have to let go of the old one together: the workshop closes with its last holder.
    """
    shared = async_shared(hass)
    if shared.url is None or shared.url == database_url(hass):
        return
    loaded = [
        entry.entry_id
        for entry in hass.config_entries.async_loaded_entries(DOMAIN)
        if entry.unique_id != SHOP_ID
    ]
    for entry_id in loaded:
        await hass.config_entries.async_unload(entry_id)
    await asyncio.gather(*(hass.config_entries.async_setup(entry_id) for entry_id in loaded))


async def async_fetch_database_driver(hass: HomeAssistant, url: str) -> None:
    """Install what a database needs that not everybody has. Raises StoreError."""
    if not url.startswith("postgres"):
        return
    try:
        await async_process_requirements(hass, DOMAIN, [POSTGRESQL_DRIVER], is_built_in=False)
    except RequirementsNotFound as err:
        raise StoreError("the driver for PostgreSQL cannot be installed") from err


async def async_try_database(hass: HomeAssistant, url: str) -> None:
    """Open a database once, its tables brought up to date, and close it. Raises StoreError."""
    await async_fetch_database_driver(hass, url)
    async with Store(url):
        pass


@dataclass(frozen=True, kw_only=True, slots=True)
class DatabaseFacts:
    """What people ask about the database."""

    kind: str
    """"SQLite" or "PostgreSQL"."""
    revision: str | None
    open_jobs: int


async def async_database_facts(workshop: Workshop, url: str) -> DatabaseFacts:
    """Ask the open database. Raises StoreError when it does not answer."""
    return DatabaseFacts(
        kind="SQLite" if url.startswith("sqlite") else "PostgreSQL",
        revision=await workshop.store.run(migrate.revision),
        open_jobs=len(await workshop.store.run(jobs.open_runs)),
    )


async def async_jobs(workshop: Workshop, ids: Iterable[UUID]) -> dict[UUID, Job]:
    """Return those of these jobs that the ledger knows. Raises StoreError."""
    wanted = tuple(ids)
    found = await workshop.store.run(lambda connection: [jobs.get(connection, i) for i in wanted])
    return {job.id: job for job in found if job is not None}
