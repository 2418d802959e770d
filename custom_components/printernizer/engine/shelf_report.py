"""What somebody finds who looks through the shelf. Nothing is ever deleted for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Fault(StrEnum):
    """What can be wrong with a shelf."""

    DAMAGED = "damaged"
    """The bytes are not those that came in: a flipped bit, or somebody wrote into the file."""
    MISSING = "missing"
    """The list names a content that does not lie there."""
    UNLISTED = "unlisted"
    """A content that the list does not name; rebuilding the list takes it in."""
    FOREIGN = "foreign"
    """Something that is not ours."""
    UNREADABLE = "unreadable"
    """The disk does not give it out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One thing that is wrong."""

    fault: Fault
    name: str
    """The hash of a content, or what a foreign thing is called."""
    shown: str | None = None
    """What people call the file."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ScrubReport:
    """One look through all of the shelf."""

    began_at: datetime
    ended_at: datetime | None
    """None while it lasts."""
    checked: int = 0
    checked_bytes: int = 0
    of_files: int = 0
    findings: tuple[Finding, ...] = ()
    """The first thousand."""
    mended: int = 0
    """Sidecars that were missing, broken or old, and were written anew."""

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong; what is not ours does no harm."""
        return all(finding.fault is Fault.FOREIGN for finding in self.findings)
