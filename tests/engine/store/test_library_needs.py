"""Files that no rule may throw away, on every database."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import sqlalchemy as sa

from custom_components.printernizer.engine.order import OrderState, PositionKind
from custom_components.printernizer.engine.store import (
    customers,
    jobs,
    library_needs,
    library_places,
    orders,
)
from custom_components.printernizer.engine.store.database import Store
from custom_components.printernizer.engine.store.ideas_tables import IDEA_FILES, IDEAS

from ..story import BEGINNING
from .test_ideas import PATH, a_file, a_print
from .test_library import a_file as a_library_file, added
from .test_office import a_customer, a_position, an_order, ordered


async def needed(store: Store) -> frozenset[UUID]:
    return await store.run(library_needs.needed)


async def test_the_file_of_a_running_print_is_needed_until_its_end(store: Store) -> None:
    """What a print consumed is measured from its file, once the printer rests."""
    file = await a_file(store)
    await a_file(store, 2, path="/a/other.3mf")
    story = a_print("")
    await store.run(jobs.record, story.events, [story.memory], story.at)
    assert await store.run(library_needs.printing) == {file}
    assert await needed(store) == {file}
    told = len(story.events)
    story.passes(60).shows("finished", "Würfel", 1.0, id="1", path=PATH)
    await store.run(jobs.record, story.events[told:], [story.memory], story.at)
    assert await needed(store) == frozenset()


async def test_a_print_whose_path_leads_nowhere_needs_the_file_noted_for_it(store: Store) -> None:
    """Bambu Lab's reports name the plate inside the archive."""
    file = await a_file(store, path="/cache/Würfel.gcode.3mf")
    story = a_print("")
    await store.run(jobs.record, story.events, [story.memory], story.at)
    assert await needed(store) == frozenset()
    (job,) = story.runs
    path = "/cache/Würfel.gcode.3mf"
    assert await store.run(library_places.printed, "P1", path, None, job.first_seen_at) == file
    assert await needed(store) == {file}


async def test_files_of_open_orders_are_needed(store: Store) -> None:
    """A customer who says yes to a quote gets what was quoted."""
    file = await a_file(store)
    story = a_print()
    await store.run(jobs.record, story.events, [story.memory], story.at)
    named, listed = await added(store, a_library_file("vase.3mf", 5), a_library_file("b.3mf", 6))
    await added(store, a_library_file("unwanted.3mf", 7))
    person = a_customer()
    await store.run(customers.add, lambda number: replace(person, number=number))
    order = await ordered(
        store,
        an_order(
            person,
            positions=(
                a_position(1, path="/vase.3mf"),
                a_position(2, path=f"/library/objects/00/{listed.sha256}"),
                a_position(3, kind=PositionKind.JOB, path=None, job_id=story.runs[0].id),
            ),
        ),
    )
    for state in OrderState:
        await store.run(orders.change, replace(order, state=state))
        still = state not in {OrderState.INVOICED, OrderState.CANCELLED}
        wanted = {file, named.id, listed.id} if still else frozenset()
        assert await needed(store) == wanted, state


async def test_files_of_ideas_are_needed_until_somebody_printed_them(store: Store) -> None:
    file = await a_file(store)

    def wish(connection: sa.Connection) -> None:
        row = {"id": uuid4(), "title": "x", "site": "", "notes": "", "state": "planned"}
        row |= {"pieces": 1, "search": "x", "added_at": BEGINNING, "changed_at": BEGINNING}
        connection.execute(sa.insert(IDEAS), [row])
        connection.execute(sa.insert(IDEA_FILES), [{"number": 1, "file_id": file, "at": BEGINNING}])

    await store.run(wish)
    assert await needed(store) == {file}
    await store.run(lambda it: it.execute(sa.update(IDEAS).values(state="printed")))
    assert await needed(store) == frozenset()
