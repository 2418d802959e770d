"""The audit log: append-only, chained, without personal data."""

from __future__ import annotations

import json
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..audit import AuditEvent
from . import codec
from .chain import Chain, ChainReport
from .office_tables import AUDIT_EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection


def _said(row: Mapping[Any, Any]) -> list[object]:
    return [
        row["id"],
        row["what"],
        row["subject"],
        row["by"],
        row["at"].astimezone(UTC).isoformat(),
        row["reason"],
        row["detail"],
    ]


_CHAIN: Final = Chain(id=3, table=AUDIT_EVENTS, said=_said)


def append(connection: Connection, *events: AuditEvent) -> None:
    """Put events at the end, in the transaction of what they tell of.

    Other writers wait until it commits, so do it last.
    """
    _CHAIN.append(
        connection,
        (
            {
                "what": event.what,
                "subject": event.subject,
                "by": event.by,
                "at": event.at,
                "reason": event.reason,
                "detail": codec.canonical(dict(event.detail)),
            }
            for event in events
        ),
    )


def of_subjects(connection: Connection, subjects: Iterable[str]) -> tuple[AuditEvent, ...]:
    """Read what was done to these, in order."""
    wanted = sorted(set(subjects))
    return _read(
        connection,
        sa.select(AUDIT_EVENTS)
        .where(AUDIT_EVENTS.c.subject.in_(wanted))
        .order_by(AUDIT_EVENTS.c.id),
    )


def latest(connection: Connection, limit: int = 100) -> tuple[AuditEvent, ...]:
    """Read the newest events, the newest first."""
    return _read(
        connection, sa.select(AUDIT_EVENTS).order_by(AUDIT_EVENTS.c.id.desc()).limit(limit)
    )


def verify_chain(connection: Connection) -> ChainReport:
    """Walk all events from the first, in constant memory, and compare with the chain's head."""
    return _CHAIN.verify(connection)


def _read(connection: Connection, query: sa.Select[Any]) -> tuple[AuditEvent, ...]:
    return tuple(
        AuditEvent(
            what=row.what,
            subject=row.subject,
            by=row.by,
            at=row.at,
            reason=row.reason,
            detail=json.loads(row.detail),
        )
        for row in connection.execute(query)
    )
