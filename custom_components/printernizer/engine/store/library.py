"""The list of files: pages, search, figures. What changes it is in `library_changes`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa

from ..library_file import (
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
    search_terms,
)
from . import library_codec
from .library_tables import (
    LIBRARY_COLLECTIONS,
    LIBRARY_FILES,
    LIBRARY_LABELS,
    LIBRARY_PLACES,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import ColumnElement, Connection, RowMapping, Select

    from ..library_file import CleanUpRule, LibraryFile

EVERYTHING: Final = LibraryFilter()
_TEXT: Final = sa.table("library_text", sa.column("rowid", sa.Integer))
"""SQLite's index of words."""
_NUMBERS: Final[sa.BindParameter[Any]] = sa.bindparam("numbers", expanding=True)
_LABELS_OF: Final = (
    sa.select(LIBRARY_LABELS.c.number, LIBRARY_LABELS.c.kind, LIBRARY_LABELS.c.value)
    .where(LIBRARY_LABELS.c.number.in_(_NUMBERS), LIBRARY_LABELS.c.kind.in_(("tag", "alias")))
    .order_by(LIBRARY_LABELS.c.key)
)
_PLACES_OF: Final = (
    sa.select(
        *(
            LIBRARY_PLACES.c[name]
            for name in ("number", "printer_id", "path", "present", "certain", "last_seen")
        )
    )
    .where(LIBRARY_PLACES.c.number.in_(_NUMBERS))
    .order_by(LIBRARY_PLACES.c.printer_id, LIBRARY_PLACES.c.path)
)
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
    query = (
        sa.select(LIBRARY_FILES)
        .where(LIBRARY_FILES.c.id.in_(list(ids)))
        .order_by(LIBRARY_FILES.c.number)
    )
    return files_of(connection, connection.execute(query).mappings().all())


def revisions(connection: Connection, file_id: UUID) -> tuple[LibraryFile, ...]:
    """Read all revisions that a file is one of, the newest first; itself as well."""
    found: dict[UUID, LibraryFile] = {}
    waiting = [file_id]
    while waiting:
        wanted = LIBRARY_FILES.c.id.in_(waiting) | LIBRARY_FILES.c.revision_of.in_(waiting)
        rows = connection.execute(sa.select(LIBRARY_FILES).where(wanted)).mappings().all()
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
) -> LibraryPage:
    """Read one page; `after` is where the page before ended."""
    query, number = _chosen(connection, which, sort)
    column = _SORTS.get(sort)
    order = (number,) if column is None else (column, number)
    if after is not None:
        query = query.where(_beyond(order, after, descending=descending))
    query = query.order_by(*(each.desc() if descending else each for each in order))
    rows = connection.execute(query.limit(limit + 1)).mappings().all()
    shown = rows[:limit]
    cursor = None
    if len(rows) > limit and shown:
        last = shown[-1]
        value = None if column is None else last[column.name]
        cursor = LibraryCursor(number=last["number"], value=value)
    return LibraryPage(files=files_of(connection, shown), next=cursor)


def figures(connection: Connection) -> LibraryFigures:
    """Count files and bytes."""
    row = LIBRARY_FILES.c
    size = sa.func.sum(sa.case((row.size_bytes > 0, row.size_bytes), else_=0))
    group = (row.shelved, row.state, row.kind, row.whereabouts)
    rows = connection.execute(sa.select(*group, sa.func.count(), size).group_by(*group)).all()
    by_kind: dict[str, tuple[int, int]] = {}
    by_where: dict[Whereabouts, int] = defaultdict(int)
    kept = shelved = shelf_bytes = recycled = recycled_bytes = 0
    for on_shelf, state, kind, where, count, total in rows:
        taken = int(total)
        if on_shelf:
            shelved, shelf_bytes = shelved + count, shelf_bytes + taken
        if state == FileState.RECYCLED:
            recycled, recycled_bytes = recycled + count, recycled_bytes + taken
            continue
        kept += count
        files, so_far = by_kind.get(kind, (0, 0))
        by_kind[kind] = files + count, so_far + taken
        by_where[Whereabouts(where)] += count
    return LibraryFigures(
        files=kept,
        shelf_files=shelved,
        shelf_bytes=shelf_bytes,
        recycled_files=recycled,
        recycled_bytes=recycled_bytes,
        by_kind=by_kind,
        by_where=dict(by_where),
    )


def on_shelf(connection: Connection) -> tuple[int, int]:
    """Count contents on the shelf, and their bytes: what a quota is held against."""
    row = connection.execute(
        sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.sum(LIBRARY_FILES.c.size_bytes), 0)
        ).where(LIBRARY_FILES.c.shelved)
    ).one()
    return int(row[0]), int(row[1])


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


def shelved(connection: Connection) -> tuple[str, ...]:
    """Read the hashes of all contents that ought to lie on the shelf, in their order."""
    query = sa.select(LIBRARY_FILES.c.sha256).where(LIBRARY_FILES.c.shelved)
    return tuple(connection.execute(query.order_by(LIBRARY_FILES.c.sha256)).scalars())


def recycled_before(connection: Connection, moment: datetime) -> tuple[UUID, ...]:
    """Read what lies in the recycle bin since before a moment."""
    query = sa.select(LIBRARY_FILES.c.id).where(
        LIBRARY_FILES.c.state == FileState.RECYCLED.value, LIBRARY_FILES.c.recycled_at < moment
    )
    return tuple(connection.execute(query.order_by(LIBRARY_FILES.c.number)).scalars())


def cleanable(connection: Connection, rule: CleanUpRule, now: datetime) -> tuple[UUID, ...]:
    """Read what a rule lets go of; nothing where it says nothing."""
    if rule.empty:
        return ()
    row = LIBRARY_FILES.c
    query = sa.select(row.id).where(
        row.state == FileState.KEPT.value, row.shelved, row.favourite.is_(False)
    )
    if rule.older_than is not None:
        query = query.where(row.added_at < now - rule.older_than)
    if rule.not_printed_for is not None:
        last = sa.func.coalesce(row.printed_at, row.added_at, type_=row.added_at.type)
        query = query.where(last < now - rule.not_printed_for)
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
    connection: Connection, which: LibraryFilter, sort: SortBy
) -> tuple[Select[Any], ColumnElement[int]]:
    """Return the files that are wanted, and the column that says in which order they were added.

    That column is of the index that leads to the fewest files: so a page is read from it in
    order, and ends with its last file instead of sorting all that fit.
    """
    row = LIBRARY_FILES.c
    query = sa.select(LIBRARY_FILES).where(row.state == which.state.value)
    number: ColumnElement[int] = row.number
    labels_of = [
        (kind, compared(wanted))
        for kind, wanted in (
            ("printer", which.printer_id),
            ("tag", which.tag),
            ("material", which.material),
        )
        if wanted is not None
    ]
    terms = search_terms(which.text or "")
    if terms and connection.dialect.name == "sqlite":
        query = query.where(row.number == _TEXT.c.rowid, _words_of_sqlite(terms))
        number = _TEXT.c.rowid
    elif terms:
        query = query.where(_words_of_postgresql(terms))
    elif which.text:
        query = query.where(sa.false())
    elif labels_of and sort is SortBy.ADDED:
        lead = LIBRARY_LABELS.alias("lead")
        kind, key = labels_of.pop(0)
        query = query.where(row.number == lead.c.number, lead.c.kind == kind, lead.c.key == key)
        number = lead.c.number
    for column, value in (
        (row.whereabouts, which.where),
        (row.kind, which.kind),
        (row.collection_id, which.collection_id),
        (row.favourite, which.favourite),
        (row.latest, which.latest),
    ):
        if value is not None:
            query = query.where(column == value)
    for kind, key in labels_of:
        label = LIBRARY_LABELS.alias(kind)
        query = query.where(
            sa.exists().where(
                label.c.number == row.number, label.c.kind == kind, label.c.key == key
            )
        )
    return query, number


def _words_of_sqlite(terms: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    """Whether a file has, for every term, a word which begins with one of its spellings."""
    asked = " AND ".join(
        f"({' OR '.join(f'"{spelling}" *' for spelling in term)})" for term in terms
    )
    return sa.literal_column("library_text").op("MATCH", is_comparison=True)(asked)


def _words_of_postgresql(terms: Sequence[Sequence[str]]) -> ColumnElement[bool]:
    asked = " & ".join(f"({' | '.join(f"'{spelling}':*" for spelling in term)})" for term in terms)
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
    rows = connection.execute(sa.select(LIBRARY_FILES).where(condition)).mappings().all()
    return next(iter(files_of(connection, rows)), None)


def files_of(connection: Connection, rows: Sequence[RowMapping]) -> tuple[LibraryFile, ...]:
    """Read files with their labels and places."""
    if not rows:
        return ()
    wanted = {"numbers": [row["number"] for row in rows]}
    found: dict[int, dict[str, tuple[str, ...]]] = defaultdict(dict)
    for number, kind, value in connection.execute(_LABELS_OF, wanted):
        found[number][kind] = (*found[number].get(kind, ()), value)
    places: dict[int, list[Place]] = defaultdict(list)
    for number, printer_id, path, present, certain, last_seen in connection.execute(
        _PLACES_OF, wanted
    ):
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
        library_codec.file_of(row, found[row["number"]], tuple(places[row["number"]]))
        for row in rows
    )
