"""Ideas, and what prints make of them, one suite for every database."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa

from custom_components.printernizer.engine.errors import NotAllowed
from custom_components.printernizer.engine.file import FileKind
from custom_components.printernizer.engine.file_match import Sighting
from custom_components.printernizer.engine.idea import (
    Idea,
    IdeaChange,
    IdeaEvent,
    IdeaFilter,
    IdeaSite,
    IdeaState,
)
from custom_components.printernizer.engine.library_file import LibraryFile, Origin, Source
from custom_components.printernizer.engine.store import (
    ideas,
    jobs,
    library_changes,
    library_places,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.ideas_tables import (
    IDEA_FILES,
    IDEA_JOBS,
    IDEA_TAGS,
    IDEAS,
)

from ..story import BEGINNING, Story
from .test_contract import a_story, recorded

EVERYTHING = IdeaFilter()
PATH = "/a/ü.3mf"
"""Where the file of the story lies."""
LATER = BEGINNING + timedelta(days=1)


def an_idea(title: str = "cute dragon", url: str | None = None, **more: Any) -> Idea:
    told: dict[str, Any] = {"id": uuid4(), "added_at": BEGINNING, "changed_at": BEGINNING}
    return Idea(title=title, url=url, **(told | more))


async def added(store: Store, idea: Idea | None = None) -> Idea:
    return (await store.run(ideas.add, idea or an_idea())).idea


def with_(**values: Any) -> Callable[[Idea], Idea]:
    """Change an idea so."""
    return lambda idea: replace(idea, **({"changed_at": LATER} | values))


async def a_file(
    store: Store, content: int = 1, *, path: str | None = PATH, printer_id: str = "P1"
) -> UUID:
    """Put a file into the library, and onto the printer of the story."""
    file = LibraryFile(
        id=uuid4(),
        name=(path or PATH).rpartition("/")[2],
        sha256=f"{content:064x}",
        kind=FileKind.THREEMF,
        size_bytes=content,
        added_at=BEGINNING,
        source=Source(origin=Origin.UPLOADED),
    )
    listed = (await store.run(library_changes.add, file)).file
    if path is not None:
        seen = Sighting(path=path, name=path.rpartition("/")[2], size_bytes=content)
        await store.run(library_places.seen, printer_id, "/a", [seen], BEGINNING)
    return listed.id


async def told(store: Store, story: Story, at: datetime = LATER) -> tuple[IdeaEvent, ...]:
    """Tell the ideas of all runs of a story."""
    await recorded(store, story)
    runs = [job for job in story.runs if await store.run(jobs.get, job.id)]
    return await store.run(ideas.follow, runs, at)


def a_print(outcome: str = "finished") -> Story:
    """Tell of one print of the file."""
    story = Story("P1").acquainted()
    story.passes(60).shows("printing", "Würfel", 0.5, id="1", path=PATH, layer=7)
    if outcome:
        story.passes(60).shows(outcome, "Würfel", 0.5, id="1", path=PATH)
    return story


async def states(store: Store) -> dict[str, IdeaState]:
    page = await store.run(ideas.page, EVERYTHING)
    return {idea.title: idea.state for idea in page.ideas}


async def test_an_idea_is_read_back_exactly(store: Store) -> None:
    idea = an_idea(
        "Würfel für Anna",
        "https://www.printables.com/model/1-x",
        notes="in two parts\n'; DROP TABLE ideas; --",
        tags=("deko", "Küche"),
        state=IdeaState.PLANNED,
        pieces=3,
        material="PETG, black",
        by="anna",
    )
    assert await store.run(ideas.add, idea) == ideas.Added(idea=idea, fresh=True)
    assert await store.run(ideas.get, idea.id) == idea
    with pytest.raises(NotAllowed) as refusal:
        await store.run(ideas.get, uuid4())
    assert refusal.value.key == "no_idea"


async def test_the_same_address_is_one_idea(store: Store) -> None:
    """Two people share one link; the list must not fill with copies of it."""
    known = await added(store, an_idea(url="https://example.org/1", state=IdeaState.PLANNED))
    again = await store.run(ideas.add, an_idea("other", "https://example.org/1"))
    assert again == ideas.Added(idea=known, fresh=False)
    await added(store, an_idea("no address"))
    await added(store, an_idea("no address either"))
    assert len((await store.run(ideas.page, EVERYTHING)).ideas) == 3


@pytest.mark.parametrize("state", [IdeaState.PRINTED, IdeaState.DROPPED])
async def test_what_was_done_is_wanted_again_when_it_is_shared_again(
    store: Store, state: IdeaState
) -> None:
    """Otherwise sharing it would do nothing that anybody sees."""
    idea = await added(store, an_idea(url="https://example.org/1", state=state, notes="keep"))
    again = await store.run(ideas.add, an_idea(url=idea.url, changed_at=LATER))
    assert not again.fresh
    assert again.idea == replace(idea, state=IdeaState.NEW, changed_at=LATER)


async def test_what_is_known_can_be_changed(store: Store) -> None:
    idea = await added(store, an_idea(tags=("a", "b"), url="https://example.org/1"))
    change = with_(
        title="other", tags=("B", "c"), url=None, notes="n", state=IdeaState.DROPPED, pieces=2
    )
    changed = await store.run(ideas.change, idea.id, change)
    assert changed == change(idea) == await store.run(ideas.get, idea.id)
    assert (await store.run(ideas.change, idea.id, with_(tags=()))).tags == ()


async def test_what_cannot_be_is_refused_and_changes_nothing(store: Store) -> None:
    idea = await added(store, an_idea(url="https://example.org/1"))
    await added(store, an_idea("another", "https://example.org/2"))
    for key, change in {
        "idea_known": with_(url="https://example.org/2", notes="x"),
        "no_file": with_(files=(uuid4(),), notes="x"),
        "unknown_job": with_(jobs=(uuid4(),), notes="x"),
    }.items():
        with pytest.raises(NotAllowed) as refusal:
            await store.run(ideas.change, idea.id, change)
        assert refusal.value.key == key
    assert await store.run(ideas.get, idea.id) == idea
    with pytest.raises(NotAllowed) as refusal:
        await store.run(ideas.change, uuid4(), with_())
    assert refusal.value.key == "no_idea"


async def test_an_idea_that_is_removed_leaves_nothing_behind(store: Store) -> None:
    file_id = await a_file(store)
    story = await recorded(store, a_story(1))
    idea = await added(store, an_idea(tags=("a",)))
    linked = with_(files=(file_id,), jobs=(story.runs[0].id,))
    idea = await store.run(ideas.change, idea.id, linked)
    assert await store.run(ideas.remove, idea.id) == idea
    for table in (IDEAS, IDEA_TAGS, IDEA_FILES, IDEA_JOBS):
        query = sa.select(sa.func.count()).select_from(table)
        assert await store.run(lambda c, q=query: c.execute(q).scalar_one()) == 0
    with pytest.raises(NotAllowed):
        await store.run(ideas.remove, idea.id)


async def test_a_list_is_read_in_pages_newest_first(store: Store) -> None:
    """Somebody who adds while another one scrolls moves nothing onto the next page."""
    for number in range(5):
        await added(store, an_idea(str(number)))
    first = await store.run(ideas.page, EVERYTHING, limit=2)
    await added(store, an_idea("new"))
    second = await store.run(ideas.page, EVERYTHING, after=first.next, limit=2)
    third = await store.run(ideas.page, EVERYTHING, after=second.next, limit=2)
    titles = [[idea.title for idea in page.ideas] for page in (first, second, third)]
    assert titles == [["4", "3"], ["2", "1"], ["0"]]
    assert third.next is None


@pytest.mark.parametrize(
    ("which", "titles"),
    [
        (IdeaFilter(states=frozenset({IdeaState.NEW})), ["dragon"]),
        (IdeaFilter(states=frozenset()), []),
        (IdeaFilter(site=IdeaSite.PRINTABLES), ["dragon"]),
        (IdeaFilter(site=IdeaSite.OTHER), ["vase 100%"]),
        (IdeaFilter(tag="KÜCHE"), ["vase 100%"]),
        (IdeaFilter(text="100%"), ["vase 100%"]),
        (IdeaFilter(text="%"), ["vase 100%"]),
        (IdeaFilter(text="VASE küche petg"), ["vase 100%"]),
        (IdeaFilter(text="printables"), ["dragon"]),
        (IdeaFilter(text="dragon vase"), []),
        (IdeaFilter(file_id=UUID(int=1)), []),
    ],
    ids=range(11),
)
async def test_ideas_are_found_by_what_is_said_of_them(
    store: Store, which: IdeaFilter, titles: list[str]
) -> None:
    await added(store, an_idea("dragon", "https://www.printables.com/model/1"))
    vase = an_idea("vase 100%", state=IdeaState.PLANNED, tags=("Küche",), material="PETG")
    await added(store, vase)
    page = await store.run(ideas.page, which)
    assert [idea.title for idea in page.ideas] == titles


async def test_a_complete_print_of_its_file_makes_an_idea_printed(store: Store) -> None:
    """The list ticks itself off; nobody has to remember which print was which wish."""
    file_id = await a_file(store)
    idea = await added(store)
    other = await added(store, an_idea("another"))
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    story = a_print(outcome="")
    (began,) = await told(store, story)
    assert (began.kind, began.idea.state) == (IdeaChange.PRINTING, IdeaState.PRINTING)
    assert began.idea.jobs == (story.runs[0].id,)
    assert await told(store, story) == ()
    story.passes(60).shows("finished", "Würfel", 1.0, id="1", path=PATH)
    (ended,) = await told(store, story)
    assert (ended.kind, ended.idea.state) == (IdeaChange.PRINTED, IdeaState.PRINTED)
    assert (await store.run(ideas.get, other.id)).state is IdeaState.NEW
    found = await store.run(ideas.page, IdeaFilter(file_id=file_id))
    assert [each.id for each in found.ideas] == [idea.id]


@pytest.mark.parametrize("outcome", ["failed", "cancelled"])
async def test_a_print_that_came_to_nothing_leaves_the_idea_planned(
    store: Store, outcome: str
) -> None:
    file_id = await a_file(store)
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    story = a_print(outcome="")
    await told(store, story)
    story.passes(60).shows(outcome, "Würfel", 0.5, id="1", path=PATH)
    (ended,) = await told(store, story)
    assert (ended.kind, ended.idea.state) == (IdeaChange.CHANGED, IdeaState.PLANNED)


async def test_an_idea_of_two_runs_is_printing_until_the_last_of_them_ends(store: Store) -> None:
    file_id = await a_file(store)
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    seen = Sighting(path=PATH, name="ü.3mf", size_bytes=1)
    await store.run(library_places.seen, "P2", "/a", [seen], BEGINNING)
    first, second = a_print(outcome=""), Story("P2").acquainted()
    second.passes(90).shows("printing", "Würfel", 0.5, id="9", path=PATH)
    await told(store, first)
    await told(store, second)
    first.passes(60).shows("failed", "Würfel", 0.5, id="1", path=PATH)
    assert await told(store, first) == ()
    assert (await states(store))["cute dragon"] is IdeaState.PRINTING
    second.passes(60).shows("cancelled", "Würfel", 0.5, id="9", path=PATH)
    assert [event.idea.state for event in await told(store, second)] == [IdeaState.PLANNED]


async def test_what_a_person_says_after_a_print_stays_said(store: Store) -> None:
    """Who wants another one must not find it ticked off by the old print."""
    file_id = await a_file(store)
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    story = a_print()
    await told(store, story)
    await store.run(ideas.change, idea.id, with_(state=IdeaState.PLANNED))
    assert await told(store, story) == ()
    assert await store.run(ideas.catch_up, LATER) == ()
    assert (await states(store))["cute dragon"] is IdeaState.PLANNED


async def test_a_dropped_idea_is_not_printing_but_may_be_printed(store: Store) -> None:
    file_id = await a_file(store)
    idea = await added(store, an_idea(state=IdeaState.DROPPED))
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    story = a_print(outcome="")
    assert await told(store, story) == ()
    story.passes(60).shows("finished", "Würfel", 1.0, id="1", path=PATH)
    assert [event.idea.state for event in await told(store, story)] == [IdeaState.PRINTED]


async def test_a_file_that_is_being_printed_makes_its_idea_so_at_once(store: Store) -> None:
    file_id = await a_file(store)
    await recorded(store, a_print(outcome=""))
    idea = await added(store)
    changed = await store.run(ideas.change, idea.id, with_(files=(file_id,)))
    assert (changed.state, changed.files) == (IdeaState.PRINTING, (file_id,))
    assert (await store.run(ideas.change, idea.id, with_(files=()))).files == ()


async def test_a_print_before_the_file_was_linked_is_no_news(store: Store) -> None:
    """An idea for another copy is not ticked off by the copy of last year."""
    file_id = await a_file(store)
    story = await recorded(store, a_print())
    idea = await added(store)
    changed = await store.run(ideas.change, idea.id, with_(files=(file_id,)))
    assert changed.state is IdeaState.NEW
    assert await store.run(ideas.follow, story.runs, LATER) == ()


async def test_a_run_that_was_linked_by_hand_counts_at_once(store: Store) -> None:
    story = await recorded(store, a_print())
    idea = await added(store)
    (run,) = story.runs
    changed = await store.run(ideas.change, idea.id, with_(jobs=(run.id,)))
    assert (changed.state, changed.jobs) == (IdeaState.PRINTED, (run.id,))


async def test_a_newer_revision_of_the_file_is_of_the_same_idea(store: Store) -> None:
    """People slice again before they print."""
    first = await a_file(store, 1, path=None)
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(first,), changed_at=BEGINNING))
    await a_file(store, 2)
    assert [event.idea.state for event in await told(store, a_print())] == [IdeaState.PRINTED]


async def test_a_print_of_something_else_is_nobodys(store: Store) -> None:
    file_id = await a_file(store, path="/a/other.3mf")
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    assert await told(store, a_print()) == ()


async def test_what_happened_as_we_were_killed_is_caught_up_with(store: Store) -> None:
    """The ledger had the end of the print on the disk, the idea had not."""
    file_id = await a_file(store)
    idea = await added(store)
    await store.run(ideas.change, idea.id, with_(files=(file_id,), changed_at=BEGINNING))
    story = await recorded(store, a_print())
    (event,) = await store.run(ideas.catch_up, LATER)
    assert (event.idea.state, event.idea.jobs) == (IdeaState.PRINTED, (story.runs[0].id,))
    assert await store.run(ideas.catch_up, LATER) == ()


async def test_the_end_of_a_linked_run_is_caught_up_with(store: Store) -> None:
    idea = await added(store)
    story = await recorded(store, a_print(outcome=""))
    await store.run(ideas.change, idea.id, with_(jobs=(story.runs[0].id,)))
    assert (await states(store))["cute dragon"] is IdeaState.PRINTING
    story.passes(60).shows("finished", "Würfel", 1.0, id="1", path=PATH)
    for number in (2, 3):
        story.passes(60).shows("printing", str(number), 0.5, id=str(number), path="/b.3mf")
        story.passes(60).shows("finished", str(number), 1.0, id=str(number), path="/b.3mf")
    await recorded(store, story)
    (event,) = await store.run(ideas.catch_up, LATER)
    assert event.idea.state is IdeaState.PRINTED
