"""Slicers that may send files straight in: who they are, and how far they may go.

A sender proves itself by a key of its own. The shop keeps only the key's SHA-256: the key is
random and long, so that nothing needs to be slow or salted, and a backup gives no key away.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .names import has_tricks

if TYPE_CHECKING:
    from collections.abc import Iterable

LONGEST_NAME: Final = 60
LONGEST_KEY: Final = 200
"""Characters of a key that anybody bothers to look at."""


class Reach(StrEnum):
    """How far a file of a sender goes."""

    KEEP = "keep"
    """Into the library."""
    SEND = "send"
    """To a printer as well."""
    PRINT = "print"
    """And it is printed there, when the slicer asks for that."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """One slicer, or one computer with slicers."""

    id: str
    name: str
    key_sha256: str
    """Lower-case hex."""
    reach: Reach = Reach.KEEP
    """The most that it may do."""
    printer_id: str | None = None
    """The printer that its files are for. None: the one its address names, if any."""


def key_hash(key: str) -> str:
    """Return what is kept of a key."""
    return hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()


def whose(senders: Iterable[Sender], key: str) -> Sender | None:
    """Return the sender of a key. How long it takes says nothing of how much of it is right."""
    given = key_hash(key[: LONGEST_KEY + 1])
    found = None
    for sender in senders:
        if hmac.compare_digest(sender.key_sha256, given):
            found = sender
    return found


def sender_name(given: str, senders: Iterable[Sender]) -> str:
    """Return a name for one more sender. Raises NotAllowed: "bad_sender", "sender_known"."""
    name = " ".join(given.split())
    if not name or len(name) > LONGEST_NAME or has_tricks(name):
        raise NotAllowed(f"it has 1 to {LONGEST_NAME} characters", key="bad_sender")
    if any(sender.name.casefold() == name.casefold() for sender in senders):
        raise NotAllowed(name, key="sender_known")
    return name


def printer_of(sender: Sender, addressed: str | None) -> str | None:
    """Return the printer that a request is for. Raises NotAllowed(key="sender_elsewhere").

    addressed: the one that the address names.
    """
    if addressed is None:
        return sender.printer_id
    if sender.printer_id not in {None, addressed}:
        raise NotAllowed(f"{sender.name} is for another printer", key="sender_elsewhere")
    return addressed


def reach_of(sender: Sender, printer_id: str | None, *, print_it: bool) -> Reach:
    """Return how far a file goes. A wish to print is met or refused, and never overheard.

    Raises NotAllowed: "sender_may_not_print", "sender_without_printer".
    """
    if print_it:
        if sender.reach is not Reach.PRINT:
            raise NotAllowed(f"{sender.name} may not print", key="sender_may_not_print")
        if printer_id is None:
            raise NotAllowed(f"{sender.name} has no printer", key="sender_without_printer")
        return Reach.PRINT
    return Reach.KEEP if sender.reach is Reach.KEEP or printer_id is None else Reach.SEND
