"""What is read from a printer by itself, and may not be while it prints.

Small boards and serial hosts list and send files with the processor that feeds the print.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from ..errors import Unreachable

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from ..printer import PrinterStatus
    from .fleet import Fleet
    from .link import Link


def may_be_read(link: Link) -> bool:
    """Whether a printer can be looked at now without harm to what it prints."""
    session, status = link.session, link.status
    if session is None or session.storage is None or status is None:
        return False
    return session.storage.calm or not status.active


async def at_rest[T](fleet: Fleet, printer_id: str, reading: Coroutine[Any, Any, T]) -> T:
    """Await what reads the files of a printer, and end it when a print begins there.

    Raises Unreachable then, as it does when a print is under way already or the line is down: it
    is worth another try. Otherwise returns, or raises, what `reading` does.
    """
    link = fleet.get(printer_id)
    if link is None or not may_be_read(link):
        reading.close()
        raise Unreachable("it cannot be read while it prints")
    assert link.session is not None
    assert link.session.storage is not None
    if link.session.storage.calm:
        return await reading
    working = asyncio.ensure_future(reading)
    begun = False

    def see(status: PrinterStatus | None) -> None:
        nonlocal begun
        if status is not None and status.active:
            begun = True
            working.cancel()

    stop = fleet.subscribe(printer_id, see)
    try:
        return await working
    except asyncio.CancelledError:
        task = asyncio.current_task()
        if begun and not (task and task.cancelling()):
            raise Unreachable("a print began") from None
        raise
    finally:
        stop()
