"""What files on printers say of themselves, one suite for every database."""

from __future__ import annotations

from dataclasses import replace

from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.file_match import Sighting
from custom_components.printernizer.engine.library_file import LibraryFilter
from custom_components.printernizer.engine.store import (
    library,
    library_changes,
    library_glimpses,
    library_places,
)
from custom_components.printernizer.engine.store.database import Store

from ..story import BEGINNING
from .test_library import FACTS, a_file, meet, names, see

A, B = Sighting(path="/a.3mf", name="a.3mf", size_bytes=5), Sighting(path="/b.3mf", name="b.3mf")


async def test_what_a_file_on_a_printer_says_leads_to_it(store: Store) -> None:
    """By material, kind and words, as if it had been fetched."""
    await meet(store, "P1", "moonraker")
    await see(store, A, B)
    assert await store.run(library_glimpses.untold, "P1", limit=5) == ("/b.3mf", "/a.3mf")
    assert await store.run(library_glimpses.untold, "P1", limit=1) == ("/b.3mf",)
    file_id = await store.run(library_glimpses.tell, "P1", "/a.3mf", FACTS, None)
    file = await store.run(library.at_place, "P1", "/a.3mf")
    assert file is not None
    assert (file.id, file.facts, file.kind) == (file_id, FACTS, FileKind.THREEMF)
    assert not file.on_shelf
    assert await names(store, material="PETG-CF") == ["a.3mf"]
    assert await names(store, kind=FileKind.THREEMF) == ["a.3mf"]
    assert await names(store, text="orca") == ["a.3mf"]
    await store.run(library_glimpses.tell, "P1", "/b.3mf", None, "its archive is broken")
    broken = await store.run(library.at_place, "P1", "/b.3mf")
    assert broken is not None
    assert (broken.kind, broken.facts_error) == (None, "its archive is broken")
    assert await store.run(library_glimpses.untold, "P1", limit=5) == ()
    other = replace(FACTS, kind=FileKind.GCODE, plates=())
    await store.run(library_glimpses.tell, "P1", "/a.3mf", other, None)
    assert await names(store, material="PETG-CF") == []


async def test_what_is_gone_or_here_is_not_looked_into(store: Store) -> None:
    """The bytes on the shelf say it better, and what is gone says nothing."""
    await meet(store, "P1", "moonraker")
    await see(store, A, B)
    await store.run(library_places.removed, "P1", "/b.3mf")
    assert await store.run(library_glimpses.untold, "P1", limit=5) == ("/a.3mf",)
    source = replace(a_file().source, printer_id="P1", path="/a.3mf")
    await store.run(library_changes.add, a_file("a.3mf", size_bytes=5, source=source, facts=FACTS))
    assert await store.run(library_glimpses.untold, "P1", limit=5) == ()
    assert await store.run(library_glimpses.tell, "P1", "/a.3mf", None, "broken") is None
    assert await store.run(library_glimpses.tell, "P1", "/nowhere", None, None) is None
    page = await store.run(library.page, LibraryFilter(material="PETG-CF"))
    assert [file.facts for file in page.files] == [FACTS]
    assert page.files[0].added_at >= BEGINNING
