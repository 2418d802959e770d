"""What is noted of a run while it is under way."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID, uuid4

import pytest

from custom_components.printernizer.engine.consumption import consumed
from custom_components.printernizer.engine.job import Job, JobIdentity, JobState, Outcome
from custom_components.printernizer.engine.material import Material, Spool
from custom_components.printernizer.engine.printer import (
    CurrentJob,
    PrinterState,
    PrinterStatus,
    Slot,
)
from custom_components.printernizer.engine.run_watch import (
    CHANGES_KEPT,
    HungSpool,
    RunWatch,
    Wanted,
    begin,
    fed_from,
    hung_spool,
    look,
    rehang,
)
from custom_components.printernizer.engine.shop import StockPolicy
from custom_components.printernizer.engine.store.account_codec import watch_of, watch_text

JOB = Job(
    id=UUID(int=1),
    printer_id="P1",
    identity=JobIdentity(path="/benchy.gcode"),
    state=JobState.PRINTING,
    started_at=datetime(2026, 11, 1, tzinfo=UTC),
    first_seen_at=datetime(2026, 11, 1, tzinfo=UTC),
)
A = HungSpool(slot="0_0", spool_id=UUID(int=10), material="PETG", price_per_kg=Decimal(25))
B = replace(A, spool_id=UUID(int=11))


def showing(*slots: Slot, fed_mm: float | None = None) -> PrinterStatus:
    return PrinterStatus(
        state=PrinterState.PRINTING, job=CurrentJob(filament_mm=fed_mm), slots=slots
    )


def slot(key: str, left: float | None = None, *, active: bool = False, **more: str) -> Slot:
    return Slot(
        key=key, unit="0", index=int(key[-1]), empty=False, remaining=left, active=active, **more
    )


def noted(*statuses: PrinterStatus) -> RunWatch:
    watch = begin(JOB, statuses[0], {}, late=False)
    for status in statuses[1:]:
        watch = look(watch, status)
    return watch


def test_the_most_that_was_measured_stays_when_firmware_zeroes_it() -> None:
    """Firmware forgets at the end what it fed; so would the bill."""
    watch = noted(showing(), showing(fed_mm=10.0), showing(fed_mm=1200.5), showing(fed_mm=0.0))
    assert watch.measured_mm == 1200.5


def test_a_status_that_adds_nothing_gives_the_very_same_notes() -> None:
    """A hundred printers report each second; only news may cost anything."""
    status = showing(slot("0_0", 0.5, active=True), fed_mm=5.0)
    watch = noted(status)
    assert look(watch, status) is watch
    assert look(watch, PrinterStatus(state=PrinterState.PAUSED)) is watch


def test_what_feeders_count_down_adds_up_over_a_new_spool() -> None:
    """A fresh spool in the middle of a print must not give material back."""
    watch = noted(*(showing(slot("0_0", left)) for left in (0.20, 0.05, 0.06, 1.0, 0.9)))
    (use,) = watch.uses
    assert (use.first, use.last) == (0.20, 0.9)
    assert use.used == pytest.approx(0.25)


def test_slots_are_noted_in_the_order_in_which_they_fed() -> None:
    watch = noted(
        showing(slot("0_0"), slot("0_1", active=True)),
        showing(slot("0_0", active=True), slot("0_1")),
        showing(slot("0_0"), slot("0_1", active=True)),
    )
    assert watch.fed == ("0_1", "0_0")


def test_spools_are_frozen_with_their_price_and_changes_with_how_far_it_is() -> None:
    """Grams before the change are those of the old spool, at the old spool's price."""
    watch = begin(JOB, showing(), {"0_0": A}, late=True)
    assert watch.late
    far = replace(JOB, layer=92, progress=0.6)
    assert rehang(watch, {"0_0": A}, far) is watch
    changed = rehang(watch, {"0_0": B}, far)
    assert changed.hangings == (A, replace(B, from_layer=92, from_progress=0.6))
    emptied = rehang(changed, {}, replace(far, layer=100))
    assert emptied.hangings[-1] == HungSpool(
        slot="0_0", spool_id=None, from_layer=100, from_progress=0.6
    )
    assert rehang(emptied, {}, far) is emptied


def test_a_loose_sensor_does_not_fill_the_memory() -> None:
    watch = begin(JOB, showing(), {}, late=False)
    for number in range(CHANGES_KEPT + 20):
        watch = rehang(watch, {"0_0": A} if number % 2 else {"0_0": B}, JOB)
    assert len(watch.hangings) == CHANGES_KEPT


def test_notes_come_back_from_the_database_as_they_were() -> None:
    watch = begin(
        JOB,
        showing(slot("0_0", 0.5, active=True, material="PLA", colour="#FF0000"), fed_mm=3.5),
        {"0_0": replace(A, net_g=Decimal(1000), density_g_cm3=Decimal("1.27"))},
        plan=("0_0", None),
        late=False,
    )
    assert watch_of(watch_text(watch)) == watch


def test_a_spool_takes_its_price_from_the_moment_it_is_noted() -> None:
    """Prices that are edited later must not rewrite what a print has cost."""
    material = Material(id=uuid4(), kind="PETG", diameter_mm=Decimal("1.75"), price=Decimal(20))
    spool = Spool(
        id=uuid4(),
        material_id=material.id,
        number=3,
        net_g=Decimal(800),
        price=Decimal(24),
    )
    hung = hung_spool("tool_0", spool, material)
    assert hung.price_per_kg == Decimal(30)
    assert (hung.material, hung.diameter_mm) == ("PETG", Decimal("1.75"))
    free = hung_spool("tool_0", replace(spool, price=None), replace(material, price=None))
    assert free.price_per_kg is None


# -- which filament came from where ------------------------------------------------------------

RED, BLUE = "#FF0000", "#0000FF"
PLA_RED = Wanted(tool=0, material="PLA", colour=RED)
PLA_BLUE = Wanted(tool=1, material="PLA", colour=BLUE + "FF")


def watching(*slots: Slot, plan: tuple[str | None, ...] = ()) -> RunWatch:
    return begin(JOB, showing(*slots), {}, plan=plan, late=False)


def test_our_own_plan_is_sure() -> None:
    watch = watching(slot("0_0"), slot("0_1"), plan=("0_1", "0_0"))
    assert fed_from(watch, (PLA_RED, PLA_BLUE)) == {0: "0_1", 1: "0_0"}


def test_a_printer_without_slots_feeds_each_tool_from_its_own_holder() -> None:
    assert fed_from(watching(), (PLA_RED, PLA_BLUE)) == {0: "tool_0", 1: "tool_1"}


def test_a_single_filament_came_from_the_slot_that_fed() -> None:
    watch = watching(slot("0_0"), slot("0_1", active=True))
    assert fed_from(watch, (PLA_RED,)) == {0: "0_1"}


def test_a_single_filament_of_a_feeder_with_one_spool_came_from_it() -> None:
    assert fed_from(watching(slot("0_2")), (PLA_RED,)) == {0: "0_2"}
    hung = begin(JOB, showing(slot("0_0"), slot("0_1")), {"0_0": A}, late=False)
    assert fed_from(hung, (PLA_RED,)) == {0: "0_0"}
    assert fed_from(watching(slot("0_0"), slot("0_1")), (PLA_RED,)) == {}


def test_several_filaments_go_by_colour_and_then_by_material() -> None:
    watch = watching(
        slot("0_0", material="PLA", colour=BLUE),
        slot("0_1", material="PLA", colour=RED),
        slot("0_2", material="PETG"),
    )
    petg = Wanted(tool=2, material="petg", colour="#123456")
    assert fed_from(watch, (PLA_RED, PLA_BLUE, petg)) == {0: "0_1", 1: "0_0", 2: "0_2"}


def test_what_two_slots_could_have_been_is_not_guessed() -> None:
    """A wrong spool on a bill is worse than one that is marked as unknown."""
    watch = watching(
        slot("0_0", material="PLA", colour=RED), slot("0_1", material="PLA", colour=RED)
    )
    assert fed_from(watch, (PLA_RED, PLA_BLUE)) == {}


def test_what_a_feeder_counts_down_is_of_the_spool_that_hung_there() -> None:
    """Of a spool changed in the middle, all grams were the new one's, at its price."""
    watch = begin(JOB, showing(slot("0_0", 0.30)), {"0_0": A}, late=False)
    watch = look(watch, showing(slot("0_0", 0.24)))
    watch = look(watch, showing(replace(slot("0_0"), empty=True)))
    watch = rehang(watch, {}, JOB)
    watch = rehang(watch, {"0_0": B}, JOB)
    for left in (1.0, 0.98, 0.97):
        watch = look(watch, showing(slot("0_0", left)))
    watch = watch_of(watch_text(watch))
    lines = consumed(replace(JOB, outcome=Outcome.COMPLETED), watch, None, None, StockPolicy())
    assert [(line.spool_id, line.mass_g) for line in lines] == [
        (A.spool_id, Decimal(60)),
        (B.spool_id, Decimal(30)),
    ]


def test_a_spool_changed_where_the_firmware_measures_is_divided_by_what_it_measured() -> None:
    """Half of the time is not half of the filament: a wide foot comes first."""
    hung = replace(A, slot="tool_0")
    watch = begin(JOB, showing(fed_mm=0.0), {"tool_0": hung}, late=False)
    watch = look(watch, showing(fed_mm=800.0))
    watch = rehang(watch, {"tool_0": replace(B, slot="tool_0")}, replace(JOB, progress=0.5))
    watch = watch_of(watch_text(look(watch, showing(fed_mm=1000.0))))
    lines = consumed(replace(JOB, outcome=Outcome.COMPLETED), watch, None, None, StockPolicy())
    assert [(line.spool_id, line.length_mm) for line in lines] == [
        (A.spool_id, Decimal(800)),
        (B.spool_id, Decimal(200)),
    ]
