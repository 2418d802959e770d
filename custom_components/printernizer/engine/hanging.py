"""Which spool hangs where, as far as a printer can see it itself.

A printer with an RFID reader tells which spool came; one with sensors tells when a slot became
empty. Both count when they change: what a person says in between stands until then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .foreign_stock import TAG, spoolman_number
from .material import TOOL_SLOT, SlotSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from .material import Spool
    from .printer import PrinterStatus, Slot

FIRST_TOOL: Final = TOOL_SLOT.format(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotSeen:
    """What a printer last said of a slot."""

    empty: bool | None = None
    tag: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Hanging:
    """That a spool (None: nothing) is to be hung into a slot."""

    slot: str
    spool_id: UUID | None
    source: SlotSource = SlotSource.TAG


def slots_of(status: PrinterStatus) -> tuple[str, ...]:
    """Return the places for spools: those it reports, else one for each tool, else one."""
    if status.slots:
        return tuple(slot.key for slot in status.slots)
    return tuple(TOOL_SLOT.format(tool.index) for tool in status.tools) or (FIRST_TOOL,)


def seen(status: PrinterStatus) -> dict[str, SlotSeen]:
    """Return what a printer says of its slots."""
    return {slot.key: SlotSeen(empty=slot.empty, tag=slot.spool_tag) for slot in status.slots}


def hangings(
    before: Mapping[str, SlotSeen],
    status: PrinterStatus,
    hung: Mapping[str, Spool],
    spools: Iterable[Spool],
) -> tuple[Hanging, ...]:
    """Return what is to be hung or taken down after a status.

    `before`: what it said last, by slot; empty on the first status, which counts as news.
    `hung`: what we believe hangs there; `spools`: all of the stock.
    """
    news = [slot for slot in status.slots if _changed(before.get(slot.key), slot)]
    if not news:
        return ()
    spools = tuple(spools)
    by_tag: dict[str, list[Spool]] = {
        f"{TAG}{spool.spoolman_id}": [spool]
        for spool in spools
        if spool.spoolman_id is not None and not spool.archived
    }
    for spool in spools:
        if spool.tag is not None and not spool.archived:
            by_tag.setdefault(spool.tag.casefold(), []).append(spool)
    found = (
        _hanging(before.get(slot.key, SlotSeen()), slot, hung.get(slot.key), by_tag)
        for slot in news
    )
    return tuple(hanging for hanging in found if hanging is not None)


def _changed(before: SlotSeen | None, slot: Slot) -> bool:
    if before is None:
        return True
    return (before.empty, before.tag) != (slot.empty, slot.spool_tag)


def _hanging(
    before: SlotSeen, slot: Slot, hung: Spool | None, by_tag: Mapping[str, list[Spool]]
) -> Hanging | None:
    if slot.spool_tag is None:
        if spoolman_number(before.tag) is not None and hung is not None:
            # Its host does not report to Spoolman any more: whoever goes on has to say so.
            return Hanging(slot=slot.key, spool_id=None, source=SlotSource.SPOOLMAN)
        taken = slot.empty is True and hung is not None
        return Hanging(slot=slot.key, spool_id=None) if taken else None
    matching = by_tag.get(slot.spool_tag.casefold(), [])
    if len(matching) == 1:
        (spool,) = matching
        if spoolman_number(slot.spool_tag) is not None:
            # Even of the spool that hangs there: its host reports to Spoolman from now on.
            return Hanging(slot=slot.key, spool_id=spool.id, source=SlotSource.SPOOLMAN)
        same = hung is not None and hung.id == spool.id
        return None if same else Hanging(slot=slot.key, spool_id=spool.id)
    # The reader sees another tag than that of the spool we believe hangs there.
    other = hung is not None and hung.tag is not None and hung not in matching
    return Hanging(slot=slot.key, spool_id=None) if other else None
