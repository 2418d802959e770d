"""Whom a job was for: by the shop's rules, unless a person said otherwise."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .job import Job
    from .shop import AssignmentRule, Purpose, ShopSettings


class AssignedBy(StrEnum):
    """Who decided whose a job is."""

    HAND = "hand"
    """A person, with a reason; wins over everything, and the last word over the one before."""
    RULE = "rule"
    DEFAULT = "default"
    """No rule fits: what the shop usually does."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Assignment:
    """Whose a job is, and how we know."""

    purpose: Purpose
    customer_id: UUID | None = None
    assigned_by: AssignedBy
    reason: str | None = None
    """Of a person; None otherwise."""
    by: str | None = None
    """Id of that person; None for an automation."""
    at: datetime | None = None
    """When a person decided."""


def assigned(shop: ShopSettings, job: Job, by_hand: Assignment | None = None) -> Assignment:
    """Return whose a job is: by hand, else the first rule that fits, else the default."""
    if by_hand is not None:
        return by_hand
    for rule in shop.rules:
        if fits(rule, job):
            return Assignment(
                purpose=rule.purpose,
                customer_id=_id(rule.customer_id),
                assigned_by=AssignedBy.RULE,
            )
    return Assignment(purpose=shop.default_purpose, assigned_by=AssignedBy.DEFAULT)


def fits(rule: AssignmentRule, job: Job) -> bool:
    """Whether a rule speaks of this job: all that it names has to hold."""
    if rule.printer_id is not None and rule.printer_id != job.printer_id:
        return False
    if rule.folder is not None and not _lies_below(job.identity.path, rule.folder):
        return False
    if rule.name_pattern is None:
        return True
    names = (job.identity.name, (job.identity.path or "").rsplit("/", 1)[-1])
    return any(matches(rule.name_pattern, name) for name in names if name)


def _lies_below(path: str | None, folder: str) -> bool:
    """Whether a file lies in a folder or deeper; an unknown path lies nowhere."""
    if path is None:
        return False
    parts, wanted = _parts(path)[:-1], _parts(folder)
    return parts[: len(wanted)] == wanted


def _parts(path: str) -> Sequence[str]:
    return [part for part in path.split("/") if part not in {"", "."}]


def matches(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern with `*` and `?`, without regard to case.

    Takes at most their lengths multiplied: a regular expression may take for ever, and names
    come from strangers.
    """
    pattern, name = pattern.casefold(), name.casefold()
    here = star = retry = 0
    starred = False
    for_pattern = 0
    while here < len(name):
        if for_pattern < len(pattern) and pattern[for_pattern] == "*":
            star, retry, starred = for_pattern, here, True
            for_pattern += 1
        elif for_pattern < len(pattern) and pattern[for_pattern] in (name[here], "?"):
            here += 1
            for_pattern += 1
        elif starred:
            # The last star takes one character more, and the rest is tried again.
            retry += 1
            here, for_pattern = retry, star + 1
        else:
            return False
    return pattern[for_pattern:].strip("*") == ""


def _id(text: str | None) -> UUID | None:
    """Return the customer that a rule names; None where that is no id."""
    try:
        return None if text is None else UUID(text)
    except ValueError:
        return None
