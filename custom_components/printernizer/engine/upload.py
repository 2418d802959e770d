"""A file on its way from our disk to a printer, as everybody may see it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .names import RESERVED, has_tricks

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
    """Smoothed over the last seconds; None before anything moved."""
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


LARGEST_BYTES: Final = (1 << 32) - 1
"""What FAT32 holds in one file; cards and sticks of printers are FAT32."""
_LONGEST_PART: Final = 200
"""Bytes of one part of a path: FAT allows 255, and servers put endings of their own behind it."""
_LONGEST_PATH: Final = 500
_FORBIDDEN: Final = frozenset('\\:*?"<>|')
"""What FAT does not take, and what could be read as another path."""


def target_path(name: str, path: str | None) -> str:
    """Return where a file named `name` is to lie on a printer: at `path`, or in the root.

    A `path` that ends with a slash is a folder. Raises NotAllowed(key="bad_name").
    """
    wanted = path if path is not None else name
    if wanted.endswith("/"):
        wanted += name
    wanted = wanted.removeprefix("/")
    if len(wanted.encode("utf-8", "replace")) > _LONGEST_PATH:
        raise NotAllowed("its path is too long", key="bad_name")
    for part in wanted.split("/"):
        if complaint := _complaint(part):
            raise NotAllowed(complaint, key="bad_name")
    return f"/{wanted}"


def _complaint(part: str) -> str | None:
    """Say why a file or folder cannot be called that; None when it can."""
    if part in {"", ".", ".."}:
        return "it has an empty part, or one that leads elsewhere"
    if has_tricks(part) or _FORBIDDEN & set(part):
        return "it has a character that storages do not take"
    if part[0] == " " or part[-1] in " .":
        return "a part begins with a space, or ends with a space or a dot"
    if part.split(".", 1)[0].casefold() in RESERVED:
        return "it is the name of a device"
    if len(part.encode("utf-8")) > _LONGEST_PART:
        return "a part of it is too long"
    return None
