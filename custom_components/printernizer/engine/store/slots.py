"""What hangs in which slot of which printer, and what hung there before.

The map is append-only: a job's spools are those of its start, and the changes since (rule 11).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import sqlalchemy as sa

from ..errors import NotAllowed
from ..material import SlotChange, SlotSource
from . import printers
from .stock_tables import SLOT_SPOOLS, SPOOLS

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection, RowMapping


def hang(
    connection: Connection,
    printer_id: str,
    slot: str,
    spool_id: UUID | None,
    at: datetime,
    *,
    by: str | None = None,
    source: SlotSource = SlotSource.PERSON,
) -> tuple[SlotChange, ...]:
    """Hang a spool into a slot, or take down what hangs there (None); returns what changed.

    A spool hangs in one place only: it leaves the slot where it hung before. That Spoolman says
    so too, of what a person hung, is a change: from then on the printer's host reports to it.
    Raises NotAllowed: spool_unknown, spool_archived.
    """
    printers.insert(connection, [{"id": printer_id, "at": at}])
    changes: list[SlotChange] = []
    if spool_id is not None:
        _free(connection, spool_id)
        places = _places(connection, spool_id)
        if (printer_id, slot) in places:
            known = hung_by(connection, printer_id, spool_id)
            if source is not SlotSource.SPOOLMAN or known is SlotSource.SPOOLMAN:
                return ()
            places.remove((printer_id, slot))
        changes += [_empty(*place, at, by, source) for place in places]
    elif hung(connection, printer_id).get(slot) is None:
        return ()
    changes.append(
        SlotChange(printer_id=printer_id, slot=slot, spool_id=spool_id, at=at, by=by, source=source)
    )
    _write(connection, changes)
    return tuple(changes)


def take_down(
    connection: Connection,
    spool_id: UUID,
    at: datetime,
    *,
    by: str | None = None,
    source: SlotSource = SlotSource.PERSON,
) -> tuple[SlotChange, ...]:
    """Take a spool down wherever it hangs; returns what changed."""
    changes = [_empty(*place, at, by, source) for place in _places(connection, spool_id)]
    _write(connection, changes)
    return tuple(changes)


def hung(connection: Connection, printer_id: str, at: datetime | None = None) -> dict[str, UUID]:
    """Read which spool hangs in which slot of a printer, now or at a moment in the past."""
    return hung_everywhere(connection, at, printer_id).get(printer_id, {})


def hung_everywhere(
    connection: Connection, at: datetime | None = None, printer_id: str | None = None
) -> dict[str, dict[str, UUID]]:
    """Read the same of all printers, or of one."""
    newest = sa.select(sa.func.max(SLOT_SPOOLS.c.id)).group_by(
        SLOT_SPOOLS.c.printer_id, SLOT_SPOOLS.c.slot
    )
    if printer_id is not None:
        newest = newest.where(SLOT_SPOOLS.c.printer_id == printer_id)
    if at is not None:
        newest = newest.where(SLOT_SPOOLS.c.since <= at)
    rows = connection.execute(
        sa.select(SLOT_SPOOLS.c.printer_id, SLOT_SPOOLS.c.slot, SLOT_SPOOLS.c.spool_id)
        .where(SLOT_SPOOLS.c.id.in_(newest), SLOT_SPOOLS.c.spool_id.is_not(None))
        .order_by(SLOT_SPOOLS.c.printer_id, SLOT_SPOOLS.c.slot)
    )
    found: dict[str, dict[str, UUID]] = {}
    for row in rows:
        found.setdefault(row.printer_id, {})[row.slot] = row.spool_id
    return found


def hung_by(connection: Connection, printer_id: str, spool_id: UUID) -> SlotSource | None:
    """Read who said last that a spool hangs on a printer; None when nobody ever did."""
    source = connection.execute(
        sa.select(SLOT_SPOOLS.c.source)
        .where(SLOT_SPOOLS.c.printer_id == printer_id, SLOT_SPOOLS.c.spool_id == spool_id)
        .order_by(SLOT_SPOOLS.c.id.desc())
        .limit(1)
    ).scalar_one_or_none()
    return None if source is None else SlotSource(source)


def changes(
    connection: Connection, printer_id: str, since: datetime, until: datetime
) -> tuple[SlotChange, ...]:
    """Read what changed on a printer after `since` and up to `until`, in order."""
    rows = connection.execute(
        sa.select(SLOT_SPOOLS)
        .where(
            SLOT_SPOOLS.c.printer_id == printer_id,
            SLOT_SPOOLS.c.since > since,
            SLOT_SPOOLS.c.since <= until,
        )
        .order_by(SLOT_SPOOLS.c.id)
    ).mappings()
    return tuple(map(_change, rows))


def _free(connection: Connection, spool_id: UUID) -> None:
    """Keep others from hanging this spool until we are done. Raises NotAllowed."""
    row = connection.execute(
        sa.select(SPOOLS.c.archived).where(SPOOLS.c.id == spool_id).with_for_update()
    ).one_or_none()
    if row is None:
        raise NotAllowed("there is no such spool", key="spool_unknown")
    if row.archived:
        raise NotAllowed("this spool is archived", key="spool_archived")


def _places(connection: Connection, spool_id: UUID) -> list[tuple[str, str]]:
    """Return where a spool hangs: its rows after which nothing was written of that slot."""
    later = SLOT_SPOOLS.alias()
    newer = (
        sa.select(later.c.id)
        .where(
            later.c.printer_id == SLOT_SPOOLS.c.printer_id,
            later.c.slot == SLOT_SPOOLS.c.slot,
            later.c.id > SLOT_SPOOLS.c.id,
        )
        .exists()
    )
    rows = connection.execute(
        sa.select(SLOT_SPOOLS.c.printer_id, SLOT_SPOOLS.c.slot).where(
            SLOT_SPOOLS.c.spool_id == spool_id, ~newer
        )
    )
    return [(row.printer_id, row.slot) for row in rows]


def _empty(
    printer_id: str, slot: str, at: datetime, by: str | None, source: SlotSource
) -> SlotChange:
    return SlotChange(printer_id=printer_id, slot=slot, spool_id=None, at=at, by=by, source=source)


def _write(connection: Connection, wanted: list[SlotChange]) -> None:
    for change in wanted:
        connection.execute(
            sa.insert(SLOT_SPOOLS),
            {
                "printer_id": change.printer_id,
                "slot": change.slot,
                "spool_id": change.spool_id,
                "since": change.at,
                "by": change.by,
                "source": change.source.value,
            },
        )


def _change(row: RowMapping) -> SlotChange:
    return SlotChange(
        printer_id=row["printer_id"],
        slot=row["slot"],
        spool_id=row["spool_id"],
        at=row["since"],
        by=row["by"],
        source=SlotSource(row["source"]),
    )
