"""How much material a run took of which spool: the ladder of rule 7, scaled exactly once.

1. *measured*: the firmware counted what it fed (Klipper);
2. *layers*: the net extrusion of the very file and plate, up to the last good layer;
3. *estimate*: the slicer's figure times the last good progress;
4. *slots*: by how much the feeder says its spools went down;
5. *unknown*.

The first step that can be taken holds for the whole run. What it gives is divided among the spools
that hung in the slot of each filament, by the layers at which they were changed, or the progress.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from .account import CONFIDENCE_ORDER, Confidence, Consumption, Source
from .job import Outcome
from .money import ZERO, divided, exact
from .run_watch import HungSpool, Wanted, fed_from
from .shop import Process

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .extrusion import Extrusion, ToolExtrusion
    from .file import PlateFacts
    from .job import Job
    from .run_watch import RunWatch
    from .shop import StockPolicy

DIAMETER_MM: Final = Decimal("1.75")
DENSITIES_G_CM3: Final = {
    "PLA": Decimal("1.24"),
    "PETG": Decimal("1.27"),
    "ABS": Decimal("1.04"),
    "ASA": Decimal("1.07"),
    "TPU": Decimal("1.21"),
    "FLEX": Decimal("1.22"),
    "PA": Decimal("1.14"),
    "PAHT": Decimal("1.14"),
    "NYLON": Decimal("1.14"),
    "PC": Decimal("1.20"),
    "PP": Decimal("0.90"),
    "PVA": Decimal("1.23"),
    "HIPS": Decimal("1.04"),
}
"""For materials of which neither spool nor file tells it. PLA, PETG, ABS and FLEX are those of the
generic profiles of PrusaSlicer; the others are usual in data sheets. Fillings change them: a spool
with its own density is always better."""
USUAL_DENSITY: Final = DENSITIES_G_CM3["PLA"]
RESIN_G_CM3: Final = Decimal("1.1")
"""Liquid photopolymers weigh 1.05 to 1.2 g/ml."""
LAYERS_APART: Final = 2
"""By so much printer and file may count layers differently: with or without a raft, from 0 or 1."""
USUAL_NET_G: Final = Decimal(1000)
"""What a feeder's share is taken of where nobody said which spool hangs there."""
LONGEST_MM: Final = 1e8
"""100 km, hundreds of spools: whoever claims more miscounted."""
_KIND: Final = re.compile("[A-Z]+")
_PI: Final = Decimal("3.141592653589793")


@dataclass(frozen=True, kw_only=True, slots=True)
class Filament:
    """One filament of a file, as the slicer describes it."""

    tool: int
    material: str | None = None
    colour: str | None = None
    diameter_mm: float | None = None
    density_g_cm3: float | None = None
    length_mm: float | None = None
    """The slicer's total for the plate."""
    mass_g: float | None = None
    extrusion: ToolExtrusion | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class _Taken:
    """What a run took of one filament, before it is known of which spool."""

    filament: Filament
    source: Source
    confidence: Confidence
    length_mm: Decimal | None = None
    mass_g: Decimal | None = None
    together: bool = False
    """Several filaments were counted as one: nobody knows which spool gave how much."""
    alone: bool = False
    """The firmware measured it, and it is all that the firmware measured."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far a run came."""

    completed: bool
    share: float | None
    """Last good progress; 1.0 when it completed."""
    layer: int | None
    """Last good layer, from 1; None when it completed, or nobody knows."""


def reach(job: Job, extrusion: Extrusion | None, *, by_bytes: bool) -> Reach:
    """Return how far a run came; a share of the file's bytes tells the layer (`by_bytes`).

    Where a printer counts other layers than the file has, its layer says nothing about the file.
    """
    if job.outcome is Outcome.COMPLETED:
        return Reach(completed=True, share=1.0, layer=None)
    share = job.progress
    if share is not None and not math.isfinite(share):
        share = None
    if share == 0 and job.outcome is Outcome.UNKNOWN:
        share = None  # nobody saw how it went on: that is not nothing
    if extrusion is None or not extrusion.layers:
        return Reach(completed=False, share=share, layer=None)
    layer = job.layer
    if job.layers is not None and abs(job.layers - extrusion.layers) > LAYERS_APART:
        layer = None
    if layer is None and by_bytes and extrusion.ends and share is not None:
        layer = extrusion.layer_at(share)
    return Reach(completed=False, share=share, layer=layer)


def filaments(extrusion: Extrusion | None, plate: PlateFacts | None) -> tuple[Filament, ...]:
    """Return the filaments of a plate from what was measured, else from what its slicer says."""
    described = {each.index: each for each in plate.filaments} if plate is not None else {}
    tools = extrusion.tools if extrusion is not None else ()
    if tools and all(0 <= tool.total_mm <= LONGEST_MM for tool in tools):
        return tuple(
            Filament(
                tool=tool.tool,
                material=tool.material or (told.material if told else None),
                colour=told.colour if told else None,
                diameter_mm=tool.diameter_mm,
                density_g_cm3=tool.density_g_cm3,
                length_mm=tool.estimate_mm,
                mass_g=tool.estimate_g,
                extrusion=tool,
            )
            for tool in tools
            for told in (described.get(tool.tool),)
        )
    if not described and plate is not None and plate.mass_g is not None:
        return (Filament(tool=0, mass_g=plate.mass_g),)
    return tuple(
        Filament(
            tool=each.index,
            material=each.material,
            colour=each.colour,
            diameter_mm=each.diameter_mm,
            density_g_cm3=each.density_g_cm3,
            length_mm=each.used_mm,
            mass_g=each.used_g,
        )
        for each in described.values()
    )


def consumed(
    job: Job,
    watch: RunWatch,
    extrusion: Extrusion | None,
    plate: PlateFacts | None,
    policy: StockPolicy,
    *,
    process: Process = Process.FILAMENT,
    by_bytes: bool = False,
) -> tuple[Consumption, ...]:
    """Return what a closed run took, line by line; one unknown line where nobody can say.

    A run that ended before anything was printed took nothing, which is trusted little: a line to
    prime the nozzle may have been drawn. Of a run whose end nobody saw, what it took until then is
    the least that it can be, and trusted little too; unless it completed, or the firmware counted.
    """
    used = filaments(extrusion, plate)
    far = reach(job, extrusion, by_bytes=by_bytes)
    taken = _measured(watch, used, far) or _layers(used, far) or _estimated(used, plate, far)
    lines: Sequence[Consumption]
    if taken:
        lines = _among_spools(taken, used, watch, far, policy, process)
    else:
        lines = _by_slots(watch, policy) or _nothing(far) or (Consumption(),)
    if job.outcome is Outcome.UNKNOWN:
        return tuple(map(_doubted, lines))
    if job.outcome is Outcome.COMPLETED or job.ended_at is not None:
        return tuple(lines)
    # It failed or was cancelled while nobody looked: how far it came by then is not known.
    return tuple(line if line.source is Source.MEASURED else _doubted(line) for line in lines)


def _doubted(line: Consumption) -> Consumption:
    return replace(line, confidence=_at_most(Confidence.LOW, line.confidence))


def _at_most(limit: Confidence, confidence: Confidence) -> Confidence:
    return min(limit, confidence, key=CONFIDENCE_ORDER.index)


# -- the steps of the ladder -------------------------------------------------------------------


def _measured(watch: RunWatch, used: Sequence[Filament], far: Reach) -> tuple[_Taken, ...]:
    """What the firmware counted; of several filaments in the proportion of their layers."""
    total = watch.measured_mm
    if total is None or not 0 <= total <= LONGEST_MM:
        return ()
    if total == 0 and (far.share != 0 or far.layer):
        return ()  # it counts, but did not while this was printed
    whole = _Taken(
        filament=used[0] if used else Filament(tool=0),
        source=Source.MEASURED,
        confidence=Confidence.HIGH if len(used) < 2 else Confidence.MEDIUM,
        length_mm=exact(total),
    )
    if len(used) < 2:
        return (replace(whole, alone=True),)
    weights = _weights(used, far)
    if not any(weights):
        kinds = {each.material for each in used}
        alike = Filament(tool=0, material=kinds.pop() if len(kinds) == 1 else None)
        return (replace(whole, filament=alike, together=True),)
    return tuple(
        replace(whole, filament=each, length_mm=length)
        for each, weight, length in zip(used, weights, divided(exact(total), weights), strict=True)
        if weight
    )


def _weights(used: Sequence[Filament], far: Reach) -> list[Decimal]:
    """Return what filaments are in proportion to each other: by length, else by mass."""
    lengths = [
        each.length_mm if each.extrusion is None else each.extrusion.until(far.layer)
        for each in used
    ]
    for told in (lengths, [each.mass_g for each in used]):
        if None not in told:
            return [exact(value or 0) for value in told]
    return []


def _layers(used: Sequence[Filament], far: Reach) -> tuple[_Taken, ...]:
    """What the file lays down, whole or up to the last good layer.

    Purging and tower of these layers are in it, however early the run ended (rule 12).
    """
    if not far.completed and far.layer is None:
        return ()
    return tuple(
        _Taken(
            filament=each,
            source=Source.LAYERS,
            confidence=Confidence.HIGH if far.completed else Confidence.MEDIUM,
            length_mm=exact(length),
        )
        for each in used
        if each.extrusion is not None and (length := each.extrusion.until(far.layer)) > 0
    )


def _estimated(
    used: Sequence[Filament], plate: PlateFacts | None, far: Reach
) -> tuple[_Taken, ...]:
    """What the slicer says, times the last good progress. Scaled here, and nowhere else."""
    if far.share is None:
        return ()
    share = exact(min(max(far.share, 0.0), 1.0))
    confidence = Confidence.MEDIUM if far.completed else Confidence.LOW
    found = []
    for each in used:
        length = each.length_mm if each.extrusion is None else each.extrusion.total_mm
        if length is None and each.mass_g is None:
            return _estimated_together(used, plate, share, confidence)
        found.append(
            _Taken(
                filament=each,
                source=Source.ESTIMATE,
                confidence=confidence,
                length_mm=None if length is None else exact(exact(length) * share),
                mass_g=None if each.mass_g is None else exact(exact(each.mass_g) * share),
            )
        )
    return tuple(found)


def _estimated_together(
    used: Sequence[Filament], plate: PlateFacts | None, share: Decimal, confidence: Confidence
) -> tuple[_Taken, ...]:
    """What the slicer says of the whole plate, where it does not say it of each filament."""
    if plate is None or plate.mass_g is None:
        return ()
    return (
        _Taken(
            filament=used[0],
            source=Source.ESTIMATE,
            confidence=confidence,
            mass_g=exact(exact(plate.mass_g) * share),
            together=len(used) > 1,
        ),
    )


def _by_slots(watch: RunWatch, policy: StockPolicy) -> tuple[Consumption, ...]:
    """By how much the feeder says its spools went down: whole per cents at best.

    Where the feeder shows which slots it fed from, no other one counts: a spool may be taken out
    of it, or another be put in, while it is not used.
    """
    lines = []
    for use in watch.uses:
        if use.used <= 0 or (watch.fed and use.slot not in watch.fed):
            continue
        hung = HungSpool(slot=use.slot, spool_id=None)
        if use.hanging is not None:
            hung = watch.hangings[use.hanging]
        loaded = next((each for each in watch.loaded if each.slot == use.slot), None)
        line = Consumption(
            slot=use.slot,
            spool_id=hung.spool_id,
            material=hung.material or (loaded.material if loaded else None),
            mass_g=exact(exact(use.used) * (hung.net_g or USUAL_NET_G)),
            source=Source.SLOTS,
            confidence=Confidence.LOW,
        )
        # A spool that cost nothing is not one of which nobody knows the price.
        default = policy.default_price_per_kg
        lines.append(_priced(line, default if hung.price_per_kg is None else hung.price_per_kg))
    return tuple(lines)


def _nothing(far: Reach) -> tuple[Consumption, ...]:
    """Of a file that nobody knows nothing was printed: that is nothing, whatever it holds."""
    if far.share != 0 or far.layer:
        return ()
    return (
        Consumption(mass_g=ZERO, amount=ZERO, source=Source.ESTIMATE, confidence=Confidence.LOW),
    )


# -- among the spools --------------------------------------------------------------------------


def _among_spools(
    taken: Sequence[_Taken],
    used: Sequence[Filament],
    watch: RunWatch,
    far: Reach,
    policy: StockPolicy,
    process: Process,
) -> list[Consumption]:
    """Divide what was taken among the spools that hung there; the parts sum to it exactly."""
    wanted = tuple(
        Wanted(tool=each.tool, material=each.material, colour=each.colour) for each in used
    ) or (Wanted(tool=0),)
    slots = fed_from(watch, wanted)
    lines: list[Consumption] = []
    for each in taken:
        slot = None if each.together else slots.get(each.filament.tool)
        spools = _spools(each, slot, watch, far)
        weights = [weight for _, weight in spools]
        lengths = _parts(each.length_mm, weights)
        masses = _parts(each.mass_g, weights)
        for (spool, _), length, mass in zip(spools, lengths, masses, strict=True):
            part = replace(each, length_mm=length, mass_g=mass)
            whole = _line(part, slot, spool, process, policy)
            lines += _by_role(whole, part, far)
    return lines


def _parts(total: Decimal | None, weights: Sequence[Decimal]) -> Sequence[Decimal | None]:
    return [None] * len(weights) if total is None else divided(total, weights)


def _spools(
    taken: _Taken, slot: str | None, watch: RunWatch, far: Reach
) -> list[tuple[HungSpool, Decimal]]:
    """Return the spools that hung in a slot, in their order, with the share that each gave.

    One without an id stands for what came from something that nobody named.
    """
    unnamed = HungSpool(slot=slot or "", spool_id=None)
    hung = [each for each in watch.hangings if each.slot == slot]
    begins = [_begin(each, taken, far) for each in hung]
    if not hung or begins[0] > 0:
        hung, begins = [unnamed, *hung], [ZERO, *begins]
    for number in range(1, len(begins)):
        begins[number] = max(begins[number - 1], begins[number])
    shares = [until - begin for begin, until in pairwise([*begins, Decimal(1)])]
    return [(each, share) for each, share in zip(hung, shares, strict=True) if share > 0]


def _begin(hung: HungSpool, taken: _Taken, far: Reach) -> Decimal:
    """Return after which share of what was taken a spool came to hang there, 0 to 1.

    What the firmware had measured by then tells it best, where it feeds one filament alone. A
    layer in which it was changed is the old one's.
    """
    if taken.alone and hung.from_mm is not None and taken.length_mm:
        return min(Decimal(1), exact(hung.from_mm) / taken.length_mm)
    extrusion = taken.filament.extrusion
    if extrusion is not None and hung.from_layer is not None and (far.completed or far.layer):
        whole = extrusion.until(far.layer)
        if whole > 0:
            return Decimal(str(min(1.0, extrusion.until(hung.from_layer) / whole)))
    if hung.from_progress is not None and far.share:
        return Decimal(str(min(1.0, max(0.0, hung.from_progress / far.share))))
    return ZERO


def _line(
    taken: _Taken, slot: str | None, spool: HungSpool, process: Process, policy: StockPolicy
) -> Consumption:
    """Return what one spool gave, in grams and money."""
    filament = taken.filament
    material = spool.material or filament.material
    usual = RESIN_G_CM3 if process is Process.RESIN else density_of(material)
    told = spool.density_g_cm3 or _decimal(filament.density_g_cm3)
    density = told or usual or USUAL_DENSITY
    sure = taken.mass_g is not None or told is not None or usual is not None
    mass = _mass_g(taken, spool, density)
    volume, default = None, policy.default_price_per_kg
    if process is Process.RESIN:
        volume = exact(mass / density)
        default = exact(policy.default_price_per_l / density)
    line = Consumption(
        tool=None if taken.together else filament.tool,
        slot=slot,
        spool_id=spool.spool_id,
        material=material,
        mass_g=mass,
        length_mm=taken.length_mm,
        volume_ml=volume,
        source=taken.source,
        confidence=taken.confidence if sure else _at_most(Confidence.LOW, taken.confidence),
    )
    return _priced(line, default if spool.price_per_kg is None else spool.price_per_kg)


def _by_role(line: Consumption, taken: _Taken, far: Reach) -> list[Consumption]:
    """Divide a line by role, where the file tells and ran to its end; the parts sum to it.

    Of a run that was cut short only all of it is known: brim and first purging come early, support
    anywhere, and the file's totals say nothing of a part of it.
    """
    extrusion = taken.filament.extrusion
    if not far.completed or taken.together or extrusion is None:
        return [line]
    roles = [(role, weight) for role, mm in extrusion.roles_mm if (weight := exact(mm)) > 0]
    if not roles:
        return [line]
    weights = [weight for _, weight in roles]
    parts = zip(
        roles,
        *(_parts(each, weights) for each in (line.mass_g, line.length_mm, line.volume_ml)),
        strict=True,
    )
    price = line.price_per_kg or ZERO
    return [
        _priced(replace(line, role=role, mass_g=mass, length_mm=mm, volume_ml=ml), price)
        for (role, _), mass, mm, ml in parts
    ]


def _mass_g(taken: _Taken, spool: HungSpool, density: Decimal) -> Decimal:
    """Return grams: the slicer's own where they were scaled, else length by the real spool."""
    if taken.mass_g is not None:
        return taken.mass_g
    assert taken.length_mm is not None, "a step gives a length or a mass"
    filament = taken.filament
    if spool.density_g_cm3 is None and filament.mass_g and filament.length_mm:
        # What its slicer makes of a length: it knew diameter and density.
        return exact(taken.length_mm * exact(filament.mass_g) / exact(filament.length_mm))
    diameter = spool.diameter_mm or _decimal(filament.diameter_mm) or DIAMETER_MM
    area_mm2 = _PI * diameter * diameter / 4
    return exact(taken.length_mm * area_mm2 * density / 1000)


def density_of(material: str | None) -> Decimal | None:
    """Return the usual density of a kind in g/cm³; None for one that we do not know.

    The letters it begins with decide: "PETG-CF" goes by "PETG", "PA6-GF" by "PA".
    """
    begin = _KIND.match((material or "").strip().upper())
    return DENSITIES_G_CM3.get(begin[0]) if begin else None


def _decimal(value: float | None) -> Decimal | None:
    return exact(value) if value else None


def _priced(line: Consumption, price_per_kg: Decimal) -> Consumption:
    """Put a price to a line: the spool's of that moment, or the default."""
    amount = None if line.mass_g is None else exact(line.mass_g * price_per_kg / 1000)
    return replace(line, price_per_kg=price_per_kg, amount=amount)
