"""What becomes of a file that a slicer sent: it is kept, and goes on to its printer.

A file that arrived whole stays in the library, whatever its printer says of it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import callback

from .const import EVENT_RECEIVED
from .engine.errors import NotAllowed, PrinternizerError
from .engine.library_file import Origin, Source
from .engine.sender import Reach, reach_of
from .targets import async_device_of, async_printer_entries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from typing import Protocol

    from homeassistant.core import HomeAssistant

    from .engine.library_file import LibraryFile
    from .engine.sender import Sender
    from .engine.workshop.workshop import Workshop
    from .runtime import PrinternizerConfigEntry

    class Arriving(Protocol):
        """A file on its way in, and what is wished for it; the wishes hold once it is there."""

        name: str

        def content(self) -> AsyncIterator[bytes]:
            """Yield the file."""

        @property
        def print_it(self) -> bool:
            """Whether it is to be printed."""

        @property
        def keep_other(self) -> bool:
            """Whether what lies under its name has to stay."""

        @property
        def plate(self) -> int | None:
            """Which of its plates is to be printed, from 1; None where that is not said."""

        @property
        def target(self) -> str:
            """Where it is to lie on a printer. Raises NotAllowed."""


_LOGGER = logging.getLogger(__name__)

PATIENCE_S: Final = 50.0
"""How long a slicer is kept waiting for its printer: proxies give up after a minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Received:
    """A file that is in the library, and what came of it so far."""

    file: LibraryFile
    reach: Reach
    """How far it was to go."""
    done: bool = True
    """False while it is still on its way to its printer."""
    refusal: PrinternizerError | None = None
    """Why it did not get there."""


async def async_receive(
    hass: HomeAssistant,
    workshop: Workshop,
    sender: Sender,
    printer_id: str | None,
    arriving: Arriving,
) -> Received:
    """Take a file in, and let it go as far as its sender may send it.

    Raises what `Library.add` and the content raise; then nothing of it stays.
    """
    source = Source(origin=Origin.SLICER, sender=sender.name)
    file = (await workshop.library.add(arriving.content(), arriving.name, source=source)).file
    try:
        reach = reach_of(sender, printer_id, print_it=arriving.print_it)
        entry = None if reach is Reach.KEEP else _entry(hass, printer_id)
    except NotAllowed as err:
        _announce(hass, file, sender, Reach.KEEP, printer_id, err)
        return Received(file=file, reach=Reach.KEEP, refusal=err)
    if entry is None:
        _announce(hass, file, sender, reach, printer_id)
        return Received(file=file, reach=reach)
    assert printer_id is not None
    going = entry.async_create_background_task(
        hass,
        _go_on(hass, workshop, file, sender, reach, printer_id, arriving),
        f"printernizer {file.name} to {printer_id}",
    )
    # Not called off with the request: a slicer that hangs up does not stop a print.
    await asyncio.wait({going}, timeout=PATIENCE_S)
    if not going.done():
        going.add_done_callback(_late)
        return Received(file=file, reach=reach, done=False)
    return Received(file=file, reach=reach, refusal=going.result())


def _entry(hass: HomeAssistant, printer_id: str | None) -> PrinternizerConfigEntry:
    """Return the entry of a printer. Raises NotAllowed for one that is not set up any more."""
    for entry in async_printer_entries(hass):
        if entry.unique_id == printer_id and entry.state is ConfigEntryState.LOADED:
            return entry
    raise NotAllowed("it was removed, or does not answer", key="sender_without_printer")


async def _go_on(
    hass: HomeAssistant,
    workshop: Workshop,
    file: LibraryFile,
    sender: Sender,
    reach: Reach,
    printer_id: str,
    wishes: Arriving,
) -> PrinternizerError | None:
    """Send a file to its printer; returns why that was refused."""
    refusal = None
    replace, by = not wishes.keep_other, f"sender:{sender.id}"
    try:
        target, path = wishes.target, await workshop.library.path(file.id)
        if reach is Reach.PRINT:
            await workshop.print_file(
                printer_id, path, path=target, plate=wishes.plate, replace=replace, by=by
            )
        else:
            await workshop.upload(printer_id, path, target, replace=replace, by=by)
    except PrinternizerError as err:
        refusal = err
        _LOGGER.info("%s of %s is kept and did not get on: %s", file.name, sender.name, err)
    _announce(hass, file, sender, reach, printer_id, refusal)
    return refusal


def _late(going: asyncio.Task[PrinternizerError | None]) -> None:
    """Say what nobody waits for any more."""
    if not going.cancelled() and (error := going.exception() or going.result()):
        _LOGGER.warning("%s: %s", going.get_name(), error)


@callback
def _announce(
    hass: HomeAssistant,
    file: LibraryFile,
    sender: Sender,
    reach: Reach,
    printer_id: str | None,
    refusal: PrinternizerError | None = None,
) -> None:
    """Tell automations of a file, once it is where it was to go, or is known not to get there."""
    device = async_device_of(hass, printer_id) if printer_id else None
    told: dict[str, Any] = {
        "file": str(file.id),
        "name": file.name,
        "size": file.size_bytes,
        "sender": sender.name,
        "reach": reach.value,
        "device_id": device.id if device else None,
        "error": refusal.key if refusal else None,
        "reason": refusal.reason if refusal else None,
    }
    hass.bus.async_fire(EVENT_RECEIVED, told)
