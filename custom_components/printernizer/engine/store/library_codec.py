"""Files of the library to rows and sidecars, and back."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from ..file import FileKind
from ..library_file import (
    LONGEST_NOTE,
    MOST_TAGS,
    FileState,
    LibraryFile,
    Origin,
    Place,
    Source,
    Whereabouts,
    compared,
    shown_name,
    tag_of,
    text_of,
)
from . import facts_codec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ..file import FileFacts

FORMAT: Final = "printernizer library file 1"
FIELDS: Final = (
    *("number", "id", "sha256", "shelves", "name", "key", "kind", "size_bytes", "added_at"),
    *("origin", "printer_id", "path", "sender", "whereabouts", "state", "recycled_at"),
    *("revision", "revision_of", "latest", "favourite", "collection_id", "note"),
    *("facts", "facts_error", "printed_at"),
)
"""The columns of `library_files` that a file is read from, in this order."""
_KINDS: Final[dict[str, FileKind | None]] = {"": None} | {each.value: each for each in FileKind}
_ORIGINS: Final = {each.value: each for each in Origin}
_WHEREABOUTS: Final = {each.value: each for each in Whereabouts}
_STATES: Final = {each.value: each for each in FileState}
_UNKNOWN_SIZE: Final = -1
_LONGEST_TEXT: Final = 2000
_MOST_OF_A_KIND: Final = 1000


def file_row(file: LibraryFile) -> dict[str, Any]:
    """Lay out what a row of `library_files` says, but for what follows from other tables."""
    return {
        "id": file.id,
        "sha256": file.sha256,
        "shelves": shelves_text(file.shelves),
        "fetching": None,
        "name": file.name,
        "key": compared(file.name),
        "kind": file.kind.value if file.kind else "",
        "size_bytes": _UNKNOWN_SIZE if file.size_bytes is None else file.size_bytes,
        "added_at": file.added_at,
        "origin": file.source.origin.value,
        "printer_id": file.source.printer_id,
        "path": file.source.path,
        "sender": file.source.sender,
        "whereabouts": file.where.value,
        "state": file.state.value,
        "recycled_at": file.recycled_at,
        "revision": file.revision,
        "revision_of": file.revision_of,
        "latest": file.latest,
        "favourite": file.favourite,
        "collection_id": file.collection_id,
        "note": file.note,
        "facts": None if file.facts is None else facts_codec.facts_text(file.facts),
        "facts_error": file.facts_error,
        "printed_at": file.printed_at,
        "search": "",
    }


def file_of(
    row: Sequence[Any],
    labels: Mapping[str, tuple[str, ...]],
    places: tuple[Place, ...],
) -> LibraryFile:
    """Read a file from its row, `FIELDS`, its labels by kind, and its places."""
    # By their order: fifty files have thirteen hundred values, and a name each time is a search.
    _, id_, sha256, shelves, name, _, kind, size_bytes, added_at, *rest = row
    origin, printer_id, path, sender, where, state, recycled_at, *rest = rest
    revision, revision_of, latest, favourite, collection_id, note, *rest = rest
    facts, facts_error, printed_at = rest
    return LibraryFile(
        id=id_,
        name=name,
        sha256=sha256,
        kind=_KINDS[kind],
        size_bytes=None if size_bytes == _UNKNOWN_SIZE else size_bytes,
        added_at=added_at,
        source=Source(origin=_ORIGINS[origin], printer_id=printer_id, path=path, sender=sender),
        where=_WHEREABOUTS[where],
        shelves=shelves_of(shelves),
        state=_STATES[state],
        recycled_at=recycled_at,
        revision=revision,
        revision_of=revision_of,
        latest=latest,
        tags=labels.get("tag", ()),
        favourite=favourite,
        collection_id=collection_id,
        note=note,
        aliases=labels.get("alias", ()),
        facts=None if facts is None else _facts(facts),
        facts_error=facts_error,
        printed_at=printed_at,
        places=places,
    )


@lru_cache(maxsize=64)
def shelves_of(text: str) -> tuple[UUID, ...]:
    """Read on which shelves a content lies."""
    return tuple(UUID(hex=each) for each in text.split())


def shelves_text(shelves: Iterable[UUID]) -> str:
    """Lay out on which shelves a content lies; the same ones always make the same text."""
    return " ".join(sorted(each.hex for each in set(shelves)))


@lru_cache(maxsize=512)
def _facts(text: str) -> FileFacts:
    """Read facts. The same pages are looked at again and again, and this is half of their cost."""
    return facts_codec.facts_of(text)


def sidecar_text(file: LibraryFile, collection: str | None) -> str:
    """Write what travels with a content, as JSON that people can read, too."""
    source = file.source
    told: dict[str, Any] = {
        "format": FORMAT,
        "id": str(file.id),
        "sha256": file.sha256,
        "name": file.name,
        "kind": file.kind.value if file.kind else None,
        "size_bytes": file.size_bytes,
        "added_at": file.added_at.isoformat(),
        "source": {
            "origin": source.origin.value,
            "printer_id": source.printer_id,
            "path": source.path,
            "sender": source.sender,
        },
        "recycled_at": None if file.recycled_at is None else file.recycled_at.isoformat(),
        "revision": file.revision,
        "revision_of": None if file.revision_of is None else str(file.revision_of),
        "tags": list(file.tags),
        "aliases": list(file.aliases),
        "favourite": file.favourite,
        "collection": collection,
        "note": file.note,
        "facts": None if file.facts is None else json.loads(facts_codec.facts_text(file.facts)),
        "facts_error": file.facts_error,
        "printed_at": None if file.printed_at is None else file.printed_at.isoformat(),
        "places": [
            [place.printer_id, place.path, place.certain, place.last_seen.isoformat()]
            for place in file.places
        ],
    }
    return json.dumps(told, ensure_ascii=False, indent=1, sort_keys=True) + "\n"


def sidecar_of(text: str) -> tuple[LibraryFile, str | None]:
    """Read a sidecar; returns the file, and the name of its collection.

    Places are told as they were, and not as being there now. Raises ValueError for what is no
    sidecar of ours: it may have been changed by anybody.
    """
    try:
        return _sidecar(json.loads(text))
    except ValueError:
        raise
    except Exception as err:
        # Whatever a stranger wrote in there, in whatever shape.
        raise ValueError(f"not a sidecar: {type(err).__name__}") from err


def _sidecar(told: dict[str, Any]) -> tuple[LibraryFile, str | None]:
    if told["format"] != FORMAT:
        raise ValueError("of another format")
    source = told["source"]
    facts = told.get("facts")
    recycled = _moment(told.get("recycled_at"))
    added = _moment(told["added_at"])
    if added is None:
        raise ValueError("it was never added")
    file = LibraryFile(
        id=UUID(told["id"]),
        name=shown_name(_text(told["name"]) or ""),
        sha256=_text(told["sha256"]),
        kind=FileKind(told["kind"]),
        size_bytes=int(told["size_bytes"]),
        added_at=added,
        source=Source(
            origin=Origin(source["origin"]),
            printer_id=_text(source.get("printer_id")),
            path=_text(source.get("path")),
            sender=_text(source.get("sender")),
        ),
        state=FileState.KEPT if recycled is None else FileState.RECYCLED,
        recycled_at=recycled,
        revision=min(max(int(told.get("revision", 1)), 1), 1_000_000),
        revision_of=UUID(told["revision_of"]) if told.get("revision_of") else None,
        tags=tuple(tag_of(tag) for tag in told.get("tags", ())[:MOST_TAGS]),
        aliases=tuple(shown_name(name) for name in told.get("aliases", ())[:_MOST_OF_A_KIND]),
        favourite=bool(told.get("favourite")),
        note=text_of(told.get("note") or "", LONGEST_NOTE),
        facts=None if facts is None else facts_codec.facts_of(json.dumps(facts)),
        facts_error=_text(told.get("facts_error")),
        printed_at=_moment(told.get("printed_at")),
        places=tuple(_places(told.get("places", ())[:_MOST_OF_A_KIND])),
    )
    return file, _text(told.get("collection"))


def _places(told: Iterable[list[Any]]) -> Iterable[Place]:
    for printer_id, path, certain, seen in told:
        last_seen = _moment(seen)
        clean, where = _text(printer_id), _text(path)
        if last_seen is not None and clean and where:
            yield Place(
                printer_id=clean,
                path=where,
                present=False,
                certain=bool(certain),
                last_seen=last_seen,
            )


def _text(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str):
        raise TypeError("not a text")
    return text_of(value, _LONGEST_TEXT)


def _moment(value: str | None) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError("a time without a zone")
    return moment.astimezone(UTC)
