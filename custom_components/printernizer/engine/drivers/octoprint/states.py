"""OctoPrint's words for what a printer does, and what they mean: tables, and one reader."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from ...printer import PrinterState
from .reading import obj

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .reading import Json

_LOGGER = logging.getLogger(__name__)

BY_TEXT: Final[tuple[tuple[str, PrinterState], ...]] = (
    ("Connecting", PrinterState.BUSY),
    ("Detecting", PrinterState.BUSY),
    ("Opening", PrinterState.BUSY),
    ("Transferring", PrinterState.BUSY),
    ("Transfering", PrinterState.BUSY),
    ("Sending file", PrinterState.BUSY),
    ("Starting to send", PrinterState.BUSY),
    ("Offline", PrinterState.OFFLINE),
    ("Closed", PrinterState.OFFLINE),
    ("Error", PrinterState.FAILED),
    ("Pausing", PrinterState.PAUSED),
    ("Paused", PrinterState.PAUSED),
    ("Starting", PrinterState.PREPARING),
    ("Printing", PrinterState.PRINTING),
    ("Resuming", PrinterState.PRINTING),
    ("Finishing", PrinterState.PRINTING),
    ("Cancelling", PrinterState.PRINTING),
    ("Operational", PrinterState.IDLE),
)
"""By the beginning of the state's text, which is all that `/api/job` says. "Offline" includes
"Offline after error": the line is closed, and what failed is told by the result."""

BY_FLAG: Final[tuple[tuple[str, PrinterState], ...]] = (
    ("error", PrinterState.FAILED),
    ("closedOrError", PrinterState.OFFLINE),
    ("paused", PrinterState.PAUSED),
    ("pausing", PrinterState.PAUSED),
    ("cancelling", PrinterState.PRINTING),
    ("resuming", PrinterState.PRINTING),
    ("finishing", PrinterState.PRINTING),
    ("printing", PrinterState.PRINTING),
    ("operational", PrinterState.IDLE),
)
"""The first flag that is set. `paused` comes before `printing`: 2.0 sets both, 1.x one."""

_TEXT_FIRST: Final = ("Connecting", "Detecting", "Opening", "Transfer", "Sending", "Starting")
"""No flag tells these from others."""

STATE_EVENTS: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "OPERATIONAL": ("Operational", ("operational", "ready")),
    "STARTING": ("Starting", ("operational", "printing")),
    "PRINTING": ("Printing", ("operational", "printing")),
    "PAUSING": ("Pausing", ("operational", "pausing")),
    "PAUSED": ("Paused", ("operational", "paused")),
    "RESUMING": ("Resuming", ("operational", "printing", "resuming")),
    "FINISHING": ("Finishing", ("operational", "printing", "finishing")),
    "CANCELLING": ("Cancelling", ("operational", "cancelling")),
}
"""What `PrinterStateChanged` says at once, up to a second before the next `current` does. Those
that close the line are waited for: their reason and the job's end come with it."""

_new_words: set[str] = set()


def flags_of(state: Json) -> frozenset[str]:
    """Return the names of the flags that are set."""
    return frozenset(key for key, value in obj(state, "flags").items() if value is True)


def state_of(word: str, flags: frozenset[str] | None) -> PrinterState:
    """Return the state that text and flags mean: flags first, text where no flag tells.

    IDLE is "operational": how the last job ended is not in it.
    """
    if flags is not None and not word.startswith(_TEXT_FIRST):
        for name, state in BY_FLAG:
            if name in flags:
                return state
    for beginning, state in BY_TEXT:
        if word.startswith(beginning):
            return state
    if word and word not in _new_words and len(_new_words) < 32:
        _new_words.add(word)
        _LOGGER.warning("OctoPrint reports a state that is not known yet: %s", word)
    return PrinterState.UNKNOWN
