"""A parcel: a file that somebody sends to the library, in one go or in several."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from .errors import NotAllowed
from .library_file import (
    LONGEST_NOTE,
    LONGEST_TAG,
    MOST_TAGS,
    shown_name,
    tag_of,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

LONGEST_MEMO: Final = 8 << 10
"""Characters; no server takes longer headers."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Label:
    """What the sender wrote on a parcel: how the library is to call its file, and where to put it.

    Made by `label_of`.
    """

    name: str
    tags: tuple[str, ...] = ()
    collection: str | None = None
    """By name; made where there is none."""
    note: str = ""


def label_of(
    name: str, tags: Sequence[str] = (), collection: str | None = None, note: str = ""
) -> Label:
    """Return a label that the library takes. Raises NotAllowed: "bad_title", "bad_tag"."""
    if len(tags) > MOST_TAGS:
        raise NotAllowed(f"more than {MOST_TAGS} tags", key="bad_tag")
    return Label(
        name=shown_name(name),
        tags=tuple(dict.fromkeys(tag_of(each) for each in tags)),
        collection=shown_name(collection)[:LONGEST_TAG] if collection else None,
        note=text_of(note, LONGEST_NOTE),
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class Parcel:
    """A parcel that comes piece by piece, as far as it is here for certain."""

    id: UUID
    owner: str
    """The user who sends it, and who alone may go on with it."""
    label: Label
    size_bytes: int
    """As promised."""
    held_bytes: int = 0
    """On the disk, whatever happens to us or to the power."""
    memo: str = ""
    """What the sender wants to be told again, as it was given."""
    expires_at: datetime
    """When it is thrown away unless another piece comes."""
    file_id: UUID | None = None
    """What became of it in the library; None until it was unpacked."""

    @property
    def whole(self) -> bool:
        """Whether all of it is here."""
        return self.held_bytes == self.size_bytes
