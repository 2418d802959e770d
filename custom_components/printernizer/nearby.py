"""Printers that announce themselves: to a form, and for as long as any is set up.

An announcement proves nothing. It makes a lost line try again at once, and a new address is
taken over only after the printer there has shown the certificate that we know. A print server
without one is not followed: whoever answers there would be handed its key.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.const import CONF_HOST, CONF_URL, EVENT_HOMEASSISTANT_STOP
from homeassistant.core import callback
from homeassistant.util.hass_dict import HassKey

from .addresses import host_of
from .const import CONF_FINGERPRINT, CONF_KIND, DOMAIN
from .engine.drivers.discovery import Announcement, from_headers, listening
from .engine.drivers.registry import PrinterKind
from .engine.drivers.whereabouts import at_host
from .engine.errors import Unreachable
from .probe import Found, async_probe
from .runtime import async_find_workshop

if TYPE_CHECKING:
    from homeassistant.config_entries import ConfigEntry
    from homeassistant.core import CALLBACK_TYPE, Event, HomeAssistant
    from homeassistant.helpers.service_info.ssdp import SsdpServiceInfo

    from .engine.workshop.link import Link

_LOGGER = logging.getLogger(__name__)

QUIET_S: Final = 30.0
"""A printer heard again after so long was away, and is tried at once; one that announces itself
every five seconds and yet does not let us in is left to the back-off."""
LISTEN_S: Final = 6.0
"""Most printers announce themselves every five seconds."""
_WAITING: Final = frozenset(
    {
        ConfigEntryState.LOADED,
        ConfigEntryState.SETUP_RETRY,
        ConfigEntryState.SETUP_IN_PROGRESS,
    }
)
"""States in which a printer wants to know of its announcements."""


async def async_bambu_nearby(
    hass: HomeAssistant, seconds: float = LISTEN_S
) -> tuple[Announcement, ...]:
    """Return the printers that announce themselves within that time; none if we cannot listen."""
    found: dict[str, Announcement] = {}

    def heard(announcement: Announcement) -> None:
        found[announcement.serial] = announcement

    try:
        async with listening(heard):
            await asyncio.sleep(seconds)
    except Unreachable as err:
        _LOGGER.debug("Not listening for printers: %s", err)
    return tuple(found[serial] for serial in sorted(found))


def label_of(found: Announcement) -> str:
    """Return what a person picks a printer by."""
    return f"{found.name or found.model or found.serial} ({found.host})"


def from_ssdp(info: SsdpServiceInfo) -> Announcement | None:
    """Read what Home Assistant itself heard; None when it is no Bambu printer."""
    headers = {str(key).lower(): str(value) for key, value in info.ssdp_headers.items()}
    return from_headers({**headers, "usn": info.ssdp_usn, "location": info.ssdp_location or ""})


class Listener:
    """Hears announcements for all Bambu printers that are set up."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._stack = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._up = False
        self._stop: CALLBACK_TYPE | None = None
        self.heard_at: dict[str, float] = {}
        """When each serial announced itself last, on the loop's clock."""
        self.mover = Mover(hass)

    @property
    def listens(self) -> bool:
        """Whether it does."""
        return self._up

    async def start(self) -> None:
        """Begin to listen, unless we do. A port that cannot be had costs only the speed."""
        async with self._lock:
            if self._up:
                return
            try:
                await self._stack.enter_async_context(listening(self.heard))
            except Unreachable as err:
                _LOGGER.debug("Not listening for printers: %s", err)
                return
            self._up = True
            self._stop = self._hass.bus.async_listen(EVENT_HOMEASSISTANT_STOP, self._on_stop)

    async def stop_unless_needed(self) -> None:
        """Stop when no Bambu printer is left that wants to be heard."""
        if not any(entry.state in _WAITING for entry in self._entries()):
            await self._close()

    async def _on_stop(self, _: Event) -> None:
        await self._close()

    async def _close(self) -> None:
        async with self._lock:
            self._up = False
            if self._stop is not None:
                self._stop()
                self._stop = None
            await self._stack.aclose()

    def _entries(self) -> list[ConfigEntry[Any]]:
        return [
            entry
            for entry in self._hass.config_entries.async_entries(DOMAIN, include_ignore=False)
            if entry.data.get(CONF_KIND) == PrinterKind.BAMBU
        ]

    @callback
    def heard(self, announcement: Announcement) -> None:
        """Wake the printer's line; look at a new address while the old one is dead."""
        entry = next((e for e in self._entries() if e.unique_id == announcement.serial), None)
        if entry is None or entry.state not in _WAITING:
            return
        now = self._hass.loop.time()
        returned = now - self.heard_at.get(announcement.serial, -QUIET_S) >= QUIET_S
        self.heard_at[announcement.serial] = now
        workshop = async_find_workshop(self._hass)
        link = workshop.fleet.get(announcement.serial) if workshop is not None else None
        if link is not None and link.session is not None:
            return
        if entry.data[CONF_HOST] != announcement.host:
            there = {**entry.data, CONF_HOST: announcement.host}
            self.mover.look_at(entry, there)
        elif returned:
            _wake(self._hass, entry, link)


class Mover:
    """Takes over new addresses that have been proven."""

    def __init__(self, hass: HomeAssistant) -> None:
        self._hass = hass
        self._moving: set[str] = set()
        """Entries whose new address is being proven."""

    def look_at(self, entry: ConfigEntry[Any], there: dict[str, Any]) -> None:
        """Move an entry to these settings if the printer we know answers there."""
        if entry.entry_id not in self._moving:
            self._moving.add(entry.entry_id)
            entry.async_create_background_task(
                self._hass,
                self._move(entry, there),
                name=f"printernizer new address of {entry.title}",
            )

    async def _move(self, entry: ConfigEntry[Any], there: dict[str, Any]) -> None:
        try:
            found = await async_probe(self._hass, there)
            if not isinstance(found, Found) or found.identity.serial != entry.unique_id:
                return
            _LOGGER.info("%s has a new address", entry.title)
            self._hass.config_entries.async_update_entry(entry, data=there)
            self._hass.config_entries.async_schedule_reload(entry.entry_id)
        finally:
            self._moving.discard(entry.entry_id)


def _wake(hass: HomeAssistant, entry: ConfigEntry[Any], link: Link | None) -> None:
    """Try a printer again at once: it has just come back."""
    if link is not None:
        link.nudge()
    elif entry.state is ConfigEntryState.SETUP_RETRY:
        hass.config_entries.async_schedule_reload(entry.entry_id)


@callback
def async_server_heard(
    hass: HomeAssistant, entry: ConfigEntry[Any], host: str, also: str = ""
) -> None:
    """Take note that a print server we know was announced at a host, `also` known as a name.

    Where it is away and its certificate is pinned, it is looked for there.
    """
    if entry.state not in _WAITING or entry.unique_id is None:
        return
    workshop = async_find_workshop(hass)
    link = workshop.fleet.get(entry.unique_id) if workshop is not None else None
    if link is not None and link.session is not None:
        return
    if host_of(entry.data) in {host, also}:
        _wake(hass, entry, link)
    elif entry.data.get(CONF_FINGERPRINT) and entry.data[CONF_URL].startswith("https:"):
        there = {**entry.data, CONF_URL: at_host(entry.data[CONF_URL], host)}
        async_listener(hass).mover.look_at(entry, there)


LISTENER: HassKey[Listener] = HassKey(f"{DOMAIN}_listener")


@callback
def async_listener(hass: HomeAssistant) -> Listener:
    """Return the one listener of this Home Assistant."""
    return hass.data.setdefault(LISTENER, Listener(hass))
