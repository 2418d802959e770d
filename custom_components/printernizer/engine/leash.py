"""Ends a process with the one that started it: nobody else would read what it finds."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import Final

_PARENT_DEATH: Final = 1
"""PR_SET_PDEATHSIG of Linux."""


def end_with(parent: int) -> None:
    """Be killed when the process of that number is, which started this one.

    Ends this one at once if that happened before. Where there is no such thing (not Linux: a
    development machine), nothing is done.
    """
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_PARENT_DEATH, signal.SIGKILL)
        if os.getppid() != parent:
            sys.exit(1)
