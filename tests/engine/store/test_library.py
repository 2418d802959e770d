"""The list of files, one suite for every database."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.file import (
    FilamentFacts,
    FileFacts,
    FileKind,
    PlateFacts,
)
from custom_components.printernizer.engine.file_match import Sighting
from custom_components.printernizer.engine.library_file import (
    ONE_SHELF,
    CleanUpRule,
    Collection,
    FileState,
    LibraryFile,
    LibraryFilter,
    Origin,
    Place,
    SortBy,
    Source,
    Whereabouts,
)
from custom_components.printernizer.engine.store import (
    library,
    library_changes,
    library_codec,
    library_places,
    migrate,
    printers,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.library_changes import Added, Came
from custom_components.printernizer.engine.store.library_tables import LIBRARY_LABELS

from ..story import BEGINNING

FACTS = FileFacts(
    kind=FileKind.THREEMF,
    slicer="OrcaSlicer",
    slicer_version="2.3.1",
    printer_model="Bambu Lab A1",
    plates=(PlateFacts(filaments=(FilamentFacts(index=0, material="PETG-CF"),)),),
)
UPLOADED = Source(origin=Origin.UPLOADED)


def a_file(name: str = "Würfel.3mf", content: int = 1, **values: Any) -> LibraryFile:
    told: dict[str, Any] = {
        "id": uuid4(),
        "name": name,
        "sha256": f"{content:064x}",
        "kind": FileKind.THREEMF,
        "size_bytes": 1000 + content,
        "added_at": BEGINNING + timedelta(seconds=content),
        "source": UPLOADED,
    }
    return LibraryFile(**told | values)


async def added(store: Store, *files: LibraryFile) -> list[LibraryFile]:
    return [(await store.run(library_changes.add, file)).file for file in files]


async def names(store: Store, **which: Any) -> list[str]:
    page = await store.run(library.page, LibraryFilter(**which))
    return [file.name for file in page.files]


async def meet(store: Store, printer_id: str, kind: str, name: str | None = None) -> None:
    await store.run(printers.meet, printer_id, kind=kind, model=None, name=name, at=BEGINNING)


async def see(store: Store, *files: Sighting, folder: str = "/", printer: str = "P1") -> int:
    return await store.run(library_places.seen, printer, folder, files, BEGINNING)


async def test_a_file_is_read_back_exactly(store: Store) -> None:
    file = a_file(
        facts=FACTS,
        note="für Oma",
        favourite=True,
        tags=("Geschenk", "oma"),
        aliases=("cube.3mf",),
        source=Source(origin=Origin.SLICER, sender="OrcaSlicer at the desk"),
        printed_at=BEGINNING,
    )
    assert await store.run(library_changes.add, file) == Added(file=file, came=Came.NEW)
    assert await store.run(library.get, file.id) == file
    assert await store.run(library.by_sha256, f"{1:064x}") == file
    assert await store.run(library.many, [file.id, uuid4()]) == (file,)
    assert await store.run(library.get, uuid4()) is None
    assert await store.run(library.at_place, "P1", "/x") is None


async def test_the_same_content_is_one_file_with_another_name(store: Store) -> None:
    """Downloads folders hold each file three times."""
    (first,) = await added(store, a_file())
    again = await store.run(library_changes.add, a_file("Kopie von Würfel.3mf"))
    assert (again.came, again.file.id, again.file.name) == (Came.DUPLICATE, first.id, first.name)
    assert again.file.aliases == ("Kopie von Würfel.3mf",)
    # The same name, written the way another system does.
    once_more = await store.run(library_changes.add, a_file("Wu\u0308RFEL.3mf"))
    assert once_more.file.aliases == ("Kopie von Würfel.3mf",)
    assert await names(store, text="kopie") == ["Würfel.3mf"]


def lasting(*minutes: float) -> FileFacts:
    """A file whose plates print for so long."""
    return FileFacts(
        kind=FileKind.THREEMF,
        plates=tuple(
            PlateFacts(number=number, print_time=timedelta(minutes=each))
            for number, each in enumerate(minutes, 1)
        ),
    )


@pytest.mark.parametrize("few", [2000, 1])
async def test_files_are_found_by_how_long_a_plate_prints(
    store: Store, monkeypatch: pytest.MonkeyPatch, few: int
) -> None:
    """What goes on over night, what is done before lunch: the same, however many there are."""
    monkeypatch.setattr(library, "_FEW", few)
    hour = timedelta(hours=1)
    await added(
        store,
        a_file("short.3mf", 1, facts=lasting(20), tags=("rot",)),
        a_file("both.3mf", 2, facts=lasting(30, 600, 30), tags=("rot",)),
        a_file("hour.3mf", 3, facts=lasting(60)),
        a_file("untold.3mf", 4, facts=FACTS),
        a_file("unread.3mf", 5),
    )
    assert await names(store, longest=hour) == ["hour.3mf", "both.3mf", "short.3mf"]
    assert await names(store, shortest=hour) == ["hour.3mf", "both.3mf"]
    assert await names(store, shortest=hour, longest=hour) == ["hour.3mf"]
    # One plate of half an hour and one of ten: none of them takes three.
    assert await names(store, shortest=hour * 2, longest=hour * 4) == []
    assert await names(store, shortest=hour * 8, longest=timedelta.max) == ["both.3mf"]
    assert await names(store, longest=hour / 2, tag="rot") == ["both.3mf", "short.3mf"]
    assert await names(store, longest=hour / 2, text="bot") == ["both.3mf"]
    assert await names(store, shortest=hour, text="short") == []
    first = await store.run(library.page, LibraryFilter(longest=hour), sort=SortBy.NAME, limit=2)
    assert [file.name for file in first.files] == ["short.3mf", "hour.3mf"]
    assert first.next is not None
    (rest,) = (
        await store.run(
            library.page, LibraryFilter(longest=hour), sort=SortBy.NAME, after=first.next
        )
    ).files
    assert rest.name == "both.3mf"


async def test_a_print_time_that_is_read_anew_replaces_the_one_before(store: Store) -> None:
    """A list that finds files by what they said once leads to the wrong ones."""
    (file,) = await added(store, a_file(facts=lasting(20)))
    await store.run(library_changes.set_facts, file.id, lasting(90), None)
    assert await names(store, longest=timedelta(hours=1)) == []
    assert await names(store, longest=timedelta(hours=2)) == [file.name]
    assert await names(store, text="0000005400") == []


@pytest.mark.from_scratch
async def test_files_listed_before_are_found_by_print_time_as_well(
    url: str, tmp_path: Path
) -> None:
    """Nobody takes all files in anew after an update."""
    before = tmp_path / "migrations"
    shutil.copytree(
        migrate.MIGRATIONS, before, ignore=shutil.ignore_patterns("__pycache__", "0010*")
    )
    files = (
        a_file("short.3mf", 1, facts=lasting(20, 20)),
        a_file("long.3mf", 2, facts=lasting(10, 600)),
        a_file("untold.3mf", 3, facts=FACTS),
        a_file("unread.3mf", 4),
    )
    async with Store(url, migrations=before) as old:
        await added(old, *files)
        await old.run(lambda it: it.exec_driver_sql("DELETE FROM library_labels"))
    async with Store(url) as store:
        assert await names(store, longest=timedelta(hours=1)) == ["long.3mf", "short.3mf"]
        assert await names(store, shortest=timedelta(hours=10)) == ["long.3mf"]
        # The same keys that a look at the file writes.
        keys = sa.select(LIBRARY_LABELS).where(LIBRARY_LABELS.c.kind == "time")
        told = set(map(tuple, await store.run(lambda it: it.execute(keys).all())))
        await store.run(library_changes.refresh, [1, 2, 3, 4])
        assert set(map(tuple, await store.run(lambda it: it.execute(keys).all()))) == told


async def test_a_content_that_comes_again_leaves_the_bin_and_tells_more(store: Store) -> None:
    (file,) = await added(store, a_file(facts_error="damaged"))
    await store.run(library_changes.recycle, [file.id], BEGINNING)
    again = (await store.run(library_changes.add, a_file(facts=FACTS))).file
    assert (again.id, again.state, again.recycled_at) == (file.id, FileState.KEPT, None)
    assert (again.facts, again.facts_error) == (FACTS, None)


async def test_other_content_of_the_same_name_and_source_is_a_revision(store: Store) -> None:
    (one,) = await added(store, a_file())
    second = await store.run(library_changes.add, a_file("würfel.3mf", 2))
    two = second.file
    assert (second.came, two.revision, two.revision_of) == (Came.REVISION, 2, one.id)
    (three,) = await added(store, a_file(content=3))
    elsewhere = a_file(content=4, source=Source(origin=Origin.SLICER))
    assert (await store.run(library_changes.add, elsewhere)).came is Came.NEW
    assert [f.latest for f in await store.run(library.many, [one.id, two.id, three.id])] == [
        False,
        False,
        True,
    ]
    for each in (one, two, three):
        found = await store.run(library.revisions, each.id)
        assert [file.id for file in found] == [three.id, two.id, one.id]
    assert len(await names(store, latest=True)) == 2
    # A newest one that is thrown away makes the one before the newest again.
    await store.run(library_changes.recycle, [three.id], BEGINNING)
    found_two = await store.run(library.get, two.id)
    assert found_two is not None
    assert found_two.latest
    await store.run(library_changes.restore, [three.id])
    found_two = await store.run(library.get, two.id)
    assert found_two is not None
    assert not found_two.latest


async def test_a_revision_between_two_others_goes_without_parting_them(store: Store) -> None:
    one, two, three = await added(store, *(a_file(content=n) for n in (1, 2, 3)))

    async def latest() -> list[bool]:
        return [file.latest for file in await store.run(library.many, [one.id, two.id, three.id])]

    await store.run(library_changes.recycle, [two.id], BEGINNING)
    assert await latest() == [False, False, True]
    await store.run(library_changes.forget, two.id, ONE_SHELF)
    assert await latest() == [False, True]
    chain = await store.run(library.revisions, one.id)
    assert [file.id for file in chain] == [three.id, one.id]


async def test_a_newer_revision_that_is_not_here_any_more_replaces_none(store: Store) -> None:
    """Otherwise a rule throws the last revision away of which anybody has the bytes."""
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.gcode")
    one, two = await added(store, *(a_file("a.gcode", n, source=source) for n in (1, 2)))
    await store.run(library_changes.recycle, [two.id], BEGINNING)
    await store.run(library_changes.forget, two.id, ONE_SHELF)
    left = await store.run(library.get, two.id)
    assert left is not None
    assert left.where is Whereabouts.AVAILABLE
    await store.run(library_changes.settle_revisions)
    kept = await store.run(library.get, one.id)
    assert kept is not None
    assert kept.latest


async def test_conditions_meet_in_the_index_of_words(store: Store) -> None:
    """A label is found as a whole, by nobody's typing, and never instead of a word."""
    red, blue = (
        a_file(
            f"teil {n}.3mf",
            n,
            tags=("rot", "rot & groß") if n == 1 else ("rotor",),
            source=Source(origin=Origin.UPLOADED, printer_id="P1"),
            facts=FACTS,
        )
        for n in (1, 2)
    )
    await added(store, red, blue)
    found = ["teil 1.3mf"]
    assert await names(store, tag="ROT", printer_id="P1") == found
    assert await names(store, tag="rot & groß", material="petg-cf", printer_id="P1") == found
    assert await names(store, tag="rot", text="teil") == found
    assert await names(store, tag="rot", printer_id="P1", text="'") == []
    assert await names(store, tag="rot", printer_id="P2") == []
    assert await names(store, text="\ue000") == []
    assert await names(store, tag="rot", favourite=False, kind=FileKind.THREEMF) == found
    by_size = await store.run(library.page, LibraryFilter(tag="rotor"), sort=SortBy.SIZE)
    assert [file.name for file in by_size.files] == ["teil 2.3mf"]
    await store.run(library_changes.tag, [red.id], [], ["rot"])
    assert await names(store, tag="rot", printer_id="P1") == []


async def test_common_words_and_labels_are_found_as_rare_ones_are(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(library, "_FEW", 1)
    await added(store, *(a_file(f"teil {n}.3mf", n, tags=("rot",)) for n in range(3)))
    down = [f"teil {n}.3mf" for n in (2, 1, 0)]
    assert await names(store, text="teil") == down
    by_name = await store.run(library.page, LibraryFilter(tag="rot"), sort=SortBy.NAME)
    assert [file.name for file in by_name.files] == down


SEARCHES = [
    ("würfel", True),
    ("WÜRF", True),
    ("wurfel", True),
    ("wuerfel", True),
    ("Wu\u0308rfel", True),
    ("grösse", True),
    ("größe", True),
    ("groesse", True),
    ("GROSSE", True),
    ("cube calib", True),
    ("calibrationcube", True),
    ("v2", True),
    ("petg", True),
    ("cf", True),
    ("orca", True),
    ("bambu a1", True),
    ("werkstatt", True),
    ("geschenk", True),
    ("oma", True),
    ("P1", True),
    ("立方", True),
    ("ürfel", False),
    ("würfel kugel", False),
    ("'", False),
    ('" OR 1 --', False),
    ("NEAR(a b)", False),
    ("🧊", False),
    ("%", False),
]


async def test_a_file_is_found_by_the_beginnings_of_its_words(store: Store) -> None:
    """Nobody remembers how a file is spelled, and no input may be a program."""
    await meet(store, "P1", "bambu", "Drucker in der Werkstatt")
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/x.3mf")
    name = "Würfel-Größe_CalibrationCube_v2_立方体.gcode.3mf"
    await added(
        store,
        a_file(name, facts=FACTS, tags=("Geschenk",), note="für Oma", source=source),
        a_file("Benchy.3mf", 2),
    )
    for text, found in SEARCHES:
        assert await names(store, text=text) == ([name] if found else []), text
    assert len(await names(store, text="")) == 2


async def test_words_follow_what_is_changed(store: Store) -> None:
    (file,) = await added(store, a_file())
    await store.run(library_changes.change, file.id, {"name": "Kugel.3mf"})
    await store.run(library_changes.tag, [file.id], ["rund"], [])
    assert (await names(store, text="würfel"), await names(store, text="kugel rund")) == (
        [],
        ["Kugel.3mf"],
    )
    await store.run(library_changes.tag, [file.id], [], ["RUND"])
    assert await names(store, text="rund") == []
    assert await store.run(library_changes.change, uuid4(), {"name": "x"}) is None


async def test_the_list_is_filtered(store: Store) -> None:
    gcode = a_file(
        "a.gcode",
        1,
        kind=FileKind.GCODE,
        tags=("rot",),
        source=Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.gcode"),
    )
    model = a_file("b.3mf", 2, favourite=True, facts=FACTS)
    (one, two) = await added(store, gcode, model)
    collection = Collection(id=uuid4(), name="Vasen")
    await store.run(library_changes.add_collection, collection, BEGINNING)
    await store.run(library_changes.change, two.id, {"collection_id": collection.id})
    await see(
        store,
        Sighting(path="/a.gcode", name="a.gcode", size_bytes=1001),
        Sighting(path="/c.gcode", name="c.gcode", size_bytes=5),
    )
    assert await names(store) == ["c.gcode", "b.3mf", "a.gcode"]
    assert await names(store, kind=FileKind.GCODE) == ["a.gcode"]
    assert await names(store, printer_id="P1") == ["c.gcode", "a.gcode"]
    assert await names(store, material="petg-cf") == ["b.3mf"]
    assert await names(store, tag="ROT") == ["a.gcode"]
    assert await names(store, favourite=True) == ["b.3mf"]
    assert await names(store, collection_id=collection.id) == ["b.3mf"]
    assert await names(store, where=Whereabouts.AVAILABLE) == ["c.gcode"]
    assert await names(store, where=Whereabouts.DOWNLOADED) == ["a.gcode"]
    assert await names(store, where=Whereabouts.LOCAL_ONLY) == ["b.3mf"]
    assert await names(store, tag="rot", printer_id="P1", text="a") == ["a.gcode"]
    await store.run(library_changes.recycle, [one.id], BEGINNING)
    assert await names(store, tag="rot") == []
    assert await names(store, state=FileState.RECYCLED) == ["a.gcode"]
    assert await store.run(library.labels, "material") == (("PETG-CF", 1),)
    assert await store.run(library.labels, "tag") == ()


async def test_pages_follow_each_other_without_gap_or_repetition(store: Store) -> None:
    """Names and sizes that are the same must not swallow files at the end of a page."""
    files = await added(
        store,
        *(
            a_file(
                f"{'ab'[number % 2]}.3mf",
                number,
                size_bytes=number % 3 or None,
                source=Source(origin=Origin.UPLOADED, printer_id=f"P{number}"),
            )
            for number in range(11)
        ),
    )
    keys: dict[SortBy, Any] = {
        SortBy.ADDED: files.index,
        SortBy.NAME: lambda each: (each.name, files.index(each)),
        SortBy.SIZE: lambda each: (each.size_bytes or -1, files.index(each)),
    }
    for sort, down in product(SortBy, (True, False)):
        found, after = [], None
        while True:
            page = await store.run(library.page, sort=sort, descending=down, after=after, limit=3)
            found += page.files
            assert len(page.files) <= 3
            if (after := page.next) is None:
                break
        assert found == sorted(files, key=keys[sort], reverse=down), (sort, down)


async def test_pages_of_a_search_follow_each_other(store: Store) -> None:
    await added(store, *(a_file(f"teil {number}.3mf", number) for number in range(7)))
    which = LibraryFilter(text="teil")
    first = await store.run(library.page, which, limit=5)
    second = await store.run(library.page, which, after=first.next, limit=5)
    assert [file.name for file in (*first.files, *second.files)] == [
        f"teil {number}.3mf" for number in reversed(range(7))
    ]
    by_name = await store.run(library.page, which, sort=SortBy.NAME, descending=False, limit=2)
    assert [file.name for file in by_name.files] == ["teil 0.3mf", "teil 1.3mf"]


async def test_figures_count_the_shelf_and_the_bin(store: Store) -> None:
    one, two, _ = await added(
        store, a_file(content=1), a_file("b", 2), a_file("c.gcode", 3, kind=FileKind.GCODE)
    )
    await see(store, Sighting(path="/x.gcode", name="x.gcode"))
    await store.run(library_changes.recycle, [one.id, two.id], BEGINNING)
    await store.run(library_changes.restore, [two.id])
    figures = await store.run(library.figures)
    assert (figures.files, figures.shelf_files, figures.shelf_bytes) == (3, 3, 3006)
    assert (figures.recycled_files, figures.recycled_bytes) == (1, 1001)
    assert figures.by_kind == {"3mf": (1, 1002), "gcode": (1, 1003), "": (1, 0)}
    assert figures.by_where == {Whereabouts.LOCAL_ONLY: 2, Whereabouts.AVAILABLE: 1}
    assert await store.run(library.on_shelf, ONE_SHELF) == (3, 3006)
    assert await store.run(library.shelved, ONE_SHELF) == tuple(f"{n:064x}" for n in (1, 2, 3))


async def test_the_bin_gives_back_and_forgets_after_its_time(store: Store) -> None:
    one, two = await added(store, a_file(content=1), a_file("b", 2))
    gone = await store.run(library_changes.recycle, [one.id], BEGINNING)
    assert [(f.id, f.state, f.recycled_at) for f in gone] == [
        (one.id, FileState.RECYCLED, BEGINNING)
    ]
    assert await store.run(library_changes.recycle, [one.id], BEGINNING) == ()
    assert await store.run(library.recycled_before, BEGINNING, ONE_SHELF) == ()
    later = BEGINNING + timedelta(seconds=1)
    assert await store.run(library.recycled_before, later, ONE_SHELF) == (one.id,)
    await store.run(library_changes.forget, one.id, ONE_SHELF)
    await store.run(library_changes.forget, one.id, ONE_SHELF)
    assert await store.run(library.get, one.id) is None
    assert await names(store) == ["b"]
    assert await store.run(library_changes.restore, [two.id]) == ()


async def test_a_file_that_still_lies_on_a_printer_stays_in_the_list(store: Store) -> None:
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.gcode")
    (file,) = await added(store, a_file("a.gcode", source=source))
    await store.run(library_changes.recycle, [file.id], BEGINNING)
    await store.run(library_changes.forget, file.id, ONE_SHELF)
    left = await store.run(library.get, file.id)
    assert left is not None
    assert (left.where, left.state, left.sha256) == (
        Whereabouts.AVAILABLE,
        FileState.KEPT,
        file.sha256,
    )
    again = await store.run(library_changes.add, a_file("a.gcode", source=source))
    assert (again.came, again.file.id, again.file.where) == (
        Came.FETCHED,
        file.id,
        Whereabouts.DOWNLOADED,
    )


async def test_rules_let_go_of_what_nobody_cares_for(store: Store) -> None:
    now = BEGINNING + timedelta(days=100)
    old, printed, loved, tagged, filed, fresh = await added(
        store,
        a_file("old", 1),
        a_file("printed", 2, printed_at=now - timedelta(days=1)),
        a_file("loved", 3, favourite=True),
        a_file("tagged", 4, tags=("x",)),
        a_file("filed", 5),
        a_file("fresh", 6, added_at=now),
    )
    collection = Collection(id=uuid4(), name="Vasen")
    await store.run(library_changes.add_collection, collection, BEGINNING)
    await store.run(library_changes.change, filed.id, {"collection_id": collection.id})

    async def let_go(**rule: Any) -> set[UUID]:
        return set(await store.run(library.cleanable, CleanUpRule(**rule), now, ONE_SHELF))

    month = timedelta(days=30)
    assert await let_go() == set()
    assert await let_go(tagged=True) == set()
    assert await let_go(older_than=month) == {old.id, printed.id}
    assert await let_go(not_printed_for=month) == {old.id}
    assert await let_go(not_printed_for=month, tagged=True) == {old.id, tagged.id, filed.id}
    assert await let_go(replaced=True) == set()
    await added(store, a_file("old", 7))
    assert await let_go(replaced=True) == {old.id}
    assert loved.id not in await let_go(older_than=timedelta(0), tagged=True)
    assert fresh.id not in await let_go(older_than=timedelta(seconds=1))


async def test_collections_have_names_of_their_own(store: Store) -> None:
    vases, tools = (Collection(id=uuid4(), name=name) for name in ("Vasen", "Werkzeug"))
    assert await store.run(library_changes.add_collection, vases, BEGINNING) == vases
    assert await store.run(library_changes.add_collection, tools, BEGINNING) == tools
    twin = Collection(id=uuid4(), name="VASEN")
    assert await store.run(library_changes.add_collection, twin, BEGINNING) is None
    assert not await store.run(library_changes.rename_collection, replace(tools, name="vasen"))
    assert await store.run(library_changes.rename_collection, replace(vases, name="VASEN"))
    assert not await store.run(library_changes.rename_collection, replace(twin, name="neu"))
    (file,) = await added(store, a_file())
    await store.run(library_changes.change, file.id, {"collection_id": vases.id})
    assert await store.run(library_changes.remove_collection, vases.id)
    assert not await store.run(library_changes.remove_collection, vases.id)
    assert await store.run(library.collections) == (tools,)
    kept = await store.run(library.get, file.id)
    assert kept is not None
    assert kept.collection_id is None


# -- printers ----------------------------------------------------------------------------------


async def test_a_listing_tells_what_is_ours_what_is_new_and_what_is_gone(store: Store) -> None:
    await meet(store, "P1", "octoprint")
    (ours,) = await added(store, a_file("Würfel groß.gcode", 1))
    cut = Sighting(path="/Wurfel_gross.gcode", name="Wurfel_gross.gcode", size_bytes=1001)
    other = Sighting(path="/fremd.gcode", name="fremd.gcode", size_bytes=9)
    assert await see(store, cut, other) == 1
    assert await see(store, cut, other) == 0
    found = await store.run(library.at_place, "P1", cut.path)
    assert found is not None
    assert (found.id, found.where) == (ours.id, Whereabouts.DOWNLOADED)
    assert found.places == (
        Place(printer_id="P1", path=cut.path, present=True, certain=False, last_seen=BEGINNING),
    )
    assert await names(store, where=Whereabouts.AVAILABLE) == ["fremd.gcode"]
    assert await see(store, folder="/") == 0
    assert await names(store, where=Whereabouts.GONE) == ["fremd.gcode"]
    assert await names(store, where=Whereabouts.LOCAL_ONLY) == ["Würfel groß.gcode"]
    assert await see(store, other) == 0
    assert await names(store, where=Whereabouts.AVAILABLE) == ["fremd.gcode"]
    await store.run(library_places.removed, "P1", other.path)
    await store.run(library_places.removed, "P1", "/never")
    assert await names(store, where=Whereabouts.GONE) == ["fremd.gcode"]


async def test_a_listing_of_one_folder_says_nothing_of_others(store: Store) -> None:
    await see(store, Sighting(path="/set/a.gcode", name="a.gcode", size_bytes=1), folder="/set")
    await see(
        store, Sighting(path="/set_2/b.gcode", name="b.gcode", size_bytes=2), folder="/set_2/"
    )
    await see(store, folder="/")
    await see(store, folder="/set_")
    assert await names(store, where=Whereabouts.AVAILABLE) == ["b.gcode", "a.gcode"]


async def test_another_content_in_the_same_place_is_another_file(store: Store) -> None:
    await see(store, Sighting(path="/a.gcode", name="a.gcode", size_bytes=1))
    first = await store.run(library.at_place, "P1", "/a.gcode")
    await see(store, Sighting(path="/a.gcode", name="a.gcode"))
    assert await store.run(library.at_place, "P1", "/a.gcode") == first
    assert await see(store, Sighting(path="/a.gcode", name="a.gcode", size_bytes=2)) == 1
    second = await store.run(library.at_place, "P1", "/a.gcode")
    assert first is not None
    assert second is not None
    assert second.id != first.id
    # Nobody has the first one, and it lies nowhere.
    assert await store.run(library.get, first.id) is None


async def test_a_file_that_was_only_seen_is_filled_when_it_is_fetched(store: Store) -> None:
    await see(store, Sighting(path="/a.gcode", name="a.gcode", size_bytes=1001))
    seen = await store.run(library.at_place, "P1", "/a.gcode")
    assert seen is not None
    assert (seen.where, seen.sha256, seen.kind) == (Whereabouts.AVAILABLE, None, None)
    await store.run(library_places.fetching, seen.id, ONE_SHELF)
    assert await names(store, where=Whereabouts.DOWNLOADING) == ["a.gcode"]
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.gcode")
    came = await store.run(
        library_changes.add, a_file("a.gcode", 1, kind=FileKind.GCODE, source=source)
    )
    assert (came.came, came.file.id, came.file.where, came.file.kind) == (
        Came.FETCHED,
        seen.id,
        Whereabouts.DOWNLOADED,
        FileKind.GCODE,
    )
    assert [(place.path, place.certain) for place in came.file.places] == [("/a.gcode", True)]


async def test_what_was_fetched_and_was_here_already_leaves_no_second_line(store: Store) -> None:
    (ours,) = await added(store, a_file("Mein Würfel.gcode", 1))
    await see(store, Sighting(path="/xyz.gcode", name="xyz.gcode", size_bytes=1001))
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/xyz.gcode")
    came = await store.run(library_changes.add, a_file("xyz.gcode", 1, source=source))
    assert (came.came, came.file.id) == (Came.DUPLICATE, ours.id)
    assert await names(store) == ["Mein Würfel.gcode"]


async def test_a_download_that_a_restart_ended_does_not_last_forever(store: Store) -> None:
    await see(store, Sighting(path="/a.gcode", name="a.gcode"))
    seen = await store.run(library.at_place, "P1", "/a.gcode")
    assert seen is not None
    await store.run(library_places.fetching, seen.id, ONE_SHELF)
    await store.run(library_places.fetching, uuid4(), ONE_SHELF)
    await store.run(library_places.settle_fetches, ONE_SHELF)
    await store.run(library_places.settle_fetches, ONE_SHELF)
    assert await names(store, where=Whereabouts.AVAILABLE) == ["a.gcode"]


async def test_a_print_is_noted_at_its_file(store: Store) -> None:
    """Bambu's reports name the plate inside the archive, and the job by its title."""
    await meet(store, "P1", "bambu")
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/cache/Vase.gcode.3mf")
    (vase,) = await added(store, a_file("Vase.gcode.3mf", source=source))
    printed = library_places.printed
    path = "/cache/Vase.gcode.3mf"
    assert await store.run(printed, "P1", path, None, BEGINNING) == vase.id
    file = await store.run(library.get, vase.id)
    assert file is not None
    assert file.printed_at == BEGINNING
    inside = "/data/Metadata/plate_1.gcode"
    assert await store.run(printed, "P1", inside, "Vase.gcode.3mf", BEGINNING) == vase.id
    assert await store.run(printed, "P1", inside, "Other.gcode.3mf", BEGINNING) is None
    assert await store.run(printed, "P2", path, "Vase.gcode.3mf", BEGINNING) is None
    assert await store.run(printed, "P1", None, None, BEGINNING) is None


# -- sidecars ----------------------------------------------------------------------------------


async def test_the_list_comes_back_from_sidecars_as_it_was(store: Store) -> None:
    """A lost database must not cost a name, a tag or a note."""
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.3mf")
    one, two = await added(
        store,
        a_file(facts=FACTS, tags=("rot",), aliases=("b.3mf",), note="ß", source=source),
        a_file(content=2, source=source, favourite=True),
    )
    collection = Collection(id=uuid4(), name="Vasen")
    await store.run(library_changes.add_collection, collection, BEGINNING)
    await store.run(library_changes.change, two.id, {"collection_id": collection.id})
    await store.run(library_changes.recycle, [one.id], BEGINNING)
    before = await store.run(library.many, [one.id, two.id])
    texts = [
        library_codec.sidecar_text(each, "Vasen" if each.favourite else None) for each in before
    ]

    def lose(connection: sa.Connection) -> None:
        for table in ("labels", "places", "files", "collections"):
            connection.exec_driver_sql(f"DELETE FROM library_{table}")

    def find(connection: sa.Connection) -> list[bool]:
        done = []
        for text in texts:
            file, where = library_codec.sidecar_of(text)
            kept = None if where is None else Collection(id=uuid4(), name=where)
            done.append(library_changes.adopt(connection, file, kept))
        library_changes.settle_revisions(connection)
        return done

    await store.run(lose)
    assert await store.run(find) == [True, True]
    assert await store.run(find) == [False, False]
    (vases,) = await store.run(library.collections)
    assert vases.name == "Vasen"
    after = await store.run(library.many, [one.id, two.id])
    here = [replace(place, present=False) for each in before for place in each.places]
    assert [place for each in after for place in each.places] == here
    bare = [
        replace(each, places=(), where=Whereabouts.LOCAL_ONLY, collection_id=None)
        for each in before
    ]
    assert [replace(each, places=(), collection_id=None) for each in after] == bare
    assert await names(store, collection_id=vases.id) == ["Würfel.3mf"]
    assert await names(store, text="würfel") == ["Würfel.3mf"]


async def test_a_sidecar_copied_beside_another_content_makes_a_file_of_its_own(
    store: Store,
) -> None:
    (file,) = await added(store, a_file())
    copy = replace(file, sha256=f"{9:064x}")
    assert await store.run(library_changes.adopt, copy, None)
    assert len(await names(store)) == 2


async def test_what_was_let_go_is_listed_again_when_its_bytes_are_back(store: Store) -> None:
    source = Source(origin=Origin.DOWNLOADED, printer_id="P1", path="/a.gcode")
    (file,) = await added(store, a_file("a.gcode", source=source))
    await store.run(library_changes.recycle, [file.id], BEGINNING)
    await store.run(library_changes.forget, file.id, ONE_SHELF)
    assert await store.run(library_changes.adopt, file, None)
    back = await store.run(library.get, file.id)
    assert back is not None
    assert back.on_shelf


GOOD = library_codec.sidecar_text(a_file(facts=FACTS), None)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{}",
        "{" * 100_000,
        GOOD.replace("library file 1", "library file 2"),
        GOOD.replace('"name": "Würfel.3mf"', '"name": ""'),
        GOOD.replace('"name": "Würfel.3mf"', '"name": 7'),
        GOOD.replace('"kind": "3mf"', '"kind": "exe"'),
        GOOD.replace('"tags": []', '"tags": [{}]'),
        GOOD.replace('"places": []', '"places": [[1]]'),
        GOOD.replace("+00:00", ""),
        GOOD.replace('"added_at": "', '"added_at": null, "x": "'),
        GOOD.replace('"size_bytes": 1001', '"size_bytes": "many"'),
    ],
    ids=range(14),
)
def test_a_sidecar_that_somebody_wrote_into_is_refused_and_harms_nobody(text: str) -> None:
    assert text != GOOD
    with pytest.raises(ValueError):  # noqa: PT011 - whatever is wrong with it
        library_codec.sidecar_of(text)


def test_a_sidecar_is_bounded() -> None:
    file = a_file(tags=tuple(f"t{number}" for number in range(80)), note="x")
    text = library_codec.sidecar_text(file, None).replace(
        '"note": "x"', f'"note": "{"y" * 20_000}"'
    )
    read, _ = library_codec.sidecar_of(text)
    assert (len(read.tags), len(read.note)) == (50, 10_000)
