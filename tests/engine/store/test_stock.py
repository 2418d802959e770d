"""The stock book, on every database."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings, strategies as st

from custom_components.printernizer.engine.account import Consumption
from custom_components.printernizer.engine.errors import NotAllowed, StoreError
from custom_components.printernizer.engine.material import (
    Material,
    MovementKind,
    SlotSource,
    Spool,
)
from custom_components.printernizer.engine.shop import Process
from custom_components.printernizer.engine.store import slots, spoolman, stock
from custom_components.printernizer.engine.store.database import Store

from ..story import BEGINNING
from .test_contract import a_story, recorded

G = Decimal
LATER = BEGINNING + timedelta(hours=1)


def a_material(**more: object) -> Material:
    values: dict[str, object] = {"kind": "PETG", "brand": "Prusament", "name": "Jet Black"}
    return Material(id=uuid4(), **(values | more))  # type: ignore[arg-type]


async def a_spool(store: Store, left: Decimal | None = None, **more: object) -> Spool:
    """Put a spool of 1000 g for 25.00 into the stock, with a material of its own."""
    made = await store.run(stock.add_material, a_material(price=G(20), net_g=G(1000)), BEGINNING)
    values: dict[str, object] = {"net_g": G(1000), "price": G(25), "tare_g": G("193.5")}
    values["material_id"] = made.id
    spool = Spool(id=uuid4(), number=0, **(values | more))  # type: ignore[arg-type]
    return await store.run(stock.add_spool, spool, BEGINNING, by="anna", left_g=left)


async def a_job(store: Store) -> UUID:
    return (await recorded(store, a_story(1))).runs[0].id


def took(spool: Spool | UUID | None, mass: str | None) -> Consumption:
    spool_id = spool.id if isinstance(spool, Spool) else spool
    return Consumption(spool_id=spool_id, mass_g=None if mass is None else G(mass))


async def left(store: Store, spool: Spool) -> Decimal:
    return (await store.run(stock.get_spool, spool.id)).remaining_g


async def test_materials_and_spools_are_read_back_exactly(store: Store) -> None:
    resin = a_material(
        kind="Tough Resin",
        process=Process.RESIN,
        colour="#1A2B3C80",
        density_g_cm3=G("1.27"),
        diameter_mm=G("1.75"),
        price=G("24.99"),
        net_g=G(750),
        nozzle_c=250,
        bed_c=85,
        low_g=G("150.5"),
        spoolman_id=7,
    )
    await store.run(stock.add_material, resin, BEGINNING)
    spool = Spool(
        id=uuid4(),
        material_id=resin.id,
        number=0,
        price=G("21.5"),
        net_g=G(750),
        tare_g=G("193.4"),
        lot="L-1",
        location="Regal 3",
        opened_at=BEGINNING,
        dried_at=LATER,
        tag="8A7B",
        spoolman_id=12,
    )
    kept = await store.run(stock.add_spool, spool, BEGINNING)
    assert kept == replace(spool, number=1, remaining_g=G(750))
    assert await store.run(stock.load) == ((resin,), (kept,))
    changed = await store.run(
        stock.change_material, resin.id, {"archived": True, "process": Process.FILAMENT}
    )
    assert (changed.archived, changed.process) == (True, Process.FILAMENT)
    moved = await store.run(stock.change_spool, spool.id, {"location": None}, LATER)
    assert moved == replace(kept, location=None)


async def test_what_is_not_there_or_not_a_field_is_told(store: Store) -> None:
    spool = await a_spool(store)
    for function, args, key in (
        (stock.material, (uuid4(),), "material_unknown"),
        (stock.get_spool, (uuid4(),), "spool_unknown"),
        (stock.change_material, (uuid4(), {"kind": "PLA"}), "material_unknown"),
        (stock.change_spool, (uuid4(), {"lot": "x"}, LATER), "spool_unknown"),
        (stock.change_spool, (spool.id, {"remaining_g": G(5)}, LATER), "not_allowed"),
        (stock.change_spool, (spool.id, {"material_id": uuid4()}, LATER), "material_unknown"),
        (stock.add_spool, (replace(spool, material_id=uuid4()), LATER), "material_unknown"),
        (stock.consume, (uuid4(), [took(spool, "1")], LATER), "no_job"),
        (stock.weigh, (uuid4(), LATER), "spool_unknown"),
    ):
        with pytest.raises(NotAllowed) as refusal:
            await store.run(function, *args)  # type: ignore[arg-type]
        assert refusal.value.key == key


async def test_numbers_of_spools_are_never_given_twice(store: Store) -> None:
    """A label on a shelf that means two spools is worse than none."""
    numbers = [(await a_spool(store)).number for _ in range(3)]
    with pytest.raises(NotAllowed):
        await a_spool(store, material_id=uuid4())
    last = await a_spool(store)
    assert [*numbers, last.number] == [1, 2, 3, 4]
    with pytest.raises(StoreError):
        await store.run(
            lambda connection: connection.exec_driver_sql("DELETE FROM spools WHERE number = 4")
        )


async def test_a_spool_holds_the_sum_of_its_movements(store: Store) -> None:
    spool = await a_spool(store, left=G("640.25"))
    assert spool.remaining_g == G("640.25")
    booked = await store.run(stock.movements, spool_id=spool.id)
    assert [(one.kind, one.mass_g, one.by, one.reason) for one in reversed(booked)] == [
        (MovementKind.PURCHASE, G(1000), "anna", None),
        (MovementKind.ADJUSTMENT, G("-359.75"), "anna", "used_before"),
    ]
    await store.run(stock.adjust, spool.id, G("-40.25"), LATER, reason="spaghetti", by="anna")
    assert await left(store, spool) == G(600)
    newest, *_ = await store.run(stock.movements, spool_id=spool.id, limit=1)
    assert (newest.reason, newest.at) == ("spaghetti", LATER)
    older = await store.run(stock.movements, before=newest.id)
    assert older == booked


async def test_consumption_booked_twice_stands_there_once(store: Store) -> None:
    """A retry after a lost answer must not empty a spool twice."""
    spool, job = await a_spool(store), await a_job(store)
    lines = [took(spool, "12.345678"), took(spool, "0.000001"), took(None, "50")]
    (movement,) = await store.run(stock.consume, job, lines, LATER)
    assert (movement.kind, movement.mass_g, movement.job_id) == (
        MovementKind.CONSUMPTION,
        G("-12.345679"),
        job,
    )
    assert await store.run(stock.consume, job, lines, LATER) == ()
    assert await left(store, spool) == G("987.654321")


async def test_a_correction_books_the_difference(store: Store) -> None:
    one, other, job = await a_spool(store), await a_spool(store), await a_job(store)
    await store.run(stock.consume, job, [took(one, "100")], LATER)
    again = await store.run(stock.consume, job, [took(one, "60"), took(other, "40")], LATER)
    assert {entry.spool_id: entry.mass_g for entry in again} == {one.id: G(40), other.id: G(-40)}
    assert (await left(store, one), await left(store, other)) == (G(940), G(960))
    await store.run(stock.consume, job, [took(one, None), took(None, None)], LATER)
    assert (await left(store, one), await left(store, other)) == (G(1000), G(1000))
    assert sum(entry.mass_g for entry in await store.run(stock.movements, job_id=job)) == 0


async def test_a_spool_that_gave_more_than_it_had_is_negative_until_it_is_weighed(
    store: Store,
) -> None:
    """Rule 14: clamping at zero would hide that the figures are wrong."""
    spool, job = await a_spool(store, left=G(30)), await a_job(store)
    await store.run(stock.consume, job, [took(spool, "75.5")], LATER)
    after = await store.run(stock.get_spool, spool.id)
    assert (after.remaining_g, after.weigh_me) == (G("-45.5"), True)
    weighed = await store.run(stock.weigh, spool.id, LATER, gross_g=G(203), by="anna")
    assert (weighed.kind, weighed.mass_g) == (MovementKind.WEIGHING, G(55))
    assert await left(store, spool) == G("9.5")
    await store.run(stock.weigh, spool.id, LATER, net_g=G(0), reason="empty")
    assert await left(store, spool) == 0


async def test_a_weight_that_cannot_be_is_refused(store: Store) -> None:
    spool, bare = await a_spool(store), await a_spool(store, tare_g=None)
    for which, weights, key in (
        (spool, {"gross_g": G(193)}, "below_tare"),
        (spool, {"net_g": G(-1)}, "below_tare"),
        (bare, {"gross_g": G(500)}, "no_tare"),
        (bare, {}, "no_weight"),
    ):
        with pytest.raises(NotAllowed) as refusal:
            await store.run(stock.weigh, which.id, LATER, **weights)  # type: ignore[arg-type]
        assert refusal.value.key == key
    assert await left(store, spool) == G(1000)


async def test_a_price_is_the_spools_own_else_its_materials(store: Store) -> None:
    """Rule 13."""
    own = await a_spool(store, net_g=G(750))
    assert await store.run(stock.price_per_kg, own.id) == G("33.333333")
    inherited = await a_spool(store, price=None)
    assert await store.run(stock.price_per_kg, inherited.id) == G(20)
    await store.run(stock.change_material, inherited.material_id, {"net_g": None, "price": G(30)})
    assert await store.run(stock.price_per_kg, inherited.id) == G(30)
    await store.run(stock.change_material, inherited.material_id, {"price": None})
    assert await store.run(stock.price_per_kg, inherited.id) is None


@pytest.mark.parametrize("table", ["movements", "slot_spools"])
@pytest.mark.parametrize("word", ["UPDATE", "DELETE", "TRUNCATE", "INSERT OR REPLACE"])
async def test_the_book_refuses_to_be_rewritten(
    store: Store, url: str, table: str, word: str
) -> None:
    """Stock that somebody can rewrite proves nothing."""
    spool = await a_spool(store)
    await store.run(stock.hang, "P1", "tool_0", spool.id, BEGINNING)
    column = {"movements": "mass_g", "slot_spools": "slot"}[table]
    statement = {
        "UPDATE": f"UPDATE {table} SET {column} = '5'",
        "DELETE": f"DELETE FROM {table}",
        "TRUNCATE": f"TRUNCATE {table} CASCADE",
        "INSERT OR REPLACE": f"INSERT OR REPLACE INTO {table} SELECT * FROM {table} WHERE id = 1",
    }[word]
    if (word == "TRUNCATE" and url.startswith("sqlite")) or (
        word == "INSERT OR REPLACE" and not url.startswith("sqlite")
    ):
        pytest.skip("this database has no such word")
    with pytest.raises(StoreError, match="append-only"):
        await store.run(lambda connection: connection.exec_driver_sql(statement))


async def test_a_spool_hangs_in_one_place_only(store: Store) -> None:
    """Two printers that both claim a spool would both be told it is enough."""
    spool = await a_spool(store)
    (first,) = await store.run(stock.hang, "P1", "0_1", spool.id, BEGINNING, by="anna")
    assert (first.spool_id, first.by, first.source) == (spool.id, "anna", SlotSource.PERSON)
    left_p1, onto_p2 = await store.run(
        stock.hang, "P2", "external", spool.id, LATER, source=SlotSource.TAG
    )
    assert (left_p1.printer_id, left_p1.slot, left_p1.spool_id) == ("P1", "0_1", None)
    assert (onto_p2.printer_id, onto_p2.source) == ("P2", SlotSource.TAG)
    assert await store.run(stock.hung, "P1") == {}
    assert await store.run(slots.hung_everywhere) == {"P2": {"external": spool.id}}
    assert await store.run(stock.hang, "P2", "external", spool.id, LATER) == ()
    assert await store.run(stock.hang, "P1", "0_1", None, LATER) == ()
    assert len(await store.run(stock.hang, "P2", "external", None, LATER)) == 1
    assert await store.run(slots.hung_everywhere) == {}


async def test_what_hung_at_a_moment_in_the_past_is_known(store: Store) -> None:
    """Rule 11: a job's spools are those of its start, whatever hangs there today."""
    one, other = await a_spool(store), await a_spool(store)
    moments = [BEGINNING + timedelta(minutes=minute) for minute in range(5)]
    await store.run(stock.hang, "P1", "0_0", one.id, moments[1])
    await store.run(stock.hang, "P1", "0_1", other.id, moments[1])
    await store.run(stock.hang, "P1", "0_0", other.id, moments[3])
    assert await store.run(stock.hung, "P1", moments[0]) == {}
    assert await store.run(stock.hung, "P1", moments[2]) == {"0_0": one.id, "0_1": other.id}
    assert await store.run(stock.hung, "P1", moments[3]) == {"0_0": other.id}
    changed = await store.run(stock.changes, "P1", moments[1], moments[3])
    assert [(change.slot, change.spool_id, change.at) for change in changed] == [
        ("0_1", None, moments[3]),
        ("0_0", other.id, moments[3]),
    ]
    assert await store.run(stock.changes, "P2", moments[0], moments[4]) == ()


async def test_an_archived_spool_hangs_nowhere(store: Store) -> None:
    spool = await a_spool(store)
    await store.run(stock.hang, "P1", "0_0", spool.id, BEGINNING)
    await store.run(stock.change_spool, spool.id, {"archived": True}, LATER, by="anna")
    assert await store.run(stock.hung, "P1") == {}
    (_, taken) = await store.run(stock.changes, "P1", BEGINNING - timedelta(1), LATER)
    assert (taken.spool_id, taken.by) == (None, "anna")
    for spool_id, key in ((spool.id, "spool_archived"), (uuid4(), "spool_unknown")):
        with pytest.raises(NotAllowed) as refusal:
            await store.run(stock.hang, "P1", "0_0", spool_id, LATER)
        assert refusal.value.key == key


async def test_two_instances_book_one_run_once(url: str) -> None:
    """Two sites that both saw a run end must not take its filament twice."""
    async with Store(url) as one, Store(url) as two:
        spool, job = await a_spool(one), await a_job(one)
        await asyncio.gather(
            *(
                store.run(stock.consume, job, [took(spool, "10")], LATER)
                for store in (one, two, one, two)
            )
        )
        assert await left(two, spool) == G(990)
        numbers = await asyncio.gather(*(a_spool(store) for store in (one, two, one, two)))
        assert len({each.number for each in numbers}) == 4


DEEDS = st.lists(
    st.one_of(
        st.tuples(st.just("consume"), st.decimals("0", "900", places=6)),
        st.tuples(st.just("weigh"), st.decimals("0", "1000", places=3)),
        st.tuples(st.just("adjust"), st.decimals("-500", "500", places=6)),
    ),
    max_size=8,
)


@given(deeds=DEEDS)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
async def test_the_sum_holds_whatever_is_done(store: Store, deeds: list[tuple[str, G]]) -> None:
    """The figure that everybody sees and the book behind it are one."""
    spool, job = await a_spool(store), await a_job(store)
    for deed, mass in deeds:
        if deed == "consume":
            await store.run(stock.consume, job, [took(spool, str(mass))], LATER)
        elif deed == "weigh":
            await store.run(stock.weigh, spool.id, LATER, net_g=mass)
            assert await left(store, spool) == mass
        else:
            await store.run(stock.adjust, spool.id, mass, LATER, reason="test")
    entries = await store.run(stock.movements, spool_id=spool.id)
    assert sum((entry.mass_g for entry in entries), G(0)) == await left(store, spool)
    used = [mass for deed, mass in deeds if deed == "consume"]
    booked = [e.mass_g for e in entries if e.kind is MovementKind.CONSUMPTION]
    assert -sum(booked, G(0)) == (used[-1] if used else 0)


async def test_thousands_of_spools_load_at_once(store: Store) -> None:
    """A farm's start must not wait for its shelf."""
    first = await a_spool(store)

    def many(connection: sa.Connection) -> None:
        for _ in range(300):
            stock.add_spool(connection, replace(first, id=uuid4()), BEGINNING)

    await store.run(many)
    _, spools = await store.run(stock.load)
    assert [spool.number for spool in spools] == list(range(1, 302))
    assert {spool.remaining_g for spool in spools} == {G(1000)}


async def test_a_spool_is_known_by_who_hung_it_last(store: Store) -> None:
    """Where Spoolman's own host reports, we must not: so it matters who said it."""
    spool = await a_spool(store)
    assert await store.run(slots.hung_by, "P1", spool.id) is None
    await store.run(stock.hang, "P1", "0_0", spool.id, BEGINNING)
    (again,) = await store.run(stock.hang, "P1", "0_0", spool.id, LATER, source=SlotSource.SPOOLMAN)
    assert again.spool_id == spool.id
    for source in SlotSource:
        assert await store.run(stock.hang, "P1", "0_0", spool.id, LATER, source=source) == ()
    assert await store.run(slots.hung_by, "P1", spool.id) is SlotSource.SPOOLMAN
    assert await store.run(stock.hung, "P1") == {"0_0": spool.id}


async def test_what_spoolman_is_told_stands_with_what_it_tells_of(store: Store) -> None:
    """Booked but not put down for Spoolman, after a crash, would never be told."""
    spool, job = await a_spool(store, spoolman_id=7), await a_job(store)
    await store.run(stock.consume, job, [took(spool, "5")], LATER)
    assert await store.run(spoolman.waiting) == ()
    await store.run(spoolman.link, "server", LATER)
    await store.run(spoolman.link, "server", LATER)
    await store.run(stock.consume, job, [took(spool, "15")], LATER)
    await store.run(stock.adjust, spool.id, G(3), LATER, reason="found")
    first, second = await store.run(spoolman.waiting)
    assert [(each.number, each.mass_g) for each in (first, second)] == [(7, G(10)), (7, G(-3))]
    await store.run(spoolman.sending, first.movement_id, G(100))
    (sent, _) = await store.run(spoolman.waiting)
    assert [sent.arrived(G(used)) for used in (100, 110, 105)] == [False, True, None]
    await store.run(spoolman.settled, first.movement_id, spoolman.DONE)
    assert await store.run(spoolman.waiting) == (second,)
    await store.run(spoolman.link, None, LATER)
    await store.run(spoolman.link, "another", LATER)
    assert await store.run(spoolman.waiting) == (), "number 7 is another spool there"
