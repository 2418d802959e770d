"""A file on its way from a printer into the library, as everybody may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID


class FetchState(StrEnum):
    """How far it is."""

    WAITING = "waiting"
    """For the files before it, or for a line that is down."""
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


FETCH_ENDED: Final = frozenset({FetchState.DONE, FetchState.FAILED, FetchState.CANCELLED})
"""States that a fetch does not leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fetch:
    """One fetch at one moment."""

    id: UUID
    printer_id: str
    path: str
    """Where it lies on the printer."""
    total_bytes: int | None = None
    """None while the printer does not say."""
    moved_bytes: int = 0
    state: FetchState = FetchState.WAITING
    bytes_per_s: float | None = None
    """Smoothed over the last seconds; None before anything moved."""
    left: timedelta | None = None
    """Until the last byte is here, at that rate. None while it cannot be told."""
    attempt: int = 0
    """From 1; 0 before the first try."""
    started_at: datetime
    """When it was asked for, UTC."""
    ended_at: datetime | None = None
    file_id: UUID | None = None
    """Which file of the library it became."""
    known: bool = False
    """Whether it lay here already, known by its bytes: then nothing was fetched."""
    error_key: str | None = None
    """Why it failed: a key of `errors.KEYS`."""
    reason: str | None = None
    """The same as one plain English sentence."""

    @property
    def name(self) -> str:
        """Return the name of the file, for people."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def ended(self) -> bool:
        """Whether it is over, in whichever way."""
        return self.state in FETCH_ENDED
