"""A start of a print: what came of it, and each step on the way there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from .material import Shortage


@dataclass(frozen=True, kw_only=True, slots=True)
class Started:
    """A print that began."""

    path: str
    """Of the file, on the printer."""
    plate: int | None
    """From 1; None where the printer was left to choose."""
    attempts: int
    """How often the start was sent."""
    overridden: tuple[str, ...] = ()
    """Keys of the objections that were overridden: "wrong_machine" and the like."""
    short: tuple[Shortage, ...] = ()
    """Where the spools hold less than it wants, as far as that is known. It runs all the same."""


class StartStep(StrEnum):
    """What happened to a start. All but the first two end it."""

    SENT = "sent"
    """Written before the command goes out: if nothing follows, nobody knows what came of it."""
    NOT_TAKEN = "not_taken"
    """The printer did not take it, certainly; another try may follow."""
    BEGAN = "began"
    REFUSED = "refused"
    """A rule of the shop or the printer said no, and nothing was begun."""
    UNCERTAIN = "uncertain"
    """It was sent, and the printer never showed whether it began."""
    STORED = "stored"
    """Nothing was started: a file was put onto the printer although something spoke against it."""


LAST_STEPS: Final = frozenset(StartStep) - {StartStep.SENT, StartStep.NOT_TAKEN}
"""Steps after which nothing follows."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StartEvent:
    """One step of a start, as the ledger keeps it."""

    start_id: UUID
    number: int
    """Of the step within this start, from 1."""
    printer_id: str
    step: StartStep
    at: datetime
    """UTC."""
    path: str
    plate: int | None
    attempt: int
    """From 1; 0 when nothing was sent."""
    by: str | None = None
    """Who asked: a user's id. None: an automation, or nobody known."""
    overridden: tuple[str, ...] = ()
    """The objections that were overridden: "wrong_nozzle: 0.6 mm, not 0.4 mm"."""
    key: str | None = None
    """Why not: a key of `errors.KEYS`."""
    reason: str | None = None
