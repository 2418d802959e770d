"""What is noted of a run while it is under way, for the reckoning at its end.

Firmware forgets at the end what was measured, and spools are changed meanwhile: so the spools are
noted when the run begins and at every change, with the layer and the progress reached by then.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .material import TOOL_SLOT, price_per_kg

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from .job import Job
    from .material import Material, Spool
    from .printer import PrinterStatus

CHANGES_KEPT: Final = 500
"""Changes of spools in one run. More is a loose sensor, not a person."""
JITTER: Final = 0.011
"""Share of a spool by which feeders correct themselves upwards without anybody's doing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HungSpool:
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
    from_mm: float | None = None
    """What the firmware had measured by then."""

    @property
    def later(self) -> bool:
        """Whether it came while the run was under way, as far as anybody told how far that was."""
        return (self.from_layer, self.from_progress, self.from_mm) != (None, None, None)


@dataclass(frozen=True, kw_only=True, slots=True)
class SlotUse:
    """What a feeder said of one slot while one spool hung there."""

    slot: str
    first: float
    """Share left when the run began."""
    last: float
    used: float = 0.0
    """Sum of what went down; a new spool's rise is not counted."""
    hanging: int | None = None
    """Of which of the hangings it was taken; None: of something that nobody named."""


@dataclass(frozen=True, kw_only=True, slots=True)
class LoadedSlot:
    """What a printer said of one of its slots when the run began."""

    slot: str
    material: str | None = None
    colour: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class RunWatch:
    """The notes of one run."""

    job_id: UUID
    printer_id: str
    hangings: tuple[HungSpool, ...] = ()
    """In the order of their coming; those of the start first."""
    loaded: tuple[LoadedSlot, ...] = ()
    """Empty where the printer has no slots to tell of."""
    uses: tuple[SlotUse, ...] = ()
    fed: tuple[str, ...] = ()
    """Slots that were seen feeding, in the order of their first time."""
    measured_mm: float | None = None
    """The most that the firmware said to have fed."""
    plan: tuple[str | None, ...] = ()
    """Slot of each of the slicer's filaments, where the start was ours and named them."""
    plate: int | None = None
    """Of our own start, for printers that do not tell it."""
    late: bool = False
    """It was under way when it was first seen."""
    skipped: tuple[str, ...] = ()
    """Objects that we left out while it ran, each once."""


def hung_spool(slot: str, spool: Spool, material: Material) -> HungSpool:
    """Return a spool in a slot as it is noted: its price is the one of this moment (rule 13)."""
    return HungSpool(
        slot=slot,
        spool_id=spool.id,
        material=material.kind,
        net_g=spool.net_g,
        diameter_mm=material.diameter_mm,
        density_g_cm3=material.density_g_cm3,
        price_per_kg=price_per_kg(spool, material),
    )


def begin(
    job: Job,
    status: PrinterStatus,
    hung: Mapping[str, HungSpool],
    *,
    plan: tuple[str | None, ...] = (),
    plate: int | None = None,
    late: bool,
) -> RunWatch:
    """Freeze what hangs there (rule 11) and note where the feeders stand."""
    watch = RunWatch(
        job_id=job.id,
        printer_id=job.printer_id,
        hangings=tuple(hung[slot] for slot in sorted(hung)),
        loaded=tuple(
            LoadedSlot(slot=slot.key, material=slot.material, colour=slot.colour)
            for slot in status.slots
            if not slot.empty
        ),
        plan=plan,
        plate=plate,
        late=late,
    )
    return look(watch, status)


def look(watch: RunWatch, status: PrinterStatus) -> RunWatch:
    """Note what a status adds; the very same watch comes back when it adds nothing."""
    watch = measured(watch, status)
    for slot in status.slots:
        if slot.active and slot.key not in watch.fed:
            watch = replace(watch, fed=(*watch.fed, slot.key))
    uses = _uses(watch, status)
    return watch if uses == watch.uses else replace(watch, uses=uses)


def measured(watch: RunWatch, status: PrinterStatus) -> RunWatch:
    """Note what the firmware says to have fed; it still says so when the run has just ended."""
    told = status.job.filament_mm if status.job is not None else None
    if told is None or (watch.measured_mm is not None and told <= watch.measured_mm):
        return watch
    return replace(watch, measured_mm=told)


def _uses(watch: RunWatch, status: PrinterStatus) -> tuple[SlotUse, ...]:
    known = {(use.slot, use.hanging): use for use in watch.uses}
    latest = {use.slot: use for use in watch.uses}
    hangs = {each.slot: number for number, each in enumerate(watch.hangings)}
    for slot in status.slots:
        left, before = slot.remaining, latest.get(slot.key)
        here = slot.key, hangs.get(slot.key)
        if slot.empty and before is not None:
            # Taken out is not used up; and the next spool there is another one, however full.
            known[slot.key, before.hanging] = replace(before, last=0.0)
            continue
        if slot.empty or left is None:
            continue
        fresh = SlotUse(slot=slot.key, first=left, last=left, hanging=here[1])
        if before is None:
            known[here] = fresh
            continue
        use = known.get(here, replace(fresh, first=before.last, last=before.last))
        if left < use.last:
            known[here] = replace(use, last=left, used=use.used + use.last - left)
        elif left > use.last + JITTER:
            known[here] = replace(use, last=left)
    return tuple(known.values())


def rehang(watch: RunWatch, hung: Mapping[str, HungSpool], job: Job) -> RunWatch:
    """Note spools that were changed, with how far the run is."""
    now = {each.slot: each.spool_id for each in watch.hangings}
    changes = [
        replace(
            hung.get(slot, HungSpool(slot=slot, spool_id=None)),
            from_layer=job.layer,
            from_progress=job.progress,
            from_mm=watch.measured_mm,
        )
        for slot in sorted({*now, *hung})
        if (hung[slot].spool_id if slot in hung else None) != now.get(slot)
    ]
    if not changes or len(watch.hangings) + len(changes) > CHANGES_KEPT:
        return watch
    return replace(watch, hangings=(*watch.hangings, *changes))


def skip(watch: RunWatch, objects: Sequence[str]) -> RunWatch:
    """Note objects that were left out: they are no pieces (rule 15)."""
    return replace(watch, skipped=tuple(dict.fromkeys((*watch.skipped, *objects))))


# -- which filament came from where -----------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A filament that a file wants, as its slicer describes it."""

    tool: int
    material: str | None = None
    colour: str | None = None


def fed_from(watch: RunWatch, wanted: Sequence[Wanted]) -> dict[int, str]:
    """Return the slot of each filament, as far as anybody can know.

    The plan of our own start is sure. A printer without slots feeds each tool from its own
    holder. A single filament came from the slot that was seen feeding, or from the only one where
    anything hangs. Of several, one goes by material and colour where only one slot has them.
    """
    found = {
        each.tool: slot
        for each in wanted
        if each.tool < len(watch.plan) and (slot := watch.plan[each.tool]) is not None
    }
    missing = [each for each in wanted if each.tool not in found]
    if not watch.loaded:
        return found | {each.tool: TOOL_SLOT.format(each.tool) for each in missing}
    if len(wanted) == 1 and missing:
        slot = _only(watch.fed) or _only([each.slot for each in watch.loaded])
        slot = slot or _only([each.slot for each in watch.hangings if each.spool_id is not None])
        return {missing[0].tool: slot} if slot is not None else {}
    for alike in (_alike, _same_material):
        for each in missing:
            free = [slot for slot in watch.loaded if slot.slot not in found.values()]
            rivals = [other for other in missing if other.tool not in found and alike(other, each)]
            fitting = [slot.slot for slot in free if alike(each, slot)]
            if each.tool not in found and len(rivals) == 1 and len(fitting) == 1:
                found[each.tool] = fitting[0]
    return found


def _only(slots: Sequence[str]) -> str | None:
    different = set(slots)
    return different.pop() if len(different) == 1 else None


def _alike(one: Wanted | LoadedSlot, other: Wanted | LoadedSlot) -> bool:
    colours = [(each.colour or "").upper()[:7] for each in (one, other)]
    return bool(colours[0]) and colours[0] == colours[1] and _same_material(one, other)


def _same_material(one: Wanted | LoadedSlot, other: Wanted | LoadedSlot) -> bool:
    return bool(one.material) and (one.material or "").upper() == (other.material or "").upper()
