"""Starts of prints: who asked, what was overridden, what came of it. Nobody can rewrite them."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..start import StartEvent, StartStep
from . import codec, printers
from .chain import Chain, ChainReport
from .schema import START_EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from sqlalchemy import Connection


def _said(row: Mapping[Any, Any]) -> list[object]:
    return [
        row["id"],
        str(row["start_id"]),
        row["number"],
        row["printer_id"],
        row["step"],
        row["at"].astimezone(UTC).isoformat(),
        row["detail"],
    ]


_CHAIN: Final = Chain(id=2, table=START_EVENTS, said=_said)


def record(connection: Connection, events: Sequence[StartEvent]) -> None:
    """Append events, all or nothing. One that stands there already is left out.

    An earlier try may have been durable although the line to the database broke before it said so.
    """
    first = {event.printer_id: event.at for event in reversed(events)}
    printers.insert(connection, [{"id": key, "at": at} for key, at in first.items()])
    stand = {
        (row.start_id, row.number)
        for row in connection.execute(
            sa.select(START_EVENTS.c.start_id, START_EVENTS.c.number).where(
                START_EVENTS.c.start_id.in_({event.start_id for event in events})
            )
        )
    }
    missing = [event for event in events if (event.start_id, event.number) not in stand]
    _CHAIN.append(connection, map(_row, missing))


def of_start(connection: Connection, start_id: UUID) -> tuple[StartEvent, ...]:
    """Read what happened to one start, in order."""
    return _read(
        connection,
        sa.select(START_EVENTS)
        .where(START_EVENTS.c.start_id == start_id)
        .order_by(START_EVENTS.c.number),
    )


def of_printer(
    connection: Connection, printer_id: str, *, limit: int = 100
) -> tuple[StartEvent, ...]:
    """Read the latest steps of a printer's starts, the newest first."""
    return _read(
        connection,
        sa.select(START_EVENTS)
        .where(START_EVENTS.c.printer_id == printer_id)
        .order_by(START_EVENTS.c.id.desc())
        .limit(limit),
    )


def verify_chain(connection: Connection) -> ChainReport:
    """Walk all events from the first, in constant memory, and compare with the chain's head."""
    return _CHAIN.verify(connection)


def _read(connection: Connection, query: sa.Select[Any]) -> tuple[StartEvent, ...]:
    return tuple(_event(row) for row in connection.execute(query).mappings())


def _row(event: StartEvent) -> dict[str, Any]:
    detail = {
        "path": event.path,
        "plate": event.plate,
        "attempt": event.attempt,
        "by": event.by,
        "overridden": event.overridden,
        "key": event.key,
        "reason": event.reason,
    }
    return {
        "start_id": event.start_id,
        "number": event.number,
        "printer_id": event.printer_id,
        "step": event.step.value,
        "at": event.at,
        "detail": codec.canonical(detail),
    }


def _event(row: Mapping[Any, Any]) -> StartEvent:
    detail = json.loads(row["detail"])
    detail["overridden"] = tuple(detail["overridden"])
    return StartEvent(
        start_id=row["start_id"],
        number=row["number"],
        printer_id=row["printer_id"],
        step=StartStep(row["step"]),
        at=row["at"],
        **detail,
    )
