"""The list of ideas in a running shop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from custom_components.printernizer.engine.drivers.virtual.driver import VirtualDriver
from custom_components.printernizer.engine.drivers.virtual.machine import (
    PlateFacts,
    VirtualFile,
    VirtualMachine,
)
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.idea import (
    MOST_FILES,
    Idea,
    IdeaChange,
    IdeaEvent,
    IdeaFilter,
    IdeaState,
)
from custom_components.printernizer.engine.library_file import LibraryFilter
from custom_components.printernizer.engine.store import ideas, library, library_places
from custom_components.printernizer.engine.store.library_places import Sighting
from custom_components.printernizer.engine.workshop.ideas import RETRY_S, Ideas, Wish
from custom_components.printernizer.engine.workshop.workshop import Workshop
from tests.hand_clock import HandClock

from ..store.test_ideas import a_print
from .test_ledger import FaultyStore

URL = "https://www.printables.com/model/1-cute-dragon"
PLATE = PlateFacts(seconds=100, layers=10, mass_g=(20.0,))


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[FaultyStore]:
    async with FaultyStore(f"sqlite:///{tmp_path / 'ledger.db'}") as store:
        yield store


@pytest.fixture
async def listed(store: FaultyStore, clock: HandClock) -> AsyncIterator[Ideas]:
    async with Ideas(store, clock) as opened:
        yield opened


@asynccontextmanager
async def heard(listed: Ideas, kind: IdeaChange) -> AsyncIterator[list[Idea]]:
    """Wait until an idea was told to have changed so."""
    told: list[Idea] = []
    arrived = asyncio.Event()

    def listen(event: IdeaEvent) -> None:
        if event.kind is kind:
            told.append(event.idea)
            arrived.set()

    stop = listed.subscribe(listen)
    try:
        yield told
        async with asyncio.timeout(5):
            await arrived.wait()
    finally:
        stop()
        stop()


async def a_file_on(store: FaultyStore, printer_id: str, path: str, clock: HandClock) -> UUID:
    """Let the library meet a file on a printer; returns its id."""
    folder, _, name = path.rpartition("/")
    seen = Sighting(path=path, name=name, size_bytes=4)
    await store.run(library_places.seen, printer_id, folder, [seen], clock.now())
    page = await store.run(library.page, LibraryFilter())
    return page.files[0].id


async def test_what_is_added_is_on_the_board_at_once(listed: Ideas, clock: HandClock) -> None:
    async with heard(listed, IdeaChange.ADDED) as told:
        wish = Wish(url=f" {URL}?utm_source=app ", tags=["deko", "Deko"], material=" PETG ")
        added = await listed.add(wish, by="anna")
    idea = added.idea
    assert told == [idea]
    assert (idea.title, idea.url, idea.tags, idea.material, idea.by, idea.added_at) == (
        "cute dragon",
        URL,
        ("deko",),
        "PETG",
        "anna",
        clock.now(),
    )
    assert listed.board == (idea,)
    assert await listed.get(idea.id) == idea
    async with heard(listed, IdeaChange.CHANGED):
        again = await listed.add(Wish(url=URL))
    assert (again.fresh, again.idea) == (False, idea)


async def test_what_is_done_stands_below_what_is_to_be_done(listed: Ideas) -> None:
    first = (await listed.add(Wish(title="first"))).idea
    await listed.add(Wish(title="second"))
    third = (await listed.add(Wish(title="third"))).idea
    await listed.change(third.id, {"state": "dropped"})
    assert [idea.title for idea in listed.board] == ["second", "first", "third"]
    page = await listed.page(IdeaFilter(states=frozenset({IdeaState.NEW})), limit=1)
    assert [idea.title for idea in page.ideas] == ["second"]
    page = await listed.page(after=page.next, limit=0)
    assert page.ideas == (first,)


async def test_everything_that_is_said_of_an_idea_can_be_changed(
    listed: Ideas, clock: HandClock
) -> None:
    idea = (await listed.add(Wish(url=URL, title="x", notes="y", material="PLA"))).idea
    await clock.advance(60)
    changes = {"title": "", "notes": None, "tags": ["a"], "pieces": 3, "material": None}
    changed = await listed.change(idea.id, changes | {"state": IdeaState.PLANNED})
    assert (changed.title, changed.notes, changed.tags) == ("cute dragon", "", ("a",))
    assert (changed.pieces, changed.material, changed.state) == (3, None, IdeaState.PLANNED)
    assert changed.changed_at == clock.now() > changed.added_at
    without = await listed.change(idea.id, {"url": None, "title": "Drache"})
    assert (without.url, without.title) == (None, "Drache")
    assert (await listed.change(idea.id, {"url": URL})).url == URL


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"url": "javascript:alert(1)"}, "bad_url"),
        ({"tags": [""]}, "bad_tag"),
        ({"pieces": 0}, "bad_pieces"),
        ({"id": "other"}, "not_allowed"),
        ({"files": [UUID(int=1)]}, "no_file"),
        ({"files": [UUID(int=number) for number in range(MOST_FILES + 1)]}, "not_allowed"),
        ({"jobs": [UUID(int=1)]}, "unknown_job"),
    ],
    ids=range(7),
)
async def test_what_cannot_be_is_refused(
    listed: Ideas, changes: dict[str, object], key: str
) -> None:
    idea = (await listed.add(Wish(url=URL))).idea
    with pytest.raises(NotAllowed) as refusal:
        await listed.change(idea.id, changes)
    assert refusal.value.key == key
    assert await listed.get(idea.id) == idea


async def test_an_idea_that_is_removed_is_told_as_it_was(listed: Ideas) -> None:
    idea = (await listed.add(Wish(title="x"))).idea
    async with heard(listed, IdeaChange.REMOVED) as told:
        assert await listed.remove(idea.id) == idea
    assert (told, listed.board) == ([idea], ())
    with pytest.raises(NotAllowed):
        await listed.remove(uuid4())


async def test_a_listener_that_fails_keeps_no_other_from_hearing(
    listed: Ideas, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(_: IdeaEvent) -> None:
        raise RuntimeError("a bug of somebody")

    listed.subscribe(fail)
    async with heard(listed, IdeaChange.ADDED):
        await listed.add(Wish(title="x"))
    assert "A listener to ideas failed" in caplog.text


async def test_a_print_at_a_printer_ticks_its_idea_off(
    store: FaultyStore, clock: HandClock
) -> None:
    """From the wish to the part: nobody touches the list."""
    machine = VirtualMachine(now=clock.monotonic, serial="V1")
    machine.store(VirtualFile(path="/set/dragon.gcode", content=b"G28\n", plates=(PLATE,)))
    async with Workshop(store, clock) as workshop:
        await workshop.open_line("V1", VirtualDriver(machine, clock))
        file_id = await a_file_on(store, "V1", "/set/dragon.gcode", clock)
        idea = (await workshop.ideas.add(Wish(title="Drache"))).idea
        await workshop.ideas.became(idea.id, file_id=file_id)
        async with heard(workshop.ideas, IdeaChange.PRINTING):
            machine.start("/set/dragon.gcode")
            await clock.advance(10)
        async with heard(workshop.ideas, IdeaChange.PRINTED) as told:
            await clock.advance(1000)
        assert (told[0].id, told[0].state) == (idea.id, IdeaState.PRINTED)
        assert workshop.ideas.board == tuple(told)
        assert len(told[0].jobs) == 1


async def test_a_run_is_named_by_hand(store: FaultyStore, listed: Ideas) -> None:
    from custom_components.printernizer.engine.store import jobs

    story = a_print()
    await store.run(jobs.record, story.events, [story.memory], story.at)
    idea = (await listed.add(Wish(title="x"))).idea
    became = await listed.became(idea.id, job_id=story.runs[0].id)
    assert (became.state, became.jobs) == (IdeaState.PRINTED, (story.runs[0].id,))


async def test_a_run_waits_for_a_database_that_takes_no_writes(
    store: FaultyStore, listed: Ideas, clock: HandClock, caplog: pytest.LogCaptureFixture
) -> None:
    """A full disk for a minute must not leave the idea unprinted for good."""
    from custom_components.printernizer.engine.store import jobs

    story = a_print()
    file_id = await a_file_on(store, "P1", "/a/ü.3mf", clock)
    idea = (await listed.add(Wish(title="x"))).idea
    await listed.became(idea.id, file_id=file_id)
    await store.run(jobs.record, story.events, [story.memory], story.at)
    caplog.set_level("DEBUG")
    async with heard(listed, IdeaChange.PRINTED):
        store.broken = True
        listed.on_job(story.events[-1])
        async with asyncio.timeout(5):
            while "wait to be told to their ideas" not in caplog.text:
                await asyncio.sleep(0)
        store.broken = False
        await clock.advance(RETRY_S)


async def test_a_bug_in_one_run_does_not_end_the_following(
    store: FaultyStore,
    listed: Ideas,
    clock: HandClock,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a bug of ours")

    with monkeypatch.context() as broken:
        broken.setattr(ideas, "follow", fail)
        listed.on_job(a_print().events[-1])
        async with asyncio.timeout(5):
            while "could not be told to their ideas" not in caplog.text:
                await asyncio.sleep(0)
    assert listed._task is not None
    assert not listed._task.done()


async def test_only_what_begins_and_ends_is_of_interest(listed: Ideas) -> None:
    """A shop of a hundred printers pauses and resumes all day long."""
    story = a_print()
    listed.on_job(next(event for event in story.events if event.kind == "printing"))
    assert listed._runs == {}


async def test_what_was_missed_is_caught_up_with_at_the_next_start(
    store: FaultyStore, clock: HandClock
) -> None:
    from custom_components.printernizer.engine.store import jobs

    story = a_print()
    async with Ideas(store, clock) as listed:
        file_id = await a_file_on(store, "P1", "/a/ü.3mf", clock)
        idea = (await listed.add(Wish(title="x"))).idea
        await listed.became(idea.id, file_id=file_id)
    await store.run(jobs.record, story.events, [story.memory], story.at)
    async with Ideas(store, clock) as listed:
        assert [each.state for each in listed.board] == [IdeaState.PRINTED]


async def test_a_list_that_was_never_opened_closes_quietly(
    store: FaultyStore, clock: HandClock
) -> None:
    """The shop lets go of everything when something in it does not open."""
    store.broken = True
    listed = Ideas(store, clock)
    with pytest.raises(StoreError):
        await listed.__aenter__()
    await listed.__aexit__(None, None, None)
