"""Whether the books are what was written: every chain, every number, every document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ..store import audit, jobs, starts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from ..store.chain import ChainReport
    from ..store.documents import NumberGap

CHAINS: Final[Mapping[str, Callable[[Connection], ChainReport]]] = {
    "jobs": jobs.verify_chain,
    "starts": starts.verify_chain,
    "audit": audit.verify_chain,
}
"""How each chain of the database is walked."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Proof:
    """What a walk through all books found."""

    chains: Mapping[str, ChainReport]
    gaps: tuple[NumberGap, ...]
    """Numbers without a document."""
    forged: tuple[str, ...]
    """Numbers of documents that are not what the audit log saw issued."""
    documents: int
    """How many were looked at."""

    @property
    def intact(self) -> bool:
        """Whether nobody rewrote anything."""
        sound = all(report.intact for report in self.chains.values())
        return sound and not self.gaps and not self.forged
