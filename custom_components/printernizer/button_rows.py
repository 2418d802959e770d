"""The rows of `button.py`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from homeassistant.components.button import ButtonEntityDescription
from homeassistant.components.button.const import ButtonDeviceClass
from homeassistant.const import EntityCategory

from .engine.printer import ACTIVE, PrinterState, PrinterStatus
from .entity import PrinterEntityDescription

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from .engine.drivers.base import Session
    from .parts import Parts

_PAUSABLE: Final = frozenset({PrinterState.PREPARING, PrinterState.PRINTING})


@dataclass(frozen=True, kw_only=True)
class PrinterButtonDescription(PrinterEntityDescription[None], ButtonEntityDescription):
    """A row of what can be pressed. It shows nothing."""

    value_fn: Callable[[object], None] = lambda _: None
    press: Callable[[Session], Awaitable[None] | None] = lambda _: None
    """For those that are not told to the workshop by a class of their own."""
    of_the_job: bool = False
    """Whether it waits only behind what else is asked of the job."""


def _at_rest(status: PrinterStatus) -> bool:
    """Whether nothing is printed, as far as the printer says, and the machine answers."""
    return not status.active and status.state is not PrinterState.OFFLINE


def _filament_free(status: PrinterStatus) -> bool:
    """Whether filament may be moved. Paused is well: that is when a spool is changed."""
    return status.state not in _PAUSABLE and status.state is not PrinterState.OFFLINE


def _fed_by_hand(status: PrinterStatus, parts: Parts) -> bool:
    """Whether "load" needs no answer to "from where?"."""
    return parts.loader and len(status.slots) <= 1


BUTTONS: Final = (
    PrinterButtonDescription(
        key="pause",
        translation_key="pause",
        press=lambda session: session.control.pause() if session.control else None,
        of_the_job=True,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state in _PAUSABLE,
    ),
    PrinterButtonDescription(
        key="resume",
        translation_key="resume",
        press=lambda session: session.control.resume() if session.control else None,
        of_the_job=True,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state is PrinterState.PAUSED,
    ),
    PrinterButtonDescription(
        key="cancel",
        translation_key="cancel",
        press=lambda session: session.control.cancel() if session.control else None,
        of_the_job=True,
        exists_fn=lambda _, parts: parts.control,
        available_fn=lambda status: status.state in ACTIVE,
    ),
    PrinterButtonDescription(
        key="continue",
        translation_key="continue",
        press=lambda session: session.prompt.acknowledge() if session.prompt else None,
        of_the_job=True,
        exists_fn=lambda _, parts: parts.prompt,
        available_fn=lambda status: status.state is PrinterState.ATTENTION,
    ),
    PrinterButtonDescription(
        key="home",
        translation_key="home",
        entity_category=EntityCategory.CONFIG,
        press=lambda session: session.motion.home() if session.motion else None,
        exists_fn=lambda _, parts: parts.motion,
        available_fn=_at_rest,
    ),
    PrinterButtonDescription(
        key="load_filament",
        translation_key="load_filament",
        entity_category=EntityCategory.CONFIG,
        press=lambda session: session.loader.load() if session.loader else None,
        exists_fn=_fed_by_hand,
        available_fn=_filament_free,
    ),
    PrinterButtonDescription(
        key="unload_filament",
        translation_key="unload_filament",
        entity_category=EntityCategory.CONFIG,
        press=lambda session: session.loader.unload() if session.loader else None,
        exists_fn=lambda _, parts: parts.loader,
        available_fn=_filament_free,
    ),
)

LOAD_SLOT: Final = PrinterButtonDescription(
    key="load",
    translation_key="load_slot",
    entity_category=EntityCategory.CONFIG,
    exists_fn=lambda status, parts: parts.loader and len(status.slots) > 1,
    available_fn=_filament_free,
)

EMERGENCY_STOP: Final = PrinterButtonDescription(
    key="emergency_stop",
    translation_key="emergency_stop",
    # A touch in passing would ruin a print.
    entity_registry_enabled_default=False,
    exists_fn=lambda _, parts: parts.emergency,
)

CANCEL_UPLOAD: Final = PrinterButtonDescription(
    key="cancel_upload",
    translation_key="cancel_upload",
    entity_category=EntityCategory.DIAGNOSTIC,
    exists_fn=lambda _, parts: parts.storage,
)

REFRESH: Final = PrinterButtonDescription(
    key="refresh",
    translation_key="refresh",
    entity_category=EntityCategory.DIAGNOSTIC,
)


def _maintenance(
    task: str,
    *,
    enabled: bool = False,
    restarts: bool = False,
    available: Callable[[PrinterStatus], bool] = lambda status: not status.active,
) -> PrinterButtonDescription:
    return PrinterButtonDescription(
        key=task,
        translation_key=task,
        device_class=ButtonDeviceClass.RESTART if restarts else None,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=enabled,
        press=lambda session: session.maintenance.run(task) if session.maintenance else None,
        exists_fn=lambda _, parts: task in parts.maintenance,
        available_fn=available,
    )


MAINTENANCE_BUTTONS: Final = (
    _maintenance(
        "connect", enabled=True, available=lambda status: status.state is PrinterState.OFFLINE
    ),
    _maintenance("disconnect", available=_at_rest),
    _maintenance("firmware_restart", enabled=True, restarts=True),
    _maintenance("restart_firmware_host", enabled=True, restarts=True),
    _maintenance("restart_server", restarts=True),
    _maintenance("reboot_host", restarts=True),
    _maintenance("shut_down_host"),
)
"""What takes a machine away, or much more than the printer, is off by default."""
