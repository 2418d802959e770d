"""Files on printers: which lie there now, which of them are ours, which were printed."""

from __future__ import annotations

import posixpath
from itertools import batched
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID, uuid4

import sqlalchemy as sa

from ..errors import NotAllowed
from ..file_match import Known, Sighting, matches, written_since
from ..library_file import (
    FileState,
    LibraryFile,
    Origin,
    Source,
    Whereabouts,
    compared,
    shown_name,
    stored_name,
)
from . import library_changes, printers
from .library_tables import LIBRARY_FILES, LIBRARY_LABELS, LIBRARY_PLACES

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import Connection, RowMapping

_BATCH: Final = 500


def seen(
    connection: Connection,
    printer_id: str,
    folder: str,
    files: Iterable[Sighting],
    at: datetime,
) -> int:
    """Take note of what lies in one folder of a printer now; returns how many files are new.

    A file is taken for one of ours by the rules of its brand. What lay there and does so no
    more is gone. All in one go: `met` and `left` do it in pieces.
    """
    seen_now = list(files)
    fresh = met(connection, printer_id, seen_now, at)
    left(connection, printer_id, folder, {file.path for file in seen_now})
    return fresh


def met(connection: Connection, printer_id: str, files: Sequence[Sighting], at: datetime) -> int:
    """Take note of some files that lie on a printer now; returns how many of them are new."""
    printers.insert(connection, [{"id": printer_id, "at": at}])
    brand = printers.kind_of(connection, printer_id)
    here = _places_at(connection, printer_id, [file.path for file in files])
    touched: set[int] = set()
    before_it: set[int] = set()
    fresh = 0
    for file in files:
        before = here.get(file.path)
        if before is not None and _same_size(before["size_bytes"], file.size_bytes):
            _see_again(connection, before, file, at)
            if not before["present"]:
                touched.add(before["number"])
            continue
        if before is not None:
            before_it.add(before["number"])
        number = _known(connection, brand, file)
        if number is None:
            number, fresh = _meet(connection, printer_id, file, at), fresh + 1
        _place(connection, printer_id, file, number, at)
        touched.add(number)
    library_changes.refresh(connection, touched | before_it)
    library_changes.remove_hollow(connection, before_it)
    return fresh


def left(connection: Connection, printer_id: str, folder: str, paths: Collection[str]) -> None:
    """Take note that one folder of a printer holds these files and no others."""
    lost = [
        row
        for row in _places(connection, printer_id, folder)
        if row["present"] and row["path"] not in paths
    ]
    for row in lost:
        _gone(connection, printer_id, row["path"])
    library_changes.refresh(connection, {row["number"] for row in lost})


def removed(connection: Connection, printer_id: str, path: str) -> None:
    """Note that a file was deleted from a printer. Fine when it was never known."""
    row = LIBRARY_PLACES.c
    numbers = connection.execute(
        sa.select(row.number).where(row.printer_id == printer_id, row.path == path)
    ).scalars()
    found = list(numbers)
    _gone(connection, printer_id, path)
    library_changes.refresh(connection, found)


def fetching(connection: Connection, file_id: UUID, onto: UUID | None) -> None:
    """Note that a file is being fetched onto a shelf, or is not any more."""
    row = LIBRARY_FILES.c
    number = connection.execute(sa.select(row.number).where(row.id == file_id)).scalar_one_or_none()
    if number is not None:
        connection.execute(
            sa.update(LIBRARY_FILES).where(row.number == number).values(fetching=onto)
        )
        library_changes.refresh(connection, [number])


def settle_fetches(connection: Connection, onto: UUID) -> None:
    """Forget what was being fetched onto a shelf by a process that is gone."""
    row = LIBRARY_FILES.c
    query = sa.select(row.number).where(row.fetching == onto)
    numbers = connection.execute(query).scalars().all()
    if numbers:
        connection.execute(
            sa.update(LIBRARY_FILES).where(row.number.in_(numbers)).values(fetching=None)
        )
        library_changes.refresh(connection, numbers)


def printed(
    connection: Connection, printer_id: str, path: str | None, name: str | None, at: datetime
) -> UUID | None:
    """Note that a print of a file began; returns which, as far as the printer's words tell.

    By its path there, or else by its name, when only one file there has it.
    """
    brand = printers.kind_of(connection, printer_id)
    row = LIBRARY_PLACES.c
    numbers: list[int] = []
    if path is not None:
        query = sa.select(row.number).where(row.printer_id == printer_id, row.path == path)
        numbers = list(connection.execute(query).scalars())
    if not numbers:
        said = [each for each in (name, path and posixpath.basename(path)) if each]
        query = sa.select(row.number, row.name, row.path).where(row.printer_id == printer_id)
        numbers = list(
            {
                place.number
                for place in connection.execute(query)
                for each in said
                if matches(
                    brand,
                    Sighting(path=place.path, name=place.name),
                    Known(names=(each,), size_bytes=None),
                )
            }
        )
    if len(numbers) != 1:
        return None
    file = LIBRARY_FILES.c
    connection.execute(
        sa.update(LIBRARY_FILES).where(file.number == numbers[0]).values(printed_at=at)
    )
    query_id = sa.select(file.id).where(file.number == numbers[0])
    found: UUID = connection.execute(query_id).scalar_one()
    return found


def _places(connection: Connection, printer_id: str, folder: str) -> list[RowMapping]:
    """Read the places of one folder, without those of the folders in it."""
    row = LIBRARY_PLACES.c
    below = folder.rstrip("/") + "/"
    query = sa.select(LIBRARY_PLACES).where(
        row.printer_id == printer_id, row.path.startswith(below, autoescape=True)
    )
    return [
        found
        for found in connection.execute(query).mappings()
        if found["path"].startswith(below) and "/" not in found["path"][len(below) :]
    ]


def _places_at(
    connection: Connection, printer_id: str, paths: Sequence[str]
) -> dict[str, RowMapping]:
    """Read the places of these paths, by path."""
    row = LIBRARY_PLACES.c
    found: dict[str, RowMapping] = {}
    for some in batched(paths, _BATCH, strict=False):
        query = sa.select(LIBRARY_PLACES).where(row.printer_id == printer_id, row.path.in_(some))
        found |= {place["path"]: place for place in connection.execute(query).mappings()}
    return found


def _same_size(known: int | None, told: int | None) -> bool:
    return known is None or told is None or known == told


def _see_again(connection: Connection, before: RowMapping, file: Sighting, at: datetime) -> None:
    values: dict[str, Any] = {"present": True, "last_seen": at}
    if file.size_bytes is not None:
        values["size_bytes"] = file.size_bytes
    if written_since(file.modified, before["last_seen"], at):
        # Sliced again and of the same length: it is what it is called, and no more is known.
        values["certain"] = False
    connection.execute(
        sa.update(LIBRARY_PLACES)
        .where(
            LIBRARY_PLACES.c.printer_id == before["printer_id"],
            LIBRARY_PLACES.c.path == before["path"],
        )
        .values(values)
    )


def _gone(connection: Connection, printer_id: str, path: str) -> None:
    connection.execute(
        sa.update(LIBRARY_PLACES)
        .where(LIBRARY_PLACES.c.printer_id == printer_id, LIBRARY_PLACES.c.path == path)
        .values(present=False)
    )


def _known(connection: Connection, brand: str | None, file: Sighting) -> int | None:
    """Return the file that one on a printer must be: one on the shelf rather than another."""
    row, label = LIBRARY_FILES.c, LIBRARY_LABELS.c
    names = {compared(file.name), compared(posixpath.basename(file.path))}
    aliased = sa.select(label.number).where(label.kind == "alias", label.key.in_(names))
    candidate = row.key.in_(names) | row.number.in_(aliased)
    if file.size_bytes is not None:
        candidate = candidate | (row.size_bytes == file.size_bytes)
    query = (
        sa.select(row.number, row.name, row.size_bytes)
        .where(candidate, row.state == FileState.KEPT.value)
        .order_by((row.shelves != "").desc(), row.latest.desc(), row.number.desc())
        .limit(200)
    )
    rows = connection.execute(query).all()
    aliases: dict[int, list[str]] = {}
    for number, value in connection.execute(
        sa.select(label.number, label.value).where(
            label.kind == "alias", label.number.in_([one.number for one in rows])
        )
    ):
        aliases.setdefault(number, []).append(value)
    for one in rows:
        known = Known(
            names=(one.name, *aliases.get(one.number, ())),
            size_bytes=None if one.size_bytes < 0 else one.size_bytes,
        )
        if matches(brand, file, known):
            return int(one.number)
    return None


def _meet(connection: Connection, printer_id: str, file: Sighting, at: datetime) -> int:
    """Add a file that nobody has fetched."""
    return library_changes.insert(
        connection,
        LibraryFile(
            id=uuid4(),
            name=_name(file),
            sha256=None,
            size_bytes=file.size_bytes,
            added_at=at,
            source=Source(origin=Origin.SEEN, printer_id=printer_id, path=file.path),
            where=Whereabouts.AVAILABLE,
            shelves=(),
        ),
    )


def _name(file: Sighting) -> str:
    """Return what to call a file on a printer; it is there, whatever it is called."""
    try:
        return shown_name(file.name)
    except NotAllowed:
        return stored_name(file.name)


def _place(
    connection: Connection, printer_id: str, file: Sighting, number: int, at: datetime
) -> None:
    connection.execute(
        printers.upsert(connection, LIBRARY_PLACES, ("printer_id", "path"), ("first_seen",)),
        {
            "printer_id": printer_id,
            "path": file.path,
            "number": number,
            "name": file.name,
            "size_bytes": file.size_bytes,
            "present": True,
            "certain": False,
            "first_seen": at,
            "last_seen": at,
        },
    )
