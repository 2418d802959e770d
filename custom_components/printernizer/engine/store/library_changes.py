"""What changes the list of files: one that comes, is told apart, goes, or comes back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..library_file import (
    FileState,
    LibraryFile,
    Whereabouts,
    compared,
    label_word,
    search_words,
    time_key,
)
from . import facts_codec, library, library_codec, printers
from .library_tables import (
    LIBRARY_COLLECTIONS,
    LIBRARY_FILES,
    LIBRARY_LABELS,
    LIBRARY_PLACES,
)
from .schema import PRINTERS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy import Connection

    from ..file import FileFacts
    from ..library_file import Collection

_BY_HAND: Final = ("tag", "alias")
"""Kinds of labels that people and names make; the others follow."""
_COMING_IN: Final = 0x4C494252
"""Number of PostgreSQL's advisory lock."""


class Came(StrEnum):
    """What a file that came in turned out to be."""

    NEW = "new"
    REVISION = "revision"
    """Of a file of the same name and source."""
    FETCHED = "fetched"
    """A file that was known from a printer, and had not been here."""
    DUPLICATE = "duplicate"
    """Its content was here already."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Added:
    """A file that came in, as it stands now."""

    file: LibraryFile
    came: Came


def add(connection: Connection, new: LibraryFile) -> Added:
    """Put a content that lies on the shelf into the list, or find that it is there.

    `new` has a hash, the shelf it lies on, and an id for the case that it is new. A content that
    is known gets the other name as an alias, and comes back from the recycle bin.
    """
    _one_at_a_time(connection)
    row = LIBRARY_FILES.c
    known = connection.execute(
        sa.select(row.number, row.shelves).where(row.sha256 == new.sha256).with_for_update()
    ).one_or_none()
    if known is not None:
        here = set(new.shelves) <= set(library_codec.shelves_of(known.shelves))
        came = Came.DUPLICATE if here else Came.FETCHED
        _welcome(connection, known.number, new)
        return Added(file=_read(connection, known.number), came=came)
    seen = _unfetched(connection, new)
    if seen is not None:
        values = library_codec.file_row(new)
        for kept in ("id", "note", "favourite", "collection_id", "added_at", "printed_at"):
            del values[kept]
        connection.execute(sa.update(LIBRARY_FILES).where(row.number == seen).values(values))
        number, came = seen, Came.FETCHED
    else:
        before = _before(connection, new)
        if before is not None:
            new = replace(new, revision=before.revision + 1, revision_of=before.id)
            connection.execute(
                sa.update(LIBRARY_FILES).where(row.number == before.number).values(latest=False)
            )
        number = insert(connection, new)
        came = Came.NEW if before is None else Came.REVISION
    _note_place(connection, number, new)
    refresh(connection, [number])
    return Added(file=_read(connection, number), came=came)


def insert(connection: Connection, file: LibraryFile) -> int:
    """Add a row with its tags and aliases; returns its number. `refresh` it afterwards."""
    connection.execute(sa.insert(LIBRARY_FILES), [library_codec.file_row(file)])
    number = connection.execute(
        sa.select(LIBRARY_FILES.c.number).where(LIBRARY_FILES.c.id == file.id)
    ).scalar_one()
    _label(connection, number, "tag", file.tags)
    _label(connection, number, "alias", file.aliases)
    return int(number)


def _one_at_a_time(connection: Connection) -> None:
    """Let no other site list a file until we commit: both may have got the same one."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_COMING_IN)))


def _welcome(connection: Connection, number: int, new: LibraryFile) -> None:
    """Note that a content came once more."""
    file = _read(connection, number)
    known = {compared(name) for name in (file.name, *file.aliases)}
    if compared(new.name) not in known:
        _label(connection, number, "alias", [new.name])
    values: dict[str, Any] = {
        "shelves": library_codec.shelves_text((*file.shelves, *new.shelves)),
        "fetching": None,
        "state": FileState.KEPT.value,
        "recycled_at": None,
        "kind": new.kind.value if new.kind else "",
        "size_bytes": new.size_bytes,
    }
    if new.facts is not None:
        values |= {"facts": facts_codec.facts_text(new.facts), "facts_error": None}
    connection.execute(
        sa.update(LIBRARY_FILES).where(LIBRARY_FILES.c.number == number).values(values)
    )
    _note_place(connection, number, new)
    refresh(connection, [number])


def _unfetched(connection: Connection, new: LibraryFile) -> int | None:
    """Return the number of what was seen where this one was fetched, if nobody had it yet."""
    source = new.source
    if source.printer_id is None or source.path is None:
        return None
    query = (
        sa.select(LIBRARY_FILES.c.number)
        .join(LIBRARY_PLACES, LIBRARY_PLACES.c.number == LIBRARY_FILES.c.number)
        .where(
            LIBRARY_PLACES.c.printer_id == source.printer_id,
            LIBRARY_PLACES.c.path == source.path,
            LIBRARY_FILES.c.sha256.is_(None),
        )
    )
    return connection.execute(query).scalar_one_or_none()


def _before(connection: Connection, new: LibraryFile) -> Any:
    """Return the newest kept file of the same name and source, if there is one."""
    row = LIBRARY_FILES.c
    query = (
        sa.select(row.number, row.id, row.revision)
        .where(
            row.key == compared(new.name),
            row.origin == new.source.origin.value,
            row.printer_id.is_not_distinct_from(new.source.printer_id),
            row.sha256.is_not(None),
            row.latest,
            row.state == FileState.KEPT.value,
        )
        .order_by(row.number.desc())
        .limit(1)
    )
    return connection.execute(query).one_or_none()


def _note_place(connection: Connection, number: int, new: LibraryFile) -> None:
    """A content that was fetched from a printer lies there for certain."""
    source = new.source
    if source.printer_id is None or source.path is None:
        return
    before = connection.execute(
        sa.select(LIBRARY_PLACES.c.number).where(
            LIBRARY_PLACES.c.printer_id == source.printer_id, LIBRARY_PLACES.c.path == source.path
        )
    ).scalar_one_or_none()
    printers.insert(connection, [{"id": source.printer_id, "at": new.added_at}])
    connection.execute(
        printers.upsert(connection, LIBRARY_PLACES, ("printer_id", "path"), ("first_seen",)),
        {
            "printer_id": source.printer_id,
            "path": source.path,
            "number": number,
            "name": new.name,
            "size_bytes": new.size_bytes,
            "present": True,
            "certain": True,
            "first_seen": new.added_at,
            "last_seen": new.added_at,
        },
    )
    if before is not None and before != number:
        refresh(connection, [before])
        remove_hollow(connection, [before])


# -- what people say of files --------------------------------------------------------------------


def change(connection: Connection, file_id: UUID, values: Mapping[str, Any]) -> LibraryFile | None:
    """Write columns of a file, as `name`, `note`, `favourite`; None where there is no such file."""
    told = dict(values)
    if "name" in told:
        told["key"] = compared(told["name"])
    number = _number(connection, file_id)
    if number is None:
        return None
    connection.execute(
        sa.update(LIBRARY_FILES).where(LIBRARY_FILES.c.number == number).values(told)
    )
    refresh(connection, [number])
    return _read(connection, number)


def tag(
    connection: Connection, ids: Iterable[UUID], add: Iterable[str], remove: Iterable[str]
) -> tuple[LibraryFile, ...]:
    """Give tags to files and take others away; returns the files as they stand now."""
    added, gone = tuple(add), [compared(each) for each in remove]
    numbers = _numbers(connection, ids)
    label = LIBRARY_LABELS.c
    for number in numbers:
        connection.execute(
            sa.delete(LIBRARY_LABELS).where(
                label.number == number, label.kind == "tag", label.key.in_(gone)
            )
        )
        _label(connection, number, "tag", added)
    refresh(connection, numbers)
    return _read_all(connection, numbers)


def set_facts(
    connection: Connection, file_id: UUID, facts: FileFacts | None, error: str | None
) -> LibraryFile | None:
    """Keep what a file says of itself, read anew."""
    text = None if facts is None else facts_codec.facts_text(facts)
    return change(connection, file_id, {"facts": text, "facts_error": error})


def add_collection(
    connection: Connection, collection: Collection, at: datetime
) -> Collection | None:
    """Keep a new collection; None where there is one of that name."""
    key = compared(collection.name)
    if _collection_named(connection, key) is not None:
        return None
    row = {"id": collection.id, "name": collection.name, "key": key, "created_at": at}
    connection.execute(sa.insert(LIBRARY_COLLECTIONS), [row])
    return collection


def rename_collection(connection: Connection, collection: Collection) -> bool:
    """Give a collection another name; False where there is none, or another has that name."""
    key = compared(collection.name)
    other = _collection_named(connection, key)
    if other is not None and other != collection.id:
        return False
    changed = connection.execute(
        sa.update(LIBRARY_COLLECTIONS)
        .where(LIBRARY_COLLECTIONS.c.id == collection.id)
        .values(name=collection.name, key=key)
    )
    return bool(changed.rowcount)


def remove_collection(connection: Connection, collection_id: UUID) -> bool:
    """Remove a collection; its files stay. False where there is none."""
    connection.execute(
        sa.update(LIBRARY_FILES)
        .where(LIBRARY_FILES.c.collection_id == collection_id)
        .values(collection_id=None)
    )
    gone = connection.execute(
        sa.delete(LIBRARY_COLLECTIONS).where(LIBRARY_COLLECTIONS.c.id == collection_id)
    )
    return bool(gone.rowcount)


def _collection_named(connection: Connection, key: str) -> UUID | None:
    return connection.execute(
        sa.select(LIBRARY_COLLECTIONS.c.id).where(LIBRARY_COLLECTIONS.c.key == key)
    ).scalar_one_or_none()


# -- into the bin, out of it, and away -----------------------------------------------------------


def recycle(connection: Connection, ids: Iterable[UUID], at: datetime) -> tuple[LibraryFile, ...]:
    """Put kept files into the recycle bin; returns those that were kept."""
    return _put(connection, ids, FileState.RECYCLED, at)


def restore(connection: Connection, ids: Iterable[UUID]) -> tuple[LibraryFile, ...]:
    """Take files out of the recycle bin; returns those that were in it."""
    return _put(connection, ids, FileState.KEPT, None)


def _put(
    connection: Connection, ids: Iterable[UUID], to: FileState, at: datetime | None
) -> tuple[LibraryFile, ...]:
    row = LIBRARY_FILES.c
    query = sa.select(row.number).where(row.id.in_(list(ids)), row.state != to.value)
    numbers = list(connection.execute(query.order_by(row.number)).scalars())
    connection.execute(
        sa.update(LIBRARY_FILES)
        .where(row.number.in_(numbers))
        .values(state=to.value, recycled_at=at)
    )
    files = _read_all(connection, numbers)
    for file in files:
        _settle_revisions_of(connection, file.id)
    return files


def forget(connection: Connection, file_id: UUID, shelf: UUID) -> bool:
    """Let a content go that is leaving a shelf: its row, too, unless it lies on a printer.

    It stays in the recycle bin while it lies on the shelf of another site. False for what does
    not lie in the bin any more: somebody took it out in the last moment.
    """
    number = _number(connection, file_id)
    if number is None:
        return False
    file = _read(connection, number)
    if file.state is not FileState.RECYCLED:
        return False
    left = [each for each in file.shelves if each != shelf]
    values: dict[str, Any] = {"shelves": library_codec.shelves_text(left)}
    if not left:
        values |= {"state": FileState.KEPT.value, "recycled_at": None}
    connection.execute(
        sa.update(LIBRARY_FILES).where(LIBRARY_FILES.c.number == number).values(values)
    )
    refresh(connection, [number])
    if left:
        return True
    present = connection.execute(
        sa.select(sa.func.count()).where(
            LIBRARY_PLACES.c.number == number, LIBRARY_PLACES.c.present
        )
    ).scalar_one()
    _settle_revisions_of(connection, file_id)
    if not present:
        row = LIBRARY_FILES.c
        connection.execute(
            sa.update(LIBRARY_FILES)
            .where(row.revision_of == file_id)
            .values(revision_of=file.revision_of)
        )
        _erase(connection, [number])
    return True


def remove_hollow(connection: Connection, numbers: Iterable[int]) -> None:
    """Remove rows that stand for nothing any more: not on the shelf, and without a place."""
    row = LIBRARY_FILES.c
    held = sa.exists().where(LIBRARY_PLACES.c.number == row.number)
    query = sa.select(row.number).where(row.number.in_(list(numbers)), row.shelves == "", ~held)
    _erase(connection, connection.execute(query).scalars().all())


def _erase(connection: Connection, numbers: Iterable[int]) -> None:
    for number in numbers:
        for table in (LIBRARY_LABELS, LIBRARY_PLACES, LIBRARY_FILES):
            connection.execute(sa.delete(table).where(table.c.number == number))


def _settle_revisions_of(connection: Connection, file_id: UUID) -> None:
    """Say of all revisions of a file whether a newer one is kept on a shelf."""
    newest = True
    row = LIBRARY_FILES.c
    for file in library.revisions(connection, file_id):
        connection.execute(
            sa.update(LIBRARY_FILES)
            .where(row.id == file.id, row.latest.is_(not newest))
            .values(latest=newest)
        )
        newest = newest and not (file.shelves and file.state is FileState.KEPT)


def settle_revisions(connection: Connection) -> None:
    """Say of every file whether a newer revision of it is kept."""
    newer = LIBRARY_FILES.alias("newer")
    replaced = sa.exists().where(
        newer.c.revision_of == LIBRARY_FILES.c.id,
        newer.c.state == FileState.KEPT.value,
        newer.c.shelves != "",
    )
    row = LIBRARY_FILES.c
    for latest, wrong in ((True, ~replaced), (False, replaced)):
        connection.execute(
            sa.update(LIBRARY_FILES).where(row.latest.is_(not latest), wrong).values(latest=latest)
        )


def adopt(connection: Connection, file: LibraryFile, collection: Collection | None) -> bool:
    """Take a file over from its sidecar; False when its content is known. Does so once only."""
    _one_at_a_time(connection)
    row = LIBRARY_FILES.c
    known = connection.execute(
        sa.select(row.number, row.shelves).where(row.sha256 == file.sha256).with_for_update()
    ).one_or_none()
    if known is not None:
        before = library_codec.shelves_of(known.shelves)
        if not before:
            _welcome(connection, known.number, file)
        elif set(file.shelves) - set(before):
            # At another site it was renamed, or thrown away, since: the list knows better.
            _put_onto(connection, known.number, (*before, *file.shelves))
        return bool(set(file.shelves) - set(before))
    if _number(connection, file.id) is not None:
        # A sidecar that somebody copied beside another content.
        file = replace(file, id=uuid4())
    kept = collection
    if collection is not None:
        there = _collection_named(connection, compared(collection.name))
        if there is None:
            add_collection(connection, collection, file.added_at)
        else:
            kept = replace(collection, id=there)
    number = insert(connection, replace(file, collection_id=kept.id if kept else None))
    place = LIBRARY_PLACES.c
    for one in file.places:
        printers.insert(connection, [{"id": one.printer_id, "at": one.last_seen}])
        taken = connection.execute(
            sa.select(place.number).where(
                place.printer_id == one.printer_id, place.path == one.path
            )
        ).first()
        if taken is None:
            connection.execute(
                sa.insert(LIBRARY_PLACES),
                [
                    {
                        "printer_id": one.printer_id,
                        "path": one.path,
                        "number": number,
                        "name": file.name,
                        "size_bytes": file.size_bytes,
                        "present": one.present,
                        "certain": one.certain,
                        "first_seen": one.last_seen,
                        "last_seen": one.last_seen,
                    }
                ],
            )
    refresh(connection, [number])
    return True


def _put_onto(connection: Connection, number: int, shelves: Iterable[UUID]) -> None:
    connection.execute(
        sa.update(LIBRARY_FILES)
        .where(LIBRARY_FILES.c.number == number)
        .values(shelves=library_codec.shelves_text(shelves))
    )
    refresh(connection, [number])


# -- what follows from the rest ------------------------------------------------------------------


def refresh(connection: Connection, numbers: Iterable[int]) -> None:
    """Write what follows: where a file lies, its materials and printers, its words."""
    wanted = list(numbers)
    row = LIBRARY_FILES.c
    query = library.FILES.add_columns(row.fetching).where(row.number.in_(wanted))
    for *found, fetching in connection.execute(query).all():
        (file,) = library.files_of(connection, [found])
        _refresh(connection, found[0], file, fetching=fetching is not None)


def _refresh(connection: Connection, number: int, file: LibraryFile, *, fetching: bool) -> None:
    present = any(place.present for place in file.places)
    here = Whereabouts.DOWNLOADED if present else Whereabouts.LOCAL_ONLY
    there = Whereabouts.AVAILABLE if present else Whereabouts.GONE
    where = here if file.shelves else Whereabouts.DOWNLOADING if fetching else there
    plates = () if file.facts is None else (*file.facts.plates, *file.facts.drafts)
    materials = {
        filament.material for plate in plates for filament in plate.filaments if filament.material
    }
    machines = {place.printer_id for place in file.places}
    if file.source.printer_id:
        machines.add(file.source.printer_id)
    label = LIBRARY_LABELS.c
    connection.execute(
        sa.delete(LIBRARY_LABELS).where(label.number == number, label.kind.not_in(_BY_HAND))
    )
    _label(connection, number, "material", sorted(materials))
    _label(connection, number, "printer", sorted(machines))
    times = {time_key(plate.print_time) for plate in plates if plate.print_time is not None}
    _label(connection, number, "time", sorted(times))
    called = connection.execute(
        sa.select(PRINTERS.c.name).where(PRINTERS.c.id.in_(machines), PRINTERS.c.name.is_not(None))
    ).scalars()
    facts = file.facts
    said = () if facts is None else (facts.slicer, facts.printer_model, facts.title, facts.designer)
    words = search_words(
        file.name,
        *file.aliases,
        *file.tags,
        file.note,
        *sorted(materials),
        *sorted(machines),
        *sorted(called),
        *said,
    )
    labelled = _label_words({"tag": file.tags, "material": materials, "printer": machines})
    connection.execute(
        sa.update(LIBRARY_FILES)
        .where(LIBRARY_FILES.c.number == number)
        .values(whereabouts=where.value, search=" ".join((words, *labelled)).strip())
    )


def _label_words(labels: Mapping[str, Iterable[str]]) -> list[str]:
    return sorted(
        {label_word(kind, compared(value)) for kind, values in labels.items() for value in values}
    )


def _label(connection: Connection, number: int, kind: str, values: Iterable[str]) -> None:
    rows = [
        {"number": number, "kind": kind, "key": compared(value), "value": value} for value in values
    ]
    if rows:
        keys = ("number", "kind", "key")
        connection.execute(printers.upsert(connection, LIBRARY_LABELS, keys), rows)


def _number(connection: Connection, file_id: UUID) -> int | None:
    return next(iter(_numbers(connection, [file_id])), None)


def _numbers(connection: Connection, ids: Iterable[UUID]) -> list[int]:
    row = LIBRARY_FILES.c
    query = sa.select(row.number).where(row.id.in_(list(ids))).order_by(row.number)
    return list(connection.execute(query.with_for_update()).scalars())


def _read(connection: Connection, number: int) -> LibraryFile:
    return _read_all(connection, [number])[0]


def _read_all(connection: Connection, numbers: Iterable[int]) -> tuple[LibraryFile, ...]:
    row = LIBRARY_FILES.c
    query = library.FILES.where(row.number.in_(list(numbers))).order_by(row.number)
    return library.files_of(connection, connection.execute(query).all())
