"""A live line to a printer that another integration holds."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from homeassistant.helpers.entity_component import DATA_INSTANCES

from ..engine.drivers.base import NoParts
from ..engine.errors import Unreachable
from ..engine.printer import ACTIVE, PrinterIdentity, PrinterState
from .parts import fit_parts
from .readings import Readings
from .source import STATE
from .status import ENDED, status_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from homeassistant.core import HomeAssistant

    from ..engine.printer import CurrentJob, PrinterStatus
    from ..engine.workshop.clock import Clock
    from .driver import Pace
    from .states import StateReader
    from .watch import Watch

_LOGGER = logging.getLogger(__name__)
_JOB_FACTS: Final = ("name", "path", "progress")


class FollowedSession(NoParts):
    """What a source shows of one printer, for as long as the `async with` lasts."""

    def __init__(
        self,
        hass: HomeAssistant,
        serial: str,
        reader: StateReader,
        watch: Watch,
        clock: Clock,
        pace: Pace,
    ) -> None:
        self.hass = hass
        self.clock = clock
        self.pace = pace
        self.watch = watch
        self._reader = reader
        self._asked = False
        self._last: PrinterStatus | None = None
        self._known: CurrentJob | None = None
        self._settle_until: float | None = None
        self._fresh: asyncio.Task[None] | None = None
        self.source = watch.origin.source
        watch.on_cancelled = lambda: reader.cancelled(clock.monotonic())
        self._serial = serial

    def fit(self) -> None:
        """Settle the parts, once the source shows something."""
        fit_parts(self)

    @property
    def identity(self) -> PrinterIdentity:
        """Who it is, as far as its source knows."""
        origin = self.watch.origin
        device = origin.device
        return PrinterIdentity(
            serial=self._serial,
            maker=self.source.maker or device.manufacturer or self.source.title,
            model=device.model if self.source.names_model else None,
            name=origin.title,
            firmware=device.sw_version,
            hardware=device.hw_version or None,
            url=str(device.configuration_url) if device.configuration_url else None,
        )

    @property
    def readings(self) -> Readings:
        """What its entities show right now."""
        return Readings(self.hass, self.watch.bindings)

    async def statuses(self) -> AsyncIterator[PrinterStatus]:
        """Yield the present, then every change.

        Raises Unreachable when the source shows nothing any more, WrongPrinter when it has given
        the printer up.
        """
        shown: PrinterStatus | None = None
        silent_since: float | None = None
        while True:
            asked, self._asked = self._asked, False
            status = self.look()
            now = self.clock.monotonic()
            due = self._reader.due
            if status is None:
                silent_since = now if silent_since is None else silent_since
                due = silent_since + self.pace.grace_s
                if now >= due:
                    raise self.silence()
            elif not self._job_facts_are_old(status):
                silent_since = None
                self._remember(status)
                if status != shown or asked:
                    shown = status
                    yield status
            else:
                due = now + self.pace.again_s
                await self.freshen(*_JOB_FACTS)
            if not self._asked:
                await self.watch.wait(self.clock, None if due is None else due - now)

    def look(self) -> PrinterStatus | None:
        """Return the printer at this moment; None while its source is silent."""
        readings = self.readings
        state = self._reader.read(readings, self.clock.monotonic())
        if state is None:
            return None
        firmware = self.watch.origin.device.sw_version
        return status_of(self.source, readings, state, self._known, firmware)

    def present(self) -> PrinterStatus:
        """Return the printer at this moment. Raises Unreachable."""
        if (status := self.look()) is None:
            raise self.silence()
        return status

    def silence(self) -> Unreachable:
        """Return what to raise while the source says nothing."""
        title = self.source.title
        return Unreachable(f"{title} is silent", key="source_unavailable")

    async def refresh(self) -> None:
        """Ask the source for a fresh look, and say how the printer is, changed or not."""
        await self.freshen(STATE, "progress")
        self._asked = True
        self.watch.wake()

    async def freshen(self, *keys: str) -> None:
        """Ask the source for fresh values of these. It may decline, or be slow."""
        if self.source.push:
            return
        if self._fresh is None or self._fresh.done():
            self._fresh = self.hass.async_create_background_task(
                self._ask_source(keys), f"{self.source.domain} asked for fresh values"
            )
        # Not cancelled when it takes long: others wait for the same answer of the source.
        await asyncio.wait({self._fresh}, timeout=self.pace.answer_s)

    async def _ask_source(self, keys: tuple[str, ...]) -> None:
        for key in keys:
            bound = self.watch.bindings.present.get(key)
            if bound is None:
                continue
            component = self.hass.data.get(DATA_INSTANCES, {}).get(bound.entity.domain)
            entity = component.get_entity(bound.entity_id) if component is not None else None
            if entity is None:
                continue
            try:
                # Not the action for this: it writes the state even while the source still waits
                # for its printer, and what is old would look new.
                await entity.async_device_update(warning=False)
            except Exception as err:  # noqa: BLE001 - of a foreign integration, whatever it raises
                _LOGGER.debug("%s gave no fresh value: %s", bound.entity_id, type(err).__name__)

    def transcript(self) -> Mapping[str, object]:
        """Return what every entity says now, by key."""
        bindings = self.watch.bindings
        states = {key: self.hass.states.get(b.entity_id) for key, b in bindings.present.items()}
        return {
            "source": self.source.domain,
            "states": {key: state.state if state else None for key, state in states.items()},
            "disabled": sorted(bindings.disabled),
        }

    def _remember(self, status: PrinterStatus) -> None:
        self._last = status
        if status.state in ACTIVE or status.state in ENDED:
            if status.job is not None and (status.job.name or status.job.path):
                self._known = status.job
            elif status.state is PrinterState.PREPARING:
                self._known = None
        elif status.state is not PrinterState.UNKNOWN:
            self._known = None

    def _job_facts_are_old(self, status: PrinterStatus) -> bool:
        """Whether the job's facts may still be those of the job before.

        That is so right after a job began, until the source has said them once more. The state
        waits for them, for a while: under the old name it would be taken for another job.
        """
        began = (
            self.source.job_comes_later
            and self._last is not None
            and self._last.state not in ACTIVE
            and status.state in ACTIVE
        )
        if not began:
            self._settle_until = None
            return False
        readings = self.readings
        since, said = readings.changed(STATE), readings.reported("name")
        if since is None or said is None or said >= since:
            self._settle_until = None
            return False
        now = self.clock.monotonic()
        if self._settle_until is None:
            self._settle_until = now + self.pace.settle_s
        return now < self._settle_until
