"""Pause, resume, cancel, go on, refresh."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final, override

from homeassistant.components.button import ButtonEntity, ButtonEntityDescription
from homeassistant.const import EntityCategory

from .engine.printer import ACTIVE, PrinterState
from .entity import PARALLEL_COMMANDS, PrinterEntity, PrinterEntityDescription
from .roster import async_enrol

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from homeassistant.core import HomeAssistant
    from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

    from .coordinator import PrinterCoordinator
    from .engine.drivers.base import Session
    from .roster import Row
    from .runtime import PrinternizerConfigEntry

PARALLEL_UPDATES = PARALLEL_COMMANDS

_PAUSABLE: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})


@dataclass(frozen=True, kw_only=True)
class PrinterButtonDescription(PrinterEntityDescription[None], ButtonEntityDescription):
    """A row of what can be pressed. It shows nothing."""

    value_fn: Callable[[object], None] = lambda _: None
    press: Callable[[Session], Awaitable[None] | None]


BUTTONS: Final = (
    PrinterButtonDescription(
        key="pause",
        translation_key="pause",
        press=lambda session: session.control.pause() if session.control else None,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state in _PAUSABLE,
    ),
    PrinterButtonDescription(
        key="resume",
        translation_key="resume",
        press=lambda session: session.control.resume() if session.control else None,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state is PrinterState.PAUSED,
    ),
    PrinterButtonDescription(
        key="cancel",
        translation_key="cancel",
        press=lambda session: session.control.cancel() if session.control else None,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state in ACTIVE,
    ),
    PrinterButtonDescription(
        key="continue",
        translation_key="continue",
        press=lambda session: session.prompt.acknowledge() if session.prompt else None,
        exists_fn=lambda _, parts: parts.prompt,
        available_fn=lambda status: status.state is PrinterState.ATTENTION,
    ),
)

REFRESH: Final = PrinterButtonDescription(
    key="refresh",
    translation_key="refresh",
    entity_category=EntityCategory.DIAGNOSTIC,
    press=lambda _: None,
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: PrinternizerConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add what can be pressed on this printer."""
    async_enrol(entry.runtime_data.coordinator, async_add_entities, _rows)


def _rows(coordinator: PrinterCoordinator) -> Iterator[Row]:
    yield REFRESH.key, partial(RefreshButton, coordinator, REFRESH)
    for row in BUTTONS:
        if row.exists_fn(coordinator.data, coordinator.parts):
            yield row.key, partial(PrinterButton, coordinator, row)


class PrinterButton(PrinterEntity, ButtonEntity):
    """A command without a value."""

    entity_description: PrinterButtonDescription

    @override
    async def async_press(self) -> None:
        """Send it. Raises HomeAssistantError with the printer's reason."""
        await self.command(self.entity_description.press)


class RefreshButton(PrinterButton):
    """Asks for a fresh status."""

    @override
    async def async_press(self) -> None:
        """Ask, and wait for the answer. Raises HomeAssistantError when none comes."""
        await self.coordinator.async_refresh_now()
