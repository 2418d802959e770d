"""An idea: something that somebody wants to print one day, mostly a link to a model on the web.

Nothing is fetched from there. What is known of a model is what its address says and what people
write beside it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .web_address import host_of, words_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

LONGEST_TITLE: Final = 200
LONGEST_NOTES: Final = 10_000
LONGEST_MATERIAL: Final = 100
LONGEST_TAG: Final = 60
MOST_TAGS: Final = 50
MOST_PIECES: Final = 100_000
MOST_FILES: Final = 50


class IdeaSite(StrEnum):
    """Where a model is published."""

    PRINTABLES = "printables"
    MAKERWORLD = "makerworld"
    THINGIVERSE = "thingiverse"
    CULTS = "cults"
    MYMINIFACTORY = "myminifactory"
    THANGS = "thangs"
    OTHER = "other"


_SITES: Final = {
    "printables.com": IdeaSite.PRINTABLES,
    "makerworld.com": IdeaSite.MAKERWORLD,
    "makerworld.com.cn": IdeaSite.MAKERWORLD,
    "thingiverse.com": IdeaSite.THINGIVERSE,
    "cults3d.com": IdeaSite.CULTS,
    "myminifactory.com": IdeaSite.MYMINIFACTORY,
    "thangs.com": IdeaSite.THANGS,
}


class IdeaState(StrEnum):
    """How far it has come. People may set any; prints of its files move it by themselves."""

    NEW = "new"
    PLANNED = "planned"
    PRINTING = "printing"
    PRINTED = "printed"
    DROPPED = "dropped"


DONE: Final = frozenset({IdeaState.PRINTED, IdeaState.DROPPED})
OPEN: Final = frozenset(IdeaState) - DONE


@dataclass(frozen=True, kw_only=True, slots=True)
class Idea:
    """One of them. Times are UTC."""

    id: UUID
    title: str
    url: str | None = None
    """As `web_address` writes it. None: somebody only gave it a title."""
    notes: str = ""
    tags: tuple[str, ...] = ()
    """In alphabetical order."""
    state: IdeaState = IdeaState.NEW
    pieces: int = 1
    """How many are wanted."""
    material: str | None = None
    """Of what somebody wishes it to be, in their words."""
    by: str | None = None
    """Id of the user who added it; None for an automation."""
    added_at: datetime
    changed_at: datetime
    files: tuple[UUID, ...] = ()
    """Files of the library that it became, those that were linked first to begin with."""
    jobs: tuple[UUID, ...] = ()
    """Runs that it became, likewise."""

    @property
    def site(self) -> IdeaSite:
        """Where its model is published."""
        return site_of(self.url)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.state in DONE


@dataclass(frozen=True, kw_only=True, slots=True)
class IdeaFilter:
    """Which ideas; what is None does not matter."""

    states: frozenset[IdeaState] | None = None
    site: IdeaSite | None = None
    tag: str | None = None
    """Without regard to case."""
    text: str | None = None
    """Words that stand in title, notes, tags or address, without regard to case."""
    file_id: UUID | None = None
    """What became of it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdeaPage:
    """Ideas, the newest first."""

    ideas: tuple[Idea, ...]
    next: int | None
    """Where the next page begins; None on the last."""


class IdeaChange(StrEnum):
    """What can happen to an idea."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    PRINTING = "printing"
    """A print of it began."""
    PRINTED = "printed"
    """A print of it is complete."""


@dataclass(frozen=True, kw_only=True, slots=True)
class IdeaEvent:
    """Something happened to an idea, and is durable."""

    kind: IdeaChange
    idea: Idea
    """As it is now; as it was, where it was removed."""


def site_of(url: str | None) -> IdeaSite:
    """Return where a page is published: the site itself or a host below it, no look-alike."""
    host = host_of(url) if url else ""
    for domain, site in _SITES.items():
        if host == domain or host.endswith(f".{domain}"):
            return site
    return IdeaSite.OTHER


_INVISIBLE: Final = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]"
)
"""Controls but for tab and line feed, and marks that turn the direction of text or hide in it."""


def plain(given: str, longest: int) -> str:
    """Return foreign text fit to be kept and shown on one line, cut where it is too long."""
    return " ".join(_bare(given).split())[:longest].rstrip()


def notes_of(given: str) -> str:
    """Return notes fit to be kept: line feeds stay."""
    return _bare(given.replace("\r\n", "\n")).strip()[:LONGEST_NOTES]


def _bare(given: str) -> str:
    return _INVISIBLE.sub("", given).encode("utf-8", "replace").decode("utf-8")


def title_of(given: str | None, url: str | None) -> str:
    """Return the title of an idea: as given, else by the words of its address.

    Raises NotAllowed(key="idea_unnamed") where there is neither.
    """
    title = plain(given or "", LONGEST_TITLE)
    if not title and url:
        title = plain(words_of(url), LONGEST_TITLE) or host_of(url)
    if not title:
        raise NotAllowed("an idea needs a link or a title", key="idea_unnamed")
    return title


def tags_of(given: Iterable[str]) -> tuple[str, ...]:
    """Return tags, each once without regard to case, in order. Raises NotAllowed(key="bad_tag")."""
    found: dict[str, str] = {}
    for each in given:
        tag = plain(each, LONGEST_TAG + 1)
        if not tag or len(tag) > LONGEST_TAG:
            raise NotAllowed(f"a tag has 1 to {LONGEST_TAG} characters", key="bad_tag")
        found.setdefault(tag.casefold(), tag)
    if len(found) > MOST_TAGS:
        raise NotAllowed(f"more than {MOST_TAGS} tags", key="bad_tag")
    return tuple(found[key] for key in sorted(found))


def pieces_of(given: int) -> int:
    """Return how many are wanted. Raises NotAllowed(key="bad_pieces")."""
    if not 1 <= given <= MOST_PIECES:
        raise NotAllowed(f"1 to {MOST_PIECES} pieces", key="bad_pieces")
    return given
