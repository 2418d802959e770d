"""Carries a printer's pushed status into Home Assistant; a refresh asks for a fresh one.

It keeps no schedule: the line pushes, or polls as its driver knows best. What the user hears of
a lost printer is decided here: one log line down and one up, a new key asked for, an issue.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, override

from homeassistant.core import callback
from homeassistant.helpers.update_coordinator import DataUpdateCoordinator

from . import issues
from .devices import async_register_devices, units
from .engine.errors import AccessDenied, DriverError, Refused, Unreachable, WrongPrinter
from .engine.printer import PrinterStatus
from .glass import changed_fields
from .ha_errors import of_refresh, told_to_the_user
from .parts import Parts, parts_of
from .runtime import build_driver

if TYPE_CHECKING:
    from collections.abc import Callable

    from homeassistant.core import HomeAssistant

    from .engine.drivers.base import Session
    from .engine.job import Job
    from .engine.printer import PrinterIdentity
    from .engine.workshop.workshop import Workshop
    from .runtime import PrinternizerConfigEntry

_LOGGER = logging.getLogger(__name__)


class PrinterCoordinator(DataUpdateCoordinator[PrinterStatus]):
    """One printer, as its entities see it.

    `data` is its latest status; it stays what it was while the printer is gone. `identity` and
    `parts` are known once the first refresh has succeeded.
    """

    config_entry: PrinternizerConfigEntry
    identity: PrinterIdentity
    device_id: str
    """Of the printer's device in the registry."""

    def __init__(
        self,
        hass: HomeAssistant,
        entry: PrinternizerConfigEntry,
        workshop: Workshop,
        printer_id: str,
    ) -> None:
        super().__init__(
            hass,
            _LOGGER,
            config_entry=entry,
            name=entry.title,
            update_interval=None,
            always_update=False,
        )
        self.workshop = workshop
        self.printer_id = printer_id
        self.parts = Parts()
        self.changed: frozenset[str] | None = None
        """While listeners hear of a pushed status: the fields that differ from the one before.
        None when anything may have changed: a new line, a loss, an event of the ledger."""
        self._unsubscribe: Callable[[], None] | None = None
        self._session: Session | None = None
        self._read_only: bool | None = None
        self._units: object = None

    @property
    def session(self) -> Session | None:
        """The live line, or None while it is down."""
        link = self.workshop.fleet.get(self.printer_id)
        return link.session if link is not None else None

    @property
    def job(self) -> Job | None:
        """The run that is open, else the last one; None when there never was one."""
        return self.workshop.ledger.job_of(self.printer_id)

    async def async_refresh_now(self) -> None:
        """Ask the printer for a fresh status. Raises HomeAssistantError when it does not answer."""
        with told_to_the_user():
            await self.workshop.fleet[self.printer_id].refresh()

    async def async_close(self) -> None:
        """Close the line and stop listening."""
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None
        await self.workshop.close_line(self.printer_id)

    @override
    async def _async_update_data(self) -> PrinterStatus:
        try:
            if self._unsubscribe is None:
                return await self._open()
            return await self.workshop.fleet[self.printer_id].refresh()
        except (Refused, Unreachable) as err:
            if self._unsubscribe is not None and self.last_update_success:
                # Within the grace the line decides who is gone, not a refresh that came too early.
                _LOGGER.debug("%s: no fresh status: %s", self.name, err)
                return self.data
            raise of_refresh(err) from err
        except DriverError as err:
            self._tell(err)
            raise of_refresh(err) from err

    async def _open(self) -> PrinterStatus:
        driver = build_driver(self.hass, self.config_entry.data)
        status = await self.workshop.open_line(self.printer_id, driver)
        self._unsubscribe = self.workshop.fleet.subscribe(self.printer_id, self._on_status)
        self._note(status)
        return status

    @callback
    def _on_status(self, status: PrinterStatus | None) -> None:
        if status is None:
            self._gone(self.workshop.fleet[self.printer_id].error or Unreachable("it is gone"))
            return
        returned = not self.last_update_success
        if returned:
            _LOGGER.info("%s is available again", self.name)
        line = self._session
        self._note(status)
        if not returned and self._session is line:
            self.changed = changed_fields(self.data, status)
        try:
            self.async_set_updated_data(status)
        finally:
            self.changed = None

    def _gone(self, error: DriverError) -> None:
        self._tell(error)
        self.last_exception = of_refresh(error)
        if self.last_update_success:
            _LOGGER.info("%s is unavailable: %s", self.name, error.reason)
            self.last_update_success = False
            self.async_update_listeners()

    def _tell(self, error: DriverError) -> None:
        """Ask the person for what only a person can do."""
        if isinstance(error, AccessDenied):
            # Setup and refreshes start it themselves; starting it twice changes nothing.
            self.config_entry.async_start_reauth(self.hass)
        elif isinstance(error, WrongPrinter):
            issues.async_wrong_printer(self.hass, self.config_entry, error)

    def _note(self, status: PrinterStatus) -> None:
        """Keep what the line tells about the printer itself."""
        link = self.workshop.fleet[self.printer_id]
        if link.session is not None and link.session is not self._session:
            self._session = link.session
            self.identity = link.session.identity
            if (parts := parts_of(link.session)) != self.parts:
                self.parts = parts
            self._units = None
            issues.async_right_printer(self.hass, self.config_entry)
        if status.read_only != self._read_only:
            self._read_only = status.read_only
            issues.async_developer_mode(self.hass, self.config_entry, off=status.read_only)
        if (now := units(status)) != self._units:
            self._units = now
            self.device_id = async_register_devices(self, status)
