"""What all entities of a printer share: device, availability, sending a command.

An entity is a row of a table: a description with `value_fn` (what it shows), `exists_fn`
(whether this printer has it) and `available_fn` (whether it makes sense now). A platform lists
its rows and hands them to `roster.async_enrol`, which also adds what appears later.

A pushed status reaches every entity, but only those look at it that looked at one of the changed
fields before, and only those write their state whose own value changed: with 50 entities and 3
changes that is a tenth of the cost, and of the recorder's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, override

from homeassistant.core import callback
from homeassistant.helpers.device_registry import ChildDeviceInfo, DeviceInfo
from homeassistant.helpers.update_coordinator import CoordinatorEntity

from .coordinator import PrinterCoordinator
from .devices import async_slot_parent, feeder_identifier, printer_identifier, slot_identifier
from .engine.printer import PrinterStatus  # a type parameter's default is evaluated
from .glass import Glass
from .ha_errors import told_to_the_user

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .engine.drivers.base import Session
    from .engine.printer import Feeder, Slot
    from .parts import Parts

PARALLEL_READS: Final = 0
PARALLEL_COMMANDS: Final = 1
"""For `PARALLEL_UPDATES`: statuses are pushed; commands go one by one."""


def _always(*_: object) -> bool:
    return True


@dataclass(frozen=True, kw_only=True)
class PrinterEntityDescription[V, S = PrinterStatus]:
    """Mixed into a platform's description. V: what `value_fn` gives; S: what it is given."""

    value_fn: Callable[[S], V]
    """What to show: rounded to what a person needs, for it is recorded. None is "unknown"."""
    exists_fn: Callable[[S, Parts], bool] = _always
    """Whether a printer with this status and these parts has it at all."""
    available_fn: Callable[[S], bool] = _always
    """Whether it makes sense at present, on a line that is up."""


class PrinterEntity(CoordinatorEntity[PrinterCoordinator]):
    """One row of a printer.

    `latest` is what `entity_description.value_fn` gave for the latest status. A subclass that
    shows more than that overrides `shown`; whatever it returns is compared with what it
    returned before, and decides whether the state is written.
    """

    _attr_has_entity_name = True
    entity_description: Any
    """A platform's description with `PrinterEntityDescription` mixed in."""

    def __init__(self, coordinator: PrinterCoordinator, description: Any) -> None:
        super().__init__(coordinator)
        self.entity_description = description
        self._attr_unique_id = f"{coordinator.printer_id}_{description.key}"
        self._attr_device_info = DeviceInfo(
            identifiers={printer_identifier(coordinator.printer_id)}
        )
        self.latest: Any = None
        self._last_shown: object = None
        self._glass: Glass | None = None
        self._looked_at: frozenset[str] = frozenset()
        """Fields of the status that decided what is shown now."""
        self._always_available = description.available_fn is _always

    @property
    def status(self) -> PrinterStatus:
        """The latest status, even when the printer has gone since."""
        return self.coordinator.data if self._glass is None else self._glass.as_status()

    @property
    @override
    def available(self) -> bool:
        """The line is up, and it makes sense now."""
        return self.coordinator.last_update_success and self._makes_sense()

    def shown(self) -> object:
        """Return all that the state and its attributes are made of, besides availability."""
        return self.latest

    def read(self) -> Any:
        """Return what to show of the latest status."""
        return self.entity_description.value_fn(self.status)

    def _makes_sense(self) -> bool:
        return self._always_available or bool(self.entity_description.available_fn(self.status))

    async def command(
        self, act: Callable[[Session], Awaitable[None] | None], *, of_the_job: bool = False
    ) -> None:
        """Do one thing to the printer. Raises HomeAssistantError with the printer's reason.

        act: given the live session, returns the awaitable that does it, or None when the
        printer has not the part: `lambda s: s.lights.set(key, True) if s.lights else None`.
        of_the_job: it pauses, ends or goes on with a job, and waits only behind others that do.
        """
        with told_to_the_user():
            await self.coordinator.workshop.command(
                self.coordinator.printer_id, act, of_the_job=of_the_job
            )

    @override
    async def async_added_to_hass(self) -> None:
        """Listen; what Home Assistant writes right after this is what was shown last."""
        await super().async_added_to_hass()
        self._look()

    @callback
    @override
    def _handle_coordinator_update(self) -> None:
        changed = self.coordinator.changed
        if changed is None or not self._looked_at.isdisjoint(changed):
            self.show()

    @callback
    def show(self) -> None:
        """Look again, whatever changed, and write the state if it shows something else now."""
        if self._look():
            self.async_write_ha_state()

    def _look(self) -> bool:
        """Take the latest status in; whether that changed what is shown."""
        self._glass = glass = Glass(self.coordinator.data)
        try:
            available = self.available
            if available:
                self.latest = self.read()
            now = (available, self.shown() if available else None)
        finally:
            self._glass = None
            self._looked_at = frozenset(glass.looked_at)
        if now == self._last_shown:
            return False
        self._last_shown = now
        return True


class FeederEntity(PrinterEntity):
    """A row of a feeder. `value_fn`, `exists_fn` and `available_fn` are given the feeder."""

    def __init__(self, coordinator: PrinterCoordinator, description: Any, feeder: str) -> None:
        self.feeder_key = feeder
        super().__init__(coordinator, description)
        printer = coordinator.printer_id
        self._attr_unique_id = f"{printer}_feeder_{feeder}_{description.key}"
        self._attr_device_info = DeviceInfo(identifiers={feeder_identifier(printer, feeder)})

    @property
    def feeder(self) -> Feeder | None:
        """The feeder in the latest status; None once it was taken off."""
        return next((f for f in self.status.feeders if f.key == self.feeder_key), None)

    @override
    def read(self) -> Any:
        feeder = self.feeder
        return None if feeder is None else self.entity_description.value_fn(feeder)

    @override
    def _makes_sense(self) -> bool:
        feeder = self.feeder
        return feeder is not None and bool(self.entity_description.available_fn(feeder))


class SlotEntity(PrinterEntity):
    """A row of a slot. `value_fn`, `exists_fn` and `available_fn` are given the slot."""

    def __init__(self, coordinator: PrinterCoordinator, description: Any, slot: str) -> None:
        self.slot_key = slot
        super().__init__(coordinator, description)
        printer = coordinator.printer_id
        self._attr_unique_id = f"{printer}_slot_{slot}_{description.key}"
        self._attr_device_info = ChildDeviceInfo(
            identifiers={slot_identifier(printer, slot)},
            parent_device_id=async_slot_parent(coordinator, slot),
        )

    @property
    def slot(self) -> Slot | None:
        """The slot in the latest status; None once its feeder was taken off."""
        return next((s for s in self.status.slots if s.key == self.slot_key), None)

    @override
    def read(self) -> Any:
        slot = self.slot
        return None if slot is None else self.entity_description.value_fn(slot)

    @override
    def _makes_sense(self) -> bool:
        slot = self.slot
        return slot is not None and bool(self.entity_description.available_fn(slot))
