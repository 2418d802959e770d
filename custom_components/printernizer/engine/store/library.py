"""The list of files: pages, search, figures. What changes it is in `library_changes`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from ..library_file import (
    ON_SHELF,
    Collection,
    FileState,
    LibraryCursor,
    LibraryFigures,
    LibraryFilter,
    LibraryPage,
    Place,
    SortBy,
    Whereabouts,
    compared,
    is_label_word,
    label_word,
    search_terms,
    seen_from,
    time_key,
)
from . import library_codec
from .library_tables import (
    LIBRARY_COLLECTIONS,
    LIBRARY_FILES,
    LIBRARY_LABELS,
    LIBRARY_PLACES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, Select

    from ..library_file import CleanUpRule, LibraryFile

EVERYTHING: Final = LibraryFilter()
_TEXT: Final = sa.table("library_text", sa.column("rowid", sa.Integer))
"""SQLite's index of words."""
FILES: Final = sa.select(*(LIBRARY_FILES.c[name] for name in library_codec.FIELDS))
"""All files, as `files_of` reads them."""
_LABELS: Final = (
    sa.select(LIBRARY_LABELS.c.number, LIBRARY_LABELS.c.kind, LIBRARY_LABELS.c.value)
    .where(LIBRARY_LABELS.c.kind.in_(("tag", "alias")))
    .order_by(LIBRARY_LABELS.c.key)
)
_PLACES: Final = sa.select(
    *(
        LIBRARY_PLACES.c[name]
        for name in ("number", "printer_id", "path", "present", "certain", "last_seen")
    )
).order_by(LIBRARY_PLACES.c.printer_id, LIBRARY_PLACES.c.path)


def _of_numbers(query: Select[Any], number: ColumnElement[int]) -> dict[str, Select[Any]]:
    """Return what of these is of the files with some `numbers`, for each database.

    They go there as one value: fifty would be written into the question anew each time.
    """
    some = sa.func.json_each(sa.bindparam("numbers", type_=sa.JSON)).table_valued("value")
    array = sa.bindparam("numbers", type_=postgresql.ARRAY(sa.BigInteger))
    return {
        "sqlite": query.where(number.in_(sa.select(some.c.value))),
        "postgresql": query.where(number == sa.any_(array)),
    }


_LABELS_OF: Final = _of_numbers(_LABELS, LIBRARY_LABELS.c.number)
_PLACES_OF: Final = _of_numbers(_PLACES, LIBRARY_PLACES.c.number)
_FEW: Final = 2000
_SORTS: Final = {SortBy.NAME: LIBRARY_FILES.c.key, SortBy.SIZE: LIBRARY_FILES.c.size_bytes}


def get(connection: Connection, file_id: UUID) -> LibraryFile | None:
    """Read one file, or None."""
    return _one(connection, LIBRARY_FILES.c.id == file_id)


def by_sha256(connection: Connection, sha256: str) -> LibraryFile | None:
    """Read the file with this content, or None."""
    return _one(connection, LIBRARY_FILES.c.sha256 == sha256)


def at_place(connection: Connection, printer_id: str, path: str) -> LibraryFile | None:
    """Read what lies, or lay last, under a path on a printer; None where nobody looked."""
    number = sa.select(LIBRARY_PLACES.c.number).where(
        LIBRARY_PLACES.c.printer_id == printer_id, LIBRARY_PLACES.c.path == path
    )
    return _one(connection, LIBRARY_FILES.c.number.in_(number))


def many(connection: Connection, ids: Iterable[UUID]) -> tuple[LibraryFile, ...]:
    """Read those of these files that there are, in the order in which they were added."""
    query = FILES.where(LIBRARY_FILES.c.id.in_(list(ids))).order_by(LIBRARY_FILES.c.number)
    return files_of(connection, connection.execute(query).all())


def revisions(connection: Connection, file_id: UUID) -> tuple[LibraryFile, ...]:
    """Read all revisions that a file is one of, the newest first; itself as well."""
    found: dict[UUID, LibraryFile] = {}
    waiting = [file_id]
    while waiting:
        wanted = LIBRARY_FILES.c.id.in_(waiting) | LIBRARY_FILES.c.revision_of.in_(waiting)
        rows = connection.execute(FILES.where(wanted)).all()
        fresh = [file for file in files_of(connection, rows) if file.id not in found]
        found |= {file.id: file for file in fresh}
        before = [file.revision_of for file in fresh if file.revision_of is not None]
        waiting = [file.id for file in fresh if file.id not in waiting]
        waiting += [each for each in before if each not in found]
    return tuple(sorted(found.values(), key=lambda file: file.revision, reverse=True))


def page(
    connection: Connection,
    which: LibraryFilter = EVERYTHING,
    *,
    sort: SortBy = SortBy.ADDED,
    descending: bool = True,
    after: LibraryCursor | None = None,
    limit: int = 50,
    here: UUID | None = None,
) -> LibraryPage:
    """Read one page; `after` is where the page before ended, `here` for whom files lie here."""
    query, number = _chosen(connection, which, sort, here)
    column = _SORTS.get(sort)
    order = (number,) if column is None else (column, number)
    if after is not None:
        query = query.where(_beyond(order, after, descending=descending))
    query = query.order_by(*(each.desc() if descending else each for each in order))
    rows = connection.execute(query.limit(limit + 1)).all()
    shown = rows[:limit]
    cursor = None
    if len(rows) > limit and shown:
        last = dict(zip(library_codec.FIELDS, shown[-1], strict=True))
        value = None if column is None else last[column.name]
        cursor = LibraryCursor(number=last["number"], value=value)
    return LibraryPage(files=files_of(connection, shown), next=cursor)


def figures(connection: Connection, here: UUID | None = None) -> LibraryFigures:
    """Count files and bytes; `here`: of which shelf, without it of all."""
    row = LIBRARY_FILES.c
    size = sa.func.sum(sa.case((row.size_bytes > 0, row.size_bytes), else_=0))
    group = (row.shelves, row.state, row.kind, row.whereabouts)
    rows = connection.execute(sa.select(*group, sa.func.count(), size).group_by(*group)).all()
    by_kind: dict[str, tuple[int, int]] = {}
    by_where: dict[Whereabouts, int] = defaultdict(int)
    kept = shelved = shelf_bytes = recycled = recycled_bytes = 0
    for shelves, state, kind, where, count, total in rows:
        taken = int(total)
        lies_here = bool(shelves) if here is None else here.hex in shelves
        if lies_here:
            shelved, shelf_bytes = shelved + count, shelf_bytes + taken
        if state == FileState.RECYCLED:
            recycled, recycled_bytes = recycled + count, recycled_bytes + taken
            continue
        kept += count
        files, so_far = by_kind.get(kind, (0, 0))
        by_kind[kind] = files + count, so_far + taken
        by_where[seen_from(Whereabouts(where), here=lies_here)] += count
    return LibraryFigures(
        files=kept,
        shelf_files=shelved,
        shelf_bytes=shelf_bytes,
        recycled_files=recycled,
        recycled_bytes=recycled_bytes,
        by_kind=by_kind,
        by_where=dict(by_where),
    )


def on_shelf(connection: Connection, here: UUID) -> tuple[int, int]:
    """Count contents on a shelf, and their bytes: what a quota is held against."""
    shelves = LIBRARY_FILES.c.shelves
    files = size = 0
    rows = connection.execute(
        sa.select(shelves, sa.func.count(), sa.func.sum(LIBRARY_FILES.c.size_bytes))
        .where(shelves > "")
        .group_by(shelves)
    )
    for lying, count, taken in rows:
        if here.hex in lying:
            files, size = files + count, size + int(taken)
    return files, size


def labels(connection: Connection, kind: str) -> tuple[tuple[str, int], ...]:
    """Count kept files by their labels of a kind ("tag", "material", "printer")."""
    shown = sa.func.min(LIBRARY_LABELS.c.value)
    rows = connection.execute(
        sa.select(shown, sa.func.count())
        .join(LIBRARY_FILES, LIBRARY_FILES.c.number == LIBRARY_LABELS.c.number)
        .where(LIBRARY_LABELS.c.kind == kind, LIBRARY_FILES.c.state == FileState.KEPT.value)
        .group_by(LIBRARY_LABELS.c.key)
        .order_by(LIBRARY_LABELS.c.key)
    )
    return tuple((value, count) for value, count in rows)


def collections(connection: Connection) -> tuple[Collection, ...]:
    """Read all collections, by name."""
    rows = connection.execute(
        sa.select(LIBRARY_COLLECTIONS.c.id, LIBRARY_COLLECTIONS.c.name).order_by(
            LIBRARY_COLLECTIONS.c.key
        )
    )
    return tuple(Collection(id=row.id, name=row.name) for row in rows)


def shelved(connection: Connection, here: UUID) -> tuple[str, ...]:
    """Read the hashes of all contents that ought to lie on a shelf, in their order."""
    query = sa.select(LIBRARY_FILES.c.sha256).where(_on(here))
    return tuple(connection.execute(query.order_by(LIBRARY_FILES.c.sha256)).scalars())


def recycled_before(connection: Connection, moment: datetime, here: UUID) -> tuple[UUID, ...]:
    """Read what a site may let go of: in the bin since before a moment, and not elsewhere alone."""
    row = LIBRARY_FILES.c
    query = sa.select(row.id).where(
        row.state == FileState.RECYCLED.value,
        row.recycled_at < moment,
        _on(here) | (row.shelves == ""),
    )
    return tuple(connection.execute(query.order_by(row.number)).scalars())


def cleanable(
    connection: Connection, rule: CleanUpRule, now: datetime, here: UUID
) -> tuple[UUID, ...]:
    """Read what a rule lets go of on a shelf; nothing where it says nothing.

    What somebody still needs is not left out yet: `library_needs` knows it.
    """
    if rule.empty:
        return ()
    row = LIBRARY_FILES.c
    query = sa.select(row.id).where(
        row.state == FileState.KEPT.value, _on(here), row.favourite.is_(False)
    )
    if rule.older_than is not None:
        query = query.where(row.added_at < now - rule.older_than)
    if rule.not_printed_for is not None:
        last = sa.func.coalesce(row.printed_at, row.added_at, type_=row.added_at.type)
        query = query.where(last < now - rule.not_printed_for)
    if rule.origin is not None:
        query = query.where(row.origin == rule.origin.value)
    if rule.replaced:
        query = query.where(row.latest.is_(False))
    if not rule.tagged:
        cared = sa.exists().where(
            LIBRARY_LABELS.c.number == row.number, LIBRARY_LABELS.c.kind == "tag"
        )
        query = query.where(row.collection_id.is_(None), ~cared)
    return tuple(connection.execute(query.order_by(row.number)).scalars())


# -- choosing ----------------------------------------------------------------------------------


def _chosen(
    connection: Connection, which: LibraryFilter, sort: SortBy, here: UUID | None
) -> tuple[Select[Any], ColumnElement[int]]:
    """Return the files that are wanted, and the column that says in which order they were added.

    That column is of the index that leads to the fewest files: so a page is read from it in
    order, and ends with its last file instead of sorting all that fit.
    """
    row = LIBRARY_FILES.c
    query = FILES.where(row.state == which.state.value)
    number: ColumnElement[int] = row.number
    labels_of = _labels_of(which)
    terms = search_terms(which.text or "")
    if which.text and not terms:
        query = query.where(sa.false())
    elif terms or len(labels_of) > 1:
        # Labels are words as well: the index has their files in common before any is read.
        terms = (*terms, *((label_word(*label),) for label in labels_of))
        labels_of = []
        if connection.dialect.name == "sqlite":
            query = query.where(row.number == _TEXT.c.rowid, _words_of_sqlite(terms))
            number = _TEXT.c.rowid
        else:
            query = query.where(_worded(connection, _words_of_postgresql(terms)))
    elif labels_of and (sort is SortBy.ADDED or _rare(connection, *labels_of[0])):
        lead = LIBRARY_LABELS.alias("lead")
        kind, key = labels_of.pop()
        query = query.where(row.number == lead.c.number, lead.c.kind == kind, lead.c.key == key)
        number = lead.c.number
    for kind, key in labels_of:
        label = LIBRARY_LABELS.alias(kind)
        query = query.where(
            sa.exists().where(
                label.c.number == row.number, label.c.kind == kind, label.c.key == key
            )
        )
    led = number is not row.number or bool(terms)
    if which.shortest is not None or which.longest is not None:
        query = query.where(_lasting(connection, which, number, led=led))
    return query.where(*_traits(connection, which, here, led=led)), number


def _labels_of(which: LibraryFilter) -> list[tuple[str, str]]:
    wanted = (
        ("printer", which.printer_id),
        ("tag", which.tag),
        ("material", which.material),
    )
    return [(kind, compared(value)) for kind, value in wanted if value is not None]


def _rare(connection: Connection, kind: str, key: str) -> bool:
    """Whether so few files have a label that all of them are soon sorted."""
    label = LIBRARY_LABELS.c
    some = sa.select(label.number).where(label.kind == kind, label.key == key).limit(_FEW + 1)
    found = connection.execute(sa.select(sa.func.count()).select_from(some.subquery()))
    return bool(found.scalar_one() <= _FEW)


def _lasting(
    connection: Connection, which: LibraryFilter, number: ColumnElement[int], *, led: bool
) -> ColumnElement[bool]:
    """Whether a plate of a file prints for as long as is wanted; `led`: as for `_traits`.

    The index of labels leads to a few; many are soon met by going through the list.
    """
    time = LIBRARY_LABELS.alias("time")
    wanted = time.c.kind == "time"
    if which.shortest is not None:
        wanted &= time.c.key >= time_key(which.shortest)
    if which.longest is not None:
        wanted &= time.c.key <= time_key(which.longest)
    some = sa.select(time.c.number).where(wanted)
    # In order: PostgreSQL would take more to be common than there are, and go through all labels.
    few = some.order_by(time.c.key).limit(_FEW + 1)
    if connection.dialect.name == "sqlite":
        count = sa.select(sa.func.count()).select_from(few.subquery())
        if connection.execute(count).scalar_one() <= _FEW:
            # A sum is no column of an index: it is held against them, and does not lead.
            return (number + 0 if led else number).in_(some)
    else:
        found = connection.execute(few).scalars().all()
        if len(found) <= _FEW:
            return _among(found)
    return sa.exists().where(time.c.number == number, wanted)


def _worded(connection: Connection, words: ColumnElement[bool]) -> ColumnElement[bool]:
    """Whether a file has words, as PostgreSQL finds it soonest.

    It reckons beginnings of words to be common, and would go through the whole list for one that
    is rare. One that is common is soon met by going through the list.
    """
    row = LIBRARY_FILES.c
    found = connection.execute(sa.select(row.number).where(words).limit(_FEW + 1)).scalars().all()
    if len(found) > _FEW:
        return words
    return _among(found)


def _among(numbers: Sequence[int]) -> ColumnElement[bool]:
    """Whether a file is one of these, for PostgreSQL."""
    some = sa.literal(numbers, postgresql.ARRAY(sa.BigInteger))
    return LIBRARY_FILES.c.number == sa.any_(some)


def _traits(
    connection: Connection, which: LibraryFilter, here: UUID | None, *, led: bool
) -> Iterator[ColumnElement[bool]]:
    """Yield what else is wanted; `led`: an index leads to the files already."""
    row = LIBRARY_FILES.c
    for column, value in (
        (row.collection_id, which.collection_id),
        (row.favourite, which.favourite),
        (row.latest, which.latest),
    ):
        if value is not None:
            # Said as it is in the index of favourites, and not as a parameter.
            yield column == (sa.true() if value is True else value)
    # Half of all files are of one kind, or lie in one place: no index over those leads anywhere
    # where another one does, and a database that does not know that would take it.
    led = led or bool(which.favourite) or which.collection_id is not None
    kind_of, place_of = (
        sa.func.lower(each) if led else each for each in (row.kind, row.whereabouts)
    )
    if which.kind is not None:
        yield kind_of == which.kind.value
    if which.where is not None:
        yield _lying(connection, which.where, here, place_of)


def _on(here: UUID) -> ColumnElement[bool]:
    """Whether a content lies on a shelf."""
    return LIBRARY_FILES.c.shelves.contains(here.hex)


def _lying(
    connection: Connection, where: Whereabouts, here: UUID | None, place: ColumnElement[str]
) -> ColumnElement[bool]:
    """Whether a file lies there, as a site sees it. place: what the list says of it."""
    if here is None or _alone(connection, here):
        return place == where.value
    if where in ON_SHELF:
        return (place == where.value) & _on(here)
    if where is Whereabouts.ELSEWHERE:
        return (place == Whereabouts.LOCAL_ONLY.value) & ~_on(here)
    if where is Whereabouts.AVAILABLE:
        there = (place == Whereabouts.DOWNLOADED.value) & ~_on(here)
        return (place == where.value) | there
    return place == where.value


def _alone(connection: Connection, here: UUID) -> bool:
    """Whether the list knows no other shelf: then where a file lies needs one index only."""
    shelves = LIBRARY_FILES.c.shelves
    ends = (
        connection.execute(sa.select(end(shelves)).where(shelves > "")).scalar_one_or_none()
        for end in (sa.func.min, sa.func.max)
    )
    return all(each in {None, here.hex} for each in ends)


def _words_of_sqlite(terms: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Whether a file has, for every term, a word which begins with one of its spellings."""
    asked = " AND ".join(
        f"({' OR '.join(f'"{one}"{"" if is_label_word(one) else " *"}' for one in term)})"
        for term in terms
    )
    return sa.literal_column("library_text").op("MATCH", is_comparison=True)(asked)


def _words_of_postgresql(terms: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    asked = " & ".join(
        f"({' | '.join(f"'{one}'{'' if is_label_word(one) else ':*'}" for one in term)})"
        for term in terms
    )
    search = LIBRARY_FILES.c.search
    words = sa.func.array_to_tsvector(sa.func.string_to_array(search, sa.literal_column("' '")))
    return words.op("@@", is_comparison=True)(sa.cast(asked, _TsQuery))


class _TsQuery(sa.types.UserDefinedType[str]):
    """PostgreSQL's type of a search."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "tsquery"


def _beyond(
    order: Sequence[ColumnElement[Any]], after: LibraryCursor, *, descending: bool
) -> ColumnElement[bool]:
    last = (
        [sa.literal(after.number)]
        if len(order) == 1
        else [
            sa.literal(after.value, order[0].type),
            sa.literal(after.number),
        ]
    )
    if len(order) == 1:
        return order[0] < last[0] if descending else order[0] > last[0]
    place, end = sa.tuple_(*order), sa.tuple_(*last)
    return place < end if descending else place > end


# -- reading -----------------------------------------------------------------------------------


def _one(connection: Connection, condition: ColumnElement[bool]) -> LibraryFile | None:
    return next(iter(files_of(connection, connection.execute(FILES.where(condition)).all())), None)


def files_of(connection: Connection, rows: Sequence[Sequence[Any]]) -> tuple[LibraryFile, ...]:
    """Read files, rows of `FILES`, with their labels and places."""
    if not rows:
        return ()
    wanted = {"numbers": [row[0] for row in rows]}
    dialect = connection.dialect.name
    found: dict[int, dict[str, tuple[str, ...]]] = defaultdict(dict)
    # All at once: one row after the other costs as much again as finding them.
    for number, kind, value in connection.execute(_LABELS_OF[dialect], wanted).all():
        found[number][kind] = (*found[number].get(kind, ()), value)
    places: dict[int, list[Place]] = defaultdict(list)
    lying = connection.execute(_PLACES_OF[dialect], wanted).all()
    for number, printer_id, path, present, certain, last_seen in lying:
        places[number].append(
            Place(
                printer_id=printer_id,
                path=path,
                present=present,
                certain=certain,
                last_seen=last_seen,
            )
        )
    return tuple(
        library_codec.file_of(row, found.get(row[0], {}), tuple(places.get(row[0], ())))
        for row in rows
    )
