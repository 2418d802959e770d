"""What can be chosen: the named speed, where a printer has it, and the spools that hang there."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.select import SelectEntity, SelectEntityDescription
from homeassistant.const import EntityCategory

from .entity import PARALLEL_COMMANDS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol
from .spool_entities import places, spool_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS


@dataclass(frozen=True, kw_only=True)
class PrinterSelectDescription(PrinterEntityDescription[str | None], SelectEntityDescription):
    """A row of what can be chosen by name."""


SPEED_PROFILE: Final = PrinterSelectDescription(
    key="speed_profile",
    translation_key="speed_profile",
    entity_category=EntityCategory.CONFIG,
    value_fn=lambda status: status.speed_profile,
    exists_fn=lambda _, parts: bool(parts.speed_profiles),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add the choice of speed, and of a spool for every slot."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows, places)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    if SPEED_PROFILE.exists_fn(coordinator.data, coordinator.parts):
        yield SPEED_PROFILE.key, partial(SpeedProfile, coordinator, SPEED_PROFILE)
    yield from spool_rows(coordinator)


class SpeedProfile(PrinterEntity, SelectEntity):
    """How fast to print, by name."""

    @property
    @override
    def options(self) -> list[str]:
        """The names this printer knows."""
        return list(self.coordinator.parts.speed_profiles)

    @property
    @override
    def current_option(self) -> str | None:
        """The name of the present speed; None between the named ones."""
        return self.latest if self.latest in self.coordinator.parts.speed_profiles else None

    @override
    async def async_select_option(self, option: str) -> None:
        """Choose. Raises HomeAssistantError with the printer's reason."""
        await self.command(
            lambda session: session.speed.set_profile(option) if session.speed else None
        )
