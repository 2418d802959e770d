"""How often and how long: every wait of this driver."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds. The defaults suit a Raspberry Pi."""

    status_s: float = 1.0
    """At least so long between two statuses; a change of state comes at once."""
    klippy_s: float = 2.0
    """Between two looks at a Klipper that is starting."""
    lookup_s: float = 0.5
    """How long a status waits for the history to name a new job."""
    metadata_s: float = 5.0
    """Until the facts of a file are asked for again: it may not have been read yet."""
    ping_s: float = 20.0
    """Between our pings; the line is lost when one is not answered in half that time."""
    connect_s: float = 10.0
    answer_s: float = 15.0
    """Longest wait for the answer to a question. Scripts have none: G28 takes a minute."""
    settle_for_s: float = 60.0
    """A pause parks the head first, a cancel runs its macro."""
    transfer_s: float = 60.0
    """Longest silence within a file: an SD card stalls for many seconds."""


DEFAULT_PACE: Final = Pace()
