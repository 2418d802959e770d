"""Listens to everything that a source may change about a printer, and wakes who waits."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

import homeassistant.helpers.device_registry as dr
import homeassistant.helpers.entity_registry as er
from homeassistant.core import Event, callback
from homeassistant.helpers.event import (
    async_track_state_change_event,
    async_track_state_report_event,
)

from .devices import Bindings, Origin, bind

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from homeassistant.core import CALLBACK_TYPE, HomeAssistant

    from ..engine.workshop.clock import Clock


class Watch:
    """The entities of one printer while somebody looks at them. Use it as a context.

    `bindings` follow the registries. Many changes at once wake once.
    """

    def __init__(self, hass: HomeAssistant, find: Callable[[], Origin]) -> None:
        """find: returns whom to watch, or raises WrongPrinter."""
        self._hass = hass
        self._find = find
        self._origin = find()
        self._news = asyncio.Event()
        self._stops: list[CALLBACK_TYPE] = []
        self._stop_states: CALLBACK_TYPE | None = None
        self._watched: frozenset[str] = frozenset()
        self._stale = False
        self._bindings = Bindings(present={}, disabled={})
        self._waiting: set[asyncio.Event] = set()
        self.on_cancelled: Callable[[], None] | None = None
        """Called when the source says on the bus that a person ended the job."""

    def __enter__(self) -> Self:
        bus = self._hass.bus
        self._stops = [
            bus.async_listen(er.EVENT_ENTITY_REGISTRY_UPDATED, self._on_entity),
            bus.async_listen(dr.EVENT_DEVICE_REGISTRY_UPDATED, self._on_device),
        ]
        if self._origin.source.cancel is not None:
            event = self._origin.source.cancel.event_type
            self._stops.append(bus.async_listen(event, self._on_source_event))
        self._follow()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._stop_states is not None:
            self._stop_states()
        while self._stops:
            self._stops.pop()()

    @property
    def origin(self) -> Origin:
        """Whom it watches. Raises WrongPrinter when that is gone, or another."""
        if self._stale:
            self._origin = self._find()
            self._follow()
        return self._origin

    @property
    def bindings(self) -> Bindings:
        """Which entity is what, now. Raises WrongPrinter as well."""
        assert self.origin is self._origin
        return self._bindings

    def wake(self) -> None:
        """Wake who waits, although nothing has changed."""
        self._news.set()
        for waiting in self._waiting:
            waiting.set()

    async def wait(self, clock: Clock, seconds: float | None = None) -> None:
        """Wait for news, or so long. News from before the call count, once. One waiter."""
        await _first(clock, self._news, seconds)
        self._news.clear()

    async def next_news(self, clock: Clock, seconds: float) -> None:
        """Wait for news after this call, or so long, without taking them from anybody."""
        mine = asyncio.Event()
        self._waiting.add(mine)
        try:
            await _first(clock, mine, seconds)
        finally:
            self._waiting.discard(mine)

    def _follow(self) -> None:
        """Read the registries, and listen to the entities that are there now."""
        self._stale = False
        self._bindings = bind(self._hass, self._origin)
        watched = frozenset(bound.entity_id for bound in self._bindings.present.values())
        if watched == self._watched and self._stop_states is not None:
            return
        self._watched = watched
        if self._stop_states is not None:
            self._stop_states()
        stops = (
            async_track_state_change_event(self._hass, watched, self._on_state),
            async_track_state_report_event(self._hass, watched, self._on_state),
        )

        def stop() -> None:
            for one in stops:
                one()

        self._stop_states = stop

    @callback
    def _on_state(self, _: Event[Any]) -> None:
        self.wake()

    @callback
    def _on_entity(self, event: Event[er.EventEntityRegistryUpdatedData]) -> None:
        entity_id = event.data["entity_id"]
        entry = er.async_get(self._hass).async_get(entity_id)
        if entity_id in self._watched or (
            entry is not None and entry.config_entry_id == self._origin.device.config_entry_id
        ):
            self._on_registry()

    @callback
    def _on_device(self, event: Event[dr.EventDeviceRegistryUpdatedData]) -> None:
        device_id = event.data["device_id"]
        device = dr.async_get(self._hass).async_get(device_id)
        if device_id == self._origin.device.id or (
            device is not None and device.config_entry_id == self._origin.device.config_entry_id
        ):
            self._on_registry()

    def _on_registry(self) -> None:
        self._stale = True
        self.wake()

    @callback
    def _on_source_event(self, event: Event[Any]) -> None:
        cancel = self._origin.source.cancel
        if (
            cancel is not None
            and event.data.get("type") == cancel.event
            and event.data.get("device_id") == self._origin.device.id
            and self.on_cancelled is not None
        ):
            self.on_cancelled()
            self.wake()


async def _first(clock: Clock, news: asyncio.Event, seconds: float | None) -> None:
    if seconds is None:
        await news.wait()
        return
    if news.is_set():
        return
    sleep = asyncio.ensure_future(clock.sleep(max(0.0, seconds)))
    said = asyncio.ensure_future(news.wait())
    try:
        await asyncio.wait({sleep, said}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiting in (sleep, said):
            waiting.cancel()
        await asyncio.gather(sleep, said, return_exceptions=True)
