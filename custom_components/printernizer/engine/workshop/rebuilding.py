"""The list of files from what lies on the shelf, when the database is lost."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from ..file import FileKind
from ..formats.sniff import HEAD_BYTES, sniff
from ..library.intake import read_facts_of
from ..library_file import Collection, LibraryFile, Origin, Source
from ..store import library, library_changes, library_codec

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from sqlalchemy import Connection

    from ..library.shelf import Shelf
    from ..store.database import Store
    from .clock import Clock

_LOGGER = logging.getLogger(__name__)

_AT_ONCE: Final = 50
"""Files of one transaction: others wait for it."""

type _Found = tuple[LibraryFile, Collection | None]


async def rebuild(
    store: Store, shelf: Shelf, clock: Clock, here: UUID, door: asyncio.Lock, *, told: bool = False
) -> int:
    """List what lies on the shelf and is not listed; returns how many files that was.

    here: what the shelf is called. door: held while contents and lines come or go together. told:
    leave out what has no sidecar. It never wholly came in, or was on its way out, when somebody
    pulled the plug; but it may be all that is left of a file, and a person who asks for it gets
    it listed under its hash. Twice does no more than once. Raises NotAllowed and StoreError.
    """
    known = frozenset(await store.run(library.shelved, here))
    found = await asyncio.to_thread(_read_all, shelf, known, clock.now(), told=told)
    if not found:
        return 0
    # The list is sorted by when files were added: they come in the same order again.
    found.sort(key=lambda each: (each[0].added_at, each[0].sha256 or ""))
    taken = 0
    for begin in range(0, len(found), _AT_ONCE):
        async with door:
            # What went, or was listed, since it was read is left as it is now.
            still = await asyncio.to_thread(_still_there, shelf, found[begin : begin + _AT_ONCE])
            taken += await store.run(_adopt, still, here)
    await store.run(library_changes.settle_revisions)
    if taken:
        _LOGGER.warning("%s files were listed anew from what lies on the shelf", taken)
    return taken


def _adopt(connection: Connection, found: list[_Found], here: UUID) -> int:
    return sum(
        library_changes.adopt(connection, replace(file, shelves=(here,)), where)
        for file, where in found
    )


def _still_there(shelf: Shelf, found: list[_Found]) -> list[_Found]:
    return [each for each in found if each[0].sha256 is not None and shelf.has(each[0].sha256)]


def _read_all(shelf: Shelf, known: frozenset[str], now: datetime, *, told: bool) -> list[_Found]:
    """Read the sidecars of all that is not known. On disk, in a thread."""
    return [
        _read(shelf, item.sha256, now)
        for item in shelf.walk()
        if item.object
        and item.sha256 is not None
        and item.sha256 not in known
        and (item.sidecar or not told)
    ]


def _read(shelf: Shelf, sha256: str, now: datetime) -> _Found:
    size = shelf.path(sha256).stat().st_size
    text = shelf.read_sidecar(sha256)
    try:
        file, collection = library_codec.sidecar_of(text or "")
    except ValueError as err:
        _LOGGER.warning("%s has no sidecar that can be read: %s", sha256, err)
        return _nameless(shelf, sha256, size, now), None
    if file.sha256 != sha256 or file.size_bytes != size:
        _LOGGER.warning("%s has the sidecar of another file", sha256)
        return _nameless(shelf, sha256, size, now), None
    return file, None if collection is None else Collection(id=uuid4(), name=collection)


def _nameless(shelf: Shelf, sha256: str, size: int, now: datetime) -> LibraryFile:
    """Describe a content of which nothing is known but its bytes."""
    path = shelf.path(sha256)
    with path.open("rb") as file:
        kind = sniff(file.read(HEAD_BYTES), size)
    ending = "bin" if kind is None or kind is FileKind.OTHER_MESH else kind.value
    name = f"{sha256[:12]}.{ending}"
    facts, error = read_facts_of(path, name)
    return LibraryFile(
        id=uuid4(),
        name=name,
        sha256=sha256,
        kind=kind,
        size_bytes=size,
        added_at=now,
        source=Source(origin=Origin.UPLOADED),
        facts=facts,
        facts_error=error,
    )
