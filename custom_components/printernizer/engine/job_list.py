"""Which runs somebody wants to see, and a page of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from .job import Job, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class JobFilter:
    """Which jobs; what is None does not matter."""

    printer_id: str | None = None
    outcome: Outcome | None = None
    open: bool | None = None
    since: datetime | None = None
    """First seen at or after."""
    until: datetime | None = None
    """First seen before."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Cursor:
    """Where a page ended: the next one holds what is older."""

    first_seen_at: datetime
    id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class JobPage:
    """Jobs, newest first."""

    jobs: tuple[Job, ...]
    next: Cursor | None
    """None on the last page."""
