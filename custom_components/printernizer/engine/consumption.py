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
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from .account import Confidence, Consumption, Role, Source
from .job import Outcome
from .money import ZERO, exact
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
    "PA": Decimal("1.14"),
    "PC": Decimal("1.20"),
    "PP": Decimal("0.90"),
    "PVA": Decimal("1.23"),
    "HIPS": Decimal("1.04"),
}
"""As PrusaSlicer's and Bambu Studio's own profiles have them, for materials without a density."""
USUAL_DENSITY: Final = DENSITIES_G_CM3["PLA"]
USUAL_NET_G: Final = Decimal(1000)
"""What a feeder's share is taken of where nobody said which spool hangs there."""


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
    length_mm: float | None = None
    mass_g: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """How far a run came."""

    completed: bool
    share: float | None
    """Last good progress; 1.0 when it completed."""
    layer: int | None
    """Last good layer, from 1; None when it completed, or nobody knows."""


def reach(job: Job, extrusion: Extrusion | None, *, by_bytes: bool) -> Reach:
    """Return how far a run came; a share of the file's bytes tells the layer (`by_bytes`)."""
    completed = job.outcome is Outcome.COMPLETED
    layer = job.layer
    if layer is None and by_bytes and extrusion is not None and extrusion.ends:
        layer = None if job.progress is None else extrusion.layer_at(job.progress)
    if layer is not None and extrusion is not None and not extrusion.layers:
        layer = None
    return Reach(
        completed=completed,
        share=1.0 if completed else job.progress,
        layer=None if completed else layer,
    )


def filaments(extrusion: Extrusion | None, plate: PlateFacts | None) -> tuple[Filament, ...]:
    """Return the filaments of a plate from what was measured, else from what its slicer says."""
    described = {each.index: each for each in plate.filaments} if plate is not None else {}
    if extrusion is not None and extrusion.tools:
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
            for tool in extrusion.tools
            for told in (described.get(tool.tool),)
        )
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

    A run that skipped its print altogether took nothing it could be asked for: see `Reach`.
    """
    used = filaments(extrusion, plate)
    far = reach(job, extrusion, by_bytes=by_bytes)
    taken = _measured(watch, used, far) or _layers(used, far) or _estimated(used, far)
    if not taken:
        return _by_slots(watch, policy) or (Consumption(),)
    wanted = tuple(
        Wanted(tool=each.tool, material=each.material, colour=each.colour) for each in used
    ) or (Wanted(tool=0),)
    slots = fed_from(watch, wanted)
    lines: list[Consumption] = []
    for each in taken:
        slot = slots.get(each.filament.tool)
        for hung, share in _spools(each, slot, watch, far):
            lines += _lines(each, slot, hung, share, policy, process, far)
    return tuple(lines)


# -- the steps of the ladder -------------------------------------------------------------------


def _measured(watch: RunWatch, used: Sequence[Filament], far: Reach) -> tuple[_Taken, ...]:
    """What the firmware counted; of several filaments in the proportion of their layers."""
    total = watch.measured_mm
    if total is None or not math.isfinite(total) or total < 0:
        return ()
    if len(used) < 2:
        only = used[0] if used else Filament(tool=0)
        return (
            _Taken(
                filament=only, source=Source.MEASURED, confidence=Confidence.HIGH, length_mm=total
            ),
        )
    weights = [_weight(each, far) for each in used]
    whole = sum(weights)
    if not whole:
        return ()
    return tuple(
        _Taken(
            filament=each,
            source=Source.MEASURED,
            confidence=Confidence.MEDIUM,
            length_mm=total * weight / whole,
        )
        for each, weight in zip(used, weights, strict=True)
        if weight
    )


def _weight(filament: Filament, far: Reach) -> float:
    if filament.extrusion is not None:
        return filament.extrusion.until(far.layer)
    return filament.length_mm or filament.mass_g or 0.0


def _layers(used: Sequence[Filament], far: Reach) -> tuple[_Taken, ...]:
    """What the file lays down, whole or up to the last good layer."""
    if not far.completed and far.layer is None:
        return ()
    return tuple(
        _Taken(
            filament=each,
            source=Source.LAYERS,
            confidence=Confidence.HIGH if far.completed else Confidence.MEDIUM,
            length_mm=each.extrusion.until(far.layer),
        )
        for each in used
        if each.extrusion is not None and (far.completed or each.extrusion.until(far.layer) > 0)
    )


def _estimated(used: Sequence[Filament], far: Reach) -> tuple[_Taken, ...]:
    """What the slicer says, times the last good progress. Scaled here, and nowhere else."""
    if far.share is None:
        return ()
    share = min(max(far.share, 0.0), 1.0)
    found = []
    for each in used:
        length = each.extrusion.total_mm if each.extrusion is not None else each.length_mm
        if length is None and each.mass_g is None:
            return ()
        found.append(
            _Taken(
                filament=each,
                source=Source.ESTIMATE,
                confidence=Confidence.MEDIUM if far.completed else Confidence.LOW,
                length_mm=None if length is None else length * share,
                mass_g=None if each.mass_g is None else each.mass_g * share,
            )
        )
    return tuple(found)


def _by_slots(watch: RunWatch, policy: StockPolicy) -> tuple[Consumption, ...]:
    """By how much the feeder says its spools went down: whole per cents at best."""
    lines = []
    for use in watch.uses:
        hung = next(
            (each for each in reversed(watch.hangings) if each.slot == use.slot and each.spool_id),
            HungSpool(slot=use.slot, spool_id=None),
        )
        if use.used > 0:
            mass = exact(use.used) * (hung.net_g or USUAL_NET_G)
            loaded = next((each for each in watch.loaded if each.slot == use.slot), None)
            line = Consumption(
                slot=use.slot,
                material=hung.material or (loaded.material if loaded else None),
                mass_g=exact(mass),
                source=Source.SLOTS,
                confidence=Confidence.LOW,
            )
            lines.append(_priced(line, hung, policy))
    return tuple(lines)


# -- among the spools --------------------------------------------------------------------------


def _spools(
    taken: _Taken, slot: str | None, watch: RunWatch, far: Reach
) -> list[tuple[HungSpool | None, Decimal]]:
    """Divide what was taken of a filament among the spools that hung in its slot, in their order.

    Returns shares that sum to 1.
    """
    hung = [each for each in watch.hangings if each.slot == slot]
    if not hung:
        return [(None, Decimal(1))]
    begins = [_begin(each, taken, far) for each in hung]
    if begins[0] > 0:
        # Hung only later: what went before came from something that nobody named.
        hung, begins = [HungSpool(slot=hung[0].slot, spool_id=None), *hung], [0.0, *begins]
    shares = []
    for number, each in enumerate(hung):
        until = begins[number + 1] if number + 1 < len(hung) else 1.0
        shares.append((each, exact(max(0.0, until - begins[number]))))
    shares = [(each, share) for each, share in shares if share > 0]
    rest = Decimal(1) - sum((share for _, share in shares), ZERO)
    shares[-1] = (shares[-1][0], shares[-1][1] + rest)
    return [(each if each.spool_id is not None else None, share) for each, share in shares]


def _begin(hung: HungSpool, taken: _Taken, far: Reach) -> float:
    """Return after which share of what was taken a spool came to hang there."""
    extrusion = taken.filament.extrusion
    if extrusion is not None and hung.from_layer is not None and (far.completed or far.layer):
        whole = extrusion.until(far.layer)
        if whole > 0:
            return min(1.0, extrusion.until(hung.from_layer) / whole)
    if hung.from_progress is not None and far.share:
        return min(1.0, hung.from_progress / far.share)
    return 0.0


def _lines(
    taken: _Taken,
    slot: str | None,
    hung: HungSpool | None,
    share: Decimal,
    policy: StockPolicy,
    process: Process,
    far: Reach,
) -> list[Consumption]:
    """Return the lines of one spool: by role where the file tells and ran to its end."""
    spool = hung or HungSpool(slot=slot or "", spool_id=None)
    length = None if taken.length_mm is None else exact(exact(taken.length_mm) * share)
    mass = _mass_g(taken, spool, length, share)
    whole = Consumption(
        tool=taken.filament.tool,
        slot=slot,
        material=spool.material or taken.filament.material,
        mass_g=mass,
        length_mm=length,
        source=taken.source,
        confidence=taken.confidence,
    )
    if process is Process.RESIN and spool.density_g_cm3:
        whole = replace(whole, volume_ml=exact(mass / spool.density_g_cm3))
    roles = taken.filament.extrusion.roles_mm if taken.filament.extrusion is not None else ()
    if not far.completed or len(roles) < 2:
        only = roles[0][0] if far.completed and roles else Role.ALL
        return [_priced(replace(whole, role=only), spool, policy)]
    return [_priced(part, spool, policy) for part in _by_role(whole, roles)]


def _by_role(whole: Consumption, roles: Sequence[tuple[Role, float]]) -> list[Consumption]:
    """Divide a line by role; the parts sum to it exactly, the largest takes the rest."""
    ordered = sorted((role for role in roles if role[1] > 0), key=lambda role: role[1])
    total = sum(length for _, length in ordered)
    parts: list[Consumption] = []
    for role, length in ordered[:-1]:
        share = exact(length / total)
        parts.append(
            replace(
                whole,
                role=role,
                mass_g=None if whole.mass_g is None else exact(whole.mass_g * share),
                length_mm=None if whole.length_mm is None else exact(whole.length_mm * share),
            )
        )
    last = replace(
        whole,
        role=ordered[-1][0],
        mass_g=_rest(whole.mass_g, [part.mass_g for part in parts]),
        length_mm=_rest(whole.length_mm, [part.length_mm for part in parts]),
    )
    return [last, *reversed(parts)]


def _rest(whole: Decimal | None, parts: Sequence[Decimal | None]) -> Decimal | None:
    if whole is None:
        return None
    return whole - sum((part for part in parts if part is not None), ZERO)


def _mass_g(taken: _Taken, spool: HungSpool, length: Decimal | None, share: Decimal) -> Decimal:
    """Return grams: the slicer's own where they were scaled, else length by the real spool."""
    if taken.mass_g is not None:
        return exact(exact(taken.mass_g) * share)
    assert length is not None, "a step gives a length or a mass"
    filament = taken.filament
    if spool.density_g_cm3 is None and filament.mass_g and filament.length_mm:
        return exact(length * exact(filament.mass_g) / exact(filament.length_mm))
    diameter = spool.diameter_mm or _decimal(filament.diameter_mm) or DIAMETER_MM
    density = (
        spool.density_g_cm3
        or _decimal(filament.density_g_cm3)
        or density_of(spool.material or filament.material)
    )
    area_mm2 = Decimal(str(math.pi)) * diameter * diameter / 4
    return exact(length * area_mm2 * density / 1000)


def density_of(material: str | None) -> Decimal:
    """Return the usual density of a kind: "PETG-CF" goes by "PETG"; of PLA where unknown."""
    kind = (material or "").upper()
    fitting = [name for name in DENSITIES_G_CM3 if kind.startswith(name)]
    return DENSITIES_G_CM3[max(fitting, key=len)] if fitting else USUAL_DENSITY


def _decimal(value: float | None) -> Decimal | None:
    return exact(value) if value else None


def _priced(line: Consumption, spool: HungSpool, policy: StockPolicy) -> Consumption:
    """Put the spool and its price of that moment to a line; by default where nobody knows."""
    price = spool.price_per_kg if spool.spool_id is not None else None
    if price is None:
        price = policy.default_price_per_kg
    amount = None if line.mass_g is None else exact(line.mass_g * price / 1000)
    return replace(line, spool_id=spool.spool_id, price_per_kg=price, amount=amount)
