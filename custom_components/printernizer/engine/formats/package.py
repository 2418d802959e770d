"""What a 3MF package says of itself: its root model, its picture, and the model's own words."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from ..names import without_tricks
from .careful_xml import Elements, Enough
from .settings import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .archive import Archive

_RELATIONS: Final = "_rels/.rels"
_MODEL: Final = "http://schemas.microsoft.com/3dmanufacturing/2013/01/3dmodel"
_THUMBNAIL: Final = (
    "http://schemas.openxmlformats.org/package/2006/relationships/metadata/thumbnail"
)
_USUAL_MODEL: Final = "3D/3dmodel.model"
_HEAD_BYTES: Final = 64 << 10
"""Of the root model, which may hold all of the geometry: its words stand before that."""
_MOST_WORDS: Final = 200
_LONGEST: Final = 2000
_PLATE: Final = re.compile(r"Metadata/plate_([1-9]\d{0,3})(?:_small)?\.png")
_TAG: Final = re.compile(r"<[^<>]{0,2000}>")
_BREAK: Final = re.compile(r"(?i)<(?:br|/p|/div|/li|/h\d)\b[^<>]{0,200}>")


@dataclass(frozen=True, kw_only=True, slots=True)
class Relations:
    """Where the parts lie that the package points to, as names of members that are there."""

    model: str | None = None
    thumbnail: str | None = None


def relations(archive: Archive) -> Relations:
    """Return what the package points to. A model that lies in its usual place needs no pointer.

    Raises BadFile.
    """
    found: dict[str, str] = {}

    def begin(path: list[str], attributes: Mapping[str, str]) -> None:
        if path == ["Relationships", "Relationship"]:
            member = member_of(archive, attributes.get("Target", ""))
            if member is not None:
                found.setdefault(attributes.get("Type", ""), member)

    if content := archive.read(_RELATIONS):
        Elements(f"{archive.name}/{_RELATIONS}", begin).read_what_can_be(content)
    return Relations(
        model=found.get(_MODEL) or archive.named(_USUAL_MODEL), thumbnail=found.get(_THUMBNAIL)
    )


def plate_shown_by(member: str) -> int | None:
    """Return the plate that a member of Bambu Studio or Orca is a picture of."""
    match = _PLATE.fullmatch(member)
    return None if match is None else int(match.group(1))


def member_of(archive: Archive, target: str) -> str | None:
    """Return the member that the absolute name of a part means; None where there is none."""
    name = target.lstrip("/")
    return archive.named(name) or archive.named(unquote(name))


def words_of(archive: Archive, model: str | None) -> Mapping[str, str]:
    """Return what stands in front of the geometry: `Title`, `Application`, `Designer` and so on.

    What cannot be read ends it, but for what is never honest: raises BadFile for a document type.
    """
    words: dict[str, str] = {}
    names: list[str] = []

    def begin(path: list[str], attributes: Mapping[str, str]) -> None:
        if path == ["model", "metadata"] and len(words) < _MOST_WORDS:
            names.append(attributes.get("name", "")[:100])
        elif len(path) > 1:
            raise Enough

    def end(path: list[str], said: str) -> None:
        if path == ["model", "metadata"] and names:
            words.setdefault(names.pop(), said)

    if model is None:
        return words
    reader = Elements(f"{archive.name}/{model}", begin, end)
    reader.read_what_can_be(archive.head(model, _HEAD_BYTES), whole=False)
    return words


def title(said: str | None) -> str | None:
    """Return one line of plain text."""
    return text(plain(said))


def plain(said: str | None) -> str | None:
    """Return plain text of at most 2000 characters: descriptions are often HTML, escaped twice."""
    if said is None:
        return None
    bare = _TAG.sub("", _BREAK.sub("\n", html.unescape(said[: _LONGEST * 8])))
    lines = (without_tricks(line).strip() for line in html.unescape(bare).splitlines())
    return "\n".join(line for line in lines if line)[:_LONGEST] or None
