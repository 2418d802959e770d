"""A file on its way from our disk to a printer, as everybody may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime, timedelta
    from uuid import UUID


class UploadState(StrEnum):
    """How far an upload is."""

    WAITING = "waiting"
    """For the uploads before it, or for a line that is down."""
    RUNNING = "running"
    VERIFYING = "verifying"
    """All bytes are out; the printer has not said yet that it has them."""
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED: Final = frozenset({UploadState.DONE, UploadState.FAILED, UploadState.CANCELLED})
"""States that an upload does not leave."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """One upload at one moment."""

    id: UUID
    printer_id: str
    name: str
    """Of the file, for people."""
    path: str | None
    """Where it lies on the printer, once the printer has it: some printers rename."""
    total_bytes: int
    moved_bytes: int = 0
    state: UploadState = UploadState.WAITING
    bytes_per_s: float | None = None
    """Smoothed over the last seconds; None while nothing moves."""
    left: timedelta | None = None
    """Until the last byte is out, at that rate. None while it cannot be told."""
    attempt: int = 0
    """From 1; 0 before the first try."""
    started_at: datetime
    """When it was asked for, UTC."""
    ended_at: datetime | None = None
    error_key: str | None = None
    """Why it failed: a key of `errors.KEYS`."""
    reason: str | None = None
    """The same as one plain English sentence."""

    @property
    def ended(self) -> bool:
        """Whether it is over, in whichever way."""
        return self.state in ENDED

    @property
    def percent(self) -> int:
        """Share of the bytes that are out, 0 to 100, cut and not rounded."""
        return min(100, self.moved_bytes * 100 // self.total_bytes) if self.total_bytes else 0
