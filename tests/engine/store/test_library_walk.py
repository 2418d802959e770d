"""What a look through a printer settles, on every database."""

from __future__ import annotations

from uuid import uuid4

import pytest

from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.file_match import Sighting
from custom_components.printernizer.engine.library_file import (
    LibraryFile,
    Origin,
    Source,
    Whereabouts,
)
from custom_components.printernizer.engine.store import (
    library,
    library_changes,
    library_places,
    library_walk,
)
from custom_components.printernizer.engine.store.database import Store

from ..story import BEGINNING

OURS = f"{7:064x}"


async def _sees(store: Store, folder: str, *paths: str) -> None:
    sightings = [Sighting(path=path, name=path.rsplit("/", 1)[-1], size_bytes=9) for path in paths]
    await store.run(library_places.seen, "P1", folder, sightings, BEGINNING)


async def _at(store: Store, path: str) -> LibraryFile | None:
    return await store.run(library.at_place, "P1", path)


@pytest.fixture
async def ours(store: Store) -> LibraryFile:
    """Put a file onto the shelf."""
    new = LibraryFile(
        id=uuid4(),
        name="ours.gcode",
        sha256=OURS,
        kind=FileKind.GCODE,
        size_bytes=77,
        added_at=BEGINNING,
        source=Source(origin=Origin.UPLOADED),
    )
    return (await store.run(library_changes.add, new)).file


async def test_files_of_folders_that_are_gone_are_gone(store: Store) -> None:
    """Nobody lists a folder that was deleted, and so nobody says that it is empty."""
    await _sees(store, "/", "/a.gcode")
    await _sees(store, "/Größe", "/Größe/b.gcode")
    assert await store.run(library_walk.walked, "P1", {"/", "/Größe"}) == 0
    assert await store.run(library_walk.walked, "P2", {"/"}) == 0
    assert await store.run(library_walk.walked, "P1", {"/"}) == 1
    near, far = await _at(store, "/a.gcode"), await _at(store, "/Größe/b.gcode")
    assert near is not None
    assert far is not None
    assert (near.where, far.where) == (Whereabouts.AVAILABLE, Whereabouts.GONE)


async def test_a_file_that_we_sent_is_known_there(store: Store, ours: LibraryFile) -> None:
    """And what was under that name before is forgotten: nobody can have it any more."""
    await _sees(store, "/", "/x.gcode")
    before = await _at(store, "/x.gcode")
    assert before is not None
    assert await store.run(library_walk.placed, "P1", "/x.gcode", OURS, BEGINNING)
    known = await _at(store, "/x.gcode")
    assert known is not None
    assert (known.id, known.where) == (ours.id, Whereabouts.DOWNLOADED)
    assert [(place.path, place.certain) for place in known.places] == [("/x.gcode", True)]
    assert await store.run(library.get, before.id) is None
    assert await store.run(library_walk.placed, "P1", "/x.gcode", OURS, BEGINNING)
    assert not await store.run(library_walk.placed, "P1", "/y.gcode", f"{8:064x}", BEGINNING)
    assert await _at(store, "/y.gcode") is None


async def test_a_file_that_was_moved_is_the_same_one(store: Store, ours: LibraryFile) -> None:
    await store.run(library_walk.placed, "P1", "/x.gcode", OURS, BEGINNING)
    await _sees(store, "/sub", "/sub/y.gcode")
    replaced = await _at(store, "/sub/y.gcode")
    assert replaced is not None
    await store.run(library_walk.moved, "P1", "/x.gcode", "/sub/y.gcode", BEGINNING)
    known = await _at(store, "/sub/y.gcode")
    assert known is not None
    assert known.id == ours.id
    assert [(place.path, place.certain) for place in known.places] == [("/sub/y.gcode", True)]
    assert await _at(store, "/x.gcode") is None
    assert await store.run(library.get, replaced.id) is None
    for nothing in ("/none", "/sub/y.gcode"):
        await store.run(library_walk.moved, "P1", nothing, "/sub/y.gcode", BEGINNING)
    assert await _at(store, "/sub/y.gcode") == known
