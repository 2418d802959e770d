"""What is noted of a run while it is under way, for the reckoning at its end.

Firmware forgets at the end what was measured, and spools are changed meanwhile: so the spools are
noted when the run begins and at every change, with the layer and the progress reached by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

    from .job import Job
    from .material import Material, Spool
    from .printer import PrinterStatus

CHANGES_KEPT: Final = 500
"""Changes of spools in one run. More is a loose sensor, not a person."""
JITTER: Final = 0.011
"""Share of a spool by which feeders correct themselves upwards without anybody's doing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hanging:
    """A spool in a slot from some point of the run on, priced as it was at that moment."""

    slot: str
    spool_id: UUID | None
    """None: the slot was emptied, or nobody said what hangs there."""
    material: str | None = None
    net_g: Decimal | None = None
    diameter_mm: Decimal | None = None
    density_g_cm3: Decimal | None = None
    price_per_kg: Decimal | None = None
    from_layer: int | None = None
    """None: from the beginning, or at a layer that nobody told."""
    from_progress: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotUse:
    """What a feeder said of one slot."""

    slot: str
    first: float
    """Share left when the run began."""
    last: float
    used: float = 0.0
    """Sum of what went down; a new spool's rise is not counted."""
    material: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWatch:
    """The notes of one run."""

    job_id: UUID
    printer_id: str
    hangings: tuple[Hanging, ...] = ()
    """In the order of their coming; those of the start first."""
    uses: tuple[SlotUse, ...] = ()
    fed: tuple[str, ...] = ()
    """Slots that were seen feeding, in the order of their first time."""
    measured_mm: float | None = None
    """The most that the firmware said to have fed."""
    plan: tuple[str | None, ...] = ()
    """Slot of each of the slicer's filaments, where the start was ours and named them."""
    late: bool = False
    """It was under way when it was first seen."""


def hanging(slot: str, spool: Spool, material: Material | None, price: Decimal | None) -> Hanging:
    """Return a spool in a slot as it is noted: its price is the one of this moment (rule 13)."""
    return Hanging(
        slot=slot,
        spool_id=spool.id,
        material=material.kind if material else None,
        net_g=spool.net_g,
        diameter_mm=material.diameter_mm if material else None,
        density_g_cm3=material.density_g_cm3 if material else None,
        price_per_kg=price,
    )


def begin(
    job: Job,
    status: PrinterStatus,
    hung: Mapping[str, Hanging],
    *,
    plan: tuple[str | None, ...] = (),
    late: bool,
) -> RunWatch:
    """Freeze what hangs there (rule 11) and note where the feeders stand."""
    watch = RunWatch(
        job_id=job.id,
        printer_id=job.printer_id,
        hangings=tuple(hung[slot] for slot in sorted(hung)),
        plan=plan,
        late=late,
    )
    return look(watch, status)


def look(watch: RunWatch, status: PrinterStatus) -> RunWatch:
    """Note what a status adds; the very same watch comes back when it adds nothing."""
    measured = status.job.filament_mm if status.job is not None else None
    if measured is not None and (watch.measured_mm is None or measured > watch.measured_mm):
        watch = replace(watch, measured_mm=measured)
    for slot in status.slots:
        if slot.active and slot.key not in watch.fed:
            watch = replace(watch, fed=(*watch.fed, slot.key))
    uses = _uses(watch, status)
    return watch if uses == watch.uses else replace(watch, uses=uses)


def _uses(watch: RunWatch, status: PrinterStatus) -> tuple[SlotUse, ...]:
    known = {use.slot: use for use in watch.uses}
    for slot in status.slots:
        left = slot.remaining
        if left is None:
            continue
        use = known.get(slot.key)
        if use is None:
            known[slot.key] = SlotUse(slot=slot.key, first=left, last=left, material=slot.material)
        elif left < use.last:
            known[slot.key] = replace(use, last=left, used=use.used + use.last - left)
        elif left > use.last + JITTER:
            known[slot.key] = replace(use, last=left)
    return tuple(known.values())


def rehang(watch: RunWatch, hung: Mapping[str, Hanging], job: Job) -> RunWatch:
    """Note spools that were changed, with how far the run is."""
    now = {each.slot: each.spool_id for each in watch.hangings}
    changes = [
        replace(hung[slot], from_layer=job.layer, from_progress=job.progress)
        if slot in hung
        else Hanging(slot=slot, spool_id=None, from_layer=job.layer, from_progress=job.progress)
        for slot in sorted({*now, *hung})
        if (hung[slot].spool_id if slot in hung else None) != now.get(slot)
    ]
    if not changes or len(watch.hangings) + len(changes) > CHANGES_KEPT:
        return watch
    return replace(watch, hangings=(*watch.hangings, *changes))
